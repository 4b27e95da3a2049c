//! Large bodies and many slow clients at the gateway, in flat memory.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

use doorward_runtime_tests::app::{App, AppSpec};
use doorward_runtime_tests::client::Ask;
use doorward_runtime_tests::host::{Host, Running};
use doorward_runtime_tests::issuer::{AUDIENCE, Issuer};
use doorward_runtime_tests::origin::{Gate, Origin, Reply};
use doorward_runtime_tests::raw::Raw;
use doorward_runtime_tests::{cases, run};
use std::process::ExitCode;

const GIB: u64 = 1 << 30;
/// How much the memory may grow while a body of 1 GiB passes: buffers, not the body.
const GROWTH_BYTES_MAX: u64 = 64 << 20;
const SLOW_CLIENTS: usize = 100;
/// How much the memory may grow with each slow client: its buffers, and its share of an instance.
const CLIENT_BYTES_MAX: u64 = 2 << 20;
const PIECE_BYTES: usize = 256 * 1024;

fn main() -> ExitCode {
    // One at a time: memory is measured.
    run::main_one_at_a_time(cases![
        an_upload_of_1_gib_passes_in_flat_memory,
        a_download_of_1_gib_passes_in_flat_memory,
        a_hundred_slow_readers_cost_their_buffers,
        a_hundred_slow_writers_cost_their_buffers,
    ])
}

struct Stage {
    issuer: Issuer,
    origin: Origin,
    running: Running,
    _app: App,
}

impl Stage {
    async fn new(host: &dyn Host, reply: Reply) -> Self {
        let issuer = Issuer::start().await;
        let origin = Origin::start(Reply::ok("hello")).await;
        let app = AppSpec::gateway(format!(
            "[issuer.test]\nurl = \"{}\"\naudience = \"{AUDIENCE}\"\nleeway_s = 0\n\
             [upstream.orders]\nurl = \"{}\"\n\
             [[route]]\npath = \"/**\"\nissuer = [\"test\"]\nscope = [\"read\"]\nupstream = \"orders\"\n",
            issuer.url(),
            origin.url()
        ))
        .write();
        let running = host.start(&app).await;
        let stage = Self {
            issuer,
            origin,
            running,
            _app: app,
        };
        stage.warm_up().await;
        stage.origin.set(reply);
        stage.origin.forget();
        stage
    }

    /// Brings instances, keys and buffers into being before memory is measured.
    async fn warm_up(&self) {
        self.origin.set(Reply::echo_body());
        let body = vec![b'x'; 8 << 20];
        let ask = Ask::new("POST", "/a").bearer(&self.token()).body(&body);
        let answer = ask.send(self.running.address).await;
        assert_eq!(answer.status, 200, "a first upload");
        assert!(answer.body == body, "a first download");
    }

    fn token(&self) -> String {
        self.issuer.token("alice", "read")
    }

    fn head(&self, method: &str, field: &str) -> String {
        let token = self.token();
        format!(
            "{method} /a HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {token}\r\n{field}\r\n\r\n"
        )
    }
}

async fn an_upload_of_1_gib_passes_in_flat_memory(host: &dyn Host) {
    let stage = Stage::new(host, Reply::ok("taken")).await;
    let before = stage.running.memory_bytes();
    let mut client = Raw::connect(stage.running.address).await;
    client
        .send(stage.head("POST", &format!("Content-Length: {GIB}")))
        .await;
    let piece = vec![b'x'; PIECE_BYTES];
    let mut most = before;
    for number in 0..GIB / PIECE_BYTES as u64 {
        client.try_send(&piece).await.expect("the gateway takes it");
        if number % 64 == 0 {
            most = most.max(stage.running.memory_bytes());
        }
    }
    let response = client.response().await.unwrap();
    assert_eq!(response.text(), "taken", "{response:?}");
    let seen = stage.origin.request();
    assert!(seen.is_whole(), "all of it arrived: {}", seen.body_bytes);
    assert_eq!(seen.body_bytes, GIB);
    let growth = most - before;
    assert!(growth < GROWTH_BYTES_MAX, "memory grew by {growth} bytes");
}

async fn a_download_of_1_gib_passes_in_flat_memory(host: &dyn Host) {
    let stage = Stage::new(host, Reply::ok("").zeros(GIB)).await;
    let before = stage.running.memory_bytes();
    let mut client = Raw::connect(stage.running.address).await;
    client.send(stage.head("GET", "X-One: 1")).await;
    let head = client.read_until("\r\n\r\n").await.to_ascii_lowercase();
    assert!(
        head.contains(&format!("content-length: {GIB}\r\n")),
        "{head}"
    );
    let mut most = before;
    for number in 0..GIB / PIECE_BYTES as u64 {
        let came = client.read(PIECE_BYTES).await;
        assert_eq!(came.len(), PIECE_BYTES, "it breaks off at piece {number}");
        if number % 64 == 0 {
            most = most.max(stage.running.memory_bytes());
        }
    }
    let growth = most - before;
    assert!(growth < GROWTH_BYTES_MAX, "memory grew by {growth} bytes");
}

async fn a_hundred_slow_readers_cost_their_buffers(host: &dyn Host) {
    let stage = Stage::new(host, Reply::ok("").zeros(GIB)).await;
    let before = stage.running.memory_bytes();
    let mut clients = Vec::new();
    for _ in 0..SLOW_CLIENTS {
        let mut client = Raw::connect(stage.running.address).await;
        client.send(stage.head("GET", "X-One: 1")).await;
        client.read_until("\r\n\r\n").await;
        clients.push(client);
    }
    let mut most = before;
    for round in 0..20 {
        for client in &mut clients {
            assert_eq!(client.read(1000).await.len(), 1000, "round {round}");
        }
        most = most.max(stage.running.memory_bytes());
    }
    let growth = most - before;
    let growth_max = CLIENT_BYTES_MAX * SLOW_CLIENTS as u64;
    assert!(growth < growth_max, "memory grew by {growth} bytes");
}

async fn a_hundred_slow_writers_cost_their_buffers(host: &dyn Host) {
    let gate = Gate::closed();
    let stage = Stage::new(host, Reply::ok("taken").early().after(&gate)).await;
    let before = stage.running.memory_bytes();
    let mut clients = Vec::new();
    let head = stage.head("POST", &format!("Content-Length: {}", 100 * 1000));
    for _ in 0..SLOW_CLIENTS {
        let mut client = Raw::connect(stage.running.address).await;
        client.send(&head).await;
        clients.push(client);
    }
    let mut most = before;
    for _ in 0..100 {
        for client in &mut clients {
            client.send([b'x'; 1000]).await;
        }
        most = most.max(stage.running.memory_bytes());
    }
    gate.open();
    for mut client in clients {
        assert_eq!(client.response().await.unwrap().text(), "taken");
    }
    for origin in [&stage.origin] {
        origin
            .until("all bodies are there", |origin| {
                let seen = origin.requests();
                seen.len() == SLOW_CLIENTS && seen.iter().all(|seen| seen.body_bytes == 100_000)
            })
            .await;
    }
    let growth = most - before;
    let growth_max = CLIENT_BYTES_MAX * SLOW_CLIENTS as u64;
    assert!(growth < growth_max, "memory grew by {growth} bytes");
}
