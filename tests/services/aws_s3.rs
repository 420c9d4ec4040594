//! S3, as a store that speaks its protocol has it: what a bucket promises, what the sink and the
//! checkpoint make of it, and one of the complete configs from end to end.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_s3::Client;
use aws_sdk_s3::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_s3::types::StorageClass;
use bytes::Bytes;
use zenstream::buckets::{
    AwsAuth, AwsCredentials, AwsS3, AwsS3Settings, Bucket, BucketErrorKind, Checksums, Condition,
    PutOptions,
};
use zenstream::http_client::ProxySettings;
use zenstream::tls::TlsSettings;

use crate::binary::{Account, Home, Program};
use crate::objects::{self, object};
use crate::{server, unique};

/// The server, as the environment tells of it.
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
    /// None where there is no server.
    async fn open(test: &str) -> Option<Self> {
        server("ZENSTREAM_TEST_S3_ENDPOINT")?;
        let (server, client) = connect();
        let name = unique(test);
        make(&name).await;
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
            // Some stores take their time over many puts of one key.
            timeout: Duration::from_secs(60),
            checksums: Checksums::Auto,
            options: PutOptions::default(),
        }
    }

    fn bucket(&self) -> Arc<dyn Bucket> {
        Arc::new(self.bucket_with(|_| {}))
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

#[tokio::test(flavor = "multi_thread")]
async fn the_bucket_keeps_its_promises() {
    for checksums in [Checksums::Auto, Checksums::Always] {
        let Some(place) = Place::open("promises").await else { return };
        let bucket = place.bucket_with(|settings| settings.checksums = checksums);
        objects::keeps_its_promises(&bucket).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_are_renewed_by_one_process() {
    let Some(place) = Place::open("tokens").await else { return };
    crate::tokens::are_renewed_by_one(Arc::new(place.bucket_with(|_| ()))).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_of_many_puts_wins() {
    let Some(place) = Place::open("race").await else { return };
    objects::one_of_many_puts_wins(&place.bucket()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_compression_can_be_read() {
    let Some(place) = Place::open("packed").await else { return };
    objects::every_compression_can_be_read(&place.bucket()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_leaves_each_event_once() {
    let Some(place) = Place::open("crash").await else { return };
    objects::a_crash_leaves_each_event_once(&place.bucket()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_of_two_holders_of_a_checkpoint_saves() {
    let Some(place) = Place::open("state").await else { return };
    objects::one_of_two_holders_saves(&place.bucket()).await;
}

#[tokio::test]
async fn a_bucket_that_is_not_there_is_no_empty_bucket() {
    let Some(place) = Place::open("missing").await else { return };
    let bucket = place.bucket_with(|settings| settings.bucket = unique("never-made"));
    for error in objects::refuses_everything(&bucket).await {
        assert!(error.message.contains("NoSuchBucket"), "{error}");
        let hint = "create the bucket, or correct `bucket` and `region`";
        assert_eq!(error.hint.as_deref(), Some(hint), "{error}");
    }
}

#[tokio::test]
async fn what_goes_beside_the_bytes_arrives() {
    let Some(place) = Place::open("beside").await else { return };
    let bucket = place.bucket_with(|settings| {
        settings.options.storage_class = Some("STANDARD_IA".to_owned());
        settings.options.tags = vec![("team".to_owned(), "a b+c".to_owned())];
    });
    bucket.put("k", object(b"1"), Condition::Absent).await.unwrap();
    let head = place.client.head_object().bucket(&place.name).key("k").send().await.unwrap();
    assert_eq!(head.content_type(), Some("application/x-ndjson"));
    assert_eq!(head.storage_class().map(StorageClass::as_str), Some("STANDARD_IA"));
    let tags = place.client.get_object_tagging().bucket(&place.name).key("k").send().await.unwrap();
    let tags: Vec<_> = tags.tag_set().iter().map(|tag| (tag.key(), tag.value())).collect();
    assert_eq!(tags, [("team", "a b+c")]);
}

#[tokio::test]
async fn credentials_that_are_refused_are_told_and_not_shown() {
    let Some(place) = Place::open("credentials").await else { return };
    let source = |id: &str, key: &str| AwsCredentials::Keys {
        access_key_id: id.to_owned().into(),
        secret_access_key: key.to_owned().into(),
        session_token: None,
    };
    let known = place.server.access_key.clone();
    for (id, key) in [(known.as_str(), "not-the-secret"), ("NOBODYKNOWSTHIS", "not-the-secret")] {
        let bucket = place.bucket_with(|settings| settings.auth.source = source(id, key));
        if bucket.check().await.is_ok() {
            // A server that looks at no credentials; said as `server` says it.
            assert_eq!(server("ZENSTREAM_TEST_S3_ENDPOINT_THAT_CHECKS_CREDENTIALS"), None);
            return;
        }
        let errors = [
            bucket.check().await.unwrap_err(),
            bucket.head("k").await.unwrap_err(),
            bucket.put("k", object(b"1"), Condition::Absent).await.unwrap_err(),
        ];
        for error in errors {
            assert_eq!(error.kind, BucketErrorKind::Config, "{error}");
            let hint = error.hint.clone().unwrap_or_default();
            assert!(hint.starts_with("the credentials are refused"), "{error}: {hint}");
            assert!(!error.message.contains("NOBODYKNOWSTHIS"), "{error}");
        }
    }
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
    let Some(place) = Place::open("secops").await else { return };
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
        let name = key.strip_prefix("zendesk/crm/").unwrap_or_else(|| panic!("{key}"));
        let parts: Vec<&str> = name.split('/').collect();
        assert!(parts.len() == 4 && parts[3].rsplit('.').next() == Some("json"), "{key}");
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
    let Some(place) = Place::open("check").await else { return };
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
