//! What the status of a response says of the one who gave it, as far as a proxy acts upon it.

/// What a status says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StatusMeaning {
    /// It did what it does, be that an error.
    Works,
    /// It does not work now (502, 503, 504): another one may, and so may it a moment later.
    Failing,
    /// It is asked too much (429, RFC 6585 section 4).
    Busy,
}

impl StatusMeaning {
    /// What this status says.
    #[must_use]
    pub const fn of(status: u16) -> Self {
        match status {
            502..=504 => Self::Failing,
            429 => Self::Busy,
            _ => Self::Works,
        }
    }
}
