//! What needs a real server. A table of contents:
//!
//! * `aws_s3`: a store that speaks S3's protocol

#[path = "../it/binary.rs"]
#[allow(dead_code, reason = "the other tests use the rest of it")]
mod binary;

mod aws_s3;
