//! Requests that may be sent twice and are done once: `Idempotency-Key`
//! (draft-ietf-httpapi-idempotency-key-header-07).

use doorward_service::problem::Problem;
use doorward_syntax::base64url;
use http::{HeaderMap, StatusCode};
use sha2::{Digest as _, Sha256};

use crate::user::Identity;

/// The field with the key.
pub const IDEMPOTENCY_KEY: &str = "idempotency-key";
/// Longest key, in bytes.
pub const KEY_BYTES_MAX: usize = 255;
/// How long a key is remembered, in milliseconds: 24 hours.
pub const KEY_TIME_MS: u64 = 24 * 60 * 60 * 1000;

/// A key of a request, in the scope of who sent it where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Once {
    /// A hash of the key with issuer, subject, method and path: nobody meets the key of somebody else.
    pub key: String,
    /// A hash of the body, by which the same request is known.
    pub fingerprint: String,
    /// 64 bits of the key's hash, for a lock of the database.
    pub lock: i64,
}

impl Once {
    /// The key that the request has, if any.
    ///
    /// # Errors
    /// 400 where it is there twice, empty, too long, or no printable ASCII, and where a quote or a backslash is in it.
    pub fn of(
        headers: &HeaderMap,
        identity: &Identity,
        method: &str,
        path: &str,
        body: &[u8],
    ) -> Result<Option<Self>, Problem> {
        let mut values = headers.get_all(IDEMPOTENCY_KEY).iter();
        let Some(value) = values.next() else {
            return Ok(None);
        };
        let key = unquoted(value.as_bytes());
        let is_good = values.next().is_none()
            && (1..=KEY_BYTES_MAX).contains(&key.len())
            && key.iter().all(|byte| is_plain(*byte));
        if !is_good {
            let detail = "Idempotency-Key is one key of 1 to 255 printable ASCII characters without quotes and \
                          backslashes in it.";
            return Err(Problem::new(StatusCode::BAD_REQUEST, detail));
        }
        let mut hash = Sha256::new();
        let issuer = identity.issuer.as_bytes();
        let subject = identity.subject.as_bytes();
        for part in [issuer, subject, method.as_bytes(), path.as_bytes(), key] {
            // With its length, so that no two lists of parts look alike.
            hash.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
            hash.update(part);
        }
        let hash: [u8; 32] = hash.finalize().into();
        let lock = hash
            .first_chunk()
            .map_or(0, |start| i64::from_be_bytes(*start));
        Ok(Some(Self {
            key: hex(&hash),
            fingerprint: hex(&Sha256::digest(body)),
            lock,
        }))
    }
}

/// An answer that is no text, as the text that is kept of it.
pub fn text_of(answer: &[u8]) -> String {
    base64url::encode(answer)
}

/// The answer that a text was kept of.
pub fn answer_of(text: &str) -> Option<Vec<u8>> {
    base64url::decode(text.as_bytes())
}

/// What a key stands for. It is a string in quotes (RFC 9651 §3.3.3); many clients leave them out.
fn unquoted(value: &[u8]) -> &[u8] {
    match value {
        [b'"', key @ .., b'"'] => key,
        key => key,
    }
}

/// Whether two readers take this byte of a key for the same: a quote ends a string or stands for itself, a backslash
/// belongs to what follows or does not.
fn is_plain(byte: u8) -> bool {
    matches!(byte, b' '..=b'~') && !matches!(byte, b'"' | b'\\')
}

fn hex(bytes: &[u8]) -> String {
    let digits = bytes.iter().map(|byte| format!("{byte:02x}"));
    digits.collect()
}

#[cfg(test)]
#[expect(clippy::expect_used, reason = "tests")]
mod tests {
    use super::Once;
    use crate::user::Identity;
    use http::{HeaderMap, HeaderValue};

    fn once(issuer: &str, subject: &str, path: &str, key: &str, body: &str) -> Once {
        let identity = Identity {
            issuer: issuer.to_owned(),
            subject: subject.to_owned(),
        };
        let mut headers = HeaderMap::new();
        let value = HeaderValue::from_str(key).expect("a value");
        headers.insert(super::IDEMPOTENCY_KEY, value);
        let once = Once::of(&headers, &identity, "POST", path, body.as_bytes());
        once.expect("a good key").expect("a key")
    }

    #[test]
    fn a_key_belongs_to_who_sent_it_where() {
        let own = once("i", "s", "/p", "k", "{}");
        assert_eq!(
            own,
            once("i", "s", "/p", "\"k\"", "{}"),
            "with quotes or without"
        );
        for other in [
            once("i2", "s", "/p", "k", "{}"),
            once("i", "s2", "/p", "k", "{}"),
            once("i", "s", "/p2", "k", "{}"),
            once("i", "s", "/p", "k2", "{}"),
            once("is", "", "/p", "k", "{}"),
        ] {
            assert_ne!(own.key, other.key);
            assert_eq!(own.fingerprint, other.fingerprint);
        }
        let other_body = once("i", "s", "/p", "k", "{ }");
        assert_eq!(own.key, other_body.key);
        assert_ne!(own.fingerprint, other_body.fingerprint);
    }

    #[test]
    fn what_is_no_key_is_refused() {
        let identity = Identity {
            issuer: "i".to_owned(),
            subject: "s".to_owned(),
        };
        for values in [
            vec![""],
            vec!["\"\""],
            vec!["ä"],
            vec!["a", "b"],
            vec![&"a".repeat(256)],
            vec!["\"a"],
            vec!["\"a\\\"\""],
            vec!["a\\b"],
        ] {
            let mut headers = HeaderMap::new();
            for value in &values {
                let value = HeaderValue::from_str(value).expect("a value");
                headers.append(super::IDEMPOTENCY_KEY, value);
            }
            let refused = Once::of(&headers, &identity, "POST", "/p", b"{}");
            assert!(refused.is_err(), "{values:?}");
        }
        let without = Once::of(&HeaderMap::new(), &identity, "POST", "/p", b"{}");
        assert_eq!(without, Ok(None));
    }
}
