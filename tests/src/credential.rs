//! API keys and revocations as they are in the store, written by an implementation of its own: what
//! `doorward` writes and what the gate reads is a format that both keep to.

#![expect(
    clippy::indexing_slicing,
    reason = "test code stops at the first thing that is not as the test needs it"
)]

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

/// How the names of revocations begin.
pub const REVOKED: &str = "doorward/revoked/";
const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// An API key.
#[derive(Debug, Clone)]
pub struct ApiKey {
    /// The key itself.
    pub text: String,
    /// Its id, which is a part of it.
    pub id: String,
    /// Whose it is.
    pub name: String,
    /// What is kept of it.
    pub record: Value,
}

impl ApiKey {
    /// The key of this name. It follows from the name, so every run has the same.
    pub fn new(name: &str, scopes: &[&str], expires_at: Option<u64>) -> Self {
        let letters = |what: &str, count: usize| -> String {
            let mut text = String::new();
            for round in 0.. {
                let seed = format!("{what} {round} of {name}");
                for byte in digest(&SHA256, seed.as_bytes()).as_ref() {
                    if text.len() == count {
                        return text;
                    }
                    text.push(char::from(ALPHABET[usize::from(*byte) % 62]));
                }
            }
            text
        };
        let id = letters("id", 12);
        let summed = format!("dwk_{id}_{}", letters("secret", 43));
        let text = format!("{summed}{}", checksum(&summed));
        let hash = format!(
            "sha256:{}",
            URL_SAFE_NO_PAD.encode(digest(&SHA256, text.as_bytes()))
        );
        let record = json!({
            "version": 1, "id": id, "name": name, "digest": hash, "scopes": scopes,
            "created_at": 1_700_000_000, "expires_at": expires_at,
        });
        Self {
            text,
            id,
            name: name.to_owned(),
            record,
        }
    }

    /// The name and the value of its entry in the store.
    pub fn entry(&self) -> (String, String) {
        (self.entry_name(), self.record.to_string())
    }

    /// The name of its entry in the store.
    pub fn entry_name(&self) -> String {
        format!("doorward/api-keys/{}", self.id)
    }

    /// Its table in a policy, without an expiry.
    pub fn table(&self) -> String {
        let scopes = &self.record["scopes"];
        let scope = match scopes.as_array() {
            Some(scopes) if scopes.is_empty() => String::new(),
            _ => format!("scope = {scopes}\n"),
        };
        format!(
            "[[api_keys.key]]\nname = \"{}\"\nid = \"{}\"\nhash = {}\n{scope}",
            self.name, self.id, self.record["digest"]
        )
    }

    /// The key with one letter of its secret changed, and the checksum that fits.
    pub fn with_another_secret(&self) -> String {
        let mut summed = self.text[..self.text.len() - 6].to_owned();
        let last = summed.pop();
        summed.push(if last == Some('A') { 'B' } else { 'A' });
        format!("{summed}{}", checksum(&summed))
    }

    /// The value of `Authorization` with which a machine uses the key under a name (RFC 7617).
    pub fn basic(&self, name: &str) -> String {
        basic(name, &self.text)
    }
}

/// `Basic` with this name and password (RFC 7617 §2).
pub fn basic(name: &str, password: &str) -> String {
    let pair = format!("{name}:{password}");
    format!(
        "Basic {}",
        base64::engine::general_purpose::STANDARD.encode(pair)
    )
}

fn checksum(text: &str) -> String {
    let mut rest = crc32(text.as_bytes());
    let mut digits = [b'0'; 6];
    for digit in digits.iter_mut().rev() {
        *digit = ALPHABET[(rest % 62) as usize];
        rest /= 62;
    }
    String::from_utf8_lossy(&digits).into_owned()
}

fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            if crc & 1 == 1 {
                (crc >> 1) ^ 0xedb8_8320
            } else {
                crc >> 1
            }
        })
    })
}

/// What is revoked.
#[derive(Debug, Clone, Copy)]
pub enum Revoked<'a> {
    /// The token with this `jti`.
    Token(&'a str),
    /// The token with this text: an opaque one, or the signing input of a signed one.
    Text(&'a str),
    /// What was issued to this subject up to a time.
    Subject(&'a str, u64),
    /// What was issued to this subject up to a time and names no session.
    Sessionless(&'a str, u64),
    /// What belongs to this session.
    Session(&'a str),
    /// All that was issued up to a time.
    Everything(u64),
}

/// The name of the entry that revokes this, of this issuer, until what it revokes has expired.
pub fn revocation(issuer: &str, what: Revoked<'_>, expires_at: u64) -> String {
    let (tag, kind, value, until) = match what {
        Revoked::Token(id) => (0, "token", id, None),
        Revoked::Text(text) => (0xff, "token", text, None),
        Revoked::Subject(subject, until) => (1, "subject", subject, Some(until)),
        Revoked::Sessionless(subject, until) => (2, "sessionless", subject, Some(until)),
        Revoked::Session(session) => (3, "session", session, None),
        Revoked::Everything(until) => (4, "issuer", "", Some(until)),
    };
    let mut message = vec![tag];
    message.extend((issuer.len() as u64).to_be_bytes());
    message.extend(issuer.as_bytes());
    message.extend(value.as_bytes());
    let hash = URL_SAFE_NO_PAD.encode(&digest(&SHA256, &message).as_ref()[..16]);
    let until = until.map_or("-".to_owned(), |until| until.to_string());
    format!("{REVOKED}{expires_at}/{kind}/{hash}/{until}")
}
