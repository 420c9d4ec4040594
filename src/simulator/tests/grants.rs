//! Consent, codes, and what becomes of tokens.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};
use url::Url;

use super::super::Credentials;
use super::*;

const BACK: &str = "http://127.0.0.1:7788/callback";
const AUDIT: &str = "/api/v2/audit_logs?page[size]=1";
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

/// Asks for consent with these parameters changed; the place it leads back to.
fn consent(account: &mut Account, changes: &[(&str, &str)]) -> Result<Url, u16> {
    let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(VERIFIER));
    let mut params = vec![
        ("response_type", "code"),
        ("client_id", "zenstream"),
        ("redirect_uri", BACK),
        ("scope", "read"),
        ("state", "a b&c"),
        ("code_challenge", &challenge),
        ("code_challenge_method", "S256"),
    ];
    params.retain(|(name, _)| changes.iter().all(|(changed, _)| changed != name));
    params.extend(changes.iter().filter(|(_, value)| !value.is_empty()));
    let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(params).finish();
    let answer = account.get(&format!("/oauth/authorizations/new?{query}"));
    let place = header(&answer, "location").map(|place| place.parse().unwrap());
    place.ok_or(answer.status.as_u16())
}

fn param(place: &Url, name: &str) -> Option<String> {
    place.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
}

fn exchange(account: &mut Account, code: &str, changes: &[(&str, &str)]) -> Answer {
    let mut body = serde_json::json!({
        "grant_type": "authorization_code",
        "code": code,
        "client_id": "zenstream",
        "redirect_uri": BACK,
        "code_verifier": VERIFIER,
        "scope": "read",
    });
    for (name, value) in changes {
        body[*name] = (*value).into();
    }
    account.post("/oauth/tokens", &body.to_string())
}

fn refusal(answer: &Answer) -> (u16, String) {
    (answer.status.as_u16(), json(answer)["error"].as_str().unwrap().to_owned())
}

#[test]
fn consent_leads_back_with_a_code_that_gives_a_pair_once() {
    let mut account = Account::new(free());
    let place = consent(&mut account, &[]).unwrap();
    assert!(place.as_str().starts_with(BACK));
    assert_eq!(param(&place, "state").as_deref(), Some("a b&c"));
    let code = param(&place, "code").unwrap();
    let pair = json(&exchange(&mut account, &code, &[]));
    assert_eq!(pair["refresh_token_expires_in"], 2_592_000);
    account.authorization = Some(format!("Bearer {}", pair["access_token"].as_str().unwrap()));
    assert_eq!(account.get(AUDIT).status, 200);
    assert_eq!(refusal(&exchange(&mut account, &code, &[])), (400, "invalid_grant".to_owned()));
}

#[test]
fn a_code_is_bound_to_its_verifier_its_redirect_its_client_and_two_minutes() {
    for change in [
        ("code_verifier", "another-verifier-another-verifier-another-ve"),
        ("redirect_uri", "http://127.0.0.1:7789/callback"),
        ("client_id", "another"),
    ] {
        let mut account = Account::new(free());
        let code = param(&consent(&mut account, &[]).unwrap(), "code").unwrap();
        let refused = exchange(&mut account, &code, &[change]);
        assert_eq!(refusal(&refused), (400, "invalid_grant".to_owned()), "{change:?}");
        let again = exchange(&mut account, &code, &[]);
        assert_eq!(again.status, 400, "a code that was tried is gone: {change:?}");
    }
    let mut account = Account::new(free());
    let code = param(&consent(&mut account, &[]).unwrap(), "code").unwrap();
    account.now += SignedDuration::from_secs(120);
    assert_eq!(exchange(&mut account, &code, &[]).status, 400);
    assert_eq!(exchange(&mut account, "guess", &[]).status, 400);
}

#[test]
fn without_a_challenge_a_code_needs_the_clients_secret() {
    for (changes, status) in [(&[][..], 400), (&[("client_secret", "s")][..], 200)] {
        let mut account = Account::new(free());
        let plain = [("code_challenge", ""), ("code_challenge_method", "")];
        let code = param(&consent(&mut account, &plain).unwrap(), "code").unwrap();
        assert_eq!(exchange(&mut account, &code, changes).status, status);
    }
}

#[test]
fn redirects_must_be_registered_to_the_letter_and_safe() {
    let settings = Settings { redirect_uris: vec![BACK.to_owned()], ..free() };
    let mut account = Account::new(settings);
    assert!(consent(&mut account, &[]).is_ok());
    let other = [("redirect_uri", "http://127.0.0.1:7788/callback/")];
    assert_eq!(consent(&mut account, &other), Err(400));
    let mut open = Account::new(free());
    for (place, right) in [
        ("https://example.com/cb", true),
        ("http://localhost:1/cb", true),
        ("http://example.com/cb", false),
        ("urn:ietf:wg:oauth:2.0:oob", false),
    ] {
        assert_eq!(consent(&mut open, &[("redirect_uri", place)]).is_ok(), right, "{place}");
    }
}

#[test]
fn a_user_who_refuses_sends_back_an_error_with_the_state() {
    let mut account = Account::new(Settings { consent_refused: true, ..free() });
    let place = consent(&mut account, &[]).unwrap();
    assert_eq!(param(&place, "error").as_deref(), Some("access_denied"));
    assert_eq!(param(&place, "state").as_deref(), Some("a b&c"));
    assert_eq!(param(&place, "code"), None);
}

#[test]
fn a_wrong_request_for_consent_is_told_to_the_client() {
    let mut account = Account::new(free());
    for change in [("response_type", "token"), ("code_challenge_method", "plain"), ("scope", "")] {
        let place = consent(&mut account, &[change]).unwrap();
        assert_eq!(param(&place, "error").as_deref(), Some("invalid_request"), "{change:?}");
    }
}

#[test]
fn scopes_beyond_the_clients_are_refused() {
    let settings = Settings { scope_ceiling: Some(vec!["auditlogs:read".to_owned()]), ..free() };
    let mut account = Account::new(settings);
    let grant = |scope: &str| {
        format!(
            r#"{{"grant_type":"client_credentials","client_id":"c","client_secret":"s","scope":"{scope}"}}"#
        )
    };
    assert_eq!(account.post("/oauth/tokens", &grant("auditlogs:read")).status, 200);
    let refused = account.post("/oauth/tokens", &grant("auditlogs:read read"));
    assert_eq!(refusal(&refused), (400, "invalid_scope".to_owned()));
}

#[test]
fn a_tokens_life_can_be_chosen_within_limits_and_be_left_untold() {
    let grant = |life: i64| {
        format!(
            r#"{{"grant_type":"client_credentials","client_id":"c","client_secret":"s","expires_in":{life}}}"#
        )
    };
    let mut account = Account::new(free());
    assert_eq!(json(&account.post("/oauth/tokens", &grant(301)))["expires_in"], 301);
    for life in [300, 172_800] {
        assert_eq!(account.post("/oauth/tokens", &grant(life)).status, 400, "{life}");
    }
    let mut silent = Account::new(Settings { token_expiry_untold: true, ..free() });
    let token = json(&silent.post("/oauth/tokens", &grant(600)));
    assert!(token.get("expires_in").is_none());
    silent.authorization = Some(format!("Bearer {}", token["access_token"].as_str().unwrap()));
    assert_eq!(silent.get(AUDIT).status, 200);
    silent.now += SignedDuration::from_secs(600);
    assert_eq!(refusal(&silent.get(AUDIT)), (401, "invalid_token".to_owned()));
}

#[test]
fn a_refresh_token_ends_after_its_thirty_days() {
    let mut account = Account::new(free());
    let body = |token: &str| {
        format!(r#"{{"grant_type":"refresh_token","client_id":"c","refresh_token":"{token}"}}"#)
    };
    let pair = json(&account.post("/oauth/tokens", &body("first")));
    account.now += SignedDuration::from_secs(2_592_000);
    let refused = account.post("/oauth/tokens", &body(pair["refresh_token"].as_str().unwrap()));
    assert_eq!(refusal(&refused), (400, "invalid_grant".to_owned()));
}

#[test]
fn access_tokens_can_be_revoked_while_the_chain_lives_on() {
    let mut account = Account::new(free());
    let body = |token: &str| {
        format!(r#"{{"grant_type":"refresh_token","client_id":"c","refresh_token":"{token}"}}"#)
    };
    let pair = json(&account.post("/oauth/tokens", &body("first")));
    account.authorization = Some(format!("Bearer {}", pair["access_token"].as_str().unwrap()));
    assert_eq!(account.get(AUDIT).status, 200);
    account.simulator.revoke_access_tokens();
    assert_eq!(account.get(AUDIT).status, 401);
    let next = account.post("/oauth/tokens", &body(pair["refresh_token"].as_str().unwrap()));
    assert_eq!(next.status, 200);
}

#[test]
fn a_lost_answer_leaves_the_refresh_token_consumed() {
    let faults = "timeout:1".parse().unwrap();
    let mut account = Account::new(Settings { faults, ..free() });
    let body = r#"{"grant_type":"refresh_token","client_id":"c","refresh_token":"first"}"#;
    assert!(account.post("/oauth/tokens", body).delay >= minutes(60));
    account.simulator.set_faults(super::super::Faults::none());
    assert_eq!(account.post("/oauth/tokens", body).status, 400);
}

#[test]
fn a_client_that_is_not_known_is_refused_for_every_grant() {
    let credentials = Credentials {
        oauth_clients: vec![("client".into(), "secret".into())],
        ..Credentials::default()
    };
    let mut account = Account::new(Settings { credentials: Some(credentials), ..free() });
    for grant in ["client_credentials", "refresh_token", "authorization_code"] {
        let body = format!(
            r#"{{"grant_type":"{grant}","client_id":"client","client_secret":"guess","code":"c"}}"#
        );
        let refused = account.post("/oauth/tokens", &body);
        assert_eq!(refusal(&refused), (401, "invalid_client".to_owned()), "{grant}");
    }
}
