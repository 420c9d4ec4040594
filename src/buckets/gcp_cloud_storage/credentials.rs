//! Who we are to Google: a file, what the machine offers, or nobody.
//!
//! Never printed, and never sent anywhere but by what is built here.

use std::path::{Path, PathBuf};

use google_cloud_auth::credentials::{
    Builder, Credentials, anonymous, external_account, impersonated, service_account, user_account,
};
use serde_json::Value;

use super::fault::Fault;

/// Where credentials come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GcpCredentials {
    /// What the machine offers, in Google's own order: the file that
    /// `GOOGLE_APPLICATION_CREDENTIALS` names, the one of `gcloud auth application-default login`,
    /// the metadata server.
    Default,
    /// A file: the key of a service account, a workload identity federation (`external_account`),
    /// an impersonation or a person's own.
    File(PathBuf),
    /// Nobody, for emulators.
    Anonymous,
}

impl GcpCredentials {
    /// Reads what is needed to sign in, and starts to keep a token fresh.
    pub(super) async fn load(&self) -> Result<Credentials, Fault> {
        provide_cryptography();
        match self {
            Self::Anonymous => Ok(anonymous::Builder::new().build()),
            Self::Default => Builder::default().build().map_err(|error| unusable(&error)),
            Self::File(path) => of_file(path, tokio::fs::read_to_string(path).await),
        }
    }
}

fn of_file(path: &Path, text: std::io::Result<String>) -> Result<Credentials, Fault> {
    let wrong = |why: String| Fault::Credentials(format!("cannot use `{}`: {why}", path.display()));
    let text = text.map_err(|error| wrong(error.to_string()))?;
    // The parser's own message could show a piece of the key.
    let json: Value =
        serde_json::from_str(&text).map_err(|_| wrong("it is not JSON".to_owned()))?;
    let Some(kind) = json.get("type").and_then(Value::as_str).map(str::to_owned) else {
        return Err(wrong("it has no `type`".to_owned()));
    };
    let built = match kind.as_str() {
        "service_account" => service_account::Builder::new(json).build(),
        "external_account" => external_account::Builder::new(json).build(),
        "impersonated_service_account" => impersonated::Builder::new(json).build(),
        "authorized_user" => user_account::Builder::new(json).build(),
        other => return Err(wrong(format!("`{other}` is not a type of credentials it may have"))),
    };
    built.map_err(|error| wrong(error.to_string()))
}

fn unusable(error: &google_cloud_auth::build_errors::Error) -> Fault {
    Fault::Credentials(format!("cannot use the machine's credentials: {error}"))
}

/// Google's library signs with whatever the process has agreed on, and panics where it has not.
/// Everything else here brings its own, so nobody else has to agree.
fn provide_cryptography() {
    if rustls::crypto::CryptoProvider::get_default().is_none() {
        // Whoever came first in the meantime did the same.
        rustls::crypto::aws_lc_rs::default_provider().install_default().ok();
    }
}
