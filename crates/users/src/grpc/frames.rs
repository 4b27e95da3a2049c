//! Messages in a body: a byte that says whether it is compressed, the length in four bytes, and the message
//! (PROTOCOL-HTTP2 of gRPC, "Length-Prefixed-Message").

use super::code::Code;

/// Longest message of a client, in bytes: what a body has at most by REST.
pub const MESSAGE_BYTES_MAX: usize = 64 * 1024;

/// The messages of a body that comes in pieces.
#[derive(Debug, Default)]
pub struct Frames {
    buffer: Vec<u8>,
    /// How much of it was taken.
    taken: usize,
}

impl Frames {
    /// Takes a piece of the body.
    pub fn push(&mut self, piece: &[u8]) {
        self.buffer.drain(..self.taken.min(self.buffer.len()));
        self.taken = 0;
        self.buffer.extend_from_slice(piece);
    }

    /// The next message, if all of it is there.
    ///
    /// # Errors
    /// It is longer than [`MESSAGE_BYTES_MAX`], which is known before it has come, or compressed.
    pub fn take(&mut self) -> Result<Option<Vec<u8>>, Code> {
        let left = self.left();
        let Some(([flag, length @ ..], rest)) = left.split_first_chunk::<5>() else {
            return Ok(None);
        };
        // Who compresses says before how, and nothing but `identity` is known here.
        if *flag != 0 {
            return Err(Code::Internal);
        }
        let length = usize::try_from(u32::from_be_bytes(*length)).unwrap_or(usize::MAX);
        if length > MESSAGE_BYTES_MAX {
            return Err(Code::ResourceExhausted);
        }
        let Some((message, rest)) = rest.split_at_checked(length) else {
            return Ok(None);
        };
        let message = message.to_vec();
        self.taken = self.buffer.len() - rest.len();
        Ok(Some(message))
    }

    /// Whether nothing is left. Where the body ends and something is, a message has broken off.
    pub fn is_empty(&self) -> bool {
        self.left().is_empty()
    }

    fn left(&self) -> &[u8] {
        self.buffer.get(self.taken..).unwrap_or_default()
    }
}

/// Puts a message at the end of a body.
pub fn push(body: &mut Vec<u8>, message: &[u8]) {
    body.push(0);
    // None of ours has 4 GiB.
    let length = u32::try_from(message.len()).unwrap_or(u32::MAX);
    body.extend_from_slice(&length.to_be_bytes());
    body.extend_from_slice(message);
}

#[cfg(test)]
mod tests {
    use super::{Frames, MESSAGE_BYTES_MAX, push};
    use crate::grpc::code::Code;

    #[test]
    fn messages_are_found_in_whatever_pieces_they_come() {
        let longest = vec![7; MESSAGE_BYTES_MAX];
        let messages = [&b"one"[..], b"", &longest, b"two"];
        let mut body = Vec::new();
        for message in messages {
            push(&mut body, message);
        }
        for length in [1, 2, 5, 8, 1000, body.len()] {
            let mut frames = Frames::default();
            let mut found = Vec::new();
            for piece in body.chunks(length) {
                frames.push(piece);
                while let Ok(Some(message)) = frames.take() {
                    found.push(message);
                }
            }
            assert_eq!(found, messages, "pieces of {length}");
            assert!(frames.is_empty());
        }
    }

    #[test]
    fn a_message_that_is_too_long_is_refused_before_it_has_come() {
        let mut frames = Frames::default();
        frames.push(&[0, 0, 1, 0, 1]);
        assert_eq!(frames.take(), Err(Code::ResourceExhausted));
    }

    #[test]
    fn a_message_that_is_compressed_or_broken_off_is_none() {
        let mut frames = Frames::default();
        frames.push(&[1, 0, 0, 0, 0]);
        assert_eq!(frames.take(), Err(Code::Internal));
        let mut frames = Frames::default();
        frames.push(&[0, 0, 0, 0, 2, 7]);
        assert_eq!(frames.take(), Ok(None));
        assert!(!frames.is_empty());
    }
}
