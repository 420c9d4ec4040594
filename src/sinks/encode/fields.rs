//! Which fields of a record are written: `only_fields` and `except_fields`.
//!
//! What stays is copied byte for byte, in its order. Pure.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::slice::{Member, Members};

/// The names that lead to a field, outermost first; never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldPath(Vec<String>);

/// Why a text is no path to a field.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FieldPathError {
    /// There is no name where one has to be.
    #[error("`{0}` lacks a name between its dots")]
    Empty(String),
    /// A quote that is not closed, or not followed by a dot.
    #[error("`{0}` has a quote that does not enclose a whole name")]
    Quote(String),
    /// An index, which is not available.
    #[error("`{0}` has an index; items of a list cannot be chosen")]
    Index(String),
    /// A letter that has to be quoted.
    #[error("`{0}` has a letter that must stand in quotes, as in `\"a b\"`")]
    Letter(String),
}

impl FieldPath {
    /// Reads `a`, `a.b`, `.a.b` or `a."b.c"`, in Vector's way.
    pub fn parse(text: &str) -> Result<Self, FieldPathError> {
        let mut names = Vec::new();
        let mut rest = text.strip_prefix('.').unwrap_or(text);
        loop {
            let (name, after) = if rest.starts_with('"') {
                quoted(rest).ok_or_else(|| FieldPathError::Quote(text.to_owned()))?
            } else {
                let end = rest.find('.').unwrap_or(rest.len());
                (plain(&rest[..end], text)?, &rest[end..])
            };
            names.push(name);
            match after.strip_prefix('.') {
                Some(next) => rest = next,
                None if after.is_empty() => return Ok(Self(names)),
                None => return Err(FieldPathError::Quote(text.to_owned())),
            }
        }
    }

    /// Whether it leads to `other`, or to something that `other` is in.
    pub fn holds(&self, other: &Self) -> bool {
        other.0.starts_with(&self.0)
    }
}

/// The name in the quotes that `text` begins with, and what follows them. `\` takes the next
/// letter as it is.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mut name = String::new();
    let mut letters = text.char_indices().skip(1);
    while let Some((at, letter)) = letters.next() {
        match letter {
            '"' => return Some((name, &text[at + 1..])),
            '\\' => name.push(letters.next()?.1),
            _ => name.push(letter),
        }
    }
    None
}

fn plain(name: &str, text: &str) -> Result<String, FieldPathError> {
    let text = || text.to_owned();
    if name.is_empty() {
        Err(FieldPathError::Empty(text()))
    } else if name.contains('[') {
        Err(FieldPathError::Index(text()))
    } else if name.contains('"') {
        Err(FieldPathError::Quote(text()))
    } else if !name.chars().all(|letter| letter.is_alphanumeric() || "_@-".contains(letter)) {
        Err(FieldPathError::Letter(text()))
    } else {
        Ok(name.to_owned())
    }
}

/// What of a record is written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Fields {
    /// None: all of it.
    only: Option<Tree>,
    except: Option<Tree>,
}

/// What is chosen of an object: members by name, and of each all or again a choice.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Tree(BTreeMap<String, Option<Tree>>);

impl Fields {
    /// Only the fields at `only` if that is given, and of those not what is at `except`.
    pub fn new(only: Option<&[FieldPath]>, except: &[FieldPath]) -> Self {
        let except = (!except.is_empty()).then(|| Tree::of(except));
        Self { only: only.map(Tree::of), except }
    }

    /// The line with what is to be written. What is no object is left as it is.
    pub(super) fn of<'l>(&self, line: &'l [u8]) -> Cow<'l, [u8]> {
        let mut line = Cow::Borrowed(line);
        for (tree, keep) in [(&self.only, true), (&self.except, false)] {
            let Some(tree) = tree else { continue };
            let mut out = Vec::with_capacity(line.len());
            if tree.copy(&line, keep, &mut out).is_some() {
                line = Cow::Owned(out);
            }
        }
        line
    }
}

impl Tree {
    fn of(paths: &[FieldPath]) -> Self {
        let mut tree = Self::default();
        for FieldPath(names) in paths {
            tree.add(names);
        }
        tree
    }

    fn add(&mut self, names: &[String]) {
        let Some((name, below)) = names.split_first() else { return };
        if below.is_empty() {
            self.0.insert(name.clone(), None);
        } else if let Some(tree) =
            self.0.entry(name.clone()).or_insert_with(|| Some(Self::default()))
        {
            tree.add(below);
        }
    }

    /// Copies the object that `text` is: what is chosen where `keep` says so, else the rest. Says
    /// whether a member was copied; none if it is no object.
    fn copy(&self, text: &[u8], keep: bool, out: &mut Vec<u8>) -> Option<bool> {
        let members = Members::of(text)?;
        out.push(b'{');
        let mut copied = false;
        for member in members {
            let start = out.len();
            if copied {
                out.push(b',');
            }
            if self.copy_member(&member, keep, out) {
                copied = true;
            } else {
                out.truncate(start);
            }
        }
        out.push(b'}');
        Some(copied)
    }

    fn copy_member(&self, member: &Member<'_>, keep: bool, out: &mut Vec<u8>) -> bool {
        let choice = member.name().and_then(|name| self.0.get(name.as_ref()));
        let Some(Some(below)) = choice else {
            let wanted = choice.is_some() == keep;
            out.extend_from_slice(if wanted { member.whole } else { b"" });
            return wanted;
        };
        out.extend_from_slice(member.head);
        if let Some(copied) = below.copy(member.value, keep, out) {
            // An object of which nothing was chosen is left out; one that lost all is empty.
            return copied || !keep;
        }
        // What has no members has nothing that could be chosen.
        out.extend_from_slice(if keep { b"" } else { member.value });
        !keep
    }
}
