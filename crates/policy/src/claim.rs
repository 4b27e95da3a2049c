//! Claims that a rule asks for.

use core::fmt;

use doorward_token::Claims;
use serde_json::Value;

/// Most claims that one rule can ask for.
pub const CLAIMS_MAX: usize = 16;
/// Most values of which a claim must have one.
pub const CLAIM_VALUES_MAX: usize = 64;
/// Longest name of a claim, in bytes.
pub const CLAIM_NAME_BYTES_MAX: usize = 256;

/// A claim that must have one of the listed values.
///
/// A value is a string, a whole number or a boolean, and equal only to one of its own type: `"1"`,
/// `1` and `true` differ, and `1.0` is no whole number. A claim that is an array has the value when
/// one of its elements does. Objects, arrays in arrays and `null` have no value; a claim that is
/// absent neither.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct RequiredClaim {
    pub(crate) name: String,
    pub(crate) one_of: Vec<Scalar>,
}

/// A value that a claim can be compared with.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Scalar {
    Text(String),
    Integer(i64),
    Boolean(bool),
}

impl RequiredClaim {
    pub(crate) fn check(&self, claims: &Claims) -> Result<(), ClaimProblem> {
        let claim = claims.claim(&self.name).ok_or(ClaimProblem::Absent)?;
        let good = match claim {
            Value::Array(elements) => elements.iter().any(|element| self.lists(element)),
            scalar => self.lists(scalar),
        };
        if good {
            Ok(())
        } else {
            Err(ClaimProblem::OtherValue)
        }
    }

    fn lists(&self, value: &Value) -> bool {
        self.one_of.iter().any(|wanted| match (wanted, value) {
            (Scalar::Text(wanted), Value::String(found)) => wanted == found,
            (Scalar::Integer(wanted), Value::Number(found)) => found.as_i64() == Some(*wanted),
            (Scalar::Boolean(wanted), Value::Bool(found)) => wanted == found,
            _ => false,
        })
    }
}

/// What is wrong with a claim, for the log. It does not hold the claim's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ClaimProblem {
    Absent,
    OtherValue,
    /// The claim is of a type that the header's format cannot express.
    Type {
        format: &'static str,
        found: &'static str,
    },
    TooLong {
        bytes: usize,
        bytes_max: usize,
    },
}

impl fmt::Display for ClaimProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Absent => f.write_str("is absent"),
            Self::OtherValue => f.write_str("has none of the values that the rule lists"),
            Self::Type { format, found } => {
                write!(
                    f,
                    "is {found}, which the format {format:?} does not express"
                )
            }
            Self::TooLong { bytes, bytes_max } => {
                write!(f, "needs {bytes} bytes of at most {bytes_max}")
            }
        }
    }
}
