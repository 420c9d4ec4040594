//! Which account is meant, where its address or its name is given, or both.
//!
//! Credentials go to that account: where two are named, none is taken for granted.

use super::Failure;
use crate::config;

/// Where the account is named, outside the command line.
const BASE_URL: &str = "ZENDESK_BASE_URL";
const SUBDOMAIN: &str = "ZENDESK_SUBDOMAIN";

/// Where credentials come from.
const CREDENTIALS: &str =
    "credentials come from variables of their own, such as ZENDESK_BEARER_TOKEN";

/// A longer word with no dot and no colon in it is rather a secret than a host.
const HOST_MAX: usize = 32;

/// The account of these values, each from an option or from the variable behind it. An option goes
/// before a variable.
pub(super) fn of(
    base_url: Option<&str>,
    subdomain: Option<&str>,
    variable: impl Fn(&str) -> Option<String>,
) -> Result<config::Account, Failure> {
    let given = |value: Option<&'_ str>, name: &'static str, option: &'static str| {
        // A variable that is set to nothing is as good as none.
        let text = value.filter(|text| !text.is_empty())?.to_owned();
        let is_option = variable(name).as_deref() != Some(text.as_str());
        Some(Given { name: if is_option { option } else { name }, is_option, text })
    };
    let base_url = given(base_url, BASE_URL, "--base-url");
    let subdomain = given(subdomain, SUBDOMAIN, "--subdomain");
    match (base_url, subdomain) {
        (Some(url), Some(name)) if url.is_option == name.is_option => {
            let (at, named) = (url.endpoint()?, name.subdomain()?);
            if at.endpoint == named.endpoint { Ok(at) } else { Err(two_accounts(&url, &name)) }
        }
        (Some(url), Some(name)) if !url.is_option && name.is_option => name.subdomain(),
        (Some(url), _) => url.endpoint(),
        (None, Some(name)) => name.subdomain(),
        (None, None) => Err(Failure::usage("which account?").with_hint(
            "set ZENDESK_SUBDOMAIN or ZENDESK_BASE_URL, or give --subdomain; \
             without an account, try `zenstream demo`",
        )),
    }
}

/// One way in which an account is named.
struct Given {
    /// The variable, or the option.
    name: &'static str,
    is_option: bool,
    text: String,
}

impl Given {
    fn endpoint(&self) -> Result<config::Account, Failure> {
        config::parse_endpoint(&self.text).map_err(|error| {
            let about = format!("{} (`{}`) ", self.name, shown(&self.text));
            let failure = Failure::from(error).about(&about).into_usage();
            match self.correction() {
                Some(correction) => failure.with_hint(correction),
                None => failure,
            }
        })
    }

    /// What was meant, where that can be told.
    fn correction(&self) -> Option<String> {
        let text = &self.text;
        if text.contains('@') {
            return Some(format!("{CREDENTIALS}, or a file (`--secret-file`)"));
        }
        let is_name = !text.contains(['.', ':']);
        let whole = if is_name { format!("https://{text}.zendesk.com") } else { String::new() };
        let wholes = [whole, format!("http://{text}"), format!("https://{text}")];
        let right = wholes.iter().filter(|_| !text.contains("://") && shown(text) == *text);
        let right = right.into_iter().find(|whole| config::parse_endpoint(whole).is_ok())?;
        Some(format!("write `{right}`"))
    }

    fn subdomain(&self) -> Result<config::Account, Failure> {
        config::parse_subdomain(&self.text)
            .map_err(|error| Failure::from(error).about(&format!("{}: ", self.name)).into_usage())
    }
}

fn two_accounts(url: &Given, name: &Given) -> Failure {
    let (at, named) = (shown(&url.text), shown(&name.text));
    let message = format!("{} (`{at}`) and {} (`{named}`) differ", url.name, name.name);
    let hint = if url.is_option {
        "give one of them".to_owned()
    } else {
        format!(
            "the credentials would go to the first: `unset {}` or `unset {}`",
            url.name, name.name
        )
    };
    Failure::usage(message).with_hint(hint)
}

/// An address as it may be shown: who made a mistake in it may have put a secret there.
fn shown(text: &str) -> String {
    let looks_like_a_host = text.len() <= HOST_MAX || text.contains(['.', ':']);
    if !looks_like_a_host {
        return "...".to_owned();
    }
    let end = text.find(['?', '#']).unwrap_or(text.len());
    let text: String = text[..end].chars().filter(|letter| !letter.is_control()).collect();
    match text.rsplit_once('@') {
        Some((before, host)) => {
            let scheme = before.split_once("://").map_or("", |(scheme, _)| scheme);
            let slashes = if scheme.is_empty() { "" } else { "://" };
            format!("{scheme}{slashes}...@{host}")
        }
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONE: fn(&str) -> Option<String> = |_| None;

    #[test]
    fn a_bad_address_is_named_and_shown_without_what_may_be_secret() {
        let bad = |url: &str| {
            let in_environment = |name: &str| (name == BASE_URL).then(|| url.to_owned());
            of(Some(url), None, in_environment).unwrap_err().to_string()
        };
        insta::assert_snapshot!(bad("acme"), @"
        error: ZENDESK_BASE_URL (`acme`) is not a URL: relative URL without a base
        hint: write `https://acme.zendesk.com`
        ");
        insta::assert_snapshot!(bad("127.0.0.1:46191"), @"
        error: ZENDESK_BASE_URL (`127.0.0.1:46191`) is not a URL: relative URL without a base
        hint: write `http://127.0.0.1:46191`
        ");
        insta::assert_snapshot!(bad("http://acme.zendesk.com"), @"
        error: ZENDESK_BASE_URL (`http://acme.zendesk.com`) must be `https`; `http` is for this machine alone
        hint: write `https://HOST`
        ");
        insta::assert_snapshot!(bad("https://me:hunter2@acme.zendesk.com/x?token=hunter2"), @"
        error: ZENDESK_BASE_URL (`https://...@acme.zendesk.com/x`) must not hold credentials
        hint: credentials come from variables of their own, such as ZENDESK_BEARER_TOKEN, or a file (`--secret-file`)
        ");
        for secret in ["me:hunter2@acme", "https://me:hun@ter2@a", "acme?hunter2", "a.b#hunter2"] {
            let told = bad(secret);
            assert!(!told.contains("hunter2") && !told.contains("ter2@"), "{told}");
        }
        let token = "0123456789abcdef".repeat(4);
        assert!(!bad(&token).contains(&token), "a token where an address should be");
        let option = of(Some("acme"), None, NONE).unwrap_err().to_string();
        assert!(option.starts_with("error: --base-url (`acme`) is not a URL"), "{option}");
    }

    #[test]
    fn two_variables_that_name_two_accounts_are_refused_and_an_option_goes_before_a_variable() {
        let pretend = "http://127.0.0.1:46191";
        let set = |name: &str| match name {
            BASE_URL => Some(pretend.to_owned()),
            SUBDOMAIN => Some("acme".to_owned()),
            _ => None,
        };
        let told = of(Some(pretend), Some("acme"), set).unwrap_err().to_string();
        insta::assert_snapshot!(told, @"
        error: ZENDESK_BASE_URL (`http://127.0.0.1:46191`) and ZENDESK_SUBDOMAIN (`acme`) differ
        hint: the credentials would go to the first: `unset ZENDESK_BASE_URL` or `unset ZENDESK_SUBDOMAIN`
        ");
        let meant = |url: &str, name: &str| of(Some(url), Some(name), set).unwrap().subdomain;
        assert_eq!(meant(pretend, "other"), "other");
        assert_eq!(meant("https://other.zendesk.com", "acme"), "other");
        assert_eq!(meant("https://same.zendesk.com", "same"), "same");
        assert!(of(Some("https://a.zendesk.com"), Some("b"), NONE).is_err());
    }
}
