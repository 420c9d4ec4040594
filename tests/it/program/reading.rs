//! `read`, `user` and `demo`: records to stdout.

use serde_json::Value;

use super::filters;
use crate::binary::{Account, Home};

#[test]
fn without_an_account_or_credentials_it_says_what_to_set() {
    let _filters = filters();
    let home = Home::new();
    insta::assert_snapshot!(home.zenstream("read audit_logs").run(), @"
    exit code 2
    --- stderr
    error: which account?
    hint: set ZENDESK_SUBDOMAIN or ZENDESK_BASE_URL, or give --subdomain; without an account, try `zenstream demo`
    ");
    insta::assert_snapshot!(home.zenstream("read audit_logs --subdomain acme").run(), @"
    exit code 2
    --- stderr
    error: no credentials
    hint: set ZENDESK_CLIENT_ID and ZENDESK_CLIENT_SECRET, or ZENDESK_BEARER_TOKEN, or ZENDESK_EMAIL and ZENDESK_API_TOKEN, or sign in with `zenstream login`; without an account, try `zenstream demo`
    ");
    insta::assert_snapshot!(home.zenstream("read audit_logs --subdomain https://acme.zendesk.com").run(), @"
    exit code 2
    --- stderr
    error: --subdomain: `https://acme.zendesk.com` is not a subdomain
    hint: write `acme`
    ");
    insta::assert_snapshot!(home.zenstream("read audit_logs --base-url http://acme.zendesk.com").run(), @"
    exit code 2
    --- stderr
    error: --base-url (`http://acme.zendesk.com`) must be `https`; `http` is for this machine alone
    hint: write `https://HOST`
    ");
    insta::assert_snapshot!(home.zenstream("user 17").env("ZENDESK_SUBDOMAIN", "acme").run(), @"
    exit code 2
    --- stderr
    error: no credentials
    hint: set ZENDESK_CLIENT_ID and ZENDESK_CLIENT_SECRET, or ZENDESK_BEARER_TOKEN, or ZENDESK_EMAIL and ZENDESK_API_TOKEN, or sign in with `zenstream login`; without an account, try `zenstream demo`
    ");
}

#[test]
fn wishes_that_cannot_be_met_are_wrong_usage() {
    let _filters = filters();
    let home = Home::new();
    let read = |line: &str| {
        let program = home.zenstream("read").env("ZENDESK_SUBDOMAIN", "acme");
        program.env("ZENDESK_BEARER_TOKEN", "x").args(line).run()
    };
    insta::assert_snapshot!(read("audit_log"), @"
    exit code 2
    --- stderr
    error: there is no stream `audit_log`
    hint: did you mean `audit_logs`?
    ");
    insta::assert_snapshot!(read("bananas"), @"
    exit code 2
    --- stderr
    error: there is no stream `bananas`
    hint: `zenstream streams` lists what there is
    ");
    insta::assert_snapshot!(read("audit_logs --since soon"), @"
    exit code 2
    --- stderr
    error: invalid value 'soon' for '--since <WHEN>': `soon` is no time; write a duration back (`7d`, `2 weeks ago`), a date (`2024-05-01`, `2024-05-01 13:00`, `Nov 3`, `2024-05`), `today`, `yesterday`, `last monday`, `this week`, `last month`, `noon`, `beginning` or an RFC 3339 time (`2024-05-01T13:00:00Z`)

    For more information, try '--help'.
    ");
    insta::assert_snapshot!(read("audit_logs --since 1M"), @"
    exit code 2
    --- stderr
    error: invalid value '1M' for '--since <WHEN>': `1M` may mean a minute or a month; write `1m` or `1mo`

    For more information, try '--help'.
    ");
    insta::assert_snapshot!(read("audit_logs --fields ,"), @"
    exit code 2
    --- stderr
    error: `--fields` names no field
    ");
    insta::assert_snapshot!(read("audit_logs --filter actor=1"), @"
    exit code 2
    --- stderr
    error: `audit_logs` has no filter `actor`
    hint: it has `source_type`, `source_id`, `actor_id`, `ip_address`, `action`
    ");
    insta::assert_snapshot!(read("tickets --filter status=open"), @"
    exit code 2
    --- stderr
    error: `tickets` has no filter `status`
    hint: it has none; pipe the records through `jq`
    ");
    insta::assert_snapshot!(read("audit_logs --timezone Middle/Earth"), @"
    exit code 2
    --- stderr
    error: invalid value 'Middle/Earth' for '--timezone <ZONE>': there is no time zone `Middle/Earth`; write `local`, `UTC` or a name such as `Europe/Berlin`

    For more information, try '--help'.
    ");
    insta::assert_snapshot!(read("audit_logs --rate-share 2"), @"
    exit code 2
    --- stderr
    error: invalid value '2' for '--rate-share <PART>': must be above 0 and at most 1

    For more information, try '--help'.
    ");
}

#[test]
fn records_are_printed_as_the_account_has_them() {
    let (home, account) = (Home::new(), Account::small());
    for stream in ["audit_logs", "tickets"] {
        let read = home.zenstream("read --since beginning").arg(stream).at(&account);
        let ended = read.run().well();
        assert_eq!(ended.lines(), account.records(stream), "{stream}");
        assert_eq!(ended.stderr, "");
    }
}

#[test]
fn several_streams_are_printed_together() {
    let (home, account) = (Home::new(), Account::small());
    let read = home.zenstream("read audit_logs,tickets --since beginning").at(&account);
    let mut lines = read.run().well().lines();
    let mut expected = [account.records("audit_logs"), account.records("tickets")].concat();
    lines.sort_unstable();
    expected.sort_unstable();
    assert_eq!(lines, expected);
}

#[test]
fn a_limit_ends_at_that_record() {
    let (home, account) = (Home::new(), Account::small());
    for limit in [0, 1, 5, 100, 101, 1_000] {
        let line = format!("read audit_logs --since beginning --limit {limit}");
        let lines = home.zenstream(&line).at(&account).run().well().lines();
        let expected: Vec<_> = account.records("audit_logs").into_iter().take(limit).collect();
        assert_eq!(lines, expected, "{limit}");
    }
}

#[test]
fn a_date_and_a_time_of_day_are_those_of_the_zone_asked_for() {
    let (home, account) = (Home::new(), Account::small());
    let read = |since: &str, until: &str, zone: &str| {
        let read = home.zenstream("read audit_logs --since").arg(since).arg("--until").arg(until);
        read.args(zone).at(&account).run().well().lines()
    };
    let offset = read("2024-05-10T00:00:00+09:00", "2024-05-20T12:30:00+09:00", "");
    assert!(!offset.is_empty());
    let zone = "--format ndjson --timezone Asia/Tokyo --fields id";
    let in_zone = read("2024-05-10", "2024-05-20 12:30", zone);
    assert_eq!(in_zone.len(), offset.len());
    let elsewhere = read("2024-05-10", "2024-05-20 12:30", "--timezone UTC --fields id");
    assert_ne!(in_zone, elsewhere);
    let back = read("5 years ago", "last monday 13:00", "");
    assert!(back.len() > 200, "{}", back.len());
}

#[test]
fn colour_is_asked_for_or_not_there() {
    let (home, account) = (Home::new(), Account::small());
    let read = |line: &str| {
        let line = format!("{line} read audit_logs --since beginning --limit 3");
        home.zenstream(&line).at(&account).run().well().stdout
    };
    assert!(!read("").contains('\x1b'));
    let coloured = read("--color always");
    assert!(coloured.contains('\x1b'));
    let plain = ["\x1b[34m", "\x1b[32m", "\x1b[33m", "\x1b[0m"];
    let without = plain.iter().fold(coloured, |text, colour| text.replace(colour, ""));
    assert_eq!(without, read(""));
}

#[test]
fn since_and_until_bound_what_is_read() {
    let (home, account) = (Home::new(), Account::small());
    let line = "read audit_logs --since 2024-05-10 --until 2024-05-20T12:00:00Z";
    let lines = home.zenstream(line).at(&account).run().well().lines();
    let is_within = |line: &String| {
        let record: Value = serde_json::from_str(line).expect("a record");
        let at = record["created_at"].as_str().expect("a time");
        ("2024-05-10T00:00:00Z"..="2024-05-20T12:00:00Z").contains(&at)
    };
    let expected: Vec<_> = account.records("audit_logs").into_iter().filter(is_within).collect();
    assert!(!expected.is_empty());
    assert_eq!(lines, expected);
}

#[test]
fn filters_choose_records() {
    let (home, account) = (Home::new(), Account::small());
    let line = "read audit_logs --since beginning --filter action=login --filter action=destroy";
    let lines = home.zenstream(line).at(&account).run().well().lines();
    let is_wanted = |line: &String| {
        line.contains("\"action\":\"login\"") || line.contains("\"action\":\"destroy\"")
    };
    let expected: Vec<_> = account.records("audit_logs").into_iter().filter(is_wanted).collect();
    assert!(!expected.is_empty());
    assert_eq!(lines, expected);
}

#[test]
fn every_form_shows_the_same_records() {
    let _filters = filters();
    let (home, account) = (Home::new(), Account::small());
    let read = |options: &str| {
        let line = "read audit_logs --since beginning --limit 3";
        home.zenstream(line).args(options).at(&account).run()
    };
    insta::assert_snapshot!(read("--format table --timezone Europe/Berlin"), @r#"
    exit code 0
    --- stdout
    CREATED_AT                 ACTOR_NAME       ACTION  SOURCE_TYPE                      SOURCE_LABEL                   CHANGE_DESCRIPTION                                     IP_ADDRESS
    2024-05-02T02:30:32+02:00  Team 🧑‍💻 Support  update  api_token                        API token: Close after 4 days  description changed from not set to Escalate → Tier 2  203.0.115.103
    2024-05-02T05:11:52+02:00                   update  account                          Account: Account               Owner changed from Ünal Çelik 🚀 to back\slash         203.0.114.181
    2024-05-02T10:34:51+02:00  李小龍 2         create  zendesk/app_market/installation  App: Slack/Teams hand-over     Installed                                              203.0.114.153
    "#);
    insta::assert_snapshot!(read("--format csv"), @r#"
    exit code 0
    --- stdout
    created_at,actor_name,action,source_type,source_label,change_description,ip_address
    2024-05-02T00:30:32Z,Team 🧑‍💻 Support,update,api_token,API token: Close after 4 days,description changed from not set to Escalate → Tier 2,203.0.115.103
    2024-05-02T03:11:52Z,,update,account,Account: Account,Owner changed from Ünal Çelik 🚀 to back\slash,203.0.114.181
    2024-05-02T08:34:51Z,李小龍 2,create,zendesk/app_market/installation,App: Slack/Teams hand-over,Installed,203.0.114.153
    "#);
    insta::assert_snapshot!(read("--format json --fields id,actor_id"), @r#"
    exit code 0
    --- stdout
    [
    {"id":35184372093553,"actor_id":35184372100592},
    {"id":35184372093592,"actor_id":35184372104181},
    {"id":35184372093622,"actor_id":35184372101739}
    ]
    "#);
    insta::assert_snapshot!(read("--fields id,created_at --timezone UTC"), @r#"
    exit code 0
    --- stdout
    {"id":35184372093553,"created_at":"2024-05-02T00:30:32+00:00"}
    {"id":35184372093592,"created_at":"2024-05-02T03:11:52+00:00"}
    {"id":35184372093622,"created_at":"2024-05-02T08:34:51+00:00"}
    "#);
    let whole: Vec<Value> = serde_json::from_str(&read("--format json").stdout).expect("a list");
    let lines = account.records("audit_logs");
    let expected = lines[..3].iter().map(|line| serde_json::from_str(line).expect("a record"));
    assert_eq!(whole, expected.collect::<Vec<Value>>());
}

#[test]
fn what_is_written_as_csv_can_be_read_again_whatever_the_texts_hold() {
    let (home, account) = (Home::new(), Account::small());
    let line = "read audit_logs --since beginning --format csv --fields id,source_label,change_description";
    let text = home.zenstream(line).at(&account).run().well().stdout;
    for hard in ["\"\"", "\t", "\\", "\n\n", "&amp;gt;"] {
        assert!(text.contains(hard), "nothing holds {hard:?}");
    }
    let rows: Vec<[String; 3]> = csv::Reader::from_reader(text.as_bytes())
        .deserialize()
        .map(|row| row.expect("a row"))
        .collect();
    let expected = account.records("audit_logs").into_iter().map(|line| {
        let record: Value = serde_json::from_str(&line).expect("a record");
        let text = |name: &str| record[name].as_str().unwrap_or_default().to_owned();
        [record["id"].to_string(), text("source_label"), text("change_description")]
    });
    assert_eq!(rows, expected.collect::<Vec<_>>());
}

#[test]
fn what_is_written_for_spreadsheets_begins_no_formula() {
    let (home, account) = (Home::new(), Account::small());
    let read = |format: &str| {
        let line = "read tickets --since beginning --fields id,,subject, --format";
        home.zenstream(line).arg(format).at(&account).run().well().lines()
    };
    let (plain, safe) = (read("csv"), read("csv-safe"));
    assert_eq!(plain[0], "id,subject", "what stands between two commas may be nothing");
    let is_formula = |line: &&String| {
        let (_, subject) = line.split_once(',').expect("two columns");
        subject.trim_start_matches('"').starts_with(['=', '+', '-', '@'])
    };
    assert_eq!(safe.iter().find(is_formula), None);
    let others: Vec<_> = plain.iter().filter(|line| !is_formula(line)).collect();
    assert!(others.iter().all(|line| safe.contains(line)));
}

#[test]
fn records_are_chosen_by_their_ids() {
    let (home, account) = (Home::new(), Account::small());
    let all = account.records("audit_logs");
    let ids: Vec<String> = [7, 80, 200].iter().map(|&at| crate::truth::id_of(&all[at])).collect();
    let line = format!("read audit_logs --since beginning --id {} --limit 2", ids.join(","));
    let lines = home.zenstream(&line).at(&account).run().well().lines();
    assert_eq!(lines, [all[7].clone(), all[80].clone()]);
    let line = line.replace(" --limit 2", "");
    assert_eq!(home.zenstream(&line).at(&account).run().well().lines().len(), 3);
    // A version of a record, as `verify` names what is missing.
    let ticket = account.records("tickets").swap_remove(3);
    let id = crate::truth::id_of(&ticket);
    assert!(id.contains('@'), "{id}");
    let read = home.zenstream("read tickets --since beginning --id").arg(&id).at(&account);
    assert_eq!(read.run().well().lines(), [ticket]);
}

#[test]
fn nothing_to_print_is_still_of_the_form_asked_for() {
    let _filters = filters();
    let (home, account) = (Home::new(), Account::small());
    let read = |format: &str| {
        let line = "read audit_logs --since 1h --format";
        home.zenstream(line).arg(format).at(&account).run()
    };
    insta::assert_snapshot!(read("ndjson"), @"exit code 0");
    insta::assert_snapshot!(read("json"), @"
    exit code 0
    --- stdout
    []
    ");
    insta::assert_snapshot!(read("csv"), @"
    exit code 0
    --- stdout
    created_at,actor_name,action,source_type,source_label,change_description,ip_address
    ");
    insta::assert_snapshot!(read("table"), @"exit code 0");
}

#[test]
fn a_reader_that_goes_is_success_and_nothing_to_tell() {
    let (home, account) = (Home::new(), Account::new("--audit-logs 5000 --rate-limit 0"));
    for line in [
        "read audit_logs --since beginning",
        "read audit_logs --since beginning --format csv",
        "read audit_logs --since beginning --format json",
        "read audit_logs --since beginning --follow",
    ] {
        let (first, ended) = home.zenstream(line).at(&account).read_one_line();
        assert!(!first.is_empty(), "{line}");
        assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""), "{line}");
    }
}

#[test]
fn a_stream_that_is_refused_fails_the_command_but_not_the_others() {
    let _filters = filters();
    let home = Home::new();
    let account = Account::new("--without-enterprise --tickets 3 --rate-limit 0");
    let line = "read audit_logs,tickets --since beginning --fields id";
    insta::assert_snapshot!(home.zenstream(line).at(&account).run(), @r#"
    exit code 1
    --- stdout
    {"id":4048}
    {"id":4045}
    {"id":4051}
    --- stderr
    error: stream `audit_logs`: zendesk answered: Forbidden: You do not have access to this page. Please contact the account owner of this help desk for further help. (403)
    hint: the plan, the role or the scope does not allow it; this needs the Enterprise plan, the role `admin` and the scope `auditlogs:read` or `read`
    "#);
    let wrong = home.zenstream("read tickets").at(&account).env("ZENDESK_BEARER_TOKEN", "wrong");
    insta::assert_snapshot!(wrong.run(), @"
    exit code 1
    --- stderr
    error: stream `tickets`: zendesk answered: invalid_token: The access token provided is expired, revoked, malformed or invalid for other reasons. (401)
    hint: the access token is expired, revoked or of another account: make a new one
    ");
}

#[test]
fn a_user_is_shown_with_what_they_did() {
    let _filters = filters();
    let (home, account) = (Home::new(), Account::small());
    // The second record's actor; the first one's is gone for good.
    let record: Value = serde_json::from_str(&account.records("audit_logs")[1]).expect("a record");
    let id = &record["actor_id"];
    let user = |options: &str| {
        home.zenstream(&format!("user {id} --activities 3 {options}")).at(&account).run()
    };
    let shown = user("").well().stdout;
    let (profile, activities) = shown.split_once("\n\n").expect("a profile and activities");
    assert_eq!(activities.lines().count(), 5, "{activities}");
    assert!(activities.starts_with("Last activities (3):\nCREATED_AT "), "{activities}");
    insta::assert_snapshot!(profile, @"
    id                       35184372104181
    name                     Θεοδώρα Παπαδοπούλου 5
    email                    user113@example.com
    role                     admin
    active                   true
    suspended                false
    created_at               2024-05-30T06:15:28+00:00
    updated_at               2024-05-30T06:15:28+00:00
    time_zone                Berlin
    locale                   en-US
    tags                     []
    ");
    let shown: Value = serde_json::from_str(&user("--format json").well().stdout).expect("JSON");
    assert_eq!(shown["user"]["id"], *id);
    let activities = shown["activities"].as_array().expect("a list");
    assert!(!activities.is_empty() && activities.iter().all(|one| one["actor_id"] == *id));
}

#[test]
fn a_user_who_was_deleted_for_good_is_shown_with_what_they_did() {
    let (home, account) = (Home::new(), Account::small());
    let record: Value = serde_json::from_str(&account.records("audit_logs")[0]).expect("a record");
    let id = &record["actor_id"];
    let user = |options: &str| {
        home.zenstream(&format!("user {id} --activities 3 {options}")).at(&account).run()
    };
    let shown = user("").well();
    assert!(shown.stdout.starts_with("Last activities ("), "{shown}");
    assert_eq!(
        shown.stderr,
        format!(
            "there is no profile of user {id}, who may have been deleted for good; the audit log has what they did\n"
        )
    );
    let whole: Value = serde_json::from_str(&user("--format json").well().stdout).expect("JSON");
    assert_eq!(whole["user"], Value::Null);
    let activities = whole["activities"].as_array().expect("a list");
    assert!(!activities.is_empty() && activities.iter().all(|one| one["actor_id"] == *id));
    let lines = user("--format ndjson").well().lines();
    assert_eq!(lines.len(), activities.len(), "no line of a profile");
    let unasked = home.zenstream(&format!("user {id} --activities 0")).at(&account).run();
    assert!(unasked.code == Some(1) && unasked.stderr.contains("RecordNotFound"), "{unasked}");
}

#[test]
fn a_user_that_there_is_not_is_told_so() {
    let _filters = filters();
    let (home, account) = (Home::new(), Account::small());
    insta::assert_snapshot!(home.zenstream("user 17").at(&account).run(), @"
    exit code 1
    --- stderr
    error: zendesk answered: RecordNotFound: Not found (404)
    hint: there is no user 17, or they were deleted for good
    ");
    insta::assert_snapshot!(home.zenstream("user mary").at(&account).run(), @"
    exit code 2
    --- stderr
    error: invalid value 'mary' for '<ID>': invalid digit found in string

    For more information, try '--help'.
    ");
}

#[test]
fn the_demo_brings_every_event_once_and_a_summary() {
    let _filters = filters();
    let ended = Home::new().zenstream("demo").run().well();
    let lines = ended.lines();
    assert_eq!(lines.len(), 420);
    let ids = lines.iter().map(|line| crate::truth::id_of(line));
    assert_eq!(ids.collect::<std::collections::HashSet<_>>().len(), 420);
    let summary = ended.stderr.find("demo: ").map(|start| &ended.stderr[start..]);
    // How many slices there are depends on when the count is known.
    let summary = summary.expect("a summary").replace("in 11 requests", "in 10 requests");
    insta::assert_snapshot!(summary.replace("in 10 requests", "in [n] requests"), @"
    demo: 420 events delivered (400 audit_logs, 20 tickets) in [n] requests, of which 5 failed on purpose; each event once, each line as the account sent it
    next: `zenstream read audit_logs` with your account, or `zenstream generate > zenstream.yaml`
    ");
}

#[test]
fn the_demo_ends_with_its_reader() {
    let (first, ended) = Home::new().zenstream("demo --audit-logs 20000").read_one_line();
    assert!(first.starts_with('{'), "{first}");
    assert_eq!(ended.code, Some(0), "{ended}");
}
