//! What may be written: every option of a config, as its text has it.
//!
//! No defaults and no checks beyond a value's type; those are with what is meant. A field of type
//! `IgnoredAny` is only known to be allowed here: it is read on its own, so that one problem does
//! not hide another.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use serde::de::{Error, IgnoredAny, MapAccess, SeqAccess, Unexpected, Visitor};
use serde::{Deserialize, Deserializer};

pub(super) use super::hidden::Secret;
use super::since::MAX_DURATION;

/// `sources.*` of type `zendesk`
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Zendesk {
    #[serde(rename = "type")]
    _type: IgnoredAny,
    pub(super) subdomain: Option<String>,
    pub(super) endpoint: Option<String>,
    #[serde(rename = "auth")]
    _auth: IgnoredAny,
    pub(super) streams: Vec<String>,
    pub(super) since: Option<String>,
    pub(super) poll_interval_secs: Option<Seconds>,
    pub(super) emit: Option<Emit>,
    pub(super) rate_limit: Option<RateLimit>,
    pub(super) request: Option<Request>,
    pub(super) max_record_bytes: Option<usize>,
    #[serde(rename = "stream_options")]
    _stream_options: Option<IgnoredAny>,
    pub(super) silence_alert_secs: Option<BTreeMap<String, Seconds>>,
}

/// `sources.*` of type `zendesk_webhook`
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ZendeskWebhook {
    #[serde(rename = "type")]
    _type: IgnoredAny,
    pub(super) address: NonEmpty,
    pub(super) path: Option<NonEmpty>,
    pub(super) signing_secret: Secret,
    pub(super) subdomain: Option<NonEmpty>,
    pub(super) max_age_secs: Option<Seconds>,
    pub(super) max_body_bytes: Option<usize>,
    pub(super) acknowledge_timeout_secs: Option<Seconds>,
    pub(super) silence_alert_secs: Option<BTreeMap<String, Seconds>>,
}

/// `sources.*` of type `internal_logs`
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct InternalLogs {
    #[serde(rename = "type")]
    _type: IgnoredAny,
    pub(super) host_key: Option<String>,
    pub(super) pid_key: Option<String>,
}

/// `sources.*` of type `internal_metrics`
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct InternalMetrics {
    #[serde(rename = "type")]
    _type: IgnoredAny,
    pub(super) scrape_interval_secs: Option<Seconds>,
    pub(super) namespace: Option<NonEmpty>,
    pub(super) tags: Option<InternalTags>,
}

/// `sources.*.tags` of type `internal_metrics`
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct InternalTags {
    pub(super) host_key: Option<String>,
    pub(super) pid_key: Option<String>,
}

/// `sources.*.emit`
#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Emit {
    Records,
    Pages,
}

/// `sources.*.rate_limit`
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RateLimit {
    pub(super) share: Option<f64>,
}

/// `sources.*.request`
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Request {
    pub(super) timeout_secs: Option<Seconds>,
    pub(super) retry_attempts: Option<u32>,
}

/// `sources.*.stream_options.*`
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct StreamOptions {
    pub(super) since: Option<String>,
    pub(super) poll_interval_secs: Option<Seconds>,
    pub(super) overlap_secs: Option<Seconds>,
    pub(super) lag_secs: Option<Seconds>,
    pub(super) filter: Option<BTreeMap<String, FilterValues>>,
    pub(super) include: Option<Vec<String>>,
    pub(super) exclude_deleted: Option<bool>,
    pub(super) report_removed: Option<bool>,
    pub(super) reread_days: Option<u16>,
}

/// `sources.*.auth` with the strategy `oauth_client_credentials`
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct OauthClientCredentials {
    #[serde(rename = "strategy")]
    _strategy: Option<IgnoredAny>,
    pub(super) client_id: NonEmpty,
    pub(super) client_secret: Secret,
    pub(super) scope: Option<NonEmpty>,
}

/// `sources.*.auth` with the strategy `oauth_refresh_token`
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct OauthRefreshToken {
    #[serde(rename = "strategy")]
    _strategy: Option<IgnoredAny>,
    pub(super) client_id: NonEmpty,
    pub(super) client_secret: Option<Secret>,
    pub(super) refresh_token: Option<Secret>,
    pub(super) scope: Option<NonEmpty>,
    #[serde(rename = "token_store")]
    _token_store: Option<IgnoredAny>,
}

/// `sources.*.auth` with the strategy `bearer`
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Bearer {
    #[serde(rename = "strategy")]
    _strategy: Option<IgnoredAny>,
    pub(super) token: Secret,
}

/// `sources.*.auth` with the strategy `api_token`
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ApiToken {
    #[serde(rename = "strategy")]
    _strategy: Option<IgnoredAny>,
    pub(super) email: NonEmpty,
    pub(super) token: Secret,
}

/// `sources.*.auth` with the strategy `basic`
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Basic {
    #[serde(rename = "strategy")]
    _strategy: Option<IgnoredAny>,
    pub(super) user: NonEmpty,
    pub(super) password: Secret,
}

/// `checkpoint` of type `file`
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CheckpointFile {
    #[serde(rename = "type")]
    _type: IgnoredAny,
    pub(super) path: Option<NonEmpty>,
}

/// `checkpoint.lease`
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Lease {
    pub(super) enabled: Option<bool>,
    pub(super) ttl_secs: Option<u64>,
}

/// `proxy`
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Proxy {
    pub(super) enabled: Option<bool>,
    #[serde(rename = "http")]
    _http: Option<IgnoredAny>,
    #[serde(rename = "https")]
    _https: Option<IgnoredAny>,
    #[serde(rename = "no_proxy")]
    pub(super) direct: Option<Vec<String>>,
}

/// `api`
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Api {
    pub(super) enabled: Option<bool>,
    pub(super) address: Option<String>,
}

/// `alerts`
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Alerts {
    pub(super) webhook: Option<AlertWebhook>,
}

/// `alerts.webhook`
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AlertWebhook {
    pub(super) uri: Secret,
    pub(super) headers: Option<BTreeMap<String, Secret>>,
}

/// `secret.*` of type `file`
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SecretFile {
    #[serde(rename = "type")]
    _type: IgnoredAny,
    pub(super) path: PathBuf,
}

/// `secret.*` of type `directory`
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SecretDirectory {
    #[serde(rename = "type")]
    _type: IgnoredAny,
    pub(super) path: PathBuf,
    pub(super) remove_trailing_whitespace: Option<bool>,
}

/// `secret.*` of type `exec`
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SecretExec {
    #[serde(rename = "type")]
    _type: IgnoredAny,
    pub(super) command: Vec<String>,
    pub(super) timeout: Option<Seconds>,
}

/// Seconds, whole or fractional.
#[derive(Clone, Copy)]
pub(super) struct Seconds(pub(super) Duration);

impl<'de> Deserialize<'de> for Seconds {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let seconds = f64::deserialize(deserializer)?;
        match Duration::try_from_secs_f64(seconds) {
            Ok(duration) if duration <= MAX_DURATION => Ok(Self(duration)),
            _ => {
                let expected = "seconds from 0 to a hundred years";
                Err(D::Error::invalid_value(Unexpected::Float(seconds), &expected))
            }
        }
    }
}

/// Text that is there.
pub(super) struct NonEmpty(pub(super) String);

impl<'de> Deserialize<'de> for NonEmpty {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        if text.trim().is_empty() { Err(D::Error::custom("is empty")) } else { Ok(Self(text)) }
    }
}

/// `true`, or `{ enabled: true }`.
#[derive(Clone, Copy)]
pub(super) struct Toggle(pub(super) bool);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Enabled {
    enabled: Option<bool>,
}

impl<'de> Deserialize<'de> for Toggle {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // Asked for as a boolean, so that one from the environment is read as one.
        deserializer.deserialize_bool(ToggleVisitor)
    }
}

struct ToggleVisitor;

impl<'de> Visitor<'de> for ToggleVisitor {
    type Value = Toggle;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("`true`, `false` or a map with `enabled`")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Toggle, E> {
        Ok(Toggle(value))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Toggle, A::Error> {
        let written = Enabled::deserialize(serde::de::value::MapAccessDeserializer::new(map))?;
        Ok(Toggle(written.enabled.unwrap_or(true)))
    }
}

/// One value to filter by, or several; numbers and booleans are taken as text.
pub(super) struct FilterValues(pub(super) Vec<String>);

impl<'de> Deserialize<'de> for FilterValues {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(FilterVisitor)
    }
}

struct FilterVisitor;

impl<'de> Visitor<'de> for FilterVisitor {
    type Value = FilterValues;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value or a list of values")
    }

    fn visit_bool<E>(self, value: bool) -> Result<FilterValues, E> {
        Ok(FilterValues(vec![value.to_string()]))
    }

    fn visit_u64<E>(self, value: u64) -> Result<FilterValues, E> {
        Ok(FilterValues(vec![value.to_string()]))
    }

    fn visit_i64<E>(self, value: i64) -> Result<FilterValues, E> {
        Ok(FilterValues(vec![value.to_string()]))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<FilterValues, E> {
        if value.is_empty() {
            Err(E::custom("is empty"))
        } else {
            Ok(FilterValues(vec![value.to_owned()]))
        }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<FilterValues, A::Error> {
        let mut values = Vec::new();
        while let Some(FilterValues(value)) = items.next_element()? {
            values.extend(value);
        }
        if values.is_empty() { Err(A::Error::custom("is empty")) } else { Ok(FilterValues(values)) }
    }
}
