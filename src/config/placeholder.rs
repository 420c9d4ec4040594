//! The placeholders in a config's strings: `${VAR}` and `SECRET[backend.key]`. Pure.
//!
//! Reads them; what they stand for is put in by `expand`.

/// A piece of a string.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Piece<'t> {
    /// Text that stands for itself.
    Literal(&'t str),
    /// `${name}` and its forms.
    Variable { name: &'t str, fallback: Fallback<'t> },
    /// `SECRET[backend.key]`
    Secret { backend: &'t str, key: &'t str },
}

/// What holds when a variable has no value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fallback<'t> {
    /// `${VAR}`: an error when unset.
    Required,
    /// `${VAR-text}`: the text when unset; `${VAR:-text}`: also when empty.
    Default { text: &'t str, for_empty: bool },
    /// `${VAR?message}`: an error when unset; `${VAR:?message}`: also when empty.
    Error { message: &'t str, for_empty: bool },
}

const SECRET: &str = "SECRET[";

/// Takes a string apart. The error is a message and a hint.
pub(super) fn pieces(text: &str) -> Result<Vec<Piece<'_>>, (String, &'static str)> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let (piece, after) = next(rest)?;
        pieces.push(piece);
        rest = after;
    }
    Ok(pieces)
}

fn next(text: &str) -> Result<(Piece<'_>, &str), (String, &'static str)> {
    if let Some(rest) = text.strip_prefix("$$") {
        return Ok((Piece::Literal("$"), rest));
    }
    if let Some(rest) = text.strip_prefix("${") {
        let hint =
            "write `${NAME}`, `${NAME:-default}` or `${NAME:?message}`; for a plain `${`, `$${`";
        let malformed = || ("cannot read a `${...}` in this value".to_owned(), hint);
        let (inside, rest) = rest.split_once('}').ok_or_else(malformed)?;
        return Ok((variable(inside).ok_or_else(malformed)?, rest));
    }
    if let Some(rest) = text.strip_prefix(SECRET) {
        let malformed = || {
            ("cannot read a `SECRET[...]` in this value".to_owned(), "write `SECRET[backend.key]`")
        };
        let (inside, rest) = rest.split_once(']').ok_or_else(malformed)?;
        return Ok((secret(inside).ok_or_else(malformed)?, rest));
    }
    // A lone `$` is itself, so one is stepped over before the search for the next.
    let first = text.chars().next().map_or(0, char::len_utf8);
    let starts = ["$$", "${", SECRET];
    let end = starts.iter().filter_map(|start| text[first..].find(start)).min();
    let (literal, rest) = text.split_at(end.map_or(text.len(), |end| first + end));
    Ok((Piece::Literal(literal), rest))
}

fn variable(inside: &str) -> Option<Piece<'_>> {
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '.';
    let (name, form) = inside.split_at(inside.find(|c| !is_name(c)).unwrap_or(inside.len()));
    let fallback = if form.is_empty() {
        Fallback::Required
    } else if let Some(text) = form.strip_prefix(":-") {
        Fallback::Default { text, for_empty: true }
    } else if let Some(text) = form.strip_prefix('-') {
        Fallback::Default { text, for_empty: false }
    } else if let Some(message) = form.strip_prefix(":?") {
        Fallback::Error { message, for_empty: true }
    } else {
        Fallback::Error { message: form.strip_prefix('?')?, for_empty: false }
    };
    // `${A:-${B}}` would end at the first brace: better refused than read wrongly.
    (!name.is_empty() && !form.contains("${")).then_some(Piece::Variable { name, fallback })
}

fn secret(inside: &str) -> Option<Piece<'_>> {
    let (backend, key) = inside.split_once('.')?;
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    let is_key = |c: char| is_word(c) || c == '.' || c == '/';
    let fits = !backend.is_empty()
        && !key.is_empty()
        && backend.chars().all(is_word)
        && key.chars().all(is_key);
    fits.then_some(Piece::Secret { backend, key })
}
