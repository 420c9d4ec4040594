//! Tokens for `OAUTHBEARER`, by OAuth's client credentials.
//!
//! librdkafka asks for one when it needs it, on a thread of its own that may block.

use std::time::Duration;

use jiff::Timestamp;
use rdkafka::client::OAuthToken;
use reqwest::header::{ACCEPT, CONTENT_TYPE};
use secrecy::ExposeSecret as _;
use serde::Deserialize;
use url::form_urlencoded::Serializer;

use super::settings::OauthSettings;
use crate::clock::Clock;

const TIMEOUT: Duration = Duration::from_secs(20);

/// The longest answer that is read.
const ANSWER_BYTES_MAX: u64 = 64 << 10;

/// Where tokens come from.
#[derive(Debug)]
pub(super) struct TokenSource {
    settings: OauthSettings,
}

#[derive(Deserialize)]
struct Answer {
    access_token: String,
    expires_in: Option<u64>,
}

impl TokenSource {
    pub(super) fn new(settings: OauthSettings) -> Self {
        Self { settings }
    }

    /// A new token. Blocks.
    pub(super) fn fetch(&self) -> Result<OAuthToken, String> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| error.to_string())?;
        let body = runtime.block_on(self.ask())?;
        self.token(&body, Clock::system().now())
    }

    async fn ask(&self) -> Result<Vec<u8>, String> {
        let OauthSettings { token_endpoint, client_id, client_secret, scopes } = &self.settings;
        let mut form = Serializer::new(String::new());
        form.append_pair("grant_type", "client_credentials");
        if !scopes.is_empty() {
            form.append_pair("scope", scopes);
        }
        let client = reqwest::Client::builder()
            .timeout(TIMEOUT)
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|error| error.to_string())?;
        let answer = client
            .post(token_endpoint.clone())
            .basic_auth(client_id, Some(client_secret.expose_secret()))
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(ACCEPT, "application/json")
            .body(form.finish())
            .send()
            .await
            .map_err(|error| format!("cannot reach the token endpoint: {}", cause(&error)))?;
        let status = answer.status();
        if !status.is_success() {
            return Err(format!("the token endpoint answers {}", status.as_u16()));
        }
        if answer.content_length().is_some_and(|length| length > ANSWER_BYTES_MAX) {
            return Err("the token endpoint's answer is too long".to_owned());
        }
        let body = answer.bytes().await;
        body.map(|body| body.to_vec()).map_err(|error| cause(&error))
    }

    fn token(&self, body: &[u8], now: Timestamp) -> Result<OAuthToken, String> {
        // What cannot be read may hold a token: it is not shown.
        let answer: Answer = serde_json::from_slice(body)
            .map_err(|_| "the token endpoint gave no `access_token`".to_owned())?;
        let lifetime = answer.expires_in.unwrap_or(300).min(1 << 31);
        let lifetime = i64::try_from(lifetime).unwrap_or(300);
        Ok(OAuthToken {
            token: answer.access_token,
            principal_name: self.settings.client_id.clone(),
            lifetime_ms: now.as_millisecond() + lifetime * 1_000,
        })
    }
}

/// The innermost reason, which says more than those around it.
fn cause(error: &reqwest::Error) -> String {
    let mut innermost: &dyn std::error::Error = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source() -> TokenSource {
        TokenSource::new(OauthSettings {
            token_endpoint: "https://id.example/token".parse().unwrap(),
            client_id: "zenstream".to_owned(),
            client_secret: "hunter2".to_owned().into(),
            scopes: String::new(),
        })
    }

    #[test]
    fn a_token_lasts_as_long_as_the_answer_says() {
        let now = Timestamp::from_second(1_000).unwrap();
        let token = source().token(br#"{"access_token":"t","expires_in":60}"#, now).unwrap();
        assert_eq!((token.token.as_str(), token.lifetime_ms), ("t", 1_060_000));
        assert_eq!(token.principal_name, "zenstream");
    }

    #[tokio::test]
    async fn a_token_is_asked_for_as_a_client_with_a_secret() {
        use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut source = source();
        let address = listener.local_addr().unwrap();
        source.settings.token_endpoint = format!("http://{address}/token").parse().unwrap();
        source.settings.scopes = "a b".to_owned();
        let fetched = tokio::task::spawn_blocking(move || source.fetch());
        let (mut stream, _) = listener.accept().await.unwrap();
        let (mut asked, mut buffer) = (String::new(), [0; 4096]);
        while !asked.contains("scope=") {
            let read = stream.read(&mut buffer).await.unwrap();
            asked.push_str(std::str::from_utf8(&buffer[..read]).unwrap());
        }
        let body = r#"{"access_token":"t","expires_in":60}"#;
        let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len());
        stream.write_all(answer.as_bytes()).await.unwrap();
        assert_eq!(fetched.await.unwrap().unwrap().token, "t");
        assert!(asked.ends_with("grant_type=client_credentials&scope=a+b"), "{asked}");
        assert!(asked.contains("authorization: Basic emVuc3RyZWFtOmh1bnRlcjI="), "{asked}");
    }

    #[test]
    fn an_answer_without_a_token_is_not_shown() {
        let refused = source().token(br#"{"acces_token":"hunter2"}"#, Timestamp::UNIX_EPOCH);
        assert!(refused.is_err_and(|error| !error.contains("hunter2")));
        assert!(!format!("{:?}", source()).contains("hunter2"));
    }
}
