//! Which requests are sent again, and how often.

use crate::{get, one_upstream, route, route_with, start_forgetful, start_one, upstream};
use doorward_runtime_tests::app::AppSpec;
use doorward_runtime_tests::cases;
use doorward_runtime_tests::client::Ask;
use doorward_runtime_tests::gated::status;
use doorward_runtime_tests::host::Host;
use doorward_runtime_tests::origin::{Origin, Reply, Script};
use doorward_runtime_tests::run::Case;

pub const CASES: &[Case] = cases![
    an_idempotent_request_is_asked_again_after_every_kind_of_failure,
    another_answer_than_502_503_and_504_is_not_asked_for_again,
    a_post_that_may_have_been_done_is_asked_once,
    what_may_have_another_method_is_asked_once,
    any_request_goes_to_another_target_where_nobody_listens,
    a_single_target_where_nobody_listens_is_a_502_without_anything_of_the_inside,
    an_upstream_is_asked_as_often_as_the_policy_says,
];

const QUICK: &str = "backoff_ms = 1\nbackoff_ms_max = 1";

/// Each way to fail after a request was sent, and what a client gets that is not to be asked again.
fn failures() -> [(&'static str, Reply, u16); 6] {
    [
        ("reset", Reply::reset(), 502),
        ("close", Reply::close(), 502),
        ("garbage", Reply::garbage(), 502),
        ("s502", Reply::status(502).body("of the origin"), 502),
        ("s503", Reply::status(503).body("of the origin"), 503),
        ("s504", Reply::status(504).body("of the origin"), 504),
    ]
}

async fn an_idempotent_request_is_asked_again_after_every_kind_of_failure(host: &dyn Host) {
    let (mut policy, mut origins) = (String::new(), Vec::new());
    for (name, reply, _) in failures() {
        let origin = Origin::start(reply.clone()).await;
        policy.push_str(&upstream(name, &[&origin], QUICK));
        policy.push_str(&route(name));
        origins.push((name, reply, origin));
    }
    let app = AppSpec::gateway(policy).write();
    let running = start_one(host, &app).await;
    for (name, reply, origin) in &origins {
        for method in ["GET", "HEAD", "OPTIONS", "PUT", "DELETE", "PROPFIND"] {
            origin.forget();
            origin.set(Script::at_first(1, reply.clone(), Reply::ok("in the end")));
            let target = format!("/{name}/a?b=c");
            let answer = Ask::new(method, &target).send(running.address).await;
            status(&answer, 200, &format!("{method} after {name}"));
            let seen: Vec<String> = origin
                .requests()
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

async fn another_answer_than_502_503_and_504_is_not_asked_for_again(host: &dyn Host) {
    let origin = Origin::start(Reply::ok("")).await;
    let app = one_upstream(&[&origin], QUICK);
    let running = start_one(host, &app).await;
    for code in [200, 301, 400, 404, 408, 409, 425, 429, 500, 501, 505, 599] {
        origin.forget();
        origin.set(Reply::status(code).body("of the origin"));
        let answer = get(&running, "/u/a").await;
        status(&answer, code, "the origin's own answer");
        assert_eq!(answer.text(), "of the origin", "{code}: its body");
        assert_eq!(
            origin.count(),
            1,
            "{code} is final: the origin is asked once"
        );
    }
}

async fn a_post_that_may_have_been_done_is_asked_once(host: &dyn Host) {
    for (name, reply, expected) in failures() {
        let failing = Origin::start(reply).await;
        let other = Origin::start(Reply::ok("done twice")).await;
        // Both are there: a second target is no reason either.
        let app = one_upstream(&[&failing, &other], QUICK);
        let running = start_forgetful(host, &app).await;
        for method in ["POST", "PATCH", "FROB"] {
            failing.forget();
            // Chance decides who is asked.
            while failing.count() == 0 {
                other.forget();
                let ask = Ask::new(method, "/u/a").body(b"once");
                let answer = ask.send(running.address).await;
                let both = failing.count() + other.count();
                assert_eq!(both, 1, "{method} after {name}: one target is asked, once");
                let expected = [200, expected][failing.count()];
                status(&answer, expected, &format!("{method} after {name}"));
            }
        }
    }
}

async fn what_may_have_another_method_is_asked_once(host: &dyn Host) {
    let origin = Origin::start(Reply::status(503)).await;
    let lines = format!("{QUICK}\nattempts_max = 3\nbreaker = false");
    let let_through = "override_headers = [\"x-http-method-override\"]\nupstream = \"u\"";
    let policy = format!(
        "{}{}{}",
        upstream("u", &[&origin], &lines),
        route_with("u", let_through),
        route_with("plain", "upstream = \"u\""),
    );
    let app = AppSpec::gateway(policy).write();
    let running = start_one(host, &app).await;
    for (target, field, asked) in [
        ("/u/a", "X-HTTP-Method-Override", 1),
        ("/u/a", "X-Method-Override", 3),
        ("/plain/a", "X-HTTP-Method-Override", 3),
    ] {
        origin.forget();
        let ask = Ask::get(target).header(field, "POST");
        status(&ask.send(running.address).await, 503, field);
        assert_eq!(origin.count(), asked, "{target} with {field}");
    }
}

async fn any_request_goes_to_another_target_where_nobody_listens(host: &dyn Host) {
    let absent = Origin::start(Reply::ok("")).await;
    let present = Origin::start(Reply::ok("here")).await;
    absent.stop().await;
    // Without a backoff that could be waited for: a fail-over costs no time.
    let lines = "attempts_max = 2\nbackoff_ms = 10000\nbackoff_ms_max = 10000\ndeadline_ms = 5000";
    let app = one_upstream(&[&absent, &present], lines);
    let running = start_forgetful(host, &app).await;
    for number in 0..24 {
        let method = ["POST", "GET", "PATCH", "PUT"][number % 4];
        let body = format!("body {number}");
        let ask = Ask::new(method, "/u/a").body(body.as_bytes());
        let answer = ask.send(running.address).await;
        status(&answer, 200, &format!("{method} number {number}"));
        let seen = present.requests();
        assert_eq!(seen.len(), number + 1, "{method} is asked of the other one");
        assert_eq!(
            String::from_utf8_lossy(&seen[number].body),
            body,
            "{method} number {number}: its body is whole"
        );
    }
    // The target where nobody listens was tried, or nothing is shown.
    running
        .wait_for_log(|line| line.contains("upstream-failed"))
        .await;
}

async fn a_single_target_where_nobody_listens_is_a_502_without_anything_of_the_inside(
    host: &dyn Host,
) {
    let absent = Origin::start(Reply::ok("")).await;
    absent.stop().await;
    let app = one_upstream(&[&absent], QUICK);
    let running = start_one(host, &app).await;
    for method in ["GET", "POST"] {
        let answer = Ask::new(method, "/u/a").send(running.address).await;
        status(&answer, 502, method);
        assert_eq!(
            answer.header("content-type"),
            Some("application/problem+json"),
            "{method}: a problem document"
        );
        let port = absent.address().port().to_string();
        assert!(
            !answer.text().contains(&port) && !answer.text().contains("127.0.0.1"),
            "{method}: nothing of the inside: {}",
            answer.text()
        );
    }
}

async fn an_upstream_is_asked_as_often_as_the_policy_says(host: &dyn Host) {
    for attempts_max in [1, 2, 3, 5] {
        let origin = Origin::start(Reply::status(503).body("not now")).await;
        let lines = format!("{QUICK}\nattempts_max = {attempts_max}");
        let app = one_upstream(&[&origin], &lines);
        let running = start_one(host, &app).await;
        let answer = get(&running, "/u/a").await;
        status(&answer, 503, "the last answer is handed on");
        assert_eq!(answer.text(), "not now", "with its body");
        assert_eq!(
            origin.count(),
            attempts_max,
            "attempts_max = {attempts_max}"
        );
    }
}
