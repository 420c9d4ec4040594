//! What a report comes to, in words: what was found, and what to do about it. It reads and writes
//! nothing but the report.

use jiff::SignedDuration;
use serde_json::Value;

use super::Arguments;
use crate::cli::Failure;
use crate::verify::{Kind, Report};

/// Findings of a kind that are shown; the report has all of them.
const SHOWN_MAX: usize = 20;

/// What has all findings, for whoever is shown some.
pub(super) fn all_in(arguments: &Arguments) -> String {
    match &arguments.report {
        Some(path) => format!("{} has all", path.display()),
        None => "`--report FILE` has all".to_owned(),
    }
}

pub(super) fn summary(head: &Value, report: &mut Report, all_in: &str) -> Result<String, Failure> {
    let text = |key: &str| head[key].as_str().unwrap_or_default().to_owned();
    let places = head["against"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let counts = report.counts.clone();
    let mut lines = vec![
        format!(
            "{} of {}, {} to {}",
            text("stream"),
            text("account"),
            text("since"),
            text("until")
        ),
        format!("against {}", places.collect::<Vec<_>>().join(", ")),
        String::new(),
        format!("account      {} events", counts.account),
        format!("destination  {} events, {} objects", counts.destination, counts.objects),
        format!("             {} lines of another time or stream", counts.outside),
    ];
    let found = counts.found;
    for (name, count) in [
        ("missing", found.missing),
        ("doubled", found.doubled),
        ("altered", found.altered),
        ("unexpected", found.unexpected),
        ("superseded", found.superseded),
        ("unreadable", counts.unreadable),
    ] {
        lines.push(format!("{name:<12} {count}"));
    }
    lines.push(format!("digest       sha256:{}", report.account_digest));
    if report.destination_digest != report.account_digest {
        lines.push(format!("             sha256:{} (destination)", report.destination_digest));
    }
    for (kind, count) in [
        (Kind::Missing, found.missing),
        (Kind::Doubled, found.doubled),
        (Kind::Altered, found.altered),
        (Kind::Unexpected, found.unexpected),
    ] {
        let shown = report.first(kind, SHOWN_MAX)?;
        lines.extend(shown.iter().map(|finding| in_a_line(kind, finding)));
        lines.extend(and_more(kind.name(), count, shown.len(), all_in));
    }
    let shown = report.unreadable.iter().take(SHOWN_MAX);
    let shown = shown.map(|it| format!("unreadable {}:{} {}", it.object, it.line, it.reason));
    lines.extend(shown);
    let shown = report.unreadable.len().min(SHOWN_MAX);
    lines.extend(and_more("unreadable", counts.unreadable, shown, &all_in.replace("all", "more")));
    Ok(lines.join("\n") + "\n")
}

/// `missing 123 2024-05-01T10:00:00Z PLACE...`: what was found, its hour, and where.
fn in_a_line(kind: Kind, finding: &Value) -> String {
    let words = [&finding["id"], &finding["hour"]].into_iter().filter_map(Value::as_str);
    let places = finding["places"].as_array().into_iter().flatten();
    let places = places.filter_map(Value::as_str).take(3);
    [kind.name()].into_iter().chain(words).chain(places).collect::<Vec<_>>().join(" ")
}

/// That not all are shown, where that is so.
fn and_more(kind: &str, count: u64, shown: usize, all_in: &str) -> Option<String> {
    let more = count.saturating_sub(shown as u64);
    (more > 0).then(|| format!("{kind} and {more} more: {all_in}"))
}

/// What is wrong, if anything is. `gone` is how many messages topics had that are no longer there.
pub(super) fn verdict(
    stream: &str,
    report: &mut Report,
    gone: u64,
    all_in: &str,
) -> Result<Option<Failure>, Failure> {
    if report.is_clean() {
        return Ok(None);
    }
    let (found, unreadable) = (report.counts.found, report.counts.unreadable);
    let kinds = [
        (found.missing, "missing"),
        (found.doubled, "doubled"),
        (found.altered, "altered"),
        (found.unexpected, "unexpected"),
        (unreadable, "unreadable"),
    ];
    let told = kinds.iter().filter(|(count, _)| *count > 0);
    let told: Vec<String> = told.map(|(count, kind)| format!("{count} {kind}")).collect();
    let failure = Failure::run(format!("not verified: {}", told.join(", ")));
    Ok(Some(if found.missing > 0 && gone > 0 {
        failure.with_hint(format!(
            "the first {gone} offsets are gone from the topics: retention deletes from there (`retention.ms`); let `--since` begin later, or keep an archive in a bucket"
        ))
    } else if found.missing > 0 {
        let read = to_fetch_again(stream, report, Kind::Missing, all_in)?;
        failure.with_hint(format!(
            "{read} prints what is missing, and only that; after `checkpoint set` a run would deliver what is there a second time"
        ))
    } else if found.altered > 0 {
        let read = to_fetch_again(stream, report, Kind::Altered, all_in)?;
        failure.with_hint(format!(
            "{read} prints the lines as Zendesk has them; a transform before the sink changes lines, and so does whoever writes there"
        ))
    } else if found.doubled > 0 {
        failure.with_hint(
            "after the id of each stands where its lines are: keep one of them, and whoever reads may drop the others by the id",
        )
    } else if found.unexpected > 0 {
        failure.with_hint("let `--against` point to this stream's lines alone")
    } else {
        failure
    }))
}

/// How what is missing or altered is had again, and nothing beside it twice.
fn to_fetch_again(
    stream: &str,
    report: &mut Report,
    kind: Kind,
    all_in: &str,
) -> Result<String, Failure> {
    let listed = report.first(kind, SHOWN_MAX)?;
    let ids: Vec<&str> = listed.iter().filter_map(|finding| finding["id"].as_str()).collect();
    let all = report.counts.found.of(kind) == ids.len() as u64;
    let (ids, of_ids) = if all {
        (ids.join(","), String::new())
    } else {
        ("ID,ID...".to_owned(), format!(" (the ids: {all_in})"))
    };
    let mut lacking = report.hours.iter().filter(|(_, counts)| counts.found.of(kind) > 0);
    let (first, last) = (lacking.next(), lacking.next_back());
    let period = first.and_then(|(first, _)| {
        let last = last.map_or(*first, |(last, _)| *last)?;
        let end = last.checked_add(SignedDuration::from_hours(1)).ok()?;
        Some(format!("--since {} --until {end}", (*first)?))
    });
    let period = period.unwrap_or_else(|| "--since ... --until ...".to_owned());
    Ok(format!("`zenstream read {stream} {period} --id {ids}`{of_ids}"))
}
