#![expect(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame};
use http_body_util::{BodyExt as _, Empty};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use wasmtime_wasi_http::DEFAULT_FORBIDDEN_HEADERS;

use super::*;
use crate::chaining::{Answering, CHAIN_DEPTH_MAX, Callees};
use crate::interfaces::outbound_http::Denied;
use crate::options::LogSink;
use crate::outbound_options::OutboundOptions;

/// When a test gives up on what should have happened long before.
const PATIENCE: Duration = Duration::from_secs(20);

fn request(uri: &str) -> Request<WasiBody> {
    Request::get(uri)
        .body(Empty::new().map_err(Error::from).boxed_unsync())
        .unwrap()
}

fn outbound(entries: &[String]) -> Outbound {
    chaining_outbound(entries, Chaining::new(LogSink::new(|_| {})))
}

fn chaining_outbound(entries: &[String], chaining: Chaining) -> Outbound {
    let allowed = AllowList::parse(entries).unwrap();
    let client = OutboundClient::new(&OutboundOptions::default()).unwrap();
    Outbound::new(client, chaining, "caller".into(), Arc::new(allowed))
}

async fn send_through(
    hooks: &mut dyn WasiHttpHooks,
    uri: &str,
    options: Option<RequestOptions>,
) -> Result<Response<WasiBody>, Error> {
    let sent = hooks.send_request(request(uri), options, Box::new(async { Ok(()) }));
    Box::into_pin(sent).await.map(|(response, _)| response)
}

/// Answers one request on each connection with `answer`, however often it is asked.
async fn upstream(answer: &'static [u8]) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut head = [0; 1024];
            let _ = stream.read(&mut head).await;
            let _ = stream.write_all(answer).await;
        }
    });
    address
}

#[test]
fn what_components_neither_see_nor_set_are_the_names_of_the_library() {
    assert_eq!(DEFAULT_FORBIDDEN_HEADERS.len(), 9);
    for name in &DEFAULT_FORBIDDEN_HEADERS {
        assert!(is_forbidden(name), "{name}");
    }
    for name in ["te", "trailer", "content-length", "hosts", "connectio"] {
        let name = HeaderName::from_static(name);
        assert!(!is_forbidden(&name), "{name}");
    }
}

#[tokio::test]
async fn a_request_that_is_allowed_is_sent() {
    let address = upstream(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi").await;
    let mut outbound = outbound(&[format!("http://{address}")]);
    let response = send_through(&mut outbound, &format!("http://{address}/x"), None)
        .await
        .unwrap();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    assert_eq!(body, "hi");
}

#[tokio::test]
async fn a_request_that_is_not_allowed_is_an_error_that_does_not_repeat_the_path() {
    let mut outbound = outbound(&["https://example.com".to_owned()]);
    for uri in [
        "http://example.com/s3cret",
        "https://example.org/s3cret",
        "http://127.0.0.1/s3cret",
        "http://self.alt/s3cret",
    ] {
        let Err(Error::InternalError(Some(message))) = send_through(&mut outbound, uri, None).await
        else {
            panic!("{uri} should not be permitted");
        };
        assert!(message.contains("not permitted"), "{message}");
        assert!(!message.contains("s3cret"), "{message}");
    }
}

#[tokio::test]
async fn a_user_name_in_the_address_is_refused() {
    let mut outbound = outbound(&["*://*:*".to_owned()]);
    assert!(matches!(
        send_through(&mut outbound, "http://user@127.0.0.1:1/", None).await,
        Err(Error::HttpRequestUriInvalid)
    ));
}

#[tokio::test]
async fn without_the_grant_everything_is_refused() {
    let Err(Error::InternalError(Some(message))) =
        send_through(&mut Denied, "http://127.0.0.1:1/", None).await
    else {
        panic!("a request without a grant should be an internal error");
    };
    assert!(message.contains("not permitted"), "{message}");
}

#[tokio::test]
async fn the_application_itself_is_where_it_listens() {
    let address = upstream(b"HTTP/1.1 204 No Content\r\n\r\n").await;
    let mut outbound = outbound(&["http://self".to_owned()]);
    outbound.client.set_own_address(address);
    let response = send_through(&mut outbound, "http://self.alt/x", None).await;
    assert_eq!(response.unwrap().status(), 204);
}

#[tokio::test]
async fn failures_are_told_apart() {
    let closed = {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        listener.local_addr().unwrap()
    };
    let plain = upstream(b"not TLS").await;
    let garbage = upstream(b"not HTTP\r\n\r\n").await;
    let mut outbound = outbound(&["*://*:*".to_owned()]);
    for (uri, expected) in [
        (format!("http://{closed}/"), "ConnectionRefused"),
        (format!("https://{plain}/"), "TlsProtocolError"),
        (format!("http://{garbage}/"), "HttpProtocolError"),
    ] {
        let error = send_through(&mut outbound, &uri, None).await.unwrap_err();
        assert_eq!(format!("{error:?}"), expected, "{uri} should fail so");
    }
}

#[tokio::test]
async fn an_upstream_that_is_silent_times_out() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let mut outbound = outbound(&["*://*:*".to_owned()]);
    let options = RequestOptions {
        connect_timeout: Some(Duration::from_millis(10)),
        first_byte_timeout: Some(Duration::from_millis(10)),
        between_bytes_timeout: None,
    };
    let uri = format!("http://{address}/");
    assert!(matches!(
        send_through(&mut outbound, &uri, Some(options)).await,
        Err(Error::HttpResponseTimeout)
    ));
}

#[tokio::test]
async fn a_body_that_pauses_for_too_long_fails() {
    let address =
        upstream(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhi\r\n").await;
    // The upstream closes the connection after its half answer; one that stays open is next.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let open = listener.local_addr().unwrap();
    let server = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut head = [0; 1024];
        let _ = stream.read(&mut head).await;
        stream
            .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nhi")
            .await
            .unwrap();
        stream
    });
    let mut outbound = outbound(&["*://*:*".to_owned()]);
    let options = RequestOptions {
        connect_timeout: None,
        first_byte_timeout: None,
        between_bytes_timeout: Some(Duration::from_millis(10)),
    };
    for uri in [format!("http://{address}/"), format!("http://{open}/")] {
        let response = send_through(&mut outbound, &uri, Some(options))
            .await
            .unwrap();
        let body = tokio::time::timeout(PATIENCE, response.into_body().collect()).await;
        assert!(
            body.expect("the pause should have ended the body").is_err(),
            "half a body from {uri} should not pass for a whole one"
        );
    }
    drop(server.await.unwrap());
}

/// A component that answers as its function says.
struct Other<F>(F);

impl<F: Fn() -> Answering + Send + Sync> Callee for Other<F> {
    fn ask(&self, _request: Request<WasiBody>) -> Answering {
        (self.0)()
    }
}

/// A component `js` that answers so, and may be asked by what `entries` allow.
fn chained(
    entries: &[&str],
    answer: impl Fn() -> Answering + Send + Sync + 'static,
) -> (Outbound, Arc<Callees>) {
    let chaining = Chaining::new(LogSink::new(|_| {}));
    let callee: Arc<dyn Callee> = Arc::new(Other(answer));
    let depths = vec![callee; CHAIN_DEPTH_MAX];
    let callees = Arc::new(Callees::from([("js".to_owned(), depths)]));
    chaining.set_callees(&callees);
    let entries: Vec<String> = entries.iter().map(|entry| (*entry).to_owned()).collect();
    (chaining_outbound(&entries, chaining), callees)
}

/// A body of which nothing comes.
struct Silent;

impl Body for Silent {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        Poll::Pending
    }
}

fn empty_answer() -> Answering {
    let body = Empty::new().map_err(Error::from).boxed_unsync();
    Box::pin(async { Ok(Response::new(body)) })
}

#[tokio::test]
async fn another_component_is_asked_where_that_is_allowed() {
    for (entry, uri, asked) in [
        ("http://js.spin.internal", "http://js.spin.internal/x", true),
        ("http://js.spin.internal", "http://JS.spin.Internal/x", true),
        (
            "http://js.spin.internal",
            "http://js.spin.internal:80/x",
            true,
        ),
        ("http://*.spin.internal", "http://js.spin.internal/x", true),
        ("*://*:*", "https://js.spin.internal:9/x", true),
        (
            "http://js.spin.internal",
            "https://js.spin.internal/x",
            false,
        ),
        (
            "http://js.spin.internal",
            "http://js.spin.internal:81/x",
            false,
        ),
        (
            "http://orders.spin.internal",
            "http://js.spin.internal/x",
            false,
        ),
        ("http://self", "http://js.spin.internal/x", false),
    ] {
        let (mut outbound, _callees) = chained(&[entry], empty_answer);
        match send_through(&mut outbound, uri, None).await {
            Ok(response) => assert!(asked && response.status() == 200, "{entry} {uri}"),
            Err(Error::InternalError(Some(message))) => {
                assert!(!asked && message.contains("not permitted"), "{entry} {uri}");
            }
            Err(error) => panic!("{entry} {uri}: {error:?}"),
        }
    }
}

#[tokio::test]
async fn what_looks_like_a_component_is_never_looked_for_in_the_network() {
    let (mut outbound, _callees) = chained(&["*://*:*"], empty_answer);
    for host in [
        "orders.spin.internal",
        "a.js.spin.internal",
        "spin.internal",
    ] {
        for uri in [format!("http://{host}/"), format!("https://{host}.:444/")] {
            let error = send_through(&mut outbound, &uri, None).await.unwrap_err();
            let Error::InternalError(Some(message)) = error else {
                panic!("{uri}: {error:?}");
            };
            assert!(message.contains("has no component"), "{uri}: {message}");
        }
    }
}

#[tokio::test]
async fn a_component_that_does_not_answer_in_time_is_given_up() {
    let given_up = Arc::new(tokio::sync::Notify::new());
    let told = Arc::clone(&given_up);
    struct Tell(Arc<tokio::sync::Notify>);
    impl Drop for Tell {
        fn drop(&mut self) {
            self.0.notify_one();
        }
    }
    let (mut outbound, _callees) = chained(&["http://js.spin.internal"], move || {
        let tell = Tell(Arc::clone(&told));
        Box::pin(async move {
            let _tell = tell;
            std::future::pending().await
        })
    });
    let options = RequestOptions {
        connect_timeout: Some(Duration::from_millis(10)),
        first_byte_timeout: Some(Duration::from_millis(10)),
        between_bytes_timeout: None,
    };
    let sent = send_through(&mut outbound, "http://js.spin.internal/", Some(options)).await;
    assert!(matches!(sent, Err(Error::HttpResponseTimeout)));
    tokio::time::timeout(PATIENCE, given_up.notified())
        .await
        .unwrap();
}

#[tokio::test]
async fn a_component_that_pauses_in_its_answer_fails() {
    let (mut outbound, _callees) = chained(&["http://js.spin.internal"], || {
        let body = Silent.boxed_unsync();
        Box::pin(async { Ok(Response::new(body)) })
    });
    let options = RequestOptions {
        connect_timeout: None,
        first_byte_timeout: None,
        between_bytes_timeout: Some(Duration::from_millis(10)),
    };
    let response = send_through(&mut outbound, "http://js.spin.internal/", Some(options))
        .await
        .unwrap();
    let error = response.into_body().collect().await.unwrap_err();
    assert!(matches!(error, Error::ConnectionReadTimeout), "{error:?}");
}

#[tokio::test]
async fn no_component_is_asked_by_one_that_is_too_deep() {
    let (outbound, _callees) = chained(&["http://js.spin.internal"], empty_answer);
    for (depth, asked) in [
        (0, true),
        (CHAIN_DEPTH_MAX - 1, true),
        (CHAIN_DEPTH_MAX, false),
    ] {
        let sent = send_through(
            &mut outbound.at_depth(depth),
            "http://js.spin.internal/",
            None,
        )
        .await;
        match sent {
            Ok(_) => assert!(asked, "at depth {depth}"),
            Err(error) => assert!(!asked && matches!(error, Error::LoopDetected), "{error:?}"),
        }
    }
}

/// An answer with fields of which each has so many bytes, the name counted.
fn with_fields(count: usize, bytes: usize) -> Vec<u8> {
    let mut answer = b"HTTP/1.1 200 OK\r\n".to_vec();
    for _ in 0..count {
        answer.extend(b"x-a: ");
        answer.resize(answer.len() + bytes - "x-a".len(), b'v');
        answer.extend(b"\r\n");
    }
    answer.extend(b"\r\n");
    answer
}

#[tokio::test]
async fn an_answer_may_have_many_fields_and_large_ones() {
    const KIB: usize = 1024;
    for (count, bytes, fits) in [
        (101, 20, true),
        (1024, 256, true),
        (1025, 20, false),
        (1024, 257, false),
        (1, 256 * KIB, true),
        (1, 256 * KIB + 1, false),
        // More than is read at all.
        (2, 1024 * KIB, false),
        (5000, 20, false),
    ] {
        let address = upstream(with_fields(count, bytes).leak()).await;
        let mut outbound = outbound(&["*://*:*".to_owned()]);
        match send_through(&mut outbound, &format!("http://{address}/"), None).await {
            Ok(response) => {
                assert!(fits, "{count} fields of {bytes} bytes should be too many");
                assert_eq!(response.headers().len(), count);
            }
            Err(Error::HttpResponseHeaderSectionSize(_)) => {
                assert!(!fits, "{count} fields of {bytes} bytes should pass");
            }
            Err(error) => panic!("{count} fields of {bytes} bytes: {error:?}"),
        }
    }
}

/// Who asked drops what it waits for when nobody wants it any more.
#[tokio::test]
async fn an_origin_is_left_when_its_answer_is_not_wanted_any_more() {
    for (what, answer) in [
        ("before the answer", &b""[..]),
        (
            "within an event stream",
            b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n\
              9\r\ndata: 1\n\n\r\n",
        ),
        (
            "within an answer with a length",
            b"HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\nhi",
        ),
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let uri = format!("http://{}/", listener.local_addr().unwrap());
        let asked = Arc::new(tokio::sync::Notify::new());
        let told = Arc::clone(&asked);
        let left = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut head = [0; 1024];
            let _ = stream.read(&mut head).await;
            stream.write_all(answer).await.unwrap();
            told.notify_one();
            // The end, or a reset.
            stream.read(&mut head).await.unwrap_or_default()
        });
        let mut outbound = outbound(&["*://*:*".to_owned()]);
        let sent = send_through(&mut outbound, &uri, None);
        let wanted = tokio::time::timeout(PATIENCE, async {
            tokio::select! {
                response = sent => Some(response.unwrap()),
                () = asked.notified(), if answer.is_empty() => None,
            }
        });
        drop(wanted.await.unwrap());
        let left = tokio::time::timeout(PATIENCE, left).await;
        assert_eq!(left.expect(what).unwrap(), 0, "{what}");
    }
}
