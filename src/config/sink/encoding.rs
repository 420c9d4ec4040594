//! `encoding` and `framing`: how a sink's events become bytes.

use serde::Deserialize;

use crate::config::node::{Node, Path};
use crate::config::problem::{Finding, Findings};
use crate::config::read::read;
use crate::config::written::NonEmpty;
use crate::sinks::{EncoderSettings, FieldPath, Fields, Framing, Pattern, TimestampFormat};

/// `sinks.*.encoding`
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Encoding {
    #[serde(rename = "codec")]
    _codec: Option<Codec>,
    metadata_key: Option<NonEmpty>,
    only_fields: Option<Vec<String>>,
    except_fields: Option<Vec<String>>,
    timestamp_format: Option<WrittenTimestampFormat>,
    template: Option<NonEmpty>,
    json: Option<Json>,
}

/// `sinks.*.encoding.codec`
#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Codec {
    Json,
}

/// `sinks.*.encoding.json`
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Json {
    pretty: Option<bool>,
}

/// `sinks.*.encoding.timestamp_format`
#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum WrittenTimestampFormat {
    Rfc3339,
    Unix,
    UnixMs,
    UnixUs,
    UnixNs,
    UnixFloat,
}

/// `sinks.*.framing`
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenFraming {
    method: FramingMethod,
    character_delimited: Option<CharacterDelimited>,
}

/// `sinks.*.framing.method`
#[derive(Clone, Copy, PartialEq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum FramingMethod {
    NewlineDelimited,
    CharacterDelimited,
    Bytes,
}

/// `sinks.*.framing.character_delimited`
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CharacterDelimited {
    delimiter: String,
}

/// What these two parts of a sink mean.
pub(super) fn encoder(
    encoding: Option<&Node>,
    framing: Option<&Node>,
    path: &Path,
    findings: &mut Findings,
) -> Option<EncoderSettings> {
    let framing = match framing {
        Some(node) => findings.keep(self::framing(node, &path.key("framing"))),
        None => Some(Framing::default()),
    };
    let path = path.key("encoding");
    let encoding: Option<Encoding> = match encoding {
        Some(node) => findings.keep(read(node, &path)),
        None => Some(Encoding::default()),
    };
    let encoding = encoding?;
    let fields = findings.keep(fields(&encoding, &path));
    let template = encoding.template.as_ref().map(|NonEmpty(text)| {
        Pattern::parse(text).map_err(|error| Finding::new(&path.key("template"), error.to_string()))
    });
    let template = findings.keep(template.transpose());
    if encoding.json.as_ref().is_some_and(|json| json.pretty == Some(true)) {
        let path = path.key("json").key("pretty");
        let finding = Finding::new(&path, "`true` is not available in this version");
        findings.push(finding.hint("leave it out: an event is the record as Zendesk sent it"));
        return None;
    }
    findings.keep(times(&encoding, &path))?;
    Some(EncoderSettings {
        metadata_key: encoding.metadata_key.map(|key| key.0),
        timestamp_format: encoding.timestamp_format.map_or_else(Default::default, Into::into),
        fields: fields?,
        template: template?,
        framing: framing?,
    })
}

/// The format of times is that of those which are added: a record's own are text, as they came.
fn times(encoding: &Encoding, path: &Path) -> Result<(), Finding> {
    let adds_none = encoding.metadata_key.is_none() && encoding.template.is_none();
    match encoding.timestamp_format {
        // What they all are already.
        None | Some(WrittenTimestampFormat::Rfc3339) => Ok(()),
        Some(_) if adds_none => {
            let path = path.key("timestamp_format");
            Err(Finding::new(&path, "has no effect without `metadata_key` or `template`").hint(
                "leave it out: an event's own times stay as Zendesk sent them; it is for times \
                 that these two add",
            ))
        }
        Some(_) => Ok(()),
    }
}

impl From<WrittenTimestampFormat> for TimestampFormat {
    fn from(written: WrittenTimestampFormat) -> Self {
        match written {
            WrittenTimestampFormat::Rfc3339 => Self::Rfc3339,
            WrittenTimestampFormat::Unix => Self::Unix,
            WrittenTimestampFormat::UnixMs => Self::UnixMs,
            WrittenTimestampFormat::UnixUs => Self::UnixUs,
            WrittenTimestampFormat::UnixNs => Self::UnixNs,
            WrittenTimestampFormat::UnixFloat => Self::UnixFloat,
        }
    }
}

fn fields(encoding: &Encoding, path: &Path) -> Result<Fields, Finding> {
    let read =
        |texts: &Option<Vec<String>>, key: &str| -> Result<Option<Vec<FieldPath>>, Finding> {
            let Some(texts) = texts else { return Ok(None) };
            let paths = texts.iter().enumerate().map(|(place, text)| {
                let path = path.key(key).index(place);
                FieldPath::parse(text).map_err(|error| {
                    Finding::new(&path, error.to_string())
                        .hint("for example `id`, `via.source` or `\"a.b\".c`")
                })
            });
            paths.collect::<Result<Vec<_>, _>>().map(Some)
        };
    let only = read(&encoding.only_fields, "only_fields")?;
    let except = read(&encoding.except_fields, "except_fields")?.unwrap_or_default();
    for (place, excluded) in except.iter().enumerate() {
        if only.iter().flatten().any(|wanted| excluded.holds(wanted)) {
            let path = path.key("except_fields").index(place);
            let text = encoding.except_fields.iter().flatten().nth(place);
            let text = text.map_or("", String::as_str);
            return Err(Finding::new(&path, format!("`{text}` is among `only_fields` too"))
                .hint("name a field in one of the two"));
        }
    }
    Ok(Fields::new(only.as_deref(), &except))
}

fn framing(node: &Node, path: &Path) -> Result<Framing, Finding> {
    let WrittenFraming { method, character_delimited } = read(node, path)?;
    if method != FramingMethod::CharacterDelimited && character_delimited.is_some() {
        let message = "is only for the method `character_delimited`";
        return Err(Finding::new(&path.key("character_delimited"), message));
    }
    match method {
        FramingMethod::NewlineDelimited => Ok(Framing::NewlineDelimited),
        FramingMethod::Bytes => Ok(Framing::Bytes),
        FramingMethod::CharacterDelimited => {
            let Some(CharacterDelimited { delimiter }) = character_delimited else {
                let message = "missing field `character_delimited`";
                return Err(Finding::new(path, message)
                    .hint("for example `character_delimited: { delimiter: \",\" }`"));
            };
            match delimiter.as_bytes() {
                [letter] if letter.is_ascii() => Ok(Framing::CharacterDelimited(*letter)),
                _ => {
                    let path = path.key("character_delimited").key("delimiter");
                    Err(Finding::new(&path, format!("`{delimiter}` is not one ASCII character")))
                }
            }
        }
    }
}
