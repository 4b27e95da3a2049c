//! Claims that a rule asks for.

use core::fmt;

use doorward_token::{ClaimPath, Claims, Nothing};
use serde_json::{Map, Value};

use crate::target::{CanonicalTarget, stands_for};

/// Most claims that one rule can ask for.
pub const CLAIMS_MAX: usize = 16;
/// Most values of each list that a claim is compared with.
pub const CLAIM_VALUES_MAX: usize = 64;

/// A claim, and what has to hold of it.
///
/// A value is a string, a whole number or a boolean, and equal only to one of its own type: `"1"`,
/// `1` and `true` differ, and `1.0` is no whole number. A claim that is an array has the values of its
/// elements. Objects, arrays in arrays and `null` have no value; a claim that is `null` is absent.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct RequiredClaim {
    pub(crate) path: ClaimPath,
    /// Whether the claim is an object, and its values are the names of its members.
    pub(crate) keys: bool,
    /// All of them, at least one.
    pub(crate) conditions: Vec<Condition>,
}

/// What has to hold of a claim.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Condition {
    /// It has one of these values.
    Any(Vec<Scalar>),
    /// It has each of these values.
    All(Vec<Scalar>),
    /// It has none of these values: it is absent, or each of its values is of the type of one of these,
    /// and another one. What cannot be compared could be anything.
    None(Vec<Scalar>),
    /// It is there.
    Present,
    /// It is not there.
    Absent,
    /// It is the string that this segment of the path stands for, counted from 0.
    Equals { segment: usize },
}

/// A value that a claim can be compared with.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Scalar {
    Text(String),
    Integer(i64),
    Boolean(bool),
}

impl RequiredClaim {
    /// Whether all of it holds for a request to `target`.
    pub(crate) fn check(
        &self,
        claims: &Claims,
        target: &CanonicalTarget<'_>,
    ) -> Result<(), ClaimProblem> {
        let value = match claims.at(&self.path) {
            Ok(value) => value,
            Err(nothing) => return self.check_nothing(nothing),
        };
        let values = match (self.keys, value) {
            (false, Value::Array(elements)) => Values::Elements(elements),
            (false, value) => Values::One(value),
            (true, Value::Object(members)) => Values::Keys(members),
            (true, _) => return Err(ClaimProblem::NoKeys),
        };
        let mut conditions = self.conditions.iter();
        conditions.try_for_each(|condition| match condition {
            Condition::Any(listed) if listed.iter().any(|one| values.have(one)) => Ok(()),
            Condition::Any(_) => Err(ClaimProblem::OtherValue),
            Condition::All(listed) if listed.iter().all(|one| values.have(one)) => Ok(()),
            Condition::All(_) => Err(ClaimProblem::NotAll),
            Condition::None(listed) if !values.are_like(listed) => Err(ClaimProblem::OtherType),
            Condition::None(listed) if listed.iter().any(|one| values.have(one)) => {
                Err(ClaimProblem::Excluded)
            }
            Condition::None(_) | Condition::Present => Ok(()),
            Condition::Absent => Err(ClaimProblem::Present),
            Condition::Equals { segment } => match (value, target.segment(*segment)) {
                (Value::String(text), Some(segment))
                    if !text.is_empty() && stands_for(segment, text) =>
                {
                    Ok(())
                }
                _ => Err(ClaimProblem::OtherSegment),
            },
        })
    }

    /// Whether it is about `sub`.
    pub(crate) fn is_of_subject(&self) -> bool {
        self.path.is_claim() && self.path.claim() == "sub"
    }

    /// Something is there where a path cannot go on, though not what was looked for: that is not absent.
    fn check_nothing(&self, nothing: Nothing) -> Result<(), ClaimProblem> {
        let absent = matches!(nothing, Nothing::Absent | Nothing::Null);
        let holds = |condition| matches!(condition, &Condition::Absent | &Condition::None(_));
        if absent && self.conditions.iter().all(holds) {
            Ok(())
        } else {
            Err(ClaimProblem::Nothing(nothing))
        }
    }
}

/// What a claim is compared by.
enum Values<'c> {
    One(&'c Value),
    Elements(&'c [Value]),
    Keys(&'c Map<String, Value>),
}

impl Values<'_> {
    fn have(&self, wanted: &Scalar) -> bool {
        match self {
            Self::One(value) => wanted.is(value),
            Self::Elements(values) => values.iter().any(|value| wanted.is(value)),
            Self::Keys(members) => {
                matches!(wanted, Scalar::Text(wanted) if members.contains_key(wanted))
            }
        }
    }

    /// Whether each of them is of the type of one that is listed.
    fn are_like(&self, listed: &[Scalar]) -> bool {
        let is_like = |value| listed.iter().any(|one| one.is_like(value));
        match self {
            Self::One(value) => is_like(value),
            Self::Elements(values) => values.iter().all(is_like),
            Self::Keys(_) => true,
        }
    }
}

impl Scalar {
    fn is(&self, value: &Value) -> bool {
        match (self, value) {
            (Self::Text(wanted), Value::String(found)) => wanted == found,
            (Self::Integer(wanted), Value::Number(found)) => found.as_i64() == Some(*wanted),
            (Self::Boolean(wanted), Value::Bool(found)) => wanted == found,
            _ => false,
        }
    }

    fn is_like(&self, value: &Value) -> bool {
        match (self, value) {
            (Self::Text(_), Value::String(_)) | (Self::Boolean(_), Value::Bool(_)) => true,
            (Self::Integer(_), Value::Number(found)) => found.is_i64() || found.is_u64(),
            _ => false,
        }
    }
}

/// What is wrong with a claim, for the log. It does not hold the claim's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClaimProblem {
    /// There is no value.
    Nothing(Nothing),
    /// It is not what the rule asks for.
    OtherValue,
    /// Not all of what the rule asks for is in it.
    NotAll,
    /// It is what the rule excludes.
    Excluded,
    /// The claim cannot be compared with what is excluded.
    OtherType,
    /// It is there, and the rule asks that it is not.
    Present,
    /// It is not the segment of the path that it has to be.
    OtherSegment,
    /// The claim is no object, and the rule or the header is about the keys of one.
    NoKeys,
    /// The claim is of a type that the header's format cannot express.
    Type {
        /// The format.
        format: &'static str,
        /// The type.
        found: &'static str,
    },
    /// It is longer than a header may be.
    TooLong {
        /// How long it is.
        bytes: usize,
        /// How long it may be.
        bytes_max: usize,
    },
}

impl fmt::Display for ClaimProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Nothing(nothing) => return nothing.fmt(f),
            Self::OtherValue => "has none of the values that the rule lists",
            Self::NotAll => "has not all of the values that the rule lists",
            Self::Excluded => "has a value that the rule excludes",
            Self::OtherType => "is of a type that cannot be compared with what the rule excludes",
            Self::Present => "is there, and the rule asks that it be absent",
            Self::OtherSegment => "is not the text that the path has in its place",
            Self::NoKeys => "is no object, so it has no keys",
            Self::Type { format, found } => {
                return write!(
                    f,
                    "is {found}, which the format {format:?} does not express"
                );
            }
            Self::TooLong { bytes, bytes_max } => {
                return write!(f, "needs {bytes} bytes of at most {bytes_max}");
            }
        })
    }
}
