//! Against real servers, each of which a variable names; without it the tests of that server are
//! skipped, and say so. A table of contents:
//!
//! * `binary`: starts the real binary, and a pretend account for it
//! * `objects`: what every bucket must do, and the object sink and the checkpoint over it
//! * `aws_s3`: a store that speaks S3's protocol, at `ZENSTREAM_TEST_S3_ENDPOINT`
//! * `gcp_cloud_storage`: fake-gcs-server, at `ZENSTREAM_TEST_GCS_ENDPOINT`
//! * `azure_blob`: Azurite, of `ZENSTREAM_TEST_AZURE_CONNECTION_STRING`
//! * `tokens`: rotating tokens in a bucket, for several processes
//! * `kafka`: Apache Kafka, at `ZENSTREAM_TEST_KAFKA`
//! * `rules`: what detections look for, and records that they find it in
//! * `detections`: such records through every server
//! * `place`: where a whole collection goes, and what is there in the end
//! * `proxy`: what lies in between on a bad day
//! * `newcomer`: the first mistakes with a destination, and what is said of them
//! * `turns`: the real binary, several times on one checkpoint, of which one works
//! * `kill`: the real binary, killed at random moments, with servers that stop and start

#![allow(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

#[path = "../it/binary.rs"]
#[allow(dead_code, reason = "the other tests use the rest of it")]
mod binary;
#[path = "../it/rules.rs"]
#[allow(dead_code, reason = "the other tests use the rest of it")]
mod rules;
#[path = "../it/truth.rs"]
#[allow(dead_code, reason = "the other tests use the rest of it")]
mod truth;

mod aws_s3;
mod azure_blob;
mod detections;
mod gcp_cloud_storage;
mod kafka;
mod kill;
mod newcomer;
mod objects;
mod place;
mod proxy;
mod tokens;
mod turns;

/// What the variable names; none, with a line that says so, where it is not set.
fn server(variable: &str) -> Option<String> {
    let named = std::env::var(variable).ok().filter(|value| !value.is_empty());
    if named.is_none() {
        skipped(&format!("{variable} names no server"));
    }
    named
}

/// Says that a test was left out, past the harness, which keeps what tests print that succeed.
fn skipped(why: &str) {
    use std::io::Write as _;
    let _unseen = std::io::stderr().write_all(format!("SKIPPED: {why}\n").as_bytes());
}

/// A name that no other run has: servers are shared.
fn unique(name: &str) -> String {
    let id = format!("{:032x}", zenstream::random::Random::from_system().bits());
    format!("zenstream-{name}-{}", &id[..12])
}
