//! Large, slow and hostile bodies of events, in flat memory.
//!
//! With `DOORWARD_GIBIBYTE=1` two bodies of 1 GiB as well, one of them compressed, which takes minutes.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "tests"
)]

use doorward_runtime_tests::app::{App, AppSpec};
use doorward_runtime_tests::collector::Collector;
use doorward_runtime_tests::host::{Host, Running, start_in_process};
use doorward_runtime_tests::origin::{Gate, Origin, Reply};
use doorward_runtime_tests::raw::Raw;
use doorward_runtime_tests::run::Group;
use doorward_runtime_tests::{cases, run};
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::json;
use std::io::Write as _;
use std::process::ExitCode;
use std::time::{Duration, Instant};
use tokio::sync::watch;
use tokio::time::timeout;

/// Events of the large body: 300 bytes each, 30 MiB together.
const EVENTS: usize = 100_000;
/// Events of 1 GiB, which is what a compressed body may become.
const GIBIBYTE_EVENTS: usize = (1 << 30) / EVENT_BYTES;
/// What asks for bodies of 1 GiB.
const GIBIBYTE_VARIABLE: &str = "DOORWARD_GIBIBYTE";
/// Events that are sent at once.
const PIECE_EVENTS: usize = 1_000;
/// Pieces that a slow sink has to take, 12 MB together.
const PIECES: usize = 40;
/// Who is not let go on for so long is blocked.
const BLOCKED_TIME: Duration = Duration::from_secs(1);
/// How long an instance may compute without a pause, where that is little: some batches.
const TURN_TIME_MAX: Duration = Duration::from_millis(200);
/// Who sends nothing for so long is slow.
const SLOW_CLIENT_TIME: Duration = Duration::from_secs(1);
/// How much the memory may grow while they pass: buffers and two batches, not the body.
const GROWTH_BYTES_MAX: u64 = 16 << 20;
/// Bytes of an event.
const EVENT_BYTES: usize = 300;
/// The longest event.
const EVENT_BYTES_MAX: usize = 1 << 20;
/// How long a hostile body is, or becomes.
const HOSTILE_BYTES: usize = 64 << 20;

fn main() -> ExitCode {
    // One at a time: memory is measured.
    run::main_of_one_at_a_time(&[
        Group {
            prepare: || Ok(()),
            cases: cases![
                a_large_body_is_taken_in_flat_memory,
                a_body_that_comes_byte_by_byte_is_taken,
                a_slow_sink_slows_the_client_down,
                hostile_bodies_are_refused_in_flat_memory;
                in_process:
                a_slow_sink_is_not_counted_against_the_client,
                a_body_may_take_longer_than_one_turn_of_an_instance,
            ],
        },
        Group {
            prepare: asked_for_a_gibibyte,
            cases: cases![
                a_gibibyte_is_taken_in_flat_memory,
                a_gibibyte_that_was_compressed_is_taken_in_flat_memory,
            ],
        },
    ])
}

fn asked_for_a_gibibyte() -> Result<(), String> {
    match std::env::var_os(GIBIBYTE_VARIABLE) {
        Some(_) => Ok(()),
        None => Err(format!("{GIBIBYTE_VARIABLE} is not set")),
    }
}

async fn served(host: &dyn Host, sink: &str) -> (App, Running) {
    let app = spec(sink).write();
    let running = host.start(&app).await;
    (app, running)
}

fn spec(sink: &str) -> AppSpec {
    AppSpec::intake(&[("events_sink", sink)])
}

/// So many digits of an id.
const ID_DIGITS: usize = 9;

/// An event in a line of its own, and where its id begins in it.
fn line() -> (Vec<u8>, usize) {
    let id = "#".repeat(ID_DIGITS);
    let mut event = json!({
        "id": id,
        "source": "urn:test",
        "type": "dev.doorward.user.deleted.v1",
        "data": { "id": "0197f6a0-3c1e-7d52-a7f1-5b1e0c9d8a42", "version": 3 },
        "pad": "",
    });
    let short = event.to_string().len() + 1;
    let pad = EVENT_BYTES.checked_sub(short).expect("there is room");
    event["pad"] = json!("x".repeat(pad));
    let line = format!("{event}\n");
    let at = line.find(&id).expect("its id");
    (line.into_bytes(), at)
}

fn lines(from: usize, count: usize) -> Vec<u8> {
    let (line, at) = line();
    let mut lines = line.repeat(count);
    for (line, number) in lines.chunks_mut(EVENT_BYTES).zip(from..) {
        let id = format!("{number:0ID_DIGITS$}");
        line[at..at + ID_DIGITS].copy_from_slice(id.as_bytes());
    }
    lines
}

fn head(fields: &str) -> String {
    format!(
        "POST /events HTTP/1.1\r\nHost: a\r\nContent-Type: application/x-ndjson\r\nx-auth-issuer: https://login.example\r\n\
         x-auth-subject: alice\r\nx-auth-scope: write:events\r\n{fields}\r\n\r\n"
    )
}

fn length(bytes: usize) -> String {
    format!("Content-Length: {bytes}")
}

/// Sends so many events in one request, and gives the most memory that was seen.
async fn send(running: &Running, from: usize, count: usize) -> u64 {
    let mut client = Raw::connect(running.address).await;
    client.send(head(&length(count * EVENT_BYTES))).await;
    let mut most = 0;
    for first in (from..from + count).step_by(PIECE_EVENTS) {
        let piece = lines(first, PIECE_EVENTS.min(from + count - first));
        client.try_send(&piece).await.expect("the intake takes it");
        most = most.max(running.memory_bytes());
    }
    assert_all_taken(&mut client, count).await;
    most
}

/// The same, compressed, in chunks (RFC 9112 section 7.1).
async fn send_compressed(running: &Running, from: usize, count: usize) -> u64 {
    let mut client = Raw::connect(running.address).await;
    let fields = "Content-Encoding: gzip\r\nTransfer-Encoding: chunked";
    client.send(head(fields)).await;
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    let mut most = 0;
    for first in (from..from + count).step_by(PIECE_EVENTS) {
        let piece = lines(first, PIECE_EVENTS.min(from + count - first));
        encoder.write_all(&piece).unwrap();
        send_chunk(&mut client, encoder.get_mut()).await;
        most = most.max(running.memory_bytes());
    }
    send_chunk(&mut client, &mut encoder.finish().unwrap()).await;
    client.send("0\r\n\r\n").await;
    assert_all_taken(&mut client, count).await;
    most
}

/// An empty chunk would be the last one.
async fn send_chunk(client: &mut Raw, bytes: &mut Vec<u8>) {
    if !bytes.is_empty() {
        let size = format!("{:x}\r\n", bytes.len());
        let chunk = [size.as_bytes(), bytes, b"\r\n"].concat();
        client.try_send(&chunk).await.expect("the intake takes it");
        bytes.clear();
    }
}

async fn assert_all_taken(client: &mut Raw, count: usize) {
    let response = client.response().await.unwrap();
    assert_eq!(response.status, 200, "{}", response.text());
    let report = response.json();
    assert_eq!(report["accepted"], count, "{report}");
}

async fn a_gibibyte_is_taken_in_flat_memory(host: &dyn Host) {
    is_taken_in_flat_memory(host, GIBIBYTE_EVENTS, Coding::None).await;
}

async fn a_gibibyte_that_was_compressed_is_taken_in_flat_memory(host: &dyn Host) {
    is_taken_in_flat_memory(host, GIBIBYTE_EVENTS, Coding::Gzip).await;
}

async fn a_large_body_is_taken_in_flat_memory(host: &dyn Host) {
    is_taken_in_flat_memory(host, EVENTS, Coding::None).await;
}

/// How a body is coded.
#[derive(Debug, Clone, Copy)]
enum Coding {
    None,
    Gzip,
}

impl Coding {
    async fn send(self, running: &Running, from: usize, count: usize) -> u64 {
        match self {
            Self::None => send(running, from, count).await,
            Self::Gzip => send_compressed(running, from, count).await,
        }
    }
}

async fn is_taken_in_flat_memory(host: &dyn Host, count: usize, coding: Coding) {
    let collector = Collector::start().await;
    let (_app, running) = served(host, &collector.url()).await;
    // Instances and buffers are there before memory is measured.
    coding.send(&running, 0, 10 * PIECE_EVENTS).await;
    let (before, begun) = (running.memory_bytes(), Instant::now());
    let most = coding.send(&running, 1_000_000, count).await;
    assert_flat(&format!("{count} events, {coding:?}"), before, most);
    eprintln!(
        "{count} events, {coding:?}: {:.1} s",
        begun.elapsed().as_secs_f64()
    );
    let taken = collector.taken().events;
    assert_eq!(taken, (count + 10 * PIECE_EVENTS) as u64);
}

fn assert_flat(what: &str, before: u64, most: u64) {
    let growth = most.saturating_sub(before);
    eprintln!("{what}: memory grew by {growth} bytes from {before}");
    assert!(
        growth < GROWTH_BYTES_MAX,
        "{what}: memory grew by {growth} bytes"
    );
}

/// A body that is made to hurt, and what is answered to it.
async fn hostile(running: &Running, coding: &str, body: &[u8]) -> (u16, u64) {
    let mut client = Raw::connect(running.address).await;
    client
        .send(head(&format!("{coding}{}", length(body.len()))))
        .await;
    let mut most = 0;
    for piece in body.chunks(EVENT_BYTES * PIECE_EVENTS) {
        // Who is refused early finds the answer below.
        if client.try_send(piece).await.is_err() {
            break;
        }
        most = most.max(running.memory_bytes());
    }
    let response = client.response().await.unwrap();
    (response.status, most.max(running.memory_bytes()))
}

async fn hostile_bodies_are_refused_in_flat_memory(host: &dyn Host) {
    let collector = Collector::start().await;
    let (_app, running) = served(host, &collector.url()).await;
    send(&running, 0, 10 * PIECE_EVENTS).await;
    let gzip = |bytes: usize| {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(&vec![b'\n'; bytes]).unwrap();
        encoder.finish().unwrap()
    };
    let line = |text: String| text.into_bytes();
    let gzip_bomb = gzip(HOSTILE_BYTES);
    let zstd_bomb = zstd::bulk::compress(&vec![b'\n'; HOSTILE_BYTES], 3).unwrap();
    for (what, coding, body, status) in [
        ("a line without an end", "", vec![b'x'; HOSTILE_BYTES], 422),
        ("a deep line", "", line("[".repeat(HOSTILE_BYTES)), 422),
        (
            "a deep event",
            "",
            line("[".repeat(EVENT_BYTES_MAX - 1)),
            422,
        ),
        (
            "a wide event",
            "",
            line(format!("{{{}", "\"a\":1,".repeat(EVENT_BYTES_MAX / 8))),
            422,
        ),
        (
            "a huge number",
            "",
            line("1".repeat(EVENT_BYTES_MAX - 1)),
            422,
        ),
        ("no UTF-8", "", vec![0xff; HOSTILE_BYTES], 422),
        (
            "nothing but lines",
            "",
            line("{\n".repeat(HOSTILE_BYTES / 2)),
            422,
        ),
        ("a bomb", "Content-Encoding: gzip\r\n", gzip_bomb, 413),
        ("another bomb", "Content-Encoding: zstd\r\n", zstd_bomb, 413),
    ] {
        let before = running.memory_bytes();
        let (answered, most) = hostile(&running, coding, &body).await;
        assert_eq!(answered, status, "{what}");
        assert_flat(what, before, most);
    }
    let taken = collector.taken().events;
    assert_eq!(taken, (10 * PIECE_EVENTS) as u64);
}

async fn a_body_that_comes_byte_by_byte_is_taken(host: &dyn Host) {
    let collector = Collector::start().await;
    let (_app, running) = served(host, &collector.url()).await;
    let body = lines(0, 3);
    let mut client = Raw::connect(running.address).await;
    client.send(head(&length(body.len()))).await;
    for byte in body {
        client.try_send([byte]).await.expect("the intake takes it");
    }
    let response = client.response().await.unwrap();
    assert_eq!(response.json()["accepted"], 3, "{}", response.text());
    assert_eq!(collector.taken().events, 3);
}

/// An instance is ended that computes for too long without a pause. It pauses whenever it waits for its sink.
async fn a_body_may_take_longer_than_one_turn_of_an_instance() {
    let collector = Collector::start().await;
    let app = spec(&collector.url()).write();
    let running = start_in_process(&app, |options| options.busy_time_max = TURN_TIME_MAX).await;
    let used = running.usage().cpu_s;
    send(&running, 0, EVENTS).await;
    let used = running.usage().cpu_s - used;
    assert!(used > 2.0 * TURN_TIME_MAX.as_secs_f64(), "{used} s");
    assert_eq!(collector.taken().events, EVENTS as u64);
}

/// Who sends as fast as it is let is not taken for one that is slow, however long the sink takes.
async fn a_slow_sink_is_not_counted_against_the_client() {
    let gate = Gate::closed();
    let collector = Origin::start(Reply::status(204).after(&gate)).await;
    let app = spec(&collector.url()).write();
    let running = start_in_process(&app, |options| options.read_timeout = SLOW_CLIENT_TIME).await;
    let mut slow = Raw::connect(running.address).await;
    slow.send(head(&length(EVENT_BYTES))).await;
    let (refused, begun) = (slow.response().await.unwrap().status, Instant::now());
    assert_eq!(refused, 408, "who sends nothing");
    let mut client = Raw::connect_with_buffers(running.address, 64 * 1024).await;
    let sending = tokio::spawn(async move {
        client
            .send(head(&length(PIECES * PIECE_EVENTS * EVENT_BYTES)))
            .await;
        for number in 0..PIECES {
            let piece = lines(number * PIECE_EVENTS, PIECE_EVENTS);
            client.try_send(&piece).await.expect("the intake takes it");
        }
        client.response().await.unwrap()
    });
    gate.until_waiting(1).await;
    // So long nobody is told anything, which is what is to be shown.
    tokio::time::sleep_until((begun + 4 * SLOW_CLIENT_TIME).into()).await;
    gate.open();
    let response = sending.await.unwrap();
    assert_eq!(response.status, 200, "{}", response.text());
    assert_eq!(response.json()["accepted"], PIECES * PIECE_EVENTS);
}

async fn a_slow_sink_slows_the_client_down(host: &dyn Host) {
    let gate = Gate::closed();
    let collector = Origin::start(Reply::status(204).after(&gate)).await;
    let (_app, running) = served(host, &collector.url()).await;
    let mut client = Raw::connect_with_buffers(running.address, 64 * 1024).await;
    let (sent, mut seen) = watch::channel(0);
    let sending = tokio::spawn(async move {
        let bytes = PIECES * PIECE_EVENTS * EVENT_BYTES;
        client.send(head(&length(bytes))).await;
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
