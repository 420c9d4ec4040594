//! How to sign in: the fields of each strategy.
//!
//! Whether Zendesk takes the credentials is not known here.

use super::AuthConfig;
use super::node::{Node, Path};
use super::problem::Finding;
use super::read::{read, type_of};
use super::written;

const STRATEGIES: &[&str] = &["oauth_client_credentials", "bearer", "api_token", "basic"];

/// Reading is all that the records need.
const DEFAULT_SCOPE: &str = "read";

/// What `auth` means.
pub(super) fn auth(node: &Node, path: &Path) -> Result<AuthConfig, Finding> {
    match type_of(node, path, "strategy", STRATEGIES)? {
        "oauth_client_credentials" => {
            let written: written::OauthClientCredentials = read(node, path)?;
            Ok(AuthConfig::OauthClientCredentials {
                client_id: written.client_id.0,
                client_secret: written.client_secret.0,
                scope: written.scope.map_or_else(|| DEFAULT_SCOPE.to_owned(), |scope| scope.0),
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
