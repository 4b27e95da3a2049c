//! What one instance counts, what instances count together through the store, and what is left of that
//! where the store fails.

use crate::api::client::{Ask, send_pipelined};
use crate::api::clocked::{
    Clock, NoWrites, clock, store_fails, stored, stored_names, until, until_event, until_status,
};
use crate::api::gated::status;
use crate::api::host::Address;
use crate::api::host::{Host, How, InProcess};
use crate::api::run::Case;
use crate::api::run::cases;
use crate::front::{BOTH, Front, prepared};
use crate::rates::answered;

pub const CASES: &[Case] = cases![
    instances_that_do_not_share_count_alone,
    instances_that_share_admit_no_more_than_one_would,
    where_the_store_fails_each_instance_counts_alone_and_nobody_is_refused_for_it,
    where_the_store_is_not_granted_each_instance_counts_alone,
    ; in_process:
    entries_of_any_number_of_callers_are_bounded,
    requests_that_come_while_one_is_being_written_are_written_together,
    two_hosts_that_share_admit_more_than_one_would_only_by_what_is_under_way,
];

pub const BURST: usize = 6;
/// Callers whose entries could be one each.
const CALLERS: usize = 1500;
/// Entries that a limit has at most.
const SLOTS: usize = 1024;

pub fn policy(shared: bool) -> String {
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

/// How many of so many requests to these addresses are admitted, of which some are under way at a time.
/// None may be refused for another reason than the limit.
async fn admitted(addresses: &[Address], requests: usize, at_once: usize) -> usize {
    use futures::StreamExt as _;
    let asks = (0..requests).map(|number| {
        let address = addresses[number % addresses.len()];
        async move { Ask::get("/a").send(address).await.status }
    });
    let statuses: Vec<u16> = futures::stream::iter(asks)
        .buffer_unordered(at_once)
        .collect()
        .await;
    let others: Vec<&u16> = statuses
        .iter()
        .filter(|status| ![200, 429].contains(status))
        .collect();
    assert!(
        others.is_empty(),
        "neither admitted nor refused by the limit: {others:?}"
    );
    statuses.iter().filter(|status| **status == 200).count()
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

async fn instances_that_do_not_share_count_alone(host: &dyn Host) {
    let clock = clock(host);
    for kind in BOTH {
        let front = prepared(kind, &policy(false)).await;
        let front = front.served(&clock, How::forgetful()).await;
        let count = admitted(&[front.running.address], 2 * BURST, 1).await;
        assert_eq!(
            count,
            2 * BURST,
            "{kind:?}: a new instance knows of none before it"
        );
        assert_eq!(
            stored_names(&front.app, "doorward/rate/"),
            [""; 0],
            "{kind:?}: the store"
        );
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

async fn requests_that_come_while_one_is_being_written_are_written_together() {
    for kind in BOTH {
        let clock = clock(&InProcess);
        let front = prepared(kind, &policy(true)).await;
        let front = front.served(&clock, How::one()).await;
        answered(&front, &[("the first one", Ask::get("/a"), 200)]).await;
        until("the first one is in the store", || {
            counted(&front, &clock) == Some(1)
        })
        .await;
        // Two that wrote at once would each add to what was there before either of them.
        let held = NoWrites::to(&front.app);
        for _ in 1..BURST {
            answered(&front, &[("while nobody can write", Ask::get("/a"), 200)]).await;
        }
        assert_eq!(
            counted(&front, &clock),
            Some(1),
            "{kind:?}: nothing is written yet"
        );
        drop(held);
        until("all are in the store", || {
            counted(&front, &clock) == Some(BURST as u64)
        })
        .await;
    }
}

async fn two_hosts_that_share_admit_more_than_one_would_only_by_what_is_under_way() {
    const BURST: usize = 60;
    let policy = policy(true).replacen("requests = 6", &format!("requests = {BURST}"), 1);
    let clock = clock(&InProcess);
    for kind in BOTH {
        // Of instances that write at once the store keeps one, so at worst each of those that are under way
        // counts alone. Hosts that do not share admit at least twice the limit, whoever is under way.
        for (at_once, most) in [(1, BURST * 3 / 2), (2, 2 * BURST), (4, 4 * BURST)] {
            let front = prepared(kind, &policy).await;
            let front = front.served(&clock, How::one()).await;
            let other = front.another(&clock, How::one()).await;
            let addresses = [front.running.address, other.address];
            let first = admitted(&addresses, 8 * BURST, at_once).await;
            let then = admitted(&addresses, 2 * BURST, 1).await;
            let what = format!("{kind:?}, {at_once} at once: {first} admitted, and then {then}");
            assert!(first >= BURST, "{what}: fewer than the limit");
            assert!(first + then <= most, "{what}: more than {most}");
        }
    }
}

async fn where_the_store_fails_each_instance_counts_alone_and_nobody_is_refused_for_it(
    host: &dyn Host,
) {
    let clock = clock(host);
    // Elsewhere there may be more, on a clock that goes on and in instances that begin while another one
    // is still at the store.
    let is_right = |count, due| count == due || (!clock.is_own() && count > due);
    for kind in BOTH {
        let front = prepared(kind, &policy(true)).await;
        let front = front.served(&clock, How::one()).await;
        // A host makes the store anew when it starts, or when it first uses it.
        let other = front.another(&clock, How::one()).await;
        let ask = Ask::get("/tenant").header("x-tenant", "first");
        status(&ask.send(other.address).await, 200, "the other one");
        let address = [front.running.address];
        assert_eq!(
            admitted(&address, 2, 1).await,
            2,
            "{kind:?}: while the store works"
        );
        until("both are in the store", || {
            counted(&front, &clock) == Some(2)
        })
        .await;
        store_fails(&front.app, true);
        let count = admitted(&address, 20, 1).await;
        assert!(
            is_right(count, BURST - 2),
            "{kind:?}: what this instance has left: {count}"
        );
        until_event(&front.running, "store-unavailable", 1).await;
        let count = admitted(&[other.address], 20, 1).await;
        assert!(
            is_right(count, BURST),
            "{kind:?}: another instance, alone, admits {count}"
        );
        store_fails(&front.app, false);
        clock.advance(10).await;
        let count = admitted(&address, 20, 1).await;
        assert!(is_right(count, 1), "{kind:?}: once it works again, {count}");
        let known = || counted(&front, &clock).is_some_and(|count| count >= 2);
        until("it is in the store again", known).await;
    }
}

async fn where_the_store_is_not_granted_each_instance_counts_alone(host: &dyn Host) {
    let clock = clock(host);
    for kind in BOTH {
        let mut front = prepared(kind, &policy(true)).await;
        front.spec.stores = Vec::new();
        let front = front.served(&clock, How::one()).await;
        let count = admitted(&[front.running.address], 20, 1).await;
        assert_eq!(count, BURST, "{kind:?}: admitted");
        until_event(&front.running, "store-not-granted", 1).await;
    }
}

async fn entries_of_any_number_of_callers_are_bounded() {
    let clock = clock(&InProcess);
    for kind in BOTH {
        let front = prepared(kind, &policy(true)).await;
        let front = front.served(&clock, How::one()).await;
        let ask = |number: usize| Ask::get("/tenant").header("x-tenant", &number.to_string());
        let asks: Vec<Ask> = (0..CALLERS).map(ask).collect();
        let mut came = Vec::new();
        for some in asks.chunks(250) {
            came.extend(send_pipelined(front.running.address, some).await);
        }
        assert_eq!(came, [200; CALLERS], "{kind:?}: everybody's first request");
        // Another instance knows of it when it has been written.
        let what = format!("{kind:?}: the last one, again");
        until_status(&front.running, &ask(CALLERS - 1), 429, 200, &what).await;
        let names = || stored_names(&front.app, "doorward/");
        until("all are in the store", || names().len() > SLOTS / 2).await;
        let count = names().len();
        assert!(
            count <= SLOTS,
            "{kind:?}: {count} entries of {CALLERS} callers"
        );
        for name in names() {
            let bytes = stored(&front.app, &name).unwrap().len();
            assert!(bytes <= 1 + 16 * 28, "{kind:?}: {name} has {bytes} bytes");
        }
    }
}
