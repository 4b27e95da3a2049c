//! Clients that keep their connections, and that nobody sends to a host that is not ready.

use doorward_runtime_tests::client::ANSWER_TIME_MAX;
use http_body_util::{BodyExt as _, Empty};
use hyper::body::Bytes;
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use tokio::net::TcpStream;
use tokio::sync::watch;

/// What all clients know, and what came of their requests.
#[derive(Debug, Default)]
pub struct Traffic {
    /// Whether the load balancer sends no more.
    pub is_over: AtomicBool,
    /// Requests that were sent.
    pub sent: AtomicUsize,
    /// Answers that came, all of them as they should be.
    pub answered: watch::Sender<usize>,
    /// Answers of HTTP/1 that said that they were the last one on their connection.
    pub last_ones: AtomicUsize,
    /// Connections that were opened.
    pub connections: AtomicUsize,
}

/// A connection.
enum Sender {
    Http1(http1::SendRequest<Empty<Bytes>>),
    Http2(http2::SendRequest<Empty<Bytes>>),
}

impl Sender {
    async fn open(address: SocketAddr, is_http2: bool) -> Self {
        let stream = TcpStream::connect(address).await;
        let io = TokioIo::new(stream.expect("the host accepts"));
        if is_http2 {
            let handshake = http2::handshake(TokioExecutor::new(), io);
            let (sender, connection) = handshake.await.expect("HTTP/2");
            tokio::spawn(connection);
            Self::Http2(sender)
        } else {
            let (sender, connection) = http1::handshake(io).await.expect("HTTP/1");
            tokio::spawn(connection);
            Self::Http1(sender)
        }
    }
}

impl Traffic {
    /// Sends one request after the other, on one connection after the other where the host closes them, until it is
    /// over.
    ///
    /// # Panics
    /// Where a request has no answer, or another one than it should.
    pub async fn client(&self, address: SocketAddr, is_http2: bool) {
        let mut sender = None;
        while !self.is_over.load(SeqCst) {
            if sender.is_none() {
                self.connections.fetch_add(1, SeqCst);
                sender = Some(Sender::open(address, is_http2).await);
            }
            let request = match is_http2 {
                true => http::Request::get(format!("http://{address}/a")),
                false => http::Request::get("/a").header("host", address.to_string()),
            };
            let request = request.body(Empty::new()).expect("a request");
            self.sent.fetch_add(1, SeqCst);
            let answer = match sender.as_mut().expect("it is open") {
                Sender::Http1(sender) => sender.send_request(request).await,
                Sender::Http2(sender) => sender.send_request(request).await,
            };
            let answer = answer.unwrap_or_else(|error| panic!("a request is lost: {error:?}"));
            assert_eq!(answer.status(), 200);
            let close = answer.headers().get("connection");
            let is_last = close.is_some_and(|value| value == "close");
            let body = answer.into_body().collect().await.expect("a whole body");
            assert_eq!(body.to_bytes(), "answered");
            self.answered.send_modify(|count| *count += 1);
            if is_last {
                self.last_ones.fetch_add(1, SeqCst);
                sender = None;
            }
        }
    }

    /// Ready when so many have been answered.
    ///
    /// # Panics
    /// Where that takes too long.
    pub async fn until_answered(&self, count: usize) {
        let mut answered = self.answered.subscribe();
        let waiting = answered.wait_for(|answered| *answered >= count);
        let waited = tokio::time::timeout(ANSWER_TIME_MAX, waiting).await;
        assert!(
            waited.is_ok(),
            "{} of {count} were answered",
            *self.answered.borrow()
        );
    }
}
