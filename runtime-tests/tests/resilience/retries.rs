//! Which requests are sent again, and how often.

use crate::{one_upstream, route, start_forgetful, start_one, upstream};
use doorward_runtime_tests::app::AppSpec;
use doorward_runtime_tests::cases;
use doorward_runtime_tests::client::Ask;
use doorward_runtime_tests::gated::status;
use doorward_runtime_tests::host::Host;
use doorward_runtime_tests::origin::{Origin, Reply, Script};
use doorward_runtime_tests::run::Case;

pub const CASES: &[Case] = cases![
    a_request_that_only_reads_is_asked_again_after_every_kind_of_failure,
    any_request_goes_to_another_target_where_nobody_listens,
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

async fn a_request_that_only_reads_is_asked_again_after_every_kind_of_failure(host: &dyn Host) {
    let (mut policy, mut origins) = (String::new(), Vec::new());
    for (name, reply, expected) in failures() {
        let origin = Origin::start(reply.clone()).await;
        policy.push_str(&upstream(name, &[&origin], QUICK));
        policy.push_str(&route(name));
        origins.push((name, reply, expected, origin));
    }
    let app = AppSpec::gateway(policy).write();
    let running = start_one(host, &app).await;
    for (name, reply, expected, origin) in &origins {
        for (method, times) in [
            ("GET", 2),
            ("HEAD", 2),
            ("OPTIONS", 2),
            // It may have been done.
            ("PUT", 1),
            ("DELETE", 1),
        ] {
            origin.forget();
            origin.set(Script::at_first(1, reply.clone(), Reply::ok("in the end")));
            let target = format!("/{name}/a?b=c");
            let answer = Ask::new(method, &target).send(running.address).await;
            let code = if times == 2 { 200 } else { *expected };
            status(&answer, code, &format!("{method} after {name}"));
            let seen: Vec<String> = origin
                .requests()
                .iter()
                .map(|seen| format!("{} {}", seen.method, seen.target))
                .collect();
            assert_eq!(
                seen,
                vec![format!("{method} {target}"); times],
                "{method} after {name}: what the origin is asked"
            );
        }
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
