//! Keys and signed tokens for tests. The keys follow from their names, so every run has the same.

#![expect(
    clippy::expect_used,
    reason = "test code stops at the first thing that is not as the test needs it"
)]

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use aws_lc_rs::{digest, hmac};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64URL;
use serde_json::{Map, Value, json};

/// A key that signs tokens.
pub struct SigningKey {
    name: String,
    kind: Kind,
}

enum Kind {
    Ed25519(Ed25519KeyPair),
    Hs256(String),
}

impl SigningKey {
    /// The Ed25519 key of this name, which is also its `kid`.
    #[must_use]
    pub fn ed25519(name: &str) -> Self {
        let seed = digest::digest(&digest::SHA256, name.as_bytes());
        let pair = Ed25519KeyPair::from_seed_unchecked(seed.as_ref()).expect("32 bytes are a seed");
        Self {
            name: name.to_owned(),
            kind: Kind::Ed25519(pair),
        }
    }

    /// A secret for HS256, to be shared by way of a variable.
    #[must_use]
    pub fn hs256(name: &str, secret: &str) -> Self {
        Self {
            name: name.to_owned(),
            kind: Kind::Hs256(secret.to_owned()),
        }
    }

    /// The public key as a JWK (RFC 8037 section 2); `None` for a secret.
    #[must_use]
    pub fn jwk(&self) -> Option<Value> {
        match &self.kind {
            Kind::Ed25519(pair) => Some(json!({
                "kty": "OKP",
                "crv": "Ed25519",
                "kid": self.name,
                "alg": "EdDSA",
                "use": "sig",
                "x": BASE64URL.encode(pair.public_key()),
            })),
            Kind::Hs256(_) => None,
        }
    }

    /// The public key once for each of these issuers, with that member `issuer`; once without where there
    /// is none.
    #[must_use]
    pub fn jwks(&self, issuers: &[String]) -> Vec<Value> {
        let Some(jwk) = self.jwk() else {
            return Vec::new();
        };
        if issuers.is_empty() {
            return vec![jwk];
        }
        let with = |issuer: &String| {
            let mut jwk = jwk.clone();
            if let Value::Object(members) = &mut jwk {
                members.insert("issuer".to_owned(), issuer.as_str().into());
            }
            jwk
        };
        issuers.iter().map(with).collect()
    }

    /// A compact JWS over the claims (RFC 7515 section 7.1). `header` adds to the usual parameters,
    /// or replaces them.
    #[must_use]
    pub fn sign(&self, header: &Map<String, Value>, claims: &Map<String, Value>) -> String {
        let algorithm = match self.kind {
            Kind::Ed25519(_) => "EdDSA",
            Kind::Hs256(_) => "HS256",
        };
        let mut parameters = Map::new();
        parameters.insert("alg".to_owned(), json!(algorithm));
        parameters.insert("kid".to_owned(), json!(self.name));
        parameters.insert("typ".to_owned(), json!("JWT"));
        parameters.extend(header.clone());
        let encode = |part: &Map<String, Value>| {
            BASE64URL.encode(serde_json::to_vec(part).expect("JSON values are JSON"))
        };
        let signed = format!("{}.{}", encode(&parameters), encode(claims));
        let signature = match &self.kind {
            Kind::Ed25519(pair) => pair.sign(signed.as_bytes()).as_ref().to_vec(),
            Kind::Hs256(secret) => {
                let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
                hmac::sign(&key, signed.as_bytes()).as_ref().to_vec()
            }
        };
        format!("{signed}.{}", BASE64URL.encode(signature))
    }
}
