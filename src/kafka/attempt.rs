//! One try at a transaction: begin, send, commit; or abort, and say what stood in the way.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use rdkafka::error::{KafkaError as Native, RDKafkaErrorCode as Code};
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{BaseRecord, Producer as _};
use tokio::time::Instant;

use super::client::Producer;
use super::context::Ticket;
use super::error::{KafkaError, is_fencing};
use super::register::PARTITION;
use super::topic::RegisterSettings;
use super::{Message, Refusals, SharedHeaders};

/// One call to librdkafka.
const STEP: Duration = Duration::from_secs(10);

/// What a transaction is made of.
#[derive(Debug)]
pub(super) struct Parts<'a> {
    pub(super) messages: &'a [&'a Message],
    /// Messages that go in a request of their own.
    pub(super) alone: &'a BTreeSet<usize>,
    /// Messages that are left out.
    pub(super) refused: &'a Refusals,
    /// The register and its new value; none: the transaction is to be aborted.
    pub(super) value: Option<(&'a RegisterSettings, &'a [u8])>,
}

/// Topics that an error names.
const TOPICS_NAMED: usize = 4;

impl Parts<'_> {
    /// What was tried, where nobody tells with which of the topics it failed.
    fn doing(&self) -> String {
        let of_messages = self.messages.iter().map(|message| &*message.topic);
        let of_value = self.value.map(|(register, _)| register.topic.as_str());
        let topics: BTreeSet<&str> = of_messages.chain(of_value).collect();
        let named = topics.iter().take(TOPICS_NAMED).map(|topic| format!("`{topic}`"));
        let more = if topics.len() > TOPICS_NAMED { ", ..." } else { "" };
        let named = named.collect::<Vec<_>>().join(", ");
        format!("cannot write to one of the topics {named}{more}")
    }
}

/// Why a transaction was not committed. The producer is of no more use: librdkafka takes a message
/// that failed for a gap in its sequence, and purges the first messages of the next transaction.
#[derive(Debug)]
pub(super) enum Failed {
    /// Something in it is too large; it was not committed.
    TooLarge {
        /// These messages were in requests that are too large, perhaps only together.
        suspected: Vec<usize>,
        /// These are too large for the client itself.
        certain: Vec<usize>,
    },
    /// Whether it was committed only the register can tell.
    Other(KafkaError),
    /// The cluster takes no more from this producer: it was replaced, or its transaction was
    /// open for too long.
    Fenced,
}

/// A producer with a transaction under way.
pub(super) struct Attempt<'a> {
    pub(super) producer: &'a Producer,
    /// Differs from that of every other attempt of the producer.
    pub(super) number: u64,
    /// The longest that the messages, and then the commit, may take.
    pub(super) timeout: Duration,
    /// For messages.
    pub(super) doing: &'a str,
}

/// Headers that many messages have, one after another: made once, and then copied.
#[derive(Default)]
struct MadeHeaders(Option<(SharedHeaders, OwnedHeaders)>);

impl MadeHeaders {
    fn of(&mut self, message: &Message) -> &OwnedHeaders {
        let known = self.0.take().filter(|(of, _)| Arc::ptr_eq(of, &message.common));
        let (_, headers) = self.0.insert(known.unwrap_or_else(|| {
            let room = message.common.len() + message.headers.len();
            let empty = OwnedHeaders::new_with_capacity(room);
            let made = message.common.iter().fold(empty, |headers, (key, value)| {
                headers.insert(Header { key, value: Some(value) })
            });
            (Arc::clone(&message.common), made)
        }));
        headers
    }
}

/// How a message that the client itself finds too large is told from others.
const REFUSED_HERE: Code = Code::InvalidMessageSize;

/// The place of the register's record.
const VALUE: usize = usize::MAX;

impl Attempt<'_> {
    /// Does it all. Blocks.
    pub(super) fn run(&self, parts: &Parts<'_>) -> Result<(), Failed> {
        self.producer.context().forget_errors();
        self.producer.begin_transaction().map_err(|error| self.failed(&error))?;
        if let Err(error) = self.send_all(parts) {
            let failed = self.judge(&error, parts);
            self.abort();
            return Err(failed);
        }
        match parts.value {
            Some(_) => self.commit(),
            None => self.producer.abort_transaction(STEP).map_err(|error| self.failed(&error)),
        }
    }

    fn send_all(&self, parts: &Parts<'_>) -> Result<(), Native> {
        let deadline = Instant::now() + self.timeout;
        let mut common = MadeHeaders::default();
        for (place, message) in parts.messages.iter().enumerate() {
            if parts.refused.contains_key(&place) {
                continue;
            }
            if parts.alone.contains(&place) {
                self.flush(deadline)?;
                self.send(place, message, common.of(message), deadline)?;
                self.flush(deadline)?;
            } else {
                self.send(place, message, common.of(message), deadline)?;
            }
            self.stop_if(|code| code != REFUSED_HERE)?;
        }
        if let Some((register, value)) = parts.value {
            let record = || {
                BaseRecord::with_opaque_to(&register.topic, Box::new(self.ticket(VALUE)))
                    .partition(PARTITION)
                    .key(register.key.as_bytes())
                    .payload(value)
            };
            self.send_record(record, deadline)?;
        }
        self.flush(deadline)?;
        self.stop_if(|_| true)
    }

    /// No use to go on once a message has failed in this way.
    fn stop_if(&self, way: impl Fn(Code) -> bool) -> Result<(), Native> {
        if self.producer.context().has_failed(self.number, way) {
            return Err(Native::MessageProduction(Code::Fail));
        }
        Ok(())
    }

    fn ticket(&self, place: usize) -> Ticket {
        Ticket { attempt: self.number, place }
    }

    fn send(
        &self,
        place: usize,
        message: &Message,
        common: &OwnedHeaders,
        deadline: Instant,
    ) -> Result<(), Native> {
        let record = || {
            let own = message.headers.iter();
            let headers = own.fold(common.clone(), |headers, (key, value)| {
                headers.insert(Header { key, value: Some(&value[..]) })
            });
            let record = BaseRecord::with_opaque_to(&message.topic, Box::new(self.ticket(place)))
                .payload(&message.value[..])
                .timestamp(message.timestamp)
                .headers(headers);
            match &message.key {
                Some(key) => record.key(&key[..]),
                None => record,
            }
        };
        match self.send_record(record, deadline) {
            Err(Native::MessageProduction(Code::MessageSizeTooLarge)) => {
                self.producer.context().fail(self.ticket(place), REFUSED_HERE);
                Ok(())
            }
            sent => sent,
        }
    }

    /// Waits for room in the queue, which the acknowledgements of earlier messages make.
    fn send_record<'r>(
        &self,
        record: impl Fn() -> BaseRecord<'r, [u8], [u8], Box<Ticket>>,
        deadline: Instant,
    ) -> Result<(), Native> {
        loop {
            match self.producer.send(record()) {
                Err((Native::MessageProduction(Code::QueueFull), _))
                    if Instant::now() < deadline =>
                {
                    self.producer.poll(Duration::from_millis(20));
                }
                Err((error, _)) => return Err(error),
                Ok(()) => return Ok(()),
            }
        }
    }

    /// Waits until every message is acknowledged or failed. In short steps: the thread that
    /// serves the producer takes the events that a longer wait would wake up for.
    fn flush(&self, deadline: Instant) -> Result<(), Native> {
        loop {
            match self.producer.flush(Duration::ZERO) {
                Err(Native::Flush(Code::OperationTimedOut)) if Instant::now() < deadline => {
                    self.producer.poll(Duration::from_millis(2));
                }
                done => return done,
            }
        }
    }

    /// Commits what was sent. A commit that was not answered is asked for again.
    fn commit(&self) -> Result<(), Failed> {
        let deadline = Instant::now() + self.timeout;
        loop {
            let Err(error) = self.producer.commit_transaction(STEP) else { return Ok(()) };
            let again = match &error {
                Native::Transaction(error) => error.is_retriable(),
                Native::Flush(_) => true,
                _ => false,
            };
            if !again || Instant::now() >= deadline {
                let failed = self.failed(&error);
                if matches!(&error, Native::Transaction(error) if error.txn_requires_abort()) {
                    self.abort();
                }
                return Err(failed);
            }
        }
    }

    /// Readers need not wait for a transaction of which nothing will come. If this fails, the
    /// next producer aborts it.
    fn abort(&self) {
        if let Err(error) = self.producer.abort_transaction(STEP) {
            tracing::debug!(%error, "a transaction was not aborted");
        }
    }

    /// Why not everything was sent: because of which messages, or what else.
    fn judge(&self, error: &Native, parts: &Parts<'_>) -> Failed {
        let failed = self.producer.context().take_failed(self.number);
        // Those behind a failed one are purged with it.
        let purged = |code: Code| matches!(code, Code::PurgeQueue | Code::PurgeInflight);
        let mut causes = failed.iter().filter(|(_, code)| !purged(*code)).peekable();
        let Some((place, code)) = causes.peek().copied() else {
            let Some(told) = self.told_by_transaction() else { return self.failed(error) };
            return Attempt { doing: &parts.doing(), ..*self }.failed(&told);
        };
        let value_is_large = failed.iter().any(|(place, code)| *place == VALUE && too_large(*code));
        if too_large(*code) && !value_is_large {
            let large = causes.filter(|(_, code)| too_large(*code));
            let (certain, suspected): (Vec<_>, Vec<_>) =
                large.partition(|(_, code)| *code == REFUSED_HERE);
            let places =
                |of: Vec<&(usize, Code)>| of.into_iter().map(|(place, _)| *place).collect();
            return Failed::TooLarge { suspected: places(suspected), certain: places(certain) };
        }
        let native = Native::MessageProduction(*code);
        if is_fencing(*code) || *code == Code::Fatal {
            return self.failed(&native);
        }
        let topic = match parts.messages.get(*place) {
            Some(message) if !value_is_large => &message.topic,
            _ => parts.value.map_or("", |(register, _)| &register.topic),
        };
        let doing = format!("cannot write to the topic `{topic}`");
        Failed::Other(self.producer.context().explain(&doing, &native))
    }

    /// What spoilt the transaction where no message failed by itself: a topic that may not be
    /// written to is told to nobody else. To begin again is refused with it, and does nothing.
    fn told_by_transaction(&self) -> Option<Native> {
        let refused = self.producer.begin_transaction().err();
        refused.filter(|it| matches!(it, Native::Transaction(it) if it.txn_requires_abort()))
    }

    fn failed(&self, error: &Native) -> Failed {
        let fatal = self.producer.client().fatal_error().map(|(code, _)| code);
        if fatal.or(error.rdkafka_error_code()).is_some_and(is_fencing) {
            return Failed::Fenced;
        }
        Failed::Other(match fatal {
            Some(code) => KafkaError::of_code(self.doing, code),
            None => self.producer.context().explain(self.doing, error),
        })
    }
}

fn too_large(code: Code) -> bool {
    matches!(
        code,
        Code::MessageSizeTooLarge | Code::MessageBatchTooLarge | Code::InvalidMessageSize
    )
}
