//! A credential in the query: where it is, and what is left of a target without it.
//!
//! Pieces are what is between `&`; the name of one ends at its first `=`. Nothing is decoded, but what
//! would be the name when it was decoded is known for another spelling of it, and so is what some servers make
//! the name of: PHP reads `access.token`, ` access_token` and `access_token[]` as `access_token`, and others
//! take `;` for a `&` (HTML 4.01 appendix B.2.2).

use doorward_syntax::form::{self, escaped_byte};

use super::error::CredentialError;

/// The value of the one parameter with this name. `repeated` is the error where there are several.
pub(crate) fn find<'r>(
    target: &'r str,
    name: &str,
    repeated: CredentialError,
) -> Result<Option<&'r str>, CredentialError> {
    let Some((_, query)) = target.split_once('?') else {
        return Ok(None);
    };
    let mut found = None;
    for part in query.split('&') {
        let (spelling, value) = part.split_once('=').unwrap_or((part, ""));
        if spelling == name {
            if found.is_some() {
                return Err(repeated);
            }
            found = Some(value);
        } else if could_be(part, name) {
            return Err(CredentialError::Spelling);
        }
    }
    Ok(found)
}

/// Whether somebody reads a parameter of this name in the piece.
fn could_be(part: &str, name: &str) -> bool {
    part.split(';').any(|piece| {
        let spelling = piece.split('=').next().unwrap_or_default();
        decodes_to(spelling.as_bytes(), name.as_bytes())
    })
}

/// Whether a text with escapes stands for the name `plain`: as it is, or as PHP would have it, which leaves out
/// spaces before a name, writes `_` for what cannot be in one of its variables, and ends it at `[` and at NUL.
pub(super) fn decodes_to(mut text: &[u8], plain: &[u8]) -> bool {
    while let Some((b' ' | b'+', rest)) = first(text) {
        text = rest;
    }
    for &byte in plain {
        text = match first(text) {
            Some((found, rest)) if found == byte => rest,
            Some((b'.' | b' ' | b'+' | b'[', rest)) if byte == b'_' => rest,
            _ => return false,
        };
    }
    matches!(first(text), None | Some((b'[' | 0, _)))
}

/// The first byte of a text with escapes, and what follows it.
fn first(text: &[u8]) -> Option<(u8, &[u8])> {
    if let [b'%', high, low, rest @ ..] = text
        && let Some(byte) = escaped_byte(*high, *low)
    {
        return Some((byte, rest));
    }
    text.split_first().map(|(byte, rest)| (*byte, rest))
}

/// The value of a parameter, decoded once. `None` where an escape is none, or `+` is in it: that is a space
/// in a form (RFC 6750 section 2.3 has the query be one) and itself elsewhere.
pub(crate) fn decoded(value: &str) -> Option<Vec<u8>> {
    if value.contains('+') {
        return None;
    }
    form::decode(value.as_bytes())
}

/// A URL or target without the parameters of these names, in any spelling, and all else byte for byte as it
/// was; `None` where it has none of them. One separator goes with each: the one behind it, or else the one
/// before it.
pub(crate) fn without(url: &str, names: &[String]) -> Option<String> {
    let (before, after) = url.split_once('?')?;
    let (query, fragment) = match after.find('#') {
        Some(place) => after.split_at_checked(place)?,
        None => (after, ""),
    };
    let goes = |part: &&str| names.iter().any(|name| could_be(part, name));
    if !query.split('&').any(|part| goes(&part)) {
        return None;
    }
    let mut left = String::with_capacity(url.len());
    left.push_str(before);
    let mut separator = '?';
    for part in query.split('&').filter(|part| !goes(part)) {
        left.push(separator);
        left.push_str(part);
        separator = '&';
    }
    left.push_str(fragment);
    Some(left)
}

#[cfg(test)]
mod tests;
