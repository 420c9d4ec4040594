//! The holder of a transactional id: transactions one after another, none lost count of.
//!
//! Every transaction replaces the value of a register. After whatever went wrong, that value
//! tells whether a transaction is in: it is the one from before, or the new one. If it is neither,
//! somebody else was here, and this one must stop.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rdkafka::producer::Producer as _;
use tokio::time::Instant;

use super::attempt::{Attempt, Failed, Parts};
use super::client::{Producer, blocking};
use super::context::Context;
use super::error::{KafkaError, KafkaErrorKind, is_fencing};
use super::settings::KafkaSettings;
use super::topic::RegisterSettings;
use super::{Message, Refusals, register, topic};

/// How long the cluster may take to let us in: it may have to abort what a former process left.
const ENTRY: Duration = Duration::from_secs(60);

/// One call within that time.
const STEP: Duration = Duration::from_secs(5);

/// What became of a transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Committed {
    /// It is in, but for these messages, which no broker takes.
    Done(Refusals),
    /// It is aborted: a value without these messages was not wanted.
    Refused(Refusals),
}

/// Commits transactions, each of which replaces the value of one register. Clones are one.
#[derive(Debug, Clone)]
pub struct Transactor {
    inner: Arc<Inner>,
}

struct Inner {
    settings: KafkaSettings,
    transactional_id: String,
    register: RegisterSettings,
    state: Mutex<State>,
}

/// What the register holds.
#[derive(Default)]
enum Known {
    /// Nobody has looked.
    #[default]
    NotYet,
    /// This value, or nothing.
    Holds(Option<Vec<u8>>),
}

impl Known {
    fn value(&self) -> Option<&Vec<u8>> {
        match self {
            Self::NotYet => None,
            Self::Holds(value) => value.as_ref(),
        }
    }
}

#[derive(Default)]
struct State {
    producer: Option<Held>,
    attempts: u64,
    known: Known,
    /// The value of a transaction that may be in, and what was left out of it.
    unclear: Option<(Vec<u8>, Refusals)>,
    /// Somebody else has taken over; nothing can be done here any more.
    ended: Option<KafkaError>,
}

/// A producer that is dropped where it may block.
struct Held(Option<Producer>);

impl Drop for Held {
    fn drop(&mut self) {
        let producer = self.0.take();
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            // Nobody waits for it; at the end of a run, nobody needs to.
            drop(runtime.spawn_blocking(move || drop(producer)));
        }
    }
}

/// Which value goes with which messages left out; none: the transaction is not wanted then.
type ValueOf = dyn Fn(&Refusals) -> Option<Vec<u8>> + Send;

impl Transactor {
    /// Connects to nothing yet.
    pub fn new(
        settings: KafkaSettings,
        transactional_id: impl Into<String>,
        register: RegisterSettings,
    ) -> Self {
        let (transactional_id, state) = (transactional_id.into(), Mutex::default());
        Self { inner: Arc::new(Inner { settings, transactional_id, register, state }) }
    }

    /// How the cluster is reached.
    pub fn settings(&self) -> &KafkaSettings {
        &self.inner.settings
    }

    /// The id that keeps others out.
    pub fn transactional_id(&self) -> &str {
        &self.inner.transactional_id
    }

    /// Where the value is.
    pub fn register(&self) -> &RegisterSettings {
        &self.inner.register
    }

    /// Shuts out every former process with the same id, whose open transaction is aborted, and
    /// reads the register: what the last transaction that is in has put there.
    pub async fn open(&self) -> Result<Option<Vec<u8>>, KafkaError> {
        self.with(|inner, state| {
            inner.open(state)?;
            Ok(state.known.value().cloned())
        })
        .await
    }

    /// What the register holds, without shutting anybody out.
    pub async fn peek(&self) -> Result<Option<Vec<u8>>, KafkaError> {
        let inner = Arc::clone(&self.inner);
        blocking(move || {
            if topic::is_missing(&inner.settings, &inner.register.topic)? {
                return Ok(None);
            }
            register::read(&inner.settings, &inner.register)
        })
        .await
    }

    /// Commits messages and a new value in one transaction. Called again after an error, with the
    /// same messages and values, it finds out whether that was done already.
    pub async fn commit(
        &self,
        messages: Arc<Vec<Arc<Vec<Message>>>>,
        value: impl Fn(&Refusals) -> Option<Vec<u8>> + Send + 'static,
    ) -> Result<Committed, KafkaError> {
        self.with(move |inner, state| {
            let messages: Vec<&Message> = messages.iter().flat_map(|part| part.iter()).collect();
            inner.commit(state, &messages, &value)
        })
        .await
    }

    /// Which of these messages no broker takes, by sending them in a transaction that is aborted.
    pub async fn probe(&self, messages: Vec<Message>) -> Result<Refusals, KafkaError> {
        self.with(move |inner, state| {
            let messages: Vec<&Message> = messages.iter().collect();
            inner.probe(state, &messages)
        })
        .await
    }

    async fn with<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Inner, &mut State) -> Result<T, KafkaError> + Send + 'static,
    ) -> Result<T, KafkaError> {
        let inner = Arc::clone(&self.inner);
        blocking(move || {
            let mut state = inner.state.lock().unwrap_or_else(PoisonError::into_inner);
            work(&inner, &mut state)
        })
        .await
    }
}

impl Inner {
    fn fenced(&self) -> KafkaError {
        KafkaError::fenced(&self.transactional_id)
    }

    /// Makes sure that there is a producer, and that nobody else was here since there was one.
    fn open(&self, state: &mut State) -> Result<(), KafkaError> {
        if let Some(ended) = &state.ended {
            return Err(ended.clone());
        }
        if state.producer.is_some() {
            return Ok(());
        }
        if matches!(state.known, Known::Holds(_)) {
            // Before anybody is shut out: who took over has a right to stay.
            let value = register::read(&self.settings, &self.register)?;
            self.recognise(state, value)?;
        }
        let producer = Held(Some(self.enter()?));
        topic::ensure(&self.settings, &self.register.topic)?;
        let value = register::read(&self.settings, &self.register)?;
        self.recognise(state, value)?;
        state.producer = Some(producer);
        Ok(())
    }

    fn enter(&self) -> Result<Producer, KafkaError> {
        let doing = format!("cannot open transactions at {}", self.settings.bootstrap_servers);
        let producer: Producer = self
            .settings
            .producer(&self.transactional_id)
            .create_with_context(Context::new(&self.settings))
            .map_err(|error| KafkaError::of("cannot make a kafka producer", &error))?;
        let deadline = Instant::now() + ENTRY;
        loop {
            let Err(error) = producer.init_transactions(STEP) else { return Ok(producer) };
            if let Some(refusal) = producer.context().refusal() {
                return Err(refusal);
            }
            if error.rdkafka_error_code().is_some_and(is_fencing) {
                return Err(self.fenced());
            }
            let error = producer.context().explain(&doing, &error);
            if error.kind != KafkaErrorKind::Retry || Instant::now() >= deadline {
                return Err(error);
            }
        }
    }

    /// The register holds what it held, or what the last transaction may have put there.
    fn recognise(&self, state: &mut State, value: Option<Vec<u8>>) -> Result<(), KafkaError> {
        let as_before = match &state.known {
            Known::NotYet => true,
            Known::Holds(known) => *known == value,
        };
        let is_ours = state.unclear.as_ref().is_some_and(|(ours, _)| Some(ours) == value.as_ref());
        if !as_before && !is_ours {
            return Err(state.end(self.fenced()));
        }
        state.known = Known::Holds(value);
        Ok(())
    }

    fn commit(
        &self,
        state: &mut State,
        messages: &[&Message],
        value_of: &ValueOf,
    ) -> Result<Committed, KafkaError> {
        let (mut alone, mut refused) = (BTreeSet::new(), Refusals::new());
        loop {
            self.open(state)?;
            if let Some((ours, left_out)) = state.unclear.take()
                && state.known.value() == Some(&ours)
                && value_of(&left_out).as_ref() == Some(&ours)
            {
                return Ok(Committed::Done(left_out));
            }
            let Some(value) = value_of(&refused) else { return Ok(Committed::Refused(refused)) };
            state.unclear = Some((value.clone(), refused.clone()));
            let parts = Parts {
                messages,
                alone: &alone,
                refused: &refused,
                value: Some((&self.register, &value)),
            };
            match self.attempt(state, &parts) {
                Ok(()) => {
                    (state.known, state.unclear) = (Known::Holds(Some(value)), None);
                    return Ok(Committed::Done(refused));
                }
                Err(Failed::TooLarge { suspected, certain }) => {
                    suspect(messages, &mut alone, &mut refused, &suspected, &certain);
                }
                Err(Failed::Other(error)) => return Err(error),
                Err(Failed::Fenced) => return Err(state.end(self.fenced())),
            }
        }
    }

    /// As [`commit`](Self::commit), but aborts.
    fn probe(&self, state: &mut State, messages: &[&Message]) -> Result<Refusals, KafkaError> {
        let (mut alone, mut refused) = ((0..messages.len()).collect(), Refusals::new());
        loop {
            self.open(state)?;
            let parts = Parts { messages, alone: &alone, refused: &refused, value: None };
            match self.attempt(state, &parts) {
                Ok(()) => return Ok(refused),
                Err(Failed::TooLarge { suspected, certain }) => {
                    suspect(messages, &mut alone, &mut refused, &suspected, &certain);
                }
                Err(Failed::Other(error)) => return Err(error),
                Err(Failed::Fenced) => return Err(state.end(self.fenced())),
            }
        }
    }

    fn attempt(&self, state: &mut State, parts: &Parts<'_>) -> Result<(), Failed> {
        state.attempts += 1;
        let Some(Held(Some(producer))) = &state.producer else {
            let text = "there is no producer".to_owned();
            return Err(Failed::Other(KafkaError::new(KafkaErrorKind::Retry, text)));
        };
        let doing = format!("cannot commit a transaction at {}", self.settings.bootstrap_servers);
        let timeout = self.settings.message_timeout;
        let began = Instant::now();
        let attempt = Attempt { producer, number: state.attempts, timeout, doing: &doing };
        let done = attempt.run(parts);
        if done.is_err() {
            state.producer = None;
        }
        match done {
            // The cluster itself shuts out who leaves a transaction open for too long. Whether it
            // was that, the register will tell.
            Err(Failed::Fenced) if began.elapsed() >= self.settings.transaction_timeout() => {
                let text = format!("{doing}: it was open for too long");
                Err(Failed::Other(KafkaError::new(KafkaErrorKind::Retry, text)))
            }
            done => done,
        }
    }
}

impl State {
    /// From now on nothing is done any more.
    fn end(&mut self, error: KafkaError) -> KafkaError {
        self.ended.insert(error).clone()
    }
}

/// A message in a request that was too large goes alone the next time; one that was alone, or
/// that the client itself finds too large, is refused.
fn suspect(
    messages: &[&Message],
    alone: &mut BTreeSet<usize>,
    refused: &mut Refusals,
    suspected: &[usize],
    certain: &[usize],
) {
    let anew: Vec<usize> =
        suspected.iter().copied().filter(|place| !alone.contains(place)).collect();
    let guilty: Vec<usize> = if anew.is_empty() {
        suspected.iter().chain(certain).copied().collect()
    } else {
        certain.to_vec()
    };
    for place in guilty {
        let Some(message) = messages.get(place) else { continue };
        let (bytes, topic) = (message.value.len(), &message.topic);
        let reason = format!("{bytes} bytes are too many for the topic `{topic}`");
        refused.insert(place, reason);
    }
    alone.extend(anew);
}

impl fmt::Debug for Inner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transactor")
            .field("transactional_id", &self.transactional_id)
            .field("register", &self.register)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn messages(count: usize) -> Vec<Message> {
        let one = |_| Message {
            topic: "t".into(),
            key: None,
            value: Bytes::from_static(b"x"),
            common: Arc::new([]),
            headers: Vec::new(),
            timestamp: 1,
        };
        (0..count).map(one).collect()
    }

    fn inner() -> Inner {
        let register = RegisterSettings { topic: "r".to_owned(), key: "k".to_owned() };
        let transactor = Transactor::new(KafkaSettings::new("nowhere:1"), "id", register);
        Arc::into_inner(transactor.inner).expect("there is one")
    }

    #[test]
    fn a_message_is_refused_only_after_it_was_too_large_alone() {
        let messages = messages(3);
        let messages: Vec<&Message> = messages.iter().collect();
        let (mut alone, mut refused) = (BTreeSet::new(), Refusals::new());
        suspect(&messages, &mut alone, &mut refused, &[0, 1], &[]);
        assert_eq!((alone.len(), refused.len()), (2, 0));
        suspect(&messages, &mut alone, &mut refused, &[1, 2], &[]);
        assert_eq!((alone.len(), refused.len()), (3, 0), "2 may have been too large beside 1");
        suspect(&messages, &mut alone, &mut refused, &[1], &[0]);
        assert_eq!(refused.keys().copied().collect::<Vec<_>>(), [0, 1]);
        assert_eq!(refused[&1], "1 bytes are too many for the topic `t`");
    }

    #[test]
    fn a_value_from_before_or_of_ours_is_recognised_and_any_other_ends_it() {
        let (inner, mut state) = (inner(), State::default());
        let value = |text: &str| Some(text.as_bytes().to_vec());
        inner.recognise(&mut state, value("1")).unwrap();
        state.unclear = Some((b"2".to_vec(), Refusals::new()));
        inner.recognise(&mut state, value("1")).unwrap();
        inner.recognise(&mut state, value("2")).unwrap();
        let error = inner.recognise(&mut state, value("3")).unwrap_err();
        assert_eq!(error.kind, KafkaErrorKind::Fenced);
        assert_eq!(inner.open(&mut state).unwrap_err(), error, "there is no way back");
    }
}
