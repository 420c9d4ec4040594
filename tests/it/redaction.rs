//! No card number that somebody wrote into a ticket leaves through a sink behind `redact`, and what is
//! none stays as it is.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use proptest::strategy::{Strategy as _, ValueTree as _};
use proptest::string::string_regex;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use serde_json::{Value, json};
use tokio::time::Instant;

use zenstream::config::{self, Format};
use zenstream::normalize::{Event, Origin, RecordId};
use zenstream::random::Random;
use zenstream::simulator::{Settings, Simulator};
use zenstream::sinks::{Encoder, EncoderSettings};
use zenstream::transform::{Graph, Step};

const VARIANTS: u64 = 10_000;

/// Of numbers that are no card's.
const KINDS: usize = 16;

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

/// Digits that people type, or paste.
const SCRIPTS: [&str; 11] = [
    "0123456789",
    "0123456789",
    "0123456789",
    "0123456789",
    "٠١٢٣٤٥٦٧٨٩",
    "۰۱۲۳۴۵۶۷۸۹",
    "०१२३४५६७८९",
    "０１２３４５６７８９",
    "𝟎𝟏𝟐𝟑𝟒𝟓𝟔𝟕𝟖𝟗",
    "⓪①②③④⑤⑥⑦⑧⑨",
    "⁰¹²³⁴⁵⁶⁷⁸⁹",
];

/// What is usual between the digits of a card.
const USUAL: [&str; 8] = ["", "", " ", " ", "-", "-", ".", "\u{a0}"];

/// What editors, mail programs and tables make of that.
const LAID_OUT: [&str; 24] = [
    "\n",
    "\r\n",
    "\t",
    "\n        ",
    "          ",
    " - ",
    "\n> ",
    "\n> > > ",
    "<br>\n&gt; ",
    "<br>",
    "</b><b>",
    "</td><td>",
    "</td>\n<td class=\"x\">",
    "</td>\n        <td style=\"width:100px\">",
    "</li>\n  <li>",
    "<!-- x -->",
    "<o:p></o:p>",
    "&nbsp;&nbsp;&nbsp;&nbsp;&nbsp;&nbsp;&nbsp;",
    "&amp;nbsp;",
    "** **",
    "` `",
    ") (",
    "\\n",
    "%20",
];

/// Names that HTML has for some of all characters.
const NAMED: [&str; 32] = [
    "nbsp",
    "ensp",
    "emsp",
    "emsp13",
    "thinsp",
    "hairsp",
    "numsp",
    "puncsp",
    "shy",
    "zwj",
    "zwnj",
    "lrm",
    "rlm",
    "ZeroWidthSpace",
    "NoBreak",
    "ndash",
    "mdash",
    "horbar",
    "minus",
    "hyphen",
    "middot",
    "bull",
    "hellip",
    "sdot",
    "sol",
    "bsol",
    "lowbar",
    "colon",
    "ast",
    "num",
    "times",
    "laquo",
];

const AROUND: [(&str, &str); 9] = [
    ("", ""),
    ("my card is ", ", thanks"),
    ("Karte: ", "\nGültig bis 12/27 123"),
    ("(", ")"),
    ("<b>", "</b>"),
    ("order 1042 paid with ", " on 2026-05-01"),
    ("بطاقتي ", " شكرا"),
    ("\"", "\""),
    ("https://shop.example/pay?card=", "&exp=1227"),
];

/// Where people write.
const STREAMS: [&str; 8] = [
    "tickets",
    "ticket_events",
    "ticket_audits",
    "satisfaction_ratings",
    "chats",
    "posts",
    "suspended_tickets",
    "side_conversation_events",
];

/// A ticket with its comments beside it, as a webhook sends it.
fn conversation() -> Value {
    json!({
        "id": 7,
        "external_id": "x",
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
            "metadata": { "custom": { "order_id": "x", "deep": [[{ "text": "x" }]] } },
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
        self.checked(first, *length)
    }

    fn checked(&self, first: &str, length: usize) -> String {
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

    fn digits(&self, length: usize) -> String {
        (0..length).map(|_| self.below(10).to_string()).collect()
    }

    /// What stands between the groups of a card: anything that is no letter, in any encoding.
    fn separator(&self, signs: &[char]) -> String {
        let sign = *self.one_of(signs);
        let encoded = |c: char| {
            let mut bytes = [0; 4];
            c.encode_utf8(&mut bytes)
                .bytes()
                .fold(String::new(), |text, it| format!("{text}%{it:02X}"))
        };
        match self.below(12) {
            0..=3 => (*self.one_of(&USUAL)).to_owned(),
            4 | 5 => sign.to_string(),
            6 => format!(" {sign} "),
            7 => format!("&#{};", u32::from(sign)),
            8 => format!("&amp;#x{:X};", u32::from(sign)),
            9 => encoded(sign),
            10 => format!("&{};", self.one_of(&NAMED)),
            _ => (*self.one_of(&LAID_OUT)).to_owned(),
        }
    }

    /// A card as people write it, and what they wrote between its digits. Fewer than fifteen digits
    /// in a row are an id wherever nobody says anything else.
    fn written(&self, card: &str, signs: &[char]) -> (String, String) {
        let mut separator = self.separator(signs);
        let script: Vec<char> = self.one_of(&SCRIPTS).chars().collect();
        let is_bare = separator.is_empty();
        if is_bare && card.len() < 15 {
            separator.push(' ');
        }
        let is_uneven = USUAL.contains(&separator.as_str()) && self.below(4) == 0;
        let group = 1 + self.below(6);
        let mut text = String::new();
        let mut next = group;
        for (place, digit) in card.bytes().enumerate() {
            if place == next {
                text.push_str(&separator);
                next += if is_uneven && card.len() > 15 { 1 + self.below(6) } else { group };
            }
            text.push(script[usize::from(digit - b'0')]);
        }
        let (before, after) = self.one_of(&AROUND);
        (format!("{before}{text}{after}"), separator)
    }

    /// Writes the card into one of the values that a person could have written.
    fn put(&self, ticket: &mut Value, card: &str, signs: &[char]) -> String {
        let mut places = Vec::new();
        collect("", ticket, &mut String::new(), &mut places);
        let pointer = self.one_of(&places).clone();
        let value = ticket.pointer_mut(&pointer).expect("it was just seen");
        let (written, separator) = self.written(card, signs);
        match value {
            Value::String(text) if self.below(2) == 0 => *text = format!("{text} {written} {text}"),
            Value::Number(_) if (15..19).contains(&card.len()) => {
                *value = card.parse::<u64>().expect("a number").into();
            }
            _ => *value = written.into(),
        }
        separator
    }

    /// What has as many digits as a card, or more, and is none.
    fn no_card(&self) -> String {
        self.no_card_of(self.below(KINDS))
    }

    fn no_card_of(&self, kind: usize) -> String {
        let id = self.id();
        let two = |from: usize, to: usize| format!("{:02}", from + self.below(to));
        let date = || format!("2026-{}-{}", two(1, 12), two(1, 28));
        let time = || format!("{}:{}:{}", two(0, 24), two(0, 60), two(0, 60));
        let phone = || format!("{}-{}-{}", 200 + self.below(800), self.digits(3), self.digits(4));
        match kind {
            0 => format!("{} {} - {} {}", date(), time(), date(), time()),
            1 => format!("{} {},{}\n{} {}", date(), time(), self.digits(3), date(), time()),
            2 => format!(
                "{}.{}.2026 {}, {}.{}.26 {}",
                two(1, 28),
                two(1, 12),
                time(),
                two(1, 28),
                two(1, 12),
                time()
            ),
            3 => format!("https://acme.zendesk.com/agent/tickets/{id}/events"),
            4 => format!(
                "<a href=\"https://acme.zendesk.com/api/v2/users/{}.json\">x</a>",
                self.checked("4", 16)
            ),
            5 => format!("ticket {id}, order no. {id} and #{id}"),
            6 => format!("https://x.zdusercontent.com/attachment/1/token?name={id}.png"),
            7 => format!("{}\n{}\n{}", phone(), phone(), phone()),
            8 => format!(
                "+{} {} {}, +49 30 {}",
                30 + self.below(60),
                self.digits(3),
                self.digits(7),
                self.digits(7)
            ),
            9 => format!("Order 2026-{}-{}", self.digits(6), self.digits(4)),
            10 => format!(
                "{}.{}.{}.{}, 203.0.113.{}",
                self.below(256),
                self.below(256),
                self.below(256),
                self.below(256),
                self.below(256)
            ),
            11 => format!("17{} and 17{}", self.digits(11), self.digits(14)),
            12 => format!(
                "{}.{}, {}.{}",
                self.below(90),
                self.digits(6),
                self.below(180),
                self.digits(6)
            ),
            13 => format!("{id}f4267ef1913d, a{id}"),
            14 => format!(
                "orders 4{}, 4{}, 5{}, 6{}",
                self.digits(9),
                self.digits(9),
                self.digits(9),
                self.digits(9)
            ),
            _ => (0..6).fold("EUR".to_owned(), |text, _| {
                format!("{text}\n{},{}.{}", 1 + self.below(999), self.digits(3), self.digits(2))
            }),
        }
    }

    /// An id as Zendesk gives them today, that a card's check digit makes right.
    fn id(&self) -> String {
        let (first, length) = *self.one_of(&[
            ("36", 14),
            ("38", 14),
            ("39", 14),
            ("44", 13),
            ("61", 13),
            ("30", 14),
            ("50", 13),
        ]);
        self.checked(first, length)
    }
}

/// Characters of all kinds that are no letters and no numbers, as Unicode sorts them.
fn signs() -> Vec<char> {
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[7; 32]);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let all = string_regex(r"[\p{P}\p{S}\p{Z}\p{Cf}]").expect("classes of characters");
    let mut draw = || all.new_tree(&mut runner).expect("a character").current();
    let mut signs: Vec<char> = (0..20_000).filter_map(|_| draw().chars().next()).collect();
    signs.sort_unstable();
    signs.dedup();
    assert!(signs.len() > 2_000, "{}", signs.len());
    signs
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
            let is_free = ["external_id", "message_id"].contains(&name)
                || at.contains("/custom/")
                || at.contains("/external_ids/");
            let is_id =
                !is_free && (name == "id" || ["_id", "_ids"].iter().any(|end| name.ends_with(end)));
            if !is_id {
                places.push(at.clone());
            }
        }
    }
}

/// The digits of a text, of whatever script, without anything else.
fn digits(text: &str) -> String {
    let of_scripts = |c: char| SCRIPTS.iter().find_map(|it| it.chars().position(|it| it == c));
    let digit = |c: char| match c {
        c if c.is_ascii() => c.is_ascii_digit().then_some(c),
        c => of_scripts(c).and_then(|place| char::from_digit(u32::try_from(place).ok()?, 10)),
    };
    text.chars().filter_map(digit).collect()
}

fn leaves(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(members) => members.values().for_each(|value| leaves(value, found)),
        Value::Array(items) => items.iter().for_each(|item| leaves(item, found)),
        Value::String(text) => found.push(text.clone()),
        other => found.push(other.to_string()),
    }
}

/// A transform of type `redact`.
struct Redaction {
    steps: Vec<Step>,
    origin: Arc<Origin>,
}

impl Redaction {
    fn new(options: &str, now: jiff::Timestamp) -> Self {
        let text = format!(
            "
sources:
  acme: {{ type: zendesk, subdomain: acme, auth: {{ strategy: bearer, token: t }}, streams: [tickets] }}
transforms:
  private: {{ type: redact, inputs: [acme.tickets], {options} }}
sinks:
  out: {{ type: console, inputs: [private] }}
"
        );
        let environment = HashMap::from([("HOME".to_owned(), "/home/u".to_owned())]);
        let config = config::parse(&text, Format::Yaml, "c.yaml", &environment);
        let origin = Arc::new(Origin {
            source: "acme".to_owned(),
            stream: "tickets".to_owned(),
            subdomain: "acme".to_owned(),
            partition: "tail".to_owned(),
            ingest_time: now,
            through: None,
        });
        Self { steps: config.unwrap_or_else(|error| panic!("{error}")).transforms, origin }
    }

    /// What leaves through a sink behind it.
    fn left(&self, line: &str) -> String {
        let graph =
            Graph::between(&self.steps, ["acme.tickets", "acme.rejected"], |it| it == "private");
        let line = Bytes::from(line.to_owned());
        let id = RecordId::of_content(&line);
        let origin = Arc::clone(&self.origin);
        let event = Event { line, id, time: None, origin, members: None };
        let passed = graph.run(&[event], &[], Instant::now());
        let mut out = Vec::new();
        Encoder::new(EncoderSettings::default()).encode(&passed.outputs[0][0].1, &mut out);
        String::from_utf8(out).expect("text")
    }
}

/// Records of all that people write into, as Zendesk sends them.
fn records() -> (Vec<(&'static str, String)>, jiff::Timestamp) {
    records_of(&STREAMS)
}

fn records_of(streams: &[&'static str]) -> (Vec<(&'static str, String)>, jiff::Timestamp) {
    let settings = Settings { audit_logs: 0, tickets: 100, records: 40, ..Settings::default() };
    let now = settings.now;
    let simulator = Simulator::new(settings);
    let text = |line: Bytes| String::from_utf8(line.to_vec()).expect("records are text");
    let records = streams
        .iter()
        .flat_map(|stream| simulator.records(stream, now).map(move |line| (*stream, text(line))));
    let records = records.chain([("conversation", conversation().to_string())]);
    (records.collect(), now)
}

#[test]
fn no_card_number_in_a_ticket_leaves_through_a_sink_behind_redact() {
    let (records, now) = records();
    let tickets: Vec<Value> =
        records.iter().map(|(_, line)| serde_json::from_str(line).expect("a record")).collect();
    let redaction = Redaction::new("profile: ticket_text", now);
    let signs = signs();
    for seed in 0..VARIANTS {
        let draw = Draw(Random::from_seed(seed));
        let card = draw.card();
        let mut ticket = draw.one_of(&tickets).clone();
        let separator = draw.put(&mut ticket, &card, &signs);
        let line = redaction.left(&ticket.to_string());
        let left: Value = serde_json::from_str(&line).expect("it is JSON still");
        let mut found = Vec::new();
        leaves(&left, &mut found);
        for text in found {
            let plain =
                if separator.is_empty() { text.clone() } else { text.replace(&separator, "") };
            assert!(!digits(&plain).contains(&card), "seed {seed}: {card} is left in {text:?}");
        }
    }
}

/// With ids as Zendesk gives them today, and texts full of numbers.
#[test]
fn what_is_no_card_number_stays_byte_for_byte() {
    let (records, now) = records();
    let redaction = Redaction::new("patterns: [card_number]", now);
    for seed in 0..VARIANTS {
        let draw = Draw(Random::from_seed(seed));
        let (_, record) = draw.one_of(&records);
        let mut line = String::new();
        let mut rest = record.as_str();
        // All ids of the simulator begin so, as no card does.
        while let Some(at) = rest.find("3518") {
            let length = rest[at..].find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len() - at);
            line.push_str(&rest[..at]);
            line.push_str(&draw.id());
            rest = &rest[at + length..];
        }
        line.push_str(rest);
        let mut ticket: Value = serde_json::from_str(&line).expect("a record");
        let text = format!("{} {}\n{}", draw.no_card(), "and also", draw.no_card());
        let id = draw.id();
        let members = ticket.as_object_mut().expect("an object");
        members.insert("description".to_owned(), text.into());
        members.insert("custom_fields".to_owned(), json!([{ "id": 5, "value": id }]));
        members.insert("change_description".to_owned(), format!("from {id} to {id}").into());
        members.insert("organization".to_owned(), id.parse::<u64>().expect("a number").into());
        let change =
            json!({ "field_name": "assignee_id", "value": id, "previous_value": draw.id() });
        members.insert("events".to_owned(), json!([change]));
        let line = ticket.to_string();
        assert_eq!(redaction.left(&line).trim_end(), line, "seed {seed}");
    }
}

/// What everyday mails and tickets have in them.
const EVERYDAY: [&str; 28] = [
    "On 05/01/2026 10:15 AM, Ann wrote:",
    "Am 01.05.2026 09:52 schrieb Ann:",
    "On Fri, 1 May 2026 at 09:52, Ann wrote:",
    "logged (2026-05-01 09:52:42)",
    "(20260501 123456)",
    "03/05 - 07/05/2026 (2 nights)",
    "0.123456789",
    "lat 0.12775831, lon -51.5",
    "ISBN 0-306-40615-2",
    "SKU 0815-4711-99",
    "CPF 012.345.678-90",
    "RMA 000-123-4567",
    "09 10 11 12 13",
    "PLZ 01067 12345",
    "Scan 05-01-2026 1015.pdf",
    "05/01/2026 10:15",
    "<img src=\"cid:image001.png@01DA0F3B.5C8E2AB0\">",
    "icon@2x.png",
    "Chrome/120.0.0.0 Safari/537.36",
    "Foo::Bar a::b Abe::Dec C4::D",
    "at 12::30, laps 00:01:02:03:04:05:06:07",
    "version 4.2.1.0 listens at 0.0.0.0",
    "05/2026 - 06/2026, 04.2026-04.2026",
    "Scan 091026-054108, 01.05. 09.52.42",
    "IBAN: NL91 ABNA 0417 1643 00, BE71 0961 2345 6769",
    "Kundennummer 0123 456 789, Case #0012-3456-78",
    "open 09:00-17:00, 0656 - 0656 / 0656 - 0656",
    r#"{"from":"Ann \u003cAnn\u003e","at":"05\/01\/2026 10:15"}"#,
];

/// Numbers of phones and addresses of machines, which the profile takes out.
const PERSONAL: [usize; 3] = [7, 8, 10];

#[test]
fn what_everyday_tickets_hold_stays_byte_for_byte_behind_the_profile() {
    let redaction = Redaction::new("profile: ticket_text", records().1);
    let ticket = |text: &str| {
        json!({
            "id": 7,
            "subject": text,
            "description": text,
            "tags": [text],
            "custom_fields": [{ "id": 1, "value": text }],
            "comments": [{ "body": text, "attachments": [{ "file_name": text }],
                "metadata": { "system": { "client": text } } }],
        })
        .to_string()
    };
    for text in EVERYDAY {
        let line = ticket(text);
        assert_eq!(redaction.left(&line).trim_end(), line);
    }
    for seed in 0..VARIANTS {
        let draw = Draw(Random::from_seed(seed));
        let kinds: Vec<usize> = (0..KINDS).filter(|kind| !PERSONAL.contains(kind)).collect();
        let one = |text: &str| format!("{} {text}", draw.no_card_of(*draw.one_of(&kinds)));
        let line = json!({ "description": one("and also"), "comment": one("at last") }).to_string();
        assert_eq!(redaction.left(&line).trim_end(), line, "seed {seed}");
    }
}

#[test]
fn what_enrichment_adds_is_taken_out_by_the_profile_behind_it() {
    let redaction = Redaction::new("profile: ticket_text", records().1);
    let user = json!({ "id": 7, "name": "Ann", "email": "ann@x.de", "role": "end-user" });
    let left = redaction.left(&json!({ "zendesk_users": { "requester": user } }).to_string());
    assert!(!left.contains('@') && left.contains("\"id\":7,\"name\":\"Ann\""), "{left}");
}

/// Words that Zendesk puts there, and names of agents.
const NOT_WRITTEN: [&str; 2] = ["agent_names", "cause"];

#[test]
fn an_address_in_any_text_of_a_ticket_is_found_by_the_profile() {
    let (records, now) = records_of(&[&STREAMS[..], &["activities"]].concat());
    let redaction = Redaction::new("profile: ticket_text", now);
    let mut places_met = std::collections::BTreeSet::new();
    for (stream, record) in &records {
        let ticket: Value = serde_json::from_str(record).expect("a record");
        let mut places = Vec::new();
        collect("", &ticket, &mut String::new(), &mut places);
        for place in places {
            let text = ticket.pointer(&place).and_then(Value::as_str);
            let is_text = text.is_some_and(|text| text.contains([' ', '\n', '@']));
            let is_written =
                place != "/via" && !place.split('/').any(|name| NOT_WRITTEN.contains(&name));
            if !is_text || !is_written || !places_met.insert((stream, place.clone())) {
                continue;
            }
            let mut ticket = ticket.clone();
            *ticket.pointer_mut(&place).expect("it is there") = "call ann.smith@example.com".into();
            let left = redaction.left(&ticket.to_string());
            assert!(!left.contains("ann.smith"), "{stream}{place}");
        }
    }
    assert!(places_met.len() > 20, "{places_met:?}");
    for place in
        ["body", "comments", "content", "message", "history", "events", "author", "visitor"]
    {
        let left = redaction.left(&json!({ place: [{ "x": "mail a@b.de" }] }).to_string());
        let is_list = ["comments", "history", "events"].contains(&place);
        let left = if is_list {
            left
        } else {
            redaction.left(&json!({ place: "mail a@b.de" }).to_string())
        };
        assert!(left.contains("[email_address]"), "{left}");
    }
}
