//! Clients that want all there is of a gateway, each from many addresses: no client's share helps.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Empty, Full};
use hyper::body::{Body, Bytes, Frame};
use hyper::client::conn::{http1, http2};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::task::JoinSet;

/// How long who was turned away waits before the next try.
const RETRY: Duration = Duration::from_millis(20);
/// How often a byte of a trickled upload comes.
const TRICKLE: Duration = Duration::from_millis(200);
/// Bytes of a head that does not end: nearly what the host takes.
const HEAD_BYTES: usize = 90_000;
/// Bytes of a large body, and of one piece of it.
const LARGE_BYTES: usize = 32 << 20;
const PIECE_BYTES: usize = 64 << 10;
/// Requests at the same time on one HTTP/2 connection, and the bytes of each one's body: more than is taken before
/// somebody reads, of each and of all.
const STREAMS: usize = 3;
const STREAM_BYTES: usize = 300 << 10;

type Sent = UnsyncBoxBody<Bytes, Infallible>;

/// How often which status came; 0 stands for none.
#[derive(Clone, Default)]
pub struct Told(Arc<Mutex<BTreeMap<u16, usize>>>);

impl Told {
    fn add(&self, status: u16) {
        *self.0.lock().unwrap().entry(status).or_insert(0) += 1;
    }

    pub fn counts(&self) -> BTreeMap<u16, usize> {
        self.0.lock().unwrap().clone()
    }
}

/// Attackers, until it is dropped.
pub struct Attack {
    pub told: Told,
    _tasks: JoinSet<()>,
}

/// So many at the same time, each with its number.
pub fn attack<A>(count: usize, one: impl Fn(usize, Told) -> A) -> Attack
where
    A: Future<Output = ()> + Send + 'static,
{
    let told = Told::default();
    let mut tasks = JoinSet::new();
    for number in 0..count {
        tasks.spawn(one(number, told.clone()));
    }
    Attack {
        told,
        _tasks: tasks,
    }
}

/// Connects from an address of its own, with a small buffer for what it reads where that is said.
async fn connect(
    number: usize,
    to: SocketAddr,
    buffer_bytes: Option<u32>,
) -> std::io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    if let Some(bytes) = buffer_bytes {
        socket.set_recv_buffer_size(bytes)?;
    }
    let [.., high, low] = u32::try_from(number).unwrap().to_be_bytes();
    socket.bind((Ipv4Addr::new(127, 1, high, low), 0).into())?;
    let stream = socket.connect(to).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

fn request(method: &str, path: &str, token: &str, body: Sent) -> Request<Sent> {
    Request::builder()
        .method(method)
        .uri(format!("http://shop.example{path}"))
        .header("host", "shop.example")
        .header("authorization", format!("Bearer {token}"))
        .body(body)
        .unwrap()
}

fn empty() -> Sent {
    Empty::new().boxed_unsync()
}

fn head(method: &str, path: &str, token: &str, field: &str) -> String {
    format!(
        "{method} {path} HTTP/1.1\r\nHost: shop.example\r\nAuthorization: Bearer {token}\r\n{field}\r\n\r\n"
    )
}

/// Asks one request after the other on a connection.
pub async fn asks(number: usize, to: SocketAddr, tokens: Arc<[String]>, told: Told) {
    let mut turn = number;
    loop {
        let Ok(stream) = connect(number, to, None).await else {
            tokio::time::sleep(RETRY).await;
            continue;
        };
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
        let connection = tokio::spawn(connection);
        loop {
            let token = &tokens[turn % tokens.len()];
            turn += 1;
            let answer = sender
                .send_request(request("GET", "/shop/a", token, empty()))
                .await;
            let status = match answer {
                Ok(answer) => {
                    let status = answer.status().as_u16();
                    answer.into_body().collect().await.map_or(0, |_| status)
                }
                Err(_) => 0,
            };
            told.add(status);
            if status == 0 || sender.ready().await.is_err() {
                break;
            }
        }
        connection.abort();
        tokio::time::sleep(RETRY).await;
    }
}

/// Sends these bytes and reads what comes, if that is anything; then one byte every so often where that is said.
async fn holds(stream: &mut TcpStream, bytes: &[u8], trickle: bool) -> std::io::Result<u16> {
    stream.write_all(bytes).await?;
    let (mut reading, mut writing) = stream.split();
    let mut trickled = async || {
        loop {
            tokio::time::sleep(TRICKLE).await;
            if !trickle || writing.write_all(b"x").await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    };
    let mut answer = [0; 32];
    let read = tokio::select! {
        () = trickled() => unreachable!(),
        read = reading.read(&mut answer) => read?,
    };
    let text = String::from_utf8_lossy(&answer[..read]);
    let status = text.split(' ').nth(1);
    Ok(status.and_then(|status| status.parse().ok()).unwrap_or(0))
}

/// Again and again, as soon as it was turned away.
async fn holds_on(
    number: usize,
    to: SocketAddr,
    bytes: &[u8],
    trickle: bool,
    told: &Told,
) -> Infallible {
    loop {
        if let Ok(mut stream) = connect(number, to, None).await {
            let status = holds(&mut stream, bytes, trickle).await.unwrap_or(0);
            told.add(status);
        }
        tokio::time::sleep(RETRY).await;
    }
}

/// Uploads a byte now and then.
pub async fn trickles(number: usize, to: SocketAddr, tokens: Arc<[String]>, told: Told) {
    let token = &tokens[number % tokens.len()];
    let head = head("POST", "/shop/upload", token, "Content-Length: 1000000");
    holds_on(number, to, head.as_bytes(), true, &told).await;
}

/// Sends much of a head that does not end.
pub async fn begins(number: usize, to: SocketAddr, told: Told) {
    let head = format!(
        "GET /shop/a HTTP/1.1\r\nHost: shop.example\r\nX-Long: {}",
        "x".repeat(HEAD_BYTES)
    );
    holds_on(number, to, head.as_bytes(), false, &told).await;
}

/// Asks for an answer without an end, and reads none of it.
pub async fn reads_nothing(number: usize, to: SocketAddr, tokens: Arc<[String]>, told: Told) {
    let token = &tokens[number % tokens.len()];
    let head = head("GET", "/shop/endless", token, "X-One: 1");
    loop {
        if let Ok(mut stream) = connect(number, to, Some(4096)).await
            && stream.write_all(head.as_bytes()).await.is_ok()
        {
            let mut one = [0; 12];
            if stream.read_exact(&mut one).await.is_ok() && one.ends_with(b"200") {
                told.add(200);
                std::future::pending::<()>().await;
            }
        }
        told.add(0);
        tokio::time::sleep(RETRY).await;
    }
}

/// Uploads large bodies, one after the other, as fast as they are taken.
pub async fn uploads(number: usize, to: SocketAddr, tokens: Arc<[String]>, told: Told) {
    let token = &tokens[number % tokens.len()];
    let field = format!("Connection: close\r\nContent-Length: {LARGE_BYTES}");
    let head = head("POST", "/shop/upload", token, &field);
    let piece = vec![b'x'; PIECE_BYTES];
    loop {
        let exchange = async {
            let mut stream = connect(number, to, None).await?;
            stream.write_all(head.as_bytes()).await?;
            for _ in 0..LARGE_BYTES / PIECE_BYTES {
                stream.write_all(&piece).await?;
            }
            holds(&mut stream, b"", false).await
        };
        told.add(exchange.await.unwrap_or(0));
    }
}

async fn http2(number: usize, to: SocketAddr) -> Option<http2::SendRequest<Sent>> {
    let stream = connect(number, to, None).await.ok()?;
    let (sender, connection) = http2::Builder::new(TokioExecutor::new())
        .timer(TokioTimer::new())
        .handshake(TokioIo::new(stream))
        .await
        .ok()?;
    tokio::spawn(connection);
    Some(sender)
}

/// Has an HTTP/2 connection on which nothing is asked, or once and never again.
pub async fn idles(number: usize, to: SocketAddr, tokens: Arc<[String]>, told: Told) {
    let token = &tokens[number % tokens.len()];
    loop {
        if let Some(mut sender) = http2(number, to).await {
            if number.is_multiple_of(2) {
                let asked = sender.send_request(request("GET", "/shop/a", token, empty()));
                told.add(asked.await.map_or(0, |answer| answer.status().as_u16()));
            }
            while !sender.is_closed() {
                tokio::time::sleep(10 * RETRY).await;
            }
        }
        tokio::time::sleep(RETRY).await;
    }
}

/// Sends many bodies at once on an HTTP/2 connection, to who does not read them.
pub async fn floods(number: usize, to: SocketAddr, tokens: Arc<[String]>, told: Told) {
    let token = &tokens[number % tokens.len()];
    let body = Bytes::from(vec![b'x'; STREAM_BYTES]);
    loop {
        if let Some(sender) = http2(number, to).await {
            let mut streams = JoinSet::new();
            for _ in 0..STREAMS {
                let (mut sender, body) = (sender.clone(), Full::new(body.clone()).boxed_unsync());
                let request = request("POST", "/shop/stuck", token, body);
                streams.spawn(async move {
                    let answered = sender.send_request(request).await;
                    answered.map_or(0, |answer| answer.status().as_u16())
                });
            }
            while let Some(status) = streams.join_next().await {
                told.add(status.unwrap());
            }
        }
        tokio::time::sleep(RETRY).await;
    }
}

/// What the gateway asks: `/shop/endless` has a body without an end, `/shop/stuck` reads nothing and answers nothing,
/// everything else is read and answered.
pub async fn origin() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let Ok((stream, _)) = listener.accept().await else {
                continue;
            };
            let service = service_fn(|request: Request<hyper::body::Incoming>| async {
                let endless = request.uri().path() == "/shop/endless";
                if request.uri().path() == "/shop/stuck" {
                    std::future::pending::<()>().await;
                }
                let mut body = request.into_body();
                while let Some(frame) = body.frame().await {
                    frame?;
                }
                hyper::Result::Ok(Response::new(match endless {
                    true => Endless.boxed_unsync(),
                    false => Full::new(Bytes::from_static(b"hello")).boxed_unsync(),
                }))
            });
            let connection = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service);
            tokio::spawn(connection);
        }
    });
    address
}

struct Endless;

impl Body for Endless {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        static PIECE: [u8; PIECE_BYTES] = [0; PIECE_BYTES];
        Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(&PIECE)))))
    }
}
