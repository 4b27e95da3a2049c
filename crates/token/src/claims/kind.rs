//! What kind of token it is: one table, for signed tokens and for what issuers say of opaque ones.
//!
//! | where | what | the token is |
//! |---|---|---|
//! | header `typ` | `at+jwt` (RFC 9068 §2.1) | marked as an access token |
//! | | `id_token+jwt`, `id+jwt` | marked as an ID token |
//! | | anything but these, `JWT` and nothing | refused |
//! | `token_use` (Cognito) | `access`, `access_token`, `at+jwt` | marked as an access token |
//! | | `id`, `id_token` | marked as an ID token |
//! | | anything else | refused |
//! | `typ` (Keycloak) | `Bearer`, `at+jwt`, `access_token` | marked as an access token |
//! | | `ID`, `id_token` | marked as an ID token |
//! | | `Refresh`, `Offline`, `Logout`, `Serialized-ID`, … | refused |
//! | | anything else but `JWT` | refused where the issuer was asked, and no mark where it is signed |
//! | `token_type`, `tokenName`, `type`, `purpose` | an access token, an ID token, a refresh token | the same |
//! | `at_hash`, `c_hash`, `s_hash` | are there (OpenID Connect Core 1.0 §3.1.3.6, §3.3.2.11) | marked as an ID token |
//! | `events` | is there (RFC 8417 §2.2) | refused |
//! | `cnf` | is there (RFC 7800 §3.1) | refused: whoever has stolen it must not be able to use it |
//!
//! Letters count in either case, `-` and `_` not at all, and `application/`, `+jwt` and `token` around a
//! value are left out: `Refresh`, `refresh_token` and `application/refresh+jwt` are one value. So is
//! `urn:ietf:params:oauth:token-type:refresh_token` (RFC 8693 §3).
//!
//! A `nonce` is no mark, because access tokens have it, too; nor is an `azp` that is equal to `aud`.

use serde_json::{Map, Value};

use super::proof::Proof;
use super::token_kinds::TokenKinds;
use super::values::string;
use crate::error::TokenError;
use crate::media_type::MediaType;

/// What a token is marked as: nothing, an access token, an ID token, or both.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Marks(u8);

impl Marks {
    const ACCESS: u8 = 1;
    const ID: u8 = 2;

    /// What the header of a token says.
    pub(crate) fn of_header(media_type: MediaType) -> Self {
        Self(match media_type {
            MediaType::AccessToken => Self::ACCESS,
            MediaType::IdToken => Self::ID,
            MediaType::Absent | MediaType::Jwt | MediaType::LogoutToken | MediaType::Other => 0,
            #[cfg(feature = "bundle")]
            MediaType::Bundle => 0,
        })
    }

    /// Adds what the claims say.
    pub(crate) fn of_claims(
        self,
        claims: &Map<String, Value>,
        proof: Proof,
    ) -> Result<Self, TokenError> {
        if claims.contains_key("cnf") {
            return Err(TokenError::Bound);
        }
        // RFC 8417 §2.2, §4.5: what has `events` tells of something that happened, and is no credential.
        if claims.contains_key("events") {
            return Err(TokenError::SecurityEvent);
        }
        let mut marks = self.0;
        let refused = |claim| Err(TokenError::OtherUse { claim });
        let word_of = |claim| Ok(string(claims, claim)?.map(|text| word(&text)));
        if let Some(word) = word_of("token_use")? {
            match word.as_str() {
                "access" | "at" => marks |= Self::ACCESS,
                "id" => marks |= Self::ID,
                _ => return refused("token_use"),
            }
        }
        if let Some(word) = word_of("typ")? {
            match word.as_str() {
                "access" | "at" | "bearer" => marks |= Self::ACCESS,
                "id" => marks |= Self::ID,
                "jwt" => {}
                word if NEVER.contains(&word) || proof == Proof::Introspection => {
                    return refused("typ");
                }
                _ => {}
            }
        }
        // RFC 9449 §5 and others name with it how a token has to be presented.
        match word_of("token_type")?.as_deref() {
            None | Some("bearer") => {}
            Some("dpop" | "pop" | "mac") => return Err(TokenError::Bound),
            Some(_) if proof == Proof::Introspection => return Err(TokenError::Bound),
            Some(_) => {}
        }
        for claim in ["token_type", "tokenName", "type", "purpose"] {
            if let Some(Value::String(text)) = claims.get(claim) {
                match word(text).as_str() {
                    "access" | "at" => marks |= Self::ACCESS,
                    "id" => marks |= Self::ID,
                    "refresh" | "rt" => return refused(claim),
                    _ => {}
                }
            }
        }
        if ["at_hash", "c_hash", "s_hash"]
            .iter()
            .any(|hash| claims.contains_key(*hash))
        {
            marks |= Self::ID;
        }
        Ok(Self(marks))
    }

    /// As a number.
    pub(crate) fn bits(self) -> u8 {
        self.0
    }

    /// Those that [`bits`](Self::bits) has given.
    #[cfg(feature = "recorded")]
    pub(crate) fn of_bits(bits: u8) -> Self {
        Self(bits & (Self::ACCESS | Self::ID))
    }

    /// Whether tokens with these marks are among those.
    pub(crate) fn check(self, kinds: TokenKinds) -> Result<(), TokenError> {
        let foreign = match kinds {
            TokenKinds::Access => Self::ID,
            TokenKinds::Id => Self::ACCESS,
            TokenKinds::Any => 0,
        };
        if self.0 & foreign == 0 {
            Ok(())
        } else {
            Err(TokenError::Kind { accepted: kinds })
        }
    }
}

/// The payload's `typ` of tokens that are no credential for anybody but their issuer.
const NEVER: [&str; 19] = [
    // Keycloak, org.keycloak.util.TokenUtil.
    "refresh",
    "offline",
    "logout",
    "serializedid",
    "dpop",
    // Keycloak, ClientRegistrationTokenUtils.
    "initialaccess",
    "registrationaccess",
    // Keycloak's action tokens, which have their action as `typ`.
    "verifyemail",
    "resetcredentials",
    "executeactions",
    "updateemail",
    "idpverifyaccountviaemail",
    "orgivt",
    // Media types of other JWTs: RFC 8417 §2.3, RFC 9101 §10.8, RFC 9701 §5, and what is in use.
    "secevent",
    "oauthauthzreq",
    "tokenintrospection",
    "rt",
    "passwordreset",
    "emailverification",
];

/// A value without what makes no difference.
fn word(text: &str) -> String {
    let mut word = text.to_ascii_lowercase();
    word.retain(|character| !matches!(character, '-' | '_' | ' '));
    let word = word.strip_prefix("application/").unwrap_or(&word);
    let word = word
        .strip_prefix("urn:ietf:params:oauth:tokentype:")
        .unwrap_or(word);
    let word = word.strip_suffix("+jwt").unwrap_or(word);
    word.strip_suffix("token").unwrap_or(word).to_owned()
}

#[cfg(test)]
mod tests;
