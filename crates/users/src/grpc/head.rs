//! The head of a call.

use doorward_syntax::base64url::encode_standard_unpadded;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, Method};

/// What calls have as their media type, or begin it with.
pub const GRPC: &str = "application/grpc";
/// The field with how messages are compressed.
const ENCODING: &str = "grpc-encoding";
/// Where they are not.
pub const IDENTITY: &str = "identity";

/// Whether a request is a call. To what is not a 415 is due (PROTOCOL-HTTP2 of gRPC, "Requests").
pub fn is_call(method: &Method, headers: &HeaderMap) -> bool {
    let media_type = headers.get(CONTENT_TYPE).map(|value| value.as_bytes());
    let rest = media_type.and_then(|media_type| media_type.strip_prefix(GRPC.as_bytes()));
    let is_grpc = rest.is_some_and(|rest| matches!(rest, [] | [b'+' | b';', ..]));
    *method == Method::POST && is_grpc
}

/// Whether the messages of a call are as they are: nothing else can be read here.
pub fn is_plain(headers: &HeaderMap) -> bool {
    headers
        .get(ENCODING)
        .is_none_or(|encoding| encoding == IDENTITY)
}

/// The value of a field with bytes, whose name ends with `-bin`.
pub fn binary(bytes: &[u8]) -> String {
    encode_standard_unpadded(bytes)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::{is_call, is_plain};
    use http::{HeaderMap, Method};

    fn headers(name: &'static str, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(name.parse().unwrap(), value.parse().unwrap())])
    }

    #[test]
    fn a_call_is_told_by_its_method_and_media_type() {
        for (media_type, is) in [
            ("application/grpc", true),
            ("application/grpc+proto", true),
            ("application/grpc;a=b", true),
            ("application/grpc-web", false),
            ("application/json", false),
            ("", false),
        ] {
            let headers = headers("content-type", media_type);
            assert_eq!(is_call(&Method::POST, &headers), is, "{media_type}");
            assert!(!is_call(&Method::GET, &headers), "{media_type}");
        }
        assert!(!is_call(&Method::POST, &HeaderMap::new()));
    }

    #[test]
    fn messages_are_not_compressed() {
        assert!(is_plain(&HeaderMap::new()));
        assert!(is_plain(&headers("grpc-encoding", "identity")));
        assert!(!is_plain(&headers("grpc-encoding", "gzip")));
    }
}
