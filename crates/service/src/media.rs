//! What is sent and what is accepted, by media type.

use doorward_syntax::list::{ascii_members, trim};
use doorward_syntax::media_type::MediaType;
use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue};

/// What documents are sent and shown as.
pub const JSON: &str = "application/json";
/// What problems are shown as (RFC 9457).
pub const PROBLEM: &str = "application/problem+json";

/// Whether the body is of this type. Without a `Content-Type` it is of none.
pub fn is_of_type(headers: &HeaderMap, expected: &str) -> bool {
    let mut values = headers.get_all(CONTENT_TYPE).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return false;
    };
    MediaType::parse(value.as_bytes()).is_some_and(|given| given.is(expected))
}

/// Whether the client accepts JSON (RFC 9110 §12.5.1). Who does not say what they accept accepts everything. The most
/// specific range decides; a weight of 0 is a no.
pub fn accepts_json(headers: &HeaderMap) -> bool {
    let values = accepted(headers);
    let ranges = ascii_members(values.iter().copied());
    let mut best: Option<(usize, bool)> = None;
    let mut is_empty = true;
    for range in ranges {
        is_empty = false;
        let (name, is_accepted) = read(range.as_bytes());
        let specific = match name {
            b"*/*" => 0,
            _ if name.eq_ignore_ascii_case(b"application/*") => 1,
            _ if name.eq_ignore_ascii_case(JSON.as_bytes()) => 2,
            _ => continue,
        };
        if best.is_none_or(|(known, _)| known <= specific) {
            best = Some((specific, is_accepted));
        }
    }
    is_empty || best.is_some_and(|(_, accepted)| accepted)
}

/// Whether the client names this type itself among what it accepts, and not with a weight of 0: it asks for one of several
/// forms that something has.
pub fn names(headers: &HeaderMap, media_type: &str) -> bool {
    let values = accepted(headers);
    ascii_members(values.iter().copied()).any(|range| {
        let (name, is_accepted) = read(range.as_bytes());
        is_accepted && name.eq_ignore_ascii_case(media_type.as_bytes())
    })
}

/// What the client says that it accepts: the values of all fields that say so.
fn accepted(headers: &HeaderMap) -> Vec<&[u8]> {
    let values = headers.get_all(ACCEPT).iter();
    values.map(HeaderValue::as_bytes).collect()
}

/// The name of a range, and whether its weight is another one than 0.
fn read(range: &[u8]) -> (&[u8], bool) {
    let mut parts = range.split(|byte| *byte == b';');
    let name = trim(parts.next().unwrap_or_default());
    (name, !parts.any(is_zero_weight))
}

/// Whether this is `q=0`, with up to three digits of zeros behind a dot.
fn is_zero_weight(parameter: &[u8]) -> bool {
    let [b'q' | b'Q', b'=', weight @ ..] = trim(parameter) else {
        return false;
    };
    weight.starts_with(b"0") && weight.iter().all(|byte| matches!(byte, b'0' | b'.'))
}

#[cfg(test)]
mod tests {
    use super::{JSON, accepts_json, is_of_type, names};
    use http::header::{ACCEPT, CONTENT_TYPE};
    use http::{HeaderMap, HeaderValue};

    #[test]
    fn json_is_accepted_by_who_says_so_or_nothing() {
        for (accept, accepts) in [
            ("application/json", true),
            ("application/JSON; charset=utf-8", true),
            ("text/html, */*;q=0.1", true),
            ("application/*", true),
            ("", true),
            ("text/html", false),
            ("application/xml, text/html", false),
            ("*/*, application/json;q=0", false),
            ("application/json;q=0, */*", false),
            ("application/json; q=0.000", false),
            ("application/json; q=0.001", true),
            ("application/*;q=0, application/json", true),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT, HeaderValue::from_static(accept));
            assert_eq!(accepts_json(&headers), accepts, "{accept}");
        }
        assert!(accepts_json(&HeaderMap::new()));
    }

    #[test]
    fn a_type_is_named_by_itself_alone() {
        for (accept, is_named) in [
            ("text/event-stream", true),
            ("application/json, Text/Event-Stream;q=0.1", true),
            ("text/event-stream;q=0", false),
            ("text/*", false),
            ("*/*", false),
            ("application/json", false),
            ("", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT, HeaderValue::from_static(accept));
            assert_eq!(names(&headers, "text/event-stream"), is_named, "{accept}");
        }
        assert!(!names(&HeaderMap::new(), "text/event-stream"));
    }

    #[test]
    fn a_body_has_the_type_that_one_field_says() {
        for (types, is) in [
            (vec!["application/json"], true),
            (vec!["Application/Json; charset=utf-8"], true),
            (vec![], false),
            (vec!["text/plain"], false),
            (vec!["application/json, text/plain"], false),
            (vec!["application/json", "application/json"], false),
            (vec!["application/merge-patch+json"], false),
        ] {
            let mut headers = HeaderMap::new();
            for value in &types {
                headers.append(CONTENT_TYPE, HeaderValue::from_static(value));
            }
            assert_eq!(is_of_type(&headers, JSON), is, "{types:?}");
        }
    }
}
