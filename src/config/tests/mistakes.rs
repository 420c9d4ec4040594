//! What each mistake is answered with: where, what, and what to do.

use super::*;

/// What a source with `more` in it is answered with.
fn source(more: &str) -> String {
    shown(yaml(&with(&format!("    {more}"), "")))
}

/// What a sink with `more` in it is answered with.
fn sink(more: &str) -> String {
    shown(yaml(&with("", &format!("    {more}"))))
}

/// What a config with `more` at its top is answered with.
fn top(more: &str) -> String {
    shown(yaml(&format!("{more}\n{}", with("", ""))))
}

/// What the config is answered with when `old` is `new`.
fn swapped(old: &str, new: &str) -> String {
    let text = with("", "");
    assert!(text.contains(old), "{old}");
    shown(yaml(&text.replace(old, new)))
}

/// A file sink with `more` in it.
fn file(more: &str) -> String {
    swapped("type: console", &format!("type: file\n    {more}"))
}

#[test]
fn an_unknown_field_is_answered_with_the_closest_or_with_all() {
    insta::assert_snapshot!(swapped("inputs: [acme]", "inptus: [acme]"), @"");
    insta::assert_snapshot!(source("request: { timeout: 3 }"), @"");
    insta::assert_snapshot!(source("rate_limit: { percentage: 3 }"), @"");
    insta::assert_snapshot!(top("sink: {}"), @"");
    insta::assert_snapshot!(swapped("token: t", "tokn: t"), @"");
}

#[test]
fn an_unknown_word_is_answered_with_the_closest_or_with_all() {
    insta::assert_snapshot!(swapped("type: console", "type: consol"), @"");
    insta::assert_snapshot!(swapped("type: zendesk", "type: salesforce"), @"");
    insta::assert_snapshot!(swapped("    type: zendesk\n", ""), @"");
    insta::assert_snapshot!(swapped("strategy: bearer", "strategy: api_tokn"), @"");
    insta::assert_snapshot!(swapped("strategy: bearer, ", ""), @"");
    insta::assert_snapshot!(sink("target: stdin"), @"");
    insta::assert_snapshot!(top("checkpoint: { type: fiel }"), @"");
}

#[test]
fn an_unknown_stream_or_input_is_answered_with_the_closest_or_with_all() {
    insta::assert_snapshot!(swapped("[audit_logs]", "[audit_logs, ticket]"), @"");
    insta::assert_snapshot!(swapped("[audit_logs]", "['x*']"), @"");
    insta::assert_snapshot!(swapped("[audit_logs]", "[]"), @"");
    insta::assert_snapshot!(swapped("[acme]", "[acme.audit_log]"), @"");
    insta::assert_snapshot!(swapped("[acme]", "[acne]"), @"");
    insta::assert_snapshot!(swapped("[acme]", "[acme, 'remap*']"), @"");
    insta::assert_snapshot!(swapped("[acme]", "[]"), @"");
    insta::assert_snapshot!(swapped("[acme]", "['[']"), @"");
    insta::assert_snapshot!(swapped("[audit_logs]", "['*']").replace("accepted", ""), @"");
    insta::assert_snapshot!(swapped("[acme]", "[acme.rejected]"), @"");
}

#[test]
fn what_vector_has_and_this_version_has_not_is_refused_by_name() {
    insta::assert_snapshot!(top("transforms: { ecs: { type: remap, inputs: [acme] } }"), @"");
    insta::assert_snapshot!(top("timezone: local"), @"");
    insta::assert_snapshot!(top("api: { enabled: true, address: 127.0.0.1:8686 }"), @"");
    insta::assert_snapshot!(top("checkpoint: { type: aws_s3, bucket: b }"), @"");
    insta::assert_snapshot!(source("emit: pages"), @"");
    insta::assert_snapshot!(swapped("strategy: bearer", "strategy: oauth_refresh_token"), @"");
    insta::assert_snapshot!(sink("buffer: { type: disk }"), @"");
    insta::assert_snapshot!(sink("encoding: { codec: text }"), @"");
    insta::assert_snapshot!(sink("encoding: { only_fields: [id] }"), @"");
    insta::assert_snapshot!(sink("framing: { method: bytes }"), @"");
    insta::assert_snapshot!(sink("healthcheck: { timeout: 3 }"), @"");
    insta::assert_snapshot!(file("path: x\n    compression: zstd"), @"");
    for kind in ["aws_s3", "gcp_cloud_storage", "azure_blob", "kafka", "http", "vector"] {
        let shown = swapped("type: console", &format!("type: {kind}"));
        let expected = format!(
            "sinks.out.type: `{kind}` is not available in this version\n  \
             hint: this version has `console` and `file`\n"
        );
        assert_eq!(shown, expected);
    }
}

#[test]
fn a_value_of_another_type_is_answered_with_what_is_expected() {
    insta::assert_snapshot!(source("poll_interval_secs: soon"), @"");
    insta::assert_snapshot!(source("poll_interval_secs: '60'"), @"");
    insta::assert_snapshot!(source("poll_interval_secs: -1"), @"");
    insta::assert_snapshot!(source("poll_interval_secs: .nan"), @"");
    insta::assert_snapshot!(source("poll_interval_secs: 1e300"), @"");
    insta::assert_snapshot!(source("max_record_bytes: 1.5"), @"");
    insta::assert_snapshot!(source("max_record_bytes: 0"), @"");
    insta::assert_snapshot!(source("request: { retry_attempts: -1 }"), @"");
    insta::assert_snapshot!(source("request: { timeout_secs: 0 }"), @"");
    insta::assert_snapshot!(source("request: 60"), @"");
    insta::assert_snapshot!(source("rate_limit: { share: 1.5 }"), @"");
    insta::assert_snapshot!(source("rate_limit: { share: 0 }"), @"");
    insta::assert_snapshot!(source("since: yesterday"), @"");
    insta::assert_snapshot!(swapped("[audit_logs]", "audit_logs"), @"");
    insta::assert_snapshot!(swapped("[audit_logs]", "[1]"), @"");
    insta::assert_snapshot!(swapped("token: t", "token: ''"), @"");
    insta::assert_snapshot!(swapped("token: t", "token: 1"), @"");
    insta::assert_snapshot!(sink("acknowledgements: maybe"), @"");
    insta::assert_snapshot!(top("sources: []").replace("c.yaml", ""), @"");
    insta::assert_snapshot!(swapped("type: console", "type: [console]"), @"");
}

#[test]
fn an_account_is_told_once_and_safely() {
    insta::assert_snapshot!(swapped("subdomain: acme", "subdomain: acme.zendesk.com"), @"");
    insta::assert_snapshot!(swapped("    subdomain: acme\n", ""), @"");
    insta::assert_snapshot!(source("endpoint: https://acme.zendesk.com"), @"");
    insta::assert_snapshot!(swapped("subdomain: acme", "endpoint: http://acme.zendesk.com"), @"");
    insta::assert_snapshot!(swapped("subdomain: acme", "endpoint: https://acme.zendesk.com/api/v2"), @"");
    insta::assert_snapshot!(swapped("subdomain: acme", "endpoint: https://u:p@acme.zendesk.com"), @"");
    insta::assert_snapshot!(swapped("strategy: bearer, token: t", "strategy: api_token, email: a@b/token, token: t"), @"");
}

#[test]
fn an_option_that_a_stream_cannot_follow_is_refused() {
    let option = |stream: &str, option: &str| {
        let more = format!("    stream_options: {{ {stream}: {{ {option} }} }}");
        shown(yaml(&with(&more, "").replace("[audit_logs]", "['*']")))
    };
    insta::assert_snapshot!(option("tickets", "overlap_secs: 9"), @"");
    insta::assert_snapshot!(option("tickets", "filter: { status: open }"), @"");
    insta::assert_snapshot!(option("audit_logs", "include: [users]"), @"");
    insta::assert_snapshot!(option("audit_logs", "filter: { sourcetype: user }"), @"");
    insta::assert_snapshot!(option("audit_logs", "filter: { source_type: [] }"), @"");
    insta::assert_snapshot!(option("audit_logs", "since: 1y"), @"");
    insta::assert_snapshot!(option("tickets", "include: ['a b']"), @"");
    insta::assert_snapshot!(option("ticket", "lag_secs: 1"), @"");
    insta::assert_snapshot!(source("stream_options: { tickets: {} }"), @"");
    insta::assert_snapshot!(source("silence_alert_secs: { tickets: 1 }"), @"");
    insta::assert_snapshot!(source("silence_alert_secs: { audit_logs: 0 }"), @"");
}

#[test]
fn a_file_sink_has_a_place_of_its_own() {
    insta::assert_snapshot!(file(""), @"");
    insta::assert_snapshot!(file("path: '{{ stream }}.ndjson'"), @"");
    insta::assert_snapshot!(file("path: 'out/../x'"), @"");
    insta::assert_snapshot!(file("path: 'out/{{ strem }}'"), @"");
    insta::assert_snapshot!(file("path: 'out/%!'"), @"");
    insta::assert_snapshot!(file("path: /a/x\n    base_dir: /b"), @"");
    insta::assert_snapshot!(file("path: x\n    inputs: [acme]\n  more:\n    type: file\n    path: ./x"), @"");
}

#[test]
fn components_have_names_of_their_own() {
    insta::assert_snapshot!(swapped("  out:", "  acme:"), @"");
    insta::assert_snapshot!(swapped("  out:", "  a.b:"), @"");
    insta::assert_snapshot!(shown(yaml("{}")), @"");
    insta::assert_snapshot!(shown(yaml("")), @"");
}

#[test]
fn every_problem_is_reported_at_once() {
    let text = "
tests: []
sources:
  a: { type: zendesk, subdomain: a b, streams: [tickes], auth: { strategy: bearer } }
  b: { type: zendesk, auth: { strategy: bearer, token: x } }
sinks:
  x: { type: kafka }
  y: { type: console, inputs: [a], target: x }
";
    insta::assert_snapshot!(shown(yaml(text)), @"");
}

#[test]
fn each_problem_names_the_file_it_is_in() {
    let dir = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(dir.path().join(name), text).unwrap();
    let shown = |names: &[&str]| {
        let paths: Vec<PathBuf> = names.iter().map(|name| dir.path().join(name)).collect();
        shown(load(&paths, &environment(&[]))).replace(&format!("{}/", dir.path().display()), "")
    };
    write("a.yaml", &with("", ""));
    write("same.toml", "[sinks.out]\ntype = 'console'\ninputs = ['acme']\n");
    write(
        "bad.json",
        r#"{"sinks": {"two": {"type": "console", "inputs": ["acme"], "x": 1}}, "y": 1}"#,
    );
    write("broken.yaml", "sources: [");
    write("dir1.yaml", "data_dir: /x");
    write("dir2.yaml", "data_dir: /y");
    write("config", "");
    insta::assert_snapshot!(shown(&["a.yaml", "same.toml"]), @"");
    insta::assert_snapshot!(shown(&["a.yaml", "bad.json"]), @"");
    insta::assert_snapshot!(shown(&["broken.yaml", "missing.yaml", "config"]), @"");
    insta::assert_snapshot!(shown(&["a.yaml", "dir1.yaml", "dir2.yaml"]), @"");
    insta::assert_snapshot!(shown(&["*.yml"]), @"");
    insta::assert_snapshot!(shown(&[]), @"");
}
