//! No card number that somebody wrote into a ticket leaves through a sink behind `redact`.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use serde_json::{Value, json};
use tokio::time::Instant;

use zenstream::config::{self, Format};
use zenstream::normalize::{Event, Origin, RecordId};
use zenstream::random::Random;
use zenstream::simulator::{Settings, Simulator};
use zenstream::sinks::{Encoder, EncoderSettings};
use zenstream::transform::{Graph, Step};

const VARIANTS: u64 = 10_000;

/// First digits and length, as issuers use them.
const ISSUED: [(&str, usize); 14] = [
    ("4", 16),
    ("4", 13),
    ("4", 19),
    ("51", 16),
    ("2720", 16),
    ("34", 15),
    ("37", 15),
    ("36", 14),
    ("3000", 14),
    ("6011", 16),
    ("3528", 16),
    ("62", 19),
    ("50", 13),
    ("2200", 16),
];

/// Zeros of scripts that people type in.
const SCRIPTS: [char; 8] = ['0', '0', '0', '٠', '۰', '०', '０', '𝟎'];

const SEPARATORS: [&str; 26] = [
    "",
    "",
    " ",
    " ",
    "-",
    "-",
    ".",
    "\u{a0}",
    "\u{2009}",
    "\u{202f}",
    "\u{200b}",
    "\u{2011}",
    "\u{2013}",
    "/",
    "&nbsp;",
    " - ",
    "\n",
    "\r\n",
    "\t",
    "<br>",
    "</b><b>",
    "</td>\n<td class=\"x\">",
    "&#8211;",
    "&#x2009;",
    "&ndash;",
    "<!-- x -->",
];

const AROUND: [(&str, &str); 8] = [
    ("", ""),
    ("my card is ", ", thanks"),
    ("Karte: ", "\nGültig bis 12/27 123"),
    ("(", ")"),
    ("<b>", "</b>"),
    ("order 1042 paid with ", " on 2026-05-01"),
    ("بطاقتي ", " شكرا"),
    ("\"", "\""),
];

/// Where people write.
const STREAMS: [&str; 6] =
    ["tickets", "ticket_events", "ticket_audits", "satisfaction_ratings", "chats", "posts"];

/// A ticket with its comments beside it, as a webhook sends it.
fn conversation() -> Value {
    json!({
        "id": 7,
        "subject": "x",
        "raw_subject": "x",
        "description": "x",
        "tags": ["x", "y"],
        "custom_fields": [{ "id": 1, "value": "x" }, { "id": 2, "value": ["x"] }, { "id": 3, "value": 5 }],
        "satisfaction_rating": { "score": "good", "comment": "x" },
        "via": { "channel": "email", "source": { "from": { "name": "x", "address": "a@b.c" } } },
        "comments": [{
            "id": 8,
            "body": "x",
            "html_body": "<p>x</p>",
            "plain_body": "x",
            "metadata": { "custom": { "deep": [[{ "text": "x" }]] } },
            "attachments": [{ "id": 9, "file_name": "x.png", "content_url": "https://x/y" }],
        }],
    })
}

struct Draw(Random);

impl Draw {
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "small numbers"
    )]
    fn below(&self, n: usize) -> usize {
        (self.0.fraction() * n as f64) as usize
    }

    fn one_of<'a, T>(&self, all: &'a [T]) -> &'a T {
        &all[self.below(all.len())]
    }

    /// A number that its check digit makes right.
    fn card(&self) -> String {
        let (first, length) = self.one_of(&ISSUED);
        let mut digits: Vec<usize> = first.bytes().map(|digit| usize::from(digit - b'0')).collect();
        while digits.len() < length - 1 {
            digits.push(self.below(10));
        }
        let doubled = |digit: usize| if digit > 4 { digit * 2 - 9 } else { digit * 2 };
        let sum: usize = digits.iter().rev().enumerate().fold(0, |sum, (place, digit)| {
            sum + if place % 2 == 0 { doubled(*digit) } else { *digit }
        });
        digits.push((10 - sum % 10) % 10);
        digits.iter().map(ToString::to_string).collect()
    }

    /// The same as people write it.
    fn written(&self, card: &str) -> String {
        let (zero, separator) = (*self.one_of(&SCRIPTS), *self.one_of(&SEPARATORS));
        let group = 1 + self.below(6);
        let mut text = String::new();
        for (place, digit) in card.bytes().enumerate() {
            if place > 0 && place % group == 0 {
                text.push_str(separator);
            }
            let digit = u32::from(zero) + u32::from(digit - b'0');
            text.push(char::from_u32(digit).expect("a digit"));
        }
        let (before, after) = self.one_of(&AROUND);
        format!("{before}{text}{after}")
    }

    /// Writes the card into one of the values that a person could have written.
    fn put(&self, ticket: &mut Value, card: &str) {
        let mut places = Vec::new();
        collect("", ticket, &mut String::new(), &mut places);
        let pointer = self.one_of(&places).clone();
        let value = ticket.pointer_mut(&pointer).expect("it was just seen");
        match value {
            Value::String(text) if self.below(2) == 0 => {
                *text = format!("{text} {} {text}", self.written(card));
            }
            Value::Number(_) if card.len() < 19 => {
                *value = card.parse::<u64>().expect("a number").into();
            }
            _ => *value = self.written(card).into(),
        }
    }
}

/// Pointers to all values that are not Zendesk's own ids.
fn collect(name: &str, value: &Value, at: &mut String, places: &mut Vec<String>) {
    let length = at.len();
    let mut go = |step: String, name: &str, value: &Value| {
        at.push('/');
        at.push_str(&step.replace('~', "~0").replace('/', "~1"));
        collect(name, value, at, places);
        at.truncate(length);
    };
    match value {
        Value::Object(members) => {
            members.iter().for_each(|(key, value)| go(key.clone(), key, value));
        }
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(index, item)| go(index.to_string(), name, item));
        }
        _ => {
            let is_id = name == "id" || name.ends_with("_id") || name.ends_with("_ids");
            if !is_id {
                places.push(at.clone());
            }
        }
    }
}

/// The digits of a text, of whatever script, without anything else.
fn digits(text: &str) -> String {
    let value = |c: char| {
        let code = u32::from(c);
        SCRIPTS.iter().map(|zero| u32::from(*zero)).find_map(|zero| {
            let digit = code.checked_sub(zero)?;
            (digit < 10).then(|| char::from_digit(digit, 10)).flatten()
        })
    };
    let entities = SEPARATORS.iter().filter(|separator| separator.starts_with('&'));
    let text = entities.fold(text.to_owned(), |text, entity| text.replace(entity, ""));
    text.chars().filter_map(value).collect()
}

fn leaves(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(members) => members.values().for_each(|value| leaves(value, found)),
        Value::Array(items) => items.iter().for_each(|item| leaves(item, found)),
        Value::String(text) => found.push(text.clone()),
        other => found.push(other.to_string()),
    }
}

fn steps() -> Vec<Step> {
    let text = "
sources:
  acme: { type: zendesk, subdomain: acme, auth: { strategy: bearer, token: t }, streams: [tickets] }
transforms:
  private: { type: redact, inputs: [acme.tickets], profile: ticket_text }
sinks:
  out: { type: console, inputs: [private] }
";
    let environment = HashMap::from([("HOME".to_owned(), "/home/u".to_owned())]);
    let config = config::parse(text, Format::Yaml, "c.yaml", &environment);
    config.unwrap_or_else(|error| panic!("{error}")).transforms
}

#[test]
fn no_card_number_in_a_ticket_leaves_through_a_sink_behind_redact() {
    let settings = Settings { audit_logs: 0, tickets: 100, records: 40, ..Settings::default() };
    let now = settings.now;
    let simulator = Simulator::new(settings);
    let records = STREAMS.iter().flat_map(|stream| simulator.records(stream, now));
    let records = records.map(|line| serde_json::from_slice(&line).expect("a record"));
    let tickets: Vec<Value> = records.chain([conversation()]).collect();
    let steps = steps();
    let graph = Graph::between(&steps, ["acme.tickets", "acme.rejected"], |it| it == "private");
    let origin = Arc::new(Origin {
        source: "acme".to_owned(),
        stream: "tickets".to_owned(),
        subdomain: "acme".to_owned(),
        partition: "tail".to_owned(),
        ingest_time: now,
        through: None,
    });
    let encoder = Encoder::new(EncoderSettings::default());
    for seed in 0..VARIANTS {
        let draw = Draw(Random::from_seed(seed));
        let card = draw.card();
        let mut ticket = draw.one_of(&tickets).clone();
        draw.put(&mut ticket, &card);
        let line = Bytes::from(ticket.to_string());
        let id = RecordId::of_content(&line);
        let event = Event { line, id, time: None, origin: Arc::clone(&origin), members: None };
        let passed = graph.run(&[event], &[], Instant::now());
        let mut out = Vec::new();
        encoder.encode(&passed.outputs[0][0].1, &mut out);
        let left: Value = serde_json::from_slice(&out).expect("it is JSON still");
        let mut found = Vec::new();
        leaves(&left, &mut found);
        for text in found {
            assert!(!digits(&text).contains(&card), "seed {seed}: {card} is left in {text:?}");
        }
    }
}
