//! Which request is for what, and who may send it.

use doorward_service::caller::{Caller, is_from_inside};
use doorward_service::problem::Problem;
use doorward_syntax::form::percent_decode;
use http::{Method, Request, StatusCode};

use crate::read::READ_SCOPE;

/// The scope that lets send events.
pub const WRITE_SCOPE: &str = "write:events";
/// The path of events.
const EVENTS: &str = "/events";
/// The path of the schemas of their types, before the type.
const SCHEMAS: &str = "/events/schema/";

/// What a request is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// To have events taken.
    Take,
    /// To read events that were taken. Who may, the reader judges.
    Read,
    /// To see the schema of a type.
    Schema(String),
    /// To see whether the service runs.
    Health,
    /// To see whether it can do what it is for.
    Ready,
}

/// What a request is for.
///
/// # Errors
/// It is for nothing, or the caller may not send it.
pub fn action<B>(request: &Request<B>) -> Result<Action, Problem> {
    let is_read = matches!(*request.method(), Method::GET | Method::HEAD);
    let path = request.uri().path();
    match path {
        EVENTS if request.method() == Method::POST => {
            may(request, &[WRITE_SCOPE])?;
            Ok(Action::Take)
        }
        EVENTS if is_read => Ok(Action::Read),
        EVENTS => Err(Problem::method_not_allowed("GET, HEAD, POST")),
        "/events/health" if is_read => Ok(Action::Health),
        "/events/ready" if is_read => Ok(Action::Ready),
        "/events/health" | "/events/ready" => Err(Problem::method_not_allowed("GET, HEAD")),
        _ => {
            let kind = path.strip_prefix(SCHEMAS).and_then(decoded);
            let kind = kind.ok_or_else(Problem::not_found)?;
            if !is_read {
                return Err(Problem::method_not_allowed("GET, HEAD"));
            }
            may(request, &[READ_SCOPE, WRITE_SCOPE])?;
            Ok(Action::Schema(kind))
        }
    }
}

/// Whether the caller has one of these scopes, or is the application itself: what its components tell each other passes no
/// gate.
fn may<B>(request: &Request<B>, scopes: &[&str]) -> Result<(), Problem> {
    if is_from_inside(request) {
        return Ok(());
    }
    let caller = Caller::of(request.headers()).ok_or_else(Problem::unauthenticated)?;
    match scopes.iter().any(|scope| caller.has_scope(scope)) {
        true => Ok(()),
        false => Err(Problem::forbidden()),
    }
}

/// The type that a segment of a path stands for. None: it is none, or more than a segment.
fn decoded(segment: &str) -> Option<String> {
    let is_one = !segment.is_empty() && !segment.contains('/');
    let text = percent_decode(segment.as_bytes())?;
    String::from_utf8(text).ok().filter(|_| is_one)
}

/// 405: this sink does not give back what it was given.
#[must_use]
pub fn not_readable() -> Problem {
    Problem::method_not_allowed("POST")
}

/// 404: no schema is known for this type.
#[must_use]
pub fn no_schema() -> Problem {
    let detail = "There is no schema for this type.";
    Problem::new(StatusCode::NOT_FOUND, detail)
}

#[cfg(test)]
#[expect(clippy::expect_used, reason = "tests")]
mod tests {
    use super::{Action, action};
    use http::{HeaderMap, Request};

    const CALLER: [(&str, &str); 2] = [
        ("x-auth-issuer", "https://i.example"),
        ("x-auth-subject", "a"),
    ];

    fn asked(method: &str, uri: &str, scope: Option<&str>) -> Result<Action, u16> {
        let mut request = Request::builder().method(method).uri(uri);
        if let Some(scope) = scope {
            for (name, value) in CALLER {
                request = request.header(name, value);
            }
            request = request.header("x-auth-scope", scope);
        }
        action(&request.body(()).expect("a request"))
            .map_err(|problem| problem.response(&HeaderMap::new()).status().as_u16())
    }

    #[test]
    fn a_request_is_for_what_its_method_and_path_say_and_for_who_may() {
        let schema = |kind: &str| Ok(Action::Schema(kind.to_owned()));
        let inside = "http://events.spin.internal/events";
        for (method, uri, scope, expected) in [
            ("POST", "/events", Some("write:events"), Ok(Action::Take)),
            (
                "POST",
                "/events?strict=true",
                Some("a write:events"),
                Ok(Action::Take),
            ),
            ("POST", "/events", Some("read:events"), Err(403)),
            ("POST", "/events", None, Err(401)),
            ("POST", inside, None, Ok(Action::Take)),
            ("POST", inside, Some("read:events"), Err(403)),
            ("GET", "/events", None, Ok(Action::Read)),
            ("PUT", "/events", Some("write:events"), Err(405)),
            (
                "GET",
                "/events/schema/a.b",
                Some("read:events"),
                schema("a.b"),
            ),
            (
                "GET",
                "/events/schema/a%20b+c",
                Some("write:events"),
                schema("a b+c"),
            ),
            ("GET", "/events/schema/a.b", Some("other"), Err(403)),
            ("GET", "/events/schema/a.b", None, Err(401)),
            ("GET", "/events/schema/", Some("read:events"), Err(404)),
            ("GET", "/events/schema/a/b", Some("read:events"), Err(404)),
            ("POST", "/events/schema/a", Some("write:events"), Err(405)),
            ("GET", "/events/health", None, Ok(Action::Health)),
            ("GET", "/events/ready", None, Ok(Action::Ready)),
            ("POST", "/events/ready", None, Err(405)),
            ("GET", "/events/", Some("read:events"), Err(404)),
            ("GET", "/eventsx", Some("read:events"), Err(404)),
        ] {
            assert_eq!(
                asked(method, uri, scope),
                expected,
                "{method} {uri} {scope:?}"
            );
        }
    }
}
