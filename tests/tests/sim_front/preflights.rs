//! The question of a browser whether a page of another origin may send a request (the Fetch standard,
//! "CORS-preflight request").

use crate::cors::{NONE, ORIGIN, OTHER, POLICY, allowed_fields};
use crate::{class, fronts, status, values};
use doorward_tests::sim::client::{Answer, Sent};
use doorward_tests::sim::message::Failure;
use doorward_tests::sim::origin::Reply;

const VARY: &str = "Origin, Access-Control-Request-Method, Access-Control-Request-Headers";

fn preflight(target: &str, origin: &str, method: &str) -> Sent {
    Sent::new("OPTIONS", target)
        .field("Origin", origin)
        .field("Access-Control-Request-Method", method)
}

/// Fails where the answer lets a browser send anything.
fn allows_nothing(answer: &Answer, what: &str) {
    status(answer, 403, what);
    for field in [
        "access-control-allow-methods",
        "access-control-allow-headers",
        "access-control-max-age",
    ] {
        assert_eq!(values(answer, field), NONE, "{what}: {field}");
    }
    assert_eq!(
        values(answer, "vary"),
        [VARY],
        "{what}: the same for all caches"
    );
}

#[test]
fn a_preflight_is_answered_without_a_credential_an_issuer_or_the_service() {
    for front in fronts(POLICY) {
        let what = &front.what;
        let fails = Reply::failure(Failure::ConnectionTerminated);
        front.issuer.origin.always(fails);
        let answer = front.send(preflight("/web/a", ORIGIN, "PUT"));
        status(&answer, 204, what);
        assert_eq!(answer.text(), "", "{what}: a preflight has no body");
        let with_token = preflight("/web/a", ORIGIN, "PUT").bearer(&front.token("read"));
        status(&front.send(with_token), 204, what);
        assert_eq!(front.reached(), 0, "{what}: what reached the service");
        assert_eq!(
            front.issuer.origin.count(),
            0,
            "{what}: nobody is asked for keys"
        );
        let sent = Sent::new("PUT", "/web/a").bearer(&front.token("read"));
        let refused = front.send(sent);
        assert!(
            refused.status >= 400,
            "{what}: the request itself has to prove itself"
        );
    }
}

#[test]
fn a_preflight_says_what_the_rule_allows_and_for_how_long() {
    for front in fronts(POLICY) {
        let what = &front.what;
        let sent = |target: &str| {
            preflight(target, ORIGIN, "PUT")
                .field("Access-Control-Request-Headers", "Content-Type, x-b")
        };
        let answer = front.send(sent("/web/a"));
        status(&answer, 204, what);
        let fields = [
            ("access-control-allow-origin", ORIGIN),
            ("access-control-allow-credentials", "true"),
            ("access-control-allow-methods", "GET, PUT"),
            ("access-control-allow-headers", "content-type, x-b"),
            ("access-control-max-age", "77"),
            ("vary", VARY),
        ];
        for (name, value) in fields {
            assert_eq!(values(&answer, name), [value], "{what}: {name}");
        }
        assert_eq!(
            values(&answer, "access-control-expose-headers"),
            NONE,
            "{what}: there is nothing to be read of a preflight"
        );
        let answer = front.send(sent("/any/a"));
        status(&answer, 204, &format!("{what}, any origin"));
        assert_eq!(answer.field("access-control-allow-origin"), "*", "{what}");
        assert_eq!(
            values(&answer, "access-control-allow-credentials"),
            NONE,
            "{what}"
        );
    }
}

#[test]
fn a_preflight_of_an_origin_that_is_not_allowed_allows_nothing() {
    for front in fronts(POLICY) {
        let what = &front.what;
        for origin in [OTHER, "null", "https://app.example.evil.example", "*", ""] {
            let what = format!("{what}: {origin:?}");
            let answer = front.send(preflight("/web/a", origin, "PUT"));
            allows_nothing(&answer, &what);
            assert_eq!(allowed_fields(&answer), NONE, "{what}");
        }
        let two = preflight("/web/a", ORIGIN, "PUT").field("Origin", OTHER);
        let answer = front.send(two);
        allows_nothing(&answer, &format!("{what}: two origins"));
        assert_eq!(allowed_fields(&answer), NONE, "{what}: two origins");
        assert_eq!(front.stage.told("preflight-refused"), 6, "{what}: the log");
        assert_eq!(front.reached(), 0, "{what}: what reached the service");
    }
}

#[test]
fn a_preflight_for_a_method_that_no_rule_lists_is_refused() {
    for front in fronts(POLICY) {
        let what = &front.what;
        // POST has a rule, but that one has no CORS.
        for method in ["DELETE", "put", "POST", "P T", ""] {
            let what = format!("{what}: {method:?}");
            let answer = front.send(preflight("/web/a", ORIGIN, method));
            allows_nothing(&answer, &what);
        }
        let two = preflight("/web/a", ORIGIN, "GET").field("Access-Control-Request-Method", "PUT");
        allows_nothing(&front.send(two), &format!("{what}: two methods"));
        let answer = front.send(preflight("/any/a", ORIGIN, "DELETE"));
        status(&answer, 204, &format!("{what}: a rule for every method"));
        assert_eq!(
            answer.field("access-control-allow-methods"),
            "DELETE",
            "{what}"
        );
        assert_eq!(front.reached(), 0, "{what}: what reached the service");
    }
}

#[test]
fn a_preflight_for_a_field_that_the_rule_does_not_list_is_refused() {
    for front in fronts(POLICY) {
        let what = &front.what;
        for fields in ["x-c", "content-type, x-c", "content-type x-b", "a:b"] {
            let sent =
                preflight("/web/a", ORIGIN, "PUT").field("Access-Control-Request-Headers", fields);
            allows_nothing(&front.send(sent), &format!("{what}: {fields}"));
        }
        let sent =
            preflight("/any/a", ORIGIN, "GET").field("Access-Control-Request-Headers", "X-C");
        let answer = front.send(sent);
        assert_eq!(
            answer.field("access-control-allow-headers"),
            "x-c",
            "{what}: a rule without a list allows what is sented for"
        );
    }
}

#[test]
fn options_without_the_fields_of_a_preflight_goes_the_ordinary_way() {
    for front in fronts(POLICY) {
        let what = &front.what;
        let options = || Sent::new("OPTIONS", "/any/a");
        let sents = [
            ("neither", options()),
            ("no method", options().field("Origin", ORIGIN)),
            (
                "no origin",
                options().field("Access-Control-Request-Method", "GET"),
            ),
            ("not OPTIONS", preflight("/any/a", ORIGIN, "GET")),
        ];
        for (number, (what, sent)) in (1..).zip(sents) {
            let sent = match what {
                "not OPTIONS" => Sent::get("/any/a")
                    .field("Origin", ORIGIN)
                    .field("Access-Control-Request-Method", "GET"),
                _ => sent,
            };
            let answer = front.send(sent);
            status(&answer, 200, &format!("{what}: {what}"));
            assert_eq!(
                front.reached(),
                number,
                "{what}: {what}: reaches the service"
            );
        }
        let answer = front.send(Sent::new("OPTIONS", "/web/a").field("Origin", ORIGIN));
        status(&answer, 403, &format!("{what}: no rule lists OPTIONS"));
        assert_eq!(class(&answer), "forbidden", "{what}");
    }
}

#[test]
fn a_preflight_where_no_rule_has_cors_goes_the_ordinary_way() {
    for front in fronts(POLICY) {
        let what = &front.what;
        let answer = front.send(preflight("/plain/a", ORIGIN, "GET"));
        status(
            &answer,
            200,
            &format!("{what}: the service answers for itself"),
        );
        let answer = front.send(preflight("/nowhere", ORIGIN, "GET"));
        status(&answer, 403, &format!("{what}: a path without a rule"));
        let answer = front.send(preflight("/web/../web/a", ORIGIN, "PUT"));
        status(&answer, 400, &format!("{what}: a target that is none"));
        assert_eq!(front.reached(), 1, "{what}: what reached the service");
    }
}

#[test]
fn preflights_count_against_no_limit() {
    let policy = POLICY.replace(
        "[[route]]\npath = \"/any/**\"",
        "[rate_limit.once]\nrequests = 1\nper_s = 3600\n\n[[route]]\npath = \"/any/**\"\nrate_limit = \"once\"",
    );
    for front in fronts(&policy) {
        let what = &front.what;
        for _ in 0..3 {
            let answer = front.send(preflight("/any/a", ORIGIN, "GET"));
            status(&answer, 204, &format!("{what}: a preflight"));
        }
        for (expected, which) in [(200, "the first request"), (429, "the second one")] {
            let answer = front.send(Sent::get("/any/a").field("Origin", ORIGIN));
            status(&answer, expected, &format!("{what}: {which}"));
        }
    }
}
