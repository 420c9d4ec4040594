//! `verify`: reads a period again and proves that a destination holds every event of it once.
//!
//! The account and the destination are read one after the other, each as a stream; what is
//! compared is set aside in temporary files. Nothing is written anywhere but the report, and no
//! consumer group is joined.

mod destination;
mod lines;
mod subject;
mod topics;

use std::io::{BufWriter, IsTerminal as _, Write};
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use indicatif::{ProgressBar, ProgressStyle};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::account::AccountArguments;
use super::read::parse_zone;
use super::when::{self, When, parse_when};
use super::{Failure, output};
use crate::verify::{Comparison, Kind, Report, Subject};
use subject::Wanted;

/// Findings of a kind that are shown; the report has all of them.
const SHOWN_MAX: usize = 20;

/// What to verify.
#[derive(Debug, Args)]
#[command(after_help = examples())]
pub(super) struct Arguments {
    /// The streams, separated by commas; those that are read by time.
    #[arg(value_name = "STREAM", value_delimiter = ',', required = true)]
    streams: Vec<String>,
    /// The first instant of the period.
    #[arg(long, value_name = "WHEN", value_parser = parse_when)]
    since: When,
    /// The first instant after the period. What is younger than an hour may still be under way.
    #[arg(long, value_name = "WHEN", default_value = "1h", value_parser = parse_when)]
    until: When,
    /// Where the events should be: `s3://bucket/prefix`, `gs://bucket/prefix`,
    /// `az://container/prefix`, `kafka://HOST:PORT/TOPIC`, a file or a directory; several are taken
    /// as one. `{{ stream }}` in it is the stream's name.
    #[arg(long, value_name = "URI", required_unless_present = "sink")]
    against: Vec<String>,
    /// Config files: they say which account it is and how it is read.
    #[arg(short, long, value_name = "FILE", num_args = 1.., value_delimiter = ',', env = "ZENSTREAM_CONFIG")]
    config: Vec<PathBuf>,
    /// A sink of the config: its credentials, its metadata key and, without `--against`, its place.
    /// With one of Kafka `--against kafka://TOPIC` is a topic of its cluster.
    #[arg(long, value_name = "NAME", requires = "config")]
    sink: Option<String>,
    /// The source of the config; needed where several read this stream.
    #[arg(long, value_name = "NAME", requires = "config")]
    source: Option<String>,
    /// The key under which lines have metadata (`encoding.metadata_key` of the sink).
    #[arg(long, value_name = "KEY")]
    metadata_key: Option<String>,
    /// Write the report, with every finding, as JSON into this file.
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// The form of what is printed.
    #[arg(long, default_value = "text")]
    format: VerifyFormat,
    /// The zone of times that have no offset.
    #[arg(long, value_name = "ZONE", value_parser = parse_zone)]
    timezone: Option<TimeZone>,
    /// Where to set aside what is compared: about 120 bytes for an event of either side.
    #[arg(long, value_name = "DIR")]
    temp_dir: Option<PathBuf>,
    #[command(flatten)]
    account: AccountArguments,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum VerifyFormat {
    /// For people.
    Text,
    /// The whole report.
    Json,
}

fn examples() -> String {
    format!(
        "\
Examples:
  zenstream verify audit_logs --since 2024-05-01 --until 2024-06-01 --against s3://acme-logs/zendesk/audit_logs/
  zenstream verify audit_logs --since 30d -c zenstream.yaml --sink archive --report proof.json
  zenstream verify audit_logs --since 7d --against ./archive/audit_logs
  zenstream verify audit_logs,access_logs,tickets --since 30d -c zenstream.yaml --sink archive
  zenstream verify audit_logs,tickets --since 7d --against './archive/{{{{ stream }}}}'
  zenstream verify audit_logs --since 7d --against kafka://kafka-1:9092,kafka-2:9092/zendesk-audit_logs

A line has to be the record as Zendesk sends it, byte for byte; only the member under the metadata key
is taken out first. Files and objects may be plain, gzip, zlib or zstd. Of topics all that is committed
counts, from their beginning; `*` in a topic's name stands for anything. Of records that change
(tickets), earlier versions beside the present one are as they should be.
Exit codes: 0 every event is there once and unchanged, 1 something is wrong, 2 wrong usage.

{}",
        when::FORMS
    )
}

pub(super) async fn run(arguments: Arguments) -> Result<(), Failure> {
    let progress = progress();
    let (all, mut sections) = (Wanted::all(&arguments)?, Vec::new());
    for wanted in &all {
        let mut section = Section::of(wanted, &arguments, &progress).await;
        if all.len() > 1 {
            let whose = format!("{}: ", section.stream);
            section.failure = section.failure.map(|failure| failure.about(&whose));
        }
        sections.push(section);
    }
    progress.finish_and_clear();
    tell(&arguments, &mut sections)?;
    let names: Vec<&str> = sections.iter().map(|section| section.stream).collect();
    let whose = if names.len() > 1 { format!("{}: ", names.join(", ")) } else { String::new() };
    let failures: Vec<Failure> = sections.into_iter().filter_map(|it| it.failure).collect();
    if let Some(failure) = Failure::together(failures) {
        return Err(failure);
    }
    output::tell(&format!("verified: {whose}every event is there once and unchanged"));
    Ok(())
}

/// What came of one stream.
#[derive(Debug)]
struct Section {
    stream: &'static str,
    /// What was held against what.
    head: Value,
    /// None where a side could not be read.
    report: Option<Report>,
    /// Why the stream is not verified.
    failure: Option<Failure>,
}

impl Section {
    async fn of(wanted: &Wanted, arguments: &Arguments, progress: &ProgressBar) -> Self {
        let stream = wanted.settings.spec.name;
        let head = json!({
            "stream": stream,
            "account": wanted.account,
            "since": wanted.settings.since,
            "until": wanted.until,
            "against": wanted.destinations.iter().map(ToString::to_string).collect::<Vec<_>>(),
        });
        let compared = match compare(wanted, arguments, progress).await {
            Ok((mut report, gone)) => {
                verdict(stream, &mut report, gone).map(|wrong| (Some(report), wrong))
            }
            Err(failure) => Err(failure),
        };
        let (report, failure) = compared.unwrap_or_else(|failure| (None, Some(failure)));
        Self { stream, head, report, failure }
    }

    /// As JSON, in the form of a report.
    fn write(&mut self, out: &mut impl Write) -> std::io::Result<()> {
        if let Some(report) = &mut self.report {
            return report.write(&self.head, out);
        }
        let mut head = self.head.clone();
        head["verified"] = Value::from(false);
        head["error"] = self.failure.as_ref().map(Failure::message).into();
        writeln!(out, "{head}")
    }
}

/// Reads both sides and compares them. Returns too how many messages topics had that are gone.
async fn compare(
    wanted: &Wanted,
    arguments: &Arguments,
    progress: &ProgressBar,
) -> Result<(Report, u64), Failure> {
    let subject = Subject {
        layout: wanted.settings.spec.layout(usize::MAX),
        since: wanted.settings.since,
        until: wanted.until,
        metadata_key: arguments.metadata_key.clone().or_else(|| wanted.metadata_key.clone()),
    };
    let directory = arguments.temp_dir.clone().unwrap_or_else(std::env::temp_dir);
    let mut comparison = Comparison::new(&subject, &directory).map_err(of_temporary_files)?;
    let rejected = wanted.read_account(&mut comparison, progress).await?;
    if rejected > 0 {
        let stream = wanted.settings.spec.name;
        tracing::warn!(
            stream,
            rejected,
            "records of the account are no events, and were not looked for"
        );
    }
    let mut gone = 0;
    for destination in &wanted.destinations {
        gone += destination.read(&mut comparison, progress).await?;
    }
    progress.set_message("comparing");
    Ok((comparison.finish().map_err(of_temporary_files)?, gone))
}

#[expect(clippy::needless_pass_by_value, reason = "it is handed to `map_err`")]
fn of_temporary_files(error: std::io::Error) -> Failure {
    Failure::run(format!("cannot set aside what is compared: {error}"))
        .with_hint("choose a place with room with `--temp-dir`")
}

fn tell(arguments: &Arguments, sections: &mut [Section]) -> Result<(), Failure> {
    if let Some(path) = &arguments.report {
        let written = std::fs::File::create(path).and_then(|file| {
            let mut file = BufWriter::new(file);
            write(sections, &mut file)?;
            file.flush()
        });
        written.map_err(|error| {
            Failure::run(format!("cannot write the report {}: {error}", path.display()))
        })?;
    }
    let mut out = BufWriter::new(std::io::stdout().lock());
    if arguments.format == VerifyFormat::Json {
        write(sections, &mut out)?;
        return Ok(out.flush()?);
    }
    for (place, section) in sections.iter_mut().enumerate() {
        if let Some(report) = &mut section.report {
            out.write_all(if place > 0 { b"\n" } else { b"" })?;
            out.write_all(summary(&section.head, report)?.as_bytes())?;
        }
    }
    Ok(out.flush()?)
}

/// The report of one stream as it is; of several the reports of each in one.
fn write(sections: &mut [Section], out: &mut impl Write) -> std::io::Result<()> {
    if let [section] = sections {
        return section.write(out);
    }
    let head = sections.first().map_or(&Value::Null, |first| &first.head);
    writeln!(out, "{{\n\"since\": {},\n\"until\": {},", head["since"], head["until"])?;
    let verified = sections.iter().all(|section| section.failure.is_none());
    writeln!(out, "\"verified\": {verified},\n\"streams\": [")?;
    for (place, section) in sections.iter_mut().enumerate() {
        out.write_all(if place > 0 { b"," } else { b"" })?;
        section.write(out)?;
    }
    out.write_all(b"]\n}\n")
}

fn summary(head: &Value, report: &mut Report) -> Result<String, Failure> {
    let text = |key: &str| head[key].as_str().unwrap_or_default().to_owned();
    let places = head["against"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let counts = report.counts.clone();
    let mut lines = vec![
        format!(
            "{} of {}, {} to {}",
            text("stream"),
            text("account"),
            text("since"),
            text("until")
        ),
        format!("against {}", places.collect::<Vec<_>>().join(", ")),
        String::new(),
        format!("account      {} events", counts.account),
        format!("destination  {} events, {} objects", counts.destination, counts.objects),
        format!("             {} lines of another time or stream", counts.outside),
    ];
    let found = counts.found;
    for (name, count) in [
        ("missing", found.missing),
        ("doubled", found.doubled),
        ("altered", found.altered),
        ("unexpected", found.unexpected),
        ("superseded", found.superseded),
        ("unreadable", counts.unreadable),
    ] {
        lines.push(format!("{name:<12} {count}"));
    }
    lines.push(format!("digest       sha256:{}", report.account_digest));
    if report.destination_digest != report.account_digest {
        lines.push(format!("             sha256:{} (destination)", report.destination_digest));
    }
    for kind in Kind::ALL.into_iter().filter(|kind| *kind != Kind::Superseded) {
        for finding in report.first(kind, SHOWN_MAX)? {
            let id = finding["id"].as_str().unwrap_or_default();
            let places = finding["places"].as_array().into_iter().flatten();
            let places: Vec<&str> = places.filter_map(Value::as_str).take(3).collect();
            lines.push(format!("{} {id} {}", kind.name(), places.join(" ")).trim_end().to_owned());
        }
    }
    for it in report.unreadable.iter().take(SHOWN_MAX) {
        lines.push(format!("unreadable {}:{} {}", it.object, it.line, it.reason));
    }
    Ok(lines.join("\n") + "\n")
}

/// What is wrong, if anything is. `gone` is how many messages topics had that are no longer there.
fn verdict(stream: &str, report: &mut Report, gone: u64) -> Result<Option<Failure>, Failure> {
    if report.is_clean() {
        return Ok(None);
    }
    let (found, unreadable) = (report.counts.found, report.counts.unreadable);
    let kinds = [
        (found.missing, "missing"),
        (found.doubled, "doubled"),
        (found.altered, "altered"),
        (found.unexpected, "unexpected"),
        (unreadable, "unreadable"),
    ];
    let told = kinds.iter().filter(|(count, _)| *count > 0);
    let told: Vec<String> = told.map(|(count, kind)| format!("{count} {kind}")).collect();
    let failure = Failure::run(format!("not verified: {}", told.join(", ")));
    Ok(Some(if found.missing > 0 && gone > 0 {
        failure.with_hint(format!(
            "the first {gone} offsets are gone from the topics: retention deletes from there (`retention.ms`); let `--since` begin later, or keep an archive in a bucket"
        ))
    } else if found.missing > 0 {
        failure.with_hint(to_fetch_again(stream, report)?)
    } else if found.unexpected > 0 {
        failure.with_hint("let `--against` point to this stream's lines alone")
    } else {
        failure
    }))
}

/// How what is missing is had again, and nothing beside it twice.
fn to_fetch_again(stream: &str, report: &mut Report) -> Result<String, Failure> {
    let missing = report.first(Kind::Missing, SHOWN_MAX)?;
    let ids: Vec<&str> = missing.iter().filter_map(|finding| finding["id"].as_str()).collect();
    // A longer list is in the report.
    let all = report.counts.found.missing == ids.len() as u64;
    let ids = if all { ids.join(",") } else { "ID,ID...".to_owned() };
    let mut lacking = report.hours.iter().filter(|(_, counts)| counts.found.missing > 0);
    let (first, last) = (lacking.next(), lacking.next_back());
    let period = first.and_then(|(first, _)| {
        let last = last.map_or(*first, |(last, _)| *last)?;
        let end = last.checked_add(SignedDuration::from_hours(1)).ok()?;
        Some(format!("--since {} --until {end}", (*first)?))
    });
    let period = period.unwrap_or_else(|| "--since ... --until ...".to_owned());
    Ok(format!(
        "`zenstream read {stream} {period} --id {ids}` prints what is missing, and only that; after `checkpoint set` a run would deliver what is there a second time"
    ))
}

/// A count on stderr for a person who waits.
fn progress() -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new_spinner();
    bar.enable_steady_tick(Duration::from_millis(200));
    match ProgressStyle::with_template("{spinner} {msg} {human_pos}") {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

/// A period that has an end and a beginning, in this order.
fn refuse_an_empty_period(since: Timestamp, until: Timestamp) -> Result<(), Failure> {
    if since < until {
        return Ok(());
    }
    Err(Failure::usage(format!("`--until` ({until}) is not after `--since` ({since})")))
}
