//! `checkpoint`: where streams stand, and putting them elsewhere.

use serde_json::Value;

use super::{CONFIG, filters};
use crate::binary::{Account, Ended, Home};

/// What was collected once, and a config beside it.
fn collected(account: &Account) -> Home {
    let home = Home::new();
    home.write("zenstream.yaml", CONFIG);
    home.zenstream("run -c zenstream.yaml --once").at(account).run().well();
    home
}

fn checkpoint(home: &Home, account: &Account, line: &str) -> Ended {
    home.zenstream(&format!("checkpoint {line}")).args("-c zenstream.yaml").at(account).run()
}

/// What `list --format json` says of a stream.
fn listed(home: &Home, account: &Account, stream: &str) -> Value {
    let ended = checkpoint(home, account, "list --format json").well();
    let listing: Value = serde_json::from_str(&ended.stdout).expect("JSON");
    let streams = listing["streams"].as_array().expect("a list");
    streams.iter().find(|line| line["stream"] == stream).expect("the stream").clone()
}

#[test]
fn a_checkpoint_lists_where_each_stream_stands() {
    let _filters = filters();
    let account = Account::small();
    let home = Home::new();
    home.write("zenstream.yaml", CONFIG);
    insta::assert_snapshot!(checkpoint(&home, &account, "list"), @"
    exit code 0
    --- stdout
    STREAM           READ UP TO  AGO  AHEAD  POSITION
    acme.audit_logs                          none; starts at 1970-01-01T00:00:00+00:00
    acme.tickets                             none; starts at 1970-01-01T00:00:00+00:00
    ");
    home.zenstream("run -c zenstream.yaml --once").at(&account).run().well();
    let line = listed(&home, &account, "acme.tickets");
    assert_eq!(line["endpoint"], Value::from(account.url.as_str()), "{line}");
    let reached = line["reached"].as_str().expect("a time");
    assert!(("2024-04".."2024-06-02").contains(&reached), "{line}");
    let shown = checkpoint(&home, &account, "show tickets").well();
    assert!(shown.stdout.contains("read up to   2024-"), "{shown}");
    let table = checkpoint(&home, &account, "list").well();
    assert!(table.lines().iter().any(|line| line.contains("2024-05-31T22:46:52+00:00")), "{table}");
}

#[test]
fn without_a_config_the_default_checkpoint_is_meant() {
    let (home, account) = (Home::new(), Account::small());
    home.write("zenstream.yaml", &CONFIG.replace("data_dir: state\n", ""));
    home.zenstream("run -c zenstream.yaml --once").at(&account).run().well();
    let ended = home.zenstream("checkpoint list").run().well();
    assert_eq!(ended.lines().len(), 3, "{ended}");
    home.zenstream("checkpoint reset tickets --yes").run().well();
    let ended = home.zenstream("checkpoint list").run().well();
    assert!(!ended.stdout.contains("acme.tickets"), "{ended}");
}

#[test]
fn a_stream_goes_on_from_where_it_was_set() {
    let account = Account::small();
    let home = collected(&account);
    let all = home.lines("out/audit_logs.ndjson");
    let line = "set audit_logs --since 2024-05-20 --yes";
    checkpoint(&home, &account, line).well();
    home.zenstream("run -c zenstream.yaml --once").at(&account).run().well();
    let again = home.lines("out/audit_logs.ndjson");
    let is_later = |line: &&String| {
        let record: Value = serde_json::from_str(line).expect("a record");
        record["created_at"].as_str().expect("a time") >= "2024-05-20T00:00:00Z"
    };
    let later: Vec<_> = all.iter().filter(is_later).cloned().collect();
    assert!(!later.is_empty() && later.len() < all.len(), "{}", later.len());
    assert_eq!(again[..all.len()], all);
    assert_eq!(again[all.len()..], later);
}

#[test]
fn a_position_that_was_shown_can_be_set() {
    let account = Account::small();
    let home = collected(&account);
    let before = listed(&home, &account, "acme.tickets")["position"].to_string();
    checkpoint(&home, &account, "reset --all --yes").well();
    assert_eq!(listed(&home, &account, "acme.tickets")["position"], Value::Null);
    let set = home.zenstream("checkpoint set acme.tickets --yes -c zenstream.yaml --position");
    set.arg(&before).at(&account).run().well();
    assert_eq!(listed(&home, &account, "acme.tickets")["position"].to_string(), before);
}

#[test]
fn a_dry_run_shows_the_change_and_changes_nothing() {
    let account = Account::small();
    let home = collected(&account);
    let before = home.lines("state/checkpoint.json");
    for line in ["set audit_logs --since 7d", "reset tickets", "reset --all"] {
        let ended = checkpoint(&home, &account, &format!("{line} --dry-run")).well();
        assert!(ended.stdout.contains("WILL GO ON FROM"), "{ended}");
        assert_eq!(home.lines("state/checkpoint.json"), before, "{line}");
        let unasked = checkpoint(&home, &account, line);
        assert_eq!(unasked.code, Some(2), "{unasked}");
        assert!(unasked.stderr.contains("give `--yes`"), "{unasked}");
        assert_eq!(home.lines("state/checkpoint.json"), before, "{line}");
    }
}

#[test]
fn a_checkpoint_that_a_run_holds_is_looked_at_but_not_changed() {
    let _filters = filters();
    let account = Account::small();
    let home = collected(&account);
    let mut run = home.zenstream("run -c zenstream.yaml").at(&account).start();
    run.wait_until("it has started", |run| run.stderr().contains("started"));
    checkpoint(&home, &account, "list").well();
    for line in ["reset tickets --yes", "set tickets --since 7d --yes", "reset --all --yes"] {
        let refused = checkpoint(&home, &account, line);
        insta::allow_duplicates! {
            insta::assert_snapshot!(refused.last_words().replace(&refused.stdout, ""), @"
            exit code 1
            --- stdout
            --- stderr
            error: another zenstream (process [pid]) runs on the checkpoint [home]/state/checkpoint.json
            hint: stop it first, or give this one another `data_dir`
            ");
        }
    }
    run.signal("TERM");
    run.end().well();
}

#[test]
fn what_makes_no_sense_is_refused_with_a_way_out() {
    let _filters = filters();
    let account = Account::small();
    let home = collected(&account);
    let refused = |line: &str| checkpoint(&home, &account, line).last_words();
    insta::assert_snapshot!(refused("set audit_log --since 7d --yes"), @"
    exit code 2
    --- stderr
    error: there is no stream `audit_log`
    hint: there is `acme.audit_logs`, `acme.tickets`
    ");
    insta::assert_snapshot!(refused("set tickets --position {\"x\":1} --yes"), @"
    exit code 2
    --- stderr
    error: the position of `tickets` cannot be read: unknown variant `x`, expected one of `start_time`, `cursor`, `behind`, `next`
    ");
    insta::assert_snapshot!(refused("set tickets --position nonsense --yes"), @"
    exit code 2
    --- stderr
    error: the position is no JSON: expected ident at line 1 column [n]
    hint: `zenstream checkpoint show STREAM --format json` prints one
    ");
    insta::assert_snapshot!(home.zenstream("checkpoint set acme.tickets --since 7d --yes").run().last_words(), @"
    exit code 2
    --- stderr
    error: [home]/.local/state/zenstream/checkpoint.json holds no stream
    hint: give the config with `-c`
    ");
}

/// What the script on Lambda keeps, and the one on Cloud Run.
const OLD: [&str; 2] = [
    r#"{"audit_logs":{"next_url":"https://acme.zendesk.com/api/v2/audit_logs.json?page=3"},"incremental_tickets":{"next":"https://acme.zendesk.com/api/v2/incremental/tickets/cursor.json?cursor=MTcxNjMzNjAwMC4wfHw0MDQ1fA%3D%3D"}}"#,
    r#"{"audit_logs": {"next_url": null}, "incremental_tickets": {"cursor": "MTcxNjMzNjAwMC4wfHw0MDQ1fA=="}}"#,
];

#[test]
fn the_state_of_the_scripts_of_guides_is_taken_over_with_an_overlap() {
    let account = Account::small();
    for old in OLD {
        let home = Home::new();
        home.write("zenstream.yaml", CONFIG);
        home.write("state.json", old);
        checkpoint(&home, &account, "import state.json --yes").well();
        // The cursor is of midnight, and an hour is read again.
        let tickets = listed(&home, &account, "acme.tickets");
        assert_eq!(tickets["reached"], "2024-05-21T23:00:00Z", "{tickets}");
        let audit_logs = listed(&home, &account, "acme.audit_logs");
        assert_eq!(audit_logs["reached"], "1970-01-01T00:00:00Z", "{audit_logs}");
        home.zenstream("run -c zenstream.yaml --once").at(&account).run().well();
        assert_eq!(home.lines("out/audit_logs.ndjson"), account.records("audit_logs"));
        let again = checkpoint(&home, &account, "import state.json --yes");
        assert!(again.stderr.contains("has a position already"), "{again}");
        checkpoint(&home, &account, "import state.json --replace --since 2024-05-30 --yes").well();
        let audit_logs = listed(&home, &account, "acme.audit_logs");
        assert_eq!(audit_logs["reached"], "2024-05-30T00:00:00Z", "{audit_logs}");
    }
}

#[test]
fn what_is_not_such_a_state_is_not_imported() {
    let account = Account::small();
    let home = Home::new();
    home.write("zenstream.yaml", CONFIG);
    for text in ["", "{", "[]", "{}", r#"{"format":1}"#] {
        home.write("state.json", text);
        let ended = checkpoint(&home, &account, "import state.json --yes");
        assert_eq!(ended.code, Some(2), "{ended}");
        assert!(ended.stderr.contains("is not the state of that collector"), "{ended}");
        assert!(home.lines("state/checkpoint.json").is_empty());
    }
}
