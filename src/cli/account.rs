//! One account from flags and the environment, for commands without a config.
//!
//! Secrets come from the environment or from files, never from the command line, where every
//! user of the machine could read them.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use secrecy::SecretString;

use super::{Failure, address};
use crate::clock::Clock;
use crate::config::{
    self, AuthConfig, ProcessEnvironment, ProxySettings, RequestConfig, SourceConfig,
    TokenStoreConfig,
};
use crate::pipeline::{self, Outside};
use crate::random::Random;
use crate::zendesk::Client;

/// Which account, and how to sign in.
#[derive(Debug, Args)]
#[command(next_help_heading = "Account")]
pub(super) struct AccountArguments {
    /// The account: `acme` of acme.zendesk.com.
    #[arg(long, env = "ZENDESK_SUBDOMAIN")]
    subdomain: Option<String>,
    /// The account's address, `https://acme.zendesk.com`, in place of the subdomain.
    #[arg(long, value_name = "URL", env = "ZENDESK_BASE_URL")]
    base_url: Option<String>,
    /// The OAuth client; its secret is read from `ZENDESK_CLIENT_SECRET`. After `login` none is needed.
    #[arg(long, value_name = "ID", env = "ZENDESK_CLIENT_ID")]
    client_id: Option<String>,
    /// The user of the API token, which is read from `ZENDESK_API_TOKEN`.
    #[arg(long, env = "ZENDESK_EMAIL")]
    email: Option<String>,
    /// A file that holds the secret: the client's, the bearer token or the API token.
    #[arg(long, value_name = "FILE")]
    secret_file: Option<PathBuf>,
    /// The OAuth scopes to ask for.
    #[arg(long, default_value = "read")]
    scope: String,
    /// The part of the account's rate budget to use, above 0 and up to 1.
    #[arg(long, value_name = "PART", default_value = "0.8", value_parser = parse_share)]
    rate_share: f64,
    /// The longest one answer may take, in seconds.
    #[arg(long, value_name = "SECONDS", default_value = "60")]
    timeout_secs: u64,
}

const NO_CREDENTIALS: &str = "\
set ZENDESK_CLIENT_ID and ZENDESK_CLIENT_SECRET, or ZENDESK_BEARER_TOKEN, or ZENDESK_EMAIL and ZENDESK_API_TOKEN, \
or sign in with `zenstream login`; \
without an account, try `zenstream demo`";

fn parse_share(text: &str) -> Result<f64, String> {
    let share: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    if share > 0.0 && share <= 1.0 {
        Ok(share)
    } else {
        Err("must be above 0 and at most 1".to_owned())
    }
}

/// How often a person at a terminal has a failed request tried again: about a quarter of a minute.
pub(super) const PATIENT: u32 = 5;

/// The same, where the question is whether it works at all.
pub(super) const BRIEF: u32 = 2;

/// An account that can be talked to.
#[derive(Debug)]
pub(super) struct Account {
    /// Talks to it.
    pub(super) client: Arc<Client>,
    /// Its name.
    pub(super) subdomain: String,
}

impl AccountArguments {
    /// Connects to nothing yet.
    pub(super) fn open(&self, retry_attempts: u32) -> Result<Account, Failure> {
        let source = self.source(retry_attempts)?;
        let outside = outside(false);
        let client = pipeline::client(
            &source,
            &ProxySettings::of_environment(&ProcessEnvironment)?,
            &outside,
        )?;
        let client = client.giving_up_on_names_after(BRIEF);
        Ok(Account { client: Arc::new(client), subdomain: source.subdomain })
    }

    fn source(&self, retry_attempts: u32) -> Result<SourceConfig, Failure> {
        let address = self.address()?;
        let auth = self.auth(&address)?;
        Ok(self.source_of(address, auth, retry_attempts))
    }

    /// The same, to be signed in to: with tokens that need not be there yet.
    pub(super) fn login_source(&self, retry_attempts: u32) -> Result<SourceConfig, Failure> {
        let address = self.address()?;
        let Some(client_id) = self.client_id.as_ref().filter(|id| !id.is_empty()) else {
            return Err(Failure::usage("which OAuth client?").with_hint(
                "set ZENDESK_CLIENT_ID, or give --client-id: the identifier that Admin Center shows",
            ));
        };
        let file = self.secret_file.as_ref().map(read_secret).transpose()?;
        let Some(tokens) = kept_tokens(&address) else {
            return Err(Failure::usage("there is no home directory to keep tokens in")
                .with_hint("set HOME or XDG_STATE_HOME, or write a config with `data_dir`"));
        };
        let auth = AuthConfig::OauthRefreshToken {
            client_id: client_id.clone(),
            client_secret: file.or_else(|| variable("ZENDESK_CLIENT_SECRET")),
            refresh_token: None,
            scope: self.scope.clone(),
            store: TokenStoreConfig::File { path: tokens },
        };
        Ok(self.source_of(address, auth, retry_attempts))
    }

    fn address(&self) -> Result<config::Account, Failure> {
        address::of(self.base_url.as_deref(), self.subdomain.as_deref(), |name| {
            std::env::var(name).ok()
        })
    }

    fn source_of(
        &self,
        address: config::Account,
        auth: AuthConfig,
        retry_attempts: u32,
    ) -> SourceConfig {
        SourceConfig {
            name: address.subdomain.clone(),
            endpoint: address.endpoint,
            subdomain: address.subdomain,
            auth,
            streams: Vec::new(),
            request: RequestConfig {
                timeout: Duration::from_secs(self.timeout_secs),
                retry_attempts,
                share: self.rate_share,
            },
        }
    }

    fn auth(&self, address: &config::Account) -> Result<AuthConfig, Failure> {
        let file = self.secret_file.as_ref().map(read_secret).transpose()?;
        let secret = |name: &str| file.clone().or_else(|| variable(name));
        if let Some(client_id) = self.client_id.as_ref().filter(|id| !id.is_empty())
            && let Some(client_secret) = secret("ZENDESK_CLIENT_SECRET")
        {
            let (client_id, scope) = (client_id.clone(), self.scope.clone());
            return Ok(AuthConfig::OauthClientCredentials { client_id, client_secret, scope });
        }
        if let Some(token) = variable("ZENDESK_BEARER_TOKEN") {
            return Ok(AuthConfig::Bearer { token });
        }
        match (&self.email, secret("ZENDESK_API_TOKEN"), file) {
            (Some(email), Some(token), _) => {
                Ok(AuthConfig::ApiToken { email: email.clone(), token })
            }
            (None, _, Some(token)) => Ok(AuthConfig::Bearer { token }),
            _ => self.after_login(address).ok_or_else(|| self.what_lacks()),
        }
    }

    /// What a login has left, if there was one.
    fn after_login(&self, address: &config::Account) -> Option<AuthConfig> {
        let client_id = self.client_id.clone().filter(|id| !id.is_empty())?;
        // Tokens that cannot be looked for are told as such when they are read.
        let path = kept_tokens(address).filter(|path| !matches!(path.try_exists(), Ok(false)))?;
        Some(AuthConfig::OauthRefreshToken {
            client_id,
            client_secret: None,
            refresh_token: None,
            scope: self.scope.clone(),
            store: TokenStoreConfig::File { path },
        })
    }

    /// Which half of a pair is there without the other.
    fn what_lacks(&self) -> Failure {
        let half = |there: &str, missing: &str, or: &str| {
            Failure::usage(format!("{there} is given without {missing}"))
                .with_hint(format!("set {missing}, or give --secret-file{or}"))
        };
        if self.client_id.as_ref().is_some_and(|id| !id.is_empty()) {
            half("the client id", "ZENDESK_CLIENT_SECRET", ", or sign in with `zenstream login`")
        } else if self.email.as_ref().is_some_and(|email| !email.is_empty()) {
            half("the email", "ZENDESK_API_TOKEN", "")
        } else {
            Failure::usage("no credentials").with_hint(NO_CREDENTIALS)
        }
    }
}

/// The outside world as it is.
pub(super) fn outside(follow: bool) -> Outside {
    let clock = Clock::system();
    Outside {
        clock,
        started: clock.now(),
        random: Arc::new(Random::from_system()),
        transport: None,
        follow,
    }
}

/// Where the tokens of a login are kept without a config.
fn kept_tokens(address: &config::Account) -> Option<PathBuf> {
    let data_dir = config::default_data_dir(&ProcessEnvironment)?;
    Some(config::token_file(&data_dir, &address.subdomain))
}

fn variable(name: &str) -> Option<SecretString> {
    std::env::var(name).ok().filter(|value| !value.is_empty()).map(SecretString::from)
}

fn read_secret(path: &PathBuf) -> Result<SecretString, Failure> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| Failure::usage(format!("cannot read `{}`: {error}", path.display())))?;
    Ok(SecretString::from(text.trim_end_matches(['\r', '\n'])))
}
