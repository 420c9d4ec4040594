//! What detections match on, through every kind of real destination.

use crate::binary::Home;
use crate::place::{Place, Through};
use crate::rules;

fn come_through(service: &'static str) {
    let Some(place) = Place::open(service, Through::Nothing) else { return };
    let (home, account) = (Home::new(), rules::account());
    let source = format!(
        "data_dir: state\nsources:\n  acme: {{ type: zendesk, endpoint: '{account}', auth: {{ strategy: bearer, \
         token: t }}, streams: [audit_logs], since: beginning }}\n"
    );
    home.write("zenstream.yaml", &(source + &place.config()));
    home.zenstream("run --once -c zenstream.yaml").run().well();
    rules::assert_come_through(&place.name(), &place.lines("audit_logs"));
}

#[test]
fn detections_find_all_of_it_in_s3() {
    come_through("s3");
}

#[test]
fn detections_find_all_of_it_in_gcs() {
    come_through("gcs");
}

#[test]
fn detections_find_all_of_it_in_azure_blob() {
    come_through("azure");
}

#[test]
fn detections_find_all_of_it_in_kafka() {
    come_through("kafka");
}
