//! What may be said of a TLS connection to a destination. Data only.

use std::path::PathBuf;

use secrecy::SecretString;

/// How a destination proves who it is, and how we do. Never used for Zendesk, whose certificate
/// is always verified.
#[derive(Debug, Clone, Default)]
pub struct TlsSettings {
    /// Whether TLS is spoken where the address does not say it.
    pub enabled: Option<bool>,
    /// Certificates, PEM, to trust instead of the system's.
    pub ca_file: Option<PathBuf>,
    /// Our certificate, PEM.
    pub crt_file: Option<PathBuf>,
    /// Its key, PEM.
    pub key_file: Option<PathBuf>,
    /// What unlocks the key.
    pub key_pass: Option<SecretString>,
    /// Whether the destination's certificate is verified; none: yes.
    pub verify_certificate: Option<bool>,
    /// Whether its name is; none: yes.
    pub verify_hostname: Option<bool>,
}
