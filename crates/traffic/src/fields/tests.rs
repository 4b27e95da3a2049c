use super::*;

fn values(values: &[&str]) -> Vec<Vec<u8>> {
    values
        .iter()
        .map(|value| value.as_bytes().to_vec())
        .collect()
}

#[test]
fn fields_of_one_hop_are_known_in_every_spelling() {
    for name in [
        "connection",
        "Connection",
        "keep-alive",
        "KEEP_ALIVE",
        "proxy-connection",
        "proxy-authenticate",
        "proxy-authentication-info",
        "proxy-authorization",
        "TE",
        "transfer-encoding",
        "Transfer_Encoding",
        "transfer.encoding",
        "upgrade",
        "HTTP2-Settings",
    ] {
        assert!(is_hop_by_hop(name), "{name} ends here");
    }
    for name in HOP_BY_HOP_IN_RESPONSES {
        assert!(is_hop_by_hop(name), "{name} ends here");
    }
    for name in [
        "",
        "te2",
        "tea",
        "trailer",
        "content-length",
        "host",
        "authorization",
        "transfer-encodings",
        "x-connection",
    ] {
        assert!(!is_hop_by_hop(name), "{name} goes on");
    }
}

#[test]
fn what_connection_names_is_told_in_lower_case() {
    let named = named_by_connection(&values(&["close, X-Foo", "Keep-Alive,,\tx-bar "]));
    assert_eq!(named, ["x-foo", "x-bar"]);
}

#[test]
fn connection_cannot_name_what_was_judged_or_what_others_have_said() {
    for name in [
        "Authorization",
        "cache-control",
        "Content-Length",
        "content_length",
        "Content-Type",
        "content-encoding",
        "cookie",
        "DPoP",
        "expect",
        "Host",
        "origin",
        "trailer",
        "X-Forwarded-For",
        "X-Real-IP",
        "Forwarded",
        "via",
        "CDN-Loop",
        "spin-client-addr",
        "no token",
        "(x)",
        "x-\u{e9}",
    ] {
        let named = named_by_connection(&values(&[name]));
        assert_eq!(named, Vec::<String>::new(), "{name} is not to be removed");
    }
}

#[test]
fn connection_names_a_bounded_number_of_bounded_fields() {
    let many: Vec<String> = (0..10_000).map(|number| format!("x-{number}")).collect();
    let named = named_by_connection(&values(&[&many.join(",")]));
    assert_eq!(named.len(), CONNECTION_NAMES_MAX, "the first ones");
    let long = "x".repeat(CONNECTION_NAME_BYTES_MAX + 1);
    assert_eq!(named_by_connection(&values(&[&long])), Vec::<String>::new());
}

#[test]
fn what_tells_of_a_body_is_known_in_every_spelling() {
    for name in [
        "content-length",
        "Content-Type",
        "CONTENT_ENCODING",
        "content.range",
        "content-",
        "Expect",
        "Trailer",
        "Transfer-Encoding",
        "transfer_encoding",
    ] {
        assert!(tells_of_a_body(name), "{name} tells of a body");
    }
    for name in [
        "",
        "content",
        "x-content-type",
        "accept",
        "accept-encoding",
        "expect-ct",
        "expec",
        "te",
        "trailers",
    ] {
        assert!(!tells_of_a_body(name), "{name} does not");
    }
}
