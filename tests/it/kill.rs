//! The real binary, killed at random moments: whenever that is, the next run goes on, and in the
//! end every record is in every file once, byte for byte.
//!
//! `ZENSTREAM_SEED=17 cargo test --test it kill` takes the same moments again.

use std::time::Duration;

use zenstream::random::Random;

use crate::binary::{Account, Home, pause};
use crate::truth::by_id;

const KILLS: u32 = 32;

/// The shortest life.
const SHORTEST: Duration = Duration::from_millis(5);

/// Two sinks of two kinds, which hold different things at the moment of death.
const CONFIG: &str = r#"
data_dir: state
sources:
  acme:
    type: zendesk
    endpoint: ${ZENDESK_BASE_URL}
    auth: { strategy: bearer, token: "${ZENDESK_BEARER_TOKEN}" }
    streams: [audit_logs, tickets]
    since: beginning
    poll_interval_secs: 0.02
    stream_options: { audit_logs: { lag_secs: 0, overlap_secs: 400 } }
sinks:
  plain:
    type: file
    inputs: [acme]
    path: "plain/{{ stream }}.ndjson"
  packed:
    type: file
    inputs: [acme]
    compression: gzip
    path: "packed/{{ stream }}.ndjson.gz"
"#;

fn seed() -> u64 {
    let given = std::env::var("ZENSTREAM_SEED").ok().and_then(|text| text.parse().ok());
    given.unwrap_or_else(|| u64::from(std::process::id()))
}

/// Starts the program and kills it after at most `longest`, again and again. Returns how often
/// that was while it was collecting: how often there was more in the files than before.
fn kill_again_and_again(home: &Home, account: &Account, longest: Duration, seed: u64) -> u32 {
    let random = Random::from_seed(seed);
    let mut in_the_middle = 0;
    let mut before = 0;
    for _ in 0..KILLS {
        let running = home.zenstream("-q run -c zenstream.yaml").at(account).start();
        pause(longest.mul_f64(random.fraction()).max(SHORTEST));
        let ended = running.kill();
        assert_eq!(ended.code, None, "it ended before it was killed: {ended}");
        let after = home.size("plain/audit_logs.ndjson") + home.size("plain/tickets.ndjson");
        in_the_middle += u32::from(after != before);
        before = after;
    }
    in_the_middle
}

/// The lines of a stream in each of the files.
fn files(home: &Home, stream: &str, seed: u64) -> [(String, Vec<String>); 2] {
    [
        (
            format!("the plain file, ZENSTREAM_SEED={seed}"),
            home.lines(&format!("plain/{stream}.ndjson")),
        ),
        (
            format!("the packed file, ZENSTREAM_SEED={seed}"),
            home.gzip_lines(&format!("packed/{stream}.ndjson.gz")),
        ),
    ]
}

#[test]
fn history_is_in_every_file_exactly_once_however_often_it_is_killed() {
    let seed = seed();
    let home = Home::new();
    home.write("zenstream.yaml", CONFIG);
    let account = Account::new(
        "--audit-logs 20000 --tickets 2500 --rate-limit 0 --latency-ms 20 --faults error:15,cut:11",
    );
    let in_the_middle = kill_again_and_again(&home, &account, Duration::from_millis(300), seed);
    assert!(in_the_middle >= KILLS / 4, "ZENSTREAM_SEED={seed}: only {in_the_middle} kills hit");
    home.zenstream("-q run -c zenstream.yaml --once").at(&account).run().well();
    for stream in ["audit_logs", "tickets"] {
        let truth = by_id(&account.records(stream), "the account");
        for (place, lines) in files(&home, stream, seed) {
            let held = by_id(&lines, &place);
            let same = held == truth;
            assert!(
                same,
                "{stream} is not as in the account in {place}: {} of {}",
                held.len(),
                truth.len()
            );
        }
    }
}

#[test]
fn what_comes_meanwhile_is_in_every_file_exactly_once_late_records_included() {
    let seed = seed();
    let home = Home::new();
    home.write("zenstream.yaml", CONFIG);
    let account = Account::new(
        "--audit-logs 3000 --tickets 100 --history-days 1 --live-audit-logs 6000 --late-percent 20 \
         --rate-limit 0 --latency-ms 5 --faults error:40,cut:33",
    );
    // Longer, because new records come once a second.
    let in_the_middle = kill_again_and_again(&home, &account, Duration::from_millis(700), seed);
    assert!(in_the_middle >= KILLS / 8, "ZENSTREAM_SEED={seed}: only {in_the_middle} kills hit");
    let then = by_id(&account.records("audit_logs"), "the account");
    home.zenstream("-q run -c zenstream.yaml --once").at(&account).run().well();
    let now = by_id(&account.records("audit_logs"), "the account");
    assert!(then.len() > 3000, "nothing came meanwhile");
    for (place, lines) in files(&home, "audit_logs", seed) {
        let held = by_id(&lines, &place);
        let lacks = then.iter().find(|(id, line)| held.get(*id) != Some(line));
        assert_eq!(lacks, None, "{place} lacks it");
        let strange = held.iter().find(|(id, line)| now.get(*id) != Some(line));
        assert_eq!(strange, None, "{place} has it");
    }
}
