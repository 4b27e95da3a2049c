//! The time that a case goes by.

pub use doorward_tests::time::date_time;

use crate::host::Host;
use doorward_host::WallClock;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// When a clock of the test's own begins, in seconds since 1970: 2027-01-15T08:00:00Z.
const START_S: u64 = 1_800_000_000;
/// The longest that a case may wait where only the real clock can be had, in seconds. What takes longer is
/// for the in-process host alone.
const WAIT_S_MAX: u64 = 15;

/// Seconds since 1970 by the real clock, which is the one that components see unless they are given
/// another one.
pub fn now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_secs()
}

/// The time of day on a host: one of the test's own that stands still until it is moved, where the host
/// has that; otherwise the real one, on which seconds take a second.
pub struct Clock<'h> {
    host: &'h dyn Host,
    own: Option<WallClock>,
}

impl<'h> Clock<'h> {
    /// A clock for cases on this host.
    pub fn of(host: &'h dyn Host) -> Self {
        Self::beginning(host, START_S)
    }

    /// A clock for cases on this host, which shows this where it is the test's own.
    pub fn beginning(host: &'h dyn Host, seconds: u64) -> Self {
        let own = host.has_clocks().then(|| WallClock::fixed_at(seconds));
        Self { host, own }
    }

    /// Another clock that shows the same now.
    pub fn another(&self) -> Self {
        let own = self.own.as_ref();
        Self {
            host: self.host,
            own: own.map(|clock| WallClock::fixed_at(clock.now())),
        }
    }

    /// The host that goes by it.
    pub fn host(&self) -> &'h dyn Host {
        self.host
    }

    /// The test's own clock, where it is one.
    pub fn own(&self) -> Option<&WallClock> {
        self.own.as_ref()
    }

    /// Whether it is the test's own: then hours pass at once, and not a second by itself.
    pub fn is_own(&self) -> bool {
        self.own.is_some()
    }

    /// What it shows, in seconds since 1970.
    pub fn now(&self) -> u64 {
        self.own.as_ref().map_or_else(now, WallClock::now)
    }

    /// Moves on by so many seconds; where it is the real one, waits for so long.
    pub async fn advance(&self, seconds: u64) {
        match &self.own {
            Some(clock) => clock.advance(seconds),
            None => {
                assert!(
                    seconds <= WAIT_S_MAX,
                    "{seconds} s are too long for a case on {}",
                    self.host.name()
                );
                tokio::time::sleep(Duration::from_secs(seconds)).await;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::InProcess;

    #[tokio::test]
    async fn a_clock_of_the_tests_own_stands_still_until_it_is_moved() {
        let clock = Clock::of(&InProcess);
        let other = clock.another();
        clock.advance(3600).await;
        assert_eq!(clock.now(), START_S + 3600);
        assert_eq!(other.now(), START_S, "another one");
    }
}
