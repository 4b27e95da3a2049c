//! Which requests are sent again, and how often.

use crate::{
    Origins, QUICK, REPEATABLE, failures, host, is_ours, ok, one_upstream, route_with, status,
    upstream, with_body,
};
use doorward_tests::sim::client::Sent;
use doorward_tests::sim::origin::Reply;

#[test]
fn a_request_that_only_reads_is_asked_again_after_every_kind_of_failure() {
    asked_again(&["GET", "HEAD", "OPTIONS"], "");
}

#[test]
fn where_the_policy_says_so_any_request_is_asked_again_after_every_kind_of_failure() {
    asked_again(&["GET", "PUT", "DELETE", "PROPFIND", "POST"], REPEATABLE);
}

/// Fails unless requests of these methods are asked again, on a route with these lines.
fn asked_again(methods: &[&str], lines: &str) {
    let origins = Origins::new();
    let (mut policy, mut failing) = (String::new(), Vec::new());
    for (name, reply, _) in failures() {
        policy.push_str(&upstream(name, &[name], QUICK));
        policy.push_str(&route_with(
            name,
            &format!("upstream = \"{name}\"\n{lines}"),
        ));
        failing.push((name, reply.clone(), origins.origin(name, reply)));
    }
    let stage = origins.one(&policy);
    for (name, reply, origin) in failing {
        for &method in methods {
            origin.forget();
            origin.at_first(1, reply.clone(), ok("in the end"));
            let target = format!("/{name}/a?b=c");
            let answer = stage.send(Sent::new(method, &target));
            status(&answer, 200, &format!("{method} after {name}"));
            let seen: Vec<String> = origin
                .seen()
                .iter()
                .map(|seen| format!("{} {}", seen.method, seen.target))
                .collect();
            let expected = format!("{method} {target}");
            assert_eq!(
                seen,
                [expected.clone(), expected],
                "{method} after {name}: the origin is asked the same twice"
            );
        }
    }
}

#[test]
fn another_answer_than_502_503_and_504_is_not_asked_for_again() {
    let origins = Origins::new();
    let origin = origins.origin("u", ok(""));
    let stage = origins.one(&one_upstream(&["u"], QUICK));
    for code in [200, 301, 400, 404, 408, 409, 425, 429, 500, 501, 505, 599] {
        origin.forget();
        origin.always(Reply::status(code).body("of the origin"));
        let answer = stage.send(Sent::get("/u/a"));
        status(&answer, code, "the origin's own answer");
        assert_eq!(answer.text(), "of the origin", "{code}: its body");
        assert_eq!(
            origin.count(),
            1,
            "{code} is final: the origin is asked once"
        );
    }
}

#[test]
fn what_may_have_been_done_is_asked_once() {
    for (name, reply, expected) in failures() {
        let origins = Origins::new();
        let failing = origins.origin("failing", reply);
        let other = origins.origin("other", ok("done twice"));
        // Both are there: a second target is no reason either.
        let stage = origins.forgetful(&one_upstream(&["failing", "other"], QUICK));
        for method in ["POST", "PATCH", "FROB", "PUT", "DELETE", "PROPFIND"] {
            failing.forget();
            // Chance decides who is asked.
            while failing.count() == 0 {
                other.forget();
                let answer = stage.send(with_body(method, "/u/a", "once"));
                let both = failing.count() + other.count();
                assert_eq!(both, 1, "{method} after {name}: one target is asked, once");
                let expected = [200, expected][failing.count()];
                status(&answer, expected, &format!("{method} after {name}"));
            }
        }
    }
}

#[test]
fn what_the_origin_has_not_done_and_says_when_it_would_is_asked_again() {
    let origins = Origins::new();
    let origin = origins.origin("u", ok(""));
    let stage = origins.one(&one_upstream(&["u"], QUICK));
    for (code, field, method, asked) in [
        (503, "retry-after", "PUT", 2),
        (503, "retry-after", "DELETE", 2),
        (429, "retry-after", "PUT", 2),
        (503, "retry-after", "POST", 1),
        (429, "retry-after", "POST", 1),
        (503, "x-retry-after", "PUT", 1),
        (502, "retry-after", "PUT", 1),
        (504, "retry-after", "PUT", 1),
    ] {
        origin.forget();
        origin.at_first(1, Reply::status(code).field(field, "1"), ok("in the end"));
        let answer = stage.send(with_body(method, "/u/a", "body"));
        let what = format!("{method} after {code} with {field}");
        status(&answer, if asked == 2 { 200 } else { code }, &what);
        assert_eq!(origin.count(), asked, "{what}");
    }
}

#[test]
fn what_may_have_another_method_is_asked_once() {
    let origins = Origins::new();
    let origin = origins.origin("u", Reply::status(503));
    let lines = format!("{QUICK}\nattempts_max = 3\nbreaker = false");
    let let_through = "override_headers = [\"x-http-method-override\"]\nupstream = \"u\"";
    let policy = format!(
        "{}{}{}",
        upstream("u", &["u"], &lines),
        route_with("u", let_through),
        route_with("plain", "upstream = \"u\""),
    );
    let stage = origins.one(&policy);
    for (target, field, asked) in [
        ("/u/a", "X-HTTP-Method-Override", 1),
        ("/u/a", "X-Method-Override", 3),
        ("/plain/a", "X-HTTP-Method-Override", 3),
    ] {
        origin.forget();
        let answer = stage.send(Sent::get(target).field(field, "POST"));
        status(&answer, 503, field);
        assert_eq!(origin.count(), asked, "{target} with {field}");
    }
}

#[test]
fn any_request_goes_to_another_target_where_nobody_listens() {
    let origins = Origins::new();
    let present = origins.origin("present", ok("here"));
    // Without a backoff that could be waited for: a fail-over costs no time.
    let lines = "attempts_max = 2\nbackoff_ms = 10000\nbackoff_ms_max = 10000\ndeadline_ms = 5000";
    let stage = origins.forgetful(&one_upstream(&["absent", "present"], lines));
    for number in 0..24 {
        let method = ["POST", "GET", "PATCH", "PUT"][number % 4];
        let body = format!("body {number}");
        let answer = stage.send(with_body(method, "/u/a", body.clone()));
        status(&answer, 200, &format!("{method} number {number}"));
        let seen = present.seen();
        assert_eq!(seen.len(), number + 1, "{method} is asked of the other one");
        assert_eq!(
            String::from_utf8_lossy(&seen[number].body),
            body,
            "{method} number {number}: its body is whole"
        );
    }
    let failed = stage.told("upstream-failed");
    assert!(
        (1..24).contains(&failed),
        "the target where nobody listens is tried by chance, not {failed} times"
    );
    assert_eq!(
        origins.world.executor.now(),
        std::time::Duration::ZERO,
        "and nobody waits"
    );
}

#[test]
fn a_single_target_where_nobody_listens_is_a_502_without_anything_of_the_inside() {
    let origins = Origins::new();
    let stage = origins.one(&one_upstream(&["absent"], QUICK));
    for method in ["GET", "POST"] {
        let answer = stage.send(Sent::new(method, "/u/a"));
        status(&answer, 502, method);
        assert!(is_ours(&answer), "{method}: a problem document");
        assert!(
            !answer.text().contains(&host("absent")) && !answer.text().contains("absent"),
            "{method}: nothing of the inside: {}",
            answer.text()
        );
    }
}

#[test]
fn an_upstream_is_asked_as_often_as_the_policy_says() {
    for attempts_max in [1, 2, 3, 5] {
        let origins = Origins::new();
        let origin = origins.origin("u", Reply::status(503).body("not now"));
        let lines = format!("{QUICK}\nattempts_max = {attempts_max}");
        let stage = origins.one(&one_upstream(&["u"], &lines));
        let answer = stage.send(Sent::get("/u/a"));
        status(&answer, 503, "the last answer is handed on");
        assert_eq!(answer.text(), "not now", "with its body");
        assert_eq!(
            origin.count(),
            attempts_max,
            "attempts_max = {attempts_max}"
        );
    }
}
