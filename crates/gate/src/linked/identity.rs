//! Who the caller is, as values.

use core::fmt;

use doorward_policy::{CredentialKind, Principal};
use doorward_token::api_key::API_KEY_ISSUER;
use doorward_token::{ClaimPath, Claims, Nothing, UnixTime};
use serde_json::Value;

use crate::genuine::Genuine;

/// Who the caller is, by a credential that was found to be genuine and that the rule accepts.
///
/// A claim is named by its path as in the policy: `sub`, `realm_access.roles`, or with quotes where a name has a dot in it,
/// `resource_access."my.client".roles`. One of another type than it is asked for as is a fault, and never absent: an issuer
/// that writes `"admin": "false"` has made a mistake.
#[derive(Clone, Copy)]
pub struct Identity<'a> {
    principal: &'a Principal<'a>,
    kind: CredentialKind,
    genuine: &'a Genuine,
}

impl<'a> Identity<'a> {
    pub(super) fn new(
        principal: &'a Principal<'a>,
        kind: CredentialKind,
        genuine: &'a Genuine,
    ) -> Self {
        Self {
            principal,
            kind,
            genuine,
        }
    }

    /// Who that is for the log and in limits: the policy's name of the issuer, and the subject.
    #[must_use]
    pub fn principal(&self) -> &'a Principal<'a> {
        self.principal
    }

    /// What the credential is.
    #[must_use]
    pub fn kind(&self) -> CredentialKind {
        self.kind
    }

    /// Who vouches for the caller: `iss` of a token, or [`API_KEY_ISSUER`].
    #[must_use]
    pub fn issuer(&self) -> &'a str {
        match self.genuine {
            Genuine::Token { token, .. } => token.issuer(),
            Genuine::Key { .. } => API_KEY_ISSUER,
        }
    }

    /// Whose credential it is: `sub` of a token, where there is one; the name of an API key.
    #[must_use]
    pub fn subject(&self) -> Option<&'a str> {
        self.claims().subject()
    }

    /// For whom a token was issued (`aud`). An API key says nothing of that.
    #[must_use]
    pub fn audience(&self) -> &'a [String] {
        match self.genuine {
            Genuine::Token { token, .. } => token.audience(),
            Genuine::Key { .. } => &[],
        }
    }

    /// What a token (`jti`) or an API key is called. It is no secret.
    #[must_use]
    pub fn credential_id(&self) -> Option<&'a str> {
        match self.genuine {
            Genuine::Token { token, .. } => token.token_id(),
            Genuine::Key { key, .. } => Some(key.id()),
        }
    }

    /// From when on the credential is refused, in seconds since 1970; `None`: never.
    #[must_use]
    pub fn expires_at(&self) -> Option<UnixTime> {
        match self.genuine {
            Genuine::Token { token, .. } => Some(token.expires_at()),
            Genuine::Key { key, .. } => key.expires_at(),
        }
    }

    /// The scopes, whichever way the issuer writes them.
    #[must_use]
    pub fn scopes(&self) -> &'a [String] {
        self.claims().scopes()
    }

    /// Whether this is one of the scopes.
    #[must_use]
    pub fn has_scope(&self, scope: &str) -> bool {
        self.scopes().iter().any(|there| there == scope)
    }

    /// A claim that is a text; `None`: it is absent or `null`.
    ///
    /// # Errors
    /// It is something else, or the path is none.
    pub fn text(&self, path: &str) -> Result<Option<&'a str>, ClaimFault> {
        self.claim(path, "a text", Value::as_str)
    }

    /// A claim that is a whole number; `None`: it is absent or `null`.
    ///
    /// # Errors
    /// It is something else, or the path is none.
    pub fn integer(&self, path: &str) -> Result<Option<i64>, ClaimFault> {
        self.claim(path, "a whole number", Value::as_i64)
    }

    /// A claim that is a boolean; `None`: it is absent or `null`.
    ///
    /// # Errors
    /// It is something else, or the path is none.
    pub fn boolean(&self, path: &str) -> Result<Option<bool>, ClaimFault> {
        self.claim(path, "a boolean", Value::as_bool)
    }

    /// A claim that is a list of texts, or one text. There are none where it is absent or `null`.
    ///
    /// # Errors
    /// It is something else, or the path is none.
    pub fn texts(&self, path: &str) -> Result<Vec<&'a str>, ClaimFault> {
        let texts = self.claim(path, "a list of texts", |value| match value {
            Value::String(text) => Some(vec![text.as_str()]),
            Value::Array(values) => values.iter().map(Value::as_str).collect(),
            _ => None,
        });
        Ok(texts?.unwrap_or_default())
    }

    fn claim<T>(
        &self,
        path: &str,
        expected: &'static str,
        read: impl FnOnce(&'a Value) -> Option<T>,
    ) -> Result<Option<T>, ClaimFault> {
        let path = ClaimPath::parse(path).map_err(|_| ClaimFault::Path)?;
        match self.claims().at(&path) {
            Ok(value) => match read(value) {
                Some(read) => Ok(Some(read)),
                None => Err(ClaimFault::Type { expected }),
            },
            Err(Nothing::Absent | Nothing::Null) => Ok(None),
            Err(Nothing::ThroughList | Nothing::ThroughValue) => Err(ClaimFault::Type { expected }),
        }
    }

    fn claims(&self) -> &'a Claims {
        match self.genuine {
            Genuine::Token { token, .. } => token.claims(),
            Genuine::Key { key, .. } => key.claims(),
        }
    }
}

/// Names who it is as far as the log does, and no claim.
impl fmt::Debug for Identity<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity")
            .field("principal", self.principal)
            .field("kind", &self.kind)
            .finish_non_exhaustive()
    }
}

/// Why a claim cannot be read. It holds nothing of the claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClaimFault {
    /// What it is named by is no path.
    Path,
    /// It is of another type, or what its path goes through is.
    Type {
        /// What was asked for, in words.
        expected: &'static str,
    },
}

impl fmt::Display for ClaimFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path => f.write_str("this is no path of a claim"),
            Self::Type { expected } => write!(f, "the claim is not {expected}"),
        }
    }
}

impl core::error::Error for ClaimFault {}
