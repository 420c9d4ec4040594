//! Sinks that send requests, and what all sinks can say of encoding and framing: what their
//! options mean, and what is refused.

use super::*;
use crate::sinks::{
    Compression, FieldPath, Fields, Framing, HttpSettings, Pattern, ResponseFormat, RetryStrategy,
    TimestampFormat, VectorSettings,
};

/// The sink `out` of type `kind` with these options, each on a line of its own.
fn sink(kind: &str, options: &str) -> Result<SinkConfig, ConfigError> {
    let text = with("", options).replace("type: console", &format!("type: {kind}"));
    Ok(yaml(&text)?.sinks.remove(0))
}

fn http(options: &str) -> HttpSettings {
    match sink("http", &format!("    uri: https://c.example/in\n{options}")).unwrap().kind {
        SinkKind::Http(settings) => *settings,
        other => panic!("{other:?}"),
    }
}

fn vector(options: &str) -> VectorSettings {
    match sink("vector", options).unwrap().kind {
        SinkKind::Vector(settings) => settings,
        other => panic!("{other:?}"),
    }
}

fn refused(kind: &str, options: &str) -> String {
    match sink(kind, options) {
        Ok(_) => "accepted".to_owned(),
        Err(error) => shown(Err(error)),
    }
}

#[test]
fn an_http_sink_has_vectors_defaults() {
    let out = sink("http", "    uri: https://c.example/in").unwrap();
    let batch = out.delivery.batch;
    assert_eq!((batch.max_bytes, batch.max_age), (10_000_000, Duration::from_secs(1)));
    assert_eq!(out.encoder, crate::sinks::EncoderSettings::default());
    let settings = http("");
    assert_eq!(settings.method, ::http::Method::POST);
    assert_eq!(settings.compression, Compression::None);
    assert_eq!(settings.timeout, Duration::from_secs(60));
    assert_eq!(settings.retry_strategy, RetryStrategy::Default);
    assert_eq!(settings.response_format, ResponseFormat::Status);
    assert_eq!((settings.auth.is_none(), settings.healthcheck_uri), (true, None));
}

#[test]
fn what_an_http_sink_says_is_what_it_means() {
    let settings = http(
        "    method: patch
    auth: { strategy: basic, user: u, password: p }
    compression: zstd
    healthcheck: { uri: https://c.example/health }
    request: { timeout_secs: 7, headers: { X-A: a, X-B: '{{ stream }}' } }
    tls: { ca_file: /ca.pem, crt_file: /c.pem, key_file: /k.pem, verify_hostname: false }
    framing: { method: character_delimited, character_delimited: { delimiter: ',' } }
    payload_prefix: '{\"events\":'
    payload_suffix: '}'
    retry_strategy: { type: custom, status_codes: [401, 503] }
    response_format: elasticsearch_bulk",
    );
    assert_eq!(settings.method, ::http::Method::PATCH);
    assert_eq!(settings.compression, Compression::ZSTD);
    assert_eq!(settings.timeout, Duration::from_secs(7));
    assert_eq!(settings.healthcheck_uri.as_deref(), Some("https://c.example/health"));
    let headers: Vec<_> = settings.headers.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(headers, ["X-A", "X-B"]);
    assert_eq!(settings.tls.verify_hostname, Some(false));
    assert_eq!(settings.payload_prefix, "{\"events\":");
    let retry = RetryStrategy::Custom { status_codes: vec![401, 503] };
    assert_eq!(settings.retry_strategy, retry);
    assert_eq!(settings.response_format, ResponseFormat::ElasticsearchBulk);
}

#[test]
fn encoding_and_framing_are_read() {
    let encoder = |options: &str| sink("console", options).unwrap().encoder;
    let paths = |texts: &[&str]| -> Vec<FieldPath> {
        texts.iter().map(|text| FieldPath::parse(text).unwrap()).collect()
    };
    let read = encoder("    encoding: { only_fields: [a, .b.c], except_fields: [a.x] }");
    assert_eq!(read.fields, Fields::new(Some(&paths(&["a", "b.c"])), &paths(&["a.x"])));
    let read = encoder("    encoding: { codec: json, json: { pretty: false } }");
    assert_eq!(read, crate::sinks::EncoderSettings::default());
    let read = encoder("    encoding: { timestamp_format: unix_ms, template: '<{{ event }}>' }");
    assert_eq!(read.timestamp_format, TimestampFormat::UnixMs);
    assert_eq!(read.template, Some(Pattern::parse("<{{ event }}>").unwrap()));
    assert_eq!(encoder("    framing: { method: bytes }").framing, Framing::Bytes);
    let read = encoder(
        "    framing: { method: character_delimited, character_delimited: { delimiter: \"\\t\" } }",
    );
    assert_eq!(read.framing, Framing::CharacterDelimited(b'\t'));
}

#[test]
fn a_vector_sink_is_told_its_address_in_either_of_two_ways() {
    let settings = vector("    address: v:6000");
    assert_eq!(settings.endpoints, ["v:6000"]);
    assert_eq!(settings.keepalive_interval, Duration::from_secs(60));
    assert_eq!(settings.keepalive_timeout, Duration::from_secs(20));
    let batch = sink("vector", "    address: v:6000").unwrap().delivery.batch;
    assert_eq!((batch.max_events, batch.max_age), (1_000, Duration::from_secs(1)));
    let settings = vector("    routing: { endpoints: ['http://a:1'], strategy: load_balance }");
    assert_eq!(settings.endpoints, ["http://a:1"]);
    let settings = vector(
        "    routing: { endpoints: [a:1, b:1], strategy: failover }
    tls: { enabled: true, ca_file: /ca.pem }
    keepalive: { interval_secs: 5, timeout_secs: 3 }
    compression: zstd
    encoding: { codec: json, metadata_key: zendesk, except_fields: [a] }",
    );
    assert_eq!(settings.endpoints, ["a:1", "b:1"]);
    assert_eq!(settings.compression, Compression::ZSTD);
    assert_eq!(settings.keepalive_timeout, Duration::from_secs(3));
}

#[test]
fn what_is_wrong_with_encoding_and_framing_is_said() {
    let console = |options: &str| refused("console", &format!("    {options}"));
    insta::assert_snapshot!(console("encoding: { only_fields: [a.b], except_fields: [c, a] }"), @"
    sinks.out.encoding.except_fields[1]: `a` is among `only_fields` too
      hint: name a field in one of the two
    ");
    insta::assert_snapshot!(console("encoding: { except_fields: ['a[0]'] }"), @r#"
    sinks.out.encoding.except_fields[0]: `a[0]` has an index; items of a list cannot be chosen
      hint: for example `id`, `via.source` or `"a.b".c`
    "#);
    insta::assert_snapshot!(console("encoding: { json: { pretty: true } }"), @"
    sinks.out.encoding.json.pretty: `true` is not available in this version
      hint: leave it out: an event is the record as Zendesk sent it
    ");
    insta::assert_snapshot!(console("encoding: { template: '{{ evnt }}' }"), @"sinks.out.encoding.template: unknown field `evnt`; there are: event, event_string, event_base64, id, event_time, ingest_time, stream, source, subdomain, partition");
    insta::assert_snapshot!(console("encoding: { timestamp_format: iso }"), @"
    sinks.out.encoding.timestamp_format: unknown timestamp_format `iso`
      hint: this version has `rfc3339`, `unix`, `unix_ms`, `unix_us`, `unix_ns` and `unix_float`
    ");
    insta::assert_snapshot!(console("framing: { method: length_delimited }"), @"
    sinks.out.framing.method: `length_delimited` is not available in this version
      hint: this version has `newline_delimited`, `character_delimited` and `bytes`
    ");
    insta::assert_snapshot!(console("framing: { method: character_delimited }"), @r#"
    sinks.out.framing: missing field `character_delimited`
      hint: for example `character_delimited: { delimiter: "," }`
    "#);
    insta::assert_snapshot!(console("framing: { method: character_delimited, character_delimited: { delimiter: '||' } }"), @"sinks.out.framing.character_delimited.delimiter: `||` is not one ASCII character");
    insta::assert_snapshot!(console("framing: { method: bytes, character_delimited: { delimiter: ',' } }"), @"sinks.out.framing.character_delimited: is only for the method `character_delimited`");
    insta::assert_snapshot!(console("healthcheck: { uri: 'https://x/' }"), @"
    sinks.out.healthcheck: `uri` is not available in this version
      hint: leave it out
    ");
    insta::assert_snapshot!(refused("file", "    path: x\n    compression: zlib"), @"
    sinks.out.compression: `zlib` is not available for this type of sink
      hint: it has `none`, `gzip` and `zstd`
    ");
}

#[test]
fn what_is_wrong_with_an_http_sink_is_said_without_its_secrets() {
    let http = |options: &str| {
        let uri = if options.contains("uri: ") { "" } else { "    uri: https://c.example/hush\n" };
        let told = refused("http", &format!("{uri}    {options}"));
        assert!(!told.contains("hush"), "{told}");
        told
    };
    insta::assert_snapshot!(http("uri: https://{{ stream }}/hush"), @"
    sinks.out: `uri` is no address: its host must be literal, with `/` after it
      hint: for example `https://collector.example.com/zendesk/{{ stream }}`
    ");
    insta::assert_snapshot!(http("method: get"), @"
    sinks.out.method: `get` is not available in this version
      hint: this version has `post`, `put` and `patch`
    ");
    insta::assert_snapshot!(http("auth: { strategy: aws, service: es }"), @"
    sinks.out.auth.strategy: `aws` is not available in this version
      hint: this version has `basic`, `bearer` and `custom`
    ");
    insta::assert_snapshot!(http("compression: snappy"), @"
    sinks.out.compression: `snappy` is not available in this version
      hint: this version has `none`, `gzip`, `zlib` and `zstd`
    ");
    insta::assert_snapshot!(http("payload_prefix: '{'"), @r#"
    sinks.out.payload_prefix: is only for a JSON array of events
      hint: set `framing.method: character_delimited` and `framing.character_delimited.delimiter: ","`
    "#);
    insta::assert_snapshot!(http("tls: { enabled: true }"), @"
    sinks.out.tls: `enabled` is not available in this version
      hint: the scheme of `uri` says it
    ");
    insta::assert_snapshot!(http("tls: { key_pass: hush }"), @"
    sinks.out.tls: `key_pass` is not available in this version
      hint: decrypt the key first: `openssl pkey -in locked.pem -out key.pem`
    ");
    insta::assert_snapshot!(http("tls: { crt_file: a.pem }"), @"
    sinks.out.tls: missing field `key_file`
      hint: a certificate and its key are given together
    ");
    insta::assert_snapshot!(http("tls: { alpn_protocols: [h2] }"), @"
    sinks.out.tls: `alpn_protocols` is not available in this version
      hint: leave it out: the protocol is agreed on
    ");
    insta::assert_snapshot!(http("request: { timeout_secs: 0 }"), @"sinks.out.request.timeout_secs: must be more than 0");
    insta::assert_snapshot!(http("request: { headers: { X-A: 'hush {{ stream' } }"), @"sinks.out: the header `X-A` is no template: `{{` has no `}}` after it");
    insta::assert_snapshot!(http("retry_strategy: { type: all, status_codes: [500] }"), @"sinks.out.retry_strategy.status_codes: is only for the type `custom`");
    insta::assert_snapshot!(http("retry_strategy: { type: custom, status_codes: [200] }"), @"sinks.out.retry_strategy.status_codes[0]: `200` is no status of a failure");
    insta::assert_snapshot!(http("headers: { X-A: a }"), @"
    sinks.out: `headers` is not available in this version
      hint: use `request.headers`
    ");
}

#[test]
fn what_is_wrong_with_a_vector_sink_is_said() {
    let vector = |options: &str| refused("vector", &format!("    {options}"));
    insta::assert_snapshot!(vector("compression: none"), @"
    sinks.out: missing field `address`
      hint: for example `vector.example.com:6000`
    ");
    insta::assert_snapshot!(vector("routing: { endpoints: [a:1, b:1] }"), @"
    sinks.out.routing: several endpoints cannot share the load in this version
      hint: set `strategy: failover`, or put a load balancer before them
    ");
    insta::assert_snapshot!(vector("routing: { endpoints: [a:1], strategy: failover_primary }"), @"
    sinks.out.routing.strategy: `failover_primary` is not available in this version
      hint: this version has `failover` and `load_balance`
    ");
    insta::assert_snapshot!(vector("address: http://v:6000\n    tls: { enabled: true }"), @"
    sinks.out: the address and `tls` do not agree on whether TLS is spoken
      hint: for example `http://vector.example.com:6000`
    ");
    insta::assert_snapshot!(vector("address: v:6000\n    tls: { verify_certificate: false }"), @"
    sinks.out.tls: `verify_certificate: false` is not available for this type of sink
      hint: name the certificate in `ca_file`
    ");
    insta::assert_snapshot!(vector("address: v:6000\n    compression: zlib"), @"
    sinks.out.compression: `zlib` is not available for this type of sink
      hint: it has `none`, `gzip` and `zstd`
    ");
    insta::assert_snapshot!(vector("address: v:6000\n    encoding: { template: '{{ event }}' }"), @"
    sinks.out.encoding: `template` is not available for this type of sink
      hint: leave it out: events are sent as values, times as times
    ");
    insta::assert_snapshot!(vector("address: v:6000\n    framing: { method: bytes }"), @"
    sinks.out: `framing` has no meaning for this type of sink
      hint: leave it out: each event is a message of its own
    ");
    insta::assert_snapshot!(vector("address: v:6000\n    request: { headers: { a: b } }"), @"
    sinks.out.request: `headers` is not available in this version
      hint: leave it out
    ");
}
