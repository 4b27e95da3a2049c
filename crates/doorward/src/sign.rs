//! Making a token.

use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result, anyhow};
use aws_lc_rs::rand;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value, json};

use crate::keys::SigningKey;

/// Bytes of randomness in a token's id.
const TOKEN_ID_BYTES: usize = 16;

/// Where tokens come from, unless told otherwise: the development issuer.
pub(crate) const ISSUER: &str = "http://127.0.0.1:3001";
/// Whom tokens are for, unless told otherwise: the application as `doorward` serves it.
pub(crate) const AUDIENCE: &str = "http://127.0.0.1:3000";
/// How long tokens are valid, unless told otherwise, in seconds.
pub(crate) const LIFETIME_S: i64 = 3600;

/// What a token says.
pub(crate) struct Content<'c> {
    pub(crate) issuer: &'c str,
    pub(crate) subject: &'c str,
    pub(crate) client: Option<&'c str>,
    pub(crate) audience: &'c [String],
    pub(crate) scope: &'c str,
    /// Negative for a token that has expired already.
    pub(crate) lifetime_s: i64,
    /// Further claims; one of a name that is used above takes its place.
    pub(crate) claims: Map<String, Value>,
}

/// A compact JWS (RFC 7515 §7.1) whose claims are those of an access token (RFC 9068 §2.2).
pub(crate) fn token(key: &SigningKey, content: Content<'_>) -> Result<String> {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .context("the clock is before 1970")?
        .as_secs();
    let now = i64::try_from(now).context("the clock is far in the future")?;
    let audience = match content.audience {
        [one] => json!(one),
        several => json!(several),
    };
    let header = json!({
        "alg": key.algorithm().name(),
        "kid": key.key_id(),
        "typ": "at+jwt",
    });
    let mut claims = Map::new();
    claims.insert("iss".to_owned(), content.issuer.into());
    claims.insert("sub".to_owned(), content.subject.into());
    claims.insert("aud".to_owned(), audience);
    claims.insert(
        "client_id".to_owned(),
        content.client.unwrap_or(content.subject).into(),
    );
    // A token that has expired was issued before it did.
    claims.insert("iat".to_owned(), (now + content.lifetime_s.min(0)).into());
    claims.insert(
        "exp".to_owned(),
        now.saturating_add(content.lifetime_s).into(),
    );
    claims.insert("jti".to_owned(), token_id()?.into());
    if !content.scope.is_empty() {
        claims.insert("scope".to_owned(), content.scope.into());
    }
    claims.extend(content.claims);
    let signed = format!(
        "{}.{}",
        URL_SAFE_NO_PAD.encode(header.to_string()),
        URL_SAFE_NO_PAD.encode(Value::Object(claims).to_string())
    );
    let signature = key.sign(signed.as_bytes())?;
    Ok(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)))
}

fn token_id() -> Result<String> {
    let mut bytes = [0; TOKEN_ID_BYTES];
    rand::fill(&mut bytes).map_err(|_| anyhow!("the system has no randomness"))?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}
