//! Lines that many threads write to one file or pipe.
//!
//! Whoever has a line puts it to those that wait. If nobody is writing, it writes all that wait with one call; otherwise
//! whoever is writing does, before it leaves. So no thread stands still while another one is in the kernel, and under load
//! a call has several lines.

use std::io::Write;
use std::mem;
use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};

/// Bytes that may wait. Beyond that whoever has a line waits itself, until what is behind takes more.
const WAITING_BYTES_MAX: usize = 1 << 20;
/// Bytes of memory that are kept for lines that wait.
const KEPT_BYTES_MAX: usize = 64 << 10;

/// Where lines go that several threads write. Each stays whole, and those of one thread stay in their order.
pub(crate) struct Lines<W> {
    waiting: Mutex<Vec<u8>>,
    out: Mutex<Out<W>>,
}

struct Out<W> {
    to: W,
    /// What is being written; empty between two calls.
    lines: Vec<u8>,
}

impl<W: Write> Lines<W> {
    pub(crate) const fn new(to: W) -> Self {
        Self {
            waiting: Mutex::new(Vec::new()),
            out: Mutex::new(Out {
                to,
                lines: Vec::new(),
            }),
        }
    }

    /// Writes a line, which is put together by `put`. Where it cannot be written it is lost, with those that wait
    /// beside it: a pipe that was closed is no reason to fail a request.
    pub(crate) fn write(&self, put: impl FnOnce(&mut Vec<u8>)) {
        let is_full = {
            let mut waiting = locked(&self.waiting);
            put(&mut waiting);
            waiting.len() > WAITING_BYTES_MAX
        };
        let mut out = match self.out.try_lock() {
            Ok(out) => out,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) if is_full => locked(&self.out),
            // Whoever has it looks again after it has let go.
            Err(TryLockError::WouldBlock) => return,
        };
        loop {
            let Out { to, lines } = &mut *out;
            mem::swap(lines, &mut *locked(&self.waiting));
            let _ = to.write_all(lines);
            lines.clear();
            lines.shrink_to(KEPT_BYTES_MAX);
            drop(out);
            if locked(&self.waiting).is_empty() {
                return;
            }
            out = match self.out.try_lock() {
                Ok(out) => out,
                Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
                // Somebody else looks after the same lines.
                Err(TryLockError::WouldBlock) => return,
            };
        }
    }
}

/// What was left where somebody panicked is still lines.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
mod tests;
