//! Issuers: keys that rotate, metadata, and an endpoint that can be asked about opaque tokens.

use super::origin::{Origin, Reply};
use super::world::World;
use crate::mint::SigningKey;
use serde_json::{Map, Value, json};
use std::cell::RefCell;
use std::rc::Rc;

/// An issuer of signed tokens.
pub struct Issuer {
    /// Its name: a URL with https and a host alone.
    pub url: String,
    /// What answers for it.
    pub origin: Rc<Origin>,
    keys: RefCell<Vec<Rc<SigningKey>>>,
    fields: RefCell<Vec<(String, String)>>,
}

impl Issuer {
    /// One at `host`, with a key of this name, which answers for its key set alone (`/keys`).
    #[must_use]
    pub fn at(world: &Rc<World>, host: &str, key: &str) -> Rc<Self> {
        let issuer = Rc::new(Self {
            url: format!("https://{host}"),
            origin: Origin::at(world, host),
            keys: RefCell::default(),
            fields: RefCell::default(),
        });
        issuer.publish(&[key]);
        issuer
    }

    /// Where its key set is.
    #[must_use]
    pub fn keys_url(&self) -> String {
        format!("{}/keys", self.url)
    }

    /// Publishes keys of these names, and no others.
    pub fn publish(&self, names: &[&str]) {
        let keys = names.iter().map(|name| Rc::new(SigningKey::ed25519(name)));
        *self.keys.borrow_mut() = keys.collect();
        self.answer();
    }

    /// Says this field with its key set from now on.
    pub fn says(&self, name: &str, value: &str) {
        let said = (name.to_owned(), value.to_owned());
        self.fields.borrow_mut().push(said);
        self.answer();
    }

    /// Works again, after something else was scripted.
    pub fn answer(&self) {
        let keys: Vec<Value> = self
            .keys
            .borrow()
            .iter()
            .filter_map(|key| key.jwk())
            .collect();
        let mut reply = Reply::default()
            .field("content-type", "application/json")
            .body(json!({ "keys": keys }).to_string());
        for (name, value) in &*self.fields.borrow() {
            reply = reply.field(name, value);
        }
        self.origin.always(reply);
    }

    /// A token by the key of this name, with these claims beside `iss`, `aud`, `iat` and `exp`, for an hour.
    #[must_use]
    pub fn token_by(&self, key: &str, world: &World, claims: Value) -> String {
        let now = world.wall_s();
        let mut all = Map::new();
        all.insert("iss".to_owned(), json!(self.url));
        all.insert("aud".to_owned(), json!("api"));
        all.insert("sub".to_owned(), json!("alice"));
        all.insert("iat".to_owned(), json!(now));
        all.insert("exp".to_owned(), json!(now + 3600));
        if let Value::Object(claims) = claims {
            all.extend(claims);
        }
        all.retain(|_, value| !value.is_null());
        SigningKey::ed25519(key).sign(&Map::new(), &all)
    }
}
