//! Asking for a small JSON document over the network: metadata, key sets, introspection.
//!
//! What comes back is not to be trusted with our memory or our time: size, duration and redirects are
//! bounded, and only https (or loopback, for development) is ever asked.

use doorward_syntax::media_type::{FORM, MediaType};
use doorward_syntax::split::split_once;
use doorward_syntax::url::{UrlParts, Wire, same_origin};
use doorward_token::freshness::CacheHeaders;
use std::fmt;
use std::time::Duration;

use crate::clock::{self, TimedOut};
use crate::exchange::{self, Answer, EXCHANGE_TIME_MAX, ExchangeFailure, collect};
use crate::platform::{FieldList, Platform};
use crate::span::{self, Span};

/// A document larger than this is refused. The largest key sets in use are below 100 KiB.
pub(crate) const DOCUMENT_BYTES_MAX: usize = 512 * 1024;
/// The whole exchange, redirects included, has this long.
pub(crate) const FETCH_TIME_MAX: Duration = EXCHANGE_TIME_MAX;
/// Redirects that are followed, each to the origin that sent it.
const REDIRECTS_MAX: usize = 3;
/// What is asked for where the answer is a key set (RFC 7517 §8.5). Many issuers say that theirs is
/// something else, and some answer only who takes that; what comes is read strictly, whatever it is called.
pub(crate) const ACCEPT_KEYS: &str = "application/jwk-set+json, application/json, */*;q=0.1";
/// What is asked for where the answer is another document.
pub(crate) const ACCEPT_JSON: &str = "application/json, */*;q=0.1";

/// A document, with what its sender said about keeping it.
#[derive(Debug)]
pub(crate) struct Document {
    /// The bytes of the body, at most [`DOCUMENT_BYTES_MAX`].
    pub(crate) body: Vec<u8>,
    /// What its sender said of its age.
    pub(crate) headers: CacheFields,
    /// The entity tag, to ask again with.
    pub(crate) etag: Option<String>,
}

/// What came of asking.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// A document.
    Fetched(Document),
    /// The document with the entity tag that was named is still the current one (status 304).
    NotModified {
        /// What its sender said of its age with that.
        headers: CacheFields,
    },
}

/// The fields that say for how long a document may be kept, where they were sent once and are text.
#[derive(Debug)]
pub(crate) struct CacheFields {
    cache_control: Option<String>,
    age: Option<String>,
    expires: Option<String>,
    date: Option<String>,
}

impl CacheFields {
    fn of(fields: &FieldList) -> Self {
        let text = |name| fields.text(name).map(str::to_owned);
        Self {
            cache_control: fields.joined("cache-control"),
            age: text("age"),
            expires: text("expires"),
            date: text("date"),
        }
    }

    /// The same, as `token` reads it.
    pub(crate) fn borrowed(&self) -> CacheHeaders<'_> {
        CacheHeaders {
            cache_control: self.cache_control.as_deref(),
            age: self.age.as_deref(),
            expires: self.expires.as_deref(),
            date: self.date.as_deref(),
        }
    }
}

/// Why a document could not be had. The text names the URL and never what was in the answer.
#[derive(Debug)]
pub(crate) struct FetchError {
    /// What was asked for.
    pub(crate) url: String,
    /// What went wrong.
    pub(crate) cause: FetchFailure,
}

/// What can go wrong while a document is fetched.
#[derive(Debug)]
pub(crate) enum FetchFailure {
    /// The URL is none that may be asked.
    Url(String),
    /// The host could not send the request or receive the answer, in its words. A grant that is missing in
    /// `allowed_outbound_hosts` shows here.
    Transport(String),
    /// An answer with this status, which is neither a document nor a redirect.
    Status(u16),
    /// A redirect to another origin, or one too many.
    Redirect,
    /// An answer to a form that is no JSON by its `Content-Type`.
    ContentType,
    /// An answer with a content coding, which was not asked for.
    ContentCoding,
    /// More than [`DOCUMENT_BYTES_MAX`].
    TooLarge,
    /// The body ended early.
    Truncated,
    /// Not done within [`FETCH_TIME_MAX`].
    TimedOut,
}

impl fmt::Display for FetchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.url)?;
        match &self.cause {
            FetchFailure::Url(why) => write!(f, "not a URL that may be asked: {why}"),
            FetchFailure::Transport(error) => f.write_str(error),
            FetchFailure::Status(status) => write!(f, "answered with status {status}"),
            FetchFailure::Redirect => {
                write!(
                    f,
                    "redirects to another origin, or more than {REDIRECTS_MAX} times"
                )
            }
            FetchFailure::ContentType => f.write_str("answered with something other than JSON"),
            FetchFailure::ContentCoding => f.write_str("answered with a content coding"),
            FetchFailure::TooLarge => {
                write!(f, "answered with more than {DOCUMENT_BYTES_MAX} bytes")
            }
            FetchFailure::Truncated => f.write_str("the answer ended early"),
            FetchFailure::TimedOut => {
                write!(
                    f,
                    "no complete answer within {} s",
                    FETCH_TIME_MAX.as_secs()
                )
            }
        }
    }
}

impl std::error::Error for FetchError {}

impl From<ExchangeFailure> for FetchFailure {
    fn from(failure: ExchangeFailure) -> Self {
        match failure {
            ExchangeFailure::Url(why) => Self::Url(why),
            ExchangeFailure::Transport(why) => Self::Transport(why),
        }
    }
}

/// Fetches the document at `url`, over such a wire, of one of the media types in `accept` or any other. With `etag`, asks only
/// for what has changed since.
///
/// # Errors
/// [`FetchError`] for everything that is not a whole, small document in time.
pub(crate) async fn get<P: Platform>(
    platform: &P,
    (url, wire): (&str, Wire),
    accept: &str,
    etag: Option<&str>,
) -> Result<Outcome, FetchError> {
    in_time(platform, url, follow(platform, (url, wire), accept, etag)).await
}

/// What came of posting a form.
#[derive(Debug)]
pub(crate) enum Posted {
    /// The document that answers it.
    Ok(Vec<u8>),
    /// Status 400, and what came with it.
    BadRequest(Vec<u8>),
    /// Status 429, and the value of its `Retry-After`.
    TooMany(Option<Vec<u8>>),
}

/// Posts a form to `url`, with this `Authorization`, and gives the JSON document that answers it. No
/// redirect is followed: the form is meant for nobody else.
///
/// # Errors
/// [`FetchError`] for everything that is not a whole, small JSON document in time.
pub(crate) async fn post<P: Platform>(
    platform: &P,
    url: &str,
    authorization: Option<String>,
    form: Vec<u8>,
) -> Result<Posted, FetchError> {
    let mut fields = FieldList::of([
        ("accept", "application/json"),
        ("content-type", FORM),
        ("content-length", &form.len().to_string()),
    ]);
    if let Some(authorization) = authorization {
        fields.push("authorization", authorization);
    }
    let exchange = async {
        let (status, fields, response) =
            send(platform, (url, Wire::Safe), "POST", fields, Some(form)).await?;
        match status {
            200 if !is_json(&fields) => Err(FetchFailure::ContentType),
            200 => document(platform, &fields, response)
                .await
                .map(|document| Posted::Ok(document.body)),
            400 => {
                let body = body(platform, response).await;
                Ok(Posted::BadRequest(body.unwrap_or_default()))
            }
            429 => {
                let value = fields.named("retry-after").next();
                Ok(Posted::TooMany(value.map(<[u8]>::to_vec)))
            }
            status => Err(FetchFailure::Status(status)),
        }
    };
    in_time(platform, url, exchange).await
}

async fn in_time<P: Platform, T>(
    platform: &P,
    url: &str,
    exchange: impl Future<Output = Result<T, FetchFailure>>,
) -> Result<T, FetchError> {
    let outcome = clock::within(platform, FETCH_TIME_MAX, exchange).await;
    outcome
        .unwrap_or_else(|TimedOut| Err(FetchFailure::TimedOut))
        .map_err(|cause| FetchError {
            url: url.to_owned(),
            cause,
        })
}

async fn follow<P: Platform>(
    platform: &P,
    (url, wire): (&str, Wire),
    accept: &str,
    etag: Option<&str>,
) -> Result<Outcome, FetchFailure> {
    let mut url = url.to_owned();
    for _ in 0..=REDIRECTS_MAX {
        let mut fields = FieldList::of([("accept", accept)]);
        if let Some(etag) = etag {
            fields.push("if-none-match", etag);
        }
        let (status, fields, response) = send(platform, (&url, wire), "GET", fields, None).await?;
        match status {
            200 => {
                let document = document(platform, &fields, response).await;
                return document.map(Outcome::Fetched);
            }
            304 if etag.is_some() => {
                let headers = CacheFields::of(&fields);
                return Ok(Outcome::NotModified { headers });
            }
            301 | 302 | 303 | 307 | 308 => {
                let location = fields
                    .text("location")
                    .and_then(|location| resolve(&url, location))
                    .filter(|location| same_origin(&url, location, wire))
                    .ok_or(FetchFailure::Redirect)?;
                url = location;
            }
            status => return Err(FetchFailure::Status(status)),
        }
    }
    Err(FetchFailure::Redirect)
}

fn send<P: Platform>(
    platform: &P,
    (url, wire): (&str, Wire),
    method: &'static str,
    fields: FieldList,
    body: Option<Vec<u8>>,
) -> impl Future<Output = Result<Answer<P>, ExchangeFailure>> {
    let exchange = exchange::send(platform, (url, wire), method, fields, body);
    let begin = move |platform: &P| Span::of_exchange(platform, method);
    span::doing(platform, begin, exchange, move |span, answer| {
        span.tells_of_url(url);
        match answer {
            Ok((status, ..)) => span.answered(*status),
            Err(_) => span.fails(|| "transport".to_owned()),
        }
    })
}

async fn document<P: Platform>(
    platform: &P,
    fields: &FieldList,
    response: P::Response,
) -> Result<Document, FetchFailure> {
    let mut codings = fields.named("content-encoding");
    if codings.any(|value| !value.eq_ignore_ascii_case(b"identity")) {
        return Err(FetchFailure::ContentCoding);
    }
    Ok(Document {
        headers: CacheFields::of(fields),
        etag: fields.text("etag").map(str::to_owned),
        body: body(platform, response).await?,
    })
}

async fn body<P: Platform>(platform: &P, response: P::Response) -> Result<Vec<u8>, FetchFailure> {
    let mut source = platform.response_source(response);
    let body = collect::<P>(&mut source, DOCUMENT_BYTES_MAX)
        .await
        .ok_or(FetchFailure::TooLarge)?;
    // Whether the body was whole is said after its end.
    let trailers = P::trailers(&mut source).await;
    trailers.map_err(|_| FetchFailure::Truncated)?;
    Ok(body)
}

fn is_json(fields: &FieldList) -> bool {
    let content_type = fields.text("content-type").unwrap_or_default();
    MediaType::whatever_follows(content_type.as_bytes()).is_some_and(|of_body| of_body.is_json())
}

/// A `Location` against the URL that sent it: absolute, or a path on the same origin, whatever its query
/// holds. Other relative forms are rare and not followed.
fn resolve(base: &str, location: &str) -> Option<String> {
    if let Some((scheme, _)) = split_once(location, "://")
        // RFC 3986 §3.1.
        && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
    {
        return Some(location.to_owned());
    }
    if !location.starts_with('/') || location.starts_with("//") {
        return None;
    }
    // It was asked, so it may be.
    let base = UrlParts::of_any(base).ok()?;
    Some(format!("{}://{}{location}", base.scheme, base.authority))
}

#[cfg(test)]
mod tests {
    use super::resolve;

    #[test]
    fn a_location_is_absolute_or_a_path_on_the_same_origin() {
        let base = "https://login.example/a/keys";
        for (location, expected) in [
            ("/b", Some("https://login.example/b")),
            ("https://evil.example/b", Some("https://evil.example/b")),
            (
                "/b?next=https://evil.example/c",
                Some("https://login.example/b?next=https://evil.example/c"),
            ),
            ("/b://c", Some("https://login.example/b://c")),
            (
                "https://login.example/b?next=http://c",
                Some("https://login.example/b?next=http://c"),
            ),
            ("//evil.example/b", None),
            ("//evil.example/b?next=https://c", None),
            ("b?next=https://evil.example", None),
            ("?next=https://evil.example", None),
            ("#://evil.example", None),
            ("b", None),
            ("", None),
        ] {
            assert_eq!(
                resolve(base, location).as_deref(),
                expected,
                "location {location:?}"
            );
        }
    }
}
