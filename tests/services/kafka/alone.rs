//! The sink with transactions of its own, beside any checkpoint.

use std::time::Duration;

use zenstream::kafka::{Codec, KafkaSettings, Mechanism, SaslSettings};
use zenstream::normalize::Event;
use zenstream::sinks::{Batch, Sink as _, SinkErrorKind, SinkState};

use super::cluster::{Cluster, batch, die_within_a_transaction, event, sink};

#[tokio::test]
async fn a_message_is_an_event_with_its_id_its_time_and_what_is_known_of_it() {
    let Some(cluster) = Cluster::named() else { return };
    let topic = cluster.topic("message-audit_logs", &[]).await;
    let template = topic.replace("audit_logs", "{{ stream }}");
    let sink = sink(&cluster.settings(&template));
    let checked = sink.check().await.unwrap();
    assert!(checked.tried.contains("no topic of `"), "a template names no topic: {checked:?}");
    assert!(checked.hint.is_some_and(|hint| hint.contains("`healthcheck_topic`")));
    sink.restore(None).await.unwrap();
    sink.prepare(&batch(1..3)).await.unwrap();
    let written = sink.write(&batch(1..3)).await.unwrap();
    assert!(written.refused.is_empty());
    let seen = cluster.read(&topic).await;
    assert_eq!(seen.len(), 2);
    assert_eq!(seen[1].key.as_deref(), Some("acme:audit_logs:2"));
    assert_eq!(seen[1].value, r#"{"id":2,"x":""}"#);
    assert_eq!(seen[1].timestamp, Some(1_773_100_799_500));
    let headers: Vec<String> =
        seen[1].headers.iter().map(|(name, value)| format!("{name}={value}")).collect();
    insta::assert_snapshot!(headers.join(" "), @"event_time=2026-03-09T23:59:59.5Z id=acme:audit_logs:2 ingest_time=2026-03-10T01:02:03Z partition=tail source=acme stream=audit_logs subdomain=acme");
}

#[tokio::test]
async fn every_compression_is_read_back() {
    let Some(cluster) = Cluster::named() else { return };
    for compression in [Codec::None, Codec::Gzip, Codec::Lz4, Codec::Snappy, Codec::Zstd] {
        let topic = cluster.topic("compressed", &[]).await;
        let mut settings = cluster.settings(&topic);
        settings.connection.compression = compression;
        let sink = sink(&settings);
        sink.restore(None).await.unwrap();
        sink.prepare(&batch(0..500)).await.unwrap();
        sink.write(&batch(0..500)).await.unwrap();
        assert_eq!(cluster.numbers(&topic).await, (0..500).collect::<Vec<_>>(), "{compression:?}");
    }
}

#[tokio::test]
async fn a_transaction_whose_save_was_lost_is_found_and_not_repeated() {
    let Some(cluster) = Cluster::named() else { return };
    let topic = cluster.topic("lost", &[]).await;
    let settings = cluster.settings(&topic);
    let first = sink(&settings);
    first.restore(None).await.unwrap();
    let saved = first.prepare(&batch(0..3)).await.unwrap();
    first.write(&batch(0..3)).await.unwrap();
    drop(first);
    let second = sink(&settings);
    let restored = second.restore(saved.as_ref()).await.unwrap();
    let expected: Vec<u64> = batch(0..3).events.iter().map(Event::fingerprint).collect();
    assert_eq!(restored.held["acme.audit_logs"], expected);
    let again = second.restore(saved.as_ref()).await.unwrap();
    assert_eq!(again, restored, "until it is saved, each look tells the same");
    second.prepare(&batch(3..5)).await.unwrap();
    second.write(&batch(3..5)).await.unwrap();
    assert_eq!(cluster.numbers(&topic).await, [0, 1, 2, 3, 4]);
}

#[tokio::test]
async fn a_transaction_that_was_prepared_and_not_written_is_not_taken_for_one_that_was() {
    let Some(cluster) = Cluster::named() else { return };
    let topic = cluster.topic("prepared", &[]).await;
    let settings = cluster.settings(&topic);
    let first = sink(&settings);
    first.restore(None).await.unwrap();
    first.prepare(&batch(0..3)).await.unwrap();
    let state = first.write(&batch(0..3)).await.unwrap().state;
    // The same events again, as after a change of `since`.
    let saved = first.prepare(&batch(0..3)).await.unwrap();
    assert_ne!(saved, state);
    drop(first);
    let restored = sink(&settings).restore(saved.as_ref()).await.unwrap();
    assert!(restored.held.is_empty(), "{restored:?}");
    assert_eq!(restored.state, saved.map(|saved| serde_json::json!({ "number": saved["number"] })));
}

#[tokio::test]
async fn a_transaction_that_a_crash_left_open_is_never_seen() {
    let Some(cluster) = Cluster::named() else { return };
    let topic = cluster.topic("open", &[]).await;
    let settings = cluster.settings(&topic);
    die_within_a_transaction(&cluster, &settings.transactional_id, &topic).await;
    let sink = sink(&settings);
    sink.restore(None).await.unwrap();
    sink.prepare(&batch(0..3)).await.unwrap();
    sink.write(&batch(0..3)).await.unwrap();
    assert_eq!(cluster.numbers(&topic).await, [0, 1, 2]);
    assert_eq!(cluster.read_as("read_uncommitted", &topic).await.len(), 4);
}

#[tokio::test]
async fn of_two_with_one_id_the_first_stops_and_says_why() {
    let Some(cluster) = Cluster::named() else { return };
    let topic = cluster.topic("two", &[]).await;
    let settings = cluster.settings(&topic);
    let (first, second) = (sink(&settings), sink(&settings));
    first.restore(None).await.unwrap();
    first.prepare(&batch(0..3)).await.unwrap();
    first.write(&batch(0..3)).await.unwrap();
    second.restore(None).await.unwrap();
    first.prepare(&batch(3..6)).await.unwrap();
    for _ in 0..2 {
        let error = first.write(&batch(3..6)).await.unwrap_err();
        assert_eq!(error.kind, SinkErrorKind::Config);
        assert!(error.message.contains("another zenstream with the same transactional id"));
        assert!(error.hint.is_some());
    }
    second.prepare(&batch(3..6)).await.unwrap();
    second.write(&batch(3..6)).await.unwrap();
    assert_eq!(cluster.numbers(&topic).await, [0, 1, 2, 3, 4, 5]);
}

#[tokio::test]
async fn an_event_that_is_too_large_for_its_topic_is_refused_alone() {
    let Some(cluster) = Cluster::named() else { return };
    let topic = cluster.topic("large", &[("max.message.bytes", "3000")]).await;
    let mut settings = cluster.settings(&topic);
    settings.connection.options.insert("message.max.bytes".into(), "1000000".into());
    // Ten of the small ones are too large together; 3 is too large for the topic, 7 for the client.
    let mut events = batch(0..10).events;
    for (number, it) in (0..).zip(&mut events) {
        *it = event(number, 900);
    }
    events[3] = event(3, 4_000);
    events[7] = event(7, 1_200_000);
    let large = Batch { events, ..Batch::default() };
    let first = sink(&settings);
    first.restore(None).await.unwrap();
    let saved = first.prepare(&large).await.unwrap();
    let written = first.write(&large).await.unwrap();
    let refused: Vec<usize> = written.refused.iter().map(|it| it.index).collect();
    assert_eq!(refused, [3, 7]);
    insta::with_settings!({filters => vec![(topic.as_str(), "[topic]")]}, {
        insta::assert_snapshot!(written.refused[0].reason, @"4015 bytes are too many for the topic `[topic]`");
    });
    assert_eq!(cluster.numbers(&topic).await, [0, 1, 2, 4, 5, 6, 8, 9]);
    // What was refused is not held: after a crash it comes again.
    let restored = sink(&settings).restore(saved.as_ref()).await.unwrap();
    assert_eq!(restored.held["acme.audit_logs"].len(), 8);
    assert!(!restored.held["acme.audit_logs"].contains(&large.events[3].fingerprint()));
}

#[tokio::test]
async fn a_check_has_no_topic_made() {
    let Some(cluster) = Cluster::named() else { return };
    let topic = crate::unique("unmade");
    let hint = match sink(&cluster.settings(&topic)).check().await {
        Ok(checked) => {
            assert!(checked.tried.contains("there is no topic"), "{checked:?}");
            checked.hint
        }
        Err(error) => error.hint,
    };
    assert!(hint.is_some());
    assert!(!cluster.topics().await.contains(&topic));
}

#[tokio::test]
async fn a_topic_that_is_not_there_ends_the_run_with_a_hint() {
    let Some(cluster) = Cluster::named() else { return };
    let topic = crate::unique("missing");
    let sink = sink(&cluster.settings(&topic));
    let Err(error) = sink.check().await else {
        return crate::skipped("the cluster creates topics by itself");
    };
    assert_eq!(error.kind, SinkErrorKind::Config);
    assert!(error.message.contains(&topic), "{error}");
    assert!(error.hint.is_some());
    sink.restore(None).await.unwrap();
    sink.prepare(&batch(0..1)).await.unwrap();
    let error = sink.write(&batch(0..1)).await.unwrap_err();
    assert_eq!(error.kind, SinkErrorKind::Config, "{error}");
    assert!(error.message.contains(&topic), "{error}");
}

#[tokio::test]
async fn a_cluster_that_is_away_is_tried_again() {
    let cluster = Cluster::away();
    let mut settings = cluster.settings("topic");
    settings.connection.socket_timeout = Duration::from_secs(2);
    let error = sink(&settings).check().await.unwrap_err();
    assert_eq!(error.kind, SinkErrorKind::Retry);
    assert!(error.message.contains("Connection refused"), "{error}");
}

/// What is said to somebody whose client speaks plainly, or speaks TLS, where the other is spoken.
async fn told_by(servers: &str, tls: bool) -> String {
    let mut connection = KafkaSettings::new(servers);
    connection.tls.enabled = tls.then_some(true);
    connection.socket_timeout = Duration::from_secs(2);
    let mut settings = Cluster::away().settings("topic");
    settings.connection = connection;
    let error = sink(&settings).check().await.unwrap_err();
    format!("{error}; hint: {}", error.hint.as_deref().unwrap_or_default())
}

#[tokio::test]
async fn a_client_that_speaks_otherwise_than_the_port_gets_a_hint() {
    let Some(plain) = Cluster::named() else { return };
    let Some(cluster) = plain.with_sign_in() else { return };
    let mut told =
        vec![told_by(&cluster.servers, false).await, told_by(&plain.servers, true).await];
    if let Some((secret, _)) = plain.with_tls() {
        told.push(told_by(&secret.servers, false).await);
    }
    for told in told {
        assert!(told.contains("`tls.enabled: true`") && told.contains("`sasl`"), "{told}");
    }
}

#[tokio::test]
async fn a_port_with_tls_is_written_to_by_whoever_trusts_it() {
    let Some(plain) = Cluster::named() else { return };
    let Some((cluster, authority)) = plain.with_tls() else { return };
    let topic = plain.topic("secret", &[]).await;
    let mut settings = cluster.settings(&topic);
    settings.connection.tls.enabled = Some(true);
    for error in [
        sink(&settings).check().await.unwrap_err(),
        sink(&settings).restore(None).await.unwrap_err(),
    ] {
        assert_eq!(error.kind, SinkErrorKind::Config, "{error}");
        assert!(error.hint.is_some_and(|hint| hint.contains("`tls.ca_file`")));
    }
    settings.connection.tls.ca_file = Some(authority);
    let sink = sink(&settings);
    sink.check().await.unwrap();
    sink.restore(None).await.unwrap();
    sink.prepare(&batch(0..3)).await.unwrap();
    sink.write(&batch(0..3)).await.unwrap();
    assert_eq!(plain.numbers(&topic).await, [0, 1, 2]);
}

#[tokio::test]
async fn who_signs_in_rightly_writes_and_who_does_not_is_told() {
    let Some(plain) = Cluster::named() else { return };
    let Some(cluster) = plain.with_sign_in() else { return };
    let (username, password) = (
        std::env::var("ZENSTREAM_TEST_KAFKA_SASL_USER").unwrap(),
        std::env::var("ZENSTREAM_TEST_KAFKA_SASL_PASSWORD").unwrap(),
    );
    let topic = plain.topic("signed", &[]).await;
    for mechanism in [Mechanism::Plain, Mechanism::ScramSha512] {
        let settings = |password: &str| {
            let username = username.clone();
            let sasl = SaslSettings::Password { mechanism, username, password: password.into() };
            let mut settings = cluster.settings(&topic);
            settings.connection =
                KafkaSettings { sasl: Some(sasl), ..KafkaSettings::new(&cluster.servers) };
            settings
        };
        let right = sink(&settings(&password));
        let checked = right.check().await.unwrap();
        assert!(checked.tried.ends_with("; nothing was written"), "{checked:?}");
        right.restore(None).await.unwrap();
        right.prepare(&batch(0..1)).await.unwrap();
        right.write(&batch(0..1)).await.unwrap();
        let wrong = sink(&settings("hunter2"));
        for error in [wrong.check().await.unwrap_err(), wrong.restore(None).await.unwrap_err()] {
            assert_eq!(error.kind, SinkErrorKind::Config, "{error}");
            assert!(!error.message.contains("hunter2"));
            assert!(error.hint.is_some_and(|hint| hint.contains("password")));
        }
    }
    assert_eq!(plain.numbers(&topic).await, [0, 0]);
}

#[tokio::test]
async fn a_state_of_another_kind_is_refused() {
    let Some(cluster) = Cluster::named() else { return };
    let state: SinkState = serde_json::json!({ "files": {} });
    let error = sink(&cluster.settings("topic")).restore(Some(&state)).await.unwrap_err();
    assert_eq!(error.kind, SinkErrorKind::Config);
}
