//! For how long the host waits for a client that does not send what it announced, or does not take what is ready.

use std::time::Duration;

use tokio::time::Instant;

/// What a client has to keep up with.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// How long it is waited for while no byte moves.
    pub time: Duration,
    /// Bytes for which a second of waiting is forgotten.
    pub bytes_per_second: u32,
}

/// The time that is left for a client. It becomes less only while the client is waited for; bytes that move bring
/// it back, up to the whole. So a transfer may last for ever, and one byte now and then does not keep it alive.
#[derive(Clone, Debug)]
pub struct Patience {
    pace: Pace,
    left: Duration,
    since: Option<Instant>,
    /// There was none left, even if nobody looked.
    over: bool,
}

impl Patience {
    /// All of it.
    #[must_use]
    pub fn new(pace: Pace) -> Self {
        Self {
            pace,
            left: pace.time,
            since: None,
            over: false,
        }
    }

    /// The client is waited for from now on, unless it is already.
    pub fn wait(&mut self, now: Instant) {
        self.since.get_or_insert(now);
    }

    /// It is not waited for any more.
    pub fn pause(&mut self, now: Instant) {
        if let Some(since) = self.since.take() {
            let waited = now.duration_since(since);
            self.over |= waited >= self.left;
            self.left = self.left.saturating_sub(waited);
        }
    }

    /// So many bytes moved.
    pub fn moved(&mut self, bytes: usize) {
        if bytes == 0 || self.left >= self.pace.time {
            return;
        }
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
        let won = match self.pace.bytes_per_second {
            0 => self.pace.time,
            rate => Duration::from_secs(1).saturating_mul(bytes) / rate,
        };
        self.left = self.left.saturating_add(won).min(self.pace.time);
    }

    /// Whether the client is waited for.
    #[must_use]
    pub fn is_waiting(&self) -> bool {
        self.since.is_some()
    }

    /// Whether bytes would bring time back.
    #[must_use]
    pub fn is_strained(&self) -> bool {
        self.since.is_some() || self.left < self.pace.time
    }

    /// Whether the client was waited for too long.
    #[must_use]
    pub fn is_over(&self, now: Instant) -> bool {
        let too_long = |since| now.duration_since(since) >= self.left;
        self.over || self.since.is_some_and(too_long)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PACE: Pace = Pace {
        time: Duration::from_secs(30),
        bytes_per_second: 500,
    };

    fn seconds(count: u64) -> Duration {
        Duration::from_secs(count)
    }

    /// When a client is given up that sends so many bytes each time after so many seconds; none where it is not
    /// within a day.
    fn given_up_after(bytes: usize, every_s: u64) -> Option<u64> {
        let start = Instant::now();
        let mut patience = Patience::new(PACE);
        for second in 0..24 * 3600 {
            let now = start + seconds(second);
            patience.wait(now);
            if patience.is_over(now) {
                return Some(second);
            }
            if second % every_s == every_s - 1 {
                patience.pause(now + seconds(1));
                patience.moved(bytes);
            }
        }
        None
    }

    #[tokio::test(start_paused = true)]
    async fn who_keeps_the_pace_may_go_on_for_ever_and_who_trickles_may_not() {
        for (bytes, every_s, expected) in [
            (0, 1, Some(30)),
            (1, 8, Some(31)),
            (500, 1, None),
            (100, 1, Some(38)),
            // A long pause is won back at once by a big piece.
            (1 << 20, 29, None),
            (1 << 20, 31, Some(30)),
        ] {
            let found = given_up_after(bytes, every_s);
            assert_eq!(found, expected, "{bytes} bytes every {every_s} s");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn time_in_which_nobody_waits_for_the_client_does_not_count() {
        let start = Instant::now();
        let mut patience = Patience::new(PACE);
        patience.wait(start);
        patience.pause(start + seconds(29));
        assert!(!patience.is_over(start + seconds(3600)));
        patience.wait(start + seconds(3600));
        assert!(!patience.is_over(start + seconds(3600)));
        assert!(patience.is_over(start + seconds(3601)));
    }

    #[tokio::test(start_paused = true)]
    async fn much_at_once_wins_no_more_than_the_whole_time() {
        let start = Instant::now();
        let mut patience = Patience::new(PACE);
        patience.wait(start);
        patience.pause(start + seconds(1));
        patience.moved(usize::MAX);
        patience.wait(start + seconds(1));
        assert!(!patience.is_over(start + seconds(30)));
        assert!(patience.is_over(start + seconds(31)));
    }
}
