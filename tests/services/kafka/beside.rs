//! The checkpoint, and sinks in one transaction with it.

use std::sync::Arc;

use serde_json::json;
use zenstream::checkpoint::{
    Checkpoint, CheckpointStore as _, KafkaStore, StoreErrorKind, StreamState,
};
use zenstream::kafka::{RegisterSettings, SharedTransaction, Transactor};
use zenstream::sinks::{Batch, Encoder, Kafka, Sink as _, SinkState};
use zenstream::streams::Position;

use super::cluster::{Cluster, batch, event};
use crate::unique;

fn store(transaction: &Arc<SharedTransaction>) -> KafkaStore {
    KafkaStore::new(Arc::clone(transaction))
}

fn sink(cluster: &Cluster, name: &str, topic: &str, with: &Arc<SharedTransaction>) -> Kafka {
    let settings = cluster.settings(topic);
    Kafka::beside(name, settings, Encoder::default(), Arc::clone(with)).unwrap()
}

fn checkpoint(number: u64, sinks: &[(&str, Option<SinkState>)]) -> Checkpoint {
    let stream = StreamState {
        endpoint: "https://acme.zendesk.com".into(),
        position: Position(json!({ "cursor": number })),
        ahead: [].into(),
        quiet: None,
        last_event: None,
    };
    let states =
        sinks.iter().filter_map(|(name, state)| Some(((*name).to_owned(), state.clone()?)));
    Checkpoint { streams: [("acme.audit_logs".to_owned(), stream)].into(), sinks: states.collect() }
}

#[tokio::test]
async fn what_was_saved_is_loaded_by_the_next() {
    let Some(cluster) = Cluster::named() else { return };
    let key = unique("key");
    let first = store(&cluster.transaction(&key));
    assert_eq!(first.load().await.unwrap(), None);
    let mut revision = None;
    for number in 0..3 {
        revision = Some(first.save(revision, &checkpoint(number, &[])).await.unwrap());
    }
    assert_eq!(revision, Some(3));
    let error = first.save(Some(1), &checkpoint(9, &[])).await.unwrap_err();
    assert_eq!(error.kind, StoreErrorKind::Conflict);
    let second = store(&cluster.transaction(&key));
    second.check().await.unwrap();
    assert_eq!(first.save(revision, &checkpoint(3, &[])).await.unwrap(), 4, "a look takes nothing");
    assert_eq!(second.load().await.unwrap(), Some((4, checkpoint(3, &[]))));
    let third = store(&cluster.transaction(&key));
    let error = third.save(None, &checkpoint(9, &[])).await.unwrap_err();
    assert_eq!(error.kind, StoreErrorKind::Conflict);
}

#[tokio::test]
async fn the_last_value_is_found_behind_thousands_of_others() {
    let Some(cluster) = Cluster::named() else { return };
    let topic = cluster.topic("long", &[("cleanup.policy", "compact")]).await;
    let of = |key: &str| {
        let register = RegisterSettings { topic: topic.clone(), key: key.to_owned() };
        let id = format!("{topic}-{key}");
        let transactor = Transactor::new(cluster.connection(), id, register);
        store(&Arc::new(SharedTransaction::new(transactor)))
    };
    let rare = of("rare");
    rare.save(None, &checkpoint(1, &[])).await.unwrap();
    let busy = of("busy");
    let mut revision = None;
    for number in 0..400 {
        revision = Some(busy.save(revision, &checkpoint(number, &[])).await.unwrap());
    }
    assert_eq!(of("rare").load().await.unwrap(), Some((1, checkpoint(1, &[]))));
    assert_eq!(of("busy").load().await.unwrap(), Some((400, checkpoint(399, &[]))));
}

#[tokio::test]
async fn a_second_instance_stops_the_first() {
    let Some(cluster) = Cluster::named() else { return };
    let (key, topic) = (unique("key"), cluster.topic("second", &[]).await);
    let of_first = cluster.transaction(&key);
    let (first, of_it) = (store(&of_first), sink(&cluster, "siem", &topic, &of_first));
    first.load().await.unwrap();
    let state = of_it.write(&batch(0..3)).await.unwrap().state;
    first.save(None, &checkpoint(1, &[("siem", state)])).await.unwrap();
    let of_second = cluster.transaction(&key);
    let (second, of_that) = (store(&of_second), sink(&cluster, "siem", &topic, &of_second));
    let (revision, loaded) = second.load().await.unwrap().unwrap();
    of_that.restore(loaded.sinks.get("siem")).await.unwrap();
    let state = of_it.write(&batch(3..6)).await.unwrap().state;
    for _ in 0..2 {
        let error =
            first.save(Some(1), &checkpoint(2, &[("siem", state.clone())])).await.unwrap_err();
        assert_eq!(error.kind, StoreErrorKind::Fenced, "{error}");
        assert!(error.message.contains("another zenstream"), "{error}");
        assert!(error.hint.is_some());
    }
    let state = of_that.write(&batch(3..6)).await.unwrap().state;
    second.save(Some(revision), &checkpoint(2, &[("siem", state)])).await.unwrap();
    assert_eq!(cluster.numbers(&topic).await, [0, 1, 2, 3, 4, 5]);
}

#[tokio::test]
async fn events_are_seen_with_the_position_that_follows_them_and_not_before() {
    let Some(cluster) = Cluster::named() else { return };
    let (key, topic) = (unique("key"), cluster.topic("together", &[]).await);
    let shared = cluster.transaction(&key);
    let first = store(&shared);
    first.load().await.unwrap();
    let (one, two) =
        (sink(&cluster, "one", &topic, &shared), sink(&cluster, "two", &topic, &shared));
    let of_one = one.write(&batch(0..3)).await.unwrap().state;
    let of_two = two.write(&batch(10..12)).await.unwrap().state;
    assert!(cluster.numbers(&topic).await.is_empty());
    first.save(None, &checkpoint(1, &[("one", of_one)])).await.unwrap();
    assert_eq!(cluster.numbers(&topic).await, [0, 1, 2]);
    // Dies with a batch that no save has taken along.
    drop((first, one, two, shared));
    let shared = cluster.transaction(&key);
    let second = store(&shared);
    let (revision, loaded) = second.load().await.unwrap().unwrap();
    assert_eq!(loaded.sinks.get("two"), None);
    assert_eq!(cluster.numbers(&topic).await, [0, 1, 2]);
    let two = sink(&cluster, "two", &topic, &shared);
    two.restore(None).await.unwrap();
    assert_eq!(two.write(&batch(10..12)).await.unwrap().state, of_two);
    let next = checkpoint(2, &[("two", of_two)]);
    second.save(Some(revision), &next).await.unwrap();
    assert_eq!(cluster.numbers(&topic).await, [0, 1, 2, 10, 11]);
}

#[tokio::test]
async fn an_event_that_is_too_large_is_refused_before_it_is_staged() {
    let Some(cluster) = Cluster::named() else { return };
    let (key, topic) =
        (unique("key"), cluster.topic("large", &[("max.message.bytes", "3000")]).await);
    let shared = cluster.transaction(&key);
    let store = store(&shared);
    store.load().await.unwrap();
    let sink = sink(&cluster, "siem", &topic, &shared);
    let mut events = batch(0..10).events;
    for (number, it) in (0..).zip(&mut events) {
        *it = event(number, 900);
    }
    events[3] = event(3, 4_000);
    events[5] = event(5, 2_400);
    let written = sink.write(&Batch { events, ..Batch::default() }).await.unwrap();
    assert_eq!(written.refused.iter().map(|it| it.index).collect::<Vec<_>>(), [3]);
    store.save(None, &checkpoint(1, &[("siem", written.state)])).await.unwrap();
    assert_eq!(cluster.numbers(&topic).await, [0, 1, 2, 4, 5, 6, 7, 8, 9]);
}

#[tokio::test]
async fn a_topic_that_is_not_compacted_is_refused_with_the_command_that_helps() {
    let Some(cluster) = Cluster::named() else { return };
    let topic = cluster.topic("deleting", &[("cleanup.policy", "delete")]).await;
    let register = RegisterSettings { topic: topic.clone(), key: "k".to_owned() };
    let transactor = Transactor::new(cluster.connection(), unique("id"), register);
    let store = store(&Arc::new(SharedTransaction::new(transactor)));
    let error = store.load().await.unwrap_err();
    assert_eq!(error.kind, StoreErrorKind::Refused);
    let error = format!("{error}; {}", error.hint.as_deref().unwrap());
    insta::with_settings!({filters => vec![(topic.as_str(), "[topic]")]}, {
        insta::assert_snapshot!(error, @"the topic `[topic]` has `cleanup.policy=delete`; state kept there would be lost; kafka-configs.sh --alter --entity-type topics --entity-name [topic] --add-config cleanup.policy=compact");
    });
}

#[tokio::test]
async fn what_cannot_be_read_is_refused_and_left_alone() {
    let Some(cluster) = Cluster::named() else { return };
    let key = unique("key");
    let shared = cluster.transaction(&key);
    let garbage = |text: &'static [u8]| move |_: &_| Some(text.to_vec());
    shared.transactor().commit(Arc::default(), garbage(b"{\"format\":1")).await.unwrap();
    let store = store(&cluster.transaction(&key));
    for _ in 0..2 {
        let error = store.load().await.unwrap_err();
        assert_eq!(error.kind, StoreErrorKind::Refused);
        assert!(error.message.contains(&store.location()), "{error}");
        let error = store.save(None, &checkpoint(1, &[])).await.unwrap_err();
        assert_eq!(error.kind, StoreErrorKind::Refused);
    }
}
