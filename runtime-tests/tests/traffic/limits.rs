//! How large a request may be, and what may be in it.

use crate::front::{BOTH, Front, class, prepared};
use doorward_runtime_tests::cases;
use doorward_runtime_tests::client::{Answer, Ask};
use doorward_runtime_tests::clocked::{all_events, until};
use doorward_runtime_tests::gated::status;
use doorward_runtime_tests::host::Host;
use doorward_runtime_tests::issuer::{AUDIENCE, Issuer};
use doorward_runtime_tests::raw::Raw;
use doorward_runtime_tests::run::Case;

pub const CASES: &[Case] = cases![
    a_body_that_is_declared_too_large_is_refused_before_it_comes,
    a_body_that_turns_out_too_large_reaches_nobody_as_a_whole,
    a_body_that_does_not_say_what_it_is_is_refused_however_it_is_framed,
];

/// Bytes of a body that are allowed.
const BODY_BYTES_MAX: usize = 100_000;

fn policy(issuer: &Issuer) -> String {
    format!(
        r#"
[issuer.test]
url = "{}"
audience = "{AUDIENCE}"
leeway_s = 0

[limits.count]
header_count_max = 30

[limits.bytes]
header_bytes_max = 2000

[limits.target]
target_bytes_max = 50

[limits.body]
body_bytes_max = {BODY_BYTES_MAX}

[limits.types]
content_types = ["application/json", "image/*"]

[limits.all]
header_count_max = 30
header_bytes_max = 2000
target_bytes_max = 50
body_bytes_max = 10
content_types = ["application/json"]

[defaults]
limits = "target"

{routes}

[[route]]
path = "/all/**"
issuer = ["test"]
limits = "all"

[[route]]
path = "/default/**"
public = true

[[route]]
path = "/free/**"
public = true
limits = false
"#,
        issuer.url(),
        routes = ["count", "bytes", "target", "body", "types"]
            .map(|name| format!(
                "[[route]]\npath = \"/{name}/**\"\npublic = true\nlimits = \"{name}\"\n\n"
            ))
            .concat(),
    )
}

/// Fails unless it was refused for this, and has reached nobody.
async fn is_refused(front: &Front, answer: &Answer, expected: (u16, &str), what: &str) {
    let what = format!("{:?}: {what}", front.kind);
    status(answer, expected.0, &what);
    assert_eq!(class(answer), expected.1, "{what}");
    assert_eq!(front.reached().await, 0, "{what}: what reached the service");
}

async fn a_body_that_is_declared_too_large_is_refused_before_it_comes(host: &dyn Host) {
    let issuer = Issuer::start().await;
    for kind in BOTH {
        let front = prepared(kind, &policy(&issuer)).await.on(host).await;
        for length in [BODY_BYTES_MAX as u64 + 1, 10 << 30] {
            let mut request = Raw::connect(front.running.address).await;
            let head = format!(
                "POST /body/trailers HTTP/1.1\r\nHost: a\r\nx-tell:\r\nContent-Length: {length}\r\n\r\n"
            );
            // The head alone: an answer that waits for the body would never come.
            request.send(head).await;
            let response = request.response().await.unwrap();
            let what = format!("{kind:?}: {length} bytes");
            assert_eq!(response.status, 413, "{what}: {}", response.text());
            assert!(
                response.text().contains("body-too-large"),
                "{what}: {}",
                response.text()
            );
            assert_eq!(front.reached().await, 0, "{what}: what reached the service");
        }
    }
}

async fn a_body_that_turns_out_too_large_reaches_nobody_as_a_whole(host: &dyn Host) {
    let issuer = Issuer::start().await;
    for kind in BOTH {
        let front = prepared(kind, &policy(&issuer)).await.on(host).await;
        for bytes in [BODY_BYTES_MAX + 1, 10 * BODY_BYTES_MAX] {
            let what = format!("{kind:?}: {bytes} bytes");
            let answer = front.send_bytes(chunked("/body/trailers", "", bytes)).await;
            status(&answer, 413, &what);
            assert_eq!(class(&answer), "body-too-large", "{what}");
        }
        // In pieces, so that a good part of it has been passed on when it turns out.
        let mut request = Raw::connect(front.running.address).await;
        let head = "POST /body/trailers HTTP/1.1\r\nHost: a\r\nx-tell:\r\nTransfer-Encoding: chunked\r\n\r\n";
        request.send(head).await;
        for _ in 0..4 {
            request
                .send(format!("{:x}\r\n{}\r\n", 24_000, "x".repeat(24_000)))
                .await;
        }
        until("the service has been reached", || {
            front.reached_so_far() >= 1
        })
        .await;
        request
            .send(format!("{:x}\r\n{}\r\n", 24_000, "x".repeat(24_000)))
            .await;
        let response = request.response().await.unwrap();
        assert_eq!(
            response.status,
            413,
            "{kind:?}: in pieces: {}",
            response.text()
        );
        assert_eq!(
            front.whole_bodies().await,
            0,
            "{kind:?}: bodies that came through whole"
        );
        let most = 3 * BODY_BYTES_MAX as u64;
        let came = front.body_bytes().await;
        assert!(came <= most, "{kind:?}: {came} bytes came through");
        let told = all_events(&front.running, "refused").await;
        assert_eq!(told.len(), 3, "{kind:?}: the log: {told:?}");
    }
}

async fn a_body_that_does_not_say_what_it_is_is_refused_however_it_is_framed(host: &dyn Host) {
    let issuer = Issuer::start().await;
    for kind in BOTH {
        let front = prepared(kind, &policy(&issuer)).await.on(host).await;
        let refused = (415, "unsupported-media-type");
        let answer = front.send(Ask::new("POST", "/types/a").body(b"{}")).await;
        is_refused(&front, &answer, refused, "with a length").await;
        for bytes in [2, 300_000] {
            let answer = front.send_bytes(chunked("/types/a", "", bytes)).await;
            is_refused(&front, &answer, refused, "in chunks").await;
        }
        let answer = front
            .send_bytes(chunked("/types/a", "Content-Type: text/html\r\n", 2))
            .await;
        is_refused(&front, &answer, refused, "in chunks, of another type").await;
        let json = "Content-Type: application/json\r\n";
        let answer = front.send_bytes(chunked("/types/a", json, 2)).await;
        status(
            &answer,
            200,
            &format!("{kind:?}: in chunks, of a type that is listed"),
        );
        let empty = Ask::new("POST", "/types/a").header("Content-Length", "0");
        status(
            &front.send(empty).await,
            200,
            &format!("{kind:?}: of no bytes"),
        );
    }
}

/// A POST with a body of so many bytes in chunks, of which what is behind tells.
fn chunked(target: &str, fields: &str, bytes: usize) -> Vec<u8> {
    let mut request = format!(
        "POST {target} HTTP/1.1\r\nHost: a\r\nx-tell:\r\n{fields}Transfer-Encoding: chunked\r\n\
         Connection: close\r\n\r\n"
    );
    let piece = "x".repeat(10_000);
    for start in (0..bytes).step_by(piece.len()) {
        let count = piece.len().min(bytes - start);
        request.push_str(&format!("{count:x}\r\n{}\r\n", &piece[..count]));
    }
    request.push_str("0\r\n\r\n");
    request.into_bytes()
}
