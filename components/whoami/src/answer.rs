//! What is answered, however the identity came here.

use serde::Serialize;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// How the names of the fields begin that carry the identity.
pub const IDENTITY_PREFIX: &str = "x-auth-";

/// The media type of the answer.
pub const JSON: &str = "application/json";

/// Members in the order of their names.
#[derive(Serialize)]
struct Answer<'a> {
    /// By field, without the prefix.
    identity: BTreeMap<String, Cow<'a, str>>,
    method: &'a str,
    target: Option<&'a str>,
}

/// Method, target and the identity, by field, as JSON with a line feed behind it.
///
/// # Errors
/// None that could come of what is in here: names are texts, and nothing is written to but memory.
pub fn answer<'i>(
    method: &'i str,
    target: Option<&'i str>,
    fields: impl Iterator<Item = (&'i str, &'i [u8])>,
) -> Result<Vec<u8>, serde_json::Error> {
    let identity = fields.filter_map(|(name, value)| {
        let (prefix, name) = name.split_at_checked(IDENTITY_PREFIX.len())?;
        let is_one = prefix.eq_ignore_ascii_case(IDENTITY_PREFIX);
        is_one.then(|| (name.to_ascii_lowercase(), String::from_utf8_lossy(value)))
    });
    let answer = Answer {
        identity: identity.collect(),
        method,
        target,
    };
    let mut body = serde_json::to_vec(&answer)?;
    body.push(b'\n');
    Ok(body)
}
