//! A stream or an account that fails stops no other, and comes back by itself.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures::StreamExt as _;
use http::{HeaderMap, StatusCode};
use jiff::Timestamp;

use zenstream::checkpoint::MemoryStore;
use zenstream::clock::Clock;
use zenstream::pipeline::{
    DeliverySettings, Pipeline, RunError, RunOptions, SinkPlan, SourcePlan, StreamTally, Tally,
};
use zenstream::random::Random;
use zenstream::simulator::transport::SimulatedTransport;
use zenstream::simulator::{Settings, Simulator};
use zenstream::sinks::Memory;
use zenstream::streams::{CATALOGUE, StreamSpec};
use zenstream::zendesk::transport::{Request, Response, Transport, TransportError};

use crate::seeds::over_seeds;
use crate::truth::by_id;
use crate::world::{Reading, client, stream_settings};

/// What is in the way of an account's requests.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Obstacle {
    Status(u16),
    NobodyAnswers,
}

/// From and until when, in seconds of the run; to paths that contain this.
type Spell = (u64, u64, &'static str, Obstacle);

/// An account behind obstacles that come and go.
#[derive(Debug)]
struct Obstructed {
    behind: SimulatedTransport,
    start: tokio::time::Instant,
    spells: Vec<Spell>,
    asked: Mutex<Vec<(u64, String)>>,
}

#[async_trait]
impl Transport for Obstructed {
    async fn send(&self, request: Request) -> Result<Response, TransportError> {
        let (second, path) = (self.start.elapsed().as_secs(), request.uri().path().to_owned());
        self.asked.lock().expect("no panic").push((second, path.clone()));
        let in_the_way = self.spells.iter().find(|(from, until, part, _)| {
            (*from..*until).contains(&second) && path.contains(part)
        });
        match in_the_way {
            Some((.., Obstacle::Status(status))) => {
                let body = Bytes::from_static(b"{\"error\":\"in the way\"}");
                Ok(Response {
                    status: StatusCode::from_u16(*status).expect("a status"),
                    headers: HeaderMap::new(),
                    body: futures::stream::once(async { Ok(body) }).boxed(),
                })
            }
            Some((.., Obstacle::NobodyAnswers)) => {
                Err(TransportError::Connect("nobody answers".to_owned()))
            }
            None => self.behind.send(request).await,
        }
    }
}

/// One account of a run.
struct Account {
    name: &'static str,
    simulator: Arc<Mutex<Simulator>>,
    spells: Vec<Spell>,
    streams: Vec<&'static str>,
}

impl Account {
    fn new(name: &'static str, settings: Settings, spells: Vec<Spell>) -> Self {
        let simulator = Arc::new(Mutex::new(Simulator::new(settings)));
        Self { name, simulator, spells, streams: vec!["audit_logs", "tickets"] }
    }
}

/// What is left of a run.
struct Left {
    outcome: Result<(), RunError>,
    tally: Arc<Tally>,
    memory: Memory,
    now: Timestamp,
    /// By account, in order.
    asked: Vec<Vec<(u64, String)>>,
}

impl Left {
    fn stream(&self, name: &str) -> &StreamTally {
        self.tally.streams.iter().find(|stream| stream.name == name).expect("a stream")
    }

    /// Every record of the stream that was there this long before the end is in memory once.
    fn assert_whole(&self, account: &Account, stream: &str, settled: Duration) {
        let simulator = account.simulator.lock().expect("no panic");
        let settled = self.now.checked_sub(jiff::SignedDuration::try_from(settled).expect("short"));
        let truth = simulator.records(stream, settled.expect("near"));
        let truth: Vec<_> = truth.map(|line| String::from_utf8_lossy(&line).into_owned()).collect();
        let events = self.memory.events();
        let held = events
            .iter()
            .filter(|event| event.origin.source == account.name && event.origin.stream == stream);
        let held: Vec<_> =
            held.map(|event| String::from_utf8_lossy(&event.line).into_owned()).collect();
        let (truth, held) = (by_id(&truth, "the account"), by_id(&held, "memory"));
        let missing: Vec<_> = truth.keys().filter(|id| !held.contains_key(*id)).take(5).collect();
        assert!(
            missing.is_empty(),
            "{}.{stream} lacks {missing:?} of {}",
            account.name,
            truth.len()
        );
    }
}

/// Follows the accounts for so long.
fn follow(accounts: &[Account], seed: u64, for_so_long: Duration) -> Left {
    run(accounts, seed, Some(for_so_long))
}

/// Follows the accounts for so long, or reads them to their present end.
fn run(accounts: &[Account], seed: u64, for_so_long: Option<Duration>) -> Left {
    let runtime = crate::world::paused();
    runtime.block_on(async {
        let start = accounts[0].simulator.lock().expect("no panic").settings().now;
        let clock = Clock::simulated(start);
        let random = Arc::new(Random::from_seed(seed));
        let transports: Vec<_> = accounts.iter().map(|it| transport(it, clock)).collect();
        let sources = accounts.iter().zip(&transports).map(|(account, transport)| {
            let client = client(Arc::clone(transport) as _, clock, 0.8, Arc::clone(&random));
            source(account, client, for_so_long.is_some())
        });
        let memory = Memory::new();
        let outputs = accounts.iter().flat_map(|account| {
            account.streams.iter().map(|stream| format!("{}.{stream}", account.name))
        });
        let sink = SinkPlan {
            name: "memory".to_owned(),
            inputs: outputs.collect(),
            acknowledged: true,
            healthcheck: false,
            delivery: DeliverySettings::STREAMING,
            sink: Arc::new(memory.clone()),
        };
        let store = Arc::new(MemoryStore::new());
        let pipeline =
            Pipeline::new(sources.collect(), vec![sink], store, clock, Arc::clone(&random));
        let tally = pipeline.tally();
        let options = RunOptions {
            once: for_so_long.is_none(),
            max_pages: None,
            shutdown_timeout: Duration::from_secs(60),
        };
        let stop = tokio::time::sleep(for_so_long.unwrap_or(Duration::from_secs(99 * HOURS)));
        let outcome = pipeline.run(options, stop).await;
        let asked = |it: &Arc<Obstructed>| it.asked.lock().expect("no panic").clone();
        let asked = transports.iter().map(asked).collect();
        Left { outcome, tally, memory, now: clock.now(), asked }
    })
}

fn transport(account: &Account, clock: Clock) -> Arc<Obstructed> {
    Arc::new(Obstructed {
        behind: SimulatedTransport::new(Arc::clone(&account.simulator), clock)
            .with_authority("acme.zendesk.com"),
        start: tokio::time::Instant::now(),
        spells: account.spells.clone(),
        asked: Mutex::default(),
    })
}

fn source(account: &Account, client: zenstream::zendesk::Client, follow: bool) -> SourcePlan {
    let chosen = |spec: &&StreamSpec| account.streams.contains(&spec.name);
    let settings = |spec: &'static StreamSpec| {
        let settings = stream_settings(&Reading::default(), spec, follow);
        let source = account.name.to_owned();
        (zenstream::streams::StreamSettings { source, ..settings }, None)
    };
    SourcePlan {
        name: account.name.to_owned(),
        client: Arc::new(client),
        streams: CATALOGUE.iter().filter(chosen).map(settings).collect(),
    }
}

fn lively(seed: u64) -> Settings {
    Settings {
        seed,
        audit_logs: 150,
        tickets: 40,
        live_audit_logs_per_minute: 3,
        live_ticket_changes_per_minute: 1,
        ..Settings::default()
    }
}

const HOURS: u64 = 3_600;

/// A plan is lost and bought again, an endpoint goes and comes back; nobody restarts anything.
#[test]
fn what_is_refused_for_a_while_is_whole_afterwards_and_the_others_never_wait() {
    over_seeds("isolation", 8, |seed| {
        let random = Random::from_seed(seed);
        let within = |low: u64, high: u64| {
            low + u64::try_from(random.bits() % u128::from(high - low)).expect("small")
        };
        let mut spells = Vec::new();
        for _ in 0..within(1, 4) {
            let from = within(0, 5 * HOURS);
            let status = [403, 404, 401, 400][usize::try_from(within(0, 4)).expect("small")];
            let until = from + within(60, 3 * HOURS);
            spells.push((from, until, "/audit_logs", Obstacle::Status(status)));
        }
        let account = Account::new("acme", lively(seed), spells);
        let left = follow(std::slice::from_ref(&account), seed, Duration::from_secs(11 * HOURS));
        left.outcome.as_ref().expect("the other stream is well");
        left.assert_whole(&account, "audit_logs", Duration::from_secs(1_500));
        left.assert_whole(&account, "tickets", Duration::from_secs(300));
        assert_eq!(left.stream("acme.tickets").errors.load(Ordering::Relaxed), 0);
        let tickets = left.asked[0].iter().filter(|(_, path)| path.contains("tickets"));
        let seconds: Vec<u64> = tickets.map(|(second, _)| *second).collect();
        let longest = seconds.windows(2).map(|pair| pair[1] - pair[0]).max().expect("many");
        assert!(longest <= 130, "tickets waited {longest} s for another stream");
        let standing = left.stream("acme.audit_logs").standing();
        assert!(standing.trouble.is_none_or(|trouble| trouble.over), "it came back");
        assert!(standing.caught_up);
    });
}

#[test]
fn a_refused_stream_is_asked_for_slowly() {
    let spell = (0, 24 * HOURS, "/audit_logs", Obstacle::Status(403));
    let account = Account::new("acme", lively(1), vec![spell]);
    let left = follow(std::slice::from_ref(&account), 1, Duration::from_secs(24 * HOURS));
    left.outcome.expect("the other stream is well");
    let asked = left.asked[0].iter().filter(|(_, path)| path.contains("audit_logs")).count();
    assert!((22..=30).contains(&asked), "asked {asked} times in a day");
}

/// An endpoint that answers 500 for a day is no storm of requests, and is read again soon after.
#[test]
fn a_broken_stream_is_asked_for_slowly_and_soon_whole_again() {
    let until = 24 * HOURS;
    let spell = (HOURS, until, "/audit_logs", Obstacle::Status(500));
    let account = Account::new("acme", lively(1), vec![spell]);
    let left = follow(std::slice::from_ref(&account), 1, Duration::from_secs(until + 900));
    left.outcome.as_ref().expect("the other stream is well");
    let asked = left.asked[0].iter().filter(|(second, path)| {
        (2 * HOURS..until).contains(second) && path.contains("audit_logs")
    });
    // 22 hours: one try each five minutes, and the stream's own pace between them.
    let asked = asked.count();
    assert!((200..=300).contains(&asked), "asked {asked} times");
    left.assert_whole(&account, "audit_logs", Duration::from_secs(1_500));
    assert!(left.stream("acme.audit_logs").standing().trouble.is_some_and(|it| it.over));
}

/// Wrong credentials, a host that is away: a matter of that account alone.
#[test]
fn a_broken_account_does_not_stop_another() {
    for obstacle in [Obstacle::Status(401), Obstacle::NobodyAnswers, Obstacle::Status(503)] {
        let broken = Account::new("broken", lively(2), vec![(0, 99 * HOURS, "/", obstacle)]);
        let well = Account::new("well", lively(3), Vec::new());
        let accounts = [broken, well];
        let left = follow(&accounts, 5, Duration::from_secs(3 * HOURS));
        left.outcome.as_ref().unwrap_or_else(|error| panic!("{obstacle:?}: {error}"));
        left.assert_whole(&accounts[1], "audit_logs", Duration::from_secs(1_500));
        left.assert_whole(&accounts[1], "tickets", Duration::from_secs(300));
        let trouble = left.stream("broken.tickets").standing().trouble.expect("it failed");
        assert_eq!(trouble.refused, obstacle == Obstacle::Status(401), "{trouble:?}");
        assert!(!trouble.over && trouble.hint.is_some(), "{trouble:?}");
    }
}

/// A token that is revoked is made anew by a person, who should not have to restart anything.
#[test]
fn a_run_that_was_well_outlives_a_refusal_of_everything() {
    let spell = (2 * HOURS, 5 * HOURS, "/", Obstacle::Status(401));
    let account = Account::new("acme", lively(4), vec![spell]);
    let left = follow(std::slice::from_ref(&account), 4, Duration::from_secs(9 * HOURS));
    left.outcome.as_ref().expect("it was well before");
    left.assert_whole(&account, "audit_logs", Duration::from_secs(1_500));
    left.assert_whole(&account, "tickets", Duration::from_secs(300));
}

#[test]
fn a_run_in_which_nothing_ever_worked_fails() {
    let spell = |obstacle| vec![(0, 99 * HOURS, "/", obstacle)];
    let first = Account::new("first", lively(1), spell(Obstacle::Status(401)));
    let second = Account::new("second", lively(2), spell(Obstacle::Status(403)));
    let left = follow(&[first, second], 1, Duration::from_secs(24 * HOURS));
    let error = left.outcome.expect_err("nothing works");
    assert!(matches!(error, RunError::Streams(_)), "{error}");
}

/// An account with three custom objects, the first of which may not be read for so long.
fn with_a_refused_object(until: u64) -> (Account, String) {
    let counts = vec![("custom_objects".to_owned(), 3), ("custom_object_records".to_owned(), 60)];
    let settings = Settings { counts, rate_limit: 0, ..lively(6) };
    let mut account = Account::new("acme", settings, Vec::new());
    let key = {
        let simulator = account.simulator.lock().expect("no panic");
        let now = simulator.settings().now;
        let lines = simulator.records("custom_objects", now);
        let keys = lines.map(|line| {
            let object: serde_json::Value = serde_json::from_slice(&line).expect("an object");
            object["key"].as_str().expect("a key").to_owned()
        });
        keys.min().expect("three")
    };
    let path = format!("/custom_objects/{key}/");
    account.spells = vec![(0, until, path.clone().leak(), Obstacle::Status(403))];
    account.streams = vec!["custom_object_records"];
    (account, path)
}

#[test]
fn a_refused_part_of_a_stream_is_told_and_the_others_go_on_until_it_comes_back() {
    let (account, path) = with_a_refused_object(2 * HOURS);
    let left = follow(std::slice::from_ref(&account), 6, Duration::from_secs(HOURS));
    left.outcome.as_ref().expect("the other objects are well");
    let trouble = left.stream("acme.custom_object_records").standing().trouble.expect("told");
    assert!(trouble.refused && !trouble.over, "{trouble:?}");
    assert!(trouble.message.contains("is left out") && trouble.hint.is_some(), "{trouble:?}");
    let asked = |refused: bool| {
        let lists = left.asked[0].iter().filter(|(_, it)| it.contains("/custom_objects/"));
        lists.filter(|(_, it)| it.contains(&path) == refused).count()
    };
    assert!((4..=6).contains(&asked(true)), "asked {} times in an hour", asked(true));
    assert!(asked(false) > 60, "{}", asked(false));

    let (account, _) = with_a_refused_object(2 * HOURS);
    let left = follow(std::slice::from_ref(&account), 6, Duration::from_secs(4 * HOURS));
    left.outcome.as_ref().expect("all is well");
    left.assert_whole(&account, "custom_object_records", Duration::from_secs(300));
    let standing = left.stream("acme.custom_object_records").standing();
    assert!(standing.trouble.is_some_and(|trouble| trouble.over) && standing.caught_up);
}

#[test]
fn a_run_to_the_present_end_fails_where_a_part_of_its_only_stream_is_left_out() {
    let (account, path) = with_a_refused_object(9 * HOURS);
    let left = run(std::slice::from_ref(&account), 6, None);
    let error = left.outcome.as_ref().expect_err("some of it was not read").to_string();
    assert!(error.contains("is left out"), "{error}");
    let others = left.memory.events().len();
    assert!(others > 0, "but the others were");
    assert_eq!(left.asked[0].iter().filter(|(_, it)| it.contains(&path)).count(), 1);
}
