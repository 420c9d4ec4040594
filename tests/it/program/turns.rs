//! Two processes on one checkpoint file: one runs, the other waits for its turn.

use std::time::Duration;

use serde_json::Value;

use super::CONFIG;
use crate::binary::{self, Account, Home, Running};

const TURNS: &str = "
checkpoint: { type: file, lease: { enabled: true } }
api: { enabled: true, address: 127.0.0.1:0 }
";

fn start(home: &Home, account: &Account, awaited: &str) -> (Running, String) {
    let mut running = home.zenstream("run -c zenstream.yaml").at(account).start();
    running.wait_until(awaited, |it| it.stderr().contains(awaited));
    let log = running.stderr();
    let (_, rest) = log.split_once("the api listens address=").expect("it says where");
    let address = rest.split_whitespace().next().expect("an address").to_owned();
    (running, address)
}

fn status(address: &str) -> Value {
    serde_json::from_str(&binary::get(address, "/status").body).expect("JSON")
}

fn leads(address: &str) -> String {
    let text = binary::get(address, "/metrics").body;
    let line = text.lines().find_map(|line| line.strip_prefix("zenstream_leader "));
    line.expect("a gauge").to_owned()
}

#[test]
fn a_second_process_stands_by_and_goes_on_when_the_first_ends() {
    let (home, account) = (Home::new(), Account::small());
    home.write("zenstream.yaml", &format!("{CONFIG}{TURNS}"));
    let (first, its_address) = start(&home, &account, "leader: ");
    let (mut second, address) = start(&home, &account, "standing by");
    let holder = format!("process {}", first.id());
    assert!(second.stderr().contains(&holder), "{}", second.stderr());

    let health = binary::get(&address, "/health");
    assert_eq!((health.status, health.body.as_str()), (200, r#"{"ok":true}"#));
    let standby = status(&address);
    assert_eq!(
        (&standby["state"], &standby["lease"]["role"]),
        (&"standby".into(), &"standby".into())
    );
    assert_eq!(standby["lease"]["held_by"], holder, "a name, not a sentence");
    assert!(standby["lease"]["since"].is_string(), "{standby}");
    assert_eq!(standby["streams"], Value::Array(Vec::new()), "it reads none");
    assert_eq!((leads(&its_address), leads(&address)), ("1".to_owned(), "0".to_owned()));
    assert_eq!(status(&its_address)["lease"]["role"], "leader");

    let once = home.zenstream("run -c zenstream.yaml --once").at(&account).run().well();
    assert!(once.stderr.contains("another zenstream is at work: nothing to do"), "{once}");

    first.signal("TERM");
    first.end_within(Duration::from_secs(20)).well();
    second.wait_until("its turn", |it| it.stderr().contains("leader: "));
    let whole = account.records("tickets").len();
    second.wait_until("all tickets", |_| home.lines("out/tickets.ndjson").len() == whole);
    assert_eq!(
        (status(&address)["state"].clone(), leads(&address)),
        ("running".into(), "1".into())
    );
    second.signal("TERM");
    second.end().well();
    assert_eq!(home.lines("out/tickets.ndjson").len(), whole);
}
