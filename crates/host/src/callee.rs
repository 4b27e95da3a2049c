//! A component as others ask it by service chaining.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response};
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt as _;
use tokio::time::Instant;
use wasmtime::PoolConcurrencyLimitError;
use wasmtime_wasi_http::handler::ProxyHandler;
use wasmtime_wasi_http::{Error, WasiBody};

use crate::arrival::Arrival;
use crate::asking::{Asking, asked};
use crate::chaining::{Answering, Callee};
use crate::flow::{Download, Flow, Upload};
use crate::instance::{Factory, NoAnswer, no_answer};
use crate::presence::Waiting;
use crate::request::{name_answer, named, prepare_chained, remove_hop};
use crate::slots::TooManyWait;

impl Callee for ProxyHandler<Factory> {
    fn ask(&self, request: Request<WasiBody>) -> Answering {
        Box::pin(ask(self.clone(), request))
    }
}

async fn ask(
    handler: ProxyHandler<Factory>,
    request: Request<WasiBody>,
) -> Result<Response<WasiBody>, Error> {
    let (mut parts, body) = request.into_parts();
    prepare_chained(&mut parts).map_err(|_| Error::HttpRequestUriInvalid)?;
    let name = named(&mut parts.headers);
    let (mut asking, asked) = asked();
    let flow = Arc::new(Flow::inside(Instant::now()));
    let body = match body.is_end_stream() {
        true => body,
        false => Upload::new(body, Arc::clone(&flow)).boxed_unsync(),
    };
    let request = Request::from_parts(parts, body);
    let waiting = Waiting::begin();
    let arrival = Arrival {
        flow: Arc::clone(&flow),
        client: waiting.presence(),
        ticket: None,
        asked: Some(asked),
    };
    let mut response = match handler.handle(arrival, request).await {
        Ok(response) => response,
        Err(error) => return Err(failed(&handler, &error)),
    };
    waiting.answered();
    asking.answered();
    flow.answer(Instant::now());
    remove_hop(response.headers_mut());
    name_answer(response.headers_mut(), name);
    Ok(response.map(|body| {
        Answer {
            body: Download::new(body, flow),
            _asking: asking,
        }
        .boxed_unsync()
    }))
}

/// What a component is told that gets no answer from another one.
fn failed(handler: &ProxyHandler<Factory>, error: &wasmtime::Error) -> Error {
    match no_answer(handler, error) {
        NoAnswer::NoInstance(cause)
            if cause.is::<PoolConcurrencyLimitError>() || cause.is::<TooManyWait>() =>
        {
            Error::ConnectionLimitReached
        }
        NoAnswer::NoInstance(_) => Error::DestinationUnavailable,
        NoAnswer::TooLate => Error::HttpResponseTimeout,
        // Whatever it says itself: "connection refused" from it would not mean that it did nothing.
        NoAnswer::Failed => {
            let name = handler.state().component();
            Error::InternalError(Some(format!("component `{name}` failed; see its log")))
        }
    }
}

/// The body of an answer, and who reads it.
struct Answer {
    body: Download<WasiBody>,
    /// Dropped with this.
    _asking: Asking,
}

impl Body for Answer {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
