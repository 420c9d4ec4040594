//! Data at a terminal: through a pager, and in colour. Anywhere else it stays as it is.

use std::cell::RefCell;
use std::io::{self, IsTerminal as _, Write};
use std::process::{Child, Command, Stdio};
use std::rc::Rc;

use super::{Failure, output};

/// What pages where `PAGER` is not set.
const PAGER: &str = "less";

/// For `less`, unless its user has said otherwise: end by itself if all fits (F), show colours
/// (R), leave the text on the screen (X).
const LESS: &str = "FRX";

/// What a shell ends with if it cannot start a command.
const NOT_STARTED: [i32; 2] = [126, 127];

/// Writes a text to stdout, or through the user's pager at a terminal.
pub(super) fn print(text: &[u8], wanted: bool) -> Result<(), Failure> {
    let (pager, mut out) = Pager::open(wanted);
    let written = out.write_all(text).and_then(|()| out.flush());
    drop(out);
    if let Some(pager) = pager {
        pager.wait()?;
    }
    Ok(written?)
}

/// A pager that runs as soon as there is something to show.
#[derive(Debug)]
pub(super) struct Pager {
    command: String,
    child: Rc<RefCell<Option<Child>>>,
}

impl Pager {
    /// Where to write to: stdout, or at a terminal the user's pager, whose end has to be waited
    /// for. It takes the screen with the first byte.
    pub(super) fn open(wanted: bool) -> (Option<Self>, Box<dyn Write>) {
        let of_user = || command(std::env::var("PAGER").ok().as_deref());
        let command = if wanted && io::stdout().is_terminal() { of_user() } else { None };
        let Some(command) = command else { return (None, Box::new(io::stdout().lock())) };
        let pager = Self { command, child: Rc::default() };
        let input =
            Input { command: pager.command.clone(), child: Rc::clone(&pager.child), out: None };
        (Some(pager), Box::new(input))
    }

    /// What an interrupt means: the end of what is shown, or of everything if nothing was.
    pub(super) fn interrupted(&self) -> Result<(), Failure> {
        if self.child.borrow().is_some() { Ok(()) } else { Err(Failure::interrupted()) }
    }

    /// Waits until the reader has seen enough. Whatever was to be written must be dropped before.
    pub(super) fn wait(self) -> Result<(), Failure> {
        let Some(mut child) = self.child.take() else { return Ok(()) };
        let ended = child.wait();
        let ended = ended.map_err(|error| Failure::run(format!("the pager is lost: {error}")))?;
        if ended.code().is_some_and(|code| NOT_STARTED.contains(&code)) {
            let message = format!("the pager `{}` did not start", self.command);
            return Err(Failure::run(message).with_hint("set PAGER, or give `--no-pager`"));
        }
        Ok(())
    }
}

/// The pager's stdin, or stdout where it cannot be started.
struct Input {
    command: String,
    child: Rc<RefCell<Option<Child>>>,
    out: Option<Box<dyn Write>>,
}

impl Input {
    fn start(&self) -> Box<dyn Write> {
        let mut pager = Command::new("sh");
        pager.args(["-c", &self.command]).stdin(Stdio::piped());
        if std::env::var_os("LESS").is_none() {
            pager.env("LESS", LESS);
        }
        let mut child = pager.spawn().ok();
        let Some(input) = child.as_mut().and_then(|child| child.stdin.take()) else {
            return Box::new(io::stdout().lock());
        };
        self.child.replace(child);
        Box::new(input)
    }
}

impl Write for Input {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut out = self.out.take().unwrap_or_else(|| self.start());
        let written = out.write(bytes);
        self.out = Some(out);
        written
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.as_mut().map_or(Ok(()), Write::flush)
    }
}

/// The command that pages; none where nobody wants one, or there is none.
fn command(wanted: Option<&str>) -> Option<String> {
    let command = wanted.unwrap_or(PAGER).to_owned();
    if matches!(command.trim(), "" | "cat") {
        return None;
    }
    if program(&command).is_none_or(is_there) {
        return Some(command);
    }
    if wanted.is_some() {
        output::tell(&format!("there is no pager `{command}` (PAGER); this is without one"));
    }
    None
}

/// The program that a shell would start; none where only a shell can tell.
fn program(command: &str) -> Option<&str> {
    let mut words = command.split_whitespace().skip_while(|word| word.contains('='));
    words.next().filter(|_| {
        !command.contains(['\'', '"', '$', '`', '\\', '|', '&', ';', '(', '<', '>', '~'])
    })
}

fn is_there(program: &str) -> bool {
    let mut look = Command::new("sh");
    look.args(["-c", "command -v -- \"$1\"", "sh", program]);
    look.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    look.status().is_ok_and(|status| status.success())
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

/// What has to be seen first.
pub(super) fn alarm(text: &str) -> String {
    format!("\x1b[1;31m{text}\x1b[0m")
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
    fn a_pager_that_there_is_not_is_not_started() {
        let named = |pager: &str| command(Some(pager));
        assert_eq!(named("no-such-pager --really"), None);
        assert_eq!(named("LESS=R no-such-pager"), None);
        assert_eq!(named("cat"), None);
        assert_eq!(named(" "), None);
        assert_eq!(named("A=b sh -s").as_deref(), Some("A=b sh -s"));
        assert_eq!(named("sed 's/a/b/'").as_deref(), Some("sed 's/a/b/'"), "the shell can tell");
    }

    fn paged(command: &str, bytes: &[u8]) -> (bool, Result<(), Failure>) {
        let pager = Pager { command: command.to_owned(), child: Rc::default() };
        let child = Rc::clone(&pager.child);
        let mut input = Input { command: command.to_owned(), child, out: None };
        input.flush().unwrap();
        // One that does not start takes nothing.
        let _taken = if bytes.is_empty() { Ok(()) } else { input.write_all(bytes) };
        drop(input);
        (pager.interrupted().is_ok(), pager.wait())
    }

    #[test]
    fn a_pager_starts_with_the_first_byte_and_its_failure_is_told() {
        assert!(matches!(paged("exit 127", b""), (false, Ok(()))));
        assert!(matches!(paged("cat >&2", b"x"), (true, Ok(()))));
        let failure = paged("exit 127", b"x").1.unwrap_err();
        assert_eq!(
            failure.to_string(),
            "error: the pager `exit 127` did not start\nhint: set PAGER, or give `--no-pager`"
        );
    }

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
