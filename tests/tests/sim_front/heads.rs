//! What is no fault of a request, and what is the one that it is refused for: media types without a body, no host,
//! targets that are too long. Pages can read each refusal.

use crate::{class, fronts, status, values};
use doorward_tests::sim::client::Sent;
use std::time::Duration;

const ORIGIN: &str = "https://app.example";

const POLICY: &str = r#"
[cors.web]
origins = ["https://app.example", "capacitor://localhost"]
credentials = true

[cors.other]
origins = ["https://other.example"]

[limits.json]
content_types = ["application/json"]

[defaults]
cors = "web"
limits = "json"

[[route]]
path = "/public/**"
public = true

[[route]]
path = "/get"
methods = ["GET"]
public = true

[[route]]
path = "/other"
methods = ["GET"]
public = true
cors = "other"

[[route]]
path = "/other/{id}/c"
public = true
cors = "other"

[[route]]
path = "/other/{id}"
public = true
cors = "other"

[[route]]
path = "/none/**"
public = true
cors = false

[[route]]
path = "/none"
methods = ["GET"]
public = true
cors = false
"#;

#[test]
fn a_media_type_without_a_body_is_no_fault() {
    for front in fronts(POLICY) {
        for method in ["GET", "HEAD", "DELETE", "OPTIONS"] {
            let what = format!("{}: {method}", front.what);
            let sent = || Sent::new(method, "/public/a").field("content-type", "text/plain");
            status(&front.send(sent()), 200, &what);
            let empty = || sent().field("content-length", "0");
            status(&front.send(empty()), 200, &format!("{what}, empty"));
            let with_body = || sent().pieces(vec![b"a".to_vec()], Duration::ZERO);
            // A problem document is no answer to HEAD.
            let sized = front.stage.send(with_body().with_length());
            status(&sized, 415, &format!("{what}, with a body"));
            let late = sent().pieces(vec![b"a".to_vec()], Duration::from_secs(1));
            // A body of a GET in chunks means nothing.
            if !matches!(method, "GET" | "HEAD") {
                status(&front.send(with_body()), 415, &format!("{what}, in chunks"));
                status(&front.send(late), 415, &format!("{what}, in chunks, late"));
            }
        }
        for method in ["POST", "PUT", "PATCH"] {
            let what = format!("{}: {method}", front.what);
            let sent = || Sent::new(method, "/public/a").field("content-type", "text/plain");
            let empty = sent().field("content-length", "0");
            status(&front.send(empty), 200, &format!("{what}, empty"));
            let body = || sent().pieces(vec![b"a".to_vec()], Duration::ZERO);
            status(&front.send(body()), 415, &format!("{what}, in chunks"));
            status(&front.send(body().with_length()), 415, &what);
        }
    }
}

#[test]
fn a_request_without_a_host_goes_on() {
    for front in fronts(POLICY) {
        let what = &front.what;
        status(
            &front.send(Sent::get("/public/a").without_host()),
            200,
            what,
        );
        let post = Sent::post("/public/a", "{}").field("content-type", "application/json");
        status(&front.send(post.without_host()), 200, what);
    }
}

#[test]
fn a_target_over_any_limit_is_too_long() {
    for front in fronts(POLICY) {
        for target in [
            format!("/public/a?{}", "q".repeat(8200)),
            format!("/public/{}", "p".repeat(4100)),
            format!("/public{}", "/s".repeat(70)),
        ] {
            let answer = front.send(Sent::get(&target).field("origin", ORIGIN));
            let what = format!("{}: {} bytes", front.what, target.len());
            status(&answer, 414, &what);
            assert_eq!(class(&answer), "target-too-long", "{what}");
            assert_eq!(
                values(&answer, "access-control-allow-origin"),
                [ORIGIN],
                "{what}"
            );
        }
    }
}

#[test]
fn a_page_can_read_what_is_refused_before_there_is_a_rule() {
    let get = |target: &str| Sent::get(target);
    for front in fronts(POLICY) {
        for (what, sent, expected, by_default) in [
            ("a path", get("/public/%2e"), 400, true),
            ("a path that is nowhere", get("/nowhere/a;b"), 400, true),
            ("a query", get("/public/a?#"), 400, true),
            ("a method", Sent::new("GE T", "/public/a"), 400, true),
            ("no rule", get("/nowhere"), 403, true),
            ("another case", get("/GET"), 403, true),
            ("a path of a route", get("/other/a;b/c"), 400, false),
            ("a segment of a route", get("/none/%00"), 400, false),
            ("a path above a route", get("/other/.."), 400, false),
            ("no method", Sent::new("PUT", "/get"), 403, true),
            (
                "no method, other CORS",
                Sent::new("PUT", "/other"),
                403,
                false,
            ),
            ("no method, no CORS", Sent::new("PUT", "/none"), 403, false),
        ] {
            let what = format!("{}: {what}", front.what);
            for (origin, listed) in [
                (ORIGIN, true),
                ("capacitor://localhost", true),
                ("https://evil.example", false),
                ("null", false),
            ] {
                let answer = front.send(sent.clone().field("origin", origin));
                status(&answer, expected, &what);
                let allowed = values(&answer, "access-control-allow-origin");
                match listed && by_default {
                    true => assert_eq!(allowed, [origin], "{what}"),
                    false => assert!(allowed.is_empty(), "{what}: {allowed:?}"),
                }
            }
        }
    }
}

#[test]
fn a_page_can_read_that_a_request_has_been_here_before() {
    for front in fronts(POLICY).filter(|front| front.kind == crate::Kind::Gateway) {
        let sent = Sent::get("/public/a").field("cdn-loop", "doorward");
        let answer = front.send(sent.field("origin", ORIGIN));
        status(&answer, 508, &front.what);
        assert_eq!(values(&answer, "access-control-allow-origin"), [ORIGIN]);
    }
}

#[test]
fn a_page_can_read_that_a_host_is_not_clear() {
    // Other hosts refuse that themselves.
    for front in fronts(POLICY).filter(|front| front.what.ends_with("Shows")) {
        let sent = Sent::get("/public/a")
            .field("host", "b")
            .field("origin", ORIGIN);
        let answer = front.send(sent);
        status(&answer, 400, &front.what);
        assert_eq!(values(&answer, "access-control-allow-origin"), [ORIGIN]);
    }
}

#[test]
fn of_a_malformed_path_what_is_well_formed_says_whose_page_may_read_that() {
    let other = "https://other.example";
    for front in fronts(POLICY) {
        for target in [
            "/other/a;b",
            "/other/%2f/c",
            "/other/..",
            "/other/%C0%AE/c?q",
            "/other//c",
        ] {
            let answer = front.send(Sent::get(target).field("origin", other));
            let what = format!("{}: {target}", front.what);
            status(&answer, 400, &what);
            assert_eq!(
                values(&answer, "access-control-allow-origin"),
                [other],
                "{what}"
            );
        }
        for target in [
            "/a;b",
            "/oth;er/a",
            "/other/a;b/c/d/e",
            "other",
            "",
            "/nowhere/a/../b",
        ] {
            let answer = front.send(Sent::get(target).field("origin", other));
            let allowed = values(&answer, "access-control-allow-origin");
            assert!(allowed.is_empty(), "{}: {target}: {allowed:?}", front.what);
        }
    }
}
