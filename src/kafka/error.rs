//! What went wrong with a cluster, and what follows from it.
//!
//! The one place that looks at librdkafka's codes. Whatever may pass without anyone changing the
//! config is tried again: an unknown error that is tried again costs time, one that is not costs
//! a run.

use rdkafka::error::KafkaError as Native;
use rdkafka::error::RDKafkaErrorCode as Code;

/// A cluster did not do what was asked of it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct KafkaError {
    /// What whoever asked does about it.
    pub kind: KafkaErrorKind,
    /// What failed, in words, without secrets.
    pub message: String,
    /// What a person could do about it.
    pub hint: Option<String>,
}

/// What follows from a [`KafkaError`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KafkaErrorKind {
    /// The cluster is away or busy: the same again, later.
    Retry,
    /// It refuses for good: credentials, permissions, a missing topic.
    Config,
    /// Another process has taken over what this one held.
    Fenced,
}

impl KafkaError {
    pub(super) fn new(kind: KafkaErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), hint: None }
    }

    pub(super) fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Another process has begun with the same transactional id.
    pub(super) fn fenced(transactional_id: &str) -> Self {
        let text = format!(
            "another zenstream with the same transactional id `{transactional_id}` has started"
        );
        Self::new(KafkaErrorKind::Fenced, text)
            .with_hint("let only one run at a time; one with a config of its own needs an id of its own: `transactional_id` of a sink, `key` of the checkpoint")
    }

    /// The error of librdkafka for `doing` (`cannot write to the topic x`) having failed.
    pub(super) fn of(doing: &str, error: &Native) -> Self {
        let code = error.rdkafka_error_code();
        let reason = match error {
            Native::Transaction(error) => error.string(),
            Native::ClientCreation(reason)
            | Native::AdminOpCreation(reason)
            | Native::ClientConfig(_, reason, ..) => reason.clone(),
            other => code.map_or_else(|| other.to_string(), |code| code.to_string()),
        };
        let (kind, hint) = match error {
            Native::ClientCreation(_) | Native::ClientConfig(..) => {
                (KafkaErrorKind::Config, Some("check `librdkafka_options`, `sasl` and `tls`"))
            }
            _ => code.map_or((KafkaErrorKind::Retry, None), judge),
        };
        let error = Self::new(kind, format!("{doing}: {reason}"));
        match hint {
            Some(hint) => error.with_hint(hint),
            None => error,
        }
    }

    /// The same for a code alone.
    pub(super) fn of_code(doing: &str, code: Code) -> Self {
        Self::of(doing, &Native::Global(code))
    }
}

/// Whether a process with the same transactional id has come after this one; or, for all that
/// this code says, whether a transaction was open for longer than the cluster allows.
pub(super) fn is_fencing(code: Code) -> bool {
    matches!(code, Code::Fenced | Code::ProducerFenced | Code::InvalidProducerEpoch)
}

fn judge(code: Code) -> (KafkaErrorKind, Option<&'static str>) {
    use KafkaErrorKind::{Config, Fenced, Retry};
    match code {
        code if is_fencing(code) => (Fenced, None),
        Code::Authentication
        | Code::SaslAuthenticationFailed
        | Code::UnsupportedSASLMechanism
        | Code::IllegalSASLState => {
            (Config, Some("check `sasl`: the user, the password and the `mechanism`"))
        }
        Code::TopicAuthorizationFailed => (
            Config,
            Some(
                "let the user describe the topic and write to it, or read it for `verify` (ACLs `Describe`, `Write`, `Read`); create it if it is not there",
            ),
        ),
        Code::TransactionalIdAuthorizationFailed => (
            Config,
            Some(
                "let the user `Describe` and `Write` this transactional id; ids begin with `zenstream` unless `transactional_id` says otherwise",
            ),
        ),
        Code::ClusterAuthorizationFailed => {
            (Config, Some("let the user write idempotently (ACL `IdempotentWrite` on the cluster)"))
        }
        Code::GroupAuthorizationFailed | Code::DelegationTokenAuthorizationFailed => {
            (Config, Some("give the user the permission"))
        }
        Code::UnknownTopic | Code::UnknownTopicOrPartition | Code::UnknownPartition => {
            (Config, Some("create the topic, or let the cluster create topics by itself"))
        }
        Code::InvalidTopic => (Config, Some("a topic's name has at most 249 of `a-zA-Z0-9._-`")),
        Code::InvalidTransactionTimeout => (
            Config,
            Some(
                "lower `message_timeout_ms`, or raise `transaction.max.timeout.ms` of the brokers",
            ),
        ),
        Code::InvalidRecord | Code::PolicyViolation | Code::InvalidConfig => {
            (Config, Some("the topic's settings do not allow it"))
        }
        Code::InvalidTimestamp => (
            Config,
            Some(
                "messages have the time of their events: set `timestamp: ingest_time`, or raise `message.timestamp.before.max.ms` of the topic",
            ),
        ),
        Code::InvalidReplicationFactor => (
            Config,
            Some("the cluster has too few brokers for its default; create the topic yourself"),
        ),
        Code::UnsupportedVersion | Code::UnsupportedFeature | Code::UnsupportedCompressionType => {
            (Config, Some("the brokers are too old for it; Kafka has transactions since 0.11"))
        }
        Code::MessageSizeTooLarge | Code::MessageBatchTooLarge | Code::InvalidMessageSize => {
            (Config, Some("raise `max.message.bytes` of the topic"))
        }
        _ => (Retry, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(code: Code) -> KafkaErrorKind {
        KafkaError::of_code("cannot write", code).kind
    }

    #[test]
    fn what_passes_by_itself_is_tried_again() {
        for code in [
            Code::BrokerTransportFailure,
            Code::AllBrokersDown,
            Code::OperationTimedOut,
            Code::MessageTimedOut,
            Code::RequestTimedOut,
            Code::NotEnoughReplicas,
            Code::NotCoordinator,
            Code::CoordinatorLoadInProgress,
            Code::LeaderNotAvailable,
            Code::ThrottlingQuotaExceeded,
            Code::Resolve,
            Code::Unknown,
        ] {
            assert_eq!(kind(code), KafkaErrorKind::Retry, "{code:?}");
        }
    }

    #[test]
    fn what_a_person_has_to_change_ends_the_run_with_a_hint() {
        for code in [
            Code::Authentication,
            Code::SaslAuthenticationFailed,
            Code::TopicAuthorizationFailed,
            Code::ClusterAuthorizationFailed,
            Code::TransactionalIdAuthorizationFailed,
            Code::UnknownTopic,
            Code::UnknownTopicOrPartition,
            Code::InvalidTransactionTimeout,
        ] {
            let error = KafkaError::of_code("cannot write", code);
            assert_eq!(error.kind, KafkaErrorKind::Config, "{code:?}");
            assert!(error.hint.is_some(), "{code:?}");
        }
        for code in [Code::Fenced, Code::ProducerFenced, Code::InvalidProducerEpoch] {
            assert_eq!(kind(code), KafkaErrorKind::Fenced, "{code:?}");
        }
    }
}
