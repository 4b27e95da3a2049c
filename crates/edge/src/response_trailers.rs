//! The trailers of a response without the fields that the policy has said something of.
//!
//! As with requests (see [`crate::body`]), hosts send on an incoming body that is handed on as it is with its
//! original trailers, whatever trailers a component gives. So where trailers have to be looked at, the body
//! goes through a stream of our own, at the price of one copy.

use crate::body::Trailers;
use doorward_traffic::upstream::FieldEdits;
use wasip3::http::types::{ErrorCode, Fields};
use wasip3::wit_bindgen::{self, FutureReader, StreamReader, StreamResult};
use wasip3::{wit_future, wit_stream};

/// Bytes of a body that are under way at a time.
const PIECE_BYTES: usize = 64 * 1024;

/// The same body, and its trailers but for those that `edits` touch: what is set is set in the head.
pub(crate) fn edited(
    mut body: StreamReader<u8>,
    trailers: FutureReader<Trailers>,
    edits: &'static FieldEdits,
) -> (StreamReader<u8>, FutureReader<Trailers>) {
    let (mut writer, reader) = wit_stream::new();
    // Where the body is given up half-way, what there is of it must not pass for the whole.
    let (told, told_reader) = wit_future::new(|| Err(ErrorCode::HttpResponseBodySize(None)));
    wit_bindgen::spawn(async move {
        let mut piece = Vec::with_capacity(PIECE_BYTES);
        loop {
            let (result, read) = body.read(piece).await;
            let ended = !matches!(result, StreamResult::Complete(_));
            // What is left is what nobody takes any more.
            piece = writer.write_all(read).await;
            if !piece.is_empty() {
                return;
            }
            if ended {
                break;
            }
            piece.reserve(PIECE_BYTES);
        }
        let trailers = trailers
            .await
            .map(|fields| fields.and_then(|fields| kept(&fields, edits)));
        drop(writer);
        let _ = told.write(trailers).await;
    });
    (reader, told_reader)
}

fn kept(trailers: &Fields, edits: &FieldEdits) -> Option<Fields> {
    let mut entries = trailers.copy_all();
    entries.retain(|(name, _)| !edits.touch(name));
    // Fields that came in are accepted again; if not, none go on.
    (!entries.is_empty()).then(|| Fields::from_list(&entries).ok())?
}
