//! What a Vector user may know, or the documentation may promise, but this version does not have.
//!
//! It is refused by name, never ignored. Data only; whoever adds a feature removes its row.

use super::node::{Path, Segment};

/// Options, by their path (`*` is any one step), with what to do instead.
const OPTIONS: &[(&str, &str)] = &[
    ("enrichment_tables", "leave it out"),
    ("tests.*.input", "use `inputs`, a list"),
    ("schema", "leave it out: an event is the record as Zendesk sent it"),
    ("log_schema", "leave it out: an event is the record as Zendesk sent it"),
    ("timezone", "leave it out: times are in UTC; a `remap` has a `timezone` of its own"),
    ("healthchecks", "set `healthcheck` on each sink"),
    ("wildcard_matching", "leave it out: a glob in `inputs` must match something"),
    ("telemetry", "leave it out"),
    ("expire_metrics_secs", "leave it out"),
    ("provider", "leave it out: a config is read from files"),
    ("sources.*.proxy", "set the top-level `proxy`"),
    ("sources.*.tls", "leave it out: certificates are always verified"),
    ("sources.*.graph", "leave it out"),
    ("sources.*.acknowledgements", "set it on the sinks"),
    ("sources.*.scrape_interval_secs", "use `poll_interval_secs`"),
    ("sources.*.scrape_timeout_secs", "use `request.timeout_secs`"),
    ("transforms.*.graph", "leave it out"),
    ("transforms.*.metric_tag_values", "leave it out: events are not metrics"),
    ("transforms.*.ratio_field", "use `ratio`"),
    ("transforms.*.rate_field", "use `rate`"),
    ("transforms.*.internal_metrics", "leave it out"),
    ("sinks.*.buffer.max_size", "use `max_events`: the buffer is in memory"),
    ("sinks.*.batch", "leave it out"),
    ("sinks.*.request", "leave it out: a write is tried again until it is accepted"),
    (
        "sinks.*.tls",
        "leave it out: the system's certificates are trusted, and those in `SSL_CERT_FILE`",
    ),
    ("sinks.*.api_key", "use `credentials_path`: an API key opens no bucket"),
    ("checkpoint.api_key", "use `credentials_path`: an API key opens no bucket"),
    ("sinks.*.proxy", "set the top-level `proxy`"),
    ("sinks.*.graph", "leave it out"),
    (
        "sinks.*.storage_account",
        "write `account_name`, as Vector calls it now, and how to sign in under `auth`",
    ),
    ("sinks.*.timezone", "leave it out: times are in UTC"),
    (
        "sinks.*.retry_strategy",
        "leave it out: what may pass is tried again, what may not ends the run",
    ),
    ("sinks.*.batch_encoding", "leave it out: objects hold a line an event"),
    ("sinks.*.truncate", "leave it out: files are only appended to"),
    ("sinks.*.internal_metrics", "leave it out"),
    ("sinks.*.healthcheck.timeout", "leave it out"),
    ("sinks.*.healthcheck.uri", "leave it out"),
    ("sinks.*.healthcheck_uri", "leave it out"),
    (
        "sinks.*.dangerously_allow_unconfined_template_resolution",
        "begin the template with a literal",
    ),
    ("sinks.*.headers_key", "leave it out: headers are what is known of an event"),
    ("sinks.*.encoding.metric_tag_values", "leave it out: events are not metrics"),
    ("sinks.*.framing.length_delimited", "use `method: newline_delimited`"),
    ("sinks.*.framing.max_frame_length", "leave it out"),
    ("sinks.*.request.headers", "leave it out"),
    ("sinks.*.request.adaptive_concurrency", "leave it out: one request follows another"),
    ("sinks.*.tls.alpn_protocols", "leave it out: the protocol is agreed on"),
    ("sinks.*.tls.server_name", "connect by the name that is in the certificate"),
    ("sinks.*.routing.health", "leave it out: the next endpoint is tried after any failure"),
    ("sinks.*.headers", "use `request.headers`"),
    ("checkpoint.storage_class", "leave it out: a checkpoint is read at once"),
    ("secret.*.protocol", "leave it out: version 1.0 is spoken"),
];

/// Options that some types have and others could not have, with what to do instead.
const MEANINGLESS: &[(&str, &str)] = &[
    ("sinks.*.framing", "leave it out: each event is a message of its own"),
    ("checkpoint.lease", "leave it out: Kafka lets only the process that came last write"),
];

/// Types of conditions that are not VRL. All events are logs, so that these would say nothing.
const CONDITIONS: &[&str] = &["is_log", "is_metric", "is_trace", "datadog_search"];

/// Words that a field takes elsewhere, by the field's path.
const VALUES: &[(&str, &[&str])] = &[
    (
        "sinks.*.auth.azure_credential_kind",
        &["client_certificate_credential", "managed_identity_client_assertion"],
    ),
    ("secret.*.type", &["aws_secrets_manager"]),
    ("sinks.*.sasl.mechanism", &["GSSAPI"]),
    ("checkpoint.sasl.mechanism", &["GSSAPI"]),
    ("sources.*.auth.strategy", &["aws", "custom"]),
    ("sources.*.type", &["okta", "http_client", "exec", "stdin", "http_server", "vector"]),
    (
        "transforms.*.type",
        &[
            "aggregate",
            "aws_ec2_metadata",
            "dedupe",
            "incremental_to_absolute",
            "log_to_metric",
            "lua",
            "metric_to_log",
            "reduce",
            "swimlanes",
            "tag_cardinality_limit",
            "trace_to_log",
            "window",
        ],
    ),
    ("transforms.*.condition.type", CONDITIONS),
    ("transforms.*.exclude.type", CONDITIONS),
    ("transforms.*.route.*.type", CONDITIONS),
    ("transforms.*.routes.*.condition.type", CONDITIONS),
    ("tests.*.inputs.*.type", &["metric"]),
    ("sinks.*.auth.strategy", &["aws"]),
    ("sinks.*.compression", &["snappy", "lz4"]),
    ("sinks.*.method", &["delete", "get", "head", "options", "trace"]),
    (
        "sinks.*.encoding.codec",
        &[
            "text",
            "raw_message",
            "logfmt",
            "csv",
            "native",
            "native_json",
            "avro",
            "protobuf",
            "gelf",
            "cef",
            "syslog",
            "otlp",
        ],
    ),
    ("sinks.*.framing.method", &["length_delimited", "varint_length_delimited"]),
    ("sinks.*.routing.strategy", &["failover_primary"]),
    (
        "sinks.*.type",
        &[
            "socket",
            "elasticsearch",
            "splunk_hec_logs",
            "gcp_chronicle_unstructured",
            "aws_kinesis_firehose",
            "blackhole",
        ],
    ),
];

/// What to do instead of the option at `path`, if that is one of those.
pub(super) fn option(path: &Path) -> Option<&'static str> {
    OPTIONS.iter().find(|(pattern, _)| matches(pattern, path)).map(|(_, instead)| *instead)
}

/// What to do instead of the option at `path`, if it has no meaning there.
pub(super) fn meaningless(path: &Path) -> Option<&'static str> {
    MEANINGLESS.iter().find(|(pattern, _)| matches(pattern, path)).map(|(_, instead)| *instead)
}

/// Whether `value` for the field at `path` is one of those.
pub(super) fn value(path: &Path, value: &str) -> bool {
    VALUES.iter().any(|(pattern, values)| matches(pattern, path) && values.contains(&value))
}

fn matches(pattern: &str, path: &Path) -> bool {
    let steps: Vec<&str> = pattern.split('.').collect();
    steps.len() == path.0.len()
        && steps.iter().zip(&path.0).all(|(step, segment)| match segment {
            Segment::Key(key) => *step == "*" || step == key,
            Segment::Index(_) => *step == "*",
        })
}
