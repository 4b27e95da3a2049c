//! The trailers of a response without the fields that the policy has said something of.
//!
//! As with requests (see [`crate::body`]), hosts send on an incoming body that is handed on as it is with its
//! original trailers, whatever trailers a component gives. So where trailers have to be looked at, the body
//! goes through a stream of our own, at the price of one copy.

use doorward_traffic::fields::ends_in_trailers;
use doorward_traffic::upstream::Upstream;
use std::sync::Arc;

use crate::platform::{Message, Platform, Stop};

/// Bytes of a body that are under way at a time.
const PIECE_BYTES: usize = 64 * 1024;

/// The same body, and its trailers but for those that the policy changes in responses of this upstream: what is
/// set is set in the head.
pub(super) fn edited<P: Platform>(
    platform: &P,
    response: P::Response,
    upstream: &Arc<Upstream>,
) -> P::Body {
    let mut source = platform.response_source(response);
    let (mut sink, body) = platform.pipe(Message::Response);
    let upstream = Arc::clone(upstream);
    platform.spawn(async move {
        let never = Stop::never();
        let mut piece = Vec::with_capacity(PIECE_BYTES);
        loop {
            let read = P::read(&mut source, piece, &never).await;
            // What is left is what nobody takes any more.
            piece = match read.buffer {
                nothing if nothing.is_empty() => nothing,
                piece => match P::write(&mut sink, piece, &never).await {
                    Some(empty) => empty,
                    None => return,
                },
            };
            if read.ended {
                break;
            }
            piece.reserve(PIECE_BYTES);
        }
        let trailers = P::trailers(&mut source).await.map(|mut fields| {
            fields.retain(|name| !upstream.response_fields.touch(name) && !ends_in_trailers(name));
            fields
        });
        P::finish(sink, trailers).await;
    });
    body
}
