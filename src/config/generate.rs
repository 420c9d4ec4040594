//! A config to begin with: `zendesk//console,file` becomes commented YAML.
//!
//! What it writes loads as it is, once the environment variables it names are set.

use std::fmt::Write;

use super::problem::{ConfigError, listed, suggestion};
use super::sign_in::SignIn;
use super::{sink, source, transform};
use crate::pipeline::{INTERNAL_LOGS, INTERNAL_METRICS, ZENDESK_WEBHOOK};

const HEAD: &str = "\
# Where state is kept: positions, rejected records. Default: ~/.local/state/zenstream
# data_dir: /var/lib/zenstream
";

const CONSOLE: &str = "
    type: console
    target: stdout
    encoding:
      codec: json
";

const FILE: &str = "
    type: file
    # Begins with a literal; `{{ stream }}` and time codes may follow.
    path: NAME/{{ stream }}/%F.ndjson
    compression: none
    encoding:
      codec: json
";

const AWS_S3: &str = "
    type: aws_s3
    bucket: ${S3_BUCKET}
    # Without it: AWS_REGION, the profile's, or the machine's.
    # region: eu-central-1
    # Without `auth`: the environment, ~/.aws, a web identity, a role of the container or machine.
    # auth:
    #   access_key_id: ${AWS_ACCESS_KEY_ID}
    #   secret_access_key: ${AWS_SECRET_ACCESS_KEY}
    # Begins with a literal; `{{ stream }}` and time codes may follow.
    key_prefix: zendesk/{{ stream }}/date=%F/
    compression: gzip
    encoding:
      codec: json
";

const GCP_CLOUD_STORAGE: &str = "
    type: gcp_cloud_storage
    bucket: ${GCS_BUCKET}
    # Without it: GOOGLE_APPLICATION_CREDENTIALS, gcloud's own, or what the machine offers.
    # credentials_path: /etc/zenstream/key.json
    # Begins with a literal; `{{ stream }}` and time codes may follow.
    key_prefix: zendesk/{{ stream }}/date=%F/
    compression: gzip
    encoding:
      codec: json
";

const AZURE_BLOB: &str = "
    type: azure_blob
    container_name: ${AZURE_CONTAINER}
    # Or `account_name` with `auth`, such as `azure_credential_kind: managed_identity`.
    connection_string: ${AZURE_STORAGE_CONNECTION_STRING}
    # Begins with a literal; `{{ stream }}` and time codes may follow.
    blob_prefix: zendesk/{{ stream }}/date=%F/
    compression: gzip
    encoding:
      codec: json
";

const KAFKA: &str = "
    type: kafka
    bootstrap_servers: ${KAFKA_SERVERS:-localhost:9092}
    # Begins with a literal; `{{ stream }}` and time codes may follow.
    topic: NAME-{{ stream }}
    # none, gzip, lz4, snappy or zstd
    compression: none
    # Consumers have to read with isolation.level=read_committed.
    # sasl: { enabled: true, mechanism: SCRAM-SHA-512, username: zenstream, password: ${KAFKA_PASSWORD} }
    # tls: { enabled: true }
    encoding:
      codec: json
";

const HTTP: &str = "
    type: http
    # The host is literal; `{{ stream }}` may stand in the path.
    uri: https://collector.example.com/zendesk
    method: post
    # Or `basic` with `user` and `password`, or `custom` with `value`.
    auth:
      strategy: bearer
      token: ${HTTP_TOKEN}
    compression: gzip
    encoding:
      codec: json
    # One event a line; `character_delimited` with `,` makes a JSON array.
    framing:
      method: newline_delimited
    batch:
      max_bytes: 10000000
      timeout_secs: 1
";

const VECTOR: &str = "
    type: vector
    # Where a `vector` source listens.
    address: vector.example.com:6000
    compression: none
    batch:
      max_events: 1000
      timeout_secs: 1
";

const WEBHOOK: &str = "  NAME:
    type: zendesk_webhook
    # Behind a proxy that speaks TLS; Zendesk sends to its address and this path.
    address: 127.0.0.1:8090
    path: /zendesk
    # The webhook's, as Admin Center shows it.
    signing_secret: ${PREFIX_SIGNING_SECRET}
";

const INTERNAL_LOGS_BODY: &str = "  NAME:
    # What the log of this program shows, one event a line.
    type: internal_logs
    # host_key: host
    # pid_key: pid
";

const INTERNAL_METRICS_BODY: &str = "  NAME:
    # The metrics of this program, one event a value.
    type: internal_metrics
    scrape_interval_secs: 15
";

const REMAP: &str = "
    type: remap
    # Or `file: NAME.vrl`, or a ready program: `schema: ecs`, `ocsf`, `udm` or `splunk_cim`. What is known of an event stands at `%zendesk`.
    source: |
      .zendesk_stream = %zendesk.stream
    # An event at which the program fails goes on as it was, unless:
    # drop_on_error: true
    # reroute_dropped: true      # to the output `NAME.dropped`
";

const REDACT: &str = "
    type: redact
    # Card numbers everywhere; also e-mail and IP addresses and phone numbers in what people write.
    profile: ticket_text
    # `hash` keeps equal things equal: [email_address:5f3c...]; it needs a `key`.
    action: mask
";

const ENRICH_ACTORS: &str = "
    type: enrich_actors
    # Fields that hold ids of users, and a name for who that is; looked up in the account.
    fields: { actor_id: actor, user_id: user }
    add: [name, email, role]
    target: zendesk_users
";

const FILTER: &str = "
    type: filter
    condition: exists(.id)
";

const ROUTE: &str = "
    type: route
    # Outputs `NAME.security` and, for what no route takes, `NAME._unmatched`.
    route:
      security: .source_type == \"account_setting\"
";

const EXCLUSIVE_ROUTE: &str = "
    type: exclusive_route
    # Only the first that takes an event; what none takes goes to `NAME._unmatched`.
    routes:
      - name: security
        condition: .source_type == \"account_setting\"
";

const SAMPLE: &str = "
    type: sample
    # One event in ten.
    rate: 10
";

const THROTTLE: &str = "
    type: throttle
    # What is more is dropped.
    threshold: 1000
    window_secs: 60
";

/// A component that is asked for.
struct Component<'e> {
    name: String,
    kind: &'e str,
}

/// Writes a config with the components of `SOURCES/TRANSFORMS/SINKS`, each part a list of
/// `type` or `name:type`. Accounts are found and signed in to as told.
pub fn generate(expression: &str, sign_in: SignIn) -> Result<String, ConfigError> {
    let parts: Vec<&str> = expression.split('/').collect();
    let [sources, transforms, sinks] = parts.as_slice() else {
        return Err(refused(
            format!("cannot read `{expression}` as SOURCES/TRANSFORMS/SINKS"),
            "for example `zendesk//console,file`".to_owned(),
        ));
    };
    let mut taken = Vec::new();
    let sources = components(sources, "source", source::TYPES, &mut taken)?;
    let transforms = match transforms.trim() {
        "" => Vec::new(),
        transforms => components(transforms, "transform", transform::TYPES, &mut taken)?,
    };
    let sinks = components(sinks, "sink", sink::TYPES, &mut taken)?;
    Ok(text(&sources, &transforms, &sinks, sign_in))
}

fn refused(message: String, hint: String) -> ConfigError {
    ConfigError::of(message, Some(hint))
}

fn components<'e>(
    part: &'e str,
    what: &str,
    types: &[&str],
    taken: &mut Vec<String>,
) -> Result<Vec<Component<'e>>, ConfigError> {
    let mut components = Vec::new();
    for word in part.split(',').map(str::trim).filter(|word| !word.is_empty()) {
        let (name, kind) = word.split_once(':').map_or((None, word), |(n, kind)| (Some(n), kind));
        if !types.contains(&kind) {
            let hint = suggestion(kind, types.iter().copied(), "this version has");
            return Err(refused(format!("unknown {what} `{kind}`"), hint));
        }
        let name = match name {
            Some(name) => name.to_owned(),
            None => free_name(kind, taken),
        };
        let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        if name.is_empty() || !name.chars().all(is_word) || taken.contains(&name) {
            let hint = "a name is there once, and has letters, digits, `_` and `-`".to_owned();
            return Err(refused(format!("`{name}` cannot be the name of a {what}"), hint));
        }
        taken.push(name.clone());
        components.push(Component { name, kind });
    }
    if components.is_empty() {
        let message = format!("there is no {what}");
        return Err(refused(message, format!("this version has {}", listed(types))));
    }
    Ok(components)
}

/// The type itself, with a number if it is taken.
fn free_name(kind: &str, taken: &[String]) -> String {
    let numbered = (2..).map(|number| format!("{kind}_{number}"));
    let mut names = std::iter::once(kind.to_owned()).chain(numbered);
    names.find(|name| !taken.contains(name)).unwrap_or_else(|| kind.to_owned())
}

fn text(
    sources: &[Component<'_>],
    transforms: &[Component<'_>],
    sinks: &[Component<'_>],
    sign_in: SignIn,
) -> String {
    let mut text = format!("{HEAD}\nsources:\n");
    for (position, source) in sources.iter().enumerate() {
        // A second account has other credentials.
        let prefix = match position {
            0 => "ZENDESK".to_owned(),
            _ => source.name.to_uppercase().replace('-', "_"),
        };
        text.push_str(&match source.kind {
            INTERNAL_LOGS => INTERNAL_LOGS_BODY.replace("NAME", &source.name),
            INTERNAL_METRICS => INTERNAL_METRICS_BODY.replace("NAME", &source.name),
            ZENDESK_WEBHOOK => WEBHOOK.replace("NAME", &source.name).replace("PREFIX", &prefix),
            _ => zendesk(&source.name, &sign_in.fields(&prefix)),
        });
    }
    let mut inputs: Vec<String> =
        sources.iter().map(|source| format!("{}.*", source.name)).collect();
    if !transforms.is_empty() {
        text.push_str("\ntransforms:\n");
        for transform in transforms {
            append(&mut text, transform, &inputs, transform_body(transform.kind));
        }
        let output = |it: &Component<'_>| match it.kind {
            "route" | "exclusive_route" => format!("{}.*", it.name),
            _ => it.name.clone(),
        };
        inputs = transforms.iter().map(output).collect();
    }
    text.push_str("\nsinks:\n");
    for sink in sinks {
        let body = match sink.kind {
            "file" => FILE,
            "aws_s3" => AWS_S3,
            "gcp_cloud_storage" => GCP_CLOUD_STORAGE,
            "azure_blob" => AZURE_BLOB,
            "kafka" => KAFKA,
            "http" => HTTP,
            "vector" => VECTOR,
            _ => CONSOLE,
        };
        append(&mut text, sink, &inputs, body);
    }
    text
}

fn append(text: &mut String, component: &Component<'_>, inputs: &[String], body: &str) {
    let name = &component.name;
    let body = body.trim_start_matches('\n').replace("NAME", name);
    let inputs = format!("[\"{}\"]", inputs.join("\", \""));
    // Writing to a string cannot fail.
    let written = write!(text, "  {name}:\n    inputs: {inputs}\n{body}");
    debug_assert!(written.is_ok());
}

fn transform_body(kind: &str) -> &'static str {
    match kind {
        "enrich_actors" => ENRICH_ACTORS,
        "filter" => FILTER,
        "redact" => REDACT,
        "route" => ROUTE,
        "exclusive_route" => EXCLUSIVE_ROUTE,
        "sample" => SAMPLE,
        "throttle" => THROTTLE,
        _ => REMAP,
    }
}

fn zendesk(name: &str, account: &str) -> String {
    format!(
        "  {name}:
    type: zendesk
{account}    # Names or globs; `zenstream streams` lists them.
    streams: [audit_logs]
    # Where a stream starts that was never read: a duration back, a time, or `beginning`.
    since: 24h
    poll_interval_secs: 60
"
    )
}
