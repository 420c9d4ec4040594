//! Sinks of type `azure_blob`.

use std::collections::BTreeMap;

use serde::Deserialize;
use url::Url;

use super::envelope::{Envelope, REQUESTS, envelope};
use super::objects;
use crate::buckets::{AzureCredentials, AzureSettings, ConnectionString, ManagedIdentity};
use crate::config::SinkKind;
use crate::config::endpoint;
use crate::config::node::{Node, Path};
use crate::config::problem::{Finding, Findings};
use crate::config::read::{read, read_rest, type_of};
use crate::config::written::{NonEmpty, Secret};
use crate::sinks::{Compression, ObjectSettings};
use secrecy::ExposeSecret as _;

/// As in Vector.
const REQUESTS_PER_SECOND: u64 = 250;
const PREFIX: &str = "blob/%F/";

/// The kinds of credentials that `auth` may name.
const KINDS: &[&str] =
    &["client_secret_credential", "managed_identity", "workload_identity", "azure_cli"];

/// The longest name of a container; as in Azure.
const CONTAINER_CHARS_MAX: usize = 63;

/// `sinks.*` of type `azure_blob`
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    container_name: NonEmpty,
    connection_string: Option<Secret>,
    account_name: Option<NonEmpty>,
    blob_endpoint: Option<NonEmpty>,
    #[serde(default)]
    metadata: BTreeMap<String, String>,
    #[serde(default)]
    tags: BTreeMap<String, String>,
    blob_prefix: Option<String>,
    blob_time_format: Option<String>,
    blob_append_uuid: Option<bool>,
    content_type: Option<NonEmpty>,
    content_encoding: Option<String>,
    #[serde(rename = "timezone")]
    _timezone: Option<objects::Timezone>,
}

/// `sinks.*.auth` of kind `client_secret_credential`
#[derive(Deserialize)]
#[expect(clippy::struct_field_names, reason = "these are the names of the options")]
#[serde(deny_unknown_fields)]
struct ClientSecret {
    #[serde(rename = "azure_credential_kind")]
    _kind: serde::de::IgnoredAny,
    azure_tenant_id: NonEmpty,
    azure_client_id: NonEmpty,
    azure_client_secret: Secret,
}

/// `sinks.*.auth` of kind `managed_identity`
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Managed {
    #[serde(rename = "azure_credential_kind")]
    _kind: serde::de::IgnoredAny,
    user_assigned_managed_identity_id: Option<NonEmpty>,
    user_assigned_managed_identity_id_type: Option<IdType>,
}

/// `sinks.*.auth.user_assigned_managed_identity_id_type`
#[derive(Deserialize)]
enum IdType {
    #[serde(rename = "client_id")]
    Client,
    #[serde(rename = "object_id")]
    Object,
    #[serde(rename = "resource_id")]
    Resource,
}

/// `sinks.*.auth` of kind `workload_identity`
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Workload {
    #[serde(rename = "azure_credential_kind")]
    _kind: serde::de::IgnoredAny,
    tenant_id: Option<NonEmpty>,
    client_id: Option<NonEmpty>,
    token_file_path: Option<NonEmpty>,
}

/// `sinks.*.auth` of kind `azure_cli`
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Cli {
    #[serde(rename = "azure_credential_kind")]
    _kind: serde::de::IgnoredAny,
}

/// The account, where it answers, and who we are to it.
type Access = (String, Option<Url>, AzureCredentials);

pub(super) fn sink(
    node: &Node,
    path: &Path,
    findings: &mut Findings,
) -> Option<(Envelope, SinkKind)> {
    let shared = REQUESTS.iter().copied().filter(|key| *key != "tls");
    let keys: Vec<&str> = shared.clone().chain(["auth"]).collect();
    let written: Option<Written> = findings.keep(read_rest(node, path, &keys));
    let auth = node.get("auth").map(|node| credentials(node, &path.key("auth")));
    let auth = auth.map(|auth| findings.keep(auth));
    let shared: Vec<&str> = shared.collect();
    let mut envelope = envelope(node, path, &shared, objects::BATCH, findings)?;
    objects::limit_rate(&mut envelope, node, path, REQUESTS_PER_SECOND);
    let written = written?;
    let auth = match auth {
        Some(auth) => Some(auth?),
        None => None,
    };
    let access = findings.keep(access(&written, auth, path))?;
    let (container, object) = findings.keep(settings(written, access, &envelope, path))?;
    Some((envelope, SinkKind::AzureBlob { container, object }))
}

fn credentials(node: &Node, path: &Path) -> Result<AzureCredentials, Finding> {
    let text = |text: Option<NonEmpty>| text.map(|text| text.0);
    Ok(match type_of(node, path, "azure_credential_kind", KINDS)? {
        "client_secret_credential" => {
            let written: ClientSecret = read(node, path)?;
            AzureCredentials::ClientSecret {
                tenant_id: written.azure_tenant_id.0,
                client_id: written.azure_client_id.0,
                client_secret: written.azure_client_secret.0,
            }
        }
        "managed_identity" => {
            let written: Managed = read(node, path)?;
            let kind = written.user_assigned_managed_identity_id_type;
            AzureCredentials::ManagedIdentity(
                match (text(written.user_assigned_managed_identity_id), kind) {
                    (Some(id), Some(IdType::Client) | None) => ManagedIdentity::ClientId(id),
                    (Some(id), Some(IdType::Object)) => ManagedIdentity::ObjectId(id),
                    (Some(id), Some(IdType::Resource)) => ManagedIdentity::ResourceId(id),
                    (None, None) => ManagedIdentity::System,
                    (None, Some(_)) => {
                        let field = "user_assigned_managed_identity_id";
                        return Err(Finding::new(path, format!("missing field `{field}`")));
                    }
                },
            )
        }
        "workload_identity" => {
            let written: Workload = read(node, path)?;
            AzureCredentials::WorkloadIdentity {
                tenant_id: text(written.tenant_id),
                client_id: text(written.client_id),
                token_file: text(written.token_file_path).map(Into::into),
            }
        }
        "azure_cli" => {
            let Cli { .. } = read(node, path)?;
            AzureCredentials::AzureCli
        }
        other => {
            return Err(Finding::unknown_value(&path.key("azure_credential_kind"), other, KINDS));
        }
    })
}

/// Either a connection string says it all, or account and `auth` do.
fn access(
    written: &Written,
    auth: Option<AzureCredentials>,
    path: &Path,
) -> Result<Access, Finding> {
    let blob_endpoint = match &written.blob_endpoint {
        Some(NonEmpty(text)) => Some(endpoint::of_service(text, &path.key("blob_endpoint"))?),
        None => None,
    };
    let Some(Secret(text)) = &written.connection_string else {
        let auth = auth.ok_or_else(|| {
            Finding::new(path, "has neither `connection_string` nor `auth`")
                .hint("a connection string holds the account's key; `auth` names an identity")
        })?;
        let account = written.account_name.as_ref().map(|name| name.0.clone());
        let account = account
            .or_else(|| blob_endpoint.as_ref().and_then(ConnectionString::account_of))
            .ok_or_else(|| Finding::new(path, "missing field `account_name`"))?;
        return Ok((account, blob_endpoint, auth));
    };
    for (field, there) in [
        ("auth", auth.is_some()),
        ("account_name", written.account_name.is_some()),
        ("blob_endpoint", written.blob_endpoint.is_some()),
    ] {
        if there {
            let message = format!("has both `connection_string` and `{field}`");
            return Err(Finding::new(path, message).hint("a connection string says it all"));
        }
    }
    let path = path.key("connection_string");
    let refused = |why| {
        Finding::new(&path, why)
            .hint("copy it whole: `AccountName=…;AccountKey=…`, or `BlobEndpoint=…;SharedAccessSignature=…`")
    };
    let ConnectionString { account, endpoint, key, signature } =
        ConnectionString::parse(text.expose_secret()).map_err(refused)?;
    if let Some(endpoint) = &endpoint {
        endpoint::of_service(endpoint.as_str(), &path)?;
    }
    let credentials = match (key, signature) {
        (Some(key), _) => AzureCredentials::AccessKey(key),
        (None, Some(signature)) => AzureCredentials::Sas(signature),
        (None, None) => return Err(refused("has no key".to_owned())),
    };
    Ok((account, endpoint, credentials))
}

fn settings(
    written: Written,
    (account, endpoint, credentials): Access,
    envelope: &Envelope,
    path: &Path,
) -> Result<(AzureSettings, ObjectSettings), Finding> {
    let NonEmpty(container) = written.container_name;
    let is_part = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '$';
    if container.len() > CONTAINER_CHARS_MAX || !container.chars().all(is_part) {
        let message = format!("`{container}` is not a container");
        return Err(Finding::new(&path.key("container_name"), message)
            .hint("a name has up to 63 lowercase letters, digits and `-`"));
    }
    for name in written.metadata.keys() {
        let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
        if name.starts_with(|c: char| c.is_ascii_digit()) || !name.chars().all(is_word) {
            let finding = Finding::new(&path.key("metadata"), format!("`{name}` is not a name"));
            return Err(finding.hint("Azure takes letters, digits and `_`, a letter first"));
        }
    }
    objects::check_metadata(&written.metadata, path)?;
    let object = ObjectSettings {
        prefix: written.blob_prefix.unwrap_or_else(|| PREFIX.to_owned()),
        time_format: written.blob_time_format.unwrap_or_else(|| "%s".to_owned()),
        append_uuid: written.blob_append_uuid.unwrap_or(true),
        extension: None,
        compression: envelope.compression.unwrap_or(Compression::GZIP),
        content_type: written.content_type.map(|text| text.0),
        content_encoding: written.content_encoding,
    };
    objects::check_names(&object, path, ["blob_prefix", "blob_time_format"])?;
    let container = AzureSettings {
        container,
        account,
        endpoint,
        credentials,
        metadata: written.metadata,
        tags: written.tags,
        timeout: envelope.timeout,
    };
    Ok((container, object))
}
