//! A target that goes on as it came, because its route says how the origin reads it
//! (`escapes = "forward"`).
//!
//! The origin may read it in another way all the same, or something on the way to it. So every reading has
//! to lead to that route, or to none: one that another rule is for is no reading of this request.
//!
//! - An escape is decoded as often as there is one, up to [`ESCAPE_LEVELS_MAX`] times. A slash that
//!   comes of it separates segments, or does not.
//! - A segment is cut off at `;`, or is not; the path ends at an escaped `?` or `#`, or does not.
//! - Empty segments count, or do not.
//!
//! What no origin can need is refused here as well, however often it is escaped: dot segments, a segment
//! that ends in a dot or has a space at either end, `\`, control characters, what is no UTF-8, and
//! characters that a reader turns into one of these or into a delimiter.

use core::ops::Range;

use doorward_syntax::form::escaped_byte;

use crate::matcher::{Found, Matcher};
use crate::target::{Segment, goes_on, push_spelt};

/// How many times a path may have been escaped.
pub const ESCAPE_LEVELS_MAX: u8 = 2;

/// Bits of a manner of reading: `;` ends a segment, `?` and `#` end the path, empty segments do not count.
const CUTS: u8 = 1;
const ENDS: u8 = 2;
const MERGES: u8 = 4;

/// A byte, and how many times it was escaped.
type Byte = (u8, u8);

/// Whether a path can go on as it came: every reading leads to these rules, or to none.
pub(crate) fn all_lead(path: &str, matcher: &Matcher, to: &Range<usize>) -> bool {
    let Some((bytes, levels)) = decoded(path) else {
        return false;
    };
    let leads = |reading: &str| match matcher.find(reading, true) {
        Found::Rules(rules) => rules == *to,
        Found::OtherCase => false,
        Found::Nothing => true,
    };
    is_good(&bytes)
        && (0..=levels).all(|level| {
            (0..=level).all(|cut_level| {
                let mut manners = 0..=CUTS | ENDS | MERGES;
                manners.all(|manner| leads(&reading(&bytes, level, cut_level, manner)))
            })
        })
}

/// What is left when nothing is escaped any more, and how many times anything was. `None` where something
/// cannot be in a path, or was escaped too often.
fn decoded(path: &str) -> Option<(Vec<Byte>, u8)> {
    if !path.bytes().all(goes_on) {
        return None;
    }
    let mut bytes: Vec<Byte> = path.bytes().map(|byte| (byte, 0)).collect();
    for level in 1..=ESCAPE_LEVELS_MAX + 1 {
        let mut next = Vec::with_capacity(bytes.len());
        let mut rest = bytes.as_slice();
        while let [first, after @ ..] = rest {
            rest = after;
            let mut byte = *first;
            if byte.0 == b'%' {
                if let [(high, _), (low, _), after @ ..] = rest
                    && let Some(escaped) = escaped_byte(*high, *low)
                {
                    byte = (escaped, level);
                    rest = after;
                } else if level == 1 {
                    return None;
                }
            }
            next.push(byte);
        }
        if next.len() == bytes.len() {
            return Some((next, level - 1));
        }
        bytes = next;
    }
    None
}

/// Whether there is nothing that no origin can need.
fn is_good(bytes: &[Byte]) -> bool {
    let bytes: Vec<u8> = bytes.iter().map(|(byte, _)| *byte).collect();
    let mut segment = Segment::default();
    let mut last = '/';
    for character in core::str::from_utf8(&bytes).unwrap_or("\\").chars() {
        let good = match (last, character) {
            (_, '/' | ';' | '?' | '#') => core::mem::take(&mut segment).finish().is_ok(),
            // The second is an escape to some servers, `%u002E`.
            (_, '\\' | '\0'..='\x1F' | '\x7F') | ('%', 'u' | 'U') => false,
            _ => segment.push_character(character).is_ok(),
        };
        if !good {
            return false;
        }
        last = character;
    }
    segment.finish().is_ok()
}

/// A path as somebody reads it to whom slashes that were escaped up to `level` times separate segments, in the
/// canonical form. `cut_level` is for those that are cut off with what is behind a `;`: that may come first.
fn reading(bytes: &[Byte], level: u8, cut_level: u8, manner: u8) -> String {
    let has = |bit| manner & bit != 0;
    let mut reading = String::with_capacity(bytes.len());
    let mut cut = false;
    for &(byte, escaped) in bytes {
        match byte {
            b'/' if escaped <= if cut { cut_level } else { level } => {
                cut = false;
                if !(has(MERGES) && reading.ends_with('/')) {
                    reading.push('/');
                }
            }
            b'?' | b'#' if has(ENDS) => break,
            b';' if has(CUTS) => cut = true,
            _ if cut => {}
            _ => push_spelt(&mut reading, byte),
        }
    }
    reading
}
