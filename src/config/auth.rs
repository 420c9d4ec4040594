//! How to sign in: the fields of each strategy.
//!
//! Whether Zendesk takes the credentials is not known here.

use super::node::{Node, Path};
use super::problem::Finding;
use super::read::{read, type_of};
use super::{AuthConfig, TokenStoreConfig, tokens, written};

const STRATEGIES: &[&str] =
    &["oauth_client_credentials", "oauth_refresh_token", "bearer", "api_token", "basic"];

/// Reading is all that the records need.
const DEFAULT_SCOPE: &str = "read";

/// What other collectors call a strategy, and what it is called here.
const ALIASES: &[(&str, &str)] = &[("token", "api_token")];

/// What `auth` means.
///
/// The fields of a strategy stand beside `strategy`, or in a map of the strategy's name. The
/// latter may be there for several, so that a variable can choose among them.
///
/// `beside` is where rotating tokens are kept unless something else is said.
pub(super) fn auth(
    node: &Node,
    path: &Path,
    beside: TokenStoreConfig,
) -> Result<AuthConfig, Finding> {
    let word = type_of(node, path, "strategy", STRATEGIES)?;
    let meant = ALIASES.iter().find_map(|(alias, meant)| (*alias == word).then_some(*meant));
    let meant = meant.unwrap_or(word);
    if !STRATEGIES.contains(&meant) {
        return Err(Finding::unknown_value(&path.key("strategy"), word, STRATEGIES));
    }
    let Node::Map(entries) = node else { return strategy(meant, node, path, beside) };
    let is_strategy = |key: &&String| STRATEGIES.contains(&key.as_str());
    if !entries.keys().any(|key| is_strategy(&key)) {
        return strategy(meant, node, path, beside);
    }
    if let Some(key) = entries.keys().find(|key| *key != "strategy" && !is_strategy(key)) {
        let inside = format!("put it into the map of its strategy, such as `{meant}`");
        return Err(Finding::new(path, format!("`{key}` stands beside strategies")).hint(inside));
    }
    match node.get(meant) {
        Some(fields) => strategy(meant, fields, &path.key(meant), beside),
        None => Err(Finding::new(path, format!("missing field `{meant}`"))
            .hint("it holds the fields of the strategy that was chosen")),
    }
}

fn strategy(
    name: &str,
    node: &Node,
    path: &Path,
    beside: TokenStoreConfig,
) -> Result<AuthConfig, Finding> {
    let scope = |written: Option<written::NonEmpty>| {
        written.map_or_else(|| DEFAULT_SCOPE.to_owned(), |scope| scope.0)
    };
    match name {
        "oauth_client_credentials" => {
            let written: written::OauthClientCredentials = read(node, path)?;
            Ok(AuthConfig::OauthClientCredentials {
                client_id: written.client_id.0,
                client_secret: written.client_secret.0,
                scope: scope(written.scope),
            })
        }
        "oauth_refresh_token" => {
            let written: written::OauthRefreshToken = read(node, path)?;
            let store = node.get("token_store");
            let store = store.map(|node| tokens::store(node, &path.key("token_store")));
            Ok(AuthConfig::OauthRefreshToken {
                client_id: written.client_id.0,
                client_secret: written.client_secret.map(|secret| secret.0),
                refresh_token: written.refresh_token.map(|token| token.0),
                scope: scope(written.scope),
                store: store.unwrap_or(Ok(beside))?,
            })
        }
        "bearer" => {
            let written: written::Bearer = read(node, path)?;
            Ok(AuthConfig::Bearer { token: written.token.0 })
        }
        "api_token" => {
            let written: written::ApiToken = read(node, path)?;
            let email = written.email.0;
            // Zendesk's examples write it so; the client adds it.
            if email.ends_with("/token") {
                return Err(Finding::new(&path.key("email"), "ends in `/token`")
                    .hint("write the address alone"));
            }
            Ok(AuthConfig::ApiToken { email, token: written.token.0 })
        }
        "basic" => {
            let written: written::Basic = read(node, path)?;
            Ok(AuthConfig::Basic { user: written.user.0, password: written.password.0 })
        }
        other => Err(Finding::unknown_value(&path.key("strategy"), other, STRATEGIES)),
    }
}
