//! What `--url` and `--token-file` name.

use std::net::{SocketAddr, ToSocketAddrs as _};
use std::path::Path;

use anyhow::{Context as _, Result, bail};

use crate::files;

/// The largest file of tokens that is read, in bytes.
const TOKENS_BYTES_MAX: u64 = 256 << 20;

/// The address that a URL is at.
pub(super) fn address(url: &http::Uri) -> Result<SocketAddr> {
    if url.scheme() != Some(&http::uri::Scheme::HTTP) {
        bail!("{url} is no http URL\n  help: without TLS, such as http://127.0.0.1:3000/");
    }
    let host = url.host().context("the URL has no host")?;
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let port = url.port_u16().unwrap_or(80);
    let mut addresses = (host, port)
        .to_socket_addrs()
        .with_context(|| format!("{host} has no address"))?;
    addresses
        .next()
        .with_context(|| format!("{host} has no address"))
}

/// The tokens in a file, one a line.
pub(super) fn tokens(path: &Path) -> Result<Vec<String>> {
    let text = files::read_text(path, TOKENS_BYTES_MAX)
        .with_context(|| format!("{} cannot be read", path.display()))?;
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let tokens: Vec<String> = lines.map(str::to_owned).collect();
    if tokens.is_empty() {
        bail!("{} has no token", path.display());
    }
    Ok(tokens)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_that_of_the_host_and_port() {
        let address = |url: &'static str| address(&http::Uri::from_static(url));
        assert_eq!(
            address("http://127.0.0.1:81/a").unwrap().to_string(),
            "127.0.0.1:81"
        );
        assert_eq!(address("http://[::1]/").unwrap().to_string(), "[::1]:80");
        assert!(address("https://127.0.0.1/").is_err(), "that needs TLS");
    }

    #[test]
    fn a_file_of_tokens_has_one_a_line() {
        let file = tempfile::NamedTempFile::new().unwrap();
        assert!(tokens(file.path()).is_err(), "it is empty");
        std::fs::write(file.path(), "a.b.c\n\n d.e.f \n").unwrap();
        assert_eq!(tokens(file.path()).unwrap(), ["a.b.c", "d.e.f"]);
    }
}
