//! `validate` and `generate`: configs, without connecting to anything.

use std::path::PathBuf;

use clap::builder::PossibleValuesParser;
use clap::{Args, Subcommand};

use super::{Failure, output};
use crate::config::{self, ProcessEnvironment, SignIn};
use crate::transform::Schema;
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

const GENERATE_EXAMPLES: &str = "\
Examples:
  zenstream generate zendesk//console,file > zenstream.yaml
  zenstream generate --auth bearer zendesk//aws_s3 > zenstream.yaml
  zenstream generate vrl                      # which schemas there are
  zenstream generate vrl ecs > ecs.vrl        # then `type: remap` with `file: ecs.vrl`";

/// What to make.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, disable_help_subcommand = true)]
#[command(after_help = GENERATE_EXAMPLES)]
pub(super) struct GenerateArguments {
    /// Component types, `SOURCES/TRANSFORMS/SINKS`; several separated by commas, each with a name if
    /// you like: `acme:zendesk//out:console,archive:file`.
    #[arg(value_name = "COMPONENTS", default_value = "zendesk//console")]
    expression: String,
    /// How sources sign in. Without it: as the environment can, by the variables that `read` takes.
    #[arg(long, value_name = "STRATEGY", value_parser = PossibleValuesParser::new(SignIn::STRATEGIES))]
    auth: Option<String>,
    #[command(subcommand)]
    generated: Option<Generated>,
}

/// What can be made beside a config.
#[derive(Debug, Subcommand)]
enum Generated {
    /// Print the VRL program of a schema, to change it and run it as a `file`.
    Vrl {
        /// The schema; without it, what there is.
        #[arg(value_parser = PossibleValuesParser::new(Schema::NAMES))]
        schema: Option<String>,
    },
}

pub(super) fn generate(arguments: &GenerateArguments) -> Result<(), Failure> {
    if let Some(Generated::Vrl { schema }) = &arguments.generated {
        return match schema.as_deref().and_then(Schema::named) {
            Some(schema) => output::print(schema.program().as_bytes()),
            None => output::print(schemas().as_bytes()),
        };
    }
    // An expression is part of the command line, not of a config.
    let sign_in = SignIn::of_environment(&ProcessEnvironment, arguments.auth.as_deref());
    let config = config::generate(&arguments.expression, sign_in)
        .map_err(|error| Failure::from(error).into_usage())?;
    output::print(config.as_bytes())
}

fn schemas() -> String {
    let rows = Schema::ALL.map(|it| vec![it.name().to_owned(), it.about().to_owned()]);
    output::table(&["schema", "is"], rows)
}
