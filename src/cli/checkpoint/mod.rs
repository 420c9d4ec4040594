//! `checkpoint`: where each stream stands, and putting it elsewhere.
//!
//! Looking takes the checkpoint from nobody. Changing it is shown first, asked about, and done
//! in one step if nobody else saved meanwhile.

mod change;
mod import;
mod list;
mod place;

use clap::{Args, Subcommand};

use super::Failure;

/// What to do with the checkpoint.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List where each stream stands.
    List(list::ListArguments),
    /// Show all that is remembered of one stream.
    Show(list::ShowArguments),
    /// Have a stream go on from another place.
    Set(change::SetArguments),
    /// Forget where streams stand: they start at their `since` again.
    Reset(change::ResetArguments),
    /// Take over the `state.json` of the Lambda or Cloud Run script of Google's guides.
    Import(import::Arguments),
}

pub(super) async fn run(arguments: Arguments) -> Result<(), Failure> {
    match arguments.action {
        Action::List(arguments) => list::list(&arguments).await,
        Action::Show(arguments) => list::show(&arguments).await,
        Action::Set(arguments) => change::set(&arguments).await,
        Action::Reset(arguments) => change::reset(&arguments).await,
        Action::Import(arguments) => import::run(&arguments).await,
    }
}
