//! Requests that come in parts, of which an answer may not wait for the rest: over sockets alone.

use crate::front::{BOTH, class, prepared};
use crate::limits::{self, BODY_BYTES_MAX, chunked};
use crate::shared::{self, BURST};
use doorward_runtime_tests::cases;
use doorward_runtime_tests::clocked::{all_events, clock, until};
use doorward_runtime_tests::gated::status;
use doorward_runtime_tests::host::{Host, How};
use doorward_runtime_tests::issuer::Issuer;
use doorward_runtime_tests::raw::Raw;
use doorward_runtime_tests::run::Case;

pub const CASES: &[Case] = cases![
    a_body_that_is_declared_too_large_is_refused_before_it_comes,
    a_body_that_turns_out_too_large_reaches_nobody_as_a_whole,
    an_instance_counts_requests_that_are_under_way_as_well,
];

/// A request that stays under way until more of it comes.
const HELD: &str =
    "POST /a/held HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n";

async fn a_body_that_is_declared_too_large_is_refused_before_it_comes(host: &dyn Host) {
    let issuer = Issuer::start().await;
    for kind in BOTH {
        let front = prepared(kind, &limits::policy(&issuer))
            .await
            .on(host)
            .await;
        for length in [BODY_BYTES_MAX as u64 + 1, 10 << 30] {
            let mut request = Raw::connect(front.running.address).await;
            let head = format!(
                "POST /body/trailers HTTP/1.1\r\nHost: a\r\nx-tell:\r\nContent-Length: {length}\r\n\r\n"
            );
            // The head alone: an answer that waits for the body would never come.
            request.send(head).await;
            let response = request.response().await.unwrap();
            let what = format!("{kind:?}: {length} bytes");
            assert_eq!(response.status, 413, "{what}: {}", response.text());
            assert!(
                response.text().contains("body-too-large"),
                "{what}: {}",
                response.text()
            );
            assert_eq!(front.reached().await, 0, "{what}: what reached the service");
        }
    }
}

async fn a_body_that_turns_out_too_large_reaches_nobody_as_a_whole(host: &dyn Host) {
    let issuer = Issuer::start().await;
    for kind in BOTH {
        let front = prepared(kind, &limits::policy(&issuer))
            .await
            .on(host)
            .await;
        for bytes in [BODY_BYTES_MAX + 1, 10 * BODY_BYTES_MAX] {
            let what = format!("{kind:?}: {bytes} bytes");
            let answer = front.send_bytes(chunked("/body/trailers", "", bytes)).await;
            status(&answer, 413, &what);
            assert_eq!(class(&answer), "body-too-large", "{what}");
        }
        // In pieces, so that a good part of it has been passed on when it turns out.
        let mut request = Raw::connect(front.running.address).await;
        let head = "POST /body/trailers HTTP/1.1\r\nHost: a\r\nx-tell:\r\nTransfer-Encoding: chunked\r\n\r\n";
        request.send(head).await;
        for _ in 0..4 {
            request
                .send(format!("{:x}\r\n{}\r\n", 24_000, "x".repeat(24_000)))
                .await;
        }
        until("the service has been reached", || {
            front.reached_so_far() >= 1
        })
        .await;
        request
            .send(format!("{:x}\r\n{}\r\n", 24_000, "x".repeat(24_000)))
            .await;
        let response = request.response().await.unwrap();
        assert_eq!(
            response.status,
            413,
            "{kind:?}: in pieces: {}",
            response.text()
        );
        assert_eq!(
            front.whole_bodies().await,
            0,
            "{kind:?}: bodies that came through whole"
        );
        let most = 3 * BODY_BYTES_MAX as u64;
        let came = front.body_bytes().await;
        assert!(came <= most, "{kind:?}: {came} bytes came through");
        let told = all_events(&front.running, "refused").await;
        assert_eq!(told.len(), 3, "{kind:?}: the log: {told:?}");
    }
}

async fn an_instance_counts_requests_that_are_under_way_as_well(host: &dyn Host) {
    let clock = clock(host);
    for kind in BOTH {
        for shared_limit in [false, true] {
            let what = format!("{kind:?}, shared = {shared_limit}");
            let front = prepared(kind, &shared::policy(shared_limit)).await;
            let front = front.served(&clock, How::one()).await;
            let mut under_way = Vec::new();
            for number in 0..BURST + 3 {
                let mut request = Raw::connect(front.running.address).await;
                request.send(HELD).await;
                let head = request.read_until("\r\n\r\n").await;
                let expected = if number < BURST { "200" } else { "429" };
                let begins = head.starts_with(&format!("HTTP/1.1 {expected} "));
                assert!(
                    begins,
                    "{what}: number {number} is answered {expected}: {head}"
                );
                under_way.push(request);
            }
        }
    }
}
