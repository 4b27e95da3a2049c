//! What holds answers back until the test lets them go.

use super::world::World;
use std::cell::{Cell, RefCell};
use std::fmt;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Poll, Waker};

/// Holds whoever comes by, until it is opened.
#[derive(Clone)]
pub struct Hold(Rc<Inner>);

struct Inner {
    world: Rc<World>,
    is_open: Cell<bool>,
    waiting: Cell<usize>,
    wakers: RefCell<Vec<Waker>>,
}

impl Hold {
    /// One that lets nobody through.
    #[must_use]
    pub fn closed(world: &Rc<World>) -> Self {
        Self(Rc::new(Inner {
            world: Rc::clone(world),
            is_open: Cell::new(false),
            waiting: Cell::new(0),
            wakers: RefCell::default(),
        }))
    }

    /// Lets everybody through from now on.
    pub fn open(&self) {
        self.0.is_open.set(true);
        for waker in self.0.wakers.take() {
            self.0.world.executor.wake(Some(waker));
        }
    }

    /// How many are held.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.0.waiting.get()
    }

    /// Waits until it is open.
    pub async fn pass(&self) {
        let inner = &self.0;
        let _held = Held::new(inner);
        poll_fn(|context| {
            if inner.is_open.get() {
                return Poll::Ready(());
            }
            inner.wakers.borrow_mut().push(context.waker().clone());
            Poll::Pending
        })
        .await;
    }
}

impl fmt::Debug for Hold {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = if self.0.is_open.get() {
            "open"
        } else {
            "closed"
        };
        formatter.debug_tuple("Hold").field(&state).finish()
    }
}

/// One that is held. Who goes away is held no longer.
struct Held<'h>(&'h Inner);

impl<'h> Held<'h> {
    fn new(inner: &'h Inner) -> Self {
        inner.waiting.set(inner.waiting.get() + 1);
        Self(inner)
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.0.waiting.set(self.0.waiting.get() - 1);
    }
}
