//! `read`: records of one account to stdout, no config needed.
//!
//! Reads the streams themselves, without a pipeline: nothing is remembered, so
//! there is no position to keep safe.

use std::collections::BTreeSet;
use std::io::{BufWriter, IsTerminal as _, Write};
use std::pin::Pin;
use std::time::Duration;

use clap::Args;
use futures::stream::select_all;
use futures::{Stream, StreamExt as _};
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::Failure;
use super::account::{Account, AccountArguments, PATIENT};
use super::chosen::{Chosen, Nothing, find_all};
use super::format::{self, Format, Printer, Style};
use super::pager::Pager;
use super::progress::{self, Doing, Progress, fills_a_file};
use super::when::{self, When, parse_when};
use crate::streams::{self, Emit, History, LeftOut, Page, StreamSettings, StreamSpec};
use crate::zendesk::ApiError;

/// How far back each look reaches again for records that show up late, with `--follow`.
const OVERLAP: Duration = Duration::from_secs(900);

/// With `--follow`, how long to wait at the end before looking again.
const FOLLOW_INTERVAL: Duration = Duration::from_secs(15);

/// What to read and how to print it.
#[derive(Debug, Args)]
#[command(after_help = examples())]
pub(super) struct Arguments {
    /// What to read, separated by commas; see `zenstream streams`.
    #[arg(value_name = "STREAM", value_delimiter = ',', required = true)]
    streams: Vec<String>,
    /// Where to start: `7d`, `yesterday`, `2024-05-01`, `2024-05-01 13:00`, an RFC 3339 time, or
    /// `beginning`.
    #[arg(long, value_name = "WHEN", default_value = "24h", value_parser = parse_when)]
    since: When,
    /// Where to end, in the same forms.
    #[arg(long, value_name = "WHEN", value_parser = parse_when)]
    until: Option<When>,
    /// Only records with this value, such as `source_type=account_setting`; several values of
    /// one key mean any of them.
    #[arg(long = "filter", value_name = "KEY=VALUE", value_parser = parse_filter)]
    filters: Vec<(String, String)>,
    /// Only the records with these ids, separated by commas; `verify` names what is missing by
    /// them. The account is read all the same.
    #[arg(long = "id", value_name = "ID", value_delimiter = ',')]
    ids: Vec<String>,
    /// End after this many records.
    #[arg(long, value_name = "N")]
    limit: Option<u64>,
    /// Go on with what comes.
    #[arg(long, short)]
    follow: bool,
    /// The form of the output.
    #[arg(long, default_value = "ndjson")]
    format: Format,
    /// Only these fields, in this order; `a.b` is a field within a field.
    #[arg(long, value_name = "FIELD", value_delimiter = ',')]
    fields: Option<Vec<String>>,
    /// Read and show times in this zone, with their offset: `local`, `UTC`, or a name such as
    /// `Europe/Berlin`. Without it tables show local times, everything else the time as sent.
    #[arg(long, value_name = "ZONE", value_parser = parse_zone)]
    timezone: Option<TimeZone>,
    /// At a terminal, print without a pager.
    #[arg(long)]
    no_pager: bool,
    #[command(flatten)]
    account: AccountArguments,
}

/// Kept beside the forms of times, so that the help shows both.
fn examples() -> String {
    format!(
        "\
Examples:
  zenstream read audit_logs --since 7d | jq -r .change_description
  zenstream read audit_logs --since yesterday --until today --timezone Europe/Berlin --format table
  zenstream read audit_logs --filter source_type=account_setting --since 2024-05-01 --until 2024-06-01
  zenstream read tickets --since 30d --fields id,status,subject --format csv > tickets.csv
  zenstream read audit_logs --follow

{}",
        when::FORMS
    )
}

/// What came of the stream at this place.
struct Came {
    index: usize,
    page: Result<Page, ApiError>,
    /// Whether that is all that comes of it.
    is_end: bool,
}

type Pages = Pin<Box<dyn Stream<Item = Came> + Send>>;
type Out = Printer<BufWriter<Box<dyn Write>>>;

pub(super) async fn run(arguments: Arguments, colourful: bool) -> Result<(), Failure> {
    let specs = find_all(&arguments.streams)?;
    arguments.refuse_what_cannot_be_printed(&specs)?;
    let account = arguments.account.open(PATIENT)?;
    let done = read(&arguments, &account, specs, colourful).await;
    account.client.settle().await;
    done
}

async fn read(
    arguments: &Arguments,
    account: &Account,
    specs: Vec<&'static StreamSpec>,
    colourful: bool,
) -> Result<(), Failure> {
    arguments.refuse_an_empty_period(account.client.clock().now())?;
    let mut pages = Vec::new();
    for (index, spec) in specs.iter().enumerate() {
        let settings = arguments.settings(spec, account)?;
        let opened = streams::open(account.client.clone(), settings, None);
        let (_start, stream) = opened.map_err(|error| Failure::run(error.to_string()))?;
        pages.push(until_it_breaks(index, stream, arguments.follow));
    }
    let style = Style {
        format: arguments.format,
        fields: format::named(arguments.fields.as_deref())?,
        timezone: arguments.zone(),
        colourful,
        at_terminal: std::io::stdout().is_terminal(),
    };
    let (reader, out) = Pager::open(!arguments.no_pager && !arguments.follow);
    // The first stream's columns head the table of several.
    let out = BufWriter::with_capacity(64 << 10, out);
    let printer = Printer::new(out, style, specs[0].columns);
    let chosen = Chosen::new(&arguments.ids);
    let reading = Reading { arguments, account, specs, printer, chosen, left: arguments.limit };
    let Some(reader) = reader else { return reading.finish(select_all(pages)).await };
    // Ctrl-C ends the reading; the pager, which has the terminal, ends when its reader does.
    let ended = tokio::select! {
        ended = reading.finish(select_all(pages)) => ended,
        _ = tokio::signal::ctrl_c() => reader.interrupted(),
    };
    reader.wait()?;
    ended
}

/// That a stream, or a part of it, could not be read.
fn failure(what: &str, error: ApiError) -> Failure {
    Failure::from(error).about(&format!("stream `{what}`: "))
}

/// Whether a stream that is followed goes on after an error. A host that was never found is
/// mistyped.
fn passes(error: &ApiError, has_come: bool) -> bool {
    error.is_transient() && (has_come || !error.unresolved)
}

/// The pages of one stream, up to the error that ends it: the others must not wait for a stream
/// that asks again for ever.
fn until_it_breaks(
    index: usize,
    pages: impl Stream<Item = Result<Page, ApiError>> + Send + 'static,
    follow: bool,
) -> Pages {
    Box::pin(async_stream::stream! {
        let mut pages = std::pin::pin!(pages);
        let mut has_come = false;
        while let Some(page) = pages.next().await {
            let is_end = page.as_ref().is_err_and(|error| !follow || !passes(error, has_come));
            has_come |= page.is_ok();
            yield Came { index, page, is_end };
            if is_end {
                return;
            }
        }
    })
}

/// The loop over pages.
struct Reading<'a> {
    arguments: &'a Arguments,
    account: &'a Account,
    specs: Vec<&'static StreamSpec>,
    printer: Out,
    chosen: Chosen,
    left: Option<u64>,
}

impl Reading<'_> {
    /// Prints all that there is, and ends the output.
    async fn finish(mut self, pages: impl Stream<Item = Came> + Unpin) -> Result<(), Failure> {
        let failed = self.print(pages).await?;
        for field in self.printer.unmet_fields() {
            tracing::warn!(field, "no record has this field");
        }
        let nothing = self.printer.printed() == 0 && self.arguments.limit != Some(0);
        self.printer.finish()?;
        if nothing && failed.is_none() && std::io::stderr().is_terminal() {
            let Arguments { since, until, filters, ids, .. } = self.arguments;
            let chosen = !filters.is_empty() || !ids.is_empty();
            Nothing { specs: &self.specs, since: *since, until: *until, chosen }
                .tell(&self.arguments.zone_of_input());
        }
        failed.map_or(Ok(()), Err)
    }

    /// Prints pages until they end or there are enough. Returns the first failure of a stream;
    /// the other streams are read all the same.
    async fn print(
        &mut self,
        mut pages: impl Stream<Item = Came> + Unpin,
    ) -> Result<Option<Failure>, Failure> {
        if self.left == Some(0) {
            return Ok(None);
        }
        // Until the first page nobody else writes to the terminal.
        let mut came = progress::telling(pages.next(), || self.asking()).await;
        // Later whatever takes the records may, as `jq` at the end of a pipe does.
        let mut progress = Progress::new(fills_a_file());
        let (mut done, mut left) = (0, vec![None; self.specs.len()]);
        let mut failed: Option<Failure> = None;
        let mut told = BTreeSet::new();
        while let Some(Came { index, page, is_end }) = came {
            let stream = self.specs[index].name;
            match page {
                Ok(page) => {
                    self.print_page(stream, &page)?;
                    for LeftOut { part, error } in page.left_out {
                        if told.insert((index, part.clone())) {
                            tracing::warn!(stream, part, %error, "part of the stream left out");
                            failed.get_or_insert(failure(&format!("{stream}`, `{part}"), error));
                        }
                    }
                    done += page.events.len() as u64;
                    left[index] = page.left;
                    let last = page.events.last().and_then(|event| event.time);
                    let about = last.map(|last| format!("({stream} of {last})"));
                    let left = progress::of_all(left.iter().flatten().copied());
                    progress.update(done, left, &about.unwrap_or_default());
                }
                Err(error) if !is_end => {
                    tracing::warn!(stream, %error, "stream failed, trying again");
                }
                Err(error) => {
                    tracing::debug!(stream, %error, "stream failed, left out");
                    failed.get_or_insert(failure(stream, error));
                }
            }
            came = if self.left == Some(0) { None } else { pages.next().await };
        }
        progress.clear();
        Ok(failed)
    }

    fn asking(&self) -> Doing {
        let names: Vec<&str> = self.specs.iter().map(|spec| spec.name).collect();
        let text = format!("asking {} for {}", self.account.subdomain, names.join(", "));
        Doing { text, wait: self.account.client.longest_wait() }
    }

    fn print_page(&mut self, stream: &str, page: &Page) -> Result<(), Failure> {
        for rejected in &page.rejected {
            let line = String::from_utf8_lossy(&rejected.line);
            let start: String = line.chars().take(200).collect();
            tracing::warn!(stream, record = start, "record left out");
        }
        let most = self.left.map_or(usize::MAX, |left| usize::try_from(left).unwrap_or(usize::MAX));
        let before = self.printer.printed();
        for event in page.events.iter().filter(|event| self.chosen.has(event)).take(most) {
            self.printer.print(event)?;
        }
        if let Some(left) = &mut self.left {
            *left -= self.printer.printed() - before;
        }
        Ok(self.printer.flush()?)
    }
}

impl Arguments {
    fn settings(
        &self,
        spec: &'static StreamSpec,
        account: &Account,
    ) -> Result<StreamSettings, Failure> {
        let now = account.client.clock().now();
        Ok(StreamSettings {
            spec,
            source: account.subdomain.clone(),
            subdomain: account.subdomain.clone(),
            since: self.since.resolve(now, &self.zone_of_input()),
            until: self.until.map(|until| until.resolve(now, &self.zone_of_input())),
            follow: self.follow,
            poll_interval: FOLLOW_INTERVAL,
            // A person wants what there is now; with `--follow` the overlap finds the rest.
            lag: Duration::ZERO,
            overlap: OVERLAP,
            filter: self.filter_of(spec)?,
            include: Vec::new(),
            exclude_deleted: false,
            report_removed: false,
            reread: Duration::ZERO,
            max_record_bytes: 64 << 20,
            emit: Emit::Records,
            // The first few records are there soonest when nothing else is read.
            history: if self.limit.is_some() { History::InOnePiece } else { History::InOrder },
        })
    }

    fn filter_of(&self, spec: &StreamSpec) -> Result<Vec<(String, Vec<String>)>, Failure> {
        let mut filter: Vec<(String, Vec<String>)> = Vec::new();
        for (key, value) in &self.filters {
            if !spec.filters.contains(&key.as_str()) {
                let message = format!("`{}` has no filter `{key}`", spec.name);
                return Err(Failure::usage(message).with_hint(match spec.filters {
                    [] => "it has none; pipe the records through `jq`".to_owned(),
                    filters => format!("it has `{}`", filters.join("`, `")),
                }));
            }
            match filter.iter_mut().find(|(known, _)| known == key) {
                Some((_, values)) => values.push(value.clone()),
                None => filter.push((key.clone(), vec![value.clone()])),
            }
        }
        Ok(filter)
    }

    /// What would come out as nothing, or as something else than was asked for.
    fn refuse_what_cannot_be_printed(&self, specs: &[&StreamSpec]) -> Result<(), Failure> {
        let columns = matches!(self.format, Format::Table | Format::Csv | Format::CsvSafe);
        if self.follow && matches!(self.format, Format::Table | Format::Json) {
            return Err(Failure::usage("this format has an end, `--follow` has none")
                .with_hint("follow with `--format ndjson` or `--format csv`"));
        }
        if specs.len() > 1 && columns && self.fields.is_none() {
            return Err(Failure::usage("several streams have no columns in common")
                .with_hint("name the columns with `--fields`, or read one stream at a time"));
        }
        Ok(())
    }

    fn refuse_an_empty_period(&self, now: Timestamp) -> Result<(), Failure> {
        let zone = self.zone_of_input();
        let since = self.since.resolve(now, &zone);
        if since > now && !self.follow {
            return Err(Failure::usage(format!("`--since` is in the future: {since}")));
        }
        match self.until.map(|until| until.resolve(now, &zone)) {
            Some(until) if until < since => {
                let message = format!("`--until` ({until}) is before `--since` ({since})");
                Err(Failure::usage(message))
            }
            _ => Ok(()),
        }
    }

    /// The zone of times that are given without an offset.
    fn zone_of_input(&self) -> TimeZone {
        self.timezone.clone().unwrap_or_else(TimeZone::system)
    }

    fn zone(&self) -> Option<TimeZone> {
        let shown_to_people = self.format == Format::Table;
        self.timezone.clone().or_else(|| shown_to_people.then(TimeZone::system))
    }
}

fn parse_filter(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("write it as KEY=VALUE")?;
    Ok((key.trim().to_owned(), value.to_owned()))
}

pub(super) fn parse_zone(text: &str) -> Result<TimeZone, String> {
    match text {
        "local" => Ok(TimeZone::system()),
        name => TimeZone::get(name).map_err(|_| {
            format!("there is no time zone `{name}`; write `local`, `UTC` or a name such as `Europe/Berlin`")
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_values_of_one_key_mean_any_of_them() {
        assert_eq!(parse_filter("action=create"), Ok(("action".to_owned(), "create".to_owned())));
        assert_eq!(parse_filter("a=b=c"), Ok(("a".to_owned(), "b=c".to_owned())));
        assert!(parse_filter("action").is_err());
    }

    #[test]
    fn zones_are_names_and_local() {
        assert!(parse_zone("UTC").is_ok() && parse_zone("Europe/Berlin").is_ok());
        assert!(parse_zone("local").is_ok());
        assert!(parse_zone("Middle/Earth").is_err());
    }
}
