//! Which events a request asks for.

use doorward_service::parameters::Parameters;
use doorward_service::problem::Problem;
use doorward_syntax::numbers::parse_digits;
use http::{HeaderMap, StatusCode};

use super::log::POSITION_MAX;

/// How many events a list has, unless the client says.
pub const LIMIT_DEFAULT: u64 = 100;
/// Most events of a list.
pub const LIMIT_MAX: u64 = 1_000;
/// In place of a position: after the last event that there is.
pub const LATEST: &str = "latest";
/// With which position a stream goes on that has broken off (HTML, "Server-sent events": "Last-Event-ID").
pub const LAST_EVENT_ID: &str = "last-event-id";

/// Which events are asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    /// Those of this type alone.
    pub kind: Option<String>,
    /// Where they begin.
    pub after: After,
    /// How many a list has at most.
    pub limit: u64,
}

/// Where events begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum After {
    /// After this position. 0: with the first one.
    Position(u64),
    /// After the last one that there is.
    Latest,
}

impl Query {
    /// Reads `type`, `after` and `limit`.
    ///
    /// # Errors
    /// 400 with every parameter that is wrong, unknown, or there twice.
    pub fn parse(query: &str) -> Result<Self, Problem> {
        let mut parameters = Parameters::of(query);
        let limit = parameters.number("limit", LIMIT_DEFAULT, LIMIT_MAX);
        let kind = parameters.text("type");
        // No event has such a type, and PostgreSQL takes no text with U+0000.
        let is_type = |kind: &str| !kind.is_empty() && !kind.chars().any(char::is_control);
        if kind.as_deref().is_some_and(|kind| !is_type(kind)) {
            parameters.wrong("type", "is empty, or has a control character");
        }
        let after = match parameters.text("after").as_deref() {
            None => After::Position(0),
            Some(LATEST) => After::Latest,
            Some(text) => match position(text) {
                Some(position) => After::Position(position),
                None => {
                    parameters.wrong("after", "has to be what `next` of a list says, or `latest`");
                    After::Latest
                }
            },
        };
        parameters.end(Self { kind, after, limit })
    }
}

/// After which event a client goes on that has lost its stream. None: it says nothing, and so does an empty field, which
/// stands for a stream without positions.
///
/// # Errors
/// 400: it is no position of ours, or there twice. To begin anywhere else would lose events, or repeat them all.
pub fn last_event_id(headers: &HeaderMap) -> Result<Option<u64>, Problem> {
    let mut values = headers.get_all(LAST_EVENT_ID).iter();
    let value = match (values.next(), values.next()) {
        (None, _) => return Ok(None),
        (Some(value), None) => value.to_str().unwrap_or("?"),
        (Some(_), Some(_)) => "?",
    };
    match position(value) {
        Some(position) => Ok(Some(position)),
        None if value.is_empty() => Ok(None),
        None => {
            let detail = "The field Last-Event-ID has to be the `id` of an event of this stream.";
            Err(Problem::new(StatusCode::BAD_REQUEST, detail))
        }
    }
}

/// A position as it was given out: digits without zeros before them.
fn position(text: &str) -> Option<u64> {
    let is_as_given = text == "0" || !text.starts_with('0');
    let position = parse_digits(text).filter(|position| *position <= POSITION_MAX)?;
    is_as_given.then_some(position)
}

#[cfg(test)]
#[expect(clippy::expect_used, reason = "tests")]
mod tests {
    use super::{After, LIMIT_DEFAULT, Query, last_event_id};
    use http::{HeaderMap, HeaderValue};

    #[test]
    fn events_are_asked_for_by_type_position_and_number() {
        let query = Query::parse("type=com.example.order%2Fplaced&after=17&limit=1000");
        let expected = Query {
            kind: Some("com.example.order/placed".to_owned()),
            after: After::Position(17),
            limit: 1_000,
        };
        assert_eq!(query, Ok(expected));
        let all = Query {
            kind: None,
            after: After::Position(0),
            limit: LIMIT_DEFAULT,
        };
        assert_eq!(Query::parse(""), Ok(all.clone()));
        let latest = Query {
            after: After::Latest,
            ..all
        };
        assert_eq!(Query::parse("after=latest"), Ok(latest));
    }

    #[test]
    fn what_is_wrong_in_a_query_is_refused() {
        for query in [
            "type=",
            "type=a%00",
            "type=a%0Ab",
            "type=a&type=a",
            "after=",
            "after=-1",
            "after=01",
            "after=1.0",
            "after=Latest",
            "after=9223372036854775808",
            "after=99999999999999999999999",
            "limit=0",
            "limit=1001",
            "before=1",
        ] {
            assert!(Query::parse(query).is_err(), "{query}");
        }
    }

    #[test]
    fn a_stream_goes_on_after_a_position_of_ours_and_nowhere_else() {
        let read = |values: &[&str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                let value = HeaderValue::from_str(value).expect("a value");
                headers.append("last-event-id", value);
            }
            last_event_id(&headers).ok()
        };
        assert_eq!(read(&[]), Some(None));
        assert_eq!(read(&[""]), Some(None));
        assert_eq!(read(&["0"]), Some(Some(0)));
        assert_eq!(read(&["9223372036854775807"]), Some(Some(i64::MAX as u64)));
        for values in [
            &["9223372036854775808"][..],
            &["1", "1"],
            &["1", ""],
            &["01"],
            &["00"],
            &["+1"],
            &["1 "],
            &["a"],
            &["1,2"],
            &["é"],
        ] {
            assert_eq!(read(values), None, "{values:?}");
        }
    }
}
