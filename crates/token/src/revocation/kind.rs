//! What entries revoke.

use std::fmt;

/// What an entry revokes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RevocationKind {
    /// One token, by its `jti` or, where it has none, by its text.
    Token,
    /// The tokens of a subject (`sub`) that were issued up to a time.
    Subject,
    /// The tokens of a subject that were issued up to a time and do not say to which session they
    /// belong.
    Sessionless,
    /// The tokens of a session (`sid`).
    Session,
    /// All tokens of an issuer that were issued up to a time.
    Issuer,
    /// Nothing: it remembers the `jti` of a logout token, which is not accepted twice.
    Logout,
}

impl RevocationKind {
    pub(super) const ALL: [Self; 6] = [
        Self::Token,
        Self::Subject,
        Self::Sessionless,
        Self::Session,
        Self::Issuer,
        Self::Logout,
    ];

    /// The kind as it is written in a name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Token => "token",
            Self::Subject => "subject",
            Self::Sessionless => "sessionless",
            Self::Session => "session",
            Self::Issuer => "issuer",
            Self::Logout => "logout",
        }
    }

    pub(super) fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }

    /// Whether what it revokes depends on when that was issued.
    pub(super) const fn is_dated(self) -> bool {
        matches!(self, Self::Subject | Self::Sessionless | Self::Issuer)
    }
}

impl fmt::Display for RevocationKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
