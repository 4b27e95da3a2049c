//! The in-process host with real components: how it stops, what it speaks, and what it does with
//! components that trap, never end or take too much.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use doorward_host::WallClock;
use doorward_runtime_tests::app::AppSpec;
use doorward_runtime_tests::client::{Answer, Ask};
use doorward_runtime_tests::gated::{policy, seen, status};
use doorward_runtime_tests::host::{Host as _, How, InProcess, Running, start_in_process};
use doorward_runtime_tests::issuer::{Issuer, now};
use doorward_runtime_tests::run::build_components;
use http_body_util::{BodyExt as _, StreamBody};
use hyper::body::{Bytes, Frame};
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde_json::json;
use std::convert::Infallible;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// `echo` without a gate.
fn echo() -> AppSpec {
    let mut spec = AppSpec::gated("echo", "");
    spec.middleware = vec![];
    spec.policy = None;
    spec
}

async fn still_serves(running: &Running, after: &str) {
    let answer = Ask::get("/a").send(running.address).await;
    assert_eq!(
        answer.status,
        200,
        "a request after {after}: {}",
        answer.text()
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stopping_lets_a_request_under_way_finish_and_takes_no_new_one() {
    build_components();
    let app = echo().write();
    let running = start_in_process(&app, |_| {}).await;
    let address = running.address;
    let mut stream = TcpStream::connect(address).await.unwrap();
    let head = "POST /held HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nab";
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = vec![0; 4096];
    // The service holds the request once it has begun to answer.
    let begun = stream.read(&mut answer).await.unwrap();
    answer.truncate(begun);
    let stopping = tokio::spawn(running.stop());
    while TcpStream::connect(address).await.is_ok() {
        tokio::task::yield_now().await;
    }
    assert!(
        !stopping.is_finished(),
        "the host waits for the request that is under way"
    );
    stream.write_all(b"c").await.unwrap();
    stream.read_to_end(&mut answer).await.unwrap();
    let answer = Answer::parse(&answer);
    assert_eq!(
        answer.status,
        200,
        "the request under way: {}",
        answer.text()
    );
    assert_eq!(answer.json()["body_bytes"], 3, "its whole body was read");
    stopping.await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn over_http2_a_request_is_checked_like_any_other_and_its_trailers_bring_no_identity() {
    build_components();
    let issuer = Issuer::start().await;
    let app = AppSpec::gated("echo", policy(&issuer)).write();
    let running = start_in_process(&app, |_| {}).await;
    let stream = TcpStream::connect(running.address).await.unwrap();
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
            .await
            .unwrap();
    tokio::spawn(connection);

    let mut send = async |token: Option<&str>, target: &str| {
        let mut trailers = http::HeaderMap::new();
        for (name, value) in [
            ("x-auth-subject", "mallory"),
            ("x_auth_subject", "mallory"),
            ("x-checksum", "1"),
        ] {
            trailers.insert(name, http::HeaderValue::from_static(value));
        }
        let frames = [
            Frame::data(Bytes::from_static(b"hello")),
            Frame::trailers(trailers),
        ];
        let body = StreamBody::new(futures::stream::iter(frames.map(Ok::<_, Infallible>)));
        let mut request = http::Request::post(format!("http://{}{target}", running.address))
            .header("content-length", "5")
            .header("x-auth-subject", "mallory");
        if let Some(token) = token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let answer = sender.send_request(request.body(body).unwrap()).await;
        let answer = answer.unwrap();
        let status = answer.status().as_u16();
        let body = answer
            .into_body()
            .collect()
            .await
            .unwrap()
            .to_bytes()
            .to_vec();
        Answer {
            status,
            headers: Vec::new(),
            body,
        }
    };
    assert_eq!(send(None, "/read/a").await.status, 401, "without a token");
    let token = issuer.token("alice", "read");
    let answer = send(Some(&token), "/read/trailers").await;
    assert_eq!(
        answer.json(),
        json!({ "bytes": 5, "trailers": ["x-checksum"] }),
        "the trailers that arrive"
    );
    let answer = send(Some(&token), "/read/held").await;
    assert_eq!(
        seen(&answer, "x-auth-subject"),
        ["alice"],
        "the identity that arrives"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_component_that_traps_costs_one_request() {
    build_components();
    let app = echo().write();
    let running = start_in_process(&app, |_| {}).await;
    let answer = Ask::get("/trap").send(running.address).await;
    assert_eq!(answer.status, 500, "a trap: {}", answer.text());
    assert!(
        !answer.text().contains("wasm"),
        "the inside shows: {}",
        answer.text()
    );
    still_serves(&running, "a trap").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_component_that_never_pauses_is_ended() {
    build_components();
    let app = echo().write();
    let running = start_in_process(&app, |options| {
        options.busy_time_max = Duration::from_millis(200);
    })
    .await;
    let answer = Ask::get("/loop").send(running.address).await;
    assert_eq!(answer.status, 500, "an endless loop: {}", answer.text());
    still_serves(&running, "an endless loop").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_component_gets_no_more_memory_than_it_may_have() {
    build_components();
    let app = echo().write();
    let running = start_in_process(&app, |options| options.memory_bytes_max = 32 << 20).await;
    let answer = Ask::get("/grow").send(running.address).await;
    assert_eq!(answer.status, 500, "more than 32 MiB: {}", answer.text());
    still_serves(&running, "running out of memory").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn components_see_the_time_of_day_that_the_host_is_given() {
    build_components();
    let issuer = Issuer::start().await;
    let app = AppSpec::gated("whoami", policy(&issuer)).write();
    let clock = WallClock::fixed_at(now());
    let how = How::default().by(Some(&clock));
    let running = InProcess.serve(&app, how).await;
    let mut claims = issuer.claims("alice", "read");
    claims["iat"] = json!(clock.now());
    claims["exp"] = json!(clock.now() + 3600);
    let token = issuer.key().sign(&claims);
    for (passed_s, expected) in [(0, 200), (3599, 200), (1, 401)] {
        clock.advance(passed_s);
        let ask = Ask::get("/read/a").bearer(&token);
        let answer = ask.send(running.address).await;
        status(&answer, expected, &format!("{passed_s} s later"));
    }
}
