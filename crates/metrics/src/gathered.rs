//! What all instances have left, as one.

use crate::record::Record;
use crate::slot::{SHOWN_BYTES_MAX, SLOT_BYTES_MAX};
use crate::totals::Totals;

/// What is in the slots of a store, added up.
///
/// The sum of all slots can fall: where two instances write one slot at once, the later one takes what the other one has
/// added out again, and a store may show late what was written. To who reads counters that is a new beginning, and the
/// whole sum has come since. So what was shown last is kept in the store as well, and nothing is shown that is below it.
#[derive(Debug)]
pub struct Gathered {
    slots: Totals,
    last: Record,
}

impl Gathered {
    /// Nothing yet, where this was shown last.
    #[must_use]
    pub fn after(last: Option<&[u8]>) -> Self {
        let last = last.and_then(|bytes| Record::parse(bytes, SHOWN_BYTES_MAX));
        Self {
            slots: Totals::new(SHOWN_BYTES_MAX),
            last: last.unwrap_or_else(|| Record::empty(SHOWN_BYTES_MAX)),
        }
    }

    /// What is to be shown in this second whatever is in the slots: what was shown in it already. So it is written once a
    /// second, however often somebody asks.
    #[must_use]
    pub fn of_this_second(&self, now_s: u64) -> Option<&Totals> {
        (self.last.second_s == now_s).then_some(&self.last.totals)
    }

    /// Adds what is in a slot. What cannot be read is nothing.
    pub fn add(&mut self, slot: &[u8]) {
        if let Some(record) = Record::parse(slot, SLOT_BYTES_MAX) {
            self.slots.add_all(record.totals);
        }
    }

    /// What is to be shown in this second, and what is to be kept of it, where anything is new.
    #[must_use]
    pub fn shown(self, now_s: u64) -> (Totals, Option<Vec<u8>>) {
        let Self { slots, last } = self;
        let mut totals = slots;
        totals.at_least(last.totals.clone());
        let kept = (totals != last.totals).then(|| {
            let record = Record {
                second_s: now_s,
                writer: 0,
                totals: totals.clone(),
            };
            record.encode()
        });
        (totals, kept)
    }
}
