//! The program: parse, run, print one error with its hint, leave with the right code.

use std::process::ExitCode;

use zenstream::cli::{self, Arguments};

fn main() -> ExitCode {
    let arguments = Arguments::of_process();
    let form = arguments.log_format();
    match cli::run(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            failure.print(form);
            ExitCode::from(failure.code())
        }
    }
}
