//! The exchange itself.

use std::any::Any;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::Waker;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use crate::patience::{Pace, Patience};

/// What is expected of the two sides of an exchange.
#[derive(Clone, Copy, Debug)]
pub struct Paces {
    /// Of the client, with the body of its request.
    pub upload: Pace,
    /// Of the client, with the answer.
    pub download: Pace,
    /// How long a component has while nothing moves. None: as long as it wants.
    pub silence: Option<Duration>,
}

/// Why an exchange is given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// The client does not send the body that it announced.
    SlowUpload,
    /// It does not take the answer.
    SlowDownload,
    /// The component began an answer and does not go on with it.
    Silent,
}

/// One exchange. It is over when this is dropped: the bodies on both ways hold it.
pub struct Flow {
    clocks: Mutex<Clocks>,
    /// Told when the client has not sent the body in time.
    too_slow: Notify,
    /// Told when nothing but its end helps: what carries the exchange has to go.
    cut: Arc<Notify>,
    /// What is there for as long as the exchange is.
    keeps: OnceLock<Box<dyn Any + Send + Sync>>,
    _keeps: Box<dyn Any + Send + Sync>,
}

struct Clocks {
    silence: Option<Duration>,
    upload: Patience,
    download: Patience,
    /// When something moved last, or the client was waited for.
    moved: Instant,
    answered: bool,
    ended: Option<Ended>,
    /// Who waits for the body of the request.
    reader: Option<Waker>,
}

impl Clocks {
    fn waits_for_client(&self) -> bool {
        self.upload.is_waiting() || self.download.is_waiting()
    }
}

impl Flow {
    /// One that begins now. `cut` ends what carries it; `keeps` goes with it.
    #[must_use]
    pub fn new(
        paces: &Paces,
        now: Instant,
        cut: Arc<Notify>,
        keeps: Box<dyn Any + Send + Sync>,
    ) -> Self {
        Self {
            clocks: Mutex::new(Clocks {
                silence: paces.silence,
                upload: Patience::new(paces.upload),
                download: Patience::new(paces.download),
                moved: now,
                answered: false,
                ended: None,
                reader: None,
            }),
            too_slow: Notify::new(),
            cut,
            keeps: OnceLock::new(),
            _keeps: keeps,
        }
    }

    /// One between two components, in which nobody is a slow client: who waits for whom is known, and no more.
    #[must_use]
    pub fn inside(now: Instant) -> Self {
        let forever = Pace {
            time: Duration::MAX,
            bytes_per_second: 0,
        };
        let paces = Paces {
            upload: forever,
            download: forever,
            silence: None,
        };
        Self::new(&paces, now, Arc::default(), Box::new(()))
    }

    /// Something more that is to be there for as long as the exchange. Only the first one counts.
    pub fn keep(&self, what: Box<dyn Any + Send + Sync>) {
        let _ = self.keeps.set(what);
    }

    /// The head of the answer is there: the client has to take it.
    pub fn answer(&self, now: Instant) {
        let mut clocks = self.clocks();
        clocks.answered = true;
        clocks.moved = now;
        clocks.download.wait(now);
    }

    /// Ready when the client has not sent the body in time.
    pub async fn too_slow(&self) {
        self.too_slow.notified().await;
    }

    /// When the component is too late, if it may take so long while nothing moves. None while the client is
    /// waited for.
    #[must_use]
    pub fn deadline(&self, time: Duration) -> Option<Instant> {
        let clocks = self.clocks();
        if clocks.waits_for_client() {
            return None;
        }
        clocks.moved.checked_add(time)
    }

    /// Ends it where somebody was waited for too long.
    pub fn check(&self, now: Instant) {
        let mut clocks = self.clocks();
        if clocks.ended.is_some() {
            return;
        }
        let silent = |clocks: &Clocks| {
            clocks.answered
                && !clocks.waits_for_client()
                && clocks
                    .silence
                    .is_some_and(|silence| now.duration_since(clocks.moved) >= silence)
        };
        let ended = if clocks.upload.is_over(now) {
            Ended::SlowUpload
        } else if clocks.download.is_over(now) {
            Ended::SlowDownload
        } else if silent(&clocks) {
            Ended::Silent
        } else {
            return;
        };
        clocks.ended = Some(ended);
        let reader = clocks.reader.take();
        drop(clocks);
        if ended == Ended::SlowUpload {
            self.too_slow.notify_one();
        } else {
            self.cut.notify_one();
        }
        if let Some(reader) = reader {
            reader.wake();
        }
    }

    pub(super) fn ended(&self) -> Option<Ended> {
        self.clocks().ended
    }

    /// The client is waited for by who reads the body.
    pub(super) fn wait_for_upload(&self, now: Instant, reader: &Waker) {
        let mut clocks = self.clocks();
        clocks.upload.wait(now);
        match &mut clocks.reader {
            Some(known) => known.clone_from(reader),
            none => *none = Some(reader.clone()),
        }
    }

    /// There may be something to read: from now on it is the reader who is waited for. Gives it.
    pub(super) fn may_read(&self, now: Instant) -> Option<Waker> {
        let mut clocks = self.clocks();
        if clocks.upload.is_waiting() {
            clocks.upload.pause(now);
            clocks.moved = now;
        }
        clocks.reader.take()
    }

    /// So much of the body was read.
    pub(super) fn uploaded(&self, now: Instant, bytes: usize) {
        let mut clocks = self.clocks();
        clocks.upload.pause(now);
        clocks.upload.moved(bytes);
        clocks.moved = now;
    }

    /// So much of the answer is ready: the client has to take it.
    pub(super) fn hand(&self, now: Instant) {
        let mut clocks = self.clocks();
        clocks.download.wait(now);
        clocks.moved = now;
    }

    /// It has taken what was ready. The component has to go on.
    pub(super) fn taken(&self, now: Instant, bytes: usize) {
        let mut clocks = self.clocks();
        if clocks.download.is_waiting() {
            clocks.download.pause(now);
            clocks.download.moved(bytes);
            clocks.moved = now;
        }
    }

    fn clocks(&self) -> MutexGuard<'_, Clocks> {
        // Nothing in here panics half-way.
        self.clocks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
