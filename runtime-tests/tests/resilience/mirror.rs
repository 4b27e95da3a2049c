//! A copy of each request for a second upstream, whose answer nobody sees.

use crate::{route_with, upstream};
use doorward_runtime_tests::app::{App, AppSpec};
use doorward_runtime_tests::cases;
use doorward_runtime_tests::clocked::until;
use doorward_runtime_tests::host::Host;
use doorward_runtime_tests::load::{Until, tally};
use doorward_runtime_tests::origin::{Origin, Reply};
use doorward_runtime_tests::run::Case;
use std::collections::BTreeMap;
use std::sync::Arc;

pub const CASES: &[Case] = cases![of_1_000_requests_the_mirror_gets_1_000_with_their_bodies,];

/// The gateway with an upstream `u` and a mirror, both with these lines.
pub fn mirrored(origin: &Origin, mirror: &Origin, lines: &str) -> App {
    let policy = [
        upstream("u", &[origin], lines),
        upstream("shadow", &[mirror], lines),
        route_with("u", "upstream = \"u\"\nmirror = \"shadow\""),
    ];
    AppSpec::gateway(policy.concat()).write()
}

/// How often each request came, by method, target and digest of its body.
fn by_content(origin: &Origin) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for seen in origin.requests() {
        assert!(seen.is_whole(), "a request that is not whole: {seen:?}");
        let digest = seen.body_digest.unwrap_or_default();
        let key = format!("{} {} {digest}", seen.method, seen.target);
        *counts.entry(key).or_default() += 1;
    }
    counts
}

async fn of_1_000_requests_the_mirror_gets_1_000_with_their_bodies(host: &dyn Host) {
    const COUNT: usize = 1_000;
    let origin = Origin::start(Reply::ok("")).await;
    let mirror = Origin::start(Reply::ok("")).await;
    let app = mirrored(&origin, &mirror, "");
    let running = host.start(&app).await;
    let requests: Arc<[Vec<u8>]> = (0..COUNT)
        .map(|number| {
            let body = format!("body {number} ").repeat(number % 40 + 1);
            let (length, chunk) = (body.len(), format!("{:x}", body.len()));
            match number % 4 {
                0 | 1 => format!("GET /u/{number}?q HTTP/1.1\r\nHost: a\r\n\r\n"),
                2 => format!(
                    "POST /u/{number} HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n{body}"
                ),
                _ => format!(
                    "PUT /u/{number} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n\
                     {chunk}\r\n{body}\r\n0\r\n\r\n"
                ),
            }
            .into_bytes()
        })
        .collect();
    let tally = tally(running.address, &requests, 8, Until::Sent(COUNT)).await;
    assert_eq!(tally.all_but(200), 0, "{tally:?}");
    let all = |mirror: &Origin| mirror.count() == COUNT;
    mirror.until("the mirror has all requests", all).await;
    let answered = || mirror.requests().iter().all(|seen| seen.answered);
    until("the mirror has all of each request", answered).await;
    assert_eq!(origin.count(), COUNT, "the origin has each of them once");
    assert!(
        by_content(&mirror) == by_content(&origin),
        "the mirror has the same requests as the origin"
    );
}
