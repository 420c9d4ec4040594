//! Which account, which stream of it, and where its events should be: from a config, or from
//! flags and the environment.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt as _;
use indicatif::ProgressBar;
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::destination::{Destination, Opener};
use super::topics::Topics;
use super::{Arguments, begin, of_temporary_files, refuse_an_empty_period};
use crate::cli::account::{self, BRIEF, PATIENT};
use crate::cli::{Failure, chosen};
use crate::config::{
    self, CheckpointConfig, Config, ProcessEnvironment, ProxySettings, SinkConfig, SinkKind,
};
use crate::kafka::SharedHeaders;
use crate::normalize::Origin;
use crate::pipeline::{self, Connector, Outside};
use crate::sinks::{EncoderSettings, Fields, Framing};
use crate::streams::{self, Emit, History, LeftOut, Paging, StreamSettings, StreamSpec};
use crate::verify::Comparison;
use crate::zendesk::Client;

/// A record that is longer is no event of ours.
const RECORD_BYTES_MAX: usize = 64 << 20;

/// All that is to be read.
#[derive(Debug)]
pub(super) struct Wanted {
    client: Arc<Client>,
    /// The account's name.
    pub(super) account: String,
    /// How the stream is read; `since` is the period's beginning.
    pub(super) settings: StreamSettings,
    /// The period's end.
    pub(super) until: Timestamp,
    /// What the sink says of it.
    pub(super) metadata_key: Option<String>,
    /// At least one.
    pub(super) destinations: Vec<Destination>,
}

impl Wanted {
    /// One of each stream that is named. What is read of one account is read with one client.
    pub(super) fn all(arguments: &Arguments) -> Result<Vec<Self>, Failure> {
        let outside = account::outside(false);
        let specs = chosen::find_all(&arguments.streams)?;
        specs.iter().try_for_each(|spec| refuse_what_has_no_period(spec))?;
        refuse_one_place_for_several(&specs, &arguments.against)?;
        let (now, zone) = (outside.clock.now(), arguments.timezone.clone());
        let zone = zone.unwrap_or_else(TimeZone::system);
        let since = arguments.since.resolve(now, &zone);
        let until = arguments.until.resolve(now, &zone).min(now);
        refuse_an_empty_period(since, until)?;
        let wanted = if arguments.config.is_empty() {
            of_environment(arguments, &specs, &outside)?
        } else {
            let config = config::load(&arguments.config, &ProcessEnvironment)?;
            let mut clients = BTreeMap::new();
            let specs = specs.into_iter();
            let wanted =
                specs.map(|spec| of_config(arguments, spec, &config, &outside, &mut clients));
            wanted.collect::<Result<_, _>>()?
        };
        let in_period = |wanted: Self| {
            let settings = StreamSettings {
                since,
                until: Some(until),
                follow: false,
                lag: Duration::ZERO,
                max_record_bytes: RECORD_BYTES_MAX,
                ..wanted.settings
            };
            Self { settings, until, ..wanted }
        };
        Ok(wanted.into_iter().map(in_period).collect())
    }

    /// Gives all records of the period to the comparison. Returns how many cannot be events.
    pub(super) async fn read_account(
        &self,
        comparison: &mut Comparison,
        progress: &ProgressBar,
    ) -> Result<usize, Failure> {
        let stream = self.settings.spec.name;
        begin(progress, format!("reading {stream} of {}, events:", self.account));
        let opened = streams::open(Arc::clone(&self.client), self.settings.clone(), None);
        let (_start, pages) = opened.map_err(|error| Failure::run(error.to_string()))?;
        let mut pages = std::pin::pin!(pages);
        let mut rejected = 0;
        while let Some(page) = pages.next().await {
            let page =
                page.map_err(|error| Failure::from(error).about(&format!("stream `{stream}`: ")))?;
            if let Some(LeftOut { part, error }) = page.left_out.into_iter().next() {
                return Err(Failure::from(error).about(&format!("stream `{stream}`, `{part}`: ")));
            }
            for event in &page.events {
                comparison.account(&event.line).map_err(of_temporary_files)?;
            }
            rejected += page.rejected.len();
            progress.set_position(comparison.counts().account);
        }
        Ok(rejected)
    }
}

fn refuse_what_has_no_period(spec: &StreamSpec) -> Result<(), Failure> {
    let has_period = match spec.paging {
        Paging::TimeWindow(_) | Paging::TimeExport(_) => true,
        Paging::CursorExport(export) => export.start.is_some(),
        Paging::Tail | Paging::Snapshot(_) => false,
    };
    if has_period {
        return Ok(());
    }
    Err(Failure::usage(format!("`{}` cannot be read again for a period", spec.name))
        .with_hint("`zenstream streams` shows which are read in time windows or exported by time"))
}

/// Topics say of each message which stream it is of; lines in a file or an object do not.
fn refuse_one_place_for_several(specs: &[&StreamSpec], against: &[String]) -> Result<(), Failure> {
    let is_of_all = |uri: &String| !uri.starts_with("kafka://") && in_place_of(uri, "") == *uri;
    if specs.len() < 2 || !against.iter().any(is_of_all) {
        return Ok(());
    }
    Err(Failure::usage("several streams cannot be told apart in one place").with_hint(
        "let `--against` name the place of each, as in `s3://acme-logs/zendesk/{{ stream }}/`, or \
         let a sink say it (`-c FILE --sink NAME`)",
    ))
}

/// The address with a stream's name where it has `{{ stream }}`.
fn in_place_of(uri: &str, stream: &str) -> String {
    uri.replace("{{ stream }}", stream).replace("{{stream}}", stream)
}

fn of_environment(
    arguments: &Arguments,
    specs: &[&'static StreamSpec],
    outside: &Outside,
) -> Result<Vec<Wanted>, Failure> {
    let account = arguments.account.open(PATIENT)?;
    let proxy = ProxySettings::of_environment(&ProcessEnvironment)?;
    let wanted = specs.iter().map(|spec| {
        let headers = headers(spec.name, &account.subdomain);
        Ok(Wanted {
            settings: of_account(spec, &account.subdomain),
            client: Arc::clone(&account.client),
            account: account.subdomain.clone(),
            until: Timestamp::UNIX_EPOCH,
            metadata_key: None,
            destinations: destinations(arguments, spec.name, &proxy, headers, outside)?,
        })
    });
    wanted.collect()
}

fn of_account(spec: &'static StreamSpec, subdomain: &str) -> StreamSettings {
    StreamSettings {
        spec,
        source: subdomain.to_owned(),
        subdomain: subdomain.to_owned(),
        since: Timestamp::UNIX_EPOCH,
        until: None,
        follow: false,
        poll_interval: Duration::ZERO,
        lag: Duration::ZERO,
        overlap: Duration::ZERO,
        filter: Vec::new(),
        include: Vec::new(),
        exclude_deleted: false,
        report_removed: false,
        reread: Duration::ZERO,
        max_record_bytes: RECORD_BYTES_MAX,
        emit: Emit::Records,
        history: History::InSlices,
    }
}

fn of_config(
    arguments: &Arguments,
    spec: &'static StreamSpec,
    config: &Config,
    outside: &Outside,
    clients: &mut BTreeMap<String, Arc<Client>>,
) -> Result<Wanted, Failure> {
    let of_source = |name: &str| arguments.source.as_ref().is_none_or(|source| source == name);
    let mut reading = config.sources.iter().filter(|it| of_source(&it.name)).filter_map(|source| {
        let streams = pipeline::stream_settings(source, outside);
        let settings = streams.into_iter().map(|(settings, _)| settings);
        settings.into_iter().find(|it| it.spec.name == spec.name).map(|it| (source, it))
    });
    let Some((source, settings)) = reading.next() else {
        let message = format!("no source of the config reads `{}`", spec.name);
        return Err(Failure::usage(message));
    };
    if let Some((other, _)) = reading.next() {
        return Err(Failure::usage(format!("several sources read `{}`", spec.name)).with_hint(
            format!("choose with `--source {}` or `--source {}`", source.name, other.name),
        ));
    }
    let origin = Origin {
        source: source.name.clone(),
        stream: spec.name.to_owned(),
        subdomain: source.subdomain.clone(),
        partition: String::new(),
        ingest_time: outside.clock.now(),
        through: None,
    };
    let (metadata_key, destinations) = if let Some(name) = &arguments.sink {
        let sink = find_sink(config, name)?;
        refuse_what_is_changed(sink, &origin)?;
        let places = of_sink(arguments, config, sink, &origin, outside)?;
        (sink.encoder.metadata_key.clone(), places)
    } else {
        let headers = headers(spec.name, &source.subdomain);
        (None, destinations(arguments, spec.name, &config.proxy, headers, outside)?)
    };
    let client = if let Some(client) = clients.get(&source.name) {
        Arc::clone(client)
    } else {
        let client = pipeline::client(source, &config.proxy, outside)?;
        let client = Arc::new(client.giving_up_on_names_after(BRIEF));
        clients.insert(source.name.clone(), Arc::clone(&client));
        client
    };
    let (account, until) = (source.subdomain.clone(), Timestamp::UNIX_EPOCH);
    Ok(Wanted { client, account, settings, until, metadata_key, destinations })
}

fn find_sink<'c>(config: &'c Config, name: &str) -> Result<&'c SinkConfig, Failure> {
    config.sinks.iter().find(|sink| sink.name == name).ok_or_else(|| {
        let names: Vec<&str> = config.sinks.iter().map(|sink| sink.name.as_str()).collect();
        Failure::usage(format!("the config has no sink `{name}`"))
            .with_hint(format!("it has `{}`", names.join("`, `")))
    })
}

/// What a sink writes has to be the records, or it could not be told from them.
fn refuse_what_is_changed(sink: &SinkConfig, origin: &Origin) -> Result<(), Failure> {
    let output = origin.output();
    let EncoderSettings { fields, template, framing, .. } = &sink.encoder;
    let as_sent = *fields == Fields::default() && template.is_none();
    let takes_it = sink.inputs.contains(&output);
    if takes_it && as_sent && *framing == Framing::NewlineDelimited {
        return Ok(());
    }
    let why = if takes_it {
        "does not write records as they are, one a line".to_owned()
    } else {
        format!("does not take `{output}` itself")
    };
    Err(Failure::usage(format!("the sink `{}` {why}", sink.name))
        .with_hint("what can be verified are records as Zendesk sent them"))
}

/// The places of `--against`, with no config's credentials.
fn destinations(
    arguments: &Arguments,
    stream: &str,
    proxy: &ProxySettings,
    headers: SharedHeaders,
    outside: &Outside,
) -> Result<Vec<Destination>, Failure> {
    let nowhere = CheckpointConfig::File { path: std::path::PathBuf::new() };
    let connector = Connector::of_checkpoint(&nowhere, proxy, outside);
    let random = Arc::clone(&outside.random);
    let opener = Opener { connector, random, sink: None, headers };
    places(arguments, stream, &opener)
}

fn places(
    arguments: &Arguments,
    stream: &str,
    opener: &Opener<'_>,
) -> Result<Vec<Destination>, Failure> {
    let places = arguments.against.iter().map(|uri| in_place_of(uri, stream));
    places.map(|uri| Destination::of_uri(&uri, opener)).collect()
}

/// The sink's own place, or `--against` with the sink's credentials.
fn of_sink(
    arguments: &Arguments,
    config: &Config,
    sink: &SinkConfig,
    origin: &Origin,
    outside: &Outside,
) -> Result<Vec<Destination>, Failure> {
    let (connector, random) = (Connector::apart(config, outside), Arc::clone(&outside.random));
    let headers = headers(&origin.stream, &origin.subdomain);
    if !arguments.against.is_empty() {
        let opener = Opener { connector, random, sink: Some(sink), headers };
        return places(arguments, &origin.stream, &opener);
    }
    let bucket = connector.bucket(sink)?;
    let refused = |error: crate::sinks::SinkError| Failure::config(error.to_string());
    let place = match (&sink.kind, bucket) {
        (
            SinkKind::AwsS3 { object, .. }
            | SinkKind::GcpCloudStorage { object, .. }
            | SinkKind::AzureBlob { object, .. },
            Some(bucket),
        ) => {
            let prefix = object.prefix_of(origin).map_err(refused)?;
            Destination::Objects { bucket, prefix, random }
        }
        (SinkKind::Kafka(settings), _) => {
            let names = settings.topics_of(origin).map_err(refused)?;
            let connection = settings.connection.clone();
            Destination::Topics(Box::new(Topics { connection, names, headers }))
        }
        (SinkKind::File(settings), _) => {
            Destination::Files(settings.prefix_of(origin).map_err(refused)?)
        }
        _ => {
            return Err(Failure::usage(format!(
                "what the sink `{}` wrote cannot be read",
                sink.name
            ))
            .with_hint(
                "buckets, topics and files can; `--against` may name where the events are now",
            ));
        }
    };
    Ok(vec![place])
}

/// What a message says that is of this stream and account: a topic may have those of several.
fn headers(stream: &str, subdomain: &str) -> SharedHeaders {
    Arc::new([("stream", stream.to_owned()), ("subdomain", subdomain.to_owned())])
}
