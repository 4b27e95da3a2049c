//! For how long an application is the one that is served: until the host stops, or another one takes its place.

use std::sync::Arc;

use tokio::sync::watch;

use crate::course::{Course, Engaged, Phase, Stay};

/// What tells it, and who works for the application.
#[derive(Debug)]
pub struct Term {
    host: Arc<Course>,
    retired: watch::Sender<bool>,
    engaged: Engaged,
}

impl Term {
    /// One that begins, on a host that is as far as `host` says.
    #[must_use]
    pub fn begin(host: Arc<Course>) -> Arc<Self> {
        Arc::new(Self {
            host,
            retired: watch::Sender::new(false),
            engaged: Engaged::none(),
        })
    }

    /// How far the host is.
    #[must_use]
    pub fn host(&self) -> &Course {
        &self.host
    }

    /// Another application has taken its place. Requests that it has come to their end.
    pub fn retire(&self) {
        self.retired.send_replace(true);
    }

    /// Ready when nothing new begins for it: it is retired, or the host stops.
    pub async fn is_over(&self) {
        let mut told = self.retired.subscribe();
        tokio::select! {
            biased;
            // The other end is here.
            _ = told.wait_for(|retired| *retired) => {}
            () = self.host.reaches(Phase::Stopping) => {}
        }
    }

    /// One more works for it until this is dropped: an instance, a run of a timer. The host waits for it as well.
    #[must_use]
    pub fn work(self: &Arc<Self>) -> Work {
        self.engaged.begins();
        Work {
            _stay: self.host.stay(),
            term: Arc::clone(self),
        }
    }

    /// Whether somebody works for it.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        self.engaged.is_some()
    }

    /// Ready when nobody works for it.
    pub async fn all_gone(&self) {
        self.engaged.all_gone().await;
    }
}

/// That somebody works for an application.
#[derive(Debug)]
pub struct Work {
    _stay: Stay,
    term: Arc<Term>,
}

impl Work {
    /// The term of the application.
    #[must_use]
    pub fn term(&self) -> &Term {
        &self.term
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        self.term.engaged.ends();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::course::tests::is_ready;

    #[test]
    fn it_is_over_when_it_is_retired_and_when_the_host_stops() {
        let host = Course::begin();
        let (one, other) = (
            Term::begin(Arc::clone(&host)),
            Term::begin(Arc::clone(&host)),
        );
        host.enter(Phase::Draining);
        assert!(!is_ready(one.is_over()));
        one.retire();
        assert!(is_ready(one.is_over()));
        assert!(!is_ready(other.is_over()));
        host.enter(Phase::Stopping);
        assert!(is_ready(other.is_over()));
    }

    #[test]
    fn the_host_waits_for_who_works_for_any_application() {
        let host = Course::begin();
        let (one, other) = (
            Term::begin(Arc::clone(&host)),
            Term::begin(Arc::clone(&host)),
        );
        let works = one.work();
        assert!(!is_ready(one.all_gone()));
        assert!(is_ready(other.all_gone()));
        assert!(!is_ready(host.all_gone()));
        drop(works);
        assert!(is_ready(one.all_gone()));
        assert!(is_ready(host.all_gone()));
    }
}
