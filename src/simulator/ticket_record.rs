//! How a version of a ticket is written down.
//!
//! Pure: version in, bytes out. About 4 kB each, half of it custom fields, which
//! come twice as they do from real accounts.

use super::draw::{Draw, Purpose};
use super::json::{Escape, Object, int, string};
use super::settings::Settings;
use super::tickets::{Deletion, Tickets, Version};
use super::users;
use super::words::{SENTENCES, TAGS};

/// Pushes a version of a ticket.
pub(super) fn render(
    out: &mut Vec<u8>,
    settings: &Settings,
    tickets: &Tickets,
    version: Version,
    with_metrics: bool,
) {
    // What stays through all versions is drawn from `stays`.
    let mut stays = Draw::new(settings.seed, Purpose::TicketVersion, u64::from(version.ticket));
    let place = u64::from(version.ticket) << 24 | u64::from(version.number) << 1 | 1;
    let mut draw = Draw::new(!settings.seed, Purpose::TicketVersion, place);
    let escape = match stays.below(12) {
        0 => Escape::Ascii,
        1 => Escape::Slashes,
        _ => Escape::Plain,
    };
    let deletion = tickets.deletion(version.ticket);
    let mut ticket = Object::open(out, escape);
    let fields_first = stays.percent(15);
    let fields = custom_fields(&mut draw, escape);
    if fields_first {
        ticket.member("custom_fields").extend_from_slice(&fields);
    }
    let id = version.id();
    let host = &settings.subdomain;
    ticket.text("url", &format!("https://{host}.zendesk.com/api/v2/tickets/{id}.json"));
    ticket.int("id", id);
    match stays.below(3) {
        0 => ticket.text("external_id", &format!("order/{:x}", stays.below(1 << 40))),
        _ => ticket.raw("external_id", "null"),
    }
    ticket.raw(
        "via",
        r#"{"channel":"email","source":{"from":{"address":"a@example.com","name":"A \u0022Q\u0022"},"to":{"id":17},"rel":null}}"#,
    );
    times(&mut ticket, tickets, version, &mut draw);
    text(&mut ticket, deletion, &mut stays);
    state(&mut ticket, deletion, &mut draw);
    people(&mut ticket, settings, &mut stays, &mut draw);
    if !fields_first {
        ticket.member("custom_fields").extend_from_slice(&fields);
    }
    ticket.raw("satisfaction_rating", r#"{"score":"unoffered"}"#);
    ticket.raw("sharing_agreement_ids", "[]");
    ticket.member("fields").extend_from_slice(&fields);
    closing(&mut ticket, &mut draw);
    if with_metrics {
        metrics(&mut ticket, version, deletion);
    }
    ticket.close();
}

/// `updated_at` stands still at changes that the system makes.
fn times(ticket: &mut Object<'_>, tickets: &Tickets, version: Version, draw: &mut Draw) {
    let created = tickets.created_at(version.ticket);
    let behind = if draw.percent(25) { draw.seconds(90_000) } else { 0 };
    ticket.time("created_at", created);
    ticket.time("updated_at", (version.time - behind).max(created));
    ticket.signed("generated_timestamp", version.time);
}

fn text(ticket: &mut Object<'_>, deletion: Deletion, stays: &mut Draw) {
    ticket.maybe_text("type", stays.pick(&[None, Some("incident"), Some("question")]));
    if deletion == Deletion::Scrubbed {
        ticket.text("subject", "SCRUBBED");
        ticket.text("raw_subject", "SCRUBBED");
        ticket.text("description", "X");
        return;
    }
    let subject = stays.pick(SENTENCES);
    ticket.text("subject", subject);
    ticket.text("raw_subject", subject);
    let mut description = String::new();
    for _ in 0..2 + stays.below(24) {
        description.push_str(stays.pick(SENTENCES));
        description.push_str(stays.pick(&[" ", " ", "\n", "\n\n", "\r\n", "\t"]));
    }
    ticket.text("description", &description);
}

fn state(ticket: &mut Object<'_>, deletion: Deletion, draw: &mut Draw) {
    let status = match deletion {
        Deletion::None => draw.pick(&["new", "open", "pending", "hold", "solved", "closed"]),
        _ => "deleted",
    };
    ticket.maybe_text("priority", draw.pick(&[None, Some("low"), Some("normal"), Some("urgent")]));
    ticket.text("status", status);
    ticket.maybe_text("recipient", draw.pick(&[None, Some("help@example.com")]));
}

fn people(ticket: &mut Object<'_>, settings: &Settings, stays: &mut Draw, draw: &mut Draw) {
    let count = settings.users.max(1) as u64;
    let requester = users::user_id(stays.below(count));
    ticket.int("requester_id", requester);
    ticket.int("submitter_id", requester);
    if draw.percent(30) {
        ticket.raw("assignee_id", "null");
    } else {
        ticket.int("assignee_id", users::user_id(draw.below(count)));
    }
    ticket.raw("organization_id", "null");
    ticket.int("group_id", 35_184_372_300_000 + stays.below(20));
    ticket.raw("collaborator_ids", "[]");
    ticket.raw("follower_ids", "[]");
    ticket.raw("email_cc_ids", "[]");
    ticket.raw("forum_topic_id", "null");
    ticket.raw("problem_id", "null");
    ticket.flag("has_incidents", false);
    ticket.flag("is_public", true);
    ticket.raw("due_at", "null");
    let mut tags = vec![b'['];
    for at in 0..draw.below(6) {
        if at > 0 {
            tags.push(b',');
        }
        string(&mut tags, draw.pick(TAGS), Escape::Plain);
    }
    tags.push(b']');
    ticket.member("tags").extend_from_slice(&tags);
}

fn custom_fields(draw: &mut Draw, escape: Escape) -> Vec<u8> {
    let mut out = Vec::with_capacity(1_400);
    out.push(b'[');
    for field in 0..22 + draw.below(8) {
        if field > 0 {
            out.push(b',');
        }
        out.extend_from_slice(br#"{"id":"#);
        int(&mut out, 35_184_372_400_000 + field * 11);
        out.extend_from_slice(br#","value":"#);
        match draw.below(12) {
            0 => out.extend_from_slice(b"1.50"),
            1 => out.extend_from_slice(b"1e3"),
            2 => out.extend_from_slice(br#"["a_b","c/d",null,{"deep":[[]]}]"#),
            3 => out.extend_from_slice(b"true"),
            4 => string(&mut out, draw.pick(TAGS), escape),
            5 => string(&mut out, draw.pick(SENTENCES), escape),
            6 => out.extend_from_slice(b"-12345678901234567890.125"),
            _ => out.extend_from_slice(b"null"),
        }
        out.push(b'}');
    }
    out.push(b']');
    out
}

fn closing(ticket: &mut Object<'_>, draw: &mut Draw) {
    ticket.int("custom_status_id", 35_184_372_500_000 + draw.below(9));
    ticket.text("encoded_id", &format!("{:06X}-{:04X}", draw.below(1 << 24), draw.below(1 << 16)));
    ticket.raw("followup_ids", "[]");
    ticket.int("ticket_form_id", 35_184_372_600_000);
    ticket.int("brand_id", 35_184_372_700_000);
    ticket.flag("allow_channelback", false);
    ticket.flag("allow_attachments", true);
    ticket.flag("from_messaging_channel", false);
    if draw.percent(3) {
        ticket.raw("zz_new_field", r#"{"id":1,"generated_timestamp":2,"updated_at":"never"}"#);
    }
}

fn metrics(ticket: &mut Object<'_>, version: Version, deletion: Deletion) {
    if deletion != Deletion::None {
        ticket.raw("metric_set", "null");
        return;
    }
    let (id, ticket_id) = (35_184_372_800_000 + version.id(), version.id());
    ticket.raw(
        "metric_set",
        &format!(
            "{{\"id\":{id},\"ticket_id\":{ticket_id},\"reopens\":0,\"replies\":2,\
             \"reply_time_in_minutes\":{{\"calendar\":2391,\"business\":737}}}}"
        ),
    );
}
