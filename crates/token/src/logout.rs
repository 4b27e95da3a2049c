//! Back-channel logout: an issuer says that somebody has left.
//!
//! [`UnverifiedToken::verify_logout`] checks a logout token as OpenID Connect Back-Channel Logout 1.0
//! §2.6 says, in this order:
//!
//! 1. `typ` is absent, `JWT` or `logout+jwt` (§2.4): an access token is no logout token, even when its
//!    claims look like one. The algorithm is one that was chosen beforehand, and never `none`.
//! 2. The signature, with the keys of the issuer.
//! 3. `iss`, `aud`, `exp` and `iat` as those of an ID token (OpenID Connect Core 1.0 §3.1.3.7): this
//!    issuer; us, whoever else; not expired; not issued in the future. It lives no longer than
//!    [`LOGOUT_LIFETIME_S_MAX`].
//! 4. `sub`, `sid` or both.
//! 5. `events` has the member of back-channel logout, whose value is an object.
//! 6. There is no `nonce`: an ID token is no logout token.
//! 7. `jti`, by which one that comes again is recognised.
//!
//! What it revokes is said by [`LogoutToken::revocations`].

mod form;

use std::fmt;

use serde_json::Value;

use crate::algorithm::AlgorithmSet;
use crate::claims::dates::{Rounding, Validity, date};
use crate::claims::values::{audience, name, required, string};
use crate::error::TokenError;
use crate::expect::IssuerSpellings;
use crate::keys::KeySet;
use crate::media_type::MediaType;
use crate::revocation::{Note, RevocationEntry};
use crate::time::UnixTime;
use crate::token::UnverifiedToken;

pub use form::{FORM_BYTES_MAX, FormError, form_value};

/// The name of the form's parameter that holds the token (§2.5).
pub const LOGOUT_PARAMETER: &str = "logout_token";

/// The longest time from `iat` to `exp` of a logout token, in seconds. §2.4 recommends two minutes.
pub const LOGOUT_LIFETIME_S_MAX: u64 = 600;

const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";

/// What a logout token of one issuer has to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogoutExpectations {
    /// The issuer's name: `iss`, compared byte for byte.
    pub issuer: String,
    /// What `iss` may be besides.
    pub issuer_spellings: Vec<String>,
    /// Our names at the issuer. `aud` has to name one of them.
    pub client_ids: Vec<String>,
    /// The algorithms that the issuer signs with.
    pub algorithms: AlgorithmSet,
    /// By how many seconds the clocks may differ; more than
    /// [`LEEWAY_S_MAX`](crate::LEEWAY_S_MAX) counts as that.
    pub leeway_s: u64,
}

/// A logout token whose signature and claims have been checked. `Debug` prints no claim.
pub struct LogoutToken {
    issuer: String,
    subject: Option<String>,
    session: Option<String>,
    token_id: String,
    issued_at: UnixTime,
    expires_at: UnixTime,
}

impl UnverifiedToken<'_> {
    /// Checks the signature and then the claims of a logout token.
    ///
    /// Whether it came before is not known here: see
    /// [`RevocationSet::has_logout`](crate::revocation::RevocationSet::has_logout).
    ///
    /// # Errors
    ///
    /// What speaks against the token first, in the order of this module's list.
    pub fn verify_logout(
        &self,
        keys: &KeySet,
        expect: &LogoutExpectations,
        now: UnixTime,
    ) -> Result<LogoutToken, TokenError> {
        if !matches!(
            self.media_type(),
            MediaType::Absent | MediaType::Jwt | MediaType::LogoutToken
        ) {
            return Err(TokenError::NotLogoutToken);
        }
        let algorithm = self.algorithm();
        if !expect.algorithms.contains(algorithm) {
            return Err(TokenError::AlgorithmNotAccepted { algorithm });
        }
        let names = IssuerSpellings {
            issuer: &expect.issuer,
            spellings: &expect.issuer_spellings,
        };
        let claims = self.verified_payload(keys, names)?;

        if !names.contain(&required(string(&claims, "iss")?, "iss")?) {
            return Err(TokenError::Issuer);
        }
        // Core §3.1.3.7 lets a client refuse an ID token that others may use, too. A session that has ended
        // has ended for all of them.
        let audience = required(audience(&claims)?, "aud")?;
        if !audience.iter().any(|id| expect.client_ids.contains(id)) {
            return Err(TokenError::Audience);
        }
        let expires_at = required(date(&claims, "exp", Rounding::Down)?, "exp")?;
        let issued_at = required(date(&claims, "iat", Rounding::Up)?, "iat")?;
        let times = Validity {
            expires_at,
            not_before: date(&claims, "nbf", Rounding::Up)?,
            issued_at: Some(issued_at),
        };
        times.check(expect.leeway_s, now)?;
        let lifetime_s = expires_at.seconds_since(issued_at);
        if lifetime_s > LOGOUT_LIFETIME_S_MAX {
            return Err(TokenError::LifetimeTooLong {
                lifetime_s,
                lifetime_s_max: LOGOUT_LIFETIME_S_MAX,
            });
        }
        let subject = name(&claims, "sub")?;
        let session = name(&claims, "sid")?;
        if subject.is_none() && session.is_none() {
            return Err(TokenError::MissingClaim {
                name: "sub` or `sid",
            });
        }
        let events = required(claims.get("events"), "events")?;
        if !matches!(events.get(EVENT), Some(Value::Object(_))) {
            return Err(TokenError::ClaimType {
                name: "events",
                expected: "an object with the event of back-channel logout",
            });
        }
        if claims.contains_key("nonce") {
            return Err(TokenError::UnexpectedClaim { name: "nonce" });
        }
        Ok(LogoutToken {
            issuer: expect.issuer.clone(),
            subject,
            session,
            token_id: required(name(&claims, "jti")?, "jti")?,
            issued_at,
            expires_at,
        })
    }
}

impl LogoutToken {
    /// The issuer's name, whatever the token calls it.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// `sub`.
    #[must_use]
    pub fn subject(&self) -> Option<&str> {
        self.subject.as_deref()
    }

    /// `sid`.
    #[must_use]
    pub fn session(&self) -> Option<&str> {
        self.session.as_deref()
    }

    /// `jti`.
    #[must_use]
    pub fn token_id(&self) -> &str {
        &self.token_id
    }

    /// `iat`, rounded up.
    #[must_use]
    pub fn issued_at(&self) -> UnixTime {
        self.issued_at
    }

    /// `exp`, rounded down.
    #[must_use]
    pub fn expires_at(&self) -> UnixTime {
        self.expires_at
    }

    /// What is to be written, in this order: the last entry remembers the `jti`, so that a logout
    /// that could not be finished may be sent again.
    ///
    /// A session is revoked by its name. So are, where the subject is named too, the subject's
    /// tokens that do not name their session, since nobody can say that they do not belong to it.
    /// Without a session the token means all sessions of the subject (§2.4). Of a subject, what was
    /// issued up to the token's `iat` is revoked: who logs in again afterwards is let in, and a
    /// logout that is repeated revokes nothing more.
    ///
    /// `token_lifetime_s_max` is how long a token of the issuer may live.
    #[must_use]
    pub fn revocations(
        &self,
        token_lifetime_s_max: u64,
        now: UnixTime,
    ) -> Vec<(RevocationEntry, Note)> {
        let issuer = self.issuer.as_str();
        let issued_at = self.issued_at;
        let until = issued_at.saturating_add(token_lifetime_s_max);
        let mut revocations = Vec::new();
        let mut push = |entry: RevocationEntry, value: Option<&str>| {
            let note = Note {
                kind: entry.kind(),
                issuer: issuer.to_owned(),
                value: value.map(str::to_owned),
                reason: "back-channel logout".to_owned(),
                created_at: now,
            };
            revocations.push((entry, note));
        };
        if let Some(session) = self.session() {
            push(
                RevocationEntry::session(issuer, session, until),
                Some(session),
            );
        }
        if let Some(subject) = self.subject() {
            let revoke = match self.session {
                Some(_) => RevocationEntry::sessionless,
                None => RevocationEntry::subject,
            };
            push(revoke(issuer, subject, issued_at, until), Some(subject));
        }
        push(
            RevocationEntry::logout(issuer, &self.token_id, self.expires_at),
            None,
        );
        revocations
    }
}

impl fmt::Debug for LogoutToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LogoutToken")
            .field("issued_at", &self.issued_at)
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
