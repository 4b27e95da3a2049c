//! A token in a cookie: where it is, and what is left of the `Cookie` field without it.
//!
//! A crumb is what is between `;`, without the spaces around it (RFC 6265 section 4.2.1); its name ends at the
//! first `=`, and is compared as it is written. Servers have read cookies in other ways: with a comma
//! between two (RFC 2109 section 4.2), with names that are decoded, with spaces around the `=`, or with
//! a `=` before the name. A crumb that only such a reader takes for the cookie is neither taken for the
//! token nor handed on.

use std::borrow::Cow;

use doorward_traffic::field_list::FieldList;

use super::error::CredentialError;
use super::place::CredentialPlace;
use super::query::decodes_to;

/// What a crumb has to do with a cookie.
enum Crumb<'v> {
    /// It is the cookie, with this value.
    Is(&'v [u8]),
    /// Some would read it as the cookie.
    Could,
    /// It is another one.
    Other,
}

/// The value of the one cookie with this name, over all `Cookie` fields: HTTP/2 may send several (RFC 9113
/// section 8.2.3).
pub(super) fn find<'r>(
    fields: &'r FieldList,
    name: &str,
) -> Result<Option<&'r [u8]>, CredentialError> {
    let mut found = None;
    for value in fields.named("cookie") {
        for crumb in value.split(|&byte| byte == b';') {
            match read(crumb, name.as_bytes()) {
                Crumb::Other => {}
                Crumb::Could => return Err(CredentialError::TokenSpelling(PLACE)),
                Crumb::Is(_) if found.is_some() => {
                    return Err(CredentialError::RepeatedToken(PLACE));
                }
                Crumb::Is(value) => found = Some(value),
            }
        }
    }
    Ok(found)
}

const PLACE: CredentialPlace = CredentialPlace::Cookie;

fn read<'v>(crumb: &'v [u8], name: &[u8]) -> Crumb<'v> {
    let crumb = crumb.trim_ascii();
    if let Some(value) = crumb
        .strip_prefix(name)
        .and_then(|rest| rest.strip_prefix(b"="))
    {
        return Crumb::Is(value);
    }
    let mut pieces = crumb.split(|&byte| byte == b',');
    let alone = pieces.next().unwrap_or_default();
    // Without a value it is a name to some and a value to others.
    let could = is_named(alone, name, true) || pieces.any(|piece| is_named(piece, name, false));
    if could { Crumb::Could } else { Crumb::Other }
}

fn is_named(piece: &[u8], name: &[u8], without_value: bool) -> bool {
    let piece = piece.trim_ascii_start();
    let equals = piece.iter().take_while(|&&byte| byte == b'=').count();
    let piece = piece.get(equals..).unwrap_or_default();
    let end = piece.iter().position(|&byte| byte == b'=');
    if end.is_none() && !without_value {
        return false;
    }
    let spelling = piece.get(..end.unwrap_or(piece.len())).unwrap_or_default();
    decodes_to(spelling.trim_ascii(), name)
}

/// A cookie's value without the double quotes around it (RFC 6265 section 4.1.1), which some readers take
/// for a part of it and some do not.
pub(crate) fn unquoted(value: &[u8]) -> &[u8] {
    match value {
        [b'"', within @ .., b'"'] => within,
        _ => value,
    }
}

/// A `Cookie` field without the cookies of these names, in any spelling, and all else byte for byte as it was;
/// `None` where nothing is left of it.
pub(crate) fn without<'v>(value: &'v [u8], names: &[String]) -> Option<Cow<'v, [u8]>> {
    let goes = |crumb: &&[u8]| {
        names
            .iter()
            .any(|name| !matches!(read(crumb, name.as_bytes()), Crumb::Other))
    };
    let crumbs = || value.split(|&byte| byte == b';');
    if !crumbs().any(|crumb| goes(&crumb)) {
        return Some(Cow::Borrowed(value));
    }
    let kept: Vec<&[u8]> = crumbs().filter(|crumb| !goes(crumb)).collect();
    let left = kept.join(&b';');
    let left = left.trim_ascii_start();
    (!left.is_empty()).then(|| Cow::Owned(left.to_vec()))
}

#[cfg(test)]
mod tests;
