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

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::Gathered;
    use crate::format::Format;
    use crate::instrument::Instrument;
    use crate::point::{Point, Value};
    use crate::record::Record;
    use crate::slot::SLOT_BYTES_MAX;
    use crate::totals::Totals;

    /// A slot in which so many instances have begun.
    fn slot(starts: u64) -> Vec<u8> {
        let mut record = Record::empty(SLOT_BYTES_MAX);
        record.totals.add(Point {
            instrument: Instrument::InstanceStarts,
            labels: vec![],
            value: Value::Sum(starts),
        });
        record.encode()
    }

    fn says(totals: &Totals, starts: u64) -> bool {
        let line = format!("doorward_instance_starts_total {starts}");
        let text = Format::Text.of(totals);
        text.lines().any(|there| there == line)
    }

    #[test]
    fn slots_add_up_and_what_cannot_be_read_is_nothing() {
        let mut gathered = Gathered::after(None);
        for slot in [slot(3), b"garbage".to_vec(), slot(4)] {
            gathered.add(&slot);
        }
        let (totals, kept) = gathered.shown(100);
        assert!(says(&totals, 7), "{totals:?}");
        assert!(kept.is_some());
    }

    #[test]
    fn what_was_shown_stays_until_there_is_more() {
        let mut last: Option<Vec<u8>> = None;
        for (now_s, in_slot, shown, is_kept) in [
            (100, 10, 10, true),
            (101, 4, 10, false),
            (102, 10, 10, false),
            (103, 12, 12, true),
        ] {
            let mut gathered = Gathered::after(last.as_deref());
            assert_eq!(gathered.of_this_second(now_s), None);
            gathered.add(&slot(in_slot));
            let (totals, kept) = gathered.shown(now_s);
            assert!(says(&totals, shown), "{now_s}: {totals:?}");
            assert_eq!(kept.is_some(), is_kept, "{now_s}");
            last = kept.or(last);
        }
        // Nobody who asks again in the same second has it written once more.
        let gathered = Gathered::after(last.as_deref());
        assert!(says(gathered.of_this_second(103).unwrap(), 12));
        let gathered = Gathered::after(Some(b"of another version"));
        assert_eq!(gathered.of_this_second(103), None);
        assert!(gathered.shown(103).0.is_empty());
    }
}
