//! `verify`: reads a period again and proves that a destination holds every event of it once.
//!
//! The account and the destination are read one after the other, each as a stream; what is
//! compared is set aside in temporary files. Nothing is written anywhere but the report, and no
//! consumer group is joined.

mod destination;
mod lines;
mod subject;
mod topics;
mod verdict;

use std::io::{BufWriter, IsTerminal as _, Write};
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use indicatif::{ProgressBar, ProgressStyle};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Value, json};

use super::account::AccountArguments;
use super::read::parse_zone;
use super::when::{self, When, parse_when};
use super::{Failure, output};
use crate::verify::{Comparison, Report, Subject};
use subject::Wanted;
use verdict::{all_in, summary, verdict};

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
                let all_in = all_in(arguments);
                verdict(stream, &mut report, gone, &all_in).map(|wrong| (Some(report), wrong))
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
    begin(progress, format!("comparing {}, lines:", wanted.settings.spec.name));
    progress.set_position(comparison.counts().lines);
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
            out.write_all(summary(&section.head, report, &all_in(arguments))?.as_bytes())?;
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

/// What is read now; its count begins anew.
fn begin(progress: &ProgressBar, message: String) {
    progress.set_position(0);
    progress.set_message(message);
}

/// A count on stderr for a person who waits.
fn progress() -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new_spinner().with_message("reading, events:");
    let bar = match ProgressStyle::with_template("{spinner} {msg} {human_pos}") {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    };
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}

/// A period that has an end and a beginning, in this order.
fn refuse_an_empty_period(since: Timestamp, until: Timestamp) -> Result<(), Failure> {
    if since < until {
        return Ok(());
    }
    Err(Failure::usage(format!("`--until` ({until}) is not after `--since` ({since})")))
}
