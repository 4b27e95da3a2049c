//! Who somebody is.

use core::fmt;
use std::borrow::Cow;

/// Who was authenticated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal<'p> {
    issuer: Cow<'p, str>,
    subject: Option<String>,
}

impl<'p> Principal<'p> {
    pub(crate) fn new(issuer: Cow<'p, str>, subject: Option<String>) -> Self {
        Self { issuer, subject }
    }

    /// The name that the policy gives to the issuer, with that of its tenant if there is one, or
    /// [`API_KEY_ISSUER`](doorward_token::api_key::API_KEY_ISSUER).
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// `sub`, when there is one: for an API key its name.
    #[must_use]
    pub fn subject(&self) -> Option<&str> {
        self.subject.as_deref()
    }
}

/// On one line whatever is in the subject: `acme "4711"`.
impl fmt::Display for Principal<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.subject {
            Some(subject) => write!(f, "{} \"{}\"", self.issuer, subject.escape_default()),
            None => f.write_str(&self.issuer),
        }
    }
}
