//! Small documents that the command itself asks for: what an issuer publishes.
//!
//! It is as careful as the gate, so that what can be had here can be had there: only where [`check_url`] finds nothing
//! against it, no redirect to another origin, no content coding, a bound of bytes and of time.

use std::fmt;
use std::time::Duration;

use anyhow::Result;
use bytes::Bytes;
use doorward_syntax::url::{UrlError, Wire, check_url, same_origin};
use http::header::{ACCEPT, CONTENT_ENCODING, LOCATION, USER_AGENT};
use http::{Request, StatusCode, Uri};
use http_body_util::{BodyExt as _, Empty, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;

use crate::connector::{http_connector, over_tls};
use crate::download::{AGENT, no_answer, resolve};
use crate::trust::{RootSources, client_config};

/// Bytes of one document: as many as the gate takes.
pub const DOCUMENT_BYTES_MAX: usize = 512 * 1024;
/// How long one document may take, redirects included.
const DOCUMENT_TIME_MAX: Duration = Duration::from_secs(10);
/// Redirects that are followed, each to the origin that sent it.
const REDIRECTS_MAX: usize = 3;

/// Why a document cannot be had. The text does not name its address, and has nothing of what was answered.
#[derive(Debug)]
pub enum DocumentError {
    /// The address is none that is asked.
    Url(UrlError),
    /// There is no answer, for a reason in others' words.
    NoAnswer(String),
    /// An answer with this status, which is neither a document nor a redirect.
    Status(u16),
    /// A redirect to another origin, or one too many.
    Redirect,
    /// An answer with a content coding, which was not asked for.
    ContentCoding,
    /// More than [`DOCUMENT_BYTES_MAX`].
    TooLarge,
    /// The body ended early.
    Truncated,
    /// It took too long.
    TimedOut,
}

impl DocumentError {
    /// Whether the host may answer at another path: one that gave no answer at all does not.
    #[must_use]
    pub fn is_of_answer(&self) -> bool {
        !matches!(self, Self::Url(_) | Self::NoAnswer(_) | Self::TimedOut)
    }
}

impl fmt::Display for DocumentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Url(error) => write!(f, "the address {error}"),
            Self::NoAnswer(reason) => f.write_str(reason),
            Self::Status(status) => write!(f, "the answer has status {status}"),
            Self::Redirect => write!(
                f,
                "the answer is a redirect to another origin, or one of more than {REDIRECTS_MAX}"
            ),
            Self::ContentCoding => f.write_str("the answer has a content coding"),
            Self::TooLarge => write!(f, "the answer has more than {DOCUMENT_BYTES_MAX} bytes"),
            Self::Truncated => f.write_str("the answer ended early"),
            Self::TimedOut => write!(
                f,
                "there is no complete answer within {} s",
                DOCUMENT_TIME_MAX.as_secs()
            ),
        }
    }
}

impl std::error::Error for DocumentError {}

/// Asks for small documents.
#[derive(Debug)]
pub struct Documents {
    client: Client<HttpsConnector<HttpConnector>, Empty<Bytes>>,
}

impl Documents {
    /// Believes the servers that these vouch for.
    ///
    /// # Errors
    ///
    /// When their certificates cannot be read, or are none.
    pub fn new(roots: &RootSources) -> Result<Self> {
        let tls = client_config(roots.load()?.usual()?, None)?;
        let client = Client::builder(TokioExecutor::new())
            .pool_max_idle_per_host(0)
            .build(over_tls(http_connector(), tls));
        Ok(Self { client })
    }

    /// The document at `url`.
    ///
    /// # Errors
    ///
    /// For everything that is not a whole, small document in time.
    pub async fn get(&self, url: &str) -> Result<Vec<u8>, DocumentError> {
        check_url(url).map_err(DocumentError::Url)?;
        let asking = tokio::time::timeout(DOCUMENT_TIME_MAX, self.follow(url));
        asking.await.unwrap_or(Err(DocumentError::TimedOut))
    }

    async fn follow(&self, url: &str) -> Result<Vec<u8>, DocumentError> {
        let bad = |_| DocumentError::Url(UrlError::Character);
        let mut url: Uri = url.parse().map_err(bad)?;
        for _ in 0..=REDIRECTS_MAX {
            let request = Request::get(url.clone())
                .header(USER_AGENT, AGENT)
                .header(ACCEPT, "application/json, */*;q=0.1")
                .body(Empty::new())
                .map_err(|error| DocumentError::NoAnswer(error.to_string()))?;
            let answer = self.client.request(request).await;
            let answer =
                answer.map_err(|error| DocumentError::NoAnswer(no_answer(&error).to_string()))?;
            let (head, body) = answer.into_parts();
            if head.status == StatusCode::OK {
                let mut codings = head.headers.get_all(CONTENT_ENCODING).iter();
                return match codings
                    .all(|coding| coding.as_bytes().eq_ignore_ascii_case(b"identity"))
                {
                    true => whole(body).await,
                    false => Err(DocumentError::ContentCoding),
                };
            }
            if !matches!(head.status.as_u16(), 301 | 302 | 303 | 307 | 308) {
                return Err(DocumentError::Status(head.status.as_u16()));
            }
            let location = head.headers.get(LOCATION);
            let location = location.and_then(|location| resolve(&url, location.to_str().ok()?));
            let here = url.to_string();
            let same =
                location.filter(|location| same_origin(&here, &location.to_string(), Wire::Safe));
            url = same.ok_or(DocumentError::Redirect)?;
        }
        Err(DocumentError::Redirect)
    }
}

async fn whole(body: Incoming) -> Result<Vec<u8>, DocumentError> {
    match Limited::new(body, DOCUMENT_BYTES_MAX).collect().await {
        Ok(body) => Ok(body.to_bytes().to_vec()),
        Err(error) if error.is::<LengthLimitError>() => Err(DocumentError::TooLarge),
        Err(_) => Err(DocumentError::Truncated),
    }
}
