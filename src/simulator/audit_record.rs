//! How an audit log is written down.
//!
//! Pure: place in, bytes out. Two logs may differ in the order of their members,
//! in how text is escaped and in members that only some have, since a client may
//! rely on none of that.

use super::audit::{AuditLogs, Facts};
use super::draw::{Draw, Purpose};
use super::json::{Escape, Object};
use super::settings::Settings;
use super::users;
use super::words::{NAMES, ORGANIZATIONS, SENTENCES, TITLES};

/// Pushes the log at `place`.
pub(super) fn render(out: &mut Vec<u8>, settings: &Settings, logs: &AuditLogs, place: usize) {
    let facts = logs.facts(place);
    let mut draw = Draw::new(settings.seed, Purpose::AuditText, place as u64);
    let escape = match draw.below(10) {
        0 => Escape::Ascii,
        1 => Escape::Slashes,
        _ => Escape::Plain,
    };
    let time = logs.times()[place];
    let mut log = Object::open(out, escape);
    let time_first = draw.percent(20);
    if time_first {
        log.time("created_at", time);
    }
    identity(&mut log, settings, logs.id(place));
    source(&mut log, &facts, &mut draw);
    actor(&mut log, &facts, &mut draw);
    if !time_first {
        log.time("created_at", time);
    }
    match draw.below(40) {
        0 => log.raw("zz_new_field", r#"[1,2.50,1e3,-0.0,{"id":17,"a":null}]"#),
        1 => log.raw("via", r#"{"channel":"web","created_at":"1999-01-01T00:00:00Z","id":3}"#),
        _ => {}
    }
    log.close();
}

fn identity(log: &mut Object<'_>, settings: &Settings, id: u64) {
    let host = &settings.subdomain;
    log.int("id", id);
    log.text("url", &format!("https://{host}.zendesk.com/api/v2/audit_logs/{id}.json"));
}

fn source(log: &mut Object<'_>, facts: &Facts, draw: &mut Draw) {
    let row = facts.row;
    log.text("action", row.action);
    if !draw.percent(10) {
        log.text("action_label", row.action_label);
    }
    log.int("source_id", facts.source_id);
    log.text("source_type", row.source_type);
    log.text("source_label", &fill(row.source_label, draw));
    log.text("change_description", &fill(row.description, draw));
}

fn actor(log: &mut Object<'_>, facts: &Facts, draw: &mut Draw) {
    log.signed("actor_id", facts.actor_id);
    match (facts.actor, draw.below(20)) {
        (_, 0) => {}
        (None, _) | (_, 1) => log.raw("actor_name", "null"),
        (Some(place), _) => log.text("actor_name", &users::user_name(place)),
    }
    log.maybe_text("ip_address", facts.ip.as_deref());
}

/// The template with each brace replaced by drawn words.
fn fill(template: &str, draw: &mut Draw) -> String {
    let mut text = String::with_capacity(template.len() + 32);
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        text.push_str(before);
        let (word, after) = after.split_once('}').unwrap_or((after, ""));
        match word {
            "name" => text.push_str(draw.pick(NAMES)),
            "org" => text.push_str(draw.pick(ORGANIZATIONS)),
            "title" => text.push_str(draw.pick(TITLES)),
            _ => {
                for _ in 0..2 + draw.below(6) {
                    text.push_str(draw.pick(SENTENCES));
                    text.push('\n');
                }
            }
        }
        rest = after;
    }
    text.push_str(rest);
    text
}
