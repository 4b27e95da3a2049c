//! Lines that many threads write to one file or pipe.
//!
//! Whoever has a line puts it to those that wait. If nobody is writing, it writes all that wait with one call; otherwise
//! whoever is writing does, before it leaves. So no thread stands still while another one is in the kernel.
//!
//! Lines that come soon after a call wait for the next one, so that a busy host has a call for many of them: to write one
//! to a pipe and to wake who reads it takes as long as to make it. Should no other line come, a thread that
//! [looks after](Lines::look_after) them writes what waits.

use std::io::Write;
use std::mem;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError, TryLockError};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// Bytes that may wait. Beyond that whoever has a line waits itself, until what is behind takes more.
const WAITING_BYTES_MAX: usize = 1 << 20;
/// Bytes of memory that are kept for lines that wait.
const KEPT_BYTES_MAX: usize = 64 << 10;
/// Bytes of a call that has several lines: a pipe takes so many as one, whoever else writes to it (`PIPE_BUF`, pipe(7)).
const TOGETHER_BYTES_MAX: usize = 4096;
/// How long after a call lines wait for one that comes later.
const TOGETHER: Duration = Duration::from_millis(2);
/// How long they wait where none comes. That is what is lost where the process is killed. To be woken so often costs a
/// busy host nothing; every 2 ms it cost 2 % of the processor time.
const WAIT_TIME_MAX: Duration = Duration::from_millis(10);

/// Where lines go that several threads write. Each stays whole, and those of one thread stay in their order.
pub(crate) struct Lines<W> {
    waiting: Mutex<Waiting>,
    /// Told when there are lines that wait to be looked after.
    wanted: Condvar,
    out: Mutex<Out<W>>,
}

struct Waiting {
    lines: Vec<u8>,
    /// When those before were taken to be written.
    taken: Option<Instant>,
    /// Whether there is a thread that writes what waits.
    has_keeper: bool,
    /// Whether it will write these, if nobody does before.
    is_kept: bool,
}

struct Out<W> {
    to: W,
    /// What is being written; empty between two calls.
    lines: Vec<u8>,
}

impl Waiting {
    /// Whether nobody has to write these now. Wakes the keeper where it does not know of them yet.
    fn can_wait(&mut self, wanted: &Condvar) -> bool {
        let is_soon = |taken: Instant| taken.elapsed() < TOGETHER;
        if !self.has_keeper || !self.taken.is_some_and(is_soon) {
            return false;
        }
        if !self.is_kept {
            self.is_kept = true;
            wanted.notify_one();
        }
        true
    }
}

impl<W: Write> Lines<W> {
    pub(crate) const fn new(to: W) -> Self {
        Self {
            waiting: Mutex::new(Waiting {
                lines: Vec::new(),
                taken: None,
                has_keeper: false,
                is_kept: false,
            }),
            wanted: Condvar::new(),
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
            put(&mut waiting.lines);
            let is_full = waiting.lines.len() > WAITING_BYTES_MAX;
            if !is_full && waiting.can_wait(&self.wanted) {
                return;
            }
            is_full
        };
        let out = match self.out.try_lock() {
            Ok(out) => out,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) if is_full => locked(&self.out),
            // Whoever has it looks again after it has let go.
            Err(TryLockError::WouldBlock) => return,
        };
        self.write_waiting(out);
    }

    /// Writes what waits, whenever it began to.
    pub(crate) fn flush(&self) {
        self.write_waiting(locked(&self.out));
    }

    fn write_waiting<'a>(&'a self, mut out: MutexGuard<'a, Out<W>>) {
        loop {
            self.write_all(&mut out);
            drop(out);
            {
                let waiting = locked(&self.waiting);
                if waiting.lines.is_empty() || waiting.is_kept {
                    return;
                }
            }
            out = match self.out.try_lock() {
                Ok(out) => out,
                Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
                // Somebody else looks after the same lines.
                Err(TryLockError::WouldBlock) => return,
            };
        }
    }

    /// Writes what has waited long enough, for ever.
    pub(crate) fn look_after(&self) {
        loop {
            let mut waiting = locked(&self.waiting);
            waiting.has_keeper = true;
            while !waiting.is_kept {
                let woken = self.wanted.wait(waiting);
                waiting = woken.unwrap_or_else(PoisonError::into_inner);
            }
            drop(waiting);
            sleep(WAIT_TIME_MAX);
            // Whoever has a line from here on says so again.
            locked(&self.waiting).is_kept = false;
            self.flush();
        }
    }

    fn write_all(&self, out: &mut Out<W>) {
        let Out { to, lines } = out;
        {
            let mut waiting = locked(&self.waiting);
            mem::swap(lines, &mut waiting.lines);
            if lines.is_empty() {
                return;
            }
            waiting.taken = Some(Instant::now());
        }
        let mut rest = lines.as_slice();
        while let Some((some, others)) = rest.split_at_checked(together(rest)) {
            if some.is_empty() || to.write_all(some).is_err() {
                break;
            }
            rest = others;
        }
        lines.clear();
        lines.shrink_to(KEPT_BYTES_MAX);
    }
}

/// How many bytes of these lines are written with one call: as many lines as stay together, or one that is longer.
fn together(lines: &[u8]) -> usize {
    let Some(fitting) = lines.get(..TOGETHER_BYTES_MAX) else {
        return lines.len();
    };
    let last_end = fitting.iter().rposition(|byte| *byte == b'\n');
    let end = last_end.or_else(|| lines.iter().position(|byte| *byte == b'\n'));
    end.map_or(lines.len(), |end| end + 1)
}

/// What was left where somebody panicked is still lines.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
mod tests;
