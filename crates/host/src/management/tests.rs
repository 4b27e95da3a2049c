#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use http_body_util::BodyExt as _;

use super::*;

const ANY_PORT: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 0);
/// When a test gives up on what should have happened long before.
const PATIENCE: Duration = Duration::from_secs(20);

/// The status line and the body of what is answered to a request.
fn ask(address: SocketAddr, line: &str) -> (String, String) {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    write!(
        stream,
        "{line} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.lines().next().unwrap_or_default();
    (status.to_owned(), body.to_owned())
}

#[test]
fn each_address_tells_what_it_is_for() {
    let metrics = Metrics::new().unwrap();
    let management = Management::start(
        Some((ANY_PORT, Heartbeat::begin(Course::begin()))),
        Some((ANY_PORT, metrics)),
    );
    let management = management.unwrap();
    // Port 0 twice is one address here: both are told there.
    assert_eq!(management.health, management.metrics);
    let address = management.health.unwrap();
    for (line, status, body) in [
        ("GET /health", "HTTP/1.1 200 OK", "alive\n"),
        ("HEAD /health", "HTTP/1.1 200 OK", ""),
        (
            "GET /",
            "HTTP/1.1 404 Not Found",
            "served here: /health and /ready and /metrics\n",
        ),
        (
            "POST /health",
            "HTTP/1.1 405 Method Not Allowed",
            "GET and HEAD are served here\n",
        ),
    ] {
        let expected = (status.to_owned(), body.to_owned());
        assert_eq!(ask(address, line), expected, "{line}");
    }
    let (status, numbers) = ask(address, "GET /metrics?x");
    assert_eq!(status, "HTTP/1.1 200 OK");
    assert!(numbers.contains("\ndoorward_host_connections 0\n"));
}

#[test]
fn what_is_told_elsewhere_is_not_told_here() {
    let management =
        Management::start(Some((ANY_PORT, Heartbeat::begin(Course::begin()))), None).unwrap();
    assert_eq!(management.metrics, None);
    let (status, body) = ask(management.health.unwrap(), "GET /metrics");
    assert_eq!(status, "HTTP/1.1 404 Not Found");
    assert_eq!(body, "served here: /health and /ready\n");
}

#[test]
fn an_address_that_is_taken_is_named() {
    let taken = std::net::TcpListener::bind(ANY_PORT).unwrap();
    let address = taken.local_addr().unwrap();
    let error =
        Management::start(Some((address, Heartbeat::begin(Course::begin()))), None).unwrap_err();
    assert!(error.to_string().contains(&address.to_string()), "{error}");
}

#[test]
fn it_is_ready_while_it_serves_and_alive_all_the_time() {
    let course = Course::begin();
    let heartbeat = Heartbeat::begin(Arc::clone(&course));
    let management = Management::start(Some((ANY_PORT, heartbeat)), None).unwrap();
    let address = management.health.unwrap();
    for (phase, status, body) in [
        (Phase::Starting, "503 Service Unavailable", "starting\n"),
        (Phase::Serving, "200 OK", "ready\n"),
        (Phase::Draining, "503 Service Unavailable", "stopping\n"),
        (Phase::Stopping, "503 Service Unavailable", "stopping\n"),
    ] {
        course.enter(phase);
        let expected = (format!("HTTP/1.1 {status}"), body.to_owned());
        assert_eq!(ask(address, "GET /ready"), expected, "{phase:?}");
        let alive = ("HTTP/1.1 200 OK".to_owned(), "alive\n".to_owned());
        assert_eq!(ask(address, "GET /health"), alive, "{phase:?}");
    }
}

#[tokio::test]
async fn a_host_that_does_nothing_for_a_minute_is_not_alive() {
    let long_ago = Instant::now().checked_sub(2 * STUCK_AFTER).unwrap();
    let heartbeat = Arc::new(Heartbeat {
        since: long_ago,
        last: AtomicU64::new(0),
        course: Course::begin(),
    });
    let desk = Desk {
        health: Some(Arc::clone(&heartbeat)),
        metrics: None,
    };
    let request = Request::get(HEALTH).body(()).unwrap();
    let stuck = answer(&desk, &request);
    assert_eq!(stuck.status(), StatusCode::SERVICE_UNAVAILABLE);
    let body = stuck.into_body().collect().await.unwrap().to_bytes();
    assert_eq!(body, "nothing has moved for 120 s\n");
    heartbeat.beat();
    assert_eq!(answer(&desk, &request).status(), StatusCode::OK);
}
