//! What the tests of this crate share: tokens made with a secret.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on says so by panicking"
)]

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use sha2::Sha256;

use crate::{
    Algorithm, AlgorithmSet, Expectations, KeySet, TokenError, UnixTime, UnverifiedToken,
    VerifiedToken,
};

pub(crate) const SECRET: &[u8] = b"a secret of at least thirty-two bytes";
pub(crate) const NOW: UnixTime = UnixTime(1_800_000_000);
pub(crate) const ISSUER: &str = "https://login.acme.example";
pub(crate) const AUDIENCE: &str = "https://api.acme.example";

pub(crate) fn keys() -> KeySet {
    KeySet::from_secret(SECRET, AlgorithmSet::of(&[Algorithm::Hs256])).unwrap()
}

pub(crate) fn expectations() -> Expectations {
    Expectations {
        issuer: ISSUER.to_owned(),
        audience: vec![AUDIENCE.to_owned()],
        algorithms: AlgorithmSet::of(&[Algorithm::Hs256]),
        leeway_s: 60,
        access_token_profile: false,
        ..Expectations::default()
    }
}

/// Claims that are accepted, with some replaced, added or (by null) left out.
pub(crate) fn claims(changes: Value) -> Value {
    let mut claims = json!({"iss": ISSUER, "aud": AUDIENCE, "exp": NOW.0 + 300, "sub": "alice"});
    for (name, value) in changes.as_object().unwrap() {
        if value.is_null() {
            claims.as_object_mut().unwrap().remove(name);
        } else {
            claims
                .as_object_mut()
                .unwrap()
                .insert(name.clone(), value.clone());
        }
    }
    claims
}

/// A token with this header and payload, whatever they are, and a right HS256 signature.
pub(crate) fn sign(header: &str, payload: &str) -> String {
    let input = format!(
        "{}.{}",
        URL_SAFE_NO_PAD.encode(header),
        URL_SAFE_NO_PAD.encode(payload)
    );
    let code = Hmac::<Sha256>::new_from_slice(SECRET)
        .unwrap()
        .chain_update(&input)
        .finalize();
    format!("{input}.{}", URL_SAFE_NO_PAD.encode(code.into_bytes()))
}

/// A token with a plain header and these claims.
pub(crate) fn token(claims: &Value) -> String {
    sign(r#"{"alg":"HS256"}"#, &claims.to_string())
}

pub(crate) fn verify_with(
    token: &str,
    expect: &Expectations,
    now: UnixTime,
) -> Result<VerifiedToken, TokenError> {
    UnverifiedToken::parse(token.as_bytes())?.verify(&keys(), expect, now)
}

pub(crate) fn verify(token: &str) -> Result<VerifiedToken, TokenError> {
    verify_with(token, &expectations(), NOW)
}
