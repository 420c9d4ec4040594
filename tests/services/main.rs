//! Against real servers, each of which a variable names; without it the tests of that server are
//! skipped, and say so. A table of contents:
//!
//! * `binary`: starts the real binary, and a pretend account for it
//! * `objects`: what every bucket must do, and the object sink and the checkpoint over it
//! * `gcp_cloud_storage`: fake-gcs-server, at `ZENSTREAM_TEST_GCS_ENDPOINT`
//! * `azure_blob`: Azurite, of `ZENSTREAM_TEST_AZURE_CONNECTION_STRING`

mod azure_blob;
#[path = "../it/binary.rs"]
#[allow(dead_code, reason = "other tests need the rest of it")]
mod binary;
mod gcp_cloud_storage;
mod objects;

/// What the variable names; none, with a line that says so, where it is not set.
fn server(variable: &str) -> Option<String> {
    let named = std::env::var(variable).ok().filter(|value| !value.is_empty());
    if named.is_none() {
        eprintln!("SKIPPED: {variable} names no server");
    }
    named
}

/// A name that no other run has: servers are shared.
fn unique(name: &str) -> String {
    let id = format!("{:032x}", zenstream::random::Random::from_system().bits());
    format!("zenstream-{name}-{}", &id[..12])
}
