//! `tls` as it is written, and the parts of it that some sinks do not have.

use std::path::PathBuf;

use serde::Deserialize;

use crate::config::node::Path;
use crate::config::problem::Finding;
use crate::config::written::Secret;
use crate::tls::TlsSettings;

/// `sinks.*.tls`
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Tls {
    enabled: Option<bool>,
    ca_file: Option<PathBuf>,
    crt_file: Option<PathBuf>,
    key_file: Option<PathBuf>,
    key_pass: Option<Secret>,
    verify_certificate: Option<bool>,
    verify_hostname: Option<bool>,
}

impl Tls {
    pub(in crate::config) fn settings(self) -> TlsSettings {
        TlsSettings {
            enabled: self.enabled,
            ca_file: self.ca_file,
            crt_file: self.crt_file,
            key_file: self.key_file,
            key_pass: self.key_pass.map(|secret| secret.0),
            verify_certificate: self.verify_certificate,
            verify_hostname: self.verify_hostname,
        }
    }
}

/// Whether TLS is spoken is said elsewhere.
pub(super) fn has_no_toggle(tls: &TlsSettings, path: &Path, instead: &str) -> Result<(), Finding> {
    match tls.enabled {
        Some(_) => Err(unavailable(path, "enabled", instead)),
        None => Ok(()),
    }
}

/// A certificate of ours has its key with it, which must be readable as it is.
pub(super) fn is_whole(tls: &TlsSettings, path: &Path) -> Result<(), Finding> {
    if tls.key_pass.is_some() {
        let hint = "decrypt the key first: `openssl pkey -in locked.pem -out key.pem`";
        return Err(unavailable(path, "key_pass", hint));
    }
    let lacking = match (&tls.crt_file, &tls.key_file) {
        (Some(_), None) => "key_file",
        (None, Some(_)) => "crt_file",
        _ => return Ok(()),
    };
    Err(Finding::new(&path.key("tls"), format!("missing field `{lacking}`"))
        .hint("a certificate and its key are given together"))
}

fn unavailable(path: &Path, option: &str, hint: &str) -> Finding {
    Finding::new(&path.key("tls"), format!("`{option}` is not available in this version"))
        .hint(hint)
}
