//! The request target: one spelling per path, or none at all.
//!
//! What is authorised is byte for byte what is forwarded. An escape that needs none (`%61`, `%40`, `%c3`)
//! is a second spelling of the same path for every reader, so the path is respelt once ([`canonical_form`]),
//! and what is matched and forwarded is the canonical form. A target that an upstream could read as another path than the matcher
//! did is refused with 400 instead: whoever sends it either made a mistake or is looking for the difference
//! between two parsers.
//!
//! A target is accepted when all of these hold:
//!
//! 1. It is in origin-form (RFC 9112 section 3.2.1): `/` first. Absolute-form, authority-form
//!    (`CONNECT`) and asterisk-form (`OPTIONS *`) name no path that a rule could match.
//! 2. Path and target are within [`PATH_BYTES_MAX`], [`TARGET_BYTES_MAX`] and
//!    [`PATH_SEGMENTS_MAX`].
//! 3. The path consists of `pchar` and `/` (RFC 3986 section 3.3), without `;`: path parameters
//!    are cut off by some servers and kept by others. `\`, `#`, control bytes, spaces and non-ASCII
//!    bytes are no `pchar` to begin with.
//! 4. Segments are not empty, except the last one (a trailing slash). A segment is not `.` or `..`,
//!    does not end in a dot, and neither begins nor ends with an encoded space: file systems drop
//!    those. All of this holds of what the escapes stand for, too.
//! 5. An escape has two hexadecimal digits. In the canonical form they are in upper case
//!    (RFC 3986 section 6.2.2.1), and what could stand there by itself does: everything of rule 3
//!    but `+`, which some servers take for a space and `%2B` is nobody's.
//! 6. No escape stands for a delimiter that a second decoder would act upon: `/`, `\`, `?`, `#`,
//!    `;`, `%` (so nothing can be encoded twice), NUL or another control byte.
//! 7. Escaped bytes are strict UTF-8 (RFC 3629: no overlong form, no surrogate, nothing cut short)
//!    and stand for no C1 control, and for nothing that compatibility normalisation (NFKC) or a "best fit"
//!    makes one of the above delimiters, or a dot ([`mod@crate::folding`]).
//!
//! A route says how its origin reads what is not accepted by these rules (`escapes = "forward"`): then the
//! target goes on as it came, if every reading of it leads there ([`mod@crate::readings`]).
//!
//! The query (from the first `?` on) takes no part in a decision. It is bounded, is printable
//! ASCII without `#`, and is otherwise left alone.
//!
//! Some spellings remain by design, and the matcher treats them alike: `/a` and `/a/`, letters of either
//! case, and characters that some readers fold to others (see [`crate::matcher`]).

use core::fmt;

use doorward_syntax::form::escaped_byte;
use doorward_syntax::tokens::is_tchar;

use crate::folding::{ANY, DROPPED, NEVER, SAME, SS, fold};

/// Longest request target, path and query together, in bytes. RFC 9110 section 4.1 asks for at
/// least 8000.
pub const TARGET_BYTES_MAX: usize = 8192;
/// Longest path in bytes.
pub const PATH_BYTES_MAX: usize = 4096;
/// Most segments in a path.
pub const PATH_SEGMENTS_MAX: usize = 64;
/// Longest method in bytes. The longest registered one has 17 (`UPDATEREDIRECTREF`).
pub const METHOD_BYTES_MAX: usize = 32;

/// A request target as it was received, and its canonical form ([`canonical_form`]).
#[derive(Clone, Copy)]
pub struct Target<'r> {
    /// As it was received.
    pub received: &'r str,
    /// With the path in its canonical form.
    pub canonical: &'r str,
}

impl<'r> From<&'r str> for Target<'r> {
    /// One that is in the canonical form.
    fn from(received: &'r str) -> Self {
        let canonical = received;
        Self {
            received,
            canonical,
        }
    }
}

/// A target with the path in its canonical form; `None` where it is already.
#[must_use]
#[inline(never)]
pub fn canonical_form(target: &str) -> Option<String> {
    let path = path_of(target);
    if !path.contains('%') {
        return None;
    }
    let mut canonical = respelt(path);
    canonical.push_str(target.get(path.len()..)?);
    (canonical != target).then_some(canonical)
}

/// A request target of which every reader sees the same path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CanonicalTarget<'r> {
    path: &'r str,
    /// What goes on.
    forwarded: &'r str,
    /// Whether it goes on as it was received, though that is not the canonical form.
    goes_on: bool,
    /// Whether there may be readers who see another path, to whom it is none of another rule.
    has_readings: bool,
}

impl<'r> CanonicalTarget<'r> {
    /// Accepts the target as it is, or says why not.
    ///
    /// # Errors
    ///
    /// The first violation of the rules in the [module documentation](self).
    pub fn parse(target: &'r str) -> Result<Self, TargetError> {
        Ok(Self::with_folding(target)?.0)
    }

    /// The same, and the first character of the path that a reader could fold to another.
    pub(crate) fn with_folding(target: &'r str) -> Result<(Self, Option<char>), TargetError> {
        let parsed = Self::raw(target)?;
        let folding = check_path(parsed.path)?;
        let canonical = Self {
            goes_on: false,
            has_readings: false,
            ..parsed
        };
        Ok((canonical, folding))
    }

    /// The target, of which only size and form are known to be good, and the query.
    #[inline(never)]
    pub(crate) fn raw(target: &'r str) -> Result<Self, TargetError> {
        if target.len() > TARGET_BYTES_MAX {
            return Err(TargetError::TargetTooLong {
                bytes: target.len(),
            });
        }
        let (path, query) = match target.split_once('?') {
            Some((path, query)) => (path, query),
            None => (target, ""),
        };
        if path.len() > PATH_BYTES_MAX {
            return Err(TargetError::PathTooLong { bytes: path.len() });
        }
        // RFC 9112 section 3.2.1; the other three forms are those of sections 3.2.2 to 3.2.4.
        if !path.starts_with('/') {
            return Err(TargetError::NotOriginForm);
        }
        check_query(query)?;
        Ok(Self {
            path,
            forwarded: target,
            goes_on: true,
            has_readings: true,
        })
    }

    /// The same, of which `received` goes on.
    pub(crate) fn forwarding(self, received: &'r str) -> Self {
        Self {
            forwarded: received,
            goes_on: true,
            ..self
        }
    }

    /// The target to forward: the one that was parsed, unless it goes on as it was received.
    #[must_use]
    pub fn as_str(&self) -> &'r str {
        self.forwarded
    }

    /// Whether the path goes on as it was received, though that is not the canonical form.
    pub(crate) fn goes_on(&self) -> bool {
        self.goes_on
    }

    /// The path: the target up to the first `?`.
    #[must_use]
    pub fn path(&self) -> &'r str {
        self.path
    }

    /// A segment of the path, counted from 0, as it travels. `None` for one with more than one reading.
    pub(crate) fn segment(&self, index: usize) -> Option<&'r str> {
        // Before the first slash there is nothing.
        let mut segments = self.path().split('/').skip(1);
        if self.has_readings {
            let odd = |one: &str| one.is_empty() || one.bytes().any(|byte| b"%;".contains(&byte));
            if segments.clone().take(index + 1).any(odd) {
                return None;
            }
        }
        segments.nth(index)
    }
}

/// Whether a byte can be in a path that goes on as it came: all of what is accepted, and `;`.
pub(crate) fn goes_on(byte: u8) -> bool {
    byte == b';' || class(byte) != Class::Forbidden
}

/// The canonical form of a path.
pub(crate) fn respelt(path: &str) -> String {
    let mut spelling = String::with_capacity(path.len());
    let mut bytes = path.as_bytes();
    while let Some((&byte, rest)) = bytes.split_first() {
        bytes = rest;
        if byte == b'%'
            && let Some((&[high, low], after)) = rest.split_first_chunk()
            && let Some(escaped) = escaped_byte(high, low)
        {
            push_spelt(&mut spelling, escaped);
            bytes = after;
        } else {
            spelling.push(char::from(byte));
        }
    }
    spelling
}

/// Adds a byte of a segment as it is spelt in the canonical form.
#[inline(never)]
pub(crate) fn push_spelt(spelling: &mut String, byte: u8) {
    match class(byte) {
        Class::Plain => spelling.push(char::from(byte)),
        _ => push_escape(spelling, byte),
    }
}

/// Adds a byte as `%XX`.
pub(crate) fn push_escape(value: &mut String, byte: u8) {
    value.push('%');
    for digit in [byte >> 4, byte & 0x0F] {
        if let Some(digit) = char::from_digit(u32::from(digit), 16) {
            value.push(digit.to_ascii_uppercase());
        }
    }
}

/// What is left of a segment, or of a literal, when all that a reader may fold is folded, in the canonical
/// form and letters in either case. `None` where no table says what becomes of a character.
pub(crate) fn lookup_key(mut segment: &[u8]) -> Option<String> {
    let mut key = String::with_capacity(segment.len());
    while let Some((&byte, rest)) = segment.split_first() {
        let mut character = char::from(byte);
        let mut after = rest;
        if byte == b'%' {
            (character, after) = escaped_character(rest).ok()?;
        }
        match fold(character) {
            // Copied as it is spelt.
            SAME => {
                let spelt = segment.get(..segment.len() - after.len())?;
                key.push_str(core::str::from_utf8(spelt).ok()?);
            }
            SS => key.push_str("ss"),
            DROPPED => {}
            ANY | NEVER => return None,
            byte => push_spelt(&mut key, byte),
        }
        segment = after;
    }
    Some(key)
}

/// Whether a segment stands for `plain` when its escapes are decoded, once.
pub(crate) fn stands_for(segment: &str, plain: &str) -> bool {
    let mut rest = segment.as_bytes();
    for &byte in plain.as_bytes() {
        let next = match rest {
            [b'%', after @ ..] => escape(after).ok(),
            [first, after @ ..] => Some((*first, after)),
            [] => None,
        };
        match next {
            Some((found, after)) if found == byte => rest = after,
            _ => return false,
        }
    }
    rest.is_empty()
}

/// What of a target may be shown: its query may hold what is nobody's business.
pub(crate) fn path_of(target: &str) -> &str {
    target.split('?').next().unwrap_or_default()
}

/// Why a request head is malformed. It is for the log; the client learns "400".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TargetError {
    /// The target is longer than [`TARGET_BYTES_MAX`].
    TargetTooLong {
        /// Its length.
        bytes: usize,
    },
    /// The path is longer than [`PATH_BYTES_MAX`].
    PathTooLong {
        /// Its length.
        bytes: usize,
    },
    /// The path has more than [`PATH_SEGMENTS_MAX`] segments.
    TooManySegments,
    /// The target does not begin with `/`: absolute-form, authority-form or asterisk-form.
    NotOriginForm,
    /// A byte that may not stand in a path by itself.
    PathByte {
        /// The byte.
        byte: u8,
    },
    /// A byte that may not stand in a query.
    QueryByte {
        /// The byte.
        byte: u8,
    },
    /// A segment that is empty and not the last one: `//`.
    EmptySegment,
    /// A segment `.` or `..`.
    DotSegment,
    /// A segment that ends in a dot.
    TrailingDot,
    /// A segment that begins or ends with an encoded space.
    OuterSpace,
    /// A `%` without two hexadecimal digits after it.
    InvalidEscape,
    /// An escape that is not in the canonical form.
    Spelling,
    /// An escape of a delimiter or a control byte, which a second decoder would act upon.
    EscapedDelimiter {
        /// The byte.
        byte: u8,
    },
    /// Escaped bytes that are not UTF-8.
    NotUtf8,
    /// An escaped character that some reader turns into a delimiter, a control or an ASCII letter.
    ConfusableCharacter {
        /// The character.
        character: char,
    },
    /// The method is no token of RFC 9110 section 5.6.2, or longer than [`METHOD_BYTES_MAX`].
    Method,
}

impl fmt::Display for TargetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TargetTooLong { bytes } => {
                write!(
                    f,
                    "the target has {bytes} of at most {TARGET_BYTES_MAX} bytes"
                )
            }
            Self::PathTooLong { bytes } => {
                write!(f, "the path has {bytes} of at most {PATH_BYTES_MAX} bytes")
            }
            Self::TooManySegments => {
                write!(f, "the path has more than {PATH_SEGMENTS_MAX} segments")
            }
            Self::NotOriginForm => f.write_str("the target does not begin with '/'"),
            Self::PathByte { byte } => write!(f, "byte 0x{byte:02X} in the path"),
            Self::QueryByte { byte } => write!(f, "byte 0x{byte:02X} in the query"),
            Self::EmptySegment => f.write_str("an empty path segment"),
            Self::DotSegment => f.write_str("a '.' or '..' segment"),
            Self::TrailingDot => f.write_str("a path segment that ends in a dot"),
            Self::OuterSpace => f.write_str("a path segment that begins or ends with a space"),
            Self::InvalidEscape => f.write_str("an incomplete percent escape"),
            Self::Spelling => f.write_str("an escape that is none in the canonical form"),
            Self::EscapedDelimiter { byte } => write!(f, "an escaped delimiter, %{byte:02X}"),
            Self::NotUtf8 => f.write_str("escapes that are not UTF-8"),
            Self::ConfusableCharacter { character } => {
                write!(
                    f,
                    "the confusable character U+{:04X}",
                    u32::from(*character)
                )
            }
            Self::Method => f.write_str("the method is not a token"),
        }
    }
}

impl core::error::Error for TargetError {}

/// Accepts a method that is a token (RFC 9110 sections 9.1 and 5.6.2). Methods are case-sensitive.
///
/// # Errors
///
/// [`TargetError::Method`].
pub fn check_method(method: &str) -> Result<(), TargetError> {
    let good =
        !method.is_empty() && method.len() <= METHOD_BYTES_MAX && method.bytes().all(is_tchar);
    if good {
        Ok(())
    } else {
        Err(TargetError::Method)
    }
}

/// Checks a path, and gives the first character of it that a reader could fold.
fn check_path(path: &str) -> Result<Option<char>, TargetError> {
    let mut folding = None;
    let mut segment = Segment::default();
    let mut count = 1;
    let mut bytes = path.as_bytes().get(1..).unwrap_or_default();
    while let Some((&byte, rest)) = bytes.split_first() {
        bytes = rest;
        match class(byte) {
            Class::Plain => segment.push(byte),
            Class::Slash => {
                if segment.bytes == 0 {
                    return Err(TargetError::EmptySegment);
                }
                segment.finish()?;
                segment = Segment::default();
                count += 1;
                if count > PATH_SEGMENTS_MAX {
                    return Err(TargetError::TooManySegments);
                }
            }
            Class::Plus => {
                segment.push(byte);
                folding.get_or_insert('+');
            }
            Class::Percent => {
                let character;
                (character, bytes) = escaped_character(rest)?;
                if let Ok(byte) = u8::try_from(u32::from(character)) {
                    match (byte, class(byte)) {
                        // What a second decoder would act upon.
                        (b'/' | b'%' | b'\\' | b'?' | b'#' | b';' | 0x00..=0x1F | 0x7F, _) => {
                            return Err(TargetError::EscapedDelimiter { byte });
                        }
                        (_, Class::Plain) => return Err(TargetError::Spelling),
                        _ => {}
                    }
                }
                if segment.push_character(character)? {
                    folding.get_or_insert(character);
                }
            }
            Class::Forbidden => return Err(TargetError::PathByte { byte }),
        }
    }
    segment.finish()?;
    Ok(folding)
}

fn check_query(query: &str) -> Result<(), TargetError> {
    match query
        .bytes()
        .find(|&byte| !byte.is_ascii_graphic() || byte == b'#')
    {
        Some(byte) => Err(TargetError::QueryByte { byte }),
        None => Ok(()),
    }
}

/// What a byte means in a path.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    /// `pchar` without `;` and escapes: stands for itself, and only itself stands for it.
    Plain,
    /// `+`: stands for itself, and for a space with some servers.
    Plus,
    Slash,
    Percent,
    Forbidden,
}

fn class(byte: u8) -> Class {
    match byte {
        // unreserved
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => Class::Plain,
        // sub-delims without ';' and '+'
        b'!' | b'$' | b'&' | b'\'' | b'(' | b')' | b'*' | b',' | b'=' => Class::Plain,
        b'+' => Class::Plus,
        b':' | b'@' => Class::Plain,
        b'/' => Class::Slash,
        b'%' => Class::Percent,
        _ => Class::Forbidden,
    }
}

/// What of a segment decides whether it may end where it ends.
#[derive(Default)]
pub(crate) struct Segment {
    bytes: usize,
    only_dots: bool,
    last: u8,
    outer_space: bool,
    dropped: bool,
}

impl Segment {
    fn push(&mut self, byte: u8) {
        self.only_dots = byte == b'.' && (self.bytes == 0 || self.only_dots);
        self.last = byte;
        self.bytes += 1;
    }

    /// Adds what an escape stands for, and says whether a reader could fold it to something else.
    pub(crate) fn push_character(&mut self, character: char) -> Result<bool, TargetError> {
        let fold = fold(character);
        match fold {
            NEVER => return Err(TargetError::ConfusableCharacter { character }),
            // What is left out makes no difference to what is next to each other.
            DROPPED => self.dropped = true,
            _ => {
                let byte = match character {
                    '+' => b'+',
                    _ if fold == SAME => u8::try_from(character).unwrap_or(b'a'),
                    _ => fold,
                };
                self.outer_space |= byte == b' ' && self.bytes == 0;
                self.push(byte);
            }
        }
        Ok(fold != SAME)
    }

    pub(crate) fn finish(&self) -> Result<(), TargetError> {
        if self.last == b'.' {
            // RFC 3986 section 3.3 gives these two their meaning; three dots are only odd.
            return Err(if self.only_dots && self.bytes <= 2 {
                TargetError::DotSegment
            } else {
                TargetError::TrailingDot
            });
        }
        // A raw space is no `pchar`: this one was escaped.
        if self.outer_space || self.last == b' ' {
            return Err(TargetError::OuterSpace);
        }
        if self.dropped && self.bytes == 0 {
            return Err(TargetError::EmptySegment);
        }
        Ok(())
    }
}

/// The byte of the escape whose `%` has just been read, and what follows it.
fn escape(after_percent: &[u8]) -> Result<(u8, &[u8]), TargetError> {
    let Some((&[high, low], rest)) = after_percent.split_first_chunk::<2>() else {
        return Err(TargetError::InvalidEscape);
    };
    match escaped_byte(high, low) {
        None => Err(TargetError::InvalidEscape),
        Some(_) if [high, low].iter().any(u8::is_ascii_lowercase) => Err(TargetError::Spelling),
        Some(byte) => Ok((byte, rest)),
    }
}

/// The character whose first `%` has just been read, all of its bytes escaped, and what follows it.
pub(crate) fn escaped_character(after_percent: &[u8]) -> Result<(char, &[u8]), TargetError> {
    let mut buffer = [0; 4];
    let mut bytes = after_percent;
    for length in 1..=buffer.len() {
        let (byte, after) = escape(bytes)?;
        if let Some(last) = buffer.get_mut(length - 1) {
            *last = byte;
        }
        let encoded = buffer.get(..length).unwrap_or_default();
        let text = core::str::from_utf8(encoded).unwrap_or_default();
        if let Some(character) = text.chars().next() {
            return Ok((character, after));
        }
        let Some((b'%', rest)) = after.split_first() else {
            break;
        };
        bytes = rest;
    }
    Err(TargetError::NotUtf8)
}
