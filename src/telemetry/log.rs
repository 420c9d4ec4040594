//! Sets up the log: lines for people or JSON, always on standard error, because standard output
//! is for data.
//!
//! Called once, by the program; a library only emits.

use std::io::{IsTerminal, Write};
use std::sync::OnceLock;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use super::tap::tap;

/// How the log is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// For people: time, level, message, fields.
    #[default]
    Text,
    /// One JSON object a line, for collectors.
    Json,
}

/// Whether text is coloured.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Color {
    /// Where standard error is a terminal and `NO_COLOR` is not set.
    #[default]
    Auto,
    /// Also into a file.
    Always,
    /// Not at all.
    Never,
}

/// What the command line says of the log.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LogSettings {
    /// How often `-v` was given, less how often `-q` was.
    pub verbosity: i8,
    /// How it is written.
    pub format: LogFormat,
    /// Whether it is coloured.
    pub color: Color,
    /// `ZENSTREAM_LOG`: directives such as `info,zenstream::sinks=debug`, in place of `verbosity`.
    pub filter: Option<String>,
}

/// Why the log could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The directives cannot be read.
    #[error("cannot read the log filter `{filter}`: {reason}")]
    Filter {
        /// The directives.
        filter: String,
        /// What is wrong with them.
        reason: String,
    },
    /// There is a log already.
    #[error("the log is set up already")]
    Twice,
}

impl LogError {
    /// What to do about it.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Filter { .. } => Some("for example `info` or `warn,zenstream::sinks=debug`"),
            Self::Twice => None,
        }
    }
}

/// Runs a write to standard error.
pub type Around = fn(write: &mut dyn FnMut());

static AROUND: OnceLock<Around> = OnceLock::new();

/// Has each line of the log written by `around` from now on, which puts aside what else is drawn
/// on the terminal meanwhile. The first to say so is heard.
pub fn write_around(around: Around) {
    AROUND.get_or_init(|| around);
}

/// Standard error, shared with what is drawn there. It takes every line: a full disk or a reader
/// that is gone costs the line, while an error would be told by a panic.
struct Stderr;

impl Write for Stderr {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let mut write = || drop(std::io::stderr().write_all(bytes));
        match AROUND.get() {
            Some(around) => around(&mut write),
            None => write(),
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Sends the program's log to standard error from now on.
pub fn init(settings: &LogSettings) -> Result<(), LogError> {
    let filter = filter(settings)?;
    let builder = fmt().with_env_filter(filter).with_writer(|| Stderr);
    // Whoever listens hears what is shown, and nothing else.
    let started = match settings.format {
        LogFormat::Text => {
            let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
            let colored = colored(settings.color, std::io::stderr().is_terminal(), no_color);
            builder.compact().with_target(false).with_ansi(colored).finish().with(tap()).try_init()
        }
        LogFormat::Json => {
            builder.json().flatten_event(true).with_ansi(false).finish().with(tap()).try_init()
        }
    };
    started.map_err(|_| LogError::Twice)
}

fn filter(settings: &LogSettings) -> Result<EnvFilter, LogError> {
    let given = settings.filter.as_deref().map(str::trim).filter(|filter| !filter.is_empty());
    let directives = given.unwrap_or_else(|| directives(settings.verbosity));
    EnvFilter::builder().parse(directives).map_err(|error| LogError::Filter {
        filter: directives.to_owned(),
        reason: error.to_string(),
    })
}

/// The libraries below are heard less than the program: what they tell of every byte would drown
/// it. Who wants that asks for it in a filter.
fn directives(verbosity: i8) -> &'static str {
    match verbosity {
        ..=-2 => "error",
        -1 => "warn",
        0 => "warn,zenstream=info",
        1 => "warn,zenstream=debug",
        2 => "info,zenstream=trace",
        3.. => "debug,zenstream=trace",
    }
}

fn colored(color: Color, is_terminal: bool, no_color: bool) -> bool {
    match color {
        Color::Auto => is_terminal && !no_color,
        Color::Always => true,
        Color::Never => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_verbosity_is_a_filter_that_can_be_read() {
        for verbosity in [i8::MIN, -2, -1, 0, 1, 2, 3, i8::MAX] {
            let settings = LogSettings { verbosity, ..LogSettings::default() };
            assert!(filter(&settings).is_ok(), "{verbosity}");
        }
    }

    #[test]
    fn no_verbosity_makes_libraries_tell_of_every_byte() {
        for verbosity in [2, 3, i8::MAX] {
            let settings = LogSettings { verbosity, ..LogSettings::default() };
            let filter = filter(&settings).unwrap();
            let buffer =
                tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::sink);
            tracing::subscriber::with_default(buffer.finish(), || {
                assert!(!tracing::enabled!(target: "rdkafka::client", tracing::Level::TRACE));
                assert!(!tracing::enabled!(target: "aws_smithy_runtime", tracing::Level::TRACE));
                assert!(tracing::enabled!(target: "zenstream::sinks", tracing::Level::TRACE));
            });
        }
    }

    #[test]
    fn directives_take_the_place_of_the_verbosity() {
        let with = |text: &str| LogSettings {
            verbosity: 3,
            filter: Some(text.to_owned()),
            ..LogSettings::default()
        };
        assert_eq!(filter(&with("zenstream=warn")).unwrap().to_string(), "zenstream=warn");
        assert_eq!(filter(&with(" ")).unwrap().to_string(), "zenstream=trace,debug");
    }

    #[test]
    fn a_filter_that_cannot_be_read_is_an_error_with_a_hint() {
        let settings =
            LogSettings { filter: Some("zenstream=loud".to_owned()), ..LogSettings::default() };
        let error = filter(&settings).unwrap_err();
        assert!(error.to_string().starts_with("cannot read the log filter `zenstream=loud`: "));
        assert!(error.hint().is_some());
    }

    #[test]
    fn color_is_for_a_terminal_unless_it_is_said_otherwise() {
        let table = [
            (Color::Auto, true, false, true),
            (Color::Auto, true, true, false),
            (Color::Auto, false, false, false),
            (Color::Always, false, true, true),
            (Color::Never, true, false, false),
        ];
        for (color, is_terminal, no_color, expected) in table {
            assert_eq!(colored(color, is_terminal, no_color), expected, "{color:?}");
        }
    }
}
