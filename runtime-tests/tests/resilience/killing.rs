//! One of three origins is killed and revived under load.

use crate::{REPEATABLE, in_one_piece, upstream};
use doorward_runtime_tests::app::AppSpec;
use doorward_runtime_tests::cases;
use doorward_runtime_tests::host::{Host, Running};
use doorward_runtime_tests::issuer::{AUDIENCE, Issuer};
use doorward_runtime_tests::load::Load;
use doorward_runtime_tests::origin::Origin;
use doorward_runtime_tests::run::Case;
use std::sync::Arc;

pub const CASES: &[Case] = cases![
    killing_and_reviving_one_of_three_origins_under_load_loses_no_request_that_may_be_repeated,
];

const CONNECTIONS: usize = 24;
const ROUNDS: usize = 9;

fn requests(running: &Running, token: &str) -> Arc<[Vec<u8>]> {
    let head = |method: &str, fields: &str| {
        format!(
            "{method} /u/a HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {token}\r\n{fields}\r\n",
            running.address
        )
        .into_bytes()
    };
    let mut put = head("PUT", "Content-Length: 1000\r\n");
    put.extend([b'x'; 1000]);
    let chunked = "Transfer-Encoding: chunked\r\n";
    let mut put_in_chunks = head("PUT", chunked);
    put_in_chunks.extend_from_slice(b"5\r\nhello\r\n0\r\n\r\n");
    [
        head("GET", ""),
        put,
        head("GET", ""),
        head("DELETE", ""),
        put_in_chunks,
    ]
    .into()
}

async fn killing_and_reviving_one_of_three_origins_under_load_loses_no_request_that_may_be_repeated(
    host: &dyn Host,
) {
    let issuer = Issuer::start().await;
    let mut origins = Vec::new();
    for _ in 0..3 {
        let origin = Origin::start(in_one_piece("ok")).await;
        origin.only_counts();
        origins.push(origin);
    }
    let targets: Vec<&Origin> = origins.iter().collect();
    let policy = format!(
        "[issuer.test]\nurl = \"{}\"\naudience = \"{AUDIENCE}\"\n\n{}\
         [[route]]\npath = \"/**\"\nissuer = [\"test\"]\nscope = [\"read\"]\nupstream = \"u\"\n{REPEATABLE}\n",
        issuer.url(),
        upstream("u", &targets, "")
    );
    let app = AppSpec::gateway(policy).write();
    let running = host.start(&app).await;
    let requests = requests(&running, &issuer.token("alice", "read"));
    let load = Load::start(running.address, &requests, CONNECTIONS);
    load.until_more(500).await;
    for round in 0..ROUNDS {
        let victim = &origins[round % 3];
        victim.stop().await;
        load.until_more(400).await;
        victim.revive().await;
        let before = victim.count();
        load.until_more(400).await;
        let what = format!("round {round}: the revived origin is asked again");
        victim
            .until(&what, |victim| victim.count() > before + 10)
            .await;
    }
    let tally = load.stop().await;
    assert_eq!(
        tally.all_but(200),
        0,
        "every request comes to an answer 200: {tally:?}\n{:#?}",
        running.log().iter().rev().take(20).collect::<Vec<_>>()
    );
    assert!(tally.of(200) >= ROUNDS * 800, "{tally:?}");
    let told = running.whole_log().await;
    let failed = told.iter().filter(|line| line.contains("upstream-failed"));
    assert!(
        failed.count() >= ROUNDS,
        "origins were killed while they were asked, or nothing is shown"
    );
}
