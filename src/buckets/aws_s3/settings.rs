//! What may be said of a bucket in S3. Data only.

use std::path::PathBuf;
use std::time::Duration;

use secrecy::SecretString;
use url::Url;

use crate::tls::TlsSettings;

/// A bucket in Amazon S3, or in a store that speaks its protocol.
#[derive(Debug, Clone)]
pub struct AwsS3Settings {
    /// Its name.
    pub bucket: String,
    /// `eu-central-1`; none: what the environment, the profile or the machine's own metadata say.
    pub region: Option<String>,
    /// A store other than Amazon's, or an address of Amazon's other than the region's.
    pub endpoint: Option<Url>,
    /// Whether the bucket stands in the path, not in the host's name.
    pub force_path_style: bool,
    /// Who we are.
    pub auth: AwsAuth,
    /// How the store proves who it is. Only `ca_file` is looked at.
    pub tls: TlsSettings,
    /// The longest that one request may take.
    pub timeout: Duration,
    /// Which checksums go with a request and are asked for.
    pub checksums: Checksums,
    /// What every object is put with.
    pub options: PutOptions,
}

/// Checksums beside TLS and the signature, which some stores refuse.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Checksums {
    /// As the SDK has it; only where S3 asks for them if the endpoint is not Amazon's own.
    #[default]
    Auto,
    /// With every request that can have one.
    Always,
    /// Only where S3 asks for them.
    Never,
}

/// Who we are, for AWS.
#[derive(Debug, Clone)]
pub struct AwsAuth {
    /// Where the credentials come from.
    pub source: AwsCredentials,
    /// The role that is taken on with them.
    pub role: Option<AwsRole>,
    /// The longest that getting credentials may take; none: the SDK's 5 seconds.
    pub load_timeout: Option<Duration>,
}

/// Where credentials come from.
#[derive(Debug, Clone)]
pub enum AwsCredentials {
    /// From the first that has some: the environment, the shared files, a web identity, the
    /// container, the machine.
    Default {
        /// How the machine's metadata service is asked.
        imds: ImdsSettings,
    },
    /// From the config.
    Keys {
        /// The key's id; not secret by itself, yet half of what signs.
        access_key_id: SecretString,
        /// The key.
        secret_access_key: SecretString,
        /// Comes with keys that are good for some hours.
        session_token: Option<SecretString>,
    },
    /// From a profile of the shared files.
    Profile {
        /// Instead of `~/.aws/credentials` and `~/.aws/config`.
        credentials_file: Option<PathBuf>,
        /// Its name.
        profile: String,
    },
}

/// A role to take on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AwsRole {
    /// Its ARN.
    pub arn: String,
    /// What its owner asks for beside the credentials.
    pub external_id: Option<String>,
    /// The name under which it is seen in the owner's logs.
    pub session_name: Option<String>,
    /// Where it is asked for; none: the bucket's region.
    pub region: Option<String>,
}

/// How a machine's metadata service is asked for credentials.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ImdsSettings {
    /// The longest that connecting may take.
    pub connect_timeout: Duration,
    /// The longest that an answer may take.
    pub read_timeout: Duration,
    /// Tries in all.
    pub max_attempts: u32,
}

impl Default for ImdsSettings {
    /// As in Vector.
    fn default() -> Self {
        let second = Duration::from_secs(1);
        Self { connect_timeout: second, read_timeout: second, max_attempts: 4 }
    }
}

/// What every object is put with, in the words of S3's headers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PutOptions {
    /// `x-amz-acl`
    pub acl: Option<String>,
    /// `x-amz-grant-full-control`
    pub grant_full_control: Option<String>,
    /// `x-amz-grant-read`
    pub grant_read: Option<String>,
    /// `x-amz-grant-read-acp`
    pub grant_read_acp: Option<String>,
    /// `x-amz-grant-write-acp`
    pub grant_write_acp: Option<String>,
    /// `x-amz-server-side-encryption`
    pub server_side_encryption: Option<String>,
    /// `x-amz-server-side-encryption-aws-kms-key-id`
    pub ssekms_key_id: Option<String>,
    /// `x-amz-storage-class`
    pub storage_class: Option<String>,
    /// `x-amz-tagging`: names and values.
    pub tags: Vec<(String, String)>,
}
