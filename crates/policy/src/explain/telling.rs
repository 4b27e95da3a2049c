//! What is explained, and an explanation that is being written.

use std::net::IpAddr;
use std::sync::Arc;

use doorward_token::api_key::VerifiedKey;
use doorward_token::{KeySet, UnixTime, VerifiedToken};

use crate::decision::Pending;
use crate::explain::lines::{Lines, Place};
use crate::explain::step::Step;
use crate::head::RequestHead;
use crate::policy::{Issuer, Policy};
use crate::refusal::Refusal;

/// What is explained.
pub struct Asked<'a> {
    /// The request.
    pub head: RequestHead<'a>,
    /// The authority that it is sent to, where that is known.
    pub authority: Option<&'a str>,
    /// Who sends it, where that is known.
    pub peer: Option<IpAddr>,
    /// When.
    pub now: UnixTime,
    /// How a time is written.
    pub written: fn(UnixTime) -> String,
    /// The keys of issuers.
    pub keys: &'a dyn KeysOf,
}

/// Who has the keys of issuers.
pub trait KeysOf {
    /// Those of one.
    fn of(&self, issuer: &Issuer) -> KeysAtHand<'_>;
}

/// The keys of an issuer, as far as they are at hand.
pub enum KeysAtHand<'k> {
    /// These.
    Given {
        /// The keys.
        keys: &'k KeySet,
        /// Where they are from, in words.
        from: String,
    },
    /// None; why, and what to do.
    NotGiven(String),
}

/// What becomes of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It goes on.
    Admitted,
    /// It does not.
    Refused(Refusal),
    /// It would not, and does: that is in report mode.
    #[cfg(feature = "report")]
    WouldRefuse {
        /// As what it would be refused.
        refusal: Refusal,
        /// When that will be so.
        until: UnixTime,
    },
    /// The gate itself answers it: a preflight, a logout, or a question of how it is.
    Answered(&'static str),
    /// It cannot be found out here; why.
    Undecided(String),
}

impl Verdict {
    /// A stable name, for programs.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Admitted => "admitted",
            Self::Refused(_) => "refused",
            #[cfg(feature = "report")]
            Self::WouldRefuse { .. } => "would-refuse",
            Self::Answered(_) => "answered",
            Self::Undecided(_) => "undecided",
        }
    }
}

/// An explanation that is being written.
pub(super) struct Telling<'e> {
    pub(super) policy: &'e Policy,
    pub(super) asked: &'e Asked<'e>,
    pub(super) lines: &'e Lines<'e>,
    pub(super) steps: Vec<Step>,
    pub(super) unless: Vec<String>,
    pub(super) credential: Vec<String>,
}

/// A credential that is judged by a rule.
pub(super) struct Judged<'e, 'p> {
    pub(super) pending: &'e Pending<'p, 'e>,
    /// The rule, in the file.
    pub(super) place: Option<Place<'e>>,
}

/// A credential that is genuine, or of which that cannot be found out here.
pub(super) enum Genuine {
    Token(Arc<Issuer>, Box<VerifiedToken>),
    Key(VerifiedKey),
    Unknown(String),
}

impl<'e> Telling<'e> {
    /// The issuer, in the file.
    pub(super) fn issuer(&self, issuer: &Arc<Issuer>) -> Option<Place<'e>> {
        self.lines.issuer(&issuer.name)
    }
}
