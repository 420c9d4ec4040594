//! What every HTTP client here has in common: its proxies, that it neither follows redirects nor
//! tries again, and how a failure of it is told. It must not know whom a client talks to.

use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use url::Url;

/// Longer means that a dead address is noticed late; shorter fails on slow links.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Sent with every request, so that whoever is asked can tell us apart.
const USER_AGENT: &str = concat!("zenstream/", env!("CARGO_PKG_VERSION"));

/// The proxies that requests go through. What the environment's `HTTP_PROXY`, `HTTPS_PROXY` and
/// `NO_PROXY` say is in here already: a client must not ask it again.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct ProxySettings {
    /// For `http://` addresses.
    pub http: Option<Url>,
    /// For `https://` addresses.
    pub https: Option<Url>,
    /// Hosts that are reached directly.
    pub no_proxy: Vec<String>,
}

impl fmt::Debug for ProxySettings {
    /// Without credentials, which a proxy's URL may hold.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let origin = |url: &Option<Url>| url.as_ref().map(|url| url.origin().ascii_serialization());
        f.debug_struct("ProxySettings")
            .field("http", &origin(&self.http))
            .field("https", &origin(&self.https))
            .field("no_proxy", &self.no_proxy)
            .finish()
    }
}

/// A client in the making, which goes through these proxies and no others, follows no redirect
/// and retries nothing: whoever uses it decides both.
pub fn builder(proxy: &ProxySettings) -> reqwest::Result<reqwest::ClientBuilder> {
    let mut builder = reqwest::Client::builder()
        .user_agent(USER_AGENT)
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .no_proxy()
        .dns_resolver(Arc::new(SystemResolver))
        .connect_timeout(CONNECT_TIMEOUT)
        .gzip(true);
    let direct = reqwest::NoProxy::from_string(&proxy.no_proxy.join(","));
    let configured = [
        proxy.http.as_ref().map(|url| reqwest::Proxy::http(url.clone())),
        proxy.https.as_ref().map(|url| reqwest::Proxy::https(url.clone())),
    ];
    for proxy in configured.into_iter().flatten() {
        builder = builder.proxy(proxy?.no_proxy(direct.clone()));
    }
    Ok(builder)
}

/// Looks hosts up as the system does, and names the one that it does not find: that may be the
/// proxy's.
struct SystemResolver;

impl Resolve for SystemResolver {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            match tokio::net::lookup_host((name.as_str(), 0)).await {
                Ok(found) => Ok(Box::new(found.collect::<Vec<_>>().into_iter()) as Addrs),
                Err(error) => Err(Unresolved::new(name.as_str(), &error).into()),
            }
        })
    }
}

/// A host that could not be looked up. It has no cause below it, so that its own words are those
/// that are told.
#[derive(Debug, thiserror::Error)]
#[error("cannot look up the host `{host}`: {why}")]
pub struct Unresolved {
    host: String,
    why: String,
}

impl Unresolved {
    fn new(host: &str, error: &std::io::Error) -> Self {
        let why = error.to_string();
        // What the standard library says before the system's words is said already.
        let why = why.strip_prefix("failed to lookup address information: ").unwrap_or(&why);
        Self { host: host.to_owned(), why: why.to_owned() }
    }
}

/// The host that could not be looked up, where that is why a request failed.
pub fn unresolved(error: &reqwest::Error) -> Option<&Unresolved> {
    let mut below = error.source();
    while let Some(cause) = below {
        if let Some(unresolved) = cause.downcast_ref() {
            return Some(unresolved);
        }
        below = cause.source();
    }
    None
}

/// The cause at the bottom: what is above it only says that a request failed. Without the URL,
/// whose query may hold what nobody else should see.
pub fn cause(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut cause: &dyn Error = &error;
    while let Some(below) = cause.source() {
        cause = below;
    }
    cause.to_string()
}
