//! The way of a request with events: its body is unfolded, split, read, checked and written while it comes in.
//!
//! 1. **What is acknowledged is written.** Only a batch that the sink has is counted as accepted. When the sink takes no
//!    more, the answer says from which event on to send again: everything before it is in the sink or refused.
//! 2. **Memory is flat.** There is the piece that was read last, the event that is spread over pieces, and two batches: one
//!    is written, one is filled. Before a third one there is no reading, so that a slow sink slows the client down.
//! 3. **A bad event is the only one that suffers.** It is an error of the report, and the others go through; unless all or
//!    nothing was asked for, which is up to one batch.
//! 4. A write that fails is tried again with pauses that grow, up to [`WRITE_MS_MAX`] for a batch. A request ends with the
//!    first batch that is not written by then, so that it waits no longer than this for nothing.
//! 5. Where a body breaks off, or ceases to be what it is said to be, what came before is written and counted.

pub mod answer;
pub mod platform;
mod taker;
mod writer;

use doorward_retry::Random;
use http::HeaderMap;

use answer::{Answer, End};
use platform::{Body, Broken, Clock};
use taker::Taker;
use writer::{Unwritten, Writer};

use crate::binary;
use crate::event::Rules;
use crate::event::bounds::{TIME_AHEAD_MS, TIME_BEHIND_MS};
use crate::event::data::DataCheck;
use crate::head::{Head, Mode};
use crate::record::EVENT_BYTES_MAX;
use crate::report::REFUSED_MAX;
use crate::sink::Sink;
use crate::split::{Form, Place, Splitter};
use crate::unfold::{UNFOLDED_BYTES_MAX, Unfold};

/// For how long a batch is tried to be written unless somebody says otherwise, in milliseconds: 25 seconds, less than what
/// clients and proxies commonly wait for an answer.
pub const WRITE_MS_MAX: u64 = 25_000;

/// After so many pieces that one became when it was unfolded, 32 KiB each at most, others have a turn.
const PIECES_AT_ONCE: u32 = 8;

/// What may be set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// How far ahead of now `time` may be, in milliseconds.
    pub time_ahead_ms: u64,
    /// How long ago `time` may be, in milliseconds.
    pub time_behind_ms: u64,
    /// What a compressed body may become, in bytes.
    pub unfolded_bytes_max: u64,
    /// For how long a batch is tried to be written, in milliseconds.
    pub write_ms_max: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            time_ahead_ms: TIME_AHEAD_MS,
            time_behind_ms: TIME_BEHIND_MS,
            unfolded_bytes_max: UNFOLDED_BYTES_MAX,
            write_ms_max: WRITE_MS_MAX,
        }
    }
}

/// A request with events.
#[derive(Debug)]
pub struct Request<'r, B> {
    /// Its fields.
    pub headers: &'r HeaderMap,
    /// What is behind the `?`.
    pub query: Option<&'r str>,
    /// Its body.
    pub body: B,
}

/// Takes the events of a request into a sink. `check` judges the data of each.
pub async fn take<B: Body, S: Sink, C: Clock>(
    request: Request<'_, B>,
    sink: &S,
    clock: &C,
    random: Random,
    check: &mut dyn DataCheck,
    settings: &Settings,
) -> Answer {
    let head = match Head::read(request.headers, request.query) {
        Ok(head) => head,
        Err(error) => return Answer::unread(error),
    };
    let specversion_required = match head.mode {
        Mode::Structured {
            specversion_required,
            ..
        } => specversion_required,
        Mode::Binary => true,
    };
    let rules = Rules {
        specversion_required,
        time_ahead_ms: settings.time_ahead_ms,
        time_behind_ms: settings.time_behind_ms,
    };
    let mut way = Way {
        head,
        unfold: Unfold::new(head.coding, settings.unfolded_bytes_max),
        taker: Taker::new(rules, check),
        writer: Writer::new(sink, clock, random, settings.write_ms_max),
        clock,
    };
    let mut body = request.body;
    let ended = match head.mode {
        Mode::Structured { form, .. } => way.events(&mut body, form).await,
        Mode::Binary => way.event(&mut body, request.headers).await,
    };
    way.answer(ended)
}

/// How a request ended, and where it is to be resumed.
type Ended = (End, Option<Place>);

/// A request on its way.
struct Way<'a, S, C> {
    head: Head,
    unfold: Unfold,
    taker: Taker<'a>,
    writer: Writer<'a, S, C>,
    clock: &'a C,
}

impl<S: Sink, C: Clock> Way<'_, S, C> {
    /// Takes the events of a body.
    async fn events<B: Body>(&mut self, body: &mut B, form: Form) -> Ended {
        let mut splitter = Splitter::new(form);
        let begins = splitter.next_place();
        let ended = match self.read(body, &mut splitter).await {
            Ok(end) => end,
            Err(unwritten) => return unwritten_end(unwritten),
        };
        if self.head.strict && (ended != End::Whole || self.taker.report.refused > 0) {
            return match ended {
                End::Whole => (End::NotAll, None),
                End::TooMany => (End::TooMany, None),
                _ => (ended, Some(begins)),
            };
        }
        let next = splitter.next_place();
        match self.write_rest().await {
            Ok(()) => {
                let resume_from = (ended != End::Whole).then_some(next);
                (ended, resume_from)
            }
            Err(unwritten) => unwritten_end(unwritten),
        }
    }

    /// Reads a body to its end, and hands over batches that are full.
    async fn read<B: Body>(
        &mut self,
        body: &mut B,
        splitter: &mut Splitter,
    ) -> Result<End, Unwritten> {
        let mut piece = Vec::new();
        loop {
            match self.writer.read(body, &mut piece).await? {
                Ok(true) => {}
                Ok(false) => break,
                Err(Broken) => return Ok(End::Broken),
            }
            self.taker.set_now(self.clock.now_ms());
            let mut at = 0;
            for turn in 1_u32.. {
                // A piece may become many. Whoever else there is has a turn between some of them.
                if turn.is_multiple_of(PIECES_AT_ONCE) {
                    self.clock.pause(0).await;
                }
                let unfolded = match self.unfold.next(&piece, &mut at) {
                    Ok(Some(unfolded)) => unfolded,
                    Ok(None) => break,
                    Err(error) => return Ok(End::Unfold(error)),
                };
                let mut seen = 0;
                loop {
                    let found = match splitter.next(unfolded, &mut seen) {
                        Ok(Some(found)) => found,
                        Ok(None) => break,
                        Err(error) => return Ok(End::Split(error)),
                    };
                    if self.head.strict && self.taker.batch.is_full() {
                        return Ok(End::TooMany);
                    }
                    self.taker.take(found.place, found.text);
                    if self.taker.report.refused > REFUSED_MAX {
                        return Ok(End::TooManyRefused);
                    }
                    if !self.head.strict && self.taker.batch.is_full() {
                        let first = self.taker.first;
                        self.writer.hand_over(&mut self.taker.batch, first).await?;
                    }
                }
            }
        }
        if let Err(error) = self.unfold.finish() {
            return Ok(End::Unfold(error));
        }
        self.taker.set_now(self.clock.now_ms());
        match splitter.finish() {
            Ok(Some(_)) if self.head.strict && self.taker.batch.is_full() => {
                return Ok(End::TooMany);
            }
            Ok(Some(found)) => self.taker.take(found.place, found.text),
            Ok(None) => {}
            Err(error) => return Ok(End::Split(error)),
        }
        Ok(End::Whole)
    }

    /// Takes a request that is an event.
    async fn event<B: Body>(&mut self, body: &mut B, headers: &HeaderMap) -> Ended {
        let mut data = Vec::new();
        let mut piece = Vec::new();
        loop {
            match self.writer.read(body, &mut piece).await {
                Ok(Ok(true)) => {}
                Ok(Ok(false)) => break,
                Ok(Err(Broken)) => return (End::Broken, Some(FIRST)),
                Err(unwritten) => return unwritten_end(unwritten),
            }
            let mut at = 0;
            loop {
                match self.unfold.next(&piece, &mut at) {
                    Ok(Some(part)) if data.len() + part.len() > EVENT_BYTES_MAX => {
                        return (End::TooLong, None);
                    }
                    Ok(Some(part)) => data.extend_from_slice(part),
                    Ok(None) => break,
                    Err(error) => return (End::Unfold(error), Some(FIRST)),
                }
            }
        }
        if let Err(error) = self.unfold.finish() {
            return (End::Unfold(error), Some(FIRST));
        }
        self.taker.set_now(self.clock.now_ms());
        let mut json = String::new();
        let taker = &mut self.taker;
        binary::write(
            headers,
            &data,
            &mut taker.tape,
            &mut json,
            &mut taker.faults,
        );
        // As base64 it may be longer than it was.
        let text = (json.len() <= EVENT_BYTES_MAX).then_some(json.as_bytes());
        match taker.faults.is_empty() {
            true => taker.take(FIRST, text),
            false => taker.refuse(FIRST),
        }
        match self.write_rest().await {
            Ok(()) => (End::Whole, None),
            Err(unwritten) => unwritten_end(unwritten),
        }
    }

    /// Writes what is in the last batch, and waits for the one before.
    async fn write_rest(&mut self) -> Result<(), Unwritten> {
        if !self.taker.batch.is_empty() {
            let first = self.taker.first;
            self.writer.hand_over(&mut self.taker.batch, first).await?;
        }
        self.writer.wait().await
    }

    fn answer(self, (end, resume_from): Ended) -> Answer {
        let mut report = self.taker.report;
        (report.accepted, report.duplicates) = self.writer.written();
        Answer {
            end,
            report,
            resume_from,
        }
    }
}

/// The place of a request that is an event.
const FIRST: Place = Place {
    event: 1,
    line: None,
    offset: 0,
};

fn unwritten_end(unwritten: Unwritten) -> Ended {
    (End::Unwritten(unwritten.error), Some(unwritten.first))
}

#[cfg(test)]
#[expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::disallowed_types,
    reason = "tests"
)]
mod tests;
