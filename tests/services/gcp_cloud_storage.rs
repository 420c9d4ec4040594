//! Google Cloud Storage, as fake-gcs-server pretends it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use url::Url;

use zenstream::buckets::{Bucket, Condition, GcpCloudStorage, GcpCredentials, GcsSettings};
use zenstream::http_client::ProxySettings;

use crate::binary::{Account, Home, TOKEN};
use crate::objects;
use crate::tokens;
use crate::{server, unique};

const SERVER: &str = "ZENSTREAM_TEST_GCS_ENDPOINT";

fn settings(endpoint: &str, bucket: &str) -> GcsSettings {
    GcsSettings {
        bucket: bucket.to_owned(),
        endpoint: Some(Url::parse(endpoint).unwrap()),
        credentials: GcpCredentials::Anonymous,
        acl: None,
        storage_class: None,
        cache_control: None,
        metadata: BTreeMap::new(),
        timeout: Duration::from_secs(20),
    }
}

fn proxy() -> ProxySettings {
    ProxySettings::default()
}

/// Makes a bucket.
pub(crate) async fn make(endpoint: &str, name: &str) {
    let url = Url::parse(endpoint).unwrap().join("/storage/v1/b?project=test").unwrap();
    let made = reqwest::Client::new()
        .post(url)
        .header("content-type", "application/json")
        .body(format!("{{\"name\":\"{name}\"}}"))
        .send()
        .await
        .unwrap();
    assert!(made.status().is_success(), "{}", made.status());
}

/// A bucket of its own; none where there is no server.
async fn bucket(name: &str) -> Option<Arc<dyn Bucket>> {
    let endpoint = server(SERVER)?;
    let name = unique(name);
    make(&endpoint, &name).await;
    Some(Arc::new(GcpCloudStorage::new(settings(&endpoint, &name), proxy())))
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_are_renewed_by_one_process() {
    let Some(bucket) = bucket("tokens").await else { return };
    tokens::are_renewed_by_one(bucket).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_bucket_keeps_its_promises() {
    let Some(bucket) = bucket("promises").await else { return };
    objects::keeps_its_promises(bucket.as_ref()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_of_many_puts_wins() {
    let Some(bucket) = bucket("race").await else { return };
    objects::one_of_many_puts_wins(&bucket).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_compression_can_be_read() {
    let Some(bucket) = bucket("packed").await else { return };
    objects::every_compression_can_be_read(&bucket).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_leaves_each_event_once() {
    let Some(bucket) = bucket("crash").await else { return };
    objects::a_crash_leaves_each_event_once(&bucket).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_of_two_holders_of_a_checkpoint_saves() {
    let Some(bucket) = bucket("state").await else { return };
    objects::one_of_two_holders_saves(&bucket).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bucket_that_is_not_there_is_refused_with_how_to_make_it() {
    let Some(endpoint) = server(SERVER) else { return };
    let name = unique("missing");
    let bucket = GcpCloudStorage::new(settings(&endpoint, &name), proxy());
    for error in objects::refuses_everything(&bucket).await {
        let hint = error.hint.unwrap();
        assert!(hint.contains(&format!("buckets create gs://{name}")), "{hint}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_config_says_of_objects_is_put_beside_them() {
    let Some(endpoint) = server(SERVER) else { return };
    let Some(plain) = bucket("beside").await else { return };
    let name = plain.location().trim_start_matches("gs://").to_owned();
    let bucket = GcpCloudStorage::new(
        GcsSettings {
            acl: Some("projectPrivate".to_owned()),
            storage_class: Some("NEARLINE".to_owned()),
            cache_control: Some("no-cache".to_owned()),
            metadata: BTreeMap::from([("team".to_owned(), "secops".to_owned())]),
            ..settings(&endpoint, &name)
        },
        proxy(),
    );
    bucket.put("a", objects::object(b"x"), Condition::Absent).await.unwrap();
    let info = bucket.head("a").await.unwrap().unwrap();
    assert_eq!(info.metadata.get("team").map(String::as_str), Some("secops"));
    let url = format!("{endpoint}/storage/v1/b/{name}/o/a");
    let told = reqwest::get(url).await.unwrap().text().await.unwrap();
    assert!(told.contains("NEARLINE") && told.contains("no-cache"), "{told}");
}

/// The variables of Google's guide are all that a run needs; and what a run that was cut short by
/// `MAX_PAGES` did not bring, the next ones do.
#[test]
fn the_config_for_google_secops_replaces_the_function_of_the_guide() {
    let Some(endpoint) = server(SERVER) else { return };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let name = unique("secops");
    runtime.block_on(make(&endpoint, &name));
    let account = Account::small();
    let home = Home::new();
    home.write(
        "google-secops-gcs.yaml",
        include_str!("../../config-examples/google-secops-gcs.yaml"),
    );
    for _ in 0..4 {
        home.zenstream("run -c google-secops-gcs.yaml --once")
            .env("DATA_DIR", &home.path("state").display().to_string())
            .env("GCS_BUCKET", &name)
            .env("GCS_PREFIX", "zendesk/crm/")
            .env("GCS_ENDPOINT", &endpoint)
            .env("STATE_KEY", "zendesk/crm/state.json")
            .env("ZENDESK_BASE_URL", &account.url)
            .env("AUTH_MODE", "token")
            .env("ZENDESK_EMAIL", "analyst@example.com")
            .env("ZENDESK_API_TOKEN", TOKEN)
            .env("ZENDESK_BEARER_TOKEN", "")
            .env("RESOURCES", "audit_logs,incremental_tickets")
            .env("MAX_PAGES", "1")
            .env("LOOKBACK_SECONDS", "3000000000")
            .env("HTTP_TIMEOUT", "60")
            .env("HTTP_RETRIES", "3")
            .run()
            .well();
    }
    let bucket = GcpCloudStorage::new(settings(&endpoint, &name), proxy());
    let (lines, keys) = runtime.block_on(async {
        (objects::lines(&bucket, "zendesk/crm/20").await, bucket.list("").await.unwrap())
    });
    let mut expected = account.records("audit_logs");
    expected.extend(account.records("tickets"));
    expected.sort_unstable();
    assert_eq!(lines.len(), expected.len());
    assert!(lines == expected, "other lines than the account's");
    let state = "zendesk/crm/state.json".to_owned();
    assert!(keys.contains(&state), "{keys:?}");
    for key in keys.iter().filter(|key| **key != state) {
        assert!(
            key.starts_with("zendesk/crm/20") && key.split('.').next_back() == Some("json"),
            "{key}"
        );
    }
}
