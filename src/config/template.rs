//! The template of a file's path: `{{ stream }}` and strftime codes, after a literal.
//!
//! Checks it before the first event. That what is put in cannot leave the literal is the sink's
//! business.

use jiff::Timestamp;
use jiff::fmt::strtime;
use jiff::tz::TimeZone;

use super::node::Path;
use super::problem::{Finding, suggestion};

/// What travels beside an event.
const FIELDS: &[&str] =
    &["source", "stream", "subdomain", "id", "event_time", "ingest_time", "partition"];

/// Refuses a template that could not be rendered, or whose files could be anywhere.
pub(super) fn check(template: &str, path: &Path) -> Result<(), Finding> {
    if template.split('/').any(|step| step == "..") {
        return Err(Finding::new(path, format!("`{template}` must not hold `..`")));
    }
    let literal = template.split(['%', '{']).next().unwrap_or_default();
    if literal.trim_matches(['/', '.']).is_empty() {
        let message = format!("`{template}` must begin with a literal directory or name");
        return Err(Finding::new(path, message).hint("for example `/var/log/zendesk/{{ stream }}`"));
    }
    let mut codes = String::new();
    let mut rest = template;
    while let Some((before, placeholder)) = rest.split_once("{{") {
        let (field, after) = placeholder.split_once("}}").ok_or_else(|| {
            Finding::new(path, format!("`{template}` has a `{{{{` without its `}}}}`"))
        })?;
        let field = field.trim();
        if !FIELDS.contains(&field) {
            let message = format!("`{template}` asks for the unknown `{field}`");
            let hint = suggestion(field, FIELDS.iter().copied(), "there are");
            return Err(Finding::new(path, message).hint(hint));
        }
        codes.push_str(before);
        rest = after;
    }
    codes.push_str(rest);
    let time = Timestamp::UNIX_EPOCH.to_zoned(TimeZone::UTC);
    strtime::format(&codes, &time).map(drop).map_err(|error| {
        Finding::new(path, format!("`{template}` has a time code that is not known: {error}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_begins_with_a_literal_and_asks_for_what_there_is() {
        let table = [
            ("/var/log/z/{{ stream }}/%F.ndjson", true),
            ("out-{{source}}.ndjson", true),
            ("out/%Y/%m/%d/{{ subdomain }}-100%%.log", true),
            ("plain.ndjson", true),
            ("out..ndjson", true),
            ("{{ stream }}/x", false),
            ("%F/x", false),
            ("/{{ stream }}", false),
            ("./{{ stream }}", false),
            ("/", false),
            ("out/../{{ stream }}", false),
            ("../out", false),
            ("out/{{ strem }}", false),
            ("out/{{ stream", false),
            ("out/{{ }}", false),
            ("out/%!", false),
        ];
        for (template, fits) in table {
            assert_eq!(check(template, &Path::default()).is_ok(), fits, "{template}");
        }
    }
}
