//! `user`: who someone is and what they did last.

use std::io::BufWriter;

use bytes::Bytes;
use clap::Args;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Value, json};

use super::account::{Account, AccountArguments, PATIENT};
use super::format::{Format, Printer, Style};
use super::{Failure, output};
use crate::normalize::{self, Event, Origin};
use crate::streams;
use crate::zendesk::PageRequest;

/// Profile fields worth a line each, in this order.
const PROFILE_FIELDS: &[&str] = &[
    "name",
    "email",
    "role",
    "active",
    "suspended",
    "two_factor_auth_enabled",
    "last_login_at",
    "created_at",
    "updated_at",
    "organization_id",
    "time_zone",
    "locale",
    "tags",
];

/// Whom to show.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The user's id.
    #[arg(value_name = "ID")]
    id: u64,
    /// How many of the last activities to show; the API gives at most 100 at once.
    #[arg(long, value_name = "N", default_value = "20", value_parser = clap::value_parser!(u64).range(0..=100))]
    activities: u64,
    /// The form of the output.
    #[arg(long, default_value = "table")]
    format: Format,
    #[command(flatten)]
    account: AccountArguments,
}

pub(super) async fn run(arguments: Arguments) -> Result<(), Failure> {
    let account = arguments.account.open(PATIENT)?;
    let profile = profile(&account, arguments.id).await?;
    let activities = activities(&account, &arguments).await?;
    match arguments.format {
        Format::Table => {
            output::print(describe(&profile).as_bytes())?;
            output::print(format!("\nLast activities ({}):\n", activities.len()).as_bytes())?;
            print_activities(&arguments, &activities)
        }
        Format::Csv => print_activities(&arguments, &activities),
        Format::Ndjson => {
            output::print(format!("{profile}\n").as_bytes())?;
            print_activities(&arguments, &activities)
        }
        Format::Json => {
            let records = activities.iter().map(|event| serde_json::from_slice(&event.line));
            let records: Vec<Value> = records.filter_map(Result::ok).collect();
            let whole = json!({ "user": profile, "activities": records });
            output::print(format!("{whole:#}\n").as_bytes())
        }
    }
}

fn print_activities(arguments: &Arguments, activities: &[Event]) -> Result<(), Failure> {
    let columns = streams::find("audit_logs").map_or(&[][..], |spec| spec.columns);
    let people = arguments.format == Format::Table;
    let timezone = people.then(TimeZone::system);
    let style = Style { format: arguments.format, fields: None, timezone };
    let out = BufWriter::new(std::io::stdout().lock());
    let mut printer = Printer::new(out, style, columns);
    for event in activities {
        printer.print(event)?;
    }
    Ok(printer.finish()?)
}

async fn profile(account: &Account, id: u64) -> Result<Value, Failure> {
    let request = PageRequest {
        needs: Some("the scope `users:read` or `read`".to_owned()),
        ..PageRequest::new(format!("/api/v2/users/{id}"))
    };
    let decode = |body: &Bytes| {
        let mut reply: Value = serde_json::from_slice(body).map_err(|error| error.to_string())?;
        let user = reply.get_mut("user").ok_or("the reply has no `user`")?;
        // Seen in replies about oneself, and as good as a secret.
        if let Some(fields) = user.as_object_mut() {
            fields.remove("authenticity_token");
        }
        Ok(user.take())
    };
    account.client.get(&request, decode).await.map_err(|error| {
        let not_found = error.status.is_some_and(|status| status == http::StatusCode::NOT_FOUND);
        let failure = Failure::from(error);
        if not_found {
            failure.with_hint(format!("there is no user {id}, or they were deleted for good"))
        } else {
            failure
        }
    })
}

async fn activities(account: &Account, arguments: &Arguments) -> Result<Vec<Event>, Failure> {
    if arguments.activities == 0 {
        return Ok(Vec::new());
    }
    let Some(spec) = streams::find("audit_logs") else { return Ok(Vec::new()) };
    let request = PageRequest {
        needs: Some(spec.needs()),
        ..PageRequest::new(spec.path)
            .with("page[size]", arguments.activities.to_string())
            .with("sort", "-created_at")
            .with("filter[actor_id]", arguments.id.to_string())
    };
    let layout = spec.layout(usize::MAX);
    let decode =
        |body: &Bytes| normalize::split(body, &layout).map_err(|malformed| malformed.to_string());
    let split = account.client.get(&request, decode).await?;
    let origin = Origin {
        source: account.subdomain.clone(),
        stream: spec.name.to_owned(),
        subdomain: account.subdomain.clone(),
        partition: "tail".to_owned(),
        ingest_time: account.client.clock().now(),
    };
    Ok(normalize::events(split.records, &origin.into()))
}

/// The profile as lines of `field  value`; times local, with their offset.
fn describe(profile: &Value) -> String {
    let fields = PROFILE_FIELDS.iter().filter_map(|&field| {
        let value = match profile.get(field)? {
            Value::Null => return None,
            Value::String(text) => in_local_time(text),
            other => other.to_string(),
        };
        Some(format!("{field:<24} {value}\n"))
    });
    format!("{:<24} {}\n", "id", profile.get("id").unwrap_or(&Value::Null))
        + &fields.collect::<String>()
}

fn in_local_time(text: &str) -> String {
    match text.parse::<Timestamp>() {
        Ok(at) => at.to_zoned(TimeZone::system()).strftime("%Y-%m-%dT%H:%M:%S%:z").to_string(),
        Err(_) => text.to_owned(),
    }
}
