#![expect(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod stopping;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::oneshot;

use super::*;
use crate::scratch::ScratchDir;

/// When a test gives up on what should have happened long before. Shorter than the grace.
const PATIENCE: Duration = Duration::from_secs(20);

/// Types of frames of HTTP/2 (RFC 9113 sections 6.5, 6.8 and 6.9).
const SETTINGS: u8 = 4;
const GOAWAY: u8 = 7;
const WINDOW_UPDATE: u8 = 8;

/// An application that answers no path: its only component is private, so it is not even read.
const MANIFEST: &str = r#"
spin_manifest_version = 2
[application]
name = "empty"
version = "1.2.3"
[[trigger.http]]
route = { private = true }
component = "private"
[component.private]
source = "private.wasm"
"#;

/// The application, served until it is told to stop.
struct Running {
    address: SocketAddr,
    health: Option<SocketAddr>,
    stop: Option<oneshot::Sender<()>>,
    served: tokio::task::JoinHandle<Result<Ending>>,
    _dir: ScratchDir,
}

impl Running {
    async fn start(change: impl FnOnce(&mut HostOptions)) -> Self {
        Self::serve(MANIFEST, change).await
    }

    async fn serve(text: &str, change: impl FnOnce(&mut HostOptions)) -> Self {
        let dir = ScratchDir::new(&std::env::temp_dir(), "server-test").unwrap();
        let manifest = dir.path().join("spin.toml");
        std::fs::write(&manifest, text).unwrap();
        let application = manifest::load(&manifest).unwrap();
        let mut options = HostOptions::new("127.0.0.1:0".parse().unwrap(), dir.path());
        change(&mut options);
        let server = Server::bind(application, options).await.unwrap();
        let address = server.local_addr();
        let health = server.health_addr();
        let (stop, stopped) = oneshot::channel::<()>();
        let served = tokio::spawn(server.serve(async move {
            let _ = stopped.await;
        }));
        Self {
            address,
            health,
            stop: Some(stop),
            served,
            _dir: dir,
        }
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// A connection of HTTP/2, with what a client begins it with (RFC 9113 section 3.4).
    async fn connect_http2(&self) -> TcpStream {
        let mut stream = self.connect().await;
        let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
        stream.write_all(preface).await.unwrap();
        let empty = [0, 0, 0, SETTINGS, 0, 0, 0, 0, 0];
        stream.write_all(&empty).await.unwrap();
        stream
    }

    /// Sends bytes on a new connection and gives everything that comes back until it is closed.
    async fn send(&self, bytes: &[u8]) -> String {
        let mut stream = self.connect().await;
        // The other side may close before it has read everything.
        let _ = stream.write_all(bytes).await;
        read_to_end(&mut stream).await
    }

    async fn get(&self, path: &str) -> String {
        let request =
            format!("GET {path} HTTP/1.1\r\nhost: a.example\r\nconnection: close\r\n\r\n");
        self.send(request.as_bytes()).await
    }

    async fn stop(mut self) {
        self.tell_to_stop();
        assert_eq!(self.ended().await, Ending::Done);
    }

    fn tell_to_stop(&mut self) {
        let _ = self.stop.take().unwrap().send(());
    }

    async fn ended(self) -> Ending {
        let served = tokio::time::timeout(PATIENCE, self.served).await;
        served
            .expect("the host should have stopped")
            .unwrap()
            .unwrap()
    }
}

async fn read_to_end(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    // A reset is an end as well.
    let _ = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut answer))
        .await
        .expect("the host should have closed the connection");
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn the_host_answers_health_and_info_itself() {
    let running = Running::start(|_| {}).await;
    let health = running.get("/.well-known/spin/health").await;
    assert!(
        health.starts_with("HTTP/1.1 200 ") && health.ends_with("\r\n\r\nOK"),
        "{health}"
    );
    let info = running.get("/.well-known/spin/info").await;
    assert!(
        info.starts_with("HTTP/1.1 200 ")
            && info.ends_with(r#"{"name":"empty","version":"1.2.3"}"#),
        "{info}"
    );
    running.stop().await;
}

#[tokio::test]
async fn a_static_response_is_the_answer_to_every_request_of_its_route() {
    let text = format!(
        "{MANIFEST}[[trigger.http]]\nroute = \"/...\"\nstatic_response = {{}}\n\
         [[trigger.http]]\nroute = \"/old/...\"\nstatic_response = {{ status_code = 301, headers = {{ \
         Location = \"/new\", x-a = \"b\" }}, body = \"moved\" }}\n"
    );
    let running = Running::serve(&text, |_| {}).await;
    let moved = running.get("/old/a?b").await;
    for part in [
        "HTTP/1.1 301 ",
        "\r\nlocation: /new\r\n",
        "\r\nx-a: b\r\n",
        "\r\n\r\nmoved",
    ] {
        assert!(moved.contains(part), "expected {part:?} of {moved}");
    }
    let head = running
        .send(b"HEAD /old HTTP/1.1\r\nhost: a.example\r\nconnection: close\r\n\r\n")
        .await;
    assert!(
        head.starts_with("HTTP/1.1 301 ") && head.ends_with("\r\n\r\n"),
        "{head}"
    );
    let empty = running.get("/").await;
    assert!(
        empty.starts_with("HTTP/1.1 200 ") && empty.contains("\r\ncontent-length: 0\r\n"),
        "{empty}"
    );
    // The host's own answers come first, as in Spin.
    let health = running.get("/.well-known/spin/health").await;
    assert!(health.ends_with("OK"), "{health}");
    running.stop().await;
}

#[tokio::test]
async fn what_no_route_matches_is_not_found_and_says_nothing() {
    let running = Running::start(|_| {}).await;
    for path in [
        "/",
        "/x",
        "/.well-known/spin/other",
        "/.well-known/spin/health/",
    ] {
        let answer = running.get(path).await;
        assert!(
            answer.starts_with("HTTP/1.1 404 ") && answer.ends_with("\r\n\r\n"),
            "{path} should not be found: {answer}"
        );
    }
    running.stop().await;
}

#[tokio::test]
async fn a_client_that_does_not_finish_its_request_is_cut_off() {
    let running =
        Running::start(|options| options.header_read_timeout = Duration::from_millis(100)).await;
    for start in [
        "",
        "P",
        "PRI * HTTP/2.0\r\n\r\nSM",
        "GET / HTTP/1.1\r\n",
        "GET / HTTP/1.1\r\nhost: a.example\r\nx: ",
    ] {
        // Ends only because the host closes the connection.
        let answer = running.send(start.as_bytes()).await;
        assert!(
            !answer.contains(" 200 ") && !answer.contains(" 404 "),
            "{start:?} is not a request, so it should get no such answer: {answer}"
        );
    }
    running.stop().await;
}

#[tokio::test]
async fn heads_over_the_limits_are_refused() {
    let running = Running::start(|_| {}).await;
    // A head that is whole with the read that goes past the limit is taken.
    let long = format!("x: {}\r\n", "y".repeat(2 * HEAD_BYTES_MAX));
    let many = "x: y\r\n".repeat(HEADERS_MAX + 1);
    for headers in [long, many] {
        let request = format!("GET / HTTP/1.1\r\nhost: a.example\r\n{headers}\r\n");
        let answer = running.send(request.as_bytes()).await;
        assert!(
            answer.starts_with("HTTP/1.1 431 "),
            "a head of {} bytes should be refused: {answer}",
            request.len()
        );
    }
    running.stop().await;
}

#[tokio::test]
async fn clients_of_http2_are_told_how_much_of_a_body_is_taken_unread() {
    // What every connection begins with (RFC 9113 section 6.9.2).
    let first = 65_535;
    for (told, stream, connection) in [
        (64 << 10, 64 << 10, 128 << 10),
        (256 << 10, 256 << 10, 512 << 10),
        (u32::MAX, HTTP2_WINDOW_BYTES_MAX, 2 * HTTP2_WINDOW_BYTES_MAX),
        // One byte more is not worth a frame.
        (0, HTTP2_WINDOW_BYTES_MIN, first),
    ] {
        let running = Running::start(|options| options.http2_window_bytes = told).await;
        let mut client = running.connect_http2().await;
        // First of all (RFC 9113 section 3.4).
        let (kind, settings) = frame(&mut client).await;
        assert_eq!(kind, SETTINGS);
        let window = settings
            .chunks(6)
            .find_map(|setting| setting.strip_prefix(&[0, 4]))
            .map(|value| u32::from_be_bytes(value.try_into().unwrap()));
        assert_eq!(window, Some(stream), "for one, told {told}");
        if connection != first {
            let more = loop {
                let (kind, more) = frame(&mut client).await;
                if kind == WINDOW_UPDATE {
                    break u32::from_be_bytes(more.try_into().unwrap());
                }
            };
            assert_eq!(first + more, connection, "for all, told {told}");
        }
        drop(client);
        running.stop().await;
    }
}

/// The kind of the next frame, and what is in it.
async fn frame(client: &mut TcpStream) -> (u8, Vec<u8>) {
    let mut head = [0; 9];
    client.read_exact(&mut head).await.unwrap();
    let [high, middle, low, kind, ..] = head;
    let mut payload = vec![0; u32::from_be_bytes([0, high, middle, low]) as usize];
    client.read_exact(&mut payload).await.unwrap();
    (kind, payload)
}

#[tokio::test]
async fn stopping_closes_idle_connections_and_accepts_no_new_ones() {
    let running = Running::start(|_| {}).await;
    let address = running.address;
    let mut idle = running.connect().await;
    idle.write_all(b"GET / HTTP/1.1\r\nhost: a.example\r\n\r\n")
        .await
        .unwrap();
    let mut start = [0; 12];
    idle.read_exact(&mut start).await.unwrap();
    assert_eq!(&start, b"HTTP/1.1 404");
    // Ends long before the grace is over, because the open connection waits for nothing.
    running.stop().await;
    read_to_end(&mut idle).await;
    assert!(
        TcpStream::connect(address).await.is_err(),
        "a host that has stopped should not accept connections"
    );
}

#[tokio::test]
async fn connections_over_the_limit_wait_for_a_place() {
    let running = Running::start(|options| options.connections_max = 1).await;
    let first = running.connect().await;
    let mut second = running.connect().await;
    second
        .write_all(b"GET / HTTP/1.1\r\nhost: a.example\r\nconnection: close\r\n\r\n")
        .await
        .unwrap();
    drop(first);
    let answer = read_to_end(&mut second).await;
    assert!(answer.starts_with("HTTP/1.1 404 "), "{answer}");
    running.stop().await;
}

#[tokio::test]
async fn an_address_in_use_is_named() {
    let running = Running::start(|_| {}).await;
    let dir = ScratchDir::new(&std::env::temp_dir(), "server-test").unwrap();
    let path = dir.path().join("spin.toml");
    std::fs::write(&path, MANIFEST).unwrap();
    let options = HostOptions::new(running.address, dir.path());
    let Err(error) = Server::bind(manifest::load(&path).unwrap(), options).await else {
        panic!("binding {} twice should fail", running.address);
    };
    assert!(
        format!("{error:#}").contains(&running.address.to_string()),
        "the error should name the address: {error:#}"
    );
    running.stop().await;
}
