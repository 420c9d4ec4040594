//! Encoding.
/// Turns events into bytes.
#[derive(Debug)]
pub struct Encoder;
