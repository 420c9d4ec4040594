//! Who is asking, and what they may.
//!
//! Knows tokens and scopes; knows no endpoint. Tokens are pretend ones, yet they
//! are never written into logs or stats.

use std::collections::{HashMap, HashSet};
use std::ops::{Range, RangeInclusive};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::consent::{self, Consents, Exchange};
use super::draw::{Draw, Purpose};
use super::errors;
use super::json::{Escape, Object};
use super::query::Call;
use super::reply::Reply;
use super::settings::{Credentials, Settings, seconds};

/// What every issued token begins with.
const ISSUED: &str = "simulated_";

/// How long an access token may be asked to live, in seconds.
const ACCESS_LIVES: Range<i64> = 301..172_800;

/// How long a refresh token may be asked to live, in seconds.
const REFRESH_LIVES: RangeInclusive<i64> = 604_800..=7_776_000;

/// How long a refresh token lives unless asked otherwise, in seconds.
const REFRESH_LIFETIME: i64 = 2_592_000;

/// What a request's credentials amount to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Identity {
    /// None, or an email with a password, which counts for nothing.
    Nobody,
    /// An API token that is not right.
    WrongApiToken,
    /// A bearer token that is not, or no longer, right.
    WrongBearer,
    /// The signed-in user.
    User {
        /// What an OAuth token allows; API tokens allow everything.
        scopes: Option<Vec<String>>,
        /// When the OAuth token ends.
        expires: Option<i64>,
    },
}

impl Identity {
    /// Lets in whoever has one of `scopes` or the global `read`.
    pub(super) fn admit(&self, scopes: &[&str]) -> Result<(), Reply> {
        match self {
            Self::Nobody | Self::WrongApiToken => Err(errors::not_authenticated()),
            Self::WrongBearer => Err(errors::invalid_token()),
            Self::User { scopes: None, .. } => Ok(()),
            Self::User { scopes: Some(granted), .. } => {
                let enough =
                    granted.iter().any(|scope| scope == "read" || scopes.contains(&scope.as_str()));
                if enough { Ok(()) } else { Err(errors::missing_scope(scopes)) }
            }
        }
    }
}

#[derive(Debug)]
struct Issued {
    expires: i64,
    scopes: Vec<String>,
}

/// What a refresh token stands for.
#[derive(Debug)]
struct Pair {
    access: String,
    scopes: Vec<String>,
    expires: i64,
}

/// What a token is asked for.
#[derive(Debug)]
struct Asked {
    scopes: Vec<String>,
    expires_in: Option<i64>,
    refresh_expires_in: Option<i64>,
}

impl Asked {
    /// Refuses scopes beyond what the client is registered for, and lives that no token may have.
    fn check(&self, ceiling: Option<&[String]>) -> Result<(), Reply> {
        let within = |scope| ceiling.is_none_or(|ceiling| ceiling.contains(scope));
        if !self.scopes.iter().all(within) {
            let text = "The requested scope is invalid, unknown, or malformed.";
            return Err(errors::oauth(400, "invalid_scope", text));
        }
        let fits = self.expires_in.is_none_or(|life| ACCESS_LIVES.contains(&life))
            && self.refresh_expires_in.is_none_or(|life| REFRESH_LIVES.contains(&life));
        if fits {
            return Ok(());
        }
        let text = "The lifetime of a token is not within its limits.";
        Err(errors::oauth(400, "invalid_request", text))
    }
}

/// The account's door.
#[derive(Debug)]
pub(super) struct Door {
    seed: u64,
    accepted: Option<Credentials>,
    scopes: Option<Vec<String>>,
    lifetime: i64,
    lifetime_max: i64,
    issued: HashMap<String, Issued>,
    /// Refresh tokens that were used, or that belong to a pair that was.
    consumed: HashSet<String>,
    /// What each refresh token that was issued stands for.
    pairs: HashMap<String, Pair>,
    scope_ceiling: Option<Vec<String>>,
    expiry_untold: bool,
    consents: Consents,
    made: u64,
}

impl Door {
    pub(super) fn new(settings: &Settings) -> Self {
        Self {
            seed: settings.seed,
            accepted: settings.credentials.clone(),
            scopes: settings.scopes.clone(),
            lifetime: seconds(settings.token_lifetime),
            lifetime_max: settings.token_lifetime_max.map_or(i64::MAX, seconds),
            issued: HashMap::new(),
            consumed: HashSet::new(),
            pairs: HashMap::new(),
            scope_ceiling: settings.scope_ceiling.clone(),
            expiry_untold: settings.token_expiry_untold,
            consents: Consents::new(settings),
            made: 0,
        }
    }

    /// Reads the `Authorization` header.
    pub(super) fn identify(&self, authorization: Option<&str>, now: i64) -> Identity {
        let Some((scheme, value)) = authorization.and_then(|header| header.split_once(' ')) else {
            return Identity::Nobody;
        };
        if scheme.eq_ignore_ascii_case("bearer") {
            return self.bearer(value.trim(), now);
        }
        let plain = STANDARD.decode(value.trim()).ok().and_then(|raw| String::from_utf8(raw).ok());
        let Some((user, secret)) = plain.as_deref().and_then(|plain| plain.split_once(':')) else {
            return Identity::Nobody;
        };
        let Some(email) = user.strip_suffix("/token") else {
            return Identity::Nobody;
        };
        let right = match &self.accepted {
            Some(accepted) => {
                accepted.api_tokens.iter().any(|one| one.0 == email && one.1 == secret)
            }
            None => !email.is_empty() && plausible(secret),
        };
        if right { Identity::User { scopes: None, expires: None } } else { Identity::WrongApiToken }
    }

    fn bearer(&self, token: &str, now: i64) -> Identity {
        if let Some(issued) = self.issued.get(token) {
            if issued.expires <= now {
                return Identity::WrongBearer;
            }
            return Identity::User {
                scopes: Some(issued.scopes.clone()),
                expires: Some(issued.expires),
            };
        }
        let right = match &self.accepted {
            Some(accepted) => accepted.bearer_tokens.iter().any(|one| one == token),
            None => plausible(token) && !token.starts_with(ISSUED),
        };
        if right {
            Identity::User { scopes: self.scopes.clone(), expires: None }
        } else {
            Identity::WrongBearer
        }
    }

    /// `GET /oauth/authorizations/new`.
    pub(super) fn ask_consent(&mut self, call: &Call, now: i64) -> Reply {
        let code = self.fresh_token();
        self.consents.ask(call, &code, now)
    }

    /// `POST /oauth/tokens`.
    pub(super) fn issue(&mut self, call: &Call, now: i64) -> Reply {
        let body: Value = serde_json::from_slice(&call.body).unwrap_or(Value::Null);
        let field = |name: &str| body.get(name).and_then(Value::as_str).unwrap_or_default();
        let secret = body.get("client_secret").and_then(Value::as_str);
        let asked = Asked {
            scopes: words(field("scope")),
            expires_in: body.get("expires_in").and_then(Value::as_i64),
            refresh_expires_in: body.get("refresh_token_expires_in").and_then(Value::as_i64),
        };
        if let Err(refusal) = asked.check(self.scope_ceiling.as_deref()) {
            return refusal;
        }
        let client_id = field("client_id");
        let kind = field("grant_type");
        let needs_secret = kind == "client_credentials";
        let known = self.knows_client(client_id, secret) && (secret.is_some() || !needs_secret);
        match kind {
            "client_credentials" | "refresh_token" | "authorization_code" if !known => {
                errors::oauth(401, "invalid_client", "Client authentication failed.")
            }
            "client_credentials" => self.token(&asked, false, now),
            "refresh_token" => self.refresh(field("refresh_token"), asked, now),
            "authorization_code" => {
                let exchange = Exchange {
                    code: field("code"),
                    client_id,
                    redirect_uri: field("redirect_uri"),
                    verifier: body.get("code_verifier").and_then(Value::as_str),
                    has_secret: secret.is_some(),
                };
                let Some(grant) = self.consents.exchange(&exchange, now) else {
                    return consent::refusal();
                };
                // What was consented to, whatever is asked for now.
                self.token(&Asked { scopes: grant.scopes, ..asked }, true, now)
            }
            _ => errors::oauth(400, "unsupported_grant_type", "The grant type is not supported."),
        }
    }

    /// A public client has no secret.
    fn knows_client(&self, id: &str, secret: Option<&str>) -> bool {
        match &self.accepted {
            Some(accepted) => accepted
                .oauth_clients
                .iter()
                .any(|one| one.0 == id && secret.is_none_or(|secret| one.1 == secret)),
            None => !id.is_empty() && secret.is_none_or(plausible),
        }
    }

    fn refresh(&mut self, token: &str, mut asked: Asked, now: i64) -> Reply {
        let known = match (&self.accepted, self.pairs.get(token)) {
            (_, Some(pair)) => now < pair.expires,
            (Some(accepted), None) => accepted.refresh_tokens.iter().any(|one| one == token),
            (None, None) => plausible(token) && !token.starts_with(ISSUED),
        };
        if !known || !self.consumed.insert(token.to_owned()) {
            return consent::refusal();
        }
        if let Some(pair) = self.pairs.remove(token) {
            self.issued.remove(&pair.access);
            if asked.scopes.is_empty() {
                asked.scopes = pair.scopes;
            }
        }
        self.token(&asked, true, now)
    }

    fn token(&mut self, asked: &Asked, with_refresh: bool, now: i64) -> Reply {
        let mut scopes = self.scopes.clone().unwrap_or_else(|| asked.scopes.clone());
        if scopes.is_empty() {
            scopes.push("read".to_owned());
        }
        let lifetime = asked.expires_in.unwrap_or(self.lifetime).min(self.lifetime_max);
        let access = self.fresh_token();
        let mut body = Vec::new();
        let mut object = Object::open(&mut body, Escape::Plain);
        object.text("access_token", &access);
        object.text("token_type", "bearer");
        object.text("scope", &scopes.join(" "));
        if !self.expiry_untold {
            object.signed("expires_in", lifetime);
        }
        if with_refresh {
            let refresh = self.fresh_token();
            let refresh_lifetime = asked.refresh_expires_in.unwrap_or(REFRESH_LIFETIME);
            object.text("refresh_token", &refresh);
            object.signed("refresh_token_expires_in", refresh_lifetime);
            let expires = now + refresh_lifetime;
            let (access, scopes) = (access.clone(), scopes.clone());
            self.pairs.insert(refresh, Pair { access, scopes, expires });
        }
        object.close();
        self.issued.insert(access, Issued { expires: now + lifetime, scopes });
        Reply::json(200, body)
    }

    /// Ends every access token that was issued, as an administrator can. Refresh tokens stay.
    pub(super) fn revoke_access(&mut self) {
        self.issued.clear();
    }

    fn fresh_token(&mut self) -> String {
        self.made += 1;
        let mut draw = Draw::new(self.seed, Purpose::Token, self.made);
        format!("{ISSUED}{:016x}{:016x}", draw.next(), draw.next())
    }

    /// `GET /api/v2/oauth/tokens/current`.
    pub(super) fn current(identity: &Identity) -> Reply {
        let Identity::User { scopes, expires } = identity else {
            return errors::invalid_token();
        };
        let mut body = br#"{"token":"#.to_vec();
        let mut object = Object::open(&mut body, Escape::Plain);
        object.int("id", 35_184_372_099_001);
        object.int("user_id", super::users::user_id(0));
        object.int("client_id", 35_184_372_099_777);
        let all = ["read".to_owned()];
        let list = serde_json::to_string(scopes.as_deref().unwrap_or(&all));
        object.raw("scopes", list.as_deref().unwrap_or("[]"));
        match expires {
            Some(expires) => object.time("expires_at", *expires),
            None => object.raw("expires_at", "null"),
        }
        object.close();
        body.push(b'}');
        Reply::json(200, body)
    }
}

fn plausible(secret: &str) -> bool {
    !secret.is_empty() && secret != "wrong"
}

pub(super) fn words(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}
