//! Changes that depend on what the client has seen (RFC 9110 §13).

use doorward_syntax::list::ascii_members;
use http::header::{HeaderName, HeaderValue, IF_MATCH, IF_NONE_MATCH};
use http::{HeaderMap, StatusCode};

use crate::problem::Problem;

/// The `ETag` of a user in this version. It is a strong one: a version is shown in one way only.
pub fn etag(version: u64) -> String {
    format!("\"{version}\"")
}

/// The same as the value of a field.
pub fn etag_value(version: u64) -> HeaderValue {
    HeaderValue::from_str(&etag(version)).unwrap_or(HeaderValue::from_static("\"\""))
}

/// Whether a change may be made to what has this version: `If-Match` has to name it, as a change by somebody else would
/// be lost otherwise.
///
/// # Errors
/// 428 (RFC 6585 §3) without `If-Match`, 412 where it names another version.
pub fn check_if_match(headers: &HeaderMap, version: u64) -> Result<(), Problem> {
    if !headers.contains_key(IF_MATCH) {
        let detail =
            "Say in If-Match which version you change: the ETag of an answer with the user.";
        return Err(Problem::new(StatusCode::PRECONDITION_REQUIRED, detail));
    }
    // A strong comparison (RFC 9110 §13.1.1): a weak one, `W/"1"`, is never equal.
    match names(headers, &IF_MATCH, &etag(version), false) {
        true => Ok(()),
        false => Err(changed_meanwhile()),
    }
}

/// 412: the user is not what the client has seen any more.
pub fn changed_meanwhile() -> Problem {
    let detail = "The user has been changed since. Get it, and say the new ETag in If-Match.";
    Problem::new(StatusCode::PRECONDITION_FAILED, detail)
}

/// Whether the client has this version already, by `If-None-Match`.
pub fn is_known(headers: &HeaderMap, version: u64) -> bool {
    names(headers, &IF_NONE_MATCH, &etag(version), true)
}

fn names(headers: &HeaderMap, field: &HeaderName, etag: &str, weakly: bool) -> bool {
    let values: Vec<&[u8]> = headers
        .get_all(field)
        .iter()
        .map(|v| v.as_bytes())
        .collect();
    let mut members = ascii_members(values.iter().copied());
    members.any(|member| {
        let member = match member.strip_prefix("W/") {
            Some(strong) if weakly => strong,
            _ => member,
        };
        member == "*" || member == etag
    })
}

#[cfg(test)]
mod tests {
    use super::{check_if_match, is_known};
    use http::header::{IF_MATCH, IF_NONE_MATCH};
    use http::{HeaderMap, HeaderValue};

    #[test]
    fn a_change_says_what_it_changes() {
        assert!(check_if_match(&HeaderMap::new(), 3).is_err());
        for (value, holds) in [
            ("\"3\"", true),
            ("\"2\", \"3\"", true),
            ("*", true),
            ("\"4\"", false),
            ("W/\"3\"", false),
            ("3", false),
            ("", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(IF_MATCH, HeaderValue::from_static(value));
            assert_eq!(check_if_match(&headers, 3).is_ok(), holds, "{value}");
        }
    }

    #[test]
    fn what_is_known_is_compared_weakly() {
        for (value, known) in [
            ("\"3\"", true),
            ("W/\"3\"", true),
            ("*", true),
            ("\"2\"", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(IF_NONE_MATCH, HeaderValue::from_static(value));
            assert_eq!(is_known(&headers, 3), known, "{value}");
        }
        assert!(!is_known(&HeaderMap::new(), 3));
    }
}
