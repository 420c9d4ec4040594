//! Records that detections are tried on, given out as Zendesk does, and what has to come of them.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;

use serde_json::Value;

/// Beside this file for whoever wants the records alone.
#[path = "detected.rs"]
mod detected;

pub(crate) use detected::{CASES, set_off};

/// Lines that came out of somewhere are the records, byte for byte and in order, and set off what the
/// records do.
pub(crate) fn assert_come_through(place: &str, lines: &[String]) {
    let sent: Vec<&str> = CASES.iter().map(|case| case.record).collect();
    assert_eq!(lines, sent, "{place}");
    for (line, case) in lines.iter().zip(CASES) {
        let record: Value =
            serde_json::from_str(line).unwrap_or_else(|error| panic!("{error} in {line}"));
        assert_eq!(set_off(&record), case.sets_off.iter().copied().collect(), "{place}: {line}");
    }
}

/// The page of all records.
pub(crate) fn page() -> String {
    let records: Vec<&str> = CASES.iter().map(|case| case.record).collect();
    let meta = r#""meta":{"has_more":false,"after_cursor":null,"before_cursor":null},"links":{"prev":null,"next":null}"#;
    format!(r#"{{"audit_logs":[{}],{meta}}}"#, records.join(","))
}

/// A request as it came.
pub(crate) struct Asked {
    pub(crate) path: String,
    /// Names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

/// Serves on a port of this machine until the tests are over: what `answer` makes of a request is the body.
/// Returns the address.
#[expect(clippy::disallowed_methods, reason = "the server ends with the tests")]
pub(crate) fn serve(answer: impl Fn(Asked) -> String + Send + Sync + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = format!("http://{}", listener.local_addr().expect("an address"));
    let answer = Arc::new(answer);
    std::thread::spawn(move || {
        for connection in listener.incoming() {
            let answer = Arc::clone(&answer);
            std::thread::spawn(move || {
                let mut stream = connection.expect("a connection");
                // Whoever only tries whether somebody listens asks nothing.
                let Some(asked) = asked(&stream) else { return };
                let body = answer(asked);
                let head = format!(
                    "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
                    body.len()
                );
                stream.write_all((head + &body).as_bytes()).expect("somebody waits for it");
            });
        }
    });
    address
}

fn asked(stream: &TcpStream) -> Option<Asked> {
    let mut reader = BufReader::new(stream);
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        if line.trim_end().is_empty() {
            break;
        }
        lines.push(line.trim_end().to_owned());
    }
    let path = lines.first()?.split(' ').nth(1)?.to_owned();
    let headers = lines[1..].iter().filter_map(|line| line.split_once(": "));
    let headers: Vec<(String, String)> =
        headers.map(|(name, value)| (name.to_lowercase(), value.to_owned())).collect();
    let length = headers.iter().find(|(name, _)| name == "content-length");
    let mut body = vec![0; length.map_or(0, |(_, length)| length.parse().expect("a length"))];
    reader.read_exact(&mut body).ok()?;
    Some(Asked { path, headers, body })
}

/// An account that has these records, on a port.
pub(crate) fn account() -> String {
    serve(|asked| {
        assert!(!asked.path.contains("page[after]") && !asked.path.contains("page%5Bafter"));
        page()
    })
}
