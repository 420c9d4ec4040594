//! The forms in which records are printed: NDJSON, JSON, CSV, a table.
//!
//! NDJSON without further wishes is the record's line as it came, byte for byte. Everything else
//! parses the record. At a terminal nothing of a record is left that a terminal would obey.

use std::borrow::Cow;
use std::io::{self, Write};

use clap::ValueEnum;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Map, Value};

use super::{Failure, output, pager};
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
    /// The same for spreadsheets: with `'` before texts that one would take for formulas.
    CsvSafe,
}

/// The fields that are named, if any; what stands between two commas may be nothing.
pub(super) fn named(fields: Option<&[String]>) -> Result<Option<Vec<String>>, Failure> {
    let Some(fields) = fields else { return Ok(None) };
    let named = fields.iter().map(|field| field.trim()).filter(|field| !field.is_empty());
    let named: Vec<String> = named.map(str::to_owned).collect();
    if named.is_empty() {
        return Err(Failure::usage("`--fields` names no field"));
    }
    Ok(Some(named))
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
    /// For a terminal, which would obey what customers wrote.
    pub(super) at_terminal: bool,
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
            Format::Csv | Format::CsvSafe => {
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

    /// How many records were printed.
    pub(super) fn printed(&self) -> u64 {
        self.printed
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
            Format::Csv | Format::CsvSafe if self.printed == 0 => {
                let header = self.columns.clone();
                self.print_csv(&header)?;
            }
            Format::Table if !self.rows.is_empty() => self.draw_table()?,
            _ => {}
        }
        self.out.flush()
    }

    fn print_line(&mut self, event: &Event) -> io::Result<()> {
        let Style { fields, timezone, colourful, at_terminal, .. } = &self.style;
        if fields.is_none() && timezone.is_none() && !colourful && !at_terminal {
            self.out.write_all(&event.line)?;
        } else {
            let line = self.line(event);
            self.out.write_all(&line)?;
        }
        self.out.write_all(b"\n")
    }

    /// The record as it is printed.
    fn line(&self, event: &Event) -> Vec<u8> {
        let mut line = self.plain_line(event);
        if self.style.at_terminal {
            line = harmless(&String::from_utf8_lossy(&line)).into_owned().into_bytes();
        }
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
                Value::String(text) if self.style.format == Format::CsvSafe => no_formula(text),
                Value::String(text) => text,
                other => other.to_string(),
            }
        };
        self.columns.iter().map(cell).collect()
    }

    fn print_csv(&mut self, row: &[String]) -> io::Result<()> {
        let at_terminal = self.style.at_terminal;
        let cells = row.iter().map(|cell| if at_terminal { printable(cell) } else { cell.clone() });
        let mut writer = csv::Writer::from_writer(&mut self.out);
        writer.write_record(cells)?;
        writer.flush()
    }

    fn draw_table(&mut self) -> io::Result<()> {
        let header: Vec<&str> = self.columns.iter().map(String::as_str).collect();
        let rows = std::mem::take(&mut self.rows);
        let heading = if self.style.colourful { pager::bold } else { str::to_owned };
        self.out.write_all(output::draw(&header, rows, output::width(), heading).as_bytes())
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
    cell.chars().map(|c| if is_obeyed(c) { ' ' } else { c }).collect()
}

/// JSON of the same values, without what a terminal would obey. Control characters below U+0020
/// stand in no text of JSON.
pub(super) fn harmless(json: &str) -> Cow<'_, str> {
    let is_obeyed = |c: char| is_obeyed(c) && c > ' ';
    if !json.contains(is_obeyed) {
        return Cow::Borrowed(json);
    }
    let escaped =
        |c: char| if is_obeyed(c) { format!("\\u{:04x}", u32::from(c)) } else { c.to_string() };
    Cow::Owned(json.chars().map(escaped).collect())
}

/// Whether a terminal obeys it rather than shows it: control characters, ends of lines, and what
/// has the text around it shown in another order (Unicode's embeddings, overrides and isolates).
fn is_obeyed(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// A text that no spreadsheet takes for a formula. What these begin with:
/// <https://owasp.org/www-community/attacks/CSV_Injection>.
fn no_formula(text: String) -> String {
    let starts =
        ['=', '+', '-', '@', '\t', '\r', '\n', '\u{ff1d}', '\u{ff0b}', '\u{ff0d}', '\u{ff20}'];
    if text.starts_with(starts) { format!("'{text}") } else { text }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use bytes::Bytes;

    use super::*;
    use crate::normalize::{Origin, RecordId};

    /// What a customer may write: a window's title, a colour in two ways, an order of characters.
    const SUBJECT: &str =
        r#"{"id":7,"subject":"\u001b]0;pwned\u0007C1 OVERRIDE\u001b[31m","n":-1}"#;

    fn event() -> Event {
        let line = SUBJECT.replace("C1", "\u{9b}31m").replace("OVERRIDE", "\u{202e}gnp.exe");
        let origin = Origin {
            source: "acme".to_owned(),
            stream: "tickets".to_owned(),
            subdomain: "acme".to_owned(),
            partition: String::new(),
            ingest_time: Timestamp::UNIX_EPOCH,
            through: None,
        };
        Event {
            id: RecordId::of_content(line.as_bytes()),
            line: Bytes::from(line),
            time: None,
            origin: Arc::new(origin),
            members: None,
        }
    }

    fn printed(format: Format, at_terminal: bool) -> String {
        let mut out = Vec::new();
        let style = Style { format, fields: None, timezone: None, colourful: false, at_terminal };
        let mut printer = Printer::new(&mut out, style, &["id", "subject"]);
        printer.print(&event()).unwrap();
        printer.finish().unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn at_a_terminal_nothing_that_a_customer_wrote_is_obeyed() {
        for format in [Format::Ndjson, Format::Json, Format::Csv, Format::CsvSafe, Format::Table] {
            let shown = printed(format, true);
            let is_ours = |c: char| c == '\n';
            assert!(
                !shown.contains(|c: char| is_obeyed(c) && !is_ours(c)),
                "{format:?}: {shown:?}"
            );
            assert!(shown.contains("gnp.exe"), "{format:?}: {shown}");
        }
        let shown: Value = serde_json::from_str(&printed(Format::Ndjson, true)).unwrap();
        let sent: Value = serde_json::from_slice(&event().line).unwrap();
        assert_eq!(shown, sent, "the values are the same");
    }

    #[test]
    fn anywhere_else_it_is_as_it_came() {
        assert_eq!(printed(Format::Ndjson, false).trim_end().as_bytes(), event().line);
        assert!(printed(Format::Csv, false).contains("\u{1b}]0;pwned\u{7}\u{9b}31m"));
    }

    #[test]
    fn no_text_begins_a_formula_and_numbers_stay_numbers() {
        for start in ["=", "+", "-", "@", "\t", "\r", "\u{ff1d}"] {
            let text = format!("{start}HYPERLINK(\"http://x\")");
            assert_eq!(no_formula(text.clone()), format!("'{text}"));
        }
        assert_eq!(no_formula("a=b".to_owned()), "a=b");
        assert_eq!(no_formula(String::new()), "");
    }
}
