//! What a sink and a checkpoint on Kafka mean, and what they are refused for.

use std::time::Duration;

use super::*;
use crate::kafka::{Codec, Mechanism, SaslSettings};
use crate::sinks::KafkaSinkSettings;

/// A sink with these options.
fn written(options: &str) -> String {
    let options = options.lines().map(|line| format!("    {}\n", line.trim()));
    let sink = with("", "").replace("type: console", "type: kafka");
    sink + &options.collect::<String>()
}

fn sink(options: &str) -> KafkaSinkSettings {
    let mut config = yaml(&written(options)).unwrap();
    let SinkKind::Kafka(settings) = config.sinks.remove(0).kind else { panic!() };
    *settings
}

fn mistake(options: &str) -> String {
    shown(yaml(&written(&format!("bootstrap_servers: k:9092\ntopic: t\n{options}"))))
}

#[test]
fn every_default_is_filled_in() {
    let settings = sink("bootstrap_servers: k:9092\ntopic: 'zendesk-{{ stream }}'");
    assert_eq!(settings.connection.bootstrap_servers, "k:9092");
    assert_eq!(settings.connection.socket_timeout, Duration::from_secs(60));
    assert_eq!(settings.connection.message_timeout, Duration::from_secs(60));
    assert_eq!(settings.connection.compression, Codec::None);
    assert!(settings.connection.sasl.is_none());
    assert_eq!(settings.state_topic, "zenstream-checkpoints");
    assert_eq!((settings.key_field, settings.healthcheck_topic), (None, None));
    let config = yaml(&written("bootstrap_servers: k\ntopic: t")).unwrap();
    let batch = config.sinks[0].delivery.batch;
    assert_eq!((batch.max_bytes, batch.max_events), (10_000_000, 50_000));
    assert_eq!(batch.max_age, Duration::from_secs(1));
    assert_eq!(config.sinks[0].delivery.rate_limit, None);
}

#[test]
fn every_option_of_vector_is_read() {
    let options = "bootstrap_servers: 'a:1,b:2'
        topic: 'logs-{{ stream }}-%Y-%m-%d'
        key_field: actor.id
        healthcheck_topic: logs
        compression: zstd
        message_timeout_ms: 5000
        socket_timeout_ms: 4000
        sasl: { enabled: true, mechanism: SCRAM-SHA-512, username: u, password: hunter2 }
        tls: { enabled: true, verify_hostname: false }
        librdkafka_options: { queue.buffering.max.messages: 50000, client.id: me, socket.keepalive.enable: true }
        batch: { max_bytes: 1000, max_events: 10, timeout_secs: 0.5 }
        rate_limit_num: 3
        rate_limit_duration_secs: 2
        encoding: { codec: json, metadata_key: zendesk }
        acknowledgements: true
        buffer: { max_events: 10 }
        healthcheck: { enabled: false }
        transactional_id: mine
        state_topic: states";
    let settings = sink(options);
    assert_eq!(settings.key_field.as_deref(), Some("actor.id"));
    assert_eq!(settings.connection.compression, Codec::Zstd);
    assert_eq!(settings.connection.message_timeout, Duration::from_secs(5));
    assert_eq!(settings.connection.options["queue.buffering.max.messages"], "50000");
    assert_eq!(settings.connection.options["socket.keepalive.enable"], "true");
    assert_eq!(
        (settings.transactional_id.as_str(), settings.state_topic.as_str()),
        ("mine", "states")
    );
    assert!(matches!(
        &settings.connection.sasl,
        Some(SaslSettings::Password { mechanism: Mechanism::ScramSha512, .. })
    ));
    assert!(!format!("{settings:?}").contains("hunter2"));
    let config = yaml(&written(options)).unwrap();
    assert_eq!(config.sinks[0].delivery.rate_limit, Some((3, Duration::from_secs(2))));
    assert_eq!(config.sinks[0].delivery.batch.max_age, Duration::from_millis(500));
}

#[test]
fn tokens_come_from_an_identity_provider() {
    let oauth = |url: &str| {
        format!(
            "sasl: {{ mechanism: OAUTHBEARER, oauth2: {{ token_endpoint: '{url}', client_id: i, client_secret: hunter2, scopes: [a, b] }} }}"
        )
    };
    let settings = sink(&format!("bootstrap_servers: k\ntopic: t\n{}", oauth("https://id/token")));
    let Some(SaslSettings::Oauth(found)) = &settings.connection.sasl else { panic!() };
    assert_eq!((found.client_id.as_str(), found.scopes.as_str()), ("i", "a b"));
    assert!(!format!("{settings:?}").contains("hunter2"));
    insta::assert_snapshot!(mistake(&oauth("http://id/token")), @"
    sinks.out.sasl.oauth2.token_endpoint: `http://id/token` is not the URL of a token endpoint
      hint: write `https://HOST/PATH`; `http` only on this machine
    ");
    insta::assert_snapshot!(mistake("sasl: { mechanism: OAUTHBEARER }"), @"
    sinks.out.sasl: missing field `oauth2`
      hint: it has `token_endpoint`, `client_id` and `client_secret`
    ");
}

#[test]
fn a_transactional_id_is_the_same_for_the_same_config_and_for_no_other() {
    let id = |text: String| {
        let mut config = yaml(&text).unwrap();
        let SinkKind::Kafka(settings) = config.sinks.remove(0).kind else { panic!() };
        settings.transactional_id
    };
    let usual = written("bootstrap_servers: k\ntopic: t");
    // On every machine and in every version: it shuts former runs out.
    assert_eq!(id(usual.clone()), "zenstream-out-6773d2fbb9e07202");
    assert_ne!(id(usual.clone()), id(usual.replace("subdomain: acme", "subdomain: other")));
    assert_ne!(id(usual.clone()), id(usual.replace("[audit_logs]", "[audit_logs, tickets]")));
    assert_ne!(id(usual.clone()), id(usual.replace("  out:", "  out2:")));
    assert_ne!(id(usual.clone()), id(usual.replace("topic: t", "topic: staging")));
    assert_ne!(id(usual.clone()), id(format!("data_dir: /elsewhere\n{usual}")));
    let twice = format!(
        "{}    transactional_id: one\n  two: {{ type: kafka, inputs: [acme], bootstrap_servers: k, topic: t, transactional_id: one }}\n",
        written("bootstrap_servers: k\ntopic: t")
    );
    insta::assert_snapshot!(shown(yaml(&twice)), @"sinks.two.transactional_id: the sink `out` has it too");
}

#[test]
fn what_would_break_a_promise_or_says_a_thing_twice_is_refused() {
    insta::assert_snapshot!(mistake("librdkafka_options: { acks: 1, enable.idempotence: false, transactional.id: x }"), @"
    sinks.out.librdkafka_options.acks: `acks` must stay `all`
      hint: anything else could lose events or write them twice
    sinks.out.librdkafka_options.enable.idempotence: `enable.idempotence` must stay `true`
      hint: anything else could lose events or write them twice
    sinks.out.librdkafka_options.transactional.id: `transactional.id` cannot be set here
      hint: use `transactional_id`
    ");
    insta::assert_snapshot!(mistake("librdkafka_options: { enable.idempotence: true, acks: all }"), @"accepted");
    insta::assert_snapshot!(mistake("librdkafka_options: { batch.size: 1 }\nbatch: { max_bytes: 1 }"), @"
    sinks.out.librdkafka_options.batch.size: `batch.max_bytes` is set too
      hint: set one of them
    ");
    insta::assert_snapshot!(mistake("librdkafka_options: { queue.bufering.max.ms: 1 }"), @r#"sinks.out.librdkafka_options: librdkafka refuses these options: No such configuration property: "queue.bufering.max.ms""#);
    insta::assert_snapshot!(mistake("sasl: { mechanism: GSSAPI }"), @"
    sinks.out.sasl.mechanism: `GSSAPI` is not available in this version
      hint: this version has `PLAIN`, `SCRAM-SHA-256`, `SCRAM-SHA-512` and `OAUTHBEARER`
    ");
    insta::assert_snapshot!(mistake("sasl: { mechanism: PLAIN, username: u }"), @"sinks.out.sasl: missing field `password`");
    insta::assert_snapshot!(mistake("headers_key: h"), @"
    sinks.out: `headers_key` is not available in this version
      hint: leave it out: headers are what is known of an event
    ");
    insta::assert_snapshot!(mistake("compression: zlib"), @"
    sinks.out.compression: `zlib` is not available for Kafka
      hint: it has `none`, `gzip`, `lz4`, `snappy` and `zstd`
    ");
    insta::assert_snapshot!(mistake("compression: brotli"), @"
    sinks.out.compression: unknown compression `brotli`
      hint: this version has `none`, `gzip`, `lz4`, `snappy` and `zstd`
    ");
    insta::assert_snapshot!(mistake("sasl: { enabled: false }"), @"accepted");
    insta::assert_snapshot!(mistake("sasl: { enabled: true }"), @"
    sinks.out.sasl: missing field `mechanism`
      hint: it is `PLAIN`, `SCRAM-SHA-256`, `SCRAM-SHA-512` or `OAUTHBEARER`
    ");
    insta::assert_snapshot!(mistake("message_timeout_ms: 0"), @"sinks.out.message_timeout_ms: must be from 10 to 800000 milliseconds");
    insta::assert_snapshot!(mistake("framing: { method: bytes }"), @"
    sinks.out: `framing` has no meaning for this type of sink
      hint: leave it out: each event is a message of its own
    ");
    insta::assert_snapshot!(mistake("state_topic: a/b"), @"
    sinks.out.state_topic: `a/b` is no name for a topic
      hint: a topic's name has at most 249 letters, digits, `.`, `_` and `-`
    ");
    insta::assert_snapshot!(mistake("key_field: a..b"), @r#"
    sinks.out.key_field: `key_field` is no path: `a..b`
      hint: for example `actor.id`, `.events[0].type` or `via."a b"`; a name with other than `a-zA-Z0-9_@-` stands in quotes
    "#);
    insta::assert_snapshot!(mistake("key_field: '%zendesk.host'"), @"
    sinks.out.key_field: `key_field` names no metadata: `%zendesk.host`
      hint: there is `%zendesk.source`, `%zendesk.stream`, `%zendesk.subdomain`, `%zendesk.id`, `%zendesk.event_time`, `%zendesk.ingest_time`, `%zendesk.partition`
    ");
    insta::assert_snapshot!(mistake("key_field: '%zendesk.stream'"), @"accepted");
    insta::assert_snapshot!(mistake("key_field: '.events[0].\"a b\"'"), @"accepted");
    insta::assert_snapshot!(shown(yaml(&written("bootstrap_servers: k\ntopic: '{{ stream }}'"))), @"
    sinks.out.topic: the template `{{ stream }}` must begin with literal text, such as a directory or a prefix
      hint: begin it with a name, such as `zendesk-`
    ");
    insta::assert_snapshot!(shown(yaml(&written("topic: t"))), @"sinks.out: missing field `bootstrap_servers`");
}

#[test]
fn a_checkpoint_may_be_kept_there() {
    let checkpoint = |options: &str| {
        yaml(&format!("checkpoint: {{ type: kafka, {options} }}\n{}", with("", "")))
    };
    let config = checkpoint("bootstrap_servers: 'k:9092'").unwrap();
    assert_eq!(config.checkpoint.to_string(), "kafka://k:9092/zenstream-checkpoints/zenstream");
    let config = checkpoint(
        "bootstrap_servers: 'k:9092', topic: states, key: mine, sasl: { mechanism: PLAIN, username: u, password: hunter2 }",
    );
    let config = config.unwrap();
    assert_eq!(config.checkpoint.to_string(), "kafka://k:9092/states/mine");
    assert!(!format!("{config:?}").contains("hunter2"));
    insta::assert_snapshot!(shown(checkpoint("topic: a b")), @"checkpoint: missing field `bootstrap_servers`");
    insta::assert_snapshot!(shown(checkpoint("bootstrap_servers: k, topic: a b")), @"
    checkpoint.topic: `a b` is no name for a topic
      hint: a topic's name has at most 249 letters, digits, `.`, `_` and `-`
    ");
    insta::assert_snapshot!(shown(checkpoint("bootstrap_servers: k, bucket: b")), @"
    checkpoint: unknown field `bucket`
      hint: known fields: `bootstrap_servers`, `compression`, `key`, `librdkafka_options`, `message_timeout_ms`, `sasl`, `socket_timeout_ms`, `tls`, `topic` and `type`
    ");
    insta::assert_snapshot!(shown(checkpoint("bootstrap_servers: k, sasl: { mechanism: GSSAPI }")), @"
    checkpoint.sasl.mechanism: `GSSAPI` is not available in this version
      hint: this version has `PLAIN`, `SCRAM-SHA-256`, `SCRAM-SHA-512` and `OAUTHBEARER`
    ");
}
