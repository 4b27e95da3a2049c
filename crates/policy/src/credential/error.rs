//! What is wrong with credentials.

use core::fmt;

use super::place::CredentialPlace;

/// What is wrong with the credential of a request. It is for the log and holds no part of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CredentialError {
    /// There is no credential.
    Missing,
    /// The credential is of a kind that the rule does not accept.
    OtherKind,
    /// There is more than one `Authorization` field.
    Repeated {
        /// How many there are.
        fields: usize,
    },
    /// There is more than one API key.
    RepeatedKey,
    /// There are an `Authorization` field and an API key.
    Two,
    /// A parameter's name is the API key's in another spelling.
    Spelling,
    /// The field does not begin with an authentication scheme.
    NoScheme,
    /// `Bearer` without one space and a token of the right characters after it.
    NotOneToken,
    /// `Basic` without a name and a password as they have to be written.
    NotBasic,
    /// An API key that is empty, too long, or not printable ASCII.
    NotOneKey,
    /// There is more than one token in this place.
    RepeatedToken(CredentialPlace),
    /// What stands in this place is the token's in another spelling.
    TokenSpelling(CredentialPlace),
    /// What stands in this place is no token.
    NotToken(CredentialPlace),
}

impl fmt::Display for CredentialError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Missing => "no credential",
            Self::OtherKind => "a credential of a kind that the route does not accept",
            Self::Repeated { fields } => return write!(f, "{fields} Authorization fields"),
            Self::RepeatedKey => "more than one API key",
            Self::Two => "both an Authorization field and an API key",
            Self::Spelling => "a parameter that is the API key's in another spelling",
            Self::NoScheme => "Authorization without an authentication scheme",
            Self::NotOneToken => "Bearer without exactly one token after one space",
            Self::NotBasic => "Basic without a name and a password in base64",
            Self::NotOneKey => "an API key that is empty, too long or not printable ASCII",
            Self::RepeatedToken(place) => return write!(f, "more than one token in the {place}"),
            Self::TokenSpelling(place) => {
                return write!(f, "a {place} that is the token's in another spelling");
            }
            Self::NotToken(place) => {
                return write!(f, "a {place} for the token, without a token in it");
            }
        })
    }
}
