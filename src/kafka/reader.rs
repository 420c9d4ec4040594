//! Reading what is committed in topics: from their beginning to the end that they have now.
//!
//! For looking at what is there: no group is joined, and no offset is kept anywhere. Partitions are
//! read one after the other, so that memory does not grow with a topic. What was aborted is never
//! told. A partition is read only once whatever was undecided in it at the beginning is decided,
//! or events behind that could be taken for missing.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use glob::Pattern;
use rdkafka::TopicPartitionList;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::{KafkaError as Native, RDKafkaErrorCode as Code};
use rdkafka::message::{BorrowedMessage, Headers as _, Message as _};
use rdkafka::topic_partition_list::Offset;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::SharedHeaders;
use super::client::{self, Topics};
use super::context::Context;
use super::error::{KafkaError, KafkaErrorKind};
use super::settings::KafkaSettings;

/// How long the cluster may take to answer, and to send something.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long transactions may stay undecided that were open at the beginning.
const DECISION: Duration = Duration::from_secs(120);

/// Messages are handed on so many, or so many bytes of them, at once.
const MESSAGES_AT_ONCE: usize = 1_000;
const BYTES_AT_ONCE: usize = 1 << 20;

/// What to do about a topic that is not there.
const LIST: &str = "correct the name; `kafka-topics.sh --list` shows what there is";

/// So often, ahead of whoever takes them.
const READS_QUEUED: usize = 4;

/// What is read, in this order.
#[derive(Debug)]
pub enum Read {
    /// What follows stands in this partition.
    Partition {
        /// Its topic.
        topic: Arc<str>,
        /// Its number there.
        partition: i32,
        /// How many offsets at its beginning are gone: retention deletes from there.
        gone: u64,
    },
    /// Messages, in the order of their offsets.
    Messages {
        /// Offsets and values; a message may have no value.
        messages: Vec<(u64, Option<Bytes>)>,
        /// How many more there were that are somebody else's.
        others: u64,
    },
}

/// Reads topics while what was read is taken.
#[derive(Debug)]
pub struct Reader {
    reads: mpsc::Receiver<Read>,
    reading: JoinHandle<Result<(), KafkaError>>,
}

impl Reader {
    /// Begins to read the topics whose names match: a name, with `*` for whatever differs. A
    /// message that has one of the headers with another value is somebody else's.
    pub fn new(settings: &KafkaSettings, topics: &str, headers: SharedHeaders) -> Self {
        let (sender, reads) = mpsc::channel(READS_QUEUED);
        let (settings, topics) = (settings.clone(), topics.to_owned());
        let reading =
            tokio::task::spawn_blocking(move || read(&settings, &topics, &headers, &sender));
        Self { reads, reading }
    }

    /// The next of it; none at the end.
    pub async fn next(&mut self) -> Result<Option<Read>, KafkaError> {
        if let Some(read) = self.reads.recv().await {
            return Ok(Some(read));
        }
        let ended = (&mut self.reading).await;
        ended.unwrap_or_else(|lost| {
            let text = format!("the work on kafka did not end: {lost}");
            Err(KafkaError::new(KafkaErrorKind::Retry, text))
        })?;
        Ok(None)
    }
}

type Consumer = BaseConsumer<Context>;

/// A partition, and what of it is read.
struct Part {
    topic: Arc<str>,
    partition: i32,
    low: i64,
    end: i64,
}

/// Reads it all. Blocks.
fn read(
    settings: &KafkaSettings,
    topics: &str,
    headers: &SharedHeaders,
    sender: &mpsc::Sender<Read>,
) -> Result<(), KafkaError> {
    let consumer = |isolation| -> Result<Consumer, KafkaError> {
        let made = settings.consumer(isolation).create_with_context(Context::new(settings));
        made.map_err(|error| KafkaError::of("cannot make a kafka client", &error))
    };
    let all = consumer("read_uncommitted")?;
    // All ends first: none is to move on while others are read.
    let mut parts = Vec::new();
    for (topic, partitions) in matching(settings, topics)? {
        let topic: Arc<str> = topic.into();
        for partition in partitions {
            let (low, end) = watermarks(&all, &topic, partition)?;
            parts.push(Part { topic: Arc::clone(&topic), partition, low, end });
        }
    }
    for of_topic in parts.chunk_by(|one, other| one.topic == other.topic) {
        // One each: that a partition ends is told by its number alone.
        let committed = consumer("read_committed")?;
        for part in of_topic {
            if !begin_part(part, sender) || !read_part(&committed, part, headers, sender)? {
                return Ok(());
            }
        }
    }
    Ok(())
}

/// Tells of a partition. Returns whether somebody listens.
fn begin_part(part: &Part, sender: &mpsc::Sender<Read>) -> bool {
    let gone = u64::try_from(part.low).unwrap_or_default();
    let (topic, partition) = (Arc::clone(&part.topic), part.partition);
    sender.blocking_send(Read::Partition { topic, partition, gone }).is_ok()
}

fn matching(settings: &KafkaSettings, topics: &str) -> Result<Topics, KafkaError> {
    if !topics.contains('*') {
        let found = client::topics(settings, Some(topics))?;
        return if found.is_empty() {
            Err(client::missing(settings, topics, LIST.to_owned()))
        } else {
            Ok(found)
        };
    }
    let pattern = Pattern::new(topics).map_err(|error| {
        KafkaError::new(KafkaErrorKind::Config, format!("`{topics}` names no topics: {error}"))
    })?;
    let mut found = client::topics(settings, None)?;
    found.retain(|(name, _)| pattern.matches(name));
    if found.is_empty() {
        let text = format!("no topic at {} matches `{topics}`", settings.bootstrap_servers);
        return Err(KafkaError::new(KafkaErrorKind::Config, text).with_hint(LIST));
    }
    found.sort();
    Ok(found)
}

/// The partition's first offset, and its end.
fn watermarks(consumer: &Consumer, topic: &str, partition: i32) -> Result<(i64, i64), KafkaError> {
    consumer.fetch_watermarks(topic, partition, PATIENCE).map_err(|error| {
        // Its events are served by nobody else.
        drop(consumer.poll(Duration::ZERO));
        consumer.context().explain(&format!("cannot read the topic `{topic}`"), &error)
    })
}

/// Waits until everything before the end is decided.
fn wait_for_decisions(committed: &Consumer, part: &Part) -> Result<(), KafkaError> {
    let began = Instant::now();
    let mut is_told = false;
    while watermarks(committed, &part.topic, part.partition)?.1 < part.end {
        if began.elapsed() >= DECISION {
            let (topic, partition) = (&part.topic, part.partition);
            let text =
                format!("in partition {partition} of the topic `{topic}` a transaction stays open");
            return Err(KafkaError::new(KafkaErrorKind::Retry, text).with_hint(
                "what is behind it cannot be read before it ends: try again later, or look for it with `kafka-transactions.sh find-hanging`",
            ));
        }
        if !is_told && began.elapsed() >= DECISION / 24 {
            is_told = true;
            tracing::warn!(topic = &*part.topic, part.partition, "waiting for open transactions");
        }
        drop(committed.poll(Duration::from_millis(100)));
    }
    Ok(())
}

/// Reads a partition to its end. Returns whether somebody still listens.
fn read_part(
    committed: &Consumer,
    part: &Part,
    headers: &SharedHeaders,
    sender: &mpsc::Sender<Read>,
) -> Result<bool, KafkaError> {
    if part.low >= part.end {
        return Ok(true);
    }
    wait_for_decisions(committed, part)?;
    let doing = format!("cannot read the topic `{}`", part.topic);
    let mut start = TopicPartitionList::new();
    start
        .add_partition_offset(&part.topic, part.partition, Offset::Offset(part.low))
        .and_then(|()| committed.assign(&start))
        .map_err(|error| KafkaError::of(&doing, &error))?;
    let (mut pile, mut heard) = (Pile::default(), Instant::now());
    loop {
        match committed.poll(Duration::from_millis(100)) {
            Some(Ok(message)) if !part.has(&message) => {}
            Some(Ok(message)) => {
                heard = Instant::now();
                let is_last = message.offset() + 1 >= part.end;
                if message.offset() < part.end {
                    pile.take(&message, headers);
                }
                if (is_last || pile.is_full()) && !pile.hand_on(sender) {
                    return Ok(false);
                }
                if is_last {
                    return Ok(true);
                }
            }
            // Behind the last message there may be only what says that it is decided.
            Some(Err(Native::PartitionEOF(at))) if at == part.partition => {
                return Ok(pile.hand_on(sender));
            }
            Some(Err(error)) => give_up_on(&error, committed, &doing)?,
            None => {}
        }
        if heard.elapsed() >= PATIENCE {
            let error = Native::MessageConsumption(Code::OperationTimedOut);
            return Err(committed.context().explain(&doing, &error));
        }
    }
}

/// What does not pass by itself.
fn give_up_on(error: &Native, committed: &Consumer, doing: &str) -> Result<(), KafkaError> {
    let explained = committed.context().explain(doing, error);
    match error.rdkafka_error_code() {
        // No group is joined, whatever librdkafka asks about one.
        Some(Code::GroupAuthorizationFailed) => Ok(()),
        // What does not fit its checksum would be left out.
        Some(Code::BadMessage | Code::InvalidMessage) => Err(explained),
        _ if explained.kind == KafkaErrorKind::Retry => Ok(()),
        _ => Err(explained),
    }
}

impl Part {
    /// Whether the message is of this partition, and not of what was read before.
    fn has(&self, message: &BorrowedMessage<'_>) -> bool {
        message.partition() == self.partition && message.topic() == &*self.topic
    }
}

/// Messages that are not handed on yet.
#[derive(Default)]
struct Pile {
    messages: Vec<(u64, Option<Bytes>)>,
    bytes: usize,
    others: u64,
}

impl Pile {
    fn take(&mut self, message: &BorrowedMessage<'_>, wanted: &SharedHeaders) {
        let is_other = |key: &str, value: Option<&[u8]>| {
            let wanted = wanted.iter().find(|(name, _)| *name == key);
            wanted.is_some_and(|(_, wanted)| value != Some(wanted.as_bytes()))
        };
        let mut headers = message.headers().into_iter().flat_map(|headers| headers.iter());
        if headers.any(|header| is_other(header.key, header.value)) {
            self.others += 1;
            return;
        }
        let value = message.payload().map(Bytes::copy_from_slice);
        self.bytes += value.as_ref().map_or(0, Bytes::len);
        self.messages.push((u64::try_from(message.offset()).unwrap_or_default(), value));
    }

    fn is_full(&self) -> bool {
        let others = usize::try_from(self.others).unwrap_or(usize::MAX);
        self.messages.len().max(others) >= MESSAGES_AT_ONCE || self.bytes >= BYTES_AT_ONCE
    }

    /// Whether somebody takes it.
    fn hand_on(&mut self, sender: &mpsc::Sender<Read>) -> bool {
        let Self { messages, others, .. } = std::mem::take(self);
        sender.blocking_send(Read::Messages { messages, others }).is_ok()
    }
}
