//! A connection to a `vector` source, made when it is first used and again whenever it breaks.

use std::path::Path;
use std::sync::OnceLock;
use std::time::Duration;

use http::uri::PathAndQuery;
use tonic::client::Grpc;
use tonic::codec::CompressionEncoding;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity};
use tonic::{Request, Status};
use tonic_prost::ProstCodec;
use url::Url;

use super::VectorSettings;
use super::proto::{
    HEALTH_CHECK, HealthCheckRequest, HealthCheckResponse, PUSH_EVENTS, PushEventsRequest,
    PushEventsResponse,
};
use crate::sinks::{Compression, SinkError, SinkErrorKind, fault};
use crate::tls::TlsSettings;

/// Longer means that a dead address is noticed late; shorter fails on slow links.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// What is said of us to whoever is asked.
const USER_AGENT: &str = concat!("zenstream/", env!("CARGO_PKG_VERSION"));

/// One `vector` source.
#[derive(Debug)]
pub(super) struct Remote {
    /// Its address, for messages.
    pub(super) place: String,
    endpoint: Endpoint,
    /// Made within the runtime that is to drive it.
    channel: OnceLock<Channel>,
    compression: Option<CompressionEncoding>,
}

impl Remote {
    /// One at `address`. Connects to nothing; reads the certificates.
    pub(super) fn new(address: &str, settings: &VectorSettings) -> Result<Self, SinkError> {
        let place = place(address, &settings.tls)?;
        let refused = |error: tonic::transport::Error| {
            config(format!("cannot use {place}: {}", cause(&error)))
        };
        let mut endpoint = Endpoint::from_shared(place.clone())
            .and_then(|endpoint| endpoint.user_agent(USER_AGENT))
            .map_err(refused)?
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(settings.timeout)
            .http2_keep_alive_interval(settings.keepalive_interval)
            .keep_alive_timeout(settings.keepalive_timeout);
        if place.starts_with("https://") {
            endpoint = endpoint.tls_config(tls(&settings.tls)?).map_err(refused)?;
        }
        let compression = match settings.compression {
            Compression::Gzip { .. } => Some(CompressionEncoding::Gzip),
            Compression::Zstd { .. } => Some(CompressionEncoding::Zstd),
            Compression::None | Compression::Zlib { .. } => None,
        };
        Ok(Self { place, endpoint, channel: OnceLock::new(), compression })
    }

    /// Sends events. `Ok` means that the sinks behind have them, where these acknowledge.
    pub(super) async fn push(&self, request: PushEventsRequest) -> Result<(), Status> {
        let mut grpc = self.ready().await?;
        if let Some(encoding) = self.compression {
            grpc = grpc.send_compressed(encoding);
        }
        let codec = ProstCodec::<_, PushEventsResponse>::default();
        let path = PathAndQuery::from_static(PUSH_EVENTS);
        grpc.unary(Request::new(request), path, codec).await.map(drop)
    }

    /// Asks how it is.
    pub(super) async fn health(&self) -> Result<HealthCheckResponse, Status> {
        let mut grpc = self.ready().await?;
        let (codec, path) = (ProstCodec::default(), PathAndQuery::from_static(HEALTH_CHECK));
        let answer = grpc.unary(Request::new(HealthCheckRequest {}), path, codec).await;
        answer.map(tonic::Response::into_inner)
    }

    async fn ready(&self) -> Result<Grpc<Channel>, Status> {
        let channel = self.channel.get_or_init(|| self.endpoint.connect_lazy());
        let mut grpc = Grpc::new(channel.clone());
        grpc.ready().await.map_err(|error| Status::unavailable(cause(&error)))?;
        Ok(grpc)
    }
}

fn config(text: impl Into<String>) -> SinkError {
    SinkError::new(SinkErrorKind::Config, text)
}

/// The cause at the bottom: what is above it only says that something failed.
fn cause(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(below) = cause.source() {
        cause = below;
    }
    cause.to_string()
}

/// Why a call failed, with what is beneath it.
pub(super) fn told(status: &Status) -> String {
    let message = status.message();
    let below = std::error::Error::source(status).map(cause).filter(|below| below != message);
    let text = match below {
        Some(below) => format!("{message}: {below}"),
        None => message.to_owned(),
    };
    let words = text.split(|letter: char| letter.is_whitespace() || letter.is_control());
    let words: Vec<&str> = words.filter(|word| !word.is_empty()).collect();
    words.join(" ").chars().take(300).collect()
}

/// The address with its scheme, which `tls.enabled` says where the address does not.
pub(super) fn place(address: &str, tls: &TlsSettings) -> Result<String, SinkError> {
    const HINT: &str = "for example `http://vector.example.com:6000`";
    let secured = tls.enabled == Some(true);
    let whole = if address.contains("://") {
        address.to_owned()
    } else {
        format!("{}://{address}", if secured { "https" } else { "http" })
    };
    let refuse = |what: &str| config(format!("the address {what}")).with_hint(HINT);
    let url = Url::parse(&whole).map_err(|error| refuse(&format!("is none: {error}")))?;
    let is_bare = url.username().is_empty()
        && url.password().is_none()
        && matches!(url.path(), "" | "/")
        && url.query().is_none();
    if !is_bare || !url.has_host() {
        return Err(refuse("is more than a scheme, a host and a port"));
    }
    let speaks_tls = match url.scheme() {
        "https" => true,
        "http" => false,
        _ => return Err(refuse("begins neither with `http://` nor with `https://`")),
    };
    let says_tls = tls.enabled.unwrap_or(speaks_tls);
    let has_files = tls.ca_file.is_some() || tls.crt_file.is_some();
    if says_tls != speaks_tls || (has_files && !speaks_tls) {
        return Err(refuse("and `tls` do not agree on whether TLS is spoken"));
    }
    Ok(url.origin().ascii_serialization())
}

fn tls(settings: &TlsSettings) -> Result<ClientTlsConfig, SinkError> {
    let mut tls = ClientTlsConfig::new();
    tls = match &settings.ca_file {
        Some(path) => tls.ca_certificate(Certificate::from_pem(certificates(path)?)),
        None => tls.with_native_roots(),
    };
    if let (Some(crt), Some(key)) = (&settings.crt_file, &settings.key_file) {
        tls = tls.identity(Identity::from_pem(certificates(crt)?, read(key)?));
    }
    Ok(tls)
}

fn certificates(path: &Path) -> Result<Vec<u8>, SinkError> {
    let pem = read(path)?;
    if memchr::memmem::find(&pem, b"-----BEGIN CERTIFICATE-----").is_some() {
        return Ok(pem);
    }
    Err(config(format!("there is no certificate in {}", path.display()))
        .with_hint("it must hold PEM, as in `-----BEGIN CERTIFICATE-----`"))
}

fn read(path: &Path) -> Result<Vec<u8>, SinkError> {
    std::fs::read(path).map_err(|error| {
        let fault = fault::of_io(&format!("cannot read {}", path.display()), &error);
        SinkError { kind: SinkErrorKind::Config, hint: None, ..fault }
    })
}
