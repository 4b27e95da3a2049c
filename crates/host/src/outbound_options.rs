//! What the caller of the host decides about requests that components send.

use std::time::Duration;

use http::uri::Authority;

use crate::client_tls::ClientTls;
use crate::trust::RootSources;

/// How long an unused connection to a server is kept, unless told otherwise: less than the 5 s after which Node
/// and Apache close theirs, so that few requests meet one that is being closed.
pub const IDLE_CONNECTION_TIMEOUT: Duration = Duration::from_secs(4);
/// How old a connection to a server may become before it takes no further request, unless told otherwise.
pub const CONNECTION_AGE_MAX: Duration = Duration::from_secs(30);

/// Settings of the requests that components send.
#[derive(Clone, Debug)]
pub struct OutboundOptions {
    /// How long an unused connection is kept.
    pub idle_connection_timeout: Duration,
    /// How old a connection may become: the request that finds it older is its last one. The next one asks for
    /// the server's address again.
    pub connection_age_max: Duration,
    /// Who may vouch for servers.
    pub roots: RootSources,
    /// What some components show, and believe, where they ask some hosts over TLS.
    pub client_tls: Vec<ClientTls>,
    /// Who is asked over HTTP/2 where the URL is one without TLS, written as in URLs.
    pub h2c: Vec<Authority>,
}

impl Default for OutboundOptions {
    fn default() -> Self {
        Self {
            idle_connection_timeout: IDLE_CONNECTION_TIMEOUT,
            connection_age_max: CONNECTION_AGE_MAX,
            roots: RootSources::default(),
            client_tls: Vec::new(),
            h2c: Vec::new(),
        }
    }
}
