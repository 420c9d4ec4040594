//! What every sink has to keep, as tests that any sink can be put through.
//!
//! A sink joins with one line, `sink_contract!(name, destination, exactly_once)`, and a
//! [`Destination`]. Of what was written and not saved, a sink either undoes all (`exactly_once`),
//! or tells all (`adopting`). Tests of one sink's own ways do not belong here.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;

use super::{Batch, Restored, Sink, SinkState};
use crate::normalize::{Event, Origin, RecordId};

/// A place that outlives the sinks that write to it.
#[async_trait]
pub(crate) trait Destination: Sync {
    /// A sink over it, knowing nothing of former ones: as after a start.
    async fn open(&self) -> Box<dyn Sink>;

    /// All lines, as a reader sees them now.
    async fn read(&self) -> Vec<String>;
}

/// Makes a module of tests for one kind of destination. The last word is what the sink promises:
/// `at_least_once` or `exactly_once`, which is all of the former and more.
macro_rules! sink_contract {
    ($name:ident, $destination:expr, at_least_once) => {
        $crate::sinks::contract::sink_contract!(@tests $name, $destination,
            what_was_written_is_read_back,
            order_is_kept,
            check_writes_nothing,
            prepare_writes_nothing,
            restore_of_nothing_changes_nothing,
        );
    };
    ($name:ident, $destination:expr, exactly_once) => {
        $crate::sinks::contract::sink_contract!(@tests $name, $destination,
            what_was_written_is_read_back,
            order_is_kept,
            check_writes_nothing,
            prepare_writes_nothing,
            restore_of_nothing_changes_nothing,
            the_first_write_is_undone_when_it_was_not_saved,
            a_batch_written_after_the_last_save_is_undone_by_restore,
            a_batch_that_was_saved_survives_restore,
            restore_twice_is_the_same_as_once,
            a_batch_prepared_twice_is_written_once,
            a_stream_that_comes_later_is_undone_alone,
            a_state_of_another_kind_is_refused,
        );
    };
    ($name:ident, $destination:expr, adopting) => {
        $crate::sinks::contract::sink_contract!(@tests $name, $destination,
            what_was_written_is_read_back,
            order_is_kept,
            check_writes_nothing,
            prepare_writes_nothing,
            restore_of_nothing_changes_nothing,
            what_was_written_and_not_saved_is_held_and_not_repeated,
            what_was_prepared_and_not_written_is_written_once,
            a_batch_that_was_saved_survives_restore,
            a_batch_that_was_saved_is_not_held,
            restoring_twice_holds_the_same,
            a_state_of_another_kind_is_refused,
        );
    };
    (@tests $name:ident, $destination:expr, $($test:ident,)+) => {
        mod $name {
            #[allow(unused_imports, reason = "some destinations need names of the test module")]
            use super::*;
            $(
                #[tokio::test]
                async fn $test() {
                    let destination = $destination;
                    $crate::sinks::contract::$test(&destination).await;
                }
            )+
        }
    };
}
pub(crate) use sink_contract;

pub(crate) fn origin(stream: &str) -> Origin {
    Origin {
        source: "test".into(),
        stream: stream.into(),
        subdomain: "acme".into(),
        partition: "tail".into(),
        ingest_time: "2026-01-02T03:04:05Z".parse().unwrap(),
        through: None,
    }
}

pub(crate) fn event_with_line(line: &str) -> Event {
    let id = RecordId { record: Bytes::from_static(b"1"), version: None };
    let line = Bytes::copy_from_slice(line.as_bytes());
    Event { line, id, time: None, origin: Arc::new(origin("tickets")), members: None }
}

/// An event whose line says which one it is.
pub(crate) fn event_of(stream: &str, number: u64) -> Event {
    Event {
        line: line_of(stream, number).into(),
        id: RecordId { record: number.to_string().into(), version: None },
        time: None,
        origin: Arc::new(origin(stream)),
        members: None,
    }
}

pub(crate) fn line_of(stream: &str, number: u64) -> String {
    serde_json::json!({ "stream": stream, "id": number }).to_string()
}

pub(crate) fn batch_of(stream: &str, numbers: Range<u64>) -> Batch {
    Batch { events: numbers.map(|number| event_of(stream, number)).collect(), ..Batch::default() }
}

pub(crate) fn lines_of(bytes: &[u8]) -> Vec<String> {
    let text = std::str::from_utf8(bytes).unwrap();
    assert!(text.is_empty() || text.ends_with('\n'), "the last line is cut: {text:?}");
    text.lines().map(str::to_owned).collect()
}

/// What a reader sees, by stream: only within one does order count.
pub(crate) async fn seen(destination: &dyn Destination) -> BTreeMap<String, Vec<u64>> {
    let mut seen: BTreeMap<String, Vec<u64>> = BTreeMap::new();
    for line in destination.read().await {
        let value: serde_json::Value = serde_json::from_str(&line).unwrap();
        let stream = value["stream"].as_str().unwrap().to_owned();
        seen.entry(stream).or_default().push(value["id"].as_u64().unwrap());
    }
    seen
}

async fn assert_seen(destination: &dyn Destination, expected: &[(&str, Range<u64>)]) {
    let expected: BTreeMap<_, Vec<u64>> = expected
        .iter()
        .map(|(stream, numbers)| ((*stream).to_owned(), numbers.clone().collect()))
        .collect();
    assert_eq!(seen(destination).await, expected);
}

/// A pipeline, as far as a sink can tell: what it does between a start and a crash.
pub(crate) struct Run {
    pub(crate) sink: Box<dyn Sink>,
    /// What the checkpoint holds, which a crash leaves.
    pub(crate) saved: Option<SinkState>,
    /// What the last write returned and is not saved yet, which a crash loses.
    pub(crate) unsaved: Option<SinkState>,
    /// What the sink said it holds, by output: it is not given that again.
    pub(crate) held: BTreeMap<String, Vec<u64>>,
    /// What of that the checkpoint knows.
    saved_held: BTreeMap<String, Vec<u64>>,
}

impl Run {
    /// Starts with what a former run saved; tries again what may pass, as the pipeline does.
    pub(crate) async fn start(destination: &dyn Destination, saved: Option<SinkState>) -> Self {
        let sink = destination.open().await;
        let mut tries = 0;
        let Restored { state, held } = loop {
            tries += 1;
            match sink.restore(saved.as_ref()).await {
                Err(error) if error.kind == super::SinkErrorKind::Retry && tries < 9 => {}
                restored => break restored.unwrap(),
            }
        };
        Self { sink, saved, unsaved: state, held, saved_held: BTreeMap::new() }
    }

    /// The batch without what the sink holds already.
    pub(crate) fn lacking(&self, batch: &Batch) -> Batch {
        let lacks = |event: &&Event| {
            let held = self.held.get(&event.origin.output());
            !held.is_some_and(|held| held.contains(&event.fingerprint()))
        };
        let events = batch.events.iter().filter(lacks).cloned().collect();
        Batch { events, ..Batch::default() }
    }

    /// Prepares, saving what has to be, and writes; does not save what follows.
    pub(crate) async fn write(&mut self, batch: &Batch) {
        let batch = &self.lacking(batch);
        if batch.events.is_empty() {
            return;
        }
        self.prepare(batch).await;
        if let Some(state) = self.sink.write(batch).await.unwrap().state {
            self.unsaved = Some(state);
        }
    }

    /// Saving before a write saves everything that was written before it.
    pub(crate) async fn prepare(&mut self, batch: &Batch) {
        if let Some(state) = self.sink.prepare(batch).await.unwrap() {
            self.saved = Some(state);
            self.unsaved = None;
            self.saved_held.clone_from(&self.held);
        }
    }

    pub(crate) fn save(&mut self) {
        if let Some(state) = self.unsaved.take() {
            self.saved = Some(state);
        }
        self.saved_held.clone_from(&self.held);
    }

    pub(crate) async fn crash(self, destination: &dyn Destination) -> Self {
        let Self { sink, saved, saved_held, .. } = self;
        drop(sink);
        let mut run = Self::start(destination, saved).await;
        for (output, ids) in &saved_held {
            run.held.entry(output.clone()).or_default().extend(ids);
        }
        Self { saved_held, ..run }
    }
}

pub(crate) async fn what_was_written_is_read_back(destination: &dyn Destination) {
    let mut run = Run::start(destination, None).await;
    run.write(&batch_of("tickets", 0..3)).await;
    assert_seen(destination, &[("tickets", 0..3)]).await;
}

pub(crate) async fn order_is_kept(destination: &dyn Destination) {
    let mut run = Run::start(destination, None).await;
    run.write(&batch_of("tickets", 0..50)).await;
    let mut mixed = batch_of("users", 0..2);
    mixed.events.extend(batch_of("tickets", 50..70).events);
    mixed.events.extend(batch_of("users", 2..4).events);
    run.write(&mixed).await;
    assert_seen(destination, &[("tickets", 0..70), ("users", 0..4)]).await;
}

pub(crate) async fn check_writes_nothing(destination: &dyn Destination) {
    destination.open().await.check().await.unwrap();
    assert_seen(destination, &[]).await;
    let mut run = Run::start(destination, None).await;
    run.write(&batch_of("tickets", 0..3)).await;
    run.sink.check().await.unwrap();
    assert_seen(destination, &[("tickets", 0..3)]).await;
}

pub(crate) async fn prepare_writes_nothing(destination: &dyn Destination) {
    let mut run = Run::start(destination, None).await;
    run.prepare(&batch_of("tickets", 0..3)).await;
    assert_seen(destination, &[]).await;
}

pub(crate) async fn restore_of_nothing_changes_nothing(destination: &dyn Destination) {
    let mut run = Run::start(destination, None).await;
    run.write(&batch_of("tickets", 0..3)).await;
    drop(run);
    Run::start(destination, None).await;
    assert_seen(destination, &[("tickets", 0..3)]).await;
}

pub(crate) async fn the_first_write_is_undone_when_it_was_not_saved(destination: &dyn Destination) {
    let mut run = Run::start(destination, None).await;
    run.write(&batch_of("tickets", 0..3)).await;
    let mut run = run.crash(destination).await;
    assert_seen(destination, &[]).await;
    run.write(&batch_of("tickets", 0..4)).await;
    assert_seen(destination, &[("tickets", 0..4)]).await;
}

pub(crate) async fn a_batch_written_after_the_last_save_is_undone_by_restore(
    destination: &dyn Destination,
) {
    let mut run = Run::start(destination, None).await;
    run.write(&batch_of("tickets", 0..3)).await;
    run.save();
    run.write(&batch_of("tickets", 3..6)).await;
    let mut run = run.crash(destination).await;
    assert_seen(destination, &[("tickets", 0..3)]).await;
    run.write(&batch_of("tickets", 3..9)).await;
    assert_seen(destination, &[("tickets", 0..9)]).await;
}

pub(crate) async fn a_batch_that_was_saved_survives_restore(destination: &dyn Destination) {
    let mut run = Run::start(destination, None).await;
    run.write(&batch_of("tickets", 0..3)).await;
    run.save();
    let mut run = run.crash(destination).await;
    run.write(&batch_of("tickets", 3..6)).await;
    run.save();
    run.crash(destination).await;
    assert_seen(destination, &[("tickets", 0..6)]).await;
}

pub(crate) async fn restore_twice_is_the_same_as_once(destination: &dyn Destination) {
    let mut run = Run::start(destination, None).await;
    run.write(&batch_of("tickets", 0..3)).await;
    run.save();
    run.write(&batch_of("tickets", 3..6)).await;
    let run = run.crash(destination).await;
    let run = run.crash(destination).await;
    run.sink.restore(run.saved.as_ref()).await.unwrap();
    assert_seen(destination, &[("tickets", 0..3)]).await;
}

/// As after a write that failed before it did anything.
pub(crate) async fn a_batch_prepared_twice_is_written_once(destination: &dyn Destination) {
    let mut run = Run::start(destination, None).await;
    let batch = batch_of("tickets", 0..3);
    run.prepare(&batch).await;
    run.write(&batch).await;
    assert_seen(destination, &[("tickets", 0..3)]).await;
    run.crash(destination).await;
    assert_seen(destination, &[]).await;
}

pub(crate) async fn a_stream_that_comes_later_is_undone_alone(destination: &dyn Destination) {
    let mut run = Run::start(destination, None).await;
    run.write(&batch_of("tickets", 0..3)).await;
    run.save();
    run.write(&batch_of("users", 0..3)).await;
    run.crash(destination).await;
    assert_seen(destination, &[("tickets", 0..3)]).await;
}

pub(crate) async fn a_state_of_another_kind_is_refused(destination: &dyn Destination) {
    let mut run = Run::start(destination, None).await;
    run.write(&batch_of("tickets", 0..3)).await;
    let foreign = serde_json::json!(["no", "sink", "has", "this"]);
    let error = destination.open().await.restore(Some(&foreign)).await.unwrap_err();
    assert_eq!(error.kind, super::SinkErrorKind::Config);
    assert_seen(destination, &[("tickets", 0..3)]).await;
}

pub(crate) async fn what_was_written_and_not_saved_is_held_and_not_repeated(
    destination: &dyn Destination,
) {
    let mut run = Run::start(destination, None).await;
    run.write(&batch_of("tickets", 0..3)).await;
    run.save();
    let mut mixed = batch_of("tickets", 3..6);
    mixed.events.extend(batch_of("users", 0..2).events);
    run.write(&mixed).await;
    let mut run = run.crash(destination).await;
    assert_seen(destination, &[("tickets", 0..6), ("users", 0..2)]).await;
    let held: BTreeMap<&str, usize> =
        run.held.iter().map(|(output, ids)| (output.as_str(), ids.len())).collect();
    assert_eq!(held, BTreeMap::from([("test.tickets", 3), ("test.users", 2)]));
    run.write(&batch_of("tickets", 3..9)).await;
    assert_seen(destination, &[("tickets", 0..9), ("users", 0..2)]).await;
}

pub(crate) async fn what_was_prepared_and_not_written_is_written_once(
    destination: &dyn Destination,
) {
    let mut run = Run::start(destination, None).await;
    run.prepare(&batch_of("tickets", 0..3)).await;
    let mut run = run.crash(destination).await;
    assert!(run.held.values().all(Vec::is_empty), "nothing was written");
    run.write(&batch_of("tickets", 0..5)).await;
    run.save();
    let mut run = run.crash(destination).await;
    run.write(&batch_of("tickets", 5..6)).await;
    assert_seen(destination, &[("tickets", 0..6)]).await;
}

pub(crate) async fn a_batch_that_was_saved_is_not_held(destination: &dyn Destination) {
    let mut run = Run::start(destination, None).await;
    run.write(&batch_of("tickets", 0..3)).await;
    run.save();
    let run = run.crash(destination).await;
    assert!(run.held.values().all(Vec::is_empty), "the position says so already");
}

pub(crate) async fn restoring_twice_holds_the_same(destination: &dyn Destination) {
    let mut run = Run::start(destination, None).await;
    run.write(&batch_of("tickets", 0..3)).await;
    let run = run.crash(destination).await;
    let held = run.held.clone();
    let run = run.crash(destination).await;
    assert_eq!(run.held, held);
    assert_seen(destination, &[("tickets", 0..3)]).await;
}
