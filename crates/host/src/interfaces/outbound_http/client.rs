//! The connections to servers: pooled, shared by the components that may share them, and none used for long.

use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::Duration;

use http::header::HOST;
use http::uri::{Authority, Scheme};
use http::{Request, Response, Uri};
use hyper::body::Incoming;
use hyper_rustls::{HttpsConnector, MaybeHttpsStream};
use hyper_util::client::legacy::connect::capture_connection;
use hyper_util::client::legacy::{Client, Error as ClientError};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::ClientConfig;
use tower_service::Service;
use wasmtime_wasi_http::WasiBody;

use super::answer::{ANSWER_FIELDS_MAX, PHASE_TIMEOUT};
use super::line::{Ages, Line, Lines, Made};
use crate::connector::{http_connector, over_tls};
use crate::outbound_options::OutboundOptions;
use crate::trust::client_config;

/// Bytes of the head of an answer by HTTP/2, as that counts them: 1 MiB. More than an answer may have, so that one
/// that has too many is told apart from others on its connection. HTTP/1 has a connection for itself.
const HTTP2_HEAD_BYTES_MAX: u32 = 1 << 20;
/// Bytes that an origin may send by HTTP/2 for one request before they are read: 256 KiB.
const HTTP2_STREAM_BYTES_MAX: u32 = 256 << 10;
/// Bytes that it may send so for all requests of a connection: 64 MiB, so that those that nobody reads do not stop
/// the others.
const HTTP2_CONNECTION_BYTES_MAX: u32 = 64 << 20;
/// Unused connections that are kept for one host.
const IDLE_CONNECTIONS_PER_HOST_MAX: usize = 64;

/// The port of `http`.
const HTTP_PORT: u16 = 80;

tokio::task_local! {
    /// How long the request that is being sent allows for a connection.
    static CONNECT_LIMIT: Duration;
}

type BoxError = Box<dyn std::error::Error + Send + Sync>;
type Connecting<T> = Pin<Box<dyn Future<Output = Result<T, BoxError>> + Send>>;

/// Makes connections, and gives up one that does not come about within the time of the request that asked for it.
///
/// The client has no way to be told it with a request, and makes connections in the request's own task.
#[derive(Clone)]
struct Connector(HttpsConnector<Lines>);

impl Service<Uri> for Connector {
    type Response = MaybeHttpsStream<Line>;
    type Error = BoxError;
    type Future = Connecting<Self::Response>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let limit = CONNECT_LIMIT.try_with(|limit| *limit);
        let connecting = self.0.call(uri);
        Box::pin(async move {
            let limit = limit.unwrap_or(PHASE_TIMEOUT);
            tokio::time::timeout(limit, connecting)
                .await
                .unwrap_or_else(|_| Err(std::io::Error::from(std::io::ErrorKind::TimedOut).into()))
        })
    }
}

/// A pool of connections, all of one TLS configuration and one choice of the version of HTTP.
pub(super) struct Pool {
    client: Client<Connector, WasiBody>,
    ages: Arc<Ages>,
    age_max: Duration,
    /// Whether a connection may be one of HTTP/2.
    http2_only: bool,
}

impl Pool {
    fn new(tls: ClientConfig, options: &OutboundOptions, http2_only: bool) -> Arc<Self> {
        let ages = Arc::new(Ages::none());
        let lines = Lines::new(http_connector(), Arc::clone(&ages));
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(options.idle_connection_timeout)
            .pool_max_idle_per_host(IDLE_CONNECTIONS_PER_HOST_MAX)
            // Of a request that a connection did not take, which was closed meanwhile, nothing was sent.
            .retry_canceled_requests(true)
            .http1_max_headers(ANSWER_FIELDS_MAX)
            .http2_max_header_list_size(HTTP2_HEAD_BYTES_MAX)
            .http2_initial_stream_window_size(HTTP2_STREAM_BYTES_MAX)
            .http2_initial_connection_window_size(HTTP2_CONNECTION_BYTES_MAX)
            .http2_only(http2_only)
            .build(Connector(over_tls(lines, tls)));
        Arc::new(Self {
            client,
            ages,
            age_max: options.connection_age_max,
            http2_only,
        })
    }

    /// Sends a request, and retires the connection that it went by where that is too old.
    pub(super) async fn send(
        &self,
        mut request: Request<WasiBody>,
        connect_limit: Duration,
    ) -> Result<Response<Incoming>, ClientError> {
        if self.http2_only || request.uri().scheme() == Some(&Scheme::HTTPS) {
            // The authority of the target says it. HTTP/1 gets it back from there; of both in a request of
            // HTTP/2 some servers think ill.
            request.headers_mut().remove(HOST);
        }
        // Whoever asks by which connection a request goes has it told, which is a channel each time.
        let may_be_old = self.ages.may_reach(self.age_max);
        let connection = may_be_old.then(|| capture_connection(&mut request));
        let sending = CONNECT_LIMIT.scope(connect_limit, self.client.request(request));
        let response = sending.await?;
        if let Some(captured) = connection
            && let Some(made) = response.extensions().get::<Made>()
            && made.0.elapsed() >= self.age_max
            && let Some(connection) = captured.connection_metadata().as_ref()
        {
            connection.poison();
        }
        Ok(response)
    }
}

/// An entry of `client_tls` in the options. Its connections are for nobody else.
struct Own {
    components: Vec<String>,
    hosts: Vec<String>,
    pool: Arc<Pool>,
}

/// The pooled clients of a host.
#[derive(Clone)]
pub struct OutboundClient {
    usual: Arc<Pool>,
    /// HTTP/2 without TLS, as those expect who are listed.
    h2c: Arc<Pool>,
    h2c_authorities: Arc<[Authority]>,
    client_tls: Arc<[Own]>,
    /// Where this application listens; set once it does.
    own_address: Arc<OnceLock<SocketAddr>>,
}

impl OutboundClient {
    /// Clients with empty pools.
    ///
    /// # Errors
    ///
    /// When TLS cannot be set up, or a file with certificates cannot be used.
    pub fn new(options: &OutboundOptions) -> anyhow::Result<Self> {
        let tls = client_config(options.roots.load()?.usual()?, None)?;
        let own = options.client_tls.iter().map(|entry| Own {
            components: entry.components.clone(),
            hosts: entry.hosts.clone(),
            pool: Pool::new(entry.config.clone(), options, false),
        });
        Ok(Self {
            usual: Pool::new(tls.clone(), options, false),
            h2c: Pool::new(tls, options, true),
            h2c_authorities: options.h2c.as_slice().into(),
            client_tls: own.collect(),
            own_address: Arc::default(),
        })
    }

    /// Says where requests to the application itself go. Only the first call counts.
    pub fn set_own_address(&self, address: SocketAddr) {
        let _ = self.own_address.set(address);
    }

    /// Where the application listens, once it does.
    pub(super) fn own_address(&self) -> Option<&SocketAddr> {
        self.own_address.get()
    }

    /// What `component` asks `uri` by. Of several entries of `client_tls` for both the first one counts, as in
    /// Spin.
    pub(super) fn pool(&self, component: &str, uri: &Uri) -> &Arc<Pool> {
        if uri.scheme() != Some(&Scheme::HTTPS) {
            let is_h2c = uri.authority().is_some_and(|asked| {
                let mut listed = self.h2c_authorities.iter();
                listed.any(|listed| is_same(listed, asked))
            });
            return if is_h2c { &self.h2c } else { &self.usual };
        }
        let host = uri.host().unwrap_or_default();
        let own = self.client_tls.iter().find(|own| {
            own.components.iter().any(|id| id == component)
                && own.hosts.iter().any(|own| own.eq_ignore_ascii_case(host))
        });
        own.map_or(&self.usual, |own| &own.pool)
    }
}

/// Whether two authorities of URLs without TLS are one.
fn is_same(one: &Authority, other: &Authority) -> bool {
    let port = |authority: &Authority| authority.port_u16().unwrap_or(HTTP_PORT);
    one.host().eq_ignore_ascii_case(other.host()) && port(one) == port(other)
}

#[cfg(test)]
mod tests;
