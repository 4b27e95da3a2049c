//! How large a request may be, and what may be in it.

use crate::api::client::{Answer, Ask};
use crate::api::gated::status;
use crate::api::host::Host;
use crate::api::issuer::{AUDIENCE, Issuer, KEYS, METADATA};
use crate::api::run::Case;
use crate::api::run::cases;
use crate::front::{BOTH, Front, class, prepared};

pub const CASES: &[Case] = cases![
    header_fields_are_counted,
    the_bytes_of_header_fields_are_counted,
    a_target_that_is_too_long_is_refused,
    a_body_that_is_as_large_as_it_may_be_arrives_whole,
    only_the_listed_content_types_pass,
    a_body_that_does_not_say_what_it_is_is_refused_however_it_is_framed,
    what_is_too_large_is_refused_before_its_credential_is_looked_at,
    a_route_has_the_limits_of_the_defaults_its_own_or_none,
];

/// Bytes of a body that are allowed.
pub const BODY_BYTES_MAX: usize = 100_000;

pub fn policy(issuer: &Issuer) -> String {
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

fn with_fields(ask: Ask, count: usize, value: &str) -> Ask {
    (0..count).fold(ask, |ask, number| ask.header(&format!("x-{number}"), value))
}

/// Fails unless it was refused for this, and has reached nobody.
async fn is_refused(front: &Front, answer: &Answer, expected: (u16, &str), what: &str) {
    let what = format!("{:?}: {what}", front.kind);
    status(answer, expected.0, &what);
    assert_eq!(class(answer), expected.1, "{what}");
    assert_eq!(front.reached().await, 0, "{what}: what reached the service");
}

async fn header_fields_are_counted(host: &dyn Host) {
    let issuer = Issuer::start().await;
    for kind in BOTH {
        let front = prepared(kind, &policy(&issuer)).await.on(host).await;
        for count in [30, 100] {
            let answer = front
                .send(with_fields(Ask::get("/count/a"), count, "v"))
                .await;
            // With its own fields these are more than Spin itself takes.
            if host.name() == "spin" && count == 100 {
                status(&answer, 431, &format!("{kind:?}: {count} fields, on Spin"));
                assert_eq!(
                    front.reached().await,
                    0,
                    "{kind:?}: what reached the service"
                );
                continue;
            }
            let refused = (431, "headers-too-large");
            is_refused(&front, &answer, refused, &format!("{count} fields")).await;
        }
        // Those that the host adds are counted, too.
        let answer = front.send(with_fields(Ask::get("/count/a"), 15, "v")).await;
        status(&answer, 200, &format!("{kind:?}: 15 fields"));
        // Fields of one name are as many as they are lines.
        let ask = (0..30).fold(Ask::get("/count/a"), |ask, _| ask.header("x", "v"));
        let answer = front.send(ask).await;
        status(&answer, 431, &format!("{kind:?}: 30 of one name"));
    }
}

async fn the_bytes_of_header_fields_are_counted(host: &dyn Host) {
    let issuer = Issuer::start().await;
    for kind in BOTH {
        let front = prepared(kind, &policy(&issuer)).await.on(host).await;
        let asks = [
            (
                "a long value",
                Ask::get("/bytes/a").header("x", &"v".repeat(2000)),
            ),
            (
                "a long name",
                Ask::get("/bytes/a").header(&"x".repeat(2000), ""),
            ),
            (
                "many",
                with_fields(Ask::get("/bytes/a"), 20, &"v".repeat(100)),
            ),
        ];
        for (what, ask) in asks {
            let answer = front.send(ask).await;
            is_refused(&front, &answer, (431, "headers-too-large"), what).await;
        }
        let answer = front
            .send(Ask::get("/bytes/a").header("x", &"v".repeat(1000)))
            .await;
        status(&answer, 200, &format!("{kind:?}: 1,000 bytes"));
    }
}

async fn a_target_that_is_too_long_is_refused(host: &dyn Host) {
    let issuer = Issuer::start().await;
    for kind in BOTH {
        let front = prepared(kind, &policy(&issuer)).await.on(host).await;
        for target in [
            format!("/target/{}", "a".repeat(43)),
            format!("/target/a?{}", "b".repeat(41)),
        ] {
            assert_eq!(target.len(), 51);
            let answer = front.send(Ask::get(&target)).await;
            is_refused(&front, &answer, (414, "target-too-long"), &target).await;
        }
        let answer = front
            .send(Ask::get(&format!("/target/a?{}", "b".repeat(40))))
            .await;
        status(&answer, 200, &format!("{kind:?}: 50 bytes"));
    }
}

async fn a_body_that_is_as_large_as_it_may_be_arrives_whole(host: &dyn Host) {
    let issuer = Issuer::start().await;
    for kind in BOTH {
        let front = prepared(kind, &policy(&issuer)).await.on(host).await;
        let ask = Ask::new("POST", "/body/trailers").body(&[b'x'; BODY_BYTES_MAX]);
        status(&front.send(ask).await, 200, &format!("{kind:?}: declared"));
        let answer = front
            .send_bytes(chunked("/body/trailers", "", BODY_BYTES_MAX))
            .await;
        status(&answer, 200, &format!("{kind:?}: in chunks"));
        assert_eq!(
            front.whole_bodies().await,
            2,
            "{kind:?}: bodies that came through whole"
        );
        assert_eq!(
            front.body_bytes().await,
            2 * BODY_BYTES_MAX as u64,
            "{kind:?}"
        );
    }
}

async fn only_the_listed_content_types_pass(host: &dyn Host) {
    let issuer = Issuer::start().await;
    for kind in BOTH {
        let front = prepared(kind, &policy(&issuer)).await.on(host).await;
        let post = |content_type: &str| {
            Ask::new("POST", "/types/a")
                .header("Content-Type", content_type)
                .body(b"{}")
        };
        for content_type in [
            "text/html",
            "application/jsonx",
            "application",
            "image/",
            "application/json, text/html",
            "application/json;a=b, text/html",
            "",
        ] {
            let answer = front.send(post(content_type)).await;
            is_refused(
                &front,
                &answer,
                (415, "unsupported-media-type"),
                content_type,
            )
            .await;
        }
        let two = post("application/json").header("content-type", "text/html");
        let answer = front.send(two).await;
        is_refused(
            &front,
            &answer,
            (415, "unsupported-media-type"),
            "two of them",
        )
        .await;
        for content_type in [
            "application/json",
            "Application/JSON; charset=utf-8",
            "image/png",
        ] {
            let answer = front.send(post(content_type)).await;
            status(&answer, 200, &format!("{kind:?}: {content_type}"));
        }
        let answer = front.send(Ask::get("/types/a")).await;
        status(&answer, 200, &format!("{kind:?}: no body"));
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

async fn what_is_too_large_is_refused_before_its_credential_is_looked_at(host: &dyn Host) {
    let issuer = Issuer::start().await;
    for kind in BOTH {
        let front = prepared(kind, &policy(&issuer)).await.on(host).await;
        let token = issuer.token("alice", "");
        let json = |ask: Ask| ask.header("Content-Type", "application/json");
        let post = || Ask::new("POST", "/all/a");
        let asks = [
            (431, with_fields(post(), 40, "v")),
            (431, post().header("x", &"v".repeat(2000))),
            (414, Ask::new("POST", &format!("/all/{}", "a".repeat(50)))),
            (413, json(post()).body(b"more than ten bytes")),
            (415, post().header("Content-Type", "text/html").body(b"a")),
        ];
        for (expected, ask) in asks {
            let good = ask.clone().bearer(&token);
            for (what, ask) in [
                ("none", ask.clone()),
                ("a wrong one", ask.bearer("a.b.c")),
                ("a good one", good),
            ] {
                let answer = front.send(ask).await;
                status(&answer, expected, &format!("{kind:?}: {what}"));
                let challenge = answer.header("www-authenticate");
                assert_eq!(challenge, None, "{kind:?}: {expected}, {what}");
            }
        }
        let asked = issuer.requests(METADATA) + issuer.requests(KEYS);
        assert_eq!(asked, 0, "{kind:?}: requests to the issuer");
        assert_eq!(
            front.reached().await,
            0,
            "{kind:?}: what reached the service"
        );
        // What is within its limits has to prove itself.
        status(
            &front.send(Ask::get("/all/a").bearer("a.b.c")).await,
            401,
            &format!("{kind:?}"),
        );
    }
}

async fn a_route_has_the_limits_of_the_defaults_its_own_or_none(host: &dyn Host) {
    let issuer = Issuer::start().await;
    for kind in BOTH {
        let front = prepared(kind, &policy(&issuer)).await.on(host).await;
        let long = "a".repeat(60);
        for (target, expected) in [
            (format!("/default/{long}"), 414),
            (format!("/body/{long}"), 200),
            (format!("/free/{long}"), 200),
        ] {
            let answer = front.send(Ask::get(&target)).await;
            status(&answer, expected, &format!("{kind:?}: {target}"));
        }
    }
}

/// A POST with a body of so many bytes in chunks, of which what is behind tells.
pub fn chunked(target: &str, fields: &str, bytes: usize) -> Vec<u8> {
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
