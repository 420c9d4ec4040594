//! Which bucket in S3 is meant, and who asks: the same options for a sink and for a checkpoint.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;
use serde::de::IgnoredAny;
use url::Url;

use super::CheckpointConfig;
use super::node::{Node, Path};
use super::problem::Finding;
use super::read::{read_part, read_rest};
use super::sink::Tls;
use super::written::{NonEmpty, Seconds, Secret};
use crate::buckets::{
    AwsAuth, AwsCredentials, AwsRole, AwsS3Settings, Checksums, ImdsSettings, PutOptions,
};
use crate::tls::TlsSettings;

/// The options that are read here.
pub(super) const OPTIONS: &[&str] = &[
    "bucket",
    "region",
    "endpoint",
    "force_path_style",
    "auth",
    "checksums",
    "acl",
    "grant_full_control",
    "grant_read",
    "grant_read_acp",
    "grant_write_acp",
    "server_side_encryption",
    "ssekms_key_id",
    "storage_class",
    "tags",
];

/// The longest that reading or saving a checkpoint may take.
const TIMEOUT: Duration = Duration::from_secs(60);

#[derive(Deserialize)]
struct Written {
    bucket: NonEmpty,
    region: Option<NonEmpty>,
    endpoint: Option<NonEmpty>,
    force_path_style: Option<bool>,
    auth: Option<Auth>,
    checksums: Option<WrittenChecksums>,
    acl: Option<Acl>,
    grant_full_control: Option<NonEmpty>,
    grant_read: Option<NonEmpty>,
    grant_read_acp: Option<NonEmpty>,
    grant_write_acp: Option<NonEmpty>,
    server_side_encryption: Option<Encryption>,
    ssekms_key_id: Option<NonEmpty>,
    storage_class: Option<StorageClass>,
    #[serde(default)]
    tags: BTreeMap<String, String>,
}

/// `auth`
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Auth {
    access_key_id: Option<Secret>,
    secret_access_key: Option<Secret>,
    session_token: Option<Secret>,
    credentials_file: Option<PathBuf>,
    profile: Option<NonEmpty>,
    assume_role: Option<NonEmpty>,
    external_id: Option<NonEmpty>,
    session_name: Option<NonEmpty>,
    region: Option<NonEmpty>,
    imds: Option<Imds>,
    load_timeout_secs: Option<Seconds>,
}

/// `auth.imds`
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Imds {
    connect_timeout_seconds: Option<Seconds>,
    read_timeout_seconds: Option<Seconds>,
    max_attempts: Option<u32>,
}

/// `checksums`
#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum WrittenChecksums {
    Auto,
    Always,
    Never,
}

/// Words that S3 knows, as S3 writes them.
macro_rules! words {
    ($(#[$doc:meta] $name:ident { $($variant:ident = $word:literal),* $(,)? })*) => {$(
        #[$doc]
        #[derive(Deserialize)]
        enum $name {
            $(#[serde(rename = $word)] $variant),*
        }

        impl $name {
            fn word(&self) -> String {
                match self { $(Self::$variant => $word),* }.to_owned()
            }
        }
    )*};
}

words! {
    /// `acl`
    Acl {
        AuthenticatedRead = "authenticated-read",
        AwsExecRead = "aws-exec-read",
        BucketOwnerFullControl = "bucket-owner-full-control",
        BucketOwnerRead = "bucket-owner-read",
        LogDeliveryWrite = "log-delivery-write",
        Private = "private",
        PublicRead = "public-read",
        PublicReadWrite = "public-read-write",
    }
    /// `server_side_encryption`
    Encryption {
        Aes256 = "AES256",
        Kms = "aws:kms",
    }
    /// `storage_class`
    StorageClass {
        DeepArchive = "DEEP_ARCHIVE",
        ExpressOnezone = "EXPRESS_ONEZONE",
        Glacier = "GLACIER",
        GlacierIr = "GLACIER_IR",
        IntelligentTiering = "INTELLIGENT_TIERING",
        OnezoneIa = "ONEZONE_IA",
        ReducedRedundancy = "REDUCED_REDUNDANCY",
        Standard = "STANDARD",
        StandardIa = "STANDARD_IA",
    }
}

/// `checkpoint` of type `aws_s3`
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenCheckpoint {
    #[serde(rename = "type")]
    _type: IgnoredAny,
    key: NonEmpty,
    tls: Option<Tls>,
}

/// The object that is meant; the fields `others` beside it are read elsewhere.
pub(super) fn checkpoint(
    node: &Node,
    path: &Path,
    others: &[&str],
) -> Result<CheckpointConfig, Finding> {
    // A checkpoint is read at once, which archived objects cannot be.
    let options = OPTIONS.iter().copied().filter(|option| *option != "storage_class");
    let options: Vec<&str> = options.chain(others.iter().copied()).collect();
    let written: WrittenCheckpoint = read_rest(node, path, &options)?;
    let NonEmpty(key) = written.key;
    if key.starts_with('/') || key.ends_with('/') {
        return Err(Finding::new(&path.key("key"), "must neither begin nor end with `/`")
            .hint("for example `zendesk/state.json`"));
    }
    let tls = written.tls.unwrap_or_default().settings();
    Ok(CheckpointConfig::AwsS3 { bucket: Box::new(bucket(node, path, tls, TIMEOUT)?), key })
}

/// The bucket that the options here describe.
pub(super) fn bucket(
    node: &Node,
    path: &Path,
    tls: TlsSettings,
    timeout: Duration,
) -> Result<AwsS3Settings, Finding> {
    let written: Written = read_part(node, path, OPTIONS)?;
    check_name(&written.bucket.0, &path.key("bucket"))?;
    check_tls(&tls, &path.key("tls"))?;
    let endpoint = written.endpoint.as_ref().map(|text| endpoint(&text.0, &path.key("endpoint")));
    let endpoint = endpoint.transpose()?;
    check_toggle(&tls, endpoint.as_ref(), &path.key("tls").key("enabled"))?;
    Ok(AwsS3Settings {
        endpoint,
        force_path_style: written.force_path_style.unwrap_or(true),
        auth: auth(written.auth.unwrap_or_default(), &path.key("auth"))?,
        tls,
        timeout,
        checksums: match written.checksums {
            None | Some(WrittenChecksums::Auto) => Checksums::Auto,
            Some(WrittenChecksums::Always) => Checksums::Always,
            Some(WrittenChecksums::Never) => Checksums::Never,
        },
        options: PutOptions {
            acl: written.acl.map(|acl| acl.word()),
            grant_full_control: written.grant_full_control.map(|text| text.0),
            grant_read: written.grant_read.map(|text| text.0),
            grant_read_acp: written.grant_read_acp.map(|text| text.0),
            grant_write_acp: written.grant_write_acp.map(|text| text.0),
            ssekms_key_id: key_id(
                written.server_side_encryption.as_ref(),
                written.ssekms_key_id,
                path,
            )?,
            server_side_encryption: written.server_side_encryption.map(|word| word.word()),
            storage_class: written.storage_class.map(|class| class.word()),
            tags: written.tags.into_iter().collect(),
        },
        region: written.region.map(|region| region.0),
        bucket: written.bucket.0,
    })
}

fn check_name(bucket: &str, path: &Path) -> Result<(), Finding> {
    if bucket.starts_with("arn:") || !bucket.contains(['/', ':']) {
        return Ok(());
    }
    Err(Finding::new(path, format!("`{bucket}` is not the name of a bucket"))
        .hint("write the name alone, without `s3://` and without a key"))
}

/// What the AWS client cannot do is refused, not ignored.
fn check_tls(tls: &TlsSettings, path: &Path) -> Result<(), Finding> {
    let refused = [
        ("crt_file", tls.crt_file.is_some(), "S3 tells us apart by the credentials under `auth`"),
        ("key_file", tls.key_file.is_some(), "S3 tells us apart by the credentials under `auth`"),
        ("key_pass", tls.key_pass.is_some(), "S3 tells us apart by the credentials under `auth`"),
        (
            "verify_certificate",
            tls.verify_certificate == Some(false),
            "name the certificate to trust with `ca_file`",
        ),
        (
            "verify_hostname",
            tls.verify_hostname == Some(false),
            "use the name that the certificate has",
        ),
    ];
    match refused.into_iter().find(|(_, there, _)| *there) {
        None => Ok(()),
        Some((option, _, instead)) => {
            Err(Finding::new(path, format!("`{option}` is not available for S3")).hint(instead))
        }
    }
}

/// Whether TLS is spoken, the endpoint says; who says the same here is right.
fn check_toggle(tls: &TlsSettings, endpoint: Option<&Url>, path: &Path) -> Result<(), Finding> {
    let is_spoken = endpoint.is_none_or(|url| url.scheme() == "https");
    match tls.enabled {
        Some(enabled) if enabled != is_spoken => {
            let found = match endpoint {
                Some(url) => format!("`endpoint` begins with `{}://`", url.scheme()),
                None => "AWS is spoken to over TLS".to_owned(),
            };
            Err(Finding::new(path, format!("is `{enabled}`, but {found}"))
                .hint("leave it out: `https://` or `http://` in `endpoint` says it"))
        }
        _ => Ok(()),
    }
}

fn endpoint(text: &str, path: &Path) -> Result<Url, Finding> {
    let refused = |message: &str| Finding::new(path, message).hint("write `https://HOST`");
    let url = Url::parse(text).map_err(|error| refused(&format!("is not a URL: {error}")))?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(refused("must not hold credentials").hint("put them under `auth`"));
    }
    if !matches!(url.scheme(), "https" | "http") || !url.has_host() {
        return Err(refused("must be `https` or `http`"));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(refused("must not have a query or a fragment"));
    }
    Ok(url)
}

fn key_id(
    encryption: Option<&Encryption>,
    key_id: Option<NonEmpty>,
    path: &Path,
) -> Result<Option<String>, Finding> {
    let with_kms = matches!(encryption, Some(Encryption::Kms));
    match key_id {
        Some(_) if !with_kms => Err(Finding::new(
            &path.key("ssekms_key_id"),
            "is for `server_side_encryption: aws:kms`",
        )
        .hint("set that, or leave this out")),
        key_id => Ok(key_id.map(|id| id.0)),
    }
}

fn auth(written: Auth, path: &Path) -> Result<AwsAuth, Finding> {
    Ok(AwsAuth {
        role: role(&written, path)?,
        load_timeout: written.load_timeout_secs.map(|seconds| seconds.0),
        source: source(written, path)?,
    })
}

fn role(written: &Auth, path: &Path) -> Result<Option<AwsRole>, Finding> {
    let text = |written: &Option<NonEmpty>| written.as_ref().map(|text| text.0.clone());
    let Some(arn) = text(&written.assume_role) else {
        let of_role = [
            ("external_id", &written.external_id),
            ("session_name", &written.session_name),
            ("region", &written.region),
        ];
        return match of_role.into_iter().find(|(_, value)| value.is_some()) {
            None => Ok(None),
            Some((option, _)) => {
                let message = "says how `assume_role` is done, which is not set";
                let hint = match option {
                    "region" => "the bucket's own `region` stands beside `auth`",
                    _ => "set `assume_role`, or leave this out",
                };
                Err(Finding::new(&path.key(option), message).hint(hint))
            }
        };
    };
    Ok(Some(AwsRole {
        arn,
        external_id: text(&written.external_id),
        session_name: text(&written.session_name),
        region: text(&written.region),
    }))
}

fn source(written: Auth, path: &Path) -> Result<AwsCredentials, Finding> {
    let keys = [
        ("access_key_id", written.access_key_id.is_some()),
        ("secret_access_key", written.secret_access_key.is_some()),
        ("session_token", written.session_token.is_some()),
    ];
    let elsewhere = [
        ("credentials_file", written.credentials_file.is_some()),
        ("profile", written.profile.is_some()),
        ("imds", written.imds.is_some()),
    ];
    let there = |options: [(&'static str, bool); 3]| {
        options.into_iter().find_map(|(option, there)| there.then_some(option))
    };
    let both = |one: &str, other: &str| {
        Finding::new(path, format!("has `{one}` and `{other}`"))
            .hint("say one place where credentials come from")
    };
    if let (Some(key), Some(other)) = (there(keys), there(elsewhere)) {
        return Err(both(key, other));
    }
    if let (Some(file), Some(_)) = (there([elsewhere[0], elsewhere[1], ("", false)]), &written.imds)
    {
        return Err(both(file, "imds"));
    }
    match (written.access_key_id, written.secret_access_key) {
        (Some(access_key_id), Some(secret_access_key)) => Ok(AwsCredentials::Keys {
            access_key_id: access_key_id.0,
            secret_access_key: secret_access_key.0,
            session_token: written.session_token.map(|token| token.0),
        }),
        (None, None) if written.session_token.is_none() => {
            if written.credentials_file.is_none() && written.profile.is_none() {
                return Ok(AwsCredentials::Default { imds: imds(written.imds) });
            }
            Ok(AwsCredentials::Profile {
                credentials_file: written.credentials_file,
                profile: written.profile.map_or_else(|| "default".to_owned(), |text| text.0),
            })
        }
        (id, _) => {
            let missing = if id.is_none() { "access_key_id" } else { "secret_access_key" };
            Err(Finding::new(path, format!("missing field `{missing}`")))
        }
    }
}

fn imds(written: Option<Imds>) -> ImdsSettings {
    let usual = ImdsSettings::default();
    let Some(written) = written else { return usual };
    let of = |seconds: Option<Seconds>, usual| seconds.map_or(usual, |seconds| seconds.0);
    ImdsSettings {
        connect_timeout: of(written.connect_timeout_seconds, usual.connect_timeout),
        read_timeout: of(written.read_timeout_seconds, usual.read_timeout),
        max_attempts: written.max_attempts.unwrap_or(usual.max_attempts),
    }
}
