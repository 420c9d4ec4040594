//! What detections match on comes out of every sink as it went in, however it was compressed: null stays
//! null, empty stays empty, line breaks stay, and an id is never a float.

use std::io::Read as _;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use futures::StreamExt as _;
use http::{HeaderMap, StatusCode};

use zenstream::buckets::MemoryBucket;
use zenstream::checkpoint::MemoryStore;
use zenstream::clock::Clock;
use zenstream::pipeline::{DeliverySettings, Pipeline, RunOptions, SinkPlan, SourcePlan};
use zenstream::random::Random;
use zenstream::simulator::Settings;
use zenstream::sinks::{Compression, Encoder, Memory, Object, ObjectSettings, Sink};
use zenstream::streams::CATALOGUE;
use zenstream::zendesk::transport::{Request, Response, Transport, TransportError};

use crate::binary::Home;
use crate::rules::{self, CASES, assert_come_through, set_off};
use crate::world::{Reading, client, stream_settings};

#[test]
fn the_records_set_off_what_they_are_meant_to() {
    for case in CASES {
        let record = serde_json::from_str(case.record).expect("JSON");
        assert_eq!(set_off(&record), case.sets_off.iter().copied().collect(), "{}", case.record);
    }
    let lost = r#"{"source_type":"api_token","action":"create","change_description":null}"#;
    let lost = serde_json::from_str(lost).expect("JSON");
    assert_eq!(set_off(&lost), ["(fails)"].into(), "an empty text that became null is told");
}

fn lines(packed: &[u8], compression: &str) -> Vec<String> {
    let mut text = String::new();
    let unpacked = match compression {
        "gzip" => flate2::read::MultiGzDecoder::new(packed).read_to_string(&mut text),
        "zlib" | "deflate" => flate2::read::ZlibDecoder::new(packed).read_to_string(&mut text),
        "zstd" => zstd::Decoder::new(packed).expect("zstd").read_to_string(&mut text),
        _ => std::io::Cursor::new(packed).read_to_string(&mut text),
    };
    unpacked.expect("it is packed as it says");
    text.lines().map(str::to_owned).collect()
}

/// Bodies by path, with how they were packed.
type Bodies = Arc<Mutex<Vec<(String, String, Vec<u8>)>>>;

fn collector() -> (String, Bodies) {
    let bodies = Bodies::default();
    let seen = Arc::clone(&bodies);
    let address = rules::serve(move |asked| {
        let encoding = asked.headers.iter().find(|(name, _)| name == "content-encoding");
        let encoding = encoding.map_or("none".to_owned(), |(_, encoding)| encoding.clone());
        seen.lock().expect("no panic").push((asked.path, encoding, asked.body));
        "{}".to_owned()
    });
    (address, bodies)
}

#[test]
fn detections_find_all_of_it_in_files_on_the_console_and_in_requests() {
    let (account, (collector, bodies)) = (rules::account(), collector());
    let mut sinks = "  out: { type: console, inputs: [acme] }\n".to_owned();
    let (of_files, of_requests) = (["none", "gzip", "zstd"], ["none", "gzip", "zlib", "zstd"]);
    let file = |it: &str| {
        format!("  f_{it}: {{ type: file, inputs: [acme], path: 'out/{it}', compression: {it} }}\n")
    };
    let requests = |it: &str| {
        format!(
            "  h_{it}: {{ type: http, inputs: [acme], uri: '{collector}/{it}', compression: {it} }}\n"
        )
    };
    for it in of_files {
        sinks.push_str(&file(it));
    }
    for it in of_requests {
        sinks.push_str(&requests(it));
    }
    let home = Home::new();
    home.write(
        "zenstream.yaml",
        &format!(
            "data_dir: state\nsources:\n  acme: {{ type: zendesk, endpoint: '{account}', auth: {{ strategy: bearer, \
             token: t }}, streams: [audit_logs], since: beginning }}\nsinks:\n{sinks}"
        ),
    );
    let ended = home.zenstream("run --once -c zenstream.yaml").run().well();
    assert_come_through("console", &ended.lines());
    for compression in of_files {
        let packed = std::fs::read(home.path(&format!("out/{compression}"))).expect("a file");
        assert_come_through(&format!("file, {compression}"), &lines(&packed, compression));
    }
    let bodies = bodies.lock().expect("no panic");
    for compression in of_requests {
        let of_path = bodies.iter().filter(|(path, ..)| *path == format!("/{compression}"));
        let found: Vec<String> =
            of_path.flat_map(|(_, encoding, body)| lines(body, encoding)).collect();
        assert_come_through(&format!("http, {compression}"), &found);
    }
}

/// Answers everything with the page.
#[derive(Debug)]
struct Page;

#[async_trait]
impl Transport for Page {
    async fn send(&self, _: Request) -> Result<Response, TransportError> {
        let body = bytes::Bytes::from(rules::page());
        let body = futures::stream::once(async { Ok(body) }).boxed();
        Ok(Response { status: StatusCode::OK, headers: HeaderMap::new(), body })
    }
}

fn objects(bucket: &MemoryBucket, compression: Compression, clock: Clock) -> Object {
    let settings = ObjectSettings {
        prefix: "zendesk/{{ stream }}/%F/".to_owned(),
        time_format: "%s".to_owned(),
        append_uuid: true,
        extension: None,
        compression,
        content_type: None,
        content_encoding: None,
    };
    let random = Arc::new(Random::from_seed(1));
    Object::new(Arc::new(bucket.clone()), settings, Encoder::default(), clock, random)
        .expect("these settings are right")
}

#[tokio::test(start_paused = true)]
async fn detections_find_all_of_it_in_memory_and_in_objects() {
    let (clock, random) =
        (Clock::simulated(Settings::default().now), Arc::new(Random::from_seed(1)));
    let reading = Reading::default();
    let client = client(Arc::new(Page), clock, 0.8, Arc::clone(&random));
    let spec = CATALOGUE.iter().find(|spec| spec.name == "audit_logs").expect("it is there");
    let streams = vec![(stream_settings(&reading, spec, false), None)];
    let source = SourcePlan { name: "acme".to_owned(), client: Arc::new(client), streams };
    let plan = |name: &str, sink: Arc<dyn Sink>| SinkPlan {
        name: name.to_owned(),
        inputs: vec!["acme.audit_logs".to_owned()],
        acknowledged: true,
        healthcheck: true,
        delivery: DeliverySettings::batched(reading.batch),
        sink,
    };
    let memory = Memory::new();
    let packed = [
        ("none", Compression::None),
        ("gzip", Compression::GZIP),
        ("zlib", Compression::ZLIB),
        ("zstd", Compression::ZSTD),
    ];
    let buckets = packed.map(|(name, compression)| (name, compression, MemoryBucket::default()));
    let mut sinks = vec![plan("memory", Arc::new(memory.clone()))];
    sinks.extend(buckets.iter().map(|(name, compression, bucket)| {
        plan(name, Arc::new(objects(bucket, *compression, clock)))
    }));
    let store = Arc::new(MemoryStore::new());
    let pipeline = Pipeline::new(vec![source], sinks, store, clock, random);
    let shutdown_timeout = Duration::from_secs(60);
    let options = RunOptions { once: true, max_pages: None, shutdown_timeout };
    pipeline.run(options, std::future::pending()).await.expect("a run");
    assert_come_through("memory", &memory.lines());
    for (name, _, bucket) in buckets {
        let objects = bucket.objects();
        let found: Vec<String> =
            objects.iter().flat_map(|(_, object)| lines(&object.body, name)).collect();
        assert_come_through(&format!("objects, {name}"), &found);
    }
}
