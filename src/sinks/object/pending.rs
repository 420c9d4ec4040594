//! An object that is going to be put, and what is said where it cannot be. It puts nothing itself.

use std::sync::atomic::AtomicBool;

use super::intent::Intent;
use crate::buckets::NewObject;
use crate::sinks::{SinkError, SinkErrorKind};

/// An object on its way.
#[derive(Debug)]
pub(super) struct Pending {
    pub(super) intent: Intent,
    pub(super) object: NewObject,
    /// Whether it takes the key of an object of a former run.
    pub(super) takes_over: bool,
    /// Whether it is there. It is not put again because another of its batch failed.
    pub(super) done: AtomicBool,
}

impl Pending {
    /// What is said where it cannot be put. Whoever mended a prefix that was refused would not
    /// know why it is refused again.
    pub(super) fn failed(&self, error: SinkError) -> SinkError {
        if !self.takes_over || error.kind != SinkErrorKind::Config {
            return error;
        }
        let SinkError { kind, message, hint } = error;
        let key = &self.intent.key;
        let message = format!("{message} (`{key}`, which a former run was about to put)");
        let also = "a former run may still be putting this object, so these events cannot go \
                    elsewhere, whatever the prefix is now; let it be put there once";
        let hint = hint.map_or_else(|| also.to_owned(), |hint| format!("{hint}; {also}"));
        SinkError::new(kind, message).with_hint(hint)
    }
}
