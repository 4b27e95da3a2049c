//! The body of a request, as it comes.

use doorward_events::intake::platform::{Body, Broken};
use spin_sdk::wasip3::http::types::{ErrorCode, Fields, Request};
use spin_sdk::wasip3::http_compat::IncomingRequestBody;
use spin_sdk::wasip3::wit_bindgen::{FutureReader, StreamReader, StreamResult};
use spin_sdk::wasip3::wit_future;

/// Most bytes that are read at once.
const PIECE_BYTES_MAX: usize = 64 * 1024;

/// The body of a request, read into one buffer without going through another one.
pub struct Incoming(Option<Reading>);

struct Reading {
    stream: StreamReader<u8>,
    trailers: FutureReader<Result<Option<Fields>, ErrorCode>>,
}

impl Incoming {
    /// Of what the SDK has.
    pub fn of(mut body: IncomingRequestBody) -> Self {
        Self(body.take_unstarted().map(|request| {
            let (_, outcome) = wit_future::new(|| Ok(()));
            let (stream, trailers) = Request::consume_body(request, outcome);
            Reading { stream, trailers }
        }))
    }
}

impl Body for Incoming {
    async fn read(&mut self, piece: &mut Vec<u8>) -> Result<bool, Broken> {
        let Some(Reading { stream, .. }) = &mut self.0 else {
            return Ok(false);
        };
        let mut buffer = core::mem::take(piece);
        buffer.clear();
        buffer.reserve(PIECE_BYTES_MAX);
        let (result, buffer) = stream.read(buffer).await;
        *piece = buffer;
        match result {
            StreamResult::Complete(_) => Ok(true),
            _ if !piece.is_empty() => Ok(true),
            // Whether it was whole, is said where its trailers are.
            StreamResult::Dropped => match self.0.take() {
                Some(Reading { trailers, .. }) => trailers.await.map(|_| false).map_err(|_| Broken),
                None => Ok(false),
            },
            StreamResult::Cancelled => Err(Broken),
        }
    }
}
