//! A config file as a tree, whatever format it was written in.
//!
//! The tree remembers of each string whether it was written or came from the environment or a
//! secret: that decides whether it may be read as a number, and that it is never shown. It does
//! not know which fields there are.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};

/// What the toml crate wraps a date in when it is asked for just any value.
const TOML_DATETIME: &str = "$__toml_private_datetime";

/// One value. It has no `Debug`, because a secret may be in it.
#[derive(Clone, PartialEq)]
pub(super) enum Node {
    Null,
    Bool(bool),
    Unsigned(u64),
    Signed(i64),
    Float(f64),
    Text(Text),
    List(Vec<Node>),
    Map(BTreeMap<String, Node>),
}

/// A string and where it came from.
#[derive(Clone, PartialEq)]
pub(super) struct Text {
    pub(super) value: String,
    pub(super) origin: Origin,
}

/// Where a string came from.
#[derive(Clone, PartialEq)]
pub(super) enum Origin {
    /// The file.
    Written,
    /// The environment, at least in part. Holds what the file says.
    Environment(String),
    /// A secret, at least in part. Holds what the file says.
    Secret(String),
}

impl Node {
    /// The value of `key`, if this is a map that has it.
    pub(super) fn get(&self, key: &str) -> Option<&Self> {
        let Self::Map(entries) = self else { return None };
        entries.get(key)
    }

    /// Whether this is a placeholder in whose place nothing was put.
    pub(super) fn is_emptied(&self) -> bool {
        matches!(self, Self::Text(Text { value, origin }) if value.is_empty() && *origin != Origin::Written)
    }

    /// The same as JSON.
    pub(super) fn to_json(&self) -> serde_json::Value {
        match self {
            Self::Null => serde_json::Value::Null,
            Self::Bool(value) => (*value).into(),
            Self::Unsigned(value) => (*value).into(),
            Self::Signed(value) => (*value).into(),
            Self::Float(value) => (*value).into(),
            Self::Text(text) => text.value.as_str().into(),
            Self::List(items) => items.iter().map(Self::to_json).collect(),
            Self::Map(entries) => {
                let entries = entries.iter().map(|(key, node)| (key.clone(), node.to_json()));
                serde_json::Value::Object(entries.collect())
            }
        }
    }

    /// The value at `path`.
    pub(super) fn at(&self, path: &Path) -> Option<&Self> {
        path.0.iter().try_fold(self, |node, segment| match (segment, node) {
            (Segment::Key(key), _) => node.get(key),
            (Segment::Index(index), Self::List(items)) => items.get(*index),
            (Segment::Index(_), _) => None,
        })
    }

    /// Calls `visit` with every string and its path.
    pub(super) fn each_text<'n>(&'n self, path: &Path, visit: &mut dyn FnMut(&Path, &'n Text)) {
        match self {
            Self::Text(text) => visit(path, text),
            Self::List(items) => {
                for (index, item) in items.iter().enumerate() {
                    item.each_text(&path.index(index), visit);
                }
            }
            Self::Map(entries) => {
                for (key, node) in entries {
                    node.each_text(&path.key(key), visit);
                }
            }
            Self::Null | Self::Bool(_) | Self::Unsigned(_) | Self::Signed(_) | Self::Float(_) => {}
        }
    }

    /// Calls `change` with every string and its path.
    pub(super) fn change_texts(&mut self, path: &Path, change: &mut dyn FnMut(&Path, &mut Text)) {
        match self {
            Self::Text(text) => change(path, text),
            Self::List(items) => {
                for (index, item) in items.iter_mut().enumerate() {
                    item.change_texts(&path.index(index), change);
                }
            }
            Self::Map(entries) => {
                for (key, node) in entries {
                    node.change_texts(&path.key(key), change);
                }
            }
            Self::Null | Self::Bool(_) | Self::Unsigned(_) | Self::Signed(_) | Self::Float(_) => {}
        }
    }
}

/// The way from the top of a config to a value in it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Path(pub(super) Vec<Segment>);

/// One step of a [`Path`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Segment {
    Key(String),
    Index(usize),
}

impl Path {
    /// The path of `key` in the map here.
    pub(super) fn key(&self, key: &str) -> Self {
        self.then(Segment::Key(key.to_owned()))
    }

    /// The path of an item of the list here.
    pub(super) fn index(&self, index: usize) -> Self {
        self.then(Segment::Index(index))
    }

    /// Whether it leads into the top-level `section`.
    pub(super) fn is_under(&self, section: &str) -> bool {
        matches!(self.0.first(), Some(Segment::Key(key)) if key == section)
    }

    fn then(&self, segment: Segment) -> Self {
        Self(self.0.iter().cloned().chain([segment]).collect())
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, segment) in self.0.iter().enumerate() {
            match segment {
                Segment::Key(key) if position == 0 => f.write_str(key)?,
                Segment::Key(key) => write!(f, ".{key}")?,
                Segment::Index(index) => write!(f, "[{index}]")?,
            }
        }
        Ok(())
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NodeVisitor)
    }
}

struct NodeVisitor;

impl<'de> Visitor<'de> for NodeVisitor {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Node, E> {
        Ok(Node::Null)
    }

    fn visit_none<E>(self) -> Result<Node, E> {
        Ok(Node::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Node, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Node, E> {
        Ok(Node::Bool(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Node, E> {
        Ok(Node::Unsigned(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Node, E> {
        Ok(u64::try_from(value).map_or(Node::Signed(value), Node::Unsigned))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Node, E> {
        Ok(Node::Float(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Node, E> {
        Ok(Node::Text(Text { value: value.to_owned(), origin: Origin::Written }))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Node, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Node::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Node, A::Error> {
        let mut map = BTreeMap::new();
        while let Some(key) = entries.next_key::<String>()? {
            if key == TOML_DATETIME {
                return entries.next_value();
            }
            // JSON's own parsers take the last of several; here that would drop a component.
            if map.contains_key(&key) {
                return Err(A::Error::custom(format_args!("`{key}` is there twice")));
            }
            map.insert(key, entries.next_value()?);
        }
        Ok(Node::Map(map))
    }
}
