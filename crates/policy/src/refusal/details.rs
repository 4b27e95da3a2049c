//! `google.rpc.Status`, which says to clients of gRPC more than a number.
//!
//! Written here: a library for any message would take more than all that a component has left, and what is called is
//! never taken in for the same reason. A field is a tag, a length or a number, and what it is. Both have two bytes here,
//! of seven bits each, the last ones first (a `varint` may be longer than it has to be): nothing of this has 16 KiB, since
//! what a request is called has 128 bytes at most.

/// What is said.
pub(super) struct Status<'a> {
    /// The status code of gRPC.
    pub(super) code: u8,
    /// What it is, for people.
    pub(super) message: &'a str,
    /// The name of the class.
    pub(super) reason: &'a str,
    /// What the request is called.
    pub(super) request_id: &'a str,
    /// When it may be sent again.
    pub(super) retry_after_s: Option<u64>,
}

/// Tags: the number of a field, and whether it is a number or has a length.
const NUMBER_1: u8 = 1 << 3;
const FIELD_1: u8 = 1 << 3 | 2;
const FIELD_2: u8 = 2 << 3 | 2;
const FIELD_3: u8 = 3 << 3 | 2;

impl Status<'_> {
    /// The message, in the encoding of Protocol Buffers.
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut status = Vec::new();
        push(&mut status, NUMBER_1, u64::from(self.code), "");
        text(&mut status, FIELD_2, self.message);
        // A detail is a type and a message of it (google/rpc/error_details.proto).
        let detail = open(&mut status, FIELD_3);
        text(
            &mut status,
            FIELD_1,
            "type.googleapis.com/google.rpc.ErrorInfo",
        );
        let info = open(&mut status, FIELD_2);
        let reason = open(&mut status, FIELD_1);
        status.extend_from_slice(self.reason.as_bytes());
        // It is in UPPER_SNAKE_CASE.
        for byte in status.iter_mut().skip(reason) {
            *byte = match *byte {
                b'-' => b'_',
                byte => byte.to_ascii_uppercase(),
            };
        }
        close(&mut status, reason);
        text(&mut status, FIELD_2, "doorward");
        // An entry of a map is a key and a value.
        let entry = open(&mut status, FIELD_3);
        text(&mut status, FIELD_1, "request_id");
        text(&mut status, FIELD_2, self.request_id);
        for place in [entry, info, detail] {
            close(&mut status, place);
        }
        if let Some(seconds) = self.retry_after_s {
            let detail = open(&mut status, FIELD_3);
            text(
                &mut status,
                FIELD_1,
                "type.googleapis.com/google.rpc.RetryInfo",
            );
            let info = open(&mut status, FIELD_2);
            let delay = open(&mut status, FIELD_1);
            push(&mut status, NUMBER_1, seconds, "");
            for place in [delay, info, detail] {
                close(&mut status, place);
            }
        }
        status
    }
}

/// A field with a text.
#[inline(never)]
fn text(message: &mut Vec<u8>, tag: u8, text: &str) {
    push(message, tag, text.len() as u64, text);
}

/// Begins a field with what follows, and says where that does.
#[inline(never)]
fn open(message: &mut Vec<u8>, tag: u8) -> usize {
    push(message, tag, 0, "");
    message.len()
}

/// Ends the field with what follows this place: its length is known now.
#[inline(never)]
fn close(message: &mut [u8], place: usize) {
    let length = two_bytes(message.len().saturating_sub(place) as u64);
    let places = message.iter_mut().skip(place.saturating_sub(2));
    for (place, byte) in places.zip(length) {
        *place = byte;
    }
}

#[inline(never)]
fn push(message: &mut Vec<u8>, tag: u8, number: u64, text: &str) {
    let [low, high] = two_bytes(number);
    message.extend_from_slice(&[tag, low, high]);
    message.extend_from_slice(text.as_bytes());
}

fn two_bytes(number: u64) -> [u8; 2] {
    [number as u8 | 0x80, (number >> 7) as u8 & 0x7f]
}
