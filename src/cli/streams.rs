//! `streams`: the catalogue.

use clap::{Args, ValueEnum};
use serde_json::json;

use super::{Failure, output, pager};
use crate::streams::CATALOGUE;

/// What to print of it.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The form; JSON says of each stream what it holds, too.
    #[arg(long, default_value = "table")]
    format: CatalogueFormat,
    /// At a terminal, print without a pager.
    #[arg(long)]
    no_pager: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum CatalogueFormat {
    Table,
    Json,
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let text = match arguments.format {
        CatalogueFormat::Table => table().into_bytes(),
        CatalogueFormat::Json => json_lines(),
    };
    pager::print(&text, !arguments.no_pager)
}

fn table() -> String {
    let header = ["name", "endpoint", "paging", "plan", "role", "scope", "limit"];
    let rows = CATALOGUE.iter().map(|spec| {
        let cells = [
            spec.name,
            spec.path,
            spec.paging.name(),
            spec.plan,
            spec.role,
            spec.scope,
            spec.limit,
        ];
        cells.map(str::to_owned).to_vec()
    });
    let rows: Vec<_> = rows.collect();
    let columns: [&[usize]; 4] =
        [&[0, 1, 2, 3, 4, 5, 6], &[0, 2, 3, 4, 5, 6], &[0, 3, 5, 6], &[0, 3, 5]];
    output::overview(&header, &rows, &columns)
}

fn json_lines() -> Vec<u8> {
    let rows = CATALOGUE.iter().map(|spec| {
        json!({
            "name": spec.name,
            "description": spec.description,
            "endpoint": spec.path,
            "parents": spec.parents.map(|parents| parents.path),
            "paging": spec.paging.name(),
            "plan": spec.plan,
            "role": spec.role,
            "scope": spec.scope,
            "bucket": spec.bucket,
            "limit": spec.limit,
            "retention_days": spec.retention_days,
            "poll_interval_secs": spec.poll_interval_secs,
            "page_size": spec.paging.takes_page_size().then_some(spec.page_size),
            "records": spec.records_key,
            "id": spec.id_field,
            "event_time": spec.time_field,
            "version": spec.version_field,
            "since": spec.takes_since(),
            "include": spec.includes.is_some(),
            "exclude_deleted": spec.exclude_deleted.is_some(),
            "filters": spec.filters,
            "columns": spec.columns,
            "docs": spec.docs_url,
        })
    });
    let rows: Vec<_> = rows.collect();
    let mut text = serde_json::to_vec_pretty(&rows).unwrap_or_default();
    text.push(b'\n');
    text
}
