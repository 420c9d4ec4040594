//! Data at a terminal: through a pager, and in colour. Anywhere else it stays as it is.

use std::io::{self, IsTerminal as _, Write};
use std::process::{Child, Command, Stdio};

use super::Failure;

/// What pages where `PAGER` is not set.
const PAGER: &str = "less";

/// For `less`, unless its user has said otherwise: end by itself if all fits (F), show colours
/// (R), leave the text on the screen (X).
const LESS: &str = "FRX";

/// A pager that runs.
#[derive(Debug)]
pub(super) struct Pager(Child);

impl Pager {
    /// Starts the user's pager if stdout is a terminal and there is one: what to write to it, and
    /// the pager itself. Its end has to be waited for.
    pub(super) fn start(wanted: bool) -> Option<(Self, Box<dyn Write>)> {
        if !wanted || !io::stdout().is_terminal() {
            return None;
        }
        let command = std::env::var("PAGER").unwrap_or_else(|_| PAGER.to_owned());
        if command.trim().is_empty() || command.trim() == "cat" {
            return None;
        }
        let mut pager = Command::new("sh");
        pager.args(["-c", &command]).stdin(Stdio::piped());
        if std::env::var_os("LESS").is_none() {
            pager.env("LESS", LESS);
        }
        let mut child = pager.spawn().ok()?;
        let input = child.stdin.take()?;
        Some((Self(child), Box::new(input)))
    }

    /// Waits until the reader has seen enough. Whatever was to be written must be dropped before.
    pub(super) fn wait(mut self) -> Result<(), Failure> {
        let ended = self.0.wait();
        ended.map(drop).map_err(|error| Failure::run(format!("the pager is lost: {error}")))
    }
}

/// Whether data is printed in colour, if nobody says: only for eyes, and if they want it.
pub(super) fn is_colourful() -> bool {
    let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    io::stdout().is_terminal() && !set("NO_COLOR") && std::env::var("TERM").as_deref() != Ok("dumb")
}

const KEY: &[u8] = b"\x1b[34m";
const STRING: &[u8] = b"\x1b[32m";
const WORD: &[u8] = b"\x1b[33m";
const PLAIN: &[u8] = b"\x1b[0m";

/// A heading.
pub(super) fn bold(text: &str) -> String {
    format!("\x1b[1m{text}\x1b[0m")
}

/// JSON with colours in it. Without them it is the same, byte for byte.
pub(super) fn paint(json: &[u8]) -> Vec<u8> {
    let mut painted = Vec::with_capacity(json.len() * 2);
    let mut rest = json;
    while let Some(&first) = rest.first() {
        let length = match first {
            b'"' => string_length(rest),
            byte if byte.is_ascii_lowercase() => {
                rest.iter().take_while(|byte| byte.is_ascii_lowercase()).count()
            }
            _ => 1,
        };
        let (token, after) = rest.split_at(length);
        let colour = match first {
            b'"' if after.trim_ascii_start().first() == Some(&b':') => KEY,
            b'"' => STRING,
            // The `e` of a number is a letter too.
            byte if byte.is_ascii_lowercase() && length > 1 => WORD,
            _ => &[],
        };
        painted.extend_from_slice(colour);
        painted.extend_from_slice(token);
        painted.extend_from_slice(if colour.is_empty() { &[] } else { PLAIN });
        rest = after;
    }
    painted
}

/// The length of the string that begins here, its quotes included.
fn string_length(text: &[u8]) -> usize {
    let mut escaped = false;
    let end = text.iter().skip(1).position(|&byte| {
        let ends = byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        ends
    });
    end.map_or(text.len(), |end| end + 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_strings_and_words_have_colours_of_their_own() {
        let painted = String::from_utf8(paint(br#"{"a":"b","c":[1e5,true,null]}"#)).unwrap();
        let shown = painted.replace('\x1b', "^");
        assert_eq!(
            shown,
            r#"{^[34m"a"^[0m:^[32m"b"^[0m,^[34m"c"^[0m:[1e5,^[33mtrue^[0m,^[33mnull^[0m]}"#
        );
    }

    #[test]
    fn without_its_colours_it_is_the_same() {
        for json in [
            r#"{"quote \" and \\":"x:y","e":-1.5E+10,"nested":{"k":["v\\"]}}"#,
            r#""cut off"#,
            "{}",
            "",
        ] {
            let mut painted = String::from_utf8(paint(json.as_bytes())).unwrap();
            for colour in [KEY, STRING, WORD, PLAIN] {
                painted = painted.replace(std::str::from_utf8(colour).unwrap(), "");
            }
            assert_eq!(painted, json);
        }
    }
}
