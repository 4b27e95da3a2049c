//! Where the keys of an issuer come from: a variable, a file, or the issuer itself.

use doorward_syntax::url::Wire;
use doorward_token::freshness;
use doorward_token::{AlgorithmSet, ExposedKeys, KeySet, KeySetError};
use std::fmt;

use crate::discovery::{self, NoMetadata};
use crate::fetch::{self, FetchError, Outcome};
use crate::mounted;
use crate::platform::{Platform, Unreadable};
use crate::span::kind::Kind;
use crate::span::{self, Span};

/// Why there is no key set.
#[derive(Debug)]
pub(super) enum NoKeys {
    /// The variable with the secret cannot be read.
    Variable(Unreadable),
    /// The file cannot be read.
    File { path: String, why: Unreadable },
    /// Nothing in the file can be used.
    Unusable { path: String, why: String },
    /// What is there, in a variable, a file or at a URL, is no key set.
    Malformed { at: String, error: KeySetError },
    /// What the issuer publishes at this URL is no text.
    NoText { url: String },
    /// The issuer says that its keys have not changed, and there are none.
    NeverModified { url: String },
    /// The issuer's metadata, which say where its keys are, cannot be had.
    Metadata(NoMetadata),
    /// The keys cannot be fetched.
    Fetch(FetchError),
}

impl fmt::Display for NoKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Variable(why) => why.fmt(f),
            Self::File { path, why } => write!(f, "{path}: {why}"),
            Self::Unusable { path, why } => write!(f, "{path}: {why}"),
            Self::Malformed { at, error } => write!(f, "{at}: {error}"),
            Self::NoText { url } => write!(f, "{url}: the key set is not UTF-8"),
            Self::NeverModified { url } => {
                write!(f, "{url}: answered with status 304, which nobody asked for")
            }
            Self::Metadata(none) => none.fmt(f),
            Self::Fetch(error) => error.fmt(f),
        }
    }
}

/// A key set that was fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Published {
    pub(super) url: String,
    pub(super) etag: Option<String>,
    pub(super) body: String,
}

/// A secret shared with the issuer, from a Spin variable.
pub(super) async fn secret<P: Platform>(
    platform: &P,
    variable: &str,
    algorithms: AlgorithmSet,
) -> Result<KeySet, NoKeys> {
    let secret = platform.secret(variable).await.map_err(NoKeys::Variable)?;
    let set = KeySet::from_secret(secret.as_bytes(), algorithms);
    set.map_err(|error| NoKeys::Malformed {
        at: format!("variable {variable}"),
        error,
    })
}

/// A key set that is mounted into the component.
pub(super) fn file<P: Platform>(platform: &P, path: &str) -> Result<KeySet, NoKeys> {
    let no_file = |why| NoKeys::File {
        path: path.to_owned(),
        why,
    };
    let before = mounted::before(platform, path, |prepared| prepared.take_keys(path));
    if let Some(set) = before.map_err(no_file)? {
        return Ok(set);
    }
    let body = platform.file(path).map_err(no_file)?;
    let set = parsed(&body, path, &ExposedKeys::default())?;
    // Nobody publishes another one: it was set up wrongly.
    match set.unusable() {
        Some(why) => Err(NoKeys::Unusable {
            path: path.to_owned(),
            why,
        }),
        None => Ok(set),
    }
}

/// The key set that `issuer` publishes at `url`, or where its metadata says; asked for over such a wire, and only if it
/// is another one than `known`. It is read without the keys that are `exposed`, and there may be none in it
/// that can be used. With it, for how long it is fresh, in seconds.
pub(super) fn fetched<P: Platform>(
    platform: &P,
    issuer: &str,
    url: Option<&str>,
    wire: Wire,
    known: Option<&Published>,
    exposed: &ExposedKeys,
) -> impl Future<Output = Result<(KeySet, Published, u64), NoKeys>> {
    let fetching = fetching(platform, issuer, url, wire, known, exposed);
    let begin = |platform: &P| Span::begin(platform, Kind::Internal, "fetch keys");
    span::doing(platform, begin, fetching, |span, fetched| {
        span.tell("doorward.issuer", || issuer.to_owned());
        if fetched.is_err() {
            span.fails(|| "no_keys".to_owned());
        }
    })
}

async fn fetching<P: Platform>(
    platform: &P,
    issuer: &str,
    url: Option<&str>,
    wire: Wire,
    known: Option<&Published>,
    exposed: &ExposedKeys,
) -> Result<(KeySet, Published, u64), NoKeys> {
    let url = match url {
        Some(url) => url.to_owned(),
        None => {
            let metadata = discovery::metadata(platform, issuer, wire).await;
            metadata.map_err(NoKeys::Metadata)?.jwks_uri
        }
    };
    let known = known.filter(|published| published.url == url);
    let etag = known.and_then(|published| published.etag.as_deref());
    let answered = fetch::get(platform, (&url, wire), fetch::ACCEPT_KEYS, etag).await;
    let (published, headers) = match answered.map_err(NoKeys::Fetch)? {
        Outcome::Fetched(document) => {
            let Ok(body) = String::from_utf8(document.body) else {
                return Err(NoKeys::NoText { url });
            };
            let etag = document.etag;
            (Published { url, etag, body }, document.headers)
        }
        Outcome::NotModified { headers } => {
            let Some(known) = known else {
                return Err(NoKeys::NeverModified { url });
            };
            (known.clone(), headers)
        }
    };
    let set = parsed(published.body.as_bytes(), &published.url, exposed)?;
    let fresh_s = freshness::fresh_s(&headers.borrowed(), platform.now());
    Ok((set, published, fresh_s))
}

fn parsed(body: &[u8], at: &str, exposed: &ExposedKeys) -> Result<KeySet, NoKeys> {
    KeySet::parse_without(body, exposed).map_err(|error| NoKeys::Malformed {
        at: at.to_owned(),
        error,
    })
}
