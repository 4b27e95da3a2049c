//! Whether somebody still waits for what a component was asked by another one.
//!
//! A client that goes away is seen by its connection. A component that gives up, at its deadline for one, only
//! drops what it waits for; this tells it to the instance that works on it, so that the work ends.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::sync::oneshot;

/// How long an instance is kept for what it does after its answers, once one of its requests is of no interest
/// to anybody any more. It takes no further requests then.
const LAST_WORK: Duration = Duration::from_secs(1);

/// Held by who asks, for as long as the answer or the rest of it is wanted.
pub struct Asking {
    /// Dropped with this.
    _gone: oneshot::Sender<()>,
    over: Option<oneshot::Sender<End>>,
    end: End,
}

/// How it ended.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    /// There was no answer yet.
    GivenUp,
    /// The answer was read, or as much of it as was wanted.
    Answered,
}

/// The other side, which goes with the request.
pub struct Asked {
    gone: oneshot::Receiver<()>,
    over: oneshot::Receiver<End>,
}

/// Both sides of one request.
#[must_use]
pub fn asked() -> (Asking, Asked) {
    let (gone_sender, gone) = oneshot::channel();
    let (over_sender, over) = oneshot::channel();
    let asking = Asking {
        _gone: gone_sender,
        over: Some(over_sender),
        end: End::GivenUp,
    };
    (asking, Asked { gone, over })
}

impl Asking {
    /// The head of the answer came.
    pub fn answered(&mut self) {
        self.end = End::Answered;
    }
}

impl Drop for Asking {
    fn drop(&mut self) {
        if let Some(over) = self.over.take() {
            // The instance may be gone.
            let _ = over.send(self.end);
        }
    }
}

/// What one instance was asked.
#[derive(Clone, Default)]
pub struct Askers(Arc<Mutex<Requests>>);

/// The requests of one instance.
#[derive(Default)]
struct Requests {
    waiting: Vec<oneshot::Receiver<End>>,
    /// One of them gave up.
    given_up: bool,
    /// One of them had an answer.
    answered: bool,
}

impl Askers {
    /// Another request came. The future is ready when nobody waits for its answer any more.
    pub fn add(&self, asked: Asked) -> impl Future<Output = ()> + Send + Sync + 'static {
        let Asked { mut gone, over } = asked;
        self.with(|requests| requests.waiting.push(over));
        std::future::poll_fn(move |cx| Pin::new(&mut gone).poll(cx).map(|_| ()))
    }

    /// For how long the instance still has to be there: ready when somebody gave up, and nobody waits for
    /// anything else. As long as somebody does, this wakes `cx` when that changes.
    pub fn poll_left(&self, cx: &mut Context<'_>) -> Poll<Duration> {
        self.with(|requests| {
            let Requests {
                waiting,
                given_up,
                answered,
            } = requests;
            waiting.retain_mut(|over| match Pin::new(over).poll(cx) {
                Poll::Pending => true,
                Poll::Ready(end) => {
                    let end = end.unwrap_or(End::GivenUp);
                    *given_up |= end == End::GivenUp;
                    *answered |= end == End::Answered;
                    false
                }
            });
            if !*given_up || !waiting.is_empty() {
                return Poll::Pending;
            }
            Poll::Ready(if *answered { LAST_WORK } else { Duration::ZERO })
        })
    }

    /// Whether somebody gave up.
    #[must_use]
    pub fn gave_up(&self) -> bool {
        self.with(|requests| requests.given_up)
    }

    fn with<T>(&self, work: impl FnOnce(&mut Requests) -> T) -> T {
        // Nothing in here panics half-way.
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use super::*;

    fn left(askers: &Askers) -> Poll<Duration> {
        askers.poll_left(&mut Context::from_waker(Waker::noop()))
    }

    #[test]
    fn an_instance_stays_until_nobody_waits_for_it() {
        let askers = Askers::default();
        let (one, asked_one) = asked();
        let (other, asked_other) = asked();
        drop(askers.add(asked_one));
        drop(askers.add(asked_other));
        assert_eq!(left(&askers), Poll::Pending);
        drop(one);
        assert_eq!(left(&askers), Poll::Pending, "the other one still waits");
        assert!(askers.gave_up());
        drop(other);
        assert_eq!(left(&askers), Poll::Ready(Duration::ZERO));
    }

    #[test]
    fn an_instance_that_answered_has_time_for_what_it_does_afterwards() {
        let askers = Askers::default();
        let (mut one, asked_one) = asked();
        let (other, asked_other) = asked();
        drop(askers.add(asked_one));
        drop(askers.add(asked_other));
        one.answered();
        drop(one);
        assert_eq!(left(&askers), Poll::Pending);
        assert!(!askers.gave_up());
        drop(other);
        assert_eq!(left(&askers), Poll::Ready(LAST_WORK));
    }

    #[test]
    fn who_has_all_answers_leaves_the_instance_to_others() {
        let askers = Askers::default();
        let (mut asking, asked) = asked();
        drop(askers.add(asked));
        asking.answered();
        drop(asking);
        assert_eq!(left(&askers), Poll::Pending);
    }

    #[tokio::test]
    async fn giving_up_is_seen_by_the_request() {
        let askers = Askers::default();
        let (asking, asked) = asked();
        let gone = askers.add(asked);
        drop(asking);
        let seen = tokio::time::timeout(Duration::from_secs(10), gone).await;
        assert!(seen.is_ok(), "the request waits for who has gone");
    }
}
