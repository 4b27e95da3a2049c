//! Points in time, as the tokens write them.

use std::fmt;

/// Seconds since 1970-01-01T00:00:00Z, leap seconds not counted: a `NumericDate` (RFC 7519 §2)
/// without its fraction.
///
/// This crate never asks a clock. Whoever calls it says what time it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnixTime(pub u64);

impl UnixTime {
    /// This time and `seconds` more, at most the last representable second.
    #[must_use]
    pub const fn saturating_add(self, seconds: u64) -> Self {
        Self(self.0.saturating_add(seconds))
    }

    /// This time and `seconds` less, at least the epoch.
    #[must_use]
    pub const fn saturating_sub(self, seconds: u64) -> Self {
        Self(self.0.saturating_sub(seconds))
    }

    /// How many seconds have passed from `earlier` to here; zero when `earlier` is later.
    #[must_use]
    pub const fn seconds_since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

impl fmt::Display for UnixTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::UnixTime;

    #[test]
    fn arithmetic_stops_at_both_ends() {
        assert_eq!(UnixTime(5).saturating_sub(6), UnixTime(0));
        assert_eq!(UnixTime(u64::MAX - 1).saturating_add(6), UnixTime(u64::MAX));
        assert_eq!(UnixTime(7).seconds_since(UnixTime(4)), 3);
        assert_eq!(UnixTime(4).seconds_since(UnixTime(7)), 0);
    }
}
