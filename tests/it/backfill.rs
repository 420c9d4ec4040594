//! History in slices: every record once, within our share of the rate budget, while the tail is
//! followed.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures::StreamExt as _;
use http::{HeaderMap, StatusCode};
use jiff::{SignedDuration, Timestamp};

use zenstream::clock::Clock;
use zenstream::random::Random;
use zenstream::simulator::transport::SimulatedTransport;
use zenstream::simulator::{Refusal, RefusalReason, Settings, Simulator};
use zenstream::streams::{self, History, find};
use zenstream::zendesk::transport::{Request, Response, Transport, TransportError};

use crate::client::PROFILES;
use crate::seeds::{Choices, assert_tail, field, live, over_seeds};
use crate::world::{Life, Reading, World, assert_exactly, client, stream_settings};

/// What was read as part of which slice, or as the tail.
fn partitions(world: &World) -> BTreeSet<String> {
    let events = world.memory.events();
    let logs = events.iter().filter(|event| event.origin.stream == "audit_logs");
    logs.map(|event| event.origin.partition.clone()).collect()
}

fn slices(world: &World) -> usize {
    partitions(world).iter().filter(|name| name.starts_with("history-")).count()
}

/// An account with so much history that it is worth slicing.
fn long_history(choices: &Choices, seed: u64) -> Settings {
    let count = |low, high| usize::try_from(choices.between(low, high)).expect("small");
    Settings {
        audit_logs: count(1_600, 3_000),
        tickets: 0,
        history: Duration::from_hours(choices.between(24, 72)),
        latency: Duration::from_millis(choices.between(0, 600)),
        ..choices.settings(seed)
    }
}

fn audit_logs_alone(choices: &Choices) -> Reading {
    Reading { streams: vec!["audit_logs"], ..choices.reading() }
}

#[test]
fn sliced_history_is_delivered_exactly_once_whatever_fails_and_whenever_it_crashes() {
    let sliced = AtomicUsize::new(0);
    over_seeds("sliced history", 24, |seed| {
        let choices = Choices::of(seed);
        // Spread out: a burst of equal seconds is one slice however many records it has.
        let burst_percent = u32::try_from(choices.between(0, 60)).expect("small");
        let settings = Settings { burst_percent, ..long_history(&choices, seed) };
        let mut world = World::new(settings, audit_logs_alone(&choices));
        world.bucket.slow_down(Duration::from_millis(choices.between(0, 2_000)));
        for _ in 0..choices.between(0, 6) {
            let crash = Duration::from_millis(choices.between(1, 20_000));
            live(&mut world, Life::OnceOrCrash(crash));
            if choices.one_in(2) {
                world.bucket.arrive();
            }
        }
        world.wait(Duration::from_secs(400));
        live(&mut world, Life::Once);
        world.bucket.arrive();
        assert_exactly(&world, "audit_logs", &world.memory_lines("audit_logs"), "memory");
        assert_exactly(&world, "audit_logs", &world.file_lines("audit_logs.ndjson"), "the file");
        assert_exactly(&world, "audit_logs", &world.object_lines("audit_logs"), "the bucket");
        sliced.fetch_add(usize::from(slices(&world) > 1), Ordering::Relaxed);
    });
    // Where the budget is small and the history short, it is read before it is counted.
    let sliced = sliced.into_inner();
    assert!(sliced >= 12 || std::env::var("ZENSTREAM_SEED").is_ok(), "in slices: {sliced}");
}

#[test]
fn what_happens_while_history_is_read_is_delivered_exactly_once_too() {
    over_seeds("history and tail", 12, |seed| {
        let choices = Choices::of(seed);
        let settings = Settings {
            live_audit_logs_per_minute: u32::try_from(choices.between(1, 60)).expect("small"),
            late_percent: 30,
            burst_percent: 20,
            rate_limit: 60,
            ..long_history(&choices, seed)
        };
        let mut world = World::new(settings, audit_logs_alone(&choices));
        for _ in 0..choices.between(1, 5) {
            let life = Duration::from_millis(choices.between(1_000, 90_000));
            let life = if choices.one_in(3) { Life::Stopped(life) } else { Life::Crash(life) };
            live(&mut world, life);
            world.bucket.arrive();
            world.wait(Duration::from_secs(choices.between(0, 300)));
        }
        let settled = world.now;
        live(&mut world, Life::Stopped(Duration::from_secs(1_800)));
        world.bucket.arrive();
        assert_tail(&world, settled, "audit_logs", |line| field(line, "created_at"));
    });
}

#[test]
fn the_tail_is_followed_while_history_is_read() {
    let settings = Settings {
        audit_logs: 6_000,
        tickets: 0,
        live_audit_logs_per_minute: 30,
        rate_limit: 20,
        latency: Duration::from_millis(200),
        ..Settings::default()
    };
    let reading = Reading {
        streams: vec!["audit_logs"],
        poll_interval: Duration::from_secs(10),
        ..Reading::default()
    };
    let mut world = World::new(settings, reading);
    // 60 pages at 16 a minute take four minutes.
    live(&mut world, Life::Stopped(Duration::from_secs(180)));
    assert!(world.memory_lines("audit_logs").len() < 6_000, "history is not done");
    let newest = world.memory.events().iter().filter_map(|event| event.time).max();
    let age = world.now.duration_since(newest.expect("some are there"));
    assert!(age < SignedDuration::from_secs(60 + 40), "the newest is {age:#} old");
}

/// How many events are in memory, and how many of them twice.
fn held_twice(world: &World) -> (usize, usize) {
    let events = world.memory.events();
    let ids: BTreeSet<String> = events.iter().map(zenstream::normalize::Event::id).collect();
    (events.len(), events.len() - ids.len())
}

/// A busy account: what came since the last look is a history of its own, of which some was
/// delivered.
#[test]
fn a_busy_tail_doubles_nothing_however_long_nobody_looked() {
    over_seeds("a busy tail", 6, |seed| {
        let choices = Choices::of(seed);
        let settings = Settings {
            seed,
            audit_logs: 10,
            tickets: 0,
            live_audit_logs_per_minute: u32::try_from(choices.between(120, 300)).expect("small"),
            late_percent: 20,
            ..Settings::default()
        };
        let history = if choices.one_in(2) { History::InSlices } else { History::InOrder };
        let poll_interval = Duration::from_secs(choices.between(60, 900));
        let reading =
            Reading { streams: vec!["audit_logs"], history, poll_interval, ..Reading::default() };
        let mut world = World::new(settings, reading);
        for _ in 0..4 {
            let life = Duration::from_secs(choices.between(600, 1_800));
            live(&mut world, Life::Stopped(life));
            world.bucket.arrive();
            world.wait(Duration::from_secs(choices.between(0, 900)));
        }
        let settled = world.now;
        live(&mut world, Life::Stopped(Duration::from_secs(2_400)));
        world.bucket.arrive();
        let (held, twice) = held_twice(&world);
        assert_eq!(twice, 0, "of {held}");
        assert_tail(&world, settled, "audit_logs", |line| field(line, "created_at"));
    });
}

/// Many requests are under way when a plan is lost: one of them tells it.
#[test]
fn a_refusal_of_a_minute_while_slices_are_read_is_over_after_one_rest() {
    let settings = Settings {
        audit_logs: 60_000,
        tickets: 0,
        latency: Duration::from_secs(2),
        ..Settings::default()
    };
    let after = |secs| settings.now.checked_add(SignedDuration::from_secs(secs)).expect("near");
    let refusal = Refusal {
        stream: "audit_logs".to_owned(),
        from: after(30),
        until: after(90),
        reason: RefusalReason::Plan,
    };
    let settings = Settings { refusals: vec![refusal], ..settings };
    let reading =
        Reading { streams: vec!["audit_logs"], sinks: vec!["memory"], ..Reading::default() };
    let mut world = World::new(settings, reading);
    // One rest is a quarter of an hour, and the rest of the history takes minutes.
    live(&mut world, Life::Stopped(Duration::from_secs(45 * 60)));
    assert_eq!(held_twice(&world), (60_000, 0));
}

/// An account that refuses whatever page has this record, until it is mended.
#[derive(Debug)]
struct RefusesPage {
    behind: SimulatedTransport,
    needle: String,
    mended: AtomicBool,
    refused: AtomicUsize,
}

#[async_trait]
impl Transport for RefusesPage {
    async fn send(&self, request: Request) -> Result<Response, TransportError> {
        let Response { status, headers, mut body } = self.behind.send(request).await?;
        let mut whole = Vec::new();
        while let Some(piece) = body.next().await {
            whole.extend_from_slice(&piece?);
        }
        let has_it = whole.windows(self.needle.len()).any(|part| part == self.needle.as_bytes());
        let (status, body) = if has_it && !self.mended.load(Ordering::Relaxed) {
            self.refused.fetch_add(1, Ordering::Relaxed);
            let body = r#"{"error":"InvalidX","description":"this page cannot be read"}"#;
            (StatusCode::BAD_REQUEST, Bytes::from_static(body.as_bytes()))
        } else {
            (status, Bytes::from(whole))
        };
        Ok(Response { status, headers, body: futures::stream::once(async { Ok(body) }).boxed() })
    }
}

#[test]
fn a_page_of_history_that_is_refused_holds_neither_the_tail_nor_the_rest_of_history() {
    let settings = Settings {
        audit_logs: 6_000,
        tickets: 0,
        live_audit_logs_per_minute: 30,
        latency: Duration::from_millis(200),
        ..Settings::default()
    };
    let now = settings.now;
    let simulator = Arc::new(std::sync::Mutex::new(Simulator::new(settings)));
    let texts = |at: Timestamp| -> Vec<String> {
        let simulator = simulator.lock().expect("no panic in the simulator");
        let lines = simulator.records("audit_logs", at);
        lines.map(|line| String::from_utf8_lossy(&line).into_owned()).collect()
    };
    let bad = texts(now)[2_500].clone();
    let id = &bad[..bad.find(',').expect("its id comes first")];
    let needle = id.trim_start_matches('{').to_owned() + ",";
    let runtime = crate::world::paused();
    let clock = runtime.block_on(async { Clock::simulated(now) });
    let transport = Arc::new(RefusesPage {
        behind: SimulatedTransport::new(Arc::clone(&simulator), clock),
        needle,
        mended: AtomicBool::new(false),
        refused: AtomicUsize::new(0),
    });
    runtime.block_on(async {
        let client = client(transport.clone(), clock, 0.95, Arc::new(Random::from_seed(1)));
        let reading = Reading { poll_interval: Duration::from_secs(10), ..Reading::default() };
        let settings = stream_settings(&reading, find("audit_logs").expect("a row"), true);
        let (_, pages) = streams::open(Arc::new(client), settings, None).expect("a start");
        let mut pages = std::pin::pin!(pages);
        let began = tokio::time::Instant::now();
        let (mut held, mut left_out) = (BTreeSet::new(), BTreeSet::new());
        let mut oldest = Duration::ZERO;
        while began.elapsed() < Duration::from_secs(3_600) {
            let page = pages
                .next()
                .await
                .expect("it is followed")
                .expect("it is no trouble of the stream");
            for event in page.events {
                assert!(held.insert(event.id()), "{} twice", event.id());
                let at = event.time.expect("a time");
                if at > now {
                    let age = clock.now().duration_since(at).unsigned_abs();
                    oldest = oldest.max(age);
                }
            }
            left_out.extend(page.left_out.iter().map(|it| it.part.clone()));
            let is_whole = page.left_out.is_empty();
            assert!(!page.caught_up || is_whole || page.left_out.len() == 1);
            if began.elapsed() > Duration::from_secs(1_800) {
                transport.mended.store(true, Ordering::Relaxed);
            }
        }
        assert_eq!(left_out.len(), 1, "one slice: {left_out:?}");
        // The tail looks every ten seconds at what is a minute old; the first minutes go to history.
        assert!(oldest < Duration::from_secs(90), "{oldest:?}");
        // Twice with its cursor and without, and then every quarter of an hour.
        let refused = transport.refused.load(Ordering::Relaxed);
        assert!((2..=8).contains(&refused), "{refused}");
        let settled = clock.now().checked_sub(SignedDuration::from_secs(120)).expect("near");
        let whole = texts(settled).len();
        assert!(held.len() >= whole, "{} of {whole}", held.len());
    });
}

/// An account that cannot count in time.
#[derive(Debug)]
struct CountsSlowly(SimulatedTransport);

#[async_trait]
impl Transport for CountsSlowly {
    async fn send(&self, request: Request) -> Result<Response, TransportError> {
        if request.uri().query().is_none_or(|query| !query.contains("per_page=1")) {
            return self.0.send(request).await;
        }
        tokio::time::sleep(Duration::from_secs(50)).await;
        let body = Bytes::from_static(b"upstream request timeout");
        Ok(Response {
            status: StatusCode::GATEWAY_TIMEOUT,
            headers: HeaderMap::new(),
            body: futures::stream::once(async { Ok(body) }).boxed(),
        })
    }
}

#[test]
fn a_count_that_takes_long_holds_neither_the_tail_nor_history() {
    let settings = Settings {
        audit_logs: 20_000,
        tickets: 0,
        latency: Duration::from_millis(500),
        rate_limit: 700,
        ..Settings::default()
    };
    let now = settings.now;
    let simulator = Arc::new(std::sync::Mutex::new(Simulator::new(settings)));
    let runtime = crate::world::paused();
    let (arrivals, records) = runtime.block_on(async {
        let clock = Clock::simulated(now);
        let transport = Arc::new(CountsSlowly(SimulatedTransport::new(simulator, clock)));
        let client = client(transport, clock, 0.95, Arc::new(Random::from_seed(1)));
        let reading = Reading { lag: Duration::ZERO, ..Reading::default() };
        let settings = stream_settings(&reading, find("audit_logs").expect("a row"), false);
        let began = tokio::time::Instant::now();
        let (_, pages) = streams::open(Arc::new(client), settings, None).expect("a start");
        let pages = pages.map(|page| (began.elapsed(), page.expect("a page").events.len()));
        let pages: Vec<(Duration, usize)> = pages.collect().await;
        let records: usize = pages.iter().map(|(_, records)| records).sum();
        (pages.into_iter().map(|(at, _)| at).collect::<Vec<_>>(), records)
    });
    assert_eq!(records, 20_000);
    let longest =
        arrivals.windows(2).map(|pair| pair[1].saturating_sub(pair[0])).max().expect("many");
    assert!(longest < Duration::from_secs(3), "nothing came for {longest:?}");
    // One by one they take 100 s; where the counts end, the rest is cut all the same.
    let took = arrivals.last().expect("some");
    assert!(*took < Duration::from_secs(75), "{took:?}");
}

#[test]
fn a_history_of_a_few_pages_is_not_counted() {
    let settings = Settings { audit_logs: 250, tickets: 0, ..Settings::default() };
    let reading = Reading { streams: vec!["audit_logs"], ..Reading::default() };
    let mut world = World::new(settings, reading);
    live(&mut world, Life::Once);
    assert_eq!(world.requests.len(), 3);
    assert_eq!(partitions(&world), BTreeSet::from(["tail".to_owned()]));
}

#[test]
fn counting_asks_about_once_a_slice() {
    let settings = Settings {
        audit_logs: 10_000,
        tickets: 0,
        latency: Duration::from_millis(200),
        ..Settings::default()
    };
    let reading = Reading { streams: vec!["audit_logs"], ..Reading::default() };
    let mut world = World::new(settings, reading);
    live(&mut world, Life::Once);
    let counts = |uri: &http::Uri| uri.query().is_some_and(|query| query.contains("per_page"));
    let counted = world.requests.iter().filter(|request| counts(&request.uri)).count();
    assert!(counted <= 40, "{counted}");
    let slices = slices(&world);
    assert!((8..=32).contains(&slices), "{slices}");
}

/// What a half share leaves another integration, while several streams and slices read at once.
#[test]
fn with_half_the_share_another_client_never_sees_less_than_45_percent() {
    over_seeds("share", 8, |seed| {
        let choices = Choices::of(seed);
        let small = |low, high| u32::try_from(choices.between(low, high)).expect("small");
        let limit = small(100, 700);
        let settings = Settings {
            seed,
            audit_logs: 9_000,
            tickets: 3_000,
            rate_limit: limit,
            other_client_per_minute: small(1, u64::from(limit / 5)),
            header_profile: PROFILES[usize::try_from(choices.between(0, 3)).expect("small")],
            latency: Duration::from_millis(choices.between(1, 900)),
            ..Settings::default()
        };
        let reading = Reading {
            share: 0.5,
            streams: vec!["audit_logs", "tickets"],
            sinks: vec!["memory"],
            poll_interval: Duration::from_millis(choices.between(100, 20_000)),
            ..Reading::default()
        };
        let mut world = World::new(settings, reading);
        for _ in 0..3 {
            // Each run begins without knowing anything of the budget.
            live(&mut world, Life::Crash(Duration::from_secs(choices.between(5, 90))));
            world.wait(Duration::from_secs(choices.between(0, 40)));
        }
        let mut simulator = world.simulator.lock().expect("no panic in the simulator");
        let met = simulator.other_client(world.now);
        let least = f64::from(met.least_remaining.expect("it asked")) / f64::from(limit);
        assert!(least >= 0.45, "{least} of {limit}, {} requests of its own", met.requests);
        assert_eq!((met.refused, simulator.stats().answers(429)), (0, 0));
    });
}

/// Reads all audit logs and says how long that took.
fn time_to_read(history: History, share: f64, audit_logs: usize) -> (Duration, Vec<Timestamp>) {
    let settings = Settings {
        audit_logs,
        tickets: 0,
        rate_limit: 700,
        latency: Duration::from_millis(200),
        ..Settings::default()
    };
    let now = settings.now;
    let simulator = Arc::new(std::sync::Mutex::new(Simulator::new(settings)));
    let runtime = crate::world::paused();
    runtime.block_on(async {
        let clock = Clock::simulated(now);
        let transport = Arc::new(SimulatedTransport::new(simulator, clock));
        let client = client(transport, clock, share, Arc::new(Random::from_seed(1)));
        let reading = Reading { history, lag: Duration::ZERO, ..Reading::default() };
        let settings = stream_settings(&reading, find("audit_logs").expect("a row"), false);
        let began = tokio::time::Instant::now();
        let (_, pages) = streams::open(Arc::new(client), settings, None).expect("a start");
        let pages = pages.map(|page| page.expect("a page").events).collect::<Vec<_>>().await;
        let times = pages.into_iter().flatten().map(|event| event.time.expect("a time"));
        (began.elapsed(), times.collect())
    })
}

#[test]
fn a_backfill_takes_no_longer_than_the_budget_allows() {
    let (sliced, times) = time_to_read(History::InSlices, 0.95, 20_000);
    assert_eq!(times.len(), 20_000);
    let (one_piece, _) = time_to_read(History::InOnePiece, 0.95, 20_000);
    // 200 pages at 665 a minute, and a tenth more.
    assert!(sliced <= Duration::from_millis(18_045 * 11 / 10), "{sliced:?}");
    assert!(sliced * 2 < one_piece, "{sliced:?} instead of {one_piece:?}");
}

#[test]
fn records_come_in_order_where_that_is_asked_for_and_no_slower() {
    let (sliced, mut any) = time_to_read(History::InSlices, 0.95, 5_000);
    let (in_order, times) = time_to_read(History::InOrder, 0.95, 5_000);
    assert!(times.is_sorted());
    assert!(!any.is_sorted());
    any.sort();
    assert_eq!(times, any);
    assert!(in_order <= sliced + Duration::from_secs(2), "{in_order:?} instead of {sliced:?}");
}

#[test]
fn a_history_of_more_than_may_wait_is_read_in_order_part_by_part_and_no_slower() {
    let (took, times) = time_to_read(History::InOrder, 0.95, 75_000);
    assert_eq!(times.len(), 75_000);
    assert!(times.is_sorted());
    // 750 pages at 665 a minute, and what counting takes.
    assert!(took <= Duration::from_secs(68 * 115 / 100), "{took:?}");
}
