//! The first mistakes with a destination: the wrong bucket, the wrong key, the wrong topic, the wrong password; what `check` says
//! of them, and what to do. Of an account they stand in `tests/it/program/newcomer.rs`.

use serde_json::Value;

use crate::binary::{Account, Home};
use crate::server;

const SOURCE: &str = r#"
data_dir: state
sources:
  acme:
    type: zendesk
    endpoint: ${ZENDESK_BASE_URL}
    auth: { strategy: bearer, token: "${ZENDESK_BEARER_TOKEN}" }
    streams: [tickets]
sinks:
  out:
    inputs: [acme]
"#;

/// What is said of a sink with these options: the error and its hint. An address of the tests becomes `[server]`.
fn told(account: &Account, options: &str, server: &str) -> String {
    let home = Home::new();
    let options: Vec<String> = options.lines().map(|it| format!("    {}", it.trim())).collect();
    home.write("zenstream.yaml", &format!("{SOURCE}{}\n", options.join("\n")));
    let ended = home.zenstream("-q check -c zenstream.yaml --format json").at(account).run();
    if ended.code == Some(78) {
        return ended.stderr.replace(server, "[server]");
    }
    assert_eq!(ended.code, Some(1), "{ended}");
    let findings: Vec<Value> = serde_json::from_str(&ended.stdout).expect("a list");
    let sink = findings.iter().find(|finding| finding["kind"] == "sink").expect("a sink");
    assert_eq!(sink["ok"], false, "{sink}");
    let text = |member: &str| sink[member].as_str().unwrap_or("none").to_owned();
    format!("{}\nhint: {}", text("detail"), text("hint")).replace(server, "[server]")
}

#[test]
fn a_bucket_that_is_wrong() {
    let Some(endpoint) = server("ZENSTREAM_TEST_S3_ENDPOINT") else { return };
    let variable = |name: &str| server(name).expect("set together");
    let key = variable("ZENSTREAM_TEST_S3_ACCESS_KEY");
    let secret = variable("ZENSTREAM_TEST_S3_SECRET_KEY");
    let account = Account::small();
    let of = |bucket: &str, key: &str, secret: &str| {
        let options = format!(
            "type: aws_s3
             bucket: {bucket}
             endpoint: {endpoint}
             region: us-east-1
             auth: {{ access_key_id: {key}, secret_access_key: {secret} }}
             key_prefix: x/"
        );
        told(&account, &options, &endpoint)
    };
    insta::assert_snapshot!(of("zenstream-never-made", &key, &secret), @"
    s3://zenstream-never-made: cannot be reached: answered 404 NoSuchBucket: The specified bucket does not exist
    hint: create the bucket, or correct `bucket` and `region`
    ");
    insta::assert_snapshot!(of("zenstream-never-made", &key, "wrong"), @"
    s3://zenstream-never-made: cannot be reached: answered 403 SignatureDoesNotMatch
    hint: the credentials are refused: correct them under `auth` or in the environment
    ");
    insta::assert_snapshot!(of("zenstream-never-made", "nobody", "wrong"), @"
    s3://zenstream-never-made: cannot be reached: answered 403 InvalidAccessKeyId
    hint: the credentials are refused: correct them under `auth` or in the environment
    ");
}

#[test]
fn a_topic_that_cannot_be() {
    let Some(brokers) = server("ZENSTREAM_TEST_KAFKA") else { return };
    let options = format!("type: kafka\nbootstrap_servers: {brokers}\ntopic: \"audit logs\"");
    insta::assert_snapshot!(told(&Account::small(), &options, &brokers), @"
    error: cannot read config `zenstream.yaml`: sinks.out.topic: `audit logs` is no name for a topic
    hint: a topic's name has letters, digits, `.`, `_` and `-`
    ");
}

#[test]
fn a_cluster_that_asks_who_we_are() {
    let Some(brokers) = server("ZENSTREAM_TEST_KAFKA_SASL") else { return };
    let user = server("ZENSTREAM_TEST_KAFKA_SASL_USER").expect("set together");
    let account = Account::small();
    let of = |sasl: &str| {
        let options = format!("type: kafka\nbootstrap_servers: {brokers}\ntopic: t\n{sasl}");
        told(&account, &options, &brokers)
    };
    let as_user = |mechanism: &str| {
        of(&format!(
            "sasl: {{ enabled: true, mechanism: {mechanism}, username: {user}, password: wrong }}"
        ))
    };
    for (said, hint) in [
        (of(""), "set `sasl` for one that asks who you are"),
        (as_user("SCRAM-SHA-512"), "check `sasl`: the user, the password and the `mechanism`"),
        (as_user("SCRAM-SHA-256"), "check `sasl`: the user, the password and the `mechanism`"),
    ] {
        // Before it stands what the client library heard, with times in it.
        assert!(said.contains(hint), "{said}");
    }
}

#[test]
fn brokers_that_are_not_there() {
    let account = Account::small();
    let of = |brokers: &str| {
        told(&account, &format!("type: kafka\nbootstrap_servers: {brokers}\ntopic: t"), brokers)
    };
    for said in [of("127.0.0.1:9"), of("zenstream-test.invalid:9092")] {
        assert!(said.contains("hint: check `bootstrap_servers`"), "{said}");
    }
}
