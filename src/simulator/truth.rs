//! What is really in the account, to hold deliveries against.
//!
//! Not part of Zendesk: the paths here need no credentials, are not counted and
//! meet no faults.

use std::borrow::Cow;

use bytes::Bytes;
use jiff::Timestamp;

use super::query::Call;
use super::reply::{JSON, Reply};
use super::tickets::HOLD_BACK;
use super::{Simulator, audit_record, errors, ticket_record};

impl Simulator {
    /// The records of a stream that can be seen at `now`, each as it stands in a page that is not
    /// indented, in order: audit logs by `(created_at, id)`, of tickets the present versions by
    /// `(generated_timestamp, id)`. Nothing for a stream that is not known.
    pub fn records(
        &self,
        stream: &str,
        now: Timestamp,
    ) -> Box<dyn Iterator<Item = Bytes> + Send + '_> {
        let now = now.as_second();
        match stream {
            "audit_logs" => self.audit_logs_at(now),
            "tickets" => self.tickets_at(now),
            _ => Box::new(std::iter::empty()),
        }
    }

    fn audit_logs_at(&self, now: i64) -> Box<dyn Iterator<Item = Bytes> + Send + '_> {
        let mut logs = Cow::Borrowed(&self.logs);
        if !logs.is_settled(None, now) {
            logs.to_mut().advance(now);
        }
        let places = logs.between(i64::MIN, now);
        Box::new(places.filter_map(move |place| {
            if !logs.is_visible(place, now) {
                return None;
            }
            let mut line = Vec::with_capacity(600);
            audit_record::render(&mut line, &self.settings, &logs, place);
            Some(Bytes::from(line))
        }))
    }

    fn tickets_at(&self, now: i64) -> Box<dyn Iterator<Item = Bytes> + Send + '_> {
        let mut tickets = Cow::Borrowed(&self.tickets);
        if !tickets.is_settled(now) {
            tickets.to_mut().advance(now);
        }
        let places = 0..tickets.from(now - HOLD_BACK + 1);
        Box::new(places.filter_map(move |place| {
            let version = tickets.present_at(place)?;
            let mut line = Vec::with_capacity(5_200);
            ticket_record::render(&mut line, &self.settings, &tickets, version, false);
            Some(Bytes::from(line))
        }))
    }

    /// Answers to the simulator's own paths.
    pub(super) fn own(&mut self, name: &str, call: &Call, now: Timestamp) -> Reply {
        let told = match name {
            "stats" => serde_json::to_vec(&self.stats),
            "other_client" => serde_json::to_vec(&self.other_client(now)),
            _ => Ok(Vec::new()),
        };
        let told = told.expect("numbers by name are always JSON");
        if !told.is_empty() {
            return Reply::new(200, Some(JSON), told);
        }
        let Some(stream) = name.strip_prefix("records/") else {
            return errors::invalid_endpoint();
        };
        let number = |name| call.param(name).and_then(|text| text.parse::<usize>().ok());
        let records = self
            .records(stream, now)
            .skip(number("offset").unwrap_or(0))
            .take(number("limit").unwrap_or(usize::MAX));
        let mut body = Vec::new();
        for record in records {
            body.extend_from_slice(&record);
            body.push(b'\n');
        }
        Reply::new(200, Some("application/x-ndjson"), body)
    }
}
