//! Requests that components send.
//!
//! Connections are pooled and shared by all components; what a component may reach is decided
//! before a connection is looked for. Names are resolved by the system, redirects are the
//! component's business.

use std::future::Future;
use std::sync::Arc;

use doorward_syntax::own_host::CLIENT_BOUND_FIELD;
use doorward_syntax::url::component_of;
use http::uri::{Authority, Scheme};
use http::{HeaderName, Request, Response, Uri};
use wasmtime_wasi_http::{Error, ForbiddenHeaderFilter, RequestOptions, WasiBody, WasiHttpHooks};

use super::allow_list::{AllowList, Destination};
use super::answer::{Timeouts, check_size, timed};
use super::client::{OutboundClient, Pool};
use super::error::client_error;
use crate::chaining::{Call, Callee, Chaining};
use crate::manner::Manner;
use crate::request::remove_hop;

/// Name under which a component reaches its own application.
const SELF_HOST: &str = "self.alt";

/// What one component may send, and the client that sends it.
#[derive(Clone)]
pub struct Outbound {
    client: OutboundClient,
    chaining: Chaining,
    /// The component's name in the manifest.
    component: Arc<str>,
    allowed: Arc<AllowList>,
    /// How many components the requests that it works on went through by chaining.
    depth: usize,
    manner: Manner,
    /// Whether the component is setting a field, in the manner in which it sees those that arrive.
    setting: bool,
}

/// Where a request goes.
enum Recipient {
    Network,
    Component(Arc<dyn Callee>),
}

impl Outbound {
    /// Sends through `client`, or to another component, what `allowed` allows to `component`.
    #[must_use]
    pub fn new(
        client: OutboundClient,
        chaining: Chaining,
        component: Arc<str>,
        allowed: Arc<AllowList>,
    ) -> Self {
        Self {
            client,
            chaining,
            component,
            allowed,
            depth: 0,
            manner: Manner::default(),
            setting: false,
        }
    }

    /// The same for an instance whose requests went through so many components by chaining.
    #[must_use]
    pub fn at_depth(&self, depth: usize) -> Self {
        Self {
            depth,
            ..self.clone()
        }
    }

    /// Whether some request to this host is allowed.
    #[must_use]
    pub fn may_ask(&self, host: &str) -> bool {
        self.allowed.names(host)
    }

    /// The same where components see as much of forbidden fields as `manner` says.
    #[must_use]
    pub fn in_manner(self, manner: Manner) -> Self {
        Self { manner, ..self }
    }

    /// Whether a request that says so ends with its client.
    #[must_use]
    pub fn ends_with_clients(&self) -> bool {
        !self.manner.shows()
    }

    /// Says that a component begins or ends to set a field.
    #[cfg(feature = "test-manners")]
    pub(crate) fn is_setting(&mut self, setting: bool) {
        self.setting = setting;
    }

    /// Checks a request's destination; gives it a new one where it is the application itself.
    fn admit(&self, request: &mut Request<WasiBody>) -> Result<Recipient, Error> {
        let uri = request.uri();
        let scheme = uri.scheme_str().ok_or(Error::HttpRequestUriInvalid)?;
        let authority = uri.authority().ok_or(Error::HttpRequestUriInvalid)?;
        if authority.as_str().contains('@') {
            return Err(Error::HttpRequestUriInvalid);
        }
        if authority.host().eq_ignore_ascii_case(SELF_HOST) {
            if !self.allowed.allows_self(scheme) {
                return Err(not_permitted(uri));
            }
            self.redirect_to_self(request)?;
            return Ok(Recipient::Network);
        }
        let allowed = self.allowed.allows(Destination {
            scheme,
            host: authority.host(),
            port: authority.port_u16(),
        });
        if !allowed {
            return Err(not_permitted(uri));
        }
        let Some(to) = component_of(authority.host()) else {
            return Ok(Recipient::Network);
        };
        let callee = self.chaining.find(&Call {
            from: &self.component,
            depth: self.depth,
            to,
        })?;
        Ok(Recipient::Component(callee))
    }

    fn redirect_to_self(&self, request: &mut Request<WasiBody>) -> Result<(), Error> {
        let address = self
            .client
            .own_address()
            .ok_or(Error::DestinationUnavailable)?;
        let authority =
            Authority::try_from(address.to_string()).map_err(|_| Error::HttpRequestUriInvalid)?;
        let mut parts = request.uri().clone().into_parts();
        parts.scheme = Some(Scheme::HTTP);
        parts.authority = Some(authority);
        *request.uri_mut() = Uri::from_parts(parts).map_err(|_| Error::HttpRequestUriInvalid)?;
        Ok(())
    }
}

fn not_permitted(uri: &Uri) -> Error {
    // Without path and query: they may hold a secret, and errors are logged.
    Error::InternalError(Some(format!(
        "a request to {}://{} is not permitted: it is not in `allowed_outbound_hosts`",
        uri.scheme_str().unwrap_or_default(),
        uri.authority().map(Authority::host).unwrap_or_default()
    )))
}

pub(super) type IoResult = Box<dyn Future<Output = Result<(), Error>> + Send>;
pub(super) type SendResult =
    Box<dyn Future<Output = Result<(Response<WasiBody>, IoResult), Error>> + Send>;

/// Whether a component neither sees nor sets this field: the names of `DEFAULT_FORBIDDEN_HEADERS`. It is asked for each
/// field of each message: to compare with each name of that list takes eight times as long, and what the trait does of
/// itself allocates as well.
pub(super) fn is_forbidden(name: &HeaderName) -> bool {
    matches!(
        name.as_str(),
        "connection"
            | "host"
            | "http2-settings"
            | "keep-alive"
            | "proxy-authenticate"
            | "proxy-authorization"
            | "proxy-connection"
            | "transfer-encoding"
            | "upgrade"
    )
}

/// Bytes of a body that a component hands over at once. More of them wait in the host for who reads slowly.
const BODY_PIECE_BYTES: usize = 64 << 10;

impl WasiHttpHooks for Outbound {
    fn is_forbidden_header(&mut self, name: &HeaderName) -> bool {
        (self.setting || !self.manner.shows()) && is_forbidden(name)
    }

    fn forbidden_header_filter(&mut self) -> ForbiddenHeaderFilter {
        // What trailers arrive with.
        let shows = self.manner.shows();
        Arc::new(move |name| !shows && is_forbidden(name))
    }

    fn p3_outgoing_body_chunk_size(&mut self) -> usize {
        BODY_PIECE_BYTES
    }

    fn send_request(
        &mut self,
        mut request: Request<WasiBody>,
        options: Option<RequestOptions>,
        _component_is_done: IoResult,
    ) -> SendResult {
        request.headers_mut().remove(CLIENT_BOUND_FIELD);
        let recipient = match self.admit(&mut request) {
            Ok(recipient) => recipient,
            Err(error) => return Box::new(async move { Err(error) }),
        };
        let pool = Arc::clone(self.client.pool(&self.component, request.uri()));
        let manner = self.manner;
        Box::new(async move {
            let timeouts = Timeouts::of(options);
            let response = match recipient {
                Recipient::Network => send(&pool, request, timeouts, manner).await?,
                Recipient::Component(callee) => {
                    timed(timeouts.in_time(callee.ask(request)).await??, timeouts)
                }
            };
            // hyper drives the connection, so there is nothing left to wait for.
            let done: IoResult = Box::new(async { Ok(()) });
            Ok((response, done))
        })
    }
}

async fn send(
    pool: &Pool,
    request: Request<WasiBody>,
    timeouts: Timeouts,
    manner: Manner,
) -> Result<Response<WasiBody>, Error> {
    let sending = pool.send(request, timeouts.connect);
    let sent = timeouts.in_time(sending).await?;
    let mut response = sent.map_err(|error| client_error(&error))?;
    check_size(response.headers())?;
    if !manner.shows() {
        // Components do not see `Connection`, so they cannot do what it says.
        remove_hop(response.headers_mut());
    }
    Ok(timed(response, timeouts))
}

#[cfg(test)]
mod tests;
