//! What is sent and what is accepted, by media type.

use doorward_syntax::list::{ascii_members, trim};
use doorward_syntax::media_type::MediaType;
use http::HeaderMap;
use http::header::{ACCEPT, CONTENT_TYPE};

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
    let values: Vec<&[u8]> = headers
        .get_all(ACCEPT)
        .iter()
        .map(|v| v.as_bytes())
        .collect();
    let ranges = ascii_members(values.iter().copied());
    let mut best: Option<(usize, bool)> = None;
    let mut is_empty = true;
    for range in ranges {
        is_empty = false;
        let mut parts = range.split(';');
        let name = parts.next().unwrap_or_default().trim_end();
        let specific = match name {
            "*/*" => 0,
            _ if name.eq_ignore_ascii_case("application/*") => 1,
            _ if name.eq_ignore_ascii_case(JSON) => 2,
            _ => continue,
        };
        let accepted = parts.all(|parameter| !is_zero_weight(parameter));
        if best.is_none_or(|(known, _)| known <= specific) {
            best = Some((specific, accepted));
        }
    }
    is_empty || best.is_some_and(|(_, accepted)| accepted)
}

/// Whether this is `q=0`, with up to three digits of zeros behind a dot.
fn is_zero_weight(parameter: &str) -> bool {
    let parameter = trim(parameter.as_bytes());
    let [b'q' | b'Q', b'=', weight @ ..] = parameter else {
        return false;
    };
    weight.starts_with(b"0") && weight.iter().all(|byte| matches!(byte, b'0' | b'.'))
}

#[cfg(test)]
mod tests {
    use super::{JSON, accepts_json, is_of_type};
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
