//! What a client is told.

use std::fmt::Write as _;

use doorward_service::json::push_string;
use doorward_service::media::{JSON, PROBLEM};
use doorward_service::problem::id_of;
use http::header::{
    ACCEPT, ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, HeaderName, HeaderValue,
    RETRY_AFTER,
};
use http::{HeaderMap, Response, StatusCode};

use crate::head::{ACCEPTED_CODINGS, ACCEPTED_TYPES, HeadError};
use crate::record::{BATCH_BYTES, BATCH_RECORDS_MAX, EVENT_BYTES_MAX};
use crate::report::{REFUSED_MAX, Report, push_place};
use crate::sink::SinkError;
use crate::split::{Place, SplitError};
use crate::unfold::UnfoldError;

/// When a client may try again what could not be written now, in seconds.
const RETRY_AFTER_S: u64 = 5;

/// How the way of a request ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// All of the body was read, and what was good in it is written.
    Whole,
    /// All of it was read, and all was to be taken or nothing: something is wrong, so nothing is written.
    NotAll,
    /// All was to be taken or nothing, and there is more than is written at once. Nothing is written.
    TooMany,
    /// The only event of the body is too long.
    TooLong,
    /// The body has not the form that it is said to have.
    Split(SplitError),
    /// The body cannot be unfolded.
    Unfold(UnfoldError),
    /// The body broke off.
    Broken,
    /// More events were refused than somebody sends by mistake.
    TooManyRefused,
    /// The sink did not take all.
    Unwritten(SinkError),
    /// Nothing of the body was read.
    Head(HeadError),
}

/// What became of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// How it ended.
    pub end: End,
    /// What became of its events.
    pub report: Report,
    /// The first event that is not known to be written, where the end is not the end of the body: everything before it is
    /// in the sink or refused. What is behind it may be refused already, and will be once more.
    pub resume_from: Option<Place>,
}

impl Answer {
    /// Of a request whose body is not read.
    #[must_use]
    pub fn unread(error: HeadError) -> Self {
        Self {
            end: End::Head(error),
            report: Report::default(),
            resume_from: None,
        }
    }

    /// The status (RFC 9110 section 15). A body without events is taken: nothing of it is lost.
    #[must_use]
    pub const fn status(&self) -> StatusCode {
        match &self.end {
            End::Whole if self.report.refused > 0 && self.report.accepted == 0 => {
                StatusCode::UNPROCESSABLE_ENTITY
            }
            End::Whole => StatusCode::OK,
            End::NotAll | End::TooManyRefused => StatusCode::UNPROCESSABLE_ENTITY,
            End::TooMany | End::TooLong => StatusCode::PAYLOAD_TOO_LARGE,
            End::Unfold(UnfoldError::TooMuch(_) | UnfoldError::Ratio) => {
                StatusCode::PAYLOAD_TOO_LARGE
            }
            End::Split(_) | End::Unfold(UnfoldError::Broken(..)) | End::Broken => {
                StatusCode::BAD_REQUEST
            }
            End::Unwritten(_) => StatusCode::SERVICE_UNAVAILABLE,
            End::Head(HeadError::Query) => StatusCode::BAD_REQUEST,
            End::Head(_) => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        }
    }

    /// Why the sink did not take all: for the log, and no client.
    #[must_use]
    pub const fn sink_error(&self) -> Option<&SinkError> {
        match &self.end {
            End::Unwritten(error) => Some(error),
            _ => None,
        }
    }

    /// The response for a request with these fields: the report as JSON, or a problem document (RFC 9457) that has the
    /// members of the report as well. Its length is bounded, as the report's is.
    #[must_use]
    pub fn response(&self, request: &HeaderMap) -> Response<String> {
        let status = self.status();
        let mut json = "{".to_owned();
        if status != StatusCode::OK {
            let title = status.canonical_reason().unwrap_or_default();
            // Writing to a text does not fail.
            let _ = write!(
                json,
                "\"type\":\"about:blank\",\"title\":\"{title}\",\"status\":{},\"detail\":",
                status.as_u16()
            );
            push_string(&mut json, &self.detail());
            json.push(',');
            if let Some(id) = id_of(request) {
                json.push_str("\"request_id\":");
                push_string(&mut json, id);
                json.push(',');
            }
        }
        self.report.push_members(&mut json);
        if let Some(place) = self.resume_from {
            json.push_str(",\"resume_from\":");
            push_place(&mut json, place);
            json.push('}');
        }
        json.push('}');
        let length = HeaderValue::from(json.len());
        let mut response = Response::new(json);
        *response.status_mut() = status;
        let content_type = match status {
            StatusCode::OK => JSON,
            _ => PROBLEM,
        };
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        headers.insert(CONTENT_LENGTH, length);
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.extend(self.field());
        response
    }

    /// The field that some of them have.
    fn field(&self) -> Option<(HeaderName, HeaderValue)> {
        Some(match &self.end {
            End::Unwritten(_) => (RETRY_AFTER, HeaderValue::from(RETRY_AFTER_S)),
            End::Head(HeadError::Coding) => {
                (ACCEPT_ENCODING, HeaderValue::from_static(ACCEPTED_CODINGS))
            }
            End::Head(HeadError::MediaType | HeadError::Charset) => {
                (ACCEPT, HeaderValue::from_static(ACCEPTED_TYPES))
            }
            _ => return None,
        })
    }

    /// What a problem is about.
    fn detail(&self) -> String {
        match &self.end {
            End::Whole => "No event was taken: `errors` says what is wrong with each.".to_owned(),
            End::NotAll => {
                "All events were to be taken or none, and `errors` says what is wrong. Nothing is written.".to_owned()
            }
            End::TooMany => format!(
                "All events are taken or none up to {BATCH_RECORDS_MAX} of them and {BATCH_BYTES} bytes. Nothing is \
                 written."
            ),
            End::TooLong => format!("The event is longer than {EVENT_BYTES_MAX} bytes."),
            End::Split(error) => format!("{error}. `accepted` says how many before it were taken."),
            End::Unfold(error) => {
                format!("{error}. `accepted` says how many before it were taken.")
            }
            End::Broken => {
                "The body broke off. `accepted` says how many of what had come were taken.".to_owned()
            }
            End::TooManyRefused => format!(
                "More than {REFUSED_MAX} events were refused, and no more are looked at. `accepted` says how many before \
                 were taken."
            ),
            End::Unwritten(_) => {
                "Not all events could be written. Send those from `resume_from` on once more.".to_owned()
            }
            End::Head(HeadError::MediaType) => {
                format!("Events have one of the media types {ACCEPTED_TYPES}, or are in the binary mode of CloudEvents.")
            }
            End::Head(HeadError::Charset) => "Events are in UTF-8.".to_owned(),
            End::Head(HeadError::Coding) => {
                format!("The body is compressed by one of {ACCEPTED_CODINGS}, or not at all.")
            }
            End::Head(HeadError::Query) => {
                "The query has nothing but `strict`, which is `true` or `false`, once.".to_owned()
            }
        }
    }
}
