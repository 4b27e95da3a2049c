//! When the requests of an open loop are meant to be sent.

use std::time::Duration;

/// So many requests per second, one after the other or in bursts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Schedule {
    /// Requests per second, more than none.
    per_second: f64,
    /// Requests that are meant for the same moment, at least 1.
    burst: u64,
}

impl Schedule {
    /// At least one request in [`Self::SLOWEST_S`], and bursts of at least one.
    pub(super) fn new(per_second: f64, burst: u64) -> Self {
        let slowest = 1.0 / Self::SLOWEST_S;
        Self {
            per_second: per_second.max(slowest),
            burst: burst.max(1),
        }
    }

    /// The longest time between two requests, in seconds.
    const SLOWEST_S: f64 = 3600.0;

    /// When this request is meant to be sent, counted from the first one, which has the number 0.
    pub(super) fn due(&self, number: u64) -> Duration {
        let first_of_burst = number - number % self.burst;
        Duration::try_from_secs_f64(first_of_burst as f64 / self.per_second)
            .unwrap_or(Duration::MAX)
    }

    /// How many requests are meant to be sent within this time, which ends just before its last moment.
    pub(super) fn within(&self, time: Duration) -> u64 {
        let bursts = (time.as_secs_f64() * self.per_second / self.burst as f64).ceil();
        (bursts as u64).saturating_mul(self.burst)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn due_ms(schedule: Schedule, numbers: std::ops::Range<u64>) -> Vec<u128> {
        numbers
            .map(|number| schedule.due(number).as_millis())
            .collect()
    }

    #[test]
    fn a_steady_load_has_the_same_pause_after_each_request() {
        let schedule = Schedule::new(200.0, 1);
        assert_eq!(due_ms(schedule, 0..5), [0, 5, 10, 15, 20]);
        assert_eq!(due_ms(schedule, 200_000..200_001), [1_000_000]);
    }

    #[test]
    fn a_burst_is_meant_for_one_moment_and_the_rate_is_kept() {
        let schedule = Schedule::new(1000.0, 3);
        assert_eq!(due_ms(schedule, 0..7), [0, 0, 0, 3, 3, 3, 6]);
    }

    #[test]
    fn what_is_due_before_the_end_is_sent_and_nothing_else() {
        let second = Duration::from_secs(1);
        assert_eq!(Schedule::new(200.0, 1).within(second), 200);
        assert_eq!(Schedule::new(1000.0, 300).within(second), 1200);
        assert_eq!(Schedule::new(10.0, 1).within(Duration::from_millis(250)), 3);
        for (rate, burst) in [(7.0, 1), (977.0, 13)] {
            let schedule = Schedule::new(rate, burst);
            let count = schedule.within(second);
            assert!(schedule.due(count - 1) < second && schedule.due(count) >= second);
        }
    }

    #[test]
    fn a_rate_that_makes_no_sense_is_a_slow_one() {
        for rate in [0.0, -1.0, f64::NAN] {
            let schedule = Schedule::new(rate, 0);
            assert_eq!(schedule.due(1), Duration::from_secs(3600), "{rate}");
        }
    }
}
