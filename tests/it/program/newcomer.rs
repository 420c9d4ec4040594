//! The first hour with an account and a config of one's own: each mistake that is easily made, what is said of it, and what to do.
//!
//! Those that need a service (a bucket, a topic, a permission of theirs) stand with the tests of services.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};

use super::{CONFIG, filters};
use crate::binary::{Account, Home, TOKEN};

#[expect(clippy::disallowed_methods, reason = "it ends with the test's process")]
/// The address at which `account` is asked for under the name of one that does not exist.
fn misspelt(account: &Account) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = format!("http://{}", listener.local_addr().expect("an address"));
    let account = account.url.strip_prefix("http://").expect("an address").to_owned();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let stream = stream.expect("a connection");
            let mut upstream = TcpStream::connect(&account).expect("the account");
            for line in BufReader::new(&stream).lines() {
                let line = line.expect("a line of the head");
                let is_host = line.to_lowercase().starts_with("host:");
                let named = "Host: acmee.zendesk.com\r\nConnection: close".to_owned();
                let line = if is_host { named } else { line };
                upstream.write_all(format!("{line}\r\n").as_bytes()).expect("the account");
                if line.is_empty() {
                    break;
                }
            }
            std::io::copy(&mut upstream, &mut &stream).expect("an answer");
        }
    });
    address
}

#[test]
fn a_subdomain_that_does_not_exist() {
    let _filters = filters();
    let (home, account) = (Home::new(), Account::small());
    let address = misspelt(&account);
    let with = |line: &str| {
        home.zenstream(line).env("ZENDESK_BASE_URL", &address).env("ZENDESK_BEARER_TOKEN", "t")
    };
    insta::assert_snapshot!(with("read audit_logs").run(), @"
    exit code 1
    --- stderr
    error: stream `audit_logs`: zendesk answered: No help desk at acmee.zendesk.com: There is no help desk configured at this address. This means that the address is available and that you can claim it at http://www.zendesk.com/signup (404)
    hint: there is no account of that name; check `subdomain`
    ");
    insta::assert_snapshot!(with("check").run(), @"
    exit code 1
    --- stdout
    WHAT     NAME       RESULT  DETAIL                                                                                                                                                                                                            WHAT TO DO
    sign-in  127.0.0.1  failed  zendesk answered: No help desk at acmee.zendesk.com: There is no help desk configured at this address. This means that the address is available and that you can claim it at http://www.zendesk.com/signup (404)  there is no account of that name; check `subdomain`
    --- stderr
    error: 1 of 1 checks failed
    ");
    home.write("zenstream.yaml", CONFIG);
    // Whichever of the streams was the last to be refused.
    let ended = with("run -c zenstream.yaml").run().last_words();
    insta::assert_snapshot!(ended.replace("acme.audit_logs", "acme.tickets"), @"
    exit code 1
    --- stderr
    error: stream `acme.tickets`: zendesk answered: No help desk at acmee.zendesk.com: There is no help desk configured at this address. This means that the address is available and that you can claim it at http://www.zendesk.com/signup (404)
    hint: there is no account of that name; check `subdomain`
    ");
}

#[test]
fn a_subdomain_that_is_an_address() {
    let home = Home::new();
    let with = |subdomain: &str| {
        let read = home.zenstream("read audit_logs").env("ZENDESK_BEARER_TOKEN", "t");
        read.env("ZENDESK_SUBDOMAIN", subdomain).run()
    };
    insta::assert_snapshot!(with("https://acme.zendesk.com/agent"), @"
    exit code 2
    --- stderr
    error: ZENDESK_SUBDOMAIN: `https://acme.zendesk.com/agent` is not a subdomain
    hint: write `acme`
    ");
    insta::assert_snapshot!(with("acme.zendesk.com"), @"
    exit code 2
    --- stderr
    error: ZENDESK_SUBDOMAIN: `acme.zendesk.com` is not a subdomain
    hint: write `acme`
    ");
    insta::assert_snapshot!(with("Acme Inc"), @"
    exit code 2
    --- stderr
    error: ZENDESK_SUBDOMAIN: `Acme Inc` is not a subdomain
    hint: `acme`, if the account is at acme.zendesk.com
    ");
}

#[test]
fn an_account_that_cannot_be_reached() {
    let home = Home::new();
    let check = |url: &str| {
        let check = home.zenstream("-qq check").env("ZENDESK_BEARER_TOKEN", "t");
        check.env("ZENDESK_BASE_URL", url).run()
    };
    insta::assert_snapshot!(check("http://127.0.0.1:9"), @"
    exit code 1
    --- stdout
    WHAT     NAME       RESULT  DETAIL                                             WHAT TO DO
    sign-in  127.0.0.1  failed  cannot connect: Connection refused (os error 111)  check the subdomain, the network and the proxy settings
    --- stderr
    error: 1 of 1 checks failed
    ");
    let unknown = check("https://zenstream-test.invalid");
    assert!(
        unknown.stdout.contains("cannot look up the host `zenstream-test.invalid`: "),
        "{unknown}"
    );
    assert!(unknown.stdout.contains("check the subdomain, the network and the proxy settings"));
}

#[test]
fn a_host_that_nobody_knows_is_named_and_soon_given_up() {
    let home = Home::new();
    for line in [
        "-q read audit_logs",
        "-q read audit_logs --follow",
        "-q user 17",
        "-q verify audit_logs --since 1d --against .",
    ] {
        let read = home.zenstream(line).env("ZENDESK_BEARER_TOKEN", "t");
        let ended = read.env("ZENDESK_BASE_URL", "https://zenstream-test.invalid").run();
        assert_eq!(ended.code, Some(1), "{line}: {ended}");
        assert!(ended.stderr.matches(" WARN ").count() <= 2, "{line}: {ended}");
        let words = ended.last_words();
        assert!(words.contains("cannot look up the host `zenstream-test.invalid`: "), "{ended}");
        let hint = "\nhint: check the subdomain, the network and the proxy settings";
        assert!(words.contains(hint), "{line}: {ended}");
    }
}

#[test]
fn two_accounts_at_once() {
    let _filters = filters();
    let (home, account) = (Home::new(), Account::small());
    let read = || home.zenstream("read audit_logs --limit 1 --since beginning").at(&account);
    insta::assert_snapshot!(read().env("ZENDESK_SUBDOMAIN", "acme").run(), @"
    exit code 2
    --- stderr
    error: ZENDESK_BASE_URL (`http://127.0.0.1:[port]`) and ZENDESK_SUBDOMAIN (`acme`) differ
    hint: the credentials would go to the first: `unset ZENDESK_BASE_URL` or `unset ZENDESK_SUBDOMAIN`
    ");
    // What is written last goes before what was set some time.
    let option = ["--base-url", account.url.as_str()].join(" ");
    let other = home.zenstream("read audit_logs --limit 1 --since beginning").args(&option);
    let other = other.env("ZENDESK_SUBDOMAIN", "acme").env("ZENDESK_BEARER_TOKEN", TOKEN);
    other.run().well();
}

#[test]
fn a_token_that_is_wrong() {
    let _filters = filters();
    let (home, account) = (Home::new(), Account::small());
    let read = || home.zenstream("-q read audit_logs").env("ZENDESK_BASE_URL", &account.url);
    let bearer = |token: &str| read().env("ZENDESK_BEARER_TOKEN", token).run();
    insta::assert_snapshot!(bearer("wrong"), @"
    exit code 1
    --- stderr
    error: stream `audit_logs`: zendesk answered: invalid_token: The access token provided is expired, revoked, malformed or invalid for other reasons. (401)
    hint: the access token is expired, revoked or of another account: make a new one
    ");
    insta::assert_snapshot!(bearer("cut\nin two"), @"
    exit code 1
    --- stderr
    error: stream `audit_logs`: the credentials cannot be put into a header
    hint: look for a line break or another control character in the secret
    ");
    // As it stands in a header.
    insta::assert_snapshot!(bearer("Bearer wrong"), @"
    exit code 1
    --- stderr
    error: stream `audit_logs`: zendesk answered: invalid_token: The access token provided is expired, revoked, malformed or invalid for other reasons. (401)
    hint: the access token is expired, revoked or of another account: make a new one
    ");
    let api_token = |email: &str, token: &str| {
        read().env("ZENDESK_EMAIL", email).env("ZENDESK_API_TOKEN", token).run()
    };
    insta::assert_snapshot!(api_token("a@example.com", "wrong").last_words(), @"
    exit code 1
    --- stderr
    error: stream `audit_logs`: zendesk answered: Couldn't authenticate you (401)
    hint: check the credentials; API tokens that were unused for 30 days are switched off, and passwords no longer work
    ");
    let client = read().env("ZENDESK_CLIENT_ID", "me").env("ZENDESK_CLIENT_SECRET", "wrong");
    insta::assert_snapshot!(client.run(), @"
    exit code 1
    --- stderr
    error: stream `audit_logs`: zendesk answered: invalid_client: Client authentication failed. (401)
    hint: check `client_id` and `client_secret`
    ");
}

#[test]
fn variables_of_another_name() {
    let (home, account) = (Home::new(), Account::small());
    let read = || home.zenstream("read audit_logs").env("ZENDESK_BASE_URL", &account.url);
    insta::assert_snapshot!(read().env("ZENDESK_TOKEN", "t").run(), @"
    exit code 2
    --- stderr
    error: no credentials
    hint: set ZENDESK_CLIENT_ID and ZENDESK_CLIENT_SECRET, or ZENDESK_BEARER_TOKEN, or ZENDESK_EMAIL and ZENDESK_API_TOKEN, or sign in with `zenstream login`; without an account, try `zenstream demo`
    ");
    insta::assert_snapshot!(read().env("ZENDESK_CLIENT_ID", "me").run(), @"
    exit code 2
    --- stderr
    error: the client id is given without ZENDESK_CLIENT_SECRET
    hint: set ZENDESK_CLIENT_SECRET, or give --secret-file, or sign in with `zenstream login`
    ");
    home.write("zenstream.yaml", CONFIG);
    let run = home.zenstream("run -c zenstream.yaml").env("ZENDESK_TOKEN", "t");
    insta::assert_snapshot!(run.run(), @"
    exit code 78
    --- stderr
    error: cannot read config `zenstream.yaml`: sources.acme.auth.token: the environment variable `ZENDESK_BEARER_TOKEN` is not set
    hint: set it, or give it a default: `${NAME:-default}`
    error: cannot read config `zenstream.yaml`: sources.acme.endpoint: the environment variable `ZENDESK_BASE_URL` is not set
    hint: set it, or give it a default: `${NAME:-default}`
    ");
}

#[test]
fn a_scope_a_role_or_a_plan_that_is_missing() {
    let (home, account) = (Home::new(), Account::small());
    let client = |scope: &str| {
        let read =
            home.zenstream("read audit_logs --scope").arg(scope).env("ZENDESK_CLIENT_ID", "me");
        read.env("ZENDESK_CLIENT_SECRET", "s").env("ZENDESK_BASE_URL", &account.url).run()
    };
    insta::assert_snapshot!(client("tickets:read"), @"
    exit code 1
    --- stderr
    error: stream `audit_logs`: zendesk answered: Forbidden: You are missing the following required scopes: auditlogs:read, read (403)
    hint: the token lacks a scope; this needs the scope `auditlogs:read` or `read`
    ");
    insta::assert_snapshot!(client("raed"), @"
    exit code 1
    --- stderr
    error: stream `audit_logs`: zendesk answered: Forbidden: You are missing the following required scopes: auditlogs:read, read (403)
    hint: the token lacks a scope; this needs the scope `auditlogs:read` or `read`
    ");
    for options in ["--without-enterprise", "--role agent"] {
        let account = Account::new(options);
        let read = home.zenstream("read audit_logs").at(&account).run();
        assert_eq!(read.code, Some(1));
        assert!(
            read.stderr.contains("the Enterprise plan, the role `admin` and the scope"),
            "{read}"
        );
    }
    let account = Account::new("--role agent");
    let check = home.zenstream("check --format json").at(&account).run();
    assert!(check.stdout.contains("most streams need an admin"), "{check}");
}

#[test]
fn a_stream_of_another_name() {
    let (home, account) = (Home::new(), Account::small());
    let read = |stream: &str| home.zenstream("read").arg(stream).at(&account).run();
    insta::assert_snapshot!(read("audit_log"), @"
    exit code 2
    --- stderr
    error: there is no stream `audit_log`
    hint: did you mean `audit_logs`?
    ");
    insta::assert_snapshot!(read("audit-logs"), @"
    exit code 2
    --- stderr
    error: there is no stream `audit-logs`
    hint: did you mean `audit_logs`?
    ");
    insta::assert_snapshot!(read("logins"), @"
    exit code 2
    --- stderr
    error: there is no stream `logins`
    hint: `zenstream streams` lists what there is
    ");
}

/// What `validate` says of the usual config with `there` in the place of `here`.
fn validated(home: &Home, here: &str, there: &str) -> String {
    assert!(CONFIG.contains(here), "{here}");
    home.write("zenstream.yaml", &CONFIG.replace(here, there));
    let validate = home.zenstream("validate zenstream.yaml").env("ZENDESK_BEARER_TOKEN", "t");
    let ended = validate.env("ZENDESK_BASE_URL", "https://acme.zendesk.com").run();
    assert_eq!(ended.code, Some(78), "{ended}");
    ended.stderr
}

#[test]
fn yaml_that_means_something_else() {
    let home = Home::new();
    let of = |here: &str, there: &str| validated(&home, here, there);
    let told = [
        of("inputs: [acme]", "inputs: [*]"),
        of("path: \"out/{{ stream }}.ndjson\"", "path: {{ stream }}.ndjson"),
        of("\"${ZENDESK_BEARER_TOKEN}\"", "${ZENDESK_BEARER_TOKEN}"),
        of("    since: beginning", "\tsince: beginning"),
        of("    since: beginning", "   since: beginning"),
        of("since: beginning", "since:beginning"),
        of("since: beginning", "since: @beginning"),
        of("streams: [audit_logs, tickets]", "streams: audit_logs"),
        of("\"${ZENDESK_BEARER_TOKEN}\"", "12345"),
    ];
    insta::assert_snapshot!(told.join("\n"), @r#"
    error: cannot read config `zenstream.yaml`: while scanning an anchor or alias, did not find expected alphabetic or numeric character at line 15, column 14
    hint: `*` and `&` stand in quotes: `inputs: ["*"]`

    error: cannot read config `zenstream.yaml`: expected string scalar at line 16, column 12
    hint: what begins with a brace stands in quotes: `topic: "{{ stream }}"`

    error: cannot read config `zenstream.yaml`: while parsing a flow mapping, did not find expected ',' or '}' at line 7, column 39
    hint: within `{ }` and `[ ]` a variable stands in quotes: `{ token: "${TOKEN}" }`

    error: cannot read config `zenstream.yaml`: tabs disallowed within this context (block indentation) at line 9, column 2
    hint: YAML is indented with spaces; there is a tab

    error: cannot read config `zenstream.yaml`: while parsing a block mapping, did not find expected key at line 9, column 4
    hint: the options of one thing begin in the same column, two spaces to the right of its name

    error: cannot read config `zenstream.yaml`: simple key expected ':' at line 9, column 5
    hint: a space follows the colon: `subdomain: acme`

    error: cannot read config `zenstream.yaml`: unexpected character: `@' at line 9, column 12
    hint: what begins with `@`, `%` or a backtick stands in quotes

    error: cannot read config `zenstream.yaml`: sources.acme.streams: expected a list, found the string `audit_logs`
    hint: put it in brackets: `[...]`

    error: cannot read config `zenstream.yaml`: sources.acme.auth.token: expected a string, found a number
    hint: put it in quotes
    "#);
}

#[test]
fn a_config_whose_parts_do_not_meet() {
    let home = Home::new();
    let of = |here: &str, there: &str| validated(&home, here, there);
    let told = [
        of("inputs: [acme]", "inputs: [zendesk]"),
        of("inputs: [acme]", "inputs: [acme.audit_log]"),
        of("[audit_logs, tickets]", "[audit_log]"),
        of("strategy: bearer, ", ""),
        of("type: file", "type: s3"),
        of("${ZENDESK_BEARER_TOKEN}", "${ZENDESK_TOKEN}"),
    ];
    insta::assert_snapshot!(told.join("\n"), @"
    error: cannot read config `zenstream.yaml`: sinks.files.inputs[0]: no output matches `zendesk`
    hint: the outputs are `acme.audit_logs`, `acme.tickets`, `acme.rejected`, `files.rejected` and `acme`

    error: cannot read config `zenstream.yaml`: sinks.files.inputs[0]: no output matches `acme.audit_log`
    hint: did you mean `acme.audit_logs`?

    error: cannot read config `zenstream.yaml`: sources.acme.streams[0]: no stream is named `audit_log`
    hint: did you mean `audit_logs`?

    error: cannot read config `zenstream.yaml`: sources.acme.auth: missing field `strategy`
    hint: this version has `oauth_client_credentials`, `oauth_refresh_token`, `bearer`, `api_token` and `basic`

    error: cannot read config `zenstream.yaml`: sinks.files.type: unknown type `s3`
    hint: did you mean `aws_s3`?

    error: cannot read config `zenstream.yaml`: sources.acme.auth.token: the environment variable `ZENDESK_TOKEN` is not set
    hint: set it, or give it a default: `${NAME:-default}`
    ");
}

#[test]
fn a_config_that_is_not_there() {
    let home = Home::new();
    insta::assert_snapshot!(home.zenstream("run -c nothing.yaml").run(), @"
    exit code 78
    --- stderr
    error: cannot read config `nothing.yaml`: No such file or directory (os error 2)
    hint: `zenstream generate` prints one to begin with
    ");
    insta::assert_snapshot!(home.zenstream("run").run(), @"
    exit code 2
    --- stderr
    error: the following required arguments were not provided:
      --config <FILE>...

      tip: `zenstream generate > zenstream.yaml` makes a config to begin with, which ZENSTREAM_CONFIG may name, too; `zenstream read` and `zenstream demo` need none

    Usage: zenstream run --config <FILE>...

    For more information, try '--help'.
    ");
    home.write("empty.yaml", "\n");
    insta::assert_snapshot!(home.zenstream("validate empty.yaml").run(), @"
    exit code 78
    --- stderr
    error: cannot read config `empty.yaml`: there is no source
    hint: add one under `sources`
    error: cannot read config `empty.yaml`: there is no sink
    hint: add one under `sinks`
    ");
}
