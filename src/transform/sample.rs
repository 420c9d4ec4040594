//! `sample`: one event in so many.
//!
//! Which ones is decided by a hash of their ids, or of the field that keeps related ones
//! together: the same events are kept when a page is read again after a crash.

use vrl::compiler::runtime::Runtime;
use vrl::path::OwnedTargetPath;
use xxhash_rust::xxh3::Xxh3;

use super::Made;
use super::item::Item;
use super::program::Condition;
use super::text::{FieldText, field};

/// How many events are kept.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Rate {
    /// One in so many, at least 1.
    OneIn(u64),
    /// This part of them, above 0 and up to 1.
    Ratio(f64),
}

/// The `sample` of a config.
#[derive(Debug, Clone)]
pub struct Sample {
    /// How many events are kept.
    pub rate: Rate,
    /// Events in which this field is the same are kept together, or dropped together.
    pub key_field: Option<OwnedTargetPath>,
    /// Each group is sampled apart.
    pub group_by: Option<FieldText>,
    /// What is kept in any case.
    pub exclude: Option<Condition>,
    /// Where the rate is put in an event that was kept; none: nowhere.
    pub sample_rate_key: Option<OwnedTargetPath>,
}

impl Rate {
    fn keeps(self, hash: u64) -> bool {
        match self {
            Self::OneIn(many) => hash.is_multiple_of(many.max(1)),
            #[expect(
                clippy::cast_precision_loss,
                reason = "the odds need no more than 53 bits of the hash"
            )]
            Self::Ratio(ratio) => ((hash >> 11) as f64) < ratio * (1_u64 << 53) as f64,
        }
    }

    fn text(self) -> String {
        match self {
            Self::OneIn(many) => many.to_string(),
            Self::Ratio(ratio) => ratio.to_string(),
        }
    }
}

impl Sample {
    pub(super) fn apply(&self, mut item: Item, runtime: &mut Runtime, made: &mut Made) {
        let is_excluded =
            self.exclude.as_ref().is_some_and(|it| it.holds(&mut item, runtime, made));
        if is_excluded {
            return made.emit(0, item);
        }
        if !self.rate.keeps(self.hash(&mut item)) {
            return made.discard();
        }
        if let Some(path) = &self.sample_rate_key {
            item.annotate(path, self.rate.text().into());
        }
        made.emit(0, item);
    }

    fn hash(&self, item: &mut Item) -> u64 {
        let mut hash = Xxh3::new();
        if let Some(group) = self.group_by.as_ref().and_then(|group| group.of(item)) {
            hash.update(group.as_bytes());
            hash.update(b"\n");
        }
        match self.key_field.as_ref().and_then(|path| field(path, item)) {
            Some(key) => hash.update(key.as_bytes()),
            None => hash.update(item.id().to_string().as_bytes()),
        }
        hash.digest()
    }
}
