//! `validate` and `generate`: configs, without connecting to anything.

use std::path::PathBuf;

use clap::Args;

use super::{Failure, output};
use crate::config::{self, ProcessEnvironment};
use crate::webhook::Kind;

/// What to check.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Config files, merged as `run` would.
    #[arg(value_name = "FILE", required = true, env = "ZENSTREAM_CONFIG", value_delimiter = ',')]
    files: Vec<PathBuf>,
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let config = config::load(&arguments.files, &ProcessEnvironment)?;
    output::warn(&config.warnings);
    let streams: usize = config.sources.iter().map(|source| source.streams.len()).sum();
    let streams = streams + Kind::ALL.len() * config.webhooks.len() + config.internal.len();
    let summary = format!(
        "valid: {} source(s), {streams} stream(s), {}{} sink(s); nothing was connected to\n",
        config.sources.len() + config.webhooks.len() + config.internal.len(),
        match config.transforms.len() {
            0 => String::new(),
            transforms => format!("{transforms} transform(s), "),
        },
        config.sinks.len()
    );
    output::print(summary.as_bytes())
}

/// What to make.
#[derive(Debug, Args)]
pub(super) struct GenerateArguments {
    /// Component types, `SOURCES/TRANSFORMS/SINKS`; several separated by commas, each with a name if
    /// you like: `acme:zendesk//out:console,archive:file`.
    #[arg(value_name = "COMPONENTS", default_value = "zendesk//console")]
    expression: String,
}

pub(super) fn generate(arguments: &GenerateArguments) -> Result<(), Failure> {
    // An expression is part of the command line, not of a config.
    let config = config::generate(&arguments.expression)
        .map_err(|error| Failure::from(error).into_usage())?;
    output::print(config.as_bytes())
}
