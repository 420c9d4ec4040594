//! The formats a config may be written in, each read into the same tree.
//!
//! The only place that knows the parsers; what the text means is not its business.

use std::collections::BTreeMap;
use std::path::Path;

use super::node::Node;

/// The format of a config.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// YAML 1.2.
    Yaml,
    /// TOML.
    Toml,
    /// JSON.
    Json,
}

impl Format {
    /// The format that a file's extension tells.
    pub fn of(path: &Path) -> Option<Self> {
        match path.extension()?.to_str()? {
            "yaml" | "yml" => Some(Self::Yaml),
            "toml" => Some(Self::Toml),
            "json" => Some(Self::Json),
            _ => None,
        }
    }
}

/// Why a text is not in its format.
#[derive(Debug)]
pub(super) struct SyntaxError {
    pub(super) message: String,
    /// What to do about it.
    pub(super) hint: Option<&'static str>,
}

impl SyntaxError {
    fn of(message: String, text: &str, format: Format) -> Self {
        let hint = (format == Format::Yaml).then(|| advice(&message, text)).flatten();
        Self { message, hint }
    }
}

/// Reads `text`; an empty one is an empty map.
pub(super) fn parse(text: &str, format: Format) -> Result<Node, SyntaxError> {
    let node = match format {
        Format::Yaml => yaml(text),
        Format::Toml => toml(text),
        Format::Json => json(text),
    };
    match node.map_err(|message| SyntaxError::of(message, text, format))? {
        Node::Null => Ok(Node::Map(BTreeMap::new())),
        node @ Node::Map(_) => Ok(node),
        _ => Err(SyntaxError::of("expected a map of options".to_owned(), text, format)),
    }
}

fn yaml(text: &str) -> Result<Node, String> {
    // A file of comments only is an empty config, which the parser takes for a missing document.
    if text.lines().all(|line| line.trim().is_empty() || line.trim_start().starts_with('#')) {
        return Ok(Node::Null);
    }
    // Without snippets: a line of the file may hold a secret.
    let options = serde_saphyr::options! { strict_booleans: true, with_snippet: false };
    serde_saphyr::from_str_with_options(text, options).map_err(|error| {
        let message = error.to_string();
        // Advice to a programmer, not to who wrote the file.
        message.replace(", set DuplicateKeyPolicy in Options if acceptable", "")
    })
}

/// What YAML has a meaning of its own for, and who writes a config often does not. The line itself
/// is not shown: it may hold a secret.
fn advice(message: &str, text: &str) -> Option<&'static str> {
    let number = message.split_once("at line ").and_then(|(_, rest)| rest.split(',').next());
    let number = number.and_then(|number| number.parse::<usize>().ok());
    let line = number.and_then(|number| text.lines().nth(number.checked_sub(1)?)).unwrap_or("");
    if message.contains("found a tab") || line.trim_start_matches(' ').starts_with('\t') {
        Some("YAML is indented with spaces; there is a tab")
    } else if message.contains("anchor or alias") {
        Some("`*` and `&` stand in quotes: `inputs: [\"*\"]`")
    } else if line.contains("{{") {
        Some("what begins with a brace stands in quotes: `topic: \"{{ stream }}\"`")
    } else if line.contains("${") {
        Some("within `{ }` and `[ ]` a variable stands in quotes: `{ token: \"${TOKEN}\" }`")
    } else if message.contains("unexpected character") {
        Some("what begins with `@`, `%` or a backtick stands in quotes")
    } else if message.contains("simple key expected") {
        Some("a space follows the colon: `subdomain: acme`")
    } else if message.contains("did not find expected key") {
        Some(
            "the options of one thing begin in the same column, two spaces to the right of its name",
        )
    } else if message.contains("a map of options") {
        Some("`zenstream generate` prints a config to begin with")
    } else {
        None
    }
}

fn toml(text: &str) -> Result<Node, String> {
    toml::from_str(text).map_err(|error| {
        let message = error.message().lines().next().unwrap_or("not TOML").to_owned();
        match error.span() {
            Some(span) => format!("{message} {}", place(text, span.start)),
            None => message,
        }
    })
}

fn json(text: &str) -> Result<Node, String> {
    serde_json::from_str(text).map_err(|error| error.to_string())
}

/// "at line 3, column 7"
fn place(text: &str, offset: usize) -> String {
    let before = text.get(..offset).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    format!("at line {line}, column {column}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(text: &str, format: Format) -> String {
        parse(text, format).err().map(|error| error.message).unwrap_or_default()
    }

    #[test]
    fn a_syntax_error_gives_line_and_column() {
        insta::assert_snapshot!(message("sources:\n  acme: [1, 2\nsinks: }", Format::Yaml), @"illegal placement of ':' indicator at line 3, column 6");
        insta::assert_snapshot!(message("[sources\nx = 1", Format::Toml), @"unclosed table, expected `]` at line 1, column 9");
        insta::assert_snapshot!(message("{\n  \"sources\": {,}\n}", Format::Json), @"key must be a string at line 2 column 15");
    }

    #[test]
    fn a_key_that_is_there_twice_is_an_error_in_every_format() {
        insta::assert_snapshot!(message("a: 1\na: 2", Format::Yaml), @"duplicate mapping key: a at line 2, column 1");
        insta::assert_snapshot!(message("a = 1\na = 2", Format::Toml), @"duplicate key at line 2, column 1");
        insta::assert_snapshot!(message(r#"{"a": 1, "a": 2}"#, Format::Json), @"`a` is there twice at line 1 column 12");
    }

    #[test]
    fn the_same_config_in_each_format_is_the_same_tree() {
        let yaml = "a: { n: 1, f: 0.5, s: no, t: 2024-05-01T00:00:00Z, l: [true, -1] }";
        let toml = "a = { n = 1, f = 0.5, s = 'no', t = 2024-05-01T00:00:00Z, l = [true, -1] }";
        let json =
            r#"{"a": {"n": 1, "f": 0.5, "s": "no", "t": "2024-05-01T00:00:00Z", "l": [true, -1]}}"#;
        let [yaml, toml, json] = [(yaml, Format::Yaml), (toml, Format::Toml), (json, Format::Json)]
            .map(|(text, format)| parse(text, format).unwrap_or_else(|e| panic!("{}", e.message)));
        assert!(yaml == toml);
        assert!(yaml == json);
    }

    #[test]
    fn an_empty_file_is_an_empty_config_and_a_list_is_none() {
        for format in [Format::Yaml, Format::Toml] {
            assert!(
                parse("# nothing\n\n", format).is_ok_and(|node| node == Node::Map(BTreeMap::new()))
            );
        }
        insta::assert_snapshot!(message("- a", Format::Yaml), @"expected a map of options");
    }
}
