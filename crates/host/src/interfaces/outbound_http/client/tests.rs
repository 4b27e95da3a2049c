#![expect(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod secure;
mod versions;

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc;
use std::thread;
use std::time::Instant;

use bytes::Bytes;
use http::{Method, StatusCode};
use http_body_util::{BodyExt as _, Full};
use wasmtime_wasi_http::Error;

use super::super::line::{LOOK_AFTER, READ_BYTES_MAX};
use super::*;
use crate::outbound_options::{CONNECTION_AGE_MAX, IDLE_CONNECTION_TIMEOUT};

/// When a test gives up on what should have happened long before.
const PATIENCE: Duration = Duration::from_secs(20);
const OK: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi";

/// What an origin of a test is told, and tells.
struct Origin {
    url: String,
    /// What happened, in its order.
    events: mpsc::Receiver<Event>,
    /// Has it close the connection that it has.
    close: mpsc::Sender<()>,
}

#[derive(Debug, PartialEq, Eq)]
enum Event {
    Connected,
    /// The first line of a request.
    Asked(String),
    /// The other side closed.
    Left,
    /// It closed as it was told.
    Closed,
}

impl Origin {
    /// An origin with one connection at a time, in a thread of its own: what it does the runtime of the test learns
    /// from the system alone.
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let (tell, events) = mpsc::channel();
        let (close, told) = mpsc::channel();
        thread::spawn(move || {
            while let Ok((stream, _)) = listener.accept() {
                let _ = tell.send(Event::Connected);
                if serve(stream, &tell, &told).is_none() {
                    return;
                }
            }
        });
        Self { url, events, close }
    }

    fn next(&self) -> Event {
        self.events
            .recv_timeout(PATIENCE)
            .expect("something happens")
    }

    /// Blocks until there is such an event, however the runtime waits meanwhile.
    async fn until(self, event: Event) -> Self {
        tokio::task::spawn_blocking(move || {
            while self.next() != event {}
            self
        })
        .await
        .unwrap()
    }
}

/// Answers requests until the other side closes, or it is told to. None when the test is over.
fn serve(
    mut stream: TcpStream,
    tell: &mpsc::Sender<Event>,
    told: &mpsc::Receiver<()>,
) -> Option<()> {
    stream
        .set_read_timeout(Some(Duration::from_millis(1)))
        .unwrap();
    let mut got = Vec::new();
    loop {
        match told.try_recv() {
            Ok(()) => {
                drop(stream);
                return tell.send(Event::Closed).ok();
            }
            Err(mpsc::TryRecvError::Disconnected) => return None,
            Err(mpsc::TryRecvError::Empty) => {}
        }
        let mut bytes = [0; 1024];
        match stream.read(&mut bytes) {
            Ok(0) => return tell.send(Event::Left).ok(),
            Ok(count) => got.extend(bytes.iter().take(count)),
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => continue,
            Err(_) => return tell.send(Event::Left).ok(),
        }
        let text = String::from_utf8_lossy(&got).into_owned();
        if let Some((head, _)) = text.split_once("\r\n\r\n") {
            let line = head.lines().next().unwrap_or_default();
            tell.send(Event::Asked(line.to_owned())).ok()?;
            got.clear();
            stream.write_all(OK).ok()?;
        }
    }
}

fn client(change: impl FnOnce(&mut OutboundOptions)) -> OutboundClient {
    let mut options = OutboundOptions::default();
    change(&mut options);
    OutboundClient::new(&options).unwrap()
}

async fn ask(client: &OutboundClient, method: Method, url: &str) -> Result<StatusCode, String> {
    let body = match method {
        Method::POST => Bytes::from_static(b"body"),
        _ => Bytes::new(),
    };
    let request = Request::builder()
        .method(method)
        .uri(url)
        .body(Full::new(body).map_err(Error::from).boxed_unsync())
        .unwrap();
    let pool = client.pool("main", request.uri()).clone();
    let response = pool.send(request, PATIENCE).await;
    let response = response.map_err(|error| format!("{error:?}"))?;
    let status = response.status();
    response.into_body().collect().await.unwrap();
    // The connection goes back to the pool in another task.
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
    Ok(status)
}

#[test]
fn connections_are_given_up_before_servers_do_and_often_enough_to_follow_a_name() {
    assert!(IDLE_CONNECTION_TIMEOUT < Duration::from_secs(5));
    assert!(CONNECTION_AGE_MAX + IDLE_CONNECTION_TIMEOUT < Duration::from_secs(60));
}

#[tokio::test]
async fn a_connection_is_used_again_until_it_is_too_old() {
    for (age_max, connections) in [(Duration::from_secs(600), 1), (Duration::ZERO, 3)] {
        let origin = Origin::start();
        let client = client(|options| options.connection_age_max = age_max);
        for _ in 0..3 {
            assert_eq!(ask(&client, Method::GET, &origin.url).await.unwrap(), 200);
        }
        let made = origin
            .events
            .try_iter()
            .filter(|event| *event == Event::Connected)
            .count();
        assert_eq!(made, connections, "where they may be {age_max:?} old");
    }
}

#[tokio::test]
async fn an_unused_connection_is_closed() {
    let origin = Origin::start();
    let client = client(|options| options.idle_connection_timeout = Duration::from_millis(1));
    assert_eq!(ask(&client, Method::GET, &origin.url).await.unwrap(), 200);
    tokio::time::timeout(PATIENCE, origin.until(Event::Left))
        .await
        .expect("the connection should be closed");
}

/// The origin closes while the runtime does other things, so that it knows nothing of it when the request is sent.
#[tokio::test]
async fn a_request_that_meets_a_closed_connection_goes_by_another_one() {
    for method in [Method::GET, Method::POST] {
        let origin = Origin::start();
        let client = client(|_| {});
        assert_eq!(ask(&client, Method::GET, &origin.url).await.unwrap(), 200);
        origin.close.send(()).unwrap();
        // Blocks the runtime.
        while origin.next() != Event::Closed {}
        let closed = Instant::now();
        while closed.elapsed() < LOOK_AFTER {}
        let status = ask(&client, method.clone(), &origin.url).await;
        assert_eq!(status, Ok(StatusCode::OK), "{method}");
        assert_eq!(origin.next(), Event::Connected);
        assert_eq!(origin.next(), Event::Asked(format!("{method} / HTTP/1.1")));
    }
}

/// Of such a request nobody knows whether something was done.
#[tokio::test]
async fn a_request_that_was_sent_is_not_sent_again() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let origin = thread::spawn(move || {
        let mut asked = 0;
        // One answer, and then none to what comes by the same connection.
        let (mut stream, _) = listener.accept().unwrap();
        for answer in [OK, b""] {
            let mut bytes = [0; 1024];
            if stream.read(&mut bytes).unwrap() > 0 {
                asked += 1;
            }
            stream.write_all(answer).unwrap();
        }
        (asked, listener)
    });
    let client = client(|_| {});
    assert_eq!(ask(&client, Method::GET, &url).await.unwrap(), 200);
    assert!(ask(&client, Method::POST, &url).await.is_err());
    let (asked, listener) = origin.join().unwrap();
    assert_eq!(asked, 2);
    // A connection would wait there.
    listener.set_nonblocking(true).unwrap();
    assert!(listener.accept().is_err(), "it should not be asked again");
}

#[tokio::test]
async fn of_an_answer_that_comes_faster_than_it_is_taken_little_is_read_at_once() {
    const ANSWER_BYTES: usize = 32 << 20;
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut head = [0; 1024];
        let _ = stream.read(&mut head).unwrap();
        let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {ANSWER_BYTES}\r\n\r\n");
        stream.write_all(head.as_bytes()).unwrap();
        stream.write_all(&vec![b'x'; ANSWER_BYTES]).unwrap();
    });
    let client = client(|_| {});
    let request = Request::builder()
        .uri(&url)
        .body(Full::new(Bytes::new()).map_err(Error::from).boxed_unsync())
        .unwrap();
    let pool = client.pool("main", request.uri()).clone();
    let mut body = pool.send(request, PATIENCE).await.unwrap().into_body();
    let (mut all, mut most) = (0, 0);
    while let Some(frame) = body.frame().await {
        let piece = frame.unwrap().into_data().unwrap();
        all += piece.len();
        most = most.max(piece.len());
    }
    assert_eq!(all, ANSWER_BYTES);
    assert!(most as u64 <= READ_BYTES_MAX, "{most} bytes at once");
}
