//! To whom events are delivered.

use std::pin::pin;
use std::time::Duration;

use doorward_service_spin::{now_ms, variable};
use doorward_users::outbox::{
    DELIVERY_MS, Event, MEDIA_TYPE, Receiver as Receives, Telling, Undelivered,
};
use doorward_users::store::StoreError;
use doorward_users_spin::EVENTS_URL;
use futures::future::{Either, select};
use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use http::{Method, Request, Uri};
use http_body_util::BodyExt as _;
use spin_sdk::http::send;
use spin_sdk::time::sleep;
use spin_sdk::wasip3::http::types::ErrorCode;
use spin_sdk::wasip3::http_compat::IncomingResponseBody;

/// What is said there in `Authorization`: `Bearer …`.
const EVENTS_AUTHORIZATION: &str = "users_events_authorization";
/// How much of what a receiver answers is read, in bytes. A connection whose answer was read can be used again.
const ANSWER_BYTES_MAX: usize = 64 * 1024;

/// How long the rest of an answer is waited for.
const BODY_TIME_MAX: Duration = Duration::from_millis(500);
/// How long its head is.
const HEAD_TIME_MAX: Duration = Duration::from_millis(DELIVERY_MS).saturating_sub(BODY_TIME_MAX);

/// Who is told what happens to users.
pub struct Receiver {
    /// Where they are.
    url: Uri,
    /// How we say who we are.
    authorization: Option<HeaderValue>,
}

/// The receiver that the settings name, if there is one.
///
/// # Errors
/// They cannot be read, or are wrong.
pub async fn named() -> Result<Option<Receiver>, StoreError> {
    let url = variable(EVENTS_URL).await?;
    let authorization = variable(EVENTS_AUTHORIZATION).await?;
    if url.is_empty() {
        return Ok(None);
    }
    let parsed = url.parse::<Uri>().ok();
    let is_whole = |url: &Uri| {
        let scheme = url.scheme_str().unwrap_or_default();
        matches!(scheme, "http" | "https") && url.authority().is_some()
    };
    let url = parsed.filter(is_whole).ok_or_else(|| {
        let why = format!("{EVENTS_URL} is no URL with http or https and a host");
        StoreError::Settings(why)
    })?;
    let authorization = match authorization.as_str() {
        "" => None,
        value => Some(HeaderValue::from_str(value).map_err(|_| {
            let why = format!("{EVENTS_AUTHORIZATION} has what no header field can have");
            StoreError::Settings(why)
        })?),
    };
    Ok(Some(Receiver { url, authorization }))
}

impl Receives for Receiver {
    fn now_ms(&self) -> u64 {
        now_ms()
    }

    fn tell<'a>(&'a self, event: &'a Event) -> Telling<'a> {
        Box::pin(async {
            let sent = pin!(send(self.request(event)));
            let late = pin!(sleep(HEAD_TIME_MAX));
            let answer = match select(sent, late).await {
                Either::Left((answer, _)) => answer,
                Either::Right(_) => return Err(Undelivered::NotNow("it took too long".to_owned())),
            };
            let answer = answer.map_err(|error| Undelivered::NotNow(why(&error)))?;
            let (head, body) = answer.into_parts();
            // The status says all. What follows is read for the connection's sake, and not waited for long.
            select(pin!(read(body)), pin!(sleep(BODY_TIME_MAX))).await;
            Undelivered::by_status(head.status).map_or(Ok(()), Err)
        })
    }
}

impl Receiver {
    fn request(&self, event: &Event) -> Request<String> {
        let mut request = Request::new(event.told());
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.url.clone();
        let headers = request.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
        if let Some(authorization) = &self.authorization {
            headers.insert(AUTHORIZATION, authorization.clone());
        }
        request
    }
}

/// Reads a body, of which not more is wanted than that it ends.
async fn read(mut body: IncomingResponseBody) {
    let mut length = 0;
    while length <= ANSWER_BYTES_MAX
        && let Some(Ok(frame)) = body.frame().await
    {
        length += frame.data_ref().map_or(0, |data| data.len());
    }
}

/// Why there is no answer, for who can do something about it.
fn why(error: &ErrorCode) -> String {
    match error {
        ErrorCode::HttpRequestDenied => {
            "its host is not in `allowed_outbound_hosts` of the component in spin.toml"
        }
        ErrorCode::DnsTimeout | ErrorCode::DnsError(_) => "its name cannot be looked up",
        ErrorCode::ConnectionRefused => "it refuses connections",
        ErrorCode::TlsProtocolError
        | ErrorCode::TlsCertificateError
        | ErrorCode::TlsAlertReceived(_) => "there is no TLS with it",
        _ => "it cannot be reached, or does not answer",
    }
    .to_owned()
}
