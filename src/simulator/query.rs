//! A request as the pretend account reads it, and the links it answers with.
//!
//! Nothing here knows what an endpoint does with its parameters.

use http::header::{ACCEPT_ENCODING, AUTHORIZATION, HOST};
use url::form_urlencoded;

/// Where links lead when they must lead astray.
pub(super) const EVIL_BASE: &str = "https://evil.example.net";

/// One request, taken apart.
#[derive(Debug)]
pub(super) struct Call {
    /// Upper case.
    pub(super) method: http::Method,
    /// As sent, with `.json` if it had one.
    pub(super) path: String,
    /// The path without `.json` and without a slash at its end.
    pub(super) route: String,
    /// The query, decoded, in the order sent.
    pub(super) params: Vec<(String, String)>,
    /// The query as sent.
    pub(super) raw_query: String,
    /// The account that was asked, where it is another than ours.
    pub(super) foreign_host: Option<String>,
    /// Scheme and host of links.
    pub(super) base: String,
    /// The credentials' header.
    pub(super) authorization: Option<String>,
    /// Whether the body may come as gzip.
    pub(super) takes_gzip: bool,
    /// The body sent.
    pub(super) body: bytes::Bytes,
}

impl Call {
    /// Takes a request apart.
    pub(super) fn read(
        request: &http::Request<bytes::Bytes>,
        public_url: Option<&str>,
        account_host: &str,
    ) -> Self {
        let header = |name| request.headers().get(name).and_then(|value| value.to_str().ok());
        let host = header(HOST)
            .or_else(|| request.uri().authority().map(http::uri::Authority::as_str))
            .unwrap_or(account_host);
        let name = host.split(':').next().unwrap_or(host);
        let foreign = name.ends_with(".zendesk.com") && !name.eq_ignore_ascii_case(account_host);
        let base = match public_url {
            Some(url) => url.trim_end_matches('/').to_owned(),
            None if host == account_host || host.ends_with(".zendesk.com") => {
                format!("https://{account_host}")
            }
            None => format!("http://{host}"),
        };
        let path = request.uri().path();
        let route = path.strip_suffix(".json").unwrap_or(path).trim_end_matches('/');
        let raw_query = request.uri().query().unwrap_or_default();
        Self {
            method: request.method().clone(),
            path: path.to_owned(),
            route: route.to_owned(),
            params: form_urlencoded::parse(raw_query.as_bytes()).into_owned().collect(),
            raw_query: raw_query.to_owned(),
            foreign_host: foreign.then(|| name.to_owned()),
            base,
            authorization: header(AUTHORIZATION).map(str::to_owned),
            takes_gzip: header(ACCEPT_ENCODING).is_some_and(|value| value.contains("gzip")),
            body: request.body().clone(),
        }
    }

    /// The last value of a parameter.
    pub(super) fn param(&self, name: &str) -> Option<&str> {
        self.params.iter().rev().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// All values of a parameter, also those written as `name[]`.
    pub(super) fn values(&self, name: &str) -> Vec<&str> {
        self.params
            .iter()
            .filter(|(key, _)| key.strip_suffix("[]").unwrap_or(key) == name)
            .map(|(_, value)| value.as_str())
            .collect()
    }

    /// This request's address with other parameters: those in `changes` are set, or dropped
    /// where they have no value. Sorted and percent-encoded.
    pub(super) fn link(&self, changes: &[(&str, Option<&str>)]) -> String {
        let params = self.changed(changes);
        let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(params).finish();
        format!("{}{}?{query}", self.base, self.path)
    }

    /// The same with raw brackets in the names, as some services write links, and `with_port` with
    /// the port that goes without saying.
    pub(super) fn raw_link(&self, changes: &[(&str, Option<&str>)], with_port: bool) -> String {
        let encode = |text| form_urlencoded::byte_serialize(text).collect::<String>();
        let params = self.changed(changes);
        let params =
            params.iter().map(|(key, value)| format!("{key}={}", encode(value.as_bytes())));
        let query = params.collect::<Vec<_>>().join("&");
        let port = if with_port && self.base.starts_with("https://") { ":443" } else { "" };
        format!("{}{port}{}?{query}", self.base, self.path)
    }

    fn changed<'a>(&'a self, changes: &[(&'a str, Option<&'a str>)]) -> Vec<(&'a str, &'a str)> {
        let mut params: Vec<(&str, &str)> = self
            .params
            .iter()
            .map(|(key, value)| (key.as_str(), value.as_str()))
            .filter(|(key, _)| changes.iter().all(|(changed, _)| changed != key))
            .chain(changes.iter().filter_map(|(key, value)| Some((*key, (*value)?))))
            .collect();
        params.sort_by_key(|(key, _)| *key);
        params
    }

    /// What tells this request's page from all others.
    pub(super) fn cache_key(&self) -> String {
        format!("{}{}?{}", self.base, self.path, self.raw_query)
    }

    /// The names of parameters that are none of `known`, joined for the warning header.
    pub(super) fn unknown_params(&self, known: &[&str]) -> Option<String> {
        let mut names: Vec<&str> = self
            .params
            .iter()
            .map(|(key, _)| key.as_str())
            .filter(|key| !known.contains(&key.strip_suffix("[]").unwrap_or(key)))
            .collect();
        names.sort_unstable();
        names.dedup();
        (!names.is_empty()).then(|| names.join(", "))
    }
}
