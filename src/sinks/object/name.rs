//! The keys of objects, in Vector's way: prefix, time, random part, extension.

use jiff::Timestamp;
use jiff::fmt::strtime::BrokenDownTime;
use jiff::tz::TimeZone;

use super::ObjectSettings;
use crate::random::Random;
use crate::sinks::{SinkError, SinkErrorKind, Template, TemplateError};

/// How keys are made.
#[derive(Debug)]
pub(super) struct Namer {
    /// None: keys have no prefix.
    prefix: Option<Template>,
    time_format: String,
    append_uuid: bool,
    extension: String,
}

impl Namer {
    pub(super) fn new(settings: &ObjectSettings) -> Result<Self, SinkError> {
        let refused = |error: TemplateError| {
            let hint = match error {
                TemplateError::NoLiteral(_) => "begin it with a name, such as `zendesk/`",
                _ => "for example `zendesk/{{ stream }}/date=%F/`",
            };
            SinkError::new(SinkErrorKind::Config, error.to_string()).with_hint(hint)
        };
        let prefix = match without_empty_parts(&settings.prefix).as_str() {
            "" => None,
            text => Some(Template::parse(text).map_err(refused)?),
        };
        if prefix.as_ref().is_some_and(Template::has_parent_component) {
            let text = format!("the prefix `{}` has `..` in it", settings.prefix);
            return Err(SinkError::new(SinkErrorKind::Config, text));
        }
        let extension = match &settings.extension {
            Some(extension) => extension.trim_start_matches('.').to_owned(),
            None => settings.compression.log_extension().to_owned(),
        };
        let namer = Self {
            prefix,
            time_format: settings.time_format.clone(),
            append_uuid: settings.append_uuid,
            extension,
        };
        namer.time(Timestamp::UNIX_EPOCH)?;
        Ok(namer)
    }

    /// What tells apart the objects that a batch is written to; none: there is one.
    pub(super) fn prefix(&self) -> Option<&Template> {
        self.prefix.as_ref()
    }

    /// A new key below `prefix`.
    pub(super) fn key(&self, prefix: &str, now: Timestamp, random: &Random) -> String {
        // Proved when it was made; what is left are codes that some years do not have.
        let time = self.time(now).unwrap_or_default();
        let id =
            uuid::Builder::from_random_bytes(random.bits().to_be_bytes()).into_uuid().to_string();
        let words: Vec<&str> = [time.as_str(), if self.append_uuid { &id } else { "" }]
            .into_iter()
            .filter(|word| !word.is_empty())
            .collect();
        let name = words.join("-");
        match self.extension.as_str() {
            "" => format!("{prefix}{name}"),
            extension => format!("{prefix}{name}.{extension}"),
        }
    }

    fn time(&self, at: Timestamp) -> Result<String, SinkError> {
        let time = BrokenDownTime::from(&at.to_zoned(TimeZone::UTC));
        time.to_string(&self.time_format).map_err(|error| {
            let text = format!("`{}` is no time format: {error}", self.time_format);
            SinkError::new(SinkErrorKind::Config, text).with_hint("for example `%s`")
        })
    }
}

/// A prefix that comes from a variable ends in `/` or does not, and one is written after it. Some
/// stores take `//` for `/` and others do not, so that a key would be two.
fn without_empty_parts(prefix: &str) -> String {
    let mut last = None;
    prefix.chars().filter(|c| last.replace(*c) != Some('/') || *c != '/').collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sinks::Compression;

    #[test]
    fn a_key_has_no_empty_part() {
        let settings = ObjectSettings {
            prefix: "zendesk/crm///2024//".to_owned(),
            time_format: "%s".to_owned(),
            append_uuid: false,
            extension: None,
            compression: Compression::None,
            content_type: None,
            content_encoding: None,
        };
        let namer = Namer::new(&settings).unwrap();
        assert_eq!(namer.prefix().unwrap().as_str(), "zendesk/crm/2024/");
    }
}
