//! One connection: how old it is, and whether the server has closed it.

use std::io::{self, ErrorKind, IoSlice, Read as _};
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
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
pub(super) struct Lines {
    connector: HttpConnector,
    ages: Arc<Ages>,
}

impl Lines {
    /// Over connections that `connector` makes. `ages` learns how old they are.
    pub(super) fn new(connector: HttpConnector, ages: Arc<Ages>) -> Self {
        Self { connector, ages }
    }
}

impl Service<Uri> for Lines {
    type Response = Line;
    type Error = <HttpConnector as Service<Uri>>::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Line, Self::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.connector.poll_ready(cx)
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let connecting = self.connector.call(uri);
        let ages = Arc::clone(&self.ages);
        Box::pin(async move {
            let stream = connecting.await?;
            let now = Instant::now();
            Ok(Line {
                stream: TokioIo::new(stream.into_inner().take(READ_BYTES_MAX)),
                age: Age::begin(ages, now),
                known: now,
                asked: false,
                heard: false,
            })
        })
    }
}

/// How old the connections are that there are.
pub(super) struct Ages {
    /// When there was none yet.
    epoch: Instant,
    /// When those were made that there are, in their order.
    made: Mutex<Vec<Instant>>,
    /// When the first of them was, in milliseconds after the epoch.
    first_ms: AtomicU64,
}

/// There is no connection.
const NONE: u64 = u64::MAX;

impl Ages {
    pub(super) fn none() -> Self {
        Self {
            epoch: Instant::now(),
            made: Mutex::default(),
            first_ms: AtomicU64::new(NONE),
        }
    }

    /// Whether a request that begins now may go by a connection that is so old. Where there is none it may, for one that
    /// is made may be as old as nothing.
    pub(super) fn may_reach(&self, age: Duration) -> bool {
        match self.first_ms.load(Relaxed) {
            NONE => true,
            first => self.ms(Instant::now()).saturating_sub(first) >= ms(age),
        }
    }

    fn change(&self, change: impl FnOnce(&mut Vec<Instant>)) {
        // Nothing in here panics half-way.
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut made);
        let first = made.first().map_or(NONE, |first| self.ms(*first));
        self.first_ms.store(first, Relaxed);
    }

    fn ms(&self, time: Instant) -> u64 {
        ms(time.saturating_duration_since(self.epoch))
    }
}

fn ms(time: Duration) -> u64 {
    // One less than what stands for none.
    u64::try_from(time.as_millis()).map_or(NONE - 1, |ms| ms.min(NONE - 1))
}

/// That there is a connection, for as long as this is.
struct Age {
    ages: Arc<Ages>,
    made: Instant,
}

impl Age {
    fn begin(ages: Arc<Ages>, made: Instant) -> Self {
        ages.change(|all| {
            let place = all.partition_point(|other| *other <= made);
            all.insert(place, made);
        });
        Self { ages, made }
    }
}

impl Drop for Age {
    fn drop(&mut self) {
        self.ages.change(|all| {
            if let Ok(place) = all.binary_search(&self.made) {
                all.remove(place);
            }
        });
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
    age: Age,
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
        Connected::new().extra(Made(self.age.made))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_known_whether_some_connection_may_be_so_old_whichever_goes_first() {
        let ages = Arc::new(Ages::none());
        let (day, now) = (Duration::from_secs(86_400), Instant::now());
        assert!(ages.may_reach(day), "there is none yet");
        let ago = |ages: &Arc<Ages>, seconds| {
            let made = now.checked_sub(Duration::from_secs(seconds));
            Age::begin(Arc::clone(ages), made.unwrap_or(now))
        };
        let ages = Arc::new(Ages {
            epoch: now.checked_sub(day).unwrap_or(now),
            ..Ages::none()
        });
        let reaches = |seconds| ages.may_reach(Duration::from_secs(seconds));
        let (young, old, middle) = (ago(&ages, 10), ago(&ages, 3_600), ago(&ages, 600));
        let old_too = ago(&ages, 3_600);
        assert!(reaches(0) && reaches(3_600) && !reaches(7_200));
        drop(old);
        assert!(reaches(3_600), "another one is as old");
        drop(old_too);
        assert!(reaches(600) && !reaches(1_200));
        drop(middle);
        assert!(reaches(10) && !reaches(300));
        drop(young);
        assert!(reaches(86_400), "the next one is made by who asks");
        assert!(!{
            let _one = ago(&ages, 0);
            ages.may_reach(Duration::MAX)
        });
    }
}
