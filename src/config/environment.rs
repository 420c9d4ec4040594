//! The variables that a config may refer to.
//!
//! Behind a seam, so that a test needs no variables of its process, which all tests share.

use std::collections::HashMap;
use std::hash::BuildHasher;
use std::path::PathBuf;

/// Where variables come from.
pub trait Environment {
    /// The value of a variable; none if it is not set or not text.
    fn variable(&self, name: &str) -> Option<String>;
}

/// The variables of this process.
#[derive(Debug, Clone, Copy, Default)]
pub struct ProcessEnvironment;

impl Environment for ProcessEnvironment {
    fn variable(&self, name: &str) -> Option<String> {
        std::env::var(name).ok()
    }
}

impl<S: BuildHasher> Environment for HashMap<String, String, S> {
    fn variable(&self, name: &str) -> Option<String> {
        self.get(name).cloned()
    }
}

/// Where state is kept if the config does not say: `$XDG_STATE_HOME/zenstream`, else
/// `~/.local/state/zenstream`. None where there is no home directory either.
pub fn default_data_dir(environment: &dyn Environment) -> Option<PathBuf> {
    // The XDG specification has relative paths ignored.
    let directory =
        |name| environment.variable(name).map(PathBuf::from).filter(|p| p.is_absolute());
    let state = directory("XDG_STATE_HOME")
        .or_else(|| directory("HOME").map(|home| home.join(".local").join("state")))?;
    Some(state.join("zenstream"))
}
