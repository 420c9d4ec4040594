//! Where secrets come from: a file, a directory, a program.
//!
//! Asked once per backend for all keys that a config names. Messages name keys, never values.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write};
use std::path::{Component, Path as FilePath};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::sync_channel;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::expand::Secrets;
use super::node::{Node, Path};
use super::placeholder::{Piece, pieces};
use super::problem::{Finding, Findings, suggestion};
use super::read::{read, type_of};
use super::written;

/// A program's answer is a handful of passwords; more than this is something else.
const MAX_ANSWER_BYTES: u64 = 1 << 20;

/// How long a program may take if the config does not say; as in Vector.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(5);

/// Keys, each with the first place that refers to it.
type Keys<'r> = BTreeMap<&'r str, Path>;

/// What a backend holds for some of the keys asked for; or why one has nothing, or all.
type Answer = BTreeMap<String, Result<String, String>>;

/// Where a backend has its secrets.
enum Backend {
    File(written::SecretFile),
    Directory(written::SecretDirectory),
    Exec(written::SecretExec),
}

/// Fetches every secret that the config refers to.
pub(super) fn fetch(root: &Node, findings: &mut Findings) -> Secrets {
    let path = Path::default().key("secret");
    let mut references = references(root);
    let mut names = Vec::new();
    let mut secrets = Secrets::new();
    if let Some(Node::Map(backends)) = root.get("secret") {
        for (name, node) in backends {
            names.push(name.as_str());
            let path = path.key(name);
            // Also one that nobody refers to is looked at: a mistake in it is a mistake.
            let backend = findings.keep(backend(node, &path));
            if let (Some(backend), Some(keys)) = (backend, references.remove(name.as_str())) {
                let answer = ask(&backend, &keys).map_err(|message| Finding::new(&path, message));
                if let Some(answer) = findings.keep(answer) {
                    take(name, &keys, answer, &mut secrets, findings);
                }
            }
        }
    }
    for (name, keys) in references {
        // One that could not be read was reported as that.
        if !names.contains(&name) {
            let hint = suggestion(name, names.iter().copied(), "`secret` has");
            for place in keys.values() {
                let message = format!("there is no secret backend `{name}`");
                findings.push(Finding::new(place, message).hint(&hint));
            }
        }
    }
    secrets
}

/// Takes the keys out of a backend's answer.
fn take(
    backend: &str,
    keys: &Keys<'_>,
    mut answer: Answer,
    secrets: &mut Secrets,
    findings: &mut Findings,
) {
    for (key, place) in keys {
        match answer.remove(*key).unwrap_or_else(|| Err("it does not have it".to_owned())) {
            Ok(value) if value.is_empty() => {
                let message = format!("the secret `{backend}.{key}` is empty");
                findings.push(Finding::new(place, message));
            }
            Ok(value) => {
                secrets.insert((backend.to_owned(), (*key).to_owned()), value);
            }
            Err(reason) => {
                let message = format!("cannot get the secret `{backend}.{key}`: {reason}");
                findings.push(Finding::new(place, message));
            }
        }
    }
}

/// Reports every secret that `backends` itself refers to.
pub(super) fn refuse_references(backends: &Node, path: &Path, findings: &mut Findings) {
    backends.each_text(path, &mut |path, text| {
        let pieces = pieces(&text.value).unwrap_or_default();
        if pieces.iter().any(|piece| matches!(piece, Piece::Secret { .. })) {
            findings.push(Finding::new(path, "a secret backend cannot be told by a secret"));
        }
    });
}

/// Every secret that is referred to, by backend.
fn references(root: &Node) -> BTreeMap<&str, Keys<'_>> {
    let mut references = BTreeMap::<&str, Keys<'_>>::new();
    root.each_text(&Path::default(), &mut |path, text| {
        if path.is_under("secret") {
            return;
        }
        // What cannot be read is reported when it is expanded.
        for piece in pieces(&text.value).unwrap_or_default() {
            if let Piece::Secret { backend, key } = piece {
                references.entry(backend).or_default().entry(key).or_insert_with(|| path.clone());
            }
        }
    });
    references
}

fn backend(node: &Node, path: &Path) -> Result<Backend, Finding> {
    let known = ["file", "directory", "exec"];
    match type_of(node, path, "type", &known)? {
        "file" => read(node, path).map(Backend::File),
        "directory" => read(node, path).map(Backend::Directory),
        "exec" => read(node, path).map(Backend::Exec),
        other => Err(Finding::unknown_value(&path.key("type"), other, &known)),
    }
}

fn ask(backend: &Backend, keys: &Keys<'_>) -> Result<Answer, String> {
    match backend {
        Backend::File(settings) => from_file(settings, keys),
        Backend::Directory(settings) => Ok(from_directory(settings, keys)),
        Backend::Exec(settings) => from_program(settings, keys),
    }
}

fn from_file(settings: &written::SecretFile, keys: &Keys<'_>) -> Result<Answer, String> {
    let shown = settings.path.display();
    let text = fs::read_to_string(&settings.path)
        .map_err(|error| format!("cannot read `{shown}`: {error}"))?;
    // The parser's own message may quote what it found.
    let mut values: BTreeMap<String, String> = serde_json::from_str(&text)
        .map_err(|_| format!("`{shown}` is not a flat JSON map of strings"))?;
    let found = |key: &&str| values.remove(*key).map(|value| ((*key).to_owned(), Ok(value)));
    Ok(keys.keys().filter_map(found).collect())
}

fn from_directory(settings: &written::SecretDirectory, keys: &Keys<'_>) -> Answer {
    let get = |key: &str| {
        let inside = FilePath::new(key).components().all(|c| matches!(c, Component::Normal(_)));
        if !inside {
            return Err("the key leads out of the directory".to_owned());
        }
        let value = fs::read_to_string(settings.path.join(key)).map_err(|e| e.to_string())?;
        let trim = settings.remove_trailing_whitespace.unwrap_or(false);
        Ok(if trim { value.trim_end().to_owned() } else { value })
    };
    keys.keys().map(|key| ((*key).to_owned(), get(key))).collect()
}

/// What a program is asked.
#[derive(Serialize)]
struct Question<'k> {
    version: &'static str,
    secrets: Vec<&'k str>,
}

/// What it says of one key.
#[derive(Deserialize)]
struct Reply {
    value: Option<String>,
    error: Option<String>,
}

fn from_program(settings: &written::SecretExec, keys: &Keys<'_>) -> Result<Answer, String> {
    let [program, arguments @ ..] = settings.command.as_slice() else {
        return Err("`command` is empty".to_owned());
    };
    let question = Question { version: "1.0", secrets: keys.keys().copied().collect() };
    let question = serde_json::to_vec(&question).map_err(|error| error.to_string())?;
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        // What it says there could hold a secret, and would stand in our log.
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| format!("cannot run `{program}`: {error}"))?;
    let timeout = settings.timeout.map_or(DEFAULT_TIMEOUT, |seconds| seconds.0);
    let answer = talk(&mut child, question, timeout).map_err(|e| format!("`{program}`: {e}"))?;
    let replies: BTreeMap<String, Reply> = serde_json::from_slice(&answer).map_err(|_| {
        format!("`{program}` did not answer with a JSON map of `value` and `error`")
    })?;
    let settle = |(key, reply): (String, Reply)| {
        let value = match reply.error {
            Some(error) => Err(error),
            None => reply.value.ok_or_else(|| "it has no value".to_owned()),
        };
        (key, value)
    };
    Ok(replies.into_iter().map(settle).collect())
}

/// Writes the question to the program and reads its answer to the end.
fn talk(child: &mut Child, question: Vec<u8>, timeout: Duration) -> Result<Vec<u8>, String> {
    let (Some(mut stdin), Some(stdout)) = (child.stdin.take(), child.stdout.take()) else {
        return Err("has no pipes".to_owned());
    };
    let (sender, receiver) = sync_channel(1);
    // Pipes have no timeouts. The thread is left behind when the time is up, because even a
    // killed program's own children may hold the pipe; the load has failed by then.
    let talker = std::thread::Builder::new().spawn(move || {
        // A program that knows its secrets need not read the question.
        let asked = stdin.write_all(&question);
        drop((stdin, asked));
        let mut answer = Vec::new();
        let end = stdout.take(MAX_ANSWER_BYTES).read_to_end(&mut answer);
        drop(sender.send(end.map(|_| answer)));
    });
    let answer = talker
        .map_err(|error| error.to_string())
        .and_then(|_| receiver.recv_timeout(timeout).map_err(|_| too_slow(timeout)))
        .and_then(|answer| answer.map_err(|error| error.to_string()));
    if answer.is_err() {
        drop(child.kill());
    }
    let status = child.wait().map_err(|error| error.to_string())?;
    match answer {
        Ok(_) if !status.success() => Err(format!("ended with {status}")),
        answer => answer,
    }
}

fn too_slow(timeout: Duration) -> String {
    format!("gave no answer within {} s", timeout.as_secs_f64())
}
