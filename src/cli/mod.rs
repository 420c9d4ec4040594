//! The command line: one file a command.
//!
//! Data goes to stdout, everything else to stderr; a closed pipe is success. Only this module and
//! the tests see the simulator, and only this module prints.

mod account;
mod address;
mod check;
mod checkpoint;
mod chosen;
mod demo;
mod failure;
mod format;
mod lambda;
mod login;
mod loopback;
mod man;
mod output;
mod pager;
mod progress;
mod read;
mod run;
mod schema;
mod simulate;
mod streams;
mod trial;
mod user;
mod validate;
mod verify;
mod when;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{ArgAction, Args, CommandFactory as _, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

pub use failure::Failure;

use crate::telemetry::{self, Color, LogFormat, LogSettings};

/// Read a Zendesk account as streams of events, and deliver every event once.
#[derive(Debug, Parser)]
#[command(name = "zenstream", version, about, max_term_width = 100, after_help = EXIT_CODES)]
pub struct Arguments {
    #[command(flatten)]
    global: GlobalArguments,
    #[command(subcommand)]
    command: Command,
}

const EXIT_CODES: &str = "\
Exit codes: 0 done, 1 the run failed, 2 wrong usage, 78 wrong config.

Try it without an account:  zenstream demo | head -3";

#[derive(Debug, Args)]
struct GlobalArguments {
    /// Say more on stderr (-v, -vv, -vvv).
    #[arg(short, long, action = ArgAction::Count, global = true, help_heading = "Messages")]
    verbose: u8,
    /// Say less on stderr: -q warnings, -qq errors only.
    #[arg(short, long, action = ArgAction::Count, global = true, help_heading = "Messages")]
    quiet: u8,
    /// The form of messages on stderr.
    #[arg(
        long,
        global = true,
        value_name = "FORMAT",
        env = "ZENSTREAM_LOG_FORMAT",
        default_value = "text",
        help_heading = "Messages"
    )]
    log_format: LogFormatArgument,
    /// Which messages to show, as tracing directives, `zenstream::pipeline=trace`.
    #[arg(
        long,
        global = true,
        value_name = "DIRECTIVES",
        env = "ZENSTREAM_LOG",
        hide_env_values = true,
        help_heading = "Messages"
    )]
    log: Option<String>,
    /// When to use colour.
    #[arg(
        long,
        global = true,
        value_name = "WHEN",
        default_value = "auto",
        help_heading = "Messages"
    )]
    color: ColorArgument,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum LogFormatArgument {
    Text,
    Json,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum ColorArgument {
    Auto,
    Always,
    Never,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run a config: collect its sources into its sinks.
    Run(run::Arguments),
    /// Run a config as an AWS Lambda function: one invocation, one `run --once`.
    Lambda(lambda::Arguments),
    /// Print records of one account, no config needed.
    Read(read::Arguments),
    /// Print a user's profile and last activities in the audit log.
    User(user::Arguments),
    /// List what can be read.
    Streams(streams::Arguments),
    /// Sign in and probe every stream and sink: what works, and what to grant.
    Check(check::Arguments),
    /// Show where each stream stands, or put it elsewhere.
    Checkpoint(checkpoint::Arguments),
    /// Sign in through the browser, and keep the tokens for the other commands.
    Login(login::Arguments),
    /// Prove that a destination holds every event of a period once and unchanged.
    Verify(verify::Arguments),
    /// Check config files without connecting to anything.
    Validate(validate::Arguments),
    /// Run the tests that config files have for their transforms.
    Test(trial::Arguments),
    /// Print a config skeleton, such as `zendesk//console,file`, or a schema's program.
    Generate(validate::GenerateArguments),
    /// Print the config's JSON Schema, for editors.
    Schema(schema::Arguments),
    /// Write the pages of the manual into a directory.
    #[command(hide = true)]
    Man(man::Arguments),
    /// Print the completion script of a shell.
    Completion {
        /// The shell.
        shell: Shell,
    },
    /// Serve a pretend Zendesk on a port.
    Simulate(simulate::Arguments),
    /// Collect from a pretend Zendesk to stdout: no account, no file, no service.
    Demo(demo::Arguments),
}

/// What to do without a config.
const NO_CONFIG: &str = "`zenstream generate > zenstream.yaml` makes a config to begin with, which ZENSTREAM_CONFIG \
    may name, too; `zenstream read` and `zenstream demo` need none";

impl Arguments {
    /// Reads the command line. Ends the process where it makes no sense, or asks for help alone.
    pub fn of_process() -> Self {
        Self::try_parse().unwrap_or_else(|error| with_tip(error).exit())
    }

    /// The form of messages on stderr, the last one included.
    pub fn log_format(&self) -> LogFormat {
        self.global.log_format()
    }
}

/// Runs the command that was asked for.
pub fn run(arguments: Arguments) -> Result<(), Failure> {
    let Arguments { global, command } = arguments;
    let log = global.log_settings(matches!(command, Command::Run(_) | Command::Lambda(_)));
    let colourful = global.is_colourful();
    telemetry::init(&log).map_err(|error| {
        let failure = Failure::usage(error.to_string());
        match error.hint() {
            Some(hint) => failure.with_hint(hint),
            None => failure,
        }
    })?;
    match command {
        Command::Run(arguments) => block_on(run::run(arguments, log.format)),
        Command::Lambda(arguments) => block_on(lambda::run(arguments)),
        Command::Read(arguments) => block_on_one_thread(read::run(arguments, colourful)),
        Command::User(arguments) => block_on(user::run(arguments, colourful)),
        Command::Streams(arguments) => streams::run(&arguments),
        Command::Check(arguments) => block_on(check::run(arguments, colourful)),
        Command::Checkpoint(arguments) => block_on(checkpoint::run(arguments)),
        Command::Login(arguments) => block_on(login::run(arguments)),
        Command::Verify(arguments) => block_on(verify::run(arguments)),
        Command::Validate(arguments) => validate::run(&arguments),
        Command::Test(arguments) => trial::run(&arguments),
        Command::Generate(arguments) => validate::generate(&arguments),
        Command::Schema(arguments) => schema::run(&arguments),
        Command::Man(arguments) => man::run(&arguments),
        Command::Completion { shell } => completion(shell),
        Command::Simulate(arguments) => block_on(simulate::run(arguments)),
        Command::Demo(arguments) => block_on(demo::run(arguments)),
    }
}

/// With what to do, where the config is not named.
fn with_tip(mut error: clap::Error) -> clap::Error {
    let missing = match error.get(ContextKind::InvalidArg) {
        Some(ContextValue::Strings(names)) => names.as_slice(),
        _ => &[],
    };
    let lacks_config = error.kind() == ErrorKind::MissingRequiredArgument
        && missing.iter().any(|name| name.contains("<FILE>"));
    if lacks_config {
        let tip = ContextValue::StyledStrs(vec![NO_CONFIG.into()]);
        error.insert(ContextKind::Suggested, tip);
    }
    error
}

fn block_on(command: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    block_on_runtime(&mut tokio::runtime::Builder::new_multi_thread(), command)
}

/// For a command that does one thing after the other: threads would only wake each other.
fn block_on_one_thread(command: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    block_on_runtime(&mut tokio::runtime::Builder::new_current_thread(), command)
}

fn block_on_runtime(
    runtime: &mut tokio::runtime::Builder,
    command: impl Future<Output = Result<(), Failure>>,
) -> Result<(), Failure> {
    let runtime = runtime.enable_all().build();
    let runtime = runtime.map_err(|error| Failure::run(format!("cannot start: {error}")))?;
    let result = runtime.block_on(command);
    // A blocked write must not hold the exit.
    runtime.shutdown_background();
    result
}

fn completion(shell: Shell) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), "zenstream", &mut script);
    output::print(&script)
}

impl GlobalArguments {
    fn log_format(&self) -> LogFormat {
        match self.log_format {
            LogFormatArgument::Text => LogFormat::Text,
            LogFormatArgument::Json => LogFormat::Json,
        }
    }

    /// Whether data is printed in colour.
    fn is_colourful(&self) -> bool {
        match self.color {
            ColorArgument::Auto => pager::is_colourful(),
            ColorArgument::Always => true,
            ColorArgument::Never => false,
        }
    }

    /// `run` tells what it does; the other commands only what is wrong.
    fn log_settings(&self, is_run: bool) -> LogSettings {
        let louder = i8::try_from(self.verbose).unwrap_or(i8::MAX);
        let quieter = i8::try_from(self.quiet).unwrap_or(i8::MAX);
        LogSettings {
            verbosity: louder.saturating_sub(quieter).saturating_sub(i8::from(!is_run)),
            format: self.log_format(),
            color: match self.color {
                ColorArgument::Auto => Color::Auto,
                ColorArgument::Always => Color::Always,
                ColorArgument::Never => Color::Never,
            },
            filter: self.log.clone(),
        }
    }
}
