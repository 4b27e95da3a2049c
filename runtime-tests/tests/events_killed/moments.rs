//! When somebody is killed: how far what goes on has come.

use std::fmt;
use std::sync::Arc;
use tokio::sync::watch;

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// Bytes that the clients have sent.
    Sent,
    /// Bytes that went to the sink. After the last of them nothing passes either way.
    ToSink,
    /// Pieces of what the sink answers, of which the last does not arrive. After it nothing passes either way.
    FromSink,
    /// Answers that the clients have had.
    Answered,
}

/// After how much of what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    pub what: What,
    pub count: u64,
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.count;
        match self.what {
            What::Sent => write!(f, "when {count} bytes were sent"),
            What::ToSink => write!(f, "when {count} bytes were on their way to the sink"),
            What::FromSink => write!(f, "before answer {count} of the sink arrived"),
            What::Answered => write!(f, "after {count} answers"),
        }
    }
}

/// The moment that is waited for, if one is. What has come so far is held until somebody was killed.
#[derive(Debug, Clone, Default)]
pub struct Moments(Arc<watch::Sender<Option<State>>>);

#[derive(Debug)]
struct State {
    what: What,
    left: u64,
}

impl State {
    fn holds(&self, what: What) -> bool {
        let holds_sink = matches!(self.what, What::ToSink | What::FromSink);
        let is_of_sink = matches!(what, What::ToSink | What::FromSink);
        self.left == 0 && (what == self.what || holds_sink && is_of_sink)
    }
}

impl Moments {
    /// Waits for this moment from now on.
    pub fn arm(&self, moment: Moment) {
        self.0.send_replace(Some(State {
            what: moment.what,
            left: moment.count.max(1),
        }));
    }

    /// How many of so many bytes may pass.
    pub fn pass(&self, what: What, bytes: usize) -> usize {
        let mut may = bytes;
        self.0.send_if_modified(|state| {
            let Some(state) = state else {
                return false;
            };
            if state.holds(what) {
                may = 0;
            } else if state.what == what {
                let one = matches!(what, What::FromSink | What::Answered);
                let count = if one { 1 } else { bytes as u64 };
                may = usize::try_from(count.min(state.left)).unwrap();
                state.left -= may as u64;
                if one {
                    may = if state.left == 0 { 0 } else { bytes };
                }
            }
            state.left == 0
        });
        may
    }

    /// Waits until the moment is there.
    pub async fn until_reached(&self) {
        let mut changes = self.0.subscribe();
        let is_reached = |state: &Option<State>| state.as_ref().is_some_and(|it| it.left == 0);
        let _ = changes.wait_for(is_reached).await;
    }

    /// Somebody was killed: what was held goes on.
    pub fn release(&self) {
        self.0.send_replace(None);
    }

    /// Waits until nothing is held.
    pub async fn until_released(&self) {
        let mut changes = self.0.subscribe();
        let _ = changes.wait_for(Option::is_none).await;
    }
}
