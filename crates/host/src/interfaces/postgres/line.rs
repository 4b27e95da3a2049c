//! A line to a server, in the clear or over TLS.

use std::future::{Ready, ready};
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use aws_lc_rs::digest::{Algorithm, SHA256, SHA384, SHA512, digest};
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadBuf};
use tokio::net::TcpStream;
use tokio_postgres::Config;
use tokio_postgres::config::{SslMode, SslNegotiation};
use tokio_postgres::tls::{ChannelBinding, TlsConnect, TlsStream};
use tokio_rustls::TlsConnector;

/// Asks whether TLS may be spoken: the length, and a version that is none.
const TLS_REQUEST: [u8; 8] = [0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f];
/// Yes.
const TLS_GRANTED: u8 = b'S';
/// The protocol, for a server that is spoken to over TLS without having been asked.
const ALPN: &[u8] = b"postgresql";

/// How a certificate may be signed, as object identifiers in DER, and the hash of it that `tls-server-end-point`
/// takes (RFC 5929 section 4.1: SHA-256 in place of older ones).
const SIGNATURES: [(&[u8], &Algorithm); 8] = [
    (b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x04", &SHA256),
    (b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x05", &SHA256),
    (b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0b", &SHA256),
    (b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0c", &SHA384),
    (b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0d", &SHA512),
    (b"\x2a\x86\x48\xce\x3d\x04\x03\x02", &SHA256),
    (b"\x2a\x86\x48\xce\x3d\x04\x03\x03", &SHA384),
    (b"\x2a\x86\x48\xce\x3d\x04\x03\x04", &SHA512),
];

/// A line.
#[expect(
    clippy::large_enum_variant,
    reason = "there are few, and most are large"
)]
pub enum Line {
    /// In the clear.
    Plain(TcpStream),
    /// Over TLS.
    Secure(tokio_rustls::client::TlsStream<TcpStream>),
}

impl Line {
    /// Speaks TLS over `stream` as `config` wants it, and as `tls` says.
    ///
    /// # Errors
    ///
    /// Says why there is no TLS where there has to be.
    pub async fn open(
        mut stream: TcpStream,
        host: &str,
        config: &Config,
        tls: Option<Arc<ClientConfig>>,
    ) -> io::Result<Self> {
        let Some(tls) = tls else {
            return Ok(Self::Plain(stream));
        };
        let tls = match config.get_ssl_negotiation() {
            SslNegotiation::Direct => {
                let mut tls = (*tls).clone();
                tls.alpn_protocols = vec![ALPN.to_vec()];
                Arc::new(tls)
            }
            _ => {
                stream.write_all(&TLS_REQUEST).await?;
                // No more than this byte: what somebody puts behind it is not taken for what comes over TLS.
                if stream.read_u8().await? != TLS_GRANTED {
                    return match config.get_ssl_mode() {
                        SslMode::Require => Err(io::Error::other("the server speaks no TLS")),
                        _ => Ok(Self::Plain(stream)),
                    };
                }
                tls
            }
        };
        let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
        let secure = TlsConnector::from(tls).connect(name, stream).await?;
        Ok(Self::Secure(secure))
    }
}

/// The settings for a line that is open: the crate takes it for TLS to which nothing has to be said before.
pub fn settled(config: &Config) -> Config {
    let mut config = config.clone();
    config
        .ssl_mode(SslMode::Require)
        .ssl_negotiation(SslNegotiation::Direct);
    config
}

/// Gives a line that is open.
pub struct Settled;

impl<S: TlsStream + Unpin> TlsConnect<S> for Settled {
    type Stream = S;
    type Error = io::Error;
    type Future = Ready<io::Result<S>>;

    fn connect(self, line: S) -> Self::Future {
        ready(Ok(line))
    }
}

impl AsyncRead for Line {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_read(cx, buffer),
            Self::Secure(stream) => Pin::new(stream).poll_read(cx, buffer),
        }
    }
}

impl AsyncWrite for Line {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write(cx, bytes),
            Self::Secure(stream) => Pin::new(stream).poll_write(cx, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Self::Secure(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Secure(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}

impl TlsStream for Line {
    fn channel_binding(&self) -> ChannelBinding {
        let Self::Secure(stream) = self else {
            return ChannelBinding::none();
        };
        let certificates = stream.get_ref().1.peer_certificates();
        let certificate = certificates.and_then(|certificates| certificates.first());
        match certificate.and_then(|certificate| end_point(certificate)) {
            Some(hash) => ChannelBinding::tls_server_end_point(hash),
            None => ChannelBinding::none(),
        }
    }
}

/// The hash of a certificate by which the password is bound to this line; none where no rule says which.
fn end_point(certificate: &[u8]) -> Option<Vec<u8>> {
    let (whole, _) = element(certificate)?;
    let (_content, rest) = element(whole)?;
    let (algorithm, _) = element(rest)?;
    let (identifier, _) = element(algorithm)?;
    let (_, hash) = SIGNATURES.iter().find(|(known, _)| *known == identifier)?;
    Some(digest(hash, certificate).as_ref().to_vec())
}

/// What is in the first element of DER, and what is behind it.
fn element(der: &[u8]) -> Option<(&[u8], &[u8])> {
    let (_tag, rest) = der.split_first()?;
    let (first, rest) = rest.split_first()?;
    let (length, rest) = match first.checked_sub(0x80) {
        None => (usize::from(*first), rest),
        Some(count) if (1..=4).contains(&count) => {
            let (length, rest) = rest.split_at_checked(count.into())?;
            let length = length
                .iter()
                .fold(0, |sum, byte| sum << 8 | usize::from(*byte));
            (length, rest)
        }
        Some(_) => return None,
    };
    rest.split_at_checked(length)
}

/// A line on which nothing more is said: when it is shut down, the other end has done what it was told.
pub struct Last(pub Line);

impl AsyncRead for Last {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Last {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut bytes = [0];
        loop {
            let mut buffer = ReadBuf::new(&mut bytes);
            // However it ends: it is at its end then.
            if ready!(Pin::new(&mut self.0).poll_read(cx, &mut buffer)).is_err()
                || buffer.filled().is_empty()
            {
                return Poll::Ready(Ok(()));
            }
        }
    }
}

impl TlsStream for Last {
    fn channel_binding(&self) -> ChannelBinding {
        ChannelBinding::none()
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use crate::trust::certificates;

    #[test]
    fn a_password_is_bound_to_the_certificate_by_its_own_hash() {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/server.pem");
        let certificate = certificates(file.as_ref()).unwrap().remove(0);
        let hash = digest(&SHA256, &certificate).as_ref().to_vec();
        assert_eq!(end_point(&certificate), Some(hash));
        for end in 0..certificate.len() {
            assert_eq!(end_point(certificate.get(..end).unwrap()), None, "{end}");
        }
        for nonsense in [&[0x30, 0x80][..], &[0x30, 0x85, 1, 1, 1, 1, 1], &[0xFF; 64]] {
            assert_eq!(end_point(nonsense), None);
        }
    }
}
