//! A collector of events for measurements: it counts what it is sent, and adds up what it can be checked by.

use http::{Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use std::convert::Infallible;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::net::TcpListener;

/// With what each record begins, up to its `id`.
const RECORD_START: &[u8] = b"{\"specversion\":\"1.0\",\"id\":\"";
/// Before its `data`, which is the last object in it.
const DATA: &[u8] = b"\"data\":{";

/// What a collector has taken.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Taken {
    /// How many events.
    pub events: u64,
    /// The [`checksum`]s of all of them, added up: the order plays no part.
    pub checksum: u64,
}

/// A collector that takes everything.
#[derive(Debug)]
pub struct Collector {
    /// Where it listens.
    pub address: SocketAddr,
    counters: Arc<Counters>,
}

#[derive(Debug, Default)]
struct Counters {
    events: AtomicU64,
    checksum: AtomicU64,
}

/// What an event with this id and these members of its data adds to a checksum.
pub fn checksum(id: &[u8], data: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    id.hash(&mut hasher);
    data.hash(&mut hasher);
    hasher.finish()
}

impl Collector {
    /// Starts one on this runtime.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let counters = Arc::new(Counters::default());
        let taking = Arc::clone(&counters);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                stream.set_nodelay(true).unwrap();
                let counters = Arc::clone(&taking);
                let service = service_fn(move |request: http::Request<Incoming>| {
                    let counters = Arc::clone(&counters);
                    async move { Ok::<_, Infallible>(take(request, &counters).await) }
                });
                let connection = hyper::server::conn::http1::Builder::new()
                    .serve_connection(TokioIo::new(stream), service);
                tokio::spawn(connection);
            }
        });
        Self { address, counters }
    }

    /// What it has taken by now.
    pub fn taken(&self) -> Taken {
        Taken {
            events: self.counters.events.load(Ordering::SeqCst),
            checksum: self.counters.checksum.load(Ordering::SeqCst),
        }
    }

    /// The URL that takes events.
    pub fn url(&self) -> String {
        format!("http://{}/events", self.address)
    }
}

/// Takes a batch. One that breaks off counts for nothing.
async fn take(request: http::Request<Incoming>, counters: &Counters) -> Response<Full<Bytes>> {
    let status = match request.into_body().collect().await {
        Ok(body) => {
            let taken = count(&body.to_bytes());
            counters.events.fetch_add(taken.events, Ordering::SeqCst);
            counters
                .checksum
                .fetch_add(taken.checksum, Ordering::SeqCst);
            StatusCode::NO_CONTENT
        }
        Err(_) => StatusCode::BAD_REQUEST,
    };
    let mut response = Response::new(Full::default());
    *response.status_mut() = status;
    response
}

/// Counts the records of a batch, and adds up their checksums.
fn count(batch: &[u8]) -> Taken {
    let mut taken = Taken::default();
    let starts: Vec<usize> = memchr::memmem::find_iter(batch, RECORD_START).collect();
    let ends = starts.iter().skip(1).copied().chain([batch.len()]);
    for (start, end) in starts.iter().zip(ends) {
        let record = &batch[start + RECORD_START.len()..end];
        let id = &record[..memchr::memchr(b'"', record).unwrap_or(0)];
        let data =
            memchr::memmem::find(record, DATA).map_or(&[][..], |at| &record[at + DATA.len()..]);
        let data = &data[..memchr::memchr(b'}', data).unwrap_or(0)];
        taken.events += 1;
        taken.checksum = taken.checksum.wrapping_add(checksum(id, data));
    }
    taken
}

#[cfg(test)]
mod tests {
    use super::{Taken, checksum, count};

    #[test]
    fn what_is_counted_is_each_id_with_its_data() {
        let record = |id: &str, data: &str| {
            format!(
                r#"{{"specversion":"1.0","id":"{id}","source":"s","data":{{{data}}},"recordedtime":"t"}}"#
            )
        };
        let [a, b] = [record("1", "\"id\":\"x\""), record("2", "")];
        let expected = Taken {
            events: 2,
            checksum: checksum(b"1", b"\"id\":\"x\"").wrapping_add(checksum(b"2", b"")),
        };
        assert_eq!(count(format!("[{a},{b}]").as_bytes()), expected);
        assert_eq!(count(format!("[{b},{a}]").as_bytes()), expected);
        assert_ne!(count(format!("[{a},{a}]").as_bytes()), expected);
    }
}
