//! How a list is asked for a span of time.

use jiff::Timestamp;

use crate::streams::{StreamSettings, TimeFilter, TimeForm};
use crate::zendesk::PageRequest;

/// Asks how many records there are from one second to another.
pub(in crate::streams) fn count_request(
    filter: &TimeFilter,
    settings: &StreamSettings,
    first: i64,
    last: i64,
) -> PageRequest {
    let request = PageRequest::new(settings.spec.path).with("per_page", "1");
    filtered(filter, settings, request, first, last)
}

/// With the filters of the time and of the settings.
pub(super) fn filtered(
    filter: &TimeFilter,
    settings: &StreamSettings,
    mut request: PageRequest,
    first: i64,
    last: i64,
) -> PageRequest {
    request = request
        .with(filter.start, written(filter.form, first))
        .with(filter.end, written(filter.form, last));
    for (field, values) in &settings.filter {
        let name = if filter.brackets { format!("filter[{field}]") } else { field.clone() };
        let brackets = if values.len() > 1 { "[]" } else { "" };
        for value in values {
            request = request.with(&format!("{name}{brackets}"), value.as_str());
        }
    }
    request
}

/// A second as a parameter has it.
pub(super) fn written(form: TimeForm, second: i64) -> String {
    match form {
        TimeForm::Rfc3339 => {
            Timestamp::from_second(second).unwrap_or(Timestamp::UNIX_EPOCH).to_string()
        }
        TimeForm::Epoch => second.to_string(),
    }
}
