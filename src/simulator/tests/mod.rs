//! The simulator against the facts: each test names a property of real accounts.

mod account;
mod catalogue;
mod data;
mod exports;
mod faulty;
mod grants;
mod lists;
mod mounted;
mod others;
mod services;
mod support;

use std::time::Duration;

use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::{Answer, Settings, Simulator};

/// A simulator, the time it is, and a bearer token.
struct Account {
    simulator: Simulator,
    now: Timestamp,
    authorization: Option<String>,
}

impl Account {
    /// Without limits, an hour after the history's end.
    fn new(settings: Settings) -> Self {
        let now = settings.now + SignedDuration::from_hours(1);
        Self {
            simulator: Simulator::new(settings),
            now,
            authorization: Some("Bearer good".to_owned()),
        }
    }

    fn get(&mut self, path: &str) -> Answer {
        let mut request = http::Request::get(format!("https://acme.zendesk.com{path}"));
        if let Some(value) = &self.authorization {
            request = request.header("authorization", value);
        }
        let request = request.body(Bytes::new()).unwrap();
        self.simulator.handle(self.now, &request)
    }

    fn page(&mut self, path: &str) -> Value {
        let answer = self.get(path);
        assert_eq!(answer.status, 200, "{path}: {:?}", answer.body);
        json(&answer)
    }

    fn post(&mut self, path: &str, body: &str) -> Answer {
        let mut request = http::Request::post(format!("https://acme.zendesk.com{path}"));
        if let Some(value) = &self.authorization {
            request = request.header("authorization", value);
        }
        let request = request.body(Bytes::from(body.to_owned())).unwrap();
        self.simulator.handle(self.now, &request)
    }

    /// The records of all pages from `path` on, following `next`.
    fn all(&mut self, path: &str, key: &str, next: fn(&Value) -> Option<String>) -> Vec<Value> {
        let mut records = Vec::new();
        let mut path = path.to_owned();
        for _ in 0..10_000 {
            let page = self.page(&path);
            match &page[key] {
                Value::Array(list) => records.extend(list.iter().cloned()),
                object => records.push(object.clone()),
            }
            match next(&page) {
                Some(url) => {
                    path = url.strip_prefix("https://acme.zendesk.com").unwrap().to_owned();
                }
                None => return records,
            }
        }
        panic!("no end after 10,000 pages");
    }

    fn truth(&self, stream: &str) -> Vec<Value> {
        let lines = self.simulator.records(stream, self.now);
        lines.map(|line| serde_json::from_slice(&line).unwrap()).collect()
    }
}

fn json(answer: &Answer) -> Value {
    serde_json::from_slice(&answer.body).unwrap()
}

fn free() -> Settings {
    Settings { rate_limit: 0, ..Settings::default() }
}

fn next_by_cursor(page: &Value) -> Option<String> {
    let more = page["meta"]["has_more"].as_bool().unwrap();
    more.then(|| page["links"]["next"].as_str().unwrap().to_owned())
}

fn next_by_offset(page: &Value) -> Option<String> {
    page["next_page"].as_str().map(str::to_owned)
}

fn next_export(page: &Value) -> Option<String> {
    let end = page["end_of_stream"].as_bool().unwrap();
    let next = page["after_url"].as_str().or_else(|| page["next_page"].as_str());
    (!end).then(|| next.unwrap().to_owned())
}

fn ids(records: &[Value]) -> Vec<u64> {
    records.iter().map(|record| record["id"].as_u64().unwrap()).collect()
}

fn header<'a>(answer: &'a Answer, name: &str) -> Option<&'a str> {
    answer.headers.get(name).map(|value| value.to_str().unwrap())
}

fn minutes(count: u64) -> Duration {
    Duration::from_mins(count)
}
