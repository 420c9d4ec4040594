//! Azure Blob Storage, as Azurite pretends it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use object_store::azure::MicrosoftAzureBuilder;
use object_store::path::Path;
use object_store::{ObjectStoreExt as _, PutPayload};
use secrecy::{ExposeSecret as _, SecretString};

use zenstream::buckets::{
    AzureBlob, AzureCredentials, AzureSettings, Bucket, Condition, ConnectionString,
};
use zenstream::http_client::ProxySettings;

use crate::objects;
use crate::{server, unique};

const SERVER: &str = "ZENSTREAM_TEST_AZURE_CONNECTION_STRING";

fn settings(connection: &str, container: &str) -> AzureSettings {
    let connection = ConnectionString::parse(connection).unwrap();
    AzureSettings {
        container: container.to_owned(),
        account: connection.account,
        endpoint: connection.endpoint,
        credentials: AzureCredentials::AccessKey(connection.key.unwrap()),
        metadata: BTreeMap::new(),
        tags: BTreeMap::new(),
        timeout: Duration::from_secs(20),
    }
}

fn open(settings: AzureSettings) -> AzureBlob {
    AzureBlob::new(settings, &ProxySettings::default()).unwrap()
}

/// Makes a container: a put to its own address, whose endpoint says what is put.
pub(crate) async fn make(connection: &str, container: &str) {
    let connection = ConnectionString::parse(connection).unwrap();
    let endpoint = format!("{}?restype=container", connection.endpoint.unwrap());
    let maker = MicrosoftAzureBuilder::new()
        .with_account(connection.account)
        .with_access_key(connection.key.unwrap().expose_secret())
        .with_endpoint(endpoint)
        .with_allow_http(true)
        .with_container_name(container)
        .build()
        .unwrap();
    maker.put(&Path::default(), PutPayload::new()).await.unwrap();
}

/// A container of its own; none where there is no server.
async fn container(name: &str) -> Option<Arc<dyn Bucket>> {
    let connection = server(SERVER)?;
    let container = unique(name);
    make(&connection, &container).await;
    Some(Arc::new(open(settings(&connection, &container))))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_container_keeps_its_promises() {
    let Some(container) = container("promises").await else { return };
    objects::keeps_its_promises(container.as_ref()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_of_many_puts_wins() {
    let Some(container) = container("race").await else { return };
    objects::one_of_many_puts_wins(&container).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_compression_can_be_read() {
    let Some(container) = container("packed").await else { return };
    objects::every_compression_can_be_read(&container).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_leaves_each_event_once() {
    let Some(container) = container("crash").await else { return };
    objects::a_crash_leaves_each_event_once(&container).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_of_two_holders_of_a_checkpoint_saves() {
    let Some(container) = container("state").await else { return };
    objects::one_of_two_holders_saves(&container).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_container_that_is_not_there_is_refused_with_how_to_make_it() {
    let Some(connection) = server(SERVER) else { return };
    let name = unique("missing");
    let container = open(settings(&connection, &name));
    for error in objects::refuses_everything(&container).await {
        let hint = error.hint.unwrap();
        assert!(hint.contains(&format!("container create --name {name}")), "{hint}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_key_is_refused_with_what_to_check() {
    let Some(connection) = server(SERVER) else { return };
    let name = unique("key");
    make(&connection, &name).await;
    let container = open(AzureSettings {
        credentials: AzureCredentials::AccessKey(SecretString::from("d3Jvbmc=")),
        ..settings(&connection, &name)
    });
    for error in objects::refuses_everything(&container).await {
        assert!(error.message.contains(": 403"), "{error:?}");
        assert!(error.hint.unwrap().contains("Storage Blob Data Contributor"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_config_says_of_blobs_is_put_beside_them() {
    let Some(connection) = server(SERVER) else { return };
    let name = unique("beside");
    make(&connection, &name).await;
    let container = open(AzureSettings {
        metadata: BTreeMap::from([("team".to_owned(), "secops".to_owned())]),
        tags: BTreeMap::from([("project".to_owned(), "a b".to_owned())]),
        ..settings(&connection, &name)
    });
    container.put("a", objects::object(b"x"), Condition::Absent).await.unwrap();
    let info = container.head("a").await.unwrap().unwrap();
    assert_eq!(info.metadata.get("team").map(String::as_str), Some("secops"));
}
