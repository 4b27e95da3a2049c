#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use std::future::Future;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::*;
use crate::patience::Pace;

const LIMITS: Limits = Limits {
    head: Duration::from_secs(10),
    idle: Duration::from_secs(75),
    write: Pace {
        time: Duration::from_secs(30),
        bytes_per_second: 500,
    },
    read: Pace {
        time: Duration::from_secs(30),
        bytes_per_second: 500,
    },
    silence: None,
};

fn connections(count: usize, percent: usize) -> Arc<Connections> {
    let share = Share { count, percent };
    Arc::new(Connections::new(
        share,
        LIMITS,
        TrustedProxies::new(&["10.0.0.0/8".parse().unwrap()]),
        Arc::new(Shares::new(share)),
    ))
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

async fn pass(seconds: u64) {
    tokio::time::advance(Duration::from_secs(seconds)).await;
}

fn is_ready(future: Pin<&mut impl Future>) -> bool {
    let mut cx = Context::from_waker(Waker::noop());
    future.poll(&mut cx).is_ready()
}

/// Whether the connection was told to close.
fn closes(link: &Link) -> bool {
    link.check(&LIMITS, Instant::now());
    link.is_closing()
}

/// Fails unless the head that begins now has ten seconds, whatever comes of it.
async fn is_given_the_time_for_a_head(link: &Link) {
    link.heard(b"GET");
    pass(9).await;
    link.heard(b"GET");
    assert!(!closes(link));
    pass(1).await;
    assert!(closes(link));
}

#[tokio::test(start_paused = true)]
async fn a_connection_has_time_for_its_first_request_and_less_is_no_request() {
    let link = Link::new(None, LIMITS.write, Instant::now());
    is_given_the_time_for_a_head(&link).await;
}

#[tokio::test(start_paused = true)]
async fn a_connection_without_requests_is_kept_for_a_while() {
    let link = Link::new(None, LIMITS.write, Instant::now());
    for _ in 0..3 {
        let flow = link.begin(&LIMITS, None, Instant::now());
        pass(3600).await;
        assert!(!closes(&link), "a request is under way");
        drop(flow);
        pass(74).await;
        assert!(!closes(&link));
    }
    pass(1).await;
    assert!(closes(&link));
}

#[tokio::test(start_paused = true)]
async fn a_later_request_has_the_time_for_a_head_from_its_first_byte_on() {
    let link = Link::new(None, LIMITS.write, Instant::now());
    drop(link.begin(&LIMITS, None, Instant::now()));
    pass(50).await;
    is_given_the_time_for_a_head(&link).await;
}

#[tokio::test(start_paused = true)]
async fn what_an_idle_http2_connection_says_keeps_it_no_longer() {
    let link = Link::new(None, LIMITS.write, Instant::now());
    drop(link.begin(&LIMITS, Some(Arc::default()), Instant::now()));
    for _ in 0..74 {
        pass(1).await;
        link.heard(b"GET");
        assert!(!closes(&link));
    }
    pass(1).await;
    link.heard(b"GET");
    assert!(closes(&link));
}

#[tokio::test(start_paused = true)]
async fn who_takes_no_bytes_is_closed_and_who_takes_them_slowly_is_not() {
    for (takes_every_s, expected) in [(None, true), (Some(20), false)] {
        let link = Arc::new(Link::new(None, LIMITS.write, Instant::now()));
        let (near, mut far) = tokio::io::duplex(64 << 10);
        let mut socket = Socket::new(near, Arc::clone(&link));
        drop(link.begin(&LIMITS, None, Instant::now()));
        let mut bytes = vec![0; 64 << 10];
        let mut closed = false;
        for second in 0..600 {
            let mut write = pin!(socket.write(&bytes));
            is_ready(write.as_mut());
            if takes_every_s.is_some_and(|every| second % every == 0) {
                far.read_exact(bytes.get_mut(..32 << 10).unwrap())
                    .await
                    .unwrap();
            }
            pass(1).await;
            closed = closed || closes(&link);
        }
        assert_eq!(closed, expected, "{takes_every_s:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_longest_idle_connection_makes_room() {
    let connections = connections(3, 100);
    let mut taken = Vec::new();
    for number in 0..3 {
        let address = ip(&format!("192.0.2.{number}"));
        taken.push(connections.take(address).await.unwrap());
        pass(1).await;
    }
    let busy = taken[0].link.begin(&LIMITS, None, Instant::now());
    let mut next = pin!(connections.take(ip("192.0.2.9")));
    assert!(!is_ready(next.as_mut()));
    let told = |taken: &[Connection]| -> Vec<bool> {
        taken.iter().map(|one| one.link.is_closing()).collect()
    };
    assert_eq!(told(&taken), [false, true, false]);
    assert!(!is_ready(next.as_mut()));
    assert_eq!(told(&taken), [false, true, false], "no more than one");
    drop(taken.remove(1));
    assert!(is_ready(next));
    drop(busy);
}

#[tokio::test(start_paused = true)]
async fn where_all_are_busy_the_next_one_waits() {
    let connections = connections(1, 100);
    let first = connections.take(ip("192.0.2.1")).await.unwrap();
    let busy = first.link.begin(&LIMITS, None, Instant::now());
    let mut next = pin!(connections.take(ip("192.0.2.2")));
    assert!(!is_ready(next.as_mut()));
    assert!(!first.link.is_closing());
    drop(busy);
    pass(2).await;
    assert!(!is_ready(next.as_mut()));
    assert!(first.link.is_closing());
}

#[tokio::test(start_paused = true)]
async fn one_address_has_a_share_and_a_trusted_proxy_all() {
    for (address, expected) in [("192.0.2.1", 80), ("2001:db8::1", 80), ("10.0.0.1", 100)] {
        let connections = connections(100, 80);
        let mut taken = Vec::new();
        for _ in 0..100 {
            if let Ok(one) = connections.take(ip(address)).await {
                // Busy ones make no room.
                taken.push((one.link.begin(&LIMITS, None, Instant::now()), one));
            }
        }
        assert_eq!(taken.len(), expected, "{address}");
    }
}

#[tokio::test(start_paused = true)]
async fn over_its_share_an_address_makes_room_for_itself() {
    let connections = connections(100, 80);
    let mut taken = Vec::new();
    for _ in 0..81 {
        pass(1).await;
        taken.push(connections.take(ip("192.0.2.1")).await.unwrap());
    }
    let other = connections.take(ip("192.0.2.2")).await.unwrap();
    assert!(!other.link.is_closing());
    let told: Vec<usize> = (0..taken.len())
        .filter(|&number| taken[number].link.is_closing())
        .collect();
    assert_eq!(told, [0]);
}

#[tokio::test(start_paused = true)]
async fn who_looks_after_them_closes_them() {
    let connections = connections(3, 100);
    let one = connections.take(ip("192.0.2.1")).await.unwrap();
    let look = Arc::clone(&connections);
    let looking = tokio::spawn(async move { look.look_after().await });
    let closing = tokio::time::timeout(Duration::from_secs(11), one.link.closing());
    closing.await.unwrap();
    looking.abort();
    let mut cx = Context::from_waker(Waker::noop());
    assert_eq!(pin!(one.link.closing()).poll(&mut cx), Poll::Pending);
}
