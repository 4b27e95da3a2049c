//! Single values that more than one table takes.

use core::fmt::Display;

use doorward_token::{ClaimPath, ClaimPathError};

use super::bounds::{CLIENT_ID_BYTES_MAX, QUERY_NAME_BYTES_MAX, SCOPE_ENTRIES_MAX};
use crate::finding::Code;
use crate::pattern::{Pattern, Segment};
use crate::source::{At, Fields, Source, list, shown};
use crate::value::Value;

/// A path, or a pattern for several.
pub(super) fn pattern(source: &mut Source<'_>, text: At<&str>) -> Option<Pattern> {
    match Pattern::parse(text.value) {
        Ok(pattern) => Some(pattern),
        Err(error) => {
            let message = shown(&error.to_string());
            let help = error.help();
            let help = help.as_ref().map(|help| help as &dyn Display);
            source.find_with(Code::BadPattern, text.offset, &message, help, &[]);
            None
        }
    }
}

/// A path that stands for itself alone: whoever asks for it is answered by the gate.
pub(super) fn one_path(source: &mut Source<'_>, what: &str, path: At<&str>) {
    let Some(pattern) = pattern(source, path) else {
        return;
    };
    let literal = |segment: &Segment| matches!(segment, Segment::Literal(_));
    if pattern.takes_rest() || !pattern.segments().iter().all(literal) {
        let message = format_args!("{what} stands for more than one path");
        let help = "write it without `{…}` and `**`";
        source.find_with(Code::BadPattern, path.offset, &message, Some(&help), &[]);
    }
}

/// Where a claim is. `None` where the text is no path, which is found then.
pub(super) fn claim(source: &mut Source<'_>, text: At<&str>) -> Option<ClaimPath> {
    let error = match ClaimPath::parse(text.value) {
        Ok(path) => return Some(path),
        Err(error) => error,
    };
    let help = match error {
        _ if text.value.is_empty() => "a claim has a name",
        ClaimPathError::Empty | ClaimPathError::Quotes => {
            "dots make a path, and a segment that holds dots is in double quotes: \
             `resource_access.\"my.client\".roles`"
        }
        ClaimPathError::TooDeep => "if the dots are part of a name, put it in double quotes",
        ClaimPathError::TooLong => "claims have shorter names",
    };
    let message = format_args!("the claim `{}` {error}", shown(text.value));
    source.find_with(Code::BadValue, text.offset, &message, Some(&help), &[]);
    None
}

/// Scopes, each of them up to `bytes_max` bytes long.
pub(super) fn scope(
    source: &mut Source<'_>,
    value: &At<Value<'_>>,
    bytes_max: usize,
) -> Vec<String> {
    let entries = source.strings(value, "`scope`", SCOPE_ENTRIES_MAX);
    let mut scopes = Vec::new();
    for entry in entries.unwrap_or_default() {
        // RFC 6749 section 3.3: scope-token = 1*( %x21 / %x23-5B / %x5D-7E )
        let bad = entry
            .value
            .chars()
            .find(|&c| !c.is_ascii_graphic() || c == '"' || c == '\\');
        if bad == Some(' ') {
            let parts: Vec<_> = entry
                .value
                .split(' ')
                .filter(|part| !part.is_empty())
                .collect();
            let help = format_args!("write each scope on its own: {}", list(&parts));
            let message = "a scope has no space in it";
            source.find_with(Code::BadValue, entry.offset, &message, Some(&help), &[]);
        } else if bad.is_some() || entry.value.len() > bytes_max {
            let message = format_args!(
                "`{}` is no scope: up to {bytes_max} printable ASCII characters without `\"` \
                 and `\\`",
                shown(entry.value)
            );
            source.find(Code::BadValue, entry.offset, &message);
        }
        scopes.push(entry.value.to_owned());
    }
    scopes
}

/// The name of a Spin variable: lower-case letters, digits, single underscores within.
pub(super) fn variable(
    source: &mut Source<'_>,
    fields: Fields<'_, '_>,
    key: &'static str,
) -> String {
    let Some(name) = source.text(fields, key) else {
        return String::new();
    };
    check_variable(source, &format!("`{key}`"), name);
    name.value.to_owned()
}

/// The same, wherever the name is.
pub(super) fn check_variable(source: &mut Source<'_>, what: &str, name: At<&str>) {
    const VARIABLE_BYTES_MAX: usize = 64;
    let good = name.value.len() <= VARIABLE_BYTES_MAX
        && name
            .value
            .starts_with(|first: char| first.is_ascii_lowercase())
        && name.value.split('_').all(|part| {
            !part.is_empty()
                && part
                    .bytes()
                    .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
        });
    if !good {
        // It may be the secret itself, so it is not repeated.
        let message = format_args!("{what} is not the name of a Spin variable");
        let help = "a name like `acme_secret`; the secret itself has no place in this file";
        source.find_with(Code::BadValue, name.offset, &message, Some(&help), &[]);
    }
}

/// RFC 6749 appendix A.1: `*VSCHAR`, which is printable ASCII.
pub(super) fn client_id(source: &mut Source<'_>, id: At<&str>) -> String {
    let good = (1..=CLIENT_ID_BYTES_MAX).contains(&id.value.len())
        && id.value.bytes().all(|byte| matches!(byte, b' '..=b'~'));
    if !good {
        let message = format_args!(
            "`{}` is no `client_id`: 1 to {CLIENT_ID_BYTES_MAX} printable ASCII characters",
            shown(id.value)
        );
        source.find(Code::BadValue, id.offset, &message);
    }
    id.value.to_owned()
}

/// Whether it is a parameter's name that everybody writes in one way.
pub(super) fn is_parameter(name: &str) -> bool {
    (1..=QUERY_NAME_BYTES_MAX).contains(&name.len())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte))
}

/// Whether it can be where a file is mounted: an absolute path that has one reading.
pub(super) fn is_mounted(path: &str) -> bool {
    let mut parts = path.split('/');
    parts.next() == Some("")
        && parts.all(|part| !part.is_empty() && part != "." && part != "..")
        && !path.contains(char::is_control)
}
