//! A pretend account and a pipeline that collects it, in simulated time.
//!
//! One world outlives many runs: the account, what the sinks hold and the checkpoint stay while
//! pipelines come, crash and go. A crash is the end of the runtime that a pipeline runs on.

use std::io::Write;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use url::Url;

use zenstream::buckets::MemoryBucket;
use zenstream::checkpoint::{BucketStore, CheckpointStore, FileStore, Lease, LeaseSettings};
use zenstream::clock::Clock;
use zenstream::pipeline::{
    BatchSettings, DeliverySettings, Pipeline, RunError, RunOptions, SinkPlan, SourcePlan, Tally,
};
use zenstream::random::Random;
use zenstream::simulator::transport::{SeenRequest, SimulatedTransport};
use zenstream::simulator::{Settings, Simulator};
use zenstream::sinks::{
    Compression, Console, Encoder, File, FileSettings, Memory, Object, ObjectSettings, Sink,
};
use zenstream::streams::{CATALOGUE, Emit, History, StreamSettings, StreamSpec};
use zenstream::transform::Step;
use zenstream::zendesk::{Client, ClientSettings, Credentials};

use crate::truth::by_id;

/// How a world is read.
#[derive(Debug, Clone)]
pub(crate) struct Reading {
    pub(crate) lag: Duration,
    pub(crate) overlap: Duration,
    pub(crate) poll_interval: Duration,
    pub(crate) max_record_bytes: usize,
    pub(crate) share: f64,
    pub(crate) batch: BatchSettings,
    pub(crate) compression: Compression,
    /// Only these streams of the catalogue.
    pub(crate) streams: Vec<&'static str>,
    /// Only these of the usual sinks: `memory`, `console`, `file`, `objects`, `rejected`.
    pub(crate) sinks: Vec<&'static str>,
    pub(crate) since: Timestamp,
    pub(crate) max_pages: Option<u64>,
    pub(crate) history: History,
    pub(crate) emit: Emit,
}

/// A sink beside the usual ones.
#[derive(Debug, Clone)]
pub(crate) struct Extra {
    pub(crate) name: &'static str,
    /// The outputs of `acme` that it takes; with `@` before it, any other output.
    pub(crate) takes: Vec<&'static str>,
    pub(crate) acknowledged: bool,
    pub(crate) sink: Arc<dyn Sink>,
    /// None: as the usual sinks.
    pub(crate) delivery: Option<DeliverySettings>,
}

impl Default for Reading {
    fn default() -> Self {
        Self {
            lag: Duration::from_secs(60),
            overlap: Duration::from_secs(900),
            poll_interval: Duration::from_secs(60),
            max_record_bytes: 10 << 20,
            share: 0.8,
            batch: BatchSettings { max_bytes: 1 << 20, max_events: 1_000, max_age: Duration::ZERO },
            compression: Compression::None,
            streams: vec!["audit_logs", "tickets"],
            sinks: vec!["memory", "console", "file", "objects", "rejected"],
            since: Timestamp::UNIX_EPOCH,
            max_pages: None,
            history: History::InSlices,
            emit: Emit::Records,
        }
    }
}

/// How a run goes.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Life {
    /// To the present end of all streams.
    Once,
    /// Follows, and is stopped in good order after this long.
    Stopped(Duration),
    /// Follows, and dies after this long.
    Crash(Duration),
    /// To the present end, unless it dies before, after this long.
    OnceOrCrash(Duration),
}

impl Life {
    /// When it is stopped, and when it dies.
    fn ends(self) -> (Option<Duration>, Option<Duration>) {
        match self {
            Self::Once => (None, None),
            Self::Stopped(after) => (Some(after), None),
            Self::Crash(after) | Self::OnceOrCrash(after) => (None, Some(after)),
        }
    }
}

/// That long, or for ever.
async fn until(end: Option<Duration>) {
    match end {
        Some(after) => tokio::time::sleep(after).await,
        None => std::future::pending().await,
    }
}

/// What the console has printed.
#[derive(Debug, Clone, Default)]
pub(crate) struct Screen(Arc<Mutex<Vec<u8>>>);

impl Screen {
    pub(crate) fn lines(&self) -> Vec<String> {
        let bytes = self.0.lock().expect("nobody panics while printing").clone();
        String::from_utf8(bytes).expect("lines are text").lines().map(str::to_owned).collect()
    }
}

impl Write for Screen {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("nobody panics while printing").extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

pub(crate) struct World {
    pub(crate) simulator: Arc<Mutex<Simulator>>,
    pub(crate) memory: Memory,
    pub(crate) bucket: MemoryBucket,
    pub(crate) screen: Screen,
    pub(crate) reading: Reading,
    pub(crate) directory: tempfile::TempDir,
    pub(crate) now: Timestamp,
    pub(crate) foreign_requests: usize,
    /// Those of the last life.
    pub(crate) requests: Vec<SeenRequest>,
    /// Between the source and the sinks.
    pub(crate) transforms: Vec<Step>,
    /// Sinks beside the usual ones.
    pub(crate) extra: Vec<Extra>,
    /// The checkpoint, where it is not to be a file.
    pub(crate) store: Option<Arc<dyn CheckpointStore>>,
    seed: u64,
    lives: u64,
}

impl World {
    pub(crate) fn new(settings: Settings, reading: Reading) -> Self {
        let (now, seed) = (settings.now, settings.seed);
        Self {
            simulator: Arc::new(Mutex::new(Simulator::new(settings))),
            memory: Memory::new(),
            bucket: MemoryBucket::default(),
            screen: Screen::default(),
            reading,
            directory: tempfile::tempdir().expect("a directory for the test"),
            now,
            foreign_requests: 0,
            requests: Vec::new(),
            transforms: Vec::new(),
            extra: Vec::new(),
            store: None,
            seed,
            lives: 0,
        }
    }

    /// Lets one pipeline live. Time goes on from where the last one ended.
    pub(crate) fn live(&mut self, life: Life) -> Result<Arc<Tally>, RunError> {
        self.lives += 1;
        let runtime = paused();
        let (outcome, now, transport) = runtime.block_on(async {
            let clock = Clock::simulated(self.now);
            let transport = Arc::new(SimulatedTransport::new(Arc::clone(&self.simulator), clock));
            let once = matches!(life, Life::Once | Life::OnceOrCrash(_));
            let pipeline = self.pipeline(&transport, clock, !once, self.store());
            let tally = pipeline.tally();
            let max_pages = self.reading.max_pages;
            let shutdown_timeout = Duration::from_secs(60);
            let options = RunOptions { once, max_pages, shutdown_timeout };
            let (stop, crash) = life.ends();
            let outcome = tokio::select! {
                outcome = pipeline.run(options, until(stop)) => outcome,
                () = until(crash) => Ok(()),
            };
            (outcome.map(|()| tally), clock.now(), transport)
        });
        // Waits for the writes under way, as a machine would that loses a process but not its
        // kernel: what was handed over is written, nobody is told.
        drop(runtime);
        self.now = now;
        self.foreign_requests += transport.foreign_requests().len();
        self.requests = transport.requests();
        outcome
    }

    /// Lets several processes live at once, each after a while. They take turns on a checkpoint in the
    /// bucket; those that have to begin again do.
    pub(crate) fn live_together(&mut self, lives: &[(Duration, Life)]) {
        let runtime = paused();
        let first = self.lives + 1;
        self.lives += u64::try_from(lives.len()).expect("few");
        self.now = runtime.block_on(async {
            let clock = Clock::simulated(self.now);
            let transport = Arc::new(SimulatedTransport::new(Arc::clone(&self.simulator), clock));
            let processes = (first..).zip(lives).map(|(number, (starts, life))| {
                let process = self.take_turns(number, *life, &transport, clock);
                async move {
                    tokio::time::sleep(*starts).await;
                    process.await;
                }
            });
            futures::future::join_all(processes).await;
            clock.now()
        });
    }

    async fn take_turns(
        &self,
        number: u64,
        life: Life,
        transport: &Arc<SimulatedTransport>,
        clock: Clock,
    ) {
        let random = Arc::new(Random::from_seed(self.seed.wrapping_mul(37) + number));
        let once = matches!(life, Life::Once | Life::OnceOrCrash(_));
        // What is queued for a slow bucket takes its time.
        let options =
            RunOptions { once, max_pages: None, shutdown_timeout: Duration::from_secs(600) };
        let (stop, crash) = life.ends();
        let started = clock.now();
        let runs = async {
            let mut stopped = std::pin::pin!(until(stop));
            for _ in 0..10 {
                let bucket: Arc<dyn zenstream::buckets::Bucket> = Arc::new(self.bucket.clone());
                let key = "state.json".to_owned();
                let store = BucketStore::new(Arc::clone(&bucket), key, &random, started);
                let (ttl, name) = (Duration::from_secs(30), "it".to_owned());
                let (settings, random) = (LeaseSettings { ttl, name }, Arc::clone(&random));
                let lease = Lease::of_object(bucket, "state.json", settings, clock, random);
                let pipeline = self.pipeline(transport, clock, !once, Arc::new(store));
                match pipeline.with_lease(Some(lease)).run(options, stopped.as_mut()).await {
                    Err(error) if error.restarts() > 0 => {}
                    outcome => return outcome,
                }
            }
            panic!("superseded again and again");
        };
        tokio::select! {
            outcome = runs => outcome.expect("nobody is cut off"),
            () = until(crash) => {}
        }
    }

    /// Lets time pass with nobody looking.
    pub(crate) fn wait(&mut self, duration: Duration) {
        let duration = SignedDuration::try_from(duration).expect("a short time");
        self.now = self.now.checked_add(duration).expect("a near time");
    }

    fn pipeline(
        &self,
        transport: &Arc<SimulatedTransport>,
        clock: Clock,
        follow: bool,
        store: Arc<dyn CheckpointStore>,
    ) -> Pipeline {
        let reading = &self.reading;
        let random = Arc::new(Random::from_seed(self.seed.wrapping_mul(31) + self.lives));
        let client = client(Arc::clone(transport) as _, clock, reading.share, Arc::clone(&random));
        let specs = CATALOGUE.iter().filter(|spec| reading.streams.contains(&spec.name));
        let streams = specs.map(|spec| (stream_settings(reading, spec, follow), None));
        let source = SourcePlan {
            name: "acme".to_owned(),
            client: Arc::new(client),
            streams: streams.collect(),
        };
        let sinks = self.sinks(clock, &random);
        Pipeline::new(vec![source], sinks, store, clock, random)
            .with_transforms(self.transforms.clone())
    }

    fn store(&self) -> Arc<dyn CheckpointStore> {
        match &self.store {
            Some(store) => Arc::clone(store),
            None => Arc::new(FileStore::open(&self.checkpoint()).expect("a checkpoint")),
        }
    }

    fn sinks(&self, clock: Clock, random: &Arc<Random>) -> Vec<SinkPlan> {
        let outputs: Vec<String> =
            CATALOGUE.iter().map(|spec| format!("acme.{}", spec.name)).collect();
        let plan = |name: &str, inputs: Vec<String>, sink: Arc<dyn Sink>| SinkPlan {
            name: name.to_owned(),
            inputs,
            acknowledged: true,
            healthcheck: true,
            delivery: DeliverySettings::batched(self.reading.batch),
            sink,
        };
        let console =
            Console::to_writer("the screen", Box::new(self.screen.clone()), Encoder::default());
        let usual = vec![
            plan("memory", outputs.clone(), Arc::new(self.memory.clone())),
            plan("console", outputs.clone(), Arc::new(console)),
            plan("file", outputs.clone(), Arc::new(self.file("{{ stream }}.ndjson"))),
            plan("objects", outputs, Arc::new(self.objects(clock, random))),
            plan(
                "rejected",
                vec!["acme.rejected".to_owned()],
                Arc::new(self.file("rejected.ndjson")),
            ),
        ];
        let chosen = |plan: &SinkPlan| self.reading.sinks.contains(&plan.name.as_str());
        let extra = self.extra.iter().map(|extra| {
            let inputs = extra.takes.iter().map(|output| match output.strip_prefix('@') {
                Some(whole) => whole.to_owned(),
                None => format!("acme.{output}"),
            });
            let sink = plan(extra.name, inputs.collect(), Arc::clone(&extra.sink));
            let delivery = extra.delivery.unwrap_or(sink.delivery);
            SinkPlan { acknowledged: extra.acknowledged, delivery, ..sink }
        });
        usual.into_iter().filter(chosen).chain(extra).collect()
    }

    /// Where the checkpoint is.
    pub(crate) fn checkpoint(&self) -> PathBuf {
        self.directory.path().join("checkpoint.json")
    }

    fn file(&self, path: &str) -> File {
        let settings = FileSettings {
            path: format!("out/{path}"),
            base_dir: Some(self.directory.path().to_owned()),
            compression: self.reading.compression,
            idle_timeout: Duration::from_secs(30),
        };
        File::new(settings, Encoder::default()).expect("a file sink")
    }

    /// The lines of a file that the file sink wrote.
    pub(crate) fn file_lines(&self, name: &str) -> Vec<String> {
        let path = self.directory.path().join("out").join(name);
        let bytes = match std::fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Vec::new(),
            Err(error) => panic!("{}: {error}", path.display()),
        };
        self.lines_of(bytes)
    }

    fn lines_of(&self, bytes: Vec<u8>) -> Vec<String> {
        let mut text = String::new();
        if self.reading.compression == Compression::None {
            text = String::from_utf8(bytes).expect("lines are text");
        } else {
            let mut reader = flate2::read::MultiGzDecoder::new(bytes.as_slice());
            std::io::Read::read_to_string(&mut reader, &mut text).expect("whole gzip members");
        }
        text.lines().map(str::to_owned).collect()
    }

    fn objects(&self, clock: Clock, random: &Arc<Random>) -> Object {
        let settings = ObjectSettings {
            prefix: "zendesk/{{ stream }}/%F/".to_owned(),
            time_format: "%s".to_owned(),
            append_uuid: true,
            extension: None,
            compression: self.reading.compression,
            content_type: None,
            content_encoding: None,
        };
        let bucket = Arc::new(self.bucket.clone());
        Object::new(bucket, settings, Encoder::default(), clock, Arc::clone(random))
            .expect("these settings are right")
    }

    /// The lines of a stream in all objects.
    pub(crate) fn object_lines(&self, stream: &str) -> Vec<String> {
        let prefix = format!("zendesk/{stream}/");
        let objects = self.bucket.objects().into_iter();
        let objects = objects.filter(|(key, _)| key.starts_with(&prefix));
        objects.flat_map(|(_, object)| self.lines_of(object.body.to_vec())).collect()
    }

    /// The account's records as they stand now.
    pub(crate) fn truth(&self, stream: &str) -> Vec<String> {
        let simulator = self.simulator.lock().expect("no panic in the simulator");
        let text = |line: bytes::Bytes| String::from_utf8(line.to_vec()).expect("records are text");
        simulator.records(stream, self.now).map(text).collect()
    }

    /// What the memory sink holds of a stream.
    pub(crate) fn memory_lines(&self, stream: &str) -> Vec<String> {
        let events = self.memory.events();
        let of_stream = events.iter().filter(|event| event.origin.stream == stream);
        of_stream.map(|event| String::from_utf8_lossy(&event.line).into_owned()).collect()
    }

    /// What the console printed of a stream.
    pub(crate) fn screen_lines(&self, stream: &str) -> Vec<String> {
        let is_ticket = |line: &String| line.contains("\"generated_timestamp\":");
        let lines = self.screen.lines().into_iter();
        lines.filter(|line| is_ticket(line) == (stream == "tickets")).collect()
    }
}

/// How a stream is read.
pub(crate) fn stream_settings(
    reading: &Reading,
    spec: &'static StreamSpec,
    follow: bool,
) -> StreamSettings {
    StreamSettings {
        spec,
        source: "acme".to_owned(),
        subdomain: "acme".to_owned(),
        since: reading.since,
        until: None,
        follow,
        poll_interval: reading.poll_interval,
        lag: reading.lag,
        overlap: reading.overlap,
        filter: Vec::new(),
        include: Vec::new(),
        exclude_deleted: false,
        report_removed: false,
        reread: Duration::from_hours(30 * 24),
        max_record_bytes: reading.max_record_bytes,
        emit: reading.emit,
        history: reading.history,
    }
}

/// A client of the pretend account.
pub(crate) fn client(
    transport: Arc<dyn zenstream::zendesk::transport::Transport>,
    clock: Clock,
    share: f64,
    random: Arc<Random>,
) -> Client {
    let settings = ClientSettings {
        endpoint: Url::parse("https://acme.zendesk.com").expect("an address"),
        timeout: Duration::from_secs(60),
        retry_attempts: 10,
        share,
        max_body_bytes: 64 << 20,
    };
    let credentials = Credentials::Bearer("the-bearer-token".into());
    Client::new(settings, credentials, transport, clock, random)
}

/// Every record of the account is in `lines` once, byte for byte, and nothing else.
pub(crate) fn assert_exactly(world: &World, stream: &str, lines: &[String], place: &str) {
    let truth = by_id(&world.truth(stream), "the account");
    let held = by_id(lines, place);
    let missing: Vec<_> = truth.keys().filter(|id| !held.contains_key(*id)).take(5).collect();
    assert!(missing.is_empty(), "{place} lacks {stream} {missing:?} of {}", truth.len());
    let strange: Vec<_> = held.keys().filter(|id| !truth.contains_key(*id)).take(5).collect();
    assert!(strange.is_empty(), "{place} has {stream} {strange:?} that the account has not");
    for (id, line) in &held {
        assert_eq!(line, &truth[id], "{place} changed {stream} {id}");
    }
}

/// A runtime whose time goes on when nothing else does.
pub(crate) fn paused() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime")
}
