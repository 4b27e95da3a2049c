//! What clients present: good, and bad in every way.

use super::draw::Draw;
use super::issuers::Issuer;
use super::setting::{AUDIENCE, ApiKey, Known, Setting};
use crate::mint::SigningKey;
use crate::sim::world::BEGIN_S;
use base64::Engine;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD as BASE64URL};
use serde_json::{Map, Value, json};
use std::fmt;
use std::rc::Rc;

/// A signed token, and the truth about it.
pub struct Token {
    /// The token.
    pub text: String,
    /// Which issuer it names.
    pub issuer: usize,
    /// The key that it was signed with.
    pub key: String,
    /// Whether anything else is wrong with how it was made.
    pub is_false: bool,
    /// Whom it is for.
    pub audience: Vec<&'static str>,
    /// What it may.
    pub scope: Vec<&'static str>,
    /// Whose.
    pub subject: String,
    /// Its name.
    pub id: String,
    /// Its session.
    pub session: String,
    /// When it was issued, in seconds since 1970.
    pub issued_at: u64,
    /// From when on it is good.
    pub not_before: Option<u64>,
    /// Up to when.
    pub expires_at: u64,
}

/// What a client presents.
#[derive(Clone, Debug)]
pub enum Credential {
    /// Nothing.
    None,
    /// A token.
    Token(Rc<Token>),
    /// A key, alone or with a name.
    Key(Rc<ApiKey>, Option<String>),
    /// A key that is not quite the one it looks like.
    BadKey(String),
    /// No credential that anybody knows.
    Nonsense(&'static str),
    /// Two of them.
    Two(Rc<Token>, Rc<Token>),
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            id,
            key,
            audience,
            scope,
            ..
        } = self;
        let since = |at: u64| at.cast_signed() - BEGIN_S.cast_signed();
        let (from, to) = (since(self.issued_at), since(self.expires_at));
        let is_false = if self.is_false { ", false" } else { "" };
        write!(
            f,
            "{id} of issuer {} by {key} for {audience:?} to {scope:?} from {from} s (not before {:?}) to {to} s{is_false}",
            self.issuer,
            self.not_before.map(since)
        )
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({:?})", self.name, self.known)
    }
}

impl Credential {
    /// The fields that it is sent in.
    pub fn fields(&self) -> Vec<(&'static str, String)> {
        let bearer = |token: &Token| ("authorization", format!("Bearer {}", token.text));
        match self {
            Self::None => Vec::new(),
            Self::Token(token) => vec![bearer(token)],
            Self::Key(key, None) => vec![("x-api-key", key.text.clone())],
            Self::Key(key, Some(name)) => {
                let pair = BASE64_STANDARD.encode(format!("{name}:{}", key.text));
                vec![("authorization", format!("Basic {pair}"))]
            }
            Self::BadKey(text) => vec![("x-api-key", text.clone())],
            Self::Nonsense(text) => vec![("authorization", (*text).to_owned())],
            Self::Two(one, other) => vec![bearer(one), bearer(other)],
        }
    }
}

/// Mints tokens, and keeps them to be presented again.
#[derive(Default)]
pub struct Purse {
    /// All that were minted.
    pub tokens: Vec<Rc<Token>>,
    /// Those that were taken back, or whose keys were.
    pub taken_back: Vec<Rc<Token>>,
}

impl Purse {
    /// What is presented for a request.
    pub fn credential(
        &mut self,
        draw: &mut Draw,
        setting: &Setting,
        issuers: &[Rc<Issuer>],
        wall_s: u64,
    ) -> Credential {
        match draw.below(60) {
            0 | 1 => Credential::None,
            2..=7 => {
                let key = draw.of(&setting.api_keys);
                match draw.below(6) {
                    0 => Credential::BadKey(other_secret(&key.text)),
                    1 => Credential::Key(key, Some("nobody".to_owned())),
                    2 => Credential::Key(Rc::clone(&key), Some(key.name.clone())),
                    _ => Credential::Key(key, None),
                }
            }
            8 => Credential::Nonsense(draw.of(&["Bearer", "Bearer a.b.c", "Digest x", "Basic !"])),
            9 if self.tokens.len() > 1 => {
                Credential::Two(draw.of(&self.tokens), draw.of(&self.tokens))
            }
            place => {
                // The newest are presented more often.
                let many = self.tokens.len();
                if place < 20 && !self.taken_back.is_empty() {
                    return Credential::Token(draw.of(&self.taken_back));
                }
                if place < 42 && many > 2 {
                    let from = draw.of(&[0, 1, 1]) * many.saturating_sub(5);
                    let token = draw.of(self.tokens.get(from..).unwrap_or(&self.tokens));
                    return Credential::Token(token);
                }
                let token = Rc::new(self.minted(draw, issuers, wall_s));
                self.tokens.push(Rc::clone(&token));
                Credential::Token(token)
            }
        }
    }

    fn minted(&self, draw: &mut Draw, issuers: &[Rc<Issuer>], now: u64) -> Token {
        let place = draw.below(issuers.len());
        let published = |issuer: &Issuer| issuer.published.newest().unwrap_or_default();
        let keys = published(&issuers[place]);
        let newest = keys.last().cloned().unwrap_or_default();
        let count = self.tokens.len();
        let issued_at = now - draw.below(3) as u64;
        let mut token = Token {
            text: String::new(),
            issuer: place,
            key: if draw.one_in(3) {
                draw.of(&keys)
            } else {
                newest
            },
            is_false: false,
            audience: vec![AUDIENCE],
            scope: vec!["read", "write"],
            subject: format!("s{count}x"),
            id: format!("j{count}"),
            session: format!("session{}", count % 4),
            issued_at,
            not_before: None,
            expires_at: now + draw.of(&[30, 600, 7200, 36_000, 86_000, 86_000]),
        };
        let mut header = Map::new();
        let mut named = token.key.clone();
        let mut tampers = false;
        match draw.below(48) {
            0 => token.audience = vec!["another"],
            1 => token.audience = vec!["another", AUDIENCE],
            2 => token.expires_at = now - draw.between(1, 200),
            3 => token.expires_at = now + draw.between(1, 5),
            4 => token.not_before = Some(now + draw.between(1, 200)),
            5 => token.scope = Vec::new(),
            6 => token.scope = vec!["read"],
            7 => token.scope = vec!["write", "read-only"],
            // A key that nobody publishes, under its own name and under a known one.
            8 | 9 => {
                token.key = format!("invented{count}");
                named.clone_from(&token.key);
            }
            10 => token.key = format!("invented{count}"),
            // The key of another issuer, who would like to sign for this one.
            11 => {
                let other = draw.of(issuers);
                token.key = draw.of(&published(&other));
                named.clone_from(&token.key);
            }
            12 => tampers = true,
            13 => {
                header.insert("alg".to_owned(), json!("none"));
                token.is_false = true;
            }
            14 => {
                header.insert("typ".to_owned(), json!("logout+jwt"));
                token.is_false = true;
            }
            15 => token.issued_at = now + 400,
            _ => {}
        }
        header.insert("kid".to_owned(), json!(named));
        let claims = token.claims(&issuers[place]);
        token.text = SigningKey::ed25519(&token.key).sign(&header, &claims);
        if tampers {
            token.is_false = true;
            token.subject = "mallory".to_owned();
            let changed = token.claims(&issuers[place]);
            let changed = BASE64URL.encode(Value::Object(changed).to_string());
            let parts: Vec<_> = token.text.split('.').collect();
            if let [header, _, signature] = parts[..] {
                token.text = format!("{header}.{changed}.{signature}");
            }
        }
        token
    }
}

impl Token {
    fn claims(&self, issuer: &Issuer) -> Map<String, Value> {
        let mut claims = Map::new();
        let mut put = |name: &str, value: Value| claims.insert(name.to_owned(), value);
        put("iss", json!(format!("https://{}", issuer.host)));
        put("aud", json!(self.audience));
        put("sub", json!(self.subject));
        put("jti", json!(self.id));
        put("sid", json!(self.session));
        put("iat", json!(self.issued_at));
        put("exp", json!(self.expires_at));
        if let Some(not_before) = self.not_before {
            put("nbf", json!(not_before));
        }
        if !self.scope.is_empty() {
            put("scope", json!(self.scope.join(" ")));
        }
        claims
    }
}

/// A key of the same id with another secret, whose checksum does not fit.
fn other_secret(text: &str) -> String {
    let end = text.len() - 1;
    let last = if text.ends_with('a') { 'b' } else { 'a' };
    format!("{}{last}", text.get(..end).unwrap_or_default())
}

/// The keys that are in the store at the beginning, or may come to be.
pub fn stored(setting: &Setting) -> Vec<Rc<ApiKey>> {
    let keys = setting.api_keys.iter();
    keys.filter(|key| key.known == Known::Store)
        .cloned()
        .collect()
}
