//! The real binary, several times on one checkpoint in a real bucket: one works, the others stand by.
//! Killed, suspended and stopped; in the end every event is there exactly once.

use std::time::Duration;

use tokio::time::Instant;

use crate::binary::{Account, Home, Program, Running, pause};
use crate::kill::SOURCE;
use crate::place::{Place, Through};
use crate::truth::by_id;

const TTL: Duration = Duration::from_secs(4);

/// Two machines with the same config.
struct Crew {
    homes: [Home; 2],
    account: Account,
    place: Place,
}

impl Crew {
    fn new(place: Place) -> Self {
        let turns =
            format!("key: state.json, lease: {{ enabled: true, ttl_secs: {} }}", TTL.as_secs());
        let config = format!("{SOURCE}{}", place.config()).replacen("key: state.json", &turns, 1);
        let homes = [Home::new(), Home::new()];
        for home in &homes {
            home.write("zenstream.yaml", &config);
        }
        let account = Account::new(
            "--audit-logs 30000 --tickets 600 --rate-limit 0 --latency-ms 150 --faults error:40",
        );
        Self { homes, account, place }
    }

    fn run(&self, machine: usize, options: &str) -> Program<'_> {
        self.homes[machine].zenstream(&format!("run -c zenstream.yaml {options}")).at(&self.account)
    }

    /// One that works on the first machine, one that stands by on the second.
    fn start(&self) -> (Running, Running) {
        let mut leader = self.run(0, "").start();
        leader.wait_until("the lease", |it| it.stderr().contains("leader: "));
        let mut standby = self.run(1, "").start();
        standby.wait_until("the standby", |it| it.stderr().contains("standing by"));
        pause(Duration::from_millis(700));
        (leader, standby)
    }

    /// Collects the rest, then compares with the account.
    fn finish(&self) {
        self.run(0, "--once").start().end_within(Duration::from_secs(400)).well();
        pause(Duration::from_secs(2));
        for stream in ["audit_logs", "tickets"] {
            let truth = by_id(&self.account.records(stream), "the account");
            let held = by_id(&self.place.lines(stream), &self.place.name());
            assert_eq!(held.len(), truth.len(), "{stream} in {}", self.place.name());
            assert!(held == truth, "{stream} is not as in the account in {}", self.place.name());
        }
    }
}

/// How long until it is its turn.
fn until_its_turn(standby: &mut Running) -> Duration {
    let start = Instant::now();
    standby.wait_until("its turn", |it| it.stderr().contains("leader: it is this process's turn"));
    start.elapsed()
}

fn about_a_ttl(waited: Duration) {
    assert!(waited < TTL * 2, "it took over after {waited:?}");
    assert!(waited > TTL / 3, "it did not wait for the ttl: {waited:?}");
}

/// Every test here, for every bucket that can keep a checkpoint.
macro_rules! everywhere {
    ($($name:ident: $place:expr,)+) => {$(
        mod $name {
            use super::*;

            #[test]
            fn who_is_killed_is_followed_and_every_event_is_there_once() {
                let Some(place) = Place::open($place, Through::Nothing) else { return };
                let crew = Crew::new(place);
                let (mut leader, mut standby) = crew.start();
                for machine in [0, 1, 0] {
                    leader.kill();
                    about_a_ttl(until_its_turn(&mut standby));
                    leader = standby;
                    standby = crew.run(machine, "").start();
                    standby.wait_until("the standby", |it| it.stderr().contains("standing by"));
                    pause(Duration::from_millis(700));
                }
                leader.kill();
                standby.kill();
                crew.finish();
            }

            #[test]
            fn who_is_stopped_hands_over_in_seconds() {
                let Some(place) = Place::open($place, Through::Nothing) else { return };
                let crew = Crew::new(place);
                let (leader, mut standby) = crew.start();
                let once = crew.run(0, "--once").start().end_within(Duration::from_secs(60)).well();
                assert!(once.stderr.contains("nothing to do"), "{once}");
                leader.signal("TERM");
                let ended = leader.end_within(Duration::from_secs(60)).well();
                assert!(ended.stderr.contains("the lease was given back"), "{ended}");
                let waited = until_its_turn(&mut standby);
                assert!(waited < Duration::from_secs(2), "{waited:?}");
                standby.signal("TERM");
                standby.end_within(Duration::from_secs(60)).well();
                crew.finish();
            }

            #[test]
            fn who_was_suspended_stops_and_every_event_is_there_once() {
                let Some(place) = Place::open($place, Through::Nothing) else { return };
                let crew = Crew::new(place);
                let (leader, mut standby) = crew.start();
                leader.signal("STOP");
                about_a_ttl(until_its_turn(&mut standby));
                leader.signal("CONT");
                let ended = leader.end_within(Duration::from_secs(60));
                assert_eq!(ended.code, Some(1), "{ended}");
                let said = ended.last_words();
                assert!(said.contains("lease") && said.contains("hint: "), "{said}");
                assert!(!standby.has_ended(), "{}", standby.stderr());
                standby.kill();
                crew.finish();
            }
        }
    )+};
}

everywhere! {
    aws_s3: "s3",
    gcp_cloud_storage: "gcs",
}
