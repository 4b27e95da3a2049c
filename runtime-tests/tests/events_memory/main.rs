//! Large and slow bodies of events, in flat memory.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "tests"
)]

use doorward_runtime_tests::app::{App, AppSpec, workspace};
use doorward_runtime_tests::collector::Collector;
use doorward_runtime_tests::host::{Host, Running};
use doorward_runtime_tests::origin::{Gate, Origin, Reply};
use doorward_runtime_tests::raw::Raw;
use doorward_runtime_tests::{cases, run};
use serde_json::json;
use std::process::ExitCode;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::timeout;

/// Events of the large body: 300 bytes each, 30 MiB together.
const EVENTS: usize = 100_000;
/// Events that are sent at once.
const PIECE_EVENTS: usize = 1_000;
/// Pieces that a slow sink has to take, 12 MB together.
const PIECES: usize = 40;
/// Who is not let go on for so long is blocked.
const BLOCKED_TIME: Duration = Duration::from_secs(1);
/// How much the memory may grow while they pass: buffers and two batches, not the body.
const GROWTH_BYTES_MAX: u64 = 16 << 20;
/// Bytes of an event.
const EVENT_BYTES: usize = 300;

fn main() -> ExitCode {
    // One at a time: memory is measured.
    run::main_one_at_a_time(cases![
        a_large_body_is_taken_in_flat_memory,
        a_body_that_comes_byte_by_byte_is_taken,
        a_slow_sink_slows_the_client_down,
    ])
}

async fn served(host: &dyn Host, sink: &str) -> (App, Running) {
    let mut spec = AppSpec::gated("events", "");
    spec.policy = None;
    spec.middleware = vec![];
    spec.files = vec![(
        "events.schemas".to_owned(),
        std::fs::read(workspace().join("components/events/events.schemas")).unwrap(),
    )];
    spec.variables = vec![("events_sink".to_owned(), sink.to_owned())];
    let app = spec.write();
    let running = host.start(&app).await;
    (app, running)
}

/// An event in a line of its own.
fn line(number: usize) -> String {
    let mut event = json!({
        "id": format!("{number:09}"),
        "source": "urn:test",
        "type": "dev.doorward.user.deleted.v1",
        "data": { "id": "0197f6a0-3c1e-7d52-a7f1-5b1e0c9d8a42", "version": 3 },
        "pad": "",
    });
    let short = event.to_string().len() + 1;
    let pad = EVENT_BYTES.checked_sub(short).expect("there is room");
    event["pad"] = json!("x".repeat(pad));
    format!("{event}\n")
}

fn lines(from: usize, count: usize) -> Vec<u8> {
    let lines: String = (from..from + count).map(line).collect();
    lines.into_bytes()
}

fn head(bytes: usize) -> String {
    format!(
        "POST /events HTTP/1.1\r\nHost: a\r\nContent-Type: application/x-ndjson\r\nx-auth-issuer: https://login.example\r\n\
         x-auth-subject: alice\r\nx-auth-scope: write:events\r\nContent-Length: {bytes}\r\n\r\n"
    )
}

/// Sends so many events in one request, and gives the most memory that was seen.
async fn send(running: &Running, from: usize, count: usize) -> u64 {
    let mut client = Raw::connect(running.address).await;
    client.send(head(count * EVENT_BYTES)).await;
    let mut most = 0;
    for first in (from..from + count).step_by(PIECE_EVENTS) {
        let piece = lines(first, PIECE_EVENTS);
        client.try_send(&piece).await.expect("the intake takes it");
        most = most.max(running.memory_bytes());
    }
    let response = client.response().await.unwrap();
    assert_eq!(response.status, 200, "{}", response.text());
    let report = response.json();
    assert_eq!(report["accepted"], count, "{report}");
    most
}

async fn a_large_body_is_taken_in_flat_memory(host: &dyn Host) {
    let collector = Collector::start().await;
    let (_app, running) = served(host, &collector.url()).await;
    // Instances and buffers are there before memory is measured.
    send(&running, 0, 10 * PIECE_EVENTS).await;
    let before = running.memory_bytes();
    let most = send(&running, 1_000_000, EVENTS).await;
    let growth = most.saturating_sub(before);
    assert!(growth < GROWTH_BYTES_MAX, "memory grew by {growth} bytes");
    let taken = collector.taken().events;
    assert_eq!(taken, (EVENTS + 10 * PIECE_EVENTS) as u64);
}

async fn a_body_that_comes_byte_by_byte_is_taken(host: &dyn Host) {
    let collector = Collector::start().await;
    let (_app, running) = served(host, &collector.url()).await;
    let body = lines(0, 3);
    let mut client = Raw::connect(running.address).await;
    client.send(head(body.len())).await;
    for byte in body {
        client.try_send([byte]).await.expect("the intake takes it");
    }
    let response = client.response().await.unwrap();
    assert_eq!(response.json()["accepted"], 3, "{}", response.text());
    assert_eq!(collector.taken().events, 3);
}

async fn a_slow_sink_slows_the_client_down(host: &dyn Host) {
    let gate = Gate::closed();
    let collector = Origin::start(Reply::status(204).after(&gate)).await;
    let (_app, running) = served(host, &collector.url()).await;
    let mut client = Raw::connect_with_buffers(running.address, 64 * 1024).await;
    let (sent, mut seen) = watch::channel(0);
    let sending = tokio::spawn(async move {
        client.send(head(PIECES * PIECE_EVENTS * EVENT_BYTES)).await;
        for number in 0..PIECES {
            let piece = lines(number * PIECE_EVENTS, PIECE_EVENTS);
            client.try_send(&piece).await.expect("the intake takes it");
            sent.send_replace(number + 1);
        }
        client.response().await.unwrap()
    });
    gate.until_waiting(1).await;
    // While the first batch waits there is room for a second one, and for what is in sockets; not for all.
    while matches!(timeout(BLOCKED_TIME, seen.changed()).await, Ok(Ok(()))) {}
    let taken = *seen.borrow();
    assert!(taken < PIECES / 2, "{taken} of {PIECES} pieces");
    assert_eq!(collector.count(), 1, "one batch is under way");
    gate.open();
    let response = sending.await.unwrap();
    assert_eq!(response.status, 200, "{}", response.text());
    assert_eq!(response.json()["accepted"], PIECES * PIECE_EVENTS);
}
