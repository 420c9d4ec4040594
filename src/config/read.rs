//! Reads a tree into the written types, and says exactly where it does not fit.
//!
//! A string that came from the environment is read as a number, a boolean or a list where one is
//! expected; one that was written as a string is not.

use std::fmt;
use std::str::FromStr;

use serde::de::value::{BorrowedStrDeserializer, StrDeserializer};
use serde::de::{
    self, Deserialize, DeserializeSeed, Deserializer, IntoDeserializer, MapAccess, SeqAccess,
    Unexpected, Visitor,
};
use serde::forward_to_deserialize_any;

use super::node::{Node, Origin, Path, Segment, Text};
use super::problem::{Finding, listed};

/// Reads the value at `path`.
pub(super) fn read<'de, T: Deserialize<'de>>(node: &'de Node, path: &Path) -> Result<T, Finding> {
    T::deserialize(Reader(node)).map_err(|error| error.located(path))
}

/// Reads the map at `path` without the fields `others`, which are read elsewhere.
pub(super) fn read_rest<'de, T: Deserialize<'de>>(
    node: &'de Node,
    path: &Path,
    others: &[&str],
) -> Result<T, Finding> {
    let Node::Map(entries) = node else { return read(node, path) };
    let rest = entries.iter().filter(|(key, _)| !others.contains(&key.as_str()));
    T::deserialize(de::value::MapAccessDeserializer::new(Entries { entries: rest, value: None }))
        .map_err(|error| error.beside(others).located(path))
}

/// Reads some fields of the map at `path`; the others are read elsewhere.
pub(super) fn read_part<'de, T: Deserialize<'de>>(
    node: &'de Node,
    path: &Path,
    fields: &[&str],
) -> Result<T, Finding> {
    let Node::Map(entries) = node else { return read(node, path) };
    let part = entries.iter().filter(|(key, _)| fields.contains(&key.as_str()));
    T::deserialize(de::value::MapAccessDeserializer::new(Entries { entries: part, value: None }))
        .map_err(|error| error.located(path))
}

/// The word at `key` of the map here that tells how the rest of it is read.
pub(super) fn type_of<'de>(
    node: &'de Node,
    path: &Path,
    key: &str,
    known: &[&str],
) -> Result<&'de str, Finding> {
    let Node::Map(_) = node else {
        return Err(Finding::new(path, format!("expected a map, found {}", described(node))));
    };
    match node.get(key) {
        Some(word) => read(word, &path.key(key)),
        None => Err(Finding::new(path, format!("missing field `{key}`"))
            .hint(format!("this version has {}", listed(known)))),
    }
}

/// What does not fit, and the way there from where the reading began, last step first.
#[derive(Debug)]
struct ReadError {
    steps: Vec<Segment>,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    UnknownField(String, Vec<String>),
    UnknownValue(String, &'static [&'static str]),
    Other(String),
    /// What is there instead of what is expected, and how that is written.
    Misfit(String, &'static str),
}

impl ReadError {
    fn of(kind: Kind) -> Self {
        Self { steps: Vec::new(), kind }
    }

    fn under(mut self, step: Segment) -> Self {
        self.steps.push(step);
        self
    }

    /// The same, where these fields are known too.
    fn beside(mut self, others: &[&str]) -> Self {
        if let (Kind::UnknownField(_, known), true) = (&mut self.kind, self.steps.is_empty()) {
            known.extend(others.iter().map(|other| (*other).to_owned()));
        }
        self
    }

    fn located(self, start: &Path) -> Finding {
        let path = Path(start.0.iter().cloned().chain(self.steps.into_iter().rev()).collect());
        match self.kind {
            Kind::UnknownField(field, known) => {
                let mut known: Vec<&str> = known.iter().map(String::as_str).collect();
                known.sort_unstable();
                Finding::unknown_field(&path, &field, &known)
            }
            Kind::UnknownValue(value, known) => Finding::unknown_value(&path, &value, known),
            Kind::Other(message) => Finding::new(&path, message),
            Kind::Misfit(message, hint) => Finding::new(&path, message).hint(hint),
        }
    }
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.kind)
    }
}

impl std::error::Error for ReadError {}

impl de::Error for ReadError {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::of(Kind::Other(message.to_string()))
    }

    fn invalid_type(found: Unexpected<'_>, expected: &dyn de::Expected) -> Self {
        let is_text = matches!(found, Unexpected::Str(_));
        let is_bare = matches!(
            found,
            Unexpected::Bool(_)
                | Unexpected::Unsigned(_)
                | Unexpected::Signed(_)
                | Unexpected::Float(_)
                // Of a secret it is not said which.
                | Unexpected::Other(_)
        );
        let found = match found {
            Unexpected::Bool(value) => format!("`{value}`"),
            Unexpected::Unsigned(value) => format!("`{value}`"),
            Unexpected::Signed(value) => format!("`{value}`"),
            // In the short form: `1e300` has three hundred digits.
            Unexpected::Float(value) => {
                format!("`{}`", format!("{value:?}").trim_end_matches(".0"))
            }
            Unexpected::Str(value) => format!("the string `{value}`"),
            Unexpected::Unit | Unexpected::Option => "nothing".to_owned(),
            Unexpected::Seq => "a list".to_owned(),
            Unexpected::Map => "a map".to_owned(),
            other => other.to_string(),
        };
        let expected = expected.to_string();
        let expected = match expected.as_str() {
            "u8" | "u16" | "u32" | "u64" | "usize" => "a whole number, 0 or more",
            "a nonzero u64" | "a nonzero usize" => "a whole number, 1 or more",
            "f64" => "a number",
            "a boolean" => "`true` or `false`",
            "a sequence" => "a list",
            // The reader borrows; the writer need not know.
            "a borrowed string" => "a string",
            text if text.starts_with("struct ") => "a map",
            text if text.starts_with("enum ") => "a string",
            text => text,
        };
        let message = format!("expected {expected}, found {found}");
        Self::of(match expected {
            "a string" if is_bare => Kind::Misfit(message, "put it in quotes"),
            "a list" if is_text => Kind::Misfit(message, "put it in brackets: `[...]`"),
            _ => Kind::Other(message),
        })
    }

    fn invalid_value(found: Unexpected<'_>, expected: &dyn de::Expected) -> Self {
        Self::invalid_type(found, expected)
    }

    fn unknown_field(field: &str, known: &'static [&'static str]) -> Self {
        Self::of(Kind::UnknownField(
            field.to_owned(),
            known.iter().map(|known| (*known).to_owned()).collect(),
        ))
    }

    fn unknown_variant(value: &str, known: &'static [&'static str]) -> Self {
        Self::of(Kind::UnknownValue(value.to_owned(), known))
    }
}

struct Reader<'de>(&'de Node);

impl<'de> Reader<'de> {
    /// The string here, if it came from outside: only that is read as another type.
    fn foreign(&self) -> Option<&'de str> {
        match self.0 {
            Node::Text(Text { origin: Origin::Written, .. }) => None,
            Node::Text(text) => Some(text.value.trim()),
            _ => None,
        }
    }

    fn parsed<T: FromStr>(&self) -> Option<T> {
        self.foreign().and_then(|text| text.parse().ok())
    }

    fn number<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        if let Some(number) = self.parsed::<u64>() {
            visitor.visit_u64(number)
        } else if let Some(number) = self.parsed::<i64>() {
            visitor.visit_i64(number)
        } else if let Some(number) = self.parsed::<f64>() {
            visitor.visit_f64(number)
        } else {
            self.deserialize_any(visitor)
        }
    }
}

macro_rules! numbers {
    ($($method:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
            self.number(visitor)
        }
    )*};
}

impl<'de> Deserializer<'de> for Reader<'de> {
    type Error = ReadError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        match self.0 {
            Node::Null => visitor.visit_unit(),
            Node::Bool(value) => visitor.visit_bool(*value),
            Node::Unsigned(value) => visitor.visit_u64(*value),
            Node::Signed(value) => visitor.visit_i64(*value),
            Node::Float(value) => visitor.visit_f64(*value),
            Node::Text(text) => visitor.visit_borrowed_str(&text.value),
            Node::List(items) => visitor.visit_seq(Items { items: items.iter(), next: 0 }),
            Node::Map(entries) => {
                visitor.visit_map(Entries { entries: entries.iter(), value: None })
            }
        }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        match self.parsed::<bool>() {
            Some(value) => visitor.visit_bool(value),
            None => self.deserialize_any(visitor),
        }
    }

    numbers! {
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64
        deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64
        deserialize_f32 deserialize_f64
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        match self.0 {
            Node::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        match self.0 {
            Node::Text(text) => {
                let word: StrDeserializer<'_, ReadError> = text.value.as_str().into_deserializer();
                visitor.visit_enum(word)
            }
            other => Err(de::Error::custom(format_args!(
                "expected a string, found {}",
                described(other)
            ))),
        }
    }

    /// A variable holds several words with commas between them.
    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        match self.foreign() {
            Some(text) => visitor.visit_seq(Words { words: words(text), next: 0 }),
            None => self.deserialize_any(visitor),
        }
    }

    forward_to_deserialize_any! {
        char str string bytes byte_buf unit unit_struct tuple tuple_struct map struct
        identifier ignored_any
    }
}

/// The words of a list that came from the environment: `a, b`.
pub(super) fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|word| !word.is_empty())
}

struct Words<I> {
    words: I,
    next: usize,
}

impl<'de, I: Iterator<Item = &'de str>> SeqAccess<'de> for Words<I> {
    type Error = ReadError;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, ReadError> {
        let Some(word) = self.words.next() else { return Ok(None) };
        let index = self.next;
        self.next += 1;
        let word = BorrowedStrDeserializer::new(word);
        seed.deserialize(word)
            .map(Some)
            .map_err(|error: ReadError| error.under(Segment::Index(index)))
    }
}

struct Items<'de> {
    items: std::slice::Iter<'de, Node>,
    next: usize,
}

impl<'de> SeqAccess<'de> for Items<'de> {
    type Error = ReadError;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, ReadError> {
        let Some(item) = self.items.next() else { return Ok(None) };
        let index = self.next;
        self.next += 1;
        seed.deserialize(Reader(item)).map(Some).map_err(|error| error.under(Segment::Index(index)))
    }
}

struct Entries<'de, I> {
    entries: I,
    value: Option<(&'de str, &'de Node)>,
}

impl<'de, I: Iterator<Item = (&'de String, &'de Node)>> MapAccess<'de> for Entries<'de, I> {
    type Error = ReadError;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, ReadError> {
        let Some((key, node)) = self.entries.next() else { return Ok(None) };
        self.value = Some((key, node));
        let key: StrDeserializer<'_, ReadError> = key.as_str().into_deserializer();
        seed.deserialize(key).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, ReadError> {
        let (key, node) =
            self.value.take().ok_or_else(|| de::Error::custom("a value without its key"))?;
        seed.deserialize(Reader(node)).map_err(|error| error.under(Segment::Key(key.to_owned())))
    }
}

/// What kind of value this is, without the value.
fn described(node: &Node) -> &'static str {
    match node {
        Node::Null => "nothing",
        Node::Bool(_) => "a boolean",
        Node::Unsigned(_) | Node::Signed(_) | Node::Float(_) => "a number",
        Node::Text(_) => "a string",
        Node::List(_) => "a list",
        Node::Map(_) => "a map",
    }
}
