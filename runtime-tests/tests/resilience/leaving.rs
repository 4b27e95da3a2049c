//! Clients that go before the origin answers: it is left, and nothing else ends with them.

use crate::mirror::mirrored;
use crate::{get, one_upstream, start_one};
use doorward_runtime_tests::app::AppSpec;
use doorward_runtime_tests::cases;
use doorward_runtime_tests::client::Ask;
use doorward_runtime_tests::clocked::until;
use doorward_runtime_tests::gated::status;
use doorward_runtime_tests::host::{InProcess, Running};
use doorward_runtime_tests::issuer::{AUDIENCE, Behaviour, Issuer};
use doorward_runtime_tests::origin::{Gate, Origin, Reply, Script};
use doorward_runtime_tests::raw::Raw;
use doorward_runtime_tests::run::Case;
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http2::SendRequest;
use hyper_util::rt::{TokioExecutor, TokioIo};
use std::net::Shutdown;
use std::time::{Duration, Instant};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

pub const CASES: &[Case] = cases![;
    in_process:
    with_a_client_of_http_1_the_request_to_the_origin_goes,
    with_a_stream_of_http_2_the_request_to_the_origin_goes,
    with_a_connection_of_http_2_all_its_requests_to_origins_go,
    what_has_been_asked_for_a_client_that_has_gone_is_not_asked_again,
    with_a_client_the_copy_for_a_mirror_does_not_go,
    with_a_client_the_keys_that_others_wait_for_do_not_go,
    a_client_that_only_stops_sending_counts_as_gone,
];

/// In which a request ends with its client: a hundredth of what the origin would have.
const SOON: Duration = Duration::from_secs(3);
const PATIENT: &str = "first_byte_timeout_ms = 300000\ndeadline_ms = 300000";

/// An origin that never answers, but for `/u/held`, which waits for the gate.
async fn silent(gate: &Gate) -> Origin {
    let gate = gate.clone();
    let script = Script::by(move |seen, _| match seen.target.as_str() {
        "/u/held" => Reply::ok("held").after(&gate),
        _ => Reply::stall(),
    });
    Origin::start(script).await
}

/// Sends a request of somebody else, which waits at the origin.
async fn another(running: &Running, origin: &Origin) -> JoinHandle<()> {
    let before = origin.count();
    let address = running.address;
    let other = tokio::spawn(async move {
        let answer = Ask::get("/u/held").send(address).await;
        status(&answer, 200, "somebody else");
    });
    let asked = |origin: &Origin| origin.count() > before;
    origin
        .until("somebody else's request is there", asked)
        .await;
    other
}

/// Waits until the origin has so many connections left.
async fn left(origin: &Origin, connections: usize, what: &str) {
    let began = Instant::now();
    let gone = |origin: &Origin| origin.connections_open() == connections;
    let seen = tokio::time::timeout(SOON, origin.until(what, gone)).await;
    assert!(seen.is_ok(), "{what}: {} left", origin.connections_open());
    println!("{what}: left after {} ms", began.elapsed().as_millis());
}

async fn with_a_client_of_http_1_the_request_to_the_origin_goes() {
    let gate = Gate::closed();
    let origin = silent(&gate).await;
    let app = one_upstream(&[&origin], PATIENT);
    let running = start_one(&InProcess, &app).await;
    let other = another(&running, &origin).await;
    for (number, head) in [
        "GET /u/a HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /u/a HTTP/1.1\r\nHost: a\r\nDoorward-Client-Bound: no\r\n\r\n",
        "POST /u/a HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody",
        "PUT /u/a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n",
    ]
    .into_iter()
    .enumerate()
    {
        for reset in [false, true] {
            let before = origin.count();
            let mut raw = Raw::connect(running.address).await;
            raw.send(head).await;
            let asked = |origin: &Origin| {
                origin.count() > before && origin.requests().iter().all(|seen| seen.is_whole())
            };
            origin.until("it is asked", asked).await;
            match reset {
                true => raw.reset(),
                false => drop(raw),
            }
            left(&origin, 1, &format!("request {number}, reset: {reset}")).await;
        }
    }
    gate.open();
    other.await.unwrap();
    let log = running.whole_log().await;
    let told = log.iter().find(|line| line.contains("upstream-failed"));
    assert!(told.is_none(), "the origin is blamed: {told:?}");
    for seen in origin.requests() {
        let mark = seen
            .fields
            .iter()
            .find(|(name, _)| name.contains("ient-bound"));
        assert!(mark.is_none(), "what is for the host alone: {seen:?}");
    }
}

type Sender = SendRequest<Full<Bytes>>;
type Asked = JoinHandle<hyper::Result<http::Response<Incoming>>>;

/// A connection of HTTP/2, and its socket.
async fn http2(running: &Running) -> (Sender, std::net::TcpStream) {
    let stream = TcpStream::connect(running.address).await.unwrap();
    let socket = stream.into_std().unwrap();
    let stream = TcpStream::from_std(socket.try_clone().unwrap()).unwrap();
    let io = TokioIo::new(stream);
    let handshake = hyper::client::conn::http2::handshake(TokioExecutor::new(), io);
    let (sender, connection) = handshake.await.unwrap();
    tokio::spawn(connection);
    (sender, socket)
}

/// Sends a request on it, which comes to the origin.
async fn asked(sender: &Sender, origin: &Origin, path: &str) -> Asked {
    let before = origin.count();
    let request = http::Request::post(format!("http://a.example{path}"));
    let request = request.body(Full::from("body")).unwrap();
    let mut sender = sender.clone();
    let asked = tokio::spawn(async move { sender.send_request(request).await });
    let is_asked = |origin: &Origin| origin.count() > before;
    origin.until("it is asked", is_asked).await;
    asked
}

async fn with_a_stream_of_http_2_the_request_to_the_origin_goes() {
    let gate = Gate::closed();
    let origin = silent(&gate).await;
    let app = one_upstream(&[&origin], PATIENT);
    let running = start_one(&InProcess, &app).await;
    let (sender, _socket) = http2(&running).await;
    let other = asked(&sender, &origin, "/u/held").await;
    for _ in 0..3 {
        let gone = asked(&sender, &origin, "/u/a").await;
        assert_eq!(origin.connections_open(), 2);
        gone.abort();
        left(&origin, 1, "a stream is reset").await;
    }
    gate.open();
    let answer = other.await.unwrap().unwrap();
    assert_eq!(
        answer.status(),
        200,
        "another stream of the same connection"
    );
}

async fn with_a_connection_of_http_2_all_its_requests_to_origins_go() {
    let gate = Gate::closed();
    let origin = silent(&gate).await;
    let app = one_upstream(&[&origin], PATIENT);
    let running = start_one(&InProcess, &app).await;
    let other = another(&running, &origin).await;
    let (sender, socket) = http2(&running).await;
    let mut held = Vec::new();
    for _ in 0..3 {
        held.push(asked(&sender, &origin, "/u/a").await);
    }
    socket.shutdown(Shutdown::Both).unwrap();
    left(&origin, 1, "a connection ends").await;
    gate.open();
    other.await.unwrap();
}

async fn what_has_been_asked_for_a_client_that_has_gone_is_not_asked_again() {
    // It fails, and is asked again after a while. In that the client goes.
    let origin = Origin::start(Reply::unavailable(1)).await;
    let app = one_upstream(&[&origin], PATIENT);
    let running = start_one(&InProcess, &app).await;
    let mut raw = Raw::connect(running.address).await;
    raw.send("GET /u/a HTTP/1.1\r\nHost: a\r\n\r\n").await;
    let asked = |origin: &Origin| origin.requests().iter().any(|seen| seen.answered);
    origin.until("it has failed", asked).await;
    drop(raw);
    tokio::time::sleep(Duration::from_millis(1500)).await;
    assert_eq!(origin.count(), 1, "nobody waits for a second answer");
    origin.set(Reply::ok("back"));
    status(&get(&running, "/u/a").await, 200, "somebody else");
}

async fn with_a_client_the_copy_for_a_mirror_does_not_go() {
    let origin = Origin::start(Reply::stall()).await;
    let gate = Gate::closed();
    let mirror = Origin::start(Reply::ok("seen").after(&gate)).await;
    let app = mirrored(&origin, &mirror, PATIENT);
    let running = start_one(&InProcess, &app).await;
    let mut raw = Raw::connect(running.address).await;
    raw.send("GET /u/a HTTP/1.1\r\nHost: a\r\n\r\n").await;
    origin
        .until("it is asked", |origin| origin.count() > 0)
        .await;
    mirror
        .until("so is the mirror", |mirror| mirror.count() > 0)
        .await;
    drop(raw);
    left(&origin, 0, "the client goes").await;
    gate.open();
    let answered = |mirror: &Origin| mirror.requests().iter().all(|seen| seen.answered);
    mirror.until("the mirror answers", answered).await;
    let log = running.whole_log().await;
    let told = log.iter().find(|line| line.contains("mirror-failed"));
    assert!(told.is_none(), "it was heard: {told:?}");
}

async fn with_a_client_the_keys_that_others_wait_for_do_not_go() {
    let issuer = Issuer::start().await;
    let origin = Origin::start(Reply::ok("served")).await;
    let policy = format!(
        "[issuer.test]\nurl = \"{}\"\naudience = \"{AUDIENCE}\"\n\n[upstream.u]\nurl = \"{}\"\n\n\
         [[route]]\npath = \"/**\"\nissuer = [\"test\"]\nupstream = \"u\"\n",
        issuer.url(),
        origin.url()
    );
    let app = AppSpec::gateway(policy).write();
    let running = start_one(&InProcess, &app).await;
    issuer.keys_behave(Behaviour::Stall);
    let token = issuer.token("alice", "read");
    let head = format!("GET /a HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {token}\r\n\r\n");
    let mut first = Raw::connect(running.address).await;
    first.send(&head).await;
    issuer
        .until("the keys are asked for", |issuer| issuer.stalled() > 0)
        .await;
    let mut second = Raw::connect(running.address).await;
    second.send(&head).await;
    // It is in the same instance: both were there before the keys.
    tokio::time::sleep(Duration::from_millis(200)).await;
    drop(first);
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(issuer.stalled(), 1, "they are still waited for");
    issuer.recover();
    let answer = second.response().await.unwrap();
    assert_eq!(answer.status, 200, "who has waited: {}", answer.text());
    assert_eq!(issuer.key_requests(), 1, "they were asked for once");
    until("both are through", || origin.count() <= 2).await;
}

async fn a_client_that_only_stops_sending_counts_as_gone() {
    let gate = Gate::closed();
    let origin = Origin::start(Reply::ok("late").after(&gate)).await;
    let app = one_upstream(&[&origin], PATIENT);
    let running = start_one(&InProcess, &app).await;
    let mut raw = Raw::connect(running.address).await;
    raw.send("GET /u/a HTTP/1.1\r\nHost: a\r\n\r\n").await;
    origin
        .until("it is asked", |origin| origin.count() > 0)
        .await;
    raw.finish().await;
    let (bytes, _) = raw.read_to_end().await;
    assert!(bytes.is_empty(), "{:?}", String::from_utf8_lossy(&bytes));
    left(&origin, 0, "half of the connection ends").await;
}
