//! Answers as components get them: in time, and not larger than they can take.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Response};
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt as _;
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody};

/// Limit of each phase of a request where the component sets none (Spin's default).
pub(super) const PHASE_TIMEOUT: Duration = Duration::from_secs(600);
/// Fields of an answer.
pub(super) const ANSWER_FIELDS_MAX: usize = 1024;
/// Bytes of the names and values of an answer's fields: 256 KiB.
pub(super) const ANSWER_FIELD_BYTES_MAX: usize = 256 << 10;

/// How long the phases of a request may take.
#[derive(Clone, Copy)]
pub(super) struct Timeouts {
    pub(super) connect: Duration,
    first_byte: Duration,
    between_bytes: Duration,
}

impl Timeouts {
    pub(super) fn of(options: Option<RequestOptions>) -> Self {
        let limit = |limit: Option<Duration>| limit.unwrap_or(PHASE_TIMEOUT);
        Self {
            connect: limit(options.and_then(|options| options.connect_timeout)),
            first_byte: limit(options.and_then(|options| options.first_byte_timeout)),
            between_bytes: limit(options.and_then(|options| options.between_bytes_timeout)),
        }
    }

    /// Waits for the head of a response. The pool decides whether to connect, so it may take as long as both.
    pub(super) async fn in_time<T>(self, sending: impl Future<Output = T>) -> Result<T, Error> {
        let limit = self.connect.saturating_add(self.first_byte);
        let sent = tokio::time::timeout(limit, sending).await;
        sent.map_err(|_| Error::HttpResponseTimeout)
    }
}

/// Refuses more fields than a component could work with. HTTP/2 counts them in another way, and the client reads
/// somewhat more than it may, so that it is the same for all.
pub(super) fn check_size(fields: &HeaderMap) -> Result<(), Error> {
    let bytes = fields.iter().fold(0_usize, |bytes, (name, value)| {
        bytes.saturating_add(name.as_str().len() + value.len())
    });
    if fields.len() <= ANSWER_FIELDS_MAX && bytes <= ANSWER_FIELD_BYTES_MAX {
        return Ok(());
    }
    let bytes = u32::try_from(bytes).ok();
    Err(Error::HttpResponseHeaderSectionSize(bytes))
}

pub(super) fn timed<B>(response: Response<B>, timeouts: Timeouts) -> Response<WasiBody>
where
    B: Body<Data = Bytes, Error: Into<Error>> + Send + Unpin + 'static,
{
    response.map(|body| {
        TimedBody {
            body,
            limit: timeouts.between_bytes,
            sleep: None,
        }
        .boxed_unsync()
    })
}

/// A response's body that fails when it pauses for too long.
struct TimedBody<B> {
    body: B,
    limit: Duration,
    /// The end of the pause under way.
    sleep: Option<Pin<Box<tokio::time::Sleep>>>,
}

impl<B> Body for TimedBody<B>
where
    B: Body<Data = Bytes, Error: Into<Error>> + Unpin,
{
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(cx) {
            self.sleep = None;
            return Poll::Ready(frame.map(|frame| frame.map_err(Into::into)));
        }
        let limit = self.limit;
        let sleep = self
            .sleep
            .get_or_insert_with(|| Box::pin(tokio::time::sleep(limit)));
        ready!(sleep.as_mut().poll(cx));
        Poll::Ready(Some(Err(Error::ConnectionReadTimeout)))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
