//! To which trace a request belongs: W3C Trace Context.
//!
//! Whom to believe is not decided here: [`Traceparent::of`] says what somebody told, and [`is_tracestate`] whether the
//! rest may go on.

use doorward_syntax::list::{ascii, elements, trim};
use doorward_syntax::request_id::write_hex;

/// The field that says to which trace a request belongs, and which span sent it.
pub const TRACEPARENT: &str = "traceparent";
/// The field with what each tracing system wants to know again (§3.3).
pub const TRACESTATE: &str = "tracestate";
/// Bytes of `tracestate`, commas included; who has more of it need not hand it on (§3.3.1.5).
pub const TRACESTATE_BYTES_MAX: usize = 512;
/// Members of `tracestate`; with more of them it is none (§3.3.1.1).
pub const TRACESTATE_MEMBERS_MAX: usize = 32;
/// Bytes of a key and of a value (§3.3.1.3).
const PART_BYTES_MAX: usize = 256;

/// Bytes of `traceparent` in version 00.
const BYTES: usize = 55;
/// Where the ids are in it.
const TRACE_ID: core::ops::Range<usize> = 3..35;
const SPAN_ID: core::ops::Range<usize> = 36..52;
/// The flags that are known: sampled (§3.2.2.5.1), and that the trace's id is random (level 2).
const FLAGS_KNOWN: u8 = 0b11;

/// A trace, and a span of it, as `traceparent` has them in version 00.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Traceparent([u8; BYTES]);

impl Traceparent {
    /// What the fields of this name say (§3.2.2), where there is one and it is valid: of a version that is not known
    /// yet, what is known of it (§3.2.4).
    #[must_use]
    pub fn of(values: &[Vec<u8>]) -> Option<Self> {
        let [value] = values else {
            return None;
        };
        // Spaces around a value are no part of it (RFC 9110 §5.5), whether the host has taken them off or not.
        let (known, more) = trim(value).split_first_chunk::<BYTES>()?;
        let is_right = |(at, byte): (usize, &u8)| match at {
            2 | 35 | 52 => *byte == b'-',
            _ => matches!(byte, b'0'..=b'9' | b'a'..=b'f'),
        };
        let may_have_more = !known.starts_with(b"00") && more.starts_with(b"-");
        let mut told = Self(*known);
        let is_valid = known.iter().enumerate().all(is_right)
            && !known.starts_with(b"ff")
            && (more.is_empty() || may_have_more)
            && !is_zero(told.trace_id())
            && !is_zero(told.span_id());
        let [high, low, .., unknown, flags] = &mut told.0;
        let digit = char::from(*flags).to_digit(16).unwrap_or_default();
        *flags = b'0' | digit.to_le_bytes()[0] & FLAGS_KNOWN;
        [*high, *low, *unknown] = *b"000";
        is_valid.then_some(told)
    }

    /// The first span of a new trace, which nobody has sampled. The trace has the digits of a UUID.
    #[must_use]
    pub fn first(uuid: &str, span: u64) -> Self {
        let none = *b"00-00000000000000000000000000000000-0000000000000000-00";
        let mut first = Self(none).child(span);
        let place = first.0.get_mut(TRACE_ID).unwrap_or_default();
        let digits = uuid.bytes().filter(|digit| *digit != b'-');
        for (place, digit) in place.iter_mut().zip(digits) {
            *place = digit.to_ascii_lowercase();
        }
        first
    }

    /// Another span of the same trace.
    #[must_use]
    pub fn child(mut self, span: u64) -> Self {
        let place = self.0.get_mut(SPAN_ID).unwrap_or_default();
        // One of 0 is none (§3.2.2.4).
        write_hex(place, span.max(1));
        self
    }

    /// As the field has it.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Which trace: 32 hexadecimal digits.
    #[must_use]
    pub fn trace_id(&self) -> &str {
        self.part(TRACE_ID)
    }

    /// Which span of it: 16 hexadecimal digits.
    #[must_use]
    pub fn span_id(&self) -> &str {
        self.part(SPAN_ID)
    }

    /// Whether it may have been recorded.
    #[must_use]
    pub fn is_sampled(&self) -> bool {
        matches!(self.0, [.., b'1' | b'3'])
    }

    /// The same span, of a trace that is recorded (§3.2.2.5.1).
    #[must_use]
    pub fn sampled(mut self) -> Self {
        let [.., flags] = &mut self.0;
        *flags |= 1;
        self
    }

    /// Whether its trace is one of those that are taken of every so many: all spans of it alike, whoever asks. The first
    /// half of an id may be a time.
    #[must_use]
    pub fn is_one_in(&self, every: u64) -> bool {
        let digits = self.trace_id().get(18..).unwrap_or_default();
        let number = u64::from_str_radix(digits, 16).unwrap_or_default();
        number.checked_rem(every) == Some(0)
    }

    /// Trace and span as numbers.
    #[must_use]
    pub fn ids(&self) -> (u128, u64) {
        let trace_id = u128::from_str_radix(self.trace_id(), 16);
        let span_id = u64::from_str_radix(self.span_id(), 16);
        (trace_id.unwrap_or_default(), span_id.unwrap_or_default())
    }

    fn part(&self, range: core::ops::Range<usize>) -> &str {
        let bytes = self.0.get(range).unwrap_or_default();
        core::str::from_utf8(bytes).unwrap_or_default()
    }
}

/// Whether `tracestate` may go on, which says nothing without a valid `traceparent` (§4.3): its syntax is right, and it
/// is no longer than it has to be handed on. Two members with one key are whose they are.
#[must_use]
pub fn is_tracestate(values: &[Vec<u8>]) -> bool {
    let mut bytes = 0;
    let mut members = 0;
    for element in elements(values) {
        bytes += element.len() + 1;
        let Some(element) = ascii(element) else {
            return false;
        };
        // Empty ones are allowed (§3.3.1.1).
        if element.is_empty() {
            continue;
        }
        members += 1;
        let parts = element.split_once('=');
        if !parts.is_some_and(|(key, value)| is_key(key) && is_value(value)) {
            return false;
        }
    }
    members <= TRACESTATE_MEMBERS_MAX && bytes <= TRACESTATE_BYTES_MAX + 1
}

/// §3.3.1.3.1, as level 2 has it, which takes all that level 1 does.
fn is_key(key: &str) -> bool {
    let is_letter = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    key.bytes().next().is_some_and(is_letter)
        && key.len() <= PART_BYTES_MAX
        && key
            .bytes()
            .all(|byte| is_letter(byte) || b"_-*/@".contains(&byte))
}

/// §3.3.1.3.2. A space at its end is not there any more: it is one around a member.
fn is_value(value: &str) -> bool {
    (1..=PART_BYTES_MAX).contains(&value.len())
        && value
            .bytes()
            .all(|byte| matches!(byte, b' '..=b'~') && byte != b'=')
}

fn is_zero(digits: &str) -> bool {
    digits.bytes().all(|digit| digit == b'0')
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests;
