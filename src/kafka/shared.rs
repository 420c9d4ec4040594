//! One transaction for several: messages that wait for the value they belong to.
//!
//! A sink *stages* a batch under its name, with the state that stands for it; whoever commits the
//! next value takes along each batch whose state is in that value, and leaves the others for
//! later. A batch is kept until it is committed, so a commit that failed starts over.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::Value;
use tokio::sync::Notify;

use super::transactor::{Committed, Transactor};
use super::{KafkaError, KafkaErrorKind, Message, Refusals, topic};

/// Room for what surrounds a message in its request.
const OVERHEAD: usize = 1_024;

/// A transactional producer that several stage messages for.
#[derive(Debug)]
pub struct SharedTransaction {
    transactor: Transactor,
    staged: Mutex<BTreeMap<String, Staged>>,
    committed: Notify,
    /// What topics take, as far as their settings were asked for.
    limits: Mutex<BTreeMap<String, usize>>,
}

#[derive(Debug, Clone)]
struct Staged {
    state: Value,
    messages: Arc<Vec<Message>>,
}

/// What a topic takes whose settings we may not see: what topics take by default.
const USUAL_LIMIT: usize = 1_048_588;

impl SharedTransaction {
    /// Nothing is staged.
    pub fn new(transactor: Transactor) -> Self {
        Self {
            transactor,
            staged: Mutex::default(),
            committed: Notify::new(),
            limits: Mutex::default(),
        }
    }

    /// What commits.
    pub fn transactor(&self) -> &Transactor {
        &self.transactor
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Staged>> {
        self.staged.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Leaves messages for the commit of a value that has `state` under `name`. Waits until
    /// what was staged under the name before is committed: at most one batch each is held.
    pub async fn stage(&self, name: &str, state: Value, messages: Vec<Message>) {
        let staged = Staged { state, messages: Arc::new(messages) };
        loop {
            let mut committed = std::pin::pin!(self.committed.notified());
            // Enabled before the look, so that no commit between the two is missed.
            committed.as_mut().enable();
            if self.stage_now(name, &staged) {
                return;
            }
            committed.await;
        }
    }

    fn stage_now(&self, name: &str, staged: &Staged) -> bool {
        let mut all = self.lock();
        if all.contains_key(name) {
            return false;
        }
        all.insert(name.to_owned(), staged.clone());
        true
    }

    /// What is staged for a value with these states.
    fn due(&self, states: &BTreeMap<String, Value>) -> BTreeMap<String, Staged> {
        let all = self.lock();
        let due = all.iter().filter(|(name, staged)| states.get(*name) == Some(&staged.state));
        due.map(|(name, staged)| (name.clone(), staged.clone())).collect()
    }

    /// Commits a value, and with it what is staged for these states. After an error the same is
    /// to be committed again.
    pub async fn commit(
        &self,
        states: &BTreeMap<String, Value>,
        value: Vec<u8>,
    ) -> Result<(), KafkaError> {
        let due = self.due(states);
        let messages = Arc::new(due.values().map(|it| Arc::clone(&it.messages)).collect());
        let value_of = move |refused: &Refusals| refused.is_empty().then(|| value.clone());
        match self.transactor.commit(messages, value_of).await? {
            Committed::Done(_) => {
                self.lock().retain(|name, _| !due.contains_key(name));
                self.committed.notify_waiters();
                Ok(())
            }
            // Whatever could be too large was tried before it was staged: its topic has been
            // changed since, or we may not see its settings.
            Committed::Refused(refused) => {
                let reason = refused.into_values().next().unwrap_or_default();
                let text = format!("a message cannot be committed: {reason}");
                Err(KafkaError::new(KafkaErrorKind::Config, text).with_hint(
                    "raise `max.message.bytes` of the topic; or let the user read its settings \
                     (ACL `DescribeConfigs`) and start again: such events are then rejected",
                ))
            }
        }
    }

    /// Which of these messages no broker takes, by their places. Only those that are larger
    /// than their topic says are tried.
    pub async fn refusals(&self, messages: &[Message]) -> Result<Refusals, KafkaError> {
        let mut places = Vec::new();
        let mut last: Option<(&Arc<str>, usize)> = None;
        for (place, message) in messages.iter().enumerate() {
            let limit = match last {
                Some((topic, limit)) if Arc::ptr_eq(topic, &message.topic) => limit,
                _ => self.limit(&message.topic).await?,
            };
            last = Some((&message.topic, limit));
            if size(message) + OVERHEAD > limit {
                places.push(place);
            }
        }
        if places.is_empty() {
            return Ok(Refusals::new());
        }
        let tried = places.iter().map(|place| messages[*place].clone()).collect();
        let refused = self.transactor.probe(tried).await?;
        Ok(refused.into_iter().map(|(number, reason)| (places[number], reason)).collect())
    }

    async fn limit(&self, topic: &str) -> Result<usize, KafkaError> {
        let known = |limits: &Mutex<BTreeMap<String, usize>>| {
            limits.lock().unwrap_or_else(PoisonError::into_inner).get(topic).copied()
        };
        if let Some(limit) = known(&self.limits) {
            return Ok(limit);
        }
        let (settings, name) = (self.transactor.settings().clone(), topic.to_owned());
        let asked = super::client::blocking(move || topic::record_bytes_max(&settings, &name));
        let limit = asked.await?.unwrap_or(USUAL_LIMIT).min(self.client_limit());
        let mut limits = self.limits.lock().unwrap_or_else(PoisonError::into_inner);
        limits.insert(topic.to_owned(), limit);
        Ok(limit)
    }

    /// What librdkafka itself takes.
    fn client_limit(&self) -> usize {
        let config = self.transactor.settings().producer("");
        config.get("message.max.bytes").and_then(|it| it.parse().ok()).unwrap_or(USUAL_LIMIT)
    }
}

/// A message without what surrounds it.
fn size(message: &Message) -> usize {
    let common = message.common.iter().map(|(name, value)| name.len() + value.len() + 10);
    let own = message.headers.iter().map(|(name, value)| name.len() + value.len() + 10);
    let key = message.key.as_ref().map_or(0, bytes::Bytes::len);
    message.value.len() + key + common.chain(own).sum::<usize>()
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;
    use serde_json::json;

    use super::super::{KafkaSettings, RegisterSettings};
    use super::*;

    fn shared() -> SharedTransaction {
        let register = RegisterSettings { topic: "r".to_owned(), key: "k".to_owned() };
        SharedTransaction::new(Transactor::new(KafkaSettings::new("nowhere:1"), "id", register))
    }

    fn states(of: &[(&str, u64)]) -> BTreeMap<String, Value> {
        of.iter().map(|(name, state)| ((*name).to_owned(), json!(state))).collect()
    }

    fn due(shared: &SharedTransaction, of: &[(&str, u64)]) -> Vec<String> {
        shared.due(&states(of)).into_keys().collect()
    }

    #[tokio::test]
    async fn a_batch_goes_with_the_value_that_has_its_state_and_no_other() {
        let shared = shared();
        shared.stage("one", json!(7), Vec::new()).await;
        shared.stage("two", json!(1), Vec::new()).await;
        assert_eq!(due(&shared, &[("one", 6)]), [""; 0]);
        assert_eq!(due(&shared, &[("one", 7), ("two", 0)]), ["one"]);
        assert_eq!(due(&shared, &[("one", 7), ("two", 1)]), ["one", "two"]);
        assert_eq!(due(&shared, &[("one", 7)]), ["one"], "it is kept until it is committed");
    }

    #[tokio::test]
    async fn a_second_batch_of_a_name_waits_until_the_first_is_gone() {
        let shared = shared();
        shared.stage("one", json!(1), Vec::new()).await;
        let mut second = std::pin::pin!(shared.stage("one", json!(2), Vec::new()));
        assert_eq!(second.as_mut().now_or_never(), None);
        shared.stage("two", json!(1), Vec::new()).await;
        shared.lock().clear();
        shared.committed.notify_waiters();
        second.await;
        assert_eq!(due(&shared, &[("one", 2)]), ["one"]);
    }
}
