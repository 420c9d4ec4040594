//! Starts the real binary: in a directory of its own, with an environment of its own, against a
//! pretend account that is the real binary too.
//!
//! Whatever is started here is killed when its handle is dropped, so that a failing test leaves
//! nothing behind. No test waits for ever.

use std::fmt;
use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// The history of every account ends here unless a test says otherwise.
const ANCHOR: &str = "2024-06-01T00:00:00Z";

/// What tests sign in with; it must not be seen in any output.
pub(crate) const TOKEN: &str = "a-bearer-token-never-to-be-seen";

const PATIENCE: Duration = Duration::from_secs(60);
const LOOK_AGAIN: Duration = Duration::from_millis(5);

#[expect(clippy::disallowed_methods, reason = "nothing else runs on a test's thread")]
pub(crate) fn pause(duration: Duration) {
    std::thread::sleep(duration);
}

/// A directory to start the program in, its home as well.
#[derive(Debug)]
pub(crate) struct Home {
    directory: tempfile::TempDir,
    started: AtomicU64,
}

impl Home {
    pub(crate) fn new() -> Self {
        let directory = tempfile::tempdir().expect("a directory for the test");
        Self { directory, started: AtomicU64::new(0) }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).expect("a file for the test");
    }

    /// The lines of a file; none where there is no file.
    pub(crate) fn lines(&self, name: &str) -> Vec<String> {
        match fs::read_to_string(self.path(name)) {
            Ok(text) => text.lines().map(str::to_owned).collect(),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
            Err(error) => panic!("{name}: {error}"),
        }
    }

    /// How long a file is; nothing where there is none.
    pub(crate) fn size(&self, name: &str) -> u64 {
        fs::metadata(self.path(name)).map_or(0, |file| file.len())
    }

    /// The lines of a file of gzip members; none where there is no file.
    pub(crate) fn gzip_lines(&self, name: &str) -> Vec<String> {
        let file = match File::open(self.path(name)) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Vec::new(),
            Err(error) => panic!("{name}: {error}"),
        };
        let mut text = String::new();
        let mut reader = flate2::read::MultiGzDecoder::new(BufReader::new(file));
        reader.read_to_string(&mut text).expect("whole gzip members of text");
        text.lines().map(str::to_owned).collect()
    }

    /// `zenstream` with the words of `line` as its arguments.
    pub(crate) fn zenstream(&self, line: &str) -> Program<'_> {
        let mut command = command(self.directory.path());
        command.args(line.split_whitespace());
        Program { home: self, command }
    }
}

fn command(directory: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_zenstream"));
    command.env_clear().env("HOME", directory).env("TZ", "UTC").current_dir(directory);
    if let Some(path) = std::env::var_os("PATH") {
        command.env("PATH", path);
    }
    command.stdin(Stdio::null());
    command
}

/// A command line and its environment, not yet started.
#[derive(Debug)]
pub(crate) struct Program<'h> {
    home: &'h Home,
    command: Command,
}

impl Program<'_> {
    pub(crate) fn arg(mut self, word: &str) -> Self {
        self.command.arg(word);
        self
    }

    /// The words of `line`.
    pub(crate) fn args(mut self, line: &str) -> Self {
        self.command.args(line.split_whitespace());
        self
    }

    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.command.env(name, value);
        self
    }

    /// With the address of an account, and a token that signs in.
    pub(crate) fn at(self, account: &Account) -> Self {
        self.env("ZENDESK_BASE_URL", &account.url).env("ZENDESK_BEARER_TOKEN", TOKEN)
    }

    /// Runs it to its end.
    pub(crate) fn run(self) -> Ended {
        self.start().end()
    }

    /// Lets it run. What it prints goes into files, which never make it wait.
    pub(crate) fn start(mut self) -> Running {
        let number = self.home.started.fetch_add(1, Ordering::Relaxed);
        let place = |name: &str| self.home.path(&format!("{name}.{number}"));
        let (stdout, stderr) = (place("stdout"), place("stderr"));
        let file = |path: &Path| File::create(path).expect("a file for the output");
        self.command.stdout(file(&stdout)).stderr(file(&stderr));
        let child = self.command.spawn().expect("the program starts");
        Running { child: Owned(child), stdout, stderr }
    }

    /// Lets it run with a pipe that nobody reads, so that writing to it waits sooner or later.
    pub(crate) fn start_unread(mut self) -> Running {
        let (stdout, stderr) = (self.home.path("stdout.unread"), self.home.path("stderr.unread"));
        fs::write(&stdout, "").expect("an empty file");
        self.command.stdout(Stdio::piped());
        self.command.stderr(File::create(&stderr).expect("a file for the output"));
        let child = self.command.spawn().expect("the program starts");
        Running { child: Owned(child), stdout, stderr }
    }

    /// Lets it run at a terminal of so many columns, where a person could press keys. `redirected`
    /// is what a shell is told of its output: nothing, or `> out.ndjson`.
    pub(crate) fn start_at_terminal(self, columns: u16, redirected: &str) -> AtTerminal {
        let quoted = |word: &std::ffi::OsStr| format!("'{}'", word.to_str().expect("plain text"));
        let words = [self.command.get_program()].into_iter().chain(self.command.get_args());
        let words: Vec<String> = words.map(quoted).collect();
        let line = format!("stty cols {columns} rows 24; exec {} {redirected}", words.join(" "));
        // It makes a pseudo terminal and the session that belongs to it.
        let mut script = Command::new("script");
        script.args(["--quiet", "--flush", "--return", "--command", &line, "/dev/null"]);
        script.env_clear().env("TERM", "xterm").current_dir(self.home.path(""));
        script.envs(self.command.get_envs().filter_map(|(name, value)| Some((name, value?))));
        let number = self.home.started.fetch_add(1, Ordering::Relaxed);
        let seen = self.home.path(&format!("terminal.{number}"));
        let file = File::create(&seen).expect("a file for what is seen");
        script.stdin(Stdio::piped()).stdout(file).stderr(Stdio::null());
        let child = script.spawn().expect("`script` of util-linux is there");
        let stderr = seen.clone();
        AtTerminal { running: Running { child: Owned(child), stdout: seen, stderr } }
    }

    /// Runs it with a log that goes there. Returns its exit code; none if a signal ended it.
    pub(crate) fn run_logging_to(mut self, log: impl Into<Stdio>) -> Option<i32> {
        self.command.stdout(Stdio::null()).stderr(log);
        self.command.status().expect("the program starts").code()
    }

    /// Runs it with a reader that takes one line and goes.
    pub(crate) fn read_one_line(mut self) -> (String, Ended) {
        let stderr = self.home.path("stderr.piped");
        self.command.stdout(Stdio::piped());
        self.command.stderr(File::create(&stderr).expect("a file for the output"));
        let mut child = Owned(self.command.spawn().expect("the program starts"));
        let mut line = String::new();
        let reader = child.0.stdout.take().expect("a pipe");
        BufReader::with_capacity(1, reader).read_line(&mut line).expect("a line");
        let stdout = self.home.path("stdout.piped");
        fs::write(&stdout, "").expect("an empty file");
        (line, Running { child, stdout, stderr }.end())
    }
}

/// A process that ends with its handle.
#[derive(Debug)]
struct Owned(Child);

impl Drop for Owned {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ended = self.0.kill();
        let _code = self.0.wait();
    }
}

/// A program that runs.
#[derive(Debug)]
pub(crate) struct Running {
    child: Owned,
    stdout: PathBuf,
    stderr: PathBuf,
}

impl Running {
    /// SIGKILL: it cannot even notice.
    pub(crate) fn kill(mut self) -> Ended {
        self.child.0.kill().expect("a process to kill");
        self.end()
    }

    /// SIGTERM or SIGINT, by name.
    pub(crate) fn signal(&self, name: &str) {
        let line = format!("kill -{name} {}", self.child.0.id());
        let status = Command::new("sh").args(["-c", &line]).status().expect("a shell");
        assert!(status.success(), "{line}");
    }

    /// The number of its process.
    pub(crate) fn id(&self) -> u32 {
        self.child.0.id()
    }

    pub(crate) fn stdout(&self) -> String {
        text(&self.stdout)
    }

    pub(crate) fn stderr(&self) -> String {
        text(&self.stderr)
    }

    /// Waits until it is as wanted.
    pub(crate) fn wait_until(&mut self, what: &str, is_so: impl Fn(&Self) -> bool) {
        let mut waited = Duration::ZERO;
        while !is_so(self) {
            assert!(!self.has_ended(), "ended before {what}: {}", text(&self.stderr));
            assert!(waited < PATIENCE, "no end of waiting for {what}: {}", text(&self.stderr));
            pause(LOOK_AGAIN);
            waited += LOOK_AGAIN;
        }
    }

    pub(crate) fn has_ended(&mut self) -> bool {
        self.child.0.try_wait().expect("a process to ask").is_some()
    }

    /// Waits for its end.
    pub(crate) fn end(self) -> Ended {
        self.end_within(PATIENCE)
    }

    /// Waits for its end for so long.
    pub(crate) fn end_within(mut self, patience: Duration) -> Ended {
        let mut waited = Duration::ZERO;
        loop {
            if let Some(status) = self.child.0.try_wait().expect("a process to ask") {
                let (stdout, stderr) = (text(&self.stdout), text(&self.stderr));
                return Ended { code: status.code(), stdout, stderr };
            }
            assert!(waited < patience, "it does not end: {}", text(&self.stderr));
            pause(LOOK_AGAIN);
            waited += LOOK_AGAIN;
        }
    }
}

fn text(path: &Path) -> String {
    String::from_utf8(fs::read(path).expect("what was printed")).expect("text was printed")
}

/// A program that runs at a terminal. What is seen there is its stdout.
#[derive(Debug)]
pub(crate) struct AtTerminal {
    pub(crate) running: Running,
}

impl AtTerminal {
    /// Presses keys: text, or `\x03` for Ctrl-C.
    pub(crate) fn press(&mut self, keys: &str) {
        let keyboard = self.running.child.0.stdin.as_mut().expect("a keyboard");
        keyboard.write_all(keys.as_bytes()).expect("it is listened to");
    }

    /// Waits for its end. The lines that are seen end as lines do in a file.
    pub(crate) fn end(mut self) -> Ended {
        // Without a keyboard the terminal would be gone.
        let keyboard = self.running.child.0.stdin.take();
        let ended = self.running.end();
        drop(keyboard);
        Ended { stdout: ended.stdout.replace("\r\n", "\n"), stderr: String::new(), ..ended }
    }
}

/// What a program left. Its display is what a person sees.
#[derive(Debug)]
pub(crate) struct Ended {
    /// None when a signal ended it.
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ended {
    /// The same, for a program that must have done what was asked.
    pub(crate) fn well(self) -> Self {
        assert_eq!(self.code, Some(0), "{}", self.stderr);
        self
    }

    /// What it said at the end: the error and its hint, without the log before them.
    pub(crate) fn last_words(&self) -> String {
        let start = self.stderr.find("error: ").unwrap_or(self.stderr.len());
        let stderr = self.stderr[start..].to_owned();
        Self { code: self.code, stdout: self.stdout.clone(), stderr }.to_string()
    }

    pub(crate) fn lines(&self) -> Vec<String> {
        self.stdout.lines().map(str::to_owned).collect()
    }
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.code {
            Some(code) => writeln!(f, "exit code {code}")?,
            None => writeln!(f, "killed")?,
        }
        for (name, text) in [("stdout", &self.stdout), ("stderr", &self.stderr)] {
            if !text.is_empty() {
                writeln!(f, "--- {name}\n{}", text.trim_end())?;
            }
        }
        Ok(())
    }
}

/// A pretend account on a port.
#[derive(Debug)]
pub(crate) struct Account {
    pub(crate) url: String,
    _server: Owned,
    _home: tempfile::TempDir,
}

impl Account {
    /// `zenstream simulate` with these options; without `--now`, history ends at a fixed time.
    pub(crate) fn new(options: &str) -> Self {
        let home = tempfile::tempdir().expect("a directory for the account");
        let mut command = command(home.path());
        command.args(["-qq", "simulate", "--port", "0"]).args(options.split_whitespace());
        if !options.contains("--now") && !options.contains("--live") {
            command.args(["--now", ANCHOR]);
        }
        command.stdout(Stdio::piped()).stderr(Stdio::null());
        let mut server = Owned(command.spawn().expect("the simulator starts"));
        let mut url = String::new();
        let stdout = server.0.stdout.take().expect("a pipe");
        BufReader::new(stdout).read_line(&mut url).expect("the simulator's address");
        Self { url: url.trim().to_owned(), _server: server, _home: home }
    }

    /// An account of 250 audit logs and 30 tickets, and no rate limit to wait for.
    pub(crate) fn small() -> Self {
        Self::new("--audit-logs 250 --tickets 30 --rate-limit 0")
    }

    /// The records that a collector should have brought, in the account's order.
    pub(crate) fn records(&self, stream: &str) -> Vec<String> {
        let path = format!("/_simulator/records/{stream}");
        self.get(&path).lines().map(str::to_owned).collect()
    }

    fn get(&self, path: &str) -> String {
        let address = self.url.strip_prefix("http://").expect("an address of ours");
        let answer = get(address, path);
        assert_eq!(answer.status, 200, "{path}: {}", answer.head);
        answer.body
    }
}

/// What came over HTTP.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

/// Asks `address`, which is on this machine, for `path`.
pub(crate) fn get(address: &str, path: &str) -> Answer {
    let request = format!("GET {path} HTTP/1.0\r\nHost: {address}\r\n\r\n");
    exchange(address, request.as_bytes())
}

/// Sends a whole request as it stands; it must ask for the connection to be closed.
pub(crate) fn exchange(address: &str, request: &[u8]) -> Answer {
    let mut stream = TcpStream::connect(address).expect("somebody listens");
    stream.write_all(request).expect("a request");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("an answer");
    let answer = String::from_utf8(answer).expect("an answer of text");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head and a body");
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
    let (head, body) = (head.to_lowercase(), body.to_owned());
    Answer { status: status.expect("a status"), head, body }
}
