//! Hands what the log shows to whoever listens.
//!
//! Costs nothing where nobody does. It never waits: a listener that lags loses the oldest lines and is told how many. Of one
//! place in the program only so many lines a minute are handed on, so that whoever sends them somewhere, and logs that this
//! failed, cannot be kept busy by its own words.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Map, Value};
use tokio::sync::broadcast;
use tokio::time::Instant;
use tracing::callsite::Identifier;
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;

use crate::clock::Clock;

/// Lines that may wait for a listener.
const WAITING_MAX: usize = 1024;

/// Of one place in the program at most this many lines within [`WINDOW`] are handed on.
const LINES_PER_WINDOW: u64 = 100;

const WINDOW: Duration = Duration::from_secs(60);

static TAP: LazyLock<Tap> = LazyLock::new(Tap::new);

/// One line of the log.
#[derive(Debug, Clone)]
pub struct LogLine {
    /// When.
    pub time: Timestamp,
    /// Counts the lines of this process, from 1.
    pub number: u64,
    /// How serious it is.
    pub level: Level,
    /// What part of the program says it.
    pub target: String,
    /// The module in which it is said.
    pub module_path: Option<String>,
    /// What is said.
    pub message: String,
    /// What is said beside it.
    pub fields: Map<String, Value>,
}

/// What a listener hears.
#[derive(Debug)]
pub enum Heard {
    /// A line.
    Line(Arc<LogLine>),
    /// So many lines came too fast.
    Missed(u64),
    /// There will be no more.
    End,
}

/// Hears what is logged from when it was made.
#[derive(Debug)]
pub struct Listener(broadcast::Receiver<Arc<LogLine>>);

impl Listener {
    /// Waits for the next line.
    pub async fn hear(&mut self) -> Heard {
        match self.0.recv().await {
            Ok(line) => Heard::Line(line),
            Err(broadcast::error::RecvError::Lagged(missed)) => Heard::Missed(missed),
            Err(broadcast::error::RecvError::Closed) => Heard::End,
        }
    }

    /// What is there already; none: nothing.
    pub fn hear_now(&mut self) -> Option<Heard> {
        match self.0.try_recv() {
            Ok(line) => Some(Heard::Line(line)),
            Err(broadcast::error::TryRecvError::Lagged(missed)) => Some(Heard::Missed(missed)),
            Err(_) => None,
        }
    }
}

/// Hears the program's log from now on; nothing where it was never set up.
pub fn listen() -> Listener {
    TAP.listen()
}

/// The tap of the program's log.
pub(super) fn tap() -> Tap {
    TAP.clone()
}

/// A layer of the log that hands its lines on.
#[derive(Debug, Clone)]
pub struct Tap {
    lines: broadcast::Sender<Arc<LogLine>>,
    said: Arc<Said>,
}

/// What was handed on so far.
#[derive(Debug, Default)]
struct Said {
    lines: AtomicU64,
    /// There are as many places as were written down in the code.
    places: Mutex<HashMap<Identifier, Window>>,
}

/// How much one place said lately.
#[derive(Debug)]
struct Window {
    since: Instant,
    lines: u64,
}

/// What becomes of a line.
#[derive(Debug, PartialEq, Eq)]
enum Fate {
    /// It is handed on; so many of the same place before it were not.
    Passed(u64),
    /// It is the first of its place that is not.
    FirstLeftOut,
    LeftOut,
}

impl Tap {
    /// With nobody who listens.
    pub fn new() -> Self {
        Self { lines: broadcast::Sender::new(WAITING_MAX), said: Arc::default() }
    }

    /// Hears what is logged from now on.
    pub fn listen(&self) -> Listener {
        Listener(self.lines.subscribe())
    }

    fn hand_on(&self, metadata: &Metadata<'_>, mut words: Words) {
        // What came from the `log` crate says in fields where it came from.
        let mut of_log = |name: &str| match words.fields.remove(name) {
            Some(Value::String(text)) => Some(text),
            _ => None,
        };
        let (target, module) = (of_log("log.target"), of_log("log.module_path"));
        words.fields.retain(|name, _| !name.starts_with("log."));
        let line = LogLine {
            time: Clock::system().now(),
            number: self.said.lines.fetch_add(1, Ordering::Relaxed) + 1,
            level: *metadata.level(),
            target: target.unwrap_or_else(|| metadata.target().to_owned()),
            module_path: module.or_else(|| metadata.module_path().map(str::to_owned)),
            message: words.message,
            fields: words.fields,
        };
        // Whoever listened may be gone by now.
        let _gone = self.lines.send(Arc::new(line));
    }
}

impl Default for Tap {
    fn default() -> Self {
        Self::new()
    }
}

impl Said {
    fn judge(&self, place: Identifier) -> Fate {
        let now = Instant::now();
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        let window = places.entry(place).or_insert(Window { since: now, lines: 0 });
        let mut left_out = 0;
        if now.duration_since(window.since) >= WINDOW {
            left_out = window.lines.saturating_sub(LINES_PER_WINDOW);
            *window = Window { since: now, lines: 0 };
        }
        window.lines += 1;
        match window.lines.checked_sub(LINES_PER_WINDOW) {
            None | Some(0) => Fate::Passed(left_out),
            Some(1) => Fate::FirstLeftOut,
            Some(_) => Fate::LeftOut,
        }
    }
}

impl<S: Subscriber> Layer<S> for Tap {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        if self.lines.receiver_count() == 0 {
            return;
        }
        let metadata = event.metadata();
        let fate = self.said.judge(metadata.callsite());
        if fate == Fate::LeftOut {
            return;
        }
        let mut words = Words::default();
        event.record(&mut words);
        match fate {
            Fate::Passed(0) => {}
            Fate::Passed(left_out) => {
                words.fields.insert("left_out_before".to_owned(), left_out.into());
            }
            Fate::FirstLeftOut | Fate::LeftOut => {
                let of = Value::String(std::mem::take(&mut words.message));
                "said too often: more of it is left out for a while".clone_into(&mut words.message);
                words.fields = Map::from_iter([("of".to_owned(), of)]);
            }
        }
        self.hand_on(metadata, words);
    }
}

/// What an event says.
#[derive(Debug, Default)]
struct Words {
    message: String,
    fields: Map<String, Value>,
}

impl Words {
    fn put(&mut self, field: &Field, value: impl Into<Value>) {
        self.fields.insert(field.name().to_owned(), value.into());
    }
}

impl Visit for Words {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field, value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, value);
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "message" => value.clone_into(&mut self.message),
            _ => self.put(field, value),
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.record_str(field, &format!("{value:?}"));
    }
}

#[cfg(test)]
mod tests {
    use tracing_subscriber::layer::SubscriberExt as _;

    use super::*;

    /// What a listener hears of what `speak` logs.
    fn heard(speak: impl FnOnce()) -> Vec<Heard> {
        let tap = Tap::new();
        let mut listener = tap.listen();
        tracing::subscriber::with_default(tracing_subscriber::registry().with(tap), speak);
        std::iter::from_fn(|| listener.hear_now()).collect()
    }

    fn lines(heard: &[Heard]) -> Vec<&LogLine> {
        let mut lines = Vec::new();
        for it in heard {
            if let Heard::Line(line) = it {
                lines.push(&**line);
            }
        }
        lines
    }

    #[test]
    fn a_line_keeps_its_level_its_place_its_words_and_its_fields() {
        let heard = heard(|| {
            let error = std::io::Error::other("gone");
            tracing::warn!(count = 3_u64, is = true, %error, stream = "acme.a", "not {}", "well");
        });
        let [line] = lines(&heard)[..] else { panic!("{heard:?}") };
        assert_eq!((line.level, line.message.as_str(), line.number), (Level::WARN, "not well", 1));
        assert_eq!(line.module_path.as_deref(), Some(module_path!()));
        let fields =
            serde_json::json!({"count": 3, "is": true, "error": "gone", "stream": "acme.a"});
        assert_eq!(Value::Object(line.fields.clone()), fields);
    }

    #[tokio::test(start_paused = true)]
    async fn one_place_is_heard_so_often_and_then_again_with_what_was_left_out() {
        let tap = Tap::new();
        let mut listener = tap.listen();
        let _log = tracing::subscriber::set_default(tracing_subscriber::registry().with(tap));
        let speak = || tracing::error!("again");
        for _ in 0..LINES_PER_WINDOW + 50 {
            speak();
            tracing::error!("another place");
            let _heard = listener.hear_now();
        }
        tokio::time::sleep(WINDOW).await;
        while listener.hear_now().is_some() {}
        speak();
        let Some(Heard::Line(line)) = listener.hear_now() else { panic!("nothing") };
        assert_eq!(
            (line.message.as_str(), line.fields["left_out_before"].as_u64()),
            ("again", Some(50))
        );
    }

    #[test]
    fn what_is_said_too_often_is_said_to_be() {
        let heard = heard(|| (0..LINES_PER_WINDOW * 3).for_each(|_| tracing::error!("again")));
        let lines = lines(&heard);
        assert_eq!(lines.len() as u64, LINES_PER_WINDOW + 1);
        let last = lines.last().expect("a line");
        assert!(last.message.contains("left out"), "{}", last.message);
        assert_eq!(last.fields["of"], "again");
    }

    #[test]
    fn who_lags_is_told_how_much_was_missed() {
        let tap = Tap::new();
        let mut listener = tap.listen();
        let places = WAITING_MAX as u64 / LINES_PER_WINDOW + 2;
        let log = tracing_subscriber::registry().with(tap.clone());
        tracing::subscriber::with_default(log, || {
            for _ in 0..places {
                // As if each were a place of its own.
                tap.said.places.lock().unwrap().clear();
                (0..LINES_PER_WINDOW).for_each(|_| tracing::info!("more"));
            }
        });
        let missed = places * LINES_PER_WINDOW - WAITING_MAX as u64;
        assert!(matches!(listener.hear_now(), Some(Heard::Missed(it)) if it == missed));
        let next = listener.hear_now();
        assert!(matches!(next, Some(Heard::Line(line)) if line.number == missed + 1));
    }

    #[test]
    fn nobody_listening_costs_nothing() {
        let tap = Tap::new();
        let log = tracing_subscriber::registry().with(tap.clone());
        tracing::subscriber::with_default(log, || tracing::error!("unheard"));
        assert_eq!(tap.said.lines.load(Ordering::Relaxed), 0);
    }
}
