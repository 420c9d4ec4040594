//! Text made of an event's fields: `{{ actor_name }}-{{ %zendesk.stream }}`.

use vrl::path::{OwnedTargetPath, PathPrefix, parse_target_path};

use super::item::{Asked, Item};

/// A template, understood.
#[derive(Debug, Clone)]
pub struct FieldText(Vec<Piece>);

#[derive(Debug, Clone)]
enum Piece {
    Literal(String),
    Field(OwnedTargetPath),
}

impl FieldText {
    /// Understands a template; an error says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some((literal, after)) = rest.split_once("{{") {
            let (field, after) =
                after.split_once("}}").ok_or_else(|| "a `{{` has no `}}`".to_owned())?;
            pieces.push(Piece::literal(literal)?);
            pieces.push(Piece::Field(path(field.trim())?));
            rest = after;
        }
        pieces.push(Piece::literal(rest)?);
        Ok(Self(pieces))
    }

    /// The text of an event; none where it lacks a field.
    pub(super) fn of(&self, item: &mut Item) -> Option<String> {
        let mut text = String::new();
        for piece in &self.0 {
            match piece {
                Piece::Literal(literal) => text.push_str(literal),
                Piece::Field(path) => text.push_str(&field(path, item)?),
            }
        }
        Some(text)
    }
}

impl Piece {
    fn literal(text: &str) -> Result<Self, String> {
        if text.contains('%') {
            return Err("time codes are not available here".to_owned());
        }
        Ok(Self::Literal(text.to_owned()))
    }
}

/// Reads the path of a field: `actor.name`, `.actor.name` or `%zendesk.stream`.
pub fn path(text: &str) -> Result<OwnedTargetPath, String> {
    parse_target_path(text).map_err(|_| format!("`{text}` is not the path of a field"))
}

/// The text of one field of an event; none where there is none.
pub(super) fn field(path: &OwnedTargetPath, item: &mut Item) -> Option<String> {
    match path.prefix {
        PathPrefix::Event => {
            item.value().ok()?.get(&path.path).map(|value| value.to_string_lossy().into_owned())
        }
        PathPrefix::Metadata => {
            let metadata = item.metadata(Asked::by(&path.path)).value;
            metadata.get(&path.path).map(|value| value.to_string_lossy().into_owned())
        }
    }
}
