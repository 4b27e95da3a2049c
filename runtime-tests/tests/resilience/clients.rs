//! Clients that go away, pause or lie: what they do says nothing of the origin.

use crate::{get, one_upstream, start_one};
use doorward_runtime_tests::cases;
use doorward_runtime_tests::gated::status;
use doorward_runtime_tests::host::{Host, Running};
use doorward_runtime_tests::origin::{Gate, Origin, Reply};
use doorward_runtime_tests::raw::Raw;
use doorward_runtime_tests::run::Case;

pub const CASES: &[Case] = cases![
    clients_that_go_away_while_the_origin_works_do_not_count_against_it,
    uploads_that_are_cut_off_do_not_count_against_the_origin,
    bodies_that_are_malformed_do_not_count_against_the_origin,
];

/// More than a breaker needs to open, and than a target needs to be set aside.
const HOSTILE: usize = 50;
const ONCE: &str = "attempts_max = 1";

/// Fails unless everybody else is served as if nothing had been.
async fn nobody_is_hurt(running: &Running, origin: &Origin, what: &str) {
    let before = origin.count();
    for _ in 0..10 {
        status(&get(running, "/u/a").await, 200, what);
    }
    assert_eq!(origin.count() - before, 10, "{what}: the origin is asked");
    let log = running.whole_log().await;
    let told = log.iter().find(|line| line.contains("upstream-failed"));
    assert!(told.is_none(), "{what}: the origin is blamed: {told:?}");
}

async fn clients_that_go_away_while_the_origin_works_do_not_count_against_it(host: &dyn Host) {
    let gate = Gate::closed();
    let origin = Origin::start(Reply::ok("late").after(&gate)).await;
    let app = one_upstream(&[&origin], ONCE);
    let running = start_one(host, &app).await;
    for number in 0..HOSTILE {
        let mut raw = Raw::connect(running.address).await;
        let (method, rest) =
            [("GET", "\r\n"), ("PUT", "Content-Length: 4\r\n\r\nbody")][number % 2];
        raw.send(format!("{method} /u/a HTTP/1.1\r\nHost: a\r\n{rest}"))
            .await;
        origin
            .until("it is asked", |origin| origin.count() > number)
            .await;
        match number % 3 {
            0 => raw.reset(),
            _ => drop(raw),
        }
    }
    gate.open();
    nobody_is_hurt(&running, &origin, "after clients went away").await;
}

async fn uploads_that_are_cut_off_do_not_count_against_the_origin(host: &dyn Host) {
    let origin = Origin::start(Reply::ok("all of it")).await;
    let app = one_upstream(&[&origin], ONCE);
    let running = start_one(host, &app).await;
    for number in 0..HOSTILE {
        let before = origin.count();
        let mut raw = Raw::connect(running.address).await;
        let length = ["Content-Length: 1000", "Transfer-Encoding: chunked"][number % 2];
        let method = ["PUT", "POST"][number / 2 % 2];
        raw.send(format!(
            "{method} /u/a HTTP/1.1\r\nHost: a\r\n{length}\r\n\r\n5\r\nhello\r\n"
        ))
        .await;
        origin
            .until("the upload has begun", |origin| origin.count() > before)
            .await;
        match number % 3 {
            0 => raw.reset(),
            // Half of the connection only: an answer could still be read.
            1 => {
                raw.finish().await;
                let _ = raw.read_to_end().await;
            }
            _ => drop(raw),
        }
        origin
            .until("the upload is given up", |origin| {
                origin.connections_open() == 0
            })
            .await;
    }
    let whole = origin.requests();
    let whole = whole.iter().filter(|seen| seen.is_whole()).count();
    assert_eq!(whole, 0, "what is cut off never looks whole");
    nobody_is_hurt(&running, &origin, "after uploads were cut off").await;
}

async fn bodies_that_are_malformed_do_not_count_against_the_origin(host: &dyn Host) {
    let origin = Origin::start(Reply::ok("all of it")).await;
    let app = one_upstream(&[&origin], ONCE);
    let running = start_one(host, &app).await;
    for number in 0..HOSTILE {
        let mut raw = Raw::connect(running.address).await;
        raw.send(
            "PUT /u/a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
        )
        .await;
        origin
            .until("the upload has begun", |origin| origin.count() > number)
            .await;
        raw.send("no chunk\r\n\r\n").await;
        if let Ok(answer) = raw.response().await {
            assert!(
                (400..500).contains(&answer.status),
                "the client is to blame, not {}",
                answer.status
            );
        }
    }
    nobody_is_hurt(&running, &origin, "after malformed bodies").await;
}
