//! `sample`: how many events are kept, and which of them together.

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::program::condition;
use super::{Found, SHARED};
use crate::config::node::{Node, Path};
use crate::config::problem::Finding;
use crate::config::read::read_rest;
use crate::transform::{Condition, FieldText, Rate, Sample, path as field_path};

/// Where the rate is put; as in Vector.
const SAMPLE_RATE_KEY: &str = "sample_rate";

/// `transforms.*` of type `sample`
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    rate: Option<u64>,
    ratio: Option<f64>,
    key_field: Option<String>,
    group_by: Option<String>,
    #[serde(rename = "exclude")]
    _exclude: Option<IgnoredAny>,
    sample_rate_key: Option<String>,
}

pub(super) fn sample(node: &Node, path: &Path, found: &mut Found<'_>) -> Option<Sample> {
    let written: Written = found.findings.keep(read_rest(node, path, SHARED))?;
    let rate = found.findings.keep(rate(&written, path));
    let mut at = |key: &str, text: Option<&str>| {
        let parsed = text.map(field_path).transpose();
        found.findings.keep(parsed.map_err(|message| Finding::new(&path.key(key), message)))
    };
    let key_field = at("key_field", written.key_field.as_deref());
    let rate_key = written.sample_rate_key.as_deref().unwrap_or(SAMPLE_RATE_KEY);
    let sample_rate_key = at("sample_rate_key", Some(rate_key).filter(|key| !key.is_empty()));
    let group_by = template(written.group_by.as_deref(), &path.key("group_by"));
    let group_by = found.findings.keep(group_by);
    let exclude = exclude(node, path, found);
    Some(Sample {
        rate: rate?,
        key_field: key_field?,
        group_by: group_by?,
        exclude: exclude.ok()?,
        sample_rate_key: sample_rate_key?,
    })
}

fn rate(written: &Written, path: &Path) -> Result<Rate, Finding> {
    match (written.rate, written.ratio) {
        (Some(0), None) => Err(Finding::new(&path.key("rate"), "must be 1 or more")),
        (Some(rate), None) => Ok(Rate::OneIn(rate)),
        (None, Some(ratio)) if ratio > 0.0 && ratio <= 1.0 => Ok(Rate::Ratio(ratio)),
        (None, Some(_)) => Err(Finding::new(&path.key("ratio"), "must be above 0 and up to 1")),
        (Some(_), Some(_)) | (None, None) => {
            Err(Finding::new(path, "needs `rate` or `ratio`, and only one of them")
                .hint("`rate: 10` keeps one event in ten, `ratio: 0.1` a tenth"))
        }
    }
}

/// A template that is understood; nothing, where nothing is written.
pub(super) fn template(text: Option<&str>, path: &Path) -> Result<Option<FieldText>, Finding> {
    text.map(FieldText::parse).transpose().map_err(|message| {
        Finding::new(path, message).hint("fields are written `{{ actor_name }}`")
    })
}

/// The condition under which an event is left alone, if there is one. What is wrong with it is
/// noted.
pub(super) fn exclude(
    node: &Node,
    path: &Path,
    found: &mut Found<'_>,
) -> Result<Option<Condition>, ()> {
    match node.get("exclude") {
        Some(node) => condition(node, &path.key("exclude"), found).map(Some).ok_or(()),
        None => Ok(None),
    }
}
