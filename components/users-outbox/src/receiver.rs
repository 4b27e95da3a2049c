//! To whom events are delivered.

use std::time::Duration;

use doorward_service_spin::{ANSWER_BODY_TIME_MAX, Target, now_ms, status_of};
use doorward_users::outbox::{
    DELIVERY_MS, Event, MEDIA_TYPE, Receiver as Receives, Telling, Undelivered,
};
use doorward_users::store::StoreError;
use doorward_users_spin::EVENTS_URL;
use http::header::{CONTENT_TYPE, HeaderValue};
use http::{Method, Request};

/// What is said there in `Authorization`: `Bearer …`.
const EVENTS_AUTHORIZATION: &str = "users_events_authorization";

/// How long the head of an answer is waited for.
const HEAD_TIME_MAX: Duration =
    Duration::from_millis(DELIVERY_MS).saturating_sub(ANSWER_BODY_TIME_MAX);

/// Who is told what happens to users.
pub struct Receiver(Target);

/// The receiver that the settings name, if there is one.
///
/// # Errors
/// They cannot be read, or are wrong.
pub async fn named() -> Result<Option<Receiver>, StoreError> {
    let target = Target::named(EVENTS_URL, EVENTS_AUTHORIZATION).await?;
    Ok(target.map(Receiver))
}

impl Receives for Receiver {
    fn now_ms(&self) -> u64 {
        now_ms()
    }

    fn tell<'a>(&'a self, event: &'a Event) -> Telling<'a> {
        Box::pin(async {
            let status = status_of(self.request(event).map(Into::into), HEAD_TIME_MAX).await;
            let status = status.map_err(|why| Undelivered::NotNow(format!("it {}", why.reason)))?;
            Undelivered::by_status(status).map_or(Ok(()), Err)
        })
    }
}

impl Receiver {
    fn request(&self, event: &Event) -> Request<String> {
        let mut request = Request::new(event.told());
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.0.url.clone();
        let headers = request.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
        self.0.authorize(headers);
        request
    }
}
