//! Help, the catalogue, configs, generators: what needs no account.

use serde_json::Value;

use super::{CONFIG, filters};
use crate::binary::Home;

#[test]
fn help_names_every_command_and_the_exit_codes() {
    let _filters = filters();
    insta::assert_snapshot!(Home::new().zenstream("--help").run(), @"
    exit code 0
    --- stdout
    Reads a Zendesk account as streams of events and delivers every event once

    Usage: zenstream [OPTIONS] <COMMAND>

    Commands:
      run         Run a config: collect its sources into its sinks
      lambda      Run a config as an AWS Lambda function: one invocation, one `run --once`
      read        Print records of one account, no config needed
      user        Print a user's profile and last activities in the audit log
      streams     List what can be read
      check       Sign in and probe every stream and sink: what works, and what to grant
      checkpoint  Show where each stream stands, or put it elsewhere
      login       Sign in through the browser, and keep the tokens for the other commands
      verify      Prove that a destination holds every event of a period once and unchanged
      validate    Check config files without connecting to anything
      test        Run the tests that config files have for their transforms
      generate    Print a config skeleton, such as `zendesk//console,file`, or a schema's program
      schema      Print the config's JSON Schema, for editors
      completion  Print the completion script of a shell
      simulate    Serve a pretend Zendesk on a port
      demo        Collect from a pretend Zendesk to stdout: no account, no file, no service
      help        Print this message or the help of the given subcommand(s)

    Options:
      -h, --help     Print help
      -V, --version  Print version

    Messages:
      -v, --verbose...           Say more on stderr (-v, -vv, -vvv)
      -q, --quiet...             Say less on stderr: -q warnings, -qq errors only
          --log-format <FORMAT>  The form of messages on stderr [env: ZENSTREAM_LOG_FORMAT=] [default:
                                 text] [possible values: text, json]
          --log <DIRECTIVES>     Which messages to show, as tracing directives,
                                 `zenstream::pipeline=trace` [env: ZENSTREAM_LOG]
          --color <WHEN>         When to use colour [default: auto] [possible values: auto, always,
                                 never]

    Exit codes: 0 done, 1 the run failed, 2 wrong usage, 78 wrong config.

    Try it without an account:  zenstream demo | head -3
    ");
}

#[test]
fn help_of_run_says_how_it_ends() {
    let _filters = filters();
    insta::assert_snapshot!(Home::new().zenstream("run --help").run(), @"
    exit code 0
    --- stdout
    Run a config: collect its sources into its sinks

    Usage: zenstream run [OPTIONS] --config <FILE>...

    Options:
      -c, --config <FILE>...            Config files, merged; YAML, TOML or JSON by their ending [env:
                                        ZENSTREAM_CONFIG=]
          --once                        Read every stream to its present end, write everything out,
                                        save, and exit
          --max-pages <N>               Take at most this many pages of each stream, then exit; instead
                                        of the config's `max_pages`
          --shutdown-timeout <SECONDS>  How long a stopped run may take to write out what it holds, in
                                        seconds [default: 60]
      -h, --help                        Print help

    Messages:
      -v, --verbose...           Say more on stderr (-v, -vv, -vvv)
      -q, --quiet...             Say less on stderr: -q warnings, -qq errors only
          --log-format <FORMAT>  The form of messages on stderr [env: ZENSTREAM_LOG_FORMAT=] [default:
                                 text] [possible values: text, json]
          --log <DIRECTIVES>     Which messages to show, as tracing directives,
                                 `zenstream::pipeline=trace` [env: ZENSTREAM_LOG]
          --color <WHEN>         When to use colour [default: auto] [possible values: auto, always,
                                 never]

    Examples:
      zenstream run -c zenstream.yaml            until SIGTERM or SIGINT; a second one stops at once
      zenstream run -c zenstream.yaml --once     for cron, Lambda, Cloud Run
    ");
}

#[test]
fn what_is_not_an_option_is_wrong_usage() {
    let _filters = filters();
    insta::assert_snapshot!(Home::new().zenstream("read audit_logs --sinc 7d").run(), @"
    exit code 2
    --- stderr
    error: unexpected argument '--sinc' found

      tip: a similar argument exists: '--since'

    Usage: zenstream read --since <WHEN> <STREAM>...

    For more information, try '--help'.
    ");
    insta::assert_snapshot!(Home::new().zenstream("raed").run(), @"
    exit code 2
    --- stderr
    error: unrecognized subcommand 'raed'

      tip: a similar subcommand exists: 'read'

    Usage: zenstream [OPTIONS] <COMMAND>

    For more information, try '--help'.
    ");
    insta::assert_snapshot!(Home::new().zenstream("run").run(), @"
    exit code 2
    --- stderr
    error: the following required arguments were not provided:
      --config <FILE>...

      tip: `zenstream generate > zenstream.yaml` makes a config to begin with, which ZENSTREAM_CONFIG may name, too; `zenstream read` and `zenstream demo` need none

    Usage: zenstream run --config <FILE>...

    For more information, try '--help'.
    ");
    insta::assert_snapshot!(Home::new().zenstream("--log zenstream=loud streams").run(), @r#"
    exit code 2
    --- stderr
    error: cannot read the log filter `zenstream=loud`: error parsing level filter: expected one of "off", "error", "warn", "info", "debug", "trace", or a number 0-5
    hint: for example `info` or `warn,zenstream::sinks=debug`
    "#);
}

#[test]
fn the_catalogue_says_what_each_stream_needs() {
    let ended = Home::new().zenstream("streams").run().well();
    let lines: Vec<&str> = ended.stdout.lines().collect();
    let words =
        |line: &str| line.split("  ").map(str::trim).filter(|cell| !cell.is_empty()).count();
    assert!(lines[0].starts_with("NAME"), "{}", lines[0]);
    assert!(lines.iter().all(|line| words(line) == 7), "a cell is missing");
    for (name, cells) in [
        (
            "audit_logs",
            ["/api/v2/audit_logs", "cursor, time window", "Enterprise", "auditlogs:read"],
        ),
        (
            "tickets",
            ["/api/v2/incremental/tickets/cursor", "incremental cursor", "any", "tickets:read"],
        ),
        ("groups", ["/api/v2/groups", "cursor, whole list", "any", "read"]),
    ] {
        let line = lines.iter().find(|line| line.split(' ').next() == Some(name));
        let line = line.unwrap_or_else(|| panic!("there is no {name}"));
        assert!(cells.iter().all(|cell| line.contains(cell)), "{line}");
    }
    let ended = Home::new().zenstream("streams --format json").run().well();
    let rows: Vec<Value> = serde_json::from_str(&ended.stdout).expect("a list");
    assert_eq!(rows.len() + 1, lines.len());
    for row in rows {
        for member in ["name", "endpoint", "paging", "plan", "role", "scope", "id", "docs"] {
            assert!(row[member].is_string(), "{member} of {row}");
        }
    }
}

#[test]
fn a_config_can_be_checked_without_a_network() {
    let _filters = filters();
    let home = Home::new();
    home.write("zenstream.yaml", CONFIG);
    let program = || home.zenstream("validate zenstream.yaml").env("ZENDESK_BEARER_TOKEN", "x");
    insta::assert_snapshot!(program().env("ZENDESK_BASE_URL", "http://127.0.0.1:1").run(), @"
    exit code 0
    --- stdout
    valid: 1 source(s), 2 stream(s), 1 sink(s); nothing was connected to
    ");
    insta::assert_snapshot!(program().run(), @"
    exit code 78
    --- stderr
    error: cannot read config `zenstream.yaml`: sources.acme.endpoint: the environment variable `ZENDESK_BASE_URL` is not set
    hint: set it, or give it a default: `${NAME:-default}`
    ");
}

#[test]
fn a_config_is_found_by_the_environment_too() {
    let _filters = filters();
    let home = Home::new();
    home.write("zenstream.yaml", CONFIG);
    for command in ["validate", "run --once"] {
        let program = home.zenstream(command).env("ZENSTREAM_CONFIG", "zenstream.yaml");
        let ended = program.run();
        assert_eq!(ended.code, Some(78), "{ended}");
        assert!(ended.stderr.contains("ZENDESK_BASE_URL"), "{ended}");
    }
}

#[test]
fn every_mistake_of_a_config_is_told_with_its_place_and_a_hint() {
    let _filters = filters();
    let home = Home::new();
    home.write(
        "bad.yaml",
        r"
sources:
  acme:
    type: zendesk
    subdomain: acme
    auth: { strategy: beerer, token: x }
    streams: [audit_log]
    since: yesterday
    rate_limit: { share: 2 }
sinks:
  out:
    type: console
    inputs: [acne]
    encodin: { codec: json }
  archive:
    type: aws_s3
    inputs: [acme]
",
    );
    insta::assert_snapshot!(home.zenstream("validate bad.yaml").run(), @"
    exit code 78
    --- stderr
    error: cannot read config `bad.yaml`: sources.acme.auth.strategy: unknown strategy `beerer`
    hint: did you mean `bearer`?
    error: cannot read config `bad.yaml`: sources.acme.rate_limit.share: expected more than 0 and up to 1, found `2`
    error: cannot read config `bad.yaml`: sources.acme.streams[0]: no stream is named `audit_log`
    hint: did you mean `audit_logs`?
    error: cannot read config `bad.yaml`: sources.acme.since: `yesterday` is not a duration back (`24h`, `7d`, `1w2d`), a time (`2024-05-01T00:00:00Z`), a date (`2024-05-01`) or `beginning`
    error: cannot read config `bad.yaml`: sinks.archive: missing field `bucket`
    error: cannot read config `bad.yaml`: sinks.out: unknown field `encodin`
    hint: did you mean `encoding`?
    ");
    let validated = home.zenstream("validate bad.yaml").run();
    for command in ["run -c bad.yaml", "check -c bad.yaml"] {
        assert_eq!(home.zenstream(command).run().to_string(), validated.to_string());
    }
}

#[test]
fn a_config_that_cannot_be_read_is_named() {
    let _filters = filters();
    let home = Home::new();
    home.write("broken.yaml", "sources:\n  acme: [\n");
    home.write("config.txt", "");
    let line = "run -c missing.yaml,broken.yaml,config.txt";
    insta::assert_snapshot!(home.zenstream(line).run(), @"
    exit code 78
    --- stderr
    error: cannot read config `missing.yaml`: No such file or directory (os error 2)
    hint: `zenstream generate` prints one to begin with
    error: cannot read config `config.txt`: the file's name does not tell its format
    hint: a config is named *.yaml, *.yml, *.toml or *.json
    error: cannot read config `broken.yaml`: unclosed bracket '[' at line 2, column 9
    ");
}

#[test]
fn what_is_generated_is_valid() {
    let home = Home::new();
    for expression in ["zendesk//console", "acme:zendesk//out:console,archive:file"] {
        let generated = home.zenstream("generate").arg(expression).run().well();
        home.write("generated.yaml", &generated.stdout);
        let mut program = home.zenstream("validate generated.yaml");
        for (name, value) in [
            ("ZENDESK_SUBDOMAIN", "acme"),
            ("ZENDESK_CLIENT_ID", "zenstream"),
            ("ZENDESK_CLIENT_SECRET", "secret"),
        ] {
            program = program.env(name, value);
        }
        program.run().well();
    }
    let token = |line: &str| {
        let program = home.zenstream(line).env("ZENDESK_BASE_URL", "http://127.0.0.1:1");
        program.env("ZENDESK_BEARER_TOKEN", "any").run().well()
    };
    home.write("generated.yaml", &token("generate").stdout);
    token("validate generated.yaml");
    let _filters = filters();
    insta::assert_snapshot!(home.zenstream("generate --auth bearer").run(), @r#"
    exit code 0
    --- stdout
    # Where state is kept: positions, rejected records. Default: ~/.local/state/zenstream
    # data_dir: /var/lib/zenstream

    sources:
      zendesk:
        type: zendesk
        # `acme`, if the account is at acme.zendesk.com.
        subdomain: ${ZENDESK_SUBDOMAIN}
        auth:
          # Or `oauth_client_credentials` with `client_id` and `client_secret`, which makes new tokens by itself.
          strategy: bearer
          token: ${ZENDESK_BEARER_TOKEN}
        # Names or globs; `zenstream streams` lists them.
        streams: [audit_logs]
        # Where a stream starts that was never read: a duration back, a time, or `beginning`.
        since: 24h
        poll_interval_secs: 60

    sinks:
      console:
        inputs: ["zendesk.*"]
        type: console
        target: stdout
        encoding:
          codec: json
    "#);
    insta::assert_snapshot!(home.zenstream("generate --auth oauth").run(), @"
    exit code 2
    --- stderr
    error: invalid value 'oauth' for '--auth <STRATEGY>'
      [possible values: oauth_client_credentials, bearer, api_token, oauth_refresh_token]

      tip: a similar value exists: 'oauth_refresh_token'

    For more information, try '--help'.
    ");
    insta::assert_snapshot!(home.zenstream("generate zendesk//consol").run(), @"
    exit code 2
    --- stderr
    error: unknown sink `consol`
    hint: did you mean `console`?
    ");
}

#[test]
fn a_schemas_program_is_printed_and_runs_as_a_file() {
    let _filters = filters();
    let home = Home::new();
    insta::assert_snapshot!(home.zenstream("generate vrl").run(), @"
    exit code 0
    --- stdout
    SCHEMA      IS
    ecs         Elastic Common Schema 9.4
    ocsf        Open Cybersecurity Schema Framework 1.5.0
    udm         Unified Data Model of Google SecOps
    splunk_cim  Common Information Model of Splunk: Change, Authentication, Web
    ");
    insta::assert_snapshot!(home.zenstream("generate vrl oscf").run(), @"
    exit code 2
    --- stderr
    error: invalid value 'oscf' for '[SCHEMA]'
      [possible values: ecs, ocsf, udm, splunk_cim]

      tip: a similar value exists: 'ocsf'

    For more information, try '--help'.
    ");
    for schema in ["ecs", "ocsf", "udm", "splunk_cim"] {
        let program = home.zenstream("generate vrl").arg(schema).run().well();
        home.write("program.vrl", &program.stdout);
        let test = |how: &str| {
            format!(
                "transforms: {{ s: {{ type: remap, inputs: [a.b], {how} }} }}\ntests:\n  - name: t\n    inputs: [{{ \
                 insert_at: s, type: log, log_fields: {{ action: login, source_type: user, id: 7 }} }}]\n    outputs: \
                 [{{ extract_from: s, conditions: ['contains(encode_json(.), \"login\")'] }}]\n"
            )
        };
        home.write("file.yaml", &test("file: program.vrl"));
        home.write("schema.yaml", &test(&format!("schema: {schema}")));
        for file in ["file.yaml", "schema.yaml"] {
            let ended = home.zenstream("test").arg(file).run().well();
            assert_eq!(ended.stdout, "Running tests\ntest t ... passed\n", "{schema}");
        }
    }
}

#[test]
fn shells_can_complete_every_command() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let ended = Home::new().zenstream("completion").arg(shell).run().well();
        for command in ["audit-logs", "validate", "simulate"] {
            assert!(ended.stdout.contains(command), "{shell}: {command}");
        }
    }
}

#[test]
fn a_fault_that_there_is_not_brings_the_nearest() {
    let _filters = filters();
    insta::assert_snapshot!(Home::new().zenstream("simulate --port 0 --faults eror:5").run(), @"
    exit code 2
    --- stderr
    error: invalid value 'eror:5' for '--faults <FAULTS>': there is no fault `eror`; did you mean `error`?

    For more information, try '--help'.
    ");
    insta::assert_snapshot!(Home::new().zenstream("simulate --port 0 --faults 429").run(), @"
    exit code 2
    --- stderr
    error: invalid value '429' for '--faults <FAULTS>': fault `429` needs a period: `429:50` for every 50th request

    For more information, try '--help'.
    ");
}

#[test]
fn what_could_only_come_out_as_nothing_is_refused() {
    let read = |line: &str| {
        let home = Home::new();
        let run = home.zenstream(line).env("ZENDESK_SUBDOMAIN", "acme");
        run.env("ZENDESK_BEARER_TOKEN", "any").run().to_string()
    };
    let cases = [
        ("read audit_logs --follow --format table", "this format has an end, `--follow` has none"),
        ("read audit_logs,tickets --format csv", "several streams have no columns in common"),
        ("read audit_logs --since 1d --until 2d", "is before `--since`"),
        ("read audit_logs --since 2999-01-01", "`--since` is in the future"),
    ];
    for (line, message) in cases {
        let said = read(line);
        assert!(said.starts_with("exit code 2"), "{line}: {said}");
        assert!(said.contains(message), "{line}: {said}");
    }
}

#[test]
fn half_a_pair_of_credentials_is_named() {
    for (variable, missing) in
        [("ZENDESK_CLIENT_ID", "ZENDESK_CLIENT_SECRET"), ("ZENDESK_EMAIL", "ZENDESK_API_TOKEN")]
    {
        let home = Home::new();
        let run = home.zenstream("read audit_logs").env("ZENDESK_SUBDOMAIN", "acme");
        let said = run.env(variable, "me").run().to_string();
        assert!(said.contains(&format!("is given without {missing}")), "{said}");
    }
}

#[test]
fn the_schema_is_for_editors_and_the_manual_has_a_page_a_command() {
    let home = Home::new();
    let schema: Value =
        serde_json::from_str(&home.zenstream("schema").run().well().stdout).expect("JSON");
    assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
    home.zenstream("man pages").run().well();
    for page in ["zenstream.1", "zenstream-read.1", "zenstream-checkpoint-set.1"] {
        assert!(home.size(&format!("pages/{page}")) > 500, "{page}");
    }
}
