//! The request target: one spelling per path, or none at all.
//!
//! What is authorised is byte for byte what is forwarded, so nothing is rewritten here. A target
//! that an upstream could read as another path than the matcher did is refused with 400 instead of
//! being normalised: whoever sends it either made a mistake or is looking for the difference
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
//!    those.
//! 5. An escape has two upper-case hexadecimal digits (the normal form of RFC 3986
//!    section 6.2.2.1), and escapes what could not stand there by itself: `%61` is a second
//!    spelling of `a`, `%40` one of `@`. What stands raw in a path is everything of rule 3, which
//!    is what RFC 3986 asks producers to send.
//! 6. No escape stands for a delimiter that a second decoder would act upon: `/`, `\`, `?`, `#`,
//!    `;`, `%` (so nothing can be encoded twice), NUL or another control byte.
//! 7. Escaped bytes are strict UTF-8 (RFC 3629: no overlong form, no surrogate, nothing cut short)
//!    and stand for no C1 control, no fullwidth or other compatibility form of one of the above
//!    delimiters, and no letter whose case folds to an ASCII one.
//!
//! The query (from the first `?` on) takes no part in a decision. It is bounded, is printable
//! ASCII without `#`, and is otherwise left alone.
//!
//! Two spellings remain by design, and the matcher treats each pair alike: `/a` and `/a/`, and
//! letters of either case (see [`crate::matcher`]).

use core::fmt;

use doorward_syntax::form::escaped_byte;
use doorward_syntax::tokens::is_tchar;

/// Longest request target, path and query together, in bytes. RFC 9110 section 4.1 asks for at
/// least 8000.
pub const TARGET_BYTES_MAX: usize = 8192;
/// Longest path in bytes.
pub const PATH_BYTES_MAX: usize = 4096;
/// Most segments in a path.
pub const PATH_SEGMENTS_MAX: usize = 64;
/// Longest method in bytes. The longest registered one has 17 (`UPDATEREDIRECTREF`).
pub const METHOD_BYTES_MAX: usize = 32;

/// A request target of which every reader sees the same path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CanonicalTarget<'r> {
    target: &'r str,
    path_bytes: usize,
}

impl<'r> CanonicalTarget<'r> {
    /// Accepts the target as it is, or says why not.
    ///
    /// # Errors
    ///
    /// The first violation of the rules in the [module documentation](self).
    pub fn parse(target: &'r str) -> Result<Self, TargetError> {
        if target.len() > TARGET_BYTES_MAX {
            return Err(TargetError::TargetTooLong {
                bytes: target.len(),
            });
        }
        let (path, query) = match target.split_once('?') {
            Some((path, query)) => (path, query),
            None => (target, ""),
        };
        check_path(path)?;
        check_query(query)?;
        Ok(Self {
            target,
            path_bytes: path.len(),
        })
    }

    /// The target, byte for byte as it was received.
    #[must_use]
    pub fn as_str(&self) -> &'r str {
        self.target
    }

    /// The path: the target up to the first `?`.
    #[must_use]
    pub fn path(&self) -> &'r str {
        self.target.get(..self.path_bytes).unwrap_or(self.target)
    }

    /// A segment of the path, counted from 0, as it travels.
    pub(crate) fn segment(&self, index: usize) -> Option<&'r str> {
        // Before the first slash there is nothing.
        self.path().split('/').nth(index + 1)
    }
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
    /// An escape with lower-case digits: a second spelling of the one with upper-case digits.
    LowerCaseEscape,
    /// An escape of a byte that stands for itself in a path.
    NeedlessEscape {
        /// The byte.
        byte: u8,
    },
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
            Self::LowerCaseEscape => f.write_str("a percent escape in lower case"),
            Self::NeedlessEscape { byte } => {
                write!(f, "%{byte:02X} escapes what needs no escape")
            }
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

fn check_path(path: &str) -> Result<(), TargetError> {
    if path.len() > PATH_BYTES_MAX {
        return Err(TargetError::PathTooLong { bytes: path.len() });
    }
    // RFC 9112 section 3.2.1; the other three forms are those of sections 3.2.2 to 3.2.4.
    let Some(segments) = path.strip_prefix('/') else {
        return Err(TargetError::NotOriginForm);
    };
    let mut segment = Segment::default();
    let mut count = 1;
    let mut bytes = segments.as_bytes();
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
            Class::Percent => {
                let (first, after) = escape(rest)?;
                bytes = after;
                if first.is_ascii() {
                    check_escaped_ascii(first)?;
                } else {
                    bytes = escaped_character(first, after)?;
                }
                segment.push_escaped(first);
            }
            Class::Forbidden => return Err(TargetError::PathByte { byte }),
        }
    }
    segment.finish()
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
    Slash,
    Percent,
    Forbidden,
}

fn class(byte: u8) -> Class {
    match byte {
        // unreserved
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => Class::Plain,
        // sub-delims without ';'
        b'!' | b'$' | b'&' | b'\'' | b'(' | b')' | b'*' | b'+' | b',' | b'=' => Class::Plain,
        b':' | b'@' => Class::Plain,
        b'/' => Class::Slash,
        b'%' => Class::Percent,
        _ => Class::Forbidden,
    }
}

/// What of a segment decides whether it may end where it ends.
#[derive(Default)]
struct Segment {
    bytes: usize,
    only_dots: bool,
    last: u8,
    outer_space: bool,
}

impl Segment {
    fn push(&mut self, byte: u8) {
        self.only_dots = byte == b'.' && (self.bytes == 0 || self.only_dots);
        self.last = byte;
        self.bytes += 1;
    }

    fn push_escaped(&mut self, byte: u8) {
        self.outer_space |= byte == b' ' && self.bytes == 0;
        self.push(byte);
    }

    fn finish(&self) -> Result<(), TargetError> {
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
        Some(_) if [high, low].iter().any(u8::is_ascii_lowercase) => {
            Err(TargetError::LowerCaseEscape)
        }
        Some(byte) => Ok((byte, rest)),
    }
}

fn check_escaped_ascii(byte: u8) -> Result<(), TargetError> {
    match (byte, class(byte)) {
        // Its escape is the only way to write a dot's second spelling, so it is the likeliest
        // attack of all; the error names it for what it is.
        (b'.' | b'/' | b'%' | b'\\' | b'?' | b'#' | b';' | 0x00..=0x1F | 0x7F, _) => {
            Err(TargetError::EscapedDelimiter { byte })
        }
        (_, Class::Plain) => Err(TargetError::NeedlessEscape { byte }),
        // Space " < > [ ] ^ ` { | }: escaped is the only way in which they may appear.
        _ => Ok(()),
    }
}

/// Reads the rest of a multi-byte character, all of it escaped.
fn escaped_character(first: u8, mut bytes: &[u8]) -> Result<&[u8], TargetError> {
    let length = match first {
        0xC2..=0xDF => 2,
        0xE0..=0xEF => 3,
        0xF0..=0xF4 => 4,
        _ => return Err(TargetError::NotUtf8),
    };
    let mut buffer = [first, 0, 0, 0];
    for slot in buffer.iter_mut().take(length).skip(1) {
        let Some((b'%', rest)) = bytes.split_first() else {
            return Err(TargetError::NotUtf8);
        };
        (*slot, bytes) = escape(rest)?;
    }
    let character = buffer
        .get(..length)
        .and_then(|encoded| core::str::from_utf8(encoded).ok())
        .and_then(|text| text.chars().next())
        .ok_or(TargetError::NotUtf8)?;
    if is_confusable(character) {
        return Err(TargetError::ConfusableCharacter { character });
    }
    Ok(bytes)
}

/// Characters that case folding, compatibility normalisation (NFKC) or "best fit" conversion turns
/// into ASCII with a meaning, and invisible ones that are dropped on the way. Letters of scripts
/// that merely look like Latin stay different characters everywhere and pass.
fn is_confusable(character: char) -> bool {
    matches!(
        character,
        // C1 controls, no-break space, soft hyphen
        '\u{80}'..='\u{A0}' | '\u{AD}'
        // dotted I, dotless i, long s, Kelvin: their case folds to ASCII
        | '\u{130}' | '\u{131}' | '\u{17F}' | '\u{212A}'
        // Greek question mark: canonically a semicolon
        | '\u{37E}'
        // spaces, zero-width characters, line and paragraph separators, direction marks
        | '\u{1680}' | '\u{180E}' | '\u{2000}'..='\u{200F}' | '\u{2028}'..='\u{202F}'
        | '\u{205F}'..='\u{206F}' | '\u{3000}' | '\u{FEFF}'
        // dot leaders and ellipsis, double question and exclamation marks
        | '\u{2024}'..='\u{2026}' | '\u{2047}'..='\u{2049}'
        // slashes and backslashes: fraction, division, set minus, big ones
        | '\u{2044}' | '\u{2215}' | '\u{2216}' | '\u{29F5}' | '\u{29F8}' | '\u{29F9}'
        // account of, care of and their kind; digits and letters with full stops
        | '\u{2100}' | '\u{2101}' | '\u{2105}' | '\u{2106}' | '\u{2488}'..='\u{249B}'
        | '\u{33C2}' | '\u{33D8}' | '\u{1F100}'
        // vertical, small and fullwidth forms
        | '\u{FE10}'..='\u{FE19}' | '\u{FE30}' | '\u{FE50}'..='\u{FE6F}' | '\u{FF00}'..='\u{FF5E}'
        | '\u{FF61}'
        // noncharacters and what is not a character: tags, variation selectors
        | '\u{FFF9}'..='\u{FFFF}' | '\u{E0000}'..='\u{E0FFF}'
    )
}
