//! Errors of the host.

use doorward_gate::platform::UpstreamFailure;
use wasip3::http::types::ErrorCode;

/// What hosts say where a component was not granted the destination.
const DENIED: &[u8] = b"not permitted";

/// What happened, in words. What the host says itself comes first.
pub fn explanation(code: &ErrorCode) -> String {
    let words = match code {
        ErrorCode::InternalError(Some(text)) => text,
        ErrorCode::DnsError(_) | ErrorCode::DestinationNotFound => "the name has no address",
        ErrorCode::DnsTimeout => "the name server did not answer",
        ErrorCode::ConnectionRefused => "the connection was refused",
        ErrorCode::TlsCertificateError => "the certificate is not trusted",
        _ => return failure(code).to_string(),
    };
    words.to_owned()
}

/// What a host's error says of an upstream.
pub fn failure(code: &ErrorCode) -> UpstreamFailure {
    match code {
        ErrorCode::DnsTimeout
        | ErrorCode::DnsError(_)
        | ErrorCode::DestinationNotFound
        | ErrorCode::DestinationUnavailable
        | ErrorCode::DestinationIpProhibited
        | ErrorCode::DestinationIpUnroutable
        | ErrorCode::ConnectionRefused
        | ErrorCode::ConnectionLimitReached => UpstreamFailure::Unreachable,
        ErrorCode::ConnectionTimeout => UpstreamFailure::ConnectTimeout,
        ErrorCode::ConnectionTerminated
        | ErrorCode::ConnectionWriteTimeout
        | ErrorCode::HttpResponseIncomplete => UpstreamFailure::Reset,
        ErrorCode::ConnectionReadTimeout | ErrorCode::HttpResponseTimeout => {
            UpstreamFailure::Timeout
        }
        ErrorCode::TlsProtocolError
        | ErrorCode::TlsCertificateError
        | ErrorCode::TlsAlertReceived(_) => UpstreamFailure::Tls,
        ErrorCode::HttpRequestDenied => UpstreamFailure::Denied,
        // Without the searcher of `str::contains`, which is large.
        ErrorCode::InternalError(Some(text))
            if text
                .as_bytes()
                .windows(DENIED.len())
                .any(|part| part == DENIED) =>
        {
            UpstreamFailure::Denied
        }
        ErrorCode::HttpResponseHeaderSectionSize(_) | ErrorCode::HttpResponseHeaderSize(_) => {
            UpstreamFailure::TooLarge
        }
        ErrorCode::HttpRequestLengthRequired
        | ErrorCode::HttpRequestBodySize(_)
        | ErrorCode::HttpRequestMethodInvalid
        | ErrorCode::HttpRequestUriInvalid
        | ErrorCode::HttpRequestUriTooLong
        | ErrorCode::HttpRequestHeaderSectionSize(_)
        | ErrorCode::HttpRequestHeaderSize(_)
        | ErrorCode::HttpRequestTrailerSectionSize(_)
        | ErrorCode::HttpRequestTrailerSize(_)
        | ErrorCode::HttpResponseBodySize(_)
        | ErrorCode::HttpResponseTrailerSectionSize(_)
        | ErrorCode::HttpResponseTrailerSize(_)
        | ErrorCode::HttpResponseTransferCoding(_)
        | ErrorCode::HttpResponseContentCoding(_)
        | ErrorCode::HttpUpgradeFailed
        | ErrorCode::HttpProtocolError
        | ErrorCode::LoopDetected
        | ErrorCode::ConfigurationError
        | ErrorCode::InternalError(_) => UpstreamFailure::Malformed,
    }
}
