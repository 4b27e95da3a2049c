//! Requests that two servers could read differently: the origin, which is strict, never sees one that is
//! malformed, and none that was not authorised.

use crate::{Stage, head};
use doorward_runtime_tests::cases;
use doorward_runtime_tests::host::Host;
use doorward_runtime_tests::origin::Reply;
use doorward_runtime_tests::run::Case;

pub const CASES: &[Case] = cases![
    what_is_malformed_is_refused_and_asks_nobody,
    a_body_that_is_framed_twice_smuggles_nothing,
    a_body_of_which_a_get_does_not_tell_goes_nowhere,
    a_second_request_is_judged_on_its_own,
    no_protocol_is_switched,
    who_expects_a_continue_gets_it_from_here,
    a_length_cannot_be_taken_away,
];

/// What is smuggled: nobody may ask for it without a token.
const SMUGGLED: &str = "GET /read/smuggled HTTP/1.1\r\nHost: x\r\n\r\n";

/// Sends this and gives the statuses of what is answered: so many, and what else comes before the connection
/// ends once nothing more is sent.
async fn answers(stage: &Stage, bytes: &str, count: usize) -> Vec<u16> {
    let mut client = stage.connect().await;
    client.send(bytes).await;
    let mut statuses = Vec::new();
    loop {
        if statuses.len() == count {
            client.finish().await;
        }
        match client.response().await {
            Ok(response) => statuses.push(response.status),
            Err(_) => return statuses,
        }
    }
}

/// Fails if the origin got anything that it should not have.
fn clean(stage: &Stage, requests_max: usize, what: &str) {
    let seen = stage.origin.requests();
    assert!(
        seen.len() <= requests_max,
        "{what}: more than was asked: {seen:#?}"
    );
    for seen in seen {
        assert_eq!(seen.fault, None, "{what}: the origin is strict: {seen:#?}");
        assert!(seen.target.starts_with("/public/"), "{what}: {seen:#?}");
        let lengths = seen.values("content-length").len();
        let codings = seen.values("transfer-encoding").len();
        assert!(lengths + codings <= 1, "{what}: framed twice: {seen:#?}");
    }
}

async fn what_is_malformed_is_refused_and_asks_nobody(host: &dyn Host) {
    let stage = Stage::new(host, Reply::ok("hello")).await;
    for (what, fields) in [
        ("two lengths", "Content-Length: 5\r\nContent-Length: 6"),
        ("two lengths in one", "Content-Length: 5, 6"),
        ("a length with a sign", "Content-Length: +5"),
        ("a length in hex", "Content-Length: 0x5"),
        ("an empty length", "Content-Length: "),
        (
            "a length beyond all",
            "Content-Length: 99999999999999999999999",
        ),
        ("a name with a space at its end", "Content-Length : 5"),
        ("a name with a space in it", "Content Length: 5"),
        (
            "a coding with a space before its colon",
            "Transfer-Encoding : chunked",
        ),
        (
            "a coding that is not the last",
            "Transfer-Encoding: chunked, identity",
        ),
        ("a coding that is unknown", "Transfer-Encoding: xchunked"),
        (
            "a coding in two lines",
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity",
        ),
        ("a folded field", "X-One: a\r\n b"),
        ("a folded coding", "Transfer-Encoding:\r\n chunked"),
        ("a first line that is folded", " X-One: a"),
        ("a NUL", "X-One: a\0b"),
        ("a bare CR", "X-One: a\rX-Two: b"),
        ("a vertical tab", "Transfer-Encoding: \x0bchunked"),
        ("a field without a name", ": a"),
        ("a field without a colon", "X-One"),
        ("another host", "Host: other.example"),
    ] {
        let bytes = format!("POST /public/a HTTP/1.1\r\nHost: x\r\n{fields}\r\n\r\n{SMUGGLED}");
        let statuses = answers(&stage, &bytes, 1).await;
        let again = match what {
            // It is plain where it ends, so the next one is read, and judged.
            "another host" => &[400, 401][..],
            _ => &[400],
        };
        assert!(
            statuses == [400] || statuses == again,
            "{what}: refused, and the connection ends: {statuses:?}"
        );
        assert_eq!(stage.origin.connections(), 0, "{what}: nobody is asked");
    }
    for (what, line) in [
        ("a target with a space", "GET /public/a b HTTP/1.1"),
        ("two spaces", "GET  /public/a HTTP/1.1"),
        ("a version of another kind", "GET /public/a HTTP/1.7"),
        ("a method that is none", "G@T /public/a HTTP/1.1"),
        ("no version", "GET /public/a"),
    ] {
        let statuses = answers(&stage, &format!("{line}\r\nHost: x\r\n\r\n{SMUGGLED}"), 1).await;
        assert_ne!(statuses.first(), Some(&200), "{what}: {statuses:?}");
        assert_eq!(stage.origin.connections(), 0, "{what}: nobody is asked");
    }
}

async fn a_body_that_is_framed_twice_smuggles_nothing(host: &dyn Host) {
    let chunked = format!("0\r\n\r\n{SMUGGLED}");
    let length = chunked.len();
    for (what, fields) in [
        (
            "CL.TE",
            format!("Content-Length: {length}\r\nTransfer-Encoding: chunked"),
        ),
        (
            "TE.CL",
            format!("Transfer-Encoding: chunked\r\nContent-Length: {length}"),
        ),
        (
            "CL.TE, short",
            "Content-Length: 4\r\nTransfer-Encoding: chunked".to_owned(),
        ),
        (
            "TE.CL, short",
            "Transfer-Encoding: chunked\r\nContent-Length: 4".to_owned(),
        ),
        (
            "CL.TE, none",
            "Content-Length: 0\r\nTransfer-Encoding: chunked".to_owned(),
        ),
        (
            "TE.TE",
            "Transfer-Encoding: identity\r\nTransfer-Encoding: chunked".to_owned(),
        ),
        (
            "TE.TE, in one",
            "Transfer-Encoding: identity, chunked".to_owned(),
        ),
        (
            "TE.TE, twice",
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked".to_owned(),
        ),
        (
            "an underscore",
            format!("Content-Length: {length}\r\nTransfer_Encoding: chunked"),
        ),
        (
            "another case",
            format!("content-LENGTH: {length}\r\ntRANSFER-eNCODING: CHUNKED"),
        ),
    ] {
        let stage = Stage::new(host, Reply::ok("hello")).await;
        let statuses = answers(
            &stage,
            &format!("{}{chunked}", {
                let mut request = head("POST", "/public/a", &[]);
                request.truncate(request.len() - 2);
                request + &fields + "\r\n\r\n"
            }),
            1,
        )
        .await;
        clean(&stage, 1, what);
        // Where there is a second request, it is one of the gateway's own, and has no token.
        let tail = statuses.get(1..).unwrap_or_default();
        assert!(
            tail.is_empty() || tail == [401] || tail == [400],
            "{what}: nothing more is let through: {statuses:?}"
        );
        // Nothing of it is left on the way to the origin.
        stage.origin.forget();
        assert_eq!(
            stage.get("/public/next").await.text(),
            "hello",
            "after {what}"
        );
        clean(&stage, 1, what);
        assert_eq!(
            stage.origin.request().target,
            "/public/next",
            "after {what}"
        );
    }
}

async fn a_body_of_which_a_get_does_not_tell_goes_nowhere(host: &dyn Host) {
    let stage = Stage::new(host, Reply::ok("hello")).await;
    let chunk = format!("{:x}\r\n{SMUGGLED}\r\n", SMUGGLED.len());
    for method in ["GET", "HEAD"] {
        for field in [
            "X-Other: a",
            "Content-Type: text/plain",
            "Content-Encoding: identity",
            "content_language: de",
            "Trailer: x-other",
            "Expect: 100-continue",
        ] {
            stage.origin.forget();
            let what = format!("{method}, {field}");
            let mut bytes = head(method, "/public/a", &["Transfer-Encoding: chunked", field]);
            bytes.push_str(&chunk);
            bytes.push_str("0\r\n\r\n");
            bytes.push_str(&head("GET", "/public/next", &["Connection: close"]));
            let mut client = stage.connect().await;
            client.send(bytes).await;
            let answer = client.response_to(method).await;
            assert_eq!(answer.map(|answer| answer.status).ok(), Some(200), "{what}");
            clean(&stage, 2, &what);
            let seen = &stage.origin.requests()[0];
            // Where a component sees `Transfer-Encoding`, that tells of the body.
            let is_told = field != "X-Other: a" || host.shows_hops();
            let body = if is_told { SMUGGLED } else { "" };
            assert_eq!(
                String::from_utf8_lossy(&seen.body),
                body,
                "{what}: the body that arrives"
            );
            assert!(seen.is_whole(), "{what}: {seen:?}");
            // The connection ends, or what comes next on it is what was asked next.
            while client.response().await.is_ok() {}
            clean(&stage, 2, &what);
        }
    }
}

async fn a_second_request_is_judged_on_its_own(host: &dyn Host) {
    let stage = Stage::new(host, Reply::ok("hello")).await;
    let first = head("POST", "/public/a", &["Content-Length: 5"]);
    let statuses = answers(
        &stage,
        &format!("{first}hello{SMUGGLED}GET /public/b HTTP/1.1\r\nHost: x\r\n\r\n"),
        3,
    )
    .await;
    assert_eq!(statuses, [200, 401, 200], "each on its own");
    clean(&stage, 2, "pipelined");
    // A bare LF ends no line, or every line: either way each request is judged.
    let bytes = "GET /public/a HTTP/1.1\nHost: x\n\nGET /read/b HTTP/1.1\nHost: x\n\n";
    let bare = answers(&stage, bytes, 1).await;
    assert!(
        [&[400][..], &[200], &[200, 401]].contains(&&*bare),
        "a bare LF: {bare:?}"
    );
    clean(&stage, 3, "a bare LF");
}

async fn no_protocol_is_switched(host: &dyn Host) {
    let stage = Stage::new(host, Reply::ok("hello")).await;
    for (what, fields) in [
        (
            "h2c",
            &[
                "Connection: Upgrade, HTTP2-Settings",
                "Upgrade: h2c",
                "HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA",
            ][..],
        ),
        (
            "h2c, which no Connection names",
            &["Upgrade: h2c", "HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA"],
        ),
    ] {
        stage.origin.forget();
        let request = head("GET", "/public/a", fields) + SMUGGLED;
        let statuses = answers(&stage, &request, 2).await;
        assert_eq!(statuses, [200, 401], "{what}: plain HTTP/1.1 as before");
        clean(&stage, 1, what);
        let seen = stage.origin.request();
        for name in ["upgrade", "http2-settings", "connection"] {
            assert_eq!(seen.values(name), [""; 0], "{what}: {name}");
        }
    }
    stage.origin.forget();
    let fields = [
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    ];
    let request = head("GET", "/public/a", &fields) + SMUGGLED;
    let statuses = answers(&stage, &request, 2).await;
    assert_eq!(statuses, [501, 401], "a web socket: there is none");
    assert_eq!(stage.origin.count(), 0, "nobody is asked for a web socket");
    let bytes = head("CONNECT", "/public/a", &[]) + SMUGGLED;
    let statuses = answers(&stage, &bytes, 1).await;
    assert_ne!(statuses.first(), Some(&200), "CONNECT: {statuses:?}");
    assert_eq!(stage.origin.count(), 0, "nobody is asked to CONNECT");
}

async fn who_expects_a_continue_gets_it_from_here(host: &dyn Host) {
    for field in ["Content-Length: 5", "Transfer-Encoding: chunked"] {
        let stage = Stage::new(host, Reply::ok("hello")).await;
        let mut client = stage.connect().await;
        let fields = ["Expect: 100-continue", field];
        client.send(head("POST", "/public/a", &fields)).await;
        let interim = client.read_until("\r\n\r\n").await;
        assert!(interim.starts_with("HTTP/1.1 100"), "{field}: {interim}");
        client
            .send(match field {
                "Content-Length: 5" => "12345",
                _ => "5\r\n12345\r\n0\r\n\r\n",
            })
            .await;
        let response = client.response().await.unwrap();
        assert_eq!(response.text(), "hello", "{field}");
        let seen = stage.origin.request();
        assert_eq!(seen.body, b"12345", "{field}");
        assert_eq!(seen.values("expect"), [""; 0], "{field}: it is settled");
        clean(&stage, 1, field);
    }
    // Who is refused is not asked for a body.
    let stage = Stage::new(host, Reply::ok("hello")).await;
    let mut client = stage.connect().await;
    let fields = ["Expect: 100-continue", "Content-Length: 5"];
    client.send(head("POST", "/read/a", &fields)).await;
    let response = client.response().await.unwrap();
    assert_eq!(response.status, 401);
    assert_eq!(response.interim, [], "nothing is asked of who is refused");
    assert_eq!(stage.origin.connections(), 0, "nor of the origin");
}

async fn a_length_cannot_be_taken_away(host: &dyn Host) {
    for (what, fields) in [
        (
            "a length",
            &["Connection: content-length", "Content-Length: 47"][..],
        ),
        (
            "a coding",
            &[
                "Connection: transfer-encoding, close",
                "Transfer-Encoding: chunked",
            ],
        ),
        ("the host", &["Connection: host", "Content-Length: 0"]),
        (
            "what the gateway sets",
            &[
                "Connection: x-auth-subject, x-forwarded-for, via, cdn-loop, forwarded, cookie",
                "Content-Length: 0",
            ],
        ),
    ] {
        let stage = Stage::new(host, Reply::ok("hello")).await;
        let body = format!("{:<47}", "");
        let body = match what {
            "a length" => body.replacen(&" ".repeat(SMUGGLED.len()), SMUGGLED, 1),
            "a coding" => format!("5\r\nhello\r\n0\r\n\r\n{SMUGGLED}"),
            _ => String::new(),
        };
        let mut client = stage.connect().await;
        let token = format!("Authorization: Bearer {}", stage.token());
        let fields: Vec<&str> = fields.iter().copied().chain([&*token]).collect();
        client.send(head("POST", "/read/a", &fields)).await;
        client.send(&body).await;
        let response = client.response().await.unwrap();
        assert_eq!(
            (response.status, response.text()),
            (200, "hello".to_owned()),
            "{what}"
        );
        let seen = stage.origin.request();
        assert!(seen.is_whole(), "{what}: {seen:?}");
        let expected = match what {
            "a length" => body.as_bytes(),
            "a coding" => b"hello",
            _ => b"",
        };
        assert_eq!(seen.body, expected, "{what}: the body as it was framed");
        for name in [
            "x-auth-subject",
            "x-forwarded-for",
            "via",
            "cdn-loop",
            "forwarded",
        ] {
            assert_eq!(seen.values(name).len(), 1, "{what}: {name}: {seen:?}");
        }
    }
}
