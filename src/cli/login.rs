//! `login`: a person's consent in the browser, and the pair of tokens that comes of it.
//!
//! The authorization code flow with PKCE. The pair goes where `oauth_refresh_token` looks for it; no
//! token is printed, and none is taken from the command line.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use secrecy::SecretString;

use super::account::{self, AccountArguments, BRIEF};
use super::check::sign_in;
use super::loopback::{Brought, Loopback, Page};
use super::{Failure, output};
use crate::config::{self, AuthConfig, ProcessEnvironment, ProxySettings, SourceConfig};
use crate::pipeline::{self, Outside};
use crate::zendesk::{Consent, Network, OauthClient, TokenEndpoint, TokenStore, keep_tokens};

/// Whom to sign in to, and how to ask.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    /// Config files; without them the account of the environment.
    #[arg(short, long, value_name = "FILE", num_args = 1.., value_delimiter = ',', env = "ZENSTREAM_CONFIG")]
    config: Vec<PathBuf>,
    /// The config's source to sign in to, where it has several.
    #[arg(long, value_name = "NAME", requires = "config")]
    source: Option<String>,
    /// The port on 127.0.0.1 that the browser brings the answer to; 0 takes a free one. It is part
    /// of the redirect URL that the OAuth client must have.
    #[arg(long, default_value = "43110")]
    port: u16,
    /// Only print the address to open.
    #[arg(long)]
    no_browser: bool,
    /// How long to wait for the browser, in seconds.
    #[arg(long, value_name = "SECONDS", default_value = "300")]
    wait_secs: u64,
    #[command(flatten)]
    account: AccountArguments,
}

const EXAMPLES: &str = "\
The OAuth client is made once, in Admin Center: Apps and integrations, APIs, OAuth clients. It needs the
redirect URL that is printed. A public client has no secret; that of a confidential one is read from
ZENDESK_CLIENT_SECRET, --secret-file or the config.

Examples:
  zenstream login --subdomain acme --client-id zenstream     for `read`, `user` and `check`
  zenstream login -c zenstream.yaml --source acme            for a source with `oauth_refresh_token`";

/// Where the sign-in leads.
struct Target {
    source: SourceConfig,
    proxy: ProxySettings,
    client: OauthClient,
    /// The token that stands in the config.
    seed: Option<SecretString>,
    store: Arc<dyn TokenStore>,
}

pub(super) async fn run(arguments: Arguments) -> Result<(), Failure> {
    let target = arguments.target()?;
    // What cannot be read must be told before a person is asked.
    target
        .store
        .load()
        .await
        .map_err(|error| Failure::from(crate::zendesk::ApiError::from(error)))?;
    let mut loopback = Loopback::open(arguments.port).await.map_err(|error| {
        Failure::run(format!("cannot listen on port {}: {error}", arguments.port)).with_hint(
            "choose another with `--port`, and register the redirect URL that is then printed",
        )
    })?;
    let consent = Consent::new(target.client.clone(), loopback.redirect_uri().to_owned())?;
    arguments.ask(&target, &consent, &loopback);
    let wait = Duration::from_secs(arguments.wait_secs);
    let answer = tokio::time::timeout(wait, next_answer(&mut loopback, &consent)).await;
    let (brought, code) = answer.unwrap_or_else(|_| {
        let message = format!("no answer came from the browser within {} s", wait.as_secs());
        Err(Failure::run(message).with_hint(
            "open the printed address in a browser on this machine, or give `--wait-secs`",
        ))
    })?;
    let outside = account::outside(false);
    let done = match code {
        Ok(code) => target.complete(&consent, code, &outside).await,
        Err(refused) => Err(refused),
    };
    brought.show(if done.is_ok() { Page::SignedIn } else { Page::Failed });
    loopback.close().await;
    let who = done?;
    output::tell(&format!("{who}; the tokens are kept in {}", target.store.location()));
    output::tell(&arguments.next_step(&target));
    Ok(())
}

/// The first answer that is one to this question: a code, or why there is none.
async fn next_answer(
    loopback: &mut Loopback,
    consent: &Consent,
) -> Result<(Brought, Result<SecretString, Failure>), Failure> {
    loop {
        let brought = loopback.next().await.map_err(|error| Failure::run(error.to_string()))?;
        if !brought.parameter("state").is_some_and(|state| consent.is_answered_by(state)) {
            // Anybody can make a browser come here.
            tracing::warn!("left an answer alone whose `state` is not that of this sign-in");
            brought.show(Page::NotAsked);
            continue;
        }
        let code = match (brought.parameter("error"), brought.parameter("code")) {
            (Some(error), _) => Err(refused(error, brought.parameter("error_description"))),
            (None, Some(code)) => Ok(SecretString::from(code)),
            (None, None) => Err(Failure::run("the browser brought neither a code nor an error")),
        };
        return Ok((brought, code));
    }
}

fn refused(error: &str, description: Option<&str>) -> Failure {
    let shown =
        |text: &str| -> String { text.chars().filter(|c| !c.is_control()).take(200).collect() };
    let description = description.map(|text| format!(": {}", shown(text))).unwrap_or_default();
    let failure = Failure::run(format!("zendesk answered: {}{description}", shown(error)));
    match error {
        "access_denied" => failure.with_hint("run it again, and allow it in the browser"),
        "invalid_scope" => failure.with_hint("the OAuth client does not allow this scope"),
        _ => failure.with_hint(
            "look at the OAuth client in Admin Center: identifier, scopes, redirect URL",
        ),
    }
}

impl Arguments {
    fn target(&self) -> Result<Target, Failure> {
        let (source, proxy) = if self.config.is_empty() {
            let proxy = ProxySettings::of_environment(&ProcessEnvironment)?;
            (self.account.login_source(BRIEF)?, proxy)
        } else {
            let config = config::load(&self.config, &ProcessEnvironment)?;
            (self.choose(config.sources)?, config.proxy)
        };
        let AuthConfig::OauthRefreshToken { client_id, client_secret, refresh_token, scope, store } =
            &source.auth
        else {
            let message = format!("the source `{}` does not sign in with a login", source.name);
            return Err(Failure::config(message).with_hint(
                "set `strategy: oauth_refresh_token` and `client_id` under its `auth`",
            ));
        };
        Ok(Target {
            client: OauthClient {
                client_id: client_id.clone(),
                client_secret: client_secret.clone(),
                scope: scope.clone(),
            },
            seed: refresh_token.clone(),
            store: pipeline::token_store(store, &proxy),
            source,
            proxy,
        })
    }

    fn choose(&self, sources: Vec<SourceConfig>) -> Result<SourceConfig, Failure> {
        let names: Vec<String> =
            sources.iter().map(|source| format!("`{}`", source.name)).collect();
        let names = names.join(", ");
        let mut chosen = sources.into_iter().filter(|source| match &self.source {
            Some(name) => source.name == *name,
            None => true,
        });
        match (chosen.next(), chosen.next()) {
            (Some(source), None) => Ok(source),
            (None, _) => Err(Failure::usage("there is no source of that name")
                .with_hint(format!("the sources are {names}"))),
            (Some(_), Some(_)) => Err(Failure::usage("the config has several sources")
                .with_hint(format!("choose one of {names} with `--source`"))),
        }
    }

    /// Shows a person what to open, and opens it where there is a browser.
    fn ask(&self, target: &Target, consent: &Consent, loopback: &Loopback) {
        let url = consent.url(&target.source.endpoint);
        output::tell(&format!(
            "the OAuth client `{}` needs this redirect URL:\n  {}\nopen this address to sign in:\n  {url}",
            target.client.client_id,
            loopback.redirect_uri(),
        ));
        if !self.no_browser
            && let Err(error) = open_browser(url.as_str())
        {
            tracing::debug!(%error, "no browser was opened");
        }
    }

    fn next_step(&self, target: &Target) -> String {
        if !self.config.is_empty() {
            return "next: `zenstream check` with the same config".to_owned();
        }
        if target.client.client_secret.is_some() {
            return "note: where ZENDESK_CLIENT_SECRET is set, commands sign in as the client itself; \
                    these tokens are for a config with `oauth_refresh_token`"
                .to_owned();
        }
        let address = target.source.endpoint.origin().ascii_serialization();
        let client = &target.client.client_id;
        format!("next: ZENDESK_BASE_URL={address} ZENDESK_CLIENT_ID={client} zenstream check")
    }
}

impl Target {
    /// Exchanges the code, keeps the pair, and asks Zendesk who that is.
    async fn complete(
        &self,
        consent: &Consent,
        code: SecretString,
        outside: &Outside,
    ) -> Result<String, Failure> {
        let network = Network::new(&self.proxy, self.source.request.timeout)
            .map_err(|error| Failure::run(error.to_string()))?;
        let (account, timeout) = (self.source.endpoint.clone(), self.source.request.timeout);
        let endpoint = TokenEndpoint::new(Arc::new(network), account, timeout, outside.clock);
        let record = consent.exchange(code, &endpoint, self.seed.as_ref()).await?;
        let kept = keep_tokens(&*self.store, &record, outside.clock, &outside.random).await;
        kept.map_err(|error| Failure::from(crate::zendesk::ApiError::from(error)))?;
        let client = pipeline::client(&self.source, &self.proxy, outside)?;
        let signed_in = sign_in(&client).await;
        client.settle().await;
        Ok(signed_in?.detail)
    }
}

/// Opens an address in the browser of whoever sits here; none where nobody does.
fn open_browser(url: &str) -> std::io::Result<()> {
    let mut command = if cfg!(target_os = "macos") {
        Command::new("open")
    } else if cfg!(windows) {
        let mut command = Command::new("rundll32");
        command.arg("url.dll,FileProtocolHandler");
        command
    } else if ["DISPLAY", "WAYLAND_DISPLAY"].iter().any(|name| std::env::var_os(name).is_some()) {
        Command::new("xdg-open")
    } else {
        return Err(std::io::Error::other("there is no display"));
    };
    command.arg(url).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().map(drop)
}
