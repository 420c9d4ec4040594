//! Containers of Azure Blob Storage, as sinks.

use std::time::Duration;

use secrecy::ExposeSecret as _;

use super::*;
use crate::buckets::{AzureCredentials, AzureSettings, ManagedIdentity};
use crate::sinks::{Compression, ObjectSettings};

const KEY: &str = "connection_string: AccountName=acme;AccountKey=aHVudGVyMg==";

/// A config whose sink is of type `azure_blob`, with `more` in it.
fn azure(more: &str) -> Result<Config, ConfigError> {
    let text = with("", "");
    let (sources, _) = text.split_once("sinks:").unwrap();
    let more = more.replace('\n', "\n    ");
    let container = "type: azure_blob\n    inputs: [acme]\n    container_name: zendesk";
    yaml(&format!("{sources}sinks:\n  out:\n    {container}\n    {more}\n"))
}

fn kind(more: &str) -> (AzureSettings, ObjectSettings) {
    match azure(more).unwrap().sinks.remove(0).kind {
        SinkKind::AzureBlob { container, object } => (container, object),
        other => panic!("{other:?}"),
    }
}

fn refused(more: &str) -> String {
    let shown = shown(azure(more));
    assert!(!shown.contains("hunter2") && !shown.contains("aHVudGVyMg"), "{shown}");
    shown
}

#[test]
fn the_defaults_are_vectors() {
    let (container, object) = kind(KEY);
    assert_eq!((container.container.as_str(), container.account.as_str()), ("zendesk", "acme"));
    assert!(container.endpoint.is_none());
    assert!(matches!(container.credentials, AzureCredentials::AccessKey(_)));
    assert_eq!((object.prefix.as_str(), object.time_format.as_str()), ("blob/%F/", "%s"));
    assert!(object.append_uuid && object.extension.is_none());
    assert_eq!(object.compression, Compression::GZIP);
    let delivery = azure(KEY).unwrap().sinks.remove(0).delivery;
    assert_eq!(delivery.batch.max_bytes, 10_000_000);
    assert_eq!(delivery.batch.max_age, Duration::from_secs(300));
    assert_eq!(delivery.rate_limit, Some((250, Duration::from_secs(1))));
}

#[test]
fn a_sink_of_vectors_can_be_pasted() {
    let (container, object) = kind(
        "account_name: acme
blob_endpoint: https://acme.blob.core.windows.net/
auth: { azure_credential_kind: azure_cli }
metadata: { team_name: security }
tags: { project: a b }
blob_prefix: 'zendesk/{{ stream }}/%F/'
blob_time_format: ''
blob_append_uuid: true
content_type: application/json
compression: none
encoding: { codec: json }
framing: { method: newline_delimited }
batch: { max_bytes: 1000, timeout_secs: 5 }
request: { timeout_secs: 30 }",
    );
    assert_eq!(container.endpoint.unwrap().as_str(), "https://acme.blob.core.windows.net/");
    assert!(matches!(container.credentials, AzureCredentials::AzureCli));
    assert_eq!((container.metadata.len(), container.tags["project"].as_str()), (1, "a b"));
    assert_eq!(container.timeout, Duration::from_secs(30));
    assert_eq!(
        (object.prefix.as_str(), object.time_format.as_str()),
        ("zendesk/{{ stream }}/%F/", "")
    );
}

#[test]
fn each_kind_of_credentials_is_known() {
    let of = |auth: &str| {
        kind(&format!("account_name: acme\nauth: {{ azure_credential_kind: {auth} }}"))
            .0
            .credentials
    };
    let secret = of("client_secret_credential, azure_tenant_id: t, azure_client_id: c, \
                     azure_client_secret: hunter2");
    let AzureCredentials::ClientSecret { tenant_id, client_id, client_secret } = secret else {
        panic!("{secret:?}")
    };
    assert_eq!((tenant_id.as_str(), client_id.as_str()), ("t", "c"));
    assert_eq!(client_secret.expose_secret(), "hunter2");
    let id = "user_assigned_managed_identity_id: x";
    for (auth, expected) in [
        ("managed_identity".to_owned(), ManagedIdentity::System),
        (format!("managed_identity, {id}"), ManagedIdentity::ClientId("x".to_owned())),
        (
            format!("managed_identity, {id}, user_assigned_managed_identity_id_type: object_id"),
            ManagedIdentity::ObjectId("x".to_owned()),
        ),
        (
            format!("managed_identity, {id}, user_assigned_managed_identity_id_type: resource_id"),
            ManagedIdentity::ResourceId("x".to_owned()),
        ),
    ] {
        let found = of(&auth);
        assert!(matches!(found, AzureCredentials::ManagedIdentity(id) if id == expected), "{auth}");
    }
    let workload = of("workload_identity, tenant_id: t, client_id: c, token_file_path: /f");
    assert!(matches!(workload, AzureCredentials::WorkloadIdentity { token_file: Some(_), .. }));
    let signature = "connection_string: BlobEndpoint=https://acme.blob.core.windows.net/;\
                     SharedAccessSignature=sv=1&sig=x";
    assert!(matches!(kind(signature).0.credentials, AzureCredentials::Sas(_)));
    let (emulator, _) = kind("connection_string: UseDevelopmentStorage=true");
    assert_eq!(emulator.account, "devstoreaccount1");
}

#[test]
fn no_credential_can_be_printed() {
    let config = azure(KEY).unwrap();
    assert!(!format!("{config:?}").contains("aHVudGVyMg"));
}

#[test]
fn what_cannot_be_had_is_refused_by_name() {
    let auth = |kind: &str| {
        refused(&format!("account_name: acme\nauth: {{ azure_credential_kind: {kind} }}"))
    };
    insta::assert_snapshot!(auth("client_certificate_credential"), @"
    sinks.out.auth.azure_credential_kind: `client_certificate_credential` is not available in this version
      hint: did you mean `client_secret_credential`?
    ");
    insta::assert_snapshot!(auth("managed_identity_client_assertion"), @"
    sinks.out.auth.azure_credential_kind: `managed_identity_client_assertion` is not available in this version
      hint: this version has `client_secret_credential`, `managed_identity`, `workload_identity` and `azure_cli`
    ");
    insta::assert_snapshot!(auth("managed_idenity"), @"
    sinks.out.auth.azure_credential_kind: unknown azure_credential_kind `managed_idenity`
      hint: did you mean `managed_identity`?
    ");
    insta::assert_snapshot!(auth("client_secret_credential, azure_tenant_id: t"), @"sinks.out.auth: missing field `azure_client_id`");
    insta::assert_snapshot!(auth("managed_identity, user_assigned_managed_identity_id_type: object_id"), @"sinks.out.auth: missing field `user_assigned_managed_identity_id`");
}

#[test]
fn what_does_not_fit_together_is_refused() {
    insta::assert_snapshot!(refused(""), @"
    sinks.out: has neither `connection_string` nor `auth`
      hint: a connection string holds the account's key; `auth` names an identity
    ");
    insta::assert_snapshot!(refused("auth: { azure_credential_kind: azure_cli }"), @"sinks.out: missing field `account_name`");
    insta::assert_snapshot!(refused(&format!("{KEY}\nauth: {{ azure_credential_kind: azure_cli }}")), @"
    sinks.out: has both `connection_string` and `auth`
      hint: a connection string says it all
    ");
    insta::assert_snapshot!(refused(&format!("{KEY}\naccount_name: acme")), @"
    sinks.out: has both `connection_string` and `account_name`
      hint: a connection string says it all
    ");
    insta::assert_snapshot!(refused("connection_string: hunter2"), @"
    sinks.out.connection_string: has a part without `=`
      hint: copy it whole: `AccountName=…;AccountKey=…`, or `BlobEndpoint=…;SharedAccessSignature=…`
    ");
    insta::assert_snapshot!(refused("connection_string: AccountName=acme;AccountKey=hunter2;DefaultEndpointsProtocol=http"), @"
    sinks.out.connection_string: must be `https`; `http` is for this machine alone
      hint: write `https://HOST`
    ");
    insta::assert_snapshot!(refused(&format!("{KEY}\nmetadata: {{ team-name: x }}")), @"
    sinks.out.metadata: `team-name` is not a name
      hint: Azure takes letters, digits and `_`, a letter first
    ");
    insta::assert_snapshot!(refused(&format!("{KEY}\nmetadata: {{ zenstream_count: '1' }}")), @"
    sinks.out.metadata.zenstream_count: is a name that zenstream keeps for itself
      hint: choose one that does not begin with `zenstream`
    ");
    insta::assert_snapshot!(refused(&format!("{KEY}\ntls: {{ ca_file: /ca.pem }}")), @"
    sinks.out: `tls` is not available in this version
      hint: leave it out: the system's certificates are trusted, and those in `SSL_CERT_FILE`
    ");
    insta::assert_snapshot!(refused(&format!("{KEY}\nblob_prefix: '{{{{ stream }}}}/'")), @"
    sinks.out.blob_prefix: the template `{{ stream }}/` must begin with literal text, such as a directory or a prefix
      hint: begin it with a name, such as `zendesk/`
    ");
    insta::assert_snapshot!(refused("storage_account: acme"), @"
    sinks.out: `storage_account` is not available in this version
      hint: write `account_name`, as Vector calls it now, and how to sign in under `auth`
    ");
    insta::assert_snapshot!(refused(&format!("{KEY}\nblob_perfix: x")), @"
    sinks.out: unknown field `blob_perfix`
      hint: did you mean `blob_prefix`?
    ");
    let name = |name: &str| {
        let sink = format!("type: azure_blob\n    container_name: {name}\n    {KEY}");
        shown(yaml(&with("", "").replace("type: console", &sink)))
    };
    insta::assert_snapshot!(name("Zendesk"), @"
    sinks.out.container_name: `Zendesk` is not a container
      hint: a name has up to 63 lowercase letters, digits and `-`
    ");
    assert_eq!(name(&"a".repeat(63)), "accepted");
    assert_ne!(name(&"a".repeat(64)), "accepted");
}
