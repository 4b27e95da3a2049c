//! The responses that have users.

use doorward_service::media::JSON;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, HeaderValue, LINK, LOCATION};
use http::{HeaderMap, Response, StatusCode};
use serde_json::json;
use uuid::Uuid;

use super::route::Version;
use crate::conditions::{etag, etag_value, is_known};
use crate::query::{ListQuery, PageQuery};
use crate::store::Page;
use crate::user::User;

/// The body of a response with one user.
pub fn user_body(user: &User) -> String {
    user.shown().to_string()
}

/// A user, or that it is what the client has already.
pub fn user(user: &User, request: &HeaderMap) -> Response<String> {
    let mut response = match is_known(request, &etag(user.id, user.version)) {
        true => with_status(StatusCode::NOT_MODIFIED, String::new()),
        false => json_response(StatusCode::OK, user_body(user)),
    };
    response
        .headers_mut()
        .insert(ETAG, etag_value(user.id, user.version));
    response
}

/// A user after a change.
pub fn changed(user: &User) -> Response<String> {
    let mut response = json_response(StatusCode::OK, user_body(user));
    response
        .headers_mut()
        .insert(ETAG, etag_value(user.id, user.version));
    response
}

/// A new user, with the body that was made for it.
pub fn created(version: Version, id: Uuid, body: String) -> Response<String> {
    let mut response = json_response(StatusCode::CREATED, body);
    let headers = response.headers_mut();
    headers.insert(ETAG, etag_value(id, 1));
    if let Ok(location) = HeaderValue::from_str(&format!("{}/{id}", version.users())) {
        headers.insert(LOCATION, location);
    }
    response
}

/// That a user was changed, for who may not read it.
pub fn changed_unseen(user: &User) -> Response<String> {
    let mut response = with_status(StatusCode::NO_CONTENT, String::new());
    response
        .headers_mut()
        .insert(ETAG, etag_value(user.id, user.version));
    response
}

/// That a user is gone.
pub fn deleted() -> Response<String> {
    with_status(StatusCode::NO_CONTENT, String::new())
}

/// A page of users.
pub fn page(page: &Page, query: PageQuery) -> Response<String> {
    let users: Vec<_> = page.users.iter().map(User::shown).collect();
    let body = json!({
        "users": users,
        "page": query.page,
        "limit": query.limit,
        "total": page.total,
    });
    json_response(StatusCode::OK, body.to_string())
}

/// A part of a list, and where the next one is.
pub fn list(users: &[User], query: &ListQuery, next: Option<&str>) -> Response<String> {
    let shown: Vec<_> = users.iter().map(User::shown).collect();
    let at = Version::V2.users();
    let mut body = json!({ "users": shown });
    // RFC 8288 §3.
    let mut link = format!("<{at}?{}>; rel=\"first\"", query.link(None));
    if let (Some(cursor), Some(members)) = (next, body.as_object_mut()) {
        let next = format!("{at}?{}", query.link(Some(cursor)));
        link.push_str(&format!(", <{next}>; rel=\"next\""));
        members.insert("next".to_owned(), json!(next));
    }
    let mut response = json_response(StatusCode::OK, body.to_string());
    if let Ok(link) = HeaderValue::from_str(&link) {
        response.headers_mut().insert(LINK, link);
    }
    response
}

/// That the service is well. Where it is not, a problem says so.
pub fn health() -> Response<String> {
    let mut response = json_response(StatusCode::OK, json!({ "status": "pass" }).to_string());
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn json_response(status: StatusCode, body: String) -> Response<String> {
    let mut response = with_status(status, body);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(JSON));
    response
}

fn with_status(status: StatusCode, body: String) -> Response<String> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    // Data of people: for who asked, and never without asking again.
    let private = HeaderValue::from_static("private, no-cache");
    response.headers_mut().insert(CACHE_CONTROL, private);
    response
}
