//! Transforms in the real binary: `test`, `validate` and a whole run.

use serde_json::Value;

use super::filters;
use crate::binary::{Account, Home};

const TESTED: &str = r#"
sources:
  acme:
    type: zendesk
    subdomain: ${NOT_SET}
transforms:
  logins:
    type: filter
    inputs: [acme.audit_logs]
    condition: .action == "login"
  ecs:
    type: remap
    inputs: [logins]
    drop_on_error: true
    reroute_dropped: true
    source: |
      .event.action = del(.action)
      .event.dataset = "zendesk." + string!(%zendesk.stream)
      .count = to_int!(.count)
tests:
  - name: a login is mapped
    inputs:
      - insert_at: logins
        type: log
        log_fields: { action: login, count: "3", actor.name: Ann }
    outputs:
      - extract_from: ecs
        conditions:
          - .event.action == "login" && .count == 3
          - type: vrl
            source: assert_eq!(.actor.name, "Ann")
  - name: others are left out
    inputs:
      - { insert_at: logins, type: raw, value: '{"action":"destroy"}' }
    no_outputs_from: [ecs, ecs.dropped]
  - name: what cannot be mapped is told
    inputs:
      - insert_at: ecs
        type: vrl
        source: |
          .count = "many"
          %zendesk.stream = "audit_logs"
    outputs:
      - extract_from: [ecs.dropped]
        expected_event_count: 1
        conditions: [.metadata.dropped.component_id == "ecs"]
"#;

#[test]
fn tests_of_transforms_need_neither_account_nor_sinks() {
    let _filters = filters();
    let home = Home::new();
    home.write("t.yaml", TESTED);
    insta::assert_snapshot!(home.zenstream("test t.yaml").run(), @"
    exit code 0
    --- stdout
    Running tests
    test a login is mapped ... passed
    test others are left out ... passed
    test what cannot be mapped is told ... passed
    ");
}

#[test]
fn a_test_that_fails_says_what_came_out_instead() {
    let _filters = filters();
    let home = Home::new();
    home.write("t.yaml", &TESTED.replace(".count == 3", ".count == 4"));
    home.write("more.yaml", "tests:\n  - name: more\n    inputs: [{ insert_at: logins, type: raw, value: hello }]\n    outputs: [{ extract_from: logins }]\n    no_outputs_from: [ecs]\n");
    insta::assert_snapshot!(home.zenstream("test t.yaml more.yaml").run(), @r#"
    exit code 1
    --- stdout
    Running tests
    test a login is mapped ... failed
    test others are left out ... passed
    test what cannot be mapped is told ... passed
    test more ... failed

    failures:

    test a login is mapped:

    check[0] for transforms ["ecs"] failed conditions:
      condition[0]: source execution resolved to false
    output payloads from ["ecs"] (events encoded as JSON):
      {"actor":{"name":"Ann"},"count":3,"event":{"action":"login","dataset":"zendesk.test"}}

    test more:

    check[0] for transforms ["logins"] failed: no events received; the transform dropped them, or its inputs do not reach it
    --- stderr
    error: 2 of 4 tests failed
    "#);
}

#[test]
fn a_test_that_cannot_be_built_is_a_mistake_in_the_config() {
    let _filters = filters();
    let home = Home::new();
    let wrong = TESTED
        .replace("insert_at: ecs", "insert_at: esc")
        .replace("no_outputs_from: [ecs,", "no_outputs_from: [ecs.drop,")
        .replace("- .event.action ==", "- .event.action +");
    home.write("t.yaml", &wrong);
    insta::assert_snapshot!(home.zenstream("test t.yaml").run(), @r#"
    exit code 78
    --- stderr
    error: cannot read config `t.yaml`: tests[0].outputs[0].conditions[0]: does not compile
    error[E100]: unhandled error
      ┌─ tests[0].outputs[0].conditions[0]:1:1
      │
    1 │ .event.action + "login" && .count == 3
      │ ^^^^^^^^^^^^^^^^^^^^^^^
      │ │
      │ expression can result in runtime error
      │ handle the error case to ensure runtime success
      │
      = see documentation about error handling at https://errors.vrl.dev/#handling
      = learn more about error code 100 at https://errors.vrl.dev/100
      = see language documentation at https://vrl.dev
      = try your code in the VRL REPL, learn more at https://vrl.dev/examples
    error: cannot read config `t.yaml`: tests[1].no_outputs_from[0]: no transform has the output `ecs.drop`
    hint: did you mean `ecs.dropped`?
    error: cannot read config `t.yaml`: tests[2].inputs[0].insert_at: no transform is named `esc`
    hint: did you mean `ecs`?
    "#);
}

#[test]
fn a_program_that_does_not_compile_keeps_every_command_from_starting() {
    let home = Home::new();
    home.write("t.vrl", ".a = 1\n.b = .a +\n");
    home.write(
        "c.yaml",
        "sources:\n  acme: { type: zendesk, subdomain: acme, auth: { strategy: bearer, token: t }, streams: [tickets] }\n\
         transforms:\n  t: { type: remap, inputs: [acme], file: t.vrl }\n\
         sinks:\n  out: { type: console, inputs: [t] }\n",
    );
    for command in ["validate c.yaml", "check -c c.yaml", "run -c c.yaml --once", "test c.yaml"] {
        let ended = home.zenstream(command).run();
        assert_eq!(ended.code, Some(78), "{command}: {}", ended.stderr);
        assert!(ended.stderr.contains("transforms.t.file: does not compile"), "{}", ended.stderr);
        assert!(ended.stderr.contains("t.vrl:"), "{}", ended.stderr);
    }
}

const RUN: &str = r#"
data_dir: state
sources:
  acme:
    type: zendesk
    endpoint: ${ZENDESK_BASE_URL}
    auth: { strategy: bearer, token: "${ZENDESK_BEARER_TOKEN}" }
    streams: [audit_logs, tickets]
    since: beginning
transforms:
  logins:
    type: filter
    inputs: [acme.audit_logs]
    condition: .action == "login"
  short:
    type: remap
    inputs: [acme.tickets]
    source: |
      . = {"id": .id, "generated_timestamp": .generated_timestamp, "from": %zendesk.stream}
sinks:
  a: { type: file, inputs: [logins], path: out/logins.ndjson }
  b: { type: file, inputs: [short], path: out/short.ndjson }
"#;

#[test]
fn a_run_delivers_what_transforms_make_and_says_what_they_did() {
    let _filters = filters();
    let (home, account) = (Home::new(), Account::small());
    home.write("c.yaml", RUN);
    for _ in 0..2 {
        home.zenstream("run -c c.yaml --once").at(&account).run().well();
    }
    let is_login =
        |line: &String| serde_json::from_str::<Value>(line).expect("a record")["action"] == "login";
    let logins: Vec<String> = account.records("audit_logs").into_iter().filter(is_login).collect();
    assert!(!logins.is_empty());
    assert_eq!(home.lines("out/logins.ndjson"), logins);
    let tickets = account.records("tickets");
    let short = home.lines("out/short.ndjson");
    assert_eq!(short.len(), tickets.len());
    for (short, ticket) in short.iter().zip(&tickets) {
        let ticket: Value = serde_json::from_str(ticket).expect("a record");
        let expected = format!(
            r#"{{"from":"tickets","generated_timestamp":{},"id":{}}}"#,
            ticket["generated_timestamp"], ticket["id"]
        );
        assert_eq!(*short, expected);
    }
}

const NAMED: &str = r#"
sources:
  acme: { type: zendesk, subdomain: acme }
transforms:
  who: { type: enrich_actors, inputs: [acme.audit_logs] }
tests:
  - name: users are those of the test
    users: [{ id: 7, name: Ann, email: ann@example.com, role: admin }]
    inputs:
      - { insert_at: who, value: '{"actor_id":7,"user_id":8}' }
    outputs:
      - extract_from: who
        conditions:
          - .zendesk_users.actor.email == "ann@example.com"
          - .zendesk_users.user.lookup == "not_found"
"#;

#[test]
fn a_test_names_the_users_that_there_are_and_nobody_is_asked() {
    let _filters = filters();
    let home = Home::new();
    home.write("t.yaml", NAMED);
    insta::assert_snapshot!(home.zenstream("test t.yaml").run(), @"
    exit code 0
    --- stdout
    Running tests
    test users are those of the test ... passed
    ");
}
