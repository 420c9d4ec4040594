//! Asking a cluster without writing to it, and where blocking work runs.

use std::time::Duration;

use rdkafka::error::RDKafkaErrorCode as Code;
use rdkafka::producer::{Producer as _, ThreadedProducer};
use tokio::time::Instant;

use super::context::Context;
use super::error::{KafkaError, KafkaErrorKind};
use super::settings::KafkaSettings;

/// A producer whose reports and events are served by a thread of its own.
pub(super) type Producer = ThreadedProducer<Context>;

/// How long a cluster may take to answer a check.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long the cluster may take to make a topic that it makes by itself.
const CREATION: Duration = Duration::from_secs(5);

/// One look within that time.
const LOOK: Duration = Duration::from_secs(2);

/// Proves that the cluster answers these credentials and, if one is named, that it has the topic
/// or makes it by itself. Writes no message.
pub async fn check(settings: &KafkaSettings, topic: Option<&str>) -> Result<(), KafkaError> {
    let (settings, topic) = (settings.clone(), topic.map(str::to_owned));
    blocking(move || {
        let context = Context::new(&settings);
        let client: Producer = settings
            .client_of_producers()
            .create_with_context(context)
            .map_err(|error| KafkaError::of("cannot make a kafka client", &error))?;
        look(&client, &settings.bootstrap_servers, topic.as_deref())
    })
    .await
}

fn look(client: &Producer, servers: &str, topic: Option<&str>) -> Result<(), KafkaError> {
    let doing = match topic {
        Some(topic) => format!("cannot use the topic `{topic}` at {servers}"),
        None => format!("cannot reach kafka at {servers}"),
    };
    let began = Instant::now();
    loop {
        let wait = if topic.is_some() { LOOK } else { LOOK.min(PATIENCE) };
        let code = match client.client().fetch_metadata(topic, wait) {
            Ok(metadata) => {
                let topics = metadata.topics();
                let error = topics.iter().find(|it| Some(it.name()) == topic);
                match error.and_then(rdkafka::metadata::MetadataTopic::error).map(Code::from) {
                    None => return Ok(()),
                    Some(code) => code,
                }
            }
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
        let patience = match KafkaError::of_code(&doing, code) {
            error if error.kind == KafkaErrorKind::Retry => PATIENCE,
            // A cluster that makes topics says so until it has.
            _ if code == Code::UnknownTopicOrPartition => CREATION,
            error => return Err(error),
        };
        if began.elapsed() >= patience {
            return Err(KafkaError::of_code(&doing, code));
        }
        client.poll(Duration::from_millis(200));
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
