//! Where in the claims of a token a value is.
//!
//! The policy alone decides how a name is read, never the token: whatever a token holds, the same text
//! means the same place in it.
//!
//! 1. A text with a segment in double quotes is a path: `resource_access."my.client".roles`. In quotes a
//!    segment may hold anything but a double quote.
//! 2. Any other text with `/` or `:` is one name: `https://acme.example/roles`, `cognito:groups`. Those are
//!    the collision-resistant names of RFC 7519 §2, and what providers make up with a prefix of their own.
//! 3. Any other text is a path, whose segments have a dot between each: `realm_access.roles`.
//!
//! A path goes through objects only. It never goes through a list: of several elements none would be the
//! one that was meant.

use std::fmt;

use serde_json::{Map, Value};

/// The most segments of a path: as deep as claims can be that a token may hold.
pub const CLAIM_PATH_DEPTH_MAX: usize = 8;

/// The longest path, in bytes.
pub const CLAIM_PATH_BYTES_MAX: usize = 256;

/// Where in the claims of a token a value is. `Display` and order are those of its text.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ClaimPath {
    text: Box<str>,
    first: Box<str>,
    /// The segments after the first one; most names have none.
    rest: Box<[Box<str>]>,
}

/// Why a text is no path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClaimPathError {
    /// It is empty, or one of its segments is.
    Empty,
    /// It is longer than [`CLAIM_PATH_BYTES_MAX`].
    TooLong,
    /// It has more segments than [`CLAIM_PATH_DEPTH_MAX`].
    TooDeep,
    /// A double quote does not stand around a whole segment.
    Quotes,
}

impl fmt::Display for ClaimPathError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("has an empty segment: there is one between every two dots"),
            Self::TooLong => write!(f, "is longer than {CLAIM_PATH_BYTES_MAX} bytes"),
            Self::TooDeep => write!(f, "has more than {CLAIM_PATH_DEPTH_MAX} segments"),
            Self::Quotes => f.write_str("has a double quote that does not enclose a whole segment"),
        }
    }
}

impl std::error::Error for ClaimPathError {}

/// Why there is nothing at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nothing {
    /// The claim, or a member on the way, is not there.
    Absent,
    /// It is `null`, which is as good as absent.
    Null,
    /// The path goes on, and what is there is a list.
    ThroughList,
    /// The path goes on, and what is there is neither an object nor a list.
    ThroughValue,
}

impl fmt::Display for Nothing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Absent => "is absent",
            Self::Null => "is null",
            Self::ThroughList => "is looked for inside a list, where no path leads",
            Self::ThroughValue => "is looked for inside a value that is no object",
        })
    }
}

impl ClaimPath {
    /// Reads a path, as the policy writes it.
    ///
    /// # Errors
    ///
    /// What speaks against the text.
    pub fn parse(text: &str) -> Result<Self, ClaimPathError> {
        if text.len() > CLAIM_PATH_BYTES_MAX {
            return Err(ClaimPathError::TooLong);
        }
        let is_name = !text.contains('"') && text.contains(['/', ':']);
        let mut segments = if is_name {
            vec![text.into()]
        } else {
            taken_apart(text)?
        };
        if segments.len() > CLAIM_PATH_DEPTH_MAX {
            return Err(ClaimPathError::TooDeep);
        }
        if segments.iter().any(|segment| segment.is_empty()) {
            return Err(ClaimPathError::Empty);
        }
        let rest = segments.split_off(1).into_boxed_slice();
        let first = segments.pop().ok_or(ClaimPathError::Empty)?;
        Ok(Self {
            text: text.into(),
            first,
            rest,
        })
    }

    /// The text that it was read from.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The claim that the path begins with.
    #[must_use]
    pub fn claim(&self) -> &str {
        &self.first
    }

    /// Its segments, the claim first.
    #[cfg(feature = "recorded")]
    pub fn segments(&self) -> impl Iterator<Item = &str> {
        core::iter::once(&*self.first).chain(self.rest.iter().map(|segment| &**segment))
    }

    /// Whether the path ends at a claim of the token itself.
    #[must_use]
    pub fn is_claim(&self) -> bool {
        self.rest.is_empty()
    }

    /// Whether the other path goes on where this one ends.
    #[must_use]
    pub fn leads_to(&self, other: &Self) -> bool {
        self.first == other.first
            && self.rest.len() < other.rest.len()
            && other.rest.starts_with(&self.rest)
    }

    /// The value at the path, which is never `null`.
    ///
    /// # Errors
    ///
    /// Why there is none.
    pub fn find<'v>(&self, claims: &'v Map<String, Value>) -> Result<&'v Value, Nothing> {
        let mut value = claims.get(&*self.first).ok_or(Nothing::Absent)?;
        for segment in &self.rest {
            value = match value {
                Value::Object(members) => members.get(&**segment).ok_or(Nothing::Absent)?,
                Value::Null => return Err(Nothing::Null),
                Value::Array(_) => return Err(Nothing::ThroughList),
                _ => return Err(Nothing::ThroughValue),
            };
        }
        match value {
            Value::Null => Err(Nothing::Null),
            value => Ok(value),
        }
    }
}

impl fmt::Display for ClaimPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Segments with a dot between each, of which some may be in quotes.
fn taken_apart(text: &str) -> Result<Vec<Box<str>>, ClaimPathError> {
    let mut segments: Vec<Box<str>> = Vec::new();
    let mut rest = text;
    loop {
        let (segment, after) = match rest.strip_prefix('"') {
            Some(inside) => inside.split_once('"').ok_or(ClaimPathError::Quotes)?,
            None => rest
                .split_at_checked(rest.find('.').unwrap_or(rest.len()))
                .unwrap_or((rest, "")),
        };
        if segment.contains('"') {
            return Err(ClaimPathError::Quotes);
        }
        segments.push(segment.into());
        rest = match after.strip_prefix('.') {
            Some(rest) => rest,
            None if after.is_empty() => return Ok(segments),
            None => return Err(ClaimPathError::Quotes),
        };
    }
}

#[cfg(test)]
mod tests {
    #![expect(
        clippy::unwrap_used,
        reason = "a test that cannot go on says so by panicking"
    )]

    use super::*;
    use serde_json::json;

    fn claims() -> Map<String, Value> {
        let claims = json!({
            "sub": "alice",
            "none": null,
            "realm_access": { "roles": ["admin"], "none": null },
            "realm_access.roles": ["flat"],
            "resource_access": { "my.client": { "roles": ["editor"] }, "a:b": 7 },
            "cognito:groups": ["staff"],
            "https://acme.example/roles": ["chief"],
            "list": [{ "roles": ["hidden"] }],
        });
        claims.as_object().unwrap().clone()
    }

    #[test]
    fn the_policys_text_alone_says_which_place_is_meant() {
        for (text, expected) in [
            ("sub", Ok(json!("alice"))),
            ("realm_access.roles", Ok(json!(["admin"]))),
            ("\"realm_access.roles\"", Ok(json!(["flat"]))),
            ("resource_access.\"my.client\".roles", Ok(json!(["editor"]))),
            ("resource_access.\"a:b\"", Ok(json!(7))),
            ("resource_access.my.client.roles", Err(Nothing::Absent)),
            ("cognito:groups", Ok(json!(["staff"]))),
            ("https://acme.example/roles", Ok(json!(["chief"]))),
            ("absent", Err(Nothing::Absent)),
            ("absent.roles", Err(Nothing::Absent)),
            ("none", Err(Nothing::Null)),
            ("none.roles", Err(Nothing::Null)),
            ("realm_access.none", Err(Nothing::Null)),
            ("list.roles", Err(Nothing::ThroughList)),
            ("list.0.roles", Err(Nothing::ThroughList)),
            ("sub.roles", Err(Nothing::ThroughValue)),
        ] {
            let path = ClaimPath::parse(text).unwrap();
            let claims = claims();
            assert_eq!(path.find(&claims).cloned(), expected, "{text}");
            assert_eq!(path.to_string(), text);
        }
    }

    #[test]
    fn a_path_leads_to_what_is_below_it() {
        for (above, below, leads) in [
            ("a", "a.b", true),
            ("a.b", "a.\"b\".c.d", true),
            ("a", "a", false),
            ("a.b", "a", false),
            ("a", "ab.c", false),
            ("a.b", "a.c.b", false),
            ("a", "a:b", false),
            ("\"a.b\"", "a.b.c", false),
        ] {
            let (above, below) = (ClaimPath::parse(above), ClaimPath::parse(below));
            let (above, below) = (above.unwrap(), below.unwrap());
            assert_eq!(above.leads_to(&below), leads, "{above} to {below}");
        }
    }

    #[test]
    fn what_is_no_path_is_refused() {
        let deepest = ["a"; CLAIM_PATH_DEPTH_MAX].join(".");
        assert!(ClaimPath::parse(&deepest).is_ok());
        let longest = "a".repeat(CLAIM_PATH_BYTES_MAX);
        assert!(ClaimPath::parse(&longest).is_ok());
        for (text, expected) in [
            (String::new(), ClaimPathError::Empty),
            (".a".into(), ClaimPathError::Empty),
            ("a.".into(), ClaimPathError::Empty),
            ("a..b".into(), ClaimPathError::Empty),
            ("a.\"\"".into(), ClaimPathError::Empty),
            ("\"a\".".into(), ClaimPathError::Empty),
            ("a.\"b".into(), ClaimPathError::Quotes),
            ("a\"b\"".into(), ClaimPathError::Quotes),
            ("\"a\"b".into(), ClaimPathError::Quotes),
            ("a.\"b\"c.d".into(), ClaimPathError::Quotes),
            (format!("{deepest}.a"), ClaimPathError::TooDeep),
            (format!("{longest}a"), ClaimPathError::TooLong),
        ] {
            assert_eq!(ClaimPath::parse(&text).err(), Some(expected), "{text:?}");
        }
    }
}
