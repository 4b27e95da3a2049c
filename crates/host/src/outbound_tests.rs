#![expect(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use http_body_util::Empty;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::*;

/// When a test gives up on what should have happened long before.
const PATIENCE: Duration = Duration::from_secs(20);

fn request(uri: &str) -> Request<WasiBody> {
    Request::get(uri)
        .body(Empty::new().map_err(Error::from).boxed_unsync())
        .unwrap()
}

fn outbound(entries: &[String]) -> Outbound {
    let allowed = AllowList::parse(entries).unwrap();
    Outbound::new(OutboundClient::new().unwrap(), Arc::new(allowed))
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
