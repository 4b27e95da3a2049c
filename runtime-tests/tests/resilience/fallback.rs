//! The old upstream, asked where the new one fails.

use crate::{route_with, start_forgetful, upstream};
use doorward_runtime_tests::app::{App, AppSpec};
use doorward_runtime_tests::cases;
use doorward_runtime_tests::client::{Answer, Ask};
use doorward_runtime_tests::gated::status;
use doorward_runtime_tests::host::{Host, Running};
use doorward_runtime_tests::origin::{Origin, Reply};
use doorward_runtime_tests::run::Case;

pub const CASES: &[Case] = cases![where_nobody_listens_the_old_upstream_answers_any_request,];

/// Everybody is moved from `old` to `new`.
fn moved(old: &Origin, new: &Origin, fallback: bool) -> App {
    let lines = format!(
        "upstream = \"old\"\n[route.split]\nto = \"new\"\npercent = 100\nfallback = {fallback}"
    );
    let policy = [
        upstream("old", &[old], "attempts_max = 1"),
        upstream("new", &[new], "attempts_max = 1"),
        route_with("u", &lines),
    ];
    AppSpec::gateway(policy.concat()).write()
}

async fn two() -> (Origin, Origin) {
    let old = Origin::start(Reply::ok("old")).await;
    let new = Origin::start(Reply::ok("new")).await;
    (old, new)
}

async fn ask(running: &Running, method: &str, body: &[u8]) -> Answer {
    let ask = Ask::new(method, "/u/a").body(body);
    ask.send(running.address).await
}

async fn where_nobody_listens_the_old_upstream_answers_any_request(host: &dyn Host) {
    let (old, new) = two().await;
    new.stop().await;
    let app = moved(&old, &new, true);
    let running = start_forgetful(host, &app).await;
    let large: Vec<u8> = (0..1_u32 << 20).map(|n| (n % 251) as u8).collect();
    for method in ["GET", "PUT", "POST", "PATCH", "DELETE"] {
        for body in [&b""[..], b"body", &large] {
            old.forget();
            let what = format!("{method} with {} bytes, nobody listens", body.len());
            let answer = ask(&running, method, body).await;
            status(&answer, 200, &what);
            assert_eq!(answer.text(), "old", "{what}: who answers");
            let seen = old.request();
            assert_eq!(
                seen.body_bytes,
                body.len() as u64,
                "{what}: all of the body"
            );
            let kept = body.len().min(seen.body.len());
            assert!(seen.body == body[..kept], "{what}: the same body");
        }
    }
}
