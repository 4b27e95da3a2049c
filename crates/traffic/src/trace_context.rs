//! To which trace a request belongs: W3C Trace Context.
//!
//! Whom to believe is not decided here: [`Traceparent::of`] says what somebody told, and [`tracestate`] what of the rest
//! may go on.

use doorward_syntax::list::{ascii, elements};

/// The field that says to which trace a request belongs, and which span sent it.
pub const TRACEPARENT: &str = "traceparent";
/// The field with what each tracing system wants to know again (§3.3).
pub const TRACESTATE: &str = "tracestate";
/// Bytes of `tracestate` that go on at most (§3.3.1.5).
pub const TRACESTATE_BYTES_MAX: usize = 512;
/// Members of `tracestate`; with more of them it is none (§3.3.1.1).
pub const TRACESTATE_MEMBERS_MAX: usize = 32;
/// Bytes of a member beyond which it goes before others, where not all can go on (§3.3.1.5).
const MEMBER_BYTES_LONG: usize = 128;
/// Bytes of a key and of a value (§3.3.1.3).
const PART_BYTES_MAX: usize = 256;

/// What is known of the flags: sampled (§3.2.2.5.1), and that the trace's id is random (level 2).
const FLAGS_KNOWN: u8 = 0b11;
/// That whoever asks may have recorded it.
const SAMPLED: u8 = 0b01;

/// A trace, and a span of it, as `traceparent` has them in version 00.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Traceparent(String);

impl Traceparent {
    /// What the fields of this name say (§3.2.2), where there is one and it is valid: of a version that is not known
    /// yet, what is known of it (§3.2.4).
    #[must_use]
    pub fn of(values: &[Vec<u8>]) -> Option<Self> {
        let [value] = values else {
            return None;
        };
        // Spaces around a value are no part of it (RFC 9110 §5.5), whether the host has taken them off or not.
        let mut parts = ascii(value)?.trim_matches([' ', '\t']).split('-');
        let version = hex(parts.next()?, 2)?;
        let trace_id = hex(parts.next()?, 32)?;
        let span_id = hex(parts.next()?, 16)?;
        let flags = hex(parts.next()?, 2)?;
        let is_valid = version != "ff"
            && (version != "00" || parts.next().is_none())
            && !is_zero(trace_id)
            && !is_zero(span_id);
        let flags = u8::from_str_radix(flags, 16).ok()?;
        is_valid.then(|| Self::made(trace_id, span_id, flags & FLAGS_KNOWN))
    }

    /// The first span of a new trace, which nobody has sampled. A trace's id has the digits of `uuid`.
    #[must_use]
    pub fn first(uuid: &str, span: u64) -> Self {
        let trace_id: String = uuid.chars().filter(|digit| *digit != '-').collect();
        Self::made(&trace_id, &span_id(span), 0)
    }

    /// Another span of the same trace.
    #[must_use]
    pub fn child(&self, span: u64) -> Self {
        Self::made(self.trace_id(), &span_id(span), self.flags())
    }

    fn made(trace_id: &str, span_id: &str, flags: u8) -> Self {
        let flags = match flags {
            0 => "-00",
            1 => "-01",
            2 => "-02",
            _ => "-03",
        };
        Self(["00-", trace_id, "-", span_id, flags].concat())
    }

    /// As the field has it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Which trace: 32 hexadecimal digits.
    #[must_use]
    pub fn trace_id(&self) -> &str {
        self.0.get(3..35).unwrap_or_default()
    }

    /// Which span of it: 16 hexadecimal digits.
    #[must_use]
    pub fn span_id(&self) -> &str {
        self.0.get(36..52).unwrap_or_default()
    }

    /// Whether it may have been recorded.
    #[must_use]
    pub fn is_sampled(&self) -> bool {
        self.flags() & SAMPLED != 0
    }

    fn flags(&self) -> u8 {
        self.0
            .as_bytes()
            .last()
            .map_or(0, |digit| digit & FLAGS_KNOWN)
    }
}

/// What goes on of `tracestate`, which says nothing without a valid `traceparent` (§4.3); `None`: nothing, since there
/// is none, or one that is not valid. Of two members with one key the first goes on, which is newer. Where all of them
/// are too long, long ones go first, and then those at the end (§3.3.1.5).
#[must_use]
pub fn tracestate(values: &[Vec<u8>]) -> Option<String> {
    let mut members: Vec<(&str, &str)> = Vec::new();
    let mut bytes = 0;
    for element in elements(values) {
        let element = ascii(element)?;
        // Empty ones are allowed (§3.3.1.1), and nobody needs them.
        if element.is_empty() {
            continue;
        }
        let (key, value) = element.split_once('=')?;
        if members.len() == TRACESTATE_MEMBERS_MAX || !is_key(key) || !is_value(value) {
            return None;
        }
        if members.iter().all(|(known, _)| *known != key) {
            bytes += element.len() + 1;
            members.push((key, value));
        }
    }
    let is_too_long = bytes > TRACESTATE_BYTES_MAX + 1;
    let mut state = String::new();
    for (key, value) in members {
        let length = key.len() + 1 + value.len();
        if is_too_long && length > MEMBER_BYTES_LONG {
            continue;
        }
        if state.len() + 1 + length > TRACESTATE_BYTES_MAX + usize::from(state.is_empty()) {
            break;
        }
        if !state.is_empty() {
            state.push(',');
        }
        state.extend([key, "=", value]);
    }
    (!state.is_empty()).then_some(state)
}

/// §3.3.1.3.1, as level 2 has it, which takes all that level 1 does.
fn is_key(key: &str) -> bool {
    let is_inside =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-*/@".contains(&byte);
    let begins = key.bytes().next();
    begins.is_some_and(|first| first.is_ascii_lowercase() || first.is_ascii_digit())
        && key.len() <= PART_BYTES_MAX
        && key.bytes().all(is_inside)
}

/// §3.3.1.3.2. A space at its end is not there any more: it is one around a member.
fn is_value(value: &str) -> bool {
    let is_inside = |byte: u8| matches!(byte, b' '..=b'~') && byte != b'=' && byte != b',';
    !value.is_empty() && value.len() <= PART_BYTES_MAX && value.bytes().all(is_inside)
}

fn hex(part: &str, digits: usize) -> Option<&str> {
    let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    (part.len() == digits && part.bytes().all(is_digit)).then_some(part)
}

fn is_zero(digits: &str) -> bool {
    digits.bytes().all(|digit| digit == b'0')
}

/// One of 0 is none (§3.2.2.4).
fn span_id(number: u64) -> String {
    let mut digits = String::with_capacity(16);
    push_hex(&mut digits, number.max(1));
    digits
}

/// Adds all 16 hexadecimal digits of a number.
pub(crate) fn push_hex(text: &mut String, number: u64) {
    for position in (0..16).rev() {
        let digit = (number >> (4 * position)) & 15;
        let digit = u8::try_from(digit).unwrap_or_default();
        text.push(char::from(if digit < 10 {
            b'0' + digit
        } else {
            b'a' - 10 + digit
        }));
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
mod tests;
