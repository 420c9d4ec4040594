//! What can be read: the catalogue of streams, and how each is read.

mod catalogue;

use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use catalogue::{CATALOGUE, Paging, StreamSpec, find};

/// Where a stream continues. Only the stream that made it can read it; it has
/// no order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Position(pub Value);
