//! Whether a request comes from Zendesk: its signature and its age. Pure.
//!
//! `X-Zendesk-Webhook-Signature` is the base64 of an HMAC-SHA256 over the text of
//! `X-Zendesk-Webhook-Signature-Timestamp` and the body as it was sent
//! (<https://developer.zendesk.com/documentation/webhooks/verifying/>).

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use jiff::Timestamp;
use sha2::Sha256;

/// What is wrong with a signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Forged {
    #[error("the signature does not match; check `signing_secret`")]
    Signature,
    #[error("the time of the signature cannot be read")]
    Time,
    #[error("it was signed too long ago, or in the future")]
    Age,
}

/// Whether `signature` is that of `timestamp` and `body`, as far from `now` as `max_age` at the most. Takes as long
/// for a signature that is nearly right as for any other of its length.
pub(super) fn verify(
    secret: &str,
    (signature, timestamp): (&[u8], &[u8]),
    body: &[u8],
    (now, max_age): (Timestamp, Duration),
) -> Result<(), Forged> {
    let sent = STANDARD.decode(signature).map_err(|_| Forged::Signature)?;
    let mut mac =
        Hmac::<Sha256>::new_from_slice(secret.as_bytes()).map_err(|_| Forged::Signature)?;
    mac.update(timestamp);
    mac.update(body);
    mac.verify_slice(&sent).map_err(|_| Forged::Signature)?;
    // Only now: nobody but the signer learns what is wrong with the time.
    let signed = std::str::from_utf8(timestamp).ok().and_then(|text| text.parse().ok());
    let signed: Timestamp = signed.ok_or(Forged::Time)?;
    if now.duration_since(signed).unsigned_abs() > max_age { Err(Forged::Age) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TIME: &str = "2026-11-21T10:00:00Z";
    const MAX_AGE: Duration = Duration::from_secs(300);

    fn sign(secret: &str, timestamp: &str, body: &[u8]) -> String {
        let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("any key");
        mac.update(timestamp.as_bytes());
        mac.update(body);
        STANDARD.encode(mac.finalize().into_bytes())
    }

    fn check(secret: &str, signature: &str, timestamp: &str, body: &[u8]) -> Result<(), Forged> {
        let now = TIME.parse().expect("a time");
        verify(secret, (signature.as_bytes(), timestamp.as_bytes()), body, (now, MAX_AGE))
    }

    /// Made with another implementation: `printf '%s%s' "$TIME" '{"a":1}' | openssl dgst -sha256 -hmac dGhpcyBpcyBh -binary | base64`
    #[test]
    fn a_signature_of_another_implementation_is_known() {
        let signature = "P+PCVGJ/z+boNC2glLcf6GS2BZC0S8VQWG5+aqpIpIY=";
        assert_eq!(check("dGhpcyBpcyBh", signature, TIME, br#"{"a":1}"#), Ok(()));
    }

    #[test]
    fn what_was_signed_long_ago_or_in_the_future_is_refused() {
        for (timestamp, expected) in [
            ("2026-11-21T09:55:00Z", Ok(())),
            ("2026-11-21T10:05:00Z", Ok(())),
            ("2026-11-21T09:54:59Z", Err(Forged::Age)),
            ("2026-11-21T10:05:01Z", Err(Forged::Age)),
            ("yesterday", Err(Forged::Time)),
            ("", Err(Forged::Time)),
        ] {
            assert_eq!(check("s", &sign("s", timestamp, b"{}"), timestamp, b"{}"), expected);
        }
    }

    proptest! {
        #[test]
        fn a_body_is_taken_as_it_was_signed_and_no_other(
            secret in "[ -~]{1,80}",
            body in prop::collection::vec(any::<u8>(), 0..300),
            at in any::<prop::sample::Index>(),
            flip in 1u8..,
        ) {
            let signature = sign(&secret, TIME, &body);
            prop_assert_eq!(check(&secret, &signature, TIME, &body), Ok(()));
            let other = format!("{secret}x");
            prop_assert_eq!(check(&other, &signature, TIME, &body), Err(Forged::Signature));
            if !body.is_empty() {
                let mut changed = body.clone();
                let at = at.index(body.len());
                changed[at] ^= flip;
                prop_assert_eq!(check(&secret, &signature, TIME, &changed), Err(Forged::Signature));
            }
            let mut cut = STANDARD.decode(&signature).expect("base64");
            cut.truncate(at.index(32));
            let cut = STANDARD.encode(cut);
            prop_assert_eq!(check(&secret, &cut, TIME, &body), Err(Forged::Signature));
        }

        #[test]
        fn no_signature_makes_it_panic(signature in "\\PC{0,60}", timestamp in "\\PC{0,30}") {
            let checked = check("s", &signature, &timestamp, b"no body");
            prop_assert!(checked.is_err());
        }
    }
}
