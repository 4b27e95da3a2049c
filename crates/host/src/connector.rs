//! Connections to servers: of components, and for what the host fetches itself.

use std::sync::Arc;

use anyhow::{Context as _, Result};
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::connect::HttpConnector;

/// Makes connections for HTTP/1, over TLS where the URL says so; who is there has to prove it by one of
/// Mozilla's roots.
///
/// # Errors
///
/// When TLS cannot be set up.
pub fn https_connector() -> Result<HttpsConnector<HttpConnector>> {
    let mut connector = HttpConnector::new();
    connector.enforce_http(false);
    connector.set_nodelay(true);
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    Ok(hyper_rustls::HttpsConnectorBuilder::new()
        .with_provider_and_webpki_roots(provider)
        .context("TLS cannot be set up")?
        .https_or_http()
        .enable_http1()
        .wrap_connector(connector))
}
