//! The page shapes Zendesk has, as one: is there more, and with which parameters is it asked for.
//!
//! Reads the small members around the records array. Facts:
//! <https://developer.zendesk.com/api-reference/introduction/pagination/> for lists (`meta`,
//! `links`) and the page on incremental exports (`after_cursor`, `end_of_stream`); that a link to a
//! next page stays on the last one is from recorded answers. No link in a body is followed: known
//! parameters are taken out of it, and only of a link that belongs to the account.

use bytes::Bytes;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use url::Url;

/// Parameters of a request: names as the API has them, values not yet encoded.
pub type Parameters = Vec<(&'static str, String)>;

/// The cursor parameter of a list.
pub const PAGE_AFTER: &str = "page[after]";

/// What a page says about the pages after it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageEnd {
    /// What the next page is asked with, beside what this one was; empty on an empty page, where
    /// what came before it stays good.
    pub next: Parameters,
    /// Whether there are more records now. A page may be empty and still have
    /// more after it, and a link to a next page is there even when nothing follows.
    pub more: bool,
}

#[derive(Deserialize)]
struct Meta {
    has_more: bool,
    after_cursor: Option<String>,
}

#[derive(Deserialize)]
struct Links {
    next: Option<String>,
}

/// The members of a page around its records, and whose page it is.
#[derive(Debug, Clone, Copy)]
pub struct Envelope<'a> {
    members: &'a [(String, Bytes)],
    account: &'a Url,
}

impl<'a> Envelope<'a> {
    /// The members of a page of the account at that address.
    pub fn new(members: &'a [(String, Bytes)], account: &'a Url) -> Self {
        Self { members, account }
    }

    /// Reads `meta` of a list page. `cursor` names the parameter that takes the cursor; where a
    /// service does not settle for one, all that it may be, and the one in `links` counts, with the
    /// cursor as it has it.
    pub fn list_end(&self, cursor: &[&'static str]) -> Result<PageEnd, String> {
        let meta: Meta = self.member("meta")?.ok_or("the page has no `meta`")?;
        if meta.has_more && meta.after_cursor.is_none() {
            return Err("`meta` promises more without a cursor".to_owned());
        }
        let Some(after) = meta.after_cursor else {
            return Ok(PageEnd { next: Vec::new(), more: false });
        };
        let linked = if cursor.len() > 1 {
            let links: Option<Links> = self.member("links")?;
            // The cursor itself stands in `meta`: a link that is not to be trusted is not needed.
            let next = links.and_then(|links| links.next);
            next.and_then(|link| self.parameters_of(&link, cursor).ok())
        } else {
            None
        };
        let linked = linked.into_iter().flatten().next();
        let usual = || (cursor.first().copied().unwrap_or(PAGE_AFTER), after);
        Ok(PageEnd { next: vec![linked.unwrap_or_else(usual)], more: meta.has_more })
    }

    /// Reads `after_cursor` and `end_of_stream` of an incremental export's page.
    pub fn export_end(&self) -> Result<PageEnd, String> {
        let end: bool = self.member("end_of_stream")?.ok_or("the page has no `end_of_stream`")?;
        let cursor: Option<String> = self.member("after_cursor")?.flatten();
        if !end && cursor.is_none() {
            return Err("the page promises more without a cursor".to_owned());
        }
        let next = cursor.map(|cursor| ("cursor", cursor));
        Ok(PageEnd { next: next.into_iter().collect(), more: !end })
    }

    /// Known parameters of the link in a member, in the order of `known`; none where there is no
    /// link. A link that leads away from the account makes a page that is not to be trusted.
    pub fn link(&self, name: &str, known: &[&'static str]) -> Result<Option<Parameters>, String> {
        let link: Option<Option<String>> = self.member(name)?;
        link.flatten().map(|link| self.parameters_of(&link, known)).transpose()
    }

    /// Whether a member is there and is `null`.
    pub fn is_null(&self, name: &str) -> bool {
        self.member(name).is_ok_and(|value: Option<serde_json::Value>| value == Some(().into()))
    }

    /// Reads a whole number; none where there is none.
    pub fn integer(&self, name: &str) -> Result<Option<i64>, String> {
        Ok(self.member::<Option<i64>>(name)?.flatten())
    }

    /// Reads a text; none where there is none.
    pub fn text(&self, name: &str) -> Result<Option<String>, String> {
        Ok(self.member::<Option<String>>(name)?.flatten())
    }

    /// Reads a truth value; none where there is none.
    pub fn flag(&self, name: &str) -> Result<Option<bool>, String> {
        Ok(self.member::<Option<bool>>(name)?.flatten())
    }

    /// Reads a member. An error names it.
    fn member<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, String> {
        // The last of that name, as JSON parsers have it.
        let value = self.members.iter().rev().find(|(key, _)| key == name);
        let read = value.map(|(_, text)| serde_json::from_slice(text));
        read.transpose().map_err(|error| format!("`{name}`: {error}"))
    }

    /// Whether a link is one of the account's. Where that has a host of its own, its links may name
    /// the one that it has at Zendesk, which nobody here knows; as no link is followed, no request
    /// goes there.
    fn is_ours(&self, link: &Url) -> bool {
        let at_zendesk =
            |url: &Url| url.host_str().is_some_and(|host| host.ends_with(".zendesk.com"));
        let canonical = link.scheme() == "https" && link.port().is_none() && at_zendesk(link);
        link.origin() == self.account.origin() || canonical && !at_zendesk(self.account)
    }

    fn parameters_of(&self, link: &str, known: &[&'static str]) -> Result<Parameters, String> {
        let url = Url::parse(link).map_err(|error| format!("the next page's link: {error}"))?;
        if !self.is_ours(&url) {
            return Err("the next page's link leads away from the account".to_owned());
        }
        let value = |name: &str| {
            url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
        };
        Ok(known.iter().filter_map(|name| Some((*name, value(name)?))).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Members = Vec<(String, Bytes)>;

    fn members(members: &[(&str, &'static str)]) -> Members {
        members.iter().map(|(k, v)| ((*k).to_owned(), Bytes::from_static(v.as_bytes()))).collect()
    }

    fn read<T>(members: &Members, read: impl FnOnce(Envelope<'_>) -> T) -> T {
        let account = Url::parse("https://acme.zendesk.com").expect("an address");
        read(Envelope::new(members, &account))
    }

    fn list(members: &Members) -> Result<PageEnd, String> {
        read(members, |page| page.list_end(&[PAGE_AFTER]))
    }

    fn export(members: &Members) -> Result<PageEnd, String> {
        read(members, |page| page.export_end())
    }

    #[test]
    fn the_end_is_what_has_more_says_not_the_link() {
        let last = members(&[
            ("links", r#"{"next":"https://acme.zendesk.com/api/v2/x?page%5Bafter%5D=abc"}"#),
            ("meta", r#"{"has_more":false,"after_cursor":"abc","before_cursor":"x"}"#),
        ]);
        let end = PageEnd { next: vec![(PAGE_AFTER, "abc".to_owned())], more: false };
        assert_eq!(list(&last), Ok(end));
    }

    #[test]
    fn an_empty_page_has_no_cursor() {
        let empty = members(&[("meta", r#"{"has_more":false,"after_cursor":null}"#)]);
        assert_eq!(list(&empty), Ok(PageEnd { next: vec![], more: false }));
        let last = members(&[("after_cursor", "null"), ("end_of_stream", "true")]);
        assert_eq!(export(&last), Ok(PageEnd { next: vec![], more: false }));
    }

    #[test]
    fn an_export_ends_where_end_of_stream_says_though_its_cursor_is_set() {
        let last = members(&[("after_cursor", r#""MTcw""#), ("end_of_stream", "true")]);
        let end = PageEnd { next: vec![("cursor", "MTcw".to_owned())], more: false };
        assert_eq!(export(&last), Ok(end));
    }

    #[test]
    fn more_without_a_cursor_is_malformed() {
        assert!(list(&members(&[("meta", r#"{"has_more":true}"#)])).is_err());
        assert!(export(&members(&[("end_of_stream", "false")])).is_err());
        assert!(list(&members(&[])).is_err());
    }

    #[test]
    fn the_link_says_which_parameter_takes_the_cursor() {
        let known = [PAGE_AFTER, "filter[after]"];
        let end = |link: &str| {
            let links = format!(r#"{{"next":{link}}}"#);
            let members = vec![
                (
                    "meta".to_owned(),
                    Bytes::from_static(br#"{"has_more":true,"after_cursor":"01H"}"#),
                ),
                ("links".to_owned(), Bytes::from(links)),
            ];
            read(&members, |page| page.list_end(&known))
        };
        let next = |name| Ok(PageEnd { next: vec![(name, "01H".to_owned())], more: true });
        for (link, name) in [
            (r#""https://acme.zendesk.com:443/api/v2/x?page[size]=2&filter[after]=01H""#, known[1]),
            (r#""https://acme.zendesk.com/api/v2/x?page%5Bafter%5D=01H""#, known[0]),
            (r#""https://acme.zendesk.com/api/v2/x?other=1""#, known[0]),
            (r#""https://evil.example/api/v2/x?filter[after]=01H""#, known[0]),
            ("null", known[0]),
        ] {
            assert_eq!(end(link), next(name), "{link}");
        }
    }

    #[test]
    fn an_account_with_a_host_of_its_own_names_itself_in_links_as_zendesk_does() {
        let next = |account: &str, link: &str| {
            let members = vec![("next_page".to_owned(), Bytes::from(format!(r#""{link}""#)))];
            let account = Url::parse(account).expect("an address");
            Envelope::new(&members, &account).link("next_page", &["page"])
        };
        let mapped = "https://help.acme.example";
        let found = next(mapped, "https://acme.zendesk.com/api/v2/ticket_forms?page=2");
        assert_eq!(found, Ok(Some(vec![("page", "2".to_owned())])));
        for link in [
            "https://evil.example/api/v2/x?page=2",
            "https://zendesk.com.evil.example/x?page=2",
            "https://evilzendesk.com/x?page=2",
            "https://acme.zendesk.com:444/x?page=2",
            "http://acme.zendesk.com/x?page=2",
        ] {
            assert!(next(mapped, link).is_err(), "{link}");
        }
        assert!(next("https://acme.zendesk.com", "https://other.zendesk.com/x?page=2").is_err());
    }

    #[test]
    fn a_link_that_leads_away_from_the_account_is_not_trusted() {
        for link in [
            "https://evil.example/api/v2/x?page=2",
            "http://acme.zendesk.com/api/v2/x?page=2",
            "https://acme.zendesk.com:444/api/v2/x?page=2",
            "https://acme.zendesk.com.evil.example/?page=2",
            "not a link",
        ] {
            let members = vec![("next_page".to_owned(), Bytes::from(format!(r#""{link}""#)))];
            let end = read(&members, |page| page.link("next_page", &["page"]));
            assert!(end.is_err(), "{link}: {end:?}");
        }
    }
}
