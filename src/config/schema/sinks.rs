//! Options of sinks, in the groups that their types share.

use super::Kind::{
    Between, Choice, Numerals, OneOf, Seconds, Section, SomeSeconds, Switch, SwitchOr, Text, Texts,
    Toggle, Whole, WordOr, Words,
};
use super::objects::{AZURE, GCS, OBJECTS, S3_BUCKET, S3_CLASS, S3_KEYS};
use super::top::TYPE;
use super::{Field, Variant, may, must, usual};

pub(super) const SINKS: &[Variant] = &[
    (
        "aws_s3",
        &[
            TYPE,
            EVERY,
            HEALTH,
            ENCODED,
            PACKED,
            SENT,
            S3_BUCKET,
            S3_CLASS,
            S3_KEYS,
            OBJECTS,
            TLS_SECTION,
        ],
    ),
    ("azure_blob", &[TYPE, EVERY, HEALTH, ENCODED, PACKED, SENT, AZURE, OBJECTS]),
    ("console", &[TYPE, EVERY, HEALTH, ENCODED, CONSOLE]),
    ("file", &[TYPE, EVERY, HEALTH, ENCODED, PACKED, FILE]),
    ("gcp_cloud_storage", &[TYPE, EVERY, HEALTH, ENCODED, PACKED, SENT, GCS, S3_KEYS, OBJECTS]),
    (
        "http",
        &[TYPE, EVERY, HEALTH_URI, ENCODED, PACKED, BATCHED, REQUEST_HEADERS, HTTP, TLS_SECTION],
    ),
    ("kafka", &[TYPE, EVERY, HEALTH, UNFRAMED, BATCHED, KAFKA, CLUSTER, TLS_SECTION]),
    ("vector", &[TYPE, EVERY, HEALTH, UNFRAMED, VECTOR, PACKED, SENT, TLS_SECTION]),
];

const EVERY: &[Field] = &[
    must(
        "inputs",
        Words,
        "The outputs it takes: `acme.audit_logs`, a source's name for all of it, or globs.",
    ),
    may("acknowledgements", Toggle, "Whether positions wait for it."),
    may("buffer", Section(BUFFER), "What waits for it in memory."),
];

pub(super) const BUFFER: &[Field] = &[
    usual("type", Choice(&["memory"]), "\"memory\"", "Where events wait."),
    usual("max_events", Between(1, u64::MAX), "500", "How many events may wait."),
    usual(
        "when_full",
        Choice(&["block", "drop_newest"]),
        "\"block\"",
        "Whether its streams wait, or events are dropped and counted.",
    ),
];

const HEALTH: &[Field] = &[may("healthcheck", Toggle, "Whether it is checked at the start.")];

const HEALTH_URI: &[Field] =
    &[may("healthcheck", SwitchOr(HEALTHCHECK), "Whether it is checked at the start, and where.")];

pub(super) const HEALTHCHECK: &[Field] = &[
    usual("enabled", Switch, "true", "Whether it is checked."),
    may("uri", Text, "What is asked for, and has to answer with success."),
];

const ENCODED: &[Field] = &[
    may("encoding", Section(ENCODING), "How an event becomes text."),
    may("framing", Section(FRAMING), "What stands between events."),
];

pub(super) const ENCODING: &[Field] = &[
    usual("codec", Choice(&["json"]), "\"json\"", "The form: a record as Zendesk sent it."),
    may("metadata_key", Text, "Put what is known of the event into its line, under this key."),
    may("only_fields", Words, "Write only these fields."),
    may("except_fields", Words, "Leave these fields out."),
    usual(
        "timestamp_format",
        Choice(&["rfc3339", "unix", "unix_ms", "unix_us", "unix_ns", "unix_float"]),
        "\"rfc3339\"",
        "How times that are added are written.",
    ),
    may("template", Text, "Text that each event is put into."),
    may("json", Section(JSON), "Of the codec `json`."),
];

pub(super) const JSON: &[Field] =
    &[usual("pretty", Switch, "false", "Not available: a line is a record.")];

pub(super) const FRAMING: &[Field] = &[
    must(
        "method",
        Choice(&["newline_delimited", "character_delimited", "bytes"]),
        "What stands between events.",
    ),
    may("character_delimited", Section(DELIMITER), "Of the method `character_delimited`."),
];

pub(super) const DELIMITER: &[Field] =
    &[must("delimiter", Text, "One ASCII character; a comma makes a JSON array.")];

const PACKED: &[Field] = &[may(
    "compression",
    WordOr(&["none", "gzip", "zlib", "zstd"], COMPRESSION),
    "How it is compressed.",
)];

pub(super) const COMPRESSION: &[Field] = &[
    must("algorithm", Choice(&["none", "gzip", "zlib", "zstd"]), "The algorithm."),
    may("level", Between(0, 21), "Higher is smaller and slower."),
];

const BATCH_SECTION: Field = may("batch", Section(BATCH), "When what was collected is sent.");

const SENT: &[Field] = &[BATCH_SECTION, may("request", Section(REQUEST), "How requests are made.")];

const BATCHED: &[Field] = &[BATCH_SECTION];

const REQUEST_HEADERS: &[Field] =
    &[may("request", Section(REQUEST_WITH_HEADERS), "How requests are made.")];

pub(super) const BATCH: &[Field] = &[
    may("max_bytes", Between(1, u64::MAX), "Send when there are so many bytes."),
    may("max_events", Between(1, u64::MAX), "Send when there are so many events."),
    may("timeout_secs", Seconds, "Send when the first has waited for so long."),
];

const CONCURRENCY: Field =
    may("concurrency", super::Kind::Anything, "One request follows another: `none` or 1.");
const TIMEOUT: Field = usual("timeout_secs", SomeSeconds, "60", "The longest a request may take.");
const ATTEMPTS: Field = may(
    "retry_attempts",
    Whole,
    "How often a failed request is tried again. Default: until it is accepted.",
);
const FIRST_BACKOFF: Field =
    usual("retry_initial_backoff_secs", Seconds, "1", "The first wait before another try.");
const LAST_BACKOFF: Field = usual("retry_max_duration_secs", Seconds, "30", "The longest wait.");
const JITTER: Field =
    usual("retry_jitter_mode", Choice(&["Full"]), "\"Full\"", "How waits are spread.");
const RATE: Field = may("rate_limit_num", Whole, "The most requests in the time below.");
const RATE_SPAN: Field = usual("rate_limit_duration_secs", Seconds, "1", "That time.");

pub(super) const REQUEST: &[Field] =
    &[CONCURRENCY, TIMEOUT, ATTEMPTS, FIRST_BACKOFF, LAST_BACKOFF, JITTER, RATE, RATE_SPAN];

pub(super) const REQUEST_WITH_HEADERS: &[Field] = &[
    CONCURRENCY,
    TIMEOUT,
    ATTEMPTS,
    FIRST_BACKOFF,
    LAST_BACKOFF,
    JITTER,
    RATE,
    RATE_SPAN,
    may("headers", Texts, "Headers of every request."),
];

pub(super) const TLS_SECTION: &[Field] = &[may("tls", Section(TLS), "TLS to the destination.")];

pub(super) const TLS: &[Field] = &[
    may("enabled", Switch, "Whether TLS is spoken."),
    may("ca_file", Text, "Certificates that are trusted beside the system's."),
    may("crt_file", Text, "A certificate to show."),
    may("key_file", Text, "Its key."),
    may("key_pass", Text, "The key's password."),
    usual("verify_certificate", Switch, "true", "Certificates are verified."),
    usual("verify_hostname", Switch, "true", "Host names are verified."),
];

const CONSOLE: &[Field] =
    &[usual("target", Choice(&["stdout", "stderr"]), "\"stdout\"", "Where lines go.")];

const FILE: &[Field] = &[
    must(
        "path",
        Text,
        "The file; begins with a literal, `{{ stream }}` and time codes may follow.",
    ),
    may("base_dir", Text, "The directory that a path cannot leave."),
    usual(
        "idle_timeout_secs",
        Seconds,
        "30",
        "A file that nothing was written to for so long is closed.",
    ),
];

const HTTP: &[Field] = &[
    must("uri", Text, "The endpoint; the host is literal, `{{ stream }}` may stand in the path."),
    usual("method", Choice(&["post", "put", "patch"]), "\"post\"", "The method."),
    may("auth", OneOf("strategy", HTTP_AUTH), "Credentials."),
    may("payload_prefix", Text, "What stands before the events."),
    may("payload_suffix", Text, "What stands after them."),
    may("retry_strategy", Section(RETRY_STRATEGY), "Which answers are tried again."),
    usual(
        "response_format",
        Choice(&["status", "elasticsearch_bulk"]),
        "\"status\"",
        "What tells that events were taken.",
    ),
];

const STRATEGY: &[Field] = &[must("strategy", super::Kind::Anything, "The way to sign in.")];

pub(super) const HTTP_AUTH: &[Variant] = &[
    (
        "basic",
        &[STRATEGY, &[must("user", Text, "The user."), must("password", Text, "The password.")]],
    ),
    ("bearer", &[STRATEGY, &[must("token", Text, "The token.")]]),
    ("custom", &[STRATEGY, &[must("value", Text, "The whole `Authorization` header.")]]),
];

pub(super) const RETRY_STRATEGY: &[Field] = &[
    must("type", Choice(&["default", "none", "all", "custom"]), "Which kinds."),
    may("status_codes", Numerals, "Of the type `custom`: these statuses."),
];

const UNFRAMED: &[Field] = &[may("encoding", Section(ENCODING), "How an event becomes text.")];

const KAFKA: &[Field] = &[
    must(
        "topic",
        Text,
        "The topic; begins with a literal, `{{ stream }}` and time codes may follow.",
    ),
    may("key_field", Text, "The field that becomes the key. Default: the event's id."),
    usual(
        "timestamp",
        Choice(&["ingest_time", "event_time"]),
        "\"ingest_time\"",
        "The messages' time.",
    ),
    may("healthcheck_topic", Text, "The topic that is looked for at the start."),
    may("transactional_id", Text, "What keeps a second producer out. Default: by the sink's name."),
    may("state_topic", Text, "The compacted topic that tells what was committed."),
    may("rate_limit_num", Whole, "The most messages in the time below."),
    may("rate_limit_duration_secs", Seconds, "That time."),
];

pub(super) const CLUSTER: &[Field] = &[
    must("bootstrap_servers", Text, "Some of the brokers: `host:port`, separated by commas."),
    usual(
        "compression",
        Choice(&["none", "gzip", "lz4", "snappy", "zstd"]),
        "\"none\"",
        "How messages are compressed.",
    ),
    may("sasl", Section(SASL), "How to sign in."),
    may("socket_timeout_ms", Between(10, 800_000), "The longest a request may take."),
    may("message_timeout_ms", Between(10, 800_000), "The longest a delivery may take."),
    may(
        "librdkafka_options",
        super::Kind::Anything,
        "Options of librdkafka, as they are called there.",
    ),
];

pub(super) const SASL: &[Field] = &[
    may("enabled", Switch, "Whether to sign in."),
    may("mechanism", Choice(&["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER"]), "How."),
    may("username", Text, "The user."),
    may("password", Text, "The password."),
    may("oauth2", Section(SASL_OAUTH), "Of the mechanism `OAUTHBEARER`."),
];

pub(super) const SASL_OAUTH: &[Field] = &[
    must("token_endpoint", Text, "Where tokens come from."),
    must("client_id", Text, "The client."),
    must("client_secret", Text, "Its secret."),
    may("scopes", Words, "What to ask for."),
];

const VECTOR: &[Field] = &[
    may("address", Text, "Where a `vector` source listens: `host:port`."),
    may("routing", Section(ROUTING), "Several of them."),
    may("keepalive", Section(KEEPALIVE), "How a quiet connection is watched."),
    usual("version", Choice(&["2"]), "\"2\"", "The version of the protocol."),
];

pub(super) const ROUTING: &[Field] = &[
    must("endpoints", Words, "Where they listen."),
    may("strategy", Choice(&["failover", "load_balance"]), "Which one is sent to."),
];

pub(super) const KEEPALIVE: &[Field] = &[
    may("interval_secs", Seconds, "How often it is asked."),
    may("timeout_secs", Seconds, "How long it may take to answer."),
];
