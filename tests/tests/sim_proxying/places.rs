//! Tokens in headers of their own, cookies and the query: none of them reaches the origin, and all else
//! arrives as it was.

use crate::{NONE, ORDERS, ROUTES, Scene, TRUST, all_of, chunked, ok, scenes, status, trailers};
use doorward_tests::sim::client::{HOST, Sent};
use doorward_tests::sim::origin::Origin;
use std::rc::Rc;

const PLACES: &str = r#"
    [[route]]
    path = "/places/**"
    issuer = ["test"]
    token_from = ["header:x-token", "cookie:session", "query:access_token"]

    [[route]]
    path = "/places/mirrored"
    issuer = ["test"]
    token_from = ["cookie:session", "query:access_token"]
    mirror = "second"

    [[route]]
    path = "/places/kept"
    issuer = ["test"]
    token_from = ["cookie:session", "query:access_token"]
    credential = "forward"

    [[route]]
    path = "/places/open"
    issuer = ["test"]
    token_from = ["authorization", "cookie:session"]
    auth = "optional"
"#;

/// A gateway with these routes, and the second upstream.
fn places() -> Vec<(Scene, Rc<Origin>)> {
    let policy = format!(
        "{TRUST}\n[upstream.orders]\nurl = \"https://{ORDERS}\"\nattempts_max = 1\n\
         [upstream.second]\nurl = \"https://second.example\"\n{ROUTES}\n{PLACES}"
    );
    let with_second = |scene: Scene| {
        let second = Origin::at(&scene.stage.world, "second.example");
        (scene, second)
    };
    scenes(&policy).map(with_second).collect()
}

#[test]
fn a_token_reaches_the_origin_from_none_of_its_places() {
    for (scene, _) in places() {
        let token = scene.token("read");
        for target in ["/places/a", "/public/a"] {
            let sent = Sent::get(&format!("{target}?b=1&access_token={token}"))
                .field("X-Token", &token)
                .field("Cookie", format!("a=1; session={token}; b=2"))
                .field(
                    "Referer",
                    format!("https://{HOST}/?access_token={token}&c=%7e"),
                );
            let seen = scene.passes(sent, target);
            assert_eq!(seen.target, format!("{target}?b=1"), "the target");
            assert_eq!(seen.values("x-token"), NONE, "{target}: the header");
            assert_eq!(seen.values("cookie"), ["a=1; b=2"], "{target}: the cookies");
            assert_eq!(
                seen.values("referer"),
                [format!("https://{HOST}/?c=%7e")],
                "{target}: the Referer"
            );
            let all = all_of(&seen);
            assert!(!all.contains(&token), "{target}: a token arrived: {all}");
        }
        let sent = Sent::get("/public/a")
            .field("X_Token", "x")
            .field("Cookie", "session=x")
            .field("Referer", "https://other.example/?access_token=x");
        let seen = scene.passes(sent, "spelled otherwise");
        assert_eq!(seen.values("x_token"), NONE, "the header");
        assert_eq!(
            seen.values("cookie"),
            NONE,
            "nothing is left of the cookies"
        );
        assert_eq!(
            seen.values("referer"),
            ["https://other.example/?access_token=x"],
            "a Referer of somebody else"
        );
    }
}

#[test]
fn a_token_reaches_the_origin_in_no_trailer() {
    for (scene, _) in places() {
        let token = scene.token("read");
        let session = format!("session={token}");
        let referer = format!("https://{HOST}/?access_token={token}");
        let sent = chunked(
            "/places/a",
            &[("X-Token", &token)],
            &[
                ("X-Token", &token),
                ("X_Token", &token),
                ("Cookie", &session),
                ("Referer", &referer),
                ("x-checksum", "1"),
            ],
        );
        let seen = scene.passes(sent, "a chunked body with trailers");
        let expected = [("x-checksum".to_owned(), "1".to_owned())];
        assert_eq!(trailers(&seen), expected, "what arrives of the trailers");
        assert_eq!(seen.body, b"hello", "and the body is whole");
    }
}

#[test]
fn a_token_reaches_no_mirror() {
    for (scene, second) in places() {
        let token = scene.token("read");
        let sent = Sent::get(&format!("/places/mirrored?access_token={token}"))
            .field("Cookie", format!("a=1; session={token}"));
        scene.passes(sent, "mirrored");
        scene
            .stage
            .until("the mirror has it", || second.count() == 1);
        let seen = &second.seen()[0];
        assert_eq!(seen.target, "/places/mirrored", "the target");
        assert_eq!(seen.values("cookie"), ["a=1"], "the cookies");
        let all = all_of(seen);
        assert!(!all.contains(&token), "a token arrived: {all}");
    }
}

#[test]
fn a_route_that_hands_the_credential_on_changes_nothing() {
    for (scene, _) in places() {
        let token = scene.token("read");
        let target = format!("/places/kept?access_token={token}");
        let cookie = format!("a=1; session={token}");
        let referer = format!("https://{HOST}{target}");
        let sent = Sent::get(&target)
            .field("Cookie", &cookie)
            .field("X-Token", "x")
            .field("Referer", &referer);
        let seen = scene.passes(sent, "handed on");
        assert_eq!(seen.target, target, "the target");
        assert_eq!(seen.values("cookie"), [cookie], "the cookies");
        assert_eq!(seen.values("referer"), [referer], "the Referer");
        assert_eq!(seen.values("x-token"), ["x"], "the header");
    }
}

#[test]
fn an_optional_route_adds_to_the_vary_of_the_origin() {
    for (scene, _) in places() {
        let reply = ok("hello").field("Vary", "Accept-Encoding, Cookie");
        scene.origin.always(reply);
        for sent in [
            Sent::get("/places/open"),
            Sent::get("/places/open").bearer(&scene.token("read")),
        ] {
            let answer = scene.send(sent);
            status(&answer, 200, "an optional route");
            assert_eq!(
                answer.field("vary"),
                "Accept-Encoding, Cookie, Authorization",
                "what is there already is there once"
            );
        }
    }
}
