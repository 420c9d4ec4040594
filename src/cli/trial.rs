//! `test`: the tests that a config has for its transforms. Reads no source and writes to no sink.

use std::path::PathBuf;

use clap::Args;

use super::{Failure, output};
use crate::config::{self, ProcessEnvironment, Trials};

/// What to test.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLE)]
pub(super) struct Arguments {
    /// Config files, merged as `run` would; of them only `transforms` and `tests` count.
    #[arg(value_name = "FILE", required = true, env = "ZENSTREAM_CONFIG", value_delimiter = ',')]
    files: Vec<PathBuf>,
}

const EXAMPLE: &str = "\
Example of a test, as in Vector:
  tests:
    - name: logins are kept
      inputs:
        - insert_at: logins
          type: log
          log_fields: { action: login }
      outputs:
        - extract_from: logins
          conditions: ['.action == \"login\"']";

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let Trials { steps, trials, warnings } =
        config::load_trials(&arguments.files, &ProcessEnvironment)?;
    output::warn(&warnings);
    output::print(b"Running tests\n")?;
    if trials.is_empty() {
        return output::print(b"No tests found.\n");
    }
    let mut failures = String::new();
    let mut failed = 0;
    for trial in &trials {
        let errors = trial.run(&steps);
        let result = if errors.is_empty() { "passed" } else { "failed" };
        output::print(format!("test {} ... {result}\n", trial.name).as_bytes())?;
        if !errors.is_empty() {
            failed += 1;
            failures.extend(["\ntest ", &trial.name, ":\n\n", &errors.join("\n"), "\n"]);
        }
    }
    if failed == 0 {
        return Ok(());
    }
    output::print(format!("\nfailures:\n{failures}").as_bytes())?;
    Err(Failure::run(format!("{failed} of {} tests failed", trials.len())))
}
