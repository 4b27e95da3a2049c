//! gRPC from a client of HTTP/2 through the gateway to an upstream of HTTP/2.

use crate::{AUDIENCE, Issuer};
use doorward_host::Manner;
use doorward_runtime_tests::app::{App, AppSpec};
use doorward_runtime_tests::cases;
use doorward_runtime_tests::client::ANSWER_TIME_MAX;
use doorward_runtime_tests::host::{Running, start_in_process};
use doorward_runtime_tests::run::Case;
use http::{HeaderMap, HeaderValue, Request, Response};
use http_body_util::{BodyExt as _, Empty, Full, StreamBody};
use hyper::body::{Body as _, Bytes, Frame, Incoming};
use hyper::client::conn::http2::SendRequest;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

pub const CASES: &[Case] = cases![;
    in_process:
    a_unary_call_of_grpc_passes,
    messages_of_grpc_pass_as_they_come_both_ways,
    an_answer_of_grpc_that_ends_with_its_head_does_so_for_the_client,
    a_call_of_grpc_without_a_token_is_refused_in_its_own_words,
];

/// How the responses of the upstream are changed: not, by the route, and by the upstream's table.
const CHANGES: [&str; 3] = [
    "",
    "[security_headers.api]\npreset = \"api\"\n\n[defaults]\nsecurity_headers = \"api\"",
    "[upstream.orders.response]\nremove = [\"x-inside\"]",
];

type Body = http_body_util::combinators::UnsyncBoxBody<Bytes, Infallible>;

/// A message as gRPC frames it.
fn message(text: &str) -> Bytes {
    let length = u32::try_from(text.len()).unwrap().to_be_bytes();
    [&[0][..], &length, text.as_bytes()].concat().into()
}

fn trailers(status: &'static str) -> HeaderMap {
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", HeaderValue::from_static(status));
    trailers.insert("grpc-message", HeaderValue::from_static("a%20word"));
    trailers.insert("grpc-status-details-bin", HeaderValue::from_static("CAU"));
    trailers
}

/// What came to the upstream: the heads of requests.
type Seen = Arc<Mutex<Vec<http::request::Parts>>>;

/// A body of which a test sends the frames.
fn body(frames: mpsc::UnboundedReceiver<Frame<Bytes>>) -> Body {
    let stream = futures::stream::unfold(frames, |mut frames| async move {
        frames.recv().await.map(|frame| (Ok(frame), frames))
    });
    StreamBody::new(stream).boxed_unsync()
}

async fn serve(request: Request<Incoming>, seen: Seen) -> Result<Response<Body>, Infallible> {
    let (parts, mut asked) = request.into_parts();
    let path = parts.uri.path().to_owned();
    seen.lock().unwrap().push(parts);
    let answer = Response::builder()
        .header("content-type", "application/grpc+proto")
        .header("x-inside", "7");
    Ok(match path.as_str() {
        "/shop.Orders/Get" => {
            let asked = asked.collect().await.unwrap();
            let mut bytes = asked.to_bytes().to_vec();
            bytes.extend(message("answer"));
            let body = Full::from(bytes).with_trailers(async { Some(Ok(trailers("0"))) });
            answer.body(body.boxed_unsync()).unwrap()
        }
        "/shop.Orders/Chat" => {
            let (frames, receiver) = mpsc::unbounded_channel();
            tokio::spawn(async move {
                while let Some(frame) = asked.frame().await {
                    let Ok(data) = frame.unwrap().into_data() else {
                        continue;
                    };
                    frames.send(Frame::data(data)).unwrap();
                }
                frames.send(Frame::trailers(trailers("10"))).unwrap();
            });
            answer.body(body(receiver)).unwrap()
        }
        _ => answer
            .header("grpc-status", "5")
            .header("grpc-message", "no%20such")
            .body(Empty::new().boxed_unsync())
            .unwrap(),
    })
}

/// An upstream that speaks HTTP/2 and nothing else.
async fn upstream() -> (SocketAddr, Seen) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let seen = Seen::default();
    let kept = Arc::clone(&seen);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let seen = Arc::clone(&kept);
            let service = service_fn(move |request| serve(request, Arc::clone(&seen)));
            let server = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
            tokio::spawn(server.serve_connection(TokioIo::new(stream), service));
        }
    });
    (address, seen)
}

/// A gateway before it, a client of it, and what the upstream sees.
struct Stage {
    issuer: Issuer,
    seen: Seen,
    client: SendRequest<Body>,
    _running: Running,
    _app: App,
}

impl Stage {
    async fn start(changes: &str, manner: Manner) -> Self {
        let issuer = Issuer::start().await;
        let (upstream, seen) = upstream().await;
        let policy = format!(
            "[issuer.test]\nurl = \"{}\"\naudience = \"{AUDIENCE}\"\n\n\
             [upstream.orders]\nurl = \"http://{upstream}\"\n\n{changes}\n\n\
             [[route]]\npath = \"/shop.Orders/**\"\nissuer = \"test\"\nupstream = \"orders\"\n",
            issuer.url()
        );
        let app = AppSpec::gateway(policy).write();
        let running = start_in_process(&app, |options| {
            options.outbound.h2c = vec![upstream.to_string().parse().unwrap()];
            options.manner = manner;
        })
        .await;
        let stream = TcpStream::connect(running.address).await.unwrap();
        let io = TokioIo::new(stream);
        let handshake = hyper::client::conn::http2::handshake(TokioExecutor::new(), io);
        let (client, connection) = handshake.await.unwrap();
        tokio::spawn(connection);
        Self {
            issuer,
            seen,
            client,
            _running: running,
            _app: app,
        }
    }

    /// Begins a call, with the token where it has one.
    async fn call(&self, method: &str, has_token: bool, body: Body) -> Response<Incoming> {
        let request = Request::post(format!("http://a.example/shop.Orders/{method}"))
            .header("te", "trailers")
            .header("content-type", "application/grpc+proto")
            .header("grpc-timeout", "20S");
        let request = match has_token {
            true => {
                let token = self.issuer.token("alice", "read");
                request.header("authorization", format!("Bearer {token}"))
            }
            false => request,
        };
        let mut client = self.client.clone();
        let answer = client.send_request(request.body(body).unwrap());
        in_time(answer).await.unwrap()
    }
}

async fn in_time<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(ANSWER_TIME_MAX, what)
        .await
        .expect("in time")
}

/// Does it with each change of responses, on hosts of both manners.
async fn each<F: Future<Output = ()>>(case: impl Fn(Stage, String) -> F) {
    for manner in [Manner::Removes, Manner::Shows] {
        for changes in CHANGES {
            let what = format!("{manner:?} {changes:?}");
            case(Stage::start(changes, manner).await, what).await;
        }
    }
}

fn field<'h>(fields: &'h HeaderMap, name: &str) -> &'h str {
    fields.get(name).map_or("", |value| value.to_str().unwrap())
}

async fn a_unary_call_of_grpc_passes() {
    each(|stage, what| async move {
        let answer = stage
            .call("Get", true, Full::from(message("ask")).boxed_unsync())
            .await;
        assert_eq!(answer.status(), 200, "{what}");
        assert_eq!(
            field(answer.headers(), "content-type"),
            "application/grpc+proto"
        );
        assert_eq!(field(answer.headers(), "grpc-status"), "", "{what}");
        let whole = in_time(answer.into_body().collect()).await.unwrap();
        assert_eq!(whole.trailers(), Some(&trailers("0")), "{what}");
        let messages = [message("ask"), message("answer")].concat();
        assert_eq!(whole.to_bytes(), messages, "{what}");
        let seen = stage.seen.lock().unwrap();
        let [request] = &seen[..] else {
            panic!("{what}: asked once, not {seen:?}");
        };
        for (name, value) in [
            ("te", "trailers"),
            ("content-type", "application/grpc+proto"),
            ("grpc-timeout", "20S"),
            ("authorization", ""),
        ] {
            assert_eq!(field(&request.headers, name), value, "{what}: {name}");
        }
    })
    .await;
}

async fn messages_of_grpc_pass_as_they_come_both_ways() {
    each(|stage, what| async move {
        let (frames, receiver) = mpsc::unbounded_channel();
        frames.send(Frame::data(message("1"))).unwrap();
        let answer = stage.call("Chat", true, body(receiver)).await;
        let mut answer = answer.into_body();
        for (next, came) in [("2", "1"), ("3", "2"), ("", "3")] {
            // None of them waits for the next one.
            let frame = in_time(answer.frame()).await.unwrap().unwrap();
            assert_eq!(frame.into_data().unwrap(), message(came), "{what}");
            if !next.is_empty() {
                frames.send(Frame::data(message(next))).unwrap();
            }
        }
        drop(frames);
        let last = in_time(answer.frame()).await.unwrap().unwrap();
        assert_eq!(last.into_trailers().unwrap(), trailers("10"), "{what}");
    })
    .await;
}

async fn an_answer_of_grpc_that_ends_with_its_head_does_so_for_the_client() {
    each(|stage, what| async move {
        let body = Full::from(message("ask")).boxed_unsync();
        let answer = stage.call("None", true, body).await;
        assert_eq!(field(answer.headers(), "grpc-status"), "5", "{what}");
        assert_eq!(
            field(answer.headers(), "grpc-message"),
            "no%20such",
            "{what}"
        );
        let inside = field(answer.headers(), "x-inside");
        assert_eq!(inside.is_empty(), what.contains("x-inside"), "{what}");
        // Otherwise clients wait for trailers.
        assert!(answer.body().is_end_stream(), "{what}");
    })
    .await;
}

async fn a_call_of_grpc_without_a_token_is_refused_in_its_own_words() {
    each(|stage, what| async move {
        let answer = stage
            .call("Get", false, Full::from(message("ask")).boxed_unsync())
            .await;
        assert_eq!(answer.status(), 200, "{what}");
        assert_eq!(
            field(answer.headers(), "content-type"),
            "application/grpc",
            "{what}"
        );
        let whole = in_time(answer.into_body().collect()).await.unwrap();
        let trailers = whole.trailers().expect("it has trailers");
        assert_eq!(field(trailers, "grpc-status"), "16", "{what}");
        assert_ne!(field(trailers, "grpc-message"), "", "{what}");
        assert!(whole.to_bytes().is_empty(), "{what}: no message");
        assert!(
            stage.seen.lock().unwrap().is_empty(),
            "{what}: nobody is asked"
        );
    })
    .await;
}
