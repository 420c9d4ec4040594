//! Why a bucket did not do what it was asked.

/// Why a bucket did not do what it was asked.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct BucketError {
    /// What follows from it.
    pub kind: BucketErrorKind,
    /// What failed, in words, with the place and without secrets.
    pub message: String,
    /// What a person could do about it.
    pub hint: Option<String>,
}

/// What follows from a [`BucketError`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BucketErrorKind {
    /// It may pass: away, busy, slow, or an answer that was lost.
    Retry,
    /// It stays so until somebody changes something: credentials, permissions, a missing bucket.
    Config,
}

impl BucketError {
    /// An error without a hint.
    pub fn new(kind: BucketErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), hint: None }
    }

    /// The same error, with what a person could do about it.
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}
