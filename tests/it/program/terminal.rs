//! What is different at a terminal: colour, pager, width, progress, keys.
//!
//! The terminals are pseudo terminals that `script` makes, a program of util-linux.

use super::CONFIG;
use crate::binary::{Account, Ended, Home, Program};

/// Makes the lines that went through it known.
const PAGER: &str = "sed s/^/paged:/";

/// How indicatif clears a line, and a part of any sequence.
const CLEAR_LINE: &str = "\x1b[2K";
const ESCAPE: char = '\x1b';

fn at_terminal(program: Program<'_>, columns: u16) -> Ended {
    program.start_at_terminal(columns, "").end()
}

/// What is left to see of the text: no colours, and no lines that were cleared.
fn visible(text: &str) -> String {
    let mut seen = String::new();
    for line in text.split_inclusive('\n') {
        let line = line.rsplit(CLEAR_LINE).next().unwrap_or(line).trim_start_matches('\r');
        let mut rest = line;
        while let Some((before, sequence)) = rest.split_once(ESCAPE) {
            seen.push_str(before);
            let end = sequence.find(|letter: char| letter.is_ascii_alphabetic());
            rest = &sequence[end.map_or(sequence.len(), |end| end + 1)..];
        }
        seen.push_str(rest);
    }
    seen
}

#[test]
fn colour_and_pager_are_for_a_terminal_alone() {
    let (home, account) = (Home::new(), Account::small());
    let read = |more: &str| {
        let read = home.zenstream("read audit_logs --since beginning --limit 3").args(more);
        read.at(&account).env("PAGER", PAGER)
    };
    let plain = read("").run().well().stdout;
    assert!(!plain.contains(ESCAPE) && !plain.contains("paged:"), "{plain}");

    let seen = at_terminal(read(""), 80).well().stdout;
    assert_eq!(seen.matches("paged:").count(), 3, "{seen}");
    assert!(seen.contains("\x1b[34m"), "names of members are coloured: {seen}");
    assert_eq!(visible(&seen).replace("paged:", ""), plain, "and nothing else is different");
    let seen = at_terminal(read("--no-pager"), 80).well().stdout;
    assert!(!seen.contains("paged:") && seen.contains("\x1b[34m"), "{seen}");

    for seen in [
        at_terminal(read("--color never"), 80),
        at_terminal(read("").env("NO_COLOR", "1"), 80),
        at_terminal(read("").env("TERM", "dumb"), 80),
    ] {
        let seen = seen.well().stdout;
        let shown = seen.rsplit(CLEAR_LINE).next().unwrap_or(&seen).trim_start_matches('\r');
        assert_eq!(shown.replace("paged:", ""), plain);
    }
    let piped = read("--color always").env("NO_COLOR", "1").run().well().stdout;
    assert!(piped.contains("\x1b[34m") && visible(&piped) == plain, "{piped}");

    let ended = read("").start_at_terminal(80, "> out.ndjson").end().well();
    assert!(!ended.stdout.contains("paged:"), "{ended}");
    assert_eq!(
        home.lines("out.ndjson").join("\n") + "\n",
        plain,
        "the terminal is only for stderr"
    );
}

#[test]
fn nothing_is_wider_than_the_terminal_and_what_failed_stands_at_the_end() {
    let (home, account) = (Home::new(), Account::new("--without-enterprise --rate-limit 0"));
    for columns in [60, 80, 100, 120, 200] {
        let streams = home.zenstream("streams --no-pager").at(&account);
        let streams = at_terminal(streams, columns).well().stdout;
        let folded = streams.lines().filter(|line| line.starts_with(' ')).count();
        assert!(streams.starts_with("NAME  ") && folded <= 6, "{columns}: {streams}");

        let check = at_terminal(home.zenstream("check").at(&account), columns);
        assert_eq!(check.code, Some(1), "{check}");
        assert!(check.stdout.contains("\x1b[1;31mfailed"), "{check}");
        let check = visible(&check.stdout);
        for line in streams.lines().chain(check.lines()) {
            assert!(line.chars().count() <= usize::from(columns), "{columns}: {line}");
        }
        let failed = check.find("\nfailed ").unwrap_or_else(|| panic!("{columns}: {check}"));
        let (well, failed) = check.split_at(failed);
        assert!(well.contains("tickets, ") && !well.contains("audit_logs"), "{columns}: {check}");
        assert!(failed.contains("audit_logs") && failed.contains("what to do"), "{check}");
        assert!(check.lines().count() < 54, "it is shorter than a list of all: {check}");
    }
}

#[test]
fn where_streams_stand_is_a_line_for_each_in_a_narrow_terminal_too() {
    let (home, account) = (Home::new(), Account::small());
    home.write("zenstream.yaml", CONFIG);
    home.zenstream("run -c zenstream.yaml --once").at(&account).run().well();
    let list = |more: &str| {
        let list = home.zenstream("checkpoint list -c zenstream.yaml").args(more).at(&account);
        at_terminal(list.env("PAGER", PAGER), 80).well().stdout
    };
    let seen = list("--no-pager");
    let lines: Vec<&str> = seen.lines().map(str::trim_end).collect();
    assert_eq!(lines.len(), 5, "{seen}");
    assert!(lines[0].starts_with("STREAM ") && !lines[0].contains("POSITION"), "{seen}");
    assert!(lines[2].starts_with("acme.tickets ") && lines[2].contains("2024-05-31T"), "{seen}");
    assert!(lines[4].contains("POSITION; `--format json` has all"), "{seen}");
    assert_eq!(list("").matches("paged:").count(), 5);
}

#[test]
fn few_things_that_are_well_are_a_table() {
    let (home, account) = (Home::new(), Account::small());
    home.write("zenstream.yaml", CONFIG);
    let check = || home.zenstream("check -c zenstream.yaml").at(&account);
    let seen = at_terminal(check(), 120).well().stdout;
    assert_eq!(visible(&seen), check().run().well().stdout);
}

/// Each answer takes longer than a second, however fast the machine is.
const SLOW: &str = "--audit-logs 20 --tickets 5 --rate-limit 0 --latency-ms 1200";

#[test]
fn progress_is_a_line_on_stderr_that_is_gone_at_the_end() {
    let (home, account) = (Home::new(), Account::new(SLOW));
    home.write("zenstream.yaml", CONFIG);
    let check = || home.zenstream("check -c zenstream.yaml").at(&account);
    for redirected in ["", "> out.txt"] {
        let seen = check().start_at_terminal(120, redirected).end().well().stdout;
        assert!(seen.contains(" of 5 tried"), "{seen}");
        let frames = seen.split(['\r', '\n']).map(visible).collect::<Vec<_>>();
        let first = frames.iter().find(|frame| !frame.trim().is_empty()).expect("a frame");
        assert!(first.contains(" of 5 tried"), "the first frame says something: {seen:?}");
        assert!(!visible(&seen).contains("tried"), "{seen}");
    }
    let table = home.lines("out.txt").join("\n");
    assert!(table.contains("acme.tickets") && !table.contains(ESCAPE), "{table}");
    // Where nobody looks nothing is drawn.
    assert_eq!(check().run().well().stderr, "");

    let read = home.zenstream("read audit_logs --since beginning --no-pager").at(&account);
    let seen = at_terminal(read, 60).well().stdout;
    assert!(seen.contains("asking 127.0.0.1 for audit_logs"), "{seen}");
    assert!(visible(&seen).starts_with('{'), "{seen}");
}

#[test]
fn a_check_that_waits_for_the_rate_budget_says_for_which_and_can_be_interrupted() {
    let account = Account::new("--audit-logs 20 --tickets 5 --export-rate-limit 2");
    let home = Home::new();
    let mut check = home.zenstream("check").at(&account).start_at_terminal(100, "");
    let told = "for the budget `incremental-exports`";
    check.running.wait_until("the wait", |check| check.stdout().contains(told));
    let seen = check.running.stdout();
    let line = seen.split(CLEAR_LINE).find(|line| line.contains(told)).expect("a line");
    let line = line.trim_end_matches('\r');
    assert!(line.contains(" tried; waiting ") && line.chars().count() <= 100, "{line:?}");
    check.press("\x03");
    assert_eq!(check.end().code, Some(130), "as a shell has it: 128 and SIGINT");
}

#[test]
fn an_interrupt_ends_a_run_and_what_was_written_is_kept() {
    let (home, account) = (Home::new(), Account::small());
    home.write("zenstream.yaml", CONFIG);
    let run = || home.zenstream("run -c zenstream.yaml").at(&account);
    let mut running = run().start_at_terminal(80, "");
    running.running.wait_until("events", |_| home.size("out/audit_logs.ndjson") > 0);
    running.press("\x03");
    let ended = running.end();
    assert_eq!(ended.code, Some(0), "{ended}");
    run().arg("--once").run().well();
    for stream in ["audit_logs", "tickets"] {
        let (mut lines, mut records) =
            (home.lines(&format!("out/{stream}.ndjson")), account.records(stream));
        lines.sort();
        records.sort();
        assert_eq!(lines, records, "{stream}: each once, whole");
    }
}

#[test]
fn an_interrupt_ends_what_is_followed_and_leaves_whole_lines() {
    let (home, account) = (Home::new(), Account::small());
    let read = home.zenstream("read audit_logs --since beginning --follow").at(&account);
    let mut reading = read.start_at_terminal(80, "> out.ndjson");
    let records = account.records("audit_logs");
    reading.running.wait_until("all records", |_| home.lines("out.ndjson").len() == records.len());
    reading.press("\x03");
    let ended = reading.end();
    assert_eq!(ended.code, Some(130), "{ended}");
    assert_eq!(home.lines("out.ndjson").len(), records.len());
}

#[test]
fn whoever_sits_there_is_asked_before_a_checkpoint_is_changed() {
    let (home, account) = (Home::new(), Account::small());
    home.write("zenstream.yaml", CONFIG);
    home.zenstream("run -c zenstream.yaml --once").at(&account).run().well();
    let before = home.lines("state/checkpoint.json");
    for (answer, code) in [("n\n", Some(1)), ("y\n", Some(0))] {
        let reset = home.zenstream("checkpoint reset audit_logs -c zenstream.yaml").at(&account);
        let mut reset = reset.start_at_terminal(80, "");
        reset.running.wait_until("the question", |reset| reset.stdout().contains("? [y/N] "));
        reset.press(answer);
        let ended = reset.end();
        assert_eq!(ended.code, code, "{ended}");
        assert_eq!(home.lines("state/checkpoint.json") == before, code == Some(1), "{answer}");
    }
}
