//! From what was written to what is meant: the config as a whole.
//!
//! Fills in defaults and hands each section to its own module. Opens nothing.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use url::Url;

use super::environment::{Environment, default_data_dir};
use super::node::{Node, Path};
use super::problem::{ConfigError, Finding, Findings, listed};
use super::read::{read, read_rest, type_of};
use super::source::Sources;
use super::transform::{self, Found, trials};
use super::written::{self, Toggle};
use super::{
    CheckpointConfig, Config, ProxySettings, SinkConfig, TokenStoreConfig, alerts, aws, gcp,
    inputs, internal, kafka, sink, source, tokens, webhook,
};
use crate::pipeline::{INTERNAL_LOGS, INTERNAL_METRICS, ZENDESK, ZENDESK_WEBHOOK};
use crate::transform::{Step, Trial};

/// What the tree means; none if something is wrong with it, which is then among the findings.
pub(super) fn config(
    root: &Node,
    environment: &dyn Environment,
    findings: &mut Findings,
    warnings: &mut Findings,
) -> Option<Config> {
    let top = Path::default();
    // Where there is no data directory, nothing comes of the config.
    let here = PathBuf::new();
    let data_dir = findings.keep(data_dir(root, &top, environment));
    let checkpoint = data_dir.as_ref().and_then(|directory| {
        checkpoint(root.get("checkpoint"), &top.key("checkpoint"), directory, findings)
    });
    let lease = root.get("checkpoint").and_then(|node| node.get("lease"));
    let lease = lease.map(|node| lease_ttl(node, &top.key("checkpoint").key("lease")));
    let lease = findings.keep(lease.transpose());
    let proxy = proxy(root.get("proxy"), &top.key("proxy"), environment, findings);
    let acknowledgements = toggle(root, &top, "acknowledgements", findings);
    let api = root.get("api").map(|node| api(node, &top.key("api")));
    let api = findings.keep(api.transpose());
    let alerts = root.get("alerts").map(|node| alerts::alerts(node, &top.key("alerts")));
    let alerts = findings.keep(alerts.transpose());
    // A schedule's environment sets it; empty, it lets the same config run all the time.
    let max_pages = root.get("max_pages").filter(|node| !node.is_emptied());
    let max_pages = max_pages.map(|node| read(node, &top.key("max_pages")));
    let max_pages = findings.keep(max_pages.transpose());
    check_names(root, findings);
    let tokens = |source: &str| {
        tokens::beside(checkpoint.as_ref(), data_dir.as_deref().unwrap_or(&here), source)
    };
    let sources = sources(root, &tokens, findings);
    let place = checkpoint.as_ref().map(ToString::to_string).unwrap_or_default();
    let steps = steps(root, &mut Found { findings, warnings });
    trials::check(root.get("tests"), &top.key("tests"), &mut Found { findings, warnings });
    let (mut steps, mut sinks) = (steps, sinks(root, acknowledgements, findings));
    // Without the others, every input would be called unknown.
    if let (Some(sources), Some(steps), Some(sinks)) = (&sources, &mut steps, &mut sinks) {
        let paths = ["transforms", "sinks"].map(|section| paths(root, section));
        let mut parts = inputs::Components { sources, steps, sinks };
        inputs::resolve(&mut parts, [&paths[0], &paths[1]], findings, warnings);
        kafka::name_transactions(&mut parts, &paths[1], &place, findings);
    }
    let sources = sources?;
    let config = Config {
        data_dir: data_dir?,
        checkpoint: checkpoint?,
        lease: lease?.flatten(),
        sources: sources.zendesk,
        webhooks: sources.webhooks,
        internal: sources.internal,
        transforms: steps?,
        sinks: sinks?,
        proxy: proxy?,
        max_pages: max_pages?,
        api: api?.flatten(),
        alerts: alerts?.flatten(),
        warnings: Vec::new(),
    };
    findings.keep(gcp::check_proxy(&config, &top.key("proxy"), environment))?;
    Some(config)
}

fn data_dir(root: &Node, top: &Path, environment: &dyn Environment) -> Result<PathBuf, Finding> {
    let path = top.key("data_dir");
    match root.get("data_dir") {
        Some(node) => {
            let written::NonEmpty(directory) = read(node, &path)?;
            Ok(PathBuf::from(directory))
        }
        None => default_data_dir(environment).ok_or_else(|| {
            Finding::new(&path, "is not set, and there is no home directory to keep state in")
                .hint("set `data_dir`")
        }),
    }
}

/// The types of checkpoints.
const CHECKPOINTS: &[&str] = &["file", "aws_s3", "gcp_cloud_storage", "kafka"];

/// What [`lease_ttl`] reads.
const BESIDE: &[&str] = &["lease"];

fn checkpoint(
    node: Option<&Node>,
    path: &Path,
    data_dir: &std::path::Path,
    findings: &mut Findings,
) -> Option<CheckpointConfig> {
    let default = data_dir.join("checkpoint.json");
    let Some(node) = node else { return Some(CheckpointConfig::File { path: default }) };
    match findings.keep(type_of(node, path, "type", CHECKPOINTS))? {
        "file" => {
            let written: written::CheckpointFile = findings.keep(read_rest(node, path, BESIDE))?;
            let path = written.path.map_or(default, |path| path.0.into());
            Some(CheckpointConfig::File { path })
        }
        "aws_s3" => findings.keep(aws::checkpoint(node, path, BESIDE)),
        "gcp_cloud_storage" => findings.keep(gcp::checkpoint(node, path, BESIDE)),
        "kafka" => kafka::checkpoint(node, path, findings),
        other => {
            findings.push(Finding::unknown_value(&path.key("type"), other, CHECKPOINTS));
            None
        }
    }
}

/// How long a lease lasts that is not renewed.
const LEASE_TTL: Duration = Duration::from_secs(30);

/// The shortest and the longest that it may. It is renewed three times in that, and Google lets one
/// object be replaced about once a second.
const LEASE_TTLS: (Duration, Duration) = (Duration::from_secs(3), Duration::from_secs(3_600));

/// For how long a lease is, if it is wanted.
fn lease_ttl(node: &Node, path: &Path) -> Result<Option<Duration>, Finding> {
    let written: written::Lease = read(node, path)?;
    let ttl = written.ttl_secs.map_or(LEASE_TTL, Duration::from_secs);
    if ttl < LEASE_TTLS.0 || ttl > LEASE_TTLS.1 {
        return Err(Finding::new(&path.key("ttl_secs"), "must be from 3 to 3600 seconds")
            .hint("30 is usual: after a crash another process goes on about that much later"));
    }
    Ok(written.enabled.unwrap_or(false).then_some(ttl))
}

/// Reached from this machine alone.
const API_ADDRESS: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8686);

/// Where the api listens, if it is wanted.
fn api(node: &Node, path: &Path) -> Result<Option<SocketAddr>, Finding> {
    let written: written::Api = read(node, path)?;
    let address = match &written.address {
        Some(text) => text.parse().map_err(|_| {
            let message = format!("`{text}` is not an address to listen on");
            Finding::new(&path.key("address"), message).hint("write `IP:PORT`, `127.0.0.1:8686`")
        })?,
        None => API_ADDRESS,
    };
    Ok(written.enabled.unwrap_or(false).then_some(address))
}

fn toggle(root: &Node, path: &Path, key: &str, findings: &mut Findings) -> bool {
    let written = root.get(key).and_then(|node| findings.keep(read(node, &path.key(key))));
    written.is_none_or(|Toggle(on)| on)
}

/// The proxies: what the config says, else what the environment says.
fn proxy(
    node: Option<&Node>,
    path: &Path,
    environment: &dyn Environment,
    findings: &mut Findings,
) -> Option<ProxySettings> {
    let written = match node {
        Some(node) => findings.keep(read::<written::Proxy>(node, path))?,
        None => written::Proxy::default(),
    };
    if written.enabled == Some(false) {
        return Some(ProxySettings::default());
    }
    let variable = |name: &str| {
        let value =
            environment.variable(&name.to_lowercase()).or_else(|| environment.variable(name));
        value.filter(|value| !value.is_empty())
    };
    let mut of = |key: &str, name: &str| {
        let path = path.key(key);
        let text = match node.and_then(|node| node.get(key)) {
            Some(node) => findings.keep(read::<Option<String>>(node, &path))?,
            None => variable(name),
        };
        match text.map(|text| proxy_url(&text)) {
            Some(None) => {
                let message = format!("is not the URL of a proxy (here or in `{name}`)");
                findings.push(Finding::new(&path, message).hint("write `http://HOST:PORT`"));
                None
            }
            url => Some(url.flatten()),
        }
    };
    let (http, https) = (of("http", "HTTP_PROXY"), of("https", "HTTPS_PROXY"));
    let no_proxy = written.direct.unwrap_or_else(|| {
        let hosts = variable("NO_PROXY").unwrap_or_default();
        hosts
            .split(',')
            .map(|host| host.trim().to_owned())
            .filter(|host| !host.is_empty())
            .collect()
    });
    Some(ProxySettings { http: http?, https: https?, no_proxy })
}

impl ProxySettings {
    /// What the environment alone says, for commands without a config.
    pub fn of_environment(environment: &dyn Environment) -> Result<Self, ConfigError> {
        let mut findings = Findings::default();
        let proxy = proxy(None, &Path::default().key("proxy"), environment, &mut findings);
        match findings.0.into_iter().next() {
            Some(finding) => Err(ConfigError::of(finding.message, finding.hint)),
            None => Ok(proxy.unwrap_or_default()),
        }
    }
}

fn proxy_url(text: &str) -> Option<Url> {
    // Environments often leave the scheme out.
    let text = if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
    Url::parse(&text).ok().filter(Url::has_host)
}

/// Every component by section, in the order of their names.
fn components<'n>(root: &'n Node, section: &str) -> Vec<(&'n str, &'n Node, Path)> {
    let Some(Node::Map(entries)) = root.get(section) else { return Vec::new() };
    let path = Path::default().key(section);
    entries.iter().map(|(name, node)| (name.as_str(), node, path.key(name))).collect()
}

/// A name is part of an output's name, which is told apart by its dot; and the outputs of all
/// components share one space.
fn check_names(root: &Node, findings: &mut Findings) {
    let mut taken: BTreeMap<&str, &str> = BTreeMap::new();
    for (section, kind) in [("sources", "source"), ("transforms", "transform"), ("sinks", "sink")] {
        for (name, _, path) in components(root, section) {
            let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
            if name.is_empty() || !name.chars().all(is_word) {
                findings.push(
                    Finding::new(&path, format!("`{name}` is not a name for a component"))
                        .hint("a name has letters, digits, `_` and `-`"),
                );
            }
            match taken.get(name) {
                Some(other) => {
                    findings.push(Finding::new(&path, format!("a {other} is named `{name}` too")));
                }
                None => drop(taken.insert(name, kind)),
            }
        }
    }
}

fn sources(
    root: &Node,
    tokens: &dyn Fn(&str) -> TokenStoreConfig,
    findings: &mut Findings,
) -> Option<Sources> {
    let components = components(root, "sources");
    if components.is_empty() {
        findings.push(missing("source", "sources"));
        return None;
    }
    let (mut sources, mut whole) = (Sources::default(), true);
    for (name, node, path) in components {
        let understood = match findings.keep(type_of(node, &path, "type", source::TYPES)) {
            Some(ZENDESK) => source::source(name, node, &path, tokens(name), findings)
                .map(|source| sources.zendesk.push(source)),
            Some(ZENDESK_WEBHOOK) => webhook::source(name, node, &path, findings)
                .map(|webhook| sources.webhooks.push(webhook)),
            Some(kind @ (INTERNAL_LOGS | INTERNAL_METRICS)) => findings
                .keep(internal::source(name, kind, node, &path))
                .map(|it| sources.internal.push(it)),
            Some(other) => {
                findings.push(Finding::unknown_value(&path.key("type"), other, source::TYPES));
                None
            }
            None => None,
        };
        // Each is looked at, also after one that failed.
        whole &= understood.is_some();
    }
    whole.then_some(sources)
}

/// The transforms, their programs compiled.
fn steps(root: &Node, found: &mut Found<'_>) -> Option<Vec<Step>> {
    let components = components(root, "transforms").into_iter();
    let read = components.map(|(name, node, path)| transform::transform(name, node, &path, found));
    // Collected before it is asked whether one failed, so that each is looked at.
    let read: Vec<Option<Step>> = read.collect();
    read.into_iter().collect()
}

/// The transforms and their tests, without anything around them.
pub(super) fn trials(root: &Node, found: &mut Found<'_>) -> Option<(Vec<Step>, Vec<Trial>)> {
    check_names(root, found.findings);
    let mut steps = steps(root, found)?;
    inputs::resolve_steps(&mut steps, &paths(root, "transforms"), found.findings);
    let path = Path::default().key("tests");
    let trials = trials::trials(root.get("tests"), &path, &steps, found)?;
    Some((steps, trials))
}

fn paths(root: &Node, section: &str) -> Vec<Path> {
    components(root, section).into_iter().map(|(.., path)| path).collect()
}

fn sinks(root: &Node, acknowledgements: bool, findings: &mut Findings) -> Option<Vec<SinkConfig>> {
    let components = components(root, "sinks");
    if components.is_empty() {
        findings.push(missing("sink", "sinks"));
        return None;
    }
    let mut understood = Vec::new();
    for (name, node, path) in &components {
        understood.push(sink::sink(name, node, path, acknowledgements, findings));
    }
    let sinks: Vec<SinkConfig> = understood.into_iter().collect::<Option<_>>()?;
    let paths: Vec<Path> = components.into_iter().map(|(.., path)| path).collect();
    sink::check_paths(&sinks, &paths, findings);
    Some(sinks)
}

fn missing(what: &str, section: &str) -> Finding {
    Finding::new(&Path::default(), format!("there is no {what}"))
        .hint(format!("add one under {}", listed(&[section])))
}
