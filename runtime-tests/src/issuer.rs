//! An OpenID issuer that behaves as told: well, slowly, wrongly, or not at all.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// The audience of every token that [`Issuer::token`] makes.
pub const AUDIENCE: &str = "https://api.example";
const METADATA: &str = "/.well-known/openid-configuration";
const KEYS: &str = "/jwks";

/// How the issuer answers requests for one of its documents.
#[derive(Debug, Clone)]
pub enum Behaviour {
    /// With the document.
    Good,
    /// With this status and no body.
    Status(u16),
    /// Not at all: the connection stays open.
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
}

/// An issuer on a port of its own, until it is dropped.
#[derive(Debug)]
pub struct Issuer {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
    task: tokio::task::JoinHandle<()>,
}

#[derive(Debug)]
struct State {
    url: String,
    keys: Vec<Key>,
    behaviours: HashMap<&'static str, Behaviour>,
    requests: HashMap<String, usize>,
}

/// A signing key of the issuer.
#[derive(Debug, Clone)]
pub struct Key {
    id: String,
    pair: Arc<Pair>,
}

#[derive(Debug)]
enum Pair {
    Ed25519(Ed25519KeyPair),
    P256(EcdsaKeyPair),
}

impl Key {
    /// A new Ed25519 key.
    pub fn ed25519(id: &str) -> Self {
        let pair = Ed25519KeyPair::generate().unwrap();
        Self {
            id: id.to_owned(),
            pair: Arc::new(Pair::Ed25519(pair)),
        }
    }

    /// A new P-256 key.
    pub fn p256(id: &str) -> Self {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
        Self {
            id: id.to_owned(),
            pair: Arc::new(Pair::P256(pair)),
        }
    }

    /// A key set of this key alone, as text.
    pub fn key_set(&self) -> String {
        json!({ "keys": [self.public_jwk()] }).to_string()
    }

    fn algorithm(&self) -> &'static str {
        match *self.pair {
            Pair::Ed25519(_) => "EdDSA",
            Pair::P256(_) => "ES256",
        }
    }

    fn public_jwk(&self) -> Value {
        match &*self.pair {
            Pair::Ed25519(pair) => json!({
                "kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": "EdDSA", "kid": self.id,
                "x": URL_SAFE_NO_PAD.encode(pair.public_key()),
            }),
            Pair::P256(pair) => {
                // An uncompressed point: 0x04, x, y.
                let (x, y) = pair.public_key().as_ref()[1..].split_at(32);
                json!({
                    "kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": self.id,
                    "x": URL_SAFE_NO_PAD.encode(x), "y": URL_SAFE_NO_PAD.encode(y),
                })
            }
        }
    }

    /// Signs `claims` as a compact JWS.
    pub fn sign(&self, claims: &Value) -> String {
        self.sign_with_header(&json!({}), claims)
    }

    /// Signs `claims` under a header with more parameters than usual.
    pub fn sign_with_header(&self, extra: &Value, claims: &Value) -> String {
        let mut header = json!({ "alg": self.algorithm(), "typ": "JWT", "kid": self.id });
        for (name, value) in extra.as_object().into_iter().flatten() {
            header[name] = value.clone();
        }
        let input = format!(
            "{}.{}",
            URL_SAFE_NO_PAD.encode(header.to_string()),
            URL_SAFE_NO_PAD.encode(claims.to_string())
        );
        let signature = match &*self.pair {
            Pair::Ed25519(pair) => pair.sign(input.as_bytes()).as_ref().to_vec(),
            Pair::P256(pair) => pair
                .sign(&SystemRandom::new(), input.as_bytes())
                .unwrap()
                .as_ref()
                .to_vec(),
        };
        format!("{input}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}

impl Issuer {
    /// Starts an issuer that behaves well, with one Ed25519 and one P-256 key.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(Mutex::new(State {
            url: format!("http://{address}"),
            keys: vec![Key::ed25519("ed-1"), Key::p256("ec-1")],
            behaviours: HashMap::new(),
            requests: HashMap::new(),
        }));
        let shared = Arc::clone(&state);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&shared)));
            }
        });
        Self {
            address,
            state,
            task,
        }
    }

    /// Its issuer identifier.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Sets how the metadata document is answered.
    pub fn metadata_behaves(&self, behaviour: Behaviour) {
        self.state
            .lock()
            .unwrap()
            .behaviours
            .insert(METADATA, behaviour);
    }

    /// Sets how the key set is answered.
    pub fn keys_behave(&self, behaviour: Behaviour) {
        self.state
            .lock()
            .unwrap()
            .behaviours
            .insert(KEYS, behaviour);
    }

    /// Replaces the published keys.
    pub fn publish(&self, keys: Vec<Key>) {
        self.state.lock().unwrap().keys = keys;
    }

    /// Names another issuer in the metadata.
    pub fn claim_to_be(&self, url: &str) {
        self.state.lock().unwrap().url = url.to_owned();
    }

    /// How often the key set was asked for.
    pub fn key_requests(&self) -> usize {
        self.state
            .lock()
            .unwrap()
            .requests
            .get(KEYS)
            .copied()
            .unwrap_or(0)
    }

    /// The published key set.
    pub fn key_set(&self) -> Vec<u8> {
        let state = self.state.lock().unwrap();
        let keys: Vec<Value> = state.keys.iter().map(Key::public_jwk).collect();
        json!({ "keys": keys }).to_string().into_bytes()
    }

    /// The first published key.
    pub fn key(&self) -> Key {
        self.state.lock().unwrap().keys[0].clone()
    }

    /// The claims of a token that is valid for an hour.
    pub fn claims(&self, subject: &str, scope: &str) -> Value {
        let now = now();
        json!({
            "iss": self.url(), "aud": AUDIENCE, "sub": subject, "scope": scope,
            "iat": now, "exp": now + 3600,
        })
    }

    /// A token for `subject` with `scope`, signed with the first published key.
    pub fn token(&self, subject: &str, scope: &str) -> String {
        self.key().sign(&self.claims(subject, scope))
    }
}

impl Drop for Issuer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Seconds since 1970 by the real clock, which is the one that components see.
pub fn now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_secs()
}

async fn serve(mut stream: TcpStream, state: Arc<Mutex<State>>) {
    loop {
        let mut head = Vec::new();
        let mut buffer = [0; 4096];
        while !head.windows(4).any(|window| window == b"\r\n\r\n") {
            match stream.read(&mut buffer).await {
                Ok(0) | Err(_) => return,
                Ok(count) => head.extend_from_slice(&buffer[..count]),
            }
        }
        let line = String::from_utf8_lossy(&head).into_owned();
        let path = line.split(' ').nth(1).unwrap_or_default().to_owned();
        let (behaviour, document) = {
            let mut state = state.lock().unwrap();
            *state.requests.entry(path.clone()).or_default() += 1;
            let document = match path.as_str() {
                METADATA => Some(json!({
                    "issuer": state.url,
                    "jwks_uri": format!("http://{}{KEYS}", stream.local_addr().unwrap()),
                })),
                KEYS => {
                    let keys: Vec<Value> = state.keys.iter().map(Key::public_jwk).collect();
                    Some(json!({ "keys": keys }))
                }
                _ => None,
            };
            let behaviour = state.behaviours.get(path.as_str()).cloned();
            (behaviour.unwrap_or(Behaviour::Good), document)
        };
        let Some(document) = document else {
            let _ = stream
                .write_all(response(404, "text/plain", b"").as_slice())
                .await;
            continue;
        };
        let document = document.to_string().into_bytes();
        let answer = match behaviour {
            Behaviour::Good => response(200, "application/json", &document),
            Behaviour::Status(status) => response(status, "text/plain", b""),
            Behaviour::Close => return,
            Behaviour::Stall => {
                // Until the other side gives up.
                let _ = stream.read(&mut buffer).await;
                return;
            }
            Behaviour::Content(kind, body) => response(200, kind, &body),
            Behaviour::Redirect(location) => {
                format!("HTTP/1.1 302 Found\r\nlocation: {location}\r\ncontent-length: 0\r\n\r\n")
                    .into_bytes()
            }
            Behaviour::Truncated => {
                let mut answer = response(200, "application/json", &document);
                answer.truncate(answer.len() - document.len() / 2);
                let _ = stream.write_all(&answer).await;
                return;
            }
            Behaviour::Huge(mut left) => {
                let head = format!(
                    "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {left}\r\n\r\n"
                );
                if stream.write_all(head.as_bytes()).await.is_err() {
                    return;
                }
                let spaces = [b' '; 16 * 1024];
                while left > 0 {
                    let count = usize::try_from(left)
                        .unwrap_or(spaces.len())
                        .min(spaces.len());
                    if stream.write_all(&spaces[..count]).await.is_err() {
                        return;
                    }
                    left -= count as u64;
                }
                continue;
            }
        };
        if stream.write_all(&answer).await.is_err() {
            return;
        }
    }
}

fn response(status: u16, kind: &str, body: &[u8]) -> Vec<u8> {
    let mut bytes = format!(
        "HTTP/1.1 {status} Scripted\r\ncontent-type: {kind}\r\ncontent-length: {}\r\n\r\n",
        body.len()
    )
    .into_bytes();
    bytes.extend_from_slice(body);
    bytes
}
