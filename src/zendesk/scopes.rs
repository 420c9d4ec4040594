//! What is known of the credentials while a client uses them: their scopes, and whether they are just
//! being renewed.

use std::time::Duration;

use bytes::Bytes;
use serde::Deserialize;

use super::auth::Allowed;
use super::client::{Client, PageRequest};
use super::error::ApiError;

/// How long the end of a process may wait for tokens that are being renewed.
const LONGEST_SETTLING: Duration = Duration::from_secs(30);

/// What Zendesk says of the token that asks.
#[derive(Deserialize)]
struct Introspection {
    token: TokenDescription,
}

#[derive(Deserialize)]
struct TokenDescription {
    scopes: Option<Vec<String>>,
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
                Ok(self.get(&request, decode).await?.token.scopes)
            }
        }
    }

    /// Waits for the end of what must not be lost: a renewal of tokens that is under way. To be
    /// called before the process ends; whoever asked for it may have gone.
    pub async fn settle(&self) {
        if tokio::time::timeout(LONGEST_SETTLING, self.signer.settle()).await.is_err() {
            tracing::warn!("the renewal of the tokens is not done; you may have to sign in again");
        }
    }
}
