//! Contenders that are paused, cut off and killed, on a bucket that loses answers.

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::{Mutex, PoisonError};
use std::task::{Poll, Waker};

use async_trait::async_trait;
use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

use super::*;
use crate::buckets::{
    BucketError, BucketErrorKind, Condition, MemoryBucket, NewObject, ObjectInfo, Put,
};
use crate::checkpoint::contract::checkpoint_at;
use crate::checkpoint::{BucketStore, CheckpointStore};

const TTL: Duration = Duration::from_secs(30);

/// In which another goes on after the last renewal: the time itself, and what looks cost.
const ABOUT_A_TTL: Duration = Duration::from_secs(40);

/// The way from one process to the bucket, which may be cut.
#[derive(Debug, Clone, Default)]
struct Line {
    bucket: MemoryBucket,
    cut: Arc<Mutex<bool>>,
}

impl Line {
    fn check(&self) -> Result<(), BucketError> {
        if *self.cut.lock().unwrap() {
            return Err(BucketError::new(BucketErrorKind::Retry, "the line is cut"));
        }
        Ok(())
    }

    fn cut(&self, cut: bool) {
        *self.cut.lock().unwrap() = cut;
    }
}

#[async_trait]
impl Bucket for Line {
    fn location(&self) -> String {
        self.bucket.location()
    }

    async fn check(&self) -> Result<(), BucketError> {
        self.check()
    }

    async fn head(&self, key: &str) -> Result<Option<ObjectInfo>, BucketError> {
        self.check()?;
        self.bucket.head(key).await
    }

    async fn get(&self, key: &str) -> Result<Option<(ObjectInfo, Bytes)>, BucketError> {
        self.check()?;
        self.bucket.get(key).await
    }

    async fn put(&self, key: &str, new: NewObject, when: Condition) -> Result<Put, BucketError> {
        self.check()?;
        self.bucket.put(key, new, when).await
    }

    async fn list(&self, prefix: &str) -> Result<Vec<String>, BucketError> {
        self.check()?;
        self.bucket.list(prefix).await
    }
}

/// Stops a whole process between two instructions, its timers included, as a signal does.
#[derive(Debug, Clone, Default)]
struct Pause(Arc<Mutex<Paused>>);

#[derive(Debug, Default)]
struct Paused {
    still: bool,
    resumed: Option<Instant>,
    waker: Option<Waker>,
}

impl Pause {
    fn set(&self, still: bool) {
        let mut paused = self.0.lock().unwrap();
        paused.still = still;
        if !still {
            paused.resumed = Some(Instant::now());
            if let Some(waker) = paused.waker.take() {
                waker.wake();
            }
        }
    }

    /// It cannot know yet how late it is.
    fn is_unaware(&self) -> bool {
        let paused = self.0.lock().unwrap();
        paused.still || paused.resumed == Some(Instant::now())
    }

    async fn around<T>(&self, process: impl Future<Output = T>) -> T {
        let mut process = pin!(process);
        poll_fn(|context| {
            let mut paused = self.0.lock().unwrap();
            if paused.still {
                paused.waker = Some(context.waker().clone());
                return Poll::Pending;
            }
            drop(paused);
            process.as_mut().poll(context)
        })
        .await
    }
}

/// What the processes did.
#[derive(Debug, Default)]
struct Seen {
    terms: usize,
    /// Those that hold the lease and work, with what stops them.
    at_work: BTreeMap<usize, Pause>,
    /// Of each revision that a save told its writer: in which term.
    saves: BTreeMap<u64, usize>,
    conflicts: u32,
    wrong: Vec<String>,
}

type Shared = Arc<Mutex<Seen>>;

/// One term of work; it ends when this is dropped, even with its process.
struct AtWork(usize, Shared);

impl AtWork {
    fn begin(seen: &Shared, pause: &Pause) -> Self {
        let mut all = seen.lock().unwrap();
        all.terms += 1;
        let term = all.terms;
        let aware: Vec<usize> =
            all.at_work.iter().filter(|(_, it)| !it.is_unaware()).map(|(it, _)| *it).collect();
        if !aware.is_empty() {
            all.wrong.push(format!("term {term} began beside {aware:?}"));
        }
        all.at_work.insert(term, pause.clone());
        Self(term, Arc::clone(seen))
    }
}

impl Drop for AtWork {
    fn drop(&mut self) {
        self.1.lock().unwrap_or_else(PoisonError::into_inner).at_work.remove(&self.0);
    }
}

/// A process that may be started again and again.
struct Process {
    number: u64,
    line: Line,
    pause: Pause,
    stop: Arc<Notify>,
    seen: Shared,
    task: Option<JoinHandle<()>>,
    lives: u64,
}

impl Process {
    fn new(number: u64, bucket: &MemoryBucket, seen: &Shared) -> Self {
        let line = Line { bucket: bucket.clone(), cut: Arc::default() };
        let (pause, stop, seen) = (Pause::default(), Arc::default(), Arc::clone(seen));
        Self { number, line, pause, stop, seen, task: None, lives: 0 }
    }

    /// Starts it, if it does not run. Its wall clock is its own.
    #[expect(clippy::disallowed_methods, reason = "it ends with the test's runtime")]
    fn start(&mut self, run: u64) {
        if self.task.as_ref().is_some_and(|task| !task.is_finished()) {
            return;
        }
        self.lives += 1;
        let random = Arc::new(Random::from_seed(run * 1_000 + self.number * 100 + self.lives));
        let skew = SignedDuration::from_hours(i64::try_from(self.number).unwrap() * 7 - 10);
        let clock = Clock::simulated(Timestamp::from_second(1_700_000_000).unwrap() + skew);
        let (line, pause, stop) = (self.line.clone(), self.pause.clone(), Arc::clone(&self.stop));
        let log = Arc::clone(&self.seen);
        self.task = Some(tokio::spawn(async move {
            pause.around(live(line, (&pause, &stop), log, clock, random)).await;
        }));
    }

    fn kill(&mut self) {
        if let Some(task) = self.task.take() {
            task.abort();
        }
        self.pause.set(false);
        self.line.cut(false);
    }
}

fn lease(line: &Line, name: &str, clock: Clock, random: &Arc<Random>) -> Lease {
    let (bucket, random) = (Arc::new(line.clone()), Arc::clone(random));
    let settings = LeaseSettings { ttl: TTL, name: name.to_owned() };
    Lease::of_object(bucket, "state.json", settings, clock, random)
}

/// Takes the lease, works for as long as it is kept, gives it back.
async fn live(
    line: Line,
    (pause, stop): (&Pause, &Notify),
    seen: Shared,
    clock: Clock,
    random: Arc<Random>,
) {
    let lease = lease(&line, "process", clock, &random);
    let taken = tokio::select! {
        taken = lease.take(false) => taken,
        () = stop.notified() => return,
    };
    if !taken.is_ok_and(|taken| taken) {
        return;
    }
    let at_work = AtWork::begin(&seen, pause);
    let store = BucketStore::new(Arc::new(line), "state.json".to_owned(), &random, clock.now());
    tokio::select! {
        _lost = lease.keep() => {}
        () = work(&store, at_work.0, &seen, &random) => {}
        () = stop.notified() => {}
    }
    drop(at_work);
    lease.release().await;
}

/// Saves one revision after the other until one is refused.
async fn work(store: &BucketStore, term: usize, seen: &Shared, random: &Random) {
    let mut revision = loop {
        match store.load().await {
            Ok(loaded) => break loaded.map(|(revision, _)| revision),
            Err(_) => sleep(Duration::from_secs(1)).await,
        }
    };
    loop {
        sleep(Duration::from_secs(4).mul_f64(random.fraction())).await;
        let next = checkpoint_at(revision.unwrap_or(0));
        match store.save(revision, &next).await {
            Ok(saved) => {
                revision = Some(saved);
                let mut seen = seen.lock().unwrap();
                if let Some(other) = seen.saves.insert(saved, term) {
                    seen.wrong.push(format!("terms {other} and {term} both saved {saved}"));
                }
            }
            Err(error) if error.kind == StoreErrorKind::Retry => {}
            Err(_) => {
                seen.lock().unwrap().conflicts += 1;
                return;
            }
        }
    }
}

/// Choices of a seed.
struct Choices(Random);

impl Choices {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "small numbers")]
    fn below(&self, bound: u32) -> usize {
        (self.0.fraction() * f64::from(bound)) as usize
    }

    fn time(&self, longest: Duration) -> Duration {
        longest.mul_f64(self.0.fraction())
    }
}

/// One thing that happens.
fn disturb(choices: &Choices, processes: &mut [Process], bucket: &MemoryBucket, is_calm: bool) {
    let count = u32::try_from(processes.len()).unwrap();
    let process = &mut processes[choices.below(count)];
    match choices.below(if is_calm { 4 } else { 10 }) {
        0 => process.kill(),
        1 => process.stop.notify_waiters(),
        2 => bucket.lose_answers(1),
        3 => bucket.slow_down(choices.time(Duration::from_secs(3))),
        4 | 5 => process.pause.set(true),
        6 => process.pause.set(false),
        7 => process.line.cut(true),
        8 => bucket.delay(1),
        _ => {
            process.line.cut(false);
            bucket.arrive_one(choices.below(3));
        }
    }
}

async fn contend(seed: u64) {
    let choices = Choices(Random::from_seed(seed));
    let (bucket, log) = (MemoryBucket::default(), Shared::default());
    // Nobody is paused or cut off, and no write is late.
    let is_calm = seed.is_multiple_of(3);
    let count = if seed.is_multiple_of(2) { 2 } else { 3 };
    let mut processes: Vec<_> = (0..count).map(|it| Process::new(it, &bucket, &log)).collect();
    for _ in 0..60 {
        for process in &mut processes {
            if choices.below(3) > 0 {
                process.start(seed);
            }
        }
        sleep(choices.time(TTL * 2)).await;
        disturb(&choices, &mut processes, &bucket, is_calm);
    }
    // All is well again: soon one works, and stays the only one.
    bucket.slow_down(Duration::ZERO);
    bucket.lose_answers(0);
    bucket.delay(0);
    // What a process that was killed had sent may be in the way of the next one; nothing else may.
    let met = log.lock().unwrap().conflicts;
    assert!(!is_calm || met == 0, "{met} met at the checkpoint");
    bucket.arrive();
    for process in &mut processes {
        process.pause.set(false);
        process.line.cut(false);
    }
    sleep(Duration::from_secs(1)).await;
    for process in &mut processes {
        process.start(seed);
    }
    sleep(ABOUT_A_TTL).await;
    let before = log.lock().unwrap().saves.len();
    sleep(TTL).await;
    assert_in_order(&log.lock().unwrap(), before);
    let last = log.lock().unwrap().saves.keys().last().copied();
    let store = BucketStore::new(
        Arc::new(bucket),
        "state.json".to_owned(),
        &Random::from_seed(seed),
        Timestamp::UNIX_EPOCH,
    );
    for process in &mut processes {
        process.kill();
    }
    let (revision, _) = store.load().await.unwrap().unwrap();
    assert!(Some(revision) >= last, "{revision} is there, and {last:?} was told");
}

fn assert_in_order(seen: &Seen, before: usize) {
    assert!(seen.wrong.is_empty(), "{:?}", seen.wrong);
    assert_eq!(seen.at_work.len(), 1, "one works in the end");
    assert!(seen.saves.len() > before, "and gets on");
    let mut ended = Vec::new();
    let mut last = None;
    for (revision, term) in &seen.saves {
        assert!(!ended.contains(term), "term {term} saved {revision} after another had begun");
        if let Some(last) = last.replace(*term).filter(|last| last != term) {
            ended.push(last);
        }
    }
    assert!(ended.len() > 2, "it changed hands");
}

#[test]
fn never_two_write_and_one_always_goes_on() {
    let given = std::env::var("ZENSTREAM_SEED").ok().and_then(|text| text.parse::<u64>().ok());
    for seed in given.map_or(1..=300, |seed| seed..=seed) {
        let outcome = std::panic::catch_unwind(|| {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_time()
                .start_paused(true)
                .build()
                .unwrap();
            runtime.block_on(contend(seed));
        });
        assert!(outcome.is_ok(), "run again with ZENSTREAM_SEED={seed}");
    }
}

/// A lease of somebody on his own line.
fn one(bucket: &MemoryBucket, seed: u64) -> (Line, Lease) {
    let line = Line { bucket: bucket.clone(), cut: Arc::default() };
    let random = Arc::new(Random::from_seed(seed));
    let clock = Clock::simulated(Timestamp::UNIX_EPOCH);
    let lease = lease(&line, &format!("host-{seed}"), clock, &random);
    (line, lease)
}

#[tokio::test(start_paused = true)]
async fn who_is_killed_is_followed_after_a_ttl_and_who_gives_it_back_at_once() {
    let bucket = MemoryBucket::default();
    let ((_, first), (_, second), (_, third)) = (one(&bucket, 1), one(&bucket, 2), one(&bucket, 3));
    assert!(first.take(false).await.unwrap());
    let start = Instant::now();
    tokio::select! {
        _ = first.keep() => panic!("it is kept"),
        _ = second.take(false) => panic!("it is renewed"),
        () = sleep(TTL * 10) => {}
    }
    let Role::Standby { held_by: Some(holder), .. } = second.role().borrow().clone() else {
        panic!("it stands by")
    };
    assert!(holder.starts_with("host-1/"), "{holder}");
    assert_eq!(*first.role().borrow(), Role::Leader);
    // From here on nobody renews.
    assert!(second.take(false).await.unwrap());
    let passed = Instant::now().duration_since(start + TTL * 10);
    assert!(passed > TTL * 2 / 3 && passed < ABOUT_A_TTL, "{passed:?}");
    let waits = async {
        let taken = third.take(false).await.unwrap();
        (taken, Instant::now())
    };
    let gives_back = async {
        sleep(Duration::from_secs(100)).await;
        assert!(second.release().await.is_none());
        Instant::now()
    };
    let works = async {
        tokio::select! {
            _ = second.keep() => panic!("it is kept"),
            given = gives_back => given,
        }
    };
    let ((taken, at), given) = tokio::join!(waits, works);
    assert!(taken && at.duration_since(given) < Duration::from_secs(4));
}

#[tokio::test(start_paused = true)]
async fn who_is_cut_off_stops_before_another_begins() {
    let bucket = MemoryBucket::default();
    let ((line, first), (_, second)) = (one(&bucket, 1), one(&bucket, 2));
    assert!(first.take(false).await.unwrap());
    let stops = async {
        let lost = first.keep().await;
        (lost, Instant::now())
    };
    let begins = async {
        sleep(TTL).await;
        line.cut(true);
        assert!(second.take(false).await.unwrap());
        Instant::now()
    };
    let ((lost, stopped), began) = tokio::join!(stops, begins);
    assert!(stopped < began, "{:?}", began.duration_since(stopped));
    assert_eq!(lost.kind, StoreErrorKind::Fenced);
    insta::assert_snapshot!(lost, @"the lease memory://bucket/state.json.lease was not renewed for 25 s: cannot write the lease memory://bucket/state.json.lease: the line is cut");
}

#[tokio::test(start_paused = true)]
async fn who_wakes_up_learns_that_another_has_it() {
    let bucket = MemoryBucket::default();
    let ((_, first), (_, second)) = (one(&bucket, 1), one(&bucket, 2));
    assert!(first.take(false).await.unwrap());
    assert!(second.take(false).await.unwrap());
    let late = first.release().await.expect("another has it");
    assert_eq!(late.kind, StoreErrorKind::Fenced);
    let (_, third) = one(&bucket, 3);
    let waits = tokio::time::timeout(TTL * 2, third.take(true));
    let (taken, ()) = tokio::join!(waits, async {
        tokio::select! {
            _ = second.keep() => panic!("what a former holder gives back is not his"),
            () = sleep(TTL) => {}
        }
    });
    assert!(!taken.unwrap().unwrap(), "one that runs once leaves it to who is at work");
}

#[tokio::test(start_paused = true)]
async fn one_that_runs_once_takes_over_from_a_dead_one() {
    let bucket = MemoryBucket::default();
    let ((_, first), (_, second)) = (one(&bucket, 1), one(&bucket, 2));
    assert!(first.take(true).await.unwrap());
    let start = Instant::now();
    assert!(second.take(true).await.unwrap());
    assert!(start.elapsed() < ABOUT_A_TTL);
}

#[tokio::test(start_paused = true)]
async fn an_object_that_is_removed_is_put_again_and_a_strange_one_is_refused() {
    let bucket = MemoryBucket::default();
    let ((_, first), (_, second)) = (one(&bucket, 1), one(&bucket, 2));
    assert!(first.take(false).await.unwrap());
    bucket.remove("state.json.lease");
    let renewed = tokio::time::timeout(TTL, first.keep()).await;
    assert!(renewed.is_err(), "{renewed:?}");
    let waits = tokio::time::timeout(TTL / 3, second.take(false)).await;
    assert!(waits.is_err(), "{waits:?}");
    bucket.overwrite("state.json.lease", NewObject::default());
    let error = second.take(false).await.unwrap_err();
    assert_eq!(error.kind, StoreErrorKind::Refused);
    insta::assert_snapshot!(error, @"what is at memory://bucket/state.json.lease is no lease of this version");
}

#[tokio::test(start_paused = true)]
async fn a_bucket_that_is_away_from_the_start_is_told_and_one_that_went_is_waited_for() {
    let bucket = MemoryBucket::default();
    let ((line, first), (_, second)) = (one(&bucket, 1), one(&bucket, 2));
    line.cut(true);
    assert_eq!(first.take(false).await.unwrap_err().kind, StoreErrorKind::Retry);
    line.cut(false);
    assert!(second.take(false).await.unwrap());
    let cuts = async {
        sleep(Duration::from_secs(5)).await;
        line.cut(true);
        sleep(TTL * 20).await;
        line.cut(false);
    };
    let (taken, ()) = tokio::join!(first.take(false), cuts);
    assert!(taken.unwrap());
}

#[tokio::test]
async fn a_file_is_waited_for() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("state.json");
    let random = Arc::new(Random::from_seed(1));
    let first = FileStore::open(&path).unwrap();
    let second = FileStore::waiting(&path).unwrap();
    let lease = Lease::of_file(second.clone(), Clock::system(), random);
    assert!(!lease.take(true).await.unwrap(), "one that runs once does not wait");
    assert_eq!(second.load().await.unwrap_err().kind, StoreErrorKind::Conflict);
    let holder = format!("process {}", std::process::id());
    let leaves = async {
        let mut role = lease.role();
        let is_told =
            |role: &Role| matches!(role, Role::Standby { held_by: Some(by), .. } if *by == holder);
        role.wait_for(is_told).await.unwrap();
        drop(first);
    };
    let (taken, ()) = tokio::join!(lease.take(false), leaves);
    assert!(taken.unwrap());
    assert_eq!(FileStore::open(&path).unwrap_err().kind, StoreErrorKind::Conflict);
}
