//! The client of the HTTP sink: certificates and credentials.

use std::path::Path;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::Client;
use secrecy::{ExposeSecret as _, SecretString};

use crate::http_client::{self, ProxySettings};
use crate::sinks::{SinkError, SinkErrorKind, fault};
use crate::tls::TlsSettings;

/// How to sign in.
#[derive(Debug, Clone)]
pub enum HttpAuth {
    /// User and password.
    Basic {
        /// The user.
        user: String,
        /// The password.
        password: SecretString,
    },
    /// A token.
    Bearer {
        /// The token.
        token: SecretString,
    },
    /// The value of the header `Authorization`, as it is.
    Custom {
        /// The value.
        value: SecretString,
    },
}

impl HttpAuth {
    /// The value of the header `Authorization`.
    pub(super) fn header(&self) -> SecretString {
        match self {
            Self::Basic { user, password } => {
                let pair = format!("{user}:{}", password.expose_secret());
                format!("Basic {}", STANDARD.encode(pair)).into()
            }
            Self::Bearer { token } => format!("Bearer {}", token.expose_secret()).into(),
            Self::Custom { value } => value.clone(),
        }
    }
}

/// A client that proves and demands what `tls` says.
pub(super) fn new(
    proxy: &ProxySettings,
    tls: &TlsSettings,
    timeout: Duration,
) -> Result<Client, SinkError> {
    let mut builder = http_client::builder(proxy).map_err(refused)?.timeout(timeout);
    if let Some(path) = &tls.ca_file {
        let trusted = reqwest::Certificate::from_pem_bundle(&read(path)?);
        let trusted = trusted.map_err(|error| no_pem(path, error))?;
        if trusted.is_empty() {
            return Err(no_certificate(path));
        }
        builder = builder.tls_certs_only(trusted);
    }
    if let (Some(crt), Some(key)) = (&tls.crt_file, &tls.key_file) {
        let pem = [read(key)?, b"\n".to_vec(), read(crt)?].concat();
        let ours = reqwest::Identity::from_pem(&pem).map_err(|error| no_pem(crt, error))?;
        builder = builder.identity(ours);
    }
    builder
        .tls_danger_accept_invalid_certs(tls.verify_certificate == Some(false))
        .tls_danger_accept_invalid_hostnames(tls.verify_hostname == Some(false))
        .build()
        .map_err(refused)
}

fn read(path: &Path) -> Result<Vec<u8>, SinkError> {
    let read = std::fs::read(path);
    read.map_err(|error| {
        let fault = fault::of_io(&format!("cannot read {}", path.display()), &error);
        SinkError { kind: SinkErrorKind::Config, hint: None, ..fault }
    })
}

fn no_pem(path: &Path, error: reqwest::Error) -> SinkError {
    let cause = http_client::cause(error);
    SinkError::new(SinkErrorKind::Config, format!("cannot use {}: {cause}", path.display()))
        .with_hint("it must hold PEM, as in `-----BEGIN CERTIFICATE-----`")
}

fn no_certificate(path: &Path) -> SinkError {
    SinkError::new(SinkErrorKind::Config, format!("there is no certificate in {}", path.display()))
        .with_hint("it must hold PEM, as in `-----BEGIN CERTIFICATE-----`")
}

fn refused(error: reqwest::Error) -> SinkError {
    let text = format!("cannot set up the HTTP client: {}", http_client::cause(error));
    SinkError::new(SinkErrorKind::Config, text)
        .with_hint("look at `tls.ca_file`, `tls.crt_file` and `tls.key_file`")
}
