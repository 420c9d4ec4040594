//! What Google's answers, and their absence, mean for a bucket. Pure.

use google_cloud_auth::errors::CredentialsError;
use google_cloud_storage::Error;
use serde::Deserialize;

use crate::buckets::{BucketError, BucketErrorKind};
use crate::http_client;

/// The longest piece of an answer that is shown.
const SHOWN_CHARS: usize = 300;

/// Why a request came to nothing.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// It was answered with this status, for this reason and in these words.
    Answered { status: u16, reason: String, message: String },
    /// It may not have been answered at all.
    Lost(String),
    /// A token may be had later.
    TokenLater(String),
    /// These credentials never give a token.
    Credentials(String),
    /// It could not be asked.
    Unusable(String),
}

/// What Google answers in JSON.
#[derive(Deserialize)]
struct Answer {
    error: AnsweredError,
}

#[derive(Deserialize)]
struct AnsweredError {
    #[serde(default)]
    message: String,
    #[serde(default)]
    errors: Vec<Reason>,
}

#[derive(Deserialize)]
struct Reason {
    #[serde(default)]
    reason: String,
}

impl Fault {
    pub(super) fn answered(status: u16, body: &[u8]) -> Self {
        let (message, reason) = match serde_json::from_slice::<Answer>(body) {
            Ok(Answer { error: AnsweredError { message, errors } }) => {
                let reason = errors.into_iter().next().map(|error| error.reason);
                (message, reason.unwrap_or_default())
            }
            Err(_) => (String::from_utf8_lossy(body).trim().to_owned(), String::new()),
        };
        let message = message.chars().take(SHOWN_CHARS).collect();
        Self::Answered { status, reason, message }
    }

    /// Whether nothing is there: no object, or no bucket.
    pub(super) fn is_absence(&self) -> bool {
        matches!(self, Self::Answered { status: 404, .. })
    }

    /// Whether the condition of a put does not hold.
    pub(super) fn is_refused_condition(&self) -> bool {
        matches!(self, Self::Answered { status: 412, .. })
    }

    /// Some quotas are answered as if something were forbidden.
    fn is_quota(&self) -> bool {
        let Self::Answered { reason, message, .. } = self else { return false };
        reason.ends_with("LimitExceeded") || message.to_ascii_lowercase().contains("rate limit")
    }

    /// The same for whoever asked: `what` failed in `bucket`.
    pub(super) fn about(self, what: &str, bucket: &str) -> BucketError {
        let place = format!("gs://{bucket}");
        let what = if what.contains(&place) { what.to_owned() } else { format!("{what} {place}") };
        let (kind, hint) = self.judge(bucket);
        let message = match self {
            Self::Answered { status, message, .. } if message.is_empty() => format!("{status}"),
            Self::Answered { status, message, .. } => format!("{status}: {message}"),
            Self::Lost(why)
            | Self::TokenLater(why)
            | Self::Credentials(why)
            | Self::Unusable(why) => why,
        };
        let error = BucketError::new(kind, format!("{what}: {message}"));
        match hint {
            Some(hint) => error.with_hint(hint),
            None => error,
        }
    }

    /// What only waiting can mend is tried again, and so is what nobody foresaw: an error that is
    /// tried again costs time, one that is not costs a run.
    fn judge(&self, bucket: &str) -> (BucketErrorKind, Option<String>) {
        use BucketErrorKind::{Config, Retry};
        let sign_in = || {
            "set `credentials_path` or `GOOGLE_APPLICATION_CREDENTIALS` to a key file, or run `gcloud \
             auth application-default login`, or run where Google knows the machine's account"
                .to_owned()
        };
        match self {
            Self::Lost(_) => (Retry, None),
            Self::TokenLater(_) => (Retry, Some(sign_in())),
            Self::Credentials(_) => (Config, Some(sign_in())),
            Self::Unusable(_) => (Config, None),
            Self::Answered { status: 403, .. } if self.is_quota() => (Retry, None),
            Self::Answered { status: 401, .. } => (Config, Some(sign_in())),
            Self::Answered { status: 403, .. } => (Config, Some(grant(bucket))),
            Self::Answered { status: 404, .. } => (
                Config,
                Some(format!(
                    "make the bucket with `gcloud storage buckets create gs://{bucket}`, or correct \
                     its name"
                )),
            ),
            Self::Answered { status: 408 | 409 | 429, .. } => (Retry, None),
            Self::Answered { status: 400..=499, .. } => (Config, None),
            Self::Answered { .. } => (Retry, None),
        }
    }
}

fn grant(bucket: &str) -> String {
    format!(
        "grant the account `roles/storage.objectUser` on the bucket: `gcloud storage buckets \
         add-iam-policy-binding gs://{bucket} --role=roles/storage.objectUser --member=ACCOUNT` \
         (needed are storage.objects.create, storage.objects.get and storage.objects.list; for a \
         checkpoint storage.objects.delete too)"
    )
}

/// The cause at the bottom: what is above it only says that something failed.
fn bottom(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(below) = cause.source() {
        cause = below;
    }
    cause.to_string()
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        if let Some(status) = error.http_status_code().filter(|_| !error.is_authentication()) {
            // The library has read the answer already, where it is of the usual form.
            if let Some(told) = error.status() {
                let message = told.message.clone();
                return Self::Answered { status, reason: String::new(), message };
            }
            let body = error.http_payload().map(|body| body.as_ref());
            return Self::answered(status, body.unwrap_or_default());
        }
        let source = std::error::Error::source(&error);
        if let Some(credentials) = source.and_then(|it| it.downcast_ref::<CredentialsError>()) {
            return Self::of_credentials(credentials);
        }
        if error.is_binding() {
            return Self::Unusable(error.to_string());
        }
        Self::Lost(bottom(&error))
    }
}

impl From<CredentialsError> for Fault {
    fn from(error: CredentialsError) -> Self {
        Self::of_credentials(&error)
    }
}

impl Fault {
    fn of_credentials(error: &CredentialsError) -> Self {
        let text = format!("cannot get a token: {error}");
        if error.is_transient() { Self::TokenLater(text) } else { Self::Credentials(text) }
    }
}

impl From<reqwest::Error> for Fault {
    fn from(error: reqwest::Error) -> Self {
        Self::Lost(http_client::cause(error))
    }
}
