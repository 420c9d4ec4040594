//! Which account: a subdomain, or an endpoint in full.
//!
//! Credentials will be sent there, so nothing but an origin over TLS is taken, and nothing is shown
//! of what could hold a password.

use url::{Host, Url};

use super::node::Path;
use super::problem::{ConfigError, Finding};

const DOMAIN: &str = ".zendesk.com";

/// Which account is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// `https://acme.zendesk.com`, without a path.
    pub endpoint: Url,
    /// `acme`; for an endpoint of another form its host.
    pub subdomain: String,
}

/// The account at an address that was given outside a config.
pub fn parse_endpoint(text: &str) -> Result<Account, ConfigError> {
    account(of_endpoint(text, &Path::default()))
}

/// The account of a subdomain that was given outside a config.
pub fn parse_subdomain(label: &str) -> Result<Account, ConfigError> {
    account(of_subdomain(label, &Path::default()))
}

fn account(found: Result<(Url, String), Finding>) -> Result<Account, ConfigError> {
    match found {
        Ok((endpoint, subdomain)) => Ok(Account { endpoint, subdomain }),
        Err(finding) => Err(ConfigError::of(finding.message, finding.hint)),
    }
}

/// The endpoint and the subdomain of the account.
pub(super) fn endpoint(
    subdomain: Option<&str>,
    endpoint: Option<&str>,
    path: &Path,
) -> Result<(Url, String), Finding> {
    match (subdomain, endpoint) {
        (Some(label), None) => of_subdomain(label, &path.key("subdomain")),
        (None, Some(text)) => of_endpoint(text, &path.key("endpoint")),
        (Some(_), Some(_)) => Err(Finding::new(path, "has both `subdomain` and `endpoint`")
            .hint("`subdomain: acme` means `endpoint: https://acme.zendesk.com`")),
        (None, None) => Err(Finding::new(path, "missing field `subdomain`")
            .hint("`acme`, if the account is at acme.zendesk.com")),
    }
}

fn of_subdomain(label: &str, path: &Path) -> Result<(Url, String), Finding> {
    if !is_label(label) {
        // What has an `@` may be an address with a password in it.
        let shown = if label.contains('@') { "this" } else { &format!("`{label}`") };
        let finding = Finding::new(path, format!("{shown} is not a subdomain"));
        return Err(match label_within(label) {
            Some(label) => finding.hint(format!("write `{label}`")),
            None => finding.hint("`acme`, if the account is at acme.zendesk.com"),
        });
    }
    let label = label.to_ascii_lowercase();
    let url = Url::parse(&format!("https://{label}{DOMAIN}"))
        .map_err(|error| Finding::new(path, error.to_string()))?;
    Ok((url, label))
}

fn is_label(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= 63
        && !text.starts_with('-')
        && !text.ends_with('-')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
}

/// `acme` of `acme.zendesk.com` and `https://acme.zendesk.com/agent`.
fn label_within(text: &str) -> Option<&str> {
    let host = text.split_once("://").map_or(text, |(_, rest)| rest);
    let host = host.split('/').next().unwrap_or(host);
    host.strip_suffix(DOMAIN).filter(|label| is_label(label))
}

fn of_endpoint(text: &str, path: &Path) -> Result<(Url, String), Finding> {
    let refused = |message: &str| Finding::new(path, message).hint("write `https://HOST`");
    let url = Url::parse(text).map_err(|error| refused(&format!("is not a URL: {error}")))?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(refused("must not hold credentials").hint("put them under `auth`"));
    }
    if url.path() != "/" || url.query().is_some() || url.fragment().is_some() {
        return Err(refused("must not have a path, a query or a fragment"));
    }
    let host = url.host().ok_or_else(|| refused("has no host"))?;
    match url.scheme() {
        "https" => {}
        "http" if is_loopback(&host) => {}
        "http" => return Err(refused("must be `https`; `http` is for this machine alone")),
        _ => return Err(refused("must be `https`")),
    }
    let host = host.to_string();
    let subdomain = host.strip_suffix(DOMAIN).filter(|label| is_label(label)).unwrap_or(&host);
    let subdomain = subdomain.to_owned();
    Ok((url, subdomain))
}

/// Where another service than Zendesk answers. Credentials are sent there too.
pub(super) fn of_service(text: &str, path: &Path) -> Result<Url, Finding> {
    let refused = |message: &str| Finding::new(path, message).hint("write `https://HOST`");
    let url = Url::parse(text).map_err(|error| refused(&format!("is not a URL: {error}")))?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(refused("must not hold credentials"));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(refused("must not have a query or a fragment"));
    }
    let host = url.host().ok_or_else(|| refused("has no host"))?;
    match url.scheme() {
        "https" => Ok(url),
        "http" if is_loopback(&host) => Ok(url),
        "http" => Err(refused("must be `https`; `http` is for this machine alone")),
        _ => Err(refused("must be `https`")),
    }
}

fn is_loopback(host: &Host<&str>) -> bool {
    match host {
        Host::Domain(name) => *name == "localhost",
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => address.is_loopback(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_origin_over_tls_or_on_this_machine_is_an_endpoint() {
        let table = [
            ("https://acme.zendesk.com", Some("acme")),
            ("https://acme.zendesk.com/", Some("acme")),
            ("https://support.example.com:8443", Some("support.example.com")),
            ("http://localhost:8080", Some("localhost")),
            ("http://127.0.0.9:1", Some("127.0.0.9")),
            ("http://[::1]:1", Some("[::1]")),
            ("http://acme.zendesk.com", None),
            ("http://localhost.example.com", None),
            ("http://10.0.0.1", None),
            ("http://0x7f.1.example", None),
            ("ftp://localhost", None),
            ("https://user@acme.zendesk.com", None),
            ("https://:secret@acme.zendesk.com", None),
            ("https://acme.zendesk.com/api", None),
            ("https://acme.zendesk.com?x", None),
            ("https://acme.zendesk.com#x", None),
            ("acme.zendesk.com", None),
            ("", None),
        ];
        for (text, expected) in table {
            let found = endpoint(None, Some(text), &Path::default());
            assert_eq!(found.ok().map(|(_, label)| label).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn a_subdomain_is_one_label_and_the_hint_finds_it_in_more() {
        let hint = |text| endpoint(Some(text), None, &Path::default()).unwrap_err().hint.unwrap();
        assert_eq!(hint("acme.zendesk.com"), "write `acme`");
        assert_eq!(hint("https://acme.zendesk.com/agent"), "write `acme`");
        for text in ["", "a.b", "-a", "a_b", "evil.com/", "acme.zendesk.com.evil.com"] {
            assert!(hint(text).starts_with("`acme`, if"), "{text}");
        }
        let (url, label) = endpoint(Some("Acme-2"), None, &Path::default()).unwrap();
        assert_eq!((url.as_str(), label.as_str()), ("https://acme-2.zendesk.com/", "acme-2"));
    }

    #[test]
    fn an_endpoint_with_credentials_is_refused_without_showing_them() {
        for text in ["https://u:hunter2@x.com", "https://u:hunter2@bad host", "https://u:hunter2@:"]
        {
            for (subdomain, endpoint_) in [(None, Some(text)), (Some(text), None)] {
                let finding = endpoint(subdomain, endpoint_, &Path::default()).unwrap_err();
                assert!(!format!("{finding:?}").contains("hunter2"), "{finding:?}");
            }
        }
    }
}
