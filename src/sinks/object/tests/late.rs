//! Lives of a sink whose prefix changes between them while puts of all of them come late: each
//! event is in one object once, whatever comes when.
//!
//! `ZENSTREAM_SEED=17 cargo test --lib object::tests::late` lives one seed again;
//! `ZENSTREAM_SEEDS=100000` more of them.

use super::super::settle::PATIENCE;
use super::*;
use crate::sinks::contract::origin;

const SEEDS: u64 = 1_000;

/// Of one and of many parts, which meet each other's keys: `a/` is what keys of four of them
/// begin with.
const PREFIXES: [&str; 7] = [
    "",
    "a/",
    "b/",
    "a/{{ stream }}/",
    "b/date=%F/",
    "a/{{ stream }}/date=%F/",
    "a/{{ stream }}/date=%F/hour=%H/",
];

#[test]
fn an_event_is_in_one_object_wherever_former_runs_were_to_put_it_and_whatever_comes_late() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let seeds = match number("ZENSTREAM_SEED") {
        Some(seed) => seed..=seed,
        None => 1..=number("ZENSTREAM_SEEDS").unwrap_or(SEEDS),
    };
    for seed in seeds {
        let life = || simulated(async { Late::new(seed).live().await });
        if let Err(panic) = std::panic::catch_unwind(life) {
            eprintln!("run again with ZENSTREAM_SEED={seed}");
            std::panic::resume_unwind(panic);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_batch_with_events_of_two_former_objects_goes_under_both_their_keys() {
    let mut place = Place::timed("a/{{ stream }}/");
    let mut run = Run::start(&place, None).await;
    let mut batch = batch_of("tickets", 0..3);
    batch.events.extend(batch_of("users", 0..3).events);
    run.prepare(&batch).await;
    place.bucket.delay(2);
    run.sink.write(&batch).await.unwrap_err();
    place.settings.prefix = "b/".to_owned();
    let mut run = run.crash(&place).await;
    batch.events.extend(batch_of("users", 3..5).events);
    run.write(&batch).await;
    place.bucket.arrive();
    let all = [("tickets".to_owned(), vec![0, 1, 2]), ("users".to_owned(), vec![0, 1, 2, 3, 4])];
    assert_eq!(seen(&place).await, BTreeMap::from(all));
    let keys: BTreeSet<_> = place.bucket.objects().into_iter().map(|(key, _)| key).collect();
    let places: Vec<_> = keys.iter().map(|key| key.rsplit_once('/').unwrap().0).collect();
    assert_eq!(places, ["a/tickets", "a/users", "b"]);
}

#[tokio::test(start_paused = true)]
async fn an_event_that_was_on_its_way_to_two_keys_keeps_one_of_them() {
    let place = Place::timed("a/date=%F/");
    let mut run = Run::start(&place, None).await;
    // A record without a version, which came again with another time.
    let again = Event { id: event_at(0).id, origin: event_at(0).origin, ..event_at(10) };
    let batch = Batch { events: vec![event_at(0), again], ..Batch::default() };
    run.prepare(&batch).await;
    place.bucket.delay(2);
    run.sink.write(&batch).await.unwrap_err();
    let mut run = run.crash(&place).await;
    run.write(&batch).await;
    place.bucket.arrive();
    assert_eq!(place.read().await.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_key_that_is_settled_late_makes_the_run_begin_again() {
    let place = Place::timed("a/");
    let mut run = Run::start(&place, None).await;
    let batch = batch_of("tickets", 0..3);
    run.prepare(&batch).await;
    let mut run = run.crash(&place).await;
    run.prepare(&batch).await;
    // By a run that is gone, and whose clock was ahead of this one's.
    let state = run.saved.clone().unwrap();
    tokio::time::advance(2 * PATIENCE).await;
    let old = from_state(&state).unwrap().into_iter();
    let old = old.map(|it| Intent { missed_since: Some(jiff::Timestamp::UNIX_EPOCH), ..it });
    place.sink().restore(Some(&to_state(old.collect()))).await.unwrap();
    let error = run.sink.write(&batch).await.unwrap_err();
    assert_eq!(error.kind, SinkErrorKind::Superseded, "{error}");
    let mut run = run.crash(&place).await;
    run.write(&batch).await;
    assert_eq!(seen(&place).await["tickets"], [0, 1, 2]);
}

#[tokio::test(start_paused = true)]
async fn who_mended_a_prefix_is_told_why_the_former_one_is_used_again() {
    let place = Place::timed("a/");
    let batch = batch_of("tickets", 0..3);
    let mut run = Run::start(&place, None).await;
    run.prepare(&batch).await;
    let sink = place.sink();
    sink.restore(run.saved.as_ref()).await.unwrap();
    sink.prepare(&batch).await.unwrap();
    let pending = sink.lock().pending.clone();
    let denied = || SinkError::new(SinkErrorKind::Config, "403").with_hint("grant it");
    let error = pending[0].failed(denied());
    let key = &pending[0].intent.key;
    assert_eq!(error.message, format!("403 (`{key}`, which a former run was about to put)"));
    insta::assert_snapshot!(error.hint.unwrap(), @"grant it; a former run may still be putting this object, so these events cannot go elsewhere, whatever the prefix is now; let it be put there once");
    let fresh = place.sink();
    fresh.prepare(&batch).await.unwrap();
    assert_eq!(fresh.lock().pending[0].failed(denied()).message, "403");
}

/// Event `n` of a stream that is read in order, some hours after the one before it.
fn event_at(n: u64) -> Event {
    let stream = ["tickets", "users", "audit_logs"][usize::try_from(n % 3).unwrap()];
    let start: jiff::Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
    let time = start + jiff::SignedDuration::from_hours(i64::try_from(n / 2 * 5).unwrap());
    Event { time: Some(time), origin: Arc::new(origin(stream)), ..event_of(stream, n) }
}

struct Late {
    place: Place,
    rng: fastrand::Rng,
    /// Through which event the checkpoint has moved.
    position: u64,
}

/// Whether a life goes on.
#[derive(PartialEq)]
enum Life {
    GoesOn,
    Ends,
}

impl Late {
    fn new(seed: u64) -> Self {
        let mut place = Place::timed("");
        let mut rng = fastrand::Rng::with_seed(seed);
        place.settings.prefix = choice(&mut rng).to_owned();
        Self { place, rng, position: 0 }
    }

    fn one_in(&mut self, n: u64) -> bool {
        self.rng.u64(0..n) == 0
    }

    async fn live(mut self) {
        let mut run = Run::start(&self.place, None).await;
        for _ in 0..self.rng.u64(5..40) {
            self.something_arrives();
            if self.step(&mut run).await == Life::Ends {
                run = self.begin_again(run).await;
            }
        }
        // What comes last of all must come in vain, so nothing may be open.
        self.place.bucket.delay(0);
        self.place.bucket.lose_answers(0);
        for hours in [0, 24, 0] {
            run.save();
            tokio::time::advance(Duration::from_secs(3600 * hours)).await;
            run = run.crash(&self.place).await;
        }
        while self.position < 200 && self.step(&mut run).await == Life::Ends {
            run = self.begin_again(run).await;
        }
        self.place.bucket.arrive();
        let numbers: Vec<u64> = seen(&self.place).await.into_values().flatten().collect();
        let there: BTreeSet<u64> = numbers.iter().copied().collect();
        let twice: Vec<u64> = there
            .iter()
            .copied()
            .filter(|n| numbers.iter().filter(|other| *other == n).count() > 1)
            .collect();
        assert_eq!(twice, [0; 0], "these are there twice");
        let lost: Vec<u64> = (0..self.position).filter(|n| !there.contains(n)).collect();
        assert_eq!(lost, [0; 0], "these are before the position and not there");
    }

    /// Some of what is on its way takes place.
    fn something_arrives(&mut self) {
        while self.one_in(4) {
            self.place.bucket.arrive_one(self.rng.usize(..));
        }
    }

    /// A crash, after which the config may have changed.
    async fn begin_again(&mut self, run: Run) -> Run {
        if self.one_in(2) {
            self.place.settings.prefix = choice(&mut self.rng).to_owned();
        }
        if self.one_in(4) {
            let hours = self.rng.u64(0..30);
            tokio::time::advance(Duration::from_secs(3600 * hours)).await;
        }
        self.place.bucket.delay(0);
        self.place.bucket.lose_answers(0);
        if self.one_in(4) {
            // Those that settle keys.
            self.place.bucket.delay(1);
        }
        let run = run.crash(&self.place).await;
        self.place.bucket.delay(0);
        run
    }

    /// Delivers what follows, as far as this life gets with it.
    async fn step(&mut self, run: &mut Run) -> Life {
        let next = self.position + self.rng.u64(1..16);
        let events = (self.position..next).map(event_at).collect();
        let mut batch = run.lacking(&Batch { events, ..Batch::default() });
        if self.one_in(2) {
            batch.events = self.in_pages(&batch.events);
        }
        if !batch.events.is_empty() {
            // Or another batch, or none: nothing may depend on it.
            if self.one_in(2) {
                let size = if self.one_in(4) { 0 } else { batch.events.len() };
                let events = batch.events[..size.max(1)].to_vec();
                run.sink.announce(&Batch { events, ..Batch::default() });
            }
            run.prepare(&batch).await;
            if self.one_in(4) {
                return Life::Ends;
            }
            self.something_arrives();
            if self.write(run, &batch).await == Life::Ends || self.one_in(5) {
                return Life::Ends;
            }
        }
        run.save();
        self.position = next;
        Life::GoesOn
    }

    /// The same records, some of a stream at a time in one event: on several lines, by which a
    /// reader of the tests knows them.
    fn in_pages(&mut self, events: &[Event]) -> Vec<Event> {
        let mut pages: Vec<Event> = Vec::new();
        for event in events {
            let near = pages.iter_mut().rfind(|page| page.origin.stream == event.origin.stream);
            match near {
                Some(page) if !self.one_in(3) => {
                    let known = page.fingerprints().chain(event.fingerprints()).collect();
                    page.members = Some(known);
                    page.line = [&page.line[..], b"\n", &event.line[..]].concat().into();
                }
                _ => {
                    let members = Some(event.fingerprints().collect());
                    pages.push(Event { members, ..event.clone() });
                }
            }
        }
        pages
    }

    /// Tries until it is written or the life ends.
    async fn write(&mut self, run: &mut Run, batch: &Batch) -> Life {
        loop {
            if self.one_in(2) {
                self.place.bucket.delay(self.rng.u32(0..5));
            } else {
                self.place.bucket.lose_answers(self.rng.u32(0..5));
            }
            let written = run.sink.write(batch).await;
            self.place.bucket.delay(0);
            self.place.bucket.lose_answers(0);
            match written {
                Ok(written) => {
                    run.unsaved = written.state;
                    return Life::GoesOn;
                }
                Err(error) if error.kind == SinkErrorKind::Superseded => return Life::Ends,
                Err(error) => assert_eq!(error.kind, SinkErrorKind::Retry, "{error}"),
            }
            if self.one_in(2) {
                return Life::Ends;
            }
            self.something_arrives();
            run.prepare(batch).await;
        }
    }
}

fn choice(rng: &mut fastrand::Rng) -> &'static str {
    PREFIXES[rng.usize(0..PREFIXES.len())]
}
