//! Messages in and out of bodies.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use doorward_service::caller::Caller;
use doorward_service::problem::id_of;
use doorward_users::grpc::frames::{Frames, push};
use doorward_users::grpc::head::{GRPC, IDENTITY};
use doorward_users::grpc::refusal::Refusal;
use doorward_users_spin::say_store_failed;
use futures::stream::{LocalBoxStream, Stream, StreamExt as _, once, try_unfold};
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use http_body::Frame;
use http_body_util::BodyExt as _;
use prost::Message;
use spin_sdk::wasip3::http_compat::IncomingRequestBody;

use crate::status;

/// Who calls, and what the gate calls it.
pub struct Call {
    /// The metadata.
    pub headers: HeaderMap,
}

impl Call {
    /// The call with this metadata.
    pub fn of(headers: HeaderMap) -> Self {
        Self { headers }
    }

    /// Who calls.
    pub fn caller(&self) -> Result<Caller, Refusal> {
        Caller::of(&self.headers).ok_or(Refusal::Unauthenticated)
    }
}

/// The messages of a client.
pub struct Incoming {
    body: IncomingRequestBody,
    frames: Frames,
}

impl Incoming {
    /// Those in this body.
    pub fn of(body: IncomingRequestBody) -> Self {
        let frames = Frames::default();
        Self { body, frames }
    }

    /// The one message of a call that has one.
    pub async fn single<M: Message + Default>(mut self) -> Result<M, Refusal> {
        let Some(message) = self.next().await? else {
            return Err(Refusal::NotOne);
        };
        match self.next().await? {
            None => read(&message),
            Some(_) => Err(Refusal::NotOne),
        }
    }

    /// Each message, when it comes.
    pub fn all<M: Message + Default>(self) -> impl Stream<Item = Result<M, Refusal>> {
        try_unfold(self, |mut incoming| async {
            let Some(message) = incoming.next().await? else {
                return Ok(None);
            };
            Ok(Some((read(&message)?, incoming)))
        })
    }

    async fn next(&mut self) -> Result<Option<Vec<u8>>, Refusal> {
        loop {
            if let Some(message) = self.frames.take()? {
                return Ok(Some(message));
            }
            match self.body.frame().await {
                None if self.frames.is_empty() => return Ok(None),
                None | Some(Err(_)) => return Err(Refusal::Unreadable),
                Some(Ok(frame)) => {
                    if let Ok(data) = frame.into_data() {
                        self.frames.push(&data);
                    }
                }
            }
        }
    }
}

fn read<M: Message + Default>(message: &[u8]) -> Result<M, Refusal> {
    M::decode(message).map_err(|_| Refusal::Unreadable)
}

/// The messages of an answer, several at a time, and with the last ones why there are no more, where it is not that all is
/// said.
pub struct Messages(LocalBoxStream<'static, Result<Vec<u8>, Refusal>>);

impl Messages {
    /// A single one.
    pub fn one(message: &impl Message) -> Self {
        let message = framed([message]);
        Self(once(async { Ok(message) }).boxed_local())
    }

    /// Those of a stream, as it gives them ([`framed`]).
    pub fn many(messages: impl Stream<Item = Result<Vec<u8>, Refusal>> + 'static) -> Self {
        Self(messages.boxed_local())
    }

    /// None.
    pub fn refused(refusal: Refusal) -> Self {
        Self(once(async { Err(refusal) }).boxed_local())
    }
}

/// Messages, one after the other, as they stand in a body.
pub fn framed<'m, M: Message + 'm>(messages: impl IntoIterator<Item = &'m M>) -> Vec<u8> {
    let mut body = Vec::new();
    for message in messages {
        push(&mut body, &message.encode_to_vec());
    }
    body
}

/// A body with messages, and how the call has ended behind it.
pub struct Body(Option<(Call, Messages)>);

impl Body {
    /// With these messages.
    pub fn of(call: Call, messages: Messages) -> Self {
        Self(Some((call, messages)))
    }

    /// With nothing.
    pub fn empty() -> Self {
        Self(None)
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let Some((call, messages)) = &mut self.0 else {
            return Poll::Ready(None);
        };
        let trailers = match messages.0.as_mut().poll_next(context) {
            Poll::Pending => return Poll::Pending,
            Poll::Ready(Some(Ok(messages))) => {
                return Poll::Ready(Some(Ok(Frame::data(messages.into()))));
            }
            Poll::Ready(None) => status::ok(),
            Poll::Ready(Some(Err(refusal))) => {
                if let Refusal::Store(failure) = &refusal {
                    say_store_failed(&call.headers, failure);
                }
                status::refused(&refusal, id_of(&call.headers))
            }
        };
        self.0 = None;
        Poll::Ready(Some(Ok(Frame::trailers(trailers))))
    }
}

/// A response with this body. How the call has ended is never in its head: no component can end a message with that, and
/// clients wait for trailers where it does not end so.
pub fn response(status: StatusCode, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(GRPC));
    headers.insert("grpc-accept-encoding", HeaderValue::from_static(IDENTITY));
    response
}
