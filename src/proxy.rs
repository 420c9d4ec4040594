//! The proxies that requests go through, for every HTTP client here. Data, and how a client takes it.

use std::fmt;

use url::Url;

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

impl ProxySettings {
    /// A client that goes through these, and asks the environment for no others.
    pub fn applied_to(
        &self,
        client: reqwest::ClientBuilder,
    ) -> reqwest::Result<reqwest::ClientBuilder> {
        let direct = reqwest::NoProxy::from_string(&self.no_proxy.join(","));
        let configured = [
            self.http.as_ref().map(|url| reqwest::Proxy::http(url.clone())),
            self.https.as_ref().map(|url| reqwest::Proxy::https(url.clone())),
        ];
        let mut client = client.no_proxy();
        for proxy in configured.into_iter().flatten() {
            client = client.proxy(proxy?.no_proxy(direct.clone()));
        }
        Ok(client)
    }
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
