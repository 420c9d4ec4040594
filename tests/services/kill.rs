//! The real binary and real servers: killed at random moments, with servers that stop and start,
//! with a bad proxy in between, and two at a time. In the end every event is there exactly once.
//!
//! `ZENSTREAM_SEED=17 cargo test --test services kill` takes the same moments again.
//! `ZENSTREAM_FULL=1` takes as many as are promised: 100 kills and 50,000 events.

use std::collections::BTreeMap;
use std::process::Command;
use std::time::Duration;

use zenstream::random::Random;

use crate::binary::{Account, Home, pause};
use crate::place::{Place, Through};
use crate::truth::by_id;

/// The shortest life.
const SHORTEST: Duration = Duration::from_millis(30);

/// How much is done: by default enough to see a fault, and on demand all that is promised.
struct Scale {
    kills: u32,
    audit_logs: u32,
    tickets: u32,
}

fn scale() -> Scale {
    if std::env::var_os("ZENSTREAM_FULL").is_some() {
        Scale { kills: 100, audit_logs: 48_000, tickets: 2_000 }
    } else {
        Scale { kills: 15, audit_logs: 8_000, tickets: 600 }
    }
}

fn seed() -> u64 {
    let given = std::env::var("ZENSTREAM_SEED").ok().and_then(|text| text.parse().ok());
    given.unwrap_or_else(|| u64::from(std::process::id()))
}

/// One collection, from its start to its end.
struct Collection {
    home: Home,
    account: Account,
    place: Place,
    random: Random,
    kills: u32,
}

impl Collection {
    fn new(place: Place, seed: u64) -> Self {
        let Scale { kills, audit_logs, tickets } = scale();
        let home = Home::new();
        home.write("zenstream.yaml", &format!("{SOURCE}{}", place.config()));
        let account = Account::new(&format!(
            "--audit-logs {audit_logs} --tickets {tickets} --rate-limit 0 --latency-ms 40 \
             --faults error:40,cut:33"
        ));
        Self { home, account, place, random: Random::from_seed(seed), kills }
    }

    /// Starts the program and kills it after at most `longest`, so many times. In between,
    /// whatever is there is looked at: what was there before must be there unchanged.
    fn kill(&self, kills: u32, longest: Duration) {
        let mut before = BTreeMap::new();
        for kill in 0..kills {
            let running = self.run("").start();
            pause(longest.mul_f64(self.random.fraction()).max(SHORTEST));
            let ended = running.kill();
            assert_eq!(ended.code, None, "it ended before it was killed: {ended}");
            if kill % 10 == 9 {
                before = self.place.assert_unchanged(&before);
            }
        }
    }

    fn run(&self, options: &str) -> crate::binary::Program<'_> {
        let line = format!("run -c zenstream.yaml {options}");
        self.home.zenstream(&line).at(&self.account)
    }

    /// Collects the rest, then compares with the account.
    fn finish(&self, seed: u64) {
        self.run("--once").start().end_within(Duration::from_secs(400)).well();
        // Whatever a former life sent and nobody waited for has arrived.
        pause(Duration::from_secs(2));
        for stream in ["audit_logs", "tickets"] {
            let place = format!("{}, ZENSTREAM_SEED={seed}", self.place.name());
            let truth = by_id(&self.account.records(stream), "the account");
            let held = by_id(&self.place.lines(stream), &place);
            let records = self.account.records(stream);
            let lacking: Vec<usize> = (0..records.len())
                .filter(|at| !held.contains_key(&crate::truth::id_of(&records[*at])))
                .collect();
            let (lacks, all) = (lacking.len(), records.len());
            let first = lacking.first();
            assert_eq!(lacks, 0, "{place} lacks {lacks} of {all} {stream}, the first is {first:?}");
            assert!(held == truth, "{stream} is not as in the account in {place}");
        }
    }
}

pub(crate) const SOURCE: &str = r#"
data_dir: state
sources:
  acme:
    type: zendesk
    endpoint: ${ZENDESK_BASE_URL}
    auth: { strategy: bearer, token: "${ZENDESK_BEARER_TOKEN}" }
    streams: [audit_logs, tickets]
    since: beginning
    poll_interval_secs: 0.05
    stream_options: { audit_logs: { lag_secs: 0, overlap_secs: 400 } }
"#;

/// Every test here, for every place: a place whose server does not run is skipped, visibly.
macro_rules! everywhere {
    ($($name:ident: $place:expr,)+) => {$(
        mod $name {
            use super::*;

            #[test]
            fn however_often_it_is_killed_every_event_is_there_once() {
                let Some(place) = Place::open($place, Through::Nothing) else { return };
                let (seed, collection) = (seed(), Collection::new(place, seed()));
                collection.kill(collection.kills, Duration::from_millis(900));
                collection.finish(seed);
            }

            #[test]
            fn with_a_server_that_stops_and_starts_every_event_is_there_once() {
                let Some(place) = Place::open($place, Through::Alone) else { return };
                let (seed, collection) = (seed(), Collection::new(place, seed()));
                for _ in 0..2 {
                    collection.kill(2, Duration::from_millis(900));
                    let stopped_under_it = collection.run("").start();
                    pause(Duration::from_millis(400));
                    service("down", $place);
                    pause(Duration::from_millis(500));
                    stopped_under_it.kill();
                    collection.kill(2, Duration::from_millis(900));
                    let waits_for_it = collection.run("").start();
                    pause(Duration::from_millis(500));
                    service("up", $place);
                    pause(Duration::from_millis(1_500));
                    waits_for_it.kill();
                }
                collection.finish(seed);
            }

            #[test]
            fn five_thousand_events_at_once_are_five_thousand_events() {
                let Some(place) = Place::open($place, Through::Nothing) else { return };
                let (home, account) = (Home::new(), Account::new("--audit-logs 5000 --rate-limit 0"));
                home.write("zenstream.yaml", &format!("{SOURCE}{}", place.config()));
                home.zenstream("-q run -c zenstream.yaml --once").at(&account).run().well();
                let truth = by_id(&account.records("audit_logs"), "the account");
                let held = by_id(&place.lines("audit_logs"), &place.name());
                assert_eq!((truth.len(), held == truth), (5_000, true));
            }

            #[test]
            fn of_two_on_one_checkpoint_one_stops_and_every_event_is_there_once() {
                let Some(place) = Place::open($place, Through::Nothing) else { return };
                let (seed, collection) = (seed(), Collection::new(place, seed()));
                let mut stopped = 0;
                for _ in 0..4 {
                    let mut both = [collection.run("").start(), collection.run("").start()];
                    for _ in 0..40 {
                        pause(Duration::from_millis(200));
                        if both.iter_mut().any(|running| running.has_ended()) {
                            break;
                        }
                    }
                    for ended in both.map(|running| running.kill()) {
                        if ended.code == Some(1) {
                            let text = ended.last_words();
                            assert!(text.contains("hint: "), "{text}");
                            stopped += 1;
                        }
                    }
                }
                // Once all is collected there is nothing left to meet over.
                assert!(stopped >= 1, "of two, one should have stopped");
                collection.finish(seed);
            }
        }
    )+};
}

everywhere! {
    aws_s3: "s3",
    gcp_cloud_storage: "gcs",
    azure_blob: "azure",
    kafka: "kafka",
}

/// The same with a bad proxy in between, where HTTP is spoken.
macro_rules! through_a_bad_proxy {
    ($($name:ident: $place:expr,)+) => {$(
        #[test]
        fn $name() {
            let seed = seed();
            let Some(place) = Place::open($place, Through::BadProxy(seed)) else { return };
            let collection = Collection::new(place, seed);
            collection.kill(collection.kills, Duration::from_millis(2_500));
            collection.finish(seed);
        }
    )+};
}

through_a_bad_proxy! {
    through_a_bad_proxy_every_event_is_in_s3_once: "s3",
    through_a_bad_proxy_every_event_is_in_gcs_once: "gcs",
    through_a_bad_proxy_every_event_is_in_azure_once: "azure",
}

/// Stops or starts a server.
fn service(what: &str, name: &str) {
    let services = std::env::var("ZENSTREAM_TEST_SERVICES").expect("where the servers are from");
    let status = Command::new(format!("{services}/{what}")).arg(name).status();
    assert!(status.expect("a command").success(), "{what} {name}");
}
