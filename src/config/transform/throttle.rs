//! `throttle`: how many events pass in which time.

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::sample::{exclude, template};
use super::{Found, SHARED};
use crate::config::node::{Node, Path};
use crate::config::problem::Finding;
use crate::config::read::read_rest;
use crate::config::written::Seconds;
use crate::transform::{Limits, Throttle};

/// `transforms.*` of type `throttle`
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    threshold: u32,
    window_secs: Seconds,
    key_field: Option<String>,
    #[serde(rename = "exclude")]
    _exclude: Option<IgnoredAny>,
}

pub(super) fn throttle(node: &Node, path: &Path, found: &mut Found<'_>) -> Option<Throttle> {
    let written: Written = found.findings.keep(read_rest(node, path, SHARED))?;
    let Written { threshold, window_secs: Seconds(window), .. } = written;
    for (key, is_zero) in [("threshold", threshold == 0), ("window_secs", window.is_zero())] {
        if is_zero {
            found.findings.push(Finding::new(&path.key(key), "must be more than 0"));
        }
    }
    let key_field = template(written.key_field.as_deref(), &path.key("key_field"));
    let key_field = found.findings.keep(key_field);
    let exclude = exclude(node, path, found);
    Some(Throttle::new(Limits { threshold, window, key_field: key_field?, exclude: exclude.ok()? }))
}
