//! How far the host is, from its start to its end, and who still has something to do.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use tokio::sync::watch;

/// How far it is. It never goes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// Components are fetched and compiled.
    Starting,
    /// Requests are answered.
    Serving,
    /// It was told to stop. Requests are answered, and who sends them is told to go elsewhere.
    Draining,
    /// Nothing new is accepted.
    Stopping,
}

/// What tells it, and is told it.
#[derive(Debug)]
pub struct Course {
    phase: watch::Sender<Phase>,
    /// The same for who asks with every request: whether it was told to stop.
    drains: AtomicBool,
    engaged: Engaged,
}

/// How many have something to do.
#[derive(Debug)]
pub struct Engaged(watch::Sender<usize>);

impl Engaged {
    /// Nobody.
    #[must_use]
    pub fn none() -> Self {
        Self(watch::Sender::new(0))
    }

    /// One more has.
    pub fn begins(&self) {
        // Only that there are none any more is of interest.
        self.0.send_if_modified(|count| {
            *count += 1;
            false
        });
    }

    /// One of them has no more.
    pub fn ends(&self) {
        self.0.send_if_modified(|count| {
            *count = count.saturating_sub(1);
            *count == 0
        });
    }

    /// Whether somebody has.
    #[must_use]
    pub fn is_some(&self) -> bool {
        *self.0.borrow() > 0
    }

    /// Ready when nobody has.
    pub async fn all_gone(&self) {
        let mut told = self.0.subscribe();
        // The other end is here.
        let _ = told.wait_for(|count| *count == 0).await;
    }
}

impl Course {
    /// One that begins.
    #[must_use]
    pub fn begin() -> Arc<Self> {
        Arc::new(Self {
            phase: watch::Sender::new(Phase::Starting),
            drains: AtomicBool::new(false),
            engaged: Engaged::none(),
        })
    }

    /// Goes on to this phase.
    pub fn enter(&self, phase: Phase) {
        self.drains.store(phase >= Phase::Draining, Relaxed);
        self.phase.send_replace(phase);
    }

    /// How far it is.
    #[must_use]
    pub fn phase(&self) -> Phase {
        *self.phase.borrow()
    }

    /// Whether it was told to stop.
    #[must_use]
    pub fn drains(&self) -> bool {
        self.drains.load(Relaxed)
    }

    /// Ready when it is as far as this.
    pub async fn reaches(&self, phase: Phase) {
        let mut told = self.phase.subscribe();
        // The other end is here.
        let _ = told.wait_for(|reached| *reached >= phase).await;
    }

    /// One more has something to do, until this is dropped: a connection, an instance, a run of a timer.
    #[must_use]
    pub fn stay(self: &Arc<Self>) -> Stay {
        self.engaged.begins();
        Stay(Arc::clone(self))
    }

    /// Ready when nobody has anything to do.
    pub async fn all_gone(&self) {
        self.engaged.all_gone().await;
    }
}

/// What stops everybody where it is dropped, however that comes.
#[derive(Debug)]
pub struct Stops(pub Arc<Course>);

impl Drop for Stops {
    fn drop(&mut self) {
        self.0.enter(Phase::Stopping);
    }
}

/// That somebody has something to do.
#[derive(Debug)]
pub struct Stay(Arc<Course>);

impl Stay {
    /// What the host does meanwhile.
    #[must_use]
    pub fn course(&self) -> &Arc<Course> {
        &self.0
    }
}

impl Drop for Stay {
    fn drop(&mut self) {
        self.0.engaged.ends();
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use super::*;

    /// Whether it is, without waiting.
    pub(crate) fn is_ready(future: impl Future<Output = ()>) -> bool {
        let mut cx = Context::from_waker(Waker::noop());
        pin!(future).poll(&mut cx) == Poll::Ready(())
    }

    #[test]
    fn a_phase_is_reached_by_any_that_comes_after_it() {
        let course = Course::begin();
        for (phase, reached, drains) in [
            (Phase::Starting, [true, false, false], false),
            (Phase::Serving, [true, true, false], false),
            (Phase::Draining, [true, true, false], true),
            (Phase::Stopping, [true, true, true], true),
        ] {
            course.enter(phase);
            let phases = [Phase::Starting, Phase::Serving, Phase::Stopping];
            let found = phases.map(|phase| is_ready(course.reaches(phase)));
            assert_eq!((found, course.drains()), (reached, drains), "{phase:?}");
            assert_eq!(course.phase(), phase);
        }
    }

    #[test]
    fn who_goes_stops_the_others() {
        let course = Course::begin();
        drop(Stops(Arc::clone(&course)));
        assert_eq!(course.phase(), Phase::Stopping);
    }

    #[tokio::test]
    async fn all_are_gone_when_the_last_one_is_and_again_later() {
        let course = Course::begin();
        for _ in 0..2 {
            let (one, other) = (course.stay(), course.stay());
            assert!(!is_ready(course.all_gone()));
            drop(one);
            assert!(!is_ready(course.all_gone()));
            let waiting = tokio::spawn({
                let course = Arc::clone(&course);
                async move { course.all_gone().await }
            });
            tokio::task::yield_now().await;
            drop(other);
            assert!(waiting.await.is_ok());
        }
    }
}
