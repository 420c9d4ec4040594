//! What must not be shown: an endpoint may send back what it was given.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret as _, SecretString};
use url::Url;

use super::{HttpAuth, HttpSettings};

/// Shorter ones would hide half of every text.
const SHORTEST: usize = 4;

/// A step of a path as long as this is more likely a token than a word.
const TOKEN: usize = 16;

/// Headers whose values are no secrets.
const TOLD: [&str; 4] = ["content-type", "content-encoding", "accept", "user-agent"];

/// Texts that must not be shown.
pub(super) struct Secrets(Vec<SecretString>);

impl Secrets {
    /// Credentials, values of headers, and what of the address may be one.
    pub(super) fn of(settings: &HttpSettings) -> Self {
        let mut texts = Vec::new();
        if let Some(auth) = &settings.auth {
            let header = auth.header();
            let header = header.expose_secret();
            texts.push(header.to_owned());
            texts.extend(header.split(' ').skip(1).map(str::to_owned));
            if let HttpAuth::Basic { password, .. } = auth {
                texts.push(password.expose_secret().to_owned());
            }
        }
        for (name, value) in &settings.headers {
            if !TOLD.contains(&name.to_ascii_lowercase().as_str()) {
                texts.push(value.clone());
                texts.extend(value.split(' ').skip(1).map(str::to_owned));
            }
        }
        for uri in [Some(&settings.uri), settings.healthcheck_uri.as_ref()].into_iter().flatten() {
            // In a template, two percent signs are one.
            texts.extend(of_uri(&uri.replace("%%", "%")));
        }
        texts.extend(texts.clone().into_iter().map(|text| text.replace('/', "\\/")));
        texts.retain(|text| text.len() >= SHORTEST && !text.contains("{{"));
        texts.sort_by_key(|text| std::cmp::Reverse(text.len()));
        texts.dedup();
        Self(texts.into_iter().map(SecretString::from).collect())
    }

    /// The text with `***` in their places.
    pub(super) fn hidden_in(&self, text: &str) -> String {
        self.0
            .iter()
            .fold(text.to_owned(), |text, secret| text.replace(secret.expose_secret(), "***"))
    }
}

fn of_uri(uri: &str) -> Vec<String> {
    let Ok(url) = Url::parse(uri) else { return Vec::new() };
    let mut texts: Vec<String> = url.query_pairs().map(|(_, value)| value.into_owned()).collect();
    if let Some(password) = url.password() {
        // The client makes credentials of it.
        let (user, plain) = (decoded(url.username()), decoded(password));
        texts.push(STANDARD.encode(format!("{user}:{plain}")));
        texts.extend([password.to_owned(), plain]);
    }
    let steps = url.path_segments().into_iter().flatten();
    texts.extend(steps.filter(|step| step.len() >= TOKEN).map(str::to_owned));
    texts
}

/// Without percent-encoding.
fn decoded(text: &str) -> String {
    let query = format!("it={}", text.replace('+', "%2B").replace('&', "%26"));
    let value = url::form_urlencoded::parse(query.as_bytes()).next();
    value.map(|(_, value)| value.into_owned()).unwrap_or_default()
}
