//! `[identity]`

use toml::Spanned;
use toml::de::DeValue;

use crate::claim::CLAIM_NAME_BYTES_MAX;
use crate::finding::Code;
use crate::identity::{
    Format, IDENTITY_HEADERS_MAX, IDENTITY_NAME_BYTES_MAX, IdentityHeader, same_when_folded,
};
use crate::source::{At, Fields, Source, list, nearest, shown};

/// Headers that have a meaning of their own: removing them from requests or setting them to a claim
/// would change what the request is. The first ones are those of one hop (RFC 9110 section 7.6.1)
/// and those that delimit or route a message.
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
    "x-http-method-override",
    "x-method-override",
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

pub(super) fn read(source: &mut Source<'_>, root: Fields<'_, '_>) -> Vec<IdentityHeader> {
    let Some(value) = root.get("identity") else {
        return Vec::new();
    };
    let DeValue::Table(table) = value.get_ref() else {
        let wanted = "a table of headers and claims";
        source.wrong_type(value, "`identity`", wanted, value.get_ref());
        return Vec::new();
    };
    if table.len() > IDENTITY_HEADERS_MAX {
        let message = format!("there are more than {IDENTITY_HEADERS_MAX} identity headers");
        source.find(Code::TooLarge, value.span().start, message);
    }
    let mut headers = Vec::new();
    for (key, value) in table {
        let name = At {
            offset: key.span().start,
            value: key.get_ref().as_ref(),
        };
        let good_name = check_name(source, name);
        if let (Some((claim, format)), true) = (mapping(source, value), good_name) {
            headers.push(IdentityHeader {
                name: name.value.to_owned(),
                claim,
                format,
            });
        }
    }
    headers
}

fn check_name(source: &mut Source<'_>, name: At<&str>) -> bool {
    let is_good = |text: &str| {
        !text.is_empty()
            && text.len() <= IDENTITY_NAME_BYTES_MAX
            && text.starts_with(|first: char| first.is_ascii_lowercase())
            && text
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
    };
    if !is_good(name.value) {
        let spelling = name.value.to_ascii_lowercase().replace(['_', '.'], "-");
        let help = is_good(&spelling).then(|| format!("write `{spelling}`"));
        let message = format!(
            "`{}` is no name for an identity header: up to {IDENTITY_NAME_BYTES_MAX} lower-case \
             letters, digits and `-`",
            shown(name.value)
        );
        source.find_with(Code::BadValue, name.offset, message, help, &[]);
        return false;
    }
    let forbidden = FORBIDDEN
        .iter()
        .any(|taken| same_when_folded(taken, name.value))
        || FORBIDDEN_PREFIXES
            .iter()
            .any(|prefix| name.value.starts_with(prefix));
    if forbidden {
        let message = format!("`{}` has a meaning of its own", name.value);
        let help = "use a name that nothing else uses, such as `x-auth-subject`".to_owned();
        source.find_with(Code::ForbiddenHeader, name.offset, message, Some(help), &[]);
    }
    !forbidden
}

/// A claim, alone or with a format.
fn mapping(source: &mut Source<'_>, value: &Spanned<DeValue<'_>>) -> Option<(String, Format)> {
    match value.get_ref() {
        DeValue::String(_) => Some((claim_name(source, value)?, Format::Text)),
        DeValue::Table(table) => {
            source.check_keys(table, &["claim", "format"], "an identity header");
            let fields = Fields::new(table, value.span().start);
            let claim = match fields.get("claim") {
                Some(value) => claim_name(source, value),
                None => {
                    let message = "the identity header names no `claim`";
                    source.find(Code::MissingKey, fields.offset, message);
                    None
                }
            };
            let format = match fields.get("format") {
                Some(value) => format(source, value),
                None => Some(Format::Text),
            };
            Some((claim?, format?))
        }
        other => {
            let wanted = "the name of a claim, or a table with `claim` and `format`";
            source.wrong_type(value, "an identity header", wanted, other);
            None
        }
    }
}

fn claim_name(source: &mut Source<'_>, value: &Spanned<DeValue<'_>>) -> Option<String> {
    let name = source.string(value, "the name of a claim")?;
    if name.value.is_empty() || name.value.len() > CLAIM_NAME_BYTES_MAX {
        let message = format!("a claim has a name of 1 to {CLAIM_NAME_BYTES_MAX} bytes");
        source.find(Code::BadValue, name.offset, message);
        return None;
    }
    Some(name.value.to_owned())
}

fn format(source: &mut Source<'_>, value: &Spanned<DeValue<'_>>) -> Option<Format> {
    let name = source.string(value, "`format`")?;
    let format = Format::from_name(name.value);
    if format.is_none() {
        let help = match nearest(name.value, &Format::NAMES) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("there are {}", list(&Format::NAMES)),
        };
        let message = format!("there is no format `{}`", shown(name.value));
        source.find_with(Code::BadValue, name.offset, message, Some(help), &[]);
    }
    format
}
