//! Where the bytes of a component come from: a file, or a download with its digest.

use std::fmt;
use std::ops::Range;
use std::path::PathBuf;

use http::Uri;

use super::reader::{Document, Table, Value};

/// What every digest starts with; Spin knows no other algorithm.
const DIGEST_PREFIX: &str = "sha256:";
/// The bytes of a SHA-256 digest.
const DIGEST_BYTES: usize = 32;

/// The SHA-256 digest of a file.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Digest([u8; DIGEST_BYTES]);

impl Digest {
    /// Reads `sha256:` and 64 hexadecimal digits, of either case.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix(DIGEST_PREFIX)?.as_bytes();
        let mut bytes = [0; DIGEST_BYTES];
        if digits.len() != 2 * DIGEST_BYTES {
            return None;
        }
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            let [high, low] = pair else { return None };
            let value = |digit: &u8| char::from(*digit).to_digit(16);
            *byte = u8::try_from(value(high)? << 4 | value(low)?).ok()?;
        }
        Some(Self(bytes))
    }

    /// The digest that a computation gave; none where it has another length.
    #[must_use]
    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// The hexadecimal digits alone, in lower case.
    #[must_use]
    pub fn hex(&self) -> String {
        self.0.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{DIGEST_PREFIX}{}", self.hex())
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// `{ url = "https://…", digest = "sha256:…" }`: a file that is fetched, and what it has to be.
///
/// `Debug` and [`Download::shown`] leave the query out: it may hold a secret.
#[derive(Clone, PartialEq, Eq)]
pub struct Download {
    url: Uri,
    digest: Digest,
}

impl Download {
    /// The address: `http` or `https`, without a user.
    #[must_use]
    pub const fn url(&self) -> &Uri {
        &self.url
    }

    /// What the file has to be.
    #[must_use]
    pub const fn digest(&self) -> Digest {
        self.digest
    }

    /// The address without its query, for people.
    #[must_use]
    pub fn shown(&self) -> String {
        without_query(&self.url)
    }
}

impl fmt::Debug for Download {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Download")
            .field("url", &self.shown())
            .field("digest", &self.digest)
            .finish()
    }
}

/// An address without its query, for people.
pub(crate) fn without_query(url: &Uri) -> String {
    format!(
        "{}://{}{}",
        url.scheme_str().unwrap_or_default(),
        url.authority().map_or("", |authority| authority.as_str()),
        url.path()
    )
}

/// Where a component's bytes come from.
pub(super) enum Source {
    /// As written: relative to the application's folder.
    File(PathBuf),
    Download(Download),
}

/// Reads `source` of a component. A package goes to `unserved`, as it is wrong only where it is used.
pub(super) fn read(
    document: &Document<'_>,
    owner: &Table<'_, '_, '_, '_>,
    unserved: &mut Vec<Unserved>,
) -> Option<Source> {
    let Some(value) = owner.get("source") else {
        owner.missing("source");
        return None;
    };
    let place = owner.place_of("source");
    if !value.get_ref().is_table() {
        let path = document.string(value, &place)?;
        return file(document, &value.span(), &path, &place).map(Source::File);
    }
    let table = document.table(value, &place)?;
    let source = if is_package(&table) {
        unserved.push(package(&table, &value.span(), &place));
        None
    } else {
        download(document, &table, &value.span(), &place).map(Source::Download)
    };
    table.finish();
    source
}

/// The path of a component's file.
pub(super) fn file(
    document: &Document<'_>,
    span: &Range<usize>,
    path: &str,
    place: &str,
) -> Option<PathBuf> {
    if path.is_empty() {
        document.problem(span, format!("{place} is empty"));
        return None;
    }
    if path.starts_with("http://") || path.starts_with("https://") {
        document.problem_with_help(
            span,
            format!("{place} is the path of a file, and not a URL"),
            DOWNLOAD_FORM,
        );
        return None;
    }
    Some(PathBuf::from(path))
}

const DOWNLOAD_FORM: &str = "a download is { url = \"https://…\", digest = \"sha256:…\" }, the digest as `sha256sum FILE` prints it";

/// Reads `url` and `digest`, which a table has to have both.
pub(super) fn download(
    document: &Document<'_>,
    table: &Table<'_, '_, '_, '_>,
    span: &Range<usize>,
    place: &str,
) -> Option<Download> {
    let url = table
        .get("url")
        .and_then(|value| read_url(document, value, place));
    let digest = table
        .get("digest")
        .and_then(|value| read_digest(document, value, place));
    for key in ["url", "digest"] {
        if table.key_span(key).is_none() {
            document.problem_with_help(
                span,
                format!("{place} has no `{key}`; what is fetched is run only if it is what the manifest says"),
                DOWNLOAD_FORM,
            );
        }
    }
    Some(Download {
        url: url?,
        digest: digest?,
    })
}

fn read_url(document: &Document<'_>, value: &Value<'_>, place: &str) -> Option<Uri> {
    let text = document.string(value, &format!("`url` of {place}"))?;
    let wrong = |message: &str, help: &str| {
        document.problem_with_help(
            &value.span(),
            format!("`url` of {place}: {message}"),
            help.to_owned(),
        );
        None
    };
    let scheme = text.split_once("://").map_or("", |(scheme, _)| scheme);
    if !["http", "https"]
        .iter()
        .any(|known| scheme.eq_ignore_ascii_case(known))
    {
        return wrong(
            "only http and https are fetched",
            "a file of this machine is named by its path alone",
        );
    }
    let Ok(url) = text.parse::<Uri>() else {
        return wrong("this is not a URL", DOWNLOAD_FORM);
    };
    if url
        .authority()
        .is_none_or(|authority| authority.as_str().contains('@'))
    {
        return wrong(
            "a user or a password in it is not sent",
            "download the file and name it by its path",
        );
    }
    Some(url)
}

fn read_digest(document: &Document<'_>, value: &Value<'_>, place: &str) -> Option<Digest> {
    let text = document.string(value, &format!("`digest` of {place}"))?;
    let digest = Digest::parse(&text);
    if digest.is_none() {
        document.problem_with_help(
            &value.span(),
            format!("`digest` of {place} has to be `sha256:` and 64 hexadecimal digits"),
            "`sha256sum FILE` prints the digits",
        );
    }
    digest
}

/// Something of a component that this host does not serve: a problem once the component is used.
pub(super) struct Unserved {
    pub(super) span: Range<usize>,
    pub(super) message: String,
    pub(super) help: String,
}

/// Whether a table names a package of a registry.
pub(super) fn is_package(table: &Table<'_, '_, '_, '_>) -> bool {
    // Every one of them is asked for: each is a known key.
    ["package", "registry", "version"]
        .into_iter()
        .filter(|key| table.get(key).is_some())
        .count()
        > 0
}

/// Why a package of a registry is not served, and what to do.
pub(super) fn package(table: &Table<'_, '_, '_, '_>, span: &Range<usize>, place: &str) -> Unserved {
    let text = |key| table.get(key).and_then(|value| value.get_ref().as_str());
    let package = text("package").unwrap_or("NAMESPACE:NAME");
    let version = text("version").unwrap_or("VERSION");
    Unserved {
        span: span.clone(),
        message: format!("{place} is a package of a registry, and this host asks no registry"),
        help: format!(
            "download it (`wkg get {package}@{version}`) and name the file by its path, or by {{ url = \
             \"https://…\", digest = \"sha256:…\" }}"
        ),
    }
}
