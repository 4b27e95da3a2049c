//! The clients: requests on many connections at once, from one thread.

use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow};
use hdrhistogram::Histogram;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::task::LocalSet;

use super::answer::{Answer, answer, field};
use super::schedule::Schedule;

/// Throughput over time is counted in steps of this length.
pub(super) const STEP: Duration = Duration::from_millis(100);
/// How long after the end of a load answers are waited for.
const GRACE: Duration = Duration::from_secs(10);
/// How long a connection waits that was refused or broken, before it is made again.
const BROKEN_PAUSE: Duration = Duration::from_millis(2);
/// The longest answer that is read, in bytes.
const ANSWER_BYTES_MAX: usize = 1 << 20;
/// Room for what is read at once, in bytes.
const READ_BYTES: usize = 16 << 10;
/// The longest latency that is told apart, in microseconds.
const LATENCY_US_MAX: u64 = 60_000_000;
/// Latencies are told to so many significant digits.
const LATENCY_DIGITS: u8 = 3;
/// How often who paces a load looks whether it is over.
const PACE_LOOK: Duration = Duration::from_millis(50);

/// When requests are sent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Pace {
    /// Each connection sends the next one when it has the answer to the last one.
    Closed,
    /// At their times, on whatever connection is free. Latency is counted from when one was meant to be sent, so what had
    /// to wait for a connection is not flattered.
    Open(Schedule),
}

/// A load.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Load {
    pub(super) pace: Pace,
    /// Connections, at least 1.
    pub(super) connections: usize,
    /// For so long requests are sent.
    pub(super) time: Duration,
}

/// What came of a load.
#[derive(Clone, Debug)]
pub(super) struct Measured {
    /// Answers with a status of success.
    pub(super) answers: u64,
    /// Requests without one.
    pub(super) failed: u64,
    /// What became of the first one of them.
    pub(super) failure: Option<String>,
    /// Until the last answer, and at least until the load's end: the last burst of an open loop comes before that.
    pub(super) elapsed: Duration,
    /// Of the answers, in microseconds.
    pub(super) latencies: Histogram<u64>,
    /// Answers in each whole [`STEP`].
    pub(super) over_time: Vec<u64>,
}

/// A histogram of latencies, in microseconds.
pub(super) fn histogram() -> Result<Histogram<u64>> {
    Histogram::new_with_bounds(1, LATENCY_US_MAX, LATENCY_DIGITS)
        .context("there is no histogram of such latencies")
}

/// Sends the requests in turn, over and over, and reads the answers.
pub(super) fn run(address: SocketAddr, requests: &[Vec<u8>], load: Load) -> Result<Measured> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("the clients cannot be started")?;
    let local = LocalSet::new();
    local.block_on(&runtime, drive(address, requests, load))
}

/// Sends one request, and gives its whole answer.
pub(super) fn ask(address: SocketAddr, request: &[u8]) -> Result<Asked> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("the client cannot be started")?;
    runtime.block_on(async {
        let mut connection = Connection::to(address).await?;
        let exchange = connection.exchange(request);
        let answered = tokio::time::timeout(GRACE, exchange).await;
        let status = answered.context("there is no answer in time")??.status;
        Ok(Asked {
            status,
            text: connection.read,
        })
    })
}

/// An answer.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) status: u16,
    text: Vec<u8>,
}

impl Asked {
    /// The value of a field of its head.
    pub(super) fn field(&self, name: &str) -> Option<&str> {
        field(&self.text, name)
    }

    /// Head and body, for people.
    pub(super) fn text(&self) -> String {
        String::from_utf8_lossy(&self.text).into_owned()
    }
}

async fn drive(address: SocketAddr, requests: &[Vec<u8>], load: Load) -> Result<Measured> {
    let mut connections = Vec::new();
    for _ in 0..load.connections.max(1) {
        connections.push(Connection::to(address).await?);
    }
    let steps = load.time.as_nanos() / STEP.as_nanos();
    let open = match load.pace {
        Pace::Closed => None,
        Pace::Open(schedule) => Some(Open {
            schedule,
            total: schedule.within(load.time),
            due: Arc::new(Semaphore::new(0)),
        }),
    };
    let shared = Rc::new(Shared {
        address,
        requests: requests.to_vec(),
        begun: Instant::now(),
        time: load.time,
        sent: Cell::new(0),
        done: Cell::new(0),
        measured: RefCell::new(Measured {
            answers: 0,
            failed: 0,
            failure: None,
            elapsed: Duration::ZERO,
            latencies: histogram()?,
            over_time: vec![0; usize::try_from(steps).unwrap_or(0)],
        }),
        open,
    });
    let is_over = Arc::new(AtomicBool::new(false));
    let pacing = shared.open.as_ref().map(|open| {
        let (schedule, total) = (open.schedule, open.total);
        let (due, is_over) = (Arc::clone(&open.due), Arc::clone(&is_over));
        let (begun, enough) = (shared.begun, connections.len());
        std::thread::spawn(move || {
            pace(schedule, total, begun, &due, &is_over);
            // Whoever waits finds that there is nothing more.
            due.add_permits(enough);
        })
    });
    let clients: Vec<_> = connections
        .into_iter()
        .map(|connection| tokio::task::spawn_local(client(Rc::clone(&shared), connection)))
        .collect();
    let aborts: Vec<_> = clients.iter().map(|client| client.abort_handle()).collect();
    let all = async {
        for client in clients {
            client.await.context("a client failed")?;
        }
        anyhow::Ok(())
    };
    match tokio::time::timeout(load.time + GRACE, all).await {
        Ok(ended) => ended?,
        Err(_) => aborts.iter().for_each(|client| client.abort()),
    }
    is_over.store(true, Ordering::Relaxed);
    if let Some(pacing) = pacing {
        pacing
            .join()
            .map_err(|_| anyhow!("who paces the load failed"))?;
    }
    let mut measured = shared.measured.borrow().clone();
    measured.elapsed = shared.begun.elapsed().max(load.time);
    let meant = shared
        .open
        .as_ref()
        .map_or(shared.sent.get(), |open| open.total);
    let missing = meant.saturating_sub(shared.done.get());
    if missing > 0 {
        measured.failed += missing;
        let reason = || format!("no answer within {} s after the end", GRACE.as_secs());
        measured.failure.get_or_insert_with(reason);
    }
    Ok(measured)
}

/// Lets requests go when they are due.
fn pace(schedule: Schedule, total: u64, begun: Instant, due: &Semaphore, is_over: &AtomicBool) {
    let mut given = 0;
    while given < total && !is_over.load(Ordering::Relaxed) {
        let now = begun.elapsed();
        let next = schedule.due(given);
        if next > now {
            std::thread::sleep((next - now).min(PACE_LOOK));
            continue;
        }
        let waiting = (given..total).take_while(|number| schedule.due(*number) <= now);
        let count = waiting.count();
        due.add_permits(count);
        given += count as u64;
    }
}

/// An open loop.
struct Open {
    schedule: Schedule,
    /// Requests that are sent in all.
    total: u64,
    /// Has a permit for each request that is due and not yet sent.
    due: Arc<Semaphore>,
}

struct Shared {
    address: SocketAddr,
    requests: Vec<Vec<u8>>,
    begun: Instant,
    time: Duration,
    /// Requests that were sent, and those of them that came to an end.
    sent: Cell<u64>,
    done: Cell<u64>,
    measured: RefCell<Measured>,
    open: Option<Open>,
}

impl Shared {
    /// The next request, when it is to be sent, with the moment for which it was meant; none where the load is over.
    async fn next(&self) -> Option<(&[u8], Instant)> {
        let intended = match &self.open {
            None if self.begun.elapsed() >= self.time => return None,
            None => Instant::now(),
            Some(open) => {
                open.due.acquire().await.ok()?.forget();
                let number = self.sent.get();
                if number >= open.total {
                    return None;
                }
                self.begun + open.schedule.due(number)
            }
        };
        let number = self.sent.get();
        self.sent.set(number + 1);
        let count = self.requests.len() as u64;
        let index = usize::try_from(number.checked_rem(count)?).ok()?;
        Some((self.requests.get(index)?, intended))
    }

    /// Counts an answer, or why there is none.
    fn count(&self, intended: Instant, outcome: Result<(), String>) {
        self.done.set(self.done.get() + 1);
        let mut measured = self.measured.borrow_mut();
        match outcome {
            Ok(()) => {
                let latency = intended.elapsed().as_micros();
                let latency = u64::try_from(latency).unwrap_or(u64::MAX).max(1);
                measured.latencies.saturating_record(latency);
                measured.answers += 1;
                let step = self.begun.elapsed().as_nanos() / STEP.as_nanos();
                let step = usize::try_from(step).unwrap_or(usize::MAX);
                if let Some(count) = measured.over_time.get_mut(step) {
                    *count += 1;
                }
            }
            Err(failure) => {
                measured.failed += 1;
                measured.failure.get_or_insert(failure);
            }
        }
    }
}

async fn client(shared: Rc<Shared>, connection: Connection) {
    let mut connection = Some(connection);
    while let Some((request, intended)) = shared.next().await {
        let connected = match connection.take() {
            Some(connection) => Ok(connection),
            None => Connection::to(shared.address).await,
        };
        let mut open = match connected {
            Ok(open) => open,
            Err(error) => {
                shared.count(intended, Err(format!("{error:#}")));
                tokio::time::sleep(BROKEN_PAUSE).await;
                continue;
            }
        };
        match open.exchange(request).await {
            Ok(End { status, is_kept }) => {
                let outcome = match status {
                    200..300 => Ok(()),
                    _ => Err(format!("status {status}")),
                };
                shared.count(intended, outcome);
                connection = is_kept.then_some(open);
            }
            Err(error) => {
                shared.count(intended, Err(format!("{error:#}")));
                tokio::time::sleep(BROKEN_PAUSE).await;
            }
        }
    }
}

/// A connection with the answer that was read last.
struct Connection {
    stream: TcpStream,
    read: Vec<u8>,
}

/// How an exchange ended.
struct End {
    status: u16,
    is_kept: bool,
}

impl Connection {
    async fn to(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(address)
            .await
            .with_context(|| format!("no connection to {address}"))?;
        stream
            .set_nodelay(true)
            .context("the connection cannot be set up")?;
        Ok(Self {
            stream,
            read: Vec::with_capacity(READ_BYTES),
        })
    }

    async fn exchange(&mut self, request: &[u8]) -> Result<End> {
        self.stream
            .write_all(request)
            .await
            .context("the connection broke")?;
        self.read.clear();
        loop {
            let count = self.stream.read_buf(&mut self.read).await;
            if count.context("the connection broke")? == 0 {
                return Err(anyhow!("the connection ended before the answer"));
            }
            match answer(&self.read) {
                Answer::Whole { status, is_kept } => return Ok(End { status, is_kept }),
                Answer::Unfinished if self.read.len() < ANSWER_BYTES_MAX => {}
                Answer::Unfinished => return Err(anyhow!("the answer is too long")),
                Answer::Unusable => return Err(anyhow!("the answer is none of HTTP/1.1")),
            }
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::net::TcpListener;

    use super::*;

    const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n";

    /// A server that answers each request of each connection with the next of these, over and over. It takes so long for
    /// the first answer of all.
    fn server(answers: &'static [&'static str], first_wait: Duration) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        std::thread::spawn(move || {
            let mut wait = Some(first_wait);
            for stream in listener.incoming() {
                let (mut stream, mut wait) = (stream.unwrap(), wait.take());
                std::thread::spawn(move || {
                    let mut buffer = [0; REQUEST.len()];
                    for answer in answers.iter().cycle() {
                        if stream.read_exact(&mut buffer).is_err() {
                            return;
                        }
                        std::thread::sleep(wait.take().unwrap_or_default());
                        if stream.write_all(answer.as_bytes()).is_err() {
                            return;
                        }
                    }
                });
            }
        });
        address
    }

    const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    const BUSY: &str = "HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n";

    fn measured(answers: &'static [&'static str], wait: Duration, load: Load) -> Measured {
        run(server(answers, wait), &[REQUEST.to_vec()], load).unwrap()
    }

    #[test]
    fn every_request_is_an_answer_or_a_failure() {
        let load = Load {
            pace: Pace::Open(Schedule::new(1000.0, 1)),
            connections: 1,
            time: Duration::from_millis(200),
        };
        let measured = measured(&[OK, OK, OK, BUSY], Duration::ZERO, load);
        assert_eq!((measured.answers, measured.failed), (150, 50));
        assert_eq!(measured.latencies.len(), 150);
        assert!(
            measured.elapsed >= load.time,
            "so the rate is no higher than meant"
        );
        assert_eq!(measured.failure.as_deref(), Some("status 503"));
        assert!(measured.over_time.iter().sum::<u64>() <= 150);
        assert_eq!(measured.over_time.len(), 2);
    }

    #[test]
    fn a_request_that_waits_for_a_connection_is_late_from_when_it_was_meant() {
        let load = Load {
            pace: Pace::Open(Schedule::new(100.0, 1)),
            connections: 1,
            time: Duration::from_millis(100),
        };
        let wait = Duration::from_millis(300);
        let measured = measured(&[OK], wait, load);
        assert_eq!((measured.answers, measured.failed), (10, 0));
        // The last one was meant after 90 ms and could not be sent before the first answer, after 300.
        let shortest = measured.latencies.min();
        assert!(shortest >= 200_000, "{shortest} µs");
    }

    #[test]
    fn a_closed_loop_goes_on_where_connections_end() {
        let answers = &["HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"];
        let load = Load {
            pace: Pace::Closed,
            connections: 3,
            time: Duration::from_millis(100),
        };
        let measured = measured(answers, Duration::ZERO, load);
        assert!(measured.answers > 3, "{measured:?}");
        assert_eq!(measured.failed, 0, "{measured:?}");
    }

    #[test]
    fn one_answer_is_read_whole() {
        let asked = ask(server(&[OK], Duration::ZERO), REQUEST).unwrap();
        assert_eq!(asked.status, 200);
        assert_eq!(asked.field("content-length"), Some("2"));
        assert!(asked.text().ends_with("ok"));
    }

    #[test]
    fn nobody_who_listens_is_an_error_that_says_where() {
        let address = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap();
        let error = ask(address, REQUEST).unwrap_err();
        assert!(error.to_string().contains(&address.to_string()), "{error}");
    }
}
