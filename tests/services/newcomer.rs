//! The first mistakes with a destination: the wrong bucket, the wrong key, the wrong topic, the wrong password; what `check` says
//! of them, and what to do. Of an account they stand in `tests/it/program/newcomer.rs`.

use serde_json::Value;

use crate::binary::{Account, Home};
use crate::kafka::access::{Operation, allow};
use crate::kafka::cluster::Cluster;
use crate::{server, unique};

const SOURCE: &str = r#"
data_dir: state
sources:
  acme:
    type: zendesk
    endpoint: ${ZENDESK_BASE_URL}
    auth: { strategy: bearer, token: "${ZENDESK_BEARER_TOKEN}" }
    streams: [tickets]
    since: beginning
sinks:
  out:
    inputs: [acme]
"#;

/// A home with a config whose sink has these options.
fn home(options: &str) -> Home {
    let home = Home::new();
    let options: Vec<String> = options.lines().map(|it| format!("    {}", it.trim())).collect();
    home.write("zenstream.yaml", &format!("{SOURCE}{}\n", options.join("\n")));
    home
}

/// What is said of a sink with these options: the error and its hint. An address of the tests becomes `[server]`.
fn told(account: &Account, options: &str, server: &str) -> String {
    let (ok, said) = checked(account, options, server);
    assert!(!ok, "{said}");
    said
}

/// Whether such a sink passes its check, and what is said of it.
fn checked(account: &Account, options: &str, server: &str) -> (bool, String) {
    let home = home(options);
    let ended = home.zenstream("-q check -c zenstream.yaml --format json").at(account).run();
    if ended.code == Some(78) {
        return (false, ended.stderr.replace(server, "[server]"));
    }
    let findings: Vec<Value> = serde_json::from_str(&ended.stdout).expect("a list");
    let sink = findings.iter().find(|finding| finding["kind"] == "sink").expect("a sink");
    let text = |member: &str| sink[member].as_str().unwrap_or("none").to_owned();
    let said = format!("{}\nhint: {}", text("detail"), text("hint")).replace(server, "[server]");
    let is_ok = sink["ok"] == Value::Bool(true);
    assert!(is_ok || ended.code == Some(1), "{ended}");
    (is_ok, said)
}

/// How a run into a sink with these options ends.
fn run(account: &Account, options: &str, server: &str) -> String {
    let home = home(options);
    let ended = home.zenstream("-qq run -c zenstream.yaml --once").at(account).run();
    ended.last_words().replace(server, "[server]")
}

#[test]
fn a_bucket_that_is_wrong() {
    let Some(endpoint) = server("ZENSTREAM_TEST_S3_ENDPOINT") else { return };
    let variable = |name: &str| server(name).expect("set together");
    let key = variable("ZENSTREAM_TEST_S3_ACCESS_KEY");
    let secret = variable("ZENSTREAM_TEST_S3_SECRET_KEY");
    let account = Account::small();
    let of = |bucket: &str, key: &str, secret: &str| {
        let options = format!(
            "type: aws_s3
             bucket: {bucket}
             endpoint: {endpoint}
             region: us-east-1
             auth: {{ access_key_id: {key}, secret_access_key: {secret} }}
             key_prefix: x/"
        );
        told(&account, &options, &endpoint)
    };
    insta::assert_snapshot!(of("zenstream-never-made", &key, &secret), @"
    s3://zenstream-never-made: cannot be reached: answered 404 NoSuchBucket: The specified bucket does not exist
    hint: create the bucket, or correct `bucket` and `region`
    ");
    insta::assert_snapshot!(of("zenstream-never-made", &key, "wrong"), @"
    s3://zenstream-never-made: cannot be reached: answered 403 SignatureDoesNotMatch
    hint: the credentials are refused: correct them under `auth` or in the environment
    ");
    insta::assert_snapshot!(of("zenstream-never-made", "nobody", "wrong"), @"
    s3://zenstream-never-made: cannot be reached: answered 403 InvalidAccessKeyId
    hint: the credentials are refused: correct them under `auth` or in the environment
    ");
}

#[test]
fn a_topic_that_cannot_be() {
    let Some(brokers) = server("ZENSTREAM_TEST_KAFKA") else { return };
    let options = format!("type: kafka\nbootstrap_servers: {brokers}\ntopic: \"audit logs\"");
    insta::assert_snapshot!(told(&Account::small(), &options, &brokers), @"
    error: cannot read config `zenstream.yaml`: sinks.out.topic: `audit logs` is no name for a topic
    hint: a topic's name has letters, digits, `.`, `_` and `-`
    ");
}

#[test]
fn a_cluster_that_asks_who_we_are() {
    let Some(brokers) = server("ZENSTREAM_TEST_KAFKA_SASL") else { return };
    let user = server("ZENSTREAM_TEST_KAFKA_SASL_USER").expect("set together");
    let account = Account::small();
    let of = |sasl: &str| {
        let options = format!("type: kafka\nbootstrap_servers: {brokers}\ntopic: t\n{sasl}");
        told(&account, &options, &brokers)
    };
    let as_user = |mechanism: &str| {
        of(&format!(
            "sasl: {{ enabled: true, mechanism: {mechanism}, username: {user}, password: wrong }}"
        ))
    };
    for (said, hint) in [
        (of(""), "set `sasl` for one that asks who you are"),
        (as_user("SCRAM-SHA-512"), "check `sasl`: the user, the password and the `mechanism`"),
        (as_user("SCRAM-SHA-256"), "check `sasl`: the user, the password and the `mechanism`"),
    ] {
        // Before it stands what the client library heard, with times in it.
        assert!(said.contains(hint), "{said}");
    }
}

#[test]
fn brokers_that_are_not_there() {
    let account = Account::small();
    let of = |brokers: &str| {
        told(&account, &format!("type: kafka\nbootstrap_servers: {brokers}\ntopic: t"), brokers)
    };
    for said in [of("127.0.0.1:9"), of("zenstream-test.invalid:9092")] {
        assert!(said.contains("hint: check `bootstrap_servers`"), "{said}");
    }
}

#[test]
fn a_topic_of_another_name() {
    let Some(cluster) = Cluster::named() else { return };
    let (account, brokers) = (Account::small(), &cluster.servers);
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let topic = runtime.block_on(cluster.topic("meant", &[]));
    let options =
        |topic: &str| format!("type: kafka\nbootstrap_servers: {brokers}\ntopic: {topic}");
    let misspelt = topic.replace("meant", "maent");
    let (ok, said) = checked(&account, &options(&misspelt), brokers);
    // This cluster makes topics, so it would not even be an error.
    assert!(ok, "{said}");
    let said = said.replace(&topic, "[topic]").replace(&misspelt, "[misspelt]");
    insta::assert_snapshot!(said, @"
    [server] answers; there is no topic `[misspelt]` yet
    hint: did you mean `[topic]`? if the name is right, the cluster makes it with the first event
    ");
    assert!(!runtime.block_on(cluster.topics()).contains(&misspelt), "it was made by looking");
}

#[test]
fn a_topic_that_others_may_write_to() {
    let Some(plain) = Cluster::named() else { return };
    let Some(asking) = plain.with_sign_in() else { return };
    let variable = |name: &str| server(name).expect("set together");
    let user = variable("ZENSTREAM_TEST_KAFKA_SASL_USER");
    let password = variable("ZENSTREAM_TEST_KAFKA_SASL_PASSWORD");
    let (account, brokers) = (Account::small(), &asking.servers);
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let new = |user: &str, operation| {
        let topic = runtime.block_on(plain.topic("guarded", &[]));
        allow(&plain.servers, user, &topic, operation).then_some(topic)
    };
    let Some(hidden) = new("somebody", Operation::Write) else {
        return crate::skipped(
            "the brokers look at nobody's permissions: they were started before they did",
        );
    };
    let options = |topic: &str| {
        format!(
            "type: kafka
             bootstrap_servers: {brokers}
             topic: {topic}
             state_topic: zz-zenstream-state
             transactional_id: {}
             sasl: {{ enabled: true, mechanism: PLAIN, username: {user}, password: {password} }}",
            unique("id")
        )
    };
    let said = told(&account, &options(&hidden), brokers).replace(&hidden, "[topic]");
    insta::assert_snapshot!(said, @"
    cannot use the topic `[topic]` at [server]: TopicAuthorizationFailed (Broker: Topic authorization failed)
    hint: let the user describe the topic and write to it, or read it for `verify` (ACLs `Describe`, `Write`, `Read`); create it if it is not there
    ");
    let said = run(&account, &options(&hidden), brokers).replace(&hidden, "[topic]");
    insta::assert_snapshot!(said, @"
    exit code 1
    --- stderr
    error: sink `out`: cannot use the topic `[topic]` at [server]: TopicAuthorizationFailed (Broker: Topic authorization failed)
    hint: let the user describe the topic and write to it, or read it for `verify` (ACLs `Describe`, `Write`, `Read`); create it if it is not there
    ");
    let visible = new(&user, Operation::Describe).expect("as before");
    let (ok, said) = checked(&account, &options(&visible), brokers);
    assert!(ok, "{said}");
    let said = run(&account, &options(&visible), brokers).replace(&visible, "[topic]");
    insta::with_settings!({filters => vec![(r"\(after \d+ ms\)", "(after [time])")]}, {
        insta::assert_snapshot!(said, @"
    exit code 1
    --- stderr
    error: sink `out`: cannot write to one of the topics `[topic]`, `zz-zenstream-state`: Failed to add partition(s) to transaction on broker TxnCoordinator/1: Broker: Topic authorization failed (after [time])
    hint: let the user describe the topic and write to it, or read it for `verify` (ACLs `Describe`, `Write`, `Read`); create it if it is not there
    ");
    });
    let writable = new(&user, Operation::Write).expect("as before");
    let home = home(&options(&writable));
    home.zenstream("-q run -c zenstream.yaml --once").at(&account).run().well();
    let verify = "-q verify tickets --since beginning -c zenstream.yaml --sink out";
    let said = home.zenstream(verify).at(&account).run().last_words();
    let said = said.replace(brokers, "[server]").replace(&writable, "[topic]");
    insta::assert_snapshot!(said, @"
    exit code 1
    --- stderr
    error: cannot read the topic `[topic]`: TopicAuthorizationFailed (Broker: Topic authorization failed)
    hint: let the user describe the topic and write to it, or read it for `verify` (ACLs `Describe`, `Write`, `Read`); create it if it is not there
    ");
}

#[test]
fn a_google_bucket_that_is_not_there() {
    let Some(endpoint) = server("ZENSTREAM_TEST_GCS_ENDPOINT") else { return };
    let account = Account::small();
    let options = format!(
        "type: gcp_cloud_storage
         bucket: zenstream-never-made
         endpoint: {endpoint}
         key_prefix: x/"
    );
    insta::assert_snapshot!(told(&account, &options, &endpoint), @"
    cannot list gs://zenstream-never-made: 404: Not Found
    hint: make the bucket with `gcloud storage buckets create gs://zenstream-never-made`, or correct its name
    ");
    insta::assert_snapshot!(run(&account, &options, &endpoint), @"
    exit code 1
    --- stderr
    error: sink `out`: cannot list gs://zenstream-never-made: 404: Not Found
    hint: make the bucket with `gcloud storage buckets create gs://zenstream-never-made`, or correct its name
    ");
    let key = options.replace("bucket:", "credentials_path: nowhere.json\nbucket:");
    insta::assert_snapshot!(told(&account, &key, &endpoint), @"
    cannot list gs://zenstream-never-made: cannot use `nowhere.json`: No such file or directory (os error 2)
    hint: set `credentials_path` or `GOOGLE_APPLICATION_CREDENTIALS` to a key file, or run `gcloud auth application-default login`, or run where Google knows the machine's account
    ");
}

#[test]
fn an_azure_container_that_is_wrong() {
    let Some(endpoint) = server("ZENSTREAM_TEST_AZURE_ENDPOINT") else { return };
    let account = Account::small();
    let variable = |name: &str| server(name).expect("set together");
    let (name, key) =
        (variable("ZENSTREAM_TEST_AZURE_ACCOUNT"), variable("ZENSTREAM_TEST_AZURE_KEY"));
    let of = |access: &str| {
        let options = format!(
            "type: azure_blob
             container_name: zenstream-never-made
             blob_prefix: x/
             connection_string: \"AccountName={name};BlobEndpoint={endpoint};{access}\""
        );
        told(&account, &options, &endpoint)
    };
    insta::assert_snapshot!(of(&format!("AccountKey={key}")), @"
    cannot list [server]/zenstream-never-made: 404 ContainerNotFound: The specified container does not exist.
    hint: make the container with `az storage container create --name zenstream-never-made`, or correct its name
    ");
    insta::assert_snapshot!(of("AccountKey=d3Jvbmc="), @"
    cannot list [server]/zenstream-never-made: 403 AuthorizationFailure: Server failed to authenticate the request. Make sure the value of the Authorization header is formed correctly including the signature.
    hint: grant the identity the role `Storage Blob Data Contributor` on the container `zenstream-never-made`; of an account key or a signature, check that it is whole and has not expired, and that a signature allows to read, write, create and list
    ");
}

/// A shared access signature of the account, for what the letters allow.
/// <https://learn.microsoft.com/rest/api/storageservices/create-account-sas>
fn signature(name: &str, key: &str, may: &str) -> String {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD as BASE64;
    use hmac::{KeyInit as _, Mac as _};
    const UNTIL: &str = "2099-01-01T00:00:00Z";
    const VERSION: &str = "2018-11-09";
    let signed = format!("{name}\n{may}\nb\nco\n\n{UNTIL}\n\n\n{VERSION}\n");
    let key = BASE64.decode(key).expect("a key");
    let mut mac = hmac::Hmac::<sha2::Sha256>::new_from_slice(&key).expect("a key of any length");
    mac.update(signed.as_bytes());
    let signature = BASE64.encode(mac.finalize().into_bytes());
    url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs([("sv", VERSION), ("ss", "b"), ("srt", "co"), ("sp", may), ("se", UNTIL)])
        .append_pair("sig", &signature)
        .finish()
}

#[test]
fn a_signature_that_allows_too_little() {
    let Some(endpoint) = server("ZENSTREAM_TEST_AZURE_ENDPOINT") else { return };
    let account = Account::small();
    let variable = |name: &str| server(name).expect("set together");
    let (name, key) =
        (variable("ZENSTREAM_TEST_AZURE_ACCOUNT"), variable("ZENSTREAM_TEST_AZURE_KEY"));
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let container = unique("signed");
    runtime.block_on(crate::azure_blob::make(
        &variable("ZENSTREAM_TEST_AZURE_CONNECTION_STRING"),
        &container,
    ));
    let options = |may: &str| {
        let signature = signature(&name, &key, may);
        format!(
            "type: azure_blob
             container_name: {container}
             blob_prefix: x/
             connection_string: \"AccountName={name};BlobEndpoint={endpoint};SharedAccessSignature={signature}\""
        )
    };
    let mask = |said: String| said.replace(&container, "[container]");
    insta::assert_snapshot!(mask(told(&account, &options("w"), &endpoint)), @"
    cannot list [server]/[container]: 403 AuthorizationPermissionMismatch: This request is not authorized to perform this operation using this permission.
    hint: grant the identity the role `Storage Blob Data Contributor` on the container `[container]`; of an account key or a signature, check that it is whole and has not expired, and that a signature allows to read, write, create and list
    ");
    // Looking is allowed, which is all that a check does.
    let (ok, said) = checked(&account, &options("rl"), &endpoint);
    assert!(ok, "{said}");
    let said = mask(run(&account, &options("rl"), &endpoint));
    let (before, rest) = said.split_once("/x/").expect("the object's key");
    let (_, after) = rest.split_once(": ").expect("a reason");
    insta::assert_snapshot!(format!("{before}/x/[object]: {after}"), @"
    exit code 1
    --- stderr
    error: sink `out`: cannot put [server]/[container]/x/[object]: 403 AuthorizationPermissionMismatch: This request is not authorized to perform this operation using this permission.
    hint: grant the identity the role `Storage Blob Data Contributor` on the container `[container]`; of an account key or a signature, check that it is whole and has not expired, and that a signature allows to read, write, create and list
    ");
    home(&options("rwcl")).zenstream("-q run -c zenstream.yaml --once").at(&account).run().well();
}
