//! What an endpoint answers, before and after the wire's concerns are added.

use std::borrow::Cow;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, StatusCode};

pub(super) const JSON: &str = "application/json; charset=utf-8";
pub(super) const TEXT: &str = "text/plain; charset=utf-8";
pub(super) const HTML: &str = "text/html; charset=utf-8";

/// An answer, complete but for its way over the wire.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// All headers but `content-length`; with `content-encoding` when there is a gzip.
    pub headers: HeaderMap,
    /// The body, not compressed.
    pub body: Bytes,
    /// The body as gzip, when the request takes that.
    pub gzip: Option<Bytes>,
    /// How long to wait before the head is sent.
    pub delay: Duration,
    /// What happens to the body on its way.
    pub fault: Option<BodyFault>,
}

impl Answer {
    /// The bytes that travel.
    pub fn wire_body(&self) -> &Bytes {
        self.gzip.as_ref().unwrap_or(&self.body)
    }
}

/// What happens to a body on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyFault {
    /// All of it is announced, this share in percent comes, then the connection breaks.
    Cut {
        /// How many percent of the travelling bytes arrive.
        percent: usize,
    },
    /// This share in percent comes and then the body ends as if it were whole.
    Truncated {
        /// How many percent of the travelling bytes arrive.
        percent: usize,
    },
    /// It comes in this many pieces with a pause before each.
    Slow {
        /// How many pieces.
        pieces: usize,
        /// The pause.
        pause: Duration,
    },
}

impl BodyFault {
    /// How many of `length` bytes arrive.
    pub fn arriving(self, length: usize) -> usize {
        match self {
            Self::Cut { percent } | Self::Truncated { percent } => length * percent / 100,
            Self::Slow { .. } => length,
        }
    }
}

/// What an endpoint has to say.
#[derive(Debug, Clone)]
pub(super) struct Reply {
    pub(super) status: StatusCode,
    pub(super) content_type: Option<&'static str>,
    pub(super) body: Bytes,
    pub(super) gzip: Option<Bytes>,
    pub(super) headers: Vec<(Cow<'static, str>, String)>,
    /// The same request will always get this: the page may be kept.
    pub(super) is_final: bool,
}

impl Reply {
    /// JSON.
    pub(super) fn json(status: u16, body: impl Into<Bytes>) -> Self {
        Self::new(status, Some(JSON), body)
    }

    /// Any kind.
    pub(super) fn new(
        status: u16,
        content_type: Option<&'static str>,
        body: impl Into<Bytes>,
    ) -> Self {
        Self {
            status: StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
            content_type,
            body: body.into(),
            gzip: None,
            headers: Vec::new(),
            is_final: false,
        }
    }

    /// With one more header.
    pub(super) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }
}
