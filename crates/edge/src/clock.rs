//! The time of day, and waiting. `token` and `policy` have no clock; they are told.

use doorward_token::UnixTime;
use doorward_traffic::Millis;
use std::time::Duration;
use wasip3::clocks::{monotonic_clock, system_clock};

/// The present time by the host's clock, in whole seconds. A clock before 1970 reads as 0, at which no
/// token that has a `nbf` or `iat` is valid yet.
pub fn now() -> UnixTime {
    UnixTime(u64::try_from(system_clock::now().seconds).unwrap_or(0))
}

/// The same in milliseconds, for what counts in fractions of a second.
pub(crate) fn now_millis() -> Millis {
    let now = system_clock::now();
    let seconds = u64::try_from(now.seconds).unwrap_or(0);
    let millis = seconds.saturating_mul(1000);
    Millis(millis.saturating_add(u64::from(now.nanoseconds / 1_000_000)))
}

/// What the host's monotonic clock shows. It is not to be compared with the time of day.
pub(crate) fn monotonic() -> Millis {
    Millis(monotonic_clock::now() / 1_000_000)
}

/// Waits.
pub(crate) async fn pause(time: Duration) {
    monotonic_clock::wait_for(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)).await;
}

/// Waits for `work`, but no longer than `limit`. Dropping the unfinished work cancels it.
///
/// # Errors
/// [`TimedOut`] when the time is up first.
pub(crate) async fn within<T>(
    limit: Duration,
    work: impl Future<Output = T>,
) -> Result<T, TimedOut> {
    let mut work = std::pin::pin!(work);
    let mut timer = std::pin::pin!(pause(limit));
    std::future::poll_fn(|context| {
        if let std::task::Poll::Ready(value) = work.as_mut().poll(context) {
            return std::task::Poll::Ready(Ok(value));
        }
        timer.as_mut().poll(context).map(|()| Err(TimedOut))
    })
    .await
}

/// The time given to a piece of work was up before it had ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TimedOut;
