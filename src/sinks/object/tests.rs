use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::buckets::MemoryBucket;
use crate::sinks::contract::{Destination, Run, batch_of, event_of, lines_of, seen, sink_contract};

/// A bucket, and how it is written to.
struct Place {
    bucket: MemoryBucket,
    settings: ObjectSettings,
}

fn settings(prefix: &str, compression: Compression) -> ObjectSettings {
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
        Self { bucket: MemoryBucket::default(), settings: settings(prefix, compression) }
    }

    fn sink(&self) -> Object {
        Object::new(
            Arc::new(self.bucket.clone()),
            self.settings.clone(),
            Encoder::default(),
            Clock::system(),
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
}

fn fates() -> impl Strategy<Value = Vec<(Fate, u64, bool)>> {
    let fate = prop_oneof![
        3 => Just(Fate::Saved),
        1 => Just(Fate::DiesUnprepared),
        1 => Just(Fate::DiesPrepared),
        3 => (1..4u32).prop_map(Fate::DiesPutting),
        1 => (1..4u32).prop_map(Fate::Tries),
        2 => Just(Fate::DiesUnsaved),
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

/// Lives through these fates; returns the position that was saved.
async fn live(place: &Place, fates: &[(Fate, u64, bool)]) -> u64 {
    let (mut position, mut run) = (0, Run::start(place, None).await);
    for (fate, size, arrives) in fates {
        let batch = batch_at(position, *size);
        if *arrives {
            // Later than the look that this life took at its start.
            place.bucket.arrive();
        }
        let dies = match fate {
            Fate::Saved => false,
            Fate::Tries(count) => {
                place.bucket.lose_answers(*count);
                false
            }
            Fate::DiesPutting(count) => {
                place.bucket.delay(*count);
                true
            }
            _ => true,
        };
        let wrote = match fate {
            Fate::DiesUnprepared => false,
            Fate::DiesPrepared => {
                run.prepare(&run.lacking(&batch)).await;
                false
            }
            _ => run.deliver(&batch).await,
        };
        place.bucket.delay(0);
        if wrote && !dies {
            run.save();
            position += size;
        } else {
            run = run.crash(place).await;
        }
    }
    position
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
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let place = Place::new("zendesk/{{ stream }}/", Compression::None);
            let position = live(&place, &fates).await;
            place.bucket.arrive();
            let mut numbers: Vec<u64> = seen(&place).await.into_values().flatten().collect();
            let count = numbers.len();
            numbers.sort_unstable();
            numbers.dedup();
            assert_eq!(numbers.len(), count, "an event is there twice");
            let saved: BTreeSet<u64> = (0..position).collect();
            let numbers: BTreeSet<u64> = numbers.into_iter().collect();
            assert!(numbers.is_superset(&saved), "an event before the position is lost");
        });
    }
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
