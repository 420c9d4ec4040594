//! `man`: the manual, a page a command, made from the same text as `--help`.

use std::path::PathBuf;

use clap::{Args, CommandFactory as _};

use super::{Failure, output};

/// Where to.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The directory that the pages are written to, such as `/usr/local/share/man/man1`.
    directory: PathBuf,
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let directory = &arguments.directory;
    let written = std::fs::create_dir_all(directory)
        .and_then(|()| clap_mangen::generate_to(super::Arguments::command(), directory));
    written.map_err(|error| {
        Failure::run(format!("cannot write to {}: {error}", directory.display()))
            .with_hint("choose a directory that can be written to")
    })?;
    output::tell(&format!("written to {}", directory.display()));
    Ok(())
}
