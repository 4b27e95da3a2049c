//! One piece of work that several requests wait for.
//!
//! On some hosts tasks of one instance cannot wake each other (a waker of one is nothing to another), so each
//! one that waits has a [signal](Platform::signal) of its own, and the work's end drops them all.

use std::cell::RefCell;
use std::rc::Rc;

use crate::platform::Platform;

/// At most one piece of work at a time, and those who wait for it.
pub(crate) struct Flight<P: Platform> {
    platform: P,
    /// `None`: no work is under way.
    waiting: Rc<RefCell<Option<Vec<P::Wake>>>>,
}

impl<P: Platform> Clone for Flight<P> {
    fn clone(&self) -> Self {
        Self {
            platform: self.platform.clone(),
            waiting: Rc::clone(&self.waiting),
        }
    }
}

impl<P: Platform> Flight<P> {
    /// No work is under way.
    pub(crate) fn new(platform: P) -> Self {
        Self {
            platform,
            waiting: Rc::default(),
        }
    }

    /// Begins the work, unless it is under way. Those who wait are woken when what is returned is
    /// dropped: when the work has ended, however it did, also by cancellation.
    pub(crate) fn begin(&self) -> Option<Landing<P>> {
        let mut waiting = self.waiting.borrow_mut();
        if waiting.is_some() {
            return None;
        }
        *waiting = Some(Vec::new());
        Some(Landing(self.clone()))
    }

    /// Whether somebody is at it.
    pub(crate) fn is_under_way(&self) -> bool {
        self.waiting.borrow().is_some()
    }

    /// Waits until the work that is under way has ended, or somebody was told to look again. Does not
    /// wait where none is under way.
    pub(crate) async fn ended(&self) {
        let signal = {
            let mut waiting = self.waiting.borrow_mut();
            let Some(waiting) = waiting.as_mut() else {
                return;
            };
            let (wake, signal) = self.platform.signal();
            waiting.push(wake);
            signal
        };
        P::woken(signal).await;
    }

    /// Wakes those who wait before the end: there is something to be seen.
    pub(crate) fn wake(&self) {
        let waiting = self.waiting.borrow_mut().as_mut().map(std::mem::take);
        // To wake is a call to the host: not while this is borrowed.
        drop(waiting);
    }
}

/// Work under way.
pub(crate) struct Landing<P: Platform>(Flight<P>);

impl<P: Platform> Drop for Landing<P> {
    fn drop(&mut self) {
        let waiting = self.0.waiting.borrow_mut().take();
        drop(waiting);
    }
}
