//! The introspection endpoint (RFC 7662): who may ask, and what is answered.

use super::{INTROSPECTION, Key, State};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use std::collections::{HashMap, HashSet};

/// `client_assertion_type` of RFC 7523 §2.2.
const ASSERTION: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
/// The longest life of a client's assertion, in seconds.
const ASSERTION_S_MAX: u64 = 300;

/// How a client of the introspection endpoint proves who it is. One way only, as registered.
#[derive(Debug, Clone)]
pub enum Client {
    /// `client_secret_basic`: the id and the secret.
    Basic(&'static str, &'static str),
    /// `client_secret_post`: the id and the secret.
    Post(&'static str, &'static str),
    /// `private_key_jwt`: the id and the key.
    KeyJwt(&'static str, Key),
}

/// What the endpoint knows and has been asked.
#[derive(Debug, Default)]
pub(super) struct Endpoint {
    pub(super) client: Option<Client>,
    /// What is answered about a token; about any other one, that it is not active.
    pub(super) answers: HashMap<String, Value>,
    /// The tokens that a client with proof has asked about.
    pub(super) asked: Vec<String>,
    /// Why clients were turned away.
    pub(super) turned_away: Vec<String>,
    /// `jti` of the assertions that were used.
    used: HashSet<String>,
}

/// The status and the document to answer with.
pub(super) fn answer(
    state: &mut State,
    base: &str,
    now: u64,
    authorization: Option<&str>,
    content_type: &str,
    body: &[u8],
) -> (u16, Value) {
    let mut read = || {
        if content_type != "application/x-www-form-urlencoded" {
            return Err(format!("content type {content_type:?}"));
        }
        let form = form(body)?;
        let endpoint = &mut state.introspection;
        let client = endpoint.client.as_ref().ok_or("no client is registered")?;
        let url = &state.url;
        let audiences = [url.clone(), format!("{base}{INTROSPECTION}")];
        check(
            client,
            authorization,
            &form,
            &audiences,
            now,
            &mut endpoint.used,
        )?;
        let token = one(&form, "token")?.ok_or("no token is named")?;
        Ok(token.to_owned())
    };
    match read() {
        Ok(token) => {
            let endpoint = &mut state.introspection;
            endpoint.asked.push(token.clone());
            let known = endpoint.answers.get(&token).cloned();
            (200, known.unwrap_or_else(|| json!({ "active": false })))
        }
        Err(why) => {
            state.introspection.turned_away.push(why);
            (401, json!({ "error": "invalid_client" }))
        }
    }
}

type Form = Vec<(String, String)>;

fn check(
    client: &Client,
    authorization: Option<&str>,
    form: &Form,
    audiences: &[String],
    now: u64,
    used: &mut HashSet<String>,
) -> Result<(), String> {
    // RFC 6749 §2.3: no more than one way per request.
    let secret = one(form, "client_secret")?;
    let assertion = one(form, "client_assertion")?;
    let named = one(form, "client_id")?;
    match client {
        Client::Basic(id, due) => {
            if secret.is_some() || assertion.is_some() {
                return Err("another proof beside Basic".to_owned());
            }
            let value = authorization.ok_or("no Authorization")?;
            let value = value.strip_prefix("Basic ").ok_or("not Basic")?;
            let text = STANDARD.decode(value).map_err(|_| "not base64")?;
            let text = String::from_utf8(text).map_err(|_| "not UTF-8")?;
            let (user, password) = text.split_once(':').ok_or("no colon")?;
            // RFC 6749 §2.3.1: both are form-encoded before.
            let right = decoded(user)? == *id && decoded(password)? == *due;
            right.then_some(()).ok_or("wrong id or secret".to_owned())
        }
        Client::Post(id, due) => {
            if authorization.is_some() || assertion.is_some() {
                return Err("another proof beside the form".to_owned());
            }
            let right = named == Some(*id) && secret == Some(*due);
            right.then_some(()).ok_or("wrong id or secret".to_owned())
        }
        Client::KeyJwt(id, key) => {
            if authorization.is_some() || secret.is_some() {
                return Err("another proof beside the assertion".to_owned());
            }
            if named.is_some_and(|named| named != *id) {
                return Err("another client_id".to_owned());
            }
            if one(form, "client_assertion_type")? != Some(ASSERTION) {
                return Err("wrong client_assertion_type".to_owned());
            }
            let (header, claims) = key
                .open(assertion.ok_or("no client_assertion")?)
                .ok_or("the assertion is not signed by the client")?;
            let until = claims["exp"].as_u64().unwrap_or_default();
            let jti = claims["jti"].as_str().unwrap_or_default();
            let audience = claims["aud"].as_str().unwrap_or_default();
            let right = header["alg"] == key.algorithm()
                && header.get("kid").is_none_or(|kid| *kid == key.id)
                && claims["iss"] == *id
                && claims["sub"] == *id
                && audiences.iter().any(|due| due == audience)
                && now < until
                && until <= now + ASSERTION_S_MAX
                && jti.len() >= 16;
            if !right {
                return Err(format!("the assertion says {header} {claims} at {now}"));
            }
            let first = used.insert(jti.to_owned());
            first.then_some(()).ok_or("used before".to_owned())
        }
    }
}

/// The value of a field that may come once.
fn one<'f>(form: &'f Form, name: &str) -> Result<Option<&'f str>, String> {
    let mut values = form.iter().filter(|(known, _)| known == name);
    let value = values.next().map(|(_, value)| value.as_str());
    match values.next() {
        Some(_) => Err(format!("{name} twice")),
        None => Ok(value),
    }
}

fn form(body: &[u8]) -> Result<Form, String> {
    let text = std::str::from_utf8(body).map_err(|_| "the form is not UTF-8")?;
    let pairs = text.split('&').map(|pair| {
        let (name, value) = pair.split_once('=').ok_or("a field without a value")?;
        Ok((decoded(name)?, decoded(value)?))
    });
    pairs.collect()
}

fn decoded(text: &str) -> Result<String, String> {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let digits = [rest.next(), rest.next()].map(Option::unwrap_or_default);
                let digits = std::str::from_utf8(&digits).map_err(|_| "a bad escape")?;
                u8::from_str_radix(digits, 16).map_err(|_| "a bad escape")?
            }
            byte => byte,
        });
    }
    String::from_utf8(bytes).map_err(|_| "an escape that is not UTF-8".to_owned())
}
