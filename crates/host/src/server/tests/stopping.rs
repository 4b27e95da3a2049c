//! How it stops.

use std::io::{Read as _, Write as _};

use super::*;

const LONG: Duration = Duration::from_secs(3600);
const KEPT: &[u8] = b"GET / HTTP/1.1\r\nhost: a.example\r\n\r\n";

/// What is answered to a request on a connection of its own.
async fn ask(address: SocketAddr, target: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("GET {target} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    read_to_end(&mut stream).await
}

/// Asks until it is not ready any more.
async fn drains(health: SocketAddr) {
    while !ask(health, "/ready").await.starts_with("HTTP/1.1 503 ") {}
}

/// Connects until nobody accepts any more.
async fn stops(address: SocketAddr) {
    while TcpStream::connect(address).await.is_ok() {}
}

/// The head of an answer without a body.
async fn read_head(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let byte = tokio::time::timeout(PATIENCE, stream.read_u8()).await;
        head.push(byte.expect("an answer should have come").unwrap());
    }
    String::from_utf8(head).unwrap()
}

fn with_health(options: &mut HostOptions) {
    options.health = Some("127.0.0.1:0".parse().unwrap());
}

#[tokio::test]
async fn a_host_that_was_told_to_stop_is_not_ready_and_accepts_on() {
    let mut running = Running::start(|options| {
        with_health(options);
        options.drain_delay = LONG;
        options.grace = 2 * LONG;
    })
    .await;
    let health = running.health.unwrap();
    assert!(ask(health, "/ready").await.starts_with("HTTP/1.1 200 "));
    let mut kept = running.connect().await;
    kept.write_all(KEPT).await.unwrap();
    assert!(!read_head(&mut kept).await.contains("connection"));
    running.tell_to_stop();
    drains(health).await;
    assert!(ask(health, "/health").await.starts_with("HTTP/1.1 200 "));
    // On a connection that was there, and on a new one.
    for mut stream in [kept, running.connect().await] {
        stream.write_all(KEPT).await.unwrap();
        let answer = read_to_end(&mut stream).await;
        assert!(answer.starts_with("HTTP/1.1 404 "), "{answer}");
        assert!(answer.contains("\r\nconnection: close\r\n"), "{answer}");
    }
    running.served.abort();
}

#[tokio::test]
async fn it_stops_after_the_delay() {
    let delay = Duration::from_millis(200);
    let mut running = Running::start(|options| options.drain_delay = delay).await;
    let mut idle = running.connect().await;
    idle.write_all(KEPT).await.unwrap();
    read_head(&mut idle).await;
    let began = Instant::now();
    running.tell_to_stop();
    assert_eq!(read_to_end(&mut idle).await, "", "closed without an answer");
    assert!(began.elapsed() >= delay);
    assert_eq!(running.ended().await, Ending::Done);
}

/// The runtime of the test has one thread: what is sent without a pause is there before the host can look.
#[tokio::test]
async fn what_waits_in_the_queue_is_served() {
    let mut running = Running::start(|_| {}).await;
    let mut streams = Vec::new();
    for _ in 0..20 {
        let mut stream = std::net::TcpStream::connect(running.address).unwrap();
        stream.write_all(KEPT).unwrap();
        streams.push(stream);
    }
    running.tell_to_stop();
    assert_eq!(running.ended().await, Ending::Done);
    for mut stream in streams {
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 404 "), "{answer:?}");
    }
}

#[tokio::test]
async fn a_request_whose_head_has_begun_is_served() {
    let (begin, rest) = KEPT.split_at(7);
    for is_first in [true, false] {
        let mut running = Running::start(|_| {}).await;
        let mut stream = running.connect().await;
        if !is_first {
            stream.write_all(KEPT).await.unwrap();
            read_head(&mut stream).await;
        }
        stream.write_all(begin).await.unwrap();
        // An answer on another connection: what was sent before has been seen.
        running.get("/").await;
        running.tell_to_stop();
        stops(running.address).await;
        stream.write_all(rest).await.unwrap();
        let answer = read_to_end(&mut stream).await;
        assert!(answer.starts_with("HTTP/1.1 404 "), "{is_first}: {answer}");
        assert_eq!(running.ended().await, Ending::Done);
    }
}

#[tokio::test]
async fn a_client_of_http2_is_told_to_go_away() {
    let mut running = Running::start(|_| {}).await;
    let mut stream = running.connect_http2().await;
    running.get("/").await;
    running.tell_to_stop();
    let mut kinds = Vec::new();
    while !kinds.contains(&GOAWAY) {
        let (kind, _) = frame(&mut stream).await;
        kinds.push(kind);
    }
    drop(stream);
    assert_eq!(running.ended().await, Ending::Done);
}

#[tokio::test]
async fn what_is_not_done_when_the_grace_is_over_is_cut_off() {
    let grace = Duration::from_millis(300);
    let mut running = Running::start(|options| {
        options.drain_delay = LONG;
        options.grace = grace;
    })
    .await;
    let mut stream = running.connect().await;
    stream.write_all(b"GET / HT").await.unwrap();
    running.get("/").await;
    let began = Instant::now();
    running.tell_to_stop();
    assert_eq!(running.ended().await, Ending::CutOff);
    let least = grace - grace / ENDS_EARLIER_PART;
    assert!(began.elapsed() >= least, "{:?}", began.elapsed());
}
