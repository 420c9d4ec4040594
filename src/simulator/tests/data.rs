//! The records themselves.

use super::*;

#[test]
fn same_seed_same_answers() {
    let ask = |seed| {
        let mut account = Account::new(Settings { seed, ..free() });
        let paths = [
            "/api/v2/audit_logs?page[size]=100",
            "/api/v2/incremental/tickets/cursor?start_time=0",
            "/api/v2/users/me",
        ];
        paths.map(|path| (account.get(path).body, account.get(path).headers))
    };
    assert_eq!(ask(7), ask(7));
    assert_ne!(ask(7), ask(8));
}

#[test]
fn pages_hold_the_records_byte_by_byte() {
    let mut account = Account::new(Settings { audit_logs: 100, tickets: 100, ..free() });
    let logs = account.get("/api/v2/audit_logs?page[size]=100&sort=created_at").body;
    let tickets = account.get("/api/v2/incremental/tickets/cursor?start_time=0").body;
    for (stream, page) in [("audit_logs", logs), ("tickets", tickets)] {
        let lines: Vec<_> = account.simulator.records(stream, account.now).collect();
        let list = [b"\"", stream.as_bytes(), b"\":[", &lines.join(&b","[..]), b"]"].concat();
        assert!(memchr::memmem::find(&page, &list).is_some(), "{stream}");
    }
}

#[test]
fn every_record_is_one_line_of_json() {
    let account = Account::new(Settings { audit_logs: 3_000, tickets: 500, ..free() });
    for stream in ["audit_logs", "tickets"] {
        for line in account.simulator.records(stream, account.now) {
            assert!(!line.contains(&b'\n'));
            let value: Value = serde_json::from_slice(&line).unwrap();
            assert!(value["id"].is_u64());
        }
    }
}

#[test]
fn records_have_realistic_sizes() {
    let account = Account::new(Settings { audit_logs: 2_000, tickets: 500, ..free() });
    let mean = |stream| {
        let sizes: Vec<_> =
            account.simulator.records(stream, account.now).map(|line| line.len()).collect();
        sizes.iter().sum::<usize>() / sizes.len()
    };
    let (log, ticket) = (mean("audit_logs"), mean("tickets"));
    assert!((350..=520).contains(&log), "{log}");
    assert!((3_800..=5_200).contains(&ticket), "{ticket}");
}

#[test]
fn records_have_what_clients_trip_over() {
    let account = Account::new(Settings { audit_logs: 3_000, ..free() });
    let mut all = Vec::new();
    for stream in ["audit_logs", "tickets"] {
        for line in account.simulator.records(stream, account.now) {
            all.extend_from_slice(&line);
        }
    }
    for part in [
        "山田",
        "🚀",
        "\\ud83d\\ude00".replace("de00", "de80").as_str(),
        "\\u00e9",
        "\\/",
        "\\\"",
        "\\\\",
        "\\n",
        "\\t",
        "\"change_description\":\"\"",
        "\"actor_name\":null",
        "\"ip_address\":null",
        "\"actor_id\":-1",
        "\"zz_new_field\"",
        "1.50",
        "1e3",
        "-12345678901234567890.125",
        "quantum/flux_rule",
        "soft_destroy",
        "محمد",
    ] {
        assert!(memchr::memmem::find(&all, part.as_bytes()).is_some(), "{part}");
    }
}

#[test]
fn members_come_in_more_than_one_order() {
    let account = Account::new(free());
    let orders: std::collections::BTreeSet<_> = account
        .truth("audit_logs")
        .iter()
        .map(|log| log.as_object().unwrap().keys().cloned().collect::<Vec<_>>())
        .collect();
    assert!(orders.len() > 4);
}

#[test]
fn fields_repeat_custom_fields() {
    let account = Account::new(free());
    for ticket in account.truth("tickets") {
        assert_eq!(ticket["fields"], ticket["custom_fields"]);
    }
}

#[test]
fn indented_pages_say_the_same() {
    let ask = |pretty| {
        let mut account = Account::new(Settings { pretty, ..free() });
        let paths = [
            "/api/v2/audit_logs?page[size]=100",
            "/api/v2/incremental/tickets/cursor?start_time=0",
        ];
        paths.map(|path| account.get(path).body)
    };
    for (compact, pretty) in ask(false).into_iter().zip(ask(true)) {
        assert!(pretty.contains(&b'\n'));
        let value: Value = serde_json::from_slice(&compact).unwrap();
        assert_eq!(serde_json::from_slice::<Value>(&pretty).unwrap(), value);
    }
}

#[test]
fn intruders_stand_between_the_records_of_a_page() {
    let settings = Settings {
        malformed_every: Some(5),
        oversized_every: Some(40),
        oversized_bytes: 10_000,
        audit_logs: 100,
        ..free()
    };
    let mut account = Account::new(settings);
    let page = account.page("/api/v2/audit_logs?page[size]=100&sort=created_at");
    let places = page["audit_logs"].as_array().unwrap();
    assert_eq!(places.len(), 100 + 20 + 2);
    let truth = account.truth("audit_logs");
    let records: Vec<_> = places.iter().filter(|place| truth.contains(place)).collect();
    assert_eq!(records.len(), 100);
    assert!(places.contains(&Value::Null) && places.contains(&17.into()));
    assert_eq!(places.iter().filter(|one| one.to_string().len() > 10_000).count(), 2);
}

#[test]
fn bodies_come_as_gzip_to_those_who_take_it() {
    use std::io::Read as _;
    let mut account = Account::new(free());
    let request = http::Request::get("https://acme.zendesk.com/api/v2/audit_logs?page[size]=100")
        .header("authorization", "Bearer good")
        .header("accept-encoding", "gzip, br")
        .body(Bytes::new())
        .unwrap();
    for _ in 0..2 {
        let answer = account.simulator.handle(account.now, &request);
        assert_eq!(header(&answer, "content-encoding"), Some("gzip"));
        let gzip = answer.gzip.unwrap();
        let mut plain = Vec::new();
        flate2::read::GzDecoder::new(&gzip[..]).read_to_end(&mut plain).unwrap();
        assert_eq!(plain, answer.body);
    }
    assert!(account.get("/api/v2/audit_logs?page[size]=100").gzip.is_none());
}

#[test]
fn a_kept_page_is_the_same_bytes_again() {
    let mut account = Account::new(free());
    let one = account.get("/api/v2/audit_logs?page[size]=100").body;
    let two = account.get("/api/v2/audit_logs?page[size]=100").body;
    assert_eq!(one.as_ptr(), two.as_ptr(), "not rendered again");
}

#[test]
fn the_ground_truth_is_served_without_credentials_or_count() {
    let mut account = Account::new(free());
    account.authorization = None;
    let body = account.get("/_simulator/records/audit_logs?offset=10&limit=5").body;
    let lines: Vec<_> = body.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).collect();
    let truth: Vec<_> = account.simulator.records("audit_logs", account.now).collect();
    assert_eq!(lines, truth[10..15]);
    let stats = account.page("/_simulator/stats");
    assert_eq!(stats["requests"], 0);
}
