//! Components that are fetched: `{ url = "https://…", digest = "sha256:…" }`.
//!
//! What is fetched is kept by its digest, so that an application starts a second time without a network.
//! Nothing is kept, or used, whose digest is another one; the kept copy is looked at again at each start.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use bytes::Bytes;
use doorward_toolchain::Progress;
use http::header::{ACCEPT_ENCODING, LOCATION, USER_AGENT};
use http::{Request, Response, StatusCode, Uri};
use http_body_util::{BodyExt as _, Empty};
use hyper::body::{Body as _, Incoming};
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;

use crate::build::used_components;
use crate::connector::{http_connector, over_tls};
use crate::manifest::{Application, Digest, Download, without_query};
use crate::options::HostOptions;
use crate::scratch::ScratchDir;
use crate::sha256;
use crate::trust::{RootSources, client_config};

/// Bytes of one component's file, fetched or not: 256 MiB.
pub const COMPONENT_BYTES_MAX: u64 = 256 << 20;
/// Redirections that are followed.
const REDIRECTS_MAX: usize = 10;
/// How long a server may be silent: until it answers, and between two pieces of the file.
const SILENCE_MAX: Duration = Duration::from_secs(60);
/// How long one file may take.
const FETCH_TIME_MAX: Duration = Duration::from_secs(600);
/// The folder of the files in the cache's.
const FOLDER: &str = "downloads";
/// What the folder of a file is called until it is whole.
const PART: &str = "part";
/// What servers are told that asks.
pub(crate) const AGENT: &str = concat!("doorward/", env!("CARGO_PKG_VERSION"));

/// Fetches every component that triggers of `application` use and that is a download, and makes its
/// `source` the file. What the cache of `options` holds already is not fetched again.
///
/// # Errors
///
/// Names the component and its address: it cannot be reached, it is larger than a component may be, or it
/// has another digest.
pub async fn fetch_all(
    application: &mut Application,
    options: &HostOptions,
    progress: Progress<'_>,
) -> Result<()> {
    let used: BTreeSet<String> = used_components(application)
        .map(|component| component.id.clone())
        .collect();
    let folder = options.cache_folder().join(FOLDER);
    let roots = &options.outbound.roots;
    for (id, component) in &mut application.components {
        let Some(download) = component.download.as_ref().filter(|_| used.contains(id)) else {
            continue;
        };
        component.source = kept_or_fetched(download, &folder, roots, COMPONENT_BYTES_MAX, progress)
            .await
            .with_context(|| {
                let shown = download.shown();
                // A middleware that is nothing but a download is called after it.
                let from = if id.contains(&shown) {
                    String::new()
                } else {
                    format!(" from {shown}")
                };
                format!("the component `{id}` cannot be fetched{from}")
            })?;
    }
    Ok(())
}

async fn kept_or_fetched(
    download: &Download,
    folder: &Path,
    roots: &RootSources,
    bytes_max: u64,
    progress: Progress<'_>,
) -> Result<PathBuf> {
    let file = folder.join(format!("sha256-{}.wasm", download.digest().hex()));
    // A copy that cannot be read, or is not what it was, is fetched again.
    if sha256::of_file(&file).is_ok_and(|digest| digest == download.digest()) {
        return Ok(file);
    }
    progress(&format!("Fetching {}", download.shown()));
    ScratchDir::sweep(folder, PART);
    let part = ScratchDir::new(folder, PART)?;
    let fetched = part.path().join("file");
    let digest = tokio::time::timeout(
        FETCH_TIME_MAX,
        fetch(download.url(), roots, &fetched, bytes_max),
    )
    .await
    .with_context(|| format!("it took more than {} s", FETCH_TIME_MAX.as_secs()))??;
    check(digest, download)?;
    fs::rename(&fetched, &file).with_context(|| format!("cannot write {}", file.display()))?;
    Ok(file)
}

/// Refuses what is about to be run and is not what the manifest says. Between [`fetch_all`] and this,
/// somebody may have written to the file.
///
/// # Errors
///
/// When it has another digest.
pub fn check_bytes(bytes: &[u8], download: &Download) -> Result<()> {
    check(sha256::of(bytes)?, download)
}

fn check(digest: Digest, download: &Download) -> Result<()> {
    ensure!(
        digest == download.digest(),
        "it has the digest {digest}, and the manifest says {}: it is not used\n  help: it is another file \
         than it was; find out why before its digest is changed",
        download.digest()
    );
    Ok(())
}

/// Writes what `url` answers to `path`, and gives its digest.
async fn fetch(url: &Uri, roots: &RootSources, path: &Path, bytes_max: u64) -> Result<Digest> {
    let response = ask(url, roots).await?;
    let too_large = || format!("it has more than {bytes_max} bytes");
    ensure!(
        response.body().size_hint().lower() <= bytes_max,
        too_large()
    );
    let about = || format!("cannot write {}", path.display());
    let mut file = fs::File::create(path).with_context(about)?;
    let mut sum = sha256::Sum::new();
    let mut bytes = 0;
    let mut body = response.into_body();
    while let Some(frame) = in_time(body.frame()).await? {
        let frame = frame.context("the answer ended early")?;
        let Some(piece) = frame.data_ref() else {
            continue;
        };
        bytes += piece.len() as u64;
        ensure!(bytes <= bytes_max, too_large());
        sum.update(piece);
        file.write_all(piece).with_context(about)?;
    }
    sum.finish()
}

/// The answer to a `GET`, redirections followed.
async fn ask(url: &Uri, roots: &RootSources) -> Result<Response<Incoming>> {
    let tls = client_config(roots.load()?.usual()?, None)?;
    let client: Client<HttpsConnector<HttpConnector>, Empty<Bytes>> =
        Client::builder(TokioExecutor::new())
            // Each redirect has a connection of its own: the other side may be about to close the one before.
            .pool_max_idle_per_host(0)
            .build(over_tls(http_connector(), tls));
    let mut url = url.clone();
    for _ in 0..=REDIRECTS_MAX {
        let request = Request::get(url.clone())
            .header(USER_AGENT, AGENT)
            .header(ACCEPT_ENCODING, "identity")
            .body(Empty::new())
            .context("this cannot be asked for")?;
        let response = in_time(client.request(request))
            .await?
            .map_err(|error| no_answer(&error))?;
        let status = response.status();
        if status == StatusCode::OK {
            return Ok(response);
        }
        let is_elsewhere = matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308);
        let location = response.headers().get(LOCATION);
        let Some(location) = location.filter(|_| is_elsewhere) else {
            bail!("{} answered {status}", without_query(&url));
        };
        url = location
            .to_str()
            .ok()
            .and_then(|location| resolve(&url, location))
            .with_context(|| {
                format!(
                    "{} refers to something that is not fetched",
                    without_query(&url)
                )
            })?;
    }
    bail!("it is redirected more than {REDIRECTS_MAX} times");
}

/// Why there is no answer: the client's own words say no more than that.
pub(crate) fn no_answer(error: &hyper_util::client::legacy::Error) -> anyhow::Error {
    let mut message = "there is no answer".to_owned();
    let mut next = std::error::Error::source(error);
    while let Some(cause) = next {
        message.push_str(": ");
        message.push_str(&cause.to_string());
        next = cause.source();
    }
    anyhow::Error::msg(message)
}

async fn in_time<T>(step: impl Future<Output = T>) -> Result<T> {
    tokio::time::timeout(SILENCE_MAX, step)
        .await
        .with_context(|| format!("nothing came for {} s", SILENCE_MAX.as_secs()))
}

/// Where a `Location` leads from `base` (RFC 9110, section 10.2.2): to http or https, without a user.
pub(crate) fn resolve(base: &Uri, location: &str) -> Option<Uri> {
    let scheme = base.scheme_str()?;
    let authority = base.authority()?;
    // An address may be in the query as well; before the path a colon ends a scheme (RFC 3986, section 4.2).
    let first = location.split(['/', '?', '#']).next()?;
    let target: Uri = if first.contains(':') {
        location.parse().ok()?
    } else if location.starts_with("//") {
        format!("{scheme}:{location}").parse().ok()?
    } else if location.starts_with('/') {
        format!("{scheme}://{authority}{location}").parse().ok()?
    } else {
        let path = base.path();
        let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
        let before = match location.starts_with('?') {
            true => path.to_owned(),
            false => format!("{folder}/"),
        };
        format!("{scheme}://{authority}{before}{location}")
            .parse()
            .ok()?
    };
    let plain = !target.authority()?.as_str().contains('@');
    (plain && matches!(target.scheme_str(), Some("http" | "https"))).then_some(target)
}

#[cfg(test)]
mod tests;
