//! Secrets: where they come from, and that they are never shown.

use std::path::PathBuf;

use secrecy::ExposeSecret;

use super::*;

/// A config whose token is `token`, with `backend` under `secret.vault`.
fn with_backend(backend: &str, token: &str) -> String {
    let config = with("", "").replace("token: t", &format!("token: '{token}'"));
    format!("secret:\n  vault: {backend}\n{config}")
}

fn token(text: &str) -> String {
    let config = yaml_in(text, &[("X", "from-env")]).unwrap_or_else(|error| panic!("{error}"));
    match &config.sources[0].auth {
        AuthConfig::Bearer { token } => token.expose_secret().to_owned(),
        other => panic!("{other:?}"),
    }
}

fn scratch(name: &str, text: &str) -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(name);
    std::fs::write(&path, text).unwrap();
    (dir, path)
}

/// The problems, without what differs from run to run.
fn refusal(text: &str, dir: &tempfile::TempDir) -> String {
    shown(yaml(text)).replace(&dir.path().display().to_string(), "DIR")
}

#[test]
fn a_secret_comes_from_a_file_and_is_not_expanded_again() {
    let (_dir, path) = scratch("s.json", r#"{"a/b.c": "p${X}$$w", "other": "o"}"#);
    let backend = format!("{{ type: file, path: {} }}", path.display());
    assert_eq!(token(&with_backend(&backend, "SECRET[vault.a/b.c]")), "p${X}$$w");
    assert_eq!(token(&with_backend(&backend, "${X}:SECRET[vault.other]$$")), "from-env:o$");
}

#[test]
fn a_secret_comes_from_a_directory() {
    let (dir, _) = scratch("token", "hunter2 \n");
    std::fs::write(dir.path().join("empty"), "").unwrap();
    let of = |more: &str, key: &str| {
        let backend = format!("{{ type: directory, path: {}{more} }}", dir.path().display());
        with_backend(&backend, &format!("SECRET[vault.{key}]"))
    };
    assert_eq!(token(&of("", "token")), "hunter2 \n");
    assert_eq!(token(&of(", remove_trailing_whitespace: true", "token")), "hunter2");
    insta::assert_snapshot!(refusal(&of("", "empty"), &dir), @"sources.acme.auth.token: the secret `vault.empty` is empty");
    insta::assert_snapshot!(refusal(&of("", "missing"), &dir), @"sources.acme.auth.token: cannot get the secret `vault.missing`: No such file or directory (os error 2)");
    insta::assert_snapshot!(refusal(&of("", "../x"), &dir), @"sources.acme.auth.token: cannot get the secret `vault.../x`: the key leads out of the directory");
}

#[test]
fn a_secret_comes_from_a_program_that_is_told_the_keys() {
    let (dir, asked) = scratch("asked", "");
    let answer = |json: &str, token: &str| {
        let script = dir.path().join("answer.sh");
        let text = format!("cat > '{}'; echo '{json}'", asked.display());
        std::fs::write(&script, text).unwrap();
        with_backend(&format!("{{ type: exec, command: [sh, {}] }}", script.display()), token)
    };
    let good = answer(r#"{"k": {"value": "hunter2", "error": null}}"#, "SECRET[vault.k]");
    assert_eq!(token(&good), "hunter2");
    let question = std::fs::read_to_string(&asked).unwrap();
    assert_eq!(question, r#"{"version":"1.0","secrets":["k"]}"#);
    let bad = answer(r#"{"k": {"value": null, "error": "sealed"}}"#, "SECRET[vault.k]");
    insta::assert_snapshot!(refusal(&bad, &dir), @"sources.acme.auth.token: cannot get the secret `vault.k`: sealed");
    insta::assert_snapshot!(refusal(&answer("hunter2", "SECRET[vault.k]"), &dir), @"secret.vault: `sh` did not answer with a JSON map of `value` and `error`");
}

#[test]
fn a_program_that_hangs_fails_or_is_not_there_is_reported() {
    let (dir, _) = scratch("unused", "");
    let run = |command: &str| {
        let backend = format!("{{ type: exec, timeout: 0.2, command: {command} }}");
        refusal(&with_backend(&backend, "SECRET[vault.k]"), &dir)
    };
    insta::assert_snapshot!(run("[sleep, '5']"), @"secret.vault: `sleep`: gave no answer within 0.2 s");
    insta::assert_snapshot!(run("['false']"), @"secret.vault: `false`: ended with exit status: 1");
    insta::assert_snapshot!(run("[no-such-program]"), @"secret.vault: cannot run `no-such-program`: No such file or directory (os error 2)");
    insta::assert_snapshot!(run("[]"), @"secret.vault: `command` is empty");
}

#[test]
fn a_backend_that_is_not_there_or_not_here_is_refused() {
    let (dir, path) = scratch("s.json", "[1]");
    let file = format!("{{ type: file, path: {} }}", path.display());
    let shown = |backend: &str, token: &str| refusal(&with_backend(backend, token), &dir);
    insta::assert_snapshot!(shown("{ type: aws_secrets_manager, secret_id: x }", "SECRET[vault.k]"), @"
    secret.vault.type: `aws_secrets_manager` is not available in this version
      hint: this version has `file`, `directory` and `exec`
    ");
    insta::assert_snapshot!(shown("{ type: flie, path: x }", "SECRET[vault.k]"), @"
    secret.vault.type: unknown type `flie`
      hint: did you mean `file`?
    ");
    insta::assert_snapshot!(shown("{ type: aws_secrets_manager }", "unused"), @"
    secret.vault.type: `aws_secrets_manager` is not available in this version
      hint: this version has `file`, `directory` and `exec`
    ");
    insta::assert_snapshot!(shown(&file, "SECRET[valt.k]"), @"
    sources.acme.auth.token: there is no secret backend `valt`
      hint: did you mean `vault`?
    ");
    insta::assert_snapshot!(shown(&file, "SECRET[vault.k]"), @"secret.vault: `DIR/s.json` is not a flat JSON map of strings");
    insta::assert_snapshot!(shown("{ type: file, path: 'SECRET[vault.k]' }", "t"), @"secret.vault.path: a secret backend cannot be told by a secret");
    insta::assert_snapshot!(shown("{ type: file, path: x, pth: y }", "SECRET[vault.k]"), @"
    secret.vault: unknown field `pth`
      hint: did you mean `path`?
    ");
}

#[test]
fn a_secret_in_a_field_it_does_not_fit_is_not_shown() {
    let (_dir, path) = scratch("s.json", r#"{"k": "hunter2.zendesk.com"}"#);
    for (field, sink) in [
        ("    since: SECRET[vault.k]", ""),
        ("    poll_interval_secs: SECRET[vault.k]", ""),
        ("    rate_limit: { share: 'x${X}SECRET[vault.k]' }", ""),
        ("    emit: SECRET[vault.k]", ""),
        ("    stream_options: { audit_logs: { include: ['SECRET[vault.k]'] } }", ""),
        ("", "    target: SECRET[vault.k]"),
        ("", "    acknowledgements: SECRET[vault.k]"),
        ("", "    framing: { method: 'SECRET[vault.k]' }"),
    ] {
        let text = format!(
            "secret: {{ vault: {{ type: file, path: {} }} }}\n{}",
            path.display(),
            with(field, sink)
        );
        let error = yaml_in(&text, &[("X", "from-env")]).unwrap_err();
        for shown in [format!("{error:?}"), error.to_string()] {
            assert!(!shown.contains("hunter2"), "{shown}");
        }
    }
    for field in
        ["subdomain: acme", "inputs: [acme]", "[audit_logs]", "type: console", "strategy: bearer"]
    {
        let (before, value) = field.split_once(": ").unwrap_or(("", field));
        let replaced = match (before, value) {
            ("", _) => "['SECRET[vault.k]']".to_owned(),
            (key, value) if value.starts_with('[') => format!("{key}: ['SECRET[vault.k]']"),
            (key, _) => format!("{key}: 'SECRET[vault.k]'"),
        };
        let backend = format!("{{ type: file, path: {} }}", path.display());
        let text = with_backend(&backend, "t").replace(field, &replaced);
        let error = yaml(&text).unwrap_err();
        let shown = format!("{error:?} {error}");
        assert!(!shown.contains("hunter2"), "{shown}");
        assert!(shown.contains("what `SECRET[vault.k]` holds is not accepted here"), "{shown}");
    }
}

#[test]
fn a_value_from_the_environment_is_shown_as_the_file_refers_to_it() {
    let shown = |field: &str, value: &str| shown(yaml_in(&with(field, ""), &[("X", value)]));
    insta::assert_snapshot!(shown("    since: ${X}", "hunter2"), @"sources.acme.since: `${X}` is not a duration back (`24h`, `7d`, `1w2d`), a time (`2024-05-01T00:00:00Z`), a date (`2024-05-01`) or `beginning`");
    insta::assert_snapshot!(shown("    poll_interval_secs: ${X}", "hunter2"), @"sources.acme.poll_interval_secs: expected a number, found the string `${X}`");
    insta::assert_snapshot!(shown("    poll_interval_secs: ${X}", ""), @"sources.acme.poll_interval_secs: expected a number, found the string `${X}`");
    insta::assert_snapshot!(shown("    poll_interval_secs: ${X}", "-1"), @"sources.acme.poll_interval_secs: expected seconds from 0 to a hundred years, found `${X}`");
    insta::assert_snapshot!(shown("    emit: ${X:-none}", "hunter2"), @"
    sources.acme.emit: unknown emit `${X:-none}`
      hint: this version has `records` and `pages`
    ");
    insta::assert_snapshot!(shown("    since: ${X}-${UNSET}", "hunter2"), @"
    sources.acme.since: the environment variable `UNSET` is not set
      hint: set it, or give it a default: `${NAME:-default}`
    ");
}

#[test]
fn no_debug_output_shows_a_secret() {
    for auth in [
        "strategy: bearer, token: hunter2",
        "strategy: api_token, email: a@b, token: hunter2",
        "strategy: basic, user: u, password: hunter2",
        "strategy: oauth_client_credentials, client_id: i, client_secret: hunter2",
    ] {
        let config = yaml(&with("", "").replace("strategy: bearer, token: t", auth)).unwrap();
        assert!(!format!("{config:?} {config:#?}").contains("hunter2"), "{config:?}");
    }
}
