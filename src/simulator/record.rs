//! How a record of any resource is written down: its row's members, drawn from
//! the seed.
//!
//! Pure: item in, bytes out. Members that a change leaves alone are drawn from
//! the place, the others from place and version.

use super::collection::Item;
use super::draw::{Draw, Purpose};
use super::json::{self, Escape, Object, int, signed, string};
use super::resources::{Id, Resource};
use super::settings::Settings;
use super::users;
use super::words::{NAMES, ORGANIZATIONS, SENTENCES, TAGS, TITLES};

/// What a member of a record says. What is marked as staying is the same in every version.
#[derive(Debug, Clone, Copy)]
pub(super) enum Member {
    /// The id. Stays.
    Id,
    /// The record's own address, below this path, with `.json`. Stays.
    Url(&'static str),
    /// When it came to be. Stays.
    Created,
    /// The same in milliseconds and in nanoseconds; without a zone; in epoch seconds. Stays.
    CreatedMillis,
    CreatedNanos,
    CreatedMicros,
    CreatedZoneless,
    CreatedEpoch,
    /// When it changed last.
    Updated,
    UpdatedNanos,
    /// The same, and null for every fourth record, for ever.
    UpdatedOrNull,
    /// When it was deleted, or null.
    Gone,
    /// Whether it was not deleted.
    Alive,
    /// The parent's id. Stays.
    Parent,
    /// A short text. Stays.
    Title,
    Person,
    Organization,
    Email,
    Sentence,
    Ip,
    /// A short text that changes.
    Note,
    /// A long text that changes.
    Text,
    /// As [`Member::Note`], gone with the record.
    Scrubbed,
    /// A user's id. Stays.
    User,
    /// A user's id, or null.
    Assignee,
    /// The id of some record of that stream. Stays.
    Of(&'static str),
    /// A ticket's id, also where `Of` would not do. Stays.
    Ticket,
    /// A whole number below this.
    Int(u64),
    /// How often it changed.
    Version,
    /// True or false.
    Flag,
    /// Some tags.
    Tags,
    /// So many hexadecimal digits. Stays.
    Hex(usize),
    /// Text without order, as an id. Stays.
    Uuid,
    /// One of these pieces of JSON. Stays.
    One(&'static [&'static str]),
    /// One of these pieces of JSON; another with each change.
    Now(&'static [&'static str]),
    /// This JSON.
    Is(&'static str),
    Null,
}

/// A record that is about to be written.
#[derive(Debug, Clone, Copy)]
pub(super) struct Record<'a> {
    pub(super) settings: &'a Settings,
    pub(super) resource: &'static Resource,
    /// The resource's number.
    pub(super) number: usize,
    /// What its draws begin with.
    pub(super) seed: u64,
    pub(super) item: Item,
}

impl Record<'_> {
    /// Pushes the record.
    pub(super) fn render(&self, out: &mut Vec<u8>) {
        if self.resource.id == Id::User {
            return users::render(out, self.settings, self.item, false);
        }
        let place = u64::from(self.item.place);
        let mut stays = Draw::new(self.seed, Purpose::Record, place << 24);
        let version = (place << 24) | (u64::from(self.item.version) + 1);
        let mut draw = Draw::new(self.seed, Purpose::Record, version);
        let escape = match stays.below(12) {
            0 => Escape::Ascii,
            1 => Escape::Slashes,
            _ => Escape::Plain,
        };
        let mut record = Object::open(out, escape);
        for (key, member) in self.resource.members {
            self.member(record.member(key), *member, escape, (&mut stays, &mut draw));
        }
        record.close();
    }

    fn member(
        &self,
        out: &mut Vec<u8>,
        member: Member,
        escape: Escape,
        (stays, draw): (&mut Draw, &mut Draw),
    ) {
        if self.times(out, member) {
            return;
        }
        let people = self.settings.users.max(1) as u64;
        let mut text = |text: &str| string(out, text, escape);
        match member {
            Member::Url(path) => {
                let (host, id) = (&self.settings.subdomain, self.id());
                text(&format!("https://{host}.zendesk.com/api/v2{path}{id}.json"));
            }
            Member::Title => text(&format!("{} {}", stays.pick(TITLES), self.item.place)),
            Member::Person => text(stays.pick(NAMES)),
            Member::Organization => {
                text(&format!("{} {}", stays.pick(ORGANIZATIONS), self.item.place));
            }
            Member::Email => text(&format!("person{}@example.com", stays.below(10_000))),
            Member::Sentence => text(stays.pick(SENTENCES)),
            Member::Ip => text(&format!("203.0.{}.{}", 113 + stays.below(4), stays.below(256))),
            Member::Note => text(draw.pick(SENTENCES)),
            Member::Scrubbed if self.item.gone.is_some() => text("[DELETED]"),
            Member::Scrubbed => text(draw.pick(TITLES)),
            Member::Text => {
                let parts: Vec<&str> =
                    (0..2 + draw.below(6)).map(|_| draw.pick(SENTENCES)).collect();
                text(&parts.join("\n"));
            }
            Member::Hex(digits) => {
                let hex = format!("{:016x}{:016x}", stays.next(), stays.next());
                text(&hex[..digits.min(hex.len())]);
            }
            Member::Uuid => text(&uuid(stays)),
            Member::User => int(out, users::user_id(stays.below(people))),
            Member::Assignee if draw.percent(30) => out.extend_from_slice(b"null"),
            Member::Assignee => int(out, users::user_id(draw.below(people))),
            Member::Ticket => {
                int(out, 4_045 + 3 * stays.below(self.settings.tickets.max(1) as u64));
            }
            Member::Int(limit) => int(out, draw.below(limit)),
            Member::Tags => tags(out, draw, escape),
            Member::One(choices) => out.extend_from_slice(stays.pick(choices).as_bytes()),
            Member::Now(choices) => out.extend_from_slice(draw.pick(choices).as_bytes()),
            Member::Flag => {
                out.extend_from_slice(if draw.percent(50) { b"true" } else { b"false" });
            }
            Member::Of(stream) => self.of(out, stream, stays.next()),
            Member::Parent => {
                if let Some(stream) = self.resource.parent {
                    self.of(out, stream, u64::from(self.item.place));
                }
            }
            Member::Is(json) => out.extend_from_slice(json.as_bytes()),
            _ => self.own(out, member, escape),
        }
    }

    /// What is known without a draw.
    fn own(&self, out: &mut Vec<u8>, member: Member, escape: Escape) {
        match member {
            Member::Id => match number_id(self.resource, self.number, self.item) {
                Some(id) => int(out, id),
                None => string(out, &self.id(), escape),
            },
            Member::Alive if self.item.gone.is_some() => out.extend_from_slice(b"false"),
            Member::Alive => out.extend_from_slice(b"true"),
            Member::Version => int(out, u64::from(self.item.version)),
            _ => out.extend_from_slice(b"null"),
        }
    }

    /// Pushes a time, if the member is one.
    fn times(&self, out: &mut Vec<u8>, member: Member) -> bool {
        let Item { created, changed, place, .. } = self.item;
        let fraction = u64::from(place).wrapping_mul(0x9e37_79b9) % 1_000_000_000;
        let zoneless = |seconds| json::time_text(seconds).trim_end_matches('Z').to_owned();
        let text = match member {
            Member::Created => json::time_text(created),
            Member::CreatedMillis => format!("{}.{:03}Z", zoneless(created), fraction / 1_000_000),
            Member::CreatedMicros => format!("{}.{:06}Z", zoneless(created), micros(place)),
            Member::CreatedNanos => format!("{}.{fraction:09}Z", zoneless(created)),
            Member::CreatedZoneless => zoneless(created),
            Member::CreatedEpoch => {
                signed(out, created);
                return true;
            }
            Member::UpdatedOrNull if place % 4 == 3 => return push_null(out),
            Member::Updated | Member::UpdatedOrNull => json::time_text(changed),
            Member::UpdatedNanos => format!("{}.{fraction:09}Z", zoneless(changed)),
            Member::Gone => match self.item.gone {
                Some(gone) => json::time_text(gone),
                None => return push_null(out),
            },
            _ => return false,
        };
        string(out, &text, Escape::Plain);
        true
    }

    fn of(&self, out: &mut Vec<u8>, stream: &str, chosen: u64) {
        let Some((number, resource)) =
            super::resources::all().enumerate().find(|(_, other)| other.stream == stream)
        else {
            return out.extend_from_slice(b"null");
        };
        let count = self.settings.count(stream).max(1) as u64;
        let place = u32::try_from(chosen % count).unwrap_or(0);
        let item = Item { place, ..self.item };
        match number_id(resource, number, item) {
            Some(id) => int(out, id),
            None => string(out, &id_text(resource, number, item), Escape::Plain),
        }
    }

    /// The id as text.
    pub(super) fn id(&self) -> String {
        id_text(self.resource, self.number, self.item)
    }
}

/// The microseconds that stand behind the second at which a record came to be. They rise with the
/// place for as long as a second can be full.
pub(super) fn micros(place: u32) -> u32 {
    place % 1_000_000
}

fn push_null(out: &mut Vec<u8>) -> bool {
    out.extend_from_slice(b"null");
    true
}

/// The id where it is a number.
pub(super) fn number_id(resource: &Resource, number: usize, item: Item) -> Option<u64> {
    match resource.id {
        Id::Number => Some(FIRST_ID + number as u64 * SPAN + u64::from(item.place) * 29),
        Id::User => Some(users::user_id(u64::from(item.place))),
        _ => None,
    }
}

const FIRST_ID: u64 = 35_190_000_000_000;
/// Ids of two resources never meet.
const SPAN: u64 = 1_000_000_000;

/// The id as text.
pub(super) fn id_text(resource: &Resource, number: usize, item: Item) -> String {
    let place = u64::from(item.place);
    let mut draw = Draw::new(number as u64, Purpose::Identity, place);
    match resource.id {
        Id::Number | Id::User => {
            number_id(resource, number, item).map_or_else(String::new, |id| id.to_string())
        }
        // Parents are told by their place alone, so their ids hold no time.
        Id::Ulid if matches!(resource.life, super::collection::Life::Grows) => {
            ulid(item.created.unsigned_abs() * 1_000, place, &mut draw)
        }
        Id::Ulid => ulid(1_700_000_000_000, place, &mut draw),
        Id::Uuid => uuid(&mut draw),
        Id::Job => format!("V3-{:016x}{:016x}", draw.next(), draw.next()),
        Id::Chat => format!("2611.10502779.{:016x}", draw.next()),
        Id::Key => format!("object_{place}"),
        Id::Tag => format!("größe_{place}"),
    }
}

/// 26 digits that sort by time, then by place.
fn ulid(millis: u64, place: u64, draw: &mut Draw) -> String {
    const DIGITS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    let low = u128::from(place) << 48 | u128::from(draw.next() >> 16);
    let whole = u128::from(millis) << 80 | low;
    let digits = (0..26).rev().map(|at| char::from(DIGITS[(whole >> (at * 5) & 31) as usize]));
    digits.collect()
}

fn uuid(draw: &mut Draw) -> String {
    let hex = format!("{:016x}{:016x}", draw.next(), draw.next());
    let (a, b, c) = (&hex[..8], &hex[8..12], &hex[13..16]);
    format!("{a}-{b}-4{c}-a{}-{}", &hex[17..20], &hex[20..32])
}

fn tags(out: &mut Vec<u8>, draw: &mut Draw, escape: Escape) {
    out.push(b'[');
    for at in 0..draw.below(4) {
        if at > 0 {
            out.push(b',');
        }
        string(out, draw.pick(TAGS), escape);
    }
    out.push(b']');
}
