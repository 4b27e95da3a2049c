//! What the intake needs of whoever runs it.

/// The body of a request.
pub trait Body {
    /// Puts the next piece into a buffer, in the place of what is in it. `false`: there is none, the body has ended.
    ///
    /// The buffer is the same one each time, so that it can be handed to a stream and taken back. How large a piece may
    /// be is the body's decision; 64 KiB is a good size.
    ///
    /// # Errors
    /// The body broke off. There is no use in calling again.
    fn read(&mut self, piece: &mut Vec<u8>) -> impl Future<Output = Result<bool, Broken>>;
}

/// A body broke off: the client is gone, or something between.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Broken;

/// The time.
pub trait Clock {
    /// Milliseconds since 1970.
    fn now_ms(&self) -> u64;

    /// Waits so many milliseconds.
    fn pause(&self, ms: u64) -> impl Future<Output = ()>;
}
