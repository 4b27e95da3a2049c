//! `GET /events`: a request in, a list or a stream out.

use doorward_service::caller::Caller;
use doorward_service::media::{JSON, accepts_json, names};
use doorward_service::problem::Problem;
use doorward_service::store::StoreError;
use http::header::{CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, HeaderValue};
use http::{Method, Request, Response, StatusCode};

use super::list::document;
use super::log::ReadableSink;
use super::query::{After, Query, last_event_id};
use super::stream::{EVENT_STREAM, Stream};

/// The scope that lets read events.
pub const READ_SCOPE: &str = "read:events";

/// What is answered.
#[derive(Debug)]
pub enum Answer {
    /// A whole response, and why the sink has failed where it has: for the log.
    Whole(Response<String>, Option<StoreError>),
    /// The head of a response, whose body is this stream. It has no sink: a connection is for who uses it, and a stream
    /// waits for most of its time.
    Stream(Response<()>, Stream),
}

/// Why a request gets no events.
enum Refusal {
    /// It is the client's affair.
    Problem(Problem),
    /// It is ours.
    Sink(StoreError),
}

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        Self::Sink(error)
    }
}

/// Answers a request with `GET` or `HEAD`. The sink is opened once it is known that it is needed.
pub async fn answer<S: ReadableSink, B>(
    request: &Request<B>,
    open: impl AsyncFnOnce() -> Result<S, StoreError>,
) -> Answer {
    let headers = request.headers();
    let (mut response, failure) = match answered(request, open).await {
        Ok(Answer::Whole(response, failure)) => (response, failure),
        Ok(stream) => return stream,
        Err(Refusal::Problem(problem)) => (problem.response(headers), None),
        Err(Refusal::Sink(error)) => {
            let problem =
                Problem::unavailable("The events cannot be had at the moment. Try again.");
            (problem.response(headers), Some(error))
        }
    };
    if !response.body().is_empty() {
        let length = HeaderValue::from(response.body().len());
        response.headers_mut().insert(CONTENT_LENGTH, length);
    }
    // What a GET would have said, without its content (RFC 9110 §9.3.2).
    if request.method() == Method::HEAD {
        response.body_mut().clear();
    }
    Answer::Whole(response, failure)
}

async fn answered<S: ReadableSink, B>(
    request: &Request<B>,
    open: impl AsyncFnOnce() -> Result<S, StoreError>,
) -> Result<Answer, Refusal> {
    let headers = request.headers();
    let caller = Caller::of(headers).ok_or_else(Problem::unauthenticated)?;
    if !caller.has_scope(READ_SCOPE) {
        return Err(Problem::forbidden().into());
    }
    let query = Query::parse(request.uri().query().unwrap_or_default())?;
    // Who takes either gets what ends.
    let is_stream = names(headers, EVENT_STREAM) && !names(headers, JSON);
    if !is_stream && !accepts_json(headers) {
        return Err(not_acceptable().into());
    }
    // The client goes on with the same URL, so what it says last is what counts.
    let last_seen = match is_stream {
        true => last_event_id(headers)?,
        false => None,
    };
    let sink = open().await?;
    let after = match (last_seen, query.after) {
        (Some(position), _) | (None, After::Position(position)) => position,
        (None, After::Latest) => sink.last().await?,
    };
    if is_stream {
        return Ok(match *request.method() {
            Method::HEAD => Answer::Whole(head(EVENT_STREAM, String::new()), None),
            _ => Answer::Stream(head(EVENT_STREAM, ()), Stream::new(query.kind, after)),
        });
    }
    let events = match query.after {
        // Nothing is after the last one.
        After::Latest => Vec::new(),
        After::Position(_) => {
            sink.after(query.kind.as_deref(), after, query.limit)
                .await?
        }
    };
    Ok(Answer::Whole(head(JSON, document(&events, after)), None))
}

fn head<B>(media_type: &'static str, body: B) -> Response<B> {
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    // For who asked, and never without asking again.
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    response
}

fn not_acceptable() -> Problem {
    let detail = "There are application/json and text/event-stream here, and Accept has neither.";
    Problem::new(StatusCode::NOT_ACCEPTABLE, detail)
}

#[cfg(test)]
#[expect(clippy::expect_used, reason = "tests")]
mod tests {
    use super::{Answer, answer};
    use crate::read::log::{ReadableSink, Stored};
    use crate::read::stream::Stream;
    use doorward_service::store::StoreError;
    use futures::executor::block_on;
    use http::{Request, Response};

    /// One event, at position 7.
    struct One;

    impl ReadableSink for One {
        async fn after(
            &self,
            kind: Option<&str>,
            position: u64,
            limit: u64,
        ) -> Result<Vec<Stored>, StoreError> {
            let is_asked_for = kind.is_none_or(|kind| kind == "t") && position < 7 && limit > 0;
            let event = Stored {
                position: 7,
                json: "{}".to_owned(),
            };
            Ok(Vec::from_iter(is_asked_for.then_some(event)))
        }

        async fn last(&self) -> Result<u64, StoreError> {
            Ok(7)
        }
    }

    const READER: &[(&str, &str)] = &[
        ("x-auth-issuer", "https://login.example"),
        ("x-auth-subject", "alice"),
        ("x-auth-scope", "read:events"),
    ];
    const STREAM: (&str, &str) = ("accept", "text/event-stream");

    fn request(method: &str, target: &str, fields: &[&[(&str, &str)]]) -> Request<()> {
        let request = Request::builder().method(method).uri(target);
        let fields = fields.iter().copied().flatten();
        let request = fields.fold(request, |request, (name, value)| {
            request.header(*name, *value)
        });
        request.body(()).expect("a request")
    }

    fn whole(request: &Request<()>) -> Response<String> {
        match block_on(answer(request, async || Ok(One))) {
            Answer::Whole(response, failure) => {
                assert_eq!(failure, None);
                response
            }
            Answer::Stream(..) => Response::new("a stream".to_owned()),
        }
    }

    #[test]
    fn who_may_read_gets_what_they_ask_for() {
        for (target, body) in [
            ("/events", r#"{"events":[{}],"next":"7"}"#),
            ("/events?after=6&type=t", r#"{"events":[{}],"next":"7"}"#),
            ("/events?type=other", r#"{"events":[],"next":"0"}"#),
            ("/events?after=9", r#"{"events":[],"next":"9"}"#),
            ("/events?after=latest", r#"{"events":[],"next":"7"}"#),
        ] {
            let response = whole(&request("GET", target, &[READER]));
            assert_eq!(
                (response.status().as_u16(), response.body().as_str()),
                (200, body)
            );
            let headers = response.headers();
            assert_eq!(headers["content-type"], "application/json");
            assert_eq!(headers["cache-control"], "private, no-cache");
            let head = whole(&request("HEAD", target, &[READER]));
            assert_eq!(head.headers(), headers);
            assert_eq!(head.body(), "", "{target}");
        }
    }

    #[test]
    fn a_stream_begins_where_the_client_was() {
        for (target, field, after) in [
            ("/events", None, 0),
            ("/events?after=3", None, 3),
            ("/events?after=latest", None, 7),
            ("/events?after=3", Some("5"), 5),
            ("/events?after=latest", Some("5"), 5),
            ("/events?after=3", Some(""), 3),
        ] {
            let last: Vec<_> = field.into_iter().map(|id| ("last-event-id", id)).collect();
            let fields = [READER, &[STREAM], &last];
            match block_on(answer(&request("GET", target, &fields), async || Ok(One))) {
                Answer::Stream(head, stream) => {
                    assert_eq!(head.headers()["content-type"], "text/event-stream");
                    assert_eq!(stream, Stream::new(None, after), "{target} {field:?}");
                }
                Answer::Whole(response, _) => assert_eq!(response.body(), "a stream"),
            }
            let head = whole(&request("HEAD", target, &fields));
            assert_eq!(head.headers()["content-type"], "text/event-stream");
            assert_eq!(head.body(), "");
        }
    }

    #[test]
    fn what_cannot_be_answered_is_a_problem_and_opens_nothing() {
        let (_, but_scope) = READER.split_last().expect("fields");
        let writer: &[_] = &[("x-auth-scope", "write:events read:event")];
        for (target, fields, status) in [
            ("/events", &[][..], 401),
            ("/events", &[but_scope], 403),
            ("/events", &[but_scope, writer], 403),
            ("/events?limit=x", &[READER], 400),
            ("/events", &[READER, &[("accept", "text/html")]], 406),
            (
                "/events",
                &[READER, &[STREAM], &[("last-event-id", "x")]],
                400,
            ),
        ] {
            let request = request("GET", target, fields);
            let open = async || -> Result<One, _> { Err(StoreError::Unreadable("this")) };
            match block_on(answer(&request, open)) {
                Answer::Whole(response, failure) => {
                    assert_eq!(response.status(), status, "{target} {fields:?}");
                    assert_eq!(failure, None, "{target}: it was opened");
                }
                Answer::Stream(..) => assert_eq!(status, 200, "{target}"),
            }
        }
    }

    #[test]
    fn a_sink_that_fails_is_said_to_the_log_and_not_to_the_client() {
        let request = request("GET", "/events", &[READER]);
        let why = StoreError::Unreadable("a secret");
        let answered = block_on(answer(&request, async || -> Result<One, _> {
            Err(why.clone())
        }));
        let Answer::Whole(response, failure) = answered else {
            return assert_eq!("a stream", "a problem");
        };
        assert_eq!(response.status(), 503);
        assert_eq!(response.headers()["retry-after"], "1");
        assert_eq!(failure, Some(why));
        assert!(!response.body().contains("secret"));
    }
}
