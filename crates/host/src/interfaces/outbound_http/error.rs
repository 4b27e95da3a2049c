//! What `wasi:http` calls what goes wrong with a request.

use wasmtime_wasi_http::Error;

/// What `wasi:http` calls a failure of the client: the most precise cause in its chain.
pub(super) fn client_error(error: &hyper_util::client::legacy::Error) -> Error {
    let mut io = None;
    let mut next: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(cause) = next {
        if let Some(tls) = cause.downcast_ref::<rustls::Error>() {
            return match tls {
                rustls::Error::InvalidCertificate(_) => Error::TlsCertificateError,
                _ => Error::TlsProtocolError,
            };
        }
        if let Some(http) = cause.downcast_ref::<hyper::Error>() {
            // The connection was closed before there was a response.
            if http.is_incomplete_message() || http.is_closed() {
                return Error::ConnectionTerminated;
            }
            if http.is_parse_too_large() {
                return Error::HttpResponseHeaderSectionSize(None);
            }
        }
        // The connector says "dns error" and nothing more precise.
        if cause.to_string().starts_with("dns error") {
            return Error::DnsError {
                rcode: None,
                info_code: None,
            };
        }
        next = match cause.downcast_ref::<std::io::Error>() {
            // `source` of an I/O error leaves out what it wraps, and that is where TLS errors are.
            Some(error) => {
                io = Some(error);
                error
                    .get_ref()
                    .map(|inner| inner as &(dyn std::error::Error + 'static))
            }
            None => cause.source(),
        };
    }
    match io {
        Some(io) => io_error(io, error.is_connect()),
        None if error.is_connect() => Error::DestinationUnavailable,
        None => Error::HttpProtocolError,
    }
}

fn io_error(error: &std::io::Error, connecting: bool) -> Error {
    use std::io::ErrorKind;
    match error.kind() {
        ErrorKind::ConnectionRefused => Error::ConnectionRefused,
        ErrorKind::ConnectionReset
        | ErrorKind::ConnectionAborted
        | ErrorKind::BrokenPipe
        | ErrorKind::UnexpectedEof => Error::ConnectionTerminated,
        ErrorKind::TimedOut => Error::ConnectionTimeout,
        ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable => {
            Error::DestinationIpUnroutable
        }
        _ if connecting => Error::DestinationUnavailable,
        _ => Error::ConnectionTerminated,
    }
}
