//! The authorization code: consent is asked for in a browser, and the code that
//! follows is exchanged once.
//!
//! The pretend user consents, or does not, without being asked. Tokens are made
//! elsewhere.

use std::collections::HashMap;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};
use url::Url;

use super::auth::words;
use super::errors;
use super::query::Call;
use super::reply::{HTML, Reply};
use super::settings::Settings;

/// How long a code can be exchanged, in seconds.
const CODE_LIFETIME: i64 = 120;

/// What a code was given for.
#[derive(Debug, Clone)]
pub(super) struct Grant {
    client_id: String,
    redirect_uri: String,
    /// Of a `code_verifier`, when PKCE is used.
    challenge: Option<String>,
    /// The scopes asked for.
    pub(super) scopes: Vec<String>,
    expires: i64,
}

/// What is brought to exchange a code.
#[derive(Debug)]
pub(super) struct Exchange<'a> {
    pub(super) code: &'a str,
    pub(super) client_id: &'a str,
    pub(super) redirect_uri: &'a str,
    pub(super) verifier: Option<&'a str>,
    /// The client proved itself by its secret.
    pub(super) has_secret: bool,
}

/// Codes that were given, and where they may be sent.
#[derive(Debug)]
pub(super) struct Consents {
    redirect_uris: Vec<String>,
    refused: bool,
    codes: HashMap<String, Grant>,
}

impl Consents {
    pub(super) fn new(settings: &Settings) -> Self {
        Self {
            redirect_uris: settings.redirect_uris.clone(),
            refused: settings.consent_refused,
            codes: HashMap::new(),
        }
    }

    /// `GET /oauth/authorizations/new`, with the code that a consent would give.
    pub(super) fn ask(&mut self, call: &Call, code: &str, now: i64) -> Reply {
        let param = |name| call.param(name).unwrap_or_default();
        // Without a place that is known, nothing is sent anywhere.
        let Some(mut place) = self.redirect(param("redirect_uri")) else {
            return page(400, "The redirect URL is not one of this client's.");
        };
        let answer: Vec<(&str, &str)> = if let Some(problem) = problem(call) {
            vec![("error", "invalid_request"), ("error_description", problem)]
        } else if self.refused {
            let text = "The end-user or authorization server denied the request.";
            vec![("error", "access_denied"), ("error_description", text)]
        } else {
            let grant = Grant {
                client_id: param("client_id").to_owned(),
                redirect_uri: param("redirect_uri").to_owned(),
                challenge: call.param("code_challenge").map(str::to_owned),
                scopes: words(param("scope")),
                expires: now + CODE_LIFETIME,
            };
            self.codes.insert(code.to_owned(), grant);
            vec![("code", code)]
        };
        place.query_pairs_mut().extend_pairs(answer);
        if let Some(state) = call.param("state") {
            place.query_pairs_mut().append_pair("state", state);
        }
        page(302, "You are being redirected.").with("location", place)
    }

    /// The place to go back to, if it may be one: registered exactly, and `https` unless it is on
    /// the user's own machine.
    fn redirect(&self, text: &str) -> Option<Url> {
        let place = Url::parse(text).ok()?;
        let local = matches!(place.host_str(), Some("localhost" | "127.0.0.1"));
        let right = place.scheme() == "https" || (local && place.scheme() == "http");
        let registered =
            self.redirect_uris.is_empty() || self.redirect_uris.iter().any(|one| one == text);
        (right && registered).then_some(place)
    }

    /// Takes a code, which ends it whether or not what was brought with it is right.
    pub(super) fn exchange(&mut self, exchange: &Exchange<'_>, now: i64) -> Option<Grant> {
        let grant = self.codes.remove(exchange.code)?;
        let proven = match (&grant.challenge, exchange.verifier) {
            (Some(challenge), Some(verifier)) => *challenge == challenge_of(verifier),
            (Some(_), None) => false,
            (None, _) => exchange.has_secret,
        };
        let right = proven
            && grant.client_id == exchange.client_id
            && grant.redirect_uri == exchange.redirect_uri
            && now < grant.expires;
        right.then_some(grant)
    }
}

/// The `S256` challenge of a verifier.
fn challenge_of(verifier: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.as_bytes()))
}

/// What is wrong with a request for consent whose redirect is right.
fn problem(call: &Call) -> Option<&'static str> {
    let has = |name| call.param(name).is_some_and(|value: &str| !value.is_empty());
    if call.param("response_type") != Some("code") {
        return Some("The response type is not supported.");
    }
    if !has("client_id") || !has("scope") {
        return Some("The request is missing a required parameter.");
    }
    let plain = has("code_challenge") && call.param("code_challenge_method") != Some("S256");
    plain.then_some("The code challenge method must be S256.")
}

fn page(status: u16, text: &str) -> Reply {
    Reply::new(status, Some(HTML), format!("<!DOCTYPE html>\n<html><body>{text}</body></html>\n"))
}

/// The refusal of a code.
pub(super) fn refusal() -> Reply {
    errors::oauth(400, "invalid_grant", "The provided grant is invalid, expired or revoked.")
}
