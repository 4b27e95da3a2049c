//! `[identity]`

use core::fmt::Display;

use doorward_syntax::field_name::{begins_with, same_when_folded};
use doorward_traffic::spoofing::{Says, spoofing};

use super::values;
use crate::finding::Code;
use crate::identity::{Format, IDENTITY_HEADERS_MAX, IDENTITY_NAME_BYTES_MAX, IdentityHeader};
use crate::source::{At, Fields, Source, shown};
use crate::value::Value;

/// Headers that have a meaning of their own: removing them from requests or setting them to a claim
/// would change what the request is. The first ones are those of one hop (RFC 9110 section 7.6.1)
/// and those that delimit or route a message. What says who the caller is may be set, whatever else is
/// here; what says that the method or path is another one never is.
const FORBIDDEN: [&str; 35] = [
    "connection",
    "host",
    "http2-settings",
    "keep-alive",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "authorization",
    "baggage",
    "cookie",
    "cookie2",
    "set-cookie",
    "www-authenticate",
    "accept",
    "accept-charset",
    "accept-encoding",
    "accept-language",
    "cache-control",
    "date",
    "expect",
    "forwarded",
    "from",
    "location",
    "max-forwards",
    "origin",
    "pragma",
    "range",
    "referer",
    "retry-after",
    "traceparent",
    "tracestate",
    "user-agent",
    "via",
    "x-request-id",
];

/// The same, by how a name begins. `spin-` are the headers that Spin sets itself.
const FORBIDDEN_PREFIXES: [&str; 9] = [
    "access-control-",
    "content-",
    "if-",
    "proxy-",
    "sec-",
    "spin-",
    "x-forwarded-",
    "x-original-",
    "x-rewrite-",
];

/// `taken` is the name of the header that has another use already.
pub(super) fn read(
    source: &mut Source<'_>,
    root: Fields<'_, '_>,
    taken: Option<&str>,
) -> Vec<IdentityHeader> {
    let Some(value) = root.get("identity") else {
        return Vec::new();
    };
    let Some(table) = root.table(value) else {
        source.wrong_type(value, "`identity`", "a table of headers and claims");
        return Vec::new();
    };
    if table.entries.len() > IDENTITY_HEADERS_MAX {
        let message = format_args!("there are more than {IDENTITY_HEADERS_MAX} identity headers");
        source.find(Code::TooLarge, value.offset, &message);
    }
    let mut headers = Vec::new();
    for entry in table.entries {
        let name = &entry.name;
        check_name(source, &name.value, name.offset, "an identity header");
        if taken.is_some_and(|taken| same_when_folded(taken, &name.value)) {
            let message = format_args!("`{}` is the header of API keys", shown(&name.value));
            source.find(Code::Conflict, name.offset, &message);
        }
        let name = name.value.as_ref();
        headers.extend(mapping(source, table, name, &entry.value));
    }
    headers
}

pub(super) fn check_name(source: &mut Source<'_>, name: &str, offset: usize, what: &str) {
    if !is_good(name) {
        let spelling = name.to_ascii_lowercase().replace(['_', '.'], "-");
        let message = format_args!(
            "`{}` is no name for {what}: up to {IDENTITY_NAME_BYTES_MAX} lower-case \
             letters, digits and `-`",
            shown(name)
        );
        let help = format_args!("write `{spelling}`");
        let help = is_good(&spelling).then_some(&help as &dyn Display);
        source.find_with(Code::BadValue, offset, &message, help, &[]);
        return;
    }
    if has_own_meaning(name) {
        let message = format_args!("`{name}` has a meaning of its own");
        let help = "use a name that nothing else uses, such as `x-auth-subject` or `x-api-key`";
        source.find_with(Code::ForbiddenHeader, offset, &message, Some(&help), &[]);
    }
}

pub(super) fn has_own_meaning(name: &str) -> bool {
    match spoofing(name) {
        Some(found) => found.says != Says::Identity,
        None => {
            FORBIDDEN.iter().any(|taken| same_when_folded(taken, name))
                || FORBIDDEN_PREFIXES
                    .iter()
                    .any(|prefix| begins_with(name, prefix))
        }
    }
}

fn is_good(name: &str) -> bool {
    name.len() <= IDENTITY_NAME_BYTES_MAX
        && name.starts_with(|first: char| first.is_ascii_lowercase())
        && name
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

/// A claim, alone or with a format.
fn mapping<'s>(
    source: &mut Source<'_>,
    headers: Fields<'_, 's>,
    name: &str,
    value: &At<Value<'s>>,
) -> Option<IdentityHeader> {
    const WHAT: &str = "an identity header";
    let (mut format, mut keys) = (Format::Text, None);
    let claim = if let Some(fields) = headers.table(value) {
        let choice = source.choice(fields, "format", &Format::ALL.map(Format::name));
        format = Format::ALL.get(choice).copied().unwrap_or(format);
        let wanted = source.flag(fields, "keys", false);
        keys = fields.key_offset("keys").filter(|_| wanted);
        let help = "add the claim that the header tells";
        let claim = source.needed(fields, "claim", WHAT, help);
        source.finish(fields, WHAT);
        claim
    } else if let Value::Text(claim) = &value.value {
        let (offset, value) = (value.offset, claim.as_ref());
        Some(At { offset, value })
    } else {
        let wanted = "the name of a claim, or a table with `claim` and `format`";
        source.wrong_type(value, WHAT, wanted);
        None
    };
    let header = IdentityHeader {
        name: name.to_owned(),
        claim: values::claim(source, claim?)?,
        format,
        keys: keys.is_some(),
    };
    if let Some(offset) = keys {
        let (message, help) = if header.is_of_scopes() {
            let message = "scopes are a list, which has no `keys`";
            (message, "leave it out")
        } else if format == Format::Text {
            let message = "the keys of an object are several values, which `text` does not express";
            (message, "write `format = \"list\"` or `format = \"json\"`")
        } else {
            return Some(header);
        };
        source.find_with(Code::Conflict, offset, &message, Some(&help), &[]);
    }
    Some(header)
}
