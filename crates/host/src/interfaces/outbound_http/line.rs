//! One connection: how old it is, and whether the server has closed it.

use std::io::{self, ErrorKind, IoSlice, Read as _};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use http::Uri;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::client::legacy::connect::{Connected, Connection, HttpConnector};
use hyper_util::rt::TokioIo;
use socket2::SockRef;
use tokio::io::{AsyncReadExt as _, AsyncWrite as _, Take};
use tokio::net::TcpStream;
use tower_service::Service;

/// Bytes that are read at once where the runtime has not been told yet that there are any.
const LOOK_BYTES: usize = 512;

/// Bytes that are read at once: as many as a component takes, and one less than a power of two. hyper doubles its buffer
/// whenever a read fills it, up to 408 KiB, and for a client that takes nothing of an answer three of them are kept.
pub(super) const READ_BYTES_MAX: u64 = (64 << 10) - 1;

/// How long after it was looked for something, or there was no more, it is looked again. hyper asks several times whether
/// there is more while what is behind an answer goes its way, which is no news: with 50 µs every request of a busy
/// gateway had 1.6 looks. A server that closes what nobody uses waits for seconds, and one that closes with its answer
/// has said so by then.
pub(super) const LOOK_AFTER: Duration = Duration::from_millis(1);

/// Makes [`Line`]s.
#[derive(Clone)]
pub(super) struct Lines(pub(super) HttpConnector);

impl Service<Uri> for Lines {
    type Response = Line;
    type Error = <HttpConnector as Service<Uri>>::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Line, Self::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let connecting = self.0.call(uri);
        Box::pin(async move {
            let stream = connecting.await?;
            let now = Instant::now();
            Ok(Line {
                stream: TokioIo::new(stream.into_inner().take(READ_BYTES_MAX)),
                made: Made(now),
                known: now,
                asked: false,
                heard: false,
            })
        })
    }
}

/// When the connection was made that a response came by: an extension of it.
#[derive(Clone, Copy)]
pub(super) struct Made(pub(super) Instant);

/// A connection.
///
/// The runtime learns from the system now and then that a server has closed one. A request that is written until
/// then is lost, and nobody knows what became of it. So before something is written the system is asked.
pub(super) struct Line {
    stream: TokioIo<Take<TcpStream>>,
    made: Made,
    /// When something was read, or looked for.
    known: Instant,
    /// Something was written after what was read last.
    asked: bool,
    /// Something was read, and nobody wanted to know since whether there is more.
    heard: bool,
}

impl Line {
    fn socket(&self) -> &TcpStream {
        self.stream.inner().get_ref()
    }

    fn writing(&mut self) -> Pin<&mut TcpStream> {
        Pin::new(self.stream.inner_mut().get_mut())
    }

    /// Reads what has come, or that nothing more comes, whether the runtime knows it or not.
    fn look(&mut self, mut buffer: ReadBufCursor<'_>) -> Poll<io::Result<()>> {
        let now = Instant::now();
        if now.duration_since(self.known) < LOOK_AFTER {
            return Poll::Pending;
        }
        self.known = now;
        let mut bytes = [0; LOOK_BYTES];
        let room = buffer.remaining().min(LOOK_BYTES);
        let Some(room) = bytes.get_mut(..room).filter(|room| !room.is_empty()) else {
            return Poll::Pending;
        };
        match (&*SockRef::from(self.socket())).read(room) {
            Ok(count) => {
                buffer.put_slice(room.get(..count).unwrap_or_default());
                Poll::Ready(Ok(()))
            }
            Err(error)
                if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) =>
            {
                Poll::Pending
            }
            Err(error) => Poll::Ready(Err(error)),
        }
    }
}

impl Connection for Line {
    fn connected(&self) -> Connected {
        Connected::new().extra(self.made)
    }
}

impl Read for Line {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        match self.socket().poll_read_ready(cx) {
            Poll::Ready(_) => {
                self.stream.inner_mut().set_limit(READ_BYTES_MAX);
                ready!(Pin::new(&mut self.stream).poll_read(cx, buffer))?;
            }
            Poll::Pending if self.asked => return Poll::Pending,
            // What follows at once on what was read. The next request comes later.
            Poll::Pending if self.heard => {
                self.heard = false;
                self.known = Instant::now();
                return Poll::Pending;
            }
            Poll::Pending => ready!(self.look(buffer))?,
        }
        self.asked = false;
        self.heard = true;
        Poll::Ready(Ok(()))
    }
}

impl Write for Line {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.asked = true;
        self.writing().poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.writing().poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.writing().poll_shutdown(cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.socket().is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.asked = true;
        self.writing().poll_write_vectored(cx, pieces)
    }
}
