//! What is known of the credentials while a client uses them: their scopes, when they end, and whether
//! they are just being renewed.

use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;
use serde::Deserialize;

use super::auth::{Allowed, CredentialsEnd};
use super::client::{Client, PageRequest};
use super::error::ApiError;

/// How long the end of a process waits for tokens that are being renewed where none can be lost: it
/// is another process's turn, or the store is away.
const USUAL_SETTLING: Duration = Duration::from_secs(2);

/// How often it says that it waits for some that can.
const SAYS_SO_EVERY: Duration = Duration::from_secs(30);

/// What Zendesk says of the token that asks.
#[derive(Deserialize)]
struct Introspection {
    token: TokenDescription,
}

#[derive(Deserialize)]
struct TokenDescription {
    scopes: Option<Vec<String>>,
    expires_at: Option<Timestamp>,
}

impl Client {
    /// The scopes that the credentials were granted, signing in first if need be; none where
    /// whatever the user may is allowed, or where Zendesk does not tell.
    pub async fn scopes(&self) -> Result<Option<Vec<String>>, ApiError> {
        let words = |text: &str| text.split_whitespace().map(str::to_owned).collect();
        match self.signer.allowed().await? {
            Allowed::Scopes(scopes) => Ok(Some(words(&scopes))),
            Allowed::Everything => Ok(None),
            Allowed::Untold => {
                let request = PageRequest::new("/api/v2/oauth/tokens/current");
                let decode = |body: &Bytes| -> Result<Introspection, String> {
                    // The parser's message could quote what is none of its business.
                    serde_json::from_slice(body).map_err(|_| "it describes no token".to_owned())
                };
                let token = self.get(&request, decode).await?.token;
                self.signer.learn_end(token.expires_at);
                Ok(token.scopes)
            }
        }
    }

    /// When the credentials end: a fixed bearer token as Zendesk told when it was asked for scopes, one that is
    /// renewed as it is now, API tokens on the day on which Zendesk ends them all. None: not known, or never.
    pub fn credentials_end(&self) -> Option<CredentialsEnd> {
        self.signer.end()
    }

    /// Waits for the end of what must not be lost: a renewal of tokens that is under way. To be
    /// called before the process ends; whoever asked for it may have gone. It takes as long as the
    /// store is away, where Zendesk has given out a pair: the former one has ended.
    pub async fn settle(&self) {
        let mut settled = std::pin::pin!(self.signer.settle());
        if tokio::time::timeout(USUAL_SETTLING, &mut settled).await.is_ok() {
            return;
        }
        while self.signer.is_at_stake() {
            if tokio::time::timeout(SAYS_SO_EVERY, &mut settled).await.is_ok() {
                return;
            }
            tracing::warn!(
                "new tokens are not saved yet, and the old ones have ended: waiting until they are; \
                 who stops this by force may have to sign in again"
            );
        }
        tracing::debug!("the tokens are not renewed: the next run will see to it");
    }
}
