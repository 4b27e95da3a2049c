//! What is done with one event: it is read, checked, and becomes a record of the next batch, or an error of the report.

use crate::event::data::DataCheck;
use crate::event::{Rules, read, write};
use crate::fault::Faults;
use crate::json::Tape;
use crate::record::{Batch, EVENT_BYTES_MAX};
use crate::report::Report;
use crate::split::Place;

/// Takes events. All that it needs for one is used again for the next.
pub struct Taker<'c> {
    rules: Rules,
    check: &'c mut dyn DataCheck,
    pub tape: Tape,
    scratch: String,
    pub faults: Faults,
    /// The records that are to be written next.
    pub batch: Batch,
    /// Where the first event is that is in the batch.
    pub first: Place,
    pub report: Report,
    now_ms: u64,
    /// The same as text, for the records.
    recorded_at: String,
}

impl<'c> Taker<'c> {
    pub fn new(rules: Rules, check: &'c mut dyn DataCheck) -> Self {
        Self {
            rules,
            check,
            tape: Tape::new(),
            scratch: String::new(),
            faults: Faults::default(),
            batch: Batch::new(),
            first: Place::default(),
            report: Report::default(),
            now_ms: 0,
            recorded_at: String::new(),
        }
    }

    /// Says what time it is.
    pub fn set_now(&mut self, now_ms: u64) {
        if self.now_ms != now_ms || self.recorded_at.is_empty() {
            self.now_ms = now_ms;
            self.recorded_at = doorward_syntax::date::rfc3339(now_ms);
        }
    }

    /// Takes an event; `None`: it is too long.
    pub fn take(&mut self, place: Place, text: Option<&[u8]>) {
        self.report.received = self.report.received.saturating_add(1);
        match text {
            Some(text) => self.read(place, text),
            None => {
                let reason = format!("is longer than {EVENT_BYTES_MAX} bytes");
                self.faults.event(reason);
            }
        }
        if !self.faults.is_empty() {
            self.report.refuse(place, &mut self.faults);
        }
    }

    /// Refuses an event that is among the faults already.
    pub fn refuse(&mut self, place: Place) {
        self.report.received = self.report.received.saturating_add(1);
        self.report.refuse(place, &mut self.faults);
    }

    fn read(&mut self, place: Place, text: &[u8]) {
        let value = match self.tape.parse(text) {
            Ok(value) => value,
            Err(error) => return self.faults.event(format!("is not JSON: {error}")),
        };
        let event = read(
            value,
            &self.rules,
            self.now_ms,
            self.check,
            &mut self.scratch,
            &mut self.faults,
        );
        if let Some(event) = event {
            if self.batch.is_empty() {
                self.first = place;
            }
            write(&event, &self.recorded_at, &mut self.batch);
        }
    }
}
