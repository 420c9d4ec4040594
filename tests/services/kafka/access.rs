//! Who may do what with a topic: the one request for it that no client library of ours has.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

/// `CreateAcls`, in the last version without tagged fields.
/// <https://kafka.apache.org/protocol#The_Messages_CreateAcls>
const CREATE_ACLS: i16 = 30;
const VERSION: i16 = 1;

const TOPIC: u8 = 2;
const LITERAL: u8 = 3;
const ALLOW: u8 = 3;

/// What may be allowed.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Operation {
    Write = 4,
    Describe = 8,
}

/// What brokers answer that look at nobody's permissions.
const SECURITY_DISABLED: i16 = 54;

/// Allows a user to do that with a topic, and from now on nobody anything else. `false` where
/// brokers look at nobody's permissions.
pub(crate) fn allow(servers: &str, user: &str, topic: &str, operation: Operation) -> bool {
    let mut request = Vec::new();
    for number in [CREATE_ACLS, VERSION] {
        request.extend(number.to_be_bytes());
    }
    request.extend(7_i32.to_be_bytes());
    push_text(&mut request, "tests");
    request.extend(1_i32.to_be_bytes());
    request.push(TOPIC);
    push_text(&mut request, topic);
    request.push(LITERAL);
    push_text(&mut request, &format!("User:{user}"));
    push_text(&mut request, "*");
    request.extend([operation as u8, ALLOW]);
    let mut stream = TcpStream::connect(servers).expect("a broker");
    let length = i32::try_from(request.len()).expect("a short request");
    stream.write_all(&[&length.to_be_bytes(), &request[..]].concat()).expect("a request");
    let mut length = [0; 4];
    stream.read_exact(&mut length).expect("an answer");
    let mut answer = vec![0; usize::try_from(i32::from_be_bytes(length)).expect("a length")];
    stream.read_exact(&mut answer).expect("an answer");
    // After the request's number, the time of throttling and the count of answers.
    match i16::from_be_bytes([answer[12], answer[13]]) {
        0 => true,
        SECURITY_DISABLED => false,
        code => panic!("the broker answers {code}"),
    }
}

fn push_text(request: &mut Vec<u8>, text: &str) {
    request.extend(i16::try_from(text.len()).expect("a short text").to_be_bytes());
    request.extend(text.as_bytes());
}
