//! What of a token is checked again on each use, written down for who decides again later.
//!
//! A record proves nothing: whoever reads one takes it for true that the token was genuine. So nothing that is read
//! here is a `VerifiedToken`, and reading is a feature that no component has.

use serde_json::{Map, Value};

use super::facts::{Evidence, Facts};
#[cfg(feature = "recorded")]
use super::{kind::Marks, proof::Proof};
use crate::algorithm::Algorithm;
use crate::error::TokenError;
#[cfg(feature = "recorded")]
use crate::{expect::Expectations, media_type::MediaType, time::UnixTime};

const ALGORITHM: &str = "alg";
const MEDIA_TYPE: &str = "typ";
const MARKS: &str = "marks";
const WITHOUT_AUDIENCE: &str = "without_aud";
const ISSUER: &str = "iss";
const TENANT: &str = "tenant";
const AUDIENCE: &str = "aud";
const EXPIRES_AT: &str = "exp";
const NOT_BEFORE: &str = "nbf";
const ISSUED_AT: &str = "iat";
const LACKS: &str = "lacks";

/// The members of a record. `profile` says whether the token has the claims that an access token has to have.
pub(super) fn members(facts: &Facts, profile: Result<(), TokenError>) -> Map<String, Value> {
    let mut members = Map::new();
    let mut add = |name: &str, value: Value| members.insert(name.to_owned(), value);
    match &facts.evidence {
        Evidence::Signature {
            algorithm,
            media_type,
            ..
        } => {
            add(ALGORITHM, Algorithm::name(*algorithm).into());
            add(MEDIA_TYPE, media_type.name().into());
        }
        Evidence::Introspection {
            without_audience: true,
        } => {
            add(WITHOUT_AUDIENCE, true.into());
        }
        Evidence::Introspection { .. } => {}
    }
    if facts.marks.bits() != 0 {
        add(MARKS, facts.marks.bits().into());
    }
    add(ISSUER, facts.issuer.as_str().into());
    if let Some(tenant) = &facts.tenant {
        add(TENANT, (&**tenant).into());
    }
    if !facts.audience.is_empty() {
        add(AUDIENCE, facts.audience.as_slice().into());
    }
    add(EXPIRES_AT, facts.expires_at.0.into());
    if let Some(not_before) = facts.not_before {
        add(NOT_BEFORE, not_before.0.into());
    }
    if let Some(issued_at) = facts.issued_at {
        add(ISSUED_AT, issued_at.0.into());
    }
    if let Err(error) = profile {
        add(
            LACKS,
            match error {
                TokenError::MissingClaim { name } => name.into(),
                // The only one that can be of a wrong type here.
                _ => "client_id".into(),
            },
        );
    }
    members
}

/// What a record says of a token that was genuine then.
#[cfg(feature = "recorded")]
pub struct RecordedToken {
    facts: Facts,
    lacks: Option<&'static str>,
}

#[cfg(feature = "recorded")]
impl RecordedToken {
    /// Reads the members of a record.
    #[must_use]
    pub fn parse(members: &Map<String, Value>) -> Option<Self> {
        let text = |name: &str| members.get(name).map(Value::as_str);
        let time = |name: &str| match members.get(name) {
            None => Some(None),
            Some(value) => value.as_u64().map(|seconds| Some(UnixTime(seconds))),
        };
        let evidence = match text(ALGORITHM) {
            Some(name) => Evidence::Signature {
                algorithm: Algorithm::from_name(name?)?,
                media_type: MediaType::from_name(text(MEDIA_TYPE)??)?,
                key_id: None,
            },
            None => Evidence::Introspection {
                without_audience: members.contains_key(WITHOUT_AUDIENCE),
            },
        };
        let marks = match members.get(MARKS) {
            None => 0,
            Some(bits) => u8::try_from(bits.as_u64()?).ok()?,
        };
        let audience = match members.get(AUDIENCE) {
            None => Vec::new(),
            Some(value) => {
                let names = value.as_array()?.iter().map(Value::as_str);
                names
                    .map(|name| name.map(str::to_owned))
                    .collect::<Option<_>>()?
            }
        };
        let lacks = match text(LACKS) {
            None => None,
            Some(name) => {
                let mut known = ["sub", "client_id", "iat", "jti"].into_iter();
                Some(known.find(|known| Some(*known) == name)?)
            }
        };
        let tenant = match text(TENANT) {
            None => None,
            Some(name) => Some(name?.into()),
        };
        let facts = Facts {
            evidence,
            marks: Marks::of_bits(marks),
            issuer: text(ISSUER)??.to_owned(),
            tenant,
            audience,
            expires_at: time(EXPIRES_AT)??,
            not_before: time(NOT_BEFORE)?,
            issued_at: time(ISSUED_AT)?,
        };
        Some(Self { facts, lacks })
    }

    /// Checks what [`VerifiedToken::recheck`](crate::VerifiedToken::recheck) does.
    ///
    /// # Errors
    ///
    /// What speaks against the token first.
    pub fn recheck(&self, expect: &Expectations, now: UnixTime) -> Result<(), TokenError> {
        self.facts.recheck(expect, now, || match self.lacks {
            None => Ok(()),
            Some(name) => Err(TokenError::MissingClaim { name }),
        })
    }

    /// How it was found out that the token is genuine.
    #[must_use]
    pub fn proof(&self) -> Proof {
        self.facts.proof()
    }

    /// Whether the issuer was asked, named no audience, and the policy took that to be for us.
    #[must_use]
    pub fn is_without_audience(&self) -> bool {
        matches!(
            self.facts.evidence,
            Evidence::Introspection {
                without_audience: true
            }
        )
    }

    /// The name of the issuer.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.facts.issuer
    }

    /// `exp`, rounded down.
    #[must_use]
    pub fn expires_at(&self) -> UnixTime {
        self.facts.expires_at
    }

    /// `iat`, rounded up.
    #[must_use]
    pub fn issued_at(&self) -> Option<UnixTime> {
        self.facts.issued_at
    }
}
