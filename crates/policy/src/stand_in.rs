//! Stands in for what the token crate is about to have.

use core::convert::Infallible;
use core::fmt;

use doorward_token::{Claims, UnixTime, VerifiedToken};

/// What asked for a subject that is in no audience.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MissingAudience {
    /// The token is refused.
    Refuse,
    /// The endpoint answers only for tokens meant for this client.
    Accept,
}

/// An API key as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyRecord {
    /// The part of the key that names it.
    pub id: String,
    /// Its name, which becomes the subject.
    pub name: String,
}

/// An API key that was verified.
#[derive(Debug)]
pub struct VerifiedKey(Infallible);

impl VerifiedKey {
    /// What it says of its principal.
    pub fn claims(&self) -> &Claims {
        match self.0 {}
    }

    /// Whether it is still valid.
    pub fn recheck(&self, _now: UnixTime) -> Result<(), ApiKeyError> {
        match self.0 {}
    }
}

/// What is wrong with an API key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ApiKeyError {}

impl fmt::Display for ApiKeyError {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {}
    }
}

/// What was revoked.
#[derive(Debug)]
pub struct RevocationSet(Infallible);

/// Which kind of entry revokes a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RevokedBy {}

impl fmt::Display for RevokedBy {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {}
    }
}

impl RevocationSet {
    /// What revokes the token.
    pub fn revokes(&self, _: &VerifiedToken) -> Option<RevokedBy> {
        match self.0 {}
    }
}

/// The issuer that the subject of an API key belongs to.
pub const API_KEY_ISSUER: &str = "urn:doorward:api-keys";
