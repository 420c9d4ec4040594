//! What the client does with answers, credentials and links: what it tries again and what it does
//! not, how long it waits, what it tells nobody, and where it never sends anything.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures::future::join_all;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use jiff::Timestamp;
use serde_json::Value;
use tokio::time::Instant;
use url::Url;

use zenstream::clock::Clock;
use zenstream::random::Random;
use zenstream::simulator::transport::SimulatedTransport;
use zenstream::simulator::{self, Faults, HeaderProfile, RetryAfter, Settings, Simulator};
use zenstream::zendesk::transport::{Request, Response, Transport, TransportError};
use zenstream::zendesk::{ApiError, Client, ClientSettings, Credentials, ErrorKind, PageRequest};

use crate::world::{Life, Reading, World, assert_exactly};

const NOW: &str = "2026-11-21T10:00:00Z";
const SECRET: &str = "s3cr3t-of-the-client";

/// What a scripted transport does with one request.
#[derive(Debug, Clone)]
pub(crate) enum Canned {
    /// An answer; `cut`: the connection breaks after the body.
    Answer { status: u16, headers: Vec<(&'static str, String)>, body: Bytes, cut: bool },
    /// No answer.
    Fails(TransportError),
    /// No answer and no end.
    Silent,
}

pub(crate) fn answer(status: u16, body: impl Into<Bytes>) -> Canned {
    Canned::Answer { status, headers: Vec::new(), body: body.into(), cut: false }
}

fn answer_with(status: u16, name: &'static str, value: impl Into<String>) -> Canned {
    Canned::Answer { status, headers: vec![(name, value.into())], body: Bytes::new(), cut: false }
}

/// A request that a script met.
#[derive(Debug, Clone)]
pub(crate) struct Met {
    pub(crate) uri: String,
    authorization: Option<String>,
    body: Bytes,
    at: Instant,
}

type Rule = dyn Fn(&Met) -> Canned + Send + Sync;

/// A transport that answers from a list, and then by a rule.
pub(crate) struct Script {
    list: Mutex<VecDeque<Canned>>,
    then: Box<Rule>,
    met: Mutex<Vec<Met>>,
}

impl std::fmt::Debug for Script {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Script")
    }
}

impl Script {
    /// These answers, then good ones for ever.
    fn of(list: impl IntoIterator<Item = Canned>) -> Arc<Self> {
        let then = |_: &Met| answer(200, r#"{"ok":true}"#);
        let list = Mutex::new(list.into_iter().collect());
        Arc::new(Self { list, then: Box::new(then), met: Mutex::default() })
    }

    /// Whatever the rule says.
    pub(crate) fn ruled(rule: impl Fn(&Met) -> Canned + Send + Sync + 'static) -> Arc<Self> {
        Arc::new(Self { list: Mutex::default(), then: Box::new(rule), met: Mutex::default() })
    }

    /// What came in so far.
    pub(crate) fn met(&self) -> Vec<Met> {
        self.met.lock().expect("nobody panics with it").clone()
    }

    fn next(&self, met: &Met) -> Canned {
        let listed = self.list.lock().expect("nobody panics with it").pop_front();
        listed.unwrap_or_else(|| (self.then)(met))
    }
}

#[async_trait]
impl Transport for Script {
    async fn send(&self, request: Request) -> Result<Response, TransportError> {
        let authorization = request.headers().get(http::header::AUTHORIZATION);
        let met = Met {
            uri: request.uri().to_string(),
            authorization: authorization.map(|it| it.to_str().expect("a text").to_owned()),
            body: request.body().clone(),
            at: Instant::now(),
        };
        self.met.lock().expect("nobody panics with it").push(met.clone());
        let (status, pairs, body, cut) = match self.next(&met) {
            Canned::Answer { status, headers, body, cut } => (status, headers, body, cut),
            Canned::Fails(error) => return Err(error),
            Canned::Silent => std::future::pending().await,
        };
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            let value = HeaderValue::from_str(&value).expect("a header's value");
            headers.append(HeaderName::from_static(name), value);
        }
        let broken = cut.then(|| Err(TransportError::Cut("it broke".to_owned())));
        let pieces = std::iter::once(Ok(body)).chain(broken);
        let status = StatusCode::from_u16(status).expect("a status");
        Ok(Response { status, headers, body: Box::pin(futures::stream::iter(pieces)) })
    }
}

fn settings() -> ClientSettings {
    ClientSettings {
        endpoint: Url::parse("https://acme.zendesk.com").expect("an address"),
        timeout: Duration::from_secs(60),
        retry_attempts: 10,
        share: 1.0,
        max_body_bytes: 1 << 20,
    }
}

fn bearer() -> Credentials {
    Credentials::Bearer(SECRET.into())
}

fn api_token() -> Credentials {
    Credentials::ApiToken { email: "ann@acme.test".to_owned(), token: SECRET.into() }
}

fn oauth() -> Credentials {
    Credentials::ClientCredentials {
        client_id: "zenstream".to_owned(),
        client_secret: SECRET.into(),
        scope: "read".to_owned(),
    }
}

/// A client at [`NOW`]. Must be made within a runtime.
fn client_of(
    settings: ClientSettings,
    credentials: Credentials,
    transport: Arc<dyn Transport>,
) -> Client {
    let clock = Clock::simulated(NOW.parse().expect("a time"));
    Client::new(settings, credentials, transport, clock, Arc::new(Random::from_seed(11)))
}

fn decode(body: &Bytes) -> Result<Value, String> {
    serde_json::from_slice(body).map_err(|error| error.to_string())
}

fn page() -> PageRequest {
    PageRequest::new("/api/v2/audit_logs").with("page[size]", "100")
}

async fn get(credentials: Credentials, script: &Arc<Script>) -> Result<Value, ApiError> {
    let client = client_of(settings(), credentials, Arc::clone(script) as _);
    client.get(&page(), decode).await
}

/// A simulated account and a transport to it.
fn account(settings: Settings) -> Arc<SimulatedTransport> {
    let clock = Clock::simulated(settings.now);
    let simulator = Arc::new(Mutex::new(Simulator::new(settings)));
    Arc::new(SimulatedTransport::new(simulator, clock))
}

#[tokio::test(start_paused = true)]
async fn every_failure_that_may_pass_is_tried_again() {
    let name = || "of the network".to_owned();
    let html = "<!DOCTYPE html><html><body>Sign in</body></html>";
    let half = Bytes::from_static(br#"{"audit_logs":[{"id":1},"#);
    let mut failures = vec![
        Canned::Fails(TransportError::Connect(name())),
        Canned::Fails(TransportError::Timeout(name())),
        Canned::Fails(TransportError::Cut(name())),
        Canned::Silent,
        Canned::Answer { status: 200, headers: Vec::new(), body: half.clone(), cut: true },
        answer(200, half),
        answer(200, r#"{"a":1}{"b":2}"#),
        answer(200, ""),
        answer(200, html),
        answer(502, html),
    ];
    failures.extend([408, 409, 429, 500, 502, 503, 504].map(|status| answer(status, "")));
    failures.extend((520..=526).map(|status| answer(status, "")));
    for failure in failures {
        let script = Script::of([failure.clone()]);
        let page = get(bearer(), &script).await;
        assert_eq!(page.expect("the second answer is good")["ok"], true, "{failure:?}");
        assert_eq!(script.met().len(), 2, "{failure:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_cannot_pass_is_asked_for_once() {
    for status in [400, 401, 403, 404, 405, 406, 410, 413, 415, 422, 501] {
        let script = Script::of([answer(status, r#"{"error":"Code","description":"words"}"#)]);
        let error = get(api_token(), &script).await.expect_err("it is refused");
        assert_eq!(script.met().len(), 1, "{status}");
        assert!(!error.is_transient(), "{status}: {error:?}");
        assert!(error.message.contains("Code: words"), "{status}: {error}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_says_how_long_is_waited_for_that_long() {
    let at = |secs| {
        let now: Timestamp = NOW.parse().expect("a time");
        let at = Timestamp::from_second(now.as_second() + secs).expect("a time");
        at.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
    };
    let cases = [
        (answer_with(429, "retry-after", "93"), 93.0..93.1),
        (answer_with(429, "retry-after", "2.5"), 2.5..2.6),
        (answer_with(429, "retry-after", at(30)), 30.0..30.1),
        (answer_with(429, "retry-after", at(-30)), 1.0..1.1),
        (answer_with(429, "retry-after", "0"), 1.0..1.1),
        (answer_with(429, "ratelimit-reset", "2026-11-21T10:00:12Z"), 12.0..12.1),
        (answer(429, ""), 1.0..1.1),
        (answer_with(429, "retry-after", "soon"), 1.0..1.1),
        (answer_with(503, "retry-after", "7"), 7.0..7.1),
        (answer_with(503, "retry-after", at(40)), 40.0..40.1),
        (answer(503, ""), 0.0..1.0),
    ];
    for (failure, expected) in cases {
        let script = Script::of([failure.clone()]);
        get(bearer(), &script).await.expect("the second answer is good");
        let met = script.met();
        let waited = (met[1].at - met[0].at).as_secs_f64();
        assert!(expected.contains(&waited), "{waited} s after {failure:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn waiting_for_the_rate_limit_uses_up_no_attempts() {
    let script = Script::of(vec![answer_with(429, "retry-after", "4"); 50]);
    let client =
        client_of(ClientSettings { retry_attempts: 0, ..settings() }, bearer(), script.clone());
    let began = Instant::now();
    client.get(&page(), decode).await.expect("the 51st answer is good");
    assert_eq!(script.met().len(), 51);
    let waited = began.elapsed().as_secs();
    assert!((200..210).contains(&waited), "{waited}");
}

#[tokio::test(start_paused = true)]
async fn when_the_attempts_are_used_up_the_last_failure_is_told() {
    let script = Script::of([
        answer(500, ""),
        answer_with(429, "retry-after", "5"),
        Canned::Fails(TransportError::Connect("refused".to_owned())),
        answer(200, ""),
        answer(504, "upstream request timeout"),
    ]);
    let client =
        client_of(ClientSettings { retry_attempts: 3, ..settings() }, bearer(), script.clone());
    let error = client.get(&page(), decode).await.expect_err("four failures beside the 429");
    assert_eq!(script.met().len(), 5, "one try, three more, and the 429 is for nothing");
    assert_eq!(error.status, Some(StatusCode::GATEWAY_TIMEOUT));
    assert_eq!(error.kind, ErrorKind::Retry { after: None });
    assert!(error.to_string().contains("upstream request timeout"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn the_wait_between_tries_grows_and_stays_bounded() {
    let script = Script::of(vec![answer(500, ""); 10]);
    let began = Instant::now();
    get(bearer(), &script).await.expect("the eleventh answer is good");
    let waits: f64 = began.elapsed().as_secs_f64();
    // Ceilings of 1, 2, 4, ... 60, 60 s: a third to two thirds of them on average.
    assert!((20.0..300.0).contains(&waits), "{waits}");
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_never_ends_is_given_up_in_time() {
    let script = Script::of([Canned::Silent]);
    get(bearer(), &script).await.expect("the second answer is good");
    let met = script.met();
    let waited = (met[1].at - met[0].at).as_secs_f64();
    assert!((60.0..62.0).contains(&waited), "{waited}");
}

#[tokio::test(start_paused = true)]
async fn a_body_beyond_the_limit_is_refused_and_not_asked_for_again() {
    let limited = ClientSettings { max_body_bytes: 1_000, ..settings() };
    let body = |bytes: usize| answer(200, format!("{:>bytes$}", "{}"));
    let script = Script::of([body(1_000), body(1_001)]);
    let client = client_of(limited, bearer(), script.clone());
    client.get(&page(), decode).await.expect("just as long as may be");
    let error = client.get(&page(), decode).await.expect_err("one byte more");
    assert_eq!(error.kind, ErrorKind::Data);
    assert_eq!(script.met().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_request_says_what_was_asked_and_carries_the_credentials() {
    let script = Script::of([]);
    let client = client_of(settings(), bearer(), script.clone());
    let request = page()
        .with("filter[created_at][]", "2026-01-01T00:00:00Z")
        .with("filter[created_at][]", "2026-01-02T00:00:00Z");
    client.get(&request, decode).await.expect("a good answer");
    let met = &script.met()[0];
    assert_eq!(
        met.uri,
        "https://acme.zendesk.com/api/v2/audit_logs?page%5Bsize%5D=100\
         &filter%5Bcreated_at%5D%5B%5D=2026-01-01T00%3A00%3A00Z\
         &filter%5Bcreated_at%5D%5B%5D=2026-01-02T00%3A00%3A00Z"
    );
    assert_eq!(met.authorization.as_deref(), Some(&*format!("Bearer {SECRET}")));
    let script = Script::of([]);
    get(api_token(), &script).await.expect("a good answer");
    // `ann@acme.test/token:s3cr3t-of-the-client`
    let basic = "Basic YW5uQGFjbWUudGVzdC90b2tlbjpzM2NyM3Qtb2YtdGhlLWNsaWVudA==";
    assert_eq!(script.met()[0].authorization.as_deref(), Some(basic));
}

fn posts(transport: &SimulatedTransport) -> usize {
    transport.requests().iter().filter(|request| request.method == Method::POST).count()
}

fn account_with_oauth() -> Arc<SimulatedTransport> {
    let credentials = simulator::Credentials {
        oauth_clients: vec![("zenstream".to_owned(), SECRET.to_owned())],
        ..simulator::Credentials::default()
    };
    account(Settings { credentials: Some(credentials), rate_limit: 0, ..Settings::default() })
}

#[tokio::test(start_paused = true)]
async fn one_token_serves_many_requests_and_is_renewed_at_its_half_life() {
    let transport = account_with_oauth();
    let client = client_of(settings(), oauth(), transport.clone());
    let first = page();
    let together = join_all((0..20).map(|_| client.get(&first, decode))).await;
    assert!(together.iter().all(Result::is_ok));
    for _ in 0..50 {
        client.get(&page(), decode).await.expect("a page");
    }
    assert_eq!(posts(&transport), 1);
    // It lives for the two hours that were asked for.
    tokio::time::sleep(Duration::from_secs(3_590)).await;
    client.get(&page(), decode).await.expect("a page");
    assert_eq!(posts(&transport), 1);
    tokio::time::sleep(Duration::from_secs(20)).await;
    client.get(&page(), decode).await.expect("a page");
    assert_eq!(posts(&transport), 2);
    let simulator = transport.simulator().lock().expect("no panic in the simulator");
    assert_eq!(simulator.stats().answers(401), 0, "no request went out with a dead token");
}

#[tokio::test(start_paused = true)]
async fn when_credentials_end_is_known_of_each_kind_that_does() {
    let transport = account_with_oauth();
    let client = client_of(settings(), oauth(), transport.clone());
    assert_eq!(client.credentials_end(), None, "nothing was signed yet");
    client.get(&page(), decode).await.expect("a page");
    let end = client.credentials_end().expect("the token tells");
    let left = end.at.duration_since(client.clock().now()).as_secs();
    assert!((7_190..=7_200).contains(&left) && end.renewed, "{left} s");
    tokio::time::sleep(Duration::from_secs(3_700)).await;
    client.get(&page(), decode).await.expect("a page");
    assert!(client.credentials_end().is_some_and(|renewed| renewed.at > end.at));

    let api_token = Credentials::ApiToken { email: "a@b.c".to_owned(), token: SECRET.into() };
    let client = client_of(settings(), api_token, transport);
    let end = client.credentials_end().expect("Zendesk ends them all");
    assert_eq!((end.at.to_string().as_str(), end.renewed), ("2027-04-30T00:00:00Z", false));

    let described = r#"{"token":{"scopes":["read"],"expires_at":"2026-11-23T10:00:00Z"}}"#;
    let client = client_of(settings(), bearer(), Script::of([answer(200, described)]));
    assert_eq!(client.credentials_end(), None);
    client.scopes().await.expect("Zendesk tells");
    let end = client.credentials_end().expect("and when it ends");
    assert_eq!((end.at.to_string().as_str(), end.renewed), ("2026-11-23T10:00:00Z", false));
}

/// A token endpoint that is away from the second time on holds nothing that can still be signed, and is
/// asked again now and then.
#[tokio::test(start_paused = true)]
async fn a_token_that_cannot_be_renewed_serves_until_it_ends() {
    let given = AtomicBool::new(false);
    let script = Script::ruled(move |met| {
        if !met.uri.ends_with("/oauth/tokens") {
            return answer(200, r#"{"ok":true}"#);
        }
        if given.swap(true, Ordering::Relaxed) {
            return answer(503, "<html></html>");
        }
        answer(201, r#"{"access_token":"one","scope":"read","expires_in":600}"#)
    });
    let impatient = ClientSettings { retry_attempts: 0, ..settings() };
    let client = client_of(impatient, oauth(), script.clone());
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(595) {
        client.get(&page(), decode).await.expect("the token is still good");
        tokio::time::sleep(Duration::from_secs(5)).await;
    }
    let asked = script.met().iter().filter(|met| met.uri.ends_with("/oauth/tokens")).count();
    assert!((8..=12).contains(&asked), "every half minute in the second half of its life: {asked}");
    tokio::time::sleep(Duration::from_secs(10)).await;
    let error = client.get(&page(), decode).await.expect_err("the token has ended");
    assert!(error.message.starts_with("no token from /oauth/tokens: "), "{error}");
}

/// A token endpoint that hangs from the second time on.
#[tokio::test(start_paused = true)]
async fn a_renewal_that_hangs_holds_no_request_while_the_token_serves() {
    let given = AtomicBool::new(false);
    let script = Script::ruled(move |met| match met.uri.ends_with("/oauth/tokens") {
        false => answer(200, r#"{"ok":true}"#),
        true if given.swap(true, Ordering::Relaxed) => Canned::Silent,
        true => answer(201, r#"{"access_token":"one","scope":"read","expires_in":600}"#),
    });
    let client = client_of(settings(), oauth(), script.clone());
    let began = Instant::now();
    let mut longest = Duration::ZERO;
    while began.elapsed() < Duration::from_secs(590) {
        let asked = Instant::now();
        client.get(&page(), decode).await.expect("the token is still good");
        longest = longest.max(asked.elapsed());
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    assert!(longest <= Duration::from_secs(2), "{longest:?}");
    let asked = script.met().iter().filter(|met| met.uri.ends_with("/oauth/tokens")).count();
    assert!(
        (4..=8).contains(&asked),
        "one at a time, half a minute each, and one of rest: {asked}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_client_that_is_gone_is_told_while_its_last_token_still_serves() {
    let given = AtomicBool::new(false);
    let script = Script::ruled(move |met| match met.uri.ends_with("/oauth/tokens") {
        false => answer(200, r#"{"ok":true}"#),
        true if given.swap(true, Ordering::Relaxed) => {
            answer(401, r#"{"error":"invalid_client","error_description":"gone"}"#)
        }
        true => answer(201, r#"{"access_token":"one","scope":"read","expires_in":600}"#),
    });
    let client = client_of(settings(), oauth(), script);
    client.get(&page(), decode).await.expect("a page");
    assert!(client.credentials_end().is_some_and(|end| end.renewed));
    tokio::time::sleep(Duration::from_secs(310)).await;
    client.get(&page(), decode).await.expect("the token is still good");
    assert!(client.credentials_end().is_some_and(|end| !end.renewed), "somebody has to see to it");
}

/// Nothing but 429, whoever asks.
#[tokio::test(start_paused = true)]
async fn a_rate_limit_that_lets_nothing_through_for_minutes_is_told() {
    for after in ["1", "93", "400"] {
        let script = Script::ruled(move |_| answer_with(429, "retry-after", after));
        let client = client_of(settings(), bearer(), script.clone());
        let began = Instant::now();
        let error = client.get(&page(), decode).await.expect_err("it is told");
        assert!(error.is_transient(), "and may pass: {error}");
        assert!(error.hint.is_some_and(|hint| hint.contains("rate limit")));
        let took = began.elapsed().as_secs();
        assert!((300..=900).contains(&took), "after {after}: {took} s");
    }
}

/// The 429 of an endpoint that has neither a code nor a header of its own: that the account has some
/// left tells it.
#[tokio::test(start_paused = true)]
async fn a_429_in_plain_text_holds_its_endpoint_alone_where_the_account_has_some_left() {
    let script = Script::ruled(|met| {
        let is_limited = met.uri.contains("/deleted_tickets");
        let (status, body) = if is_limited {
            (429, "Number of allowed API requests per minute exceeded")
        } else {
            (200, r#"{"ok":true}"#)
        };
        let mut headers = vec![
            ("ratelimit-limit", "700".to_owned()),
            ("ratelimit-remaining", "600".to_owned()),
            ("ratelimit-reset", "60".to_owned()),
        ];
        headers.extend(is_limited.then(|| ("retry-after", "60".to_owned())));
        Canned::Answer { status, headers, body: Bytes::from(body), cut: false }
    });
    let client = client_of(settings(), bearer(), script.clone());
    let limited = PageRequest::new("/api/v2/deleted_tickets");
    let began = Instant::now();
    let others = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        for _ in 0..20 {
            client.get(&page(), decode).await.expect("a page");
        }
        began.elapsed()
    };
    tokio::select! {
        took = others => assert!(took < Duration::from_secs(10), "{took:?}"),
        _ = client.get(&limited, decode) => panic!("it is limited for minutes"),
    }
}

/// An endpoint whose documented limit no header tells.
#[tokio::test(start_paused = true)]
async fn of_a_documented_limit_that_no_header_tells_our_share_is_used() {
    let minutes: Arc<Mutex<std::collections::BTreeMap<u64, usize>>> = Arc::default();
    let (counted, began) = (Arc::clone(&minutes), Instant::now());
    let script = Script::ruled(move |_| {
        *counted.lock().expect("no panic").entry(began.elapsed().as_secs() / 60).or_default() += 1;
        let headers = vec![
            ("ratelimit-limit", "700".to_owned()),
            ("ratelimit-remaining", "600".to_owned()),
            ("ratelimit-reset", "60".to_owned()),
        ];
        Canned::Answer { status: 200, headers, body: Bytes::from("{}"), cut: false }
    });
    let client = client_of(ClientSettings { share: 0.5, ..settings() }, bearer(), script);
    let request = PageRequest {
        bucket: Some("deleted-tickets"),
        limit: Some(10),
        ..PageRequest::new("/api/v2/deleted_tickets")
    };
    for _ in 0..25 {
        client.get(&request, decode).await.expect("a page");
    }
    let minutes = minutes.lock().expect("no panic").clone();
    assert!(minutes.len() >= 5 && minutes.values().all(|count| *count <= 6), "{minutes:?}");
}

fn token(value: &str) -> Canned {
    answer(201, format!(r#"{{"access_token":"{value}","token_type":"bearer","scope":"read"}}"#))
}

fn refusal() -> Canned {
    answer(401, r#"{"error":"invalid_token","error_description":"expired"}"#)
}

#[tokio::test(start_paused = true)]
async fn a_token_that_is_refused_is_renewed_once() {
    let script = Script::of([token("one"), refusal(), token("two")]);
    get(oauth(), &script).await.expect("the second token is good");
    let sent: Vec<_> = script.met().into_iter().map(|met| met.authorization).collect();
    let bearer = |token: &str| Some(format!("Bearer {token}"));
    assert_eq!(sent, [None, bearer("one"), None, bearer("two")]);
    let asked: Value = serde_json::from_slice(&script.met()[0].body).expect("JSON");
    assert_eq!(asked["grant_type"], "client_credentials");
    assert_eq!(asked["client_secret"], SECRET);
    assert!(asked["expires_in"].is_u64(), "else the answer keeps the lifetime to itself");
    assert_eq!(script.met()[0].uri, "https://acme.zendesk.com/oauth/tokens");

    let script = Script::of([token("one"), refusal(), token("two"), refusal()]);
    let error = get(oauth(), &script).await.expect_err("both tokens are refused");
    assert_eq!(script.met().len(), 4);
    assert_eq!(error.kind, ErrorKind::Config);
    let hint = error.hint.expect("a hint");
    assert!(hint.contains("OAuth client") && !hint.contains("make a new one"), "{hint}");
}

#[tokio::test(start_paused = true)]
async fn a_wrong_oauth_client_is_told_with_a_hint_and_tried_once() {
    let transport = account_with_oauth();
    let credentials = Credentials::ClientCredentials {
        client_id: "somebody".to_owned(),
        client_secret: SECRET.into(),
        scope: "read".to_owned(),
    };
    let client = client_of(settings(), credentials, transport.clone());
    let error = client.get(&page(), decode).await.expect_err("no such client");
    assert_eq!(error.kind, ErrorKind::Config);
    assert!(error.hint.as_deref().is_some_and(|hint| hint.contains("client_id")), "{error:?}");
    assert_eq!(transport.requests().len(), 1, "one question, and no page was asked for");
}

#[tokio::test(start_paused = true)]
async fn a_token_endpoint_that_fails_is_asked_again() {
    let script = Script::of([
        answer(503, "<html></html>"),
        Canned::Fails(TransportError::Cut("it broke".to_owned())),
        answer(200, r#"{"access_token":"#),
        token("one"),
    ]);
    get(oauth(), &script).await.expect("the fourth answer is a token");
    assert_eq!(script.met().len(), 5);
}

#[tokio::test(start_paused = true)]
async fn no_secret_is_printed_with_a_client_or_an_error() {
    let kinds = [
        bearer(),
        api_token(),
        oauth(),
        Credentials::Password { user: "ann".to_owned(), password: SECRET.into() },
    ];
    for credentials in kinds {
        let script = Script::of([]);
        if matches!(credentials, Credentials::ClientCredentials { .. }) {
            script.list.lock().expect("nobody panics with it").push_back(token("t0ken-of-ann"));
        }
        let client = client_of(settings(), credentials, script.clone());
        client.get(&page(), decode).await.expect("a good answer");
        let met = script.met();
        let header = met.last().expect("a request").authorization.clone().expect("credentials");
        let printed = format!("{client:?} {client:#?}");
        for secret in [SECRET, "t0ken-of-ann", header.split(' ').nth(1).expect("a value")] {
            assert!(!printed.contains(secret), "{printed}");
        }
    }
    let broken = format!(r#"{{"access_token":"{SECRET}","expires_in":"{SECRET}"}}"#);
    let script = Script::of([answer(200, broken)]);
    let client = client_of(ClientSettings { retry_attempts: 0, ..settings() }, oauth(), script);
    let error = client.get(&page(), decode).await.expect_err("it is no token");
    assert!(!format!("{error} {error:?}").contains(SECRET), "{error:?}");
}

#[tokio::test(start_paused = true)]
async fn credentials_that_no_header_can_hold_are_a_mistake_of_the_config() {
    let script = Script::of([]);
    let credentials = Credentials::Bearer(format!("{SECRET}\n").into());
    let error = get(credentials, &script).await.expect_err("a line break");
    assert_eq!(error.kind, ErrorKind::Config);
    assert!(!format!("{error:?}").contains(SECRET));
    assert!(script.met().is_empty());
}

#[tokio::test(start_paused = true)]
async fn redirects_within_the_account_are_followed_with_the_credentials() {
    for target in ["/api/v2/moved?x=1", "https://acme.zendesk.com:443/api/v2/moved?x=1"] {
        let script = Script::of([answer_with(301, "location", target)]);
        get(bearer(), &script).await.expect("the redirect leads to a page");
        let met = script.met();
        assert_eq!(met[1].uri, "https://acme.zendesk.com/api/v2/moved?x=1");
        assert_eq!(met[1].authorization, met[0].authorization);
    }
}

#[tokio::test(start_paused = true)]
async fn redirects_to_anywhere_else_are_refused_and_nothing_is_sent_there() {
    let elsewhere = [
        "https://evil.example.net/api/v2/audit_logs",
        "//evil.example.net/api/v2/audit_logs",
        "\\\\evil.example.net/",
        "http://acme.zendesk.com/api/v2/audit_logs",
        "https://acme.zendesk.com:8443/api/v2/audit_logs",
        "https://acme.zendesk.com@evil.example.net/",
        "https://acme.zendesk.com.evil.example.net/",
        "https://other.zendesk.com/",
        "file:///etc/passwd",
        "javascript:alert(1)",
        "",
        "https://",
    ];
    for target in elsewhere {
        for credentials in [bearer(), oauth()] {
            let script = Script::of([answer_with(302, "location", target), answer(500, "")]);
            let error = get(credentials, &script).await;
            let met = script.met();
            if target.is_empty() {
                // The account's own address again, and from there a page.
                assert!(met.iter().all(|met| met.uri.starts_with("https://acme.zendesk.com/")));
                continue;
            }
            let error = error.expect_err(target);
            assert_eq!(met.len(), 1, "{target}: {met:?}");
            assert_eq!(error.kind, ErrorKind::Config, "{target}");
            assert!(error.hint.is_some(), "{target}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn redirects_in_a_circle_end() {
    let script = Script::ruled(|_| answer_with(301, "location", "/api/v2/audit_logs"));
    let error = get(bearer(), &script).await.expect_err("it leads nowhere");
    assert_eq!(error.kind, ErrorKind::Config);
    assert!(script.met().len() <= 10, "{}", script.met().len());
}

#[test]
fn links_in_bodies_are_never_followed() {
    let faults: Faults = "evil_links:1".parse().expect("a fault");
    let settings = Settings { audit_logs: 950, tickets: 40, faults, ..Settings::default() };
    let mut world = World::new(settings, Reading::default());
    world.wait(Duration::from_secs(100));
    world.live(Life::Once).expect("a run");
    assert_eq!(world.foreign_requests, 0);
    let held = world.memory.len();
    assert_eq!(held, world.truth("audit_logs").len() + world.truth("tickets").len());
}

#[test]
fn an_account_that_redirects_elsewhere_gets_no_credentials_sent_there() {
    let faults: Faults = "redirect:1".parse().expect("a fault");
    let mut world = World::new(Settings { faults, ..Settings::default() }, Reading::default());
    let error = world.live(Life::Once).expect_err("nothing can be read").to_string();
    assert!(error.contains("evil.example.net") && error.contains("hint"), "{error}");
    assert_eq!(world.foreign_requests, 0);
}

#[tokio::test(start_paused = true)]
async fn nobody_is_answered_with_an_anonymous_user_that_has_no_id() {
    let transport = account(Settings::default());
    let nobody = Credentials::Password { user: "ann".to_owned(), password: SECRET.into() };
    let client = client_of(settings(), nobody, transport.clone());
    let me = client.get(&PageRequest::new("/api/v2/users/me"), decode).await;
    let me = me.expect("the API has no objections");
    assert_eq!(me["user"]["id"], Value::Null);
    let error = client.get(&page(), decode).await.expect_err("the list has");
    assert_eq!(error.kind, ErrorKind::Config);
    let client = client_of(settings(), bearer(), transport);
    let me = client.get(&PageRequest::new("/api/v2/users/me"), decode).await;
    assert!(me.expect("a user")["user"]["id"].is_u64());
}

/// Writes down the least that the headers said was left, as a part of the limit.
#[derive(Debug)]
struct Watched {
    inner: Arc<SimulatedTransport>,
    least: Mutex<f64>,
}

#[async_trait]
impl Transport for Watched {
    async fn send(&self, request: Request) -> Result<Response, TransportError> {
        let response = self.inner.send(request).await?;
        let number = |names: [&str; 3]| {
            let value = names.iter().find_map(|name| response.headers.get(*name));
            value.and_then(|value| value.to_str().ok()?.parse::<f64>().ok())
        };
        let limit = number(["ratelimit-limit", "rate-limit", "x-rate-limit"]).expect("a limit");
        let left = ["ratelimit-remaining", "rate-limit-remaining", "x-rate-limit-remaining"];
        let left = number(left).expect("a rest");
        let mut least = self.least.lock().expect("nobody panics with it");
        *least = least.min(left / limit);
        drop(least);
        Ok(response)
    }
}

pub(crate) const PROFILES: [HeaderProfile; 4] =
    [HeaderProfile::Y2023, HeaderProfile::Y2024, HeaderProfile::Y2026, HeaderProfile::OldestAlone];

#[tokio::test(start_paused = true)]
async fn what_the_share_leaves_is_left_whatever_the_headers_are_called() {
    for header_profile in PROFILES {
        let inner = account(Settings { header_profile, rate_limit: 100, ..Settings::default() });
        let watched = Arc::new(Watched { inner: inner.clone(), least: Mutex::new(1.0) });
        let half = ClientSettings { share: 0.5, ..settings() };
        let client = client_of(half, bearer(), watched.clone());
        let began = Instant::now();
        let request = page();
        for _ in 0..50 {
            let pages = join_all((0..8).map(|_| client.get(&request, decode))).await;
            assert!(pages.iter().all(Result::is_ok));
        }
        let least = *watched.least.lock().expect("nobody panics with it");
        assert!((0.45..0.6).contains(&least), "{header_profile:?}: {least}");
        let simulator = inner.simulator().lock().expect("no panic in the simulator");
        assert_eq!(simulator.stats().answers(429), 0, "{header_profile:?}");
        // 400 requests at 50 a minute, the first of them at once.
        let took = began.elapsed().as_secs();
        assert!((360..=540).contains(&took), "{header_profile:?}: {took} s");
    }
}

#[tokio::test(start_paused = true)]
async fn the_exports_wait_for_their_own_budget_and_hold_nobody_else() {
    for header_profile in [HeaderProfile::Y2023, HeaderProfile::Y2024, HeaderProfile::Y2026] {
        let transport = account(Settings { header_profile, ..Settings::default() });
        let client = client_of(settings(), bearer(), transport.clone());
        let export = PageRequest {
            bucket: Some("incremental-exports"),
            ..PageRequest::new("/api/v2/incremental/tickets/cursor")
                .with("per_page", "10")
                .with("start_time", "0")
        };
        let began = Instant::now();
        let exports = async {
            for _ in 0..35 {
                client.get(&export, decode).await.expect("an export");
            }
            began.elapsed()
        };
        let lists = async {
            for _ in 0..200 {
                client.get(&page(), decode).await.expect("a list");
            }
            began.elapsed()
        };
        let (exports, lists) = futures::join!(exports, lists);
        assert!((120..=240).contains(&exports.as_secs()), "{header_profile:?}: {exports:?}");
        assert!(lists < Duration::from_secs(60), "{header_profile:?}: {lists:?}");
        let simulator = transport.simulator().lock().expect("no panic in the simulator");
        assert_eq!(simulator.stats().answers(429), 0, "{header_profile:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_budget_that_others_use_up_is_waited_for_whatever_the_429_says() {
    let said = [
        RetryAfter::UntilReset,
        RetryAfter::Seconds(2),
        RetryAfter::Zero,
        RetryAfter::Missing,
        RetryAfter::HttpDate,
    ];
    for retry_after in said {
        let faults: Faults = "429:3".parse().expect("a fault");
        let transport = account(Settings { retry_after, faults, ..Settings::default() });
        let client = client_of(settings(), bearer(), transport.clone());
        for _ in 0..40 {
            client.get(&page(), decode).await.expect("a page");
        }
        let simulator = transport.simulator().lock().expect("no panic in the simulator");
        assert_eq!(simulator.stats().answers(200), 40, "{retry_after:?}");
        assert!(simulator.stats().answers(429) >= 18, "{retry_after:?}");
    }
}

#[test]
fn pages_that_cannot_be_read_are_asked_for_again_until_they_can() {
    let faults: Faults = "html:7,empty:5,badjson:6,truncated:9,cut:11".parse().expect("faults");
    let settings = Settings { audit_logs: 2_000, tickets: 60, faults, ..Settings::default() };
    let mut world = World::new(settings, Reading::default());
    world.wait(Duration::from_secs(100));
    world.live(Life::Once).expect("a run");
    for stream in ["audit_logs", "tickets"] {
        assert_exactly(&world, stream, &world.memory_lines(stream), "memory");
    }
}
