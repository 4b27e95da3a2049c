//! Requests on many connections at once, and what they cost.

mod tally;
#[cfg(test)]
mod tests;

pub use tally::{Load, Tally, tally};

use crate::process::Usage;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// When a measurement ends.
#[derive(Debug, Clone, Copy)]
pub enum Until {
    /// After this time.
    Elapsed(Duration),
    /// After so many requests.
    Sent(usize),
}

/// What was measured.
#[derive(Debug)]
pub struct Figures {
    /// Answers per second.
    pub per_second: f64,
    /// Processor time of host and client together for one request, in microseconds.
    pub cpu_us: f64,
    /// Half of the answers came within so many microseconds.
    pub p50_us: u64,
    /// 99 of 100 did.
    pub p99_us: u64,
    /// 999 of 1,000 did.
    pub p999_us: u64,
}

/// Sends the requests in turn, over and over, on this many connections, and reads the answers. Each has
/// to be a 200.
pub async fn measure(
    address: SocketAddr,
    requests: &Arc<[Vec<u8>]>,
    connections: usize,
    until: Until,
) -> Figures {
    let (start, cpu_start) = (Instant::now(), Usage::own().cpu_s);
    let sent = Arc::new(AtomicUsize::new(0));
    let mut tasks = Vec::new();
    for _ in 0..connections {
        let (requests, sent) = (Arc::clone(requests), Arc::clone(&sent));
        tasks.push(tokio::spawn(async move {
            let mut stream = TcpStream::connect(address).await.unwrap();
            stream.set_nodelay(true).unwrap();
            let mut buffer = vec![0; 16 * 1024];
            let mut latencies = Vec::new();
            loop {
                let number = sent.fetch_add(1, Ordering::Relaxed);
                let over = match until {
                    Until::Elapsed(limit) => start.elapsed() >= limit,
                    Until::Sent(count) => number >= count,
                };
                if over {
                    return latencies;
                }
                let began = Instant::now();
                let request = &requests[number % requests.len()];
                stream.write_all(request).await.unwrap();
                read_answer(&mut stream, &mut buffer).await;
                latencies.push(began.elapsed().as_micros() as u64);
            }
        }));
    }
    let mut latencies = Vec::new();
    for task in tasks {
        latencies.extend(task.await.unwrap());
    }
    let elapsed = start.elapsed().as_secs_f64();
    let cpu = Usage::own().cpu_s - cpu_start;
    latencies.sort_unstable();
    let percentile = |share: f64| percentile(&latencies, share);
    Figures {
        per_second: latencies.len() as f64 / elapsed,
        cpu_us: cpu * 1e6 / latencies.len() as f64,
        p50_us: percentile(0.5),
        p99_us: percentile(0.99),
        p999_us: percentile(0.999),
    }
}

/// The latency that this share of them does not exceed; 0 where there are none.
fn percentile(sorted: &[u64], share: f64) -> u64 {
    let index = (sorted.len() as f64 * share) as usize;
    let last = sorted.len().saturating_sub(1);
    sorted.get(index.min(last)).copied().unwrap_or(0)
}

/// Reads one answer, which has to be a 200 with a `Content-Length`.
async fn read_answer(stream: &mut TcpStream, buffer: &mut [u8]) {
    let mut filled = 0;
    loop {
        let count = stream.read(&mut buffer[filled..]).await.unwrap();
        assert!(count > 0, "the host closed the connection");
        filled += count;
        let Some(head_end) = buffer[..filled]
            .windows(4)
            .position(|bytes| bytes == b"\r\n\r\n")
        else {
            continue;
        };
        let head = std::str::from_utf8(&buffer[..head_end]).unwrap();
        assert!(head.starts_with("HTTP/1.1 200"), "not admitted: {head}");
        let length: usize = head
            .lines()
            .filter_map(|line| line.split_once(':'))
            .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
            .and_then(|(_, value)| value.trim().parse().ok())
            .expect("a Content-Length");
        if filled >= head_end + 4 + length {
            return;
        }
    }
}
