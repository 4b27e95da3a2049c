//! What is known about one connection.

use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use crate::flow::{Flow, Paces};
use crate::patience::{Pace, Patience};
use crate::shares::Client;

/// How long a host that stops waits for the first byte of a connection that it has accepted.
const FIRST_BYTE_WAIT: Duration = Duration::from_secs(1);
/// What a client begins an HTTP/2 connection with (RFC 9113 section 3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// Exchanges of which a connection remembers that they are over, until it looks.
const OVER_MAX: usize = 8;

/// When a connection is closed.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Time for the head of a request: for the first one since the connection began, for the others since their
    /// first byte.
    pub head: Duration,
    /// Time without a request under way.
    pub idle: Duration,
    /// What is expected of a client that bytes are written to.
    pub write: Pace,
    /// What is expected of one whose body is read.
    pub read: Pace,
    /// How long a component has while nothing moves.
    pub silence: Option<Duration>,
}

impl Limits {
    pub(super) fn shortest(&self) -> Duration {
        let times = [self.head, self.idle, self.write.time, self.read.time];
        times
            .into_iter()
            .chain(self.silence)
            .min()
            .unwrap_or_default()
    }

    fn paces(&self) -> Paces {
        Paces {
            upload: self.read,
            download: self.write,
            silence: self.silence,
        }
    }
}

/// One connection.
#[derive(Debug)]
pub struct Link {
    client: Option<Arc<Client>>,
    cut: Arc<Notify>,
    state: Arc<Mutex<State>>,
    /// Whether a byte from the client would be the first one of a request.
    expects_head: Arc<AtomicBool>,
    /// Whether it matters that something is written.
    strained: AtomicBool,
    /// Whether anything came from the client.
    spoke: AtomicBool,
    /// Told when the first byte came, and when a request did.
    begins: Notify,
}

/// For what a connection waits, where it is told that there will be no more requests.
enum Expects {
    /// For nothing: it may be told.
    Nothing,
    /// For the first byte, which may be on its way.
    Anything,
    /// For the rest of a head.
    Head,
}

#[derive(Debug)]
struct State {
    /// Exchanges under way.
    count: usize,
    /// Some that are over may be among them.
    flows: Vec<Weak<Flow>>,
    asked: bool,
    multiplexed: bool,
    closing: bool,
    idle_since: Instant,
    /// When the head of a request began.
    head_since: Option<Instant>,
    writing: Patience,
}

/// What ends when an exchange does.
struct UnderWay {
    state: Arc<Mutex<State>>,
    expects_head: Arc<AtomicBool>,
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        let mut state = lock(&self.state);
        state.count = state.count.saturating_sub(1);
        if state.count == 0 {
            state.idle_since = Instant::now();
            self.expects_head.store(!state.multiplexed, Relaxed);
        }
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    // Nothing in here panics half-way.
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Link {
    /// One that begins now, of this client; none where it is a trusted proxy's.
    #[must_use]
    pub fn new(client: Option<Arc<Client>>, write: Pace, now: Instant) -> Self {
        Self {
            client,
            cut: Arc::default(),
            state: Arc::new(Mutex::new(State {
                count: 0,
                flows: Vec::new(),
                asked: false,
                multiplexed: false,
                closing: false,
                idle_since: now,
                head_since: None,
                writing: Patience::new(write),
            })),
            expects_head: Arc::default(),
            strained: AtomicBool::new(false),
            spoke: AtomicBool::new(false),
            begins: Notify::new(),
        }
    }

    /// Whose it is; nobody's where it is a trusted proxy's.
    #[must_use]
    pub fn client(&self) -> Option<&Arc<Client>> {
        self.client.as_ref()
    }

    /// Has it closed.
    pub fn close(&self) {
        lock(&self.state).closing = true;
        self.cut.notify_one();
    }

    /// Whether it was told to close, and has not yet.
    #[must_use]
    pub fn is_closing(&self) -> bool {
        lock(&self.state).closing
    }

    /// Ready when it has to be closed.
    pub async fn closing(&self) {
        self.cut.notified().await;
    }

    /// An exchange begins. `stream` ends it alone, where the connection carries several.
    #[must_use]
    pub fn begin(&self, limits: &Limits, stream: Option<Arc<Notify>>, now: Instant) -> Arc<Flow> {
        self.expects_head.store(false, Relaxed);
        let under_way = UnderWay {
            state: Arc::clone(&self.state),
            expects_head: Arc::clone(&self.expects_head),
        };
        let multiplexed = stream.is_some();
        let cut = stream.unwrap_or_else(|| Arc::clone(&self.cut));
        let flow = Arc::new(Flow::new(&limits.paces(), now, cut, Box::new(under_way)));
        let mut state = lock(&self.state);
        state.count += 1;
        state.asked = true;
        state.multiplexed = multiplexed;
        state.head_since = None;
        if state.flows.len() >= OVER_MAX.max(2 * state.count) {
            state.flows.retain(|flow| flow.strong_count() > 0);
        }
        state.flows.push(Arc::downgrade(&flow));
        drop(state);
        self.begins.notify_waiters();
        flow
    }

    /// Since when nothing is under way, where it can be closed for that.
    #[must_use]
    pub fn idle_since(&self) -> Option<Instant> {
        let state = lock(&self.state);
        let idle = state.count == 0 && !state.writing.is_waiting() && !state.closing;
        idle.then_some(state.idle_since)
    }

    fn expects(&self) -> Expects {
        let state = lock(&self.state);
        if state.multiplexed || state.count > 0 {
            return Expects::Nothing;
        }
        match (state.asked, self.spoke.load(Relaxed)) {
            (true, _) if state.head_since.is_none() => Expects::Nothing,
            (false, false) => Expects::Anything,
            _ => Expects::Head,
        }
    }

    /// Ready when no request of HTTP/1 is lost where it is told that there will be no more: what has begun is read, and
    /// a connection that is new has the time to say something. HTTP/2 knows of itself which requests were taken.
    pub async fn can_end(&self) {
        let mut silence = pin!(tokio::time::sleep(FIRST_BYTE_WAIT));
        loop {
            let mut begins = pin!(self.begins.notified());
            begins.as_mut().enable();
            match self.expects() {
                Expects::Nothing => return,
                Expects::Anything => tokio::select! {
                    () = begins => {}
                    () = &mut silence => return,
                },
                // It has as long as ever.
                Expects::Head => begins.await,
            }
        }
    }

    /// These bytes came from the client.
    pub fn heard(&self, bytes: &[u8]) {
        if !self.spoke.load(Relaxed) {
            // Of HTTP/2 this comes at once, before anything is waited for.
            if bytes.starts_with(PREFACE) {
                lock(&self.state).multiplexed = true;
            }
            self.spoke.store(true, Relaxed);
            self.begins.notify_waiters();
        }
        if self.expects_head.load(Relaxed) && self.expects_head.swap(false, Relaxed) {
            let mut state = lock(&self.state);
            if state.count == 0 {
                state.head_since = Some(Instant::now());
            }
        }
    }

    /// The client takes no more.
    pub fn write_waits(&self) {
        self.strained.store(true, Relaxed);
        lock(&self.state).writing.wait(Instant::now());
    }

    /// It took so many bytes.
    pub fn wrote(&self, bytes: usize) {
        if self.strained.load(Relaxed) {
            let mut state = lock(&self.state);
            let now = Instant::now();
            state.writing.pause(now);
            state.writing.moved(bytes);
            if state.count == 0 {
                state.idle_since = now;
            }
            self.strained.store(state.writing.is_strained(), Relaxed);
        }
    }

    /// Closes it, or ends exchanges of it, where a limit is passed.
    pub fn check(&self, limits: &Limits, now: Instant) {
        let flows: Vec<Arc<Flow>> = {
            let mut state = lock(&self.state);
            state.flows.retain(|flow| flow.strong_count() > 0);
            if is_over(&state, limits, now) {
                drop(state);
                return self.close();
            }
            state.flows.iter().filter_map(Weak::upgrade).collect()
        };
        for flow in flows {
            flow.check(now);
        }
    }
}

fn is_over(state: &State, limits: &Limits, now: Instant) -> bool {
    if state.writing.is_over(now) {
        return true;
    }
    if state.count > 0 || state.writing.is_waiting() {
        return false;
    }
    let idle = if state.asked {
        limits.idle
    } else {
        limits.head
    };
    let head = state.head_since;
    now.duration_since(state.idle_since) >= idle
        || head.is_some_and(|since| now.duration_since(since) >= limits.head)
}
