//! One piece of work that several requests wait for.
//!
//! Tasks of one instance cannot wake each other (a waker of one is nothing to another), but a stream
//! that ends wakes whoever reads from it, through the host. So each one that waits reads from a stream
//! of its own, and the work's end closes them all.

use std::cell::RefCell;
use std::rc::Rc;
use wasip3::wit_bindgen::StreamWriter;
use wasip3::wit_stream;

/// At most one piece of work at a time, and those who wait for it.
#[derive(Clone, Default)]
pub struct Flight(Rc<RefCell<Option<Vec<StreamWriter<u8>>>>>);

impl Flight {
    /// Begins the work, unless it is under way. Those who wait are woken when what is returned is
    /// dropped: when the work has ended, however it did, also by cancellation.
    pub fn begin(&self) -> Option<Landing> {
        let mut waiting = self.0.borrow_mut();
        if waiting.is_some() {
            return None;
        }
        *waiting = Some(Vec::new());
        Some(Landing(self.clone()))
    }

    /// Whether somebody is at it.
    pub fn is_under_way(&self) -> bool {
        self.0.borrow().is_some()
    }

    /// Waits until the work that is under way has ended, or somebody was told to look again. Does not
    /// wait where none is under way.
    pub async fn ended(&self) {
        let mut reader = {
            let mut waiting = self.0.borrow_mut();
            let Some(waiting) = waiting.as_mut() else {
                return;
            };
            let (writer, reader) = wit_stream::new();
            waiting.push(writer);
            reader
        };
        // Ends without an item.
        reader.next().await;
    }

    /// Wakes those who wait before the end: there is something to be seen.
    pub fn wake(&self) {
        let waiting = self.0.borrow_mut().as_mut().map(std::mem::take);
        // Closing a stream is a call to the host: not while this is borrowed.
        drop(waiting);
    }
}

/// Work under way.
pub struct Landing(Flight);

impl Drop for Landing {
    fn drop(&mut self) {
        let waiting = self.0.0.borrow_mut().take();
        drop(waiting);
    }
}
