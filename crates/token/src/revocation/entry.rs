//! One entry, and its name in the store.

use std::fmt;

use doorward_syntax::base64url;

use super::digest::{Digest, digest, text_digest};
use super::kind::RevocationKind;
use crate::bounds::{DATE_MAX_S, LEEWAY_S_MAX};
use crate::claims::dates::{Rounding, date};
use crate::claims::values::{self, required, string};
use crate::error::TokenError;
use crate::time::UnixTime;
use crate::token::unverified::UnverifiedToken;

/// How the name of every entry begins.
pub const ENTRY_PREFIX: &str = "doorward/revoked/";

/// For how many seconds a name is kept after its entry is over: by so much a gate's clock may run ahead
/// without harm.
pub const OVER_KEPT_S: u64 = 24 * 60 * 60;

/// The same for the entry of a logout token that was accepted, in seconds. Every logout leaves one. To
/// forget it too early does no harm: the token then writes the same entries once more.
pub const LOGOUT_KEPT_S: u64 = 60 * 60;

/// How many digits [`DATE_MAX_S`] has.
const DATE_DIGITS_MAX: usize = 12;

/// One thing that is revoked, until everything that it revokes has expired.
///
/// `issuer` is the issuer's name: `iss` as the tokens have it, or what the policy calls the issuer that has
/// several. `expires_at` is the latest `exp` of what is revoked; the leeway is added here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RevocationEntry {
    pub(super) kind: RevocationKind,
    pub(super) digest: Digest,
    pub(super) issued_before: Option<UnixTime>,
    pub(super) expires_at: UnixTime,
}

/// The entries that revoke a token of which one has the text.
#[derive(Debug)]
pub struct TokenEntries {
    /// Whose token it is.
    pub issuer: String,
    /// All of them are to be written.
    pub entries: Vec<RevocationEntry>,
}

/// A name begins as those of entries do, and is none that [`RevocationEntry::name`] could have written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NameError;

impl fmt::Display for NameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name is not that of a revocation")
    }
}

impl std::error::Error for NameError {}

impl RevocationEntry {
    /// Revokes the token with this `jti`.
    #[must_use]
    pub fn token(issuer: &str, token_id: &str, expires_at: UnixTime) -> Self {
        Self::undated(RevocationKind::Token, issuer, token_id, expires_at)
    }

    /// Revokes the token with this text, whether it is a signed or an opaque one.
    ///
    /// What a signed token says of itself is taken from it, unverified: its issuer, its `jti` and
    /// when it expires, but that not beyond `latest`. An opaque one is said to be of `issuer` and is
    /// revoked until `latest`.
    ///
    /// A signed token is revoked by its `jti` and, as it may be an opaque one for a gate that asks
    /// the issuer about it, by its signing input. The signature is not part of that: who holds an
    /// ECDSA signature can make another one of it.
    ///
    /// # Errors
    ///
    /// The token is signed and does not say who issued it or when it expires, or is opaque and no
    /// issuer is given.
    pub fn of_token(
        text: &[u8],
        issuer: Option<&str>,
        latest: UnixTime,
    ) -> Result<TokenEntries, TokenError> {
        Self::of_token_by(text, None, issuer, latest)
    }

    /// The same for a token of the issuer `name`, whatever its `iss` says.
    ///
    /// # Errors
    ///
    /// Those of [`RevocationEntry::of_token`].
    pub fn of_token_of(
        text: &[u8],
        name: &str,
        latest: UnixTime,
    ) -> Result<TokenEntries, TokenError> {
        Self::of_token_by(text, Some(name), Some(name), latest)
    }

    fn of_token_by(
        text: &[u8],
        name: Option<&str>,
        issuer: Option<&str>,
        latest: UnixTime,
    ) -> Result<TokenEntries, TokenError> {
        let Ok(token) = UnverifiedToken::parse(text) else {
            let issuer = required(issuer, "iss")?;
            return Ok(TokenEntries {
                issuer: issuer.to_owned(),
                entries: vec![Self::by_text(issuer, text, latest)],
            });
        };
        let claims = token.unverified_payload()?;
        let issuer = match name {
            Some(name) => name.to_owned(),
            None => required(string(&claims, "iss")?, "iss")?,
        };
        let expires_at = required(date(&claims, "exp", Rounding::Up)?, "exp")?.min(latest);
        let mut entries = vec![Self::by_text(&issuer, token.signing_input(), expires_at)];
        if let Some(token_id) = values::name(&claims, "jti")? {
            entries.push(Self::token(&issuer, &token_id, expires_at));
        }
        Ok(TokenEntries { issuer, entries })
    }

    pub(super) fn by_text(issuer: &str, text: &[u8], expires_at: UnixTime) -> Self {
        Self {
            kind: RevocationKind::Token,
            digest: text_digest(issuer, text),
            issued_before: None,
            expires_at,
        }
    }

    /// Revokes what was issued to a subject up to `issued_before`, that second included.
    #[must_use]
    pub fn subject(
        issuer: &str,
        subject: &str,
        issued_before: UnixTime,
        expires_at: UnixTime,
    ) -> Self {
        Self::dated(
            RevocationKind::Subject,
            issuer,
            subject,
            issued_before,
            expires_at,
        )
    }

    /// Revokes what was issued to a subject up to `issued_before`, that second included, and does
    /// not say to which session it belongs.
    #[must_use]
    pub fn sessionless(
        issuer: &str,
        subject: &str,
        issued_before: UnixTime,
        expires_at: UnixTime,
    ) -> Self {
        Self::dated(
            RevocationKind::Sessionless,
            issuer,
            subject,
            issued_before,
            expires_at,
        )
    }

    /// Revokes what belongs to a session (`sid`).
    #[must_use]
    pub fn session(issuer: &str, session: &str, expires_at: UnixTime) -> Self {
        Self::undated(RevocationKind::Session, issuer, session, expires_at)
    }

    /// Revokes everything that an issuer issued up to `issued_before`, that second included.
    #[must_use]
    pub fn issuer(issuer: &str, issued_before: UnixTime, expires_at: UnixTime) -> Self {
        Self::dated(
            RevocationKind::Issuer,
            issuer,
            "",
            issued_before,
            expires_at,
        )
    }

    /// Remembers the `jti` of a logout token.
    #[must_use]
    pub fn logout(issuer: &str, token_id: &str, expires_at: UnixTime) -> Self {
        Self::undated(RevocationKind::Logout, issuer, token_id, expires_at)
    }

    fn undated(kind: RevocationKind, issuer: &str, value: &str, expires_at: UnixTime) -> Self {
        Self {
            kind,
            digest: digest(kind as u8, issuer, value.as_bytes()),
            issued_before: None,
            expires_at,
        }
    }

    fn dated(
        kind: RevocationKind,
        issuer: &str,
        value: &str,
        issued_before: UnixTime,
        expires_at: UnixTime,
    ) -> Self {
        Self {
            issued_before: Some(issued_before),
            ..Self::undated(kind, issuer, value, expires_at)
        }
    }

    /// The name of the entry in the store.
    #[must_use]
    pub fn name(&self) -> String {
        let expires_at = self.expires_at.0.min(DATE_MAX_S);
        let kind = self.kind.as_str();
        let digest = base64url::encode(&self.digest);
        let issued_before: &dyn fmt::Display = match self.issued_before {
            Some(UnixTime(time)) => &time.min(DATE_MAX_S),
            None => &"-",
        };
        format!("{ENTRY_PREFIX}{expires_at}/{kind}/{digest}/{issued_before}")
    }

    /// Reads the name of an entry; `None` when it is the name of something else.
    ///
    /// There is one way to write an entry, and no other is read.
    #[must_use]
    pub fn parse_name(name: &str) -> Option<Result<Self, NameError>> {
        let path = name.strip_prefix(ENTRY_PREFIX)?;
        Some(Self::parse_path(path).ok_or(NameError))
    }

    fn parse_path(path: &str) -> Option<Self> {
        let mut parts = path.split('/');
        let expires_at = parse_time(parts.next()?)?;
        let kind = RevocationKind::from_name(parts.next()?)?;
        let digest = base64url::decode(parts.next()?.as_bytes())?;
        let issued_before = match (parts.next()?, kind.is_dated()) {
            ("-", false) => None,
            (time, true) => Some(parse_time(time)?),
            (_, false) => return None,
        };
        if parts.next().is_some() {
            return None;
        }
        Some(Self {
            kind,
            digest: digest.try_into().ok()?,
            issued_before,
            expires_at,
        })
    }

    /// What the entry revokes.
    #[must_use]
    pub fn kind(&self) -> RevocationKind {
        self.kind
    }

    /// Up to when something must have been issued for the entry to revoke it; `None` where that does
    /// not matter.
    #[must_use]
    pub fn issued_before(&self) -> Option<UnixTime> {
        self.issued_before
    }

    /// The latest `exp` of what the entry revokes.
    #[must_use]
    pub fn expires_at(&self) -> UnixTime {
        self.expires_at
    }

    /// Whether everything that the entry revokes has expired, whatever the leeway.
    #[must_use]
    pub fn is_over(&self, now: UnixTime) -> bool {
        now >= self.over_at()
    }

    /// Whether the entry has been over for so long ([`OVER_KEPT_S`], [`LOGOUT_KEPT_S`]) that its name is
    /// to be deleted.
    #[must_use]
    pub fn is_prunable(&self, now: UnixTime) -> bool {
        let kept_s = match self.kind {
            RevocationKind::Logout => LOGOUT_KEPT_S,
            RevocationKind::Token
            | RevocationKind::Subject
            | RevocationKind::Sessionless
            | RevocationKind::Session
            | RevocationKind::Issuer => OVER_KEPT_S,
        };
        now >= self.over_at().saturating_add(kept_s)
    }

    fn over_at(&self) -> UnixTime {
        self.expires_at.saturating_add(LEEWAY_S_MAX)
    }
}

/// A decimal number without sign and leading zeros, at most [`DATE_MAX_S`].
fn parse_time(text: &str) -> Option<UnixTime> {
    if text.is_empty() || text.len() > DATE_DIGITS_MAX || (text.len() > 1 && text.starts_with('0'))
    {
        return None;
    }
    let mut seconds = 0;
    for byte in text.bytes() {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        seconds = seconds * 10 + u64::from(digit);
    }
    (seconds <= DATE_MAX_S).then_some(UnixTime(seconds))
}
