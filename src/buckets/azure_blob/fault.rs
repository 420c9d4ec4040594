//! What Azure's answers, and their absence, mean for a container. Pure.
//!
//! The client library tells an answer's status and body only in the text of its error, so it is
//! read from there; `tests` holds that text to what the library really says.

use crate::buckets::{BucketError, BucketErrorKind};

/// What the library says before a status.
const STATUS: &str = "status code: ";

/// What it says of a request that was for a token.
const TOKEN: &str = "token request";

/// What it says of the `az` command, if that did not help.
const CLI: &str = "az account get-access-token";

/// Why a request came to nothing.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Fault {
    /// The status of the answer, if there was one.
    status: Option<u16>,
    /// Azure's word for it: `ContainerNotFound`.
    code: String,
    /// What happened, in words.
    message: String,
    /// Whether it was about a token, not about a blob.
    token: bool,
    /// Whether the `az` command was to get it.
    cli: bool,
}

impl Fault {
    pub(super) fn of(error: &object_store::Error) -> Self {
        let text = error.to_string();
        let status = text.split_once(STATUS).and_then(|(_, rest)| rest.get(..3)?.parse().ok());
        let code = element(&text, "Code").unwrap_or_default().to_owned();
        let message = match (element(&text, "Message"), status) {
            // What follows is the request's number, and for signatures what was signed.
            (Some(message), _) => message.lines().next().unwrap_or_default().to_owned(),
            (None, Some(_)) => String::new(),
            (None, None) => bottom(error),
        };
        Self { status, code, message, token: text.contains(TOKEN), cli: text.contains(CLI) }
    }

    /// Whether the condition of a put does not hold.
    pub(super) fn is_refused_condition(&self) -> bool {
        matches!(
            (self.status, self.code.as_str()),
            // What cannot be changed or is on lease is there.
            (
                Some(409),
                "BlobAlreadyExists" | "BlobImmutableDueToPolicy" | "UnauthorizedBlobOverwrite"
            ) | (Some(412), "ConditionNotMet" | "TargetConditionNotMet" | "")
        )
    }

    /// The same for whoever asked: `what` failed in `container`.
    pub(super) fn about(self, what: &str, container: &str) -> BucketError {
        let (kind, hint) = self.judge(container);
        let Self { status, code, message, token, .. } = self;
        let asked = if token { "cannot get a token: " } else { "" };
        let words = [status.map(|status| status.to_string()).unwrap_or_default(), code];
        let words = words.join(" ").trim().to_owned();
        let answer = [words, message].join(": ");
        let answer = answer.trim_start_matches(": ").trim_end_matches(": ");
        let error = BucketError::new(kind, format!("{what}: {asked}{answer}"));
        match hint {
            Some(hint) => error.with_hint(hint),
            None => error,
        }
    }

    /// What only waiting can mend is tried again, and so is what nobody foresaw: an error that is
    /// tried again costs time, one that is not costs a run.
    fn judge(&self, container: &str) -> (BucketErrorKind, Option<String>) {
        use BucketErrorKind::{Config, Retry};
        let hint = |text: &str| Some(text.to_owned());
        match self.status {
            None if self.cli => (Config, hint("run `az login`, or choose other credentials")),
            None => (Retry, None),
            Some(400 | 401 | 403) if self.token => {
                (Config, hint("check the identity that `auth` names, and its secret or token"))
            }
            Some(_) if self.token => (Retry, None),
            Some(401 | 403) => (
                Config,
                Some(format!(
                    "grant the identity the role `Storage Blob Data Contributor` on the container \
                     `{container}`; of an account key or a signature, check that it is whole and \
                     has not expired, and that a signature allows to read, write, create and list"
                )),
            ),
            Some(404) => (
                Config,
                Some(format!(
                    "make the container with `az storage container create --name {container}`, or \
                     correct its name"
                )),
            ),
            Some(408 | 409 | 412 | 429) => (Retry, None),
            Some(400..=499) => (Config, None),
            Some(_) => (Retry, None),
        }
    }
}

/// What stands in the first element of this name of an answer in XML.
fn element<'t>(text: &'t str, name: &str) -> Option<&'t str> {
    let (_, rest) = text.split_once(&format!("<{name}>"))?;
    rest.split_once(&format!("</{name}>")).map(|(inside, _)| inside)
}

/// The cause at the bottom: what is above it only says that something failed, and may say where
/// with a signature in the address.
pub(super) fn bottom(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(below) = cause.source() {
        cause = below;
    }
    cause.to_string()
}
