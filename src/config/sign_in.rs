//! How a generated source finds its account and signs in: as the environment of whoever generates it
//! can. Writes the names of variables, never what they hold.

use super::Environment;

/// How generated sources of an account find it and sign in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SignIn {
    strategy: &'static str,
    /// By its address rather than its name.
    by_address: bool,
}

impl SignIn {
    /// The strategies, in the order in which the environment is asked for them.
    pub const STRATEGIES: &[&str] =
        &["oauth_client_credentials", "bearer", "api_token", "oauth_refresh_token"];

    /// The variables that each needs, without their prefix.
    const NEEDED: [&[&str]; 4] = [
        &["CLIENT_ID", "CLIENT_SECRET"],
        &["BEARER_TOKEN"],
        &["EMAIL", "API_TOKEN"],
        &["CLIENT_ID"],
    ];

    /// As the variables of the environment allow, which commands without a config are told an
    /// account by. The strategy may be chosen.
    pub fn of_environment(environment: &dyn Environment, strategy: Option<&str>) -> Self {
        let is_set = |name: &&str| {
            let value = environment.variable(&format!("ZENDESK_{name}"));
            value.is_some_and(|value| !value.is_empty())
        };
        let strategies = || Self::STRATEGIES.iter().zip(Self::NEEDED);
        let chosen = strategies().find(|(name, _)| strategy == Some(name));
        let usable = || strategies().find(|(_, needed)| needed.iter().all(is_set));
        Self {
            strategy: chosen.or_else(usable).map_or(Self::STRATEGIES[0], |(name, _)| name),
            by_address: is_set(&"BASE_URL") && !is_set(&"SUBDOMAIN"),
        }
    }

    /// The fields of such a source. Its variables begin with the prefix.
    pub(super) fn fields(self, prefix: &str) -> String {
        let account = if self.by_address { BY_ADDRESS } else { BY_NAME };
        let auth = match self.strategy {
            "bearer" => BEARER,
            "api_token" => API_TOKEN,
            "oauth_refresh_token" => REFRESH_TOKEN,
            _ => CLIENT_CREDENTIALS,
        };
        format!("{account}{auth}").replace("PREFIX", prefix)
    }
}

const BY_NAME: &str = "    # `acme`, if the account is at acme.zendesk.com.
    subdomain: ${PREFIX_SUBDOMAIN}
";

const BY_ADDRESS: &str = "    # Or `subdomain`: `acme` of acme.zendesk.com.
    endpoint: ${PREFIX_BASE_URL}
";

const CLIENT_CREDENTIALS: &str = "    auth:
      # Or `bearer` with `token`, or `api_token` with `email` and `token`.
      strategy: oauth_client_credentials
      client_id: ${PREFIX_CLIENT_ID}
      client_secret: ${PREFIX_CLIENT_SECRET}
";

const BEARER: &str = "    auth:
      # Or `oauth_client_credentials` with `client_id` and `client_secret`, which makes new tokens by itself.
      strategy: bearer
      token: ${PREFIX_BEARER_TOKEN}
";

const API_TOKEN: &str = "    auth:
      # Or `oauth_client_credentials` with `client_id` and `client_secret`: its rights can be narrowed.
      strategy: api_token
      email: ${PREFIX_EMAIL}
      token: ${PREFIX_API_TOKEN}
";

const REFRESH_TOKEN: &str = "    auth:
      # `zenstream login -c THIS_FILE` signs in through the browser, and `run` renews what that leaves.
      strategy: oauth_refresh_token
      client_id: ${PREFIX_CLIENT_ID}
      # Of a client that has one:
      # client_secret: ${PREFIX_CLIENT_SECRET}
";
