//! What is asked of S3, and what its answers mean, against a socket that answers as it is told.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use super::*;
use crate::tls::TlsSettings;

/// A store that gives its answers in turn, the last one for ever, and keeps what it was asked.
struct Store {
    bucket: AwsS3,
    asked: Arc<Mutex<Vec<String>>>,
    _serving: JoinSet<()>,
}

fn settings(endpoint: Option<&str>) -> AwsS3Settings {
    AwsS3Settings {
        bucket: "acme".to_owned(),
        region: Some("eu-central-1".to_owned()),
        endpoint: endpoint.map(|endpoint| endpoint.parse().unwrap()),
        force_path_style: true,
        auth: AwsAuth {
            source: AwsCredentials::Keys {
                access_key_id: "AKIDEXAMPLE".to_owned().into(),
                secret_access_key: "wJalrXUtnFEMI".to_owned().into(),
                session_token: None,
            },
            role: None,
            load_timeout: None,
        },
        tls: TlsSettings::default(),
        timeout: Duration::from_secs(5),
        checksums: Checksums::Auto,
        options: PutOptions::default(),
    }
}

fn answer(status: u16, headers: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "HTTP/1.1 {status} X\r\nconnection: close\r\ncontent-length: {length}\r\n{headers}\r\n{body}"
    )
}

/// An error in S3's form.
fn error(status: u16, code: &str, words: &str) -> String {
    let body = format!("<Error><Code>{code}</Code><Message>{words}</Message></Error>");
    answer(status, "content-type: application/xml\r\n", &body)
}

fn without_words(status: u16) -> String {
    answer(status, "", "")
}

async fn asked(socket: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes).to_lowercase();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            if body.len() >= length.map_or(0, |length| length.parse().unwrap()) {
                return String::from_utf8_lossy(&bytes).into_owned();
            }
        }
        if socket.read_buf(&mut bytes).await.unwrap() == 0 {
            return String::from_utf8_lossy(&bytes).into_owned();
        }
    }
}

async fn store_with(answers: Vec<String>, change: impl FnOnce(&mut AwsS3Settings)) -> Store {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut settings = settings(Some(&format!("http://{}", listener.local_addr().unwrap())));
    change(&mut settings);
    let requests = Arc::new(Mutex::new(Vec::new()));
    let (mut serving, seen) = (JoinSet::new(), Arc::clone(&requests));
    serving.spawn(async move {
        let mut answers = answers.into_iter().peekable();
        loop {
            let (mut socket, _) = listener.accept().await.unwrap();
            let request = asked(&mut socket).await;
            seen.lock().unwrap().push(request);
            let answer = answers.peek().unwrap().clone();
            if answers.len() > 1 {
                answers.next();
            }
            // Who asked may have gone.
            let _written = socket.write_all(answer.as_bytes()).await;
        }
    });
    let bucket = AwsS3::new(settings, ProxySettings::default());
    Store { bucket, asked: requests, _serving: serving }
}

async fn store<const N: usize>(answers: [String; N]) -> Store {
    store_with(answers.into(), |_| {}).await
}

impl Store {
    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

fn object() -> NewObject {
    NewObject {
        body: Bytes::from_static(b"{}\n"),
        content_type: "application/x-ndjson".to_owned(),
        content_encoding: Some("gzip".to_owned()),
        metadata: BTreeMap::from([("zenstream-count".to_owned(), "1".to_owned())]),
    }
}

fn shown(error: &BucketError) -> String {
    let hint = error.hint.as_deref().unwrap_or("none");
    format!("{:?}: {error}\nhint: {hint}", error.kind)
}

/// What a put is answered with, as an error.
async fn put_error(answer: String) -> String {
    let store = store([answer]).await;
    shown(&store.bucket.put("k", object(), Condition::Absent).await.unwrap_err())
}

async fn check_error<const N: usize>(answers: [String; N]) -> String {
    shown(&store(answers).await.bucket.check().await.unwrap_err())
}

#[tokio::test]
async fn a_put_says_what_must_hold_and_what_goes_beside_the_bytes() {
    let done = answer(200, "etag: \"v1\"\r\n", "");
    let store = store_with(vec![done], |settings| {
        settings.options = PutOptions {
            acl: Some("bucket-owner-full-control".to_owned()),
            server_side_encryption: Some("aws:kms".to_owned()),
            ssekms_key_id: Some("key-1".to_owned()),
            storage_class: Some("STANDARD_IA".to_owned()),
            tags: vec![("team".to_owned(), "a b&c".to_owned())],
            ..PutOptions::default()
        };
    })
    .await;
    let put = store.bucket.put("a b/c+d", object(), Condition::Absent).await.unwrap();
    assert_eq!(put, Put::Done(Version("\"v1\"".to_owned())));
    let version = Version("\"v1\"".to_owned());
    store.bucket.put("k", object(), Condition::Version(version)).await.unwrap();
    let [first, second] = store.asked().try_into().unwrap();
    for line in [
        "PUT /acme/a%20b/c%2Bd?x-id=PutObject HTTP/1.1",
        "if-none-match: *",
        "content-type: application/x-ndjson",
        "content-encoding: gzip",
        "content-length: 3",
        "x-amz-meta-zenstream-count: 1",
        "x-amz-acl: bucket-owner-full-control",
        "x-amz-server-side-encryption: aws:kms",
        "x-amz-server-side-encryption-aws-kms-key-id: key-1",
        "x-amz-storage-class: STANDARD_IA",
        "x-amz-tagging: team=a+b%26c",
    ] {
        assert!(first.lines().any(|found| found == line), "{line}\n{first}");
    }
    assert!(first.ends_with("\r\n\r\n{}\n"), "the body is sent as it is");
    assert!(second.lines().any(|line| line == "if-match: \"v1\""), "{second}");
}

#[tokio::test]
async fn checksums_go_to_another_store_only_when_asked_for() {
    for (checksums, there) in
        [(Checksums::Auto, false), (Checksums::Never, false), (Checksums::Always, true)]
    {
        let done = answer(200, "etag: \"v1\"\r\n", "");
        let store = store_with(vec![done], |settings| settings.checksums = checksums).await;
        store.bucket.put("k", object(), Condition::Absent).await.unwrap();
        let asked = store.asked().remove(0).to_lowercase();
        assert_eq!(asked.contains("x-amz-checksum-"), there, "{checksums:?}\n{asked}");
        assert!(!asked.contains("aws-chunked"), "{asked}");
    }
}

#[tokio::test]
async fn a_condition_that_does_not_hold_is_no_error() {
    let refused = error(412, "PreconditionFailed", "At least one of the pre-conditions failed");
    let there = store([refused]).await;
    assert_eq!(there.bucket.put("k", object(), Condition::Absent).await.unwrap(), Put::Refused);
    let replaces = || Condition::Version(Version("\"v1\"".to_owned()));
    let gone = store([error(404, "NoSuchKey", "The specified key does not exist.")]).await;
    assert_eq!(gone.bucket.put("k", object(), replaces()).await.unwrap(), Put::Refused);
    let no_bucket = store([error(404, "NoSuchBucket", "no")]).await;
    let error = no_bucket.bucket.put("k", object(), replaces()).await.unwrap_err();
    assert_eq!(error.kind, BucketErrorKind::Config);
}

#[tokio::test]
async fn an_object_is_absent_only_where_the_bucket_is_there() {
    let absent = store([without_words(404), without_words(200)]).await;
    assert_eq!(absent.bucket.head("k").await.unwrap(), None);
    let asked = absent.asked();
    assert!(
        asked[0].starts_with("HEAD /acme/k") && asked[1].starts_with("HEAD /acme"),
        "{asked:?}"
    );
    let no_bucket = store([
        without_words(404),
        without_words(404),
        error(404, "NoSuchBucket", "No such bucket."),
    ]);
    let found = no_bucket.await.bucket.head("k").await.unwrap_err();
    insta::assert_snapshot!(shown(&found), @"
    Config: s3://acme: cannot look for an object: answered 404 NoSuchBucket: No such bucket
    hint: create the bucket, or correct `bucket` and `region`
    ");
    let absent = store([error(404, "NoSuchKey", "no")]).await;
    assert_eq!(absent.bucket.get("k").await.unwrap(), None);
    assert_eq!(absent.asked().len(), 1);
    let no_bucket = store([error(404, "NoSuchBucket", "no")]).await;
    assert_eq!(no_bucket.bucket.get("k").await.unwrap_err().kind, BucketErrorKind::Config);
}

#[tokio::test]
async fn what_is_refused_for_good_says_what_to_do() {
    insta::assert_snapshot!(put_error(error(403, "AccessDenied", "User: arn:aws:iam::1:user/z is not authorized")).await, @"
    Config: s3://acme: cannot put an object: answered 403 AccessDenied: User: arn:aws:iam::1:user/z is not authorized
    hint: grant these credentials `s3:PutObject` on its objects
    ");
    insta::assert_snapshot!(put_error(error(501, "NotImplemented", "A header you provided implies functionality that is not implemented")).await, @"
    Config: s3://acme: cannot put an object: answered 501 NotImplemented: A header you provided implies functionality that is not implemented
    hint: the store must honour `If-None-Match` and `If-Match` on PUT; if it is about checksums, set `checksums: never`
    ");
    insta::assert_snapshot!(put_error(error(400, "InvalidRequest", "Content-MD5 OR x-amz-checksum- HTTP header is required")).await, @"
    Config: s3://acme: cannot put an object: answered 400 InvalidRequest: Content-MD5 OR x-amz-checksum- HTTP header is required
    hint: set `checksums: always`
    ");
    insta::assert_snapshot!(put_error(error(403, "SignatureDoesNotMatch", "wJalrXUtnFEMI is wrong")).await, @"
    Config: s3://acme: cannot put an object: answered 403 SignatureDoesNotMatch
    hint: the credentials are refused: correct them under `auth` or in the environment
    ");
    insta::assert_snapshot!(put_error(error(400, "ExpiredToken", "The provided token has expired.")).await, @"
    Config: s3://acme: cannot put an object: answered 400 ExpiredToken
    hint: the credentials are no longer good: get new ones
    ");
}

#[tokio::test]
async fn a_check_asks_for_the_words_that_an_answer_to_head_cannot_have() {
    insta::assert_snapshot!(check_error([without_words(403), error(403, "AccessDenied", "Access Denied")]).await, @"
    Config: s3://acme: cannot be reached: answered 403 AccessDenied: Access Denied
    hint: grant these credentials `s3:ListBucket` on the bucket
    ");
    insta::assert_snapshot!(check_error([without_words(403), error(403, "InvalidAccessKeyId", "AKIDEXAMPLE is not known")]).await, @"
    Config: s3://acme: cannot be reached: answered 403 InvalidAccessKeyId
    hint: the credentials are refused: correct them under `auth` or in the environment
    ");
    let moved = answer(301, "x-amz-bucket-region: us-west-2\r\n", "");
    insta::assert_snapshot!(check_error([moved]).await, @"
    Config: s3://acme: cannot be reached: answered 301
    hint: set `region: us-west-2`
    ");
    let malformed = "<Error><Code>AuthorizationHeaderMalformed</Code><Message>the region \
        'eu-central-1' is wrong; expecting 'us-west-2'</Message><Region>us-west-2</Region></Error>";
    insta::assert_snapshot!(check_error([without_words(400), answer(400, "", malformed)]).await, @"
    Config: s3://acme: cannot be reached: answered 400 AuthorizationHeaderMalformed: the region 'eu-central-1' is wrong; expecting 'us-west-2'
    hint: set `region: us-west-2`
    ");
    let denied = store([without_words(403), without_words(200)]).await;
    insta::assert_snapshot!(shown(&denied.bucket.head("k").await.unwrap_err()), @"
    Config: s3://acme: cannot look for an object: answered 403
    hint: grant these credentials `s3:GetObject` on its objects, and `s3:ListBucket` on the bucket, without which a missing object is answered so, too
    ");
}

#[tokio::test]
async fn what_may_pass_is_tried_again_by_others_and_once_here() {
    for (status, code) in [
        (503, "SlowDown"),
        (500, "InternalError"),
        (409, "ConditionalRequestConflict"),
        (400, "RequestTimeout"),
        (429, "TooManyRequests"),
        (403, "RequestTimeTooSkewed"),
    ] {
        let store = store([error(status, code, "busy")]).await;
        let found = store.bucket.put("k", object(), Condition::Absent).await.unwrap_err();
        assert_eq!(found.kind, BucketErrorKind::Retry, "{code}");
        assert_eq!(store.asked().len(), 1, "{code}");
    }
    insta::assert_snapshot!(put_error(error(403, "RequestTimeTooSkewed", "The difference between the request time and the current time is too large.")).await, @"
    Retry: s3://acme: cannot put an object: answered 403 RequestTimeTooSkewed: The difference between the request time and the current time is too large
    hint: set the clock of this machine
    ");
    // A proxy in between that answers for itself.
    let html = answer(502, "content-type: text/html\r\n", "<html>Bad Gateway</html>");
    assert!(
        put_error(html).await.starts_with("Retry: s3://acme: cannot put an object: answered 502")
    );
}

#[tokio::test]
async fn a_store_that_is_away_or_silent_may_come_back() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let mut silent = settings(Some(&endpoint));
    silent.timeout = Duration::from_millis(200);
    let found = AwsS3::new(silent, ProxySettings::default()).check().await.unwrap_err();
    assert_eq!(found.kind, BucketErrorKind::Retry, "{found}");
    assert_eq!(found.message, "s3://acme: cannot be reached: no answer within the time limit");
    drop(listener);
    let away = AwsS3::new(settings(Some(&endpoint)), ProxySettings::default());
    let found = away.check().await.unwrap_err();
    assert_eq!(found.kind, BucketErrorKind::Retry, "{found}");
    assert!(found.message.contains("Connection refused"), "{found}");
}

#[tokio::test]
async fn a_body_that_stops_halfway_is_no_object() {
    let cut =
        "HTTP/1.1 200 X\r\nconnection: close\r\netag: \"v1\"\r\ncontent-length: 9\r\n\r\nhalf";
    let found = store([cut.to_owned()]).await.bucket.get("k").await.unwrap_err();
    insta::assert_snapshot!(shown(&found), @"
    Retry: s3://acme: cannot read an object: it was cut off or damaged on the way
    hint: none
    ");
}

#[tokio::test]
async fn credentials_that_are_not_there_are_named() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("credentials");
    std::fs::write(&file, "[other]\naws_access_key_id = a\naws_secret_access_key = b\n").unwrap();
    let profile = |settings: &mut AwsS3Settings| {
        settings.auth.source = AwsCredentials::Profile {
            credentials_file: Some(file.clone()),
            profile: "acme".to_owned(),
        };
    };
    let store = store_with(vec![without_words(200)], profile).await;
    let found = store.bucket.check().await.unwrap_err();
    let found = shown(&found).replace(&file.display().to_string(), "FILE");
    insta::assert_snapshot!(found, @"
    Config: s3://acme: cannot be reached: there are no credentials
    hint: looked for in the profile `acme` of `FILE`
    ");
    std::fs::write(&file, "[acme]\naws_access_key_id = a\naws_secret_access_key = b\n").unwrap();
    let store = store_with(vec![without_words(200)], profile).await;
    store.bucket.check().await.unwrap();
    assert!(store.asked().remove(0).contains("Credential=a/"), "of the profile");
}

#[tokio::test]
async fn certificates_that_cannot_be_read_are_an_error() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("ca.pem");
    let check = async || {
        let mut settings = settings(Some("https://127.0.0.1:1"));
        settings.tls.ca_file = Some(file.clone());
        let found = AwsS3::new(settings, ProxySettings::default()).check().await.unwrap_err();
        shown(&found).replace(&file.display().to_string(), "FILE")
    };
    insta::assert_snapshot!(check().await, @"
    Config: s3://acme: cannot use the certificates in `FILE`: No such file or directory (os error 2)
    hint: set `tls.ca_file` to a file of certificates in PEM
    ");
    std::fs::write(&file, "no certificate\n").unwrap();
    insta::assert_snapshot!(check().await, @"
    Config: s3://acme: cannot use the certificates in `FILE`: there are none
    hint: set `tls.ca_file` to a file of certificates in PEM
    ");
    std::fs::write(&file, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
        .unwrap();
    insta::assert_snapshot!(check().await, @"
    Config: s3://acme: cannot use the certificates in `FILE`: they cannot be read
    hint: set `tls.ca_file` to a file of certificates in PEM
    ");
}

#[test]
fn no_credential_can_be_printed() {
    let shown = format!("{:?}", AwsS3::new(settings(None), ProxySettings::default()));
    assert!(!shown.contains("AKIDEXAMPLE") && !shown.contains("wJalrXUtnFEMI"), "{shown}");
}
