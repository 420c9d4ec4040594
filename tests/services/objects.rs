//! What every bucket must do, and what the object sink and the checkpoint make of it.
//!
//! Each takes a bucket that is empty and its own.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read as _;
use std::sync::Arc;

use bytes::Bytes;
use jiff::Timestamp;
use tokio::task::JoinSet;

use zenstream::buckets::{
    Bucket, BucketError, BucketErrorKind, Condition, NewObject, Put, Version,
};
use zenstream::checkpoint::{BucketStore, Checkpoint, CheckpointStore as _, StoreErrorKind};
use zenstream::clock::Clock;
use zenstream::normalize::{Event, Origin, RecordId};
use zenstream::random::Random;
use zenstream::sinks::{
    Batch, Compression, Encoder, EncoderSettings, Object, ObjectSettings, Sink as _,
};

pub(crate) fn object(body: &[u8]) -> NewObject {
    NewObject {
        body: Bytes::copy_from_slice(body),
        content_type: "application/x-ndjson".to_owned(),
        content_encoding: None,
        metadata: BTreeMap::new(),
    }
}

async fn body(bucket: &dyn Bucket, key: &str) -> Bytes {
    bucket.get(key).await.unwrap().unwrap_or_else(|| panic!("{key} is not there")).1
}

fn version(put: Put) -> Version {
    match put {
        Put::Done(version) => version,
        Put::Refused => panic!("refused"),
    }
}

/// Everything that the trait says of one caller.
pub(crate) async fn keeps_its_promises(bucket: &dyn Bucket) {
    bucket.check().await.unwrap();
    an_object_is_put_where_there_is_none(bucket).await;
    an_object_is_replaced_where_it_is_what_was_seen(bucket).await;
    what_is_beside_an_object_comes_back(bucket).await;
    keys_are_listed_by_prefix(bucket).await;
    any_key_and_any_bytes_come_back(bucket).await;
}

async fn an_object_is_put_where_there_is_none(bucket: &dyn Bucket) {
    let key = "absent/a.log";
    assert_eq!(bucket.head(key).await.unwrap(), None);
    assert_eq!(bucket.get(key).await.unwrap(), None);
    let first = version(bucket.put(key, object(b"first"), Condition::Absent).await.unwrap());
    let second = bucket.put(key, object(b"second"), Condition::Absent).await.unwrap();
    assert_eq!(second, Put::Refused);
    assert_eq!(body(bucket, key).await, "first");
    assert_eq!(bucket.head(key).await.unwrap().unwrap().version, first);
}

async fn an_object_is_replaced_where_it_is_what_was_seen(bucket: &dyn Bucket) {
    let key = "version/a.json";
    let first = version(bucket.put(key, object(b"1"), Condition::Absent).await.unwrap());
    let of = |version: &Version| Condition::Version(version.clone());
    let second = version(bucket.put(key, object(b"2"), of(&first)).await.unwrap());
    assert_ne!(first, second);
    assert_eq!(bucket.put(key, object(b"3"), of(&first)).await.unwrap(), Put::Refused);
    let (info, bytes) = bucket.get(key).await.unwrap().unwrap();
    assert_eq!((info.version, bytes.as_ref()), (second.clone(), b"2".as_slice()));
    let absent = bucket.put("version/none.json", object(b"4"), of(&second)).await;
    assert_eq!(absent.unwrap(), Put::Refused);
}

async fn what_is_beside_an_object_comes_back(bucket: &dyn Bucket) {
    let metadata = BTreeMap::from([
        ("zenstream-sha256".to_owned(), "0".repeat(64)),
        ("zenstream-position".to_owned(), r#"{"acme.tickets":{"cursor":"a=b c"}}"#.to_owned()),
    ]);
    let put = NewObject {
        content_encoding: Some("gzip".to_owned()),
        metadata: metadata.clone(),
        ..object(&gzip(b"line\n"))
    };
    bucket.put("beside/a.log.gz", put.clone(), Condition::Absent).await.unwrap();
    let head = bucket.head("beside/a.log.gz").await.unwrap().unwrap();
    let (info, bytes) = bucket.get("beside/a.log.gz").await.unwrap().unwrap();
    for info in [&head, &info] {
        for (name, value) in &metadata {
            assert_eq!(info.metadata.get(name), Some(value), "{name}");
        }
    }
    assert_eq!(head.version, info.version);
    assert!(bytes == put.body, "what is stored is not unpacked on the way");
}

async fn keys_are_listed_by_prefix(bucket: &dyn Bucket) {
    for key in ["list/b", "list/a/1", "list/a/2", "list/ab", "listed"] {
        bucket.put(key, object(b"x"), Condition::Absent).await.unwrap();
    }
    assert_eq!(bucket.list("list/").await.unwrap(), ["list/a/1", "list/a/2", "list/ab", "list/b"]);
    assert_eq!(bucket.list("list/a").await.unwrap(), ["list/a/1", "list/a/2", "list/ab"]);
    assert_eq!(bucket.list("nothing/").await.unwrap(), [""; 0]);
}

async fn any_key_and_any_bytes_come_back(bucket: &dyn Bucket) {
    let long: Vec<u8> =
        (0..9_000_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    for (key, bytes) in [
        ("keys/date=2026-11-21/1-a.log", b"".as_slice()),
        ("keys/a b+c&d%2Fe;f,g@h:i.log", b"\0\xff\r\n"),
        ("keys/é-日本.log", b"x"),
        ("keys/long.log", &long),
    ] {
        bucket.put(key, object(bytes), Condition::Absent).await.unwrap();
        assert!(body(bucket, key).await == bytes, "{key}");
        assert!(bucket.head(key).await.unwrap().is_some(), "{key}");
        assert_eq!(bucket.list(key).await.unwrap(), [key]);
    }
}

/// Of many that put the same key at once, one does.
pub(crate) async fn one_of_many_puts_wins(bucket: &Arc<dyn Bucket>) {
    for round in 0..5 {
        let key = format!("race/{round}");
        let mut puts = JoinSet::new();
        for number in 0..16 {
            let (bucket, key) = (Arc::clone(bucket), key.clone());
            puts.spawn(async move {
                let own = number.to_string().into_bytes();
                let put = bucket.put(&key, object(&own), Condition::Absent).await.unwrap();
                (put != Put::Refused).then_some(own)
            });
        }
        let winners: Vec<_> = puts.join_all().await.into_iter().flatten().collect();
        assert_eq!(winners.len(), 1, "of round {round}");
        assert!(body(bucket.as_ref(), &key).await == winners[0]);
    }
}

/// Every question is answered with an error that needs somebody, and a hint.
pub(crate) async fn refuses_everything(bucket: &dyn Bucket) -> Vec<BucketError> {
    let errors = vec![
        bucket.check().await.unwrap_err(),
        bucket.head("a").await.unwrap_err(),
        bucket.get("a").await.unwrap_err(),
        bucket.put("a", object(b"x"), Condition::Absent).await.unwrap_err(),
        bucket.list("a").await.unwrap_err(),
    ];
    for error in &errors {
        assert_eq!(error.kind, BucketErrorKind::Config, "{error:?}");
        assert!(error.hint.is_some(), "{error:?}");
        assert!(error.message.contains(&bucket.location()), "{error:?}");
    }
    errors
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    flate2::read::GzEncoder::new(bytes, flate2::Compression::new(6)).read_to_end(&mut out).unwrap();
    out
}

fn batch(numbers: std::ops::Range<u32>) -> Batch {
    let origin = Arc::new(Origin {
        source: "acme".to_owned(),
        stream: "audit_logs".to_owned(),
        subdomain: "acme".to_owned(),
        partition: "tail".to_owned(),
        ingest_time: Timestamp::UNIX_EPOCH,
        through: None,
    });
    let event = |number: u32| Event {
        line: Bytes::from(format!("{{\"id\":{number}}}")),
        id: RecordId { record: Bytes::from(number.to_string()), version: None },
        time: None,
        origin: Arc::clone(&origin),
        members: None,
    };
    let resume = BTreeMap::from([("acme.audit_logs".to_owned(), numbers.end.into())]);
    Batch { events: numbers.map(event).collect(), resume }
}

fn sink(bucket: &Arc<dyn Bucket>, prefix: &str, compression: Compression) -> Object {
    let settings = ObjectSettings {
        prefix: prefix.to_owned(),
        time_format: "%s".to_owned(),
        append_uuid: true,
        extension: None,
        compression,
        content_type: None,
        content_encoding: None,
    };
    let encoder = Encoder::new(EncoderSettings::default());
    let random = Arc::new(Random::from_system());
    Object::new(Arc::clone(bucket), settings, encoder, Clock::system(), random).unwrap()
}

fn unpacked(key: &str, bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    match key.rsplit('.').next() {
        Some("gz") => drop(flate2::read::GzDecoder::new(bytes).read_to_end(&mut out).unwrap()),
        Some("zz") => drop(flate2::read::ZlibDecoder::new(bytes).read_to_end(&mut out).unwrap()),
        Some("zst") => out = zstd::decode_all(bytes).unwrap(),
        _ => out.extend_from_slice(bytes),
    }
    out
}

/// Every line under `prefix`, sorted.
pub(crate) async fn lines(bucket: &dyn Bucket, prefix: &str) -> Vec<String> {
    let mut lines = Vec::new();
    for key in bucket.list(prefix).await.unwrap() {
        let text = String::from_utf8(unpacked(&key, &body(bucket, &key).await)).unwrap();
        lines.extend(text.lines().map(str::to_owned));
    }
    lines.sort_unstable();
    lines
}

fn expected(numbers: std::ops::Range<u32>) -> Vec<String> {
    let lines: BTreeSet<String> = numbers.map(|number| format!("{{\"id\":{number}}}")).collect();
    lines.into_iter().collect()
}

/// Whatever they are packed with, readers find the lines.
pub(crate) async fn every_compression_can_be_read(bucket: &Arc<dyn Bucket>) {
    for compression in [Compression::None, Compression::GZIP, Compression::ZLIB, Compression::ZSTD]
    {
        let prefix = format!("packed/{}/", compression.log_extension());
        let sink = sink(bucket, &prefix, compression);
        sink.restore(None).await.unwrap();
        let batch = batch(0..500);
        sink.prepare(&batch).await.unwrap();
        sink.write(&batch).await.unwrap();
        let keys = bucket.list(&prefix).await.unwrap();
        assert_eq!(keys.len(), 1);
        assert!(keys[0].ends_with(compression.log_extension()), "{keys:?}");
        assert_eq!(lines(bucket.as_ref(), &prefix).await, expected(0..500));
    }
}

/// Wherever a run dies, the next one leaves every event there once.
pub(crate) async fn a_crash_leaves_each_event_once(bucket: &Arc<dyn Bucket>) {
    let open = || sink(bucket, "crash/{{ stream }}/", Compression::GZIP);
    let first = batch(0..100);

    // It dies after the put, before the save.
    let died = open();
    died.restore(None).await.unwrap();
    let prepared = died.prepare(&first).await.unwrap().unwrap();
    died.write(&first).await.unwrap();
    let after = open();
    let restored = after.restore(Some(&prepared)).await.unwrap();
    let held: BTreeSet<u64> = restored.held["acme.audit_logs"].iter().copied().collect();
    assert_eq!(held, first.events.iter().map(Event::fingerprint).collect());
    assert_eq!(lines(bucket.as_ref(), "crash/").await, expected(0..100));

    // It dies before the put; what it was to put arrives while the next run writes the same.
    let second = batch(100..200);
    let prepared = after.prepare(&second).await.unwrap().unwrap();
    let third = open();
    assert!(third.restore(Some(&prepared)).await.unwrap().held.is_empty());
    third.prepare(&second).await.unwrap();
    let (late, own) = tokio::join!(after.write(&second), third.write(&second));
    late.unwrap();
    own.unwrap();
    assert_eq!(lines(bucket.as_ref(), "crash/").await, expected(0..200));
    assert_eq!(bucket.list("crash/").await.unwrap().len(), 2);
}

/// Of two that hold the same checkpoint, one saves; and nothing is ever lost of it.
pub(crate) async fn one_of_two_holders_saves(bucket: &Arc<dyn Bucket>) {
    let random = Random::from_system();
    let open = || {
        BucketStore::new(
            Arc::clone(bucket),
            "state/state.json".to_owned(),
            &random,
            jiff::Timestamp::UNIX_EPOCH,
        )
    };
    let of = |number: u32| Checkpoint {
        sinks: BTreeMap::from([("s3".to_owned(), number.into())]),
        ..Checkpoint::default()
    };
    let (one, other) = (open(), open());
    assert_eq!(one.load().await.unwrap(), None);
    assert_eq!(other.load().await.unwrap(), None);
    let first = one.save(None, &of(1)).await.unwrap();
    let refused = other.save(None, &of(2)).await.unwrap_err();
    assert_eq!(refused.kind, StoreErrorKind::Conflict, "{refused:?}");
    let second = one.save(Some(first), &of(3)).await.unwrap();
    assert_eq!(open().load().await.unwrap(), Some((second, of(3))));

    let (one, other) = (open(), open());
    for store in [&one, &other] {
        store.load().await.unwrap();
    }
    let (ours, theirs) = (of(4), of(5));
    let both = tokio::join!(one.save(Some(second), &ours), other.save(Some(second), &theirs));
    assert_eq!([&both.0, &both.1].iter().filter(|save| save.is_ok()).count(), 1, "{both:?}");
}
