//! The headers that tell an upstream who the caller is.
//!
//! Every header is removed from every incoming request before anything else happens to it, so a
//! header that reaches the upstream was set here. The caller may still control the *text* of a
//! claim (a display name, say), so a value is written such that no text can pass for another value:
//!
//! | format | claim | value |
//! |---|---|---|
//! | `text` | string | printable ASCII as it is; `%`, an outer space and every byte of what is not printable ASCII as `%XX` |
//! | | whole number, boolean | as in JSON |
//! | `list` | array of the above, or one of them | the elements with a comma between; in them, `,` and spaces are written as `%XX`, too |
//! | `json` | anything | JSON without spaces between, everything but printable ASCII as `\uXXXX` |
//!
//! With `keys`, the names of an object's members are told in place of the object, as an array of strings.
//!
//! Decoding `%XX` gives the claim's UTF-8 back. A claim that is absent, `null`, or an empty array
//! under `list`, sets no header; the permit says why. Any other claim that the format cannot express (an
//! object as text, a fraction, an array in an array) refuses the request with 403, because to leave the
//! header out would tell the upstream something that is not so; and so does a value that is too long.
//!
//! `scope` stands for the scopes of the token whichever way the issuer writes them (`scope`, or
//! `scp` as a string or array): as `text` with a space between two, as the specifications write it.

use core::fmt;

use doorward_syntax::field_name::{length_bit, same_when_folded};
use doorward_token::{ClaimPath, Claims, Nothing};
use serde_json::Value;

use crate::claim::ClaimProblem;
use crate::target::push_escape;

/// Most identity headers of a policy.
pub const IDENTITY_HEADERS_MAX: usize = 32;
/// Longest name of an identity header, in bytes.
pub const IDENTITY_NAME_BYTES_MAX: usize = 63;
/// Longest value of an identity header, in bytes.
pub const IDENTITY_VALUE_BYTES_MAX: usize = 4096;
/// Most bytes of all identity headers of a request, values only.
pub const IDENTITY_TOTAL_BYTES_MAX: usize = 16 * 1024;

/// One header and where its value comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct IdentityHeader {
    pub(crate) name: String,
    pub(crate) claim: ClaimPath,
    pub(crate) format: Format,
    /// Whether the claim is an object, of which the names of the members are told.
    pub(crate) keys: bool,
}

/// Why an identity header is not set. It holds nothing of the claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AbsentHeader {
    /// Where its claim would be, there is nothing.
    Nothing(Nothing),
    /// Its claim is an empty list, or an object without keys.
    EmptyList,
    /// The credential has no scopes.
    NoScopes,
}

impl fmt::Display for AbsentHeader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing(nothing) => write!(f, "its claim {nothing}"),
            Self::EmptyList => f.write_str("its claim is an empty list"),
            Self::NoScopes => f.write_str("there are no scopes"),
        }
    }
}

/// How a claim is written into a header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    Text,
    List,
    Json,
}

impl Format {
    pub(crate) const ALL: [Self; 3] = [Self::Text, Self::List, Self::Json];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::List => "list",
            Self::Json => "json",
        }
    }
}

impl IdentityHeader {
    /// The value for this principal, or why there is none.
    pub(crate) fn value(
        &self,
        claims: &Claims,
    ) -> Result<Result<Vec<u8>, AbsentHeader>, ClaimProblem> {
        let value = if self.is_of_scopes() {
            self.scopes(claims.scopes()).ok_or(AbsentHeader::NoScopes)
        } else {
            match claims.at(&self.claim) {
                Err(nothing) => Err(AbsentHeader::Nothing(nothing)),
                Ok(claim) => self.claim_value(claim)?.ok_or(AbsentHeader::EmptyList),
            }
        };
        match value {
            Ok(value) if value.len() > IDENTITY_VALUE_BYTES_MAX => Err(ClaimProblem::TooLong {
                bytes: value.len(),
                bytes_max: IDENTITY_VALUE_BYTES_MAX,
            }),
            value => Ok(value.map(String::into_bytes)),
        }
    }

    /// Whether it tells the scopes, however the issuer writes them.
    pub(crate) fn is_of_scopes(&self) -> bool {
        self.claim.is_claim() && self.claim.claim() == "scope"
    }

    fn scopes(&self, scopes: &[String]) -> Option<String> {
        if scopes.is_empty() {
            return None;
        }
        Some(match self.format {
            Format::Text => joined(scopes.iter().map(String::as_str), ' '),
            Format::List => joined(scopes.iter().map(String::as_str), ','),
            Format::Json => ascii_json(&Value::from(scopes)),
        })
    }

    fn claim_value(&self, claim: &Value) -> Result<Option<String>, ClaimProblem> {
        let problem = |found: &Value| ClaimProblem::Type {
            format: self.format.name(),
            found: type_name(found),
        };
        if self.keys {
            let Value::Object(members) = claim else {
                return Err(ClaimProblem::NoKeys);
            };
            let mut names = members.keys().map(String::as_str).peekable();
            return Ok(names.peek().is_some().then(|| match self.format {
                Format::Json => ascii_json(&names.collect()),
                Format::Text | Format::List => joined(names, ','),
            }));
        }
        match (self.format, claim) {
            (Format::Json, claim) => Ok(Some(ascii_json(claim))),
            (Format::List, Value::Array(elements)) => {
                let texts = elements
                    .iter()
                    .map(|element| scalar(element).ok_or_else(|| problem(element)))
                    .collect::<Result<Vec<_>, _>>()?;
                let texts = texts.iter().map(AsRef::as_ref);
                Ok((!elements.is_empty()).then(|| joined(texts, ',')))
            }
            (Format::List, claim) => {
                let text = scalar(claim).ok_or_else(|| problem(claim))?;
                Ok(Some(joined(core::iter::once(text.as_ref()), ',')))
            }
            (Format::Text, claim) => {
                let text = scalar(claim).ok_or_else(|| problem(claim))?;
                Ok(Some(plain(&text)))
            }
        }
    }
}

/// A string, whole number or boolean as text.
fn scalar(value: &Value) -> Option<std::borrow::Cow<'_, str>> {
    match value {
        Value::String(text) => Some(text.as_str().into()),
        Value::Bool(true) => Some("true".into()),
        Value::Bool(false) => Some("false".into()),
        Value::Number(number) if number.is_i64() || number.is_u64() => {
            Some(number.to_string().into())
        }
        Value::Null | Value::Number(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

fn plain(text: &str) -> String {
    let mut value = String::with_capacity(text.len());
    let last = text.len().wrapping_sub(1);
    push(&mut value, text, |index, byte| {
        // RFC 9110 section 5.5: spaces around a field value are not part of it.
        let outer_space = byte == b' ' && (index == 0 || index == last);
        outer_space || byte == b'%'
    });
    value
}

fn joined<'t>(texts: impl Iterator<Item = &'t str>, separator: char) -> String {
    let mut value = String::new();
    for (index, text) in texts.enumerate() {
        if index > 0 {
            value.push(separator);
        }
        push(&mut value, text, |_, byte| {
            matches!(byte, b' ' | b',' | b'%')
        });
    }
    value
}

/// Adds a text, in as few pieces as its escapes allow.
fn push(value: &mut String, text: &str, is_escaped: impl Fn(usize, u8) -> bool) {
    let mut start = 0;
    for (index, byte) in text.bytes().enumerate() {
        let printable = byte.is_ascii_graphic() || byte == b' ';
        if is_escaped(index, byte) || !printable {
            // Between the bytes of one character there is nothing.
            value.push_str(text.get(start..index).unwrap_or_default());
            push_escape(value, byte);
            start = index + 1;
        }
    }
    value.push_str(text.get(start..).unwrap_or_default());
}

/// JSON in printable ASCII. Outside of strings JSON has no other characters, and inside of them
/// `\uXXXX` means the same (RFC 8259 section 7).
fn ascii_json(value: &Value) -> String {
    let json = value.to_string();
    if json
        .bytes()
        .all(|byte| byte.is_ascii_graphic() || byte == b' ')
    {
        return json;
    }
    let mut ascii = String::with_capacity(json.len() * 2);
    for character in json.chars() {
        if character.is_ascii_graphic() || character == ' ' {
            ascii.push(character);
        } else {
            for unit in character.encode_utf16(&mut [0; 2]) {
                ascii.push_str(&format!("\\u{unit:04x}"));
            }
        }
    }
    ascii
}

/// The names of all reserved headers (those of identity, of API keys and of tokens), for look-ups under every
/// spelling that an upstream could fold into one of them ([`doorward_syntax::field_name`]). [`Permit::removes_header`]
/// asks here, and the table of [`doorward_traffic::spoofing`].
///
/// [`Permit::removes_header`]: crate::Permit::removes_header
#[derive(Clone, Debug, Default)]
pub(crate) struct ReservedNames {
    names: Vec<String>,
    /// Bit n is set where a name has n bytes: most headers of a request are told apart by this.
    lengths: u64,
}

impl ReservedNames {
    pub(crate) fn new<'n>(names: impl Iterator<Item = &'n str>) -> Self {
        let mut reserved = Self::default();
        for name in names {
            reserved.lengths |= length_bit(name);
            reserved.names.push(name.to_owned());
        }
        reserved
    }

    /// Whether a header's name is one of them, in any spelling. Does not allocate.
    pub(crate) fn contains(&self, name: &str) -> bool {
        self.lengths & length_bit(name) != 0
            && self
                .names
                .iter()
                .any(|reserved| same_when_folded(reserved, name))
    }
}
