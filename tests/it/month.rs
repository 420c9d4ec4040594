//! A month of an account's life in one run: tokens that end every half hour, another integration that
//! uses up the budget, a plan that is lost and bought again. Nobody restarts anything.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use url::Url;

use zenstream::buckets::MemoryBucket;
use zenstream::checkpoint::MemoryStore;
use zenstream::clock::Clock;
use zenstream::pipeline::{
    DeliverySettings, Pipeline, RunOptions, SinkPlan, SourcePlan, StreamOutcome,
};
use zenstream::random::Random;
use zenstream::simulator::transport::SimulatedTransport;
use zenstream::simulator::{self, Refusal, RefusalReason, Settings, Simulator};
use zenstream::sinks::Memory;
use zenstream::streams::find;
use zenstream::tokens::BucketTokens;
use zenstream::zendesk::{Client, ClientSettings, Credentials, OauthClient, RotatingCredentials};

use crate::truth::by_id;
use crate::world::{Reading, stream_settings};

const STREAMS: [&str; 2] = ["audit_logs", "tickets"];
const HALF_HOURS: u64 = 30 * 48;
const HALF_HOUR: Duration = Duration::from_mins(30);
const REFRESH_TOKEN: &str = "the-refresh-token-in-the-config";

fn days_after(start: Timestamp, days: i64) -> Timestamp {
    start.checked_add(SignedDuration::from_hours(24 * days)).expect("a near time")
}

fn account() -> Settings {
    let credentials = simulator::Credentials {
        oauth_clients: vec![("zenstream".to_owned(), "unused".to_owned())],
        refresh_tokens: vec![REFRESH_TOKEN.to_owned()],
        ..simulator::Credentials::default()
    };
    let settings = Settings {
        audit_logs: 2_000,
        tickets: 100,
        live_audit_logs_per_minute: 2,
        live_ticket_changes_per_minute: 1,
        late_percent: 10,
        token_lifetime_max: Some(HALF_HOUR),
        credentials: Some(credentials),
        ..Settings::default()
    };
    let refusal = |stream: &str, from, until| Refusal {
        stream: stream.to_owned(),
        from: days_after(settings.now, from),
        until: days_after(settings.now, until),
        reason: RefusalReason::Plan,
    };
    let refusals = vec![refusal("audit_logs", 14, 16), refusal("tickets", 20, 21)];
    Settings { refusals, ..settings }
}

fn credentials() -> Credentials {
    Credentials::RefreshToken(RotatingCredentials {
        client: OauthClient {
            client_id: "zenstream".to_owned(),
            client_secret: None,
            scope: "read".to_owned(),
        },
        seed: Some(REFRESH_TOKEN.into()),
        store: Arc::new(BucketTokens::new(
            Arc::new(MemoryBucket::default()),
            "tokens/acme.json".to_owned(),
        )),
    })
}

/// What happens beside that every token ends after half an hour: once a day an administrator ends the
/// one in use, and for six hours of the tenth day another integration takes all that the account has.
async fn month(simulator: Arc<Mutex<Simulator>>, clock: Clock) {
    for half_hour in 1..=HALF_HOURS {
        tokio::time::sleep(HALF_HOUR).await;
        let mut simulator = simulator.lock().expect("no panic in the simulator");
        if half_hour % 48 == 7 {
            simulator.revoke_access_tokens();
        }
        match half_hour {
            480 => simulator.set_other_client(clock.now(), 5_000),
            492 => simulator.set_other_client(clock.now(), 100),
            _ => {}
        }
    }
}

#[test]
fn a_month_of_expiry_rotation_storms_and_plan_changes_loses_and_doubles_nothing() {
    let settings = account();
    let start = settings.now;
    let simulator = Arc::new(Mutex::new(Simulator::new(settings)));
    let memory = Memory::new();
    let runtime = crate::world::paused();
    let (exchanges, tally, end) = runtime.block_on(async {
        let clock = Clock::simulated(start);
        let random = Arc::new(Random::from_seed(1));
        let transport = Arc::new(SimulatedTransport::new(Arc::clone(&simulator), clock));
        let source = source(Arc::clone(&transport), clock, &random);
        let sink = SinkPlan {
            name: "memory".to_owned(),
            inputs: STREAMS.map(|stream| format!("acme.{stream}")).to_vec(),
            acknowledged: true,
            healthcheck: false,
            delivery: DeliverySettings::STREAMING,
            sink: Arc::new(memory.clone()),
        };
        let store = Arc::new(MemoryStore::new());
        let pipeline = Pipeline::new(vec![source], vec![sink], store, clock, random);
        let tally = pipeline.tally();
        let options =
            RunOptions { once: false, max_pages: None, shutdown_timeout: Duration::from_secs(60) };
        pipeline
            .run(options, month(Arc::clone(&simulator), clock))
            .await
            .expect("one run, to its end");
        let seen = transport.requests();
        let exchanges = seen.iter().filter(|it| it.uri.path() == "/oauth/tokens").count();
        (exchanges, tally, clock.now())
    });
    // At half of its life each token is renewed, so that none ends in use.
    assert!(exchanges as u64 >= 3 * HALF_HOURS / 2, "{exchanges} tokens");
    let refused = simulator.lock().expect("no panic in the simulator").stats().answers(401);
    assert!(refused <= 2 * 30, "{refused} requests with a token that had ended, a day's one aside");
    for stream in &tally.streams {
        assert_eq!(stream.outcome(), StreamOutcome::Ended, "{}", stream.name);
    }
    let settled = end.checked_sub(SignedDuration::from_mins(30)).expect("a near time");
    for stream in STREAMS {
        assert_whole(&simulator, &memory, stream, settled);
    }
}

fn source(transport: Arc<SimulatedTransport>, clock: Clock, random: &Arc<Random>) -> SourcePlan {
    let reading = Reading { poll_interval: Duration::from_mins(5), ..Reading::default() };
    let settings = ClientSettings {
        endpoint: Url::parse("https://acme.zendesk.com").expect("an address"),
        timeout: Duration::from_secs(60),
        retry_attempts: 10,
        share: 0.8,
        max_body_bytes: 64 << 20,
    };
    let client = Client::new(settings, credentials(), transport, clock, Arc::clone(random));
    let streams = STREAMS.map(|name| {
        let spec = find(name).expect("a row");
        (stream_settings(&reading, spec, true), None)
    });
    SourcePlan { name: "acme".to_owned(), client: Arc::new(client), streams: streams.to_vec() }
}

/// Every record that was there at `settled` is held once, byte for byte; nothing is held twice.
fn assert_whole(
    simulator: &Arc<Mutex<Simulator>>,
    memory: &Memory,
    stream: &str,
    settled: Timestamp,
) {
    let simulator = simulator.lock().expect("no panic in the simulator");
    let text = |line: bytes::Bytes| String::from_utf8(line.to_vec()).expect("records are text");
    let truth: Vec<String> = simulator.records(stream, settled).map(text).collect();
    let events = memory.events();
    let held = events.iter().filter(|event| event.origin.stream == stream);
    let held: Vec<String> = held.map(|event| text(event.line.clone())).collect();
    // Panics where an id is there twice.
    let held: BTreeMap<String, String> = by_id(&held, "memory");
    let truth = by_id(&truth, "the account");
    let missing: Vec<_> = truth.keys().filter(|id| !held.contains_key(*id)).take(5).collect();
    assert!(missing.is_empty(), "{stream} lacks {missing:?} of {}", truth.len());
    for (id, line) in &truth {
        assert_eq!(held.get(id), Some(line), "{stream} {id}");
    }
}
