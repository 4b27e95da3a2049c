//! `[issuer.NAME.logout]`

use super::CLIENT_IDS_MAX;
use super::introspection::client_id;
use super::route::pattern;
use crate::finding::Code;
use crate::pattern::{Pattern, Segment};
use crate::policy::Logout;
use crate::source::{At, Fields, Source};

/// `fields` are those of the issuer, which has `logout`.
pub(super) fn read(
    source: &mut Source<'_>,
    issuer: Fields<'_, '_>,
    revocation: bool,
) -> Option<(At<Pattern>, Logout)> {
    let fields = source.table_of(issuer, "logout")?;
    source.check_keys(fields, &["client_id", "path"], "`logout`");
    if !revocation {
        let message = "`logout` needs `[revocation]`: nothing else remembers who has logged out";
        let help = "add `[revocation]`, if only that line";
        source.find_with(Code::MissingKey, fields.offset, &message, Some(&help), &[]);
    }
    let path = match fields.get("path") {
        Some(value) => {
            let text = source.string(value, "`path`");
            text.and_then(|text| path(source, text))
        }
        None => missing(
            source,
            fields,
            "path",
            "add the path that the issuer posts to",
        ),
    };
    let client_ids = match fields.get("client_id") {
        Some(value) => {
            let ids = source.strings(value, "`client_id`", CLIENT_IDS_MAX);
            ids.and_then(|ids| ids.into_iter().map(|id| client_id(source, id)).collect())
        }
        None => missing(
            source,
            fields,
            "client_id",
            "add whom the issuer sends its logout tokens: the clients that log people in",
        ),
    };
    let (pattern, path) = path?;
    let client_ids = client_ids?;
    Some((pattern, Logout { path, client_ids }))
}

fn missing<T>(source: &mut Source<'_>, fields: Fields<'_, '_>, key: &str, help: &str) -> Option<T> {
    let message = format_args!("`logout` has no `{key}`");
    source.find_with(Code::MissingKey, fields.offset, &message, Some(&help), &[]);
    None
}

/// A path that is one path only.
fn path(source: &mut Source<'_>, text: At<&str>) -> Option<(At<Pattern>, String)> {
    let literal = |pattern: &Pattern| {
        !pattern.takes_rest()
            && pattern
                .segments()
                .iter()
                .all(|segment| matches!(segment, Segment::Literal(_)))
    };
    let pattern = pattern(source, text)?;
    if !literal(&pattern) {
        let message = "`path` of `logout` stands for more than one path";
        let help = "write it without `{…}` and `**`";
        source.find_with(Code::BadPattern, text.offset, &message, Some(&help), &[]);
        return None;
    }
    let offset = text.offset;
    let value = pattern;
    Some((At { offset, value }, text.value.to_owned()))
}
