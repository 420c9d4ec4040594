//! S3, as a store that speaks its protocol has it: what a bucket promises, what the sink and the
//! checkpoint make of it, and one of the complete configs from end to end.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_s3::Client;
use aws_sdk_s3::config::{BehaviorVersion, Credentials, Region};
use bytes::Bytes;
use jiff::Timestamp;
use zenstream::buckets::{
    AwsAuth, AwsCredentials, AwsS3, AwsS3Settings, Bucket, BucketErrorKind, Checksums, Condition,
    NewObject, Put, PutOptions, Version,
};
use zenstream::checkpoint::{BucketStore, Checkpoint, CheckpointStore as _, StoreErrorKind};
use zenstream::clock::Clock;
use zenstream::http_client::ProxySettings;
use zenstream::normalize::{Event, Origin, RecordId};
use zenstream::random::Random;
use zenstream::sinks::{Batch, Compression, Encoder, Object, ObjectSettings, Sink};
use zenstream::tls::TlsSettings;

use crate::binary::{Account, Home, Program};

/// The server, as the environment tells of it.
#[derive(Clone)]
struct Server {
    endpoint: String,
    region: String,
    access_key: String,
    secret_key: String,
}

/// A bucket of its own for one test, and a client that is not ours to look into it.
struct Place {
    server: Server,
    name: String,
    client: Client,
}

/// The server, and a client of it that is not ours.
fn connect() -> (Server, Client) {
    let or = |name: &str, usual: &str| {
        std::env::var(format!("ZENSTREAM_TEST_S3_{name}")).unwrap_or_else(|_| usual.to_owned())
    };
    let server = Server {
        endpoint: or("ENDPOINT", ""),
        region: or("REGION", "us-east-1"),
        access_key: or("ACCESS_KEY", "test"),
        secret_key: or("SECRET_KEY", "test"),
    };
    let keys = Credentials::new(&server.access_key, &server.secret_key, None, None, "test");
    let config = aws_sdk_s3::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(server.region.clone()))
        .endpoint_url(&server.endpoint)
        .force_path_style(true)
        .credentials_provider(keys);
    (server, Client::from_conf(config.build()))
}

/// Makes a bucket.
pub(crate) async fn make(name: &str) {
    connect().1.create_bucket().bucket(name).send().await.expect("a bucket for the test");
}

impl Place {
    /// None where no server runs: then the test is skipped, visibly.
    async fn open(_test: &str) -> Option<Self> {
        crate::server("ZENSTREAM_TEST_S3_ENDPOINT")?;
        let (server, client) = connect();
        let name = format!("s3-{:016x}", Random::from_system().bits() as u64);
        client.create_bucket().bucket(&name).send().await.expect("a bucket for the test");
        Some(Self { server, name, client })
    }

    fn settings(&self) -> AwsS3Settings {
        AwsS3Settings {
            bucket: self.name.clone(),
            region: Some(self.server.region.clone()),
            endpoint: Some(self.server.endpoint.parse().expect("a URL")),
            force_path_style: true,
            auth: AwsAuth {
                source: AwsCredentials::Keys {
                    access_key_id: self.server.access_key.clone().into(),
                    secret_access_key: self.server.secret_key.clone().into(),
                    session_token: None,
                },
                role: None,
                load_timeout: None,
            },
            tls: TlsSettings::default(),
            timeout: Duration::from_secs(20),
            checksums: Checksums::Auto,
            options: PutOptions::default(),
        }
    }

    fn bucket(&self) -> AwsS3 {
        self.bucket_with(|_| {})
    }

    fn bucket_with(&self, change: impl FnOnce(&mut AwsS3Settings)) -> AwsS3 {
        let mut settings = self.settings();
        change(&mut settings);
        AwsS3::new(settings, ProxySettings::default())
    }

    /// Every object's bytes as stored, by key.
    async fn objects(&self) -> BTreeMap<String, Bytes> {
        let mut objects = BTreeMap::new();
        let listed = self.client.list_objects_v2().bucket(&self.name).send().await.expect("a list");
        for object in listed.contents.unwrap_or_default() {
            let key = object.key.expect("a key");
            let got = self.client.get_object().bucket(&self.name).key(&key).send().await;
            let body = got.expect("an object").body.collect().await.expect("its bytes");
            objects.insert(key, body.into_bytes());
        }
        objects
    }
}

/// The test's own name and a bucket for it; returns where there is no server.
macro_rules! place {
    ($test:literal) => {
        match Place::open($test).await {
            Some(place) => place,
            None => return,
        }
    };
}

fn object(body: &str) -> NewObject {
    NewObject {
        body: Bytes::copy_from_slice(body.as_bytes()),
        content_type: "application/x-ndjson".to_owned(),
        content_encoding: Some("gzip".to_owned()),
        metadata: BTreeMap::from([
            ("zenstream-count".to_owned(), "2".to_owned()),
            ("zenstream-position".to_owned(), r#"{"acme.tickets":{"c":"=="}}"#.to_owned()),
        ]),
    }
}

fn version(put: Put) -> Version {
    match put {
        Put::Done(version) => version,
        Put::Refused => panic!("the put was refused"),
    }
}

#[tokio::test]
async fn an_object_is_put_once_and_replaced_only_as_the_version_that_was_seen() {
    let place = place!("put");
    for checksums in [Checksums::Auto, Checksums::Always] {
        let bucket = place.bucket_with(|settings| settings.checksums = checksums);
        let key = format!("zendesk/{checksums:?}/date=2024-05-01/a b+c%é.ndjson");
        bucket.check().await.unwrap();
        assert_eq!(bucket.head(&key).await.unwrap(), None);
        assert_eq!(bucket.get(&key).await.unwrap(), None);
        let first = version(bucket.put(&key, object("1"), Condition::Absent).await.unwrap());
        let again = bucket.put(&key, object("2"), Condition::Absent).await.unwrap();
        assert_eq!(again, Put::Refused);
        let info = bucket.head(&key).await.unwrap().unwrap();
        assert_eq!((&info.version, &info.metadata), (&first, &object("").metadata));
        let (info, bytes) = bucket.get(&key).await.unwrap().unwrap();
        assert_eq!((&info.version, bytes.as_ref()), (&first, &b"1"[..]));
        assert_eq!(info.metadata, object("").metadata);
        let replace = Condition::Version(first.clone());
        let second = version(bucket.put(&key, object("2"), replace.clone()).await.unwrap());
        assert_ne!(first, second);
        assert_eq!(bucket.put(&key, object("3"), replace.clone()).await.unwrap(), Put::Refused);
        assert_eq!(bucket.get(&key).await.unwrap().unwrap().1.as_ref(), b"2");
        // What was to be replaced is gone.
        assert_eq!(bucket.put("absent", object("3"), replace).await.unwrap(), Put::Refused);
        assert_eq!(bucket.head("absent").await.unwrap(), None);
    }
}

#[tokio::test]
async fn what_goes_beside_the_bytes_arrives() {
    let place = place!("headers");
    let bucket = place.bucket_with(|settings| {
        settings.options.storage_class = Some("STANDARD_IA".to_owned());
        settings.options.tags = vec![("team".to_owned(), "a b&c".to_owned())];
    });
    bucket.put("k", object("1"), Condition::Absent).await.unwrap();
    let head = place.client.head_object().bucket(&place.name).key("k").send().await.unwrap();
    assert_eq!(head.content_type(), Some("application/x-ndjson"));
    assert_eq!(head.content_encoding(), Some("gzip"));
    assert_eq!(head.storage_class().map(|class| class.as_str()), Some("STANDARD_IA"));
    let tags = place.client.get_object_tagging().bucket(&place.name).key("k").send().await.unwrap();
    let tags: Vec<_> = tags.tag_set().iter().map(|tag| (tag.key(), tag.value())).collect();
    assert_eq!(tags, [("team", "a b&c")]);
}

#[tokio::test]
async fn a_list_has_every_key_of_a_prefix_in_order() {
    let place = place!("list");
    let bucket = place.bucket();
    let mut keys: Vec<String> = (0..7).rev().map(|n| format!("a/{n}")).collect();
    for key in keys.iter().chain(&["b/1".to_owned()]) {
        bucket.put(key, object("1"), Condition::Absent).await.unwrap();
    }
    keys.sort();
    assert_eq!(bucket.list("a/").await.unwrap(), keys);
    assert_eq!(bucket.list("c/").await.unwrap(), Vec::<String>::new());
}

#[tokio::test]
async fn a_bucket_that_is_not_there_is_no_empty_bucket() {
    let place = place!("missing bucket");
    let bucket = place.bucket_with(|settings| settings.bucket = "s3-never-made".to_owned());
    let errors = [
        bucket.check().await.unwrap_err(),
        bucket.head("k").await.unwrap_err(),
        bucket.get("k").await.unwrap_err(),
        bucket.put("k", object("1"), Condition::Absent).await.unwrap_err(),
        bucket.list("").await.unwrap_err(),
    ];
    for error in errors {
        assert_eq!(error.kind, BucketErrorKind::Config, "{error}");
        assert!(error.message.contains("NoSuchBucket"), "{error}");
        let hint = "create the bucket, or correct `bucket` and `region`";
        assert_eq!(error.hint.as_deref(), Some(hint), "{error}");
    }
}

#[tokio::test]
async fn credentials_that_are_refused_are_told_and_not_shown() {
    let place = place!("credentials");
    let source = |id: &str, key: &str| AwsCredentials::Keys {
        access_key_id: id.to_owned().into(),
        secret_access_key: key.to_owned().into(),
        session_token: None,
    };
    let known = place.server.access_key.clone();
    for (id, key) in [(known.as_str(), "not-the-secret"), ("NOBODYKNOWSTHIS", "not-the-secret")] {
        let bucket = place.bucket_with(|settings| settings.auth.source = source(id, key));
        let errors = [
            bucket.check().await.unwrap_err(),
            bucket.head("k").await.unwrap_err(),
            bucket.put("k", object("1"), Condition::Absent).await.unwrap_err(),
        ];
        for error in errors {
            assert_eq!(error.kind, BucketErrorKind::Config, "{error}");
            let hint = error.hint.clone().unwrap_or_default();
            assert!(hint.starts_with("the credentials are refused"), "{error}: {hint}");
            assert!(!error.message.contains("NOBODYKNOWSTHIS"), "{error}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_puts_at_once_one_wins() {
    let place = place!("concurrent puts");
    let bucket = Arc::new(place.bucket());
    for round in 0..5 {
        let key = format!("k/{round}");
        let puts = (0..16).map(|number| {
            let (bucket, key) = (Arc::clone(&bucket), key.clone());
            async move {
                loop {
                    let body = object(&number.to_string());
                    match bucket.put(&key, body, Condition::Absent).await {
                        Ok(put) => return (number, put),
                        Err(error) => assert_eq!(error.kind, BucketErrorKind::Retry, "{error}"),
                    }
                }
            }
        });
        let puts = futures::future::join_all(puts).await;
        let winners: Vec<_> = puts.iter().filter(|(_, put)| *put != Put::Refused).collect();
        let [(winner, _)] = winners[..] else { panic!("{} winners: {puts:?}", winners.len()) };
        let there = bucket.get(&key).await.unwrap().unwrap().1;
        assert_eq!(there.as_ref(), winner.to_string().as_bytes());
    }
}

fn batch(ids: std::ops::Range<u32>) -> Batch {
    let time: Timestamp = "2024-05-01T12:00:00Z".parse().unwrap();
    let origin = Arc::new(Origin {
        source: "acme".to_owned(),
        stream: "audit_logs".to_owned(),
        subdomain: "acme".to_owned(),
        partition: "tail".to_owned(),
        ingest_time: time,
    });
    let event = |id: u32| Event {
        line: Bytes::from(format!(r#"{{"id":{id}}}"#)),
        id: RecordId { record: Bytes::from(id.to_string()), version: None },
        time: Some(time),
        origin: Arc::clone(&origin),
    };
    Batch { events: ids.map(event).collect(), resume: BTreeMap::new() }
}

fn sink(place: &Place, compression: Compression) -> Object {
    let settings = ObjectSettings {
        prefix: "zendesk/{{ stream }}/date=%F/".to_owned(),
        time_format: "%s".to_owned(),
        append_uuid: true,
        extension: None,
        compression,
        content_type: None,
        content_encoding: None,
    };
    let (bucket, random) = (Arc::new(place.bucket()), Arc::new(Random::from_system()));
    Object::new(bucket, settings, Encoder::default(), Clock::system(), random).unwrap()
}

/// What a reader finds, by id.
async fn ids(place: &Place) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for body in place.objects().await.into_values() {
        let mut text = String::new();
        flate2::read::GzDecoder::new(&body[..]).read_to_string(&mut text).expect("gzip of text");
        lines.extend(text.lines().map(str::to_owned));
    }
    lines.sort();
    lines
}

fn lines(ids: std::ops::Range<u32>) -> Vec<String> {
    let mut lines: Vec<String> = ids.map(|id| format!(r#"{{"id":{id}}}"#)).collect();
    lines.sort();
    lines
}

#[tokio::test]
async fn a_crash_between_a_put_and_its_save_repeats_nothing() {
    let place = place!("crash after put");
    let first = sink(&place, Compression::GZIP);
    first.restore(None).await.unwrap();
    let intent = first.prepare(&batch(0..5)).await.unwrap().expect("an intent");
    first.write(&batch(0..5)).await.unwrap();
    drop(first);
    // What was saved last is the intent; the write was never noted.
    let second = sink(&place, Compression::GZIP);
    let restored = second.restore(Some(&intent)).await.unwrap();
    assert_eq!(restored.held["acme.audit_logs"].len(), 5, "the object is adopted");
    second.prepare(&batch(5..7)).await.unwrap();
    second.write(&batch(5..7)).await.unwrap();
    assert_eq!(ids(&place).await, lines(0..7));
    assert_eq!(place.objects().await.len(), 2);
}

#[tokio::test]
async fn a_crash_before_a_put_loses_nothing() {
    let place = place!("crash before put");
    let first = sink(&place, Compression::GZIP);
    first.restore(None).await.unwrap();
    let intent = first.prepare(&batch(0..5)).await.unwrap().expect("an intent");
    // Its request is still on its way when the next run has begun.
    let second = sink(&place, Compression::GZIP);
    let restored = second.restore(Some(&intent)).await.unwrap();
    assert!(restored.held.is_empty(), "{restored:?}");
    second.prepare(&batch(0..5)).await.unwrap();
    second.write(&batch(0..5)).await.unwrap();
    // The late one finds the same bytes under its key, and takes them for its own.
    first.write(&batch(0..5)).await.unwrap();
    assert_eq!(ids(&place).await, lines(0..5));
    assert_eq!(place.objects().await.len(), 1);
}

#[tokio::test]
async fn every_compression_can_be_read() {
    type Unpack = fn(&[u8]) -> Vec<u8>;
    fn all(mut reader: impl std::io::Read) -> Vec<u8> {
        let mut bytes = Vec::new();
        reader.read_to_end(&mut bytes).expect("whole");
        bytes
    }
    let table: [(Compression, &str, Unpack); 4] = [
        (Compression::None, ".log", <[u8]>::to_vec),
        (Compression::GZIP, ".log.gz", |bytes| all(flate2::read::GzDecoder::new(bytes))),
        (Compression::ZLIB, ".log.zz", |bytes| all(flate2::read::ZlibDecoder::new(bytes))),
        (Compression::ZSTD, ".log.zst", |bytes| zstd::decode_all(bytes).expect("whole")),
    ];
    for (compression, ending, unpack) in table {
        let place = place!("compressions");
        let sink = sink(&place, compression);
        sink.restore(None).await.unwrap();
        sink.prepare(&batch(0..3)).await.unwrap();
        sink.write(&batch(0..3)).await.unwrap();
        let (key, body) = place.objects().await.pop_first().expect("an object");
        assert!(key.starts_with("zendesk/audit_logs/date=2024-05-01/"), "{key}");
        assert!(key.ends_with(ending), "{key}");
        assert_eq!(unpack(&body), b"{\"id\":0}\n{\"id\":1}\n{\"id\":2}\n", "{compression:?}");
    }
}

#[tokio::test]
async fn of_two_holders_of_a_checkpoint_one_saves() {
    let place = place!("checkpoint");
    let open = || {
        let random = Random::from_system();
        BucketStore::new(Arc::new(place.bucket()), "zendesk/state.json".to_owned(), &random)
    };
    let (one, other) = (open(), open());
    assert_eq!(one.load().await.unwrap(), None);
    assert_eq!(other.load().await.unwrap(), None);
    let next = |number: u32| Checkpoint {
        sinks: BTreeMap::from([("s".to_owned(), number.into())]),
        ..Checkpoint::default()
    };
    let first = one.save(None, &next(1)).await.unwrap();
    let late = other.save(None, &next(2)).await.unwrap_err();
    assert_eq!(late.kind, StoreErrorKind::Conflict, "{late}");
    let (revision, there) = other.load().await.unwrap().unwrap();
    assert_eq!((revision, there), (first, next(1)));
    let second = other.save(Some(first), &next(2)).await.unwrap();
    let late = one.save(Some(first), &next(3)).await.unwrap_err();
    assert_eq!(late.kind, StoreErrorKind::Conflict, "{late}");
    assert_eq!(open().load().await.unwrap(), Some((second, next(2))));
}

impl Place {
    /// The program in an environment like that of a function or a container.
    fn zenstream<'h>(&self, home: &'h Home, line: &str) -> Program<'h> {
        let examples = concat!(env!("CARGO_MANIFEST_DIR"), "/config-examples/");
        home.zenstream(&line.replace("EXAMPLES/", examples))
            .env("AWS_ENDPOINT_URL_S3", &self.server.endpoint)
            .env("AWS_REGION", &self.server.region)
            .env("AWS_ACCESS_KEY_ID", &self.server.access_key)
            .env("AWS_SECRET_ACCESS_KEY", &self.server.secret_key)
            .env("S3_BUCKET", &self.name)
            .env("DATA_DIR", "state")
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_guides_environment_brings_every_record_once_however_many_runs_it_takes() {
    let place = place!("google-secops-s3.yaml");
    let (home, account) =
        (Home::new(), Account::new("--audit-logs 950 --tickets 40 --rate-limit 0"));
    let run = || {
        place
            .zenstream(&home, "run -c EXAMPLES/google-secops-s3.yaml --once")
            .at(&account)
            .env("AUTH_MODE", "bearer")
            .env("ZENDESK_EMAIL", "")
            .env("ZENDESK_API_TOKEN", "")
            .env("S3_PREFIX", "zendesk/crm/")
            .env("STATE_KEY", "zendesk/crm/state.json")
            .env("RESOURCES", "audit_logs,incremental_tickets")
            .env("MAX_PAGES", "4")
            .env("LOOKBACK_SECONDS", "3000000000")
            .env("HTTP_TIMEOUT", "60")
            .env("HTTP_RETRIES", "3")
    };
    let mut objects = BTreeMap::new();
    for number in 0..4 {
        // Nothing is kept on the machine: each run may be on another.
        let _gone = std::fs::remove_dir_all(home.path("state"));
        run().run().well();
        objects = place.objects().await;
        let state = objects.remove("zendesk/crm/state.json").expect("positions are kept");
        assert!(!state.is_empty());
        let count = stream_lines(&objects, "audit_logs").len();
        assert!(number > 1 || count < 950, "a run takes four pages, not {count} records");
    }
    for stream in ["audit_logs", "tickets"] {
        let mut truth = account.records(stream);
        truth.sort();
        assert!(stream_lines(&objects, stream) == truth, "{stream} is not as in the account");
    }
    for key in objects.keys() {
        let name = key.strip_prefix("zendesk/crm//").unwrap_or_else(|| panic!("{key}"));
        assert!(name.ends_with(".json") && name.split('/').count() == 4, "{key}");
    }
}

/// The lines of a stream's objects, sorted.
fn stream_lines(objects: &BTreeMap<String, Bytes>, stream: &str) -> Vec<String> {
    let of_stream = objects.iter().filter(|(key, _)| key.contains(&format!("/{stream}-")));
    let mut lines: Vec<String> = of_stream
        .flat_map(|(_, body)| std::str::from_utf8(body).expect("text").lines())
        .map(str::to_owned)
        .collect();
    lines.sort();
    lines
}

#[tokio::test(flavor = "multi_thread")]
async fn check_says_what_is_wrong_with_a_bucket() {
    let place = place!("check");
    let (home, account) = (Home::new(), Account::small());
    let check = |bucket: &str| {
        place
            .zenstream(&home, "check -c EXAMPLES/google-secops-s3.yaml --format json")
            .at(&account)
            .env("AUTH_MODE", "bearer")
            .env("S3_BUCKET", bucket)
            .run()
    };
    assert_eq!(check(&place.name).code, Some(0));
    let ended = check("s3-never-made");
    assert_eq!(ended.code, Some(1));
    assert!(ended.stdout.contains("NoSuchBucket"), "{ended}");
    assert!(ended.stdout.contains("create the bucket"), "{ended}");
}
