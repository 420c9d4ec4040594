//! The filters that the audit log's list understands.
//!
//! A filter nobody knows is no filter: it is not even looked at here.

use jiff::Timestamp;

use super::audit::Facts;
use super::errors;
use super::query::Call;
use super::reply::Reply;
use super::settings::Settings;

/// What a request asks for.
#[derive(Debug, Default)]
pub(super) struct Filter {
    /// The first and the last second, both included.
    pub(super) created: Option<(i64, i64)>,
    source_types: Vec<String>,
    source_ids: Vec<String>,
    actor_ids: Vec<String>,
    ips: Vec<String>,
    actions: Vec<String>,
}

impl Filter {
    /// Reads the filters of a request.
    pub(super) fn read(call: &Call, settings: &Settings) -> Result<Self, Reply> {
        let texts = |name: &str| call.values(name).into_iter().map(str::to_owned).collect();
        Ok(Self {
            created: created(&call.values("filter[created_at]"), settings)?,
            source_types: texts("filter[source_type]"),
            source_ids: texts("filter[source_id]"),
            actor_ids: texts("filter[actor_id]"),
            ips: texts("filter[ip_address]"),
            actions: texts("filter[action]"),
        })
    }

    /// Whether it looks at more than the time.
    pub(super) fn looks_inside(&self) -> bool {
        [&self.source_types, &self.source_ids, &self.actor_ids, &self.ips, &self.actions]
            .iter()
            .any(|wanted| !wanted.is_empty())
    }

    /// Whether a log with these facts is asked for.
    pub(super) fn matches(&self, facts: &Facts) -> bool {
        let one_of = |wanted: &[String], text: &str| {
            wanted.is_empty() || wanted.iter().any(|value| value == text)
        };
        one_of(&self.source_types, facts.row.source_type)
            && one_of(&self.actions, facts.row.action)
            && one_of(&self.ips, facts.ip.as_deref().unwrap_or_default())
            && (self.source_ids.is_empty()
                || one_of(&self.source_ids, &facts.source_id.to_string()))
            && (self.actor_ids.is_empty() || one_of(&self.actor_ids, &facts.actor_id.to_string()))
    }
}

/// A pair is a span. What one value alone means is documented nowhere: it is ignored here.
fn created(values: &[&str], settings: &Settings) -> Result<Option<(i64, i64)>, Reply> {
    let [start, end] = values else {
        return Ok(None);
    };
    let read = |text: &str| {
        text.parse::<Timestamp>()
            .map_err(|_| errors::invalid_value("Invalid value for filter[created_at]"))
    };
    let (start, end) = (read(start)?, read(end)?);
    let fraction = i64::from(start.subsec_nanosecond() > 0);
    Ok(Some((
        start.as_second() + fraction.max(i64::from(settings.filter_start_exclusive)),
        end.as_second() - i64::from(settings.filter_end_exclusive),
    )))
}
