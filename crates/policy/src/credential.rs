//! The credential of a request: where it is looked for, and what counts as one.
//!
//! A credential is in the `Authorization` field, or in the one other place that `[api_keys]` names: a
//! header or a parameter of the query. Where a route says so with `token_from`, a token is looked for in
//! other places as well, or in them only: in a header of its own, a cookie, a parameter of the query
//! (RFC 6750 section 2.3). What is in the query ends up in other people's logs and caches; a form body is
//! not looked at.
//!
//! 1. There is one credential at most. Two `Authorization` fields, two API keys, or one of each are
//!    refused as malformed whatever is in them, on public routes as well: `Authorization` is no list
//!    (RFC 9110 section 11.6.2), and the gate and an upstream could choose different ones. So is a
//!    parameter whose name is another spelling of the API key's: `api%5Fkey` is `api_key` to whoever
//!    decodes it. Of the sources of a route the first one that is there decides, whatever is in it, and the
//!    same holds for that one: a second header of the name, or one that folds into it, a second crumb, a
//!    second parameter, or another spelling of it. The sources after it are not looked at: the same token is
//!    often sent in two of them.
//! 2. The rule says which kinds it accepts. Without a credential, or with one of another kind, there
//!    is none that could be used: the answer is a challenge without an error code (RFC 6750
//!    section 3.1, last paragraph).
//! 3. `Bearer` in any case is followed by one space and a `b64token` (RFC 6750 section 2.1).
//!    RFC 9110 section 11.4 would allow several spaces; one is what clients send, and what every
//!    parser reads alike.
//! 4. A bearer token with exactly two dots is a signed one (`jwt`) where the rule accepts `jwt`, and
//!    not `opaque` before it. Any other bearer token is opaque where the rule accepts that, and
//!    otherwise a signed one that is malformed. What it was taken for, it stays: a signed token that
//!    proves false is not tried as anything else.
//! 5. `Basic` in any case is followed by one space and strict base64 with padding (RFC 7617
//!    section 2), which gives UTF-8 without control characters. The user name goes up to the first
//!    colon; what follows is the API key.
//! 6. An API key in its own place is printable ASCII without spaces.
//! 7. A token in a header of its own, a cookie or the query is a `b64token` without a scheme; in a header
//!    `Bearer` and a space may stand before it, in a cookie double quotes around it, in the query escapes for
//!    bytes of it.
//!
//! What does not read like that is `invalid_request`, 400.

use core::fmt;

use doorward_syntax::base64url::decode_standard_padded;
use doorward_syntax::tokens::is_tchar;

use crate::api_keys::ApiKeys;
use crate::policy::{AskedIssuer, Demands, Policy};

pub(crate) mod cookie;
pub(crate) mod error;
mod find;
pub(crate) mod kind;
mod letters;
pub(crate) mod place;
pub(crate) mod query;

pub use self::error::CredentialError;
pub(crate) use self::find::{Found, Presented, find};
pub use self::kind::CredentialKind;
pub(crate) use self::letters::dots_of_token;
pub use self::place::CredentialPlace;

/// Longest `Basic` credential, in bytes of base64.
pub const BASIC_BYTES_MAX: usize = 1024;
/// Longest API key in its own place, in bytes.
pub const API_KEY_BYTES_MAX: usize = 256;

/// A credential of which nothing is known but what it looks like.
///
/// `Debug` prints its kind and nothing of it.
#[derive(Clone, Copy)]
pub enum Credential<'a> {
    /// A bearer token that is signed, if it is any good.
    Jwt(&'a str),
    /// A bearer token that its issuer has to be asked about.
    Opaque {
        /// The token.
        token: &'a str,
        /// The only issuer among those that the rule accepts that can be asked.
        asked: AskedIssuer<'a>,
    },
    /// An API key.
    ApiKey {
        /// The key.
        key: &'a str,
        /// Where it is looked up.
        among: &'a ApiKeys,
    },
    /// An API key that came with the name it should have.
    Basic {
        /// The user name: the key's name.
        name: &'a str,
        /// The password: the key.
        key: &'a str,
        /// Where it is looked up.
        among: &'a ApiKeys,
    },
}

impl Credential<'_> {
    /// Its kind.
    #[must_use]
    pub fn kind(&self) -> CredentialKind {
        match self {
            Self::Jwt(_) => CredentialKind::Jwt,
            Self::Opaque { .. } => CredentialKind::Opaque,
            Self::ApiKey { .. } => CredentialKind::ApiKey,
            Self::Basic { .. } => CredentialKind::Basic,
        }
    }
}

impl fmt::Debug for Credential<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind().name())
    }
}

/// The credential of a request, read as the rule asks for it.
#[derive(Clone)]
pub(crate) enum Held<'p, 'r> {
    Jwt(&'r str),
    Opaque(&'r str, AskedIssuer<'p>),
    ApiKey(&'r str, &'p ApiKeys),
    Basic(Box<NameAndKey>, &'p ApiKeys),
    Decoded(Box<Decoded<'p>>),
}

impl Held<'_, '_> {
    pub(crate) fn credential(&self) -> Credential<'_> {
        match self {
            Self::Jwt(token) => Credential::Jwt(token),
            Self::Opaque(token, asked) => Credential::Opaque {
                token,
                asked: *asked,
            },
            Self::ApiKey(key, among) => Credential::ApiKey { key, among },
            Self::Basic(pair, among) => Credential::Basic {
                name: &pair.name,
                key: &pair.key,
                among,
            },
            Self::Decoded(decoded) => match decoded.kind {
                BearerKind::Jwt => Credential::Jwt(&decoded.token),
                BearerKind::Opaque(asked) => Credential::Opaque {
                    token: &decoded.token,
                    asked,
                },
            },
        }
    }
}

/// A token that stood in the request with escapes.
#[derive(Clone)]
pub(crate) struct Decoded<'p> {
    token: String,
    kind: BearerKind<'p>,
}

/// What a bearer token is taken for.
#[derive(Clone, Copy)]
enum BearerKind<'p> {
    Jwt,
    Opaque(AskedIssuer<'p>),
}

impl<'p> BearerKind<'p> {
    fn of<'r>(self, token: &'r str) -> Held<'p, 'r> {
        match self {
            Self::Jwt => Held::Jwt(token),
            Self::Opaque(asked) => Held::Opaque(token, asked),
        }
    }
}

#[derive(Clone)]
pub(crate) struct NameAndKey {
    name: String,
    key: String,
}

/// Reads what was found, if the rule accepts its kind.
pub(crate) fn read<'p, 'r>(
    found: &Found<'r>,
    demands: &Demands,
    policy: &'p Policy,
) -> Result<Held<'p, 'r>, CredentialError> {
    match found.presented {
        Presented::Nothing => Err(CredentialError::Missing),
        Presented::Authorization(field) => authorization(field, demands, policy),
        Presented::Token(value) => token(value, found.place, demands, policy),
        Presented::ApiKey(key) => {
            let among = keys_of(CredentialKind::ApiKey, demands, policy);
            let among = among.ok_or(CredentialError::OtherKind)?;
            match core::str::from_utf8(key) {
                Ok(key) if is_one_key(key) => Ok(Held::ApiKey(key, among)),
                _ => Err(CredentialError::NotOneKey),
            }
        }
    }
}

/// Where the keys are looked up that come in this way, where the rule accepts them.
fn keys_of<'p>(kind: CredentialKind, demands: &Demands, policy: &'p Policy) -> Option<&'p ApiKeys> {
    let accepted = demands.accept.contains(kind);
    policy.api_keys().filter(|_| accepted)
}

pub(crate) fn is_one_key(key: &str) -> bool {
    !key.is_empty()
        && key.len() <= API_KEY_BYTES_MAX
        && key.bytes().all(|byte| byte.is_ascii_graphic())
}

fn authorization<'p, 'r>(
    field: &'r [u8],
    demands: &Demands,
    policy: &'p Policy,
) -> Result<Held<'p, 'r>, CredentialError> {
    let (scheme, after) = scheme_of(field).ok_or(CredentialError::NoScheme)?;
    if scheme.eq_ignore_ascii_case(b"Bearer")
        && let Some(first) = demands.accept.first_bearer()
    {
        let (token, kind) = after
            .and_then(|token| bearer(token, first, demands, policy))
            .ok_or(CredentialError::NotOneToken)?;
        return Ok(kind.of(token));
    }
    if scheme.eq_ignore_ascii_case(b"Basic")
        && let Some(among) = keys_of(CredentialKind::Basic, demands, policy)
    {
        let pair = after.and_then(name_and_key);
        return pair
            .map(|pair| Held::Basic(Box::new(pair), among))
            .ok_or(CredentialError::NotBasic);
    }
    Err(CredentialError::OtherKind)
}

/// The scheme of a field, and what follows it after a space (RFC 9110 section 11.1: auth-scheme = token,
/// case-insensitive).
pub(crate) fn scheme_of(field: &[u8]) -> Option<(&[u8], Option<&[u8]>)> {
    let end = field.iter().position(|&byte| byte == b' ');
    let (scheme, after) = field.split_at_checked(end.unwrap_or(field.len()))?;
    let is_scheme = !scheme.is_empty() && scheme.iter().all(|&byte| is_tchar(byte));
    is_scheme.then(|| (scheme, after.split_first().map(|(_, after)| after)))
}

/// A token that stands in a place of its own.
fn token<'p, 'r>(
    value: &'r [u8],
    place: CredentialPlace,
    demands: &Demands,
    policy: &'p Policy,
) -> Result<Held<'p, 'r>, CredentialError> {
    let first = demands.accept.first_bearer();
    let first = first.ok_or(CredentialError::OtherKind)?;
    let refused = CredentialError::NotToken(place);
    let value = match place {
        CredentialPlace::Header => without_scheme(value),
        CredentialPlace::Cookie => cookie::unquoted(value),
        CredentialPlace::Query if value.iter().any(|byte| b"%+".contains(byte)) => {
            let decoded = core::str::from_utf8(value).ok().and_then(query::decoded);
            let decoded = decoded.and_then(|token| {
                let (token, kind) = bearer(&token, first, demands, policy)?;
                let token = token.to_owned();
                Some(Decoded { token, kind })
            });
            let decoded = decoded.ok_or(refused)?;
            return Ok(Held::Decoded(Box::new(decoded)));
        }
        CredentialPlace::Query | CredentialPlace::Authorization => value,
    };
    let (token, kind) = bearer(value, first, demands, policy).ok_or(refused)?;
    Ok(kind.of(token))
}

/// What a bearer token is taken for, if it is one. `first` is what one with two dots is.
fn bearer<'p, 't>(
    token: &'t [u8],
    first: CredentialKind,
    demands: &Demands,
    policy: &'p Policy,
) -> Option<(&'t str, BearerKind<'p>)> {
    let dots = dots_of_token(token)?;
    let token = core::str::from_utf8(token).ok()?;
    let signed = first == CredentialKind::Jwt && dots == 2;
    let kind = match policy.asked(demands) {
        Some(asked) if !signed => BearerKind::Opaque(asked),
        _ => BearerKind::Jwt,
    };
    Some((token, kind))
}

/// The value of a token's own header without the scheme that some write there, too.
pub(crate) fn without_scheme(value: &[u8]) -> &[u8] {
    match value.split_at_checked("Bearer ".len()) {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case(b"Bearer ") => token,
        _ => value,
    }
}

/// RFC 7617 section 2: neither part has control characters, and the name has no colon.
pub(crate) fn name_and_key(base64: &[u8]) -> Option<NameAndKey> {
    if base64.len() > BASIC_BYTES_MAX {
        return None;
    }
    let text = String::from_utf8(decode_standard_padded(base64)?).ok()?;
    let (name, key) = text.split_once(':')?;
    let good = !name.is_empty() && !key.is_empty() && !text.contains(char::is_control);
    good.then(|| NameAndKey {
        name: name.to_owned(),
        key: key.to_owned(),
    })
}
