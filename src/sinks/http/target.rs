//! Where each event goes: its address and headers, made from templates.

use std::collections::HashMap;
use std::sync::Arc;

use http::header::AUTHORIZATION;
use http::{HeaderName, HeaderValue};
use secrecy::ExposeSecret as _;
use url::Url;

use super::HttpSettings;
use crate::normalize::Event;
use crate::sinks::progress::Part;
use crate::sinks::{Batch, SinkError, SinkErrorKind, Template, TemplateError};

/// Headers that the client makes of the request itself.
const OURS: [&str; 4] = ["content-length", "transfer-encoding", "connection", "host"];

/// An address, and the headers that go with it.
pub(super) struct Target {
    pub(super) url: Url,
    pub(super) headers: Vec<(HeaderName, HeaderValue)>,
}

impl Target {
    /// The endpoint, for messages: its path and query may hold a token.
    pub(super) fn place(&self) -> String {
        self.url.origin().ascii_serialization()
    }
}

/// Makes targets of events.
pub(super) struct Targets {
    uri: Template,
    headers: Vec<(HeaderName, Value)>,
    healthcheck: Option<Url>,
}

/// What a header holds.
enum Value {
    Fixed(HeaderValue),
    Made(Template),
}

impl Targets {
    pub(super) fn new(settings: &HttpSettings) -> Result<Self, SinkError> {
        let uri = uri(&settings.uri)?;
        let healthcheck = settings.healthcheck_uri.as_deref().map(healthcheck).transpose()?;
        let mut headers = Vec::new();
        if let Some(auth) = &settings.auth {
            let has_user = Url::parse(uri.literal_prefix()).is_ok_and(|url| has_user(&url));
            if has_user {
                return Err(twice("the user in `uri`"));
            }
            let value = value(auth.header().expose_secret().as_bytes());
            let value =
                value.ok_or_else(|| config("`auth` has a character that no header takes"))?;
            headers.push((AUTHORIZATION, Value::Fixed(value)));
        }
        for (name, text) in &settings.headers {
            let header = header(name, text)?;
            if header.0 == AUTHORIZATION && settings.auth.is_some() {
                return Err(twice("the header `Authorization`"));
            }
            headers.push(header);
        }
        Ok(Self { uri, headers, healthcheck })
    }

    /// What is asked whether all is well. Headers that are made of events are not sent.
    pub(super) fn healthcheck(&self) -> Option<Target> {
        let url = self.healthcheck.clone()?;
        let fixed = self.headers.iter().filter_map(|(name, value)| match value {
            Value::Fixed(value) => Some((name.clone(), value.clone())),
            Value::Made(_) => None,
        });
        Some(Target { url, headers: fixed.collect() })
    }

    /// The batch by address and headers, each in its order.
    pub(super) fn parts(&self, batch: &Batch) -> Result<Vec<Part<Target>>, SinkError> {
        let mut parts: Vec<Part<Target>> = Vec::new();
        let mut numbers: HashMap<Vec<String>, usize> = HashMap::new();
        let mut last: Option<(&Event, usize)> = None;
        for (place, event) in batch.events.iter().enumerate() {
            let number = match last {
                Some((before, number)) if self.same_for(before, event) => number,
                _ => {
                    let made: Vec<String> =
                        self.templates().map(|template| template.render(event)).collect();
                    if let Some(number) = numbers.get(&made) {
                        *number
                    } else {
                        let target = Arc::new(self.target(&made)?);
                        parts.push(Part { target, places: Vec::new() });
                        numbers.insert(made, parts.len() - 1);
                        parts.len() - 1
                    }
                }
            };
            parts[number].places.push(place);
            last = Some((event, number));
        }
        Ok(parts)
    }

    /// The address's template, and then those of headers.
    fn templates(&self) -> impl Iterator<Item = &Template> {
        let of_headers = self.headers.iter().filter_map(|(_, value)| match value {
            Value::Made(template) => Some(template),
            Value::Fixed(_) => None,
        });
        std::iter::once(&self.uri).chain(of_headers)
    }

    fn same_for(&self, one: &Event, other: &Event) -> bool {
        self.templates().all(|template| template.same_for(one, other))
    }

    /// The target with what the templates made.
    fn target(&self, made: &[String]) -> Result<Target, SinkError> {
        let mut made = made.iter();
        let url = made.next().and_then(|text| Url::parse(text).ok());
        // Its beginning up to the host was proved when it was read.
        let url = url.ok_or_else(|| config("an event makes `uri` no address"))?;
        let headers = self.headers.iter().map(|(name, of)| {
            let value = match of {
                Value::Fixed(value) => Some(value.clone()),
                Value::Made(_) => made.next().and_then(|text| value(text.as_bytes())),
            };
            Some((name.clone(), value?))
        });
        let headers: Option<Vec<_>> = headers.collect();
        let headers =
            headers.ok_or_else(|| config("an event makes a header that cannot be sent"))?;
        Ok(Target { url, headers })
    }
}

fn config(text: impl Into<String>) -> SinkError {
    SinkError::new(SinkErrorKind::Config, text)
}

fn twice(other: &str) -> SinkError {
    config(format!("`auth` and {other} both say how to sign in")).with_hint("leave one of them out")
}

fn has_user(url: &Url) -> bool {
    !url.username().is_empty() || url.password().is_some()
}

/// A value that the client does not show.
fn value(bytes: &[u8]) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_bytes(bytes).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// What is wrong with a template, without its text, in which a token may stand.
fn reason(error: &TemplateError) -> String {
    match error {
        TemplateError::Empty | TemplateError::UnknownField(_) | TemplateError::BadTime { .. } => {
            error.to_string()
        }
        TemplateError::NoLiteral(_) => "it must begin with literal text".to_owned(),
        TemplateError::Unclosed(_) => "`{{` has no `}}` after it".to_owned(),
        TemplateError::ControlCharacter(_) => "it has a control character".to_owned(),
        TemplateError::Climbs(_) => "it has `..` after a field or a time".to_owned(),
    }
}

/// The address up to the host is literal: no event can send another elsewhere.
fn uri(text: &str) -> Result<Template, SinkError> {
    const HINT: &str = "for example `https://collector.example.com/zendesk/{{ stream }}`";
    let refuse = |what: String| config(format!("`uri` is no address: {what}")).with_hint(HINT);
    let template = Template::parse(text).map_err(|error| refuse(reason(&error)))?;
    let literal = template.literal_prefix();
    let behind = literal.split_once("://").map_or("", |(_, behind)| behind);
    if !template.is_literal() && !behind.contains(['/', '?']) {
        return Err(refuse("its host must be literal, with `/` after it".to_owned()));
    }
    let url = Url::parse(literal).map_err(|error| refuse(error.to_string()))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(refuse("it must begin with `http://` or `https://`".to_owned()));
    }
    Ok(template)
}

fn healthcheck(text: &str) -> Result<Url, SinkError> {
    let url = Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
    url.ok_or_else(|| config("`healthcheck.uri` is no address that begins with `https://`"))
}

fn header(name: &str, text: &str) -> Result<(HeaderName, Value), SinkError> {
    let refuse = |what: &str| config(format!("the header `{name}` {what}"));
    let header = HeaderName::from_bytes(name.as_bytes()).map_err(|_| refuse("is no header"))?;
    if OURS.contains(&header.as_str()) {
        return Err(refuse("cannot be set").with_hint("it is made of the request itself"));
    }
    if !text.contains("{{") && !text.contains('%') {
        let fixed = value(text.as_bytes());
        let fixed = fixed.ok_or_else(|| refuse("has a character that no header takes"))?;
        return Ok((header, Value::Fixed(fixed)));
    }
    let template = Template::parse_below(text)
        .map_err(|error| refuse(&format!("is no template: {}", reason(&error))))?;
    Ok((header, Value::Made(template)))
}
