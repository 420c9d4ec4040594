//! What an endpoint asks of an account, in words for hints.
//!
//! Pure words: whether an account has it is for Zendesk to say.

use std::fmt;

/// What an endpoint asks of an account; none of what it does not, or of what is known to be there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Needs {
    /// `the Enterprise plan`.
    pub plan: Option<String>,
    /// ``the role `admin` ``.
    pub role: Option<String>,
    /// ``the scope `read` ``.
    pub scope: Option<String>,
}

impl Needs {
    /// No more than a scope: ``the scope `read` ``.
    pub fn scope(scope: impl Into<String>) -> Self {
        Self { scope: Some(scope.into()), ..Self::default() }
    }

    /// What a person could do about a refusal that says nothing of scopes.
    pub(super) fn of_refusal(&self) -> String {
        let parts = [("plan", &self.plan), ("role", &self.role), ("scope", &self.scope)];
        let asked = parts.into_iter().filter(|(_, part)| part.is_some());
        let asked: Vec<String> = asked.map(|(name, _)| format!("the {name}")).collect();
        match listed(&asked, "or") {
            Some(asked) => format!("{asked} does not allow it; this needs {self}"),
            None => "the plan, the role and the scope that it needs are there: the feature may be \
                     off, or a custom role lacks the permission"
                .to_owned(),
        }
    }

    /// What a person could do about a token that lacks a scope: plan and role are beside the point.
    pub(super) fn of_missing_scope(&self) -> String {
        match &self.scope {
            Some(scope) => format!("the token lacks a scope; this needs {scope}"),
            None => "the token lacks a scope".to_owned(),
        }
    }
}

impl fmt::Display for Needs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = [&self.plan, &self.role, &self.scope];
        let parts: Vec<String> = parts.into_iter().flatten().cloned().collect();
        f.write_str(&listed(&parts, "and").unwrap_or_default())
    }
}

/// `a, b and c`; none of nothing.
fn listed(parts: &[String], last: &str) -> Option<String> {
    match parts {
        [] => None,
        [one] => Some(one.clone()),
        [first @ .., end] => Some(format!("{} {last} {end}", first.join(", "))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hint_leaves_out_what_is_known_to_be_there() {
        let some = |text: &str| Some(text.to_owned());
        let (plan, role) = (some("the Enterprise plan"), some("the role `admin`"));
        let scope = some("the scope `auditlogs:read` or `read`");
        let all = Needs { plan, role, scope };
        let as_admin = Needs { role: None, ..all.clone() };
        let only_plan = Needs { scope: None, ..as_admin.clone() };
        let told = [all.clone(), as_admin, only_plan, Needs::default()];
        insta::assert_snapshot!(told.map(|needs| needs.of_refusal()).join("\n"), @"
        the plan, the role or the scope does not allow it; this needs the Enterprise plan, the role `admin` and the scope `auditlogs:read` or `read`
        the plan or the scope does not allow it; this needs the Enterprise plan and the scope `auditlogs:read` or `read`
        the plan does not allow it; this needs the Enterprise plan
        the plan, the role and the scope that it needs are there: the feature may be off, or a custom role lacks the permission
        ");
        insta::assert_snapshot!(all.of_missing_scope(), @"the token lacks a scope; this needs the scope `auditlogs:read` or `read`");
    }
}
