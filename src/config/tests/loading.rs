//! What loads, and as what.

use std::path::Path;
use std::time::Duration;

use super::*;
use crate::sinks::{Compression, Target};

fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[test]
fn every_default_is_filled_in() {
    let config = yaml(&with("", "")).unwrap();
    assert_eq!(config.data_dir, Path::new("/home/u/.local/state/zenstream"));
    let CheckpointConfig::File { path } = &config.checkpoint else { panic!("no file") };
    assert_eq!(path, Path::new("/home/u/.local/state/zenstream/checkpoint.json"));
    assert_eq!(config.proxy, ProxySettings::default());
    assert_eq!(config.api, None);
    let source = &config.sources[0];
    assert_eq!(source.endpoint.as_str(), "https://acme.zendesk.com/");
    assert_eq!(source.subdomain, "acme");
    let request = RequestConfig { timeout: secs(60), retry_attempts: 10, share: 0.8 };
    assert_eq!(source.request, request);
    let stream = &source.streams[0];
    assert_eq!(stream.since, Since::Ago(secs(24 * 3600)));
    assert_eq!(stream.poll_interval, secs(60));
    assert_eq!((stream.lag, stream.overlap), (secs(60), secs(900)));
    assert_eq!(stream.max_record_bytes, 10 << 20);
    assert_eq!(stream.silence_alert, Some(secs(24 * 3600)));
    let sink = &config.sinks[0];
    assert!(sink.acknowledgements && sink.healthcheck);
    assert_eq!(sink.encoder.metadata_key, None);
    assert!(matches!(sink.kind, SinkKind::Console { target: Target::Stdout }));
}

#[test]
fn a_silence_of_nothing_is_no_alert() {
    for (written, alert) in [("0", None), ("0.5", Some(Duration::from_millis(500)))] {
        let option = format!("    silence_alert_secs: {{ audit_logs: {written} }}");
        let config = yaml(&with(&option, ""));
        assert_eq!(config.unwrap().sources[0].streams[0].silence_alert, alert);
    }
}

const CONTRACT: &str = r"
data_dir: /var/lib/zenstream
checkpoint: { type: file, path: '${STATE_KEY:-/tmp/state.json}' }
acknowledgements: false
sources:
  acme:
    type: zendesk
    endpoint: https://acme.zendesk.com
    auth:
      strategy: oauth_client_credentials
      client_id: zenstream
      client_secret: ${ZENDESK_CLIENT_SECRET}
    streams: [tickets, 'audit_*', audit_logs]
    since: 2024-05-01
    poll_interval_secs: 0.5
    emit: records
    rate_limit: { share: 1 }
    request: { timeout_secs: 30, retry_attempts: 3 }
    stream_options:
      audit_logs:
        overlap_secs: 0
        lag_secs: 1.5
        filter: { source_type: account_setting, actor_id: [1, '2'] }
      tickets: { include: [metric_sets], exclude_deleted: true, since: beginning }
    silence_alert_secs: { audit_logs: 86400 }
sinks:
  archive:
    type: file
    inputs: ['acme.*', '*.rejected']
    path: '/srv/zendesk/{{ stream }}/date=%F.ndjson.gz'
    base_dir: /srv/zendesk
    compression: gzip
    acknowledgements: { enabled: true }
  out:
    type: console
    inputs: [acme.audit_logs]
    target: stderr
    healthcheck: { enabled: false }
    encoding: { codec: json, metadata_key: zendesk }
    framing: { method: newline_delimited }
transforms: {}
api: { enabled: true }
";

#[test]
fn what_the_contract_shows_loads_as_far_as_this_version_has_it() {
    let config = yaml_in(CONTRACT, &[("ZENDESK_CLIENT_SECRET", "s")]).unwrap();
    assert_eq!(config.checkpoint.to_string(), "/tmp/state.json");
    assert_eq!(config.api.unwrap().to_string(), "127.0.0.1:8686");
    let source = &config.sources[0];
    let names: Vec<_> = source.streams.iter().map(|stream| stream.spec.name).collect();
    assert_eq!(names, ["audit_logs", "tickets"]);
    assert!(
        matches!(&source.auth, AuthConfig::OauthClientCredentials { scope, .. } if scope == "read")
    );
    let [audit_logs, tickets] = source.streams.as_slice() else { panic!() };
    assert_eq!(audit_logs.since, Since::At("2024-05-01T00:00:00Z".parse().unwrap()));
    assert_eq!(audit_logs.poll_interval, Duration::from_millis(500));
    assert_eq!((audit_logs.overlap, audit_logs.lag), (Duration::ZERO, Duration::from_millis(1500)));
    let value = |text: &str| text.to_owned();
    let filter = vec![
        (value("actor_id"), vec![value("1"), value("2")]),
        (value("source_type"), vec![value("account_setting")]),
    ];
    assert_eq!(audit_logs.filter, filter);
    assert_eq!(audit_logs.silence_alert, Some(secs(86400)));
    assert_eq!(tickets.since, Since::Beginning);
    assert_eq!(
        (tickets.include.as_slice(), tickets.exclude_deleted),
        (&[value("metric_sets")][..], true)
    );
    let [archive, out] = config.sinks.as_slice() else { panic!() };
    assert_eq!(
        archive.inputs,
        ["acme.audit_logs", "acme.rejected", "acme.tickets", "out.rejected"]
    );
    assert!(archive.acknowledgements && !out.acknowledgements);
    let SinkKind::File(settings) = &archive.kind else { panic!() };
    assert_eq!(settings.compression, Compression::GZIP);
    assert_eq!(settings.idle_timeout, secs(30));
    assert!(matches!(out.kind, SinkKind::Console { target: Target::Stderr }));
    assert_eq!(out.encoder.metadata_key.as_deref(), Some("zendesk"));
    assert!(!out.healthcheck);
}

#[test]
fn each_strategy_takes_its_fields() {
    let auth = |text: &str| {
        let text = with("", "").replace("strategy: bearer, token: t", text);
        yaml(&text).unwrap().sources.remove(0).auth
    };
    assert!(matches!(auth("strategy: bearer, token: t"), AuthConfig::Bearer { .. }));
    assert!(matches!(
        auth("strategy: api_token, email: a@b, token: t"),
        AuthConfig::ApiToken { .. }
    ));
    assert!(matches!(auth("strategy: basic, user: u, password: p"), AuthConfig::Basic { .. }));
    let written =
        "strategy: oauth_client_credentials, client_id: i, client_secret: s, scope: 'a b'";
    let AuthConfig::OauthClientCredentials { scope, .. } = auth(written) else { panic!() };
    assert_eq!(scope, "a b");
}

#[test]
fn text_from_the_environment_is_read_as_the_type_that_is_expected() {
    let source = "    poll_interval_secs: ${POLL}
    rate_limit: { share: \"${SHARE}\" }
    request: { retry_attempts: \"${TRIES:-7}\" }
    stream_options: { audit_logs: { lag_secs: \"${LAG}\", filter: { source_id: \"${POLL}\" } } }";
    let sink = "    acknowledgements: ${ACK}\n    healthcheck: { enabled: \"${ACK}\" }";
    let variables = [("POLL", "42"), ("SHARE", "0.5"), ("LAG", " 1.5\n"), ("ACK", "false")];
    let config = yaml_in(&with(source, sink), &variables).unwrap();
    let source = &config.sources[0];
    assert_eq!((source.request.share, source.request.retry_attempts), (0.5, 7));
    assert_eq!(source.streams[0].poll_interval, secs(42));
    assert_eq!(source.streams[0].lag, Duration::from_millis(1500));
    assert_eq!(source.streams[0].filter, [("source_id".to_owned(), vec!["42".to_owned()])]);
    assert!(!config.sinks[0].acknowledgements && !config.sinks[0].healthcheck);
}

#[test]
fn a_variable_adds_no_structure_and_keys_are_left_alone() {
    let text = with("    since: ${X}", "");
    assert!(shown(yaml_in(&text, &[("X", "24h\n    emit: records")])).contains("`${X}` is not a"));
    let text = with("    streams: ${X}", "").replace("    streams: [audit_logs]\n", "");
    let list = shown(yaml_in(&text, &[("X", "[audit_logs]")]));
    assert!(list.starts_with("sources.acme.streams[0]: no stream is named `${X}`"), "{list}");
    let text = with("    ${X}: 1", "");
    assert!(shown(yaml_in(&text, &[("X", "since")])).contains("unknown field `${X}`"));
}

#[test]
fn the_environments_proxies_hold_where_the_config_has_none() {
    let variables = [("https_proxy", "u:hunter2@proxy:8080"), ("NO_PROXY", "localhost, .internal")];
    let proxy = yaml_in(&with("", ""), &variables).unwrap().proxy;
    assert_eq!(proxy.https, "http://u:hunter2@proxy:8080".parse().ok());
    assert_eq!(proxy.no_proxy, ["localhost", ".internal"]);
    assert!(!format!("{proxy:?}").contains("hunter2"));
    let text = format!("proxy: {{ http: 'http://p:1', no_proxy: [] }}\n{}", with("", ""));
    let proxy = yaml_in(&text, &variables).unwrap().proxy;
    assert_eq!(proxy.http, "http://p:1".parse().ok());
    assert!(proxy.https.is_some() && proxy.no_proxy.is_empty());
    let text = format!("proxy: {{ enabled: false, http: 'http://p:1' }}\n{}", with("", ""));
    assert_eq!(yaml_in(&text, &variables).unwrap().proxy, ProxySettings::default());
}

#[test]
fn data_dir_follows_the_xdg_specification() {
    let of = |variables: &[(&str, &str)]| yaml_in(&with("", ""), variables).unwrap().data_dir;
    assert_eq!(of(&[("XDG_STATE_HOME", "/state")]), Path::new("/state/zenstream"));
    let home = Path::new("/home/u/.local/state/zenstream");
    assert_eq!(of(&[("XDG_STATE_HOME", "relative")]), home);
    assert_eq!(of(&[("XDG_STATE_HOME", "")]), home);
    let text = format!("data_dir: here\n{}", with("", ""));
    assert_eq!(yaml(&text).unwrap().data_dir, Path::new("here"));
    insta::assert_snapshot!(shown(yaml_in(&with("", ""), &[("HOME", "")])), @"
    data_dir: is not set, and there is no home directory to keep state in
      hint: set `data_dir`
    ");
}

#[test]
fn an_input_is_a_name_or_a_glob_and_takes_what_was_rejected_only_when_it_says_so() {
    let outputs = |input: &str| {
        let text =
            with("", "").replace("[audit_logs]", "[audit_logs, tickets]").replace("[acme]", input);
        yaml(&text).map(|config| config.sinks[0].inputs.clone())
    };
    let all = ["acme.audit_logs", "acme.tickets"].map(str::to_owned).to_vec();
    let with_rejected = ["acme.audit_logs", "acme.rejected", "acme.tickets"].map(str::to_owned);
    for input in
        ["[acme]", "['acme.*']", "['*']", "['*audit*', '*t*', acme.tickets]", "['[a]cme.*']"]
    {
        assert_eq!(outputs(input), Ok(all.clone()), "{input}");
    }
    for input in ["[acme, acme.rejected]", "['*', '*.rejected']"] {
        assert_eq!(outputs(input), Ok(with_rejected.to_vec()), "{input}");
    }
}

#[test]
fn several_files_are_one_config_and_a_glob_stands_for_its_files() {
    let dir = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(dir.path().join(name), text).unwrap();
    let (source, sinks) =
        with("", "").split_once("sinks:").map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
    write("a.yaml", &format!("data_dir: /x\n{source}"));
    write("b.yml", &format!("data_dir: /x\nsinks:{sinks}"));
    write("c.toml", "[sinks.more]\ntype = 'console'\ninputs = ['*']\ntarget = 'stderr'\n");
    write("d.json", r#"{"acknowledgements": {"enabled": false}}"#);
    let path = |name: &str| dir.path().join(name);
    let none = environment(&[]);
    let config =
        load(&[path("a.yaml"), path("b.yml"), path("c.toml"), path("d.json")], &none).unwrap();
    let names: Vec<_> = config.sinks.iter().map(|sink| sink.name.as_str()).collect();
    assert_eq!(names, ["more", "out"]);
    assert!(!config.sinks[0].acknowledgements);
    assert_eq!(load(&[path("*")], &none).unwrap().sinks.len(), 2);
}

#[test]
fn each_example_loads() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("config-examples");
    let variables = environment(&[
        ("ZENDESK_SUBDOMAIN", "acme"),
        ("ZENDESK_CLIENT_ID", "id"),
        ("ZENDESK_CLIENT_SECRET", "secret"),
        ("ZENDESK_EMAIL", "a@example.com"),
        ("ZENDESK_API_TOKEN", "token"),
        ("ZENDESK_BASE_URL", "https://acme.zendesk.com"),
        ("S3_BUCKET", "acme-zendesk"),
        ("GCS_BUCKET", "acme-zendesk"),
        ("AZURE_STORAGE_CONNECTION_STRING", "AccountName=acme;AccountKey=a2V5"),
        ("KAFKA_PASSWORD", "password"),
        ("VECTOR_PASSWORD", "password"),
        ("SPLUNK_URL", "https://splunk.example.com:8088"),
        ("SPLUNK_HEC_TOKEN", "token"),
        ("ELASTICSEARCH_URL", "https://es.example.com:9200"),
        ("ELASTICSEARCH_API_KEY", "key"),
        ("SECOPS_PARENT", "projects/p/locations/us/instances/i"),
        ("SECOPS_FORWARDER", "f"),
        ("SECOPS_TOKEN", "token"),
        ("SECOPS_CUSTOMER", "01234567-89ab-cdef-0123-456789abcdef"),
        ("COLLECTOR_TOKEN", "token"),
        ("ZENDESK_SIGNING_SECRET", "secret"),
        ("REDACT_KEY", "0123456789abcdef"),
    ]);
    let mut count = 0;
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.to_string_lossy().ends_with(".vector.yaml") {
            // Vector's side of it.
            continue;
        }
        assert_eq!(shown(load(std::slice::from_ref(&path), &variables)), "accepted", "{path:?}");
        count += 1;
    }
    assert!(count >= 6);
}

#[test]
fn what_is_generated_loads() {
    let variables = environment(&[
        ("ZENDESK_SUBDOMAIN", "acme"),
        ("ZENDESK_CLIENT_ID", "id"),
        ("ZENDESK_CLIENT_SECRET", "secret"),
        ("HTTP_TOKEN", "token"),
        ("OTHER_1_SUBDOMAIN", "other"),
        ("ZENDESK_SIGNING_SECRET", "secret"),
        ("OTHER_1_CLIENT_ID", "id"),
        ("OTHER_1_CLIENT_SECRET", "secret"),
        ("S3_BUCKET", "acme-zendesk"),
        ("GCS_BUCKET", "acme-zendesk"),
        ("AZURE_CONTAINER", "zendesk"),
        ("AZURE_STORAGE_CONNECTION_STRING", "AccountName=acme;AccountKey=a2V5"),
    ]);
    for expression in [
        "zendesk//console",
        "zendesk//console,file",
        "zendesk//aws_s3",
        "zendesk//azure_blob,gcp_cloud_storage",
        "zendesk,other-1:zendesk//a:file,file,file",
        "zendesk//kafka",
        "zendesk//http,vector",
        "zendesk_webhook//file",
        "internal_logs,internal_metrics//console",
    ] {
        let text = generate(expression, SignIn::of_environment(&environment(&[]), None)).unwrap();
        let config = parse(&text, Format::Yaml, "c.yaml", &variables);
        assert_eq!(shown(config), "accepted", "{text}");
    }
}

#[test]
fn what_is_generated_signs_in_as_the_environment_can() {
    let acme = ("ZENDESK_SUBDOMAIN", "acme");
    let client = [("ZENDESK_CLIENT_ID", "id"), ("ZENDESK_CLIENT_SECRET", "secret")];
    let bearer = ("ZENDESK_BEARER_TOKEN", "token");
    let user = [("ZENDESK_EMAIL", "ann@example.com"), ("ZENDESK_API_TOKEN", "token")];
    let address = ("ZENDESK_BASE_URL", "http://127.0.0.1:8080");
    let cases: [(&[(&str, &str)], &str); 6] = [
        (&[acme, client[0], client[1], bearer], "oauth_client_credentials"),
        (&[acme, bearer, user[0], user[1]], "bearer"),
        (&[address, bearer], "bearer"),
        (&[acme, user[0], user[1]], "api_token"),
        (&[acme, client[0], user[0], user[1]], "api_token"),
        (&[acme, client[0]], "oauth_refresh_token"),
    ];
    for (variables, strategy) in cases {
        let variables = environment(variables);
        let text = generate("zendesk//console", SignIn::of_environment(&variables, None)).unwrap();
        assert!(text.contains(&format!("strategy: {strategy}\n")), "{text}");
        let config = parse(&text, Format::Yaml, "c.yaml", &variables);
        assert_eq!(shown(config), "accepted", "{text}");
    }
    let none = environment(&[]);
    for strategy in SignIn::STRATEGIES {
        let text = generate("zendesk//console", SignIn::of_environment(&none, Some(strategy)));
        assert!(text.unwrap().contains(&format!("strategy: {strategy}\n")), "{strategy}");
    }
    let text = generate("zendesk//console", SignIn::of_environment(&none, None)).unwrap();
    assert!(text.contains("strategy: oauth_client_credentials\n"), "{text}");
}

#[test]
fn what_cannot_be_generated_is_refused_with_a_hint() {
    let shown = |expression| {
        let sign_in = SignIn::of_environment(&environment(&[]), None);
        let error = generate(expression, sign_in).unwrap_err();
        format!("{error}; {}", error.hint().unwrap_or_default())
    };
    insta::assert_snapshot!(shown("zendesk/console"), @"cannot read `zendesk/console` as SOURCES/TRANSFORMS/SINKS; for example `zendesk//console,file`");
    insta::assert_snapshot!(shown("zendesk/lua/console"), @"unknown transform `lua`; this version has `enrich_actors`, `exclusive_route`, `filter`, `redact`, `remap`, `route`, `sample` and `throttle`");
    insta::assert_snapshot!(shown("zendesc//console"), @"unknown source `zendesc`; did you mean `zendesk`?");
    insta::assert_snapshot!(shown("zendesk//loki"), @"unknown sink `loki`; this version has `aws_s3`, `azure_blob`, `console`, `file`, `gcp_cloud_storage`, `http`, `kafka` and `vector`");
    insta::assert_snapshot!(shown("zendesk//"), @"there is no sink; this version has `aws_s3`, `azure_blob`, `console`, `file`, `gcp_cloud_storage`, `http`, `kafka` and `vector`");
    insta::assert_snapshot!(shown("a:zendesk//a:console"), @"`a` cannot be the name of a sink; a name is there once, and has letters, digits, `_` and `-`");
}

#[test]
fn a_variable_holds_a_list_with_commas() {
    let text = with("", "").replace("[audit_logs]", "'${RESOURCES:-tickets}'");
    let streams = |variables: &[(&str, &str)]| -> Vec<&str> {
        let source = yaml_in(&text, variables).unwrap().sources.remove(0);
        source.streams.iter().map(|stream| stream.spec.name).collect()
    };
    assert_eq!(streams(&[]), ["tickets"]);
    assert_eq!(
        streams(&[("RESOURCES", " incremental_tickets, audit_logs,")]),
        ["audit_logs", "tickets"]
    );
    insta::assert_snapshot!(shown(yaml_in(&text, &[("RESOURCES", "tickets,users_and_secrets")])), @"
    sources.acme.streams[1]: no stream is named `${RESOURCES:-tickets}`
      hint: `zenstream streams` shows all: `audit_logs`, `access_logs`, `tickets`, `ticket_events`, `ticket_audits`, `ticket_metrics` and 66 more
    ");
    insta::assert_snapshot!(shown(yaml_in(&text, &[("RESOURCES", " , ")])), @"
    sources.acme.streams: is empty
      hint: `*` for all, or some of those that `zenstream streams` shows
    ");
    let written = with("", "").replace("[audit_logs]", "audit_logs");
    insta::assert_snapshot!(shown(yaml(&written)), @"
    sources.acme.streams: expected a list, found the string `audit_logs`
      hint: put it in brackets: `[...]`
    ");
}

#[test]
fn a_variable_chooses_how_to_sign_in() {
    let nested = "strategy: '${AUTH_MODE:-token}', api_token: { email: '${EMAIL:-}', token: \
                  '${TOKEN:-}' }, bearer: { token: '${BEARER:-}' }";
    let text = with("", "").replace("strategy: bearer, token: t", nested);
    let auth = |variables: &[(&str, &str)]| {
        yaml_in(&text, variables).map(|mut config| config.sources.remove(0).auth)
    };
    let token = auth(&[("EMAIL", "a@b"), ("TOKEN", "t")]).unwrap();
    assert!(matches!(token, AuthConfig::ApiToken { email, .. } if email == "a@b"));
    let bearer = auth(&[("AUTH_MODE", "bearer"), ("BEARER", "t")]).unwrap();
    assert!(matches!(bearer, AuthConfig::Bearer { .. }));
    let refused = |variables: &[(&str, &str)]| shown(yaml_in(&text, variables));
    insta::assert_snapshot!(refused(&[("EMAIL", "a@b")]), @"sources.acme.auth.api_token.token: is empty");
    insta::assert_snapshot!(refused(&[("AUTH_MODE", "oauth")]), @"
    sources.acme.auth.strategy: unknown strategy `${AUTH_MODE:-token}`
      hint: did you mean `oauth_refresh_token`?
    ");
    insta::assert_snapshot!(refused(&[("AUTH_MODE", "basic")]), @"
    sources.acme.auth: missing field `basic`
      hint: it holds the fields of the strategy that was chosen
    ");
    let both = with("", "").replace("token: t", "token: t, bearer: { token: t }");
    insta::assert_snapshot!(shown(yaml(&both)), @"
    sources.acme.auth: `token` stands beside strategies
      hint: put it into the map of its strategy, such as `bearer`
    ");
}

#[test]
fn a_run_may_have_an_end_in_pages() {
    let environment = [("MAX_PAGES", "20"), ("EMPTY", "")];
    let pages = |text: &str| yaml_in(&format!("{text}\n{}", with("", "")), &environment);
    assert_eq!(pages("").unwrap().max_pages, None);
    assert_eq!(pages("max_pages: ${MAX_PAGES}").unwrap().max_pages, std::num::NonZeroU64::new(20));
    assert_eq!(pages("max_pages: ${EMPTY-20}").unwrap().max_pages, None);
    assert_eq!(pages("max_pages: ${UNSET-20}").unwrap().max_pages, std::num::NonZeroU64::new(20));
    insta::assert_snapshot!(shown(pages("max_pages: ''")), @"max_pages: expected a whole number, 1 or more, found the string ``");
    insta::assert_snapshot!(shown(pages("max_pages: 0")), @"max_pages: expected a whole number, 1 or more, found `0`");
}

#[test]
fn a_lease_is_taken_where_it_is_asked_for() {
    let lease =
        |checkpoint: &str| yaml(&format!("checkpoint: {{ type: {checkpoint} }}\n{}", with("", "")));
    let seconds = |checkpoint: &str| lease(checkpoint).unwrap().lease.map(|ttl| ttl.as_secs());
    let bucket = "aws_s3, region: r, bucket: acme, key: k";
    assert_eq!(yaml(&with("", "")).unwrap().lease, None);
    assert_eq!(seconds(bucket), None);
    assert_eq!(seconds("file, lease: { enabled: true }"), Some(30));
    assert_eq!(seconds("file, lease: { ttl_secs: 60 }"), None, "it is not enabled");
    assert_eq!(seconds(&format!("{bucket}, lease: {{ enabled: true, ttl_secs: 60 }}")), Some(60));
    let gcs = "gcp_cloud_storage, bucket: acme, key: k, lease: { enabled: true }";
    assert_eq!(seconds(gcs), Some(30));
    insta::assert_snapshot!(shown(lease("file, lease: { enabled: true, ttl_secs: 2 }")), @"
    checkpoint.lease.ttl_secs: must be from 3 to 3600 seconds
      hint: 30 is usual: after a crash another process goes on about that much later
    ");
    insta::assert_snapshot!(shown(lease("file, lease: { enabled: true, ttl: 30 }")), @"
    checkpoint.lease: unknown field `ttl`
      hint: did you mean `ttl_secs`?
    ");
    insta::assert_snapshot!(shown(lease("kafka, bootstrap_servers: 'k:9092', lease: { enabled: true }")), @"
    checkpoint: `lease` has no meaning for this type of checkpoint
      hint: leave it out: Kafka lets only the process that came last write
    ");
    let tokens = "strategy: oauth_refresh_token, client_id: me, \
                  token_store: { type: file, path: /t, lease: { enabled: true } }";
    let tokens = with("", "").replace("strategy: bearer, token: t", tokens);
    insta::assert_snapshot!(shown(yaml(&tokens)), @"
    sources.acme.auth.token_store: unknown field `lease`
      hint: known fields: `path` and `type`
    ");
}
