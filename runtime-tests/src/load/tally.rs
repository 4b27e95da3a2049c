//! A load under which not every answer has to be good: what came is counted.

use super::{Until, percentile};
use crate::raw::Raw;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// How long a connection waits after it was refused, before it is tried again.
const REFUSED_WAIT: Duration = Duration::from_millis(2);
/// How many different troubles are kept as text.
const TROUBLES_MAX: usize = 8;

/// What came of a load.
#[derive(Debug, Clone, Default)]
pub struct Tally {
    /// How many whole answers had each status.
    pub statuses: BTreeMap<u16, usize>,
    /// Requests whose connection ended before the whole answer, or whose answer was malformed.
    pub broken: usize,
    /// Attempts to connect that failed.
    pub refused: usize,
    /// What the first few of the broken requests came to.
    pub troubles: Vec<String>,
    /// Answers per second, whatever their status.
    pub per_second: f64,
    /// Half of the answers came within so many microseconds.
    pub p50_us: u64,
    /// 99 of 100 did.
    pub p99_us: u64,
    /// 999 of 1,000 did.
    pub p999_us: u64,
    latencies_us: Vec<u64>,
}

impl Tally {
    /// How many whole answers came.
    pub fn answers(&self) -> usize {
        self.statuses.values().sum()
    }

    /// How many of them had this status.
    pub fn of(&self, status: u16) -> usize {
        self.statuses.get(&status).copied().unwrap_or(0)
    }

    /// Requests that did not come to an answer with this status.
    pub fn all_but(&self, status: u16) -> usize {
        self.answers() + self.broken + self.refused - self.of(status)
    }
}

/// A load that goes on while the test does something else. Each of its connections sends the next of the
/// requests when the answer to the one before has come. When it is dropped, it ends.
#[derive(Debug)]
pub struct Load {
    shared: Arc<Shared>,
    tasks: Vec<tokio::task::JoinHandle<()>>,
    start: Instant,
}

#[derive(Debug)]
struct Shared {
    address: SocketAddr,
    requests: Arc<[Vec<u8>]>,
    until: Option<Until>,
    start: Instant,
    sent: AtomicUsize,
    is_over: AtomicBool,
    tally: Mutex<Tally>,
}

/// Like [`super::measure`], where answers of any status count and connections may break.
pub async fn tally(
    address: SocketAddr,
    requests: &Arc<[Vec<u8>]>,
    connections: usize,
    until: Until,
) -> Tally {
    let load = Load::start_until(address, requests, connections, Some(until));
    load.end(false).await
}

impl Load {
    /// Sends the requests in turn, over and over, on this many connections, until it is told to stop.
    pub fn start(address: SocketAddr, requests: &Arc<[Vec<u8>]>, connections: usize) -> Self {
        Self::start_until(address, requests, connections, None)
    }

    fn start_until(
        address: SocketAddr,
        requests: &Arc<[Vec<u8>]>,
        connections: usize,
        until: Option<Until>,
    ) -> Self {
        let start = Instant::now();
        let shared = Arc::new(Shared {
            address,
            requests: Arc::clone(requests),
            until,
            start,
            sent: AtomicUsize::new(0),
            is_over: AtomicBool::new(false),
            tally: Mutex::new(Tally::default()),
        });
        let connection = |_| tokio::spawn(connection(Arc::clone(&shared)));
        let tasks = (0..connections).map(connection).collect();
        Self {
            shared,
            tasks,
            start,
        }
    }

    /// The counts so far, without rates and latencies.
    pub fn so_far(&self) -> Tally {
        let tally = self.shared.tally.lock().unwrap();
        Tally {
            statuses: tally.statuses.clone(),
            broken: tally.broken,
            refused: tally.refused,
            troubles: tally.troubles.clone(),
            ..Tally::default()
        }
    }

    /// Waits until so many more requests have come to an answer or an end.
    pub async fn until_more(&self, count: usize) {
        let done = |load: &Self| {
            let tally = load.shared.tally.lock().unwrap();
            tally.answers() + tally.broken
        };
        let wanted = done(self) + count;
        let what = format!("{count} more requests are done");
        crate::clocked::until(&what, || done(self) >= wanted).await;
    }

    /// Stops sending, waits for the answers under way, and says what came of it all.
    pub async fn stop(self) -> Tally {
        self.end(true).await
    }

    async fn end(mut self, at_once: bool) -> Tally {
        self.shared.is_over.fetch_or(at_once, Ordering::Relaxed);
        for task in &mut self.tasks {
            task.await.expect("a connection of the load ends");
        }
        let elapsed_s = self.start.elapsed().as_secs_f64();
        let mut tally = std::mem::take(&mut *self.shared.tally.lock().unwrap());
        tally.latencies_us.sort_unstable();
        let latencies = std::mem::take(&mut tally.latencies_us);
        tally.per_second = latencies.len() as f64 / elapsed_s;
        tally.p50_us = percentile(&latencies, 0.5);
        tally.p99_us = percentile(&latencies, 0.99);
        tally.p999_us = percentile(&latencies, 0.999);
        tally
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

impl Shared {
    /// The next request, unless the load is over.
    fn next(&self) -> Option<&[u8]> {
        if self.is_over.load(Ordering::Relaxed) {
            return None;
        }
        let number = self.sent.fetch_add(1, Ordering::Relaxed);
        let is_over = match self.until {
            None => false,
            Some(Until::Elapsed(limit)) => self.start.elapsed() >= limit,
            Some(Until::Sent(count)) => number >= count,
        };
        (!is_over).then(|| &*self.requests[number % self.requests.len()])
    }
}

async fn connection(shared: Arc<Shared>) {
    let mut connection = None;
    while let Some(request) = shared.next() {
        let mut raw = loop {
            if let Some(raw) = connection.take() {
                break raw;
            }
            match Raw::try_connect(shared.address).await {
                Ok(raw) => break raw,
                Err(_) => {
                    shared.tally.lock().unwrap().refused += 1;
                    if shared.is_over.load(Ordering::Relaxed) {
                        return;
                    }
                    tokio::time::sleep(REFUSED_WAIT).await;
                }
            }
        };
        let began = Instant::now();
        raw.send(request).await;
        let method = request.split(|byte| *byte == b' ').next();
        let method = String::from_utf8_lossy(method.unwrap_or_default());
        let answer = raw.response_to(&method).await;
        let took = began.elapsed();
        let mut tally = shared.tally.lock().unwrap();
        match answer {
            Ok(response) => {
                *tally.statuses.entry(response.status).or_default() += 1;
                tally.latencies_us.push(took.as_micros() as u64);
                // A server may end a connection after an answer if it says so.
                if !response.asks_to_close() {
                    connection = Some(raw);
                }
            }
            Err(broken) => {
                tally.broken += 1;
                if tally.troubles.len() < TROUBLES_MAX {
                    tally.troubles.push(format!("{broken:?}"));
                }
            }
        }
    }
}
