//! Where the keys of an issuer come from: a variable, a file, or the issuer itself.

use doorward_token::freshness;
use doorward_token::{AlgorithmSet, ExposedKeys, KeySet};

use crate::discovery;
use crate::fetch::{self, Outcome};
use crate::platform::Platform;

/// A key set that was fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Origin {
    pub(super) url: String,
    pub(super) etag: Option<String>,
    pub(super) body: String,
}

/// A secret shared with the issuer, from a Spin variable.
pub(super) async fn secret<P: Platform>(
    platform: &P,
    variable: &str,
    algorithms: AlgorithmSet,
) -> Result<KeySet, String> {
    let secret = platform.secret(variable).await?;
    KeySet::from_secret(secret.as_bytes(), algorithms)
        .map_err(|error| format!("variable {variable}: {error}"))
}

/// A key set that is mounted into the component.
pub(super) fn file<P: Platform>(platform: &P, path: &str) -> Result<KeySet, String> {
    let body = platform
        .file(path)
        .map_err(|error| format!("{path}: {error}"))?;
    let set = parsed(&body, path, &ExposedKeys::default())?;
    // Nobody publishes another one: it was set up wrongly.
    match set.unusable() {
        Some(reason) => Err(format!("{path}: {reason}")),
        None => Ok(set),
    }
}

/// The key set that `issuer` publishes at `url`, or where its metadata says; asked for only if it is
/// another one than `known`. It is read without the keys that are `exposed`, and there may be none in it
/// that can be used. With it, for how long it is fresh, in seconds.
pub(super) async fn fetched<P: Platform>(
    platform: &P,
    issuer: &str,
    url: Option<&str>,
    known: Option<&Origin>,
    exposed: &ExposedKeys,
) -> Result<(KeySet, Origin, u64), String> {
    let url = match url {
        Some(url) => url.to_owned(),
        None => discovery::metadata(platform, issuer).await?.jwks_uri,
    };
    let known = known.filter(|origin| origin.url == url);
    let etag = known.and_then(|origin| origin.etag.as_deref());
    let answered = fetch::get(platform, &url, fetch::ACCEPT_KEYS, etag).await;
    let (origin, headers) = match answered.map_err(|error| error.to_string())? {
        Outcome::Fetched(document) => {
            let body = String::from_utf8(document.body)
                .map_err(|_| format!("{url}: the key set is not UTF-8"))?;
            let etag = document.etag;
            (Origin { url, etag, body }, document.headers)
        }
        Outcome::NotModified { headers } => {
            let known = known.ok_or_else(|| format!("{url}: not modified since never"))?;
            (known.clone(), headers)
        }
    };
    let set = parsed(origin.body.as_bytes(), &origin.url, exposed)?;
    let fresh_s = freshness::fresh_s(&headers.borrowed(), platform.now());
    Ok((set, origin, fresh_s))
}

fn parsed(body: &[u8], origin: &str, exposed: &ExposedKeys) -> Result<KeySet, String> {
    KeySet::parse_without(body, exposed).map_err(|error| format!("{origin}: {error}"))
}
