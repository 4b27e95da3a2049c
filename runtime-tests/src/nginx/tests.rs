//! nginx does what is said of it. Where there is none, these say so and show nothing.

use super::*;
use crate::client::{Answer, Ask};
use crate::origin::{Gate, Origin, Reply};
use crate::raw::Raw;

fn is_absent() -> bool {
    let absent = Nginx::available();
    if let Err(absent) = &absent {
        eprintln!("{absent}: skipped");
    }
    absent.is_err()
}

async fn get(nginx: &Nginx, target: &str) -> Answer {
    Ask::get(target).send(nginx.address()).await
}

#[tokio::test]
async fn an_origin_serves_what_it_says() {
    if is_absent() {
        return;
    }
    let nginx = Nginx::origin().await;
    assert_eq!(get(&nginx, "/hello").await.text(), "hello\n");
    for target in ["/file", "/slow"] {
        let answer = get(&nginx, target).await;
        assert_eq!(answer.body, vec![b'f'; Nginx::FILE_BYTES], "{target}");
    }
    for status in [204, 302, 404, 429, 500, 502, 503, 504] {
        let answer = get(&nginx, &format!("/status/{status}")).await;
        assert_eq!(answer.status, status);
    }
    assert_eq!(get(&nginx, "/gone").await.status, 0, "no answer");
    let range = Ask::get("/file").header("Range", "bytes=1-3");
    let part = range.send(nginx.address()).await;
    assert_eq!((part.status, part.text()), (206, "fff".to_owned()));
    assert_eq!(nginx.errors(), "");
}

#[tokio::test]
async fn an_origin_tells_the_header_fields_that_came() {
    if is_absent() {
        return;
    }
    let nginx = Nginx::origin().await;
    let ask = Ask::get("/echo-headers?q")
        .header("X-One", "1 2")
        .header("X-Other", "3");
    let answer = ask.send(nginx.address()).await;
    let host = nginx.address();
    let expected =
        format!("GET /echo-headers?q HTTP/1.1\nhost: {host}\nconnection: close\nx-one: 1 2\n");
    assert_eq!(answer.text(), expected);
}

#[tokio::test]
async fn an_origin_takes_bodies_with_and_without_a_length() {
    if is_absent() {
        return;
    }
    let nginx = Nginx::origin().await;
    let body = vec![b'b'; 3 << 20];
    let ask = Ask::new("POST", "/upload").body(&body);
    assert_eq!(ask.send(nginx.address()).await.text(), "3145728\n");
    let mut raw = Raw::connect(nginx.address()).await;
    raw.send("POST /upload HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
        .await;
    raw.send("5\r\nhello\r\n2\r\nhi\r\n0\r\n\r\n").await;
    assert_eq!(raw.response().await.unwrap().text(), "7\n");
}

#[tokio::test]
async fn a_cdn_passes_requests_on_and_appends_the_clients_address() {
    if is_absent() {
        return;
    }
    let origin = Origin::start(Reply::ok("hello")).await;
    let cdn = Nginx::in_front_of(origin.address()).await;
    for _ in 0..3 {
        let ask = Ask::get("//a/%2e?b").header("X-Forwarded-For", "192.0.2.1");
        assert_eq!(ask.send(cdn.address()).await.text(), "hello");
    }
    assert_eq!(
        origin.connections(),
        1,
        "the connection to the origin is kept"
    );
    let seen = origin.requests().remove(0);
    assert_eq!(seen.target, "//a/%2e?b");
    assert_eq!(seen.field("host"), Some(&*cdn.address().to_string()));
    assert_eq!(seen.values("x-forwarded-for"), ["192.0.2.1, 127.0.0.1"]);
    assert_eq!(seen.values("x-forwarded-proto"), ["https"]);
}

#[tokio::test]
async fn a_cdn_passes_bodies_on_while_they_come() {
    if is_absent() {
        return;
    }
    let gate = Gate::closed();
    let origin = Origin::start(Reply::ok("").trickle(&gate, &["one", "two"])).await;
    let cdn = Nginx::in_front_of(origin.address()).await;
    let mut raw = Raw::connect(cdn.address()).await;
    raw.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nhi")
        .await;
    origin
        .until("half of the body is there", |o| {
            o.count() == 1 && o.request().body == b"hi"
        })
        .await;
    raw.send("hi").await;
    raw.read_until("\r\n\r\n").await;
    for piece in ["one", "two"] {
        gate.let_through(1);
        assert_eq!(raw.read(3).await, piece.as_bytes());
    }
}

#[tokio::test]
async fn a_dropped_nginx_is_gone() {
    if is_absent() {
        return;
    }
    let nginx = Nginx::origin().await;
    let (address, process) = (nginx.address(), nginx.process_id());
    drop(nginx);
    assert!(Raw::try_connect(address).await.is_err(), "nobody listens");
    let process = format!("/proc/{process}");
    assert!(!Path::new(&process).exists(), "the process is gone");
}
