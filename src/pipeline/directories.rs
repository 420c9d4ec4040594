//! Which transforms want to know who is who, and whom they ask: always the account that the event
//! came from.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::plan::SourcePlan;
use super::topology::Pipeline;
use super::transforms::Directories;
use crate::directory::{Directory, DirectorySettings};
use crate::transform::{Lookup, Step};

/// By source: a directory for each transform that needs one, shared by all streams of the source.
pub(super) fn directories(sources: &[SourcePlan], steps: &[Step]) -> BTreeMap<String, Directories> {
    let of_source = |source: &SourcePlan| {
        let wanting = steps.iter().enumerate();
        let wanting = wanting.filter_map(|(place, step)| Some((place, step.transform.lookup()?)));
        let open = |lookup| Arc::new(Directory::new(Arc::clone(&source.client), settings(lookup)));
        wanting.map(|(place, lookup)| (place, open(lookup))).collect()
    };
    sources.iter().map(|source| (source.name.clone(), of_source(source))).collect()
}

fn settings(lookup: &Lookup) -> DirectorySettings {
    DirectorySettings {
        timeout: lookup.timeout,
        max_entries: lookup.max_entries,
        ttl: lookup.ttl,
        negative_ttl: lookup.negative_ttl,
        members: lookup.members.clone(),
    }
}

/// The transforms behind a source that look users up, by name.
pub fn lookups<'s>(steps: &'s [Step], source: &str) -> Vec<&'s str> {
    let of_source =
        |input: &String| input.strip_prefix(source).is_some_and(|output| output.starts_with('.'));
    let mut behind: BTreeSet<usize> = BTreeSet::new();
    // A way through all of them is not longer than this.
    for _ in steps {
        let outputs: BTreeSet<String> =
            behind.iter().flat_map(|at| steps[*at].transform.outputs()).collect();
        let takes = |step: &Step| {
            step.inputs.iter().any(|input| of_source(input) || outputs.contains(input))
        };
        behind.extend(steps.iter().enumerate().filter(|(_, it)| takes(it)).map(|(at, _)| at));
    }
    let behind = behind.into_iter().map(|at| &steps[at].transform);
    behind.filter(|it| it.lookup().is_some()).map(|it| it.name()).collect()
}

impl Pipeline {
    /// Who is asked about the events of a source. Those of a webhook come from an account that
    /// another source may read.
    pub(super) fn directories_of(&self, source: &str) -> Directories {
        let webhook = self.webhooks.iter().find(|webhook| webhook.source == source);
        let account = match webhook {
            Some(webhook) => self.sources.iter().find(|source| {
                source.streams.iter().any(|(stream, _)| stream.subdomain == webhook.subdomain)
            }),
            None => self.sources.iter().find(|known| known.name == source),
        };
        let known = account.and_then(|account| self.directories.get(&account.name));
        known.cloned().unwrap_or_default()
    }
}
