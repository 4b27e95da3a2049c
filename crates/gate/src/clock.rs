//! Work that is given a time.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use crate::platform::Platform;

/// Waits for `work`, but no longer than `limit`. Dropping the unfinished work cancels it.
///
/// # Errors
/// [`TimedOut`] when the time is up first.
pub(crate) async fn within<P: Platform, T>(
    platform: &P,
    limit: Duration,
    work: impl Future<Output = T>,
) -> Result<T, TimedOut> {
    let mut work = pin!(work);
    let mut timer = pin!(platform.pause(limit));
    poll_fn(|context| {
        if let Poll::Ready(value) = work.as_mut().poll(context) {
            return Poll::Ready(Ok(value));
        }
        timer.as_mut().poll(context).map(|()| Err(TimedOut))
    })
    .await
}

/// The same, and for how many milliseconds it was waited for. Where the work is done at once, no clock is looked at.
pub(crate) async fn timed<P: Platform, T>(
    platform: &P,
    limit_ms: u64,
    work: impl Future<Output = T>,
) -> (Result<T, TimedOut>, u64) {
    let mut work = pin!(work);
    let first = poll_fn(|context| Poll::Ready(work.as_mut().poll(context))).await;
    if let Poll::Ready(value) = first {
        return (Ok(value), 0);
    }
    let began = platform.monotonic();
    let done = within(platform, Duration::from_millis(limit_ms), work).await;
    (done, platform.monotonic().since(began))
}

/// The time given to a piece of work was up before it had ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TimedOut;
