//! Writing to stdout and stderr, and drawing tables.

use std::io::Write as _;

use comfy_table::presets;
use comfy_table::{Cell, ColumnConstraint, ContentArrangement, Table, Width};

use super::Failure;
use crate::config::Problem;

/// Between two columns.
const GAP: u16 = 2;

/// A longer word may be broken: it is neither a time nor an id nor an address (an IPv6 address has
/// 39 characters).
const WORD_MAX: u16 = 40;

/// The same for paths, which are read part by part.
const PATH_MAX: u16 = 20;

/// Of an overview not more than one row of so many is folded.
const FOLDED_PART: usize = 8;

/// No column of texts is made narrower, or it could not be read.
const TEXT_MIN: u16 = 12;

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
    draw(header, rows.into_iter().collect(), width(), str::to_owned)
}

/// A table in which one looks for what stands out. It has the first of these sets of columns that a
/// terminal has room for without most of its rows being folded, else the last. What is left out is
/// named below it; `--format json` has to have it.
pub(super) fn overview(header: &[&str], rows: &[Vec<String>], columns: &[&[usize]]) -> String {
    overview_within(width(), header, rows, columns)
}

fn overview_within(
    width: Option<u16>,
    header: &[&str],
    rows: &[Vec<String>],
    columns: &[&[usize]],
) -> String {
    let most_lines = rows.len() + 1 + rows.len() / FOLDED_PART;
    let mut drawn = String::new();
    let mut left_out = Vec::new();
    for columns in columns {
        let chosen: Vec<&str> = columns.iter().map(|place| header[*place]).collect();
        left_out = header.iter().copied().filter(|title| !chosen.contains(title)).collect();
        let cells = |row: &Vec<String>| columns.iter().map(|place| row[*place].clone()).collect();
        drawn = draw(&chosen, rows.iter().map(cells).collect(), width, str::to_owned);
        if width.is_none() || drawn.lines().count() <= most_lines {
            break;
        }
    }
    if let Some(width) = width.filter(|_| !left_out.is_empty()) {
        let left_out = upper(&left_out).join(", ");
        let told = format!("{left_out}; `--format json` has all");
        drawn = drawn + "\n" + &labelled(&[("no room for", told)], width);
    }
    drawn
}

/// A label and what is to be said of it, line by line, folded where the terminal ends.
pub(super) fn labelled(lines: &[(&str, String)], width: u16) -> String {
    let label = lines.iter().map(|(label, _)| label.len()).max().unwrap_or_default();
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
    table.set_width(width);
    table.add_rows(lines.iter().map(|(label, text)| [(*label).to_owned(), text.clone()]));
    let label = u16::try_from(label).unwrap_or(u16::MAX).saturating_add(GAP);
    for (column, padding) in table.column_iter_mut().zip([GAP, 0]) {
        column.set_padding((0, padding));
        if column.index == 0 {
            column.set_constraint(ColumnConstraint::Absolute(Width::Fixed(label)));
        }
    }
    table.lines().map(|line| line.trim_end().to_owned() + "\n").collect()
}

fn upper(header: &[&str]) -> Vec<String> {
    header.iter().map(|title| title.to_uppercase()).collect()
}

/// Whether columns of these widths fit, with the gaps between them.
fn fits(columns: &[u16], width: Option<u16>) -> bool {
    let gaps = GAP * u16::try_from(columns.len().saturating_sub(1)).unwrap_or(u16::MAX);
    width.is_none_or(|width| columns.iter().sum::<u16>().saturating_add(gaps) <= width)
}

/// How many columns the terminal has; none where stdout is no terminal.
pub(super) fn width() -> Option<u16> {
    Table::new().width()
}

/// A table that fits, with its headings marked. Texts are folded between words; times, ids and
/// addresses stay whole. Where that leaves no table, each row is a block of `HEADING  cell` lines.
pub(super) fn draw(
    header: &[&str],
    rows: Vec<Vec<String>>,
    width: Option<u16>,
    mark: fn(&str) -> String,
) -> String {
    let header = upper(header);
    let narrowest = narrowest(&header, &rows);
    if !fits(&narrowest, width) {
        return blocks(&header, &rows, mark);
    }
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
    match width {
        Some(width) => table.set_width(width),
        None => table.force_no_tty(),
    };
    let last = header.len().saturating_sub(1);
    table.set_header(header);
    table.add_rows(rows);
    for (column, narrowest) in table.column_iter_mut().zip(narrowest) {
        let gap = if column.index == last { 0 } else { GAP };
        column.set_padding((0, gap));
        column.set_constraint(ColumnConstraint::LowerBoundary(Width::Fixed(narrowest + gap)));
    }
    let lines = table.lines().map(|line| line.trim_end().to_owned());
    let drawn = lines.collect::<Vec<_>>().join("\n") + "\n";
    match drawn.split_once('\n') {
        Some((heading, rows)) => format!("{}\n{rows}", mark(heading)),
        None => drawn,
    }
}

/// By column: the width below which a word would be broken, or a text hard to read.
fn narrowest(header: &[String], rows: &[Vec<String>]) -> Vec<u16> {
    // What words take of a terminal is known to the table.
    let (mut words, mut whole) = (Table::new(), Table::new());
    for row in rows.iter().map(Vec::as_slice).chain([header]) {
        words.add_row(row.iter().map(|cell| {
            let words = cell.split_whitespace().flat_map(unbroken).collect::<Vec<_>>();
            Cell::new(words.join("\n"))
        }));
        whole.add_row(row);
    }
    let widths =
        words.column_max_content_widths().into_iter().zip(whole.column_max_content_widths());
    widths.map(|(word, whole)| word.min(WORD_MAX).max(whole.min(TEXT_MIN))).collect()
}

/// The parts of a word that stay together.
fn unbroken(word: &str) -> Vec<&str> {
    if !word.contains('/') {
        return vec![word];
    }
    let cut = word.char_indices().nth(usize::from(PATH_MAX)).map_or(word.len(), |(at, _)| at);
    vec![&word[..cut]]
}

fn blocks(header: &[String], rows: &[Vec<String>], mark: fn(&str) -> String) -> String {
    let longest = header.iter().map(|title| title.chars().count()).max().unwrap_or_default();
    let mut text = String::new();
    for (place, row) in rows.iter().enumerate() {
        if place > 0 {
            text.push('\n');
        }
        for (title, cell) in header.iter().zip(row) {
            let between = " ".repeat(longest - title.chars().count() + usize::from(GAP));
            text.push_str(format!("{}{between}{cell}", mark(title)).trim_end());
            text.push('\n');
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_overview_that_does_not_fit_leaves_columns_out() {
        let rows = [vec!["groups".to_owned(), "a/".repeat(60), "ok".to_owned()]];
        let columns: [&[usize]; 2] = [&[0, 1, 2], &[0, 2]];
        let drawn = |width| overview_within(width, &["name", "path", "result"], &rows, &columns);
        assert!(drawn(Some(200)).contains("a/a/") && drawn(None).contains("a/a/"));
        for width in [40, 60] {
            let drawn = drawn(Some(width));
            let (rows, rest) = drawn.split_once("\n\n").unwrap();
            assert_eq!(rows, "NAME    RESULT\ngroups  ok");
            assert!(rest.starts_with("no room for  PATH; `--format json`"), "{rest}");
        }
    }

    #[test]
    fn what_is_said_of_a_label_is_folded_beside_it() {
        let said = |text: &str| ("failed", text.to_owned());
        let lines = [said("acme.tickets"), ("", "one two three four".to_owned())];
        insta::assert_snapshot!(labelled(&lines, 20), @r"
        failed  acme.tickets
                one two
                three four
        ");
    }

    const HEADER: [&str; 5] = ["created_at", "actor_name", "source_type", "change", "ip_address"];

    fn rows() -> Vec<Vec<String>> {
        let rows = [
            [
                "2026-11-19T18:54:09+00:00",
                "Team Support",
                "zendesk/app_market/installation",
                "description changed from not set to Escalate, and what else there is to say of it",
                "203.0.115.10",
            ],
            ["2026-11-19T18:55:10+00:00", "", "user", "", "2001:db8:85a3:8d3:1319:8a2e:370:7348"],
        ];
        rows.map(|row| row.map(str::to_owned).to_vec()).to_vec()
    }

    fn drawn(width: Option<u16>) -> String {
        draw(&HEADER, rows(), width, str::to_owned)
    }

    #[test]
    fn times_ids_and_addresses_are_whole_at_every_width() {
        for width in (20..250).map(Some).chain([None]) {
            let text = drawn(width);
            for whole in ["2026-11-19T18:54:09+00:00", "203.0.115.10", "370:7348"] {
                assert!(text.contains(whole), "{width:?}: {text}");
            }
            let is_table =
                text.starts_with("CREATED_AT  ") && text.matches("CREATED_AT").count() == 1;
            let fits =
                |width: u16| text.lines().all(|line| line.chars().count() <= usize::from(width));
            assert!(!is_table || width.is_none_or(fits), "{width:?}: {text}");
        }
    }

    #[test]
    fn texts_are_folded_between_words() {
        insta::assert_snapshot!(drawn(Some(150)), @"
        CREATED_AT                 ACTOR_NAME    SOURCE_TYPE                      CHANGE                               IP_ADDRESS
        2026-11-19T18:54:09+00:00  Team Support  zendesk/app_market/installation  description changed from not set to  203.0.115.10
                                                                                  Escalate, and what else there is to
                                                                                  say of it
        2026-11-19T18:55:10+00:00                user                                                                  2001:db8:85a3:8d3:1319:8a2e:370:7348
        ");
    }

    #[test]
    fn below_a_width_a_row_is_a_block() {
        insta::assert_snapshot!(drawn(Some(80)), @"
        CREATED_AT   2026-11-19T18:54:09+00:00
        ACTOR_NAME   Team Support
        SOURCE_TYPE  zendesk/app_market/installation
        CHANGE       description changed from not set to Escalate, and what else there is to say of it
        IP_ADDRESS   203.0.115.10

        CREATED_AT   2026-11-19T18:55:10+00:00
        ACTOR_NAME
        SOURCE_TYPE  user
        CHANGE
        IP_ADDRESS   2001:db8:85a3:8d3:1319:8a2e:370:7348
        ");
    }

    #[test]
    fn a_block_has_its_headings_marked() {
        let text =
            draw(&["id", "name"], vec![vec!["1".repeat(60), String::new()]], Some(30), |it| {
                format!("<{it}>")
            });
        assert_eq!(text, format!("<ID>    {}\n<NAME>\n", "1".repeat(60)));
    }
}
