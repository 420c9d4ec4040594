//! How events get to sinks, and what becomes of those that a sink will not take.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use serde_json::Value;

use zenstream::checkpoint::{Checkpoint, CheckpointStore, MemoryStore, Revision, StoreError};
use zenstream::pipeline::{BatchSettings, BufferSettings, DeliverySettings, WhenFull};
use zenstream::simulator::Settings;
use zenstream::sinks::{
    Batch, Checked, Memory, Refused, Restored, Sink, SinkError, SinkErrorKind, SinkState, Written,
};

use crate::seeds::{Choices, live, over_seeds};
use crate::truth::by_id;
use crate::world::{Extra, Life, Reading, World, assert_exactly};

/// Takes everything but records whose id ends in a digit that it does not like.
#[derive(Debug, Default)]
struct Picky {
    inner: Memory,
    delay: Duration,
}

const DISLIKED: char = '3';

fn disliked(line: &[u8]) -> bool {
    let record: Value = serde_json::from_slice(line).expect("a record");
    record["id"].to_string().ends_with(DISLIKED)
}

#[async_trait]
impl Sink for Picky {
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
        tokio::time::sleep(self.delay).await;
        let (bad, good): (Vec<_>, Vec<_>) =
            batch.events.iter().cloned().enumerate().partition(|(_, it)| disliked(&it.line));
        let events = good.into_iter().map(|(_, event)| event).collect();
        let written = self.inner.write(&Batch { events, ..Batch::default() }).await?;
        let reason = "it ends in a 3".to_owned();
        let refused = bad.into_iter().map(|(index, _)| Refused { index, reason: reason.clone() });
        Ok(Written { refused: refused.collect(), ..written })
    }
}

fn settled(settings: Settings, reading: Reading) -> World {
    let mut world = World::new(settings, reading);
    world.wait(Duration::from_secs(2_000));
    world
}

fn extra(name: &'static str, takes: &[&'static str], sink: Arc<dyn Sink>) -> Extra {
    Extra { name, takes: takes.to_vec(), acknowledged: true, sink, delivery: None }
}

#[test]
fn what_a_sink_refuses_goes_to_its_rejected_output_and_nothing_waits_or_is_lost() {
    let settings = Settings { audit_logs: 500, tickets: 0, ..Settings::default() };
    let batch = BatchSettings { max_bytes: 1 << 20, max_events: 37, max_age: Duration::ZERO };
    let mut world = settled(settings, Reading { batch, ..Reading::default() });
    let picky = Arc::new(Picky { delay: Duration::from_millis(700), ..Picky::default() });
    let rejects = Memory::new();
    world.extra = vec![
        extra("picky", &["audit_logs"], Arc::clone(&picky) as Arc<dyn Sink>),
        extra("rejects", &["@picky.rejected"], Arc::new(rejects.clone())),
    ];
    for _ in 0..5 {
        world.live(Life::OnceOrCrash(Duration::from_millis(2_300))).expect("it may crash");
    }
    world.live(Life::Once).expect("the last run");
    assert_exactly(&world, "audit_logs", &world.memory_lines("audit_logs"), "memory");
    let truth = by_id(&world.truth("audit_logs"), "the account");
    let taken = by_id(&picky.inner.lines(), "the picky sink");
    let mut refused = BTreeSet::new();
    for line in rejects.lines() {
        let event: Value = serde_json::from_str(&line).expect("an event");
        assert_eq!(event["sink"], "picky");
        assert_eq!(event["reason"], "it ends in a 3");
        assert_eq!(event["stream"], "audit_logs");
        let id = event["record"]["id"].to_string();
        let whole = line.contains(truth[&id].as_str());
        assert!(whole, "the record is changed: {line}");
        refused.insert(id);
    }
    assert!(!refused.is_empty() && refused.iter().all(|id| id.ends_with(DISLIKED)));
    assert!(taken.keys().all(|id| !refused.contains(id)));
    assert_eq!(taken.len() + refused.len(), truth.len());
    assert!(taken.iter().all(|(id, line)| truth.get(id) == Some(line)));
}

#[test]
fn a_full_buffer_that_drops_counts_what_it_dropped_and_holds_nobody() {
    let settings = Settings { audit_logs: 2_000, tickets: 0, ..Settings::default() };
    let mut world = settled(settings, Reading::default());
    let slow = Arc::new(Picky { delay: Duration::from_secs(3_600), ..Picky::default() });
    let mut delivery = DeliverySettings::batched(Reading::default().batch);
    delivery.buffer = BufferSettings { max_events: Some(100), when_full: WhenFull::DropNewest };
    world.extra = vec![Extra {
        delivery: Some(delivery),
        ..extra("slow", &["audit_logs"], Arc::clone(&slow) as Arc<dyn Sink>)
    }];
    let tally = world.live(Life::Once).expect("the run");
    assert_exactly(&world, "audit_logs", &world.memory_lines("audit_logs"), "memory");
    let counts = tally.sinks.iter().find(|sink| sink.name == "slow").expect("it is there");
    let of =
        |count: &std::sync::atomic::AtomicU64| count.load(std::sync::atomic::Ordering::Relaxed);
    assert!(of(&counts.discarded) > 500, "{counts:?}");
    let all = world.truth("audit_logs").len() as u64;
    assert_eq!(of(&counts.events) + of(&counts.refused) + of(&counts.discarded), all);
}

/// Fails for ever, in a way that may pass.
#[derive(Debug)]
struct Away;

#[async_trait]
impl Sink for Away {
    async fn check(&self) -> Result<Checked, SinkError> {
        Ok(Checked::new("nothing was tried"))
    }

    async fn write(&self, _: &Batch) -> Result<Written, SinkError> {
        Err(SinkError::new(SinkErrorKind::Retry, "nobody answers"))
    }
}

#[test]
fn a_write_is_tried_as_often_as_asked_and_then_the_run_fails() {
    let settings = Settings { audit_logs: 20, tickets: 0, ..Settings::default() };
    let mut world = settled(settings, Reading::default());
    let mut delivery = DeliverySettings::batched(Reading::default().batch);
    delivery.retry.attempts = Some(3);
    world.extra =
        vec![Extra { delivery: Some(delivery), ..extra("away", &["audit_logs"], Arc::new(Away)) }];
    let error = world.live(Life::Once).expect_err("nobody answers");
    let text = error.to_string();
    assert_eq!(text, "sink `away`: given up after 4 tries: nobody answers");
}

/// Is away until told otherwise, even when it is only asked what it holds.
#[derive(Debug, Default)]
struct Late {
    inner: Memory,
    tries_left: std::sync::atomic::AtomicU32,
}

#[async_trait]
impl Sink for Late {
    async fn check(&self) -> Result<Checked, SinkError> {
        Ok(Checked::new("nothing was tried"))
    }

    async fn restore(&self, state: Option<&SinkState>) -> Result<Restored, SinkError> {
        use std::sync::atomic::Ordering::Relaxed;
        if self.tries_left.load(Relaxed) > 0 {
            self.tries_left.fetch_sub(1, Relaxed);
            return Err(SinkError::new(SinkErrorKind::Retry, "nobody answers yet"));
        }
        self.inner.restore(state).await
    }

    async fn prepare(&self, batch: &Batch) -> Result<Option<SinkState>, SinkError> {
        self.inner.prepare(batch).await
    }

    async fn write(&self, batch: &Batch) -> Result<Written, SinkError> {
        self.inner.write(batch).await
    }
}

#[test]
fn a_sink_that_is_away_at_the_start_holds_its_own_streams_and_no_other() {
    let settings = Settings { audit_logs: 300, tickets: 50, ..Settings::default() };
    let reading = Reading { sinks: vec!["rejected"], ..Reading::default() };
    let mut world = settled(settings, reading);
    let late = Arc::new(Late { tries_left: 1_000_000.into(), ..Late::default() });
    let present = Memory::new();
    world.extra = vec![
        extra("late", &["audit_logs"], Arc::clone(&late) as Arc<dyn Sink>),
        extra("present", &["tickets"], Arc::new(present.clone())),
    ];
    world.live(Life::Stopped(Duration::from_secs(600))).expect("a run that is stopped");
    assert_exactly(&world, "tickets", &present.lines(), "the sink that is there");
    assert!(late.inner.is_empty());
    late.tries_left.store(5, std::sync::atomic::Ordering::Relaxed);
    world.live(Life::Stopped(Duration::from_secs(3_000))).expect("a run that is stopped");
    assert_exactly(&world, "audit_logs", &late.inner.lines(), "the sink that was away");
}

/// Keeps the checkpoint, and counts what it takes to write it.
#[derive(Debug, Default)]
struct Measured {
    inner: MemoryStore,
    saves: AtomicU64,
    bytes: AtomicU64,
    longest: AtomicU64,
}

#[async_trait]
impl CheckpointStore for Measured {
    fn location(&self) -> String {
        "a store that counts".to_owned()
    }

    async fn load(&self) -> Result<Option<(Revision, Checkpoint)>, StoreError> {
        self.inner.load().await
    }

    async fn save(
        &self,
        expected: Option<Revision>,
        next: &Checkpoint,
    ) -> Result<Revision, StoreError> {
        let bytes = serde_json::to_vec(next).expect("JSON").len() as u64;
        self.saves.fetch_add(1, Ordering::Relaxed);
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
        self.longest.fetch_max(bytes, Ordering::Relaxed);
        self.inner.save(expected, next).await
    }
}

fn a_long_list(records: usize) -> Settings {
    let stream = "organization_memberships".to_owned();
    Settings {
        counts: vec![(stream, records)],
        audit_logs: 0,
        tickets: 0,
        rate_limit: 700,
        ..Settings::default()
    }
}

/// The position of a whole list is as long as the list: written with each page, the first pass
/// over it would write the square of that.
#[test]
fn a_long_list_is_not_written_again_with_each_of_its_pages() {
    let records = 20_000;
    let reading = Reading {
        streams: vec!["organization_memberships"],
        sinks: vec!["memory", "file"],
        ..Reading::default()
    };
    let mut world = World::new(a_long_list(records), reading);
    let store = Arc::new(Measured::default());
    world.store = Some(Arc::clone(&store) as _);
    let began = world.now;
    world.live(Life::Once).expect("a run");
    assert_eq!(world.memory_lines("organization_memberships").len(), records);
    let (bytes, longest) =
        (store.bytes.load(Ordering::Relaxed), store.longest.load(Ordering::Relaxed));
    assert!(longest > records as u64 * 20, "it has the whole list: {longest}");
    let seconds = u64::try_from(world.now.duration_since(began).as_secs()).expect("later");
    // Short ones are not held back; a long one takes a megabyte a second, and the end its own.
    let allowed = ((seconds + 1) << 20) + 50 * (64 << 10) + 2 * longest;
    let saves = store.saves.load(Ordering::Relaxed);
    assert!(bytes <= allowed, "{bytes} of {allowed} in {saves} saves, {seconds} s");
    let each_page = records as u64 / 100 * longest / 2;
    assert!(bytes < each_page / 3, "{bytes}; with each page: {each_page}");
}

#[test]
fn a_long_list_is_delivered_exactly_once_whenever_its_first_pass_dies() {
    over_seeds("a long list", 6, |seed| {
        let choices = Choices::of(seed);
        let reading = Reading {
            streams: vec!["organization_memberships"],
            sinks: vec!["file", "objects"],
            ..Reading::default()
        };
        let settings = Settings { latency: Duration::from_millis(200), ..a_long_list(6_000) };
        let mut world = World::new(Settings { seed, ..settings }, reading);
        world.bucket.slow_down(Duration::from_millis(choices.between(0, 900)));
        for _ in 0..choices.between(1, 6) {
            let crash = Duration::from_millis(choices.between(1, 14_000));
            live(&mut world, Life::OnceOrCrash(crash));
            if choices.one_in(2) {
                world.bucket.arrive();
            }
        }
        live(&mut world, Life::Once);
        world.bucket.arrive();
        let stream = "organization_memberships";
        assert_exactly(&world, stream, &world.file_lines(&format!("{stream}.ndjson")), "the file");
        assert_exactly(&world, stream, &world.object_lines(stream), "the bucket");
    });
}
