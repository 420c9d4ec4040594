//! `user`: who someone is and what they did last.

use std::io::{self, BufWriter, IsTerminal as _, Write};

use bytes::Bytes;
use clap::Args;
use jiff::tz::TimeZone;
use serde_json::{Map, Value, json};

use super::account::{Account, AccountArguments, PATIENT};
use super::format::{Format, Printer, Style, harmless, printable, shift};
use super::pager::Pager;
use super::progress::{self, Doing};
use super::read::parse_zone;
use super::{Failure, output};
use crate::normalize::{self, Event, Origin};
use crate::streams;
use crate::zendesk::{Needs, PageRequest};

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

const EXAMPLES: &str = "\
Examples:
  zenstream user 35184372101813
  zenstream user 35184372101813 --activities 100 --timezone UTC
  zenstream user 35184372101813 --format json | jq .user.email";

/// Whom to show.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
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
    /// Show times in this zone, with their offset: `local`, `UTC`, or a name such as
    /// `Europe/Berlin`. Without it tables show local times, everything else the time as sent.
    #[arg(long, value_name = "ZONE", value_parser = parse_zone)]
    timezone: Option<TimeZone>,
    /// At a terminal, print without a pager.
    #[arg(long)]
    no_pager: bool,
    #[command(flatten)]
    account: AccountArguments,
}

pub(super) async fn run(arguments: Arguments, colourful: bool) -> Result<(), Failure> {
    let account = arguments.account.open(PATIENT)?;
    let doing = || Doing {
        text: format!("asking {} for user {}", account.subdomain, arguments.id),
        wait: account.client.longest_wait(),
    };
    let (profile, activities) = progress::telling(look_up(&account, &arguments), doing).await?;
    let style = arguments.style(colourful);
    let (pager, mut out) = Pager::open(!arguments.no_pager);
    let written = print(&mut out, &profile, &activities, style);
    drop(out);
    if let Some(pager) = pager {
        pager.wait()?;
    }
    Ok(written?)
}

impl Arguments {
    fn style(&self, colourful: bool) -> Style {
        let people = self.format == Format::Table;
        let timezone = self.timezone.clone().or_else(|| people.then(TimeZone::system));
        let at_terminal = io::stdout().is_terminal();
        Style { format: self.format, fields: None, timezone, colourful, at_terminal }
    }
}

/// The profile, null where there is none, and the last activities. Who was deleted for good is in
/// the audit log all the same.
async fn look_up(account: &Account, arguments: &Arguments) -> Result<(Value, Vec<Event>), Failure> {
    let no_profile = match profile(account, arguments.id).await? {
        Ok(profile) => return Ok((profile, activities(account, arguments).await?)),
        Err(failure) => failure,
    };
    match activities(account, arguments).await {
        Ok(activities) if !activities.is_empty() => {
            let id = arguments.id;
            output::tell(&format!(
                "there is no profile of user {id}, who may have been deleted for good; the audit log has what they did"
            ));
            Ok((Value::Null, activities))
        }
        _ => Err(no_profile),
    }
}

fn print(
    out: &mut dyn Write,
    profile: &Value,
    activities: &[Event],
    style: Style,
) -> io::Result<()> {
    let harmless =
        |json: String| if style.at_terminal { harmless(&json).into_owned() } else { json };
    match style.format {
        Format::Table => {
            if !profile.is_null() {
                out.write_all(describe(profile, style.timezone.as_ref()).as_bytes())?;
                out.write_all(b"\n")?;
            }
            writeln!(out, "Last activities ({}):", activities.len())?;
        }
        Format::Csv | Format::CsvSafe => {}
        Format::Ndjson if profile.is_null() => {}
        Format::Ndjson => writeln!(out, "{}", harmless(profile.to_string()))?,
        Format::Json => {
            let records = activities.iter().map(|event| serde_json::from_slice(&event.line));
            let mut records: Vec<Value> = records.filter_map(Result::ok).collect();
            let mut profile = profile.clone();
            if let Some(zone) = &style.timezone {
                let whole = records.iter_mut().chain([&mut profile]);
                let fields = whole.filter_map(Value::as_object_mut).flat_map(Map::values_mut);
                fields.for_each(|value| shift(value, zone));
            }
            let whole = json!({ "user": profile, "activities": records });
            return writeln!(out, "{}", harmless(format!("{whole:#}")));
        }
    }
    let columns = streams::find("audit_logs").map_or(&[][..], |spec| spec.columns);
    let mut printer = Printer::new(BufWriter::new(out), style, columns);
    for event in activities {
        printer.print(event)?;
    }
    printer.finish()
}

/// The profile, or that there is none.
async fn profile(account: &Account, id: u64) -> Result<Result<Value, Failure>, Failure> {
    let request = PageRequest {
        needs: Some(Needs::scope("the scope `users:read` or `read`")),
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
    match account.client.get(&request, decode).await {
        Ok(profile) => Ok(Ok(profile)),
        Err(error) if error.status == Some(http::StatusCode::NOT_FOUND) => {
            let hint = format!("there is no user {id}, or they were deleted for good");
            Ok(Err(Failure::from(error).with_hint(hint)))
        }
        Err(error) => Err(error.into()),
    }
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
        through: None,
    };
    Ok(normalize::events(split.records, &origin.into()))
}

/// The profile as lines of `field  value`; times in a zone, with their offset.
fn describe(profile: &Value, zone: Option<&TimeZone>) -> String {
    let fields = PROFILE_FIELDS.iter().filter_map(|&field| {
        let mut value = profile.get(field)?.clone();
        if let Some(zone) = zone {
            shift(&mut value, zone);
        }
        let value = match value {
            Value::Null => return None,
            Value::String(text) => printable(&text),
            other => other.to_string(),
        };
        Some(format!("{field:<24} {value}\n"))
    });
    format!("{:<24} {}\n", "id", profile.get("id").unwrap_or(&Value::Null))
        + &fields.collect::<String>()
}
