//! Strings and lists of strings in claims.

use serde_json::{Map, Value};

use crate::bounds::{AUDIENCES_MAX, SCOPES_MAX};
use crate::claim_path::ClaimPath;
use crate::error::TokenError;

pub(super) const STRING_OR_LIST: &str = "a string or a list of strings";

pub(crate) fn required<T>(claim: Option<T>, name: &'static str) -> Result<T, TokenError> {
    claim.ok_or(TokenError::MissingClaim { name })
}

pub(crate) fn string(
    claims: &Map<String, Value>,
    name: &'static str,
) -> Result<Option<String>, TokenError> {
    match claims.get(name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(not_a_string(name)),
    }
}

/// A string that tells somebody or something apart from others. The empty one does not: all that have it
/// would be one. It is as good as absent.
pub(crate) fn name(
    claims: &Map<String, Value>,
    name: &'static str,
) -> Result<Option<String>, TokenError> {
    Ok(string(claims, name)?.filter(|text| !text.is_empty()))
}

pub(super) fn not_a_string(name: &'static str) -> TokenError {
    TokenError::ClaimType {
        name,
        expected: "a string",
    }
}

/// RFC 7519 §4.1.3: a string or a list of strings.
pub(crate) fn audience(claims: &Map<String, Value>) -> Result<Option<Vec<String>>, TokenError> {
    const NAME: &str = "aud";
    match claims.get(NAME) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(vec![text.clone()])),
        Some(Value::Array(values)) => strings(values, NAME, AUDIENCES_MAX).map(Some),
        Some(_) => Err(TokenError::ClaimType {
            name: NAME,
            expected: STRING_OR_LIST,
        }),
    }
}

/// What stands in place of `aud`, in the claim that the policy names. That is looked at only where `aud` is
/// absent or empty: a token for somebody else stays one.
pub(super) fn audience_or(
    claims: &Map<String, Value>,
    other: Option<&ClaimPath>,
) -> Result<Option<Vec<String>>, TokenError> {
    let audience = audience(claims)?;
    let empty = match claims.get("aud") {
        None => true,
        Some(Value::String(text)) => text.is_empty(),
        Some(Value::Array(values)) => values.is_empty(),
        Some(_) => false,
    };
    let Some(other) = other.filter(|_| empty) else {
        return Ok(audience);
    };
    match other.find(claims) {
        Err(_) => Ok(audience),
        Ok(Value::String(text)) => Ok(Some(vec![text.clone()])),
        Ok(Value::Array(values)) => strings(values, "aud", AUDIENCES_MAX)
            .map(Some)
            .map_err(|_| TokenError::Audience),
        Ok(_) => Err(TokenError::Audience),
    }
}

/// The scopes: the words of a string (RFC 6749 §3.3, RFC 8693 §4.2, RFC 9068 §2.2.3), or the elements of a
/// list, in the first of these claims that is there; of `scope` and `scp` where none is listed. Two claims
/// are never added up: one of them may have what was only asked for.
///
/// An element with a space in it is one scope, which no rule can ask for. What is of another type grants
/// nothing.
pub(super) fn scopes(
    claims: &Map<String, Value>,
    scope_claims: &[ClaimPath],
) -> Result<Vec<String>, TokenError> {
    let there = |value: &&Value| !value.is_null();
    let value = if scope_claims.is_empty() {
        let mut names = ["scope", "scp"].into_iter();
        names.find_map(|name| claims.get(name).filter(there))
    } else {
        let mut paths = scope_claims.iter();
        paths.find_map(|path| path.find(claims).ok())
    };
    let scopes: Vec<String> = match value {
        Some(Value::String(text)) => {
            let words = text.split(' ').filter(|word| !word.is_empty());
            words.take(SCOPES_MAX + 1).map(str::to_owned).collect()
        }
        Some(Value::Array(values)) if values.len() > SCOPES_MAX => return Err(too_many_scopes()),
        Some(Value::Array(values)) => strings(values, "scope", SCOPES_MAX).unwrap_or_default(),
        _ => Vec::new(),
    };
    if scopes.len() > SCOPES_MAX {
        return Err(too_many_scopes());
    }
    Ok(scopes)
}

fn too_many_scopes() -> TokenError {
    TokenError::TooManyValues {
        name: "scope",
        count_max: SCOPES_MAX,
    }
}

fn strings(
    values: &[Value],
    name: &'static str,
    count_max: usize,
) -> Result<Vec<String>, TokenError> {
    if values.len() > count_max {
        return Err(TokenError::TooManyValues { name, count_max });
    }
    values
        .iter()
        .map(|value| match value {
            Value::String(text) => Ok(text.clone()),
            _ => Err(TokenError::ClaimType {
                name,
                expected: STRING_OR_LIST,
            }),
        })
        .collect()
}

#[cfg(test)]
mod tests;
