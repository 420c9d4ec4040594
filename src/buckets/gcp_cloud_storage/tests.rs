//! What Google's answers mean, as its library really tells them, and which credentials are read.

use axum::Router;
use axum::http::StatusCode;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use super::*;

/// A server that answers everything alike, for as long as it is held.
async fn answering(status: u16, body: &str) -> (GcpCloudStorage, JoinSet<()>) {
    let (status, body) = (StatusCode::from_u16(status).unwrap(), body.to_owned());
    let router = Router::new().fallback(async move || (status, body));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let mut server = JoinSet::new();
    server.spawn(async move { axum::serve(listener, router).await.unwrap() });
    (at(&format!("http://{address}"), GcpCredentials::Anonymous), server)
}

fn at(endpoint: &str, credentials: GcpCredentials) -> GcpCloudStorage {
    let settings = GcsSettings {
        bucket: "acme".to_owned(),
        endpoint: Some(Url::parse(endpoint).unwrap()),
        credentials,
        acl: None,
        storage_class: None,
        cache_control: None,
        metadata: BTreeMap::new(),
        timeout: Duration::from_millis(300),
    };
    GcpCloudStorage::new(settings, ProxySettings::default())
}

/// The answer to each question.
async fn all(bucket: &GcpCloudStorage) -> Vec<BucketError> {
    vec![
        bucket.check().await.unwrap_err(),
        bucket.head("a").await.unwrap_err(),
        bucket.get("a").await.unwrap_err(),
        bucket.put("a", NewObject::default(), Condition::Absent).await.unwrap_err(),
        bucket.list("a").await.unwrap_err(),
    ]
}

fn shown(error: &BucketError) -> String {
    let text = format!("{:?}: {}", error.kind, error.message);
    match &error.hint {
        Some(hint) => format!("{text}\n  {hint}"),
        None => text,
    }
}

#[tokio::test]
async fn what_may_pass_is_tried_again_and_what_stays_is_not() {
    use BucketErrorKind::{Config, Retry};
    let limited = r#"{"error":{"code":403,"message":"Rate Limit Exceeded","errors":[{"reason":"rateLimitExceeded"}]}}"#;
    for (status, body, kind) in [
        (400, "", Config),
        (401, "", Config),
        (403, "", Config),
        (403, limited, Retry),
        (404, "", Config),
        (408, "", Retry),
        (409, "", Retry),
        (429, "", Retry),
        (500, "", Retry),
        (503, "", Retry),
        (302, "", Retry),
    ] {
        let (bucket, _server) = answering(status, body).await;
        for error in all(&bucket).await {
            assert_eq!(error.kind, kind, "{status}: {error:?}");
        }
    }
}

#[tokio::test]
async fn a_condition_that_does_not_hold_is_no_error() {
    let (bucket, _server) = answering(412, "").await;
    for condition in [Condition::Absent, Condition::Version(Version("7".to_owned()))] {
        let put = bucket.put("a", NewObject::default(), condition).await.unwrap();
        assert_eq!(put, Put::Refused);
    }
}

#[tokio::test]
async fn a_version_that_is_no_generation_is_never_put_over() {
    let (bucket, _server) = answering(200, "{}").await;
    for version in ["", "0", "-1", "\"etag\""] {
        let condition = Condition::Version(Version(version.to_owned()));
        bucket.put("a", NewObject::default(), condition).await.unwrap_err();
    }
}

#[tokio::test]
async fn an_answer_is_told_in_googles_words_and_with_what_to_do() {
    let mut told = Vec::new();
    for (status, message) in [
        (403, "sa@p.iam.gserviceaccount.com does not have storage.objects.create access"),
        (404, "The specified bucket does not exist."),
        (503, "Backend Error"),
    ] {
        let body = format!(r#"{{"error":{{"code":{status},"message":"{message}"}}}}"#);
        let (bucket, _server) = answering(status, &body).await;
        let put = bucket.put("a", NewObject::default(), Condition::Absent).await;
        told.push(shown(&put.unwrap_err()));
        told.push(shown(&bucket.check().await.unwrap_err()));
    }
    insta::assert_snapshot!(told.join("\n"), @"
    Config: cannot put gs://acme/a: 403: sa@p.iam.gserviceaccount.com does not have storage.objects.create access
      grant the account `roles/storage.objectUser` on the bucket: `gcloud storage buckets add-iam-policy-binding gs://acme --role=roles/storage.objectUser --member=ACCOUNT` (needed are storage.objects.create, storage.objects.get and storage.objects.list; for a checkpoint storage.objects.delete too)
    Config: cannot list gs://acme: 403: sa@p.iam.gserviceaccount.com does not have storage.objects.create access
      grant the account `roles/storage.objectUser` on the bucket: `gcloud storage buckets add-iam-policy-binding gs://acme --role=roles/storage.objectUser --member=ACCOUNT` (needed are storage.objects.create, storage.objects.get and storage.objects.list; for a checkpoint storage.objects.delete too)
    Config: cannot put gs://acme/a: 404: The specified bucket does not exist.
      make the bucket with `gcloud storage buckets create gs://acme`, or correct its name
    Config: cannot list gs://acme: 404: The specified bucket does not exist.
      make the bucket with `gcloud storage buckets create gs://acme`, or correct its name
    Retry: cannot put gs://acme/a: 503: Backend Error
    Retry: cannot list gs://acme: 503: Backend Error
    ");
}

#[tokio::test]
async fn a_put_that_is_answered_with_nothing_is_asked_again() {
    let (bucket, _server) = answering(200, "{}").await;
    let error = bucket.put("a", NewObject::default(), Condition::Absent).await.unwrap_err();
    assert_eq!(error.kind, BucketErrorKind::Retry, "{error:?}");
}

#[tokio::test]
async fn nobody_and_nothing_in_time_may_pass() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let slow = format!("http://{}", silent.local_addr().unwrap());
    let address = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let nobody = format!("http://{address}");
    for endpoint in [slow, nobody] {
        for error in all(&at(&endpoint, GcpCredentials::Anonymous)).await {
            assert_eq!(error.kind, BucketErrorKind::Retry, "{error:?}");
        }
    }
}

#[tokio::test]
async fn each_type_of_credentials_is_known_and_no_other() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("key.json");
    let loaded = async |text: &str| {
        std::fs::write(&path, text).unwrap();
        let loaded = GcpCredentials::File(path.clone()).load().await;
        loaded.map(drop).map_err(|fault| shown(&fault.about("cannot list", "acme")))
    };
    let federation = r#"{"type":"external_account","audience":"//iam.googleapis.com/p",
        "subject_token_type":"urn:ietf:params:oauth:token-type:jwt",
        "token_url":"https://sts.googleapis.com/v1/token",
        "credential_source":{"file":"/var/run/token"}}"#;
    let person = r#"{"type":"authorized_user","client_id":"a","client_secret":"b",
        "refresh_token":"c"}"#;
    let account = r#"{"type":"service_account","client_email":"a@b","private_key_id":"1",
        "private_key":"p","project_id":"p"}"#;
    for text in [federation, person, account] {
        assert_eq!(loaded(text).await, Ok(()));
    }
    let mut told = Vec::new();
    for text in ["{ \"private_key\": hunter2", "{}", r#"{"type":"hunter"}"#] {
        let error = loaded(text).await.unwrap_err();
        assert!(!error.contains("hunter2"), "{error}");
        told.push(error.replace(&path.display().to_string(), "FILE"));
    }
    std::fs::remove_file(&path).unwrap();
    let error = GcpCredentials::File(path.clone()).load().await.unwrap_err();
    let error = shown(&error.about("cannot list", "acme"));
    told.push(error.replace(&path.display().to_string(), "FILE"));
    insta::assert_snapshot!(told.join("\n"), @"
    Config: cannot list gs://acme: cannot use `FILE`: it is not JSON
      set `credentials_path` or `GOOGLE_APPLICATION_CREDENTIALS` to a key file, or run `gcloud auth application-default login`, or run where Google knows the machine's account
    Config: cannot list gs://acme: cannot use `FILE`: it has no `type`
      set `credentials_path` or `GOOGLE_APPLICATION_CREDENTIALS` to a key file, or run `gcloud auth application-default login`, or run where Google knows the machine's account
    Config: cannot list gs://acme: cannot use `FILE`: `hunter` is not a type of credentials it may have
      set `credentials_path` or `GOOGLE_APPLICATION_CREDENTIALS` to a key file, or run `gcloud auth application-default login`, or run where Google knows the machine's account
    Config: cannot list gs://acme: cannot use `FILE`: No such file or directory (os error 2)
      set `credentials_path` or `GOOGLE_APPLICATION_CREDENTIALS` to a key file, or run `gcloud auth application-default login`, or run where Google knows the machine's account
    ");
}

/// A key that cannot sign is found out about before anything is asked, and without a panic for
/// want of cryptography.
#[tokio::test]
async fn a_key_that_cannot_sign_stays_so() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("key.json");
    let key = r#"{"type":"service_account","client_email":"a@b","private_key_id":"1",
        "private_key":"-----BEGIN PRIVATE KEY-----\nhunter2=\n-----END PRIVATE KEY-----\n",
        "project_id":"p"}"#;
    std::fs::write(&path, key).unwrap();
    for error in all(&at("http://127.0.0.1:1", GcpCredentials::File(path))).await {
        assert_eq!(error.kind, BucketErrorKind::Config, "{error:?}");
        assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
    }
}
