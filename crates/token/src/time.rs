//! Points in time, as the tokens write them.

use std::fmt;

/// Seconds since 1970-01-01T00:00:00Z, leap seconds not counted: a `NumericDate` (RFC 7519 §2)
/// without its fraction.
///
/// This crate never asks a clock. Whoever calls it says what time it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnixTime(pub u64);

impl UnixTime {
    /// A time in UTC: year, month and day counted from 1, hour, minute and second. The second may be 60
    /// (a leap second), which counts as the one after. `None` before 1970, after 9999, and where there is
    /// no such time.
    #[must_use]
    pub fn from_utc([year, month, day, hour, minute, second]: [u64; 6]) -> Option<Self> {
        let good = (1970..=9999).contains(&year)
            && (1..=12).contains(&month)
            && (1..=days_in_month(year, month)).contains(&day)
            && hour < 24
            && minute < 60
            && second <= 60;
        if !good {
            return None;
        }
        let before =
            |year: u64| (year - 1) * 365 + (year - 1) / 4 - (year - 1) / 100 + (year - 1) / 400;
        let months = (1..month).map(|month| days_in_month(year, month));
        let days = before(year) - before(1970) + months.sum::<u64>() + day - 1;
        Some(Self(days * 86_400 + hour * 3600 + minute * 60 + second))
    }

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

/// The days of a month, which is counted from 1.
#[must_use]
pub const fn days_in_month(year: u64, month: u64) -> u64 {
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        _ => 31,
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
