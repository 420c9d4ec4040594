//! Telling records apart, to compare what was delivered with what there is.

use std::collections::{BTreeMap, HashMap};

use serde_json::Value;

/// The id of a line, with its version where it has one.
pub(crate) fn id_of(line: &str) -> String {
    let record: Value = serde_json::from_str(line).unwrap_or_else(|e| panic!("{e} in {line}"));
    let version = record.get("generated_timestamp").map(|at| format!("@{at}"));
    format!("{}{}", record["id"], version.unwrap_or_default())
}

/// Lines by id; panics on an id that is there twice.
pub(crate) fn by_id(lines: &[String], place: &str) -> BTreeMap<String, String> {
    let mut ids = BTreeMap::new();
    for line in lines {
        let id = id_of(line);
        assert!(ids.insert(id.clone(), line.clone()).is_none(), "{id} is in {place} twice");
    }
    ids
}

/// How often each id is there.
pub(crate) fn counts(lines: &[String]) -> HashMap<String, usize> {
    let mut counts = HashMap::new();
    for line in lines {
        *counts.entry(id_of(line)).or_default() += 1;
    }
    counts
}
