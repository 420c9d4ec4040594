//! Whatever happens, no secret is printed.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use super::CONFIG;
use crate::binary::{Account, Home, TOKEN};

const API_TOKEN: &str = "an-api-token-never-to-be-seen";
const CLIENT_SECRET: &str = "a-client-secret-never-to-be-seen";
const REFRESH_TOKEN: &str = "a-refresh-token-never-to-be-seen";
const EMAIL: &str = "admin@example.com";

/// What every access token begins with that the pretend account issues.
const ISSUED: &str = "simulated_";

struct Way {
    auth: &'static str,
    variables: &'static [(&'static str, &'static str)],
    /// Of the form in which they go over the wire, too.
    secrets: Vec<String>,
}

fn basic(token: &str) -> String {
    BASE64.encode(format!("{EMAIL}/token:{token}"))
}

fn ways() -> Vec<Way> {
    let texts = |secrets: &[&str]| secrets.iter().map(|&text| text.to_owned()).collect();
    vec![
        Way {
            auth: r#"{ strategy: bearer, token: "${ZENDESK_BEARER_TOKEN}" }"#,
            variables: &[("ZENDESK_BEARER_TOKEN", TOKEN)],
            secrets: texts(&[TOKEN]),
        },
        Way {
            auth: r#"{ strategy: bearer, token: "${ZENDESK_BEARER_TOKEN}" }"#,
            variables: &[("ZENDESK_BEARER_TOKEN", "wrong")],
            secrets: texts(&["Bearer wrong"]),
        },
        Way {
            auth: r#"{ strategy: api_token, email: "${ZENDESK_EMAIL}", token: "${ZENDESK_API_TOKEN}" }"#,
            variables: &[("ZENDESK_EMAIL", EMAIL), ("ZENDESK_API_TOKEN", API_TOKEN)],
            secrets: texts(&[API_TOKEN, &basic(API_TOKEN)]),
        },
        Way {
            auth: r#"{ strategy: api_token, email: "${ZENDESK_EMAIL}", token: "${ZENDESK_API_TOKEN}" }"#,
            variables: &[("ZENDESK_EMAIL", EMAIL), ("ZENDESK_API_TOKEN", "wrong")],
            secrets: texts(&["token:wrong", &basic("wrong")]),
        },
        Way {
            auth: r#"{ strategy: oauth_client_credentials, client_id: me, client_secret: "${ZENDESK_CLIENT_SECRET}" }"#,
            variables: &[("ZENDESK_CLIENT_ID", "me"), ("ZENDESK_CLIENT_SECRET", CLIENT_SECRET)],
            secrets: texts(&[CLIENT_SECRET, ISSUED]),
        },
        Way {
            auth: r#"{ strategy: oauth_client_credentials, client_id: me, client_secret: "${ZENDESK_CLIENT_SECRET}" }"#,
            variables: &[("ZENDESK_CLIENT_ID", "me"), ("ZENDESK_CLIENT_SECRET", "wrong")],
            secrets: texts(&["client_secret=wrong", "\"client_secret\":\"wrong\"", ISSUED]),
        },
        Way {
            auth: r#"{ strategy: oauth_refresh_token, client_id: me, client_secret: "${ZENDESK_CLIENT_SECRET}", refresh_token: "${SEED}" }"#,
            variables: &[("ZENDESK_CLIENT_SECRET", CLIENT_SECRET), ("SEED", REFRESH_TOKEN)],
            secrets: texts(&[CLIENT_SECRET, REFRESH_TOKEN, ISSUED]),
        },
        Way {
            auth: r#"{ strategy: oauth_refresh_token, client_id: me, refresh_token: "${SEED}" }"#,
            variables: &[("SEED", "wrong")],
            secrets: texts(&["refresh_token=wrong", "\"refresh_token\":\"wrong\"", ISSUED]),
        },
    ]
}

#[test]
fn no_secret_is_printed_or_kept_whatever_the_way_to_sign_in() {
    let account = Account::new("--audit-logs 120 --tickets 5 --rate-limit 0 --faults 500:7");
    for way in ways() {
        let bearer = r#"{ strategy: bearer, token: "${ZENDESK_BEARER_TOKEN}" }"#;
        let home = Home::new();
        home.write("zenstream.yaml", &CONFIG.replace(bearer, way.auth));
        for line in [
            "-vvv read audit_logs,tickets --since beginning",
            "-vvv run -c zenstream.yaml --once",
            "-vvv --log-format json run -c zenstream.yaml --once",
            "-vvv check",
            "-vvv check -c zenstream.yaml --format json",
            "-vvv user 17",
        ] {
            if way.auth.contains("refresh_token") && !line.contains("-c ") {
                continue;
            }
            let mut program = home.zenstream(line).env("ZENDESK_BASE_URL", &account.url);
            for (name, value) in way.variables {
                program = program.env(name, value);
            }
            let ended = program.run();
            assert!(ended.stderr.contains("TRACE"), "{line}: {ended}");
            let kept = home.lines("state/checkpoint.json").join("\n");
            for secret in &way.secrets {
                for (place, text) in
                    [("stdout", &ended.stdout), ("stderr", &ended.stderr), ("state", &kept)]
                {
                    assert!(!text.contains(secret.as_str()), "{secret} is in {place} of {line}");
                }
            }
        }
    }
}

#[test]
fn no_password_within_an_address_is_printed() {
    let home = Home::new();
    let secret = "a-password-never-to-be-seen";
    let url = format!("https://me:{secret}@acme.zendesk.com");
    let proxy = format!("http://me:{secret}@127.0.0.1:1");
    let account = |line: &str| home.zenstream(line).env("ZENDESK_BEARER_TOKEN", "x");
    let programs = [
        account("-vvv check").env("ZENDESK_BASE_URL", &url),
        account("-vvv check --base-url").arg(&url),
        account("-vvv check").env("ZENDESK_SUBDOMAIN", &url),
    ];
    for program in programs {
        let ended = program.run();
        assert_eq!(ended.code, Some(2), "{ended}");
        assert!(!ended.to_string().contains(secret), "{ended}");
    }
    home.write(
        "proxy.yaml",
        &CONFIG.replace(
            "poll_interval_secs",
            "request: { retry_attempts: 0 }\n    poll_interval_secs",
        ),
    );
    let program = account("-vvv run -c proxy.yaml --once");
    let ended = program
        .env("ZENDESK_BASE_URL", "https://acme.zendesk.com")
        .env("HTTPS_PROXY", &proxy)
        .run();
    assert_eq!(ended.code, Some(1), "{ended}");
    assert!(!ended.to_string().contains(secret), "{ended}");
}
