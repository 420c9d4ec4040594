//! The topics that registers live in, and what a topic takes.

use std::time::Duration;

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, ResourceSpecifier, TopicReplication};
use rdkafka::error::RDKafkaErrorCode as Code;
use tokio::runtime::Handle;

use super::context::Context;
use super::error::{KafkaError, KafkaErrorKind};
use super::settings::KafkaSettings;

/// How long the cluster may take to answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long brokers may take to hear of a new topic.
const SPREAD: Duration = Duration::from_secs(10);

/// What a register's topic is made to take: a checkpoint may grow.
const VALUE_BYTES_MAX: &str = "33554432";

/// Where a register is: partition 0 of a topic, under a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegisterSettings {
    /// A compacted topic, made if it is not there.
    pub topic: String,
    /// The key that nobody else writes.
    pub key: String,
}

type Admin = AdminClient<Context>;

fn admin(settings: &KafkaSettings) -> Result<Admin, KafkaError> {
    let context = Context::new(settings);
    let admin = settings.client().create_with_context(context);
    admin.map_err(|error| KafkaError::of("cannot make a kafka client", &error))
}

fn options() -> AdminOptions {
    AdminOptions::new().request_timeout(Some(PATIENCE)).operation_timeout(Some(SPREAD))
}

/// Makes sure that the topic is there and is compacted. Blocks.
pub(super) fn ensure(settings: &KafkaSettings, topic: &str) -> Result<(), KafkaError> {
    let admin = admin(settings)?;
    if !is_there(&admin, topic)? {
        create(&admin, topic)?;
        tracing::info!(topic, "made a compacted topic to keep state in");
    }
    match setting(&admin, &ResourceSpecifier::Topic(topic), "cleanup.policy")? {
        Some(policy) if policy != "compact" => {
            let text = format!(
                "the topic `{topic}` has `cleanup.policy={policy}`; state kept there would be lost"
            );
            Err(KafkaError::new(KafkaErrorKind::Config, text).with_hint(format!(
                "kafka-configs.sh --alter --entity-type topics --entity-name {topic} --add-config cleanup.policy=compact"
            )))
        }
        Some(_) => Ok(()),
        None => {
            tracing::warn!(
                topic,
                "may not read the topic's settings; make sure that it has `cleanup.policy=compact`"
            );
            Ok(())
        }
    }
}

/// Whether the cluster lacks the topic. Blocks.
pub(super) fn is_missing(settings: &KafkaSettings, topic: &str) -> Result<bool, KafkaError> {
    Ok(!is_there(&admin(settings)?, topic)?)
}

/// The largest record that the topic takes, if it can be known. Blocks.
pub(super) fn record_bytes_max(
    settings: &KafkaSettings,
    topic: &str,
) -> Result<Option<usize>, KafkaError> {
    let topic = ResourceSpecifier::Topic(topic);
    let value = setting(&admin(settings)?, &topic, "max.message.bytes")?;
    Ok(value.and_then(|value| value.parse().ok()))
}

/// Whether the cluster makes a topic as soon as somebody writes to it; none where we may not know.
/// Blocks.
pub(super) fn are_made_by_writing(settings: &KafkaSettings) -> Result<Option<bool>, KafkaError> {
    let admin = admin(settings)?;
    let metadata = admin.inner().fetch_metadata(None, PATIENCE);
    let metadata =
        metadata.map_err(|error| KafkaError::of("cannot look at the cluster", &error))?;
    // The one that answered has no number yet when it is only known by its address.
    let Some(broker) = metadata.brokers().first() else { return Ok(None) };
    let broker = ResourceSpecifier::Broker(broker.id());
    let value = setting(&admin, &broker, "auto.create.topics.enable")?;
    Ok(value.map(|value| value == "true"))
}

/// Whether the cluster has the topic. Does not make the cluster create it.
fn is_there(admin: &Admin, topic: &str) -> Result<bool, KafkaError> {
    let doing = format!("cannot look for the topic `{topic}`");
    let metadata = admin
        .inner()
        .fetch_metadata(None, PATIENCE)
        .map_err(|error| admin.inner().context().explain(&doing, &error))?;
    Ok(metadata.topics().iter().any(|it| it.name() == topic))
}

fn create(admin: &Admin, topic: &str) -> Result<(), KafkaError> {
    let new = NewTopic::new(topic, 1, TopicReplication::Fixed(-1))
        .set("cleanup.policy", "compact")
        .set("max.message.bytes", VALUE_BYTES_MAX)
        // Only the last value counts, and it is replaced often.
        .set("segment.bytes", "67108864")
        .set("min.cleanable.dirty.ratio", "0.1");
    let doing = format!("cannot make the topic `{topic}`");
    let by_hand = format!(
        "let the user create it, or run kafka-topics.sh --create --topic {topic} --partitions 1 --config cleanup.policy=compact"
    );
    let created = Handle::current()
        .block_on(admin.create_topics([&new], &options()))
        .map_err(|error| admin.inner().context().explain(&doing, &error))?;
    for result in created {
        match result {
            Ok(_) | Err((_, Code::TopicAlreadyExists)) => {}
            Err((_, code)) => return Err(KafkaError::of_code(&doing, code).with_hint(by_hand)),
        }
    }
    Ok(())
}

/// A setting of a topic or a broker; none where we may not see it, or the topic is not there.
fn setting(
    admin: &Admin,
    of: &ResourceSpecifier<'_>,
    name: &str,
) -> Result<Option<String>, KafkaError> {
    let doing = match of {
        ResourceSpecifier::Topic(topic) => {
            format!("cannot read the settings of the topic `{topic}`")
        }
        _ => "cannot read the settings of the brokers".to_owned(),
    };
    let described = Handle::current()
        .block_on(admin.describe_configs([of], &options()))
        .map_err(|error| admin.inner().context().explain(&doing, &error))?;
    for result in described {
        match result {
            Ok(resource) => return Ok(resource.get(name).and_then(|entry| entry.value.clone())),
            Err(
                Code::TopicAuthorizationFailed
                | Code::ClusterAuthorizationFailed
                | Code::UnknownTopicOrPartition,
            ) => {}
            Err(code) => return Err(KafkaError::of_code(&doing, code)),
        }
    }
    Ok(None)
}
