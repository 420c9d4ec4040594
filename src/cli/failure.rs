//! What the program says when it fails, and with which code it leaves.

use std::fmt;
use std::io::Write as _;

use jiff::Timestamp;
use serde_json::json;

use crate::clock::Clock;
use crate::config::ConfigError;
use crate::pipeline::{BuildError, RunError};
use crate::telemetry::LogFormat;
use crate::zendesk::ApiError;

/// The end of a command that did not do what was asked.
#[derive(Debug)]
pub struct Failure {
    code: u8,
    message: String,
    hint: Option<String>,
}

impl Failure {
    /// Something went wrong while running: code 1.
    pub(super) fn run(message: impl Into<String>) -> Self {
        Self { code: 1, message: message.into(), hint: None }
    }

    /// The command line makes no sense: code 2.
    pub(super) fn usage(message: impl Into<String>) -> Self {
        Self { code: 2, message: message.into(), hint: None }
    }

    /// The config makes no sense: code 78.
    pub(super) fn config(message: impl Into<String>) -> Self {
        Self { code: 78, message: message.into(), hint: None }
    }

    /// Nobody reads our output any more: success, and nothing to say.
    pub(super) fn closed_pipe() -> Self {
        Self { code: 0, message: String::new(), hint: None }
    }

    /// The user stopped it before there was anything to see: as a shell has it, 128 and the number
    /// of SIGINT.
    pub(super) fn interrupted() -> Self {
        Self { code: 130, message: String::new(), hint: None }
    }

    /// The same, as a fault of the command line rather than of a config.
    pub(super) fn into_usage(self) -> Self {
        Self { code: 2, ..self }
    }

    /// Several of them, each with its own hint; none: nothing has failed.
    pub(super) fn together(failures: Vec<Self>) -> Option<Self> {
        failures.into_iter().reduce(|mut all, next| {
            if let Some(hint) = all.hint.take() {
                all.message.push_str("\nhint: ");
                all.message.push_str(&hint);
            }
            all.message.push_str("\nerror: ");
            all.message.push_str(&next.message);
            Self { code: all.code.max(next.code), hint: next.hint, ..all }
        })
    }

    /// With what it is about in front.
    pub(super) fn about(mut self, what: &str) -> Self {
        self.message.insert_str(0, what);
        self
    }

    pub(super) fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// What went wrong, in words.
    pub(super) fn message(&self) -> &str {
        &self.message
    }

    /// The code to leave with.
    pub fn code(&self) -> u8 {
        self.code
    }

    /// Says it on stderr, in the form of the log before it.
    pub fn print(&self, form: LogFormat) {
        if self.message.is_empty() {
            return;
        }
        let text = match form {
            LogFormat::Text => self.to_string(),
            LogFormat::Json => self.as_json(Clock::system().now()),
        };
        // With stderr closed there is nobody to tell.
        let _unheard = writeln!(std::io::stderr(), "{text}");
    }

    fn as_json(&self, now: Timestamp) -> String {
        let mut line = json!({
            "timestamp": now.to_string(),
            "level": "ERROR",
            "message": self.message,
        });
        if let Some(hint) = &self.hint {
            line["hint"] = json!(hint);
        }
        line.to_string()
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error: {}", self.message)?;
        match &self.hint {
            Some(hint) => write!(f, "\nhint: {hint}"),
            None => Ok(()),
        }
    }
}

impl From<ConfigError> for Failure {
    /// All problems at once, each with its own hint.
    fn from(error: ConfigError) -> Self {
        let problems = error.problems.into_iter();
        let failures =
            problems.map(|it| Self { hint: it.hint.clone(), ..Self::config(it.to_string()) });
        Self::together(failures.collect()).unwrap_or_else(|| Self::config(""))
    }
}

impl From<BuildError> for Failure {
    fn from(error: BuildError) -> Self {
        let hint = match &error {
            BuildError::Checkpoint(error) => error.hint.clone(),
            BuildError::Sink(_, error) => error.hint.clone(),
            BuildError::Network(_) | BuildError::Alerts(_) => None,
        };
        let code = if matches!(error, BuildError::Sink(..)) { 78 } else { 1 };
        Self { code, message: error.to_string(), hint }
    }
}

impl From<RunError> for Failure {
    fn from(error: RunError) -> Self {
        let code = if matches!(error, RunError::Listen { .. }) { 78 } else { 1 };
        Self { code, hint: error.hint().map(str::to_owned), ..Self::run(error.to_string()) }
    }
}

impl From<ApiError> for Failure {
    fn from(error: ApiError) -> Self {
        Self { hint: error.hint.clone(), ..Self::run(error.to_string()) }
    }
}

impl From<std::io::Error> for Failure {
    /// An error of our own output.
    fn from(error: std::io::Error) -> Self {
        if error.kind() == std::io::ErrorKind::BrokenPipe {
            return Self::closed_pipe();
        }
        Self::run(format!("cannot write to stdout: {error}"))
    }
}
