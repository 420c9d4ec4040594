//! Against real servers, each of which a variable names; without it the tests of that server are
//! skipped, and say so. A table of contents:
//!
//! * `kafka`: Apache Kafka at `ZENSTREAM_TEST_KAFKA`, with sign-in at `ZENSTREAM_TEST_KAFKA_SASL`

mod kafka;

#[expect(clippy::print_stderr, reason = "who runs the tests is to see what they did not test")]
fn skipped(why: &str) {
    eprintln!("SKIPPED: {why}");
}

/// What the variable names; none, with a line that says so, where it is not set.
fn server(variable: &str) -> Option<String> {
    let named = std::env::var(variable).ok().filter(|value| !value.is_empty());
    if named.is_none() {
        skipped(&format!("{variable} names no server"));
    }
    named
}

/// A name that no other run has: servers are shared.
fn unique(name: &str) -> String {
    let id = format!("{:032x}", zenstream::random::Random::from_system().bits());
    format!("zenstream-{name}-{}", &id[..12])
}
