//! Buckets in S3, as sinks and as the checkpoint.

use std::time::Duration;

use super::*;
use crate::buckets::{AwsCredentials, AwsRole, Checksums, ImdsSettings};
use crate::sinks::Compression;

/// A sink of type `aws_s3` with `more` in it.
fn s3(more: &str) -> Result<Config, ConfigError> {
    let text = with("", "");
    let (sources, _) = text.split_once("sinks:").unwrap();
    let more = more.replace('\n', "\n    ");
    let sink = "sinks:\n  out:\n    type: aws_s3\n    inputs: [acme]\n    bucket: acme-zendesk\n";
    yaml_in(&format!("{sources}{sink}    {more}\n"), &[("KEY", "AKIDEXAMPLE"), ("EMPTY", "")])
}

fn kind(more: &str) -> SinkKind {
    s3(more).unwrap().sinks.remove(0).kind
}

fn refused(more: &str) -> String {
    shown(s3(more))
}

#[test]
fn the_defaults_are_vectors() {
    let sink = s3("").unwrap().sinks.remove(0);
    let SinkKind::AwsS3 { bucket, object } = sink.kind else { panic!("no bucket") };
    assert_eq!(bucket.bucket, "acme-zendesk");
    assert!(bucket.force_path_style && bucket.region.is_none() && bucket.endpoint.is_none());
    assert_eq!((bucket.timeout, bucket.checksums), (Duration::from_secs(60), Checksums::Auto));
    let usual = ImdsSettings::default();
    assert!(matches!(bucket.auth.source, AwsCredentials::Default { imds } if imds == usual));
    assert_eq!((object.prefix.as_str(), object.time_format.as_str()), ("date=%F", "%s"));
    assert!(object.append_uuid && object.extension.is_none());
    assert_eq!(object.compression, Compression::GZIP);
    let batch = sink.delivery.batch;
    assert_eq!((batch.max_bytes, batch.max_events), (10_000_000, usize::MAX));
    assert_eq!(batch.max_age, Duration::from_secs(300));
}

#[test]
fn a_sink_of_vectors_can_be_pasted() {
    let text = "region: us-east-1
endpoint: https://s3.example.com
force_path_style: false
key_prefix: 'zendesk/{{ stream }}/date=%F/'
filename_time_format: '%Y%m%d%H%M%S'
filename_append_uuid: false
filename_extension: json
content_type: application/json
content_encoding: ''
timezone: UTC
compression: zstd
checksums: never
acl: bucket-owner-full-control
grant_read: id=1
server_side_encryption: aws:kms
ssekms_key_id: key-1
storage_class: STANDARD_IA
tags: { team: security }
encoding: { codec: json }
framing: { method: newline_delimited }
batch: { max_bytes: 1000, timeout_secs: 5 }
request: { timeout_secs: 30, retry_attempts: 5 }
tls: { ca_file: /etc/ca.pem, verify_certificate: true }
acknowledgements: { enabled: true }
healthcheck: { enabled: true }
auth:
  access_key_id: ${KEY}
  secret_access_key: secret
  session_token: token
  assume_role: arn:aws:iam::1:role/z
  external_id: e
  session_name: n
  region: eu-west-1
  load_timeout_secs: 9";
    let SinkKind::AwsS3 { bucket, object } = kind(text) else { panic!("no bucket") };
    assert_eq!(bucket.endpoint.unwrap().as_str(), "https://s3.example.com/");
    assert_eq!(bucket.timeout, Duration::from_secs(30));
    assert_eq!(bucket.checksums, Checksums::Never);
    assert_eq!(bucket.tls.ca_file.unwrap(), std::path::Path::new("/etc/ca.pem"));
    let options = bucket.options;
    assert_eq!(options.acl.unwrap(), "bucket-owner-full-control");
    assert_eq!(options.server_side_encryption.unwrap(), "aws:kms");
    assert_eq!(options.storage_class.unwrap(), "STANDARD_IA");
    assert_eq!(options.tags, [("team".to_owned(), "security".to_owned())]);
    let role = AwsRole {
        arn: "arn:aws:iam::1:role/z".to_owned(),
        external_id: Some("e".to_owned()),
        session_name: Some("n".to_owned()),
        region: Some("eu-west-1".to_owned()),
    };
    assert_eq!(bucket.auth.role, Some(role));
    assert!(matches!(bucket.auth.source, AwsCredentials::Keys { session_token: Some(_), .. }));
    assert_eq!(object.prefix, "zendesk/{{ stream }}/date=%F/");
    assert_eq!(object.content_encoding.as_deref(), Some(""));
    assert!(!object.append_uuid);
}

#[test]
fn credentials_come_from_one_place() {
    let source = |auth: &str| {
        let SinkKind::AwsS3 { bucket, .. } = kind(&format!("auth: {auth}")) else { panic!() };
        bucket.auth.source
    };
    let file = source("{ credentials_file: /c }");
    assert!(matches!(file, AwsCredentials::Profile { profile, .. } if profile == "default"));
    let profile = source("{ profile: p }");
    assert!(matches!(profile, AwsCredentials::Profile { credentials_file: None, .. }));
    let imds = source("{ imds: { max_attempts: 1 }, assume_role: r }");
    assert!(matches!(imds, AwsCredentials::Default { imds } if imds.max_attempts == 1));
    insta::assert_snapshot!(refused("auth: { access_key_id: a, secret_access_key: b, profile: p }"), @"
    sinks.out.auth: has `access_key_id` and `profile`
      hint: say one place where credentials come from
    ");
    insta::assert_snapshot!(refused("auth: { profile: p, imds: {} }"), @"
    sinks.out.auth: has `profile` and `imds`
      hint: say one place where credentials come from
    ");
    insta::assert_snapshot!(refused("auth: { access_key_id: '${KEY}' }"), @"sinks.out.auth: missing field `secret_access_key`");
    insta::assert_snapshot!(refused("auth: { session_token: t }"), @"sinks.out.auth: missing field `access_key_id`");
    insta::assert_snapshot!(refused("auth: { access_key_id: a, secret_access_key: '${EMPTY}' }"), @"sinks.out.auth.secret_access_key: is empty");
    insta::assert_snapshot!(refused("auth: { region: eu-west-1 }"), @"
    sinks.out.auth.region: says how `assume_role` is done, which is not set
      hint: the bucket's own `region` stands beside `auth`
    ");
    insta::assert_snapshot!(refused("auth: { external_id: x }"), @"
    sinks.out.auth.external_id: says how `assume_role` is done, which is not set
      hint: set `assume_role`, or leave this out
    ");
}

#[test]
fn what_cannot_be_had_is_refused_by_name() {
    insta::assert_snapshot!(refused("key_prefix: '{{ stream }}/'"), @"
    sinks.out.key_prefix: the template `{{ stream }}/` must begin with literal text, such as a directory or a prefix
      hint: begin it with a name, such as `zendesk/`
    ");
    insta::assert_snapshot!(refused("key_prefix: 'a/../{{ stream }}'"), @"sinks.out.key_prefix: the prefix `a/../{{ stream }}` has `..` in it");
    insta::assert_snapshot!(refused("filename_time_format: '%!'"), @"
    sinks.out.filename_time_format: `%!` is no time format: strftime formatting failed: found unrecognized specifier directive `!`
      hint: for example `%s`
    ");
    insta::assert_snapshot!(refused("timezone: Europe/Berlin"), @"
    sinks.out.timezone: unknown timezone `Europe/Berlin`
      hint: this version has `UTC`
    ");
    insta::assert_snapshot!(refused("retry_strategy: { type: all }"), @"
    sinks.out: `retry_strategy` is not available in this version
      hint: leave it out: what may pass is tried again, what may not ends the run
    ");
    insta::assert_snapshot!(refused("batch_encoding: { codec: parquet }"), @"
    sinks.out: `batch_encoding` is not available in this version
      hint: leave it out: objects hold a line an event
    ");
    insta::assert_snapshot!(refused("compression: snappy"), @"
    sinks.out.compression: `snappy` is not available in this version
      hint: this version has `none`, `gzip`, `zlib` and `zstd`
    ");
    insta::assert_snapshot!(refused("acl: everybody"), @"
    sinks.out.acl: unknown acl `everybody`
      hint: this version has `authenticated-read`, `aws-exec-read`, `bucket-owner-full-control`, `bucket-owner-read`, `log-delivery-write`, `private`, `public-read` and `public-read-write`
    ");
    insta::assert_snapshot!(refused("storage_class: COLD"), @"
    sinks.out.storage_class: unknown storage_class `COLD`
      hint: this version has `DEEP_ARCHIVE`, `EXPRESS_ONEZONE`, `GLACIER`, `GLACIER_IR`, `INTELLIGENT_TIERING`, `ONEZONE_IA`, `REDUCED_REDUNDANCY`, `STANDARD` and `STANDARD_IA`
    ");
}

#[test]
fn what_contradicts_itself_or_is_mistyped_is_refused() {
    insta::assert_snapshot!(refused("ssekms_key_id: k"), @"
    sinks.out.ssekms_key_id: is for `server_side_encryption: aws:kms`
      hint: set that, or leave this out
    ");
    insta::assert_snapshot!(refused("tls: { crt_file: /c }"), @"
    sinks.out.tls: `crt_file` is not available for S3
      hint: S3 tells us apart by the credentials under `auth`
    ");
    insta::assert_snapshot!(refused("tls: { verify_certificate: false }"), @"
    sinks.out.tls: `verify_certificate` is not available for S3
      hint: name the certificate to trust with `ca_file`
    ");
    insta::assert_snapshot!(refused("tls: { enabled: true }"), @"accepted");
    insta::assert_snapshot!(refused("tls: { enabled: false }"), @"
    sinks.out.tls.enabled: is `false`, but AWS is spoken to over TLS
      hint: leave it out: `https://` or `http://` in `endpoint` says it
    ");
    insta::assert_snapshot!(refused("endpoint: http://minio:9000\ntls: { enabled: true }"), @"
    sinks.out.tls.enabled: is `true`, but `endpoint` begins with `http://`
      hint: leave it out: `https://` or `http://` in `endpoint` says it
    ");
    insta::assert_snapshot!(refused("endpoint: http://minio:9000\ntls: { enabled: false }"), @"accepted");
    insta::assert_snapshot!(refused("endpoint: 's3.example.com'"), @"
    sinks.out.endpoint: is not a URL: relative URL without a base
      hint: write `https://HOST`
    ");
    insta::assert_snapshot!(refused("endpoint: 'https://a:b@s3.example.com'"), @"
    sinks.out.endpoint: must not hold credentials
      hint: put them under `auth`
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
    insta::assert_snapshot!(refused("regoin: x"), @"
    sinks.out: unknown field `regoin`
      hint: did you mean `region`?
    ");
    let text = with("", "").replace("type: console", "type: aws_s3\n    bucket: s3://acme/x");
    insta::assert_snapshot!(shown(yaml(&text)), @"
    sinks.out.bucket: `s3://acme/x` is not the name of a bucket
      hint: write the name alone, without `s3://` and without a key
    ");
}

/// A checkpoint of type `aws_s3` with `more` in it.
fn checkpoint(more: &str) -> Result<Config, ConfigError> {
    yaml(&format!("checkpoint: {{ type: aws_s3, bucket: acme, {more} }}\n{}", with("", "")))
}

#[test]
fn a_checkpoint_takes_the_same_options() {
    let config = checkpoint(
        "key: zendesk/state.json, region: eu-central-1, endpoint: 'http://127.0.0.1:9000', \
         auth: { profile: p }, tls: { ca_file: /ca }, checksums: always, \
         server_side_encryption: AES256",
    );
    let config = config.unwrap();
    assert_eq!(config.checkpoint.to_string(), "s3://acme/zendesk/state.json");
    let CheckpointConfig::AwsS3 { bucket, key } = config.checkpoint else { panic!("no bucket") };
    assert_eq!(key, "zendesk/state.json");
    assert_eq!(bucket.region.as_deref(), Some("eu-central-1"));
    assert_eq!(bucket.checksums, Checksums::Always);
    assert_eq!(bucket.options.server_side_encryption.as_deref(), Some("AES256"));
    insta::assert_snapshot!(shown(checkpoint("region: r")), @"checkpoint: missing field `key`");
    insta::assert_snapshot!(shown(checkpoint("key: /state.json")), @"
    checkpoint.key: must neither begin nor end with `/`
      hint: for example `zendesk/state.json`
    ");
    insta::assert_snapshot!(shown(checkpoint("key: k, storage_class: GLACIER")), @"
    checkpoint: `storage_class` is not available in this version
      hint: leave it out: a checkpoint is read at once
    ");
    insta::assert_snapshot!(shown(checkpoint("key: k, compression: gzip")), @"
    checkpoint: unknown field `compression`
      hint: known fields: `acl`, `auth`, `bucket`, `checksums`, `endpoint`, `force_path_style`, `grant_full_control`, `grant_read`, `grant_read_acp`, `grant_write_acp`, `key`, `lease`, `region`, `server_side_encryption`, `ssekms_key_id`, `tags`, `tls` and `type`
    ");
}
