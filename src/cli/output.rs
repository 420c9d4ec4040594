//! Writing to stdout and stderr, and drawing tables.

use std::io::Write as _;

use comfy_table::presets;
use comfy_table::{ContentArrangement, Table};

use super::Failure;
use crate::config::Problem;

/// Writes to stdout.
pub(super) fn print(bytes: &[u8]) -> Result<(), Failure> {
    let mut stdout = std::io::stdout().lock();
    stdout.write_all(bytes)?;
    Ok(stdout.flush()?)
}

/// Writes a line to stderr. With stderr closed there is nobody to tell.
pub(super) fn tell(line: &str) {
    let _unheard = writeln!(std::io::stderr(), "{line}");
}

/// Says what may not be wanted in a config that can be run.
pub(super) fn warn(warnings: &[Problem]) {
    for warning in warnings {
        tracing::warn!("{warning}");
        if let Some(hint) = &warning.hint {
            tracing::warn!("hint: {hint}");
        }
    }
}

/// A plain table, fitted to the terminal where there is one.
pub(super) fn table(header: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
    table.set_header(header.iter().map(|title| title.to_uppercase()));
    table.add_rows(rows);
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    let lines = table.lines().map(|line| line.trim_end().to_owned());
    lines.collect::<Vec<_>>().join("\n") + "\n"
}
