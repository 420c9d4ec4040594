//! The forms in which records are printed: NDJSON, JSON, CSV, a table.
//!
//! NDJSON without further wishes is the record's line as it came, byte for byte. Everything else
//! parses the record.

use std::io::{self, Write};

use clap::ValueEnum;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Map, Value};

use super::{output, pager};
use crate::normalize::Event;

/// A table is drawn at most this many rows at a time, so that an endless one needs no memory.
const TABLE_ROWS_MAX: usize = 1_000;

/// How records are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// One record a line, as Zendesk sent it.
    Ndjson,
    /// One array of records.
    Json,
    /// A table of the most telling fields.
    Table,
    /// Comma-separated values with a header.
    Csv,
}

/// What to print of each record, and how.
#[derive(Debug)]
pub(super) struct Style {
    /// The form.
    pub(super) format: Format,
    /// Only these fields, in this order; none: all, or for tables the stream's columns.
    pub(super) fields: Option<Vec<String>>,
    /// Show times in this zone, with their offset; none: as sent.
    pub(super) timezone: Option<TimeZone>,
    /// In colour.
    pub(super) colourful: bool,
}

/// Prints records to `out` in a style.
pub(super) struct Printer<W: Write> {
    out: W,
    style: Style,
    columns: Vec<String>,
    rows: Vec<Vec<String>>,
    printed: u64,
    /// Fields asked for that no record has had yet.
    unmet: Vec<String>,
}

impl<W: Write> Printer<W> {
    /// `columns`: what tables and CSV show unless the style names fields.
    pub(super) fn new(out: W, style: Style, columns: &[&str]) -> Self {
        let columns = match &style.fields {
            Some(fields) => fields.clone(),
            None => columns.iter().map(|&column| column.to_owned()).collect(),
        };
        let unmet = style.fields.clone().unwrap_or_default();
        Self { out, style, columns, rows: Vec::new(), printed: 0, unmet }
    }

    /// Prints one record.
    pub(super) fn print(&mut self, event: &Event) -> io::Result<()> {
        let first = self.printed == 0;
        self.printed += 1;
        if !self.unmet.is_empty() {
            let record = parse(event);
            self.unmet.retain(|field| lookup(&record, field).is_none());
        }
        match self.style.format {
            Format::Ndjson => self.print_line(event),
            Format::Json => {
                self.out.write_all(if first { b"[\n" } else { b",\n" })?;
                let line = self.line(event);
                self.out.write_all(&line)
            }
            Format::Csv => {
                if first {
                    let header = self.columns.clone();
                    self.print_csv(&header)?;
                }
                let row = self.row(event);
                self.print_csv(&row)
            }
            Format::Table => {
                let row = self.row(event).iter().map(|cell| printable(cell)).collect();
                self.rows.push(row);
                if self.rows.len() >= TABLE_ROWS_MAX { self.draw_table() } else { Ok(()) }
            }
        }
    }

    /// Fields asked for that no record had, once there were records: most likely a typo.
    pub(super) fn unmet_fields(&self) -> &[String] {
        if self.printed > 0 { &self.unmet } else { &[] }
    }

    /// Prints what has been held back, so that a reader sees all that was read.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    /// Ends the output.
    pub(super) fn finish(mut self) -> io::Result<()> {
        match self.style.format {
            Format::Json if self.printed == 0 => self.out.write_all(b"[]\n")?,
            Format::Json => self.out.write_all(b"\n]\n")?,
            Format::Csv if self.printed == 0 => {
                let header = self.columns.clone();
                self.print_csv(&header)?;
            }
            Format::Table if !self.rows.is_empty() => self.draw_table()?,
            _ => {}
        }
        self.out.flush()
    }

    fn print_line(&mut self, event: &Event) -> io::Result<()> {
        if self.style.fields.is_none() && self.style.timezone.is_none() && !self.style.colourful {
            self.out.write_all(&event.line)?;
        } else {
            let line = self.line(event);
            self.out.write_all(&line)?;
        }
        self.out.write_all(b"\n")
    }

    /// The record as it is printed.
    fn line(&self, event: &Event) -> Vec<u8> {
        let line = self.plain_line(event);
        if self.style.colourful { pager::paint(&line) } else { line }
    }

    fn plain_line(&self, event: &Event) -> Vec<u8> {
        if self.style.fields.is_none() && self.style.timezone.is_none() {
            return event.line.to_vec();
        }
        let mut record = parse(event);
        if let Some(fields) = &self.style.fields {
            let value = |field: &String| {
                (field.clone(), lookup(&record, field).cloned().unwrap_or_default())
            };
            record = fields.iter().map(value).collect();
        }
        if let Some(zone) = &self.style.timezone {
            record.values_mut().for_each(|value| shift(value, zone));
        }
        Value::Object(record).to_string().into_bytes()
    }

    fn row(&self, event: &Event) -> Vec<String> {
        let record = parse(event);
        let cell = |column: &String| {
            let mut value = lookup(&record, column).cloned().unwrap_or_default();
            if let Some(zone) = &self.style.timezone {
                shift(&mut value, zone);
            }
            match value {
                Value::Null => String::new(),
                Value::String(text) => text,
                other => other.to_string(),
            }
        };
        self.columns.iter().map(cell).collect()
    }

    fn print_csv(&mut self, row: &[String]) -> io::Result<()> {
        let mut writer = csv::Writer::from_writer(&mut self.out);
        writer.write_record(row)?;
        writer.flush()
    }

    fn draw_table(&mut self) -> io::Result<()> {
        let header: Vec<&str> = self.columns.iter().map(String::as_str).collect();
        let mut table = output::table(&header, std::mem::take(&mut self.rows));
        if self.style.colourful
            && let Some((heading, rows)) = table.split_once('\n')
        {
            table = format!("{}\n{rows}", pager::bold(heading));
        }
        self.out.write_all(table.as_bytes())
    }
}

/// The record as values. Normalize has proved it to be an object; numbers that
/// do not fit are shown as null here and are exact in NDJSON.
fn parse(event: &Event) -> Map<String, Value> {
    serde_json::from_slice(&event.line).unwrap_or_default()
}

/// A field by name, or by path with dots.
fn lookup<'r>(record: &'r Map<String, Value>, path: &str) -> Option<&'r Value> {
    if let Some(value) = record.get(path) {
        return Some(value);
    }
    let (first, rest) = path.split_once('.')?;
    lookup(record.get(first)?.as_object()?, rest)
}

/// Puts a time into a zone, with its offset; leaves everything else alone.
pub(super) fn shift(value: &mut Value, zone: &TimeZone) {
    let Value::String(text) = value else { return };
    let looks_like_a_time =
        text.len() >= 20 && text.as_bytes()[4] == b'-' && text.as_bytes()[10] == b'T';
    if !looks_like_a_time {
        return;
    }
    if let Ok(at) = text.parse::<Timestamp>() {
        *text = at.to_zoned(zone.clone()).strftime("%Y-%m-%dT%H:%M:%S%:z").to_string();
    }
}

/// A cell on one line, without what a terminal would obey.
pub(super) fn printable(cell: &str) -> String {
    cell.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}
