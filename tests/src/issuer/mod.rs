//! What an OpenID issuer answers that behaves as told: well, slowly, wrongly, or not at all. How it is asked is
//! somebody else's: over sockets, or in virtual time.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code stops at the first thing that is not as the test needs it"
)]

mod introspection;
mod key;

pub use introspection::Client;
pub use key::Key;

use serde_json::{Value, json};
use std::collections::HashMap;

/// The audience of every token that [`Issuer::token`](crate::served::issuer::Issuer::token) makes.
pub const AUDIENCE: &str = "https://api.example";
/// Where the metadata are, below the issuer's URL.
pub const METADATA: &str = "/.well-known/openid-configuration";
/// Where the key set is.
pub const KEYS: &str = "/jwks";
/// Where opaque tokens are asked about.
pub const INTROSPECTION: &str = "/introspect";
/// What a logout token has among its `events`.
pub const LOGOUT_EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";
/// How the issuer answers requests for one of its documents.
#[derive(Debug, Clone)]
pub enum Behaviour {
    /// With the document.
    Good,
    /// With this status and no body.
    Status(u16),
    /// With status 429 and this `Retry-After`.
    TooMany(String),
    /// With this status and an error of this name (RFC 6749 §5.2).
    Error(u16, &'static str),
    /// Not at all: the connection stays open, until [`Issuer::recover`](crate::served::issuer::Issuer::recover) lets it go on to a good answer.
    Stall,
    /// By closing the connection.
    Close,
    /// With this many bytes of JSON white space.
    Huge(u64),
    /// With this content type and body.
    Content(&'static str, Vec<u8>),
    /// With a redirect to this URL.
    Redirect(String),
    /// With half of the document that its `Content-Length` announces.
    Truncated,
    /// With the whole document, and an end before that of the body that its `Content-Length` announces.
    EndsEarly,
}

/// How many bytes more than there are [`Behaviour::EndsEarly`] announces.
pub const MISSING_BYTES: usize = 1;

/// What an issuer knows, and what it was asked.
#[derive(Debug)]
pub struct State {
    /// Its name, as its metadata have it.
    pub url: String,
    /// By path: empty, or a slash and the tenant's name.
    pub keys: HashMap<String, Vec<Key>>,
    /// By path: how it answers, where that is not well.
    pub behaviours: HashMap<String, Behaviour>,
    /// By path: how often it was asked.
    pub requests: HashMap<String, usize>,
    /// The last `Accept` of each path.
    pub accepts: HashMap<String, String>,
    /// How many answers are being held back.
    pub stalled: usize,
    /// Fields that come with the key set.
    pub key_headers: Vec<(&'static str, String)>,
    /// Whether there is an `ETag` with it.
    pub with_etag: bool,
    /// How often 304 was the answer.
    pub not_modified: usize,
    /// How many bytes of [`Behaviour::Huge`] were taken.
    pub huge_bytes_taken: u64,
    introspection: introspection::Endpoint,
}

/// A request.
#[derive(Debug)]
pub struct Asked {
    /// Its method.
    pub method: String,
    /// Its path.
    pub path: String,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    /// Its body.
    pub body: Vec<u8>,
}

impl Asked {
    /// The value of the field of this name.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        let found = headers.find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }
}

/// A good answer.
#[derive(Debug)]
pub struct Document {
    /// Its status.
    pub status: u16,
    /// Its fields, but for the length.
    pub headers: Vec<(&'static str, String)>,
    /// Its body.
    pub body: Vec<u8>,
}

/// The claims of a token of this issuer that is valid for an hour.
#[must_use]
pub fn claims(url: &str, now: u64, subject: &str, scope: &str) -> Value {
    json!({
        "iss": url, "aud": AUDIENCE, "sub": subject, "scope": scope,
        "iat": now, "exp": now + 3600,
    })
}

/// What is to be answered about an opaque token of this issuer that is active for an hour.
#[must_use]
pub fn active(url: &str, now: u64, subject: &str, scope: &str) -> Value {
    let mut answer = claims(url, now, subject, scope);
    answer["active"] = true.into();
    answer["token_type"] = "Bearer".into();
    answer["client_id"] = "app".into();
    answer
}

/// The claims of a logout token of this issuer for `client` that is good for two minutes (OpenID Connect
/// Back-Channel Logout 1.0 §2.4). It says neither who nor which session yet.
#[must_use]
pub fn logout_claims(url: &str, now: u64, client: &str, id: &str) -> Value {
    json!({
        "iss": url, "aud": client, "iat": now, "exp": now + 120, "jti": id,
        "events": { LOGOUT_EVENT: {} },
    })
}

impl State {
    /// One at this URL that behaves well, with one Ed25519 and one P-256 key.
    #[must_use]
    pub fn new(url: &str) -> Self {
        let keys = vec![Key::ed25519("ed-1"), Key::p256("ec-1")];
        Self {
            url: url.to_owned(),
            keys: HashMap::from([(String::new(), keys)]),
            behaviours: HashMap::new(),
            requests: HashMap::new(),
            accepts: HashMap::new(),
            stalled: 0,
            key_headers: Vec::new(),
            with_etag: false,
            not_modified: 0,
            huge_bytes_taken: 0,
            introspection: introspection::Endpoint::default(),
        }
    }

    /// Takes note of a request, and says how it is answered.
    pub fn asked(&mut self, asked: &Asked) -> Behaviour {
        *self.requests.entry(asked.path.clone()).or_default() += 1;
        let accept = asked.header("accept").unwrap_or_default().to_owned();
        self.accepts.insert(asked.path.clone(), accept);
        let behaviour = self.behaviours.get(&asked.path).cloned();
        behaviour.unwrap_or(Behaviour::Good)
    }

    /// Answers all documents like this.
    pub fn all_behave(&mut self, behaviour: &Behaviour) {
        for path in [METADATA, KEYS, INTROSPECTION] {
            self.behaviours.insert(path.to_owned(), behaviour.clone());
        }
    }

    /// Lets this client, and no other, ask about opaque tokens.
    pub fn introspected_by(&mut self, client: Client) {
        self.introspection.client = Some(client);
    }

    /// Sets what is answered about an opaque token.
    pub fn says_of(&mut self, token: &str, answer: Value) {
        self.introspection.answers.insert(token.to_owned(), answer);
    }

    /// Knows an opaque token no longer.
    pub fn withdraw(&mut self, token: &str) {
        self.introspection.answers.remove(token);
    }

    /// The opaque tokens that a client with proof has asked about.
    #[must_use]
    pub fn asked_about(&self) -> Vec<String> {
        self.introspection.asked.clone()
    }

    /// Why clients were turned away.
    #[must_use]
    pub fn turned_away(&self) -> Vec<String> {
        self.introspection.turned_away.clone()
    }

    /// The key set of the issuer, or of the tenant at this path.
    #[must_use]
    pub fn key_set(&self, path: &str) -> Vec<u8> {
        let keys = self.keys.get(path).into_iter().flatten();
        let keys: Vec<Value> = keys.map(Key::public_jwk).collect();
        json!({ "keys": keys }).to_string().into_bytes()
    }
}

/// The document that answers a request, where the issuer behaves well. `base` is where it can be asked.
pub fn document(state: &mut State, base: &str, now: u64, asked: &Asked) -> Document {
    let json = |status: u16, value: serde_json::Value| Document {
        status,
        headers: vec![("content-type", "application/json".to_owned())],
        body: value.to_string().into_bytes(),
    };
    if asked.path == INTROSPECTION && asked.method == "POST" {
        let authorization = asked.header("authorization");
        let content_type = asked.header("content-type").unwrap_or_default();
        let (status, value) =
            introspection::answer(state, base, now, authorization, content_type, &asked.body);
        return json(status, value);
    }
    let published = |path: &str| {
        (asked.method == "GET" && state.keys.contains_key(path)).then(|| path.to_owned())
    };
    if let Some(tenant) = asked.path.strip_suffix(METADATA).and_then(published) {
        let url = &state.url;
        return json(
            200,
            json!({
                "issuer": format!("{url}{tenant}"),
                "jwks_uri": format!("{base}{tenant}{KEYS}"),
                "introspection_endpoint": format!("{base}{INTROSPECTION}"),
            }),
        );
    }
    let Some(tenant) = asked.path.strip_suffix(KEYS).and_then(published) else {
        return json(404, json!({}));
    };
    let mut document = json(200, json!({}));
    document.body = state.key_set(&tenant);
    document.headers.extend(state.key_headers.iter().cloned());
    if state.with_etag {
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &document.body);
        let digest: String = digest
            .as_ref()
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        let etag = format!("\"{digest}\"");
        if asked.header("if-none-match") == Some(&etag) {
            state.not_modified += 1;
            document.status = 304;
            document.body.clear();
        }
        document.headers.push(("etag", etag));
    }
    document
}
