//! What is asked, of whom, and for how long what was learnt is believed.

use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use futures::StreamExt as _;
use serde_json::json;
use url::Url;

use super::*;
use crate::clock::Clock;
use crate::random::Random;
use crate::zendesk::transport::{Request, Response, Transport, TransportError};
use crate::zendesk::{ClientSettings, Credentials};

/// Knows everybody with an even id, takes its time, and answers what it is told to.
#[derive(Debug)]
struct Account {
    requests: Mutex<Vec<Vec<u64>>>,
    takes: Duration,
    status: AtomicUsize,
}

#[async_trait]
impl Transport for Account {
    async fn send(&self, request: Request) -> Result<Response, TransportError> {
        let query = request.uri().query().unwrap_or_default();
        let pairs = url::form_urlencoded::parse(query.as_bytes());
        let ids = pairs.filter(|(name, _)| name == "ids").map(|(_, ids)| ids.into_owned());
        let ids: Vec<u64> =
            ids.collect::<String>().split(',').map(|id| id.parse().unwrap()).collect();
        self.requests.lock().unwrap().push(ids.clone());
        tokio::time::sleep(self.takes).await;
        let users = ids.iter().rev().filter(|id| *id % 2 == 0);
        let users = users.map(|id| json!({ "id": id, "name": format!("n{id}"), "notes": "x" }));
        let body = json!({ "users": users.collect::<Vec<_>>(), "next_page": null }).to_string();
        let status = u16::try_from(self.status.load(Ordering::Relaxed)).unwrap();
        Ok(Response {
            status: http::StatusCode::from_u16(status).unwrap(),
            headers: http::HeaderMap::new(),
            body: futures::stream::iter([Ok(Bytes::from(body))]).boxed(),
        })
    }
}

fn account(takes: u64) -> Arc<Account> {
    let takes = Duration::from_millis(takes);
    Arc::new(Account { requests: Mutex::default(), takes, status: AtomicUsize::new(200) })
}

fn directory(account: &Arc<Account>) -> Directory {
    let settings = ClientSettings {
        endpoint: Url::parse("https://acme.zendesk.com").unwrap(),
        timeout: Duration::from_secs(60),
        retry_attempts: 10,
        share: 1.0,
        max_body_bytes: 1 << 20,
    };
    let credentials = Credentials::Bearer("t".into());
    let clock = Clock::simulated(jiff::Timestamp::UNIX_EPOCH);
    let transport = Arc::clone(account) as Arc<dyn Transport>;
    let random = Arc::new(Random::from_seed(1));
    let client = Client::new(settings, credentials, transport, clock, random);
    let settings = DirectorySettings {
        timeout: Duration::from_secs(10),
        max_entries: 1_000,
        ttl: Duration::from_mins(60),
        negative_ttl: Duration::from_mins(10),
        members: vec!["name".to_owned(), "role".to_owned()],
    };
    Directory::new(Arc::new(client), settings)
}

async fn names(directory: &Directory, ids: impl IntoIterator<Item = u64>) -> Vec<String> {
    let ids: BTreeSet<u64> = ids.into_iter().collect();
    let known = directory.look_up(&ids).await;
    let name = |id| match known.users.get(&id) {
        Some(Some(person)) => Value::from((**person).clone()).to_string(),
        Some(None) => "nobody".to_owned(),
        None => known.failure.clone().expect("a reason"),
    };
    ids.into_iter().map(name).collect()
}

fn requests(account: &Account) -> Vec<Vec<u64>> {
    std::mem::take(&mut account.requests.lock().unwrap())
}

#[tokio::test(start_paused = true)]
async fn each_is_asked_for_once_a_hundred_at_a_time_also_those_who_are_not_there() {
    let account = account(50);
    let directory = directory(&account);
    assert_eq!(names(&directory, [4, 5]).await, [r#"{"name":"n4"}"#, "nobody"]);
    assert_eq!(requests(&account), [[4, 5]]);
    names(&directory, 4..=254).await;
    let sizes: Vec<usize> = requests(&account).iter().map(Vec::len).collect();
    assert_eq!(sizes, [100, 100, 49]);
    names(&directory, 4..=254).await;
    assert!(requests(&account).is_empty());
    tokio::time::sleep(Duration::from_mins(11)).await;
    names(&directory, [4, 5, 6]).await;
    assert_eq!(requests(&account), [[5]], "who was not there may have come");
    tokio::time::sleep(Duration::from_mins(50)).await;
    names(&directory, [4]).await;
    assert_eq!(requests(&account), [[4]]);
}

#[tokio::test(start_paused = true)]
async fn those_who_need_the_same_at_once_share_a_request() {
    let account = account(500);
    let directory = directory(&account);
    let (one, two, three) = tokio::join!(
        names(&directory, [2, 4]),
        names(&directory, [4, 6]),
        names(&directory, [2, 4, 6]),
    );
    assert_eq!((one.len(), two.len(), three.len()), (2, 2, 3));
    assert!([one, two, three].concat().iter().all(|name| name.starts_with('{')));
    assert_eq!(requests(&account), [vec![2, 4], vec![6]]);
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_longer_than_the_timeout_and_the_account_is_let_alone_then() {
    let account = account(30_000);
    let directory = directory(&account);
    let start = Instant::now();
    assert_eq!(names(&directory, [2]).await, ["users were not named within 10 s"]);
    assert_eq!(start.elapsed(), Duration::from_secs(10));
    assert_eq!(names(&directory, [2, 4]).await.len(), 2);
    assert_eq!(start.elapsed(), Duration::from_secs(10), "it was not asked again");
    assert_eq!(requests(&account).len(), 1);
    tokio::time::sleep(REST).await;
    names(&directory, [2]).await;
    assert_eq!(requests(&account).len(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_was_known_before_is_better_than_nothing() {
    let account = account(50);
    let directory = directory(&account);
    names(&directory, [2]).await;
    tokio::time::sleep(Duration::from_hours(2)).await;
    account.status.store(403, Ordering::Relaxed);
    let found = names(&directory, [2, 4]).await;
    assert_eq!(found[0], r#"{"name":"n2"}"#);
    assert!(found[1].starts_with("users were not named: "), "{}", found[1]);
    names(&directory, [2, 4]).await;
    assert_eq!(requests(&account), [vec![2], vec![2, 4]], "it was not asked again");
    account.status.store(200, Ordering::Relaxed);
    tokio::time::sleep(LONG_REST).await;
    assert_eq!(names(&directory, [4]).await, [r#"{"name":"n4"}"#]);
}

#[tokio::test(start_paused = true)]
async fn who_waited_in_vain_takes_nobody_elses_request_away() {
    let account = account(300);
    let directory = directory(&account);
    let brief = tokio::time::timeout(Duration::from_millis(100), names(&directory, [2]));
    let (gone, found) = tokio::join!(brief, names(&directory, [2]));
    assert!(gone.is_err());
    assert_eq!(found, [r#"{"name":"n2"}"#]);
    assert_eq!(requests(&account).len(), 1);
    // A request for which nobody waits any more is given up, and no one waits for it.
    let brief = tokio::time::timeout(Duration::from_millis(100), names(&directory, [4]));
    assert!(brief.await.is_err());
    assert_eq!(names(&directory, [4]).await, [r#"{"name":"n4"}"#]);
}

#[test]
fn an_answer_that_is_none_is_told() {
    let read = |body: &str| people(&Bytes::from(body.to_owned()), &[]);
    assert!(read(r#"{"users":[{"name":"x"}]}"#).unwrap_err().contains("no id"));
    assert!(read(r#"{"user":{}}"#).is_err());
    assert_eq!(read(r#"{"users":[]}"#).unwrap(), []);
}
