//! Rotating tokens: what is written of them, and where they are kept.

use super::*;

/// A config that signs in with rotating tokens; `top` stands before it, `auth` within.
fn text(top: &str, auth: &str) -> String {
    let auth = format!("strategy: oauth_refresh_token, client_id: me{auth}");
    format!("{top}\n{}", with("", "").replace("strategy: bearer, token: t", &auth))
}

fn auth(top: &str, auth: &str) -> AuthConfig {
    yaml(&text(top, auth)).unwrap().sources.remove(0).auth
}

/// Where the tokens are, as a path or an address.
fn place(top: &str, more: &str) -> String {
    let AuthConfig::OauthRefreshToken { store, .. } = auth(top, more) else { panic!() };
    match store {
        TokenStoreConfig::File { path } => path.display().to_string(),
        TokenStoreConfig::AwsS3 { bucket, key } => format!("s3://{}/{key}", bucket.bucket),
        TokenStoreConfig::GcpCloudStorage { bucket, key } => {
            format!("gs://{}/{key}", bucket.bucket)
        }
    }
}

#[test]
fn a_client_is_enough_after_a_login() {
    let AuthConfig::OauthRefreshToken { client_id, client_secret, refresh_token, scope, .. } =
        auth("", "")
    else {
        panic!()
    };
    assert_eq!((client_id.as_str(), scope.as_str()), ("me", "read"));
    assert!(client_secret.is_none() && refresh_token.is_none());
    let more = ", client_secret: s3cret, refresh_token: r3fresh, scope: 'a b'";
    let AuthConfig::OauthRefreshToken { client_secret, refresh_token, scope, .. } = auth("", more)
    else {
        panic!()
    };
    assert!(client_secret.is_some() && refresh_token.is_some() && scope == "a b");
    assert!(!format!("{:?}", auth("", more)).contains("3cret"));
}

#[test]
fn tokens_are_kept_beside_the_checkpoint() {
    assert_eq!(place("data_dir: /d", ""), "/d/tokens/acme.json");
    assert_eq!(place("", ""), "/home/u/.local/state/zenstream/tokens/acme.json");
    let s3 = "checkpoint: { type: aws_s3, region: us-east-1, bucket: b, key: KEY }";
    assert_eq!(place(&s3.replace("KEY", "crm/state.json"), ""), "s3://b/crm/tokens/acme.json");
    assert_eq!(place(&s3.replace("KEY", "state.json"), ""), "s3://b/tokens/acme.json");
    let gcs = "checkpoint: { type: gcp_cloud_storage, bucket: b, key: a/b/state.json }";
    assert_eq!(place(gcs, ""), "gs://b/a/b/tokens/acme.json");
    let kafka = "data_dir: /d\ncheckpoint: { type: kafka, topic: t, bootstrap_servers: 'k:9092' }";
    assert_eq!(place(kafka, ""), "/d/tokens/acme.json", "a topic keeps what is deleted");
}

#[test]
fn another_place_can_be_chosen() {
    let store = |text: &str| format!(", token_store: {{ {text} }}");
    let s3 = "checkpoint: { type: aws_s3, region: us-east-1, bucket: b, key: k }";
    assert_eq!(place(s3, &store("type: file, path: /t/x.json")), "/t/x.json");
    let other = store("type: aws_s3, region: us-east-1, bucket: secrets, key: acme.json");
    assert_eq!(place("", &other), "s3://secrets/acme.json");
    let other = store("type: gcp_cloud_storage, bucket: secrets, key: acme.json");
    assert_eq!(place("", &other), "gs://secrets/acme.json");
}

#[test]
fn a_mistake_within_the_store_is_told_by_its_path() {
    let refused = |store: &str| shown(yaml(&text("", &format!(", token_store: {store}"))));
    insta::assert_snapshot!(refused("{ type: kafka }"), @"
    sources.acme.auth.token_store.type: unknown type `kafka`
      hint: this version has `file`, `aws_s3` and `gcp_cloud_storage`
    ");
    insta::assert_snapshot!(refused("{ type: file }"), @"sources.acme.auth.token_store: missing field `path`");
    insta::assert_snapshot!(refused("{ type: aws_s3, region: r, bucket: b }"), @"sources.acme.auth.token_store: missing field `key`");
    insta::assert_snapshot!(refused("/t/x.json"), @"sources.acme.auth.token_store: expected a map, found a string");
}
