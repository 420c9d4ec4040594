//! What the token may read, beside what the streams need: told at the start, before a stream is refused.
//!
//! Only tells: whether a stream can be read is for Zendesk to say.

use std::sync::Arc;
use std::time::Duration;

use crate::directory;
use crate::streams::StreamSpec;
use crate::zendesk::{Client, Needs};

/// Covers the reading of everything.
const ALL: &str = "read";

/// May do what every other role may.
const ADMIN: &str = "admin";

/// A warning that comes later than the first page is none.
const PATIENCE: Duration = Duration::from_secs(30);

/// Whether these scopes let the stream be read.
pub fn is_granted(spec: &StreamSpec, granted: &[String]) -> bool {
    granted.iter().any(|scope| scope == ALL || scope == spec.scope)
}

/// What a stream may lack of a user of this role, with a token of these scopes; none: not known.
pub fn may_lack(spec: &StreamSpec, role: Option<&str>, granted: Option<&[String]>) -> Needs {
    let needs = spec.needs();
    let has_role = role.is_some_and(|role| role == ADMIN || role == spec.role);
    let has_scope = granted.is_some_and(|granted| is_granted(spec, granted));
    let (role, scope) = (needs.role.filter(|_| !has_role), needs.scope.filter(|_| !has_scope));
    Needs { role, scope, ..needs }
}

/// Whether these scopes let users be looked up.
pub fn may_see_users(granted: &[String]) -> bool {
    granted.iter().any(|scope| scope == ALL || scope == directory::SCOPE)
}

/// The streams of one account, and who reads them.
#[derive(Debug)]
pub(super) struct Wanted {
    pub(super) source: String,
    pub(super) client: Arc<Client>,
    pub(super) specs: Vec<&'static StreamSpec>,
    /// The transforms that look its users up.
    pub(super) lookups: Vec<String>,
}

impl Wanted {
    /// Warns of every stream and transform for which the token lacks the scope.
    pub(super) async fn compare(self) {
        let granted = match tokio::time::timeout(PATIENCE, self.client.scopes()).await {
            Ok(Ok(Some(granted))) => granted,
            Ok(Ok(None)) | Err(_) => return,
            Ok(Err(error)) => {
                tracing::debug!(source = self.source, %error, "the scopes of the token are not known");
                return;
            }
        };
        for spec in self.specs.into_iter().filter(|spec| !is_granted(spec, &granted)) {
            let stream = format!("{}.{}", self.source, spec.name);
            let (needed, granted) = (spec.scope, granted.join(" "));
            tracing::warn!(stream, needed, granted, "the token lacks the scope of a stream");
        }
        for transform in self.lookups.into_iter().filter(|_| !may_see_users(&granted)) {
            let (source, needed, granted) = (&self.source, directory::SCOPE, granted.join(" "));
            tracing::warn!(
                transform,
                source,
                needed,
                granted,
                "the token lacks a transform's scope"
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::streams;

    #[test]
    fn what_is_known_to_be_there_is_not_what_is_missing() {
        let spec = streams::find("audit_logs").expect("a stream");
        let read = ["read".to_owned()];
        let told = |role, granted| may_lack(spec, role, granted).to_string();
        assert_eq!(told(None, None), spec.needs().to_string());
        assert_eq!(told(Some("admin"), Some(&read)), "the Enterprise plan");
        let agent = told(Some("agent"), Some(&read));
        assert_eq!(agent, "the Enterprise plan and the role `admin`");
        let activities = streams::find("activities").expect("a stream");
        let agent = may_lack(activities, Some("agent"), Some(&read));
        assert_eq!(agent.role, None, "an agent is one");
    }
}
