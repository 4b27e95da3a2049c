//! What is asked of components again and again.
//!
//! A timer asks the component itself, as another component does by service chaining: no route has to lead to it, and no
//! middleware is passed. Its times are those of the host's clock. What it missed, because the host did not run or the
//! machine slept, is not made up for.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt as _, Empty};
use tokio::time::timeout;
use wasmtime_wasi_http::WasiBody;

use crate::chaining::{Callee, host_of};
use crate::options::{HostOptions, LogLine, LogSink, LogStream, REQUEST_TIMEOUT};
use crate::schedule::Schedule;
use crate::term::Term;

/// How long at most nobody looks at the clock: it may be moved, and a machine may sleep.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How far a clock may be set back without that anything is done a second time, in seconds.
const BACK_MAX_S: u64 = 60;

/// What is asked of one component at some times.
#[derive(Clone)]
pub struct Timed {
    /// The component's name.
    pub component: Arc<str>,
    /// The times.
    pub schedule: Schedule,
    /// The path, with a query where there is one.
    pub path: String,
    /// Whether it is asked once more when the host stops.
    pub at_stop: bool,
    /// The component.
    pub callee: Arc<dyn Callee>,
}

/// What all timers have in common.
#[derive(Clone)]
pub struct Clockwork {
    now: Arc<dyn Fn() -> Duration + Send + Sync>,
    /// How long a component has for what a timer asks, the answer's body included.
    run_time_max: Duration,
    log: LogSink,
}

impl Clockwork {
    /// With the clock of these options, their log, and as much time as a request has.
    #[must_use]
    pub fn new(options: &HostOptions) -> Self {
        let now: Arc<dyn Fn() -> Duration + Send + Sync> = match options.clock.clone() {
            Some(clock) => Arc::new(move || Duration::from_secs(clock.now())),
            None => Arc::new(|| {
                let since = SystemTime::now().duration_since(UNIX_EPOCH);
                since.unwrap_or_default()
            }),
        };
        Self {
            now,
            run_time_max: options.request_timeout.unwrap_or(REQUEST_TIMEOUT),
            log: options.log.clone().unwrap_or_else(LogSink::stdio),
        }
    }

    /// Asks at each of its times, until its application's term is over. The host waits while a component works.
    pub async fn drive(self, timed: Timed, term: Arc<Term>) {
        tokio::select! {
            biased;
            () = term.is_over() => {}
            () = self.go(timed, &term) => {}
        }
    }

    /// Asks once more, where that is wanted when the host stops.
    pub async fn at_stop(self, timed: Timed) {
        if timed.at_stop {
            self.ask(&timed).await;
        }
    }

    async fn go(&self, timed: Timed, term: &Arc<Term>) {
        let timed = Arc::new(timed);
        let running = Arc::new(AtomicBool::new(false));
        let mut from = (self.now)().as_secs();
        // Where there are no more times there is nothing more to do.
        while let Some(next) = timed.schedule.after(from) {
            if !self.wait_until(next, from).await {
                from = (self.now)().as_secs();
                continue;
            }
            // What is late by more than its distance to the next is asked once.
            from = next.max((self.now)().as_secs());
            if running.swap(true, Ordering::SeqCst) {
                self.say(&timed, "is left out, for the last one is still under way");
                continue;
            }
            let (this, timed) = (self.clone(), Arc::clone(&timed));
            let (running, work) = (Running(Arc::clone(&running)), term.work());
            tokio::spawn(async move {
                this.ask(&timed).await;
                drop((running, work));
            });
        }
    }

    /// Ready when it is so late, with true; with false where the clock was set back to long before `from`.
    async fn wait_until(&self, unix_s: u64, from: u64) -> bool {
        loop {
            let now = (self.now)();
            let left = Duration::from_secs(unix_s).saturating_sub(now);
            if left.is_zero() {
                return true;
            }
            if now.as_secs().saturating_add(BACK_MAX_S) < from {
                return false;
            }
            tokio::time::sleep(left.min(LOOK_EVERY)).await;
        }
    }

    /// Has the component do it. What comes of it only the log is told.
    async fn ask(&self, timed: &Timed) {
        let asking = async {
            let request = request(timed).map_err(|error| error.to_string())?;
            let answer = timed.callee.ask(request).await;
            // Why is in the log already.
            let answer = answer.map_err(|_| "failed".to_owned())?;
            let status = answer.status();
            let mut body = answer.into_body();
            // For the work may go on with it. Nobody reads what it says.
            while let Some(frame) = body.frame().await {
                frame.map_err(|_| "failed in its answer".to_owned())?;
            }
            match status.is_success() {
                true => Ok(()),
                false => Err(format!("was answered with {}", words(status))),
            }
        };
        let what = match timeout(self.run_time_max, asking).await {
            Ok(Ok(())) => return,
            Ok(Err(what)) => what,
            Err(_) => format!(
                "took more than {} s and is ended",
                self.run_time_max.as_secs()
            ),
        };
        self.say(timed, &what);
    }

    fn say(&self, timed: &Timed, what: &str) {
        let path = timed.path.split('?').next().unwrap_or_default();
        self.log.write(LogLine {
            component: &timed.component,
            stream: LogStream::Stderr,
            text: &format!("the timer's request for {path} {what}"),
        });
    }
}

/// That a component works on what its timer asked.
struct Running(Arc<AtomicBool>);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.store(false, Ordering::SeqCst);
    }
}

/// As another component sends it.
fn request(timed: &Timed) -> Result<Request<WasiBody>, http::Error> {
    let host = host_of(&timed.component);
    let nothing = Empty::new().map_err(|never| match never {});
    Request::builder()
        .method(Method::POST)
        .uri(format!("http://{host}{}", timed.path))
        .body(nothing.boxed_unsync())
}

fn words(status: StatusCode) -> String {
    format!("status {}", status.as_u16())
}

#[cfg(test)]
mod tests;
