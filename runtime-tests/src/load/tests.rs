//! What a load counts.

use super::*;
use crate::origin::{Origin, Reply, Script};

fn requests() -> Arc<[Vec<u8>]> {
    [b"GET / HTTP/1.1\r\nHost: x\r\n\r\n".to_vec()].into()
}

#[tokio::test]
async fn every_request_is_counted_once() {
    let script = Script::by(|_, number| match number % 10 {
        0 => Reply::status(503),
        1 => Reply::close(),
        2 => Reply::reset(),
        3 => Reply::ok("the end").closing(),
        _ => Reply::chunked().body("hello"),
    });
    let origin = Origin::start(script).await;
    let tally = tally(origin.address(), &requests(), 3, Until::Sent(1000)).await;
    assert_eq!(origin.count(), 1000, "requests at the origin");
    assert_eq!(
        (tally.of(200), tally.of(503), tally.broken),
        (700, 100, 200),
        "{tally:?}"
    );
    assert_eq!(
        (tally.answers(), tally.all_but(200), tally.refused),
        (800, 300, 0)
    );
    assert!(
        tally.p50_us <= tally.p99_us && tally.p99_us <= tally.p999_us,
        "{tally:?}"
    );
    assert!(tally.p999_us > 0 && tally.per_second > 0.0, "{tally:?}");
    assert!(!tally.troubles.is_empty(), "what broke is told");
}

#[tokio::test]
async fn a_load_goes_on_while_an_origin_is_away() {
    let origin = Origin::start(Reply::ok("hello")).await;
    let load = Load::start(origin.address(), &requests(), 4);
    load.until_more(50).await;
    assert_eq!(
        load.so_far().all_but(200),
        0,
        "all is well: {:?}",
        load.so_far()
    );
    origin.stop().await;
    crate::clocked::until("it is refused", || load.so_far().refused > 0).await;
    origin.revive().await;
    load.until_more(50).await;
    let tally = load.stop().await;
    assert!(tally.of(200) >= 100, "{tally:?}");
    assert!(
        (1..=4).contains(&tally.broken),
        "one for each connection at most: {tally:?}"
    );
    assert_eq!(
        tally.answers(),
        tally.of(200),
        "no other answers: {tally:?}"
    );
}

#[tokio::test]
async fn a_load_ends_after_its_time() {
    let origin = Origin::start(Reply::ok("hello")).await;
    let until = Until::Elapsed(Duration::from_millis(50));
    let tally = tally(origin.address(), &requests(), 2, until).await;
    assert!(tally.answers() > 0 && tally.all_but(200) == 0, "{tally:?}");
}
