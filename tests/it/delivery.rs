//! How events get to sinks, and what becomes of those that a sink will not take.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde_json::Value;

use zenstream::pipeline::{BatchSettings, BufferSettings, DeliverySettings, WhenFull};
use zenstream::simulator::Settings;
use zenstream::sinks::{
    Batch, Checked, Memory, Refused, Restored, Sink, SinkError, SinkErrorKind, SinkState, Written,
};

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
