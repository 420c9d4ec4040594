//! Where tokens are kept that Zendesk replaces with every renewal.
//!
//! A store compares and sets one [`TokenRecord`](crate::zendesk::TokenRecord), for all processes that
//! sign in with it: in a file, or as an object beside a checkpoint. Whose turn it is to renew them is
//! not decided here.

mod bucket;
mod file;

pub use bucket::BucketTokens;
pub use file::FileTokens;
