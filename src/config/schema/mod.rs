//! The config's JSON Schema, for editors: what may stand where, with its default and what it does.
//!
//! Made from the tables beside it. What they name is held against the reader by a test, in both
//! directions: a field that one of the two does not know fails it.

mod objects;
mod sinks;
mod sources;
#[cfg(test)]
mod tests;
mod top;
mod transforms;

use serde_json::{Map, Value, json};

use crate::streams::{CATALOGUE, aliases};

/// One option.
#[derive(Debug, Clone, Copy)]
struct Field {
    name: &'static str,
    kind: Kind,
    /// Whether a config without it is refused.
    needed: bool,
    /// Its default as JSON; empty: there is none, or it is told in words.
    usual: &'static str,
    /// What it does.
    about: &'static str,
}

/// What may be written.
#[derive(Debug, Clone, Copy)]
enum Kind {
    Text,
    /// 0 or more.
    Whole,
    Switch,
    /// `true`, or a map with `enabled`.
    Toggle,
    /// Above 0 and up to 1.
    Part,
    /// A whole number with these bounds.
    Between(u64, u64),
    Seconds,
    /// Above 0.
    SomeSeconds,
    Words,
    /// Names of streams, and globs of them.
    Streams,
    /// A map of texts.
    Texts,
    /// A map from streams to seconds.
    SecondsByStream,
    Choice(&'static [&'static str]),
    Section(&'static [Field]),
    /// A list of such maps.
    List(&'static [Field]),
    /// A text, or a map.
    TextOr(&'static [Field]),
    /// A word, or a map.
    WordOr(&'static [&'static str], &'static [Field]),
    /// `true`, or a map.
    SwitchOr(&'static [Field]),
    /// A map from streams to such maps.
    ByStream(&'static [Field]),
    /// A map from names to maps that a word in them tells apart.
    Components(&'static str, &'static [Variant]),
    /// A map that a word in it tells apart.
    OneOf(&'static str, &'static [Variant]),
    /// A way to sign in: its fields beside `strategy`, or in maps of the strategies' names, of
    /// which a variable may choose one.
    Auth(&'static [Variant]),
    Numerals,
    Anything,
}

/// One form of a map, by the word that tells it apart, and the groups of its options.
type Variant = (&'static str, &'static [&'static [Field]]);

/// An option without a default.
const fn may(name: &'static str, kind: Kind, about: &'static str) -> Field {
    Field { name, kind, needed: false, usual: "", about }
}

/// An option with one.
const fn usual(name: &'static str, kind: Kind, usual: &'static str, about: &'static str) -> Field {
    Field { name, kind, needed: false, usual, about }
}

/// An option that has to be there.
const fn must(name: &'static str, kind: Kind, about: &'static str) -> Field {
    Field { name, kind, needed: true, usual: "", about }
}

/// The schema, in the draft of 2020-12.
pub fn schema() -> Value {
    let mut schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "zenstream",
        "description": "What `zenstream run` collects, and where to.",
    });
    let top = object(&[top::TOP]);
    if let (Some(schema), Value::Object(top)) = (schema.as_object_mut(), top) {
        schema.extend(top);
        let defs = json!({ "placeholder": placeholder(), "stream": stream() });
        schema.insert("$defs".to_owned(), defs);
    }
    schema
}

/// Text that becomes something else when the environment or a secret is put in.
fn placeholder() -> Value {
    json!({
        "type": "string",
        "pattern": r"\$\{|SECRET\[",
        "description": "`${VARIABLE}`, `${VARIABLE:-default}` or `SECRET[backend.key]`",
    })
}

/// The name of a stream, so that an editor completes it.
fn stream() -> Value {
    let names: Vec<&str> = CATALOGUE.iter().map(|spec| spec.name).collect();
    json!({ "enum": names, "description": "A stream; `zenstream streams` says what each needs." })
}

/// Names with what stands for others in it; other names, which no editor need offer.
fn glob() -> Value {
    let aliases = aliases().collect::<Vec<_>>().join("|");
    json!({
        "type": "string",
        "pattern": format!(r"[*?\[]|^({aliases})$"),
        "description": "A glob of streams; `*` is all.",
    })
}

fn by_stream(value: &Value) -> Value {
    json!({
        "type": "object",
        "propertyNames": { "$ref": "#/$defs/stream" },
        "additionalProperties": value,
    })
}

fn or_placeholder(value: &Value) -> Value {
    json!({ "anyOf": [value, { "$ref": "#/$defs/placeholder" }] })
}

/// A map with these options and no others.
fn object(groups: &[&[Field]]) -> Value {
    let fields = || groups.iter().copied().flatten();
    let properties: Map<String, Value> =
        fields().map(|field| (field.name.to_owned(), field.schema())).collect();
    let needed: Vec<&str> = fields().filter(|it| it.needed).map(|it| it.name).collect();
    let mut object = json!({
        "type": "object",
        "additionalProperties": false,
        "properties": properties,
    });
    if !needed.is_empty() {
        object["required"] = json!(needed);
    }
    object
}

impl Field {
    fn schema(&self) -> Value {
        let mut schema = self.kind.schema();
        schema["description"] = Value::from(self.about);
        if let Ok(usual) = serde_json::from_str::<Value>(self.usual) {
            schema["default"] = usual;
        }
        schema
    }
}

impl Kind {
    fn schema(self) -> Value {
        match self {
            Self::Text => json!({ "type": "string" }),
            Self::Whole => or_placeholder(&json!({ "type": "integer", "minimum": 0 })),
            Self::Part => {
                or_placeholder(&json!({ "type": "number", "exclusiveMinimum": 0, "maximum": 1 }))
            }
            Self::Between(least, u64::MAX) => {
                or_placeholder(&json!({ "type": "integer", "minimum": least }))
            }
            Self::Between(least, most) => {
                or_placeholder(&json!({ "type": "integer", "minimum": least, "maximum": most }))
            }
            Self::Seconds => or_placeholder(&json!({ "type": "number", "minimum": 0 })),
            Self::SomeSeconds => {
                or_placeholder(&json!({ "type": "number", "exclusiveMinimum": 0 }))
            }
            Self::Switch => or_placeholder(&json!({ "type": "boolean" })),
            Self::Toggle => json!({ "anyOf": [
                { "type": "boolean" },
                object(&[&[usual("enabled", Self::Switch, "true", "Whether it is on.")]]),
                { "$ref": "#/$defs/placeholder" },
            ] }),
            Self::Words => {
                or_placeholder(&json!({ "type": "array", "items": { "type": "string" } }))
            }
            Self::Streams => or_placeholder(&json!({
                "type": "array",
                "minItems": 1,
                "items": { "anyOf": [{ "$ref": "#/$defs/stream" }, glob(), { "$ref": "#/$defs/placeholder" }] },
            })),
            Self::Numerals => json!({ "type": "array", "items": { "type": "integer" } }),
            Self::Texts => {
                json!({ "type": "object", "additionalProperties": { "type": "string" } })
            }
            Self::SecondsByStream => by_stream(&Self::Seconds.schema()),
            Self::Choice(words) => or_placeholder(&json!({ "enum": words })),
            Self::Section(fields) => object(&[fields]),
            Self::List(fields) => json!({ "type": "array", "items": object(&[fields]) }),
            Self::TextOr(fields) => json!({ "anyOf": [{ "type": "string" }, object(&[fields])] }),
            Self::WordOr(words, fields) => {
                json!({ "anyOf": [{ "enum": words }, object(&[fields]), { "$ref": "#/$defs/placeholder" }] })
            }
            Self::SwitchOr(fields) => {
                json!({ "anyOf": [{ "type": "boolean" }, object(&[fields]), { "$ref": "#/$defs/placeholder" }] })
            }
            Self::ByStream(fields) => by_stream(&object(&[fields])),
            Self::Components(tag, variants) => {
                json!({ "type": "object", "additionalProperties": one_of(tag, variants) })
            }
            Self::OneOf(tag, variants) => one_of(tag, variants),
            Self::Auth(strategies) => auth(strategies),
            Self::Anything => json!({}),
        }
    }
}

fn auth(strategies: &[Variant]) -> Value {
    let chosen = json!({ "type": "string", "description": "Which of the maps beside it counts." });
    let mut maps = Map::from_iter([("strategy".to_owned(), chosen)]);
    for (name, groups) in strategies {
        let mut map = object(groups);
        map["description"] = Value::from(format!("The fields of `{name}`."));
        if let Some(needed) = map["required"].as_array_mut() {
            needed.retain(|field| field != "strategy");
        }
        maps.insert((*name).to_owned(), map);
    }
    let nested = json!({
        "type": "object",
        "required": ["strategy"],
        "additionalProperties": false,
        "properties": maps,
        // Without a map of a strategy's name it is the other form.
        "minProperties": 2,
    });
    json!({ "anyOf": [one_of("strategy", strategies), nested] })
}

/// Told apart by `tag`, so that an editor knows at once which options there are.
fn one_of(tag: &str, variants: &[Variant]) -> Value {
    let names: Vec<&str> = variants.iter().map(|(name, _)| *name).collect();
    let forms = variants.iter().map(|(name, groups)| {
        json!({
            "if": { "properties": { tag: { "const": name } }, "required": [tag] },
            "then": object(groups),
        })
    });
    json!({
        "type": "object",
        "required": [tag],
        "properties": { tag: { "enum": names } },
        "allOf": forms.collect::<Vec<_>>(),
    })
}
