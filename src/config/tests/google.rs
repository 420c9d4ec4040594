//! Buckets of Google Cloud Storage, as sinks and as the checkpoint.

use std::time::Duration;

use super::*;
use crate::buckets::{GcpCredentials, GcsSettings};
use crate::sinks::{Compression, ObjectSettings};

/// A config whose sink is of type `gcp_cloud_storage`, with `more` in it.
fn text(more: &str) -> String {
    let text = with("", "");
    let (sources, _) = text.split_once("sinks:").unwrap();
    let more = more.replace('\n', "\n    ");
    let bucket = "type: gcp_cloud_storage\n    inputs: [acme]\n    bucket: acme-zendesk";
    format!("{sources}sinks:\n  out:\n    {bucket}\n    {more}\n")
}

fn gcs(more: &str) -> Result<Config, ConfigError> {
    yaml(&text(more))
}

fn kind(more: &str) -> (GcsSettings, ObjectSettings) {
    match gcs(more).unwrap().sinks.remove(0).kind {
        SinkKind::GcpCloudStorage { bucket, object } => (bucket, object),
        other => panic!("{other:?}"),
    }
}

fn refused(more: &str) -> String {
    shown(gcs(more))
}

#[test]
fn the_defaults_are_vectors() {
    let (bucket, object) = kind("");
    assert_eq!(bucket.bucket, "acme-zendesk");
    assert_eq!((bucket.endpoint, bucket.credentials), (None, GcpCredentials::Default));
    assert_eq!(bucket.timeout, Duration::from_secs(60));
    assert_eq!((object.prefix.as_str(), object.time_format.as_str()), ("", "%s"));
    assert!(object.append_uuid && object.extension.is_none());
    assert_eq!(object.compression, Compression::None);
    let delivery = gcs("").unwrap().sinks.remove(0).delivery;
    let batch = delivery.batch;
    assert_eq!((batch.max_bytes, batch.max_events), (10_000_000, usize::MAX));
    assert_eq!(batch.max_age, Duration::from_secs(300));
    assert_eq!(delivery.rate_limit, Some((1_000, Duration::from_secs(1))));
}

#[test]
fn a_sink_of_vectors_can_be_pasted() {
    let (bucket, object) = kind(
        "credentials_path: /etc/key.json
endpoint: https://storage.googleapis.com/
acl: bucket-owner-full-control
storage_class: NEARLINE
cache_control: no-cache
metadata: { team: security }
key_prefix: 'zendesk/{{ stream }}/date=%F/'
filename_time_format: '%Y%m%d'
filename_append_uuid: false
filename_extension: json
content_type: application/json
content_encoding: ''
timezone: UTC
compression: zstd
encoding: { codec: json }
framing: { method: newline_delimited }
batch: { max_bytes: 1000, timeout_secs: 5 }
request: { timeout_secs: 30, retry_attempts: 5, concurrency: adaptive }
acknowledgements: { enabled: true }
healthcheck: { enabled: true }",
    );
    assert_eq!(bucket.credentials, GcpCredentials::File("/etc/key.json".into()));
    assert_eq!(bucket.endpoint.unwrap().as_str(), "https://storage.googleapis.com/");
    assert_eq!(bucket.acl.as_deref(), Some("bucketOwnerFullControl"));
    assert_eq!(bucket.storage_class.as_deref(), Some("NEARLINE"));
    assert_eq!(bucket.cache_control.as_deref(), Some("no-cache"));
    assert_eq!(bucket.metadata["team"], "security");
    assert_eq!(bucket.timeout, Duration::from_secs(30));
    assert_eq!(object.prefix, "zendesk/{{ stream }}/date=%F/");
    assert_eq!(object.extension.as_deref(), Some("json"));
    assert_eq!(object.content_encoding.as_deref(), Some(""));
    assert!(!object.append_uuid);
}

#[test]
fn nobody_signs_in_at_an_emulator_unless_told_to() {
    let credentials = |more: &str| kind(more).0.credentials;
    let emulator = "endpoint: 'http://127.0.0.1:4443'";
    assert_eq!(credentials(emulator), GcpCredentials::Anonymous);
    let file = GcpCredentials::File("/k".into());
    assert_eq!(credentials(&format!("{emulator}\ncredentials_path: /k")), file);
    assert_eq!(credentials("endpoint: 'https://127.0.0.1:4443'"), GcpCredentials::Default);
}

#[test]
fn the_rate_is_limited_as_in_vector_unless_told_otherwise() {
    let rate = |more: &str| gcs(more).unwrap().sinks.remove(0).delivery.rate_limit;
    let seconds = Duration::from_secs;
    assert_eq!(rate("request: { rate_limit_num: 7 }"), Some((7, seconds(1))));
    assert_eq!(rate("request: { rate_limit_duration_secs: 3 }"), Some((1_000, seconds(3))));
    assert_eq!(rate("request: { rate_limit_num: 9223372036854775807 }"), None);
}

#[test]
fn what_cannot_be_had_is_refused_by_name() {
    insta::assert_snapshot!(refused("api_key: hunter2"), @"
    sinks.out: `api_key` is not available in this version
      hint: use `credentials_path`: an API key opens no bucket
    ");
    insta::assert_snapshot!(refused("tls: { ca_file: /ca.pem }"), @"
    sinks.out: `tls` is not available in this version
      hint: leave it out: the system's certificates are trusted, and those in `SSL_CERT_FILE`
    ");
    insta::assert_snapshot!(refused("acl: everybody"), @"
    sinks.out.acl: unknown acl `everybody`
      hint: this version has `authenticated-read`, `bucket-owner-full-control`, `bucket-owner-read`, `private`, `project-private` and `public-read`
    ");
    insta::assert_snapshot!(refused("storage_class: COLD"), @"
    sinks.out.storage_class: unknown storage_class `COLD`
      hint: did you mean `COLDLINE`?
    ");
    insta::assert_snapshot!(refused("endpoint: 'http://10.0.0.1'"), @"
    sinks.out.endpoint: must be `https`; `http` is for this machine alone
      hint: write `https://HOST`
    ");
    insta::assert_snapshot!(refused("endpoint: 'https://u:hunter2@h'"), @"
    sinks.out.endpoint: must not hold credentials
      hint: write `https://HOST`
    ");
    insta::assert_snapshot!(refused("metadata: { zenstream-count: '1' }"), @"
    sinks.out.metadata.zenstream-count: is a name that zenstream keeps for itself
      hint: choose one that does not begin with `zenstream`
    ");
    insta::assert_snapshot!(refused("metadata: { team: 'é' }"), @"sinks.out.metadata.team: must be text of printable ASCII");
    insta::assert_snapshot!(refused("metadata: { 'a b': x }"), @"
    sinks.out.metadata: `a b` is not a name
      hint: a name has letters, digits, `-` and `_`
    ");
    insta::assert_snapshot!(refused("key_prefix: '{{ stream }}/'"), @"
    sinks.out.key_prefix: the template `{{ stream }}/` must begin with literal text, such as a directory or a prefix
      hint: begin it with a name, such as `zendesk/`
    ");
    insta::assert_snapshot!(refused("filename_time_format: '%!'"), @"
    sinks.out.filename_time_format: `%!` is no time format: strftime formatting failed: found unrecognized specifier directive `!`
      hint: for example `%s`
    ");
    insta::assert_snapshot!(refused("request: { headers: { a: b } }"), @"
    sinks.out.request: `headers` is not available in this version
      hint: leave it out
    ");
    insta::assert_snapshot!(refused("request: { timeout_secs: 0 }"), @"sinks.out.request.timeout_secs: must be more than 0");
    insta::assert_snapshot!(refused("bukcet: x"), @"
    sinks.out: unknown field `bukcet`
      hint: did you mean `bucket`?
    ");
    let text = text("").replace("acme-zendesk", "gs://acme/x");
    insta::assert_snapshot!(shown(yaml(&text)), @"
    sinks.out.bucket: `gs://acme/x` is not the name of a bucket
      hint: write the name alone, without `gs://` and without a key
    ");
}

#[test]
fn proxies_are_the_environments() {
    let variables = [("HTTPS_PROXY", "http://proxy:1")];
    let config = |proxy: &str| shown(yaml_in(&format!("{proxy}\n{}", text("")), &variables));
    assert_eq!(config(""), "accepted");
    assert_eq!(config("proxy: { https: 'http://proxy:1' }"), "accepted");
    insta::assert_snapshot!(config("proxy: { https: 'http://other:1' }"), @"
    proxy: differs from the environment's, which is all that `gcp_cloud_storage` knows
      hint: leave it out, and set `HTTPS_PROXY` and `NO_PROXY` in the environment
    ");
    assert_eq!(config("proxy: { enabled: false }"), config("proxy: { https: 'http://other:1' }"));
}

/// A checkpoint of type `gcp_cloud_storage` with `more` in it.
fn checkpoint(more: &str) -> Result<Config, ConfigError> {
    let checkpoint = format!("checkpoint: {{ type: gcp_cloud_storage, bucket: acme, {more} }}");
    yaml(&format!("{checkpoint}\n{}", with("", "")))
}

#[test]
fn a_checkpoint_takes_the_same_bucket() {
    let config = checkpoint("key: zendesk/state.json, credentials_path: /k").unwrap();
    assert_eq!(config.checkpoint.to_string(), "gs://acme/zendesk/state.json");
    let CheckpointConfig::GcpCloudStorage { bucket, key } = config.checkpoint else { panic!() };
    assert_eq!(key, "zendesk/state.json");
    assert_eq!(bucket.credentials, GcpCredentials::File("/k".into()));
    insta::assert_snapshot!(shown(checkpoint("credentials_path: /k")), @"checkpoint: missing field `key`");
    insta::assert_snapshot!(shown(checkpoint("key: /state.json")), @"
    checkpoint.key: must neither begin nor end with `/`
      hint: for example `zenstream/state.json`
    ");
    insta::assert_snapshot!(shown(checkpoint("key: k, api_key: hunter2")), @"
    checkpoint: `api_key` is not available in this version
      hint: use `credentials_path`: an API key opens no bucket
    ");
    insta::assert_snapshot!(shown(checkpoint("key: k, storage_class: ARCHIVE")), @"
    checkpoint: `storage_class` is not available in this version
      hint: leave it out: a checkpoint is read at once
    ");
}
