//! Changes that depend on what the client has seen (RFC 9110 §13).

use doorward_service::problem::Problem;
use doorward_syntax::list::ascii_members;
use http::header::{HeaderName, HeaderValue, IF_MATCH, IF_NONE_MATCH};
use http::{HeaderMap, StatusCode};
use uuid::Uuid;

/// The `ETag` of a user in this version. It is a strong one: a version is shown in one way only. The id is in it, for
/// `/users/me` is another user for each caller.
pub fn etag(id: Uuid, version: u64) -> String {
    format!("\"{id}.{version}\"")
}

/// The same as the value of a field.
pub fn etag_value(id: Uuid, version: u64) -> HeaderValue {
    HeaderValue::from_str(&etag(id, version)).unwrap_or(HeaderValue::from_static("\"\""))
}

/// Whether a change may be made to what has this tag: `If-Match` has to name it, as a change by somebody else would be
/// lost otherwise. Who says `If-None-Match` as well wants none of what is there (RFC 9110 §13.2.2).
///
/// # Errors
/// 428 (RFC 6585 §3) without `If-Match`, 412 where it does not hold.
pub fn check_change(headers: &HeaderMap, etag: &str) -> Result<(), Problem> {
    if !headers.contains_key(IF_MATCH) {
        let detail =
            "Say in If-Match which version you change: the ETag of an answer with the user.";
        return Err(Problem::new(StatusCode::PRECONDITION_REQUIRED, detail));
    }
    check_if_match(headers, etag)?;
    match is_known(headers, etag) {
        true => Err(changed_meanwhile()),
        false => Ok(()),
    }
}

/// Whether `If-Match` holds, where it is there.
///
/// # Errors
/// 412: it does not.
pub fn check_if_match(headers: &HeaderMap, etag: &str) -> Result<(), Problem> {
    // A strong comparison (RFC 9110 §13.1.1): a weak one, `W/"1"`, is never equal.
    match !headers.contains_key(IF_MATCH) || names(headers, &IF_MATCH, etag, false) {
        true => Ok(()),
        false => Err(changed_meanwhile()),
    }
}

/// 412: the user is not what the client has seen any more.
pub fn changed_meanwhile() -> Problem {
    let detail = "The user has been changed since. Get it, and say the new ETag in If-Match.";
    Problem::new(StatusCode::PRECONDITION_FAILED, detail)
}

/// Whether the client has what has this tag already, by `If-None-Match`.
pub fn is_known(headers: &HeaderMap, etag: &str) -> bool {
    names(headers, &IF_NONE_MATCH, etag, true)
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
    use super::{check_change, check_if_match, etag, is_known};
    use http::header::{HeaderName, IF_MATCH, IF_NONE_MATCH};
    use http::{HeaderMap, HeaderValue};
    use uuid::Uuid;

    fn headers(fields: &[(HeaderName, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.append(name, HeaderValue::from_static(value));
        }
        headers
    }

    #[test]
    fn a_change_says_what_it_changes() {
        assert!(check_change(&HeaderMap::new(), "\"3\"").is_err());
        for (value, holds) in [
            ("\"3\"", true),
            ("\"2\", \"3\"", true),
            ("*", true),
            ("\"4\"", false),
            ("W/\"3\"", false),
            ("3", false),
            ("", false),
        ] {
            let headers = headers(&[(IF_MATCH, value)]);
            assert_eq!(check_change(&headers, "\"3\"").is_ok(), holds, "{value}");
            assert_eq!(check_if_match(&headers, "\"3\"").is_ok(), holds, "{value}");
        }
        assert!(check_if_match(&HeaderMap::new(), "\"3\"").is_ok());
    }

    #[test]
    fn who_wants_nothing_that_is_there_changes_nothing() {
        for (value, may) in [
            ("\"3\"", false),
            ("*", false),
            ("W/\"3\"", false),
            ("\"4\"", true),
        ] {
            let headers = headers(&[(IF_MATCH, "\"3\""), (IF_NONE_MATCH, value)]);
            assert_eq!(check_change(&headers, "\"3\"").is_ok(), may, "{value}");
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
            let headers = headers(&[(IF_NONE_MATCH, value)]);
            assert_eq!(is_known(&headers, "\"3\""), known, "{value}");
        }
        assert!(!is_known(&HeaderMap::new(), "\"3\""));
    }

    #[test]
    fn no_two_users_have_the_same_tag() {
        let (one, other) = (Uuid::from_u128(1), Uuid::from_u128(2));
        assert_ne!(etag(one, 1), etag(other, 1));
        assert_ne!(etag(one, 1), etag(one, 2));
    }
}
