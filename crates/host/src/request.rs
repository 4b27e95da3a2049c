//! What becomes of a request before a component sees it: its URI and Spin's headers.

use std::hash::{BuildHasher as _, RandomState};
use std::net::SocketAddr;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

use doorward_syntax::list::members;
use doorward_syntax::own_host::{CLIENT_BOUND_FIELD, REQUEST_NAME_FIELD};
use doorward_syntax::request_id::{REQUEST_ID, uuid, uuid_bits};
use http::header::{CONNECTION, CONTENT_LENGTH, HOST, TRANSFER_ENCODING};
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri};

use crate::manner::Manner;
use crate::router::{RouteMatch, RoutePattern};

const PATH_INFO: HeaderName = HeaderName::from_static("spin-path-info");
const FULL_URL: HeaderName = HeaderName::from_static("spin-full-url");
const MATCHED_ROUTE: HeaderName = HeaderName::from_static("spin-matched-route");
const BASE_PATH: HeaderName = HeaderName::from_static("spin-base-path");
const RAW_COMPONENT_ROUTE: HeaderName = HeaderName::from_static("spin-raw-component-route");
const COMPONENT_ROUTE: HeaderName = HeaderName::from_static("spin-component-route");
const NAME_OF_ANSWER: HeaderName = HeaderName::from_static(REQUEST_ID);
const CLIENT_ADDR: HeaderName = HeaderName::from_static("spin-client-addr");
const PATH_MATCH_PREFIX: &str = "spin-path-match-";
/// Headers that every request gets.
const FIXED_HEADERS: usize = 8;
const SCHEME_PREFIX: &str = "http://";
/// The ports that nobody has to name: those of `http` and `https`.
const DEFAULT_PORTS: [&str; 2] = ["80", "443"];
/// The address of the client that a chained request has.
const CHAINED_CLIENT: HeaderValue = HeaderValue::from_static("0.0.0.0:0");
/// The host in the full URL of a chained request.
const CHAINED_HOST: &str = "localhost";

/// Headers that are the same for every request of a trigger.
#[derive(Clone, Debug)]
pub struct RouteHeaders {
    matched: HeaderValue,
    raw: HeaderValue,
    prefix: HeaderValue,
}

impl RouteHeaders {
    /// The headers of a route; none where it has bytes that no header can hold.
    #[must_use]
    pub fn new(pattern: &RoutePattern) -> Option<Self> {
        let value = |text: &str| HeaderValue::from_bytes(text.as_bytes()).ok();
        Some(Self {
            matched: value(pattern.based())?,
            raw: value(pattern.raw())?,
            prefix: value(pattern.raw_prefix())?,
        })
    }

    /// Those of a chained request: the route `/...`.
    #[must_use]
    pub const fn chained() -> Self {
        Self {
            matched: HeaderValue::from_static("/..."),
            raw: HeaderValue::from_static("/..."),
            prefix: HeaderValue::from_static(""),
        }
    }
}

/// Why a request is refused without a component having seen it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadRequest {
    /// Neither the request target nor a `Host` header says whom it is for (RFC 9112, section 3.2).
    NoHost,
    /// More than one `Host` header (RFC 9112, section 3.2).
    TwoHosts,
    /// A `Host` header that is not an authority, or user information in the request target.
    InvalidHost,
    /// The request target and the `Host` header disagree.
    DifferentHosts,
    /// A request target that makes no URI with a scheme and an authority.
    InvalidTarget,
    /// A body in a transfer coding that is not `chunked` (RFC 9112, section 6.1).
    TransferCoding,
    /// A body that is said to be `chunked` twice (RFC 9112, section 7).
    TwiceChunked,
}

impl BadRequest {
    /// The status of the answer.
    #[must_use]
    pub const fn status(self) -> StatusCode {
        match self {
            Self::TransferCoding => StatusCode::NOT_IMPLEMENTED,
            _ => StatusCode::BAD_REQUEST,
        }
    }

    /// What is wrong, for the client.
    #[must_use]
    pub const fn message(self) -> &'static str {
        match self {
            Self::NoHost => "the request has no Host header\n",
            Self::TwoHosts => "the request has more than one Host header\n",
            Self::InvalidHost => "the Host header is not an authority\n",
            Self::DifferentHosts => "the Host header and the request target disagree\n",
            Self::InvalidTarget => "the request target is not a path\n",
            Self::TransferCoding => "the only transfer coding that is served is chunked\n",
            Self::TwiceChunked => "the request is chunked twice\n",
        }
    }
}

/// Makes a request's head what Spin hands to components: an absolute URI with path and query as
/// received, and Spin's headers *after* whatever the client sent under their names.
///
/// # Errors
///
/// When the request does not say consistently whom it is for.
pub fn prepare(
    parts: &mut http::request::Parts,
    route: &RouteMatch<'_, '_>,
    headers: &RouteHeaders,
    client: SocketAddr,
    manner: Manner,
) -> Result<(), BadRequest> {
    parts.headers.remove(CLIENT_BOUND_FIELD);
    parts.headers.remove(REQUEST_NAME_FIELD);
    let mut uri = std::mem::take(&mut parts.uri).into_parts();
    let target = uri.authority.take();
    let authority = if manner.shows() {
        parts.headers.remove(CONNECTION);
        first_authority(&parts.headers, target)?
    } else {
        let authority = authority(&parts.headers, target)?;
        check_codings(&parts.headers)?;
        remove_hop(&mut parts.headers);
        authority
    };
    let path = uri.path_and_query.as_ref();
    append(&mut parts.headers, route, headers, client, &authority, path)?;
    uri.scheme = Some(Scheme::HTTP);
    uri.authority = Some(authority);
    parts.uri = Uri::from_parts(uri).map_err(|_| BadRequest::InvalidTarget)?;
    Ok(())
}

/// The same for a request that another component sends, as Spin does it: as if the component were at the route
/// `/...`, without the name of a host, and with no address of a client.
///
/// # Errors
///
/// When the request has no target.
pub fn prepare_chained(parts: &mut http::request::Parts) -> Result<(), BadRequest> {
    let mut uri = std::mem::take(&mut parts.uri).into_parts();
    remove_hop(&mut parts.headers);
    parts.headers.remove(HOST);
    let path = uri
        .path_and_query
        .get_or_insert(PathAndQuery::from_static("/"));
    let fixed = RouteHeaders::chained();
    parts.headers.reserve(FIXED_HEADERS);
    append_fixed(
        &mut parts.headers,
        path.path(),
        &fixed,
        CHAINED_CLIENT,
        CHAINED_HOST,
        path.as_str(),
    )?;
    uri.scheme = Some(Scheme::HTTP);
    parts.uri = Uri::from_parts(uri).map_err(|_| BadRequest::InvalidTarget)?;
    Ok(())
}

/// Adds a name for the request (`doorward_syntax::own_host`), and gives it.
pub fn named(headers: &mut HeaderMap) -> Option<HeaderValue> {
    static KEYED: LazyLock<RandomState> = LazyLock::new(RandomState::new);
    static REQUESTS: AtomicU64 = AtomicU64::new(0);
    // A number that nobody can guess, at a fiftieth of what the system takes for one.
    let number = REQUESTS.fetch_add(1, Ordering::Relaxed);
    let half = |which: u64| KEYED.hash_one([number, which]);
    let name = uuid(uuid_bits([half(0), half(1)]));
    let name = HeaderValue::try_from(name).ok()?;
    headers.insert(REQUEST_NAME_FIELD, name.clone());
    Some(name)
}

/// Gives an answer the name of its request, where it has none.
pub fn name_answer(headers: &mut HeaderMap, name: Option<HeaderValue>) {
    if let Some(name) = name {
        headers.entry(NAME_OF_ANSWER).or_insert(name);
    }
}

/// Removes `Connection` and the fields that it names: they are meant for whoever they reached first (RFC
/// 9110, section 7.6.1). Fields that say where a message ends or for whom it is stay.
pub fn remove_hop(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = members(headers.get_all(CONNECTION).iter())
        .filter_map(|name| HeaderName::from_bytes(name).ok())
        .filter(|name| ![HOST, CONTENT_LENGTH, TRANSFER_ENCODING].contains(name))
        .collect();
    for name in named {
        headers.remove(name);
    }
    headers.remove(CONNECTION);
}

/// Refuses transfer codings that nobody here undoes: `gzip, chunked` would arrive as what it is not, without a field
/// that says so.
fn check_codings(headers: &HeaderMap) -> Result<(), BadRequest> {
    let mut codings = 0;
    for coding in members(headers.get_all(TRANSFER_ENCODING).iter()) {
        if !coding.eq_ignore_ascii_case(b"chunked") {
            return Err(BadRequest::TransferCoding);
        }
        codings += 1;
    }
    match codings {
        0 | 1 => Ok(()),
        _ => Err(BadRequest::TwiceChunked),
    }
}

fn authority(headers: &HeaderMap, target: Option<Authority>) -> Result<Authority, BadRequest> {
    let mut hosts = headers.get_all(HOST).iter();
    let host = match (hosts.next(), hosts.next()) {
        (None, _) => None,
        (Some(host), None) => {
            let host = Authority::try_from(host.as_bytes()).map_err(|_| BadRequest::InvalidHost)?;
            if host.as_str().contains('@') {
                return Err(BadRequest::InvalidHost);
            }
            Some(host)
        }
        (Some(_), Some(_)) => return Err(BadRequest::TwoHosts),
    };
    match (host, target) {
        (None, None) => Err(BadRequest::NoHost),
        (_, Some(target)) if target.as_str().contains('@') => Err(BadRequest::InvalidHost),
        (Some(host), None) => Ok(host),
        (None, Some(target)) => Ok(target),
        (Some(host), Some(target)) if is_same(&host, &target) => Ok(host),
        (Some(_), Some(_)) => Err(BadRequest::DifferentHosts),
    }
}

/// Whether two authorities are one, where a default port is the same as none.
fn is_same(one: &Authority, other: &Authority) -> bool {
    let port = |authority: &Authority| match authority.as_str().rsplit_once(':') {
        Some((_, port)) if authority.port().is_some() => port.to_owned(),
        _ => String::new(),
    };
    let (port, other_port) = (port(one), port(other));
    let is_default = |one: &str, other: &str| one.is_empty() && DEFAULT_PORTS.contains(&other);
    one.host().eq_ignore_ascii_case(other.host())
        && (port == other_port || is_default(&port, &other_port) || is_default(&other_port, &port))
}

/// What a host goes by that leaves it to components to look at all that a request says of its host.
fn first_authority(
    headers: &HeaderMap,
    target: Option<Authority>,
) -> Result<Authority, BadRequest> {
    match (target, headers.get(HOST)) {
        (Some(target), _) => Ok(target),
        (None, Some(host)) => {
            Authority::try_from(host.as_bytes()).map_err(|_| BadRequest::InvalidHost)
        }
        (None, None) => Err(BadRequest::NoHost),
    }
}

fn append(
    headers: &mut HeaderMap,
    route: &RouteMatch<'_, '_>,
    fixed: &RouteHeaders,
    client: SocketAddr,
    authority: &Authority,
    path: Option<&PathAndQuery>,
) -> Result<(), BadRequest> {
    let path = path.map_or("/", PathAndQuery::as_str);
    headers.reserve(FIXED_HEADERS + route.parameters.len());
    let client = value(client.to_string())?;
    append_fixed(
        headers,
        &route.path_info,
        fixed,
        client,
        authority.as_str(),
        path,
    )?;
    for (name, text) in &route.parameters {
        let name = name.to_ascii_lowercase().replace('_', "-");
        let name = HeaderName::try_from(format!("{PATH_MATCH_PREFIX}{name}"))
            .map_err(|_| BadRequest::InvalidTarget)?;
        headers.append(name, value(text.as_bytes())?);
    }
    Ok(())
}

/// The headers that every request gets. One that cannot be made refuses the request: without it, what the client
/// sent under its name would pass for the host's.
fn append_fixed(
    headers: &mut HeaderMap,
    path_info: &str,
    fixed: &RouteHeaders,
    client: HeaderValue,
    authority: &str,
    path: &str,
) -> Result<(), BadRequest> {
    let mut full_url = String::with_capacity(SCHEME_PREFIX.len() + authority.len() + path.len());
    for piece in [SCHEME_PREFIX, authority, path] {
        full_url.push_str(piece);
    }
    headers.append(PATH_INFO, value(path_info.as_bytes())?);
    headers.append(FULL_URL, value(full_url)?);
    headers.append(MATCHED_ROUTE, fixed.matched.clone());
    headers.append(BASE_PATH, HeaderValue::from_static("/"));
    headers.append(RAW_COMPONENT_ROUTE, fixed.raw.clone());
    headers.append(COMPONENT_ROUTE, fixed.prefix.clone());
    headers.append(CLIENT_ADDR, client);
    Ok(())
}

fn value<T>(bytes: T) -> Result<HeaderValue, BadRequest>
where
    HeaderValue: TryFrom<T>,
{
    HeaderValue::try_from(bytes).map_err(|_| BadRequest::InvalidTarget)
}

#[cfg(test)]
mod tests;
