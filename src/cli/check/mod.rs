//! `check`: what works with these credentials, and what to grant for the rest.
//!
//! Signs in, asks each stream for its smallest page, asks each sink what can be tried
//! of it. The API answers 200 to `users/me` even for nobody, so only a user with an id counts.

mod finding;

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use clap::{Args, ValueEnum};
use futures::future::join_all;
use serde_json::Value;
use tokio::net::TcpListener;

use super::account::{self, AccountArguments, BRIEF};
use super::progress::{self, Doing};
use super::{Failure, output};
use crate::checkpoint::{StoreError, StoreErrorKind};
use crate::config::{self, Config, ProcessEnvironment};
use crate::directory;
use crate::normalize::{self, PageLayout, RecordId, SplitPage};
use crate::pipeline::{self, BuildError, Connector};
use crate::streams::{CATALOGUE, StreamSpec};
use crate::webhook::WebhookSettings;
use crate::zendesk::{ApiError, Client, ErrorKind, PageRequest};
use finding::{Finding, SIGN_IN, STREAM, render};

/// A probe that takes longer waits for the rate limit, perhaps for ever. Two windows of it have room
/// for all streams, where nothing else takes it.
const LONGEST_PROBE: Duration = Duration::from_secs(120);

/// What to check.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Config files; without them the account of the environment.
    #[arg(short, long, value_name = "FILE", num_args = 1.., value_delimiter = ',', env = "ZENSTREAM_CONFIG")]
    config: Vec<PathBuf>,
    /// The form of the output.
    #[arg(long, default_value = "table")]
    format: CheckFormat,
    #[command(flatten)]
    account: AccountArguments,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum CheckFormat {
    Table,
    Json,
}

pub(super) async fn run(arguments: Arguments, colourful: bool) -> Result<(), Failure> {
    let findings = if arguments.config.is_empty() {
        let account = arguments.account.open(BRIEF)?;
        let tried = Tried::of(CATALOGUE.len() + 1);
        let work =
            check_source(&account.subdomain, &account.client, CATALOGUE.iter(), Vec::new(), &tried);
        progress::telling(work, || tried.told([&*account.client].into_iter())).await
    } else {
        let config = config::load(&arguments.config, &ProcessEnvironment)?;
        output::warn(&config.warnings);
        check_config(&config).await?
    };
    match arguments.format {
        CheckFormat::Table => output::print(render(&findings, colourful).as_bytes())?,
        CheckFormat::Json => {
            let mut text = serde_json::to_vec_pretty(&findings).unwrap_or_default();
            text.push(b'\n');
            output::print(&text)?;
        }
    }
    match findings.iter().filter(|finding| !finding.ok).count() {
        0 => Ok(()),
        failed => Err(Failure::run(format!("{failed} of {} checks failed", findings.len()))),
    }
}

async fn check_config(config: &Config) -> Result<Vec<Finding>, Failure> {
    let outside = account::outside(false);
    let mut clients = Vec::new();
    for source in &config.sources {
        let mut source = source.clone();
        source.request.retry_attempts = source.request.retry_attempts.min(BRIEF);
        clients.push(pipeline::client(&source, &config.proxy, &outside)?);
    }
    let connector = Connector::apart(config, &outside);
    let mut sinks = Vec::new();
    for sink in &config.sinks {
        sinks.push((&sink.name, connector.sink(sink)?));
    }
    let lookups = |source: &str| pipeline::lookups(&config.transforms, source);
    let streams = config.sources.iter().map(|it| 1 + it.streams.len() + lookups(&it.name).len());
    let all = streams.sum::<usize>() + config.webhooks.len() + sinks.len() + 1;
    let tried = &Tried::of(all);
    let sources = config.sources.iter().zip(&clients).map(|(source, client)| {
        let specs = source.streams.iter().map(|stream| stream.spec);
        check_source(&source.name, client, specs, lookups(&source.name), tried)
    });
    let sinks = sinks.iter().map(|(name, sink)| async move {
        let (ok, detail, hint) = match tried.one(sink.check()).await {
            Ok(checked) => (true, checked.tried, checked.hint),
            Err(error) => (false, error.to_string(), error.hint),
        };
        Finding { kind: "sink", name: (*name).clone(), ok, detail, hint }
    });
    // All at once: what is away lets nobody wait but itself.
    let webhooks = config.webhooks.iter().map(|webhook| tried.one(check_webhook(webhook)));
    let checkpoint = tried.one(check_checkpoint(config, &connector));
    let all =
        async { tokio::join!(join_all(sources), join_all(webhooks), join_all(sinks), checkpoint) };
    let (sources, webhooks, sinks, checkpoint) =
        progress::telling(all, || tried.told(clients.iter())).await;
    let sources = sources.into_iter().flatten().chain(webhooks);
    Ok(sources.chain(sinks).chain([checkpoint]).collect())
}

/// How many of all things were tried.
struct Tried {
    done: AtomicUsize,
    all: usize,
}

impl Tried {
    fn of(all: usize) -> Self {
        Self { done: AtomicUsize::new(0), all }
    }

    /// Counts one when it is done.
    async fn one<T>(&self, work: impl Future<Output = T>) -> T {
        let done = work.await;
        self.done.fetch_add(1, Ordering::Relaxed);
        done
    }

    fn told<'c>(&self, clients: impl Iterator<Item = &'c Client>) -> Doing {
        let text = format!("{} of {} tried", self.done.load(Ordering::Relaxed), self.all);
        let wait = clients.filter_map(Client::longest_wait).max_by_key(|(_, wait)| *wait);
        Doing { text, wait }
    }
}

/// Whether webhooks can be received. A run that does so right now is the best proof.
async fn check_webhook(webhook: &WebhookSettings) -> Finding {
    let (kind, name, address) = ("webhook", webhook.source.clone(), webhook.address);
    let error = match TcpListener::bind(address).await {
        Ok(_) => None,
        Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => {
            let detail = format!("{address} is listened on, by a run or another program");
            return Finding { kind, name, ok: true, detail, hint: None };
        }
        Err(error) => Some(error),
    };
    let (ok, detail, hint) = match error {
        None => (true, format!("can listen on {address}"), None),
        Some(error) => (
            false,
            format!("cannot listen on {address}: {error}"),
            Some("choose another `address`".to_owned()),
        ),
    };
    Finding { kind, name, ok, detail, hint }
}

/// Whether positions can be kept. A run that keeps them right now is the best proof.
async fn check_checkpoint(config: &Config, connector: &Connector<'_>) -> Finding {
    let name = config.checkpoint.to_string();
    let kind = "checkpoint";
    let well =
        |detail: &str| Finding { kind, name, ok: true, detail: detail.to_owned(), hint: None };
    match look_at_checkpoint(config, connector).await {
        Ok(()) => well("can be kept"),
        Err(error) if error.kind == StoreErrorKind::Conflict => well("kept by a run"),
        Err(error) => {
            let name = config.checkpoint.to_string();
            Finding { kind, name, ok: false, detail: error.to_string(), hint: error.hint }
        }
    }
}

/// Reads what is kept, and the lease where there is one.
async fn look_at_checkpoint(config: &Config, connector: &Connector<'_>) -> Result<(), StoreError> {
    let refused = |error| match error {
        BuildError::Checkpoint(error) => error,
        error => StoreError::new(StoreErrorKind::Refused, error.to_string()),
    };
    let (store, lease) = connector.store_for_turns(config.lease).map_err(refused)?;
    store.check().await?;
    match lease {
        Some(lease) => lease.check().await,
        None => Ok(()),
    }
}

async fn check_source(
    name: &str,
    client: &Client,
    specs: impl Iterator<Item = &'static StreamSpec>,
    lookups: Vec<&str>,
    tried: &Tried,
) -> Vec<Finding> {
    let signed_in = match tried.one(sign_in(client)).await {
        Ok(signed_in) => signed_in,
        Err(error) => return vec![Finding::failed(SIGN_IN, name.to_owned(), error)],
    };
    let scopes = client.scopes().await.unwrap_or_else(|error| {
        tracing::debug!(%error, "the scopes of the token are not known");
        None
    });
    let streams = specs.map(|spec| {
        let (name, scopes) = (format!("{name}.{}", spec.name), scopes.as_deref());
        let role = signed_in.role.as_deref();
        async move {
            let probed = tokio::time::timeout(LONGEST_PROBE, probe(client, spec));
            match tried.one(probed).await {
                Err(_) => Finding::unasked(name),
                Ok(Ok(detail)) => Finding::well(STREAM, name, detail),
                Ok(Err(error)) => {
                    let may_lack = pipeline::may_lack(spec, role, scopes);
                    let hint = to_grant(spec, scopes).or(error.hint_needing(&may_lack));
                    let hint = hint.or(error.hint.clone());
                    Finding { hint, ..Finding::failed(STREAM, name, error) }
                }
            }
        }
    });
    let lookups = lookups.into_iter();
    let lookups = lookups.map(|name| tried.one(check_lookup(name, client, scopes.as_deref())));
    let (streams, lookups) = tokio::join!(join_all(streams), join_all(lookups));
    client.settle().await;
    let hint = signed_in.hint;
    let signed_in = Finding { hint, ..Finding::well(SIGN_IN, name.to_owned(), signed_in.detail) };
    [signed_in].into_iter().chain(streams).chain(lookups).collect()
}

/// Whether a transform can look users up.
async fn check_lookup(name: &str, client: &Client, scopes: Option<&[String]>) -> Finding {
    let name = name.to_owned();
    let Err(error) = directory::probe(client).await else {
        return Finding::well("transform", name, "users can be looked up".to_owned());
    };
    let lacks = scopes.filter(|granted| !pipeline::may_see_users(granted));
    let hint = lacks.map(|granted| {
        let (scope, granted) = (directory::SCOPE, granted.join(" "));
        format!("grant the scope `{scope}` or `read`; the token has `{granted}`")
    });
    let hint = hint.or(error.hint.clone());
    Finding { hint, ..Finding::failed("transform", name, error) }
}

/// The scope that is missing, where that is known to be the reason.
fn to_grant(spec: &StreamSpec, scopes: Option<&[String]>) -> Option<String> {
    let granted = scopes.filter(|granted| !pipeline::is_granted(spec, granted))?;
    let needed = match spec.scope {
        "read" => "`read`".to_owned(),
        narrow => format!("`{narrow}` or `read`"),
    };
    Some(format!("grant the scope {needed}; the token has `{}`", granted.join(" ")))
}

/// As whom Zendesk knows us.
pub(super) struct SignedIn {
    /// In words.
    pub(super) detail: String,
    /// The user's role, where it is known.
    role: Option<String>,
    /// What a person could do to have more.
    hint: Option<String>,
}

/// Asks Zendesk who we are.
pub(super) async fn sign_in(client: &Client) -> Result<SignedIn, ApiError> {
    let request = PageRequest::new("/api/v2/users/me");
    let decode =
        |body: &Bytes| serde_json::from_slice::<Value>(body).map_err(|error| error.to_string());
    let reply = match client.get(&request, decode).await {
        Ok(reply) => reply,
        // Whoever may not see this is somebody: a token of a narrow scope.
        Err(error) if error.kind == ErrorKind::Denied && error.status.is_some() => {
            let detail = "signed in; the token may not say as whom".to_owned();
            let hint = Some("with the scope `users:read` the role could be checked".to_owned());
            return Ok(SignedIn { detail, role: None, hint });
        }
        Err(error) => return Err(error),
    };
    let user = reply.get("user").unwrap_or(&Value::Null);
    let text = |field: &str| user.get(field).and_then(Value::as_str).unwrap_or("?").to_owned();
    if user.get("id").is_none_or(Value::is_null) {
        return Err(ApiError::denied("zendesk does not know these credentials").with_hint(
            "it answers 200 to anybody here, but as `Anonymous user`; check user and secret",
        ));
    }
    let (who, role) = (text("email"), text("role"));
    let hint = (role != "admin").then(|| "most streams need an admin".to_owned());
    let detail = format!("signed in as {who} ({role})");
    Ok(SignedIn { detail, role: Some(role), hint })
}

/// The smallest page of a stream; of lists below others that of the first of them too.
async fn probe(client: &Client, spec: &StreamSpec) -> Result<String, ApiError> {
    let now = client.clock().now();
    let page = ask_once(client, spec.probe(now)).await?;
    if spec.parents.is_none() {
        return Ok("can be read".to_owned());
    }
    let Some(record) = page.records.into_iter().find_map(|record| record.id) else {
        return Ok("can be read, once there is something that it has lists of".to_owned());
    };
    let parent = RecordId { record, version: None }.plain();
    if let Some(probe) = spec.probe_below(&parent, now) {
        let of_one = |error: ApiError| {
            let message = format!("the list of `{parent}`: {}", error.message);
            ApiError { message, ..error }
        };
        ask_once(client, probe).await.map_err(of_one)?;
    }
    Ok(format!("can be read; tried with `{parent}`"))
}

async fn ask_once(
    client: &Client,
    (request, layout): (PageRequest, PageLayout),
) -> Result<SplitPage, ApiError> {
    let decode =
        |body: &Bytes| normalize::split(body, &layout).map_err(|malformed| malformed.to_string());
    client.get(&request, decode).await
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use async_trait::async_trait;
    use futures::StreamExt as _;
    use http::{HeaderMap, StatusCode};
    use url::Url;

    use super::*;
    use crate::clock::Clock;
    use crate::random::Random;
    use crate::streams;
    use crate::zendesk::transport::{Request, Response, Transport, TransportError};
    use crate::zendesk::{ClientSettings, Credentials};

    /// Lists a custom object, and answers for its records with this status.
    #[derive(Debug)]
    struct Objects(&'static str, u16);

    #[async_trait]
    impl Transport for Objects {
        async fn send(&self, request: Request) -> Result<Response, TransportError> {
            let (status, body) = match request.uri().path() {
                "/api/v2/custom_objects" => (200, self.0),
                path => {
                    assert_eq!(path, "/api/v2/incremental/custom_objects/car/cursor");
                    (self.1, r#"{"custom_object_records":[],"error":"Forbidden"}"#)
                }
            };
            let body = Bytes::from_static(body.as_bytes());
            Ok(Response {
                status: StatusCode::from_u16(status).unwrap(),
                headers: HeaderMap::new(),
                body: futures::stream::once(async { Ok(body) }).boxed(),
            })
        }
    }

    async fn probed(objects: Objects) -> Result<String, ApiError> {
        let settings = ClientSettings {
            endpoint: Url::parse("https://acme.zendesk.com").unwrap(),
            timeout: Duration::from_secs(60),
            retry_attempts: 0,
            share: 1.0,
            max_body_bytes: 1 << 20,
        };
        let (credentials, random) = (Credentials::Bearer("t".into()), Random::from_seed(1));
        let (clock, random) = (Clock::system(), Arc::new(random));
        let client = Client::new(settings, credentials, Arc::new(objects), clock, random);
        probe(&client, streams::find("custom_object_records").unwrap()).await
    }

    #[tokio::test]
    async fn a_list_below_another_record_is_asked_for_itself() {
        let car = r#"{"custom_objects":[{"key":"car"},{"key":"house"}]}"#;
        assert_eq!(probed(Objects(car, 200)).await.unwrap(), "can be read; tried with `car`");
        let error = probed(Objects(car, 403)).await.unwrap_err();
        assert!(error.message.starts_with("the list of `car`: "), "{error}");
        assert!(error.kind == ErrorKind::Denied && error.hint.is_some(), "{error:?}");
        let none = probed(Objects(r#"{"custom_objects":[]}"#, 403)).await.unwrap();
        assert!(none.starts_with("can be read, once there is"), "{none}");
    }
}
