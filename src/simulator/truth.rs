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
use super::{Simulator, audit_record, errors, resources, ticket_record};

/// A record that vanished from a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vanished {
    /// Its id, as text.
    pub id: String,
    /// From when on it could not be seen.
    pub at: Timestamp,
    /// The record as it could last be seen.
    pub last: Bytes,
}

impl Simulator {
    /// The records of a stream that can be seen at `now`, each as it stands in a page that is not
    /// indented, in order: audit logs by `(created_at, id)`, of tickets the present versions by
    /// `(generated_timestamp, id)`, of others in the order in which they came to be. Of exports
    /// the present versions, without the last minute that they hold back. Nothing for a stream
    /// that is not known.
    pub fn records(
        &self,
        stream: &str,
        now: Timestamp,
    ) -> Box<dyn Iterator<Item = Bytes> + Send + '_> {
        let now = now.as_second();
        match stream {
            "audit_logs" => self.audit_logs_at(now),
            "tickets" => self.tickets_at(now),
            _ => self.others_at(stream, now),
        }
    }

    fn others_at(&self, stream: &str, now: i64) -> Box<dyn Iterator<Item = Bytes> + Send + '_> {
        let Some(number) = resources::number(stream) else {
            return Box::new(std::iter::empty());
        };
        let world = self.world.at(number, now);
        let items = world.seen(number, None, now).unwrap_or_default();
        Box::new(items.into_iter().map(move |item| {
            let mut line = Vec::with_capacity(600);
            world.record(&self.settings, number, item).render(&mut line);
            Bytes::from(line)
        }))
    }

    /// The records that vanished from a list until `now`, without a trace in it: each as it was
    /// when it could last be seen.
    pub fn vanished(&self, stream: &str, now: Timestamp) -> Vec<Vanished> {
        let (now, number) = (now.as_second(), resources::number(stream));
        let Some(number) = number else {
            return Vec::new();
        };
        let world = self.world.at(number, now);
        let gone = world.collection(number).vanished();
        let gone = gone.map(|(item, at)| {
            let record = world.record(&self.settings, number, item);
            let mut last = Vec::new();
            record.render(&mut last);
            let at = Timestamp::from_second(at).unwrap_or(Timestamp::UNIX_EPOCH);
            Vanished { id: record.id(), at, last: last.into() }
        });
        gone.collect()
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
        if let Some(stream) = name.strip_prefix("vanished/") {
            let gone = self.vanished(stream, now);
            let lines: Vec<u8> =
                gone.iter().flat_map(|one| [&one.last[..], b"\n"]).flatten().copied().collect();
            return Reply::new(200, Some("application/x-ndjson"), lines);
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
