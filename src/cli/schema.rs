//! `schema`: the config's JSON Schema, for editors.

use clap::Args;

use super::{Failure, output};
use crate::config;

const EXAMPLES: &str = "\
Examples:
  zenstream schema > zenstream.schema.json
Then the first line of a config has an editor with a YAML language server complete and check it:
  # yaml-language-server: $schema=./zenstream.schema.json";

/// There is nothing to choose.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {}

pub(super) fn run(_arguments: &Arguments) -> Result<(), Failure> {
    // Values always have a JSON form.
    let mut text = serde_json::to_vec_pretty(&config::schema()).unwrap_or_default();
    text.push(b'\n');
    output::print(&text)
}
