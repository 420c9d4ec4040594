//! Objects: their keys, what stands beside them, and that no crash makes two of one.

mod late;

use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::buckets::MemoryBucket;
use crate::sinks::contract::{Destination, Run, batch_of, event_of, lines_of, seen, sink_contract};

/// A bucket, and how it is written to.
struct Place {
    bucket: MemoryBucket,
    settings: ObjectSettings,
    clock: Clock,
}

pub(super) fn settings(prefix: &str, compression: Compression) -> ObjectSettings {
    ObjectSettings {
        prefix: prefix.to_owned(),
        time_format: "%s".to_owned(),
        append_uuid: true,
        extension: None,
        compression,
        content_type: None,
        content_encoding: None,
    }
}

impl Place {
    fn new(prefix: &str, compression: Compression) -> Self {
        let settings = settings(prefix, compression);
        Self { bucket: MemoryBucket::default(), settings, clock: Clock::system() }
    }

    /// With a clock that follows paused time.
    fn timed(prefix: &str) -> Self {
        let clock = Clock::simulated("2026-01-02T03:04:05Z".parse().unwrap());
        Self { clock, ..Self::new(prefix, Compression::None) }
    }

    fn sink(&self) -> Object {
        Object::new(
            Arc::new(self.bucket.clone()),
            self.settings.clone(),
            Encoder::default(),
            self.clock,
            Arc::new(Random::from_system()),
        )
        .unwrap()
    }

    fn body(&self, object: &NewObject) -> Vec<u8> {
        let mut out = Vec::new();
        match self.settings.compression {
            Compression::Gzip { .. } => {
                let mut reader = flate2::read::GzDecoder::new(&object.body[..]);
                std::io::Read::read_to_end(&mut reader, &mut out).map(drop).unwrap();
            }
            Compression::Zstd { .. } => out = zstd::decode_all(&object.body[..]).unwrap(),
            _ => out.extend_from_slice(&object.body),
        }
        out
    }
}

#[async_trait]
impl Destination for Place {
    async fn open(&self) -> Box<dyn Sink> {
        Box::new(self.sink())
    }

    async fn read(&self) -> Vec<String> {
        let objects = self.bucket.objects();
        objects.iter().flat_map(|(_, object)| lines_of(&self.body(object))).collect()
    }
}

sink_contract!(one_prefix, Place::new("zendesk/", Compression::None), adopting);
sink_contract!(many_prefixes, Place::new("zendesk/{{ stream }}/%F/", Compression::GZIP), adopting);
sink_contract!(no_prefix, Place::new("", Compression::ZSTD), adopting);

#[tokio::test]
async fn a_check_claims_no_more_than_was_tried() {
    let checked = Place::new("z/", Compression::None).sink().check().await.unwrap();
    assert_eq!(checked.tried, "memory://bucket can be listed; no object was put");
}

#[tokio::test]
async fn an_object_says_what_is_in_it_and_where_to_read_on() {
    let place = Place::new("zendesk/{{ stream }}/", Compression::GZIP);
    let mut batch = batch_of("tickets", 0..3);
    batch.events.push(event_of("users", 0));
    batch.resume = [("tickets", 7), ("users", 8)]
        .map(|(stream, at)| (format!("test.{stream}"), serde_json::json!({ "at": at })))
        .into();
    let sink = place.sink();
    sink.prepare(&batch).await.unwrap();
    sink.write(&batch).await.unwrap();
    let objects = place.bucket.objects();
    assert_eq!(objects.len(), 2);
    let (key, tickets) = objects.iter().find(|(key, _)| key.contains("tickets")).unwrap();
    let name = key.strip_prefix("zendesk/tickets/").unwrap();
    let (time, rest) = name.split_once('-').unwrap();
    assert!(time.parse::<u64>().is_ok() && rest.len() == 36 + ".log.gz".len(), "{key}");
    assert_eq!(tickets.content_type, "application/x-ndjson");
    assert_eq!(tickets.content_encoding.as_deref(), Some("gzip"));
    assert_eq!(tickets.metadata["zenstream-count"], "3");
    assert_eq!(tickets.metadata["zenstream-position"], r#"{"test.tickets":{"at":7}}"#);
    assert_eq!(tickets.metadata[SHA256].len(), 64);
}

#[tokio::test]
async fn a_put_whose_answer_was_lost_is_not_repeated() {
    let place = Place::new("zendesk/", Compression::None);
    let (sink, batch) = (place.sink(), batch_of("tickets", 0..3));
    sink.prepare(&batch).await.unwrap().unwrap();
    place.bucket.lose_answers(1);
    assert_eq!(sink.write(&batch).await.unwrap_err().kind, SinkErrorKind::Retry);
    assert_eq!(sink.prepare(&batch).await.unwrap(), None, "its key is saved already");
    sink.write(&batch).await.unwrap();
    assert_eq!(place.bucket.objects().len(), 1);
}

#[tokio::test]
async fn a_put_of_a_former_run_that_arrives_late_is_kept_and_not_doubled() {
    let place = Place::new("zendesk/", Compression::None);
    let mut run = Run::start(&place, None).await;
    run.prepare(&batch_of("tickets", 0..3)).await;
    place.bucket.delay(1);
    run.sink.write(&batch_of("tickets", 0..3)).await.unwrap_err();
    // The process dies; the next one finds nothing, and then the put arrives after all.
    let mut run = run.crash(&place).await;
    let more = batch_of("tickets", 0..5);
    run.prepare(&more).await;
    place.bucket.arrive();
    let error = run.sink.write(&more).await.unwrap_err();
    assert_eq!(error.kind, SinkErrorKind::Superseded);
    let mut run = run.crash(&place).await;
    run.write(&more).await;
    assert_eq!(seen(&place).await["tickets"], (0..5).collect::<Vec<u64>>());
    assert_eq!(place.bucket.objects().len(), 2);
}

#[tokio::test]
async fn an_object_that_is_not_ours_is_left_alone_and_stops_the_run() {
    let place = Place::new("zendesk/", Compression::None);
    let (sink, batch) = (place.sink(), batch_of("tickets", 0..3));
    let state = sink.prepare(&batch).await.unwrap().unwrap();
    let key = state["objects"][0]["key"].as_str().unwrap();
    let theirs = NewObject { body: "theirs".into(), ..NewObject::default() };
    place.bucket.overwrite(key, theirs.clone());
    assert_eq!(sink.write(&batch).await.unwrap_err().kind, SinkErrorKind::Config);
    let error = place.sink().restore(Some(&state)).await.unwrap_err();
    assert_eq!(error.kind, SinkErrorKind::Config);
    assert_eq!(place.bucket.objects(), [(key.to_owned(), theirs)]);
}

#[test]
fn prefixes_that_could_leave_their_place_are_refused() {
    for prefix in ["{{ stream }}/", "%F/", "a/../b/", "a/{{ stream", "a/{{ nothing }}"] {
        Namer::new(&settings(prefix, Compression::None)).unwrap_err();
    }
    let mut bad_time = settings("a/", Compression::None);
    bad_time.time_format = "%!".to_owned();
    Namer::new(&bad_time).unwrap_err();
}

#[test]
fn names_follow_the_settings() {
    let name = |change: fn(&mut ObjectSettings)| {
        let mut settings = settings("a/", Compression::GZIP);
        change(&mut settings);
        let namer = Namer::new(&settings).unwrap();
        let at = "2026-01-02T03:04:05Z".parse().unwrap();
        namer.key("a/", at, &Random::from_seed(1))
    };
    let uuid = |key: String| key.replace(|c: char| c.is_ascii_hexdigit(), "x");
    assert_eq!(uuid(name(|_| {})).len(), "a/1767323045-.log.gz".len() + 36);
    assert_eq!(name(|it| it.append_uuid = false), "a/1767323045.log.gz");
    let dated = name(|it| {
        it.append_uuid = false;
        it.time_format = "%F-%H".to_owned();
        it.extension = Some(".ndjson".to_owned());
    });
    assert_eq!(dated, "a/2026-01-02-03.ndjson");
    let bare = name(|it| {
        it.time_format = String::new();
        it.extension = Some(String::new());
    });
    assert_eq!(bare.len(), "a/".len() + 36);
}

/// What a pipeline does with one batch, and what happens to it.
#[derive(Debug, Clone, Copy)]
enum Fate {
    Saved,
    /// Dies before the intent is saved.
    DiesUnprepared,
    /// Dies between the intent and the put.
    DiesPrepared,
    /// So many puts are delayed; it dies, and they arrive whenever.
    DiesPutting(u32),
    /// So many answers are lost, and it tries again.
    Tries(u32),
    /// Dies between the put and the save.
    DiesUnsaved,
    /// Its puts are delayed, it dies, and what it was about to write is gone: nothing with its
    /// prefixes comes again for a while.
    Vanishes,
    /// Nothing happens for so many hours but that it is started again.
    Rests(u64),
}

fn fates() -> impl Strategy<Value = Vec<(Fate, u64, bool)>> {
    let fate = prop_oneof![
        3 => Just(Fate::Saved),
        1 => Just(Fate::DiesUnprepared),
        1 => Just(Fate::DiesPrepared),
        3 => (1..4u32).prop_map(Fate::DiesPutting),
        1 => (1..4u32).prop_map(Fate::Tries),
        2 => Just(Fate::DiesUnsaved),
        2 => Just(Fate::Vanishes),
        3 => (1..60u64).prop_map(Fate::Rests),
    ];
    prop::collection::vec((fate, 1..20u64, any::<bool>()), 1..25)
}

/// A stream of numbered events, of three prefixes in turn.
fn batch_at(position: u64, size: u64) -> Batch {
    let streams = ["tickets", "users", "audit_logs"];
    let events = (position..position + size).map(|n| {
        let stream = streams[usize::try_from(n % 3).unwrap()];
        event_of(stream, n)
    });
    Batch { events: events.collect(), ..Batch::default() }
}

/// Events of a prefix of their own, with numbers that no other event has.
fn batch_of_its_own(number: usize, size: u64) -> Batch {
    let stream = format!("gone-{number}");
    let first = first_of_its_own(number);
    let events = (first..first + size).map(|n| event_of(&stream, n));
    Batch { events: events.collect(), ..Batch::default() }
}

fn first_of_its_own(number: usize) -> u64 {
    1_000_000 + 100 * u64::try_from(number).unwrap()
}

/// Runs in time that passes only where it is told to.
fn simulated(work: impl Future<Output = ()>) {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_time().start_paused(true).build().unwrap().block_on(work);
}

/// What came of a life.
struct Lived {
    run: Run,
    /// The position that was saved.
    position: u64,
    /// What was about to be written and vanished.
    gone: Vec<Batch>,
}

/// Lives through these fates.
async fn live(place: &Place, fates: &[(Fate, u64, bool)]) -> Lived {
    let run = Run::start(place, None).await;
    let mut lived = Lived { run, position: 0, gone: Vec::new() };
    for (fate, size, arrives) in fates {
        if *arrives {
            // Later than the look that this life took at its start.
            place.bucket.arrive();
        }
        lived = match fate {
            Fate::Vanishes => lived.vanishes(place, *size).await,
            Fate::Rests(hours) => lived.rests(place, *hours).await,
            fate => lived.goes_on(place, *fate, *size).await,
        };
    }
    lived
}

impl Lived {
    async fn vanishes(mut self, place: &Place, size: u64) -> Self {
        let batch = batch_of_its_own(self.gone.len(), size);
        place.bucket.delay(u32::MAX);
        assert!(!self.run.deliver(&batch).await);
        place.bucket.delay(0);
        self.gone.push(batch);
        Self { run: self.run.crash(place).await, ..self }
    }

    async fn rests(mut self, place: &Place, hours: u64) -> Self {
        self.run.save();
        tokio::time::advance(Duration::from_secs(3600 * hours)).await;
        Self { run: self.run.crash(place).await, ..self }
    }

    async fn goes_on(mut self, place: &Place, fate: Fate, size: u64) -> Self {
        let batch = batch_at(self.position, size);
        let dies = match fate {
            Fate::Saved => false,
            Fate::Tries(count) => {
                place.bucket.lose_answers(count);
                false
            }
            Fate::DiesPutting(count) => {
                place.bucket.delay(count);
                true
            }
            _ => true,
        };
        let wrote = match fate {
            Fate::DiesUnprepared => false,
            Fate::DiesPrepared => {
                self.run.prepare(&self.run.lacking(&batch)).await;
                false
            }
            _ => self.run.deliver(&batch).await,
        };
        place.bucket.delay(0);
        if wrote && !dies {
            self.run.save();
            self.position += size;
            return self;
        }
        Self { run: self.run.crash(place).await, ..self }
    }

    /// What had vanished comes again, and is written.
    async fn everything_returns(mut self, place: &Place) {
        for batch in &self.gone {
            while !self.run.deliver(batch).await {
                self.run = self.run.crash(place).await;
            }
            self.run.save();
        }
    }
}

impl Run {
    /// Prepares and writes, again after a failure that may pass. Returns whether it was written.
    async fn deliver(&mut self, batch: &Batch) -> bool {
        let batch = &self.lacking(batch);
        if batch.events.is_empty() {
            return true;
        }
        self.prepare(batch).await;
        for _ in 0..6 {
            match self.sink.write(batch).await {
                Ok(written) => {
                    self.unsaved = written.state;
                    return true;
                }
                Err(error) if error.kind == SinkErrorKind::Retry => self.prepare(batch).await,
                Err(error) => {
                    assert_eq!(error.kind, SinkErrorKind::Superseded, "{error}");
                    return false;
                }
            }
        }
        false
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]
    #[test]
    fn whatever_happens_every_event_is_in_one_object_once(fates in fates()) {
        simulated(async {
            let place = Place::timed("zendesk/{{ stream }}/");
            let lived = live(&place, &fates).await;
            let mut saved: BTreeSet<u64> = (0..lived.position).collect();
            for (number, batch) in lived.gone.iter().enumerate() {
                let first = first_of_its_own(number);
                saved.extend(first..first + batch.events.len() as u64);
            }
            lived.everything_returns(&place).await;
            place.bucket.arrive();
            let mut numbers: Vec<u64> = seen(&place).await.into_values().flatten().collect();
            let count = numbers.len();
            numbers.sort_unstable();
            numbers.dedup();
            assert_eq!(numbers.len(), count, "an event is there twice");
            let numbers: BTreeSet<u64> = numbers.into_iter().collect();
            assert!(numbers.is_superset(&saved), "an event before the position is lost");
        });
    }

    #[test]
    fn no_key_stays_open_for_longer_than_a_day_and_a_start(fates in fates()) {
        simulated(async {
            let place = Place::timed("zendesk/{{ stream }}/");
            let lived = live(&place, &fates).await.rests(&place, 0).await;
            let lived = lived.rests(&place, 24).await.rests(&place, 0).await;
            let open = from_state(&lived.run.saved.unwrap_or_else(|| to_state(vec![]))).unwrap();
            assert_eq!(open, []);
            let objects = place.bucket.objects().len();
            place.bucket.arrive();
            assert_eq!(place.bucket.objects().len(), objects, "what comes late comes in vain");
        });
    }
}

#[tokio::test(start_paused = true)]
async fn a_key_that_nobody_takes_is_settled_with_an_object_that_readers_can_read() {
    let mut place = Place::timed("zendesk/{{ stream }}/");
    place.settings.compression = Compression::GZIP;
    let run = Run::start(&place, None).await;
    let lived = Lived { run, position: 0, gone: Vec::new() };
    let lived = lived.vanishes(&place, 3).await.rests(&place, 23).await;
    assert!(place.bucket.objects().is_empty(), "it is early yet");
    lived.rests(&place, 2).await;
    let objects = place.bucket.objects();
    assert_eq!((objects.len(), objects[0].1.metadata[COUNT].as_str()), (1, "0"));
    assert_eq!(place.body(&objects[0].1), b"");
}

#[tokio::test]
async fn what_was_put_is_not_put_again_because_another_object_failed() {
    let place = Place::new("zendesk/{{ stream }}/", Compression::None);
    let sink = place.sink();
    let batch = batch_at(0, 30);
    sink.prepare(&batch).await.unwrap();
    // Of three objects, one fails each time; with all of them tried again, none would ever be done.
    for _ in 0..2 {
        place.bucket.delay(1);
        sink.write(&batch).await.unwrap_err();
    }
    assert!(place.bucket.objects().len() >= 2);
    sink.write(&batch).await.unwrap();
    place.bucket.arrive();
    assert_eq!(place.bucket.objects().len(), 3);
}
