//! Rotating tokens: one process at a time renews them, what is used is durable before, and what can be
//! survived of crashes, lost answers and competitors is survived.
//!
//! A process is a client on a store that others share. It dies at a chosen step: nothing of it runs
//! any more, and what it had handed over has arrived or has not.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use futures::future::join_all;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;
use tokio::sync::Notify;
use url::Url;

use zenstream::buckets::MemoryBucket;
use zenstream::clock::Clock;
use zenstream::random::Random;
use zenstream::simulator::transport::SimulatedTransport;
use zenstream::simulator::{self, Settings, Simulator};
use zenstream::tokens::{BucketTokens, FileTokens};
use zenstream::zendesk::transport::{Request, Response, Transport, TransportError};
use zenstream::zendesk::{
    ApiError, Client, ClientSettings, Credentials, ErrorKind, OauthClient, PageRequest,
    RotatingCredentials, TokenRecord, TokenSave, TokenStore, TokenStoreError, TokenVersion,
};

const SEED: &str = "the-refresh-token-in-the-config";
const CLIENT: &str = "zenstream";

/// Where in its life a process is, and where it ends.
#[derive(Debug, Default)]
struct Life {
    steps: AtomicUsize,
    /// The step at which it dies: before anything is done, or when all is done but the answer.
    ends_at: Option<(usize, bool)>,
    /// The exchange whose answer does not come.
    loses: Option<usize>,
    exchanges: AtomicUsize,
    /// How long the answer to an exchange is on its way.
    slow: Duration,
    /// It has a pair that nobody else has.
    holds: AtomicBool,
    ended: Notify,
}

impl Life {
    async fn step<T>(&self, act: impl Future<Output = T>) -> T {
        let step = self.steps.fetch_add(1, Ordering::Relaxed);
        if self.ends_at == Some((step, false)) {
            self.end().await;
        }
        let done = act.await;
        if self.ends_at == Some((step, true)) {
            self.end().await;
        }
        done
    }

    async fn end(&self) {
        self.ended.notify_one();
        std::future::pending::<()>().await;
    }
}

/// The headers of all access tokens that were seen in the store.
#[derive(Debug, Clone, Default)]
struct Durable(Arc<Mutex<Vec<String>>>);

impl Durable {
    fn note(&self, record: &TokenRecord) {
        let Some(pair) = &record.pair else { return };
        let header = format!("Bearer {}", pair.access_token.expose_secret());
        self.0.lock().expect("nobody panics with it").push(header);
    }

    fn has(&self, header: &str) -> bool {
        self.0.lock().expect("nobody panics with it").iter().any(|known| known == header)
    }
}

/// The account, and what outlives processes.
struct Place {
    simulator: Arc<Mutex<Simulator>>,
    clock: Clock,
    store: Arc<dyn TokenStore>,
    bucket: Option<MemoryBucket>,
    durable: Durable,
    /// A process died with a pair that nobody else had.
    lost: AtomicBool,
    random: Arc<Random>,
}

impl Place {
    fn over(store: Arc<dyn TokenStore>, bucket: Option<MemoryBucket>, seed: u64) -> Self {
        // Others act while an exchange is on its way.
        Self::at(Duration::from_millis(700), store, bucket, seed)
    }

    fn at(
        latency: Duration,
        store: Arc<dyn TokenStore>,
        bucket: Option<MemoryBucket>,
        seed: u64,
    ) -> Self {
        let credentials = simulator::Credentials {
            oauth_clients: vec![(CLIENT.to_owned(), "unused".to_owned())],
            refresh_tokens: vec![SEED.to_owned(), "another".to_owned()],
            ..simulator::Credentials::default()
        };
        let settings = Settings {
            seed,
            audit_logs: 3,
            tickets: 0,
            rate_limit: 0,
            latency,
            credentials: Some(credentials),
            ..Settings::default()
        };
        Self {
            clock: Clock::simulated(settings.now),
            simulator: Arc::new(Mutex::new(Simulator::new(settings))),
            store,
            bucket,
            durable: Durable::default(),
            lost: AtomicBool::new(false),
            random: Arc::new(Random::from_seed(seed)),
        }
    }

    fn bucket(seed: u64) -> Self {
        let bucket = MemoryBucket::default();
        let store = BucketTokens::new(Arc::new(bucket.clone()), "tokens/acme.json".to_owned());
        Self::over(Arc::new(store), Some(bucket), seed)
    }

    /// An account that answers at once, and a bucket that does not.
    fn slow_bucket(seed: u64) -> Self {
        let bucket = MemoryBucket::default();
        bucket.slow_down(Duration::from_millis(10 * seed));
        let store = BucketTokens::new(Arc::new(bucket.clone()), "tokens/acme.json".to_owned());
        Self::at(Duration::from_millis(20), Arc::new(store), Some(bucket), seed)
    }

    fn client(&self, life: &Arc<Life>, seed: Option<&str>) -> Client {
        let transport = SimulatedTransport::new(Arc::clone(&self.simulator), self.clock);
        let wire = Wire { inner: transport, life: Arc::clone(life), durable: self.durable.clone() };
        let store = Watched {
            inner: Arc::clone(&self.store),
            life: Arc::clone(life),
            durable: self.durable.clone(),
        };
        let credentials = Credentials::RefreshToken(RotatingCredentials {
            client: OauthClient {
                client_id: CLIENT.to_owned(),
                client_secret: None,
                scope: "read".to_owned(),
            },
            seed: seed.map(SecretString::from),
            store: Arc::new(store),
        });
        let settings = ClientSettings {
            endpoint: Url::parse("https://acme.zendesk.com").expect("an address"),
            timeout: Duration::from_secs(60),
            retry_attempts: 10,
            share: 1.0,
            max_body_bytes: 1 << 20,
        };
        Client::new(settings, credentials, Arc::new(wire), self.clock, Arc::clone(&self.random))
    }

    /// A process that reads some pages and ends; none if it died before.
    async fn live(
        &self,
        life: Life,
        seed: Option<&str>,
        pauses: &[u64],
    ) -> Option<Result<(), ApiError>> {
        let life = Arc::new(life);
        let client = self.client(&life, seed);
        let reading = async {
            for pause in pauses {
                read(&client).await?;
                tokio::time::sleep(Duration::from_secs(*pause)).await;
            }
            Ok(())
        };
        tokio::select! {
            done = reading => Some(done),
            () = life.ended.notified() => {
                self.lost.fetch_or(life.holds.load(Ordering::Relaxed), Ordering::Relaxed);
                None
            }
        }
    }

    fn answers(&self, status: u16) -> u64 {
        self.simulator.lock().expect("no panic in the simulator").stats().answers(status)
    }

    fn has_lost(&self) -> bool {
        self.lost.load(Ordering::Relaxed)
    }

    async fn record(&self) -> TokenRecord {
        self.store.load().await.expect("a store").expect("a record").1
    }
}

async fn read(client: &Client) -> Result<Value, ApiError> {
    let page = PageRequest::new("/api/v2/audit_logs").with("page[size]", "1");
    client.get(&page, |body| serde_json::from_slice(body).map_err(|error| error.to_string())).await
}

/// A store whose every step may be the last.
#[derive(Debug)]
struct Watched {
    inner: Arc<dyn TokenStore>,
    life: Arc<Life>,
    durable: Durable,
}

#[async_trait]
impl TokenStore for Watched {
    fn location(&self) -> String {
        self.inner.location()
    }

    async fn load(&self) -> Result<Option<(TokenVersion, TokenRecord)>, TokenStoreError> {
        let loaded = self.life.step(self.inner.load()).await?;
        if let Some((_, record)) = &loaded {
            self.durable.note(record);
        }
        Ok(loaded)
    }

    async fn save(
        &self,
        expected: Option<&TokenVersion>,
        next: &TokenRecord,
    ) -> Result<TokenSave, TokenStoreError> {
        let act = async {
            let saved = self.inner.save(expected, next).await?;
            if let TokenSave::Done(_) = &saved {
                self.durable.note(next);
                self.life.holds.store(false, Ordering::Relaxed);
            }
            Ok(saved)
        };
        self.life.step(act).await
    }
}

/// A network whose every exchange of tokens may be the last, or lose its answer. No page may be asked
/// for with a token that was never durable.
#[derive(Debug)]
struct Wire {
    inner: SimulatedTransport,
    life: Arc<Life>,
    durable: Durable,
}

#[async_trait]
impl Transport for Wire {
    async fn send(&self, request: Request) -> Result<Response, TransportError> {
        if request.uri().path() == "/oauth/tokens" {
            let act = async {
                let answer = self.inner.send(request).await;
                let given = answer.as_ref().is_ok_and(|answer| answer.status.is_success());
                self.life.holds.fetch_or(given, Ordering::Relaxed);
                answer
            };
            let answer = self.life.step(act).await;
            tokio::time::sleep(self.life.slow).await;
            let number = self.life.exchanges.fetch_add(1, Ordering::Relaxed);
            if self.life.loses == Some(number) {
                return Err(TransportError::Cut("on its way back".to_owned()));
            }
            return answer;
        }
        let header = request.headers().get(http::header::AUTHORIZATION).expect("credentials");
        let header = header.to_str().expect("a text");
        assert!(self.durable.has(header), "a token was used that is not durable");
        self.inner.send(request).await
    }
}

fn dies_at(step: usize, afterwards: bool) -> Life {
    Life { ends_at: Some((step, afterwards)), ..Life::default() }
}

/// Of a first renewal: look, claim, exchange, save.
const STEPS: [&str; 4] = ["look", "claim", "exchange", "save"];

#[tokio::test(start_paused = true)]
async fn a_crash_at_any_step_is_survived_unless_zendesk_alone_knows_the_new_pair() {
    for begun in [false, true] {
        for (step, name) in STEPS.into_iter().enumerate() {
            for afterwards in [false, true] {
                let place = Place::bucket(7);
                if begun {
                    // The pair of a former process, beyond its half-life.
                    let first = place.live(Life::default(), Some(SEED), &[5_000]).await;
                    first.expect("it lives").expect("a page");
                }
                let died = place.live(dies_at(step, afterwards), Some(SEED), &[0]).await;
                assert!(died.is_none(), "it was to die at `{name}`");
                let next = place.live(Life::default(), Some(SEED), &[0]).await.expect("it lives");
                let is_lost = (name == "exchange" && afterwards) || (name == "save" && !afterwards);
                match next {
                    Ok(()) => assert!(!is_lost, "{name}: nobody can know the new pair"),
                    Err(error) => {
                        assert!(is_lost, "{name}, {afterwards}: {error}");
                        assert_eq!(error.kind, ErrorKind::Config);
                        assert!(error.message.contains("spent"), "{error}");
                        let hint = error.hint.as_deref().unwrap_or_default();
                        assert!(hint.contains("zenstream login"), "{hint}");
                    }
                }
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_is_told_once_with_what_to_do() {
    let place = Place::bucket(3);
    let life = Life { loses: Some(0), ..Life::default() };
    let error = place.live(life, Some(SEED), &[0]).await.expect("it lives").expect_err("lost");
    assert_eq!(error.kind, ErrorKind::Config);
    assert!(
        error.hint.as_deref().is_some_and(|hint| hint.contains("zenstream login")),
        "{error:?}"
    );
    assert_eq!(place.record().await.claimed_by, None, "nobody has to wait for it");
    // A new token in the config begins a new chain; the spent one is not tried again.
    let next = place.live(Life::default(), Some("another"), &[5_000, 5_000]).await;
    next.expect("it lives").expect("pages");
    assert_eq!(place.answers(400), 1);
}

/// An account of which some requests, by number, never arrive.
#[derive(Debug)]
struct Deaf {
    account: SimulatedTransport,
    asked: AtomicUsize,
    hears: fn(usize, &Request) -> bool,
}

#[async_trait]
impl Transport for Deaf {
    async fn send(&self, request: Request) -> Result<Response, TransportError> {
        let number = self.asked.fetch_add(1, Ordering::Relaxed);
        if !(self.hears)(number, &request) {
            return Err(TransportError::Connect("refused".to_owned()));
        }
        self.account.send(request).await
    }
}

fn client_of_the_deaf(place: &Place, hears: fn(usize, &Request) -> bool) -> Client {
    let account = SimulatedTransport::new(Arc::clone(&place.simulator), place.clock);
    let deaf = Deaf { account, asked: AtomicUsize::new(0), hears };
    let credentials = Credentials::RefreshToken(RotatingCredentials {
        client: OauthClient {
            client_id: CLIENT.to_owned(),
            client_secret: None,
            scope: "read".to_owned(),
        },
        seed: Some(SEED.into()),
        store: Arc::clone(&place.store),
    });
    let settings = ClientSettings {
        endpoint: Url::parse("https://acme.zendesk.com").expect("an address"),
        timeout: Duration::from_secs(60),
        retry_attempts: 10,
        share: 1.0,
        max_body_bytes: 1 << 20,
    };
    let random = Arc::clone(&place.random);
    Client::new(settings, credentials, Arc::new(deaf), place.clock, random)
}

#[tokio::test(start_paused = true)]
async fn a_request_that_never_arrived_costs_nothing() {
    let place = Place::bucket(4);
    let client = client_of_the_deaf(&place, |number, _| number >= 3);
    read(&client).await.expect("a page after three tries");
}

#[tokio::test(start_paused = true)]
async fn a_pair_that_cannot_be_renewed_serves_until_it_ends() {
    let place = Place::bucket(5);
    let client = client_of_the_deaf(&place, |number, request| {
        number == 0 || request.uri().path() != "/oauth/tokens"
    });
    let began = place.clock.now();
    let passed = || place.clock.now().duration_since(began).as_secs();
    while passed() < 7_100 {
        read(&client).await.expect("the access token is still good");
        tokio::time::sleep(Duration::from_secs(50)).await;
    }
    tokio::time::sleep(Duration::from_secs(100)).await;
    read(&client).await.expect_err("it has ended");
    assert_eq!(place.answers(401), 0, "no request went out with a dead token");
}

/// A process that is gone has left its claim to a pair that is beyond its half-life.
#[tokio::test(start_paused = true)]
async fn a_claim_that_nobody_gives_up_holds_no_request_while_the_pair_serves() {
    for is_new in [false, true] {
        let place = Place::bucket(6);
        let life = Arc::new(Life::default());
        let client = place.client(&life, Some(SEED));
        read(&client).await.expect("a page");
        tokio::time::sleep(Duration::from_secs(3_590)).await;
        let dead = place.live(dies_at(1, true), Some(SEED), &[0]);
        assert!(dead.await.is_some(), "it is not yet time to renew");
        tokio::time::sleep(Duration::from_secs(20)).await;
        let died = place.live(dies_at(1, true), Some(SEED), &[0]).await;
        assert!(died.is_none() && place.record().await.claimed_by.is_some(), "it has the claim");
        let client = if is_new { place.client(&life, Some(SEED)) } else { client };
        let began = place.clock.now();
        for _ in 0..90 {
            let asked = place.clock.now();
            read(&client).await.expect("the pair still serves");
            let took = place.clock.now().duration_since(asked).as_secs_f64();
            assert!(took < 5.0, "{took} s");
            tokio::time::sleep(Duration::from_secs(5)).await;
        }
        // It was taken over in the end.
        let passed = place.clock.now().duration_since(began).as_secs();
        let pair = place.record().await.pair.expect("a pair");
        assert!(pair.obtained_at > began, "renewed within {passed} s");
    }
}

/// By the clock of its machine the claim was put there only hours from now.
#[tokio::test(start_paused = true)]
async fn a_claim_of_the_future_is_watched_until_it_is_taken_over_while_the_pair_serves() {
    let place = Place::bucket(8);
    let client = place.client(&Arc::new(Life::default()), Some(SEED));
    read(&client).await.expect("a page");
    tokio::time::sleep(Duration::from_secs(3_610)).await;
    let (version, record) = place.store.load().await.expect("a store").expect("a record");
    let began = place.clock.now();
    let later = began.checked_add(jiff::SignedDuration::from_hours(10)).expect("near");
    let claimed = TokenRecord { claimed_by: Some(format!("0123@{later}")), ..record };
    let saved = place.store.save(Some(&version), &claimed).await.expect("a store");
    assert!(matches!(saved, TokenSave::Done(_)));
    for _ in 0..24 {
        read(&client).await.expect("the pair still serves");
        tokio::time::sleep(Duration::from_secs(5)).await;
    }
    let pair = place.record().await.pair.expect("a pair");
    assert!(pair.obtained_at > began, "not renewed within two minutes");
}

/// The exchange ends the old pair at once, and its answer takes a while.
#[tokio::test(start_paused = true)]
async fn a_pair_that_another_process_has_ended_is_waited_for_and_not_tried_again() {
    for (slow, seed) in
        [0, 1, 3, 6, 20].into_iter().flat_map(|slow| (0..45).map(move |seed| (slow, seed)))
    {
        let place = Place::slow_bucket(seed);
        let slowly = Life { slow: Duration::from_secs(slow), ..Life::default() };
        let (one, other) = (Arc::new(slowly), Arc::new(Life::default()));
        let clients = [place.client(&one, Some(SEED)), place.client(&other, Some(SEED))];
        for client in &clients {
            read(client).await.expect("a page");
        }
        tokio::time::sleep(Duration::from_secs(3_600)).await;
        let streams = clients.iter().flat_map(|client| [client; 4]).enumerate();
        join_all(streams.map(|(number, client)| async move {
            tokio::time::sleep(Duration::from_millis(130 * number as u64)).await;
            for second in 0..60 {
                read(client)
                    .await
                    .unwrap_or_else(|error| panic!("seed {seed}, {slow} s, {second}: {error}"));
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        }))
        .await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_stored_pair_wins_over_the_token_in_the_config_until_that_changes() {
    let place = Place::bucket(5);
    let lives = async |seed| {
        place.live(Life::default(), seed, &[0]).await.expect("it lives").map(|()| place.record())
    };
    let first = lives(Some(SEED)).await.expect("a page").await;
    let same = lives(Some(SEED)).await.expect("a page").await;
    assert_eq!(first, same, "nothing had to be renewed");
    assert_eq!(lives(None).await.expect("a page").await, first, "the store is enough");
    let changed = lives(Some("another")).await.expect("a page").await;
    assert_ne!(changed.pair, first.pair);
    assert_ne!(changed.seed, first.seed);
    let wrong = lives(Some("never-given-out")).await.err().expect("it is refused");
    assert_eq!(wrong.kind, ErrorKind::Config);
    assert_eq!(place.record().await, changed, "what worked is still there");
    assert!(!format!("{changed:?}").contains("simulated_"), "{changed:?}");
}

#[tokio::test(start_paused = true)]
async fn tokens_of_another_client_or_account_are_left_alone() {
    let place = Place::bucket(6);
    place.live(Life::default(), Some(SEED), &[0]).await.expect("it lives").expect("a page");
    let mut record = place.record().await;
    record.client_id = "somebody-else".to_owned();
    let version = place.store.load().await.expect("a store").map(|(version, _)| version);
    place.store.save(version.as_ref(), &record).await.expect("a save");
    for seed in [None, Some(SEED)] {
        let error = place.live(Life::default(), seed, &[0]).await.expect("it lives").unwrap_err();
        assert_eq!(error.kind, ErrorKind::Config);
        assert!(error.message.contains("somebody-else"), "{error}");
        assert_eq!(place.record().await, record);
    }
}

#[tokio::test(start_paused = true)]
async fn a_rotation_goes_on_when_whoever_asked_has_gone() {
    let place = Place::slow_bucket(8);
    let life = Arc::new(Life::default());
    let client = place.client(&life, Some(SEED));
    let bucket = place.bucket.as_ref().expect("a bucket");
    bucket.slow_down(Duration::from_secs(2));
    // The claim takes two seconds, the save two more; the exchange is in between.
    let gone = tokio::time::timeout(Duration::from_secs(3), read(&client)).await;
    assert!(gone.is_err(), "it was still waiting for the save");
    client.settle().await;
    let record = place.record().await;
    assert!(record.pair.is_some() && record.claimed_by.is_none(), "{record:?}");
    read(&client).await.expect("a page");
    assert_eq!(place.answers(400), 0);
}

/// SIGTERM while the store hardly answers: the new pair is in nobody's hands but ours.
#[tokio::test(start_paused = true)]
async fn the_end_of_a_process_waits_for_a_pair_that_is_not_durable_for_as_long_as_that_takes() {
    let place = Place::slow_bucket(8);
    let life = Arc::new(Life::default());
    let client = place.client(&life, Some(SEED));
    let bucket = place.bucket.as_ref().expect("a bucket");
    bucket.slow_down(Duration::from_secs(2));
    let gone = tokio::time::timeout(Duration::from_millis(1_900), read(&client)).await;
    assert!(gone.is_err(), "it was still waiting for its claim");
    bucket.slow_down(Duration::from_secs(200));
    let stopped = tokio::time::Instant::now();
    client.settle().await;
    assert!(stopped.elapsed() > Duration::from_secs(100), "{:?}", stopped.elapsed());
    bucket.slow_down(Duration::ZERO);
    let record = place.record().await;
    assert!(record.pair.is_some() && record.claimed_by.is_none(), "{record:?}");
    read(&client).await.expect("a page");
    assert_eq!(place.answers(400), 0);
}

/// Several processes, of which some die, on a store that loses answers and is slow.
async fn compete(place: &Place, seed: u64, may_die: bool) {
    let dice = Random::from_seed(seed);
    let roll = |sides: u128| usize::try_from(dice.bits() % sides).expect("a small number");
    if let Some(bucket) = &place.bucket {
        bucket.slow_down(Duration::from_millis(roll(900) as u64));
    }
    for round in 0..6 {
        let lives = (0..2 + roll(2)).map(|_| {
            let ends_at = (may_die && roll(3) == 0).then(|| (roll(5), roll(2) == 0));
            let pauses: Vec<u64> = (0..=roll(4)).map(|_| roll(9_000) as u64).collect();
            let late = Duration::from_millis(roll(3_000) as u64);
            if let Some(bucket) = place.bucket.as_ref().filter(|_| roll(4) == 0) {
                bucket.lose_answers(1);
            }
            async move {
                tokio::time::sleep(late).await;
                let life = Life { ends_at, ..Life::default() };
                place.live(life, Some(SEED), &pauses).await
            }
        });
        let ends = join_all(lives.collect::<Vec<_>>()).await;
        for error in ends.into_iter().flatten().filter_map(Result::err) {
            let told = error.message.contains("spent") && error.kind == ErrorKind::Config;
            assert!(told && place.has_lost(), "seed {seed}, round {round}: {error}");
        }
        if place.has_lost() {
            return;
        }
        assert_eq!(place.answers(400), 0, "seed {seed}: two exchanged one token");
    }
}

#[test]
fn processes_that_share_a_store_never_exchange_a_token_twice() {
    for seed in 0..150 {
        paused(async { compete(&Place::bucket(seed), seed, false).await });
    }
}

#[test]
fn processes_that_share_a_file_never_exchange_a_token_twice() {
    for seed in 0..25 {
        let home = tempfile::tempdir().expect("a directory for the test");
        let store = FileTokens::new(home.path().join("tokens/acme.json"));
        paused(async { compete(&Place::over(Arc::new(store), None, seed), seed, false).await });
    }
}

/// A loss is told only where a process died with a pair that nobody else had.
#[test]
fn whoever_dies_takes_nothing_along_but_what_it_alone_had() {
    let mut losses = 0;
    for seed in 0..300 {
        paused(async {
            let place = Place::bucket(seed);
            compete(&place, seed, true).await;
            losses += u32::from(place.has_lost());
            let last = place.live(Life::default(), Some(SEED), &[0]).await.expect("it lives");
            let is_told = last.is_err_and(|error| error.message.contains("spent"));
            assert_eq!(is_told, place.has_lost(), "seed {seed}");
        });
    }
    assert!((1..150).contains(&losses), "{losses} of 300 died in the one moment that counts");
}

fn paused(test: impl Future<Output = ()>) {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_time().start_paused(true);
    runtime.build().expect("a runtime").block_on(test);
}
