//! What other collectors get wrong, one test each: each says what they lose, double or reveal,
//! and holds this one to the opposite.

use std::io::{BufRead as _, BufReader};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use futures::{FutureExt as _, StreamExt as _};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use zenstream::checkpoint::{
    Checkpoint, CheckpointStore, FileStore, MemoryStore, Revision, StoreError, StoreErrorKind,
    StreamState,
};
use zenstream::clock::Clock;
use zenstream::pipeline::{BatchSettings, RunError, StreamOutcome, Tally};
use zenstream::random::Random;
use zenstream::simulator::transport::SeenRequest;
use zenstream::simulator::{self, Faults, Plan, RetryAfter, Settings};
use zenstream::sinks::{
    Batch, Checked, Memory, Restored, Sink, SinkError, SinkErrorKind, SinkState, Written,
};
use zenstream::streams::{self, History, Position};
use zenstream::zendesk::ApiError;

use crate::client::{Canned, Script, answer};
use crate::truth::{self, by_id, counts};
use crate::world::{self, Extra, Life, Reading, World, assert_exactly};

const BOTH: [&str; 2] = ["audit_logs", "tickets"];

fn faults(text: &str) -> Faults {
    text.parse().expect("faults")
}

/// An account whose history is over, so that all of it can be read at once.
fn settled(settings: Settings, reading: Reading) -> World {
    let history = match reading.history {
        History::InSlices => History::InOrder,
        chosen => chosen,
    };
    let reading = Reading { history, ..reading };
    let mut world = World::new(settings, reading);
    world.wait(Duration::from_secs(400));
    world
}

fn assert_all(world: &World) {
    for stream in BOTH {
        assert_exactly(world, stream, &world.memory_lines(stream), "memory");
        let file = world.file_lines(&format!("{stream}.ndjson"));
        assert_eq!(file, world.truth(stream), "the file has {stream} in another order");
    }
}

/// The values of a query's parameter.
fn params(request: &SeenRequest, name: &str) -> Vec<String> {
    let query = request.uri.query().unwrap_or_default();
    let pairs = url::form_urlencoded::parse(query.as_bytes());
    pairs.filter(|(key, _)| key == name).map(|(_, value)| value.into_owned()).collect()
}

fn requests_to<'a>(world: &'a World, path: &str) -> Vec<&'a SeenRequest> {
    world.requests.iter().filter(|request| request.uri.path().ends_with(path)).collect()
}

fn outcome(tally: &Tally, stream: &str) -> StreamOutcome {
    let named = |name: &str| name == format!("acme.{stream}");
    tally.streams.iter().find(|it| named(&it.name)).expect("the stream").outcome()
}

fn only(stream: &'static str) -> Reading {
    Reading { streams: vec![stream], history: History::InOnePiece, ..Reading::default() }
}

/// Files named by the second: pages of one second overwrite each other, 94 % of the events of a
/// fast account are gone.
#[test]
fn pages_of_one_second_do_not_overwrite_each_other() {
    let settings = Settings { audit_logs: 5_000, tickets: 0, rate_limit: 0, ..Settings::default() };
    let mut world = settled(settings, Reading::default());
    let began = world.now;
    world.live(Life::Once).expect("a run");
    assert_eq!(world.now, began, "all of it came in one moment");
    assert_eq!(counts(&world.file_lines("audit_logs.ndjson")).len(), 5_000);
    assert_all(&world);
}

/// No link to a next page at the end is kept as "no state": each run reads everything again.
#[test]
fn a_second_run_does_not_start_again_from_the_first_page() {
    let settings = Settings { audit_logs: 2_000, tickets: 1_200, ..Settings::default() };
    let mut world = settled(settings, Reading::default());
    world.live(Life::Once).expect("the first run");
    for hours in [0, 1, 24] {
        world.wait(Duration::from_secs(hours * 3_600));
        let tally = world.live(Life::Once).expect("another run");
        let events: u64 = tally.streams.iter().map(|it| it.events.load(Ordering::Relaxed)).sum();
        assert_eq!(events, 0);
        assert!(world.requests.len() <= 3, "{:?}", world.requests);
    }
    assert_all(&world);
}

/// Newest first by offset: what comes in meanwhile shifts the pages, events come twice and new
/// ones hours later.
#[test]
fn new_events_during_paging_shift_nothing() {
    let settings = Settings {
        audit_logs: 3_000,
        tickets: 300,
        live_audit_logs_per_minute: 60,
        latency: Duration::from_secs(3),
        ..Settings::default()
    };
    let mut world = World::new(settings, only("audit_logs"));
    world.live(Life::Stopped(Duration::from_secs(900))).expect("a run");
    let held = by_id(&world.memory_lines("audit_logs"), "memory");
    let until = world.now.checked_sub(SignedDuration::from_secs(240)).expect("a time");
    let truth = world.truth("audit_logs");
    let old = |line: &&String| time_of(line, "created_at") <= until;
    let due: Vec<_> = truth.iter().filter(old).collect();
    assert!(due.len() > 3_500, "{}", due.len());
    for line in due {
        assert_eq!(held.get(&truth::id_of(line)), Some(line));
    }
    let lists = requests_to(&world, "/audit_logs");
    assert!(lists.iter().all(|it| params(it, "sort") == ["created_at"]), "oldest first");
    assert!(lists.iter().all(|it| params(it, "page").is_empty()), "never by offset");
}

fn time_of(line: &str, field: &str) -> Timestamp {
    let record: Value = serde_json::from_str(line).expect("a record");
    record[field].as_str().expect("a text").parse().expect("a time")
}

/// Offset pages end at 10,000 records with an error, and the state that leads there stays: each
/// run from then on fails.
#[test]
fn more_than_ten_thousand_records_are_read() {
    let settings = Settings { audit_logs: 12_000, tickets: 0, ..Settings::default() };
    let mut world = settled(settings, Reading::default());
    world.live(Life::Once).expect("a run");
    assert_eq!(world.memory.len(), 12_000);
    assert_all(&world);
}

/// Looking for `links.next` in a cursor export: one page a run, the rest never.
#[test]
fn the_ticket_export_is_followed_to_its_end() {
    let settings = Settings { audit_logs: 0, tickets: 3_500, ..Settings::default() };
    let mut world = settled(settings, only("tickets"));
    world.live(Life::Once).expect("a run");
    assert_eq!(world.requests.len(), 4);
    let starts = world.requests.iter().filter(|it| !params(it, "start_time").is_empty());
    assert_eq!(starts.count(), 1, "a time to begin with, then the cursor");
    assert_all(&world);
    world.wait(Duration::from_secs(600));
    world.live(Life::Once).expect("a second run");
    assert_eq!(params(&world.requests[0], "cursor").len(), 1, "the cursor at the end is kept");
}

/// The export's cursor is never null: who loops until it is asks for ever, and uses up the ten
/// requests a minute for nothing.
#[test]
fn no_request_is_made_after_end_of_stream_until_the_next_poll() {
    for null_cursor_on_empty_export in [false, true] {
        let settings = Settings {
            audit_logs: 0,
            tickets: 2_500,
            null_cursor_on_empty_export,
            ..Settings::default()
        };
        let mut world = settled(settings, only("tickets"));
        world.live(Life::Stopped(Duration::from_secs(615))).expect("a run");
        let polls = &world.requests[2..];
        assert_eq!(polls.len(), 11, "the end, and once a minute");
        assert!(polls.windows(2).all(|two| two[1].at.duration_since(two[0].at).as_secs() >= 60));
        assert!(polls.iter().all(|poll| params(poll, "cursor").len() == 1), "null replaces none");
        assert_all(&world);
    }
}

/// State that is written once at the end: a run that is killed has got nowhere, and the next one
/// gets no further.
#[test]
fn a_run_that_dies_has_saved_every_page_before() {
    let settings = Settings {
        audit_logs: 5_000,
        tickets: 0,
        latency: Duration::from_secs(1),
        ..Settings::default()
    };
    let mut world = settled(settings, only("audit_logs"));
    let mut pages = 0;
    for _ in 0..4 {
        world.live(Life::OnceOrCrash(Duration::from_secs(11))).expect("it dies");
        pages += world.requests.len();
    }
    world.live(Life::Once).expect("the last run");
    pages += world.requests.len();
    // 50 pages; each death costs the one under way and the one that was not yet saved.
    assert!(pages <= 50 + 4 * 3, "{pages} requests");
    assert_all(&world);
}

/// 403 on the audit logs of an account without the plan stops the tickets too.
#[test]
fn a_forbidden_stream_does_not_stop_the_others() {
    let settings = Settings { plan: Plan::Professional, tickets: 1_500, ..Settings::default() };
    let mut world = settled(settings, Reading::default());
    let tally = world.live(Life::Once).expect("tickets can be read");
    assert_exactly(&world, "tickets", &world.memory_lines("tickets"), "memory");
    let StreamOutcome::Denied(why) = outcome(&tally, "audit_logs") else { panic!("{tally:?}") };
    assert!(why.contains("Enterprise"), "{why}");
    assert_eq!(requests_to(&world, "/audit_logs").len(), 1, "asked once");
    world.live(Life::Stopped(Duration::from_secs(3_600))).expect("the others are followed");
    let asked = requests_to(&world, "/audit_logs").len();
    assert!((4..=5).contains(&asked), "asked {asked} times in an hour");
}

/// An error that is printed as "nothing found" is a false negative in an investigation.
#[test]
fn a_run_without_a_readable_stream_fails() {
    let settings = Settings { plan: Plan::Professional, ..Settings::default() };
    let mut world = settled(settings, only("audit_logs"));
    for life in [Life::Once, Life::Stopped(Duration::from_secs(3_600))] {
        let error = world.live(life).expect_err("there is nothing it may read");
        assert!(matches!(error, RunError::Streams(_)), "{error}");
        assert!(error.to_string().contains("403"), "{error}");
    }
}

/// Whatever goes wrong while the state is read is taken for "no state": everything comes again,
/// or a gap is left.
#[test]
fn an_unreadable_checkpoint_is_not_an_empty_one() {
    let settings = Settings { audit_logs: 300, tickets: 20, ..Settings::default() };
    let mut world = settled(settings, Reading::default());
    world.live(Life::Once).expect("a run");
    let good = std::fs::read(world.checkpoint()).expect("a checkpoint");
    let held = world.memory.len();
    let mut flipped = good.clone();
    let middle = flipped.len() / 2;
    flipped[middle] ^= 1;
    let later = String::from_utf8(good.clone()).expect("a text");
    let later = later.replacen("\"format\":1", "\"format\":2", 1);
    for bad in [&b""[..], b"{}", b"null", &good[..middle], &flipped, later.as_bytes()] {
        std::fs::write(world.checkpoint(), bad).expect("written");
        let error = world.live(Life::Once).expect_err("it cannot be read");
        assert!(matches!(error, RunError::Checkpoint(_)), "{error}");
        assert!(error.hint().is_some(), "{error}");
        assert!(world.requests.is_empty(), "nothing was read");
        assert_eq!(std::fs::read(world.checkpoint()).expect("it is there"), bad, "left as found");
    }
    assert_eq!(world.memory.len(), held);
    std::fs::write(world.checkpoint(), good).expect("written");
    world.live(Life::Once).expect("with the right one it goes on");
    assert_all(&world);
}

/// A store that fails on purpose: so many saves succeed, then so many fail.
#[derive(Debug)]
struct Failing {
    inner: MemoryStore,
    good: AtomicU64,
    bad: AtomicU64,
    kind: StoreErrorKind,
}

impl Failing {
    fn new(good: u64, bad: u64, kind: StoreErrorKind) -> Self {
        let inner = MemoryStore::new();
        Self { inner, good: AtomicU64::new(good), bad: AtomicU64::new(bad), kind }
    }
}

/// Takes one of what is left.
fn take_one(left: &AtomicU64) -> bool {
    left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok()
}

#[async_trait]
impl CheckpointStore for Failing {
    fn location(&self) -> String {
        "a store that fails".to_owned()
    }

    async fn load(&self) -> Result<Option<(Revision, Checkpoint)>, StoreError> {
        self.inner.load().await
    }

    async fn save(
        &self,
        expected: Option<Revision>,
        next: &Checkpoint,
    ) -> Result<Revision, StoreError> {
        if !take_one(&self.good) && take_one(&self.bad) {
            return Err(StoreError::new(self.kind, "the disk is full"));
        }
        self.inner.save(expected, next).await
    }
}

/// A failed save that is only logged: the run "succeeds" and its progress is lost in silence.
#[test]
fn a_checkpoint_that_cannot_be_written_stops_the_position() {
    let settings = || Settings { audit_logs: 1_500, tickets: 30, ..Settings::default() };
    let mut world = settled(settings(), Reading::default());
    world.store = Some(Arc::new(Failing::new(7, 1, StoreErrorKind::Refused)));
    let error = world.live(Life::Once).expect_err("the run must not go on");
    assert!(error.to_string().contains("the disk is full"), "{error}");
    world.live(Life::Once).expect("the disk has room again");
    assert_all(&world);

    let mut world = settled(settings(), Reading::default());
    world.store = Some(Arc::new(Failing::new(7, 25, StoreErrorKind::Retry)));
    let began = world.now;
    world.live(Life::Once).expect("it waits until the store is back");
    assert!(world.now.duration_since(began).as_secs() > 60, "with longer and longer pauses");
    assert_all(&world);
}

/// Nothing keeps two runs apart: the last writer wins, and the position goes back.
#[test]
fn two_runs_cannot_share_a_checkpoint() {
    let settings = Settings { audit_logs: 1_000, tickets: 10, ..Settings::default() };
    let mut world = settled(settings, Reading::default());
    let first = FileStore::open(&world.checkpoint()).expect("the first has it");
    let error = FileStore::open(&world.checkpoint()).expect_err("the second does not get it");
    assert!(error.to_string().contains(&std::process::id().to_string()), "{error}");
    drop(first);
    // Where there is no lock, somebody else's save is met at the next one.
    let store = Arc::new(Failing::new(5, 1, StoreErrorKind::Conflict));
    world.store = Some(store.clone());
    let error = world.live(Life::Once).expect_err("somebody else saved");
    let RunError::Checkpoint(error) = error else { panic!("{error}") };
    assert_eq!(error.kind, StoreErrorKind::Conflict);
    assert_eq!(store.bad.load(Ordering::Relaxed), 0);
}

/// The next page's link stands in the state and is followed with the credentials: who can write
/// the state gets the account.
#[test]
fn a_link_in_the_state_cannot_lead_credentials_away() {
    let evil = "https://evil.example.net/api/v2/incremental/tickets/cursor";
    let positions = [
        ("https://acme.zendesk.com", json!({"cursor": evil})),
        ("https://acme.zendesk.com", json!({"cursor": "x&../../../../evil?y#z\r\nHost: evil"})),
        ("https://acme.zendesk.com", json!({"next_page": evil})),
        ("https://acme.zendesk.com", json!(evil)),
        ("https://evil.example.net", json!({"cursor": "MTcwNzI3MTc0MS4wfHw0MDQ1fA=="})),
    ];
    for (endpoint, position) in positions {
        let settings = Settings { audit_logs: 10, tickets: 10, ..Settings::default() };
        let mut world = settled(settings, only("tickets"));
        let state = StreamState {
            endpoint: endpoint.to_owned(),
            position: Position(position.clone()),
            ahead: std::collections::BTreeMap::new(),
            quiet: None,
            last_event: None,
        };
        let mut checkpoint = Checkpoint::default();
        checkpoint.streams.insert("acme.tickets".to_owned(), state);
        let store = MemoryStore::new();
        store.save(None, &checkpoint).now_or_never().expect("at once").expect("saved");
        world.store = Some(Arc::new(store));
        world.live(Life::Once).expect_err("it is no position of this stream");
        assert_eq!(world.foreign_requests, 0, "{position}");
        let asked = requests_to(&world, "/api/v2/incremental/tickets/cursor");
        assert_eq!(asked.len(), world.requests.len(), "{position}: {:?}", world.requests);
        assert!(asked.len() <= 1, "{position}");
    }
}

/// The state lies among the data: it is read as an event, and goes when the data goes.
#[test]
fn the_state_is_not_among_the_events() {
    let settings = Settings { audit_logs: 100, tickets: 10, ..Settings::default() };
    let mut world = settled(settings, Reading::default());
    world.live(Life::Once).expect("a run");
    let out = std::fs::read_dir(world.directory.path().join("out")).expect("the data");
    let mut names: Vec<_> = out.map(|it| it.expect("an entry").file_name()).collect();
    names.sort();
    assert_eq!(names, ["audit_logs.ndjson", "tickets.ndjson"]);
}

/// A page of hundreds of records on one line breaks line limits, times and duplicates' keys.
#[test]
fn one_event_is_one_line() {
    for pretty in [false, true] {
        let settings = Settings { audit_logs: 700, tickets: 150, pretty, ..Settings::default() };
        let mut world = settled(settings, Reading::default());
        world.live(Life::Once).expect("a run");
        assert_all(&world);
        assert_eq!(world.screen.lines().len(), 850);
        for line in world.screen.lines() {
            let record: Value = serde_json::from_str(&line).expect("one object a line");
            assert!(record["id"].is_u64(), "{line}");
        }
    }
}

/// A single pointer of time: what shows up later in a second that was read already is lost.
#[test]
fn a_late_event_in_a_second_already_read_is_delivered_once() {
    let settings = Settings {
        audit_logs: 200,
        tickets: 0,
        live_audit_logs_per_minute: 60,
        late_percent: 40,
        burst_percent: 60,
        ..Settings::default()
    };
    let mut world = World::new(settings, only("audit_logs"));
    world.live(Life::Stopped(Duration::from_secs(2_400))).expect("a run");
    let young = world.now.checked_sub(SignedDuration::from_secs(480)).expect("a time");
    let held = by_id(&world.memory_lines("audit_logs"), "memory");
    let truth = world.truth("audit_logs");
    let due: Vec<_> = truth.iter().filter(|line| time_of(line, "created_at") <= young).collect();
    assert!(due.len() > 2_000, "{}", due.len());
    for line in due {
        assert_eq!(held.get(&truth::id_of(line)), Some(line));
    }
}

/// Resuming at a time, its second included: the events of that second come with every run.
#[test]
fn the_events_of_the_boundary_second_come_once() {
    for (filter_start_exclusive, filter_end_exclusive) in [(false, false), (true, true)] {
        let settings = Settings {
            audit_logs: 400,
            tickets: 0,
            burst_percent: 95,
            live_audit_logs_per_minute: 60,
            filter_start_exclusive,
            filter_end_exclusive,
            ..Settings::default()
        };
        let reading = Reading { max_pages: Some(2), ..only("audit_logs") };
        let mut world = World::new(settings, reading);
        for _ in 0..30 {
            world.live(Life::Once).expect("a run");
            world.wait(Duration::from_secs(7));
        }
        world.reading.max_pages = None;
        world.live(Life::Once).expect("the last run");
        let held = by_id(&world.memory_lines("audit_logs"), "memory");
        assert!(held.len() > 500, "{}", held.len());
        by_id(&world.file_lines("audit_logs.ndjson"), "the file");
    }
}

/// All of a history within one second: pages cannot be told apart by time.
#[test]
fn more_events_in_one_second_than_a_page_holds_are_read() {
    let settings =
        Settings { audit_logs: 2_300, tickets: 2_300, burst_percent: 100, ..Settings::default() };
    let mut world = settled(settings, Reading::default());
    world.live(Life::OnceOrCrash(Duration::from_millis(1))).expect("it may die");
    world.live(Life::Once).expect("a run");
    assert_all(&world);
}

/// Time-outs, cut answers, 409 and what content networks say are taken for the end of the run.
#[test]
fn every_failure_that_may_pass_is_survived() {
    let names = [
        "429",
        "500",
        "502",
        "503",
        "504",
        "520",
        "409",
        "cut",
        "truncated",
        "slow",
        "badjson",
        "empty",
        "timeout",
        "html",
        "error",
    ];
    for name in names {
        let faults = faults(&format!("{name}:3"));
        let settings = Settings { audit_logs: 900, tickets: 70, faults, ..Settings::default() };
        let mut world = settled(settings, Reading::default());
        world.live(Life::Once).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_all(&world);
    }
}

/// A time-out while the answer is read is no failed connection, and ends the run.
#[test]
fn a_read_timeout_is_retried() {
    let settings = Settings {
        audit_logs: 500,
        tickets: 20,
        faults: faults("timeout:4,cut:5"),
        ..Settings::default()
    };
    let mut world = settled(settings, Reading::default());
    world.live(Life::Once).expect("a run");
    assert_all(&world);
}

/// `int(Retry-After)` fails on a date.
#[test]
fn an_http_date_in_retry_after_is_understood() {
    let settings = Settings {
        audit_logs: 2_000,
        tickets: 20,
        retry_after: RetryAfter::HttpDate,
        faults: faults("429:5"),
        ..Settings::default()
    };
    let mut world = settled(settings, Reading::default());
    world.live(Life::Once).expect("a run");
    assert_all(&world);
}

/// A wrong password that is tried again and again locks the account.
#[test]
fn refused_credentials_are_tried_once() {
    let settings =
        Settings { credentials: Some(simulator::Credentials::default()), ..Settings::default() };
    let mut world = settled(settings, Reading::default());
    for life in [Life::Once, Life::Stopped(Duration::from_secs(3_600))] {
        let error = world.live(life).expect_err("nobody is let in").to_string();
        assert!(error.contains("hint"), "{error}");
        assert!(!error.contains("the-bearer-token"), "{error}");
        assert_eq!(world.requests.len(), 2, "one try a stream");
    }
    assert!(world.memory.is_empty());
}

/// The page limit of a run cuts it short in silence, and the rest has no one to read it.
#[test]
fn a_run_cut_short_by_its_page_limit_goes_on_from_there() {
    let settings = Settings { audit_logs: 2_500, tickets: 4_200, ..Settings::default() };
    let mut world = settled(settings, Reading { max_pages: Some(3), ..Reading::default() });
    for run in 1..=10 {
        world.live(Life::Once).expect("a run");
        // A run reads the last second of the one before again.
        let held = world.memory_lines("audit_logs").len();
        assert!((2_500.min(run * 290)..=2_500.min(run * 300)).contains(&held), "{held}");
    }
    assert_all(&world);
}

/// One second fuller than a run's pages: each run reads the same again, for ever.
#[test]
fn a_second_fuller_than_the_page_limit_is_read_in_several_runs() {
    let settings =
        Settings { audit_logs: 1_000, tickets: 0, burst_percent: 100, ..Settings::default() };
    let mut world = settled(settings, Reading { max_pages: Some(2), ..only("audit_logs") });
    for _ in 0..6 {
        world.live(Life::Once).expect("a run");
    }
    assert_all(&world);
}

/// No start, or an hour back for some and the beginning for others.
#[test]
fn history_starts_where_it_is_told_to() {
    let settings = Settings { audit_logs: 1_500, tickets: 0, ..Settings::default() };
    let since = settings.now.checked_sub(SignedDuration::from_hours(100)).expect("a time");
    let mut world = settled(settings, Reading { since, ..only("audit_logs") });
    world.live(Life::Once).expect("a run");
    let truth = world.truth("audit_logs");
    let wanted: Vec<_> =
        truth.into_iter().filter(|line| time_of(line, "created_at") >= since).collect();
    assert!(!wanted.is_empty());
    assert_eq!(world.memory_lines("audit_logs"), wanted);
}

/// A loop that adds each page after the first twice.
#[test]
fn no_page_is_doubled() {
    let settings = Settings {
        audit_logs: 3_000,
        tickets: 4_500,
        faults: faults("repeat:3"),
        ..Settings::default()
    };
    let one_piece = Reading { history: History::InOnePiece, ..Reading::default() };
    let mut world = settled(settings, one_piece);
    world.live(Life::Once).expect("a run");
    let simulator = world.simulator.lock().expect("no panic in the simulator");
    assert!(simulator.stats().fault(simulator::Fault::Repeat) > 3, "pages were repeated");
    drop(simulator);
    assert_all(&world);
}

/// At a 429 the loop ends, and the run says that it succeeded, with 1,900 of 5,000.
#[test]
fn a_429_waits_and_loses_nothing() {
    let settings = Settings {
        audit_logs: 5_000,
        tickets: 0,
        retry_after: RetryAfter::Seconds(2),
        faults: faults("429:20"),
        ..Settings::default()
    };
    let mut world = settled(settings, Reading::default());
    world.live(Life::Once).expect("a run");
    let simulator = world.simulator.lock().expect("no panic in the simulator");
    assert!(simulator.stats().answers(429) >= 2);
    drop(simulator);
    assert_all(&world);
}

/// Records that are none: one breaks its page, or is dropped in silence.
#[test]
fn what_is_no_record_is_kept_with_the_reason_and_costs_no_other() {
    let settings = Settings {
        audit_logs: 700,
        tickets: 210,
        malformed_every: Some(7),
        oversized_every: Some(50),
        oversized_bytes: 30_000,
        ..Settings::default()
    };
    let reading = Reading { max_record_bytes: 20_000, ..Reading::default() };
    let mut world = settled(settings, reading);
    let tally = world.live(Life::Once).expect("a run");
    let rejected = world.file_lines("rejected.ndjson");
    for stream in BOTH {
        let mut lines = world.memory_lines(stream);
        // An object without an id is an object.
        let whole = lines.len();
        lines.retain(|line| line != r#"{"note":"no id"}"#);
        let odd = whole - lines.len();
        assert_exactly(&world, stream, &lines, "memory");
        let records = lines.len();
        let of_stream = |line: &&String| line.contains(&format!(r#""stream":"{stream}""#));
        let kept: Vec<&String> = rejected.iter().filter(of_stream).collect();
        assert_eq!(kept.len() + odd, records / 7 + records / 50, "{stream}");
        for line in kept {
            let entry: Value = serde_json::from_str(line).expect("JSON");
            assert!(entry["reason"].as_str().is_some_and(|reason| !reason.is_empty()), "{line}");
        }
    }
    let counted: u64 = tally.streams.iter().map(|it| it.rejected.load(Ordering::Relaxed)).sum();
    assert_eq!(counted, rejected.len() as u64);
}

/// What is looked at again for what may show up late brings what is no record once more.
#[test]
fn what_is_no_record_is_kept_once_however_often_it_is_looked_at() {
    let settings = Settings {
        audit_logs: 300,
        tickets: 0,
        history: Duration::from_secs(600),
        oversized_every: Some(30),
        oversized_bytes: 30_000,
        ..Settings::default()
    };
    let reading = Reading { max_record_bytes: 20_000, ..only("audit_logs") };
    let mut world = World::new(settings, reading);
    world.live(Life::Crash(Duration::from_secs(300))).expect("it dies");
    let tally = world.live(Life::Stopped(Duration::from_secs(1_800))).expect("a run");
    assert!(tally.streams[0].deduplicated.load(Ordering::Relaxed) > 300, "it was looked at again");
    assert_exactly(&world, "audit_logs", &world.memory_lines("audit_logs"), "memory");
    assert_eq!(world.file_lines("rejected.ndjson").len(), 10);
}

fn list(first: u64, cursor: &str) -> Canned {
    let record = |id| json!({"id": id, "created_at": "2026-11-01T00:00:00Z"});
    let records: Vec<_> = (first..first + 3).map(record).collect();
    let meta = json!({"has_more": true, "after_cursor": cursor});
    answer(200, json!({"audit_logs": records, "meta": meta}).to_string())
}

/// Reads audit logs from a script until the stream ends or fails for good, and returns the error
/// and how many requests that took. The records are younger than what may still show up.
fn read_script(script: &Arc<Script>) -> (Vec<ApiError>, usize) {
    let runtime = crate::world::paused();
    let mut errors = Vec::new();
    runtime.block_on(async {
        let clock = Clock::simulated("2026-11-01T00:05:00Z".parse().expect("a time"));
        let random = Arc::new(Random::from_seed(1));
        let client = world::client(Arc::clone(script) as _, clock, 1.0, random);
        let spec = streams::find("audit_logs").expect("it is in the catalogue");
        let settings = world::stream_settings(&Reading::default(), spec, true);
        let (_, pages) = streams::open(Arc::new(client), settings, None).expect("no position");
        let mut pages = std::pin::pin!(pages);
        while let Some(page) = pages.next().await {
            assert!(script.met().len() < 500, "it asks for ever");
            if let Err(error) = page {
                errors.push(error);
                break;
            }
        }
    });
    (errors, script.met().len())
}

/// A cursor that expired: the same link is followed in each run, with the same error.
#[test]
fn a_cursor_that_is_refused_is_given_up_and_one_that_is_always_refused_ends_the_stream() {
    let refusal = r#"{"errors":[{"code":"InvalidPaginationParameter","detail":"cursor"}]}"#;
    let script =
        Script::ruled(
            move |met| {
                if met.uri.contains("after") { answer(400, refusal) } else { list(1, "c1") }
            },
        );
    let (errors, requests) = read_script(&script);
    assert_eq!(requests, 4, "from the start once more, and not for ever");
    assert!(errors[0].message.contains("InvalidPaginationParameter"), "{errors:?}");
}

/// A page that leads back to itself is read until the disk is full.
#[test]
fn a_page_that_leads_back_to_itself_ends_the_stream() {
    let script = Script::ruled(|_| list(1, "same"));
    let (errors, requests) = read_script(&script);
    assert!((2..=20).contains(&requests), "{requests}");
    assert!(errors[0].message.contains("leads back to itself"), "{errors:?}");
}

/// A sink with hindrances: so many writes fail, each takes so long.
#[derive(Debug)]
pub(crate) struct Hindered {
    pub(crate) inner: Memory,
    kind: SinkErrorKind,
    pub(crate) failures: AtomicU64,
    delay: Mutex<Duration>,
}

impl Hindered {
    fn slow(delay: Duration) -> Arc<Self> {
        let (inner, kind) = (Memory::new(), SinkErrorKind::Retry);
        Arc::new(Self { inner, kind, failures: AtomicU64::new(0), delay: Mutex::new(delay) })
    }

    pub(crate) fn failing(failures: u64, kind: SinkErrorKind) -> Arc<Self> {
        let failures = AtomicU64::new(failures);
        Arc::new(Self { inner: Memory::new(), kind, failures, delay: Mutex::default() })
    }

    fn recover(&self) {
        *self.delay.lock().expect("nobody panics with it") = Duration::ZERO;
    }
}

#[async_trait]
impl Sink for Hindered {
    async fn check(&self) -> Result<Checked, SinkError> {
        Ok(Checked::new("nothing was tried"))
    }

    async fn restore(&self, state: Option<&SinkState>) -> Result<Restored, SinkError> {
        self.inner.restore(state).await
    }

    async fn prepare(&self, batch: &Batch) -> Result<Option<SinkState>, SinkError> {
        self.inner.prepare(batch).await
    }

    async fn write(&self, batch: &Batch) -> Result<Written, SinkError> {
        let delay = *self.delay.lock().expect("nobody panics with it");
        tokio::time::sleep(delay).await;
        if take_one(&self.failures) {
            return Err(SinkError::new(self.kind, "the sink is away"));
        }
        self.inner.write(batch).await
    }
}

/// A sink that remembers nothing over a crash: what it is given twice, it has twice.
#[derive(Debug, Default)]
struct Forgetful(Mutex<Vec<String>>);

#[async_trait]
impl Sink for Forgetful {
    async fn check(&self) -> Result<Checked, SinkError> {
        Ok(Checked::new("nothing was tried"))
    }

    async fn write(&self, batch: &Batch) -> Result<Written, SinkError> {
        let lines = batch.events.iter().map(|it| String::from_utf8_lossy(&it.line).into_owned());
        self.0.lock().expect("nobody panics with it").extend(lines);
        Ok(Written::default())
    }
}

pub(crate) fn extra(name: &'static str, takes: &[&'static str], sink: Arc<dyn Sink>) -> Extra {
    Extra { name, takes: takes.to_vec(), acknowledged: true, sink, delivery: None }
}

fn small_batches() -> Reading {
    let batch = BatchSettings { max_bytes: 1 << 20, max_events: 100, max_age: Duration::ZERO };
    Reading { batch, ..Reading::default() }
}

/// One slow destination stops all streams, or grows a queue until memory is gone.
#[test]
fn a_slow_sink_holds_its_own_streams_as_far_as_the_queue_and_no_other() {
    let settings = Settings { audit_logs: 3_000, tickets: 1_500, ..Settings::default() };
    let mut world = settled(settings, small_batches());
    let slow = Hindered::slow(Duration::from_secs(86_400));
    let forgetful = Arc::new(Forgetful::default());
    world.extra.push(extra("slow", &["audit_logs"], slow.clone()));
    world.extra.push(extra("forgetful", &BOTH, forgetful.clone()));
    world.live(Life::Crash(Duration::from_secs(3_600))).expect("it dies");
    assert_exactly(&world, "tickets", &world.memory_lines("tickets"), "memory");
    // Pages of 100: one written, one batch and two pages queued, one collected, one in hand.
    let ahead = world.memory_lines("audit_logs").len();
    assert!((200..=700).contains(&ahead), "{ahead}");
    assert!(slow.inner.is_empty());
    let saved = FileStore::peek(&world.checkpoint()).expect("readable").expect("a checkpoint").1;
    let logs = &saved.streams["acme.audit_logs"];
    assert_eq!(logs.position.0["from"], "1970-01-01T00:00:00Z", "the position waits");
    assert_eq!(logs.ahead["memory"].len(), ahead, "what the fast one holds is remembered");
    slow.recover();
    world.live(Life::Once).expect("the sink is fast again");
    assert_all(&world);
    assert_exactly(&world, "audit_logs", &slow.inner.lines(), "the slow sink");
    let held = forgetful.0.lock().expect("nobody panics with it").clone();
    assert_eq!(held.len(), 4_500, "a fast sink is not given again what it holds");
    assert_eq!(counts(&held).len(), 4_500);
}

/// Three tries, and then the batch is dropped, or the run.
#[test]
fn a_sink_that_is_away_is_tried_until_it_is_back() {
    let settings = Settings { audit_logs: 1_000, tickets: 50, ..Settings::default() };
    let mut world = settled(settings, small_batches());
    let failing = Hindered::failing(40, SinkErrorKind::Retry);
    world.extra.push(extra("failing", &["audit_logs"], failing.clone()));
    let began = world.now;
    let tally = world.live(Life::Once).expect("a run");
    assert!(world.now.duration_since(began).as_secs() > 120, "with longer and longer pauses");
    assert_all(&world);
    assert_exactly(&world, "audit_logs", &failing.inner.lines(), "the sink that was away");
    let counted = tally.sinks.iter().find(|it| it.name == "failing").expect("the sink");
    assert_eq!(counted.retries.load(Ordering::Relaxed), 40);
    assert_eq!(counted.events.load(Ordering::Relaxed), 1_000);
}

/// A sink that refuses for good is logged, and the position goes on without it.
#[test]
fn a_sink_that_refuses_for_good_ends_the_run_and_loses_nothing() {
    let settings = Settings { audit_logs: 1_000, tickets: 50, ..Settings::default() };
    let mut world = settled(settings, small_batches());
    let refusing = Hindered::failing(1, SinkErrorKind::Config);
    world.extra.push(extra("refusing", &["audit_logs"], refusing.clone()));
    let error = world.live(Life::Once).expect_err("nobody would notice otherwise");
    assert!(matches!(&error, RunError::Sink { name, .. } if name == "refusing"), "{error}");
    world.live(Life::Once).expect("it was put right");
    assert_all(&world);
    assert_exactly(&world, "audit_logs", &refusing.inner.lines(), "the sink that refused");
}

/// A dashboard that hangs stops the archive.
#[test]
fn a_sink_that_is_not_waited_for_holds_nothing_and_counts_what_it_misses() {
    let settings = Settings {
        audit_logs: 3_000,
        tickets: 50,
        latency: Duration::from_millis(100),
        ..Settings::default()
    };
    let mut world = settled(settings, small_batches());
    let slow = Hindered::slow(Duration::from_secs(600));
    let dashboard = extra("dashboard", &["audit_logs"], slow.clone());
    world.extra.push(Extra { acknowledged: false, ..dashboard });
    let tally = world.live(Life::Once).expect("a run");
    assert_all(&world);
    let counted = tally.sinks.iter().find(|it| it.name == "dashboard").expect("the sink");
    let (held, missed) =
        (counted.events.load(Ordering::Relaxed), counted.discarded.load(Ordering::Relaxed));
    assert!(missed > 0 && held > 0, "{held} and {missed}");
    assert_eq!(held + missed, 3_000);
    assert_eq!(slow.inner.len() as u64, held);
    world.live(Life::Once).expect("a second run");
    assert_eq!(slow.inner.len() as u64, held, "the position did not wait");
}

/// After a crash the file has a hole, a torn line, or the last batch twice or out of order.
#[test]
fn events_are_in_order_in_the_file_whenever_the_run_dies() {
    let settings = Settings {
        audit_logs: 2_000,
        tickets: 300,
        latency: Duration::from_millis(700),
        ..Settings::default()
    };
    let mut world = settled(settings, small_batches());
    for millis in [1, 700, 701, 1_400, 2_500, 3_333, 5_000] {
        world.live(Life::OnceOrCrash(Duration::from_millis(millis))).expect("it dies");
    }
    world.live(Life::Once).expect("the last run");
    assert_all(&world);
}

/// The whole job at once: a 429 at each 20th request, a failure at each 50th. `ZENSTREAM_FULL=1`
/// makes it 100,000 of each; without it, a fifth.
#[test]
fn a_large_account_is_collected_exactly_once_whatever_fails() {
    let records = if std::env::var_os("ZENSTREAM_FULL").is_some() { 100_000 } else { 20_000 };
    let settings = Settings {
        audit_logs: records,
        tickets: records,
        faults: faults("429:20,error:50"),
        // Each page is asked for once or twice: nothing to keep.
        cache_bytes: 0,
        ..Settings::default()
    };
    let mut world = settled(settings, Reading { sinks: vec!["file"], ..Reading::default() });
    let began = world.now;
    world.live(Life::Once).expect("a run");
    let simulator = world.simulator.lock().expect("no panic in the simulator");
    for stream in BOTH {
        let path = world.directory.path().join("out").join(format!("{stream}.ndjson"));
        let file = BufReader::new(std::fs::File::open(path).expect("the file"));
        let mut held = file.split(b'\n').map(|line| line.expect("a line"));
        let mut truth = simulator.records(stream, world.now);
        // Equal one by one, in order: each id is there, once, unchanged.
        let equal = held.by_ref().zip(&mut truth).take_while(|(held, truth)| held == truth);
        assert_eq!(equal.count(), records, "{stream}");
        assert!(held.next().is_none() && truth.next().is_none(), "{stream}");
    }
    let stats = simulator.stats();
    println!("{:?} in {:?} of the account's time", stats, world.now.duration_since(began));
    assert!(stats.answers(429) >= stats.requests / 25, "{stats:?}");
    let failures = stats.faults.values().sum::<u64>() - stats.answers(429);
    assert!(failures >= stats.requests / 120, "{stats:?}");
}
