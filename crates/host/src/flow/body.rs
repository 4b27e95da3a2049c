//! The bodies of an exchange, which tell it what moves.

use std::pin::Pin;
use std::sync::{Arc, Weak};
use std::task::{Context, Poll, Wake, Waker};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use tokio::time::Instant;
use wasmtime_wasi_http::Error;

use super::exchange::Flow;

/// The body of a request.
pub struct Upload<B> {
    body: B,
    /// None once all of the body is there: who keeps it does not keep the exchange.
    flow: Option<Arc<Flow>>,
    /// Made when something is waited for.
    waker: Option<Waker>,
}

impl<B> Upload<B> {
    /// This body, which the client of `flow` sends.
    pub fn new(body: B, flow: Arc<Flow>) -> Self {
        Self {
            body,
            flow: Some(flow),
            waker: None,
        }
    }
}

/// Woken when something has come. Holds no exchange: who keeps it may outlive that.
struct Came(Weak<Flow>);

impl Wake for Came {
    fn wake(self: Arc<Self>) {
        let flow = self.0.upgrade();
        if let Some(reader) = flow.and_then(|flow| flow.may_read(Instant::now())) {
            reader.wake();
        }
    }
}

impl<B: Body<Data = Bytes, Error = Error> + Unpin> Body for Upload<B> {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let this = &mut *self;
        let Some(flow) = &this.flow else {
            return Pin::new(&mut this.body).poll_frame(cx);
        };
        if flow.ended().is_some() {
            return Poll::Ready(Some(Err(Error::ConnectionReadTimeout)));
        }
        let waker = this
            .waker
            .get_or_insert_with(|| Arc::new(Came(Arc::downgrade(flow))).into());
        // First this: from the poll on it may be woken.
        let now = Instant::now();
        flow.wait_for_upload(now, cx.waker());
        let polled = Pin::new(&mut this.body).poll_frame(&mut Context::from_waker(waker));
        if let Poll::Ready(frame) = &polled {
            let bytes = match frame {
                Some(Ok(frame)) => frame.data_ref().map_or(0, Bytes::len),
                _ => 0,
            };
            flow.uploaded(now, bytes);
            if !matches!(frame, Some(Ok(_))) || this.body.is_end_stream() {
                this.flow = None;
            }
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// The body of an answer.
pub struct Download<B> {
    body: B,
    flow: Arc<Flow>,
    /// Bytes of what was handed over last.
    handed: usize,
}

impl<B> Download<B> {
    /// This body, which the client of `flow` has to take.
    pub fn new(body: B, flow: Arc<Flow>) -> Self {
        Self {
            body,
            flow,
            handed: 0,
        }
    }
}

impl<B: Body<Data = Bytes> + Unpin> Body for Download<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let this = &mut *self;
        // Nobody asks for more who has no room for it.
        let now = Instant::now();
        this.flow.taken(now, this.handed);
        this.handed = 0;
        let polled = Pin::new(&mut this.body).poll_frame(cx);
        if let Poll::Ready(Some(Ok(frame))) = &polled {
            this.handed = frame.data_ref().map_or(0, Bytes::len);
            this.flow.hand(now);
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
