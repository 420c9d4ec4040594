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
    insta::assert_snapshot!(swapped("inputs: [acme]", "inptus: [acme]"), @"
    sinks.out: unknown field `inptus`
      hint: did you mean `inputs`?
    sinks.out: missing field `inputs`
    ");
    insta::assert_snapshot!(source("request: { timeout: 3 }"), @"
    sources.acme.request: unknown field `timeout`
      hint: did you mean `timeout_secs`?
    ");
    insta::assert_snapshot!(source("rate_limit: { percentage: 3 }"), @"
    sources.acme.rate_limit: unknown field `percentage`
      hint: known fields: `share`
    ");
    insta::assert_snapshot!(top("sink: {}"), @"
    unknown field `sink`
      hint: did you mean `sinks`?
    ");
    insta::assert_snapshot!(swapped("token: t", "tokn: t"), @"
    sources.acme.auth: unknown field `tokn`
      hint: did you mean `token`?
    ");
}

#[test]
fn an_unknown_word_is_answered_with_the_closest_or_with_all() {
    insta::assert_snapshot!(swapped("type: console", "type: consol"), @"
    sinks.out.type: unknown type `consol`
      hint: did you mean `console`?
    ");
    insta::assert_snapshot!(swapped("type: zendesk", "type: salesforce"), @"
    sources.acme.type: unknown type `salesforce`
      hint: this version has `zendesk`, `zendesk_webhook`, `internal_logs` and `internal_metrics`
    ");
    insta::assert_snapshot!(swapped("    type: zendesk\n", ""), @"
    sources.acme: missing field `type`
      hint: this version has `zendesk`, `zendesk_webhook`, `internal_logs` and `internal_metrics`
    ");
    insta::assert_snapshot!(swapped("strategy: bearer", "strategy: api_tokn"), @"
    sources.acme.auth.strategy: unknown strategy `api_tokn`
      hint: did you mean `api_token`?
    ");
    insta::assert_snapshot!(swapped("strategy: bearer, ", ""), @"
    sources.acme.auth: missing field `strategy`
      hint: this version has `oauth_client_credentials`, `oauth_refresh_token`, `bearer`, `api_token` and `basic`
    ");
    insta::assert_snapshot!(sink("target: stdin"), @"
    sinks.out.target: unknown target `stdin`
      hint: this version has `stdout` and `stderr`
    ");
    insta::assert_snapshot!(top("checkpoint: { type: fiel }"), @"
    checkpoint.type: unknown type `fiel`
      hint: did you mean `file`?
    ");
}

#[test]
fn an_unknown_stream_or_input_is_answered_with_the_closest_or_with_all() {
    insta::assert_snapshot!(swapped("[audit_logs]", "[audit_logs, ticket]"), @"
    sources.acme.streams[1]: no stream is named `ticket`
      hint: did you mean `tickets`?
    ");
    insta::assert_snapshot!(swapped("[audit_logs]", "['x*']"), @"
    sources.acme.streams[0]: no stream is named `x*`
      hint: `zenstream streams` shows all: `audit_logs`, `access_logs`, `tickets`, `ticket_events`, `ticket_audits`, `ticket_metrics` and 66 more
    ");
    insta::assert_snapshot!(swapped("[audit_logs]", "[]"), @"
    sources.acme.streams: is empty
      hint: `*` for all, or some of those that `zenstream streams` shows
    ");
    insta::assert_snapshot!(swapped("[acme]", "[acme.audit_log]"), @"
    sinks.out.inputs[0]: no output matches `acme.audit_log`
      hint: did you mean `acme.audit_logs`?
    ");
    insta::assert_snapshot!(swapped("[acme]", "[acne]"), @"
    sinks.out.inputs[0]: no output matches `acne`
      hint: did you mean `acme`?
    ");
    insta::assert_snapshot!(swapped("[acme]", "[acme, 'remap*']"), @"
    sinks.out.inputs[1]: no output matches `remap*`
      hint: the outputs are `acme.audit_logs`, `acme.rejected`, `out.rejected` and `acme`
    ");
    insta::assert_snapshot!(swapped("[acme]", "[]"), @"
    sinks.out.inputs: is empty
      hint: name a source, or `*` for all
    ");
    insta::assert_snapshot!(swapped("[acme]", "['[']"), @"sinks.out.inputs[0]: `[` is not a glob: invalid range pattern");
    insta::assert_snapshot!(swapped("[acme]", "[acme.rejected]"), @"
    sources.acme.streams: no sink takes `acme.audit_logs`
      hint: add it to a sink's `inputs`, or leave it out of `streams`
    ");
}

#[test]
fn what_vector_has_and_this_version_has_not_is_refused_by_name() {
    insta::assert_snapshot!(top("timezone: local"), @"
    `timezone` is not available in this version
      hint: leave it out: times are in UTC; a `remap` has a `timezone` of its own
    ");
    insta::assert_snapshot!(top("checkpoint: { type: redis }"), @"
    checkpoint.type: unknown type `redis`
      hint: this version has `file`, `aws_s3`, `gcp_cloud_storage` and `kafka`
    ");
    insta::assert_snapshot!(swapped("strategy: bearer", "strategy: custom"), @"
    sources.acme.auth.strategy: `custom` is not available in this version
      hint: this version has `oauth_client_credentials`, `oauth_refresh_token`, `bearer`, `api_token` and `basic`
    ");
    insta::assert_snapshot!(sink("buffer: { type: disk, max_size: 268435488, when_full: block }"), @"
    sinks.out.buffer.type: `disk` is not available in this version
      hint: leave it out: what is not delivered yet is not behind the checkpoint, and is read again after a restart
    ");
    insta::assert_snapshot!(sink("buffer: [{ type: memory, max_events: 9, when_full: overflow }, { type: disk, max_size: 268435488 }]"), @"
    sinks.out.buffer[1].type: `disk` is not available in this version
      hint: leave it out: what is not delivered yet is not behind the checkpoint, and is read again after a restart
    ");
    insta::assert_snapshot!(sink("buffer: [{ type: memory }, { type: memory }]"), @"
    sinks.out.buffer: must be one buffer
      hint: for example `buffer: { max_events: 500, when_full: block }`
    ");
    insta::assert_snapshot!(sink("buffer: [{ type: memory, max_events: 9 }]"), @"accepted");
    insta::assert_snapshot!(sink("encoding: { codec: json, timestamp_format: unix_ms }"), @"
    sinks.out.encoding.timestamp_format: has no effect without `metadata_key` or `template`
      hint: leave it out: an event's own times stay as Zendesk sent them; it is for times that these two add
    ");
    insta::assert_snapshot!(sink("encoding: { codec: json, timestamp_format: rfc3339 }"), @"accepted");
    insta::assert_snapshot!(sink("encoding: { codec: json, timestamp_format: unix_ms, metadata_key: z }"), @"accepted");
    insta::assert_snapshot!(sink("encoding: { codec: text }"), @"
    sinks.out.encoding.codec: `text` is not available in this version
      hint: this version has `json`
    ");
    insta::assert_snapshot!(sink("healthcheck: { timeout: 3 }"), @"
    sinks.out.healthcheck: `timeout` is not available in this version
      hint: leave it out
    ");
    insta::assert_snapshot!(file("path: x\n    compression: snappy"), @"
    sinks.out.compression: `snappy` is not available in this version
      hint: this version has `none`, `gzip`, `zlib` and `zstd`
    ");
    for kind in ["socket", "elasticsearch"] {
        let shown = swapped("type: console", &format!("type: {kind}"));
        let expected = format!(
            "sinks.out.type: `{kind}` is not available in this version\n  \
             hint: this version has `aws_s3`, `azure_blob`, `console`, `file`, \
             `gcp_cloud_storage`, `http`, `kafka` and `vector`\n"
        );
        assert_eq!(shown, expected);
    }
}

#[test]
fn a_value_of_another_type_is_answered_with_what_is_expected() {
    insta::assert_snapshot!(source("poll_interval_secs: soon"), @"sources.acme.poll_interval_secs: expected a number, found the string `soon`");
    insta::assert_snapshot!(source("poll_interval_secs: '60'"), @"sources.acme.poll_interval_secs: expected a number, found the string `60`");
    insta::assert_snapshot!(source("poll_interval_secs: -1"), @"sources.acme.poll_interval_secs: expected seconds from 0 to a hundred years, found `-1`");
    insta::assert_snapshot!(source("poll_interval_secs: .nan"), @"non-finite float `.nan` rejected by the configured policy at line 7, column 25");
    insta::assert_snapshot!(source("poll_interval_secs: 1e300"), @"sources.acme.poll_interval_secs: expected seconds from 0 to a hundred years, found `1e300`");
    insta::assert_snapshot!(source("max_record_bytes: 1.5"), @"sources.acme.max_record_bytes: expected a whole number, 0 or more, found `1.5`");
    insta::assert_snapshot!(source("max_record_bytes: 0"), @"sources.acme.max_record_bytes: must be more than 0");
    insta::assert_snapshot!(source("request: { retry_attempts: -1 }"), @"sources.acme.request.retry_attempts: expected a whole number, 0 or more, found `-1`");
    insta::assert_snapshot!(source("request: { timeout_secs: 0 }"), @"sources.acme.request.timeout_secs: must be more than 0");
    insta::assert_snapshot!(source("request: 60"), @"sources.acme.request: expected a map, found `60`");
    insta::assert_snapshot!(source("stream_options: [audit_logs]"), @"sources.acme.stream_options: expected a map of streams");
    insta::assert_snapshot!(source("stream_options: { audit_logs: 1 }"), @"sources.acme.stream_options.audit_logs: expected a map, found `1`");
    insta::assert_snapshot!(source("rate_limit: { share: 1.5 }"), @"sources.acme.rate_limit.share: expected more than 0 and up to 1, found `1.5`");
    insta::assert_snapshot!(source("rate_limit: { share: 0 }"), @"sources.acme.rate_limit.share: expected more than 0 and up to 1, found `0`");
    insta::assert_snapshot!(source("since: yesterday"), @"sources.acme.since: `yesterday` is not a duration back (`24h`, `7d`, `1w2d`), a time (`2024-05-01T00:00:00Z`), a date (`2024-05-01`) or `beginning`");
    insta::assert_snapshot!(swapped("[audit_logs]", "audit_logs"), @"
    sources.acme.streams: expected a list, found the string `audit_logs`
      hint: put it in brackets: `[...]`
    ");
    insta::assert_snapshot!(swapped("[audit_logs]", "[1]"), @"
    sources.acme.streams[0]: expected a string, found `1`
      hint: put it in quotes
    ");
    insta::assert_snapshot!(swapped("token: t", "token: ''"), @"sources.acme.auth.token: is empty");
    insta::assert_snapshot!(swapped("token: t", "token: 1"), @"
    sources.acme.auth.token: expected a string, found a number
      hint: put it in quotes
    ");
    // Whatever YAML takes it for, it is the secret.
    for token in
        ["73577357", "-73577357", "7357.7357", "0x73577357", "735773577357735773577357", "true"]
    {
        let told = swapped("token: t", &format!("token: {token}"));
        assert!(told.contains("expected a string, found a "), "{token}: {told}");
        assert!(!told.contains("7357") && !told.contains("`true`"), "{told}");
    }
    insta::assert_snapshot!(sink("acknowledgements: maybe"), @"sinks.out.acknowledgements: expected `true`, `false` or a map with `enabled`, found the string `maybe`");
    insta::assert_snapshot!(shown(yaml("sources: []\nsinks: 1")), @"
    sinks: expected a map of names
    sources: expected a map of names
    there is no source
      hint: add one under `sources`
    there is no sink
      hint: add one under `sinks`
    ");
    insta::assert_snapshot!(swapped("type: console", "type: [console]"), @"sinks.out.type: expected a string, found a list");
}

#[test]
fn an_account_is_told_once_and_safely() {
    insta::assert_snapshot!(swapped("subdomain: acme", "subdomain: acme.zendesk.com"), @"
    sources.acme.subdomain: `acme.zendesk.com` is not a subdomain
      hint: write `acme`
    ");
    insta::assert_snapshot!(swapped("    subdomain: acme\n", ""), @"
    sources.acme: missing field `subdomain`
      hint: `acme`, if the account is at acme.zendesk.com
    ");
    insta::assert_snapshot!(source("endpoint: https://acme.zendesk.com"), @"
    sources.acme: has both `subdomain` and `endpoint`
      hint: `subdomain: acme` means `endpoint: https://acme.zendesk.com`
    ");
    insta::assert_snapshot!(swapped("subdomain: acme", "endpoint: http://acme.zendesk.com"), @"
    sources.acme.endpoint: must be `https`; `http` is for this machine alone
      hint: write `https://HOST`
    ");
    insta::assert_snapshot!(swapped("subdomain: acme", "endpoint: https://acme.zendesk.com/api/v2"), @"
    sources.acme.endpoint: must not have a path, a query or a fragment
      hint: write `https://HOST`
    ");
    insta::assert_snapshot!(swapped("subdomain: acme", "endpoint: https://u:p@acme.zendesk.com"), @"
    sources.acme.endpoint: must not hold credentials
      hint: put them under `auth`
    ");
    insta::assert_snapshot!(swapped("strategy: bearer, token: t", "strategy: api_token, email: a@b/token, token: t"), @"
    sources.acme.auth.email: ends in `/token`
      hint: write the address alone
    ");
}

#[test]
fn an_option_that_a_stream_cannot_follow_is_refused() {
    let option = |stream: &str, option: &str| {
        let more = format!("    stream_options: {{ {stream}: {{ {option} }} }}");
        shown(yaml(&with(&more, "").replace("[audit_logs]", "['*']")))
    };
    insta::assert_snapshot!(option("tickets", "overlap_secs: 9"), @"
    sources.acme.stream_options.tickets: unknown field `overlap_secs`
      hint: known fields: `since`, `poll_interval_secs`, `include` and `exclude_deleted`
    ");
    insta::assert_snapshot!(option("tickets", "filter: { status: open }"), @"
    sources.acme.stream_options.tickets: unknown field `filter`
      hint: known fields: `since`, `poll_interval_secs`, `include` and `exclude_deleted`
    ");
    insta::assert_snapshot!(option("audit_logs", "include: [users]"), @"
    sources.acme.stream_options.audit_logs: unknown field `include`
      hint: known fields: `since`, `poll_interval_secs`, `overlap_secs`, `lag_secs` and `filter`
    ");
    insta::assert_snapshot!(option("audit_logs", "filter: { sourcetype: user }"), @"
    sources.acme.stream_options.audit_logs.filter: `audit_logs` has no filter `sourcetype`
      hint: did you mean `source_type`?
    ");
    insta::assert_snapshot!(option("audit_logs", "filter: { source_type: [] }"), @"sources.acme.stream_options.audit_logs.filter.source_type: is empty");
    insta::assert_snapshot!(option("audit_logs", "since: 1y"), @"sources.acme.stream_options.audit_logs.since: `1y` is not a duration back (`24h`, `7d`, `1w2d`), a time (`2024-05-01T00:00:00Z`), a date (`2024-05-01`) or `beginning`");
    insta::assert_snapshot!(option("tickets", "include: ['a b']"), @"sources.acme.stream_options.tickets.include[0]: `a b` is not the name of a sideload");
    insta::assert_snapshot!(option("tickets", "include: [metric_sets, users]"), @"
    sources.acme.stream_options.tickets.include[1]: `users` would be dropped: it comes beside the records of a page, and only records are delivered
      hint: `emit: pages` delivers whole pages; within the records come `comment_count`, `dates`, `incident_counts`, `metric_events`, `metric_sets`, `slas`
    ");
    insta::assert_snapshot!(option("users", "include: [identities]"), @"
    sources.acme.stream_options.users.include[0]: `identities` would be dropped: it comes beside the records of a page, and only records are delivered
      hint: `emit: pages` delivers whole pages
    ");
    insta::assert_snapshot!(option("ticket", "lag_secs: 1"), @"
    sources.acme.stream_options.ticket: this source does not read `ticket`
      hint: did you mean `tickets`?
    ");
    insta::assert_snapshot!(source("stream_options: { tickets: {} }"), @"
    sources.acme.stream_options.tickets: this source does not read `tickets`
      hint: add it to `streams`
    ");
    insta::assert_snapshot!(source("silence_alert_secs: { tickets: 1 }"), @"
    sources.acme.silence_alert_secs.tickets: this source does not read `tickets`
      hint: add it to `streams`
    ");
    insta::assert_snapshot!(source("silence_alert_secs: { audit_logs: -1 }"), @"sources.acme.silence_alert_secs.audit_logs: expected seconds from 0 to a hundred years, found `-1`");
}

#[test]
fn a_webhook_source_says_what_is_wrong_with_it() {
    let hooks = |options: &str| {
        let source = format!("  hooks: {{ type: zendesk_webhook, {options} }}\nsinks:");
        let text = with("", "").replace("sinks:", &source);
        shown(yaml(&text.replace("[acme]", "[acme, hooks]")))
    };
    insta::assert_snapshot!(hooks("signing_secret: s"), @"sources.hooks: missing field `address`");
    insta::assert_snapshot!(hooks("address: here, path: zendesk, signing_secret: s, max_age_secs: 0, max_body_bytes: 0"), @"
    sources.hooks.address: `here` is not an address to listen on
      hint: write `IP:PORT`, such as `0.0.0.0:8090`
    sources.hooks.path: `zendesk` is not the path of an address
      hint: it begins with `/`: `/zendesk`
    sources.hooks.max_age_secs: must be more than 0
    sources.hooks.max_body_bytes: expected 1 to 16777216, found `0`
    ");
    insta::assert_snapshot!(hooks("address: '127.0.0.1:1', signing_secret: '', secret: s"), @"
    sources.hooks: unknown field `secret`
      hint: did you mean `signing_secret`?
    ");
    insta::assert_snapshot!(hooks("address: '127.0.0.1:1', signing_secret: s, silence_alert_secs: { access_log: 60 }"), @"
    sources.hooks.silence_alert_secs.access_log: no output is named `access_log`
      hint: did you mean `access_logs`?
    ");
    let untaken =
        "  hooks: { type: zendesk_webhook, address: '127.0.0.1:1', signing_secret: s }\nsinks:";
    insta::assert_snapshot!(shown(yaml(&with("", "").replace("sinks:", untaken))), @"
    sources.hooks: no sink takes `hooks.access_logs` or `hooks.events`
      hint: add it to a sink's `inputs`
    ");
}

#[test]
fn the_api_listens_at_an_ip_and_a_port() {
    insta::assert_snapshot!(top("api: { enabled: true, address: everywhere }"), @"
    api.address: `everywhere` is not an address to listen on
      hint: write `IP:PORT`, `127.0.0.1:8686`
    ");
}

#[test]
fn a_file_sink_has_a_place_of_its_own() {
    insta::assert_snapshot!(file(""), @"sinks.out: missing field `path`");
    insta::assert_snapshot!(file("path: '{{ stream }}.ndjson'"), @"
    sinks.out.path: the template `{{ stream }}.ndjson` must begin with literal text, such as a directory or a prefix
      hint: begin `path` with a directory, or give `base_dir`
    ");
    insta::assert_snapshot!(file("path: 'out/{{ stream }}/../x'"), @"sinks.out.path: the template `out/{{ stream }}/../x` has `..` after a field or a time; it could leave its place");
    insta::assert_snapshot!(file("path: 'out/{{ strem }}'"), @"sinks.out.path: unknown field `strem` in a template; there are: stream, source, subdomain, partition");
    insta::assert_snapshot!(file("path: 'out/%!'"), @"sinks.out.path: `%!` in a template is no time format: strftime formatting failed: found unrecognized specifier directive `!`; write `%%` for a percent sign");
    insta::assert_snapshot!(file("path: /a/x\n    base_dir: /b"), @"sinks.out.path: the path `/a/x` is not below base_dir /b");
    insta::assert_snapshot!(file("path: x\n    inputs: [acme]\n  more:\n    type: file\n    path: ./x"), @"sinks.out.path: the sink `more` writes to `x` too");
}

#[test]
fn components_have_names_of_their_own() {
    insta::assert_snapshot!(swapped("  out:", "  acme:"), @"sinks.acme: a source is named `acme` too");
    insta::assert_snapshot!(swapped("  out:", "  a.b:"), @"
    sinks.a.b: `a.b` is not a name for a component
      hint: a name has letters, digits, `_` and `-`
    ");
    insta::assert_snapshot!(shown(yaml("{}")), @"
    there is no source
      hint: add one under `sources`
    there is no sink
      hint: add one under `sinks`
    ");
    insta::assert_snapshot!(shown(yaml("")), @"
    there is no source
      hint: add one under `sources`
    there is no sink
      hint: add one under `sinks`
    ");
}

#[test]
fn every_problem_is_reported_at_once() {
    let text = "
tests: {}
sources:
  a: { type: zendesk, subdomain: a b, streams: [tickes], auth: { strategy: bearer } }
  b: { type: zendesk, auth: { strategy: bearer, token: x } }
sinks:
  x: { type: socket }
  y: { type: console, inputs: [a], target: x }
";
    insta::assert_snapshot!(shown(yaml(text)), @"
    tests: expected a list
    sources.a.auth: missing field `token`
    sources.a.subdomain: `a b` is not a subdomain
      hint: `acme`, if the account is at acme.zendesk.com
    sources.a.streams[0]: no stream is named `tickes`
      hint: did you mean `tickets`?
    sources.b: missing field `streams`
    sinks.x.type: `socket` is not available in this version
      hint: this version has `aws_s3`, `azure_blob`, `console`, `file`, `gcp_cloud_storage`, `http`, `kafka` and `vector`
    sinks.y.target: unknown target `x`
      hint: this version has `stdout` and `stderr`
    ");
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
    insta::assert_snapshot!(shown(&["a.yaml", "same.toml"]), @"cannot read config `a.yaml`: sinks.out: is there twice: in `a.yaml` and in `same.toml`");
    insta::assert_snapshot!(shown(&["a.yaml", "bad.json"]), @"
    cannot read config `bad.json`: unknown field `y`
      hint: known fields: `data_dir`, `checkpoint`, `sources`, `transforms`, `sinks`, `tests`, `acknowledgements`, `proxy`, `secret`, `api`, `alerts` and `max_pages`
    cannot read config `bad.json`: sinks.two: unknown field `x`
      hint: known fields: `acknowledgements`, `buffer`, `encoding`, `framing`, `healthcheck`, `inputs`, `target` and `type`
    ");
    insta::assert_snapshot!(shown(&["broken.yaml", "missing.yaml", "config"]), @"
    cannot read config `missing.yaml`: No such file or directory (os error 2)
      hint: `zenstream generate` prints one to begin with
    cannot read config `config`: the file's name does not tell its format
      hint: a config is named *.yaml, *.yml, *.toml or *.json
    cannot read config `broken.yaml`: unclosed bracket '[' at line 1, column 10
    ");
    insta::assert_snapshot!(shown(&["a.yaml", "dir1.yaml", "dir2.yaml"]), @"cannot read config `dir1.yaml`: data_dir: is set in `dir1.yaml` and differently in `dir2.yaml`");
    insta::assert_snapshot!(shown(&["*.yml"]), @"
    cannot read config `*.yml`: No such file or directory (os error 2)
      hint: `zenstream generate` prints one to begin with
    ");
    insta::assert_snapshot!(shown(&[]), @"
    there is no config to read
      hint: name a file
    ");
}
