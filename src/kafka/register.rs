//! Reading a register: the last value that a decided transaction gave a key.
//!
//! Reads from the end backwards, since the topic may hold millions of older values. It must not
//! take an older value for the last: whatever is undecided when it begins is waited for.

use std::time::Duration;

use rdkafka::TopicPartitionList;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::{KafkaError as Native, RDKafkaErrorCode as Code};
use rdkafka::message::Message as _;
use rdkafka::topic_partition_list::Offset;
use tokio::time::Instant;

use super::context::Context;
use super::error::{KafkaError, KafkaErrorKind};
use super::settings::KafkaSettings;
use super::topic::RegisterSettings;

/// How long the cluster may take to answer, and to send something.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long the transactions of others may stay undecided. Ours are decided before we look.
const DECISION: Duration = Duration::from_secs(120);

/// How far back the first look goes, and by how much further each next one.
const FIRST_LOOK: i64 = 256;
const FURTHER: i64 = 16;

/// The only partition that is used.
pub(super) const PARTITION: i32 = 0;

type Consumer = BaseConsumer<Context>;

/// What the register holds; `None` only where it certainly holds nothing. Blocks.
pub(super) fn read(
    settings: &KafkaSettings,
    register: &RegisterSettings,
) -> Result<Option<Vec<u8>>, KafkaError> {
    let consumer = |isolation| -> Result<Consumer, KafkaError> {
        let made = settings.consumer(isolation).create_with_context(Context::new(settings));
        made.map_err(|error| KafkaError::of("cannot make a kafka client", &error))
    };
    let reader = consumer("read_committed")?;
    let (low, end) = ends(&reader, &consumer("read_uncommitted")?, &register.topic)?;
    let mut look = FIRST_LOOK;
    loop {
        let from = end.saturating_sub(look).max(low);
        let found = last_from(&reader, register, from, end)?;
        if found.is_some() || from == low {
            return Ok(found);
        }
        look = look.saturating_mul(FURTHER);
    }
}

/// The partition's first offset, and its end once everything before it is decided.
fn ends(reader: &Consumer, all: &Consumer, topic: &str) -> Result<(i64, i64), KafkaError> {
    let doing = format!("cannot read the topic `{topic}`");
    let asked = |consumer: &Consumer| {
        consumer.fetch_watermarks(topic, PARTITION, PATIENCE).map_err(|error| {
            // Its events are served by nobody else.
            drop(consumer.poll(Duration::ZERO));
            consumer.context().explain(&doing, &error)
        })
    };
    let (low, end) = asked(all)?;
    let began = Instant::now();
    loop {
        let (_, decided) = asked(reader)?;
        if decided >= end {
            return Ok((low, decided));
        }
        if began.elapsed() >= DECISION {
            let text = format!("{doing}: a transaction of another program is still open there");
            return Err(KafkaError::new(KafkaErrorKind::Retry, text));
        }
        drop(reader.poll(Duration::from_millis(100)));
    }
}

/// The last value under the key from an offset on.
fn last_from(
    reader: &Consumer,
    register: &RegisterSettings,
    from: i64,
    end: i64,
) -> Result<Option<Vec<u8>>, KafkaError> {
    if from >= end {
        return Ok(None);
    }
    let doing = format!("cannot read the topic `{}`", register.topic);
    let mut start = TopicPartitionList::new();
    start
        .add_partition_offset(&register.topic, PARTITION, Offset::Offset(from))
        .and_then(|()| reader.assign(&start))
        .map_err(|error| KafkaError::of(&doing, &error))?;
    let mut last = None;
    let mut heard = Instant::now();
    loop {
        match reader.poll(Duration::from_millis(100)) {
            Some(Ok(message)) => {
                heard = Instant::now();
                if message.key() == Some(register.key.as_bytes()) {
                    last = message.payload().map(<[u8]>::to_vec);
                }
            }
            Some(Err(Native::PartitionEOF(_))) => return Ok(last),
            Some(Err(error)) => {
                let explained = reader.context().explain(&doing, &error);
                let about_a_group =
                    error.rdkafka_error_code() == Some(Code::GroupAuthorizationFailed);
                // No group is joined, whatever librdkafka asks about one.
                if explained.kind != KafkaErrorKind::Retry && !about_a_group {
                    return Err(explained);
                }
            }
            None => {}
        }
        if heard.elapsed() >= PATIENCE {
            let error = Native::MessageConsumption(Code::OperationTimedOut);
            return Err(reader.context().explain(&doing, &error));
        }
    }
}
