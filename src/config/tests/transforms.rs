//! Transforms: what loads, what takes what, and what each mistake is answered with.

use super::*;

/// A config with this transform between its source and its sink.
fn transform(body: &str) -> String {
    two(body, "")
}

/// The same with another transform, or whatever else stands in that section.
fn two(body: &str, more: &str) -> String {
    let text = with("", "").replace("inputs: [acme]", "inputs: ['*', 't*']");
    let body: String = body.lines().fold(String::new(), |text, line| text + "    " + line + "\n");
    format!("{text}transforms:\n  t:\n{body}{more}")
}

const REMAP: &str = "type: remap\ninputs: [acme.audit_logs]\n";

fn answered(body: &str) -> String {
    shown(yaml(&transform(body)))
}

#[test]
fn every_type_loads_and_its_outputs_can_be_taken() {
    let table = [
        ("type: remap\nsource: .a = 1", "t"),
        (
            "type: remap\nreroute_dropped: true\ntimezone: Europe/Berlin\nsource: .a = 1",
            "t t.dropped",
        ),
        ("type: remap\nschema: ecs", "t"),
        ("type: remap\nschema: splunk_cim\nreroute_dropped: true", "t t.dropped"),
        ("type: filter\ncondition: .a == 1", "t"),
        ("type: filter\ncondition: { type: vrl, source: .a == 1 }", "t"),
        ("type: route\nroute: { b: .a == 1, a: 'true' }", "t._unmatched t.a t.b"),
        ("type: route\nroute: { b: .a == 1 }\nreroute_unmatched: false", "t.b"),
        ("type: exclusive_route\nroutes: [{ name: x, condition: 'true' }]", "t._unmatched t.x"),
        ("type: sample\nrate: 10\nkey_field: a.b\ngroup_by: '{{ c }}'\nexclude: .a == 1", "t"),
        ("type: sample\nratio: 0.5\nsample_rate_key: ''", "t"),
        ("type: enrich_actors", "t"),
        (
            "type: enrich_actors\nfields: { a.b: x, user_id: user }\nadd: [name, active]\ntarget: who\ntimeout_secs: 0.5\ncache: { max_entries: 5, ttl_secs: 0, negative_ttl_secs: 1.5 }",
            "t",
        ),
        ("type: redact\nprofile: ticket_text", "t"),
        ("type: redact\nfields: [{ path: a.b, action: drop }]", "t"),
        (
            "type: redact\npatterns: [ip_address]\nwithin: [a]\naction: hash\nkey: 0123456789abcdef",
            "t",
        ),
        ("type: throttle\nthreshold: 5\nwindow_secs: 0.5\nkey_field: '{{ a }}'", "t"),
    ];
    for (body, outputs) in table {
        let text = transform(&format!("inputs: [acme]\n{body}"));
        let config = yaml(&text).unwrap_or_else(|error| panic!("{body}: {error}"));
        let taken = config.sinks[0].inputs.join(" ");
        assert_eq!(taken, format!("acme.audit_logs {outputs}"), "{body}");
        assert_eq!(config.transforms[0].inputs, ["acme.audit_logs"]);
        assert_eq!(config.warnings, []);
    }
}

#[test]
fn inputs_of_transforms_are_globs_and_never_mean_the_transform_itself() {
    let more = "  t2:\n    type: filter\n    inputs: [t, acme.rejected]\n    condition: 'true'\n";
    let config = yaml(&two("type: filter\ninputs: ['acme*', 't']\ncondition: 'true'", more));
    insta::assert_snapshot!(shown(config), @"
    transforms.t.inputs: takes what it makes: `t` in a circle
      hint: take one out of the `inputs` of another; a glob means transforms too
    ");
    let config = yaml(&two("type: filter\ninputs: ['acme*']\ncondition: 'true'", more)).unwrap();
    assert_eq!(config.transforms[0].inputs, ["acme.audit_logs"]);
    assert_eq!(config.transforms[1].inputs, ["acme.rejected", "t"]);
    let alone = yaml(&transform("type: filter\ninputs: ['*']\ncondition: 'true'")).unwrap();
    assert_eq!(alone.transforms[0].inputs, ["acme.audit_logs"]);
}

#[test]
fn a_circle_is_refused_and_named() {
    let more = "  u:\n    type: filter\n    inputs: [v]\n    condition: 'true'\n  \
                v:\n    type: filter\n    inputs: [t]\n    condition: 'true'\n";
    let body = "type: filter\ninputs: [acme, u]\ncondition: 'true'";
    insta::assert_snapshot!(shown(yaml(&two(body, more))), @"
    transforms.t.inputs: takes what it makes: `t`, `v` and `u` in a circle
      hint: take one out of the `inputs` of another; a glob means transforms too
    ");
}

#[test]
fn a_stream_that_reaches_a_sink_through_transforms_is_taken() {
    let text = transform(&format!("{REMAP}source: .a = 1")).replace("['*', 't*']", "[t]");
    assert_eq!(yaml(&text).unwrap().sinks[0].inputs, ["t"]);
    let loose = transform(&format!("{REMAP}source: .a = 1")).replace("['*', 't*']", "[acme]");
    let config = yaml(&loose).unwrap();
    insta::assert_snapshot!(config.warnings[0], @"config `c.yaml`: transforms.t: nobody takes `t`: its events are dropped");
    let lost = transform("type: filter\ninputs: [acme]\ncondition: 'true'")
        .replace("['*', 't*']", "[out2.rejected]")
        + "  # \n";
    let lost =
        lost.replace("sinks:\n", "sinks:\n  out2: { type: console, inputs: [acme.rejected] }\n");
    insta::assert_snapshot!(shown(yaml(&lost)), @"
    sources.acme.streams: no sink takes `acme.audit_logs`
      hint: add it to a sink's `inputs`, or leave it out of `streams`
    ");
}

#[test]
fn a_program_that_does_not_compile_is_shown_with_its_place() {
    insta::assert_snapshot!(answered(&format!("{REMAP}source: |\n  .a = 1\n  .b = upcas(.c)")), @r#"
    transforms.t.source: does not compile
    error[E105]: call to undefined function
      ┌─ transforms.t.source:2:6
      │
    2 │ .b = upcas(.c)
      │      ^^^^^
      │      │
      │      undefined function
      │      did you mean "upcase"?
      │
      = learn more about error code 105 at https://errors.vrl.dev/105
      = see language documentation at https://vrl.dev
      = try your code in the VRL REPL, learn more at https://vrl.dev/examples
    "#);
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("ecs.vrl");
    std::fs::write(&file, ".a = 1\n.b = parse_json(.c)\n").unwrap();
    let answer = answered(&format!("{REMAP}file: {}", file.display()));
    assert!(answer.contains("transforms.t.file: does not compile\nerror[E103]"), "{answer}");
    assert!(answer.contains("ecs.vrl:2:6"), "{answer}");
    std::fs::write(&file, ".a = 1\n").unwrap();
    assert_eq!(answered(&format!("{REMAP}file: {}", file.display())), "accepted");
}

#[test]
fn files_are_one_program_in_their_order() {
    let directory = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        std::fs::write(directory.path().join(name), text).unwrap();
        directory.path().join(name).display().to_string()
    };
    let (first, second) = (file("a.vrl", "x = 1"), file("b.vrl", ".b = x"));
    let of = |files: &str| answered(&format!("{REMAP}files: [{files}]"));
    assert_eq!(of(&format!("'{first}', '{second}'")), "accepted");
    let answer = of(&format!("'{second}', '{first}'"));
    assert!(answer.contains("transforms.t.files: does not compile\nerror[E701]"), "{answer}");
    assert!(answer.contains("b.vrl + "), "{answer}");
    assert!(of("absent.vrl").contains("transforms.t.files[0]: cannot read `absent.vrl`"));
    assert!(of("").contains("transforms.t: needs `source`, `file`, `files` or `schema`"));
}

#[test]
fn a_function_that_is_not_in_this_build_is_named_with_what_is_there_instead() {
    for (source, hint) in [
        (".id = sha2(string!(.id))", "VRL's `sha2` is not in this build; a `redact` transform"),
        (".n = upcas(.n)\n  .h = md5(\"a\")", "VRL's `md5` is not in this build"),
        (
            ".e = get_env_var!(\"HOME\")",
            "VRL's `get_env_var` is not in this build; write `${NAME}`",
        ),
        (
            ".e = get_hostname!()",
            "VRL's `get_hostname` is not in this build; a program sees nothing",
        ),
    ] {
        let answer = answered(&format!("{REMAP}source: |\n  {source}"));
        assert!(answer.contains(&format!("  hint: {hint}")), "{answer}");
    }
    let answer = answered(&format!("{REMAP}source: .a = upcas(.c)"));
    assert!(!answer.contains("hint:"), "{answer}");
}

#[test]
fn what_the_environment_put_into_a_program_is_not_shown() {
    let text = transform(&format!("{REMAP}source: '.a = upcas(\"${{TOP}}\")'"));
    let answer = shown(yaml_in(&text, &[("TOP", "s3cret")]));
    assert_eq!(answer, "transforms.t.source: does not compile\nerror[E105] in line 1\n");
}

#[test]
fn warnings_of_the_compiler_do_not_hold_up_a_run() {
    let config = yaml(&transform(&format!("{REMAP}source: |\n  upcase(\"a\")\n  .b = 1"))).unwrap();
    let warning = config.warnings[0].to_string();
    assert!(warning.contains("transforms.t.source: the compiler warns\nwarning["), "{warning}");
}

#[test]
fn each_mistake_is_answered_with_what_to_do() {
    insta::assert_snapshot!(answered("type: remp\ninputs: [acme]"), @"
    transforms.t.type: unknown type `remp`
      hint: did you mean `remap`?
    ");
    insta::assert_snapshot!(answered("type: lua\ninputs: [acme]"), @"
    transforms.t.type: `lua` is not available in this version
      hint: this version has `enrich_actors`, `exclusive_route`, `filter`, `redact`, `remap`, `route`, `sample` and `throttle`
    ");
    insta::assert_snapshot!(answered(REMAP), @r#"
    transforms.t: needs `source`, `file`, `files` or `schema`, and only one of them
      hint: `source: .field = "value"` is a program in place, `schema: ecs` a ready one
    "#);
    insta::assert_snapshot!(answered(&format!("{REMAP}schema: oscf")), @"
    transforms.t.schema: unknown schema `oscf`
      hint: did you mean `ocsf`?
    ");
    insta::assert_snapshot!(answered("type: remap\nsource: .a = 1"), @"transforms.t: missing field `inputs`");
    insta::assert_snapshot!(answered(&format!("{REMAP}source: .a = 1\ntimezone: Mars\ndrop_on_eror: true")), @"
    transforms.t: unknown field `drop_on_eror`
      hint: did you mean `drop_on_error`?
    ");
    insta::assert_snapshot!(answered(&format!("{REMAP}source: .a = 1\ntimezone: Mars")), @"
    transforms.t.timezone: no time zone is named `Mars`
      hint: write a name such as `Europe/Berlin`, or `local`
    ");
    insta::assert_snapshot!(answered("type: filter\ninputs: [acme]\ncondition: { type: is_log }"), @"
    transforms.t.condition.type: `is_log` is not available in this version
      hint: this version has `vrl`
    ");
    insta::assert_snapshot!(answered("type: filter\ninputs: [acme]\ncondition: .a"), @"
    transforms.t.condition: does not compile
    a condition is a boolean; this one is any
    ");
    insta::assert_snapshot!(answered("type: route\ninputs: [acme]\nroute: { _unmatched: 'true', a.b: 'true' }"), @"
    transforms.t.route._unmatched: `_unmatched` is reserved
      hint: take another name
    transforms.t.route.a.b: `a.b` is not a name for a route
      hint: a name has letters, digits, `_` and `-`
    ");
    insta::assert_snapshot!(answered("type: route\ninputs: [acme]\nroute: {}"), @"
    transforms.t.route: is empty
      hint: name a route and its condition
    ");
    insta::assert_snapshot!(answered("type: exclusive_route\ninputs: [acme]\nroutes: [{ name: a, condition: 'true' }, { name: a, condition: 'true' }]"), @"transforms.t.routes[1].name: a route before it is named `a` too");
    insta::assert_snapshot!(answered("type: sample\ninputs: [acme]\nratio: 1.5"), @"transforms.t.ratio: must be above 0 and up to 1");
    insta::assert_snapshot!(answered("type: sample\ninputs: [acme]\nrate: 1\nratio: 0.5"), @"
    transforms.t: needs `rate` or `ratio`, and only one of them
      hint: `rate: 10` keeps one event in ten, `ratio: 0.1` a tenth
    ");
    insta::assert_snapshot!(answered("type: throttle\ninputs: [acme]\nthreshold: 0\nwindow_secs: 0"), @"
    transforms.t.threshold: must be more than 0
    transforms.t.window_secs: must be more than 0
    ");
    insta::assert_snapshot!(answered("type: throttle\ninputs: [acme]\nthreshold: 1\nwindow_secs: 1\nkey_field: '{{ a'"), @"
    transforms.t.key_field: a `{{` has no `}}`
      hint: fields are written `{{ actor_name }}`
    ");
    insta::assert_snapshot!(answered("type: filter\ninputs: [acme.tickets]\ncondition: 'true'"), @"
    transforms.t.inputs[0]: no output matches `acme.tickets`
      hint: the outputs are `acme.audit_logs`, `acme.rejected`, `t` and `acme`
    ");
}

#[test]
fn mistakes_in_redact_are_answered_with_what_to_do() {
    insta::assert_snapshot!(answered("type: redact\ninputs: [acme]"), @"
    transforms.t: takes nothing out
      hint: set `profile: ticket_text`, `patterns` or `fields`
    ");
    insta::assert_snapshot!(answered("type: redact\ninputs: [acme]\nprofile: ticket_text\naction: hash"), @"
    transforms.t: a hash needs a `key`: without one anybody could make it
      hint: for example `key: SECRET[backend.redact]`, 32 random characters or more
    ");
    insta::assert_snapshot!(answered("type: redact\ninputs: [acme]\npatterns: [ip_address]\naction: hash\nkey: 0123456789abcde"), @"
    transforms.t.key: is shorter than 16 bytes, so it can be found by trying
      hint: for example `key: SECRET[backend.redact]`, 32 random characters or more
    ");
    insta::assert_snapshot!(answered("type: redact\ninputs: [acme]\npatterns: []"), @"
    transforms.t.patterns: is empty, so nothing would be found
      hint: name some, or leave `patterns` out
    ");
    insta::assert_snapshot!(answered("type: redact\ninputs: [acme]\npatterns: [ip_address]\nwithin: []"), @"
    transforms.t.within: is empty, so nothing would be found
      hint: name some, or leave `within` out
    ");
    insta::assert_snapshot!(answered("type: redact\ninputs: [acme]\npatterns: [cards]\nwithin: [a]"), @"
    transforms.t.patterns[0]: unknown patterns `cards`
      hint: this version has `card_number`, `email_address`, `ip_address` and `phone_number`
    ");
    insta::assert_snapshot!(answered("type: redact\ninputs: [acme]\nprofile: ticket_text\nwithin: ['a[']"), @"
    transforms.t.within[0]: `a[` is not the path of a field
      hint: for example `via.source.from` or `comments[*].body`
    ");
}

#[test]
fn a_copy_of_a_config_for_another_account_has_transactions_of_its_own() {
    let text = |account: &str| {
        transform(&format!("{REMAP}source: .a = 1"))
            .replace("subdomain: acme", &format!("subdomain: {account}"))
            .replace("type: console\n    inputs: ['*', 't*']", "type: kafka\n    inputs: [t]\n    bootstrap_servers: k:9092\n    topic: z\n    encoding: { codec: json }")
    };
    let id = |account: &str| match &yaml(&text(account)).unwrap().sinks[0].kind {
        SinkKind::Kafka(settings) => settings.transactional_id.clone(),
        other => panic!("{other:?}"),
    };
    assert_ne!(id("acme"), id("other"));
    assert_eq!(id("acme"), id("acme"));
}

#[test]
fn tests_may_stand_in_a_config_and_are_read_as_far_as_their_options() {
    let tests = "tests:\n  - name: a\n    inputs: [{ insert_at: t, type: raw, value: x }]\n";
    let good = transform(&format!("{REMAP}source: .a = 1")) + tests;
    assert_eq!(shown(yaml(&good)), "accepted");
    insta::assert_snapshot!(shown(yaml(&good.replace("    inputs: [{", "    input: [{"))), @"
    tests[0]: `input` is not available in this version
      hint: use `inputs`, a list
    ");
}

#[test]
fn what_enrich_actors_cannot_follow_is_refused() {
    let answer =
        |more: &str| answered(&format!("type: enrich_actors\ninputs: [acme.audit_logs]\n{more}"));
    insta::assert_snapshot!(answer("fields: { actor_id: a b, '%zendesk.id': x, user_id: x }\ntimeout_secs: 0\ncache: { max_entries: 0 }"), @"
    transforms.t.fields.%zendesk.id: `%zendesk.id` is not a field of a record
    transforms.t.fields.%zendesk.id: `x` is the name of another field's users too
    transforms.t.fields.actor_id: `a b` is not a name for a key
      hint: a name has letters, digits and `_`
    transforms.t.fields.user_id: `x` is the name of another field's users too
    transforms.t.timeout_secs: must be more than 0
    transforms.t.cache.max_entries: must be more than 0
    ");
    insta::assert_snapshot!(answer("add: [name, emial]\nfields: {}\ntarget: a.b"), @"
    transforms.t.fields: is empty
      hint: for example `actor_id: actor`: the field, and a name for who it is
    transforms.t.add[1]: a user has no `emial`
      hint: did you mean `email`?
    transforms.t.target: `a.b` is not a name for a key
      hint: a name has letters, digits and `_`
    ");
}
