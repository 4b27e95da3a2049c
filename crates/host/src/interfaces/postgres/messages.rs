//! No message of a server is larger than it may be: the crate makes one of it when all of it is there.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_postgres::tls::{ChannelBinding, TlsStream};

/// Bytes of a message, which is a row with its lengths, or an error: 17 MiB.
pub const MESSAGE_BYTES_MAX: u64 = 17 << 20;
/// Its type, and its length with that of the length.
const HEAD_BYTES: usize = 5;
const LENGTH_BYTES: u64 = 4;

/// Where in the messages a stream is.
#[derive(Debug, Default)]
struct Messages {
    /// What has come of a head.
    head: Vec<u8>,
    /// What is yet to come of a body.
    body: u64,
}

impl Messages {
    /// Whether what comes next leaves all messages as small as they have to be.
    fn count(&mut self, mut bytes: &[u8]) -> bool {
        while let Some((first, rest)) = bytes.split_first() {
            if self.body > 0 {
                let skipped = usize::try_from(self.body).unwrap_or(usize::MAX);
                let skipped = skipped.min(bytes.len());
                self.body -= skipped as u64;
                bytes = bytes.get(skipped..).unwrap_or_default();
                continue;
            }
            self.head.push(*first);
            bytes = rest;
            if self.head.len() < HEAD_BYTES {
                continue;
            }
            let length = self.head.iter().skip(1);
            let length = length.fold(0, |sum, byte| sum << 8 | u64::from(*byte));
            self.head.clear();
            if length > MESSAGE_BYTES_MAX {
                return false;
            }
            self.body = length.saturating_sub(LENGTH_BYTES);
        }
        true
    }
}

/// A stream by which messages arrive, none of them too large.
pub struct Bounded<S> {
    stream: S,
    messages: Messages,
}

impl<S> Bounded<S> {
    /// This stream.
    pub fn new(stream: S) -> Self {
        Self {
            stream,
            messages: Messages::default(),
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
        Poll::Ready(match self.messages.count(new) {
            true => Ok(()),
            false => Err(io::Error::other(format!(
                "a row has more than {MESSAGE_BYTES_MAX} bytes"
            ))),
        })
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

impl<S: TlsStream + Unpin> TlsStream for Bounded<S> {
    fn channel_binding(&self) -> ChannelBinding {
        self.stream.channel_binding()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(kind: u8, length: u64) -> Vec<u8> {
        let length = u32::try_from(length).unwrap_or(u32::MAX);
        [&[kind][..], &length.to_be_bytes()].concat()
    }

    #[test]
    fn messages_are_counted_however_they_arrive() {
        let row = [message(b'D', 10), vec![0xFF; 6]].concat();
        let ready = [message(b'Z', 5), vec![b'I']].concat();
        let empty = message(b'n', 4);
        let fine = [&row[..], &ready, &empty, &row, &ready].concat();
        for size in 1..=fine.len() {
            let mut messages = Messages::default();
            assert!(fine.chunks(size).all(|bytes| messages.count(bytes)));
            let large = message(b'D', MESSAGE_BYTES_MAX + 1);
            assert!(!large.chunks(size).all(|bytes| messages.count(bytes)));
        }
        let mut messages = Messages::default();
        assert!(messages.count(&message(b'D', MESSAGE_BYTES_MAX)));
    }
}
