//! Where records come from: the Zendesk API, and nothing about us.
//!
//! [`Client`] turns a [`PageRequest`] into a decoded page or an [`ApiError`] that says what to do.
//! It signs in, keeps to the rate budget, retries what may pass and reads what Zendesk means by
//! an error. It must not know which streams exist, what an event is, or where anything goes.

mod auth;
mod client;
mod counters;
mod error;
mod needs;
mod network;
mod pagination;
mod rate_limit;
mod retry;
mod scopes;
pub mod transport;

pub use auth::{
    Consent, Credentials, CredentialsEnd, Fingerprint, OauthClient, RotatingCredentials,
    TokenEndpoint, TokenPair, TokenRecord, TokenSave, TokenStore, TokenStoreError,
    TokenStoreErrorKind, TokenVersion, keep_tokens,
};
pub use client::{Client, ClientSettings, PageRequest};
pub use counters::Counters;
pub use error::{ApiError, ErrorKind};
pub use needs::Needs;
pub use network::{Network, NetworkError};
pub use pagination::{Envelope, PAGE_AFTER, PageEnd, Parameters};
pub use rate_limit::BucketState;
pub use retry::Backoff;
