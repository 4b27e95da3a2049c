//! Points in time.

/// Milliseconds since a start that does not change while two of them are compared: that of the machine for
/// a monotonic clock, 1970-01-01T00:00:00Z for the time of day. Each function says which one it is told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Millis(pub u64);

impl Millis {
    /// This time and so many milliseconds more, at most the last one that can be told.
    #[must_use]
    pub const fn plus(self, ms: u64) -> Self {
        Self(self.0.saturating_add(ms))
    }

    /// How many milliseconds have passed from `earlier` to here; 0 where `earlier` is later.
    #[must_use]
    pub const fn since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}
