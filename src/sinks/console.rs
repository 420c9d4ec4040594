//! Standard output and standard error.
//!
//! At least once: what a reader has taken cannot be taken back, so there is no
//! state. It must not write anything but events.

use std::fmt;
use std::io::{self, ErrorKind, Write};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use xxhash_rust::xxh3::xxh3_128;

use super::{Batch, Checked, Encoder, Sink, SinkError, SinkErrorKind, Written, fault};

/// Which of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// Standard output: data.
    Stdout,
    /// Standard error.
    Stderr,
}

/// Writes lines to standard output or standard error.
pub struct Console {
    name: &'static str,
    encoder: Encoder,
    out: Arc<Mutex<Out>>,
}

struct Out {
    writer: Box<dyn Write + Send>,
    /// How much of which bytes the reader has already, after a write that failed midway. The same
    /// batch comes again and goes on from there, so that no line is cut in two.
    begun: Option<(u128, usize)>,
}

impl Console {
    /// A sink that writes to `target`.
    pub fn new(target: Target, encoder: Encoder) -> Self {
        match target {
            Target::Stdout => Self::to_writer("standard output", Box::new(io::stdout()), encoder),
            Target::Stderr => Self::to_writer("standard error", Box::new(io::stderr()), encoder),
        }
    }

    /// A sink that writes to `writer`, which `name` stands for in messages.
    pub fn to_writer(name: &'static str, writer: Box<dyn Write + Send>, encoder: Encoder) -> Self {
        Self { name, encoder, out: Arc::new(Mutex::new(Out { writer, begun: None })) }
    }
}

impl fmt::Debug for Console {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Console").field(&self.name).finish()
    }
}

#[async_trait]
impl Sink for Console {
    /// There is nothing to prove: a stream that is closed shows only when it is written to.
    async fn check(&self) -> Result<Checked, SinkError> {
        Ok(Checked::new(format!("nothing was tried: {} shows when it is written to", self.name)))
    }

    async fn write(&self, batch: &Batch) -> Result<Written, SinkError> {
        let (batch, encoder, out) = (batch.clone(), self.encoder.clone(), Arc::clone(&self.out));
        let written = tokio::task::spawn_blocking(move || {
            let mut bytes = Vec::new();
            for event in &batch.events {
                encoder.encode(event, &mut bytes);
            }
            out.lock().unwrap_or_else(PoisonError::into_inner).write(&bytes)
        });
        match written.await {
            Ok(Ok(())) => Ok(Written::default()),
            Ok(Err(error)) => Err(judge(self.name, &error)),
            Err(lost) => Err(fault::of_lost_task(&lost)),
        }
    }
}

impl Out {
    /// Writes all of `bytes`, or what is left of them where they were begun before, and flushes.
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut done = match self.begun.take() {
            Some((digest, done)) if digest == xxh3_128(bytes) => done,
            _ => 0,
        };
        let written = self.write_from(bytes, &mut done);
        if written.is_err() {
            self.begun = Some((xxh3_128(bytes), done));
        }
        written
    }

    fn write_from(&mut self, bytes: &[u8], done: &mut usize) -> io::Result<()> {
        while *done < bytes.len() {
            match self.writer.write(&bytes[*done..]) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(count) => *done += count,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        self.writer.flush()
    }
}

/// A console that fails does so for good, with three exceptions: a reader that left, a full
/// disk behind a redirection, and a reader that is slow on a pipe that does not block.
fn judge(name: &str, error: &io::Error) -> SinkError {
    let mut judged = fault::of_io(&format!("cannot write to {name}"), error);
    judged.kind = match error.kind() {
        ErrorKind::BrokenPipe => SinkErrorKind::Closed,
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::WouldBlock => {
            SinkErrorKind::Retry
        }
        _ => SinkErrorKind::Config,
    };
    judged
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sinks::contract::{Destination, batch_of, lines_of, sink_contract};

    /// A reader that takes `room` bytes and then fails as told.
    #[derive(Debug, Clone, Default)]
    struct Reader(Arc<Mutex<Held>>);

    #[derive(Debug, Default)]
    struct Held {
        bytes: Vec<u8>,
        room: Option<usize>,
        failure: Option<ErrorKind>,
        writes: usize,
        flushes: usize,
    }

    impl Write for Reader {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let mut held = self.0.lock().unwrap();
            held.writes += 1;
            let count = bytes.len().min(held.room.unwrap_or(usize::MAX));
            if count == 0 {
                return Err(held.failure.unwrap().into());
            }
            held.bytes.extend_from_slice(&bytes[..count]);
            held.room = held.room.map(|room| room - count);
            Ok(count)
        }

        fn flush(&mut self) -> io::Result<()> {
            self.0.lock().unwrap().flushes += 1;
            Ok(())
        }
    }

    impl Reader {
        fn console(&self) -> Console {
            Console::to_writer("a test", Box::new(self.clone()), Encoder::default())
        }

        fn failing(room: usize, failure: ErrorKind) -> Self {
            let reader = Self::default();
            reader.set(Some(room), failure);
            reader
        }

        fn set(&self, room: Option<usize>, failure: ErrorKind) {
            let mut held = self.0.lock().unwrap();
            (held.room, held.failure) = (room, Some(failure));
        }
    }

    #[async_trait]
    impl Destination for Reader {
        async fn open(&self) -> Box<dyn Sink> {
            Box::new(self.console())
        }

        async fn read(&self) -> Vec<String> {
            lines_of(&self.0.lock().unwrap().bytes)
        }
    }

    sink_contract!(console, Reader::default(), at_least_once);

    #[tokio::test]
    async fn a_batch_is_one_write_and_one_flush() {
        let reader = Reader::default();
        reader.console().write(&batch_of("tickets", 0..100)).await.unwrap();
        let held = reader.0.lock().unwrap();
        assert_eq!((held.writes, held.flushes), (1, 1));
    }

    #[tokio::test]
    async fn a_reader_that_left_ends_the_run_with_success() {
        let reader = Reader::failing(0, ErrorKind::BrokenPipe);
        let error = reader.console().write(&batch_of("tickets", 0..3)).await.unwrap_err();
        assert_eq!(error.kind, SinkErrorKind::Closed);
    }

    #[tokio::test]
    async fn other_failures_are_for_a_person() {
        let reader = Reader::failing(0, ErrorKind::PermissionDenied);
        let error = reader.console().write(&batch_of("tickets", 0..3)).await.unwrap_err();
        assert_eq!(error.kind, SinkErrorKind::Config);
        assert_eq!(error.message, "cannot write to a test: permission denied");
    }

    #[tokio::test]
    async fn a_write_that_failed_midway_goes_on_where_it_stopped() {
        for failure in [ErrorKind::StorageFull, ErrorKind::WouldBlock] {
            let reader = Reader::failing(30, failure);
            let console = reader.console();
            let batch = batch_of("tickets", 0..3);
            let error = console.write(&batch).await.unwrap_err();
            assert_eq!(error.kind, SinkErrorKind::Retry);
            reader.set(None, failure);
            console.write(&batch).await.unwrap();
            console.write(&batch_of("tickets", 3..4)).await.unwrap();
            let expected = batch_of("tickets", 0..4).events;
            let expected: Vec<_> = expected.iter().map(|event| event.line.clone()).collect();
            assert_eq!(reader.read().await, expected);
        }
    }
}
