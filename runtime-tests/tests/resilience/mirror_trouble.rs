//! Mirrors that stall, die or fail: nobody notices.

use crate::mirror::mirrored;
use crate::{in_one_piece, same_request};
use doorward_runtime_tests::app::AppSpec;
use doorward_runtime_tests::cases;
use doorward_runtime_tests::host::Host;
use doorward_runtime_tests::load::{Load, Until};
use doorward_runtime_tests::origin::{Origin, Reply};
use doorward_runtime_tests::run::Case;
use std::sync::Arc;

pub const CASES: &[Case] = cases![a_mirror_that_dies_under_load_fails_no_request,];

/// Waiting for a mirror would take longer than this.
const UNDELAYED_US: u64 = 5_000_000;

fn requests(body_bytes: usize) -> Arc<[Vec<u8>]> {
    let put = format!(
        "PUT /u/a HTTP/1.1\r\nHost: a\r\nContent-Length: {body_bytes}\r\n\r\n{}",
        "x".repeat(body_bytes)
    );
    let get = "GET /u/a HTTP/1.1\r\nHost: a\r\n\r\n";
    [get.as_bytes().to_vec(), put.into_bytes()].into()
}

async fn a_mirror_that_dies_under_load_fails_no_request(host: &dyn Host) {
    let origin = Origin::start(in_one_piece("ok")).await;
    let mirror = Origin::start(in_one_piece("mirror")).await;
    origin.only_counts();
    mirror.only_counts();
    let app = mirrored(&origin, &mirror, "");
    let running = host.start(&app).await;
    let load = Load::start(running.address, &requests(100), 8);
    for round in 0..3 {
        load.until_more(300).await;
        mirror.stop().await;
        load.until_more(300).await;
        mirror.revive().await;
        let before = mirror.count();
        let what = format!("round {round}: it is asked again when it is back");
        mirror.until(&what, |mirror| mirror.count() > before).await;
    }
    mirror.set(Reply::reset());
    load.until_more(300).await;
    mirror.set(Reply::garbage());
    load.until_more(300).await;
    let tally = load.stop().await;
    assert_eq!(tally.all_but(200), 0, "{tally:?}");
    assert!(tally.p999_us < UNDELAYED_US, "nobody waits: {tally:?}");
    // A mirror that nobody may reach is no reason to fail either.
    let mut spec =
        AppSpec::gateway(std::fs::read_to_string(app.folder().join("doorward.toml")).unwrap());
    spec.outbound = vec![origin.url()];
    let app = spec.write();
    let running = host.start(&app).await;
    let requests = same_request(&running, "/u/a");
    let tally =
        doorward_runtime_tests::load::tally(running.address, &requests, 2, Until::Sent(50)).await;
    assert_eq!(
        tally.all_but(200),
        0,
        "a mirror that is not granted: {tally:?}"
    );
}
