//! What an error of the SDK means: whether it may pass, and what a person could do.
//!
//! Knows no request beyond its name. What stands in a message is the answer's code and its words,
//! never a credential.

use std::error::Error;
use std::fmt::Write as _;
use std::path::Path;

use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};

use super::settings::AwsCredentials;
use crate::buckets::{BucketError, BucketErrorKind};

/// The longest part of an answer's own words that is shown.
const WORDS_SHOWN: usize = 300;

/// Codes of what may pass although their status says otherwise; see
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html>.
const PASSING: &[&str] = &[
    "BadDigest",
    "ConditionalRequestConflict",
    "IncompleteBody",
    "InternalError",
    "OperationAborted",
    "RequestLimitExceeded",
    "RequestTimeTooSkewed",
    "RequestTimeout",
    "ServiceUnavailable",
    "SlowDown",
    "Throttling",
    "ThrottlingException",
    "TooManyRequests",
    "TooManyRequestsException",
];

/// Codes of credentials that are refused. Their words are not shown: some stores repeat in them
/// what they were sent.
const CREDENTIALS: &[&str] = &[
    "ExpiredToken",
    "ExpiredTokenException",
    "InvalidAccessKeyId",
    "InvalidClientTokenId",
    "InvalidSecurity",
    "InvalidToken",
    "SignatureDoesNotMatch",
    "TokenRefreshRequired",
    "UnrecognizedClientException",
];

/// Codes that say the bucket is elsewhere.
const ELSEWHERE: &[&str] = &[
    "AuthorizationHeaderMalformed",
    "IllegalLocationConstraintException",
    "PermanentRedirect",
    "Redirect",
    "TemporaryRedirect",
];

/// Why a request did not succeed.
#[derive(Debug)]
pub(super) enum Failure {
    /// There is an answer.
    Answered(Answer),
    /// There is none.
    Lost(BucketError),
    /// Nothing was asked: there is nobody to ask as.
    NoCredentials,
}

/// An answer that is no success.
#[derive(Debug, Default)]
pub(super) struct Answer {
    pub(super) status: u16,
    /// S3's word for what is wrong; an answer to HEAD has none.
    pub(super) code: Option<String>,
    words: Option<String>,
    /// Where it says the bucket is.
    region: Option<String>,
}

impl<E> From<SdkError<E>> for Failure
where
    E: ProvideErrorMetadata + Error + Send + Sync + 'static,
{
    fn from(error: SdkError<E>) -> Self {
        if let Some(response) = error.raw_response() {
            let (code, words) = (error.code(), error.message());
            return Self::Answered(Answer::of(response, code, words));
        }
        let lost = |kind, message: String| Self::Lost(BucketError::new(kind, message));
        match &error {
            SdkError::TimeoutError(_) => {
                lost(BucketErrorKind::Retry, "no answer within the time limit".to_owned())
            }
            SdkError::DispatchFailure(_) => undelivered(&error),
            _ => {
                let text = format!("the request cannot be made: {}", chain(&error));
                lost(BucketErrorKind::Config, text)
            }
        }
    }
}

impl Answer {
    fn of(response: &HttpResponse, code: Option<&str>, words: Option<&str>) -> Self {
        let body = response.body().bytes().and_then(|bytes| std::str::from_utf8(bytes).ok());
        // `NotFound` is the SDK's own word, for an answer without one.
        let code = code.filter(|code| !code.is_empty() && *code != "NotFound");
        let region = response
            .headers()
            .get("x-amz-bucket-region")
            .or_else(|| between(body?, "<Region>", "</Region>"))
            .filter(|region| is_region(region));
        Self {
            status: response.status().as_u16(),
            code: code.map(str::to_owned),
            words: words.map(shortened).filter(|words| !words.is_empty()),
            region: region.map(str::to_owned),
        }
    }

    fn is(&self, codes: &[&str]) -> bool {
        self.code.as_deref().is_some_and(|code| codes.contains(&code))
    }

    /// Whether it says that there is no such bucket.
    pub(super) fn no_bucket(&self) -> bool {
        self.is(&["NoSuchBucket"])
    }

    /// Whether it is a refusal that does not say why.
    pub(super) fn refused_without_words(&self) -> bool {
        self.code.is_none() && (400..500).contains(&self.status)
    }

    fn may_pass(&self) -> bool {
        let busy = matches!(self.status, 408 | 429) || (self.status >= 500 && self.status != 501);
        self.is(PASSING) || (busy && !self.is(&["NotImplemented"]))
    }

    fn described(&self) -> String {
        let code = self.code.as_deref().map(|code| format!(" {code}")).unwrap_or_default();
        let words = self.words.as_ref().filter(|_| !self.is(CREDENTIALS));
        let words = words.map(|words| format!(": {words}")).unwrap_or_default();
        format!("answered {}{code}{words}", self.status)
    }

    fn hint(&self, needed: &str) -> Option<String> {
        Some(match self.code.as_deref() {
            Some("RequestTimeTooSkewed") => "set the clock of this machine".to_owned(),
            Some("BadDigest" | "IncompleteBody") => {
                "something on the way changed the request".to_owned()
            }
            _ if self.may_pass() => return None,
            Some("NoSuchBucket") => {
                "create the bucket, or correct `bucket` and `region`".to_owned()
            }
            Some("ExpiredToken" | "ExpiredTokenException" | "TokenRefreshRequired") => {
                "the credentials are no longer good: get new ones".to_owned()
            }
            _ if self.is(CREDENTIALS) => {
                "the credentials are refused: correct them under `auth` or in the environment"
                    .to_owned()
            }
            Some("InvalidStorageClass") => "correct `storage_class`".to_owned(),
            Some("NotImplemented") => {
                "the store must honour `If-None-Match` and `If-Match` on PUT; \
                 if it is about checksums, set `checksums: never`"
                    .to_owned()
            }
            _ if self.is(ELSEWHERE) || matches!(self.status, 301 | 307) => match &self.region {
                Some(region) => format!("set `region: {region}`"),
                None => "set `region` to the bucket's, and `endpoint`, if any, to match".to_owned(),
            },
            _ if matches!(self.status, 401 | 403) => format!("grant these credentials {needed}"),
            _ if self.words.as_ref().is_some_and(|words| words.contains("Content-MD5")) => {
                "set `checksums: always`".to_owned()
            }
            _ => return None,
        })
    }
}

/// What a request was for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Request<'r> {
    pub(super) place: &'r str,
    /// Completes "cannot".
    pub(super) doing: &'r str,
    /// What must be granted.
    pub(super) needed: &'r str,
    /// Where credentials come from.
    pub(super) credentials: &'r AwsCredentials,
}

impl Failure {
    /// As an error of this request.
    pub(super) fn of(self, request: Request<'_>) -> BucketError {
        let error = match self {
            Self::Lost(error) => error,
            Self::NoCredentials => {
                BucketError::new(BucketErrorKind::Config, "there are no credentials")
                    .with_hint(looked_for(request.credentials))
            }
            Self::Answered(answer) => {
                let passing = answer.may_pass();
                let kind = if passing { BucketErrorKind::Retry } else { BucketErrorKind::Config };
                let hint = answer.hint(request.needed);
                BucketError { kind, message: answer.described(), hint }
            }
        };
        let message = format!("{}: cannot {}: {}", request.place, request.doing, error.message);
        BucketError { message, ..error }
    }
}

/// Where it was looked for credentials, none of which were there.
fn looked_for(credentials: &AwsCredentials) -> String {
    match credentials {
        AwsCredentials::Default { .. } | AwsCredentials::Keys { .. } => {
            "looked for in AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, in ~/.aws, for a web \
             identity token and for a role of this container or machine; or set `auth`"
                .to_owned()
        }
        AwsCredentials::Profile { credentials_file, profile } => {
            let file = credentials_file.as_deref().unwrap_or(Path::new("~/.aws/credentials"));
            format!("looked for in the profile `{profile}` of `{}`", file.display())
        }
    }
}

/// Nothing was sent, or it was not answered.
fn undelivered<E: Error + 'static>(error: &SdkError<E>) -> Failure {
    if let Some(error) = sources(error).find_map(|error| error.downcast_ref()) {
        return of_credentials(error);
    }
    let reasons = chain(error);
    Failure::Lost(if reasons.contains("invalid peer certificate") {
        BucketError::new(BucketErrorKind::Config, reasons)
            .with_hint("set `tls.ca_file` to the certificate of whoever signed the store's")
    } else {
        BucketError::new(BucketErrorKind::Retry, reasons)
            .with_hint("are `endpoint` and `region` right, and is the store reachable from here?")
    })
}

fn of_credentials(error: &CredentialsError) -> Failure {
    let reasons = chain(error);
    Failure::Lost(match error {
        CredentialsError::CredentialsNotLoaded(_) => return Failure::NoCredentials,
        CredentialsError::InvalidConfiguration(_) => {
            BucketError::new(BucketErrorKind::Config, reasons)
                .with_hint("correct the profile, or set `auth`")
        }
        CredentialsError::ProviderTimedOut(_) => BucketError::new(BucketErrorKind::Retry, reasons)
            .with_hint("allow more with `auth.load_timeout_secs`"),
        _ => {
            let denied =
                ["AccessDenied", "InvalidIdentityToken", "ValidationError", "NoSuchEntity"];
            let for_good = denied.iter().chain(CREDENTIALS).any(|code| reasons.contains(code));
            let kind = if for_good { BucketErrorKind::Config } else { BucketErrorKind::Retry };
            BucketError::new(kind, reasons)
                .with_hint("may these credentials take on the role that `auth.assume_role` names?")
        }
    })
}

/// An error and what it came from.
fn sources<'e>(
    error: &'e (dyn Error + 'static),
) -> impl Iterator<Item = &'e (dyn Error + 'static)> {
    let mut next = Some(error);
    std::iter::from_fn(move || {
        let error = next?;
        next = error.source();
        Some(error)
    })
}

/// An error and what it came from as text, without the same words twice.
fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = String::new();
    for error in sources(error) {
        let words = shortened(&error.to_string());
        if !text.contains(&words) {
            // Writing to a string cannot fail.
            let written = write!(text, "{}{words}", if text.is_empty() { "" } else { ": " });
            debug_assert!(written.is_ok());
        }
    }
    text
}

/// A part of what somebody else wrote, on one line.
fn shortened(words: &str) -> String {
    let shown = words.split(char::is_control).map(str::trim).collect::<Vec<_>>().join(" ");
    shown.trim_end_matches('.').chars().take(WORDS_SHOWN).collect()
}

fn between<'t>(text: &'t str, start: &str, end: &str) -> Option<&'t str> {
    Some(text.split_once(start)?.1.split_once(end)?.0)
}

fn is_region(text: &str) -> bool {
    let is_part = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    !text.is_empty() && text.len() <= 40 && text.chars().all(is_part)
}
