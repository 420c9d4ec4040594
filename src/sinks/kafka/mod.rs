//! Kafka: a message an event, in transactions.
//!
//! Alone, the sink commits each batch in a transaction of its own, which also puts a token into a
//! register; the checkpoint holds that token before. So whatever becomes of the process, the
//! register tells what became of the transaction. Beside a checkpoint on the same cluster it only
//! *stages* its batches: they are committed together with the position. Then `Ok` means: durable
//! with the next save, and never without it.
//!
//! Either way a consumer that reads `read_committed` sees each event once.

mod key;
mod message;
mod state;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

use super::ahead::Ahead;
use super::fingerprint::fingerprints;
use super::{
    Batch, Checked, Encoder, Refused, Restored, Sink, SinkError, SinkErrorKind, SinkState, Written,
    fault,
};
use crate::kafka::{
    self, Committed, KafkaError, KafkaErrorKind, KafkaSettings, Message, Presence, Refusals,
    RegisterSettings, SharedTransaction, Transactor,
};
use crate::normalize::{Event, Origin};
use message::Maker;
pub use message::MessageTime;
use state::{Marker, Pending, Saved, token};

/// Where messages go, and how.
#[derive(Debug, Clone)]
pub struct KafkaSinkSettings {
    /// The cluster.
    pub connection: KafkaSettings,
    /// `zendesk-{{ stream }}`. What an event brings that cannot stand in a topic's name becomes `_`.
    pub topic: String,
    /// The way to the key within a record, `actor.id`; none: the event's id is its key.
    pub key_field: Option<String>,
    /// Which time a message has.
    pub timestamp: MessageTime,
    /// The topic that is looked for at start; none: `topic` itself, if it is one.
    pub healthcheck_topic: Option<String>,
    /// Keeps a second process with the same id out. Not used beside a checkpoint on the cluster.
    pub transactional_id: String,
    /// The compacted topic that the register is in. Not used beside a checkpoint on the cluster.
    pub state_topic: String,
}

impl KafkaSinkSettings {
    /// The topic of all events of this origin, with `*` for what differs between them.
    pub fn topics_of(&self, origin: &Origin) -> Result<String, SinkError> {
        let key = self.key_field.as_deref();
        let maker = Maker::new(&self.topic, key, self.timestamp, Encoder::default())?;
        Ok(maker.topics_of(origin))
    }
}

/// Writes events to topics.
#[derive(Debug)]
pub struct Kafka {
    settings: KafkaSinkSettings,
    maker: Maker,
    way: Way,
    ahead: Ahead<Vec<Message>>,
    writing: Mutex<Writing>,
}

/// How a batch becomes durable.
#[derive(Debug)]
enum Way {
    /// In a transaction of its own.
    Alone(Transactor),
    /// In the transaction of the next save, under this sink's name.
    Beside(String, Arc<SharedTransaction>),
}

#[derive(Debug, Default)]
struct Writing {
    number: u64,
    /// The batch that was prepared, until it is committed.
    prepared: Option<Prepared>,
}

#[derive(Debug, Clone)]
struct Prepared {
    messages: Arc<Vec<Message>>,
    token: String,
}

impl Kafka {
    /// A sink with transactions of its own. Connects to nothing yet.
    pub fn new(settings: KafkaSinkSettings, encoder: Encoder) -> Result<Self, SinkError> {
        let transactor = transactor(
            &settings.connection,
            settings.transactional_id.clone(),
            settings.state_topic.clone(),
        );
        Self::by(settings, encoder, Way::Alone(transactor))
    }

    /// A sink named `name` whose batches are committed with the saves of a checkpoint.
    pub fn beside(
        name: &str,
        settings: KafkaSinkSettings,
        encoder: Encoder,
        transaction: Arc<SharedTransaction>,
    ) -> Result<Self, SinkError> {
        Self::by(settings, encoder, Way::Beside(name.to_owned(), transaction))
    }

    fn by(settings: KafkaSinkSettings, encoder: Encoder, way: Way) -> Result<Self, SinkError> {
        let maker = Maker::new(
            &settings.topic,
            settings.key_field.as_deref(),
            settings.timestamp,
            encoder,
        )?;
        let (ahead, writing) = (Ahead::default(), Mutex::default());
        Ok(Self { settings, maker, way, ahead, writing })
    }

    fn lock(&self) -> MutexGuard<'_, Writing> {
        self.writing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn messages(&self, batch: &Batch) -> Result<Vec<Message>, SinkError> {
        let made = self.ahead.take(batch, self.making()).await;
        made.map_err(|lost| fault::of_lost_task(&lost))
    }

    /// What makes messages of a batch.
    fn making(&self) -> impl FnOnce(&Batch) -> Vec<Message> + use<> {
        let maker = self.maker.clone();
        move |batch| maker.messages(&batch.events)
    }

    /// Whether a transaction that a former run prepared is in: if so, what is in it.
    async fn outcome(&self, pending: &Pending) -> Result<Option<Marker>, SinkError> {
        let found = match &self.way {
            Way::Alone(transactor)
                if transactor.transactional_id() == pending.transactional_id
                    && transactor.register().topic == pending.state_topic =>
            {
                transactor.open().await?
            }
            // The config was another then. Nobody may commit it any more, now that we look.
            _ => {
                let (id, topic) = (pending.transactional_id.clone(), pending.state_topic.clone());
                transactor(&self.settings.connection, id, topic).open().await?
            }
        };
        let Some(found) = found else { return Ok(None) };
        let marker = Marker::from_bytes(&found).ok_or_else(|| {
            let text = format!("what is in `{}` is not what this sink wrote", pending.state_topic);
            SinkError::new(SinkErrorKind::Config, text)
                .with_hint("give the sink a `transactional_id` that nobody else has")
        })?;
        Ok((marker.token == pending.token).then_some(marker))
    }

    async fn commit(&self, transactor: &Transactor, batch: &Batch) -> Result<Written, SinkError> {
        let Some(prepared) = self.lock().prepared.clone() else {
            let text = "the batch was not prepared";
            return Err(SinkError::new(SinkErrorKind::Retry, text));
        };
        let token = prepared.token;
        let events = batch.events.clone();
        let marker = move |refused: &Refusals| {
            let mut left_out = BTreeMap::new();
            for (output, ids) in refused.keys().filter_map(|place| events.get(*place)).map(ids) {
                let left_out: &mut super::fingerprint::Fingerprints =
                    left_out.entry(output).or_default();
                left_out.0.extend(ids);
            }
            Some(Marker { token: token.clone(), refused: left_out }.to_bytes())
        };
        let done = transactor.commit(Arc::new(vec![prepared.messages]), marker).await?;
        let (Committed::Done(refused) | Committed::Refused(refused)) = done;
        let mut writing = self.lock();
        writing.prepared = None;
        let saved = Saved { number: writing.number, pending: None };
        Ok(Written { state: Some(saved.to_state()), refused: listed(refused) })
    }

    async fn stage(
        &self,
        name: &str,
        transaction: &SharedTransaction,
        batch: &Batch,
    ) -> Result<Written, SinkError> {
        let mut messages = self.messages(batch).await?;
        let refused = transaction.refusals(&messages).await?;
        let mut place = 0;
        messages.retain(|_| {
            place += 1;
            !refused.contains_key(&(place - 1))
        });
        let number = {
            let mut writing = self.lock();
            writing.number += 1;
            writing.number
        };
        let state = Saved { number, pending: None }.to_state();
        transaction.stage(name, state.clone(), messages).await;
        Ok(Written { state: Some(state), refused: listed(refused) })
    }
}

fn ids(event: &Event) -> (String, Vec<u64>) {
    (event.origin.output(), event.fingerprints().collect())
}

fn listed(refused: Refusals) -> Vec<Refused> {
    refused.into_iter().map(|(index, reason)| Refused { index, reason }).collect()
}

fn transactor(settings: &KafkaSettings, id: String, topic: String) -> Transactor {
    // Not the key of any checkpoint.
    let register = RegisterSettings { topic, key: format!("sink:{id}") };
    Transactor::new(settings.clone(), id, register)
}

impl From<KafkaError> for SinkError {
    fn from(error: KafkaError) -> Self {
        let KafkaError { kind, message, hint } = error;
        let kind = match kind {
            KafkaErrorKind::Retry => SinkErrorKind::Retry,
            KafkaErrorKind::Config | KafkaErrorKind::Fenced => SinkErrorKind::Config,
        };
        Self { kind, message, hint }
    }
}

#[async_trait]
impl Sink for Kafka {
    async fn check(&self) -> Result<Checked, SinkError> {
        let topic = self.settings.healthcheck_topic.as_deref();
        let topic = topic.or_else(|| self.maker.literal_topic());
        let presence = kafka::check(&self.settings.connection, topic).await?;
        let servers = &self.settings.connection.bootstrap_servers;
        let Some(topic) = topic else {
            let topics = &self.settings.topic;
            let tried = format!("{servers} answers; no topic of `{topics}` was looked for");
            let hint = "name a topic that must be there in `healthcheck_topic`";
            return Ok(Checked::new(tried).with_hint(hint));
        };
        if let Presence::Unmade { like } = presence {
            let tried = format!("{servers} answers; there is no topic `{topic}` yet");
            let like = like.map(|name| format!("did you mean `{name}`? ")).unwrap_or_default();
            let hint =
                format!("{like}if the name is right, the cluster makes it with the first event");
            return Ok(Checked::new(tried).with_hint(hint));
        }
        Ok(Checked::new(format!("the topic `{topic}` is at {servers}; nothing was written")))
    }

    async fn restore(&self, state: Option<&SinkState>) -> Result<Restored, SinkError> {
        let saved = state.map(Saved::from_state).transpose()?.unwrap_or_default();
        self.lock().number = saved.number;
        if let Some(pending) = &saved.pending {
            let marker = self.outcome(pending).await?;
            let held = marker.map(|marker| pending.held(&marker)).unwrap_or_default();
            let state = Saved { pending: None, ..saved }.to_state();
            return Ok(Restored { state: Some(state), held });
        }
        if let Way::Alone(transactor) = &self.way {
            // Shuts out a former process. One that is away is waited for at the first write.
            match transactor.open().await {
                Err(error) if error.kind == KafkaErrorKind::Retry => {
                    tracing::warn!(%error, "kafka is away");
                }
                opened => drop(opened?),
            }
        }
        Ok(Restored::default())
    }

    async fn prepare(&self, batch: &Batch) -> Result<Option<SinkState>, SinkError> {
        let Way::Alone(transactor) = &self.way else { return Ok(None) };
        if self.lock().prepared.is_some() {
            // The same batch again, after a write that failed: it is known already.
            return Ok(None);
        }
        let messages = Arc::new(self.messages(batch).await?);
        let events = fingerprints(batch.events.iter());
        let mut writing = self.lock();
        writing.number += 1;
        let token = token(writing.number, &events);
        writing.prepared = Some(Prepared { messages, token: token.clone() });
        let pending = Pending {
            transactional_id: transactor.transactional_id().to_owned(),
            state_topic: transactor.register().topic.clone(),
            token,
            events,
        };
        Ok(Some(Saved { number: writing.number, pending: Some(pending) }.to_state()))
    }

    fn announce(&self, batch: &Batch) {
        self.ahead.begin(batch, self.making());
    }

    async fn write(&self, batch: &Batch) -> Result<Written, SinkError> {
        match &self.way {
            Way::Alone(transactor) => self.commit(transactor, batch).await,
            Way::Beside(name, transaction) => self.stage(name, transaction, batch).await,
        }
    }
}
