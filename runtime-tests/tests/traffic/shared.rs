//! What one instance counts, what instances count together through the store, and what is left of that
//! where the store fails.

use crate::front::{BOTH, Front, prepared};
use crate::rates::answered;
use doorward_runtime_tests::cases;
use doorward_runtime_tests::client::Ask;
use doorward_runtime_tests::clocked::{Clock, clock, stored, stored_names, until};
use doorward_runtime_tests::gated::status;
use doorward_runtime_tests::host::{Host, How};
use doorward_runtime_tests::raw::Raw;
use doorward_runtime_tests::run::Case;

pub const CASES: &[Case] = cases![
    an_instance_counts_requests_that_are_under_way_as_well,
    instances_that_share_admit_no_more_than_one_would,
];

const BURST: usize = 6;
/// A request that stays under way until more of it comes.
const HELD: &str =
    "POST /a/held HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n";
fn policy(shared: bool) -> String {
    format!(
        r#"
[rate_limit.all]
requests = {BURST}
per_s = 60
shared = {shared}

[rate_limit.tenant]
requests = 1
per_s = 3600
key = "header:x-tenant"
shared = {shared}

[[route]]
path = "/a/**"
public = true
rate_limit = "all"

[[route]]
path = "/tenant"
public = true
rate_limit = "tenant"
"#
    )
}

/// The only caller of the limit `all`, by which there is one more every ten seconds: how many requests of it
/// the store has counted.
fn counted(front: &Front, clock: &Clock<'_>) -> Option<u64> {
    counted_by(front, "all", 10, clock)
}

/// The same of another limit, by which there is one more in so many seconds.
pub fn counted_by(front: &Front, limit: &str, every_s: u64, clock: &Clock<'_>) -> Option<u64> {
    let names = stored_names(&front.app, &format!("doorward/rate/{limit}/"));
    let record = stored(&front.app, names.first()?)?;
    // A version, the digest of the key, and the time in milliseconds and parts of one.
    assert_eq!((record.len(), record[0]), (29, 1), "a record of one caller");
    let at_ms = u64::from_be_bytes(record[17..25].try_into().unwrap());
    Some((at_ms / 1000).saturating_sub(clock.now()).div_ceil(every_s))
}

async fn an_instance_counts_requests_that_are_under_way_as_well(host: &dyn Host) {
    let clock = clock(host);
    for kind in BOTH {
        for shared in [false, true] {
            let what = format!("{kind:?}, shared = {shared}");
            let front = prepared(kind, &policy(shared)).await;
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

async fn instances_that_share_admit_no_more_than_one_would(host: &dyn Host) {
    for kind in BOTH {
        let clock = clock(host);
        let front = prepared(kind, &policy(true)).await;
        let front = front.served(&clock, How::forgetful()).await;
        for number in 1..=BURST as u64 {
            let answer = front.send(Ask::get("/a")).await;
            status(&answer, 200, &format!("{kind:?}: request {number}"));
            let left = format!("\"all\";r={};", BURST as u64 - number);
            let told = answer.header("ratelimit").unwrap_or_default();
            assert!(told.starts_with(&left), "{kind:?}: {left} and not {told}");
            // It is written after the answer.
            until("the request is in the store", || {
                counted(&front, &clock) == Some(number)
            })
            .await;
        }
        for _ in 0..3 {
            answered(&front, &[("one too many", Ask::get("/a"), 429)]).await;
        }
        clock.advance(10).await;
        answered(&front, &[("as promised", Ask::get("/a"), 200)]).await;
    }
}
