//! What librdkafka tells us while it works: its log, its errors, what became of messages; and
//! what it asks: tokens.

use std::error::Error;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rdkafka::ClientContext;
use rdkafka::client::OAuthToken;
use rdkafka::config::RDKafkaLogLevel as Level;
use rdkafka::consumer::ConsumerContext;
use rdkafka::error::{KafkaError as Native, RDKafkaErrorCode as Code};
use rdkafka::message::DeliveryResult;
use rdkafka::producer::ProducerContext;

use super::error::{KafkaError, KafkaErrorKind};
use super::settings::{KafkaSettings, SaslSettings};
use super::token::TokenSource;

/// Which message of which attempt a delivery report is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ticket {
    pub(super) attempt: u64,
    pub(super) place: usize,
}

/// One client's ear.
#[derive(Debug)]
pub(super) struct Context {
    tokens: Option<TokenSource>,
    heard: Mutex<Heard>,
}

#[derive(Debug, Default)]
struct Heard {
    /// The last error that was about no message: a refused sign-in, a broker that is away.
    error: Option<(Code, String)>,
    failed: Vec<(Ticket, Code)>,
}

impl Context {
    pub(super) fn new(settings: &KafkaSettings) -> Self {
        let tokens = match &settings.sasl {
            Some(SaslSettings::Oauth(oauth)) => Some(TokenSource::new(oauth.clone())),
            _ => None,
        };
        Self { tokens, heard: Mutex::default() }
    }

    fn lock(&self) -> MutexGuard<'_, Heard> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Which messages of an attempt failed; forgets those of all attempts.
    pub(super) fn take_failed(&self, attempt: u64) -> Vec<(usize, Code)> {
        let failed = std::mem::take(&mut self.lock().failed);
        let ours = failed.into_iter().filter(|(ticket, _)| ticket.attempt == attempt);
        ours.map(|(ticket, code)| (ticket.place, code)).collect()
    }

    /// A message that was not even sent.
    pub(super) fn fail(&self, ticket: Ticket, code: Code) {
        self.lock().failed.push((ticket, code));
    }

    /// Whether a message of an attempt failed in this way so far.
    pub(super) fn has_failed(&self, attempt: u64, way: impl Fn(Code) -> bool) -> bool {
        self.lock().failed.iter().any(|(ticket, code)| ticket.attempt == attempt && way(*code))
    }

    /// Forgets what was heard before: something succeeded, or begins.
    pub(super) fn forget_errors(&self) {
        self.lock().error = None;
    }

    /// A refused sign-in or certificate, which the client itself would try again for ever.
    pub(super) fn refusal(&self) -> Option<KafkaError> {
        let heard = self.lock();
        let (code, reason) = heard.error.as_ref()?;
        let hint = match code {
            Code::Authentication => "check `sasl`: the user, the password and the `mechanism`",
            // By its words: with it comes the code of TLS, or that of a lost connection.
            _ if reason.contains("certificate verify failed") => {
                "name the authority that signed the brokers' certificate in `tls.ca_file`"
            }
            _ => return None,
        };
        let text = format!("kafka refuses the connection: {}", plain(reason));
        Some(KafkaError::new(KafkaErrorKind::Config, text).with_hint(hint))
    }

    /// The error of an operation, told with what was heard meanwhile: "timed out" alone says
    /// nothing.
    pub(super) fn explain(&self, doing: &str, error: &Native) -> KafkaError {
        let mut explained = KafkaError::of(doing, error);
        if explained.kind == KafkaErrorKind::Retry {
            if let Some(refusal) = self.refusal() {
                return refusal;
            }
            if let Some((_, reason)) = &self.lock().error {
                explained.message = format!("{} ({})", explained.message, plain(reason));
                explained.hint = explained.hint.or_else(|| mismatch(reason).map(str::to_owned));
            }
        }
        explained
    }
}

/// The first line: what follows is about the rest of the cluster.
fn plain(reason: &str) -> &str {
    reason.lines().next().unwrap_or_default().trim()
}

/// What to try where a broker was not reached, or hung up on us. It may be restarting; but a port that expects TLS or
/// a sign-in, and gets neither, does the same, and so does one that gets TLS and expects none.
/// librdkafka says so in its own words and in terms of its own options.
fn mismatch(reason: &str) -> Option<&'static str> {
    if ["Failed to resolve", "Connect to "].iter().any(|words| reason.contains(words)) {
        return Some(
            "check `bootstrap_servers`, and that the addresses which the brokers advertise can be \
             reached from here",
        );
    }
    let hung_up = [
        "security.protocol",
        // Closed or comma: "1 identical error(s) suppressed" may follow.
        "in state UP",
        "in state APIVERSION",
        "in state SSL_",
        // And no reason was heard, as there is for a connection that was not even made.
        "brokers are down",
    ];
    hung_up.iter().any(|words| reason.contains(words)).then_some(
        "if it stays like this, the port speaks otherwise: set `tls.enabled: true` for one with \
         TLS and leave it out for one without, and set `sasl` for one that asks who you are",
    )
}

impl ClientContext for Context {
    const ENABLE_REFRESH_OAUTH_TOKEN: bool = true;

    /// librdkafka repeats itself while a broker is away; our own errors say it once a try.
    fn log(&self, level: Level, fac: &str, message: &str) {
        match level {
            Level::Emerg | Level::Alert | Level::Critical => {
                tracing::warn!(target: "zenstream::kafka::librdkafka", fac, "{message}");
            }
            Level::Error | Level::Warning | Level::Notice => {
                tracing::debug!(target: "zenstream::kafka::librdkafka", fac, "{message}");
            }
            Level::Info | Level::Debug => {
                tracing::trace!(target: "zenstream::kafka::librdkafka", fac, "{message}");
            }
        }
    }

    fn stats_raw(&self, _statistics: &[u8]) {}

    fn error(&self, error: Native, reason: &str) {
        tracing::debug!(target: "zenstream::kafka::librdkafka", %error, "{reason}");
        let Some(code) = error.rdkafka_error_code() else { return };
        let mut heard = self.lock();
        // That all brokers are down follows upon what says why.
        if code != Code::AllBrokersDown || heard.error.is_none() {
            heard.error = Some((code, reason.to_owned()));
        }
    }

    fn generate_oauth_token(&self, _: Option<&str>) -> Result<OAuthToken, Box<dyn Error>> {
        match &self.tokens {
            Some(tokens) => tokens.fetch().map_err(Into::into),
            None => Err("there is no `sasl.oauth2` to get a token with".into()),
        }
    }
}

impl ConsumerContext for Context {}

impl ProducerContext for Context {
    type DeliveryOpaque = Box<Ticket>;

    fn delivery(&self, result: &DeliveryResult<'_>, ticket: Box<Ticket>) {
        if let Err((error, _)) = result {
            let code = error.rdkafka_error_code().unwrap_or(Code::Unknown);
            self.lock().failed.push((*ticket, code));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::mismatch;

    #[test]
    fn however_a_broker_hung_up_the_protocols_are_named() {
        for reason in [
            "10.0.0.1:9093/bootstrap: Disconnected (after 2ms in state UP)",
            "10.0.0.1:9093/bootstrap: Send failed: Broken pipe (after 0ms in state UP, 1 identical \
             error(s) suppressed)",
            "10.0.0.1:9093/bootstrap: Receive failed: Connection reset by peer (after 1ms in state \
             APIVERSION_QUERY)",
            "ssl://10.0.0.1:9092/bootstrap: Disconnected: connecting to a PLAINTEXT broker \
             listener? (after 1ms in state SSL_HANDSHAKE, 2 identical error(s) suppressed)",
            "2/2 brokers are down",
        ] {
            let hint = mismatch(reason).unwrap_or_else(|| panic!("no hint for {reason}"));
            assert!(hint.contains("`tls.enabled: true`") && hint.contains("`sasl`"), "{hint}");
        }
    }

    #[test]
    fn an_address_that_is_not_reached_is_no_matter_of_protocols() {
        for reason in [
            "10.0.0.1:9092/1: Failed to resolve 'kafka:9092': Name or service not known (after \
             3ms in state CONNECT, 4 identical error(s) suppressed)",
            "10.0.0.1:9092/1: Connect to ipv4#10.0.0.1:9092 failed: Connection refused (after 0ms \
             in state CONNECT)",
        ] {
            assert!(mismatch(reason).is_some_and(|hint| hint.contains("`bootstrap_servers`")));
        }
    }
}
