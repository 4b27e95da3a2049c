//! A time of day that the caller of the host decides, so that hours pass in tests without waiting.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use wasmtime_wasi::HostWallClock;

/// The latest time that can be told, in seconds since 1970. WASI 0.3 counts them signed.
pub const SECONDS_MAX: u64 = i64::MAX.unsigned_abs();

/// What components see as the time of day (`wasi:clocks/system-clock`, and `wall-clock` in WASI
/// 0.2). It stands still until it is told to move. Timers and monotonic clocks stay real: a
/// component that waits waits.
///
/// Clones are handles on one clock.
#[derive(Clone, Debug)]
pub struct WallClock(Arc<AtomicU64>);

impl WallClock {
    /// A clock that shows `seconds` since 1970-01-01T00:00:00Z, at most [`SECONDS_MAX`].
    #[must_use]
    pub fn fixed_at(seconds: u64) -> Self {
        Self(Arc::new(AtomicU64::new(seconds.min(SECONDS_MAX))))
    }

    /// Moves the clock on by `seconds`, to [`SECONDS_MAX`] at most.
    pub fn advance(&self, seconds: u64) {
        let moved = |now: u64| Some(now.saturating_add(seconds).min(SECONDS_MAX));
        // Always `Ok`: `moved` always gives a time.
        let _ = self
            .0
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, moved);
    }

    /// What the clock shows, in seconds since 1970.
    #[must_use]
    pub fn now(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }
}

impl HostWallClock for WallClock {
    fn resolution(&self) -> Duration {
        Duration::from_secs(1)
    }

    fn now(&self) -> Duration {
        Duration::from_secs(Self::now(self))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_stands_still_until_it_is_moved_and_all_its_handles_agree() {
        let clock = WallClock::fixed_at(1_000);
        let handle = clock.clone();
        assert_eq!((clock.now(), handle.now()), (1_000, 1_000));
        clock.advance(23 * 3600);
        assert_eq!((clock.now(), handle.now()), (83_800, 83_800));
    }

    #[test]
    fn a_clock_ends_where_wasi_can_no_longer_tell_the_time() {
        let clock = WallClock::fixed_at(u64::MAX);
        assert_eq!(clock.now(), SECONDS_MAX);
        clock.advance(u64::MAX);
        assert_eq!(HostWallClock::now(&clock), Duration::from_secs(SECONDS_MAX));
    }
}
