//! What detections match on, through every kind of real destination.

use crate::binary::Home;
use crate::place::{Place, Through};
use crate::rules;

fn come_through(service: &'static str, compressions: &[&'static str]) {
    for compression in compressions {
        let Some(place) = Place::open(service, Through::Nothing) else { return };
        let place = place.with_compression(compression);
        let (home, account) = (Home::new(), rules::account());
        let source = format!(
            "data_dir: state\nsources:\n  acme: {{ type: zendesk, endpoint: '{account}', auth: {{ strategy: bearer, \
             token: t }}, streams: [audit_logs], since: beginning }}\n"
        );
        home.write("zenstream.yaml", &(source + &place.config()));
        home.zenstream("run --once -c zenstream.yaml").run().well();
        let what = format!("{}, {compression}", place.name());
        rules::assert_come_through(&what, &place.lines("audit_logs"));
    }
}

const OF_OBJECTS: &[&str] = &["none", "gzip", "zlib", "zstd"];

#[test]
fn detections_find_all_of_it_in_s3() {
    come_through("s3", OF_OBJECTS);
}

#[test]
fn detections_find_all_of_it_in_gcs() {
    come_through("gcs", OF_OBJECTS);
}

#[test]
fn detections_find_all_of_it_in_azure_blob() {
    come_through("azure", OF_OBJECTS);
}

#[test]
fn detections_find_all_of_it_in_kafka() {
    come_through("kafka", &["none", "gzip", "lz4", "snappy", "zstd"]);
}
