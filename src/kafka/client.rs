//! Asking a cluster without writing to it, and where blocking work runs.

use std::time::Duration;

use rdkafka::error::RDKafkaErrorCode as Code;
use rdkafka::metadata::{Metadata, MetadataPartition, MetadataTopic};
use rdkafka::producer::{Producer as _, ThreadedProducer};
use tokio::time::Instant;

use super::context::Context;
use super::error::{KafkaError, KafkaErrorKind};
use super::settings::KafkaSettings;
use super::topic;

/// A producer whose reports and events are served by a thread of its own.
pub(super) type Producer = ThreadedProducer<Context>;

/// How long a cluster may take to answer a question.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long brokers may take to hear of a topic that was made just now.
const SPREAD: Duration = Duration::from_secs(2);

/// One look within that time.
const LOOK: Duration = Duration::from_secs(2);

/// From here on a name is taken for another one, misspelt; 1 is the same.
const LIKE: f64 = 0.8;

/// The names of topics, and the numbers of their partitions.
pub(super) type Topics = Vec<(String, Vec<i32>)>;

/// Whether a topic is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Presence {
    /// It is, or none was asked for.
    There,
    /// It is not, and the cluster makes topics as soon as somebody writes to them.
    Unmade {
        /// A topic that is there and has nearly this name.
        like: Option<String>,
    },
}

/// Proves that the cluster answers these credentials and, if one is named, that it has the topic
/// or makes it by itself. Writes no message, and has no topic made.
pub async fn check(settings: &KafkaSettings, topic: Option<&str>) -> Result<Presence, KafkaError> {
    let (settings, topic) = (settings.clone(), topic.map(str::to_owned));
    blocking(move || match topic {
        None => topics(&settings, None).map(|_| Presence::There),
        Some(topic) => present(&settings, &topic),
    })
    .await
}

fn present(settings: &KafkaSettings, topic: &str) -> Result<Presence, KafkaError> {
    if !topics(settings, Some(topic))?.is_empty() {
        return Ok(Presence::There);
    }
    match topic::are_made_by_writing(settings) {
        Ok(Some(true)) => Ok(Presence::Unmade { like: like(settings, topic) }),
        made => {
            let create = format!(
                "correct the name, or create it: `kafka-topics.sh --create --topic {topic}`"
            );
            let error = missing(settings, topic, create);
            // Where we may not know, a run finds out.
            let is_certain = matches!(made, Ok(Some(false)));
            let kind = if is_certain { KafkaErrorKind::Config } else { KafkaErrorKind::Retry };
            Err(KafkaError { kind, ..error })
        }
    }
}

/// The cluster has no such topic. The hint is for where no other has nearly this name.
pub(super) fn missing(settings: &KafkaSettings, topic: &str, hint: String) -> KafkaError {
    let text = format!("there is no topic `{topic}` at {}", settings.bootstrap_servers);
    let hint = like(settings, topic).map_or(hint, |name| format!("did you mean `{name}`?"));
    KafkaError::new(KafkaErrorKind::Config, text).with_hint(hint)
}

/// The topic whose name is nearly this one.
fn like(settings: &KafkaSettings, topic: &str) -> Option<String> {
    let others = topics(settings, None).unwrap_or_default().into_iter();
    let likeness = |name: &str| strsim::normalized_damerau_levenshtein(name, topic);
    let alike = others.map(|(name, _)| (likeness(&name), name)).filter(|(it, _)| *it >= LIKE);
    alike.max_by(|(one, _), (other, _)| one.total_cmp(other)).map(|(_, name)| name)
}

/// The topic if it is there, or all that we may see. Blocks.
pub(super) fn topics(settings: &KafkaSettings, topic: Option<&str>) -> Result<Topics, KafkaError> {
    let client: Producer = settings
        .client()
        .create_with_context(Context::new(settings))
        .map_err(|error| KafkaError::of("cannot make a kafka client", &error))?;
    let servers = &settings.bootstrap_servers;
    let doing = match topic {
        Some(topic) => format!("cannot use the topic `{topic}` at {servers}"),
        None => format!("cannot reach kafka at {servers}"),
    };
    let began = Instant::now();
    loop {
        let (code, patience) = match client.client().fetch_metadata(topic, LOOK) {
            Ok(metadata) => match look(&metadata, topic) {
                Ok(topics) => return Ok(topics),
                Err(code) if is_absence(code) => (code, SPREAD),
                Err(code) => (code, PATIENCE),
            },
            Err(error) => {
                if let Some(refusal) = client.context().refusal() {
                    return Err(refusal);
                }
                if began.elapsed() >= PATIENCE {
                    return Err(client.context().explain(&doing, &error));
                }
                continue;
            }
        };
        let error = KafkaError::of_code(&doing, code);
        let may_pass = is_absence(code) || error.kind == KafkaErrorKind::Retry;
        if !may_pass || began.elapsed() >= patience {
            return if is_absence(code) { Ok(Vec::new()) } else { Err(error) };
        }
        client.poll(Duration::from_millis(200));
    }
}

fn is_absence(code: Code) -> bool {
    matches!(code, Code::UnknownTopic | Code::UnknownTopicOrPartition)
}

/// What an answer says of the topic that was asked for, or of all.
fn look(metadata: &Metadata, topic: Option<&str>) -> Result<Topics, Code> {
    let told = metadata.topics().iter();
    let told: Vec<&MetadataTopic> =
        told.filter(|it| topic.is_none_or(|topic| it.name() == topic)).collect();
    let error = told.iter().find_map(|it| it.error()).filter(|_| topic.is_some());
    match error.map(Code::from) {
        Some(code) => Err(code),
        None if told.is_empty() && topic.is_some() => Err(Code::UnknownTopicOrPartition),
        None => {
            let partitions = |it: &MetadataTopic| {
                it.partitions().iter().map(MetadataPartition::id).collect::<Vec<_>>()
            };
            Ok(told.iter().map(|it| (it.name().to_owned(), partitions(it))).collect())
        }
    }
}

/// Runs what blocks where it may.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, KafkaError> + Send + 'static,
) -> Result<T, KafkaError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|lost| {
        let text = format!("the work on kafka did not end: {lost}");
        Err(KafkaError::new(KafkaErrorKind::Retry, text))
    })
}
