//! What an answer means when it is not a page.
//!
//! Zendesk has four JSON envelopes for errors, plain text, HTML and empty bodies;
//! each becomes one [`ApiError`] whose kind says what to do and whose hint says
//! what a person could do. Bodies are quoted in part, headers never.

use std::fmt;
use std::time::Duration;

use http::StatusCode;
use serde_json::Value;

use super::needs::Needs;
use super::transport::TransportError;

/// The longest part of a body that is quoted in a message, in characters.
const QUOTE_CHARS: usize = 200;

/// What the refusal of a token without the scope says: "You are missing the following required scopes".
const MISSING_SCOPES: &str = "required scopes";

/// A request that brought no page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiError {
    /// What to do about it.
    pub kind: ErrorKind,
    /// The HTTP status, where there was an answer.
    pub status: Option<StatusCode>,
    /// Zendesk's own code for it, `RecordNotFound`.
    pub code: Option<String>,
    /// What failed, in words.
    pub message: String,
    /// What a person could do.
    pub hint: Option<String>,
    /// Whether no whole answer came in time, or it was longer than it may be.
    pub too_much: bool,
    /// Whether the host could not be looked up by its name: that is mistyped more often than it passes.
    pub unresolved: bool,
}

/// What follows from an [`ApiError`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// It may pass: try again, not before `after` where the answer named a time.
    Retry {
        /// How long the answer asked to wait.
        after: Option<Duration>,
    },
    /// The rate limit was hit: wait and try again.
    RateLimited {
        /// How long the answer asked to wait.
        after: Option<Duration>,
    },
    /// The account or the sign-in is set up wrongly: nothing will work until someone changes it.
    Config,
    /// This credential may not read this: by plan, role or scope. Other streams may work.
    Denied,
    /// What was asked for is not there, or not yet.
    Data,
    /// The request itself was wrong: ours to mend.
    Bug,
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        match self.status {
            Some(status) => write!(f, " ({})", status.as_u16()),
            None => Ok(()),
        }
    }
}

impl std::error::Error for ApiError {}

impl From<TransportError> for ApiError {
    fn from(error: TransportError) -> Self {
        Self {
            kind: ErrorKind::Retry { after: None },
            status: None,
            code: None,
            message: error.to_string(),
            too_much: matches!(error, TransportError::Timeout(_)),
            unresolved: matches!(error, TransportError::Lookup(_)),
            hint: match error {
                TransportError::Lookup(_) | TransportError::Connect(_) => {
                    Some("check the subdomain, the network and the proxy settings".to_owned())
                }
                TransportError::Timeout(_) => {
                    Some("raise `request.timeout_secs` if the account is slow".to_owned())
                }
                TransportError::Cut(_) => None,
            },
        }
    }
}

impl ApiError {
    /// An error that no answer caused.
    pub(super) fn local(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            status: None,
            code: None,
            message: message.into(),
            hint: None,
            too_much: false,
            unresolved: false,
        }
    }

    /// The credentials are not those of anybody who may do this.
    pub fn denied(message: impl Into<String>) -> Self {
        Self::local(ErrorKind::Denied, message)
    }

    /// What the account has cannot be read any further.
    pub fn data(message: impl Into<String>) -> Self {
        Self::local(ErrorKind::Data, message)
    }

    /// The answer has more than so many bytes, which is more than is taken in.
    pub(super) fn too_long(limit: usize) -> Self {
        let message = format!("the answer is longer than {limit} bytes");
        let hint = "the smallest page that can be asked for is too long: leave the record out with a filter or \
                    `exclude_deleted`, ask for less with it (`include`), or move the position behind it \
                    (`zenstream checkpoint set`)";
        Self { too_much: true, ..Self::local(ErrorKind::Data, message).with_hint(hint) }
    }

    /// With something a person could do.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The page came with 200 but is not one; `reason` is the decoder's.
    pub(super) fn malformed(body: &[u8], reason: &str) -> Self {
        let (message, hint) = if body.is_empty() {
            ("the answer was empty".to_owned(), None)
        } else if looks_like_html(body) {
            (
                "the answer was an HTML page, not JSON".to_owned(),
                Some("a sign-in page comes when the subdomain or the credentials are wrong"),
            )
        } else {
            (format!("the page could not be read: {reason}"), None)
        };
        Self {
            hint: hint.map(str::to_owned),
            ..Self::local(ErrorKind::Retry { after: None }, message)
        }
    }

    /// What an answer other than 2xx means. `after` is the wait it asked for, `needs` what the
    /// endpoint asks of an account.
    pub(super) fn from_answer(
        status: StatusCode,
        body: &[u8],
        after: Option<Duration>,
        needs: Option<&Needs>,
    ) -> Self {
        let said = Said::read(body);
        let (kind, hint) = judge(status, &said, after, needs);
        let message = match (&said.code, &said.text) {
            (Some(code), Some(text)) if code != text => format!("{code}: {text}"),
            (Some(only), _) | (None, Some(only)) => only.clone(),
            (None, None) => status.canonical_reason().unwrap_or("no reason given").to_owned(),
        };
        Self {
            kind,
            status: Some(status),
            code: said.code,
            message: format!("zendesk answered: {message}"),
            hint,
            too_much: false,
            unresolved: false,
        }
    }

    /// What a person could do about a refusal where only this may be missing; none where it is not one
    /// for plan, role or scope.
    pub fn hint_needing(&self, needs: &Needs) -> Option<String> {
        match self.status? {
            StatusCode::FORBIDDEN if self.message.contains(MISSING_SCOPES) => {
                Some(needs.of_missing_scope())
            }
            StatusCode::FORBIDDEN => Some(needs.of_refusal()),
            _ => None,
        }
    }

    /// Whether another try can help.
    pub fn is_transient(&self) -> bool {
        matches!(self.kind, ErrorKind::Retry { .. } | ErrorKind::RateLimited { .. })
    }

    /// Whether the answer took too long, at Zendesk or on its way, or was too long: less may come.
    pub fn is_too_much(&self) -> bool {
        self.too_much || self.status == Some(StatusCode::GATEWAY_TIMEOUT)
    }

    /// Whether there is nothing at that path.
    pub fn is_not_found(&self) -> bool {
        self.status == Some(StatusCode::NOT_FOUND)
    }

    /// Whether an incremental export has no data yet for so late a start. The text's number of
    /// minutes differs between versions, so only its beginning counts.
    pub fn is_too_recent(&self) -> bool {
        self.status == Some(StatusCode::UNPROCESSABLE_ENTITY)
            && self.message.contains("Too recent start_time")
    }
}

/// What the body of an error says, whatever its form.
struct Said {
    code: Option<String>,
    text: Option<String>,
}

impl Said {
    fn read(body: &[u8]) -> Self {
        if let Ok(value) = serde_json::from_slice::<Value>(body) {
            return Self::from_json(&value);
        }
        let text = match body {
            [] => None,
            html if looks_like_html(html) => Some("an HTML page".to_owned()),
            text => Some(quote(String::from_utf8_lossy(text))),
        };
        Self { code: None, text }
    }

    fn from_json(value: &Value) -> Self {
        let text = |value: &Value, key: &str| value.get(key).and_then(Value::as_str).map(quote);
        if let Some(first) = value.get("errors").and_then(|errors| errors.get(0)) {
            let detail = text(first, "detail").or_else(|| text(first, "title"));
            return Self {
                code: text(first, "code").or_else(|| text(first, "title")),
                text: detail,
            };
        }
        match value.get("error") {
            Some(Value::String(code)) => {
                let described =
                    text(value, "description").or_else(|| text(value, "error_description"));
                let details = value.get("details").and_then(Value::as_object).map(|details| {
                    let fields: Vec<&str> = details.keys().map(String::as_str).collect();
                    format!(" (fields: {})", fields.join(", "))
                });
                let described = described.map(|text| text + &details.unwrap_or_default());
                Self { code: Some(quote(code)), text: described }
            }
            Some(error) => Self { code: text(error, "title"), text: text(error, "message") },
            None => {
                Self { code: None, text: Some("a JSON body without an error in it".to_owned()) }
            }
        }
    }

    fn mentions(&self, needle: &str) -> bool {
        [&self.code, &self.text].into_iter().flatten().any(|said| said.contains(needle))
    }
}

fn judge(
    status: StatusCode,
    said: &Said,
    after: Option<Duration>,
    needs: Option<&Needs>,
) -> (ErrorKind, Option<String>) {
    let retry = ErrorKind::Retry { after };
    match status.as_u16() {
        429 => (ErrorKind::RateLimited { after }, None),
        408 | 409 => (retry, None),
        501 => (ErrorKind::Bug, None),
        500..=599 => (retry, Some("zendesk is failing; see status.zendesk.com".to_owned())),
        401 => (ErrorKind::Config, Some(hint_for_401(said))),
        403 => (ErrorKind::Denied, Some(hint_for_403(said, needs))),
        404 if said.mentions("No help desk at") => (
            ErrorKind::Config,
            Some("there is no account of that name; check `subdomain`".to_owned()),
        ),
        404 if said.mentions("RecordNotFound") => (ErrorKind::Data, None),
        404 => (ErrorKind::Denied, needs.map(|needs| format!("this needs {needs}"))),
        400 if said.mentions("invalid_grant") || said.mentions("invalid_client") => {
            (ErrorKind::Config, Some("check `client_id` and `client_secret`".to_owned()))
        }
        400 if said.mentions("invalid_scope") => (
            ErrorKind::Config,
            Some("the OAuth client does not allow this `scope`; see it in Admin Center".to_owned()),
        ),
        422 if said.mentions("Too recent start_time") => (ErrorKind::Data, None),
        300..=399 => (
            ErrorKind::Config,
            Some("the account answers from another address; set `subdomain` to it".to_owned()),
        ),
        _ => (ErrorKind::Bug, None),
    }
}

fn hint_for_401(said: &Said) -> String {
    if said.mentions("invalid_token") {
        "the access token is expired, revoked or of another account: make a new one"
    } else if said.mentions("invalid_client") {
        "check `client_id` and `client_secret`"
    } else {
        "check the credentials; API tokens that were unused for 30 days are switched off, and \
         passwords no longer work"
    }
    .to_owned()
}

fn hint_for_403(said: &Said, needs: Option<&Needs>) -> String {
    match needs {
        Some(needs) if said.mentions(MISSING_SCOPES) => needs.of_missing_scope(),
        Some(needs) => needs.of_refusal(),
        None if said.mentions(MISSING_SCOPES) => "the token lacks a scope".to_owned(),
        None => "the plan, the role or the scope does not allow it".to_owned(),
    }
}

fn looks_like_html(body: &[u8]) -> bool {
    let start = body.trim_ascii_start();
    start.first() == Some(&b'<')
}

/// At most [`QUOTE_CHARS`] characters of a text from outside, on one line.
fn quote(text: impl AsRef<str>) -> String {
    let line = text.as_ref().split_whitespace().collect::<Vec<_>>().join(" ");
    let clean: String = line.chars().filter(|c| !c.is_control()).collect();
    match clean.char_indices().nth(QUOTE_CHARS) {
        Some((end, _)) => format!("{}…", &clean[..end]),
        None => clean,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(status: u16, body: &str) -> ApiError {
        let status = StatusCode::from_u16(status).expect("a valid status");
        let (plan, role) = ("the Enterprise plan".to_owned(), "the role `admin`".to_owned());
        let scope = Some("the scope `read`".to_owned());
        let needs = Needs { plan: Some(plan), role: Some(role), scope };
        ApiError::from_answer(status, body.as_bytes(), None, Some(&needs))
    }

    #[test]
    fn every_envelope_is_understood() {
        let cases = [
            (
                404,
                r#"{"error":"RecordNotFound","description":"Not found"}"#,
                "RecordNotFound: Not found",
            ),
            (
                403,
                r#"{"error":{"title":"Forbidden","message":"You do not have access"}}"#,
                "Forbidden: You do not have access",
            ),
            (
                400,
                r#"{"errors":[{"code":"InvalidPaginationDepth","title":"T","detail":"D"}]}"#,
                "InvalidPaginationDepth: D",
            ),
            (
                403,
                r#"{"errors":[{"detail":"You must have administrator privileges","title":"Authorization failed"}]}"#,
                "Authorization failed: You must have administrator privileges",
            ),
            (
                422,
                r#"{"error":"RecordInvalid","description":"Record validation errors","details":{"base":[{"description":"x"}]}}"#,
                "RecordInvalid: Record validation errors (fields: base)",
            ),
            (
                401,
                r#"{"error":"invalid_token","error_description":"expired"}"#,
                "invalid_token: expired",
            ),
            (401, r#"{"error":"Couldn't authenticate you"}"#, "Couldn't authenticate you"),
            (
                429,
                "Number of allowed API requests per minute exceeded",
                "Number of allowed API requests per minute exceeded",
            ),
            (502, "<html><body>bad</body></html>", "an HTML page"),
            (404, "", "Not Found"),
        ];
        for (status, body, expected) in cases {
            let error = read(status, body);
            assert_eq!(error.message, format!("zendesk answered: {expected}"), "for {body}");
        }
    }

    #[test]
    fn only_what_may_pass_is_retried() {
        for status in [408, 409, 429, 500, 502, 503, 504, 520, 524, 526] {
            assert!(read(status, "").is_transient(), "{status} may pass");
        }
        for status in [301, 400, 401, 403, 404, 413, 422, 501] {
            assert!(!read(status, "").is_transient(), "{status} will not pass");
        }
    }

    #[test]
    fn a_refusal_names_what_is_missing() {
        let scope = read(
            403,
            r#"{"error":"Forbidden","description":"You are missing the following required scopes: read"}"#,
        );
        assert_eq!(
            scope.hint.as_deref(),
            Some("the token lacks a scope; this needs the scope `read`")
        );
        let any = read(403, "").hint_needing(&Needs::default()).expect("a refusal");
        assert!(any.contains("are there"), "{any}");
        assert_eq!(read(500, "").hint_needing(&Needs::default()), None);
        assert_eq!(scope.kind, ErrorKind::Denied);
        let nobody =
            read(404, r#"{"error":{"title":"No help desk at foo.zendesk.com","message":"x"}}"#);
        assert_eq!(nobody.kind, ErrorKind::Config);
    }

    #[test]
    fn a_start_too_recent_is_no_data_yet() {
        let error = read(
            422,
            r#"{"error":"InvalidValue","description":"Too recent start_time. Use a start_time older than 1 minutes"}"#,
        );
        assert!(error.is_too_recent());
        assert_eq!(error.kind, ErrorKind::Data);
    }

    #[test]
    fn a_long_or_multi_line_body_is_quoted_in_part() {
        let error = read(400, &"word\n\u{1b}[31m".repeat(1000));
        assert!(error.message.chars().count() < 240, "{}", error.message);
        assert!(!error.message.contains('\n') && !error.message.contains('\u{1b}'));
    }
}
