//! The issuer's side of a connection.

use super::{Behaviour, Shared};
use doorward_tests::issuer::{Asked, Document, MISSING_BYTES, document};
use serde_json::json;
use std::sync::Arc;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::watch;

/// Answers one request after the other.
pub(super) async fn connection(mut stream: TcpStream, shared: Arc<Shared>, now: impl Fn() -> u64) {
    let base = format!("http://{}", stream.local_addr().unwrap());
    while let Some(asked) = read(&mut stream).await {
        // Before the behaviour is looked at: what is released after that is not missed.
        let mut releases = shared.releases.subscribe();
        let mut behaviour = shared.state().asked(&asked);
        shared.changed();
        if matches!(behaviour, Behaviour::Stall) {
            if !released(&mut stream, &shared, &mut releases).await {
                return;
            }
            behaviour = Behaviour::Good;
        }
        let document = document(&mut shared.state(), &base, now(), &asked);
        shared.changed();
        if !answer(&mut stream, behaviour, &document, &shared).await {
            return;
        }
    }
}

async fn read(stream: &mut TcpStream) -> Option<Asked> {
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break end;
        }
        more(stream, &mut bytes).await?;
    };
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let mut lines = head.split("\r\n");
    let mut line = lines.next()?.split(' ');
    let (method, path) = (line.next()?.to_owned(), line.next()?.to_owned());
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    let mut asked = Asked {
        method,
        path,
        headers,
        body: bytes.split_off(end + 4),
    };
    let length = asked.header("content-length");
    let length = length.map_or(0, |length| length.parse().unwrap());
    while asked.body.len() < length {
        more(stream, &mut asked.body).await?;
    }
    Some(asked)
}

async fn more(stream: &mut TcpStream, bytes: &mut Vec<u8>) -> Option<()> {
    let mut buffer = [0; 4096];
    match stream.read(&mut buffer).await {
        Ok(0) | Err(_) => None,
        Ok(count) => {
            bytes.extend_from_slice(&buffer[..count]);
            Some(())
        }
    }
}

/// Holds an answer back. Returns whether it is to be given after all: not when the other side gave up.
async fn released(
    stream: &mut TcpStream,
    shared: &Shared,
    releases: &mut watch::Receiver<u64>,
) -> bool {
    shared.state().stalled += 1;
    shared.changed();
    let mut buffer = [0; 1];
    let released = tokio::select! {
        released = releases.changed() => released.is_ok(),
        _ = stream.read(&mut buffer) => false,
    };
    shared.state().stalled -= 1;
    shared.changed();
    released
}

/// Answers. Returns whether the connection goes on.
async fn answer(
    stream: &mut TcpStream,
    behaviour: Behaviour,
    document: &Document,
    shared: &Shared,
) -> bool {
    let plain = |status, kind: &str, body: &[u8]| {
        response(status, &[("content-type", kind.to_owned())], body)
    };
    let bytes = match behaviour {
        Behaviour::Good => response(document.status, &document.headers, &document.body),
        Behaviour::Status(status) => plain(status, "text/plain", b""),
        Behaviour::TooMany(after) => response(429, &[("retry-after", after)], b""),
        Behaviour::Error(status, name) => {
            let body = json!({ "error": name }).to_string();
            plain(status, "application/json", body.as_bytes())
        }
        Behaviour::Close | Behaviour::Stall => return false,
        Behaviour::Content(kind, body) => plain(200, kind, &body),
        Behaviour::Redirect(location) => response(302, &[("location", location)], b""),
        Behaviour::Truncated => {
            let mut bytes = response(200, &document.headers, &document.body);
            bytes.truncate(bytes.len() - document.body.len() / 2);
            let _ = stream.write_all(&bytes).await;
            return false;
        }
        Behaviour::EndsEarly => {
            let longer = [&document.body[..], &[b' '; MISSING_BYTES]].concat();
            let mut bytes = response(200, &document.headers, &longer);
            bytes.truncate(bytes.len() - MISSING_BYTES);
            let _ = stream.write_all(&bytes).await;
            return false;
        }
        Behaviour::Huge(length) => return huge(stream, length, shared).await,
    };
    stream.write_all(&bytes).await.is_ok()
}

async fn huge(stream: &mut TcpStream, mut left: u64, shared: &Shared) -> bool {
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {left}\r\n\r\n"
    );
    if stream.write_all(head.as_bytes()).await.is_err() {
        return false;
    }
    let spaces = [b' '; 16 * 1024];
    while left > 0 {
        let count = usize::try_from(left)
            .unwrap_or(spaces.len())
            .min(spaces.len());
        if stream.write_all(&spaces[..count]).await.is_err() {
            return false;
        }
        shared.state().huge_bytes_taken += count as u64;
        left -= count as u64;
    }
    true
}

fn response(status: u16, headers: &[(&'static str, String)], body: &[u8]) -> Vec<u8> {
    let mut head = format!("HTTP/1.1 {status} Scripted\r\n");
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    // A 304 has no body (RFC 9110 §15.4.5), so it says no length either.
    if status != 304 {
        head.push_str(&format!("content-length: {}\r\n", body.len()));
    }
    head.push_str("\r\n");
    let mut bytes = head.into_bytes();
    bytes.extend_from_slice(body);
    bytes
}
