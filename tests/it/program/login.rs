//! `login`: a browser's consent, and what the other commands make of it.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use url::Url;

use super::{CONFIG, filters};
use crate::binary::{Account, Ended, Home, Running};

/// What every token and code begins with that the pretend account gives out.
const GIVEN_OUT: &str = "simulated_";

/// A browser without a window.
struct Answer {
    status: u16,
    location: Option<String>,
    body: String,
}

fn open(url: &str) -> Answer {
    let url = Url::parse(url).expect("an address");
    let address = format!("{}:{}", url.host_str().expect("a host"), url.port().expect("a port"));
    let mut stream = TcpStream::connect(&address).expect("somebody listens");
    let target = &url[url::Position::BeforePath..];
    write!(stream, "GET {target} HTTP/1.0\r\nHost: {address}\r\n\r\n").expect("a request");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer of text");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head and a body");
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
    let location = head.lines().find_map(|line| line.strip_prefix("location: "));
    Answer { status, location: location.map(str::to_owned), body: body.to_owned() }
}

/// A login that waits for the browser, and the address that it shows.
struct Waiting {
    program: Running,
    asks: Url,
}

fn start(home: &Home, line: &str, account: &Account) -> Waiting {
    let program = home.zenstream(line).env("ZENDESK_BASE_URL", &account.url);
    let mut program = program.env("ZENDESK_CLIENT_ID", "me").start();
    let shown = |program: &Running| {
        let text = program.stderr();
        let line = text.lines().find(|line| line.contains("/oauth/authorizations/new"))?;
        text.ends_with('\n').then(|| line.trim().to_owned())
    };
    program.wait_until("the address is shown", |program| shown(program).is_some());
    let asks = shown(&program).expect("it was shown");
    Waiting { asks: Url::parse(&asks).expect("an address"), program }
}

impl Waiting {
    fn parameter(&self, name: &str) -> String {
        let found = self.asks.query_pairs().find(|(key, _)| key == name);
        found.unwrap_or_else(|| panic!("no `{name}` in {}", self.asks)).1.into_owned()
    }

    /// Where the browser is to bring this.
    fn callback(&self, pairs: &[(&str, &str)]) -> String {
        let mut url = Url::parse(&self.parameter("redirect_uri")).expect("an address");
        url.query_pairs_mut().extend_pairs(pairs);
        url.into()
    }

    /// Consents, and brings the answer.
    fn consent(&self) -> Answer {
        let consent = open(self.asks.as_str());
        assert_eq!(consent.status, 302, "{}", consent.body);
        open(&consent.location.expect("a place to go to"))
    }
}

const LOGIN: &str = "login --no-browser --port 0";

fn without_address(ended: &Ended) -> String {
    let words = ended.to_string();
    let lines = words.lines().filter(|line| !line.contains("/oauth/authorizations/new"));
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn after_a_login_the_client_alone_is_enough() {
    let _filters = filters();
    let (home, account) = (Home::new(), Account::small());
    let waiting = start(&home, LOGIN, &account);
    assert_eq!(waiting.parameter("code_challenge_method"), "S256");
    assert_eq!(waiting.parameter("scope"), "read");
    assert!(waiting.parameter("redirect_uri").starts_with("http://127.0.0.1:"));
    let page = waiting.consent();
    assert_eq!(page.status, 200);
    assert!(page.body.contains("go back to the terminal"), "{}", page.body);
    let ended = waiting.program.end();
    insta::assert_snapshot!(without_address(&ended), @"
    exit code 0
    --- stderr
    the OAuth client `me` needs this redirect URL:
      http://127.0.0.1:[port]/callback
    open this address to sign in:
    signed in as user0@example.com (admin); the tokens are kept in [home]/.local/state/zenstream/tokens/127.0.0.1.json
    next: ZENDESK_BASE_URL=http://127.0.0.1:[port] ZENDESK_CLIENT_ID=me zenstream check
    ");
    let tokens = ".local/state/zenstream/tokens/127.0.0.1.json";
    assert!(home.lines(tokens).concat().contains(GIVEN_OUT));
    assert!(!ended.to_string().contains(GIVEN_OUT), "{ended}");
    let read = home.zenstream("read audit_logs --since beginning");
    let read = read.env("ZENDESK_BASE_URL", &account.url).env("ZENDESK_CLIENT_ID", "me");
    assert_eq!(read.run().well().lines().len(), 250);
}

#[cfg(unix)]
#[test]
fn the_tokens_are_for_the_owner_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let (home, account) = (Home::new(), Account::small());
    let waiting = start(&home, LOGIN, &account);
    waiting.consent();
    waiting.program.end().well();
    let mode = |name: &str| {
        let data = std::fs::metadata(home.path(name)).expect("it is there");
        data.permissions().mode() & 0o777
    };
    assert_eq!(mode(".local/state/zenstream/tokens"), 0o700);
    assert_eq!(mode(".local/state/zenstream/tokens/127.0.0.1.json"), 0o600);
}

#[test]
fn an_answer_to_another_question_is_left_alone() {
    let (home, account) = (Home::new(), Account::small());
    let mut waiting = start(&home, LOGIN, &account);
    for stray in [
        &[("code", "somebodys"), ("state", "guessed")][..],
        &[("code", "somebodys")],
        &[("error", "access_denied"), ("state", "")],
        &[],
    ] {
        let page = open(&waiting.callback(stray));
        assert_eq!(page.status, 400);
        assert!(page.body.contains("another sign-in"), "{}", page.body);
    }
    assert_eq!(open(&waiting.callback(&[]).replace("/callback", "/")).status, 404);
    assert!(!waiting.program.has_ended());
    assert_eq!(waiting.consent().status, 200);
    let ended = waiting.program.end().well();
    assert_eq!(ended.stderr.matches("left an answer alone").count(), 4, "{ended}");
}

#[test]
fn who_does_not_consent_is_told_what_to_do() {
    let (home, account) = (Home::new(), Account::small());
    let waiting = start(&home, LOGIN, &account);
    let state = waiting.parameter("state");
    let denied = [("error", "access_denied"), ("error_description", "The end-user said no.\u{7}")];
    let page = open(&waiting.callback(&[&denied[..], &[("state", &state)]].concat()));
    assert!(page.status == 400 && page.body.contains("it says why"), "{}", page.body);
    insta::assert_snapshot!(waiting.program.end().last_words(), @"
    exit code 1
    --- stderr
    error: zendesk answered: access_denied: The end-user said no.
    hint: run it again, and allow it in the browser
    ");
    assert!(home.lines(".local/state/zenstream/tokens/127.0.0.1.json").is_empty());
}

#[test]
fn a_code_that_zendesk_does_not_know_is_told_as_such() {
    let (home, account) = (Home::new(), Account::small());
    let waiting = start(&home, LOGIN, &account);
    let state = waiting.parameter("state");
    let page = open(&waiting.callback(&[("code", "not-a-code"), ("state", &state)]));
    assert_eq!(page.status, 400);
    insta::assert_snapshot!(waiting.program.end().last_words(), @"
    exit code 1
    --- stderr
    error: zendesk answered: invalid_grant: The provided grant is invalid, expired or revoked. (400)
    hint: a code lives for two minutes; run `zenstream login` again, and see that the OAuth client has the printed redirect URL
    ");
}

#[test]
fn a_browser_that_never_comes_is_not_waited_for_for_ever() {
    let (home, account) = (Home::new(), Account::small());
    let login = home.zenstream(LOGIN).args("--wait-secs 0 --client-id me");
    let ended = login.env("ZENDESK_BASE_URL", &account.url).run();
    insta::assert_snapshot!(ended.last_words(), @"
    exit code 1
    --- stderr
    error: no answer came from the browser within 0 s
    hint: open the printed address in a browser on this machine, or give `--wait-secs`
    ");
}

/// A source that signs in with a login, and one beside it that does not.
fn config(beside: bool) -> String {
    let login = "{ strategy: oauth_refresh_token, client_id: me }";
    let bearer = r#"{ strategy: bearer, token: "${ZENDESK_BEARER_TOKEN}" }"#;
    let text = CONFIG.replace(bearer, login);
    assert!(text.contains(login));
    if !beside {
        return text;
    }
    let other = "  other:\n    type: zendesk\n    subdomain: other\n    streams: [tickets]\n    \
                 auth: { strategy: bearer, token: t }\n";
    let text = text.replace("inputs: [acme]", "inputs: [acme, other]");
    text.replace("sinks:", &format!("{other}sinks:"))
}

#[test]
fn a_source_of_a_config_uses_its_own_login() {
    let _filters = filters();
    let (home, account) = (Home::new(), Account::small());
    home.write("both.yaml", &config(true));
    home.write("alone.yaml", &config(false));
    let run = |line: &str| home.zenstream(line).at(&account).run();
    insta::assert_snapshot!(run("login -c both.yaml").last_words(), @"
    exit code 2
    --- stderr
    error: the config has several sources
    hint: choose one of `acme`, `other` with `--source`
    ");
    insta::assert_snapshot!(run("login -c both.yaml --source other").last_words(), @"
    exit code 78
    --- stderr
    error: the source `other` does not sign in with a login
    hint: set `strategy: oauth_refresh_token` and `client_id` under its `auth`
    ");
    insta::assert_snapshot!(run("login -c both.yaml --source nobody").last_words(), @"
    exit code 2
    --- stderr
    error: there is no source of that name
    hint: the sources are `acme`, `other`
    ");
    insta::assert_snapshot!(run("run -c alone.yaml --once").last_words(), @"
    exit code 1
    --- stderr
    error: stream `acme.audit_logs`: there are no tokens in state/tokens/acme.json
    hint: sign in with `zenstream login`, or set `refresh_token`
    ");
    let waiting = start(&home, &format!("{LOGIN} -c both.yaml --source acme"), &account);
    assert_eq!(waiting.consent().status, 200);
    waiting.program.end().well();
    assert!(home.lines("state/tokens/acme.json").concat().contains(GIVEN_OUT));
    for _ in 0..2 {
        run("run -c alone.yaml --once").well();
    }
    assert_eq!(home.lines("out/audit_logs.ndjson").len(), 250);
}

#[test]
fn a_port_that_is_taken_is_named() {
    let (home, account) = (Home::new(), Account::small());
    let port = account.url.rsplit(':').next().expect("a port");
    let login = home.zenstream("login --no-browser --client-id me --port").arg(port);
    let ended = login.env("ZENDESK_BASE_URL", &account.url).run();
    assert_eq!(ended.code, Some(1));
    assert!(ended.stderr.contains(&format!("cannot listen on port {port}")), "{ended}");
    assert!(ended.stderr.contains("hint: choose another with `--port`"), "{ended}");
}
