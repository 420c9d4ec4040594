//! An event that is looked at and not changed: what conditions see.

use vrl::compiler::{SecretTarget, Target};
use vrl::path::{OwnedTargetPath, PathPrefix};
use vrl::value::Value;

/// Said to a program that would change what it may only look at. The compiler refuses such
/// programs, so nobody hears it.
const READ_ONLY: &str = "a condition changes nothing";

/// An event's value and metadata.
#[derive(Debug)]
pub(super) struct View<'a> {
    pub(super) value: &'a Value,
    pub(super) metadata: &'a Value,
}

impl Target for View<'_> {
    fn target_insert(&mut self, _: &OwnedTargetPath, _: Value) -> Result<(), String> {
        Err(READ_ONLY.to_owned())
    }

    fn target_get(&self, path: &OwnedTargetPath) -> Result<Option<&Value>, String> {
        Ok(match path.prefix {
            PathPrefix::Event => self.value.get(&path.path),
            PathPrefix::Metadata => self.metadata.get(&path.path),
        })
    }

    fn target_get_mut(&mut self, _: &OwnedTargetPath) -> Result<Option<&mut Value>, String> {
        Err(READ_ONLY.to_owned())
    }

    fn target_remove(&mut self, _: &OwnedTargetPath, _: bool) -> Result<Option<Value>, String> {
        Err(READ_ONLY.to_owned())
    }
}

impl SecretTarget for View<'_> {
    fn get_secret(&self, _: &str) -> Option<&str> {
        None
    }

    fn insert_secret(&mut self, _: &str, _: &str) {}

    fn remove_secret(&mut self, _: &str) {}
}
