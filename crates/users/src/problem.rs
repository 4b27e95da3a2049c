//! The problems that are about users, besides those that every service has.

use doorward_service::problem::Problem;
use http::StatusCode;
use http::header::{HeaderName, HeaderValue};

use crate::merge_patch::MERGE_PATCH;

/// 415: a patch is of another type.
pub fn unsupported_patch() -> Problem {
    let detail = "A change has the Content-Type application/merge-patch+json (RFC 7396).";
    let problem = Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail);
    problem.with_header(
        HeaderName::from_static("accept-patch"),
        HeaderValue::from_static(MERGE_PATCH),
    )
}

/// 503: the database cannot be had. The client may come back.
pub fn unavailable() -> Problem {
    Problem::unavailable("The users cannot be had at the moment. Try again.")
}
