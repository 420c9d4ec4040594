//! The rate budget: what may still be sent, per bucket.
//!
//! Zendesk counts an account's requests, those to some services apart, and those to some
//! endpoints again on their own (<https://developer.zendesk.com/api-reference/introduction/rate-limits/>).
//! All of it is learnt from the headers of every answer. Only our share is used, evenly: the rest
//! is left to the customer's other tools. Until an answer has told what is left, at the start and
//! in each new window, one request goes alone. A request that finds one of its buckets used up
//! waits here; others pass.

mod bucket;
mod seen;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::HeaderMap;
use jiff::Timestamp;
use tokio::sync::Notify;
use tokio::time::Instant;

pub use bucket::BucketState;

use bucket::Bucket;
use seen::Seen;

/// The bucket of all requests to what is not counted apart.
const ACCOUNT: &str = "account";

/// Services that count their requests apart from the account's, by the start of their paths, and how many a minute they
/// take, where their answers do not tell. The Help Center has a budget of the account's size.
const SERVICES: [(&str, Service); 4] = [
    ("/api/v2/help_center/", Service { name: "help_center", documented: None }),
    ("/api/v2/community/", Service { name: "help_center", documented: None }),
    ("/api/v2/chat/", Service { name: "chat", documented: Some(200) }),
    ("/api/v2/access_logs", Service { name: "access_logs", documented: Some(50) }),
];

/// What counts requests apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Service {
    name: &'static str,
    /// Requests a minute.
    documented: Option<u32>,
}

/// How long to wait at the most before looking again, lest a wrong header stop a stream for long.
const LONGEST_SLEEP: Duration = Duration::from_secs(120);

/// How long to wait at the least.
const SHORTEST_SLEEP: Duration = Duration::from_millis(5);

/// The weight of the last answer in what answers take on average.
const LATENCY_WEIGHT: f64 = 0.1;

/// What a request draws on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Draw {
    service: &'static str,
    /// How many requests a minute the service takes, if that is known beforehand.
    documented: Option<u32>,
    /// Requests with the same one draw on the same endpoint buckets.
    endpoint: String,
    /// How many requests a minute those take, if that is known beforehand.
    endpoint_limit: Option<u32>,
    /// Whether it gives way to those that are not.
    patient: bool,
}

impl Draw {
    /// What a request to `path` draws on; `bucket`: what its endpoint shares with others, if that
    /// is known beforehand.
    pub(super) fn new(path: &str, bucket: Option<&str>, patient: bool) -> Self {
        let service = SERVICES.iter().find(|(start, _)| path.starts_with(start));
        let unknown = Service { name: ACCOUNT, documented: None };
        let Service { name, documented } = service.map_or(unknown, |(_, service)| *service);
        let endpoint = bucket.map_or_else(|| without_ids(path), str::to_owned);
        Self { service: name, documented, endpoint, endpoint_limit: None, patient }
    }

    /// With what the endpoint takes a minute, if that is known beforehand.
    pub(super) fn with_limit(self, endpoint_limit: Option<u32>) -> Self {
        Self { endpoint_limit, ..self }
    }
}

/// Whether an answer's headers say that there is something left of what counts all requests.
pub(super) fn has_left(headers: &HeaderMap) -> bool {
    Seen::of_account(headers, Timestamp::UNIX_EPOCH).is_some_and(|seen| seen.remaining > 0)
}

/// One endpoint has many paths where they name a record.
fn without_ids(path: &str) -> String {
    let is_id = |step: &str| step != "v2" && step.bytes().any(|byte| byte.is_ascii_digit());
    let steps = path.split('/').map(|step| if is_id(step) { "*" } else { step });
    steps.collect::<Vec<_>>().join("/")
}

/// The budget of one account, shared by all its streams.
#[derive(Debug)]
pub(super) struct RateBudget {
    share: f64,
    books: Mutex<Books>,
    /// Something may be possible that was not.
    changed: Notify,
}

#[derive(Debug, Default)]
struct Books {
    buckets: HashMap<String, Bucket>,
    /// The buckets that an endpoint's answers named, and what is known before they did.
    endpoints: HashMap<String, Endpoint>,
    /// Who waits for nothing but a service's bucket, in the order of coming.
    waiting: BTreeMap<u64, (&'static str, bool)>,
    /// The bucket that each of those who wait was held by when last it asked, and until when.
    held: BTreeMap<u64, (String, Instant)>,
    /// Counts requests, and who waits.
    last_number: u64,
    /// What an answer takes on average, in seconds.
    latency: Option<f64>,
}

#[derive(Debug, Default)]
struct Endpoint {
    own: Bucket,
    named: Vec<String>,
}

/// One request's place in the budget; dropping it gives the place back.
#[derive(Debug)]
pub(super) struct Permit<'a> {
    budget: &'a RateBudget,
    draw: &'a Draw,
    /// The endpoint's buckets when it was sent.
    named: Vec<String>,
    number: u64,
    since: Instant,
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        let mut books = self.budget.lock();
        if let Some(endpoint) = books.endpoints.get_mut(&self.draw.endpoint) {
            endpoint.own.give_back(self.number);
        }
        for name in self.named.iter().map(String::as_str).chain([self.draw.service]) {
            if let Some(bucket) = books.buckets.get_mut(name) {
                bucket.give_back(self.number);
            }
        }
        drop(books);
        self.budget.changed.notify_waiters();
    }
}

/// Who waits for a bucket; dropping it leaves the queue.
pub(super) struct Queued<'a> {
    budget: &'a RateBudget,
    number: u64,
}

impl Drop for Queued<'_> {
    fn drop(&mut self) {
        let mut books = self.budget.lock();
        books.waiting.remove(&self.number);
        books.held.remove(&self.number);
    }
}

impl RateBudget {
    /// `share`: the part of each bucket that may be used, above 0 and up to 1.
    pub(super) fn new(share: f64) -> Self {
        Self { share, books: Mutex::default(), changed: Notify::new() }
    }

    fn lock(&self) -> MutexGuard<'_, Books> {
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until a request may be sent, and takes its place. Returns the place and how long that
    /// took.
    pub(super) async fn acquire<'a>(&'a self, draw: &'a Draw) -> (Permit<'a>, Duration) {
        let asked = Instant::now();
        let queued = Queued { budget: self, number: self.lock().next_number() };
        loop {
            let mut changed = std::pin::pin!(self.changed.notified());
            // From here on no change is missed.
            changed.as_mut().enable();
            let wait = match self.try_acquire(draw, queued.number) {
                Ok(permit) => return (permit, asked.elapsed()),
                Err(wait) => wait.clamp(SHORTEST_SLEEP, LONGEST_SLEEP),
            };
            tracing::trace!(endpoint = draw.endpoint, wait_ms = wait.as_millis(), "waiting");
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = changed => {}
            }
        }
    }

    /// Takes a place, or says how long to wait before asking again.
    fn try_acquire<'a>(&'a self, draw: &'a Draw, queued: u64) -> Result<Permit<'a>, Duration> {
        let now = Instant::now();
        let mut books = self.lock();
        let Books { buckets, endpoints, waiting, held, .. } = &mut *books;
        let mut hold = |name: &str, wait: Duration| {
            held.insert(queued, (name.to_owned(), now + wait));
            wait
        };
        let endpoint = endpoints.entry(draw.endpoint.clone()).or_default();
        let own = endpoint.own.wait(self.share, draw.patient, now);
        let own = own.map(|wait| (&draw.endpoint, wait));
        let named = endpoint.named.iter().filter_map(|name| {
            Some((name, buckets.get_mut(name)?.wait(self.share, draw.patient, now)?))
        });
        if let Some((name, wait)) = own.into_iter().chain(named).max_by_key(|(_, wait)| *wait) {
            // It does not stand in the way of those that draw on the account alone.
            waiting.remove(&queued);
            return Err(hold(name, wait));
        }
        let service = buckets.entry(draw.service.to_owned()).or_default();
        let wait = service.wait(self.share, draw.patient, now);
        let ahead = waiting.iter().any(|(number, (service, patient))| {
            let first = if *patient == draw.patient { *number < queued } else { draw.patient };
            *service == draw.service && first
        });
        if wait.is_some() || ahead {
            waiting.insert(queued, (draw.service, draw.patient));
            return Err(hold(draw.service, wait.unwrap_or(SHORTEST_SLEEP)));
        }
        waiting.remove(&queued);
        Ok(books.take(self, draw, now))
    }

    /// Learns from the answer to the request that has this place. `is_good`: it is an answer of
    /// the endpoint itself, which would tell of a budget if there were one.
    pub(super) fn learn(
        &self,
        permit: &Permit<'_>,
        headers: &HeaderMap,
        is_good: bool,
        wall: Timestamp,
    ) {
        let (now, number) = (Instant::now(), permit.number);
        let mut books = self.lock();
        let Books { buckets, endpoints, latency, .. } = &mut *books;
        let took = permit.since.elapsed().as_secs_f64();
        let before = latency.unwrap_or(took);
        *latency = Some(before + (took - before) * LATENCY_WEIGHT);
        let service = buckets.entry(permit.draw.service.to_owned()).or_default();
        let account = Seen::of_account(headers, wall);
        // Who counts no requests at all does not count those to an endpoint.
        let limit = permit.draw.endpoint_limit.filter(|_| account.is_some() && is_good);
        match account {
            Some(seen) => service.learn(number, seen, now),
            None if is_good => match permit.draw.documented {
                Some(limit) => service.assume(limit, now),
                None => service.is_not_told(),
            },
            None => {}
        }
        let endpoint = endpoints.entry(permit.draw.endpoint.clone()).or_default();
        let seen = Seen::of_endpoints(headers);
        match limit.filter(|_| seen.is_empty() && endpoint.named.is_empty()) {
            Some(limit) => endpoint.own.assume(limit, now),
            None if is_good || !seen.is_empty() => endpoint.own.is_told_elsewhere(),
            None => {}
        }
        for (name, seen) in seen {
            if !endpoint.named.iter().any(|known| known == name) {
                endpoint.named.push(name.to_owned());
            }
            buckets.entry(name.to_owned()).or_default().learn(number, seen, now);
        }
        drop(books);
        self.changed.notify_waiters();
    }

    /// Holds every request to the service that a 429 came from, or to the endpoint alone, for
    /// `wait`.
    pub(super) fn block(&self, draw: &Draw, is_of_endpoint: bool, wait: Duration) {
        let until = Instant::now() + wait;
        let mut books = self.lock();
        if is_of_endpoint {
            books.endpoints.entry(draw.endpoint.clone()).or_default().own.block(until);
        } else {
            books.buckets.entry(draw.service.to_owned()).or_default().block(until);
        }
    }

    /// A request that was answered with 429 waits by itself before it asks again; that counts as
    /// waiting here until it is dropped.
    pub(super) fn held_back(&self, draw: &Draw, wait: Duration) -> Queued<'_> {
        let now = Instant::now();
        let mut books = self.lock();
        let number = books.next_number();
        let of_endpoint = books.endpoints.get(&draw.endpoint);
        let is_of_endpoint = of_endpoint.is_some_and(|endpoint| endpoint.own.is_blocked(now));
        let name = if is_of_endpoint { &draw.endpoint } else { draw.service };
        books.held.insert(number, (name.to_owned(), now + wait));
        Queued { budget: self, number }
    }

    /// The bucket that somebody waits for longest, as far as is known now, and how long.
    pub(super) fn longest_wait(&self) -> Option<(String, Duration)> {
        let books = self.lock();
        let (name, until) = books.held.values().max_by_key(|(_, until)| *until)?;
        Some((name.clone(), until.saturating_duration_since(Instant::now())))
    }

    /// How many requests of this kind must be under way at once to use what may be used, at the
    /// time that answers take (Little's law); none: nothing limits them.
    pub(super) fn in_flight_needed(&self, draw: &Draw) -> Option<f64> {
        let now = Instant::now();
        let books = self.lock();
        let rates = books.drawn_on(draw).filter_map(|bucket| bucket.rate(self.share, now));
        Some(rates.min_by(f64::total_cmp)? * books.latency.unwrap_or_default())
    }

    /// How long the budget takes for so many requests of this kind, at the time that answers take;
    /// none: nothing limits them.
    pub(super) fn time_for(&self, draw: &Draw, requests: u64) -> Option<Duration> {
        let now = Instant::now();
        let books = self.lock();
        let latency = Duration::try_from_secs_f64(books.latency.unwrap_or_default()).ok()?;
        let times = books.drawn_on(draw);
        times.filter_map(|bucket| bucket.time_for(requests, self.share, latency, now)).max()
    }

    /// What is known now, by bucket name.
    pub(super) fn snapshot(&self) -> Vec<(String, BucketState)> {
        let books = self.lock();
        let known = books.buckets.iter();
        let known = known.filter_map(|(name, bucket)| Some((name.clone(), bucket.state()?)));
        let mut known: Vec<_> = known.collect();
        known.sort_by(|a, b| a.0.cmp(&b.0));
        known
    }
}

impl Books {
    /// The buckets that such a request draws on, as far as they are known.
    fn drawn_on(&self, draw: &Draw) -> impl Iterator<Item = &Bucket> {
        let endpoint = self.endpoints.get(&draw.endpoint);
        let names = endpoint.into_iter().flat_map(|it| &it.named).map(String::as_str);
        names.chain([draw.service]).filter_map(|name| self.buckets.get(name))
    }

    fn next_number(&mut self) -> u64 {
        self.last_number += 1;
        self.last_number
    }

    fn take<'a>(&mut self, budget: &'a RateBudget, draw: &'a Draw, now: Instant) -> Permit<'a> {
        let number = self.next_number();
        let endpoint = self.endpoints.entry(draw.endpoint.clone()).or_default();
        endpoint.own.take(number, now);
        let named = endpoint.named.clone();
        for name in named.iter().map(String::as_str).chain([draw.service]) {
            self.buckets.entry(name.to_owned()).or_default().take(number, now);
        }
        Permit { budget, draw, named, number, since: now }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, String)]) -> HeaderMap {
        let pairs = pairs.iter().map(|(name, value)| {
            let value = http::HeaderValue::from_str(value).expect("a header");
            (http::HeaderName::from_static(name), value)
        });
        pairs.collect()
    }

    fn account(limit: u32, remaining: u32, reset: u32) -> HeaderMap {
        headers(&[
            ("ratelimit-limit", limit.to_string()),
            ("ratelimit-remaining", remaining.to_string()),
            ("ratelimit-reset", reset.to_string()),
        ])
    }

    fn draw(path: &str) -> Draw {
        Draw::new(path, None, false)
    }

    /// Sends one request and takes its answer.
    async fn exchange(budget: &RateBudget, draw: &Draw, answer: &HeaderMap) -> Duration {
        let (permit, waited) = budget.acquire(draw).await;
        budget.learn(&permit, answer, true, Timestamp::UNIX_EPOCH);
        waited
    }

    #[test]
    fn requests_draw_on_their_service_and_their_endpoint() {
        assert_eq!(draw("/api/v2/audit_logs").service, ACCOUNT);
        assert_eq!(draw("/api/v2/help_center/incremental/articles").service, "help_center");
        assert_eq!(draw("/api/v2/community/posts").service, "help_center");
        assert_eq!(draw("/api/v2/chat/incremental/chats").service, "chat");
        assert_eq!(draw("/api/v2/access_logs").service, "access_logs");
        let invocations = "/api/v2/webhooks/01H7ZQ/invocations";
        assert_eq!(draw(invocations).endpoint, "/api/v2/webhooks/*/invocations");
        assert_eq!(Draw::new("/api/v2/x", Some("exports"), false).endpoint, "exports");
    }

    #[tokio::test(start_paused = true)]
    async fn a_bucket_that_is_used_up_holds_those_that_draw_on_it_and_no_other() {
        let budget = RateBudget::new(0.8);
        let (tickets, users) = (draw("/api/v2/tickets"), draw("/api/v2/users"));
        let used_up = "total=10; remaining=2; resets=30".to_owned();
        let used_up = headers(&[("zendesk-ratelimit-exports", used_up)]);
        exchange(&budget, &tickets, &used_up).await;
        assert_eq!(exchange(&budget, &users, &HeaderMap::new()).await, Duration::ZERO);
        let waits = async || budget.acquire(&tickets).await.1;
        let held = tokio::time::timeout(Duration::from_secs(29), waits());
        let (held, told) = tokio::join!(held, async { budget.longest_wait() });
        assert!(held.is_err());
        let (name, wait) = told.expect("somebody waits");
        assert!(name == "exports" && (29..=31).contains(&wait.as_secs()), "{name}: {wait:?}");
        assert_eq!(budget.longest_wait(), None, "who went is not waited for");
        // Another endpoint that turns out to draw on the same bucket is held from then on.
        let events = draw("/api/v2/ticket_events");
        exchange(&budget, &events, &used_up).await;
        let waited = exchange(&budget, &events, &used_up).await;
        assert!((30..33).contains(&waited.as_secs()), "{waited:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn services_that_are_counted_apart_do_not_touch_the_account() {
        let budget = RateBudget::new(0.8);
        exchange(&budget, &draw("/api/v2/audit_logs"), &account(700, 699, 50)).await;
        let access = draw("/api/v2/access_logs");
        exchange(&budget, &access, &account(50, 10, 50)).await;
        let known = budget.snapshot();
        let expected = [("access_logs", 50, 10), (ACCOUNT, 700, 699)]
            .map(|(name, limit, remaining)| (name.to_owned(), BucketState { limit, remaining }));
        assert_eq!(known, expected);
        let logs = draw("/api/v2/audit_logs");
        assert_eq!(budget.acquire(&logs).await.1, Duration::ZERO);
        assert!(budget.acquire(&access).await.1 > Duration::from_secs(45));
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_documented_is_kept_to_where_no_answer_tells_of_it() {
        for (share, expected) in [(0.5, 25), (0.8, 40), (1.0, 50)] {
            let budget = RateBudget::new(share);
            let access = draw("/api/v2/access_logs");
            let start = Instant::now();
            let mut sent = Vec::new();
            while start.elapsed() < Duration::from_secs(600) {
                exchange(&budget, &access, &HeaderMap::new()).await;
                sent.push(start.elapsed().as_secs());
            }
            for window in 0..10 {
                let within = |at: &&u64| (window * 60..(window + 1) * 60).contains(*at);
                let count = sent.iter().filter(within).count();
                assert!((expected - 5..=expected + 1).contains(&count), "{share}: {count}");
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn until_an_answer_tells_what_is_left_one_request_goes_alone() {
        let budget = RateBudget::new(0.5);
        let logs = draw("/api/v2/audit_logs");
        let (first, _) = budget.acquire(&logs).await;
        let users = draw("/api/v2/users");
        let second = tokio::time::timeout(Duration::from_secs(1), budget.acquire(&users));
        assert!(second.await.is_err());
        let told = async {
            tokio::time::sleep(Duration::from_millis(200)).await;
            budget.learn(&first, &account(10, 7, 20), true, Timestamp::UNIX_EPOCH);
        };
        let ((_, waited), ()) = tokio::join!(budget.acquire(&users), told);
        assert!(waited >= Duration::from_millis(200) && waited < Duration::from_secs(1));
    }

    #[tokio::test(start_paused = true)]
    async fn requests_under_way_count_before_their_answers_do() {
        let budget = RateBudget::new(0.5);
        let logs = draw("/api/v2/audit_logs");
        exchange(&budget, &logs, &account(10, 7, 20)).await;
        let mut permits = Vec::new();
        for _ in 0..2 {
            permits.push(budget.acquire(&logs).await);
        }
        assert!(permits.iter().all(|(_, waited)| waited.is_zero()));
        let (_third, waited) = budget.acquire(&logs).await;
        assert!(waited >= Duration::from_secs(20), "{waited:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_of_the_tail_goes_before_all_of_a_backfill_that_wait() {
        let budget = RateBudget::new(1.0);
        let tail = draw("/api/v2/audit_logs");
        let history = Draw { patient: true, ..tail.clone() };
        exchange(&budget, &tail, &account(100, 0, 10)).await;
        let order = Mutex::new(Vec::new());
        let go = async |draw: &Draw, name: &'static str, after: u64| {
            tokio::time::sleep(Duration::from_secs(after)).await;
            let (permit, _) = budget.acquire(draw).await;
            order.lock().expect("alone").push(name);
            budget.learn(&permit, &account(100, 99, 60), true, Timestamp::UNIX_EPOCH);
        };
        tokio::join!(go(&history, "slice 1", 1), go(&history, "slice 2", 2), go(&tail, "tail", 3));
        assert_eq!(*order.lock().expect("alone"), ["tail", "slice 1", "slice 2"]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_429_holds_its_bucket_alone() {
        let budget = RateBudget::new(1.0);
        let (exports, logs) = (draw("/api/v2/incremental/tickets"), draw("/api/v2/audit_logs"));
        budget.block(&exports, true, Duration::from_secs(93));
        assert_eq!(exchange(&budget, &logs, &HeaderMap::new()).await, Duration::ZERO);
        let (_held, waited) = budget.acquire(&exports).await;
        assert!(waited >= Duration::from_secs(93));
    }

    /// Eight streams of an account whose answers take longer than a probe is waited for.
    #[tokio::test(start_paused = true)]
    async fn slow_answers_are_learnt_from_too() {
        let budget = RateBudget::new(0.8);
        let logs = draw("/api/v2/audit_logs");
        let sent = std::sync::atomic::AtomicU32::new(0);
        let began = Instant::now();
        let stream = async || {
            while began.elapsed() < Duration::from_secs(300) {
                let (permit, _) = budget.acquire(&logs).await;
                let second = u32::try_from(began.elapsed().as_secs() % 60).expect("small");
                sent.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                tokio::time::sleep(Duration::from_secs(6)).await;
                let answer = account(700, 700 - second, 60 - second);
                budget.learn(&permit, &answer, true, Timestamp::UNIX_EPOCH);
            }
        };
        futures::future::join_all((0..8).map(|_| stream())).await;
        let sent = sent.into_inner();
        assert!(sent > 350, "{sent} of 400 requests that fit into 300 s");
    }

    #[tokio::test(start_paused = true)]
    async fn enough_is_under_way_to_use_the_budget_at_the_latency_seen() {
        let budget = RateBudget::new(0.8);
        let logs = draw("/api/v2/audit_logs");
        assert_eq!(budget.in_flight_needed(&logs), None);
        let (permit, _) = budget.acquire(&logs).await;
        tokio::time::sleep(Duration::from_millis(500)).await;
        budget.learn(&permit, &account(600, 600, 60), true, Timestamp::UNIX_EPOCH);
        let needed = budget.in_flight_needed(&logs).expect("a limit");
        assert!((4.5..5.5).contains(&needed), "480 in 48 s, half a second each: {needed}");
    }
}
