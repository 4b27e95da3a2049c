//! A connection on which a test writes any bytes, step by step, and reads what comes, as slowly as it
//! likes: for smuggling and for back-pressure.

#[cfg(test)]
mod tests;

pub use crate::wire::{Fields, Trouble};

use crate::client::ANSWER_TIME_MAX;
use crate::wire::{self, Body, Wire};
use std::future::Future;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::{TcpSocket, TcpStream};

/// A connection takes no more when it has not taken a byte for so long.
const BLOCKED_TIME: Duration = Duration::from_millis(500);
/// How long [`Raw::came`] waits for something to come.
const QUIET_TIME: Duration = Duration::from_millis(50);
/// Interim answers before one that is final; more of them are a loop.
const INTERIM_COUNT_MAX: usize = 64;

/// A response as it came.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// The header fields in their order, names as they were written.
    pub fields: Fields,
    /// The body, without its framing.
    pub body: Vec<u8>,
    /// The trailer fields.
    pub trailers: Fields,
    /// The interim answers before it.
    pub interim: Vec<(u16, Fields)>,
}

impl Response {
    /// The value of a field, whose name may be in any case; the first one if there are several.
    pub fn field(&self, name: &str) -> Option<&str> {
        self.values(name).into_iter().next()
    }

    /// All values of a field, whose name may be in any case.
    pub fn values(&self, name: &str) -> Vec<&str> {
        let of_name = |(known, _): &&(String, String)| known.eq_ignore_ascii_case(name);
        let found = self.fields.iter().filter(of_name);
        found.map(|(_, value)| value.as_str()).collect()
    }

    /// Whether the other side says that it closes the connection.
    pub fn asks_to_close(&self) -> bool {
        wire::asks_to_close(&self.fields)
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("expected JSON, got {error} in {:?}", self.text()))
    }
}

/// What came of a response that is not whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broken {
    /// Why there is no more of it.
    pub trouble: Trouble,
    /// What there is of it. The status is 0 where the head is not whole.
    pub so_far: Response,
}

/// A connection. What takes longer than [`ANSWER_TIME_MAX`] ends the test.
#[derive(Debug)]
pub struct Raw {
    wire: Wire,
}

impl Raw {
    /// Connects.
    pub async fn connect(address: SocketAddr) -> Self {
        Self::try_connect(address).await.expect("connect")
    }

    /// Connects, where that may be refused.
    pub async fn try_connect(address: SocketAddr) -> std::io::Result<Self> {
        let stream = in_time("connect", TcpStream::connect(address)).await?;
        Ok(Self {
            wire: Wire::new(stream),
        })
    }

    /// Connects with small buffers, of about so many bytes each way: the other side feels soon that this
    /// one does not read, and this one that the other does not.
    pub async fn connect_with_buffers(address: SocketAddr, bytes: u32) -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(bytes).unwrap();
        socket.set_send_buffer_size(bytes).unwrap();
        let stream = in_time("connect", socket.connect(address))
            .await
            .expect("connect");
        Self {
            wire: Wire::new(stream),
        }
    }

    /// Writes all of these bytes. A failure is for [`Raw::response`] to find: who refuses early may close
    /// before all is written.
    pub async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        let _ = self.try_send(bytes).await;
    }

    /// Writes all of these bytes, unless the connection fails.
    pub async fn try_send(&mut self, bytes: impl AsRef<[u8]>) -> Result<(), Trouble> {
        in_time("write", self.wire.write(bytes.as_ref())).await
    }

    /// Writes `piece` over and over until the other side takes no more for a while, `bytes_max` have been
    /// written, or the connection fails. Returns how many bytes were written.
    pub async fn send_while_taken(&mut self, piece: &[u8], bytes_max: u64) -> u64 {
        let mut written = 0;
        while written < bytes_max {
            let rest = usize::try_from(bytes_max - written).unwrap_or(usize::MAX);
            let piece = &piece[..piece.len().min(rest)];
            match tokio::time::timeout(BLOCKED_TIME, self.wire.write_some(piece)).await {
                Ok(Ok(count)) => written += count as u64,
                Ok(Err(_)) | Err(_) => break,
            }
        }
        written
    }

    /// Says that nothing more will be written, and goes on to read.
    pub async fn finish(&mut self) {
        self.wire.finish().await;
    }

    /// Resets the connection.
    pub fn reset(self) {
        self.wire.ends_with_reset();
    }

    /// Reads exactly so many bytes, and no more. Fewer where the connection ends before.
    pub async fn read(&mut self, count: usize) -> Vec<u8> {
        let mut bytes = Vec::new();
        while bytes.len() < count {
            let left = (count - bytes.len()) as u64;
            match in_time("read", self.wire.some(left)).await {
                Ok(more) => bytes.extend(more),
                Err(_) => break,
            }
        }
        bytes
    }

    /// Reads until what came ends with `end`, and returns it. Panics where the connection ends before.
    pub async fn read_until(&mut self, end: &str) -> String {
        let mut bytes = Vec::new();
        while !bytes.ends_with(end.as_bytes()) {
            match in_time("read", self.wire.some(1)).await {
                Ok(more) => bytes.extend(more),
                Err(trouble) => panic!(
                    "{trouble:?} before {end:?}: {:?}",
                    String::from_utf8_lossy(&bytes)
                ),
            }
        }
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// What has come and was not read, without reading it. Where that is nothing, nothing came for a
    /// while.
    pub async fn came(&mut self) -> Vec<u8> {
        if self.wire.buffered().is_empty() {
            let _ = tokio::time::timeout(QUIET_TIME, self.wire.fill()).await;
        }
        self.wire.buffered().to_vec()
    }

    /// Reads until the connection ends; what came, and how it ended.
    pub async fn read_to_end(&mut self) -> (Vec<u8>, Trouble) {
        let mut bytes = Vec::new();
        loop {
            match in_time("read to the end", self.wire.some(u64::MAX)).await {
                Ok(more) => bytes.extend(more),
                Err(trouble) => return (bytes, trouble),
            }
        }
    }

    /// Reads the response to a request that is not HEAD.
    pub async fn response(&mut self) -> Result<Response, Broken> {
        self.response_to("GET").await
    }

    /// Reads the response to a request with this method.
    pub async fn response_to(&mut self, method: &str) -> Result<Response, Broken> {
        let mut so_far = Response::default();
        let read = in_time("read a response", self.read_response(method, &mut so_far)).await;
        match read {
            Ok(()) => Ok(so_far),
            Err(trouble) => Err(Broken { trouble, so_far }),
        }
    }

    async fn read_response(&mut self, method: &str, to: &mut Response) -> Result<(), Trouble> {
        loop {
            let lines = self.wire.head().await?.ok_or(Trouble::Closed)?;
            let (status, fields) = head(&lines).map_err(Trouble::Malformed)?;
            if matches!(status, 100..=199) && status != 101 {
                to.interim.push((status, fields));
                if to.interim.len() > INTERIM_COUNT_MAX {
                    return wire::malformed("too many interim answers");
                }
                continue;
            }
            (to.status, to.fields) = (status, fields);
            break;
        }
        // RFC 9112 §6.3.
        let announced = Body::announced(&to.fields).map_err(Trouble::Malformed)?;
        let mut body = match announced {
            _ if method == "HEAD" || matches!(to.status, 101 | 204 | 304) => Body::of_length(0),
            Some(body) => body,
            None => Body::until_closed(),
        };
        while let Some(piece) = body.piece(&mut self.wire).await? {
            to.body.extend(piece);
        }
        to.trailers = body.trailers;
        Ok(())
    }
}

fn head(lines: &[Vec<u8>]) -> Result<(u16, Fields), String> {
    let (first, rest) = lines.split_first().ok_or("nothing")?;
    let text = String::from_utf8_lossy(first).into_owned();
    let status = text
        .strip_prefix("HTTP/1.1 ")
        .filter(|rest| rest.len() == 3 || rest.as_bytes().get(3) == Some(&b' '))
        .and_then(|rest| rest.get(..3)?.parse().ok())
        .ok_or_else(|| format!("the status line {text:?}"))?;
    Ok((status, wire::fields(rest)?))
}

async fn in_time<T>(what: &str, future: impl Future<Output = T>) -> T {
    tokio::time::timeout(ANSWER_TIME_MAX, future)
        .await
        .unwrap_or_else(|_| panic!("waiting in vain to {what}"))
}
