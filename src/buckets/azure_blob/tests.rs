//! What Azure's answers mean, as the library really tells them, and what connection strings say.

use std::collections::BTreeMap;
use std::time::Duration;

use axum::Router;
use axum::http::{HeaderMap, StatusCode};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use super::*;

/// A server that answers everything alike, for as long as it is held.
async fn answering(status: u16, code: &str) -> (AzureBlob, JoinSet<()>) {
    let status = StatusCode::from_u16(status).unwrap();
    let body = format!(
        "<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>In words.\nRequestId:1</Message>\
         <AuthenticationErrorDetail>signed was X</AuthenticationErrorDetail></Error>"
    );
    let mut headers = HeaderMap::new();
    headers.insert("x-ms-error-code", code.parse().unwrap());
    let router = Router::new().fallback(async move || (status, headers, body));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let mut server = JoinSet::new();
    server.spawn(async move { axum::serve(listener, router).await.unwrap() });
    (at(&format!("http://{address}/acme")), server)
}

fn at(endpoint: &str) -> AzureBlob {
    let settings = AzureSettings {
        container: "logs".to_owned(),
        account: "acme".to_owned(),
        endpoint: Some(Url::parse(endpoint).unwrap()),
        credentials: AzureCredentials::Sas("sv=1&sig=hunter2".into()),
        metadata: BTreeMap::new(),
        tags: BTreeMap::new(),
        timeout: Duration::from_millis(300),
    };
    AzureBlob::new(settings, &ProxySettings::default()).unwrap()
}

async fn put(bucket: &AzureBlob, condition: Condition) -> Result<Put, BucketError> {
    let object = NewObject { body: Bytes::from_static(b"x"), ..NewObject::default() };
    bucket.put("a", object, condition).await
}

fn shown(error: &BucketError) -> String {
    let text = format!("{:?}: {}", error.kind, error.message);
    match &error.hint {
        Some(hint) => format!("{text}\n  {hint}"),
        None => text,
    }
}

#[tokio::test]
async fn a_condition_that_does_not_hold_is_told_from_other_conflicts() {
    let seen = || Condition::Version(Version("\"1\"".to_owned()));
    for (status, code, condition, refused) in [
        (409, "BlobAlreadyExists", Condition::Absent, true),
        (412, "ConditionNotMet", Condition::Absent, true),
        (412, "ConditionNotMet", seen(), true),
        (409, "ContainerBeingDeleted", Condition::Absent, false),
        (412, "LeaseIdMissing", seen(), false),
    ] {
        let (bucket, _server) = answering(status, code).await;
        match put(&bucket, condition).await {
            Ok(put) => assert!(refused && put == Put::Refused, "{code}"),
            Err(error) => {
                assert!(!refused && error.kind == BucketErrorKind::Retry, "{code}: {error:?}");
            }
        }
    }
}

#[tokio::test]
async fn what_may_pass_is_tried_again_and_what_stays_is_not() {
    use BucketErrorKind::{Config, Retry};
    for (status, kind) in [
        (400, Config),
        (401, Config),
        (403, Config),
        (404, Config),
        (408, Retry),
        (413, Config),
        (429, Retry),
        (500, Retry),
        (503, Retry),
        (302, Retry),
    ] {
        let (bucket, _server) = answering(status, "Some").await;
        assert_eq!(put(&bucket, Condition::Absent).await.unwrap_err().kind, kind, "{status}");
        assert_eq!(bucket.get("a").await.unwrap_err().kind, kind, "{status}");
        assert_eq!(bucket.check().await.unwrap_err().kind, kind, "{status}");
    }
}

#[tokio::test]
async fn an_answer_is_told_in_azures_words_and_with_what_to_do() {
    let mut told = Vec::new();
    for (status, code) in
        [(403, "AuthenticationFailed"), (404, "ContainerNotFound"), (503, "ServerBusy")]
    {
        let (bucket, _server) = answering(status, code).await;
        let error = put(&bucket, Condition::Absent).await.unwrap_err();
        let place = bucket.location();
        told.push(shown(&error).replace(&place, "PLACE"));
    }
    insta::assert_snapshot!(told.join("\n"), @"
    Config: cannot put PLACE/a: 403 AuthenticationFailed: In words.
      grant the identity the role `Storage Blob Data Contributor` on the container `logs`; of an account key or a signature, check that it is whole and has not expired, and that a signature allows to read, write, create and list
    Config: cannot put PLACE/a: 404 ContainerNotFound: In words.
      make the container with `az storage container create --name logs`, or correct its name
    Retry: cannot put PLACE/a: 503 ServerBusy: In words.
    ");
}

#[tokio::test]
async fn nobody_and_nothing_in_time_may_pass_and_show_no_signature() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let slow = at(&format!("http://{}/acme", silent.local_addr().unwrap()));
    let address = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let nobody = at(&format!("http://{address}/acme"));
    for bucket in [&slow, &nobody] {
        for error in [
            bucket.check().await.unwrap_err(),
            bucket.get("a").await.unwrap_err(),
            put(bucket, Condition::Absent).await.unwrap_err(),
        ] {
            assert_eq!(error.kind, BucketErrorKind::Retry, "{error:?}");
            assert!(!error.message.contains("hunter2"), "{error:?}");
        }
        assert!(!format!("{bucket:?}").contains("hunter2"));
    }
}

#[tokio::test]
async fn a_key_that_azure_would_change_is_refused() {
    let bucket = at("http://127.0.0.1:1/acme");
    for key in ["", "/a", "a/", "a//b", "a/../b", "./a"] {
        let object = NewObject::default();
        let error = bucket.put(key, object, Condition::Absent).await.unwrap_err();
        assert_eq!(error.kind, BucketErrorKind::Config, "{key}");
    }
}

fn parsed(text: &str) -> String {
    match ConnectionString::parse(text) {
        Ok(ConnectionString { account, endpoint, key, signature }) => {
            let endpoint = endpoint.map(String::from).unwrap_or_default();
            let shown = |secret: Option<SecretString>| {
                secret.map(|secret| secret.expose_secret().to_owned()).unwrap_or_default()
            };
            format!("{account} at [{endpoint}] key [{}] sas [{}]", shown(key), shown(signature))
        }
        Err(why) => why,
    }
}

#[test]
fn a_connection_string_says_which_account_and_how_to_sign() {
    let told: Vec<String> = [
        "DefaultEndpointsProtocol=https;AccountName=acme;AccountKey=a2V5==;EndpointSuffix=core.windows.net",
        "AccountName=acme;AccountKey=a2V5",
        " accountname = acme ; ACCOUNTKEY=a2V5== ; ",
        "BlobEndpoint=https://acme.blob.core.windows.net/;QueueEndpoint=https://q;SharedAccessSignature=sv=1&sig=a%2Bb%3D",
        "AccountName=acme;AccountKey=a2V5;EndpointSuffix=core.chinacloudapi.cn",
        "AccountName=devstoreaccount1;AccountKey=a2V5;BlobEndpoint=http://127.0.0.1:10000/devstoreaccount1;",
    ]
    .map(parsed)
    .into();
    insta::assert_snapshot!(told.join("\n"), @"
    acme at [https://acme.blob.core.windows.net/] key [a2V5==] sas []
    acme at [] key [a2V5] sas []
    acme at [] key [a2V5==] sas []
    acme at [https://acme.blob.core.windows.net/] key [] sas [sv=1&sig=a%2Bb%3D]
    acme at [https://acme.blob.core.chinacloudapi.cn/] key [a2V5] sas []
    devstoreaccount1 at [http://127.0.0.1:10000/devstoreaccount1] key [a2V5] sas []
    ");
    let development = parsed("UseDevelopmentStorage=true");
    assert!(
        development
            .starts_with("devstoreaccount1 at [http://127.0.0.1:10000/devstoreaccount1] key [Eby8")
    );
}

#[test]
fn a_connection_string_that_says_too_little_is_refused_without_showing_it() {
    let told: Vec<String> = [
        "",
        "hunter2",
        "AccountName=acme",
        "AccountKey=hunter2",
        "AccountName=acme;Accountkeys=hunter2",
        "AccountName=acme;AccountKey=hunter2;BlobEndpoint=hunter2",
        "UseDevelopmentStorage=false",
    ]
    .map(parsed)
    .into();
    assert!(!told.join("").contains("hunter2"), "{told:?}");
    insta::assert_snapshot!(told.join("\n"), @"
    has no `AccountName`
    has a part without `=`
    has neither `AccountKey` nor `SharedAccessSignature`
    has no `AccountName`
    has a part that no connection string has
    has a `BlobEndpoint` that is no URL
    has no `AccountName`
    ");
}
