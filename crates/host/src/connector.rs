//! Connections to servers: of components, and for what the host fetches itself.

use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::connect::HttpConnector;
use rustls::ClientConfig;

/// Makes connections without TLS, whatever the URL says.
pub fn http_connector() -> HttpConnector {
    let mut connector = HttpConnector::new();
    connector.enforce_http(false);
    connector.set_nodelay(true);
    connector
}

/// Speaks TLS over the connections of `connector` where the URL says so. There the server chooses between HTTP/1 and
/// HTTP/2 (ALPN).
pub fn over_tls<C>(connector: C, tls: ClientConfig) -> HttpsConnector<C> {
    hyper_rustls::HttpsConnectorBuilder::new()
        .with_tls_config(tls)
        .https_or_http()
        .enable_all_versions()
        .wrap_connector(connector)
}
