//! The file sink against a real directory: the contract, failures, and random
//! sequences of writes and crashes.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::path::Path;

use proptest::prelude::*;
use tempfile::TempDir;

use super::*;
use crate::sinks::SinkErrorKind;
use crate::sinks::contract::{Destination, Run, batch_of, event_of, lines_of, seen, sink_contract};

/// A directory that file sinks come and go over.
struct Place {
    dir: TempDir,
    path: &'static str,
    compression: Compression,
}

impl Place {
    fn new(path: &'static str, compression: Compression) -> Self {
        Self { dir: TempDir::new().unwrap(), path, compression }
    }

    fn plain() -> Self {
        Self::new("{{ stream }}.ndjson", Compression::None)
    }

    fn settings(&self) -> FileSettings {
        FileSettings {
            path: self.path.to_owned(),
            base_dir: Some(self.dir.path().to_owned()),
            compression: self.compression,
            idle_timeout: Duration::from_secs(30),
        }
    }

    fn sink(&self) -> File {
        File::new(self.settings(), Encoder::default()).unwrap()
    }

    /// The content of each file, unpacked, by its path below the directory.
    fn files(&self) -> BTreeMap<String, Vec<String>> {
        let mut files = BTreeMap::new();
        let mut dirs = vec![self.dir.path().to_owned()];
        while let Some(dir) = dirs.pop() {
            for entry in fs::read_dir(dir).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    dirs.push(path);
                } else {
                    let name = path.strip_prefix(self.dir.path()).unwrap().to_str().unwrap();
                    files.insert(name.to_owned(), lines_of(&self.unpacked(&path)));
                }
            }
        }
        files
    }

    fn unpacked(&self, path: &Path) -> Vec<u8> {
        let mut bytes = fs::read(path).unwrap();
        // A file cut back to its very beginning is empty, which neither format ever is.
        if self.compression == Compression::GZIP && !bytes.is_empty() {
            let mut plain = Vec::new();
            flate2::read::MultiGzDecoder::new(&bytes[..]).read_to_end(&mut plain).unwrap();
            bytes = plain;
        }
        if self.compression == Compression::ZSTD && !bytes.is_empty() {
            bytes = ::zstd::decode_all(&bytes[..]).unwrap();
        }
        bytes
    }
}

#[async_trait]
impl Destination for Place {
    async fn open(&self) -> Box<dyn Sink> {
        Box::new(self.sink())
    }

    async fn read(&self) -> Vec<String> {
        self.files().into_values().flatten().collect()
    }
}

sink_contract!(plain_by_stream, Place::plain(), exactly_once);
sink_contract!(one_file, Place::new("all/events.ndjson", Compression::None), exactly_once);
sink_contract!(gzip, Place::new("{{ stream }}/%F.gz", Compression::GZIP), exactly_once);
sink_contract!(zstd, Place::new("{{ stream }}/%F.zst", Compression::ZSTD), exactly_once);

fn half_then_full(file: &mut fs::File, bytes: &[u8]) -> io::Result<()> {
    file.write_all(&bytes[..bytes.len() / 2])?;
    Err(ErrorKind::StorageFull.into())
}

fn whole(file: &mut fs::File, bytes: &[u8]) -> io::Result<()> {
    file.write_all(bytes)
}

impl File {
    fn append_with(&self, append: fn(&mut fs::File, &[u8]) -> io::Result<()>) {
        self.disk.lock().unwrap().append_with(append);
    }
}

async fn deliver(sink: &File, batch: &Batch) -> Result<(), SinkError> {
    sink.prepare(batch).await?;
    sink.write(batch).await.map(drop)
}

#[tokio::test]
async fn a_full_disk_leaves_nothing_of_the_batch_and_is_tried_again() {
    for compression in [Compression::None, Compression::GZIP, Compression::ZSTD] {
        let place = Place::new("{{ stream }}", compression);
        let sink = place.sink();
        deliver(&sink, &batch_of("tickets", 0..3)).await.unwrap();

        sink.append_with(half_then_full);
        let batch = batch_of("tickets", 3..6);
        let error = deliver(&sink, &batch).await.unwrap_err();
        assert_eq!(error.kind, SinkErrorKind::Retry);
        assert!(error.hint.unwrap().contains("make room"));
        assert_eq!(seen(&place).await["tickets"], [0, 1, 2]);

        sink.append_with(whole);
        deliver(&sink, &batch).await.unwrap();
        assert_eq!(seen(&place).await["tickets"], [0, 1, 2, 3, 4, 5]);
    }
}

#[tokio::test]
async fn a_batch_that_one_of_its_files_refuses_is_in_none_of_them() {
    let place = Place::plain();
    let sink = place.sink();
    let mut batch = batch_of("tickets", 0..3);
    batch.events.extend(batch_of("users", 0..3).events);
    sink.prepare(&batch).await.unwrap();
    fs::create_dir(place.dir.path().join("users.ndjson")).unwrap();
    let error = sink.write(&batch).await.unwrap_err();
    assert_eq!(error.kind, SinkErrorKind::Config);
    assert_eq!(place.read().await, Vec::<String>::new());
}

#[tokio::test]
async fn a_failed_write_that_could_not_be_undone_is_undone_by_the_next_start() {
    let place = Place::plain();
    let sink = place.sink();
    let batch = batch_of("tickets", 0..3);
    let state = sink.prepare(&batch).await.unwrap();
    fs::write(place.dir.path().join("tickets.ndjson"), "{\"half").unwrap();
    drop(sink);
    let sink = place.sink();
    sink.restore(state.as_ref()).await.unwrap();
    deliver(&sink, &batch).await.unwrap();
    assert_eq!(seen(&place).await["tickets"], [0, 1, 2]);
}

#[tokio::test]
async fn what_stood_in_a_file_before_us_stays() {
    let place = Place::plain();
    let old = r#"{"stream":"tickets","id":99}"#.to_owned() + "\n";
    fs::write(place.dir.path().join("tickets.ndjson"), old).unwrap();
    let mut run = Run::start(&place, None).await;
    run.write(&batch_of("tickets", 0..2)).await;
    run.crash(&place).await;
    assert_eq!(seen(&place).await["tickets"], [99]);
}

#[tokio::test]
async fn a_second_writer_is_refused_until_the_first_has_gone() {
    let place = Place::plain();
    let (first, second) = (place.sink(), place.sink());
    deliver(&first, &batch_of("tickets", 0..2)).await.unwrap();
    let error = deliver(&second, &batch_of("tickets", 2..4)).await.unwrap_err();
    assert_eq!(error.kind, SinkErrorKind::Config);
    assert!(error.message.starts_with("another process writes to "), "{error}");
    let zero = serde_json::json!({ "files": { place.dir.path().join("tickets.ndjson").to_str().unwrap(): 0 } });
    assert_eq!(second.restore(Some(&zero)).await.unwrap_err().kind, SinkErrorKind::Config);
    second.check().await.unwrap();
    drop(first);
    deliver(&second, &batch_of("tickets", 2..4)).await.unwrap();
    assert_eq!(seen(&place).await["tickets"], [0, 1, 2, 3]);
}

#[tokio::test]
async fn a_file_moved_away_is_begun_anew_at_its_place() {
    let place = Place::plain();
    let (now, then) = (place.dir.path().join("tickets.ndjson"), place.dir.path().join("tickets.1"));
    let mut run = Run::start(&place, None).await;
    run.write(&batch_of("tickets", 0..2)).await;
    run.save();
    fs::rename(&now, &then).unwrap();
    run.write(&batch_of("tickets", 2..3)).await;
    assert_eq!(lines_of(&fs::read(&now).unwrap()).len(), 1);
    run.crash(&place).await;
    assert_eq!(seen(&place).await["tickets"], [0, 1], "the new file's length was saved first");
}

#[tokio::test]
async fn a_file_moved_between_prepare_and_write_is_prepared_again() {
    let place = Place::plain();
    let sink = place.sink();
    deliver(&sink, &batch_of("tickets", 0..2)).await.unwrap();
    let batch = batch_of("tickets", 2..4);
    sink.prepare(&batch).await.unwrap();
    fs::remove_file(place.dir.path().join("tickets.ndjson")).unwrap();
    assert_eq!(sink.write(&batch).await.unwrap_err().kind, SinkErrorKind::Retry);
    assert!(sink.prepare(&batch).await.unwrap().is_some());
    sink.write(&batch).await.unwrap();
    assert_eq!(seen(&place).await["tickets"], [2, 3]);
}

#[tokio::test]
async fn a_known_file_needs_no_save_before_a_write() {
    let place = Place::plain();
    let mut run = Run::start(&place, None).await;
    run.write(&batch_of("tickets", 0..2)).await;
    assert_eq!(run.sink.prepare(&batch_of("tickets", 2..3)).await.unwrap(), None);
    run.save();
    let run = run.crash(&place).await;
    assert_eq!(run.sink.prepare(&batch_of("tickets", 2..3)).await.unwrap(), None);
    assert!(run.sink.prepare(&batch_of("users", 2..3)).await.unwrap().is_some());
}

#[tokio::test]
async fn more_files_than_may_be_open_are_all_written() {
    let place = Place::plain();
    let sink = place.sink();
    for round in 0..2 {
        let events = (0..150).map(|file| event_of(&format!("s{file}"), round));
        deliver(&sink, &Batch { events: events.collect(), ..Batch::default() }).await.unwrap();
    }
    let seen = seen(&place).await;
    assert_eq!(seen.len(), 150);
    assert!(seen.values().all(|numbers| numbers == &[0, 1]));
}

#[tokio::test(start_paused = true)]
async fn an_idle_file_is_let_go() {
    let place = Place::plain();
    let (first, second) = (place.sink(), place.sink());
    deliver(&first, &batch_of("tickets", 0..2)).await.unwrap();
    tokio::time::advance(Duration::from_secs(31)).await;
    deliver(&first, &batch_of("users", 0..2)).await.unwrap();
    deliver(&second, &batch_of("tickets", 2..4)).await.unwrap();
}

#[tokio::test]
async fn check_finds_what_cannot_be_written_to_and_leaves_nothing() {
    let place = Place::new("deep/er/{{ stream }}", Compression::None);
    let checked = place.sink().check().await.unwrap();
    assert_eq!(checked.tried, "files can be made there");
    assert_eq!(fs::read_dir(place.dir.path()).unwrap().count(), 0);

    fs::write(place.dir.path().join("deep"), "a file, not a directory").unwrap();
    assert_eq!(place.sink().check().await.unwrap_err().kind, SinkErrorKind::Config);

    let a_directory = Place::new("taken", Compression::None);
    fs::create_dir(a_directory.dir.path().join("taken")).unwrap();
    assert_eq!(a_directory.sink().check().await.unwrap_err().kind, SinkErrorKind::Config);
}

#[cfg(unix)]
#[tokio::test]
async fn what_is_no_regular_file_is_refused_without_waiting_for_it() {
    let settings = FileSettings {
        path: "/dev/null".into(),
        base_dir: None,
        compression: Compression::None,
        idle_timeout: Duration::from_secs(30),
    };
    let sink = File::new(settings, Encoder::default()).unwrap();
    let error = deliver(&sink, &batch_of("tickets", 0..1)).await.unwrap_err();
    assert_eq!(error.kind, SinkErrorKind::Config);
    assert_eq!(error.message, "cannot write to /dev/null: it is not a regular file");
}

#[test]
fn a_path_cannot_leave_its_directory() {
    let place = Place::plain();
    let refused = |path: &str| {
        let settings = FileSettings { path: path.into(), ..place.settings() };
        File::new(settings, Encoder::default()).unwrap_err().message
    };
    assert!(refused("../{{ stream }}").contains("leaves base_dir"));
    assert!(refused("/etc/{{ stream }}").contains("is not below base_dir"));
    assert!(refused("{{ stream }}/../x").contains("leave its place"));
    let inside = place.dir.path().join("{{ stream }}").to_str().unwrap().to_owned();
    let settings = FileSettings { path: inside, ..place.settings() };
    assert!(File::new(settings, Encoder::default()).is_ok());

    let settings = FileSettings { path: "{{ stream }}".into(), base_dir: None, ..place.settings() };
    let error = File::new(settings, Encoder::default()).unwrap_err();
    assert_eq!(error.kind, SinkErrorKind::Config);
    assert_eq!(error.hint.unwrap(), "begin `path` with a directory, or give `base_dir`");
}

#[tokio::test]
async fn a_hostile_stream_name_stays_one_file_in_the_directory() {
    let place = Place::plain();
    deliver(&place.sink(), &batch_of("../../x", 0..1)).await.unwrap();
    assert_eq!(place.files().into_keys().collect::<Vec<_>>(), ["..%2F..%2Fx.ndjson"]);
}

/// What happens to a sink, in the order of its life.
#[derive(Debug, Clone)]
enum Step {
    /// A batch with so many events of each stream.
    Write([u8; 3]),
    /// The same, but the disk is full halfway, and the batch comes again.
    WriteOnFullDisk([u8; 3]),
    Save,
    Crash,
    /// A crash in a write, when so many of its bytes are on disk.
    CrashInWrite([u8; 3], usize),
    /// A save, and then somebody moves the file of a stream away.
    SaveAndRotate(u8),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let sizes = || prop::array::uniform3(0..4_u8).prop_filter("never empty", |it| *it != [0; 3]);
    let step = prop_oneof![
        4 => sizes().prop_map(Step::Write),
        1 => sizes().prop_map(Step::WriteOnFullDisk),
        2 => Just(Step::Save),
        2 => Just(Step::Crash),
        2 => (sizes(), 0..400_usize).prop_map(|(sizes, bytes)| Step::CrashInWrite(sizes, bytes)),
        1 => (0..3_u8).prop_map(Step::SaveAndRotate),
    ];
    prop::collection::vec(step, 1..24)
}

/// A pipeline of three streams, whose checkpoint is `saved`.
struct Life {
    place: Place,
    sink: File,
    /// The next number of each stream.
    next: [u64; 3],
    state: Option<SinkState>,
    saved: (Option<SinkState>, [u64; 3]),
    rotations: usize,
}

impl Life {
    fn new(place: Place) -> Self {
        let sink = place.sink();
        Self { place, sink, next: [0; 3], state: None, saved: (None, [0; 3]), rotations: 0 }
    }

    /// Events a few to a day, so that a dated path changes every so often.
    fn batch(&self, sizes: [u8; 3]) -> Batch {
        let mut events = Vec::new();
        for (stream, (next, size)) in self.next.iter().zip(sizes).enumerate() {
            for number in *next..*next + u64::from(size) {
                let mut event = event_of(&format!("s{stream}"), number);
                let second = i64::try_from(number / 7 * 86_400).unwrap();
                event.time = Some(jiff::Timestamp::from_second(second).unwrap());
                events.push(event);
            }
        }
        Batch { events, ..Batch::default() }
    }

    async fn prepare(&mut self, batch: &Batch) {
        if let Some(state) = self.sink.prepare(batch).await.unwrap() {
            self.saved = (Some(state.clone()), self.next);
            self.state = Some(state);
        }
    }

    async fn write(&mut self, sizes: [u8; 3]) {
        let batch = self.batch(sizes);
        self.prepare(&batch).await;
        self.state = self.sink.write(&batch).await.unwrap().state;
        for (next, size) in self.next.iter_mut().zip(sizes) {
            *next += u64::from(size);
        }
    }

    async fn crash(&mut self) {
        self.sink = self.place.sink();
        (self.state, self.next) = self.saved.clone();
        self.sink.restore(self.state.as_ref()).await.unwrap();
        self.assert_each_once();
    }

    /// Leaves what a write leaves that is killed when `bytes` bytes are on disk.
    async fn crash_in_write(&mut self, sizes: [u8; 3], mut bytes: usize) {
        let batch = self.batch(sizes);
        self.prepare(&batch).await;
        for body in self.sink.plan.bodies(&batch).unwrap() {
            let path = Path::new(&body.path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            let mut file = fs::OpenOptions::new().append(true).create(true).open(path).unwrap();
            let part = bytes.min(body.bytes.len());
            file.write_all(&body.bytes[..part]).unwrap();
            bytes -= part;
        }
        self.crash().await;
    }

    fn rotate(&mut self, stream: u8) {
        self.saved = (self.state.clone(), self.next);
        self.rotations += 1;
        let paths = self.sink.plan.paths(&self.batch([1; 3]));
        let path = Path::new(&paths[usize::from(stream) % paths.len()]);
        if path.try_exists().unwrap() {
            fs::rename(path, path.with_extension(format!("old{}", self.rotations))).unwrap();
        }
    }

    async fn step(&mut self, step: &Step) {
        match *step {
            Step::Write(sizes) => self.write(sizes).await,
            Step::WriteOnFullDisk(sizes) => {
                self.sink.append_with(half_then_full);
                let batch = self.batch(sizes);
                self.prepare(&batch).await;
                self.sink.write(&batch).await.unwrap_err();
                self.sink.append_with(whole);
                self.write(sizes).await;
            }
            Step::Save => self.saved = (self.state.clone(), self.next),
            Step::Crash => self.crash().await,
            Step::CrashInWrite(sizes, bytes) => self.crash_in_write(sizes, bytes).await,
            Step::SaveAndRotate(stream) => self.rotate(stream),
        }
    }

    /// Every event that counts is there once, and in order within its file.
    fn assert_each_once(&self) {
        let mut seen: [Vec<u64>; 3] = Default::default();
        for (path, lines) in self.place.files() {
            let mut here: [Vec<u64>; 3] = Default::default();
            for line in lines {
                let value: serde_json::Value = serde_json::from_str(&line).unwrap();
                let stream: usize = value["stream"].as_str().unwrap()[1..].parse().unwrap();
                here[stream].push(value["id"].as_u64().unwrap());
            }
            for (all, here) in seen.iter_mut().zip(here) {
                assert!(here.is_sorted(), "{path}: {here:?}");
                all.extend(here);
            }
        }
        for (numbers, next) in seen.iter_mut().zip(self.next) {
            numbers.sort_unstable();
            assert_eq!(*numbers, (0..next).collect::<Vec<_>>());
        }
    }
}

fn live(path: &'static str, compression: Compression, steps: &[Step]) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(async {
        let mut life = Life::new(Place::new(path, compression));
        for step in steps {
            life.step(step).await;
        }
        life.assert_each_once();
        life.crash().await;
    });
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(256) })]

    #[test]
    fn each_event_is_there_once_whatever_happens(steps in steps()) {
        live("{{ stream }}/%F.ndjson", Compression::None, &steps);
    }

    #[test]
    fn each_event_is_there_once_whatever_happens_compressed(steps in steps()) {
        live("{{ stream }}/%F.gz", Compression::GZIP, &steps);
    }

    #[test]
    fn each_event_is_there_once_whatever_happens_compressed_with_zstd(steps in steps()) {
        live("{{ stream }}/%F.zst", Compression::ZSTD, &steps);
    }

    #[test]
    fn each_event_is_there_once_whatever_happens_to_one_file(steps in steps()) {
        live("all.ndjson", Compression::None, &steps);
    }
}
