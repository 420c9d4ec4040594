//! Options of the whole: state, checkpoint, secrets, proxies.

use super::Kind::{
    Between, Components, List, OneOf, Seconds, Section, Switch, Text, Texts, Toggle, Words,
};
use super::objects::S3_BUCKET;
use super::sinks::{CLUSTER, SINKS, TLS, TLS_SECTION};
use super::sources::SOURCES;
use super::transforms::{TESTS, TRANSFORMS};
use super::{Field, Variant, may, must, usual};

pub(super) const TOP: &[Field] = &[
    may(
        "data_dir",
        Text,
        "Where state is kept. Default: `$XDG_STATE_HOME/zenstream`, else `~/.local/state/zenstream`.",
    ),
    may(
        "checkpoint",
        OneOf("type", CHECKPOINTS),
        "Where positions are kept. Default: the file `checkpoint.json` in `data_dir`.",
    ),
    must("sources", Components("type", SOURCES), "The accounts that are read, by name."),
    may(
        "transforms",
        Components("type", TRANSFORMS),
        "What becomes of events on their way, by name.",
    ),
    must("sinks", Components("type", SINKS), "Where events go, by name."),
    may("tests", List(TESTS), "Tests of transforms; `zenstream test` runs them."),
    usual(
        "acknowledgements",
        Toggle,
        "true",
        "Whether positions wait for sinks that do not say otherwise.",
    ),
    may(
        "proxy",
        Section(PROXY),
        "The proxies that requests go through. Default: what the environment says.",
    ),
    may(
        "secret",
        Components("type", SECRETS),
        "Where `SECRET[backend.key]` is taken from, by the backend's name.",
    ),
    may("api", Section(API), "Health, metrics and status over HTTP."),
    may("alerts", Section(ALERTS), "Who is told of what should be seen at once."),
    may(
        "max_pages",
        Between(1, u64::MAX),
        "Take at most this many pages of each stream, then end. An empty variable is no bound.",
    ),
];

pub(super) const PROXY: &[Field] = &[
    usual("enabled", Switch, "true", "Whether any proxy is used."),
    may("http", Text, "The proxy of `http://` requests. Default: `HTTP_PROXY`."),
    may("https", Text, "The proxy of `https://` requests. Default: `HTTPS_PROXY`."),
    may("no_proxy", Words, "Hosts that are reached directly. Default: `NO_PROXY`."),
];

pub(super) const API: &[Field] = &[
    usual("enabled", Switch, "false", "Whether it is served."),
    usual("address", Text, "\"127.0.0.1:8686\"", "Where it listens."),
];

pub(super) const ALERTS: &[Field] =
    &[may("webhook", Section(ALERT_WEBHOOK), "An address that alerts are posted to, as JSON.")];

pub(super) const ALERT_WEBHOOK: &[Field] = &[
    must("uri", Text, "The address; best a `${VARIABLE}` or `SECRET[backend.key]`."),
    may("headers", Texts, "Headers of each post."),
];

pub(super) const CHECKPOINTS: &[Variant] = &[
    ("file", &[TYPE, CHECKPOINT_FILE, TURNS]),
    ("aws_s3", &[TYPE, CHECKPOINT_KEY, S3_BUCKET, TLS_SECTION, TURNS]),
    ("gcp_cloud_storage", &[TYPE, CHECKPOINT_KEY, CHECKPOINT_GCS, TURNS]),
    ("kafka", &[TYPE, CHECKPOINT_KAFKA, CLUSTER, KAFKA_TLS]),
];

const TURNS: &[Field] = &[may(
    "lease",
    Section(LEASE),
    "Several processes on one checkpoint: one runs, others stand by.",
)];

const LEASE: &[Field] = &[
    usual("enabled", Switch, "false", "Whether a second process waits for its turn."),
    usual(
        "ttl_secs",
        Between(3, 3_600),
        "30",
        "How long another waits for one that does not renew it. For a file its lock tells.",
    ),
];

pub(super) const TYPE: &[Field] = &[must("type", super::Kind::Anything, "What kind it is.")];

const CHECKPOINT_FILE: &[Field] =
    &[may("path", Text, "The file. Default: `checkpoint.json` in `data_dir`.")];

pub(super) const CHECKPOINT_KEY: &[Field] = &[must("key", Text, "The key of the one object.")];

pub(super) const CHECKPOINT_GCS: &[Field] = &[
    must("bucket", Text, "The bucket."),
    may(
        "credentials_path",
        Text,
        "A service account's key. Default: what Google's libraries find.",
    ),
    may("endpoint", Text, "A server that speaks the same protocol."),
];

const CHECKPOINT_KAFKA: &[Field] = &[
    may("topic", Text, "The compacted topic; made if it is not there."),
    may("key", Text, "The key in it, which nobody else may use."),
];

const KAFKA_TLS: &[Field] = &[may("tls", Section(TLS), "TLS to the brokers.")];

pub(super) const SECRETS: &[Variant] = &[
    ("file", &[TYPE, &[must("path", Text, "A JSON file with a text for each key.")]]),
    (
        "directory",
        &[
            TYPE,
            &[
                must("path", Text, "A directory with a file for each key."),
                usual(
                    "remove_trailing_whitespace",
                    Switch,
                    "false",
                    "Whether white space at the end is left out.",
                ),
            ],
        ],
    ),
    (
        "exec",
        &[
            TYPE,
            &[
                must(
                    "command",
                    Words,
                    "A program that speaks Vector's protocol for secrets, and its arguments.",
                ),
                usual("timeout", Seconds, "5", "How long it may take, in seconds."),
            ],
        ],
    ),
];
