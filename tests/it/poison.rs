//! A page of history that cannot be read: nothing else waits for it, it is told once, and as soon as
//! it can be read again exactly the rest comes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures::StreamExt as _;
use http::StatusCode;
use jiff::{SignedDuration, Timestamp};

use zenstream::checkpoint::MemoryStore;
use zenstream::clock::Clock;
use zenstream::pipeline::{
    DeliverySettings, Pipeline, RunError, RunOptions, SinkPlan, SourcePlan, Tally,
};
use zenstream::random::Random;
use zenstream::simulator::transport::SimulatedTransport;
use zenstream::simulator::{Settings, Simulator};
use zenstream::sinks::{
    Batch, Checked, Memory, Restored, Sink, SinkError, SinkErrorKind, SinkState, Written,
};
use zenstream::streams::{self, History, Page, find};
use zenstream::zendesk::transport::{Request, Response, Transport, TransportError};

use crate::truth::by_id;
use crate::world::{Reading, client, stream_settings};

/// How a page that cannot be read is answered.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Way {
    Status(u16),
    /// 200, and half of the page.
    Cut,
}

/// What is wrong with the account at present.
#[derive(Debug, Clone, Default)]
struct Wrong {
    /// Pages with one of these texts are answered like that.
    pages: Option<(Vec<String>, Way)>,
    /// From and until when whatever is asked up to the present is answered 500.
    tail: Vec<(Timestamp, Timestamp)>,
}

/// An account of which some pages cannot be read.
#[derive(Debug)]
struct Poisoned {
    behind: SimulatedTransport,
    clock: Clock,
    wrong: Wrong,
    /// How often a page was asked for that cannot be read.
    refused: AtomicUsize,
}

impl Poisoned {
    fn fails_as_tail(&self, request: &Request) -> bool {
        let now = self.clock.now();
        let query = request.uri().query().unwrap_or_default().as_bytes();
        let times = url::form_urlencoded::parse(query).filter(|(name, _)| name.contains("created"));
        let last = times.filter_map(|(_, at)| at.parse::<Timestamp>().ok()).max();
        let is_tail = last.is_some_and(|last| now.duration_since(last).as_mins() < 5);
        is_tail && self.wrong.tail.iter().any(|(from, until)| (*from..*until).contains(&now))
    }
}

#[async_trait]
impl Transport for Poisoned {
    async fn send(&self, request: Request) -> Result<Response, TransportError> {
        let fails = self.fails_as_tail(&request);
        let Response { status, headers, mut body } = self.behind.send(request).await?;
        let mut whole = Vec::new();
        while let Some(piece) = body.next().await {
            whole.extend_from_slice(&piece?);
        }
        let has = |needle: &String| whole.windows(needle.len()).any(|it| it == needle.as_bytes());
        let poisoned = self.wrong.pages.as_ref().filter(|(needles, _)| needles.iter().any(has));
        self.refused.fetch_add(usize::from(poisoned.is_some()), Ordering::Relaxed);
        let way = poisoned.map(|(_, way)| *way).or(fails.then_some(Way::Status(500)));
        let said = |status| format!(r#"{{"error":"Strange","description":"{status}"}}"#);
        let (status, body) = match way {
            None => (status, whole),
            Some(Way::Status(code)) => {
                (StatusCode::from_u16(code).expect("a status"), said(code).into_bytes())
            }
            Some(Way::Cut) => (status, whole[..whole.len() / 2].to_vec()),
        };
        let body = futures::stream::once(async { Ok(Bytes::from(body)) }).boxed();
        Ok(Response { status, headers, body })
    }
}

/// An account that outlives the runs on it.
struct Account {
    simulator: Arc<Mutex<Simulator>>,
    now: Timestamp,
    wrong: Wrong,
    history: History,
    memory: Memory,
    /// A second sink.
    second: Option<Arc<Sometimes>>,
    store: Arc<MemoryStore>,
    runs: u64,
}

/// A sink that is away at times.
#[derive(Debug, Default)]
struct Sometimes {
    inner: Memory,
    is_away: AtomicBool,
}

#[async_trait]
impl Sink for Sometimes {
    async fn check(&self) -> Result<Checked, SinkError> {
        self.inner.check().await
    }

    async fn restore(&self, state: Option<&SinkState>) -> Result<Restored, SinkError> {
        self.inner.restore(state).await
    }

    async fn prepare(&self, batch: &Batch) -> Result<Option<SinkState>, SinkError> {
        self.inner.prepare(batch).await
    }

    async fn write(&self, batch: &Batch) -> Result<Written, SinkError> {
        if self.is_away.load(Ordering::Relaxed) {
            return Err(SinkError::new(SinkErrorKind::Retry, "nobody answers"));
        }
        self.inner.write(batch).await
    }
}

/// What is left of a run.
struct Left {
    outcome: Result<(), RunError>,
    tally: Arc<Tally>,
    /// How often a page was asked for that cannot be read.
    refused: usize,
}

impl Account {
    fn new(history: History) -> Self {
        let settings = Settings {
            audit_logs: 3_000,
            tickets: 0,
            live_audit_logs_per_minute: 20,
            latency: Duration::from_millis(200),
            ..Settings::default()
        };
        Self {
            now: settings.now,
            simulator: Arc::new(Mutex::new(Simulator::new(settings))),
            wrong: Wrong::default(),
            history,
            memory: Memory::new(),
            second: None,
            store: Arc::new(MemoryStore::new()),
            runs: 0,
        }
    }

    /// All records so far.
    fn truth(&self) -> BTreeMap<String, String> {
        let simulator = self.simulator.lock().expect("no panic in the simulator");
        let lines = simulator.records("audit_logs", self.now);
        let lines: Vec<_> = lines.map(|line| String::from_utf8_lossy(&line).into_owned()).collect();
        by_id(&lines, "the account")
    }

    /// From now on pages that have these records, by their place in history, cannot be read.
    fn poison(&mut self, records: &[usize], way: Way) {
        let simulator = self.simulator.lock().expect("no panic in the simulator");
        let lines: Vec<Bytes> = simulator.records("audit_logs", self.now).collect();
        let id = |at: &usize| {
            let line = String::from_utf8_lossy(&lines[*at]).into_owned();
            line[1..=line.find(',').expect("its id comes first")].to_owned()
        };
        self.wrong.pages = Some((records.iter().map(id).collect(), way));
    }

    fn transport(&self, clock: Clock) -> Arc<Poisoned> {
        Arc::new(Poisoned {
            behind: SimulatedTransport::new(Arc::clone(&self.simulator), clock),
            clock,
            wrong: self.wrong.clone(),
            refused: AtomicUsize::new(0),
        })
    }

    fn reading(&self) -> Reading {
        let poll_interval = Duration::from_secs(30);
        Reading { history: self.history, poll_interval, ..Reading::default() }
    }

    /// Follows for so long, or reads to the present end.
    fn run(&mut self, for_so_long: Option<Duration>) -> Left {
        self.runs += 1;
        let runtime = crate::world::paused();
        let (left, now) = runtime.block_on(async {
            let clock = Clock::simulated(self.now);
            let random = Arc::new(Random::from_seed(self.runs));
            let transport = self.transport(clock);
            let client = client(transport.clone(), clock, 0.95, Arc::clone(&random));
            let spec = find("audit_logs").expect("a row");
            let settings = stream_settings(&self.reading(), spec, for_so_long.is_some());
            let source = SourcePlan {
                name: "acme".to_owned(),
                client: Arc::new(client),
                streams: vec![(settings, None)],
            };
            let plan = |name: &str, sink: Arc<dyn Sink>| SinkPlan {
                name: name.to_owned(),
                inputs: vec!["acme.audit_logs".to_owned()],
                acknowledged: true,
                healthcheck: false,
                delivery: DeliverySettings::STREAMING,
                sink,
            };
            let mut sinks = vec![plan("memory", Arc::new(self.memory.clone()))];
            sinks.extend(self.second.clone().map(|sink| plan("second", sink)));
            let store = Arc::clone(&self.store);
            let pipeline = Pipeline::new(vec![source], sinks, store, clock, random);
            let tally = pipeline.tally();
            let options = RunOptions {
                once: for_so_long.is_none(),
                max_pages: None,
                shutdown_timeout: Duration::from_secs(60),
            };
            let stop = tokio::time::sleep(for_so_long.unwrap_or(Duration::from_hours(99)));
            let outcome = pipeline.run(options, stop).await;
            let refused = transport.refused.load(Ordering::Relaxed);
            (Left { outcome, tally, refused }, clock.now())
        });
        self.now = now;
        left
    }

    fn wait(&mut self, minutes: i64) {
        self.now = self.now.checked_add(SignedDuration::from_mins(minutes)).expect("near");
    }

    /// Which records are not in memory, of those that are so old; none may be there twice.
    fn missing(&self, minutes: i64) -> Vec<String> {
        let held = self.memory.events();
        let held: Vec<_> =
            held.iter().map(|it| String::from_utf8_lossy(&it.line).into_owned()).collect();
        let held = by_id(&held, "memory");
        let settled = self.now.checked_sub(SignedDuration::from_mins(minutes)).expect("near");
        let is_settled = |line: &String| {
            let record: serde_json::Value = serde_json::from_str(line).expect("a record");
            let at = record["created_at"].as_str().expect("a time");
            at.parse::<Timestamp>().expect("a time") < settled
        };
        let missing = self.truth().into_iter().filter(|(id, _)| !held.contains_key(id));
        missing.filter(|(_, line)| is_settled(line)).map(|(id, _)| id).collect()
    }
}

const WAYS: [Way; 4] = [Way::Status(400), Way::Status(403), Way::Status(500), Way::Cut];

#[test]
fn a_run_to_the_present_end_reads_all_but_the_pages_that_cannot_be_read_and_the_next_exactly_those()
{
    let in_order = WAYS.map(|way| (History::InOrder, way));
    let in_slices = [Way::Status(400), Way::Cut].map(|way| (History::InSlices, way));
    for (history, way) in in_order.into_iter().chain(in_slices) {
        let mut account = Account::new(history);
        account.poison(&[1_250, 2_900], way);
        let mut before = None;
        for run in 0..3 {
            let left = account.run(None);
            let error = left.outcome.expect_err("some of it was not read").to_string();
            assert!(error.contains("`history-") && error.contains("is left out"), "{error}");
            assert!(error.contains("\nhint: "), "{error}");
            // All but what is before the two in their slices is there, the present as well.
            let missing = account.missing(2);
            let label = format!("{history:?} {way:?}, run {run}");
            assert!((2..=1_000).contains(&missing.len()), "{label}: {}", missing.len());
            let before = before.get_or_insert_with(|| missing.clone());
            assert_eq!(missing, *before, "{label}: nothing else is missing");
            let most = match way {
                // With a cursor and without.
                Way::Status(400) => 4,
                Way::Status(403) => 2,
                // As often as any request is tried, and once in a while meanwhile.
                _ => 2 * 11 + 8,
            };
            if run > 0 {
                assert!(left.refused <= most, "{label}: asked {} times", left.refused);
            }
            // So long that what came meanwhile is worth cutting.
            account.wait(if run == 0 { 240 } else { 10 });
        }
        let parts: BTreeSet<String> =
            account.memory.events().iter().map(|it| it.origin.partition.clone()).collect();
        assert!(parts.len() > 2 * 8, "a new history is cut beside what rests: {parts:?}");
        account.wrong = Wrong::default();
        account.run(None).outcome.expect("it is well");
        assert_eq!(account.missing(2), [""; 0], "{history:?} {way:?}");
    }
}

#[test]
fn a_page_that_the_tail_meets_first_holds_the_tail_no_longer_than_it_is_young() {
    // That the tail may not read something is a matter of the whole list.
    let ways = WAYS.iter().filter(|way| **way != Way::Status(403));
    let in_modes = |way: &Way| [(History::InOrder, *way), (History::InSlices, *way)];
    for (history, way) in ways.flat_map(in_modes) {
        let mut account = Account::new(history);
        account.poison(&[50], way);
        for _ in 0..2 {
            let error = account.run(None).outcome.expect_err("some of it was not read");
            assert!(error.to_string().contains("`history-"), "{error}");
            let missing = account.missing(2).len();
            assert!((1..1_000).contains(&missing), "{history:?} {way:?}: {missing}");
            account.wait(40);
        }
        // And one more of what is new, which again the tail meets first.
        account.poison(&[50, 3_020], way);
        let mut before = None;
        for _ in 0..2 {
            account.run(None).outcome.expect_err("some of it was not read");
            let missing = account.missing(2).len();
            let before = *before.get_or_insert(missing);
            assert!(missing <= before, "{history:?} {way:?}: {missing} after {before}");
            account.wait(40);
        }
        account.wrong = Wrong::default();
        account.run(None).outcome.expect("it is well");
        assert_eq!(account.missing(2), [""; 0], "{history:?} {way:?}");
    }
}

#[test]
fn a_page_that_always_fails_holds_a_tail_that_is_followed_for_some_tries_only() {
    for way in [Way::Status(500), Way::Cut] {
        let mut account = Account::new(History::InSlices);
        account.poison(&[50], way);
        account.run(Some(Duration::from_mins(60))).outcome.expect("the rest is well");
        let missing = account.missing(2).len();
        assert!((1..1_000).contains(&missing), "{way:?}: {missing}");
        account.wrong = Wrong::default();
        account.run(Some(Duration::from_mins(10))).outcome.expect("all is well");
        assert_eq!(account.missing(2), [""; 0], "{way:?}");
    }
}

#[test]
fn what_a_sink_holds_of_a_part_that_is_left_out_does_not_come_twice_when_it_can_be_read() {
    for history in [History::InOrder, History::InSlices] {
        let mut account = Account::new(history);
        let second = Arc::new(Sometimes::default());
        account.second = Some(Arc::clone(&second));
        second.is_away.store(true, Ordering::Relaxed);
        account.run(Some(Duration::from_mins(5))).outcome.expect_err("one waits");
        assert!(account.memory.len() > 100 && second.inner.is_empty(), "one is ahead");
        second.is_away.store(false, Ordering::Relaxed);
        account.poison(&[50], Way::Status(400));
        account.run(Some(Duration::from_mins(10))).outcome.expect("all else is read");
        account.wrong = Wrong::default();
        account.run(None).outcome.expect("it is well");
        assert_eq!(account.missing(2), [""; 0], "{history:?}");
        assert_eq!(second.inner.len(), account.memory.len(), "{history:?}");
    }
}

#[test]
fn a_page_that_always_fails_is_left_out_told_once_and_over_when_it_came() {
    for way in [Way::Status(500), Way::Cut] {
        let mut account = Account::new(History::InSlices);
        account.poison(&[1_250], way);
        let left = account.run(Some(Duration::from_mins(90)));
        left.outcome.expect("the rest is well");
        let stream = &left.tally.streams[0];
        assert_eq!(stream.errors.load(Ordering::Relaxed), 1, "{way:?}: told once");
        let trouble = stream.standing().trouble.expect("it is told");
        assert!(!trouble.over && trouble.message.contains("is left out"), "{trouble:?}");
        assert!(trouble.hint.is_some() && stream.standing().caught_up);
        // Eleven tries at first, and then one each five minutes.
        assert!((20..=45).contains(&left.refused), "{way:?}: asked {} times", left.refused);
        let missing = account.missing(2).len();
        assert!((1..1_000).contains(&missing), "{way:?}: {missing}");
        account.wrong = Wrong::default();
        let left = account.run(Some(Duration::from_mins(10)));
        left.outcome.expect("all is well");
        assert_eq!(account.missing(2), [""; 0], "{way:?}");
    }
}

/// Pages of a stream that is followed for so long, and how often it failed in between.
fn follow(account: &Account, for_so_long: Duration) -> (Vec<Page>, usize, usize) {
    let runtime = crate::world::paused();
    runtime.block_on(async {
        let clock = Clock::simulated(account.now);
        let transport = account.transport(clock);
        let client = client(transport.clone(), clock, 0.95, Arc::new(Random::from_seed(3)));
        let settings =
            stream_settings(&account.reading(), find("audit_logs").expect("a row"), true);
        let (_, pages) = streams::open(Arc::new(client), settings, None).expect("a start");
        let mut pages = std::pin::pin!(pages);
        let end = tokio::time::Instant::now() + for_so_long;
        let (mut brought, mut failures) = (Vec::new(), 0);
        while let Ok(page) = tokio::time::timeout_at(end, pages.next()).await {
            match page.expect("it is followed") {
                Ok(page) => brought.push(page),
                Err(_) => failures += 1,
            }
        }
        (brought, failures, transport.refused.load(Ordering::Relaxed))
    })
}

#[test]
fn a_part_that_rests_is_not_woken_by_a_trouble_of_the_tail_and_not_over_before_a_page_of_it_came() {
    let mut account = Account::new(History::InSlices);
    account.poison(&[1_250], Way::Status(400));
    let after = |mins| account.now.checked_add(SignedDuration::from_mins(mins)).expect("near");
    // Longer than any request is tried.
    account.wrong.tail = [20, 50, 80].map(|mins| (after(mins), after(mins + 15))).to_vec();
    let (pages, failures, refused) = follow(&account, Duration::from_mins(110));
    assert!(failures >= 3, "the tail failed {failures} times");
    let first = pages.iter().position(|page| !page.left_out.is_empty()).expect("it is left out");
    for page in &pages[first..] {
        assert_eq!(page.left_out, pages[first].left_out, "it neither comes nor goes");
    }
    // After 0, 15, 30, 45 and 60 minutes, with its cursor and without at first.
    assert!((4..=8).contains(&refused), "asked {refused} times");
}
