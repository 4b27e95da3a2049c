//! Streams of events to clients, and how many of them there are.

use std::cell::RefCell;
use std::convert::Infallible;
use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use doorward_events::read::stream::{HEARTBEAT, LOOK_EVERY_MS, SILENCE_MS_MAX, Stream};
use doorward_service::caller::{Caller, Identity};
use doorward_service::store::StoreError;
use doorward_service_spin::{now_ms, say_store_failed};
use futures::stream;
use http::HeaderMap;
use http_body::Frame;
use http_body_util::{Either, Full, StreamBody};
use spin_sdk::time::sleep;

use crate::sinks::{SINK_FAILED, open_database};

/// Most streams of an instance. Each has one of the requests that an instance serves at the same time, and others want to be
/// served as well.
const STREAMS_MAX: usize = 4;
/// Most of them that one caller has.
const STREAMS_OF_CALLER_MAX: usize = 2;
/// How long a stream is, in milliseconds: five minutes. The client connects again, and goes on where it was.
const STREAM_MS_MAX: u64 = 5 * 60 * 1000;

/// The content of a response.
pub type Content = Either<Full<Bytes>, StreamBody<Pin<Box<Frames>>>>;
type Frames = dyn stream::Stream<Item = Result<Frame<Bytes>, Infallible>>;

/// Content that is there.
pub fn content(text: String) -> Content {
    Either::Left(Full::from(text))
}

/// A stream as content, for the request with these fields. None: there are as many as there may be.
pub fn streamed(stream: Stream, headers: &HeaderMap) -> Option<Content> {
    let place = Place::take(Caller::of(headers)?.identity)?;
    let headers = headers.clone();
    let begun_ms = now_ms();
    let flow = Flow {
        stream,
        headers,
        _place: place,
        until_ms: begun_ms.saturating_add(STREAM_MS_MAX),
        last_ms: begun_ms,
        is_opened: false,
    };
    let frames = stream::unfold(flow, |mut flow| async {
        let text = flow.next().await?;
        Some((Ok(Frame::data(Bytes::from(text))), flow))
    });
    Some(Either::Right(StreamBody::new(Box::pin(frames))))
}

/// A stream under way.
struct Flow {
    stream: Stream,
    /// Of its request, for the log.
    headers: HeaderMap,
    _place: Place,
    until_ms: u64,
    /// When something was sent last.
    last_ms: u64,
    is_opened: bool,
}

impl Flow {
    /// What is sent next. None: the stream ends, and the client comes back.
    async fn next(&mut self) -> Option<String> {
        if !self.is_opened {
            self.is_opened = true;
            return Some(self.stream.opening());
        }
        let mut text = String::new();
        loop {
            if now_ms() >= self.until_ms {
                return None;
            }
            if let Err(failure) = self.look(&mut text).await {
                say_store_failed(SINK_FAILED, &self.headers, &failure);
                return None;
            }
            let now_ms = now_ms();
            if text.is_empty() && now_ms.saturating_sub(self.last_ms) >= SILENCE_MS_MAX {
                text.push_str(HEARTBEAT);
            }
            if !text.is_empty() {
                self.last_ms = now_ms;
                return Some(text);
            }
            sleep(Duration::from_millis(LOOK_EVERY_MS)).await;
        }
    }

    /// Adds what there is now. The connection is not kept while it waits: others need it.
    async fn look(&mut self, text: &mut String) -> Result<(), StoreError> {
        let sink = open_database().await?;
        self.stream.next(&sink, text).await.map(|_| ())
    }
}

/// One of the streams that there may be, and whose it is.
struct Place(Identity);

thread_local! {
    static TAKEN: RefCell<Vec<Identity>> = const { RefCell::new(Vec::new()) };
}

impl Place {
    fn take(caller: Identity) -> Option<Self> {
        TAKEN.with_borrow_mut(|taken| {
            let own = taken.iter().filter(|other| **other == caller).count();
            if taken.len() >= STREAMS_MAX || own >= STREAMS_OF_CALLER_MAX {
                return None;
            }
            taken.push(caller.clone());
            Some(Self(caller))
        })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        TAKEN.with_borrow_mut(|taken| {
            if let Some(at) = taken.iter().position(|other| *other == self.0) {
                taken.swap_remove(at);
            }
        });
    }
}
