//! How large a reply may be: counted while it arrives, before anybody makes something of it.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Bytes that an element of a reply counts beside its own: what it takes in memory.
pub const ELEMENT_BYTES: u64 = 64;
/// How deep replies may be nested; the crate reads no deeper.
const DEPTH_MAX: usize = 100;

/// Counts what arrives, reply by reply (RESP2 and RESP3).
#[derive(Debug)]
pub struct Replies {
    /// Bytes that one reply may have.
    bytes_max: u64,
    /// What the reply that is arriving counts so far.
    bytes: u64,
    /// How many elements are to come in each of the arrays that it is in.
    open: Vec<u64>,
    part: Part,
}

/// What the next byte belongs to.
#[derive(Debug, Default)]
enum Part {
    /// The first byte of an element.
    #[default]
    Kind,
    /// A line: its kind, and its number where it is one, with whether that is negative.
    Line(u8, Option<u64>, bool),
    /// So many bytes of a text with its end of line.
    Text(u64),
}

/// A reply is larger than it may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooLarge;

impl Replies {
    /// None yet, of which one may have so many bytes.
    pub fn new(bytes_max: u64) -> Self {
        Self {
            bytes_max,
            bytes: 0,
            open: Vec::new(),
            part: Part::default(),
        }
    }

    /// Counts these bytes as well.
    ///
    /// # Errors
    ///
    /// When the reply has more than it may have, or says that it will.
    pub fn count(&mut self, mut bytes: &[u8]) -> Result<(), TooLarge> {
        while let Some((&byte, rest)) = bytes.split_first() {
            bytes = rest;
            match &mut self.part {
                Part::Kind => {
                    self.add(ELEMENT_BYTES)?;
                    self.part = Part::Line(byte, None, false);
                }
                Part::Line(kind, number, negative) => match byte {
                    b'\n' => {
                        let number = number.filter(|_| !*negative);
                        let kind = *kind;
                        self.part = Part::Kind;
                        self.line(kind, number)?;
                    }
                    b'-' => *negative = true,
                    digit @ b'0'..=b'9' => {
                        let so_far = number.unwrap_or(0).saturating_mul(10);
                        *number = Some(so_far.saturating_add(u64::from(digit - b'0')));
                        self.add(1)?;
                    }
                    _ => self.add(1)?,
                },
                Part::Text(left) => {
                    // This byte, and of the others as many as are there.
                    *left = left.saturating_sub(1);
                    let more = usize::try_from(*left).unwrap_or(usize::MAX).min(rest.len());
                    *left = left.saturating_sub(more as u64);
                    let ends = *left == 0;
                    bytes = rest.get(more..).unwrap_or_default();
                    if ends {
                        self.part = Part::Kind;
                        self.element_ends();
                    }
                }
            }
        }
        Ok(())
    }

    fn add(&mut self, bytes: u64) -> Result<(), TooLarge> {
        self.bytes = self.bytes.saturating_add(bytes);
        if self.bytes > self.bytes_max {
            return Err(TooLarge);
        }
        Ok(())
    }

    /// A line of this kind has ended, which had this number.
    fn line(&mut self, kind: u8, number: Option<u64>) -> Result<(), TooLarge> {
        let elements = match (kind, number) {
            (b'$' | b'=' | b'!', Some(length)) => {
                self.add(length)?;
                self.part = Part::Text(length.saturating_add(2));
                return Ok(());
            }
            (b'*' | b'~' | b'>', Some(count)) => count,
            (b'%', Some(count)) => count.saturating_mul(2),
            // Said of an element that follows.
            (b'|', Some(count)) => count.saturating_mul(2).saturating_add(1),
            _ => 0,
        };
        if elements == 0 {
            self.element_ends();
            return Ok(());
        }
        // They count when they arrive. That they cannot all be there is known now.
        let least = elements.saturating_mul(ELEMENT_BYTES);
        if self.bytes.saturating_add(least) > self.bytes_max || self.open.len() >= DEPTH_MAX {
            return Err(TooLarge);
        }
        self.open.push(elements);
        Ok(())
    }

    fn element_ends(&mut self) {
        while let Some(left) = self.open.last_mut() {
            *left = left.saturating_sub(1);
            if *left > 0 {
                return;
            }
            self.open.pop();
        }
        self.bytes = 0;
    }
}

/// A stream by which replies arrive, none of them too large.
pub struct Bounded<S> {
    stream: S,
    replies: Replies,
}

impl<S> Bounded<S> {
    /// This stream, a reply of which may have so many bytes.
    pub fn new(stream: S, bytes_max: u64) -> Self {
        Self {
            stream,
            replies: Replies::new(bytes_max),
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Bounded<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, buffer))?;
        let new = buffer.filled().get(before..).unwrap_or_default();
        let counted = self.replies.count(new);
        let bytes_max = self.replies.bytes_max;
        Poll::Ready(counted.map_err(|TooLarge| {
            io::Error::other(format!("a reply has more than {bytes_max} bytes"))
        }))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Bounded<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests;
