//! What a credential looks like, for the log: nothing of it but its form.

use crate::api_keys::KeyPlace;
use crate::credential::{
    CredentialPlace, Found, Presented, cookie, dots_of_token, is_one_key, name_and_key, query,
    scheme_of, without_scheme,
};
use crate::token_from::TokenSource;

pub(crate) const AUTHORIZATION: &str = "authorization";

pub(crate) const BEARER: &str = "bearer";
pub(crate) const BEARER_MALFORMED: &str = "bearer-malformed";
pub(crate) const BASIC: &str = "basic";
pub(crate) const BASIC_MALFORMED: &str = "basic-malformed";
pub(crate) const OTHER_SCHEME: &str = "other-scheme";
pub(crate) const NO_SCHEME: &str = "no-scheme";
pub(crate) const TOKEN: &str = "token";
pub(crate) const TOKEN_MALFORMED: &str = "token-malformed";
pub(crate) const API_KEY: &str = "api-key";
pub(crate) const API_KEY_MALFORMED: &str = "api-key-malformed";

/// The form of a credential.
pub(crate) struct Form {
    pub(crate) name: &'static str,
    /// Of a token, its length in bytes and its dots.
    pub(crate) token: Option<(usize, u64)>,
}

impl Form {
    /// Whether it stands where tokens do.
    pub(crate) fn is_token(&self) -> bool {
        ![API_KEY, API_KEY_MALFORMED].contains(&self.name)
    }
}

/// That of what was found; `None` where that is nothing.
pub(crate) fn of(found: &Found<'_>) -> Option<Form> {
    let plain = |name| Some(Form { name, token: None });
    match found.presented {
        Presented::Nothing => None,
        Presented::ApiKey(key) => plain(match core::str::from_utf8(key) {
            Ok(key) if is_one_key(key) => API_KEY,
            _ => API_KEY_MALFORMED,
        }),
        Presented::Authorization(field) => {
            let Some((scheme, after)) = scheme_of(field) else {
                return plain(NO_SCHEME);
            };
            if scheme.eq_ignore_ascii_case(b"Bearer") {
                return of_token(after, BEARER, BEARER_MALFORMED);
            }
            if !scheme.eq_ignore_ascii_case(b"Basic") {
                return plain(OTHER_SCHEME);
            }
            plain(match after.and_then(name_and_key) {
                Some(_) => BASIC,
                None => BASIC_MALFORMED,
            })
        }
        Presented::Token(value) => {
            let value = match found.place {
                CredentialPlace::Header => without_scheme(value),
                CredentialPlace::Cookie => cookie::unquoted(value),
                CredentialPlace::Query if value.iter().any(|byte| b"%+".contains(byte)) => {
                    let decoded = core::str::from_utf8(value).ok().and_then(query::decoded);
                    let decoded = decoded.as_deref();
                    return of_token(decoded, TOKEN, TOKEN_MALFORMED);
                }
                CredentialPlace::Query | CredentialPlace::Authorization => value,
            };
            of_token(Some(value), TOKEN, TOKEN_MALFORMED)
        }
    }
}

fn of_token(token: Option<&[u8]>, good: &'static str, malformed: &'static str) -> Option<Form> {
    let dots = token.and_then(|token| Some((token.len(), dots_of_token(token)?)));
    Some(match dots {
        Some(token) => Form {
            name: good,
            token: Some(token),
        },
        None => Form {
            name: malformed,
            token: None,
        },
    })
}

/// A source of tokens, as `token_from` has it.
pub(crate) fn source_name(source: &TokenSource) -> String {
    let (kind, name) = match source {
        TokenSource::Authorization => return AUTHORIZATION.to_owned(),
        TokenSource::Header(name) => ("header:", name),
        TokenSource::Cookie(name) => ("cookie:", name),
        TokenSource::Query(name) => ("query:", name),
    };
    [kind, name].concat()
}

/// Where API keys are.
pub(crate) fn key_place_name(place: &KeyPlace) -> String {
    match place {
        KeyPlace::Header(name) => ["api-key:header:", name].concat(),
        KeyPlace::Query(name) => ["api-key:query:", name].concat(),
    }
}
