//! Options of sources.

use super::Kind::{
    Anything, Auth, Between, ByStream, Choice, OneOf, Part, Seconds, SecondsByStream, Section,
    SomeSeconds, Streams, Switch, Text, Whole, Words,
};
use super::objects::S3_BUCKET;
use super::sinks::TLS_SECTION;
use super::top::{CHECKPOINT_GCS, CHECKPOINT_KEY, TYPE};
use super::{Field, Variant, may, must, usual};

pub(super) const SOURCES: &[Variant] = &[
    ("zendesk", &[TYPE, ZENDESK]),
    ("zendesk_webhook", &[TYPE, WEBHOOK]),
    ("internal_logs", &[TYPE, INTERNAL_LOGS]),
    ("internal_metrics", &[TYPE, INTERNAL_METRICS]),
];

pub(super) const ZENDESK: &[Field] = &[
    may("subdomain", Text, "The account: `acme` of acme.zendesk.com."),
    may(
        "endpoint",
        Text,
        "The account's address, in place of `subdomain`: `https://acme.zendesk.com`.",
    ),
    must("auth", Auth(AUTH), "How to sign in."),
    must("streams", Streams, "What to read: names or globs; `zenstream streams` lists them."),
    usual(
        "since",
        Text,
        "\"24h\"",
        "Where a stream without a position starts: a duration back, an RFC 3339 time, or `beginning`.",
    ),
    usual(
        "poll_interval_secs",
        Seconds,
        "60",
        "How long to wait at a stream's end before looking again.",
    ),
    usual(
        "emit",
        Choice(&["records", "pages"]),
        "\"records\"",
        "What a line is: a record as Zendesk sent it, or the records of a page in their envelope.",
    ),
    may("rate_limit", Section(RATE_LIMIT), "How much of the account's rate budget may be used."),
    may("request", Section(REQUEST), "How requests are made."),
    usual("max_record_bytes", Between(1, u64::MAX), "10485760", "A longer record is rejected."),
    may("stream_options", ByStream(STREAM_OPTIONS), "Options of single streams, by name."),
    may(
        "silence_alert_secs",
        SecondsByStream,
        "By stream: raise an alert when it has brought no event for so long.",
    ),
];

pub(super) const WEBHOOK: &[Field] = &[
    must("address", Text, "Where requests are taken: `IP:PORT`."),
    usual("path", Text, "\"/\"", "The path of requests."),
    must(
        "signing_secret",
        Text,
        "The webhook's signing secret; best a `${VARIABLE}` or `SECRET[backend.key]`.",
    ),
    may("subdomain", Text, "The account, for events' ids. Default: the source's name."),
    usual("max_age_secs", SomeSeconds, "300", "A request that was signed longer ago is refused."),
    usual("max_body_bytes", Between(1, 16 << 20), "1048576", "A longer body is refused."),
    usual(
        "acknowledge_timeout_secs",
        SomeSeconds,
        "8",
        "How long sinks may take to make an event durable.",
    ),
    may(
        "silence_alert_secs",
        Section(WEBHOOK_SILENCE),
        "By output: raise an alert when it has brought no event for so long. Default: never.",
    ),
];

const WEBHOOK_SILENCE: &[Field] = &[
    may("access_logs", Seconds, "Of access logs."),
    may("events", Seconds, "Of what else is sent."),
];

pub(super) const INTERNAL_LOGS: &[Field] = &[
    usual("host_key", Text, "\"host\"", "The field that holds this machine's name; empty: none."),
    usual("pid_key", Text, "\"pid\"", "The field that holds the process's number; empty: none."),
];

pub(super) const INTERNAL_METRICS: &[Field] = &[
    usual("scrape_interval_secs", SomeSeconds, "15", "How often the metrics are read."),
    usual("namespace", Text, "\"zenstream\"", "What their names stand under."),
    may("tags", Section(INTERNAL_TAGS), "What is said beside each of them."),
];

pub(super) const INTERNAL_TAGS: &[Field] = &[
    usual("host_key", Text, "\"host\"", "The tag that holds this machine's name; empty: none."),
    may("pid_key", Text, "The tag that holds the process's number."),
];

pub(super) const RATE_LIMIT: &[Field] =
    &[usual("share", Part, "0.8", "The part of the budget that may be used, above 0 and up to 1.")];

pub(super) const REQUEST: &[Field] = &[
    usual("timeout_secs", SomeSeconds, "60", "The longest a whole answer may take."),
    usual(
        "retry_attempts",
        Whole,
        "10",
        "How often a failed request is tried again; waiting for the rate limit does not count.",
    ),
];

pub(super) const STREAM_OPTIONS: &[Field] = &[
    may("since", Text, "Where it starts without a position."),
    may("poll_interval_secs", Seconds, "How long to wait at its end before looking again."),
    may("overlap_secs", Seconds, "How far back each look reaches for records that show up late."),
    may("lag_secs", Seconds, "Nothing younger is asked for."),
    may(
        "filter",
        Anything,
        "Only records with these values: by field, a value or a list of values.",
    ),
    may(
        "include",
        Words,
        "Sideloads to ask for. Those that come beside the records of a page need `emit: pages`.",
    ),
    may("exclude_deleted", Switch, "Leave deleted records out."),
    may("report_removed", Switch, "Of lists that are read whole: tell what is no longer there."),
    may(
        "reread_days",
        Whole,
        "Of `satisfaction_ratings`: how old one may be whose changes are still looked for, once an hour; 30 by default, 0 for never.",
    ),
];

const TOKEN_STORES: &[Variant] = &[
    ("file", &[TYPE, &[must("path", Text, "The file.")]]),
    ("aws_s3", &[TYPE, CHECKPOINT_KEY, S3_BUCKET, TLS_SECTION]),
    ("gcp_cloud_storage", &[TYPE, CHECKPOINT_KEY, CHECKPOINT_GCS]),
];

const STRATEGY: &[Field] = &[must("strategy", Anything, "The way to sign in.")];

pub(super) const AUTH: &[Variant] = &[
    (
        "oauth_client_credentials",
        &[
            STRATEGY,
            &[
                must("client_id", Text, "The OAuth client's unique identifier."),
                must(
                    "client_secret",
                    Text,
                    "Its secret; best a `${VARIABLE}` or `SECRET[backend.key]`.",
                ),
                usual("scope", Text, "\"read\"", "Scopes, space separated."),
            ],
        ],
    ),
    (
        "oauth_refresh_token",
        &[
            STRATEGY,
            &[
                must("client_id", Text, "The OAuth client's unique identifier."),
                may("client_secret", Text, "Its secret, if it has one."),
                may("refresh_token", Text, "The first refresh token; `zenstream login` gets one."),
                usual("scope", Text, "\"read\"", "Scopes, space separated."),
                may(
                    "token_store",
                    OneOf("type", TOKEN_STORES),
                    "Where rotating tokens are kept. Default: beside the checkpoint.",
                ),
            ],
        ],
    ),
    ("bearer", &[STRATEGY, &[must("token", Text, "An access token.")]]),
    (
        "api_token",
        &[
            STRATEGY,
            &[must("email", Text, "The token's user."), must("token", Text, "The API token.")],
        ],
    ),
    (
        "basic",
        &[STRATEGY, &[must("user", Text, "The user."), must("password", Text, "The password.")]],
    ),
];
