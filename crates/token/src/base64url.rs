//! Base64url as JOSE wants it (RFC 7515 §2): no padding, no white space, no bit that no byte uses.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// Decodes; `None` when the text is not strict base64url.
pub(crate) fn decode(text: &[u8]) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

/// Encodes.
pub(crate) fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

#[cfg(test)]
mod tests {
    use super::decode;

    #[test]
    fn strict_text_decodes() {
        assert_eq!(decode(b""), Some(vec![]));
        assert_eq!(decode(b"-_8"), Some(vec![0xfb, 0xff]));
        assert_eq!(decode(b"AAEC"), Some(vec![0, 1, 2]));
    }

    #[test]
    fn everything_else_is_refused() {
        for text in [
            "A", "AA==", "AA=", "AB", "AAB", "A A", "AA\n", " AA", "+/8", "AA.A", "\u{e9}A",
            "AAAA\0",
        ] {
            assert_eq!(decode(text.as_bytes()), None, "{text:?} must be refused");
        }
    }
}
