//! Streams of events to clients, and how many of them there are.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use doorward_events::read::stream::{HEARTBEAT, LOOK_EVERY_MS, SILENCE_MS_MAX, Stream};
use doorward_service_spin::now_ms;
use futures::stream;
use http_body::Frame;
use http_body_util::{Either, Full, StreamBody};
use spin_sdk::time::sleep;

use crate::sinks::open_database;

/// Most streams of an instance. Each has one of the requests that an instance serves at the same time, and others want to be
/// served as well.
const STREAMS_MAX: usize = 4;
/// How long a stream is, in milliseconds: five minutes. The client connects again, and goes on where it was.
const STREAM_MS_MAX: u64 = 5 * 60 * 1000;

/// The content of a response.
pub type Content = Either<Full<Bytes>, StreamBody<Pin<Box<Frames>>>>;
type Frames = dyn stream::Stream<Item = Result<Frame<Bytes>, Infallible>>;

/// Content that is there.
pub fn content(text: String) -> Content {
    Either::Left(Full::from(text))
}

/// A stream as content. None: there are as many as there may be.
pub fn streamed(stream: Stream) -> Option<Content> {
    let place = Place::take()?;
    let begun_ms = now_ms();
    let flow = Flow {
        stream,
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
            return Some(Stream::opening());
        }
        let mut text = String::new();
        loop {
            if now_ms() >= self.until_ms {
                return None;
            }
            // Not kept while it waits: others need it.
            let sink = open_database().await.ok()?;
            self.stream.next(&sink, &mut text).await.ok()?;
            drop(sink);
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
}

/// One of the streams that there may be.
struct Place;

static TAKEN: AtomicUsize = AtomicUsize::new(0);

impl Place {
    fn take() -> Option<Self> {
        let taken = TAKEN.fetch_add(1, Ordering::Relaxed);
        let place = Self;
        (taken < STREAMS_MAX).then_some(place)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        TAKEN.fetch_sub(1, Ordering::Relaxed);
    }
}
