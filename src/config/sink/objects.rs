//! What sinks that write objects have in common beyond what all sinks have.

use std::time::Duration;

use crate::config::node::Path;
use crate::config::problem::Finding;
use crate::pipeline::BatchSettings;
use crate::sinks::ObjectSettings;

/// How much goes into one object without being told; as in Vector.
pub(super) const BATCH: BatchSettings = BatchSettings {
    max_bytes: 10_000_000,
    max_events: usize::MAX,
    max_age: Duration::from_secs(300),
};

/// The sink itself knows which keys it can make; to ask it touches nothing.
pub(super) fn check(object: &ObjectSettings, path: &Path) -> Result<(), Finding> {
    object.check().map_err(|error| {
        let finding = Finding::new(path, error.message);
        match error.hint {
            Some(hint) => finding.hint(hint),
            None => finding,
        }
    })
}
