//! `simulate`: a pretend Zendesk on a port, for trying things out.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use clap::Args;
use jiff::Timestamp;

use super::{Failure, output};
use crate::clock::Clock;
use crate::simulator::{FAULTS, Faults, Plan, Settings, Simulator, server};

/// What to pretend.
#[derive(Debug, Args)]
#[command(after_help = after_help())]
pub(super) struct Arguments {
    /// The port on 127.0.0.1; 0 takes a free one. The address is printed to stdout.
    #[arg(long, default_value = "8080")]
    port: u16,
    /// Where all variety comes from.
    #[arg(long, default_value = "1")]
    seed: u64,
    /// Audit logs in the history.
    #[arg(long, value_name = "N", default_value = "10000")]
    audit_logs: usize,
    /// Tickets in the history.
    #[arg(long, value_name = "N", default_value = "1000")]
    tickets: usize,
    /// Records of every other stream in the history.
    #[arg(long, value_name = "N", default_value = "30")]
    records: usize,
    /// How many days the history spans.
    #[arg(long, value_name = "DAYS", default_value = "30")]
    history_days: u32,
    /// Audit logs that follow each minute.
    #[arg(long, value_name = "N", default_value = "0")]
    live_audit_logs: u32,
    /// Ticket changes that follow each minute.
    #[arg(long, value_name = "N", default_value = "0")]
    live_tickets: u32,
    /// Changes that follow each minute in every other stream.
    #[arg(long, value_name = "N", default_value = "0")]
    live_changes: u32,
    /// How many percent of the audit and access logs show up late.
    #[arg(long, value_name = "PERCENT", default_value = "0")]
    late_percent: u32,
    /// Requests a minute for the account; 0 for no limit.
    #[arg(long, value_name = "N", default_value = "700")]
    rate_limit: u32,
    /// Requests a minute for incremental exports; by default a seventieth of the account's, and
    /// at least 10.
    #[arg(long, value_name = "N")]
    export_rate_limit: Option<u32>,
    /// Requests a minute that another integration takes out of the account's budget. What it saw
    /// of the budget stands at `/_simulator/other_client`.
    #[arg(long, value_name = "N", default_value = "0")]
    other_client: u32,
    /// How long an access token lives, in seconds.
    #[arg(long, value_name = "SECS", default_value = "1800")]
    token_lifetime: u64,
    /// What goes wrong and how often, such as `429:20,error:50`; the names are below.
    #[arg(long, value_name = "FAULTS", default_value = "")]
    faults: Faults,
    /// How long each answer takes, in milliseconds.
    #[arg(long, value_name = "MS", default_value = "0")]
    latency_ms: u64,
    /// An account without the Enterprise plan: audit logs and routing are refused.
    #[arg(long)]
    without_enterprise: bool,
    /// The role of who signs in; anybody but an admin is refused audit logs and most other streams.
    #[arg(long, value_name = "ROLE", default_value = "admin")]
    role: String,
    /// The time the history ends at; now by default. The same seed and time give the same account.
    #[arg(long, value_name = "TIME")]
    now: Option<Timestamp>,
}

fn after_help() -> String {
    let faults = FAULTS.iter().map(|(name, what)| format!("  {name:<12} {what}\n"));
    format!(
        "Faults, each followed by a colon and a period in requests:\n{}  {:<12} {}\n\n\
         Any token signs in, except `wrong`. What a collector should have brought stands at \
         /_simulator/records/STREAM, what a list lost meanwhile at /_simulator/vanished/STREAM.",
        faults.collect::<String>(),
        "random",
        "any that passes by itself, to this many percent of the requests"
    )
}

pub(super) async fn run(arguments: Arguments) -> Result<(), Failure> {
    let clock = Clock::system();
    let settings = arguments.settings(arguments.now.unwrap_or_else(|| clock.now()));
    let cannot = |error: std::io::Error| {
        Failure::run(format!("cannot listen on port {}: {error}", arguments.port))
            .with_hint("`--port 0` takes a free one")
    };
    let address = ("127.0.0.1", arguments.port);
    let listener = tokio::net::TcpListener::bind(address).await.map_err(cannot)?;
    let address = listener.local_addr().map_err(cannot)?;
    let simulator = Arc::new(Mutex::new(Simulator::new(settings)));
    output::print(format!("http://{address}\n").as_bytes())?;
    output::tell(&format!(
        "a pretend Zendesk with {} audit logs and {} tickets; any token signs in; ^C ends it\n\
         try: ZENDESK_BASE_URL=http://{address} ZENDESK_BEARER_TOKEN=any zenstream read audit_logs --since 30d",
        arguments.audit_logs, arguments.tickets
    ));
    let shutdown = async {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    server::serve(listener, simulator, clock, shutdown)
        .await
        .map_err(|error| Failure::run(format!("the server failed: {error}")))
}

impl Arguments {
    fn settings(&self, now: Timestamp) -> Settings {
        Settings {
            seed: self.seed,
            now,
            history: Duration::from_hours(24 * u64::from(self.history_days)),
            audit_logs: self.audit_logs,
            tickets: self.tickets,
            records: self.records,
            live_changes_per_minute: self.live_changes,
            live_audit_logs_per_minute: self.live_audit_logs,
            live_ticket_changes_per_minute: self.live_tickets,
            late_percent: self.late_percent,
            rate_limit: self.rate_limit,
            export_rate_limit: self.export_rate_limit,
            other_client_per_minute: self.other_client,
            token_lifetime: Duration::from_secs(self.token_lifetime),
            faults: self.faults.clone(),
            latency: Duration::from_millis(self.latency_ms),
            role: self.role.clone(),
            plan: if self.without_enterprise { Plan::Professional } else { Plan::Enterprise },
            ..Settings::default()
        }
    }
}
