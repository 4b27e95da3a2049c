//! What becomes of a body that nobody wants any more, because its request was refused or was answered before its end.
//!
//! A client that sends a large body reads the answer when it has sent all of it, or when sending fails. Where the
//! connection is closed with data unread, it is reset, and what the client had not read yet is lost, the answer first of
//! all (RFC 9112 §9.6). So the body is read on for a while, within bounds, and dropped. Clients that sent
//! `Expect: 100-continue` wait for leave to send, and the refusal is that they have none (RFC 9110 §10.1.1).

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use crate::clock;
use crate::platform::{Platform, Stop};
use crate::received::Received;

/// Bytes of a body that are read on at most.
const BYTES_MAX: usize = 64 * 1024 * 1024;
/// How long a body is read on at most, in milliseconds. Whoever sends slower than its bytes need for that has had
/// time to look at the answer.
const TIME_MS_MAX: u64 = 10_000;
/// How long is waited for the next piece of it.
const PAUSE_MAX: Duration = Duration::from_secs(2);
/// Bodies that an instance reads on at a time, half of the requests that hosts give it: nobody takes up the other half
/// with bodies that nobody wants.
const AT_ONCE_MAX: usize = 8;
/// Bytes that are read at a time.
const PIECE_BYTES: usize = 64 * 1024;

/// The bodies that are being read on.
#[derive(Clone, Debug, Default)]
pub(crate) struct ReadingOn(Rc<Cell<usize>>);

impl ReadingOn {
    /// Reads on the body of a request that was refused, if it has one, after the answer.
    pub(crate) fn request<P: Platform>(
        &self,
        platform: &P,
        request: P::Request,
        received: &Received,
    ) {
        if received.has("expect") || received.has_no_body() {
            return;
        }
        let mut source = platform.source(request);
        let first = P::read_now(&mut source, Vec::with_capacity(PIECE_BYTES));
        if !first.ended {
            self.later(platform, source);
        }
    }

    /// Reads on what is left of this body, after the answer.
    pub(crate) fn later<P: Platform>(&self, platform: &P, source: P::Source) {
        let (own, there) = (self.clone(), platform.clone());
        // One place that does it: in a component each is a copy of all the code.
        platform.spawn(async move { own.now(&there, source).await });
    }

    async fn now<P: Platform>(&self, platform: &P, mut source: P::Source) {
        if self.0.get() >= AT_ONCE_MAX {
            return;
        }
        let _one = One::of(&self.0);
        let began = platform.monotonic();
        let (never, mut piece, mut bytes) = (Stop::never(), Vec::new(), 0);
        while bytes < BYTES_MAX && platform.monotonic().since(began) < TIME_MS_MAX {
            piece.reserve(PIECE_BYTES);
            let reading = P::read(&mut source, piece, &never);
            match clock::within(platform, PAUSE_MAX, reading).await {
                Ok(read) if !read.ended => piece = read.buffer,
                _ => return,
            }
            bytes += piece.len();
            piece.clear();
        }
    }
}

/// One of them, until it is dropped.
struct One<'c>(&'c Cell<usize>);

impl<'c> One<'c> {
    fn of(count: &'c Cell<usize>) -> Self {
        count.set(count.get() + 1);
        Self(count)
    }
}

impl Drop for One<'_> {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}
