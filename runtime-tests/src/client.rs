//! A client that sends exactly the bytes it is given: what a library would mend or refuse to send is
//! what many of these tests are about.

use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// An answer that takes longer than this means that something hangs.
pub const ANSWER_TIME_MAX: Duration = Duration::from_secs(60);

/// A request, built line by line.
#[derive(Debug, Clone)]
pub struct Ask {
    method: String,
    target: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Ask {
    /// `GET target`.
    pub fn get(target: &str) -> Self {
        Self::new("GET", target)
    }

    /// `method target`.
    pub fn new(method: &str, target: &str) -> Self {
        Self {
            method: method.to_owned(),
            target: target.to_owned(),
            headers: Vec::new(),
            body: Vec::new(),
        }
    }

    /// Adds a header field, byte for byte.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Adds `Authorization: Bearer token`.
    #[must_use]
    pub fn bearer(self, token: &str) -> Self {
        self.header("Authorization", &format!("Bearer {token}"))
    }

    /// Sets a form as the body (`application/x-www-form-urlencoded`).
    #[must_use]
    pub fn form(self, text: &str) -> Self {
        self.header("Content-Type", "application/x-www-form-urlencoded")
            .body(text.as_bytes())
    }

    /// Sets the body and its length.
    #[must_use]
    pub fn body(mut self, body: &[u8]) -> Self {
        self.body = body.to_vec();
        self
    }

    /// The request as bytes, asking for the connection to be closed after the answer.
    pub fn bytes(&self, host: &str) -> Vec<u8> {
        self.bytes_of_one(host, true)
    }

    fn bytes_of_one(&self, host: &str, last: bool) -> Vec<u8> {
        let mut head = format!(
            "{} {} HTTP/1.1\r\nHost: {host}\r\n",
            self.method, self.target
        );
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        if !self.body.is_empty() {
            head.push_str(&format!("Content-Length: {}\r\n", self.body.len()));
        }
        if last {
            head.push_str("Connection: close\r\n");
        }
        head.push_str("\r\n");
        let mut bytes = head.into_bytes();
        bytes.extend_from_slice(&self.body);
        bytes
    }

    /// Sends the request to `address` and reads the whole answer.
    pub async fn send(&self, address: SocketAddr) -> Answer {
        send_bytes(address, &self.bytes(&address.to_string())).await
    }
}

/// Does work in a task of its own, which goes on whoever waits for it.
pub fn apart<T: Send + 'static>(
    work: impl Future<Output = T> + Send + 'static,
) -> impl Future<Output = T> + Send {
    let task = tokio::spawn(work);
    async move { task.await.expect("the work ends well") }
}

/// Sends `bytes` and reads until the server closes the connection.
pub async fn send_bytes(address: SocketAddr, bytes: &[u8]) -> Answer {
    let exchange = async {
        let mut stream = TcpStream::connect(address)
            .await
            .expect("connect to the host");
        stream.set_nodelay(true).expect("set TCP_NODELAY");
        // A server that refuses early may close before all is written; its answer still counts.
        let _ = stream.write_all(bytes).await;
        let mut answer = Vec::new();
        let mut buffer = vec![0; 64 * 1024];
        loop {
            match stream.read(&mut buffer).await {
                Ok(0) | Err(_) => break,
                Ok(count) => answer.extend_from_slice(&buffer[..count]),
            }
        }
        Answer::parse(&answer)
    };
    tokio::time::timeout(ANSWER_TIME_MAX, exchange)
        .await
        .expect("the host answers and closes the connection in time")
}

/// Sends all of these requests over one connection without waiting for answers, and gives the status
/// codes of the answers in their order. Bodies are not looked at, and must not look like answers.
pub async fn send_pipelined(address: SocketAddr, asks: &[Ask]) -> Vec<u16> {
    let host = address.to_string();
    let mut bytes = Vec::new();
    for (number, ask) in asks.iter().enumerate() {
        bytes.extend(ask.bytes_of_one(&host, number + 1 == asks.len()));
    }
    let exchange = async {
        let stream = TcpStream::connect(address)
            .await
            .expect("connect to the host");
        let (mut reading, mut writing) = stream.into_split();
        let write = async {
            let _ = writing.write_all(&bytes).await;
        };
        let mut answers = Vec::new();
        let read = async {
            let _ = reading.read_to_end(&mut answers).await;
        };
        tokio::join!(write, read);
        answers
    };
    let answers = tokio::time::timeout(ANSWER_TIME_MAX, exchange)
        .await
        .expect("the host answers and closes the connection in time");
    let text = String::from_utf8_lossy(&answers);
    let statuses = text.split("HTTP/1.1 ").skip(1);
    statuses
        .map(|rest| {
            rest.get(..3)
                .and_then(|code| code.parse().ok())
                .unwrap_or(0)
        })
        .collect()
}

/// A response.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status code; 0 when the connection was closed without an answer.
    pub status: u16,
    /// Header fields in order, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body, decoded when chunked.
    pub body: Vec<u8>,
}

impl Answer {
    /// Reads a whole answer.
    pub fn parse(bytes: &[u8]) -> Self {
        let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else {
            return Self {
                status: 0,
                headers: Vec::new(),
                body: bytes.to_vec(),
            };
        };
        let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
        let mut lines = head.split("\r\n");
        let status = lines
            .next()
            .and_then(|line| line.split(' ').nth(1))
            .and_then(|code| code.parse().ok())
            .unwrap_or(0);
        let headers: Vec<(String, String)> = lines
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
            .collect();
        let raw = &bytes[end + 4..];
        let chunked = headers
            .iter()
            .any(|(name, value)| name == "transfer-encoding" && value.contains("chunked"));
        let body = if chunked { unchunk(raw) } else { raw.to_vec() };
        Self {
            status,
            headers,
            body,
        }
    }

    /// The value of a header field, the first one if there are several.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| {
            panic!(
                "expected JSON from the host, got {error} in {:?}",
                self.text()
            )
        })
    }
}

fn unchunk(mut rest: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    while let Some(line_end) = rest.windows(2).position(|window| window == b"\r\n") {
        let size = std::str::from_utf8(&rest[..line_end])
            .ok()
            .and_then(|line| usize::from_str_radix(line.split(';').next()?.trim(), 16).ok())
            .unwrap_or(0);
        let start = line_end + 2;
        if size == 0 || rest.len() < start + size {
            break;
        }
        body.extend_from_slice(&rest[start..start + size]);
        rest = rest.get(start + size + 2..).unwrap_or_default();
    }
    body
}
