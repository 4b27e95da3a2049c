//! Work beside a request, begun at once.
//!
//! `wit_bindgen::spawn` puts work into a list, which its executor takes over after it has polled what there was. Where
//! all of that waits by then, what is new is not polled before something else happens: the next event of the task,
//! which may be a second away, or never come. So whoever has spawned something and waits asks to be polled again.

use std::cell::Cell;
use std::pin::{Pin, pin};
use std::task::Context;
use wasip3::wit_bindgen;

thread_local! {
    /// Whether something was spawned that nobody has polled yet.
    static SPAWNED: Cell<bool> = const { Cell::new(false) };
}

/// Does work that nobody waits for, in the task of whoever is polled now.
pub fn spawn(work: impl Future<Output = ()> + 'static) {
    SPAWNED.set(true);
    // Of one type, for that is half as much code.
    let work: Pin<Box<dyn Future<Output = ()>>> = Box::pin(work);
    wit_bindgen::spawn(spawning(work));
}

/// The same work, which may spawn more.
pub async fn spawning<T>(work: impl Future<Output = T>) -> T {
    let mut work = pin!(work);
    std::future::poll_fn(|context: &mut Context<'_>| {
        let done = Pin::as_mut(&mut work).poll(context);
        if SPAWNED.take() && done.is_pending() {
            context.waker().wake_by_ref();
        }
        done
    })
    .await
}
