//! What a metric is: a name, a kind, what it says, and a value for each set of labels.
//!
//! Plain data: it knows neither what is measured nor who reads it.

use std::fmt;

use serde_json::{Number, Value, json};

/// What all names begin with.
pub const NAMESPACE: &str = "zenstream";

/// One kind of metric: its name after `zenstream_`; `counter`, `gauge` or `summary`; what it says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Metric(pub &'static str, pub &'static str, pub &'static str);

/// Names and values of labels, in the order in which they are shown.
pub type Labels = Vec<(&'static str, String)>;

/// A metric with all of its values at one moment.
#[derive(Debug, Clone, PartialEq)]
pub struct Family {
    /// Which metric it is.
    pub metric: Metric,
    /// At least one.
    pub samples: Vec<(Labels, Reading)>,
}

/// One value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Reading {
    /// A count.
    Whole(u64),
    /// Anything else that is one number.
    Real(f64),
    /// How many there were, and how much they were together.
    Summary {
        /// Together.
        sum: f64,
        /// How many.
        count: u64,
    },
}

impl From<u64> for Reading {
    fn from(count: u64) -> Self {
        Self::Whole(count)
    }
}

impl From<u32> for Reading {
    fn from(count: u32) -> Self {
        Self::Whole(count.into())
    }
}

impl From<bool> for Reading {
    fn from(is_so: bool) -> Self {
        Self::Whole(is_so.into())
    }
}

impl From<f64> for Reading {
    fn from(value: f64) -> Self {
        Self::Real(value)
    }
}

impl fmt::Display for Reading {
    /// The number; of a summary the sum.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole(count) => count.fmt(f),
            Self::Real(value) | Self::Summary { sum: value, .. } => value.fmt(f),
        }
    }
}

impl Reading {
    /// Its type and its value, as Vector writes a metric in JSON
    /// (<https://vector.dev/docs/architecture/data-model/metric/>). `kind` is that of the metric.
    pub fn in_json(self, kind: &str) -> (String, Value) {
        let real = |value: f64| Number::from_f64(value).map_or(Value::Null, Value::Number);
        match self {
            Self::Whole(count) => (kind.to_owned(), json!({ "value": count })),
            Self::Real(value) => (kind.to_owned(), json!({ "value": real(value) })),
            Self::Summary { sum, count } => {
                let summary = json!({ "quantiles": [], "count": count, "sum": real(sum) });
                ("aggregated_summary".to_owned(), summary)
            }
        }
    }
}
