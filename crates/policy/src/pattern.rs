//! Path patterns: literal segments, `{name}` and `**`.

use core::fmt;
use std::borrow::Cow;

use crate::target::{CanonicalTarget, TargetError, lookup_key, push_escape, respelt};

/// Most segments in a pattern.
pub const PATTERN_SEGMENTS_MAX: usize = 32;
/// Longest pattern in bytes.
pub const PATTERN_BYTES_MAX: usize = 1024;

/// A path pattern of the policy file.
///
/// - A literal segment matches itself. It is written as it travels: what needs an escape is
///   escaped, with upper-case digits.
/// - `{name}` matches exactly one segment, whatever is in it.
/// - `**` matches the rest of the path, which may be nothing. It can only be the last segment.
///
/// `/a` matches `/a` and `/a/`; a pattern itself does not end in a slash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    segments: Vec<Segment>,
    rest: bool,
}

/// One segment of a pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Segment {
    Literal(String),
    Parameter(String),
}

impl Pattern {
    /// Reads a pattern.
    ///
    /// # Errors
    ///
    /// What is wrong with it, and in `Display` how to write it instead.
    pub fn parse(text: &str) -> Result<Self, PatternError> {
        if text.len() > PATTERN_BYTES_MAX {
            return Err(PatternError::TooLong);
        }
        let Some(rest) = text.strip_prefix('/') else {
            return Err(PatternError::NoLeadingSlash);
        };
        let mut pattern = Self {
            segments: Vec::new(),
            rest: false,
        };
        if rest.is_empty() {
            return Ok(pattern);
        }
        if rest.ends_with('/') {
            return Err(PatternError::TrailingSlash);
        }
        for text in rest.split('/') {
            if pattern.rest {
                return Err(PatternError::RestNotLast);
            }
            if pattern.segments.len() == PATTERN_SEGMENTS_MAX {
                return Err(PatternError::TooManySegments);
            }
            if text == "**" {
                pattern.rest = true;
            } else {
                let segment = pattern.segment(text)?;
                pattern.segments.push(segment);
            }
        }
        Ok(pattern)
    }

    /// The segments before a `**`.
    pub(crate) fn segments(&self) -> &[Segment] {
        &self.segments
    }

    /// The names of the parameters, each with the position of its segment.
    pub(crate) fn parameters(&self) -> impl Iterator<Item = (usize, &str)> {
        let segments = self.segments.iter().enumerate();
        segments.filter_map(|(index, segment)| match segment {
            Segment::Parameter(name) => Some((index, name.as_str())),
            Segment::Literal(_) => None,
        })
    }

    /// Whether the pattern ends in `**`.
    pub(crate) fn takes_rest(&self) -> bool {
        self.rest
    }

    fn segment(&self, text: &str) -> Result<Segment, PatternError> {
        if let Some(name) = text.strip_prefix('{').and_then(|t| t.strip_suffix('}')) {
            let mut letters = name.bytes();
            let good = letters
                .next()
                .is_some_and(|first| first.is_ascii_lowercase() || first == b'_')
                && letters.all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
            if !good {
                return Err(PatternError::ParameterName(name.to_owned()));
            }
            let segment = Segment::Parameter(name.to_owned());
            if self.segments.contains(&segment) {
                return Err(PatternError::ParameterTwice(name.to_owned()));
            }
            return Ok(segment);
        }
        if text.contains(['{', '}']) {
            return Err(PatternError::PartialParameter(text.to_owned()));
        }
        if text.contains('*') {
            return Err(PatternError::Star(text.to_owned()));
        }
        // A literal that no accepted target can spell would never match. An empty one could not be
        // told from a trailing slash.
        if text.is_empty() {
            return Err(PatternError::Literal {
                text: text.to_owned(),
                reason: TargetError::EmptySegment,
            });
        }
        let never = |reason| PatternError::Literal {
            text: text.to_owned(),
            reason,
        };
        let path = format!("/{text}");
        let (_, folding) = CanonicalTarget::with_folding(&path).map_err(never)?;
        if text.contains('?') {
            return Err(PatternError::Query);
        }
        if lookup_key(text.as_bytes()).is_none() {
            let character = folding.unwrap_or_default();
            return Err(never(TargetError::ConfusableCharacter { character }));
        }
        Ok(Segment::Literal(text.to_owned()))
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for segment in &self.segments {
            match segment {
                Segment::Literal(text) => write!(f, "/{text}")?,
                Segment::Parameter(name) => write!(f, "/{{{name}}}")?,
            }
        }
        match (self.rest, self.segments.is_empty()) {
            (true, _) => f.write_str("/**"),
            (false, true) => f.write_str("/"),
            (false, false) => Ok(()),
        }
    }
}

/// What is wrong with a path pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PatternError {
    /// It does not begin with `/`.
    NoLeadingSlash,
    /// It ends in `/`.
    TrailingSlash,
    /// It is longer than [`PATTERN_BYTES_MAX`].
    TooLong,
    /// It has more than [`PATTERN_SEGMENTS_MAX`] segments.
    TooManySegments,
    /// Something follows `**`.
    RestNotLast,
    /// A parameter's name is no lower-case identifier.
    ParameterName(String),
    /// The same parameter appears twice.
    ParameterTwice(String),
    /// A parameter that is only a part of a segment.
    PartialParameter(String),
    /// A `*` that is not the whole of a last segment `**`.
    Star(String),
    /// A `?`: queries take no part in matching.
    Query,
    /// A literal that no accepted request target can spell.
    Literal {
        /// The segment.
        text: String,
        /// Why a target that contains it is refused.
        reason: TargetError,
    },
}

impl fmt::Display for PatternError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoLeadingSlash => f.write_str("a path pattern begins with `/`"),
            Self::TrailingSlash => f.write_str("a path pattern does not end in `/`"),
            Self::TooLong => {
                write!(f, "a path pattern has at most {PATTERN_BYTES_MAX} bytes")
            }
            Self::TooManySegments => {
                write!(
                    f,
                    "a path pattern has at most {PATTERN_SEGMENTS_MAX} segments"
                )
            }
            Self::RestNotLast => f.write_str("`**` can only be the last segment"),
            Self::ParameterName(name) => {
                write!(
                    f,
                    "`{{{name}}}` is no parameter: its name is no lower-case identifier"
                )
            }
            Self::ParameterTwice(name) => write!(f, "`{{{name}}}` appears twice in one pattern"),
            Self::PartialParameter(text) => {
                write!(f, "`{text}`: a parameter is a whole segment")
            }
            Self::Star(text) => write!(f, "`{text}`: a `*` has no meaning here"),
            Self::Query => f.write_str("a path pattern has no query"),
            Self::Literal { text, reason } => {
                write!(
                    f,
                    "`{text}` can never match: the request would be refused for {reason}"
                )
            }
        }
    }
}

impl core::error::Error for PatternError {}

impl PatternError {
    /// What to write instead, where that is not obvious.
    pub(crate) fn help(&self) -> Option<Cow<'static, str>> {
        Some(Cow::Borrowed(match self {
            Self::TrailingSlash => {
                "leave the last `/` out: `/a` matches `/a/` as well, `/a/**` everything below it"
            }
            Self::NoLeadingSlash => "write the whole path, from the first `/` on",
            Self::ParameterName(_) => "write it like `{user_id}`",
            Self::PartialParameter(_) => {
                "write `{name}` alone between two slashes; it matches one segment"
            }
            Self::Star(_) => {
                "write `{name}` for one segment, or `**` as the last segment for the rest"
            }
            Self::Query => "leave out everything from `?` on",
            Self::Literal { text, .. } => {
                let spelling = respelt(&escape(text));
                let help = format!("write it as it travels: `{spelling}`");
                return (spelling != *text).then_some(Cow::Owned(help));
            }
            _ => return None,
        }))
    }
}

/// The canonical spelling of a literal that was written raw or with lower-case escapes. It is a
/// suggestion only, so it need not be right for every nonsense.
fn escape(text: &str) -> String {
    let mut spelling = String::new();
    let mut digits_due = 0;
    for byte in text.bytes() {
        if byte == b'%' {
            digits_due = 2;
        } else if digits_due > 0 && byte.is_ascii() {
            digits_due -= 1;
            spelling.push(char::from(byte.to_ascii_uppercase()));
            continue;
        }
        if byte.is_ascii() && !b" \"<>[]^`{|}".contains(&byte) {
            spelling.push(char::from(byte));
        } else {
            push_escape(&mut spelling, byte);
        }
    }
    spelling
}
