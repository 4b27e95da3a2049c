//! A body, a sink and time that are the test's.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use doorward_retry::Random;
use http::HeaderMap;
use http::header::{HeaderName, HeaderValue};

use crate::event::data::{AnyData, DataCheck};
use crate::intake::answer::Answer;
use crate::intake::platform::{Body, Broken, Clock};
use crate::intake::{Request, Settings, take};
use crate::record::Batch;
use crate::sink::{Sink, SinkError, Written};

/// 2027-01-01T00:00:00Z.
pub const NOW_MS: u64 = 1_798_761_600_000;

/// Time that goes on when everybody waits.
#[derive(Clone)]
pub struct Time {
    now_ms: Rc<Cell<u64>>,
    sleepers: Rc<RefCell<BTreeMap<u64, u64>>>,
    /// How often others were given a turn.
    pub turns: Rc<Cell<u32>>,
}

pub struct Sleep {
    time: Time,
    until_ms: u64,
    id: u64,
}

impl Future for Sleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        match self.time.now_ms.get() >= self.until_ms {
            true => Poll::Ready(()),
            false => Poll::Pending,
        }
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        self.time.sleepers.borrow_mut().remove(&self.id);
    }
}

impl Time {
    pub fn new() -> Self {
        Self {
            now_ms: Rc::new(Cell::new(NOW_MS)),
            sleepers: Rc::default(),
            turns: Rc::default(),
        }
    }

    pub fn elapsed_ms(&self) -> u64 {
        self.now_ms.get() - NOW_MS
    }

    /// Runs something to its end.
    pub fn run<T>(&self, future: impl Future<Output = T>) -> T {
        let mut future = pin!(future);
        let mut context = Context::from_waker(Waker::noop());
        loop {
            if let Poll::Ready(value) = future.as_mut().poll(&mut context) {
                return value;
            }
            let next_ms = self.sleepers.borrow().values().copied().min();
            self.now_ms.set(next_ms.unwrap().max(self.now_ms.get()));
        }
    }
}

impl Clock for Time {
    fn now_ms(&self) -> u64 {
        self.now_ms.get()
    }

    fn pause(&self, ms: u64) -> impl Future<Output = ()> {
        if ms == 0 {
            self.turns.set(self.turns.get() + 1);
        }
        let until_ms = self.now_ms.get() + ms;
        let mut sleepers = self.sleepers.borrow_mut();
        let id = sleepers.keys().next_back().map_or(0, |id| id + 1);
        sleepers.insert(id, until_ms);
        Sleep {
            time: self.clone(),
            until_ms,
            id,
        }
    }
}

/// A body in pieces, each of which takes so long to come.
pub struct Pieces {
    pub time: Time,
    pub pieces: std::vec::IntoIter<Vec<u8>>,
    pub piece_ms: u64,
    /// Whether it breaks off in the place of its end.
    pub breaks: bool,
    /// How many bytes were read.
    pub read: Rc<Cell<usize>>,
}

impl Pieces {
    pub fn of(time: &Time, body: &[u8], length: usize) -> Self {
        let pieces: Vec<Vec<u8>> = body.chunks(length).map(<[u8]>::to_vec).collect();
        Self {
            time: time.clone(),
            pieces: pieces.into_iter(),
            piece_ms: 0,
            breaks: false,
            read: Rc::default(),
        }
    }
}

impl Body for Pieces {
    async fn read(&mut self, piece: &mut Vec<u8>) -> Result<bool, Broken> {
        if self.piece_ms > 0 {
            self.time.pause(self.piece_ms).await;
        }
        match self.pieces.next() {
            Some(next) => {
                self.read.set(self.read.get() + next.len());
                *piece = next;
                Ok(true)
            }
            None if self.breaks => Err(Broken),
            None => Ok(false),
        }
    }
}

/// What a sink does with a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    Write,
    /// It is written, and nobody learns of it.
    WriteAndFail,
    Fail,
    Never,
    Hang,
}

/// A sink that keeps what it takes.
pub struct Memory {
    pub time: Time,
    /// The ids of what it has, in the order in which it came, and the records.
    pub written: RefCell<Vec<(String, String)>>,
    /// How many records each write had.
    pub batches: RefCell<Vec<usize>>,
    /// How long a write takes.
    pub write_ms: u64,
    /// What it does with the next write.
    pub act: Box<dyn Fn() -> Act>,
    pub tries: Cell<u32>,
}

impl Memory {
    pub fn new(time: &Time) -> Self {
        Self {
            time: time.clone(),
            written: RefCell::default(),
            batches: RefCell::default(),
            write_ms: 0,
            act: Box::new(|| Act::Write),
            tries: Cell::new(0),
        }
    }

    pub fn ids(&self) -> Vec<String> {
        let written = self.written.borrow();
        written.iter().map(|(id, _)| id.clone()).collect()
    }

    pub fn has(&self, id: &str) -> bool {
        self.written.borrow().iter().any(|(known, _)| known == id)
    }
}

impl Sink for Memory {
    async fn write(&self, batch: &Batch) -> Result<Written, SinkError> {
        self.tries.set(self.tries.get() + 1);
        if self.write_ms > 0 {
            self.time.pause(self.write_ms).await;
        }
        let act = (self.act)();
        match act {
            Act::Write | Act::WriteAndFail => {
                let mut duplicates = 0;
                for record in batch.records() {
                    if self.has(record.id) {
                        duplicates += 1;
                        continue;
                    }
                    let record = (record.id.to_owned(), record.json.to_owned());
                    self.written.borrow_mut().push(record);
                }
                self.batches.borrow_mut().push(batch.len());
                match act {
                    Act::Write => Ok(Written { duplicates }),
                    _ => Err(SinkError::NotNow("lost".to_owned())),
                }
            }
            Act::Fail => Err(SinkError::NotNow("not now".to_owned())),
            Act::Never => Err(SinkError::Never("never".to_owned())),
            Act::Hang => {
                self.time.pause(u64::MAX / 4).await;
                Err(SinkError::NotNow("hung".to_owned()))
            }
        }
    }
}

pub fn headers(fields: &[(&'static str, &str)]) -> HeaderMap {
    let fields = fields.iter().map(|(name, value)| {
        (
            HeaderName::from_static(name),
            HeaderValue::from_str(value).unwrap(),
        )
    });
    fields.collect()
}

/// What becomes of a request with this body.
pub fn sent(fields: &[(&'static str, &str)], query: &str, body: Pieces, sink: &Memory) -> Answer {
    sent_for(fields, query, body, sink, &mut AnyData)
}

pub fn sent_for(
    fields: &[(&'static str, &str)],
    query: &str,
    body: Pieces,
    sink: &Memory,
    check: &mut dyn DataCheck,
) -> Answer {
    let headers = headers(fields);
    let request = Request {
        headers: &headers,
        query: Some(query),
        body,
    };
    let time = sink.time.clone();
    let random = Random::seeded(7);
    time.run(take(
        request,
        sink,
        &time,
        random,
        check,
        &Settings::default(),
    ))
}
