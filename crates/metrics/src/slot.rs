//! The slots of a store in which instances leave what they have measured: which there are, and when one may be written.
//!
//! A slot belongs to one second of every [`PERIOD_S`], by the clock on the wall, and a second has [`WRITES_PER_S_MAX`] of
//! them. Who wants to leave something in this second looks at one of its slots and leaves it alone where it was written in
//! this second already. So all instances together write so many a second at most, however many they are, except for those
//! that look at one slot in the same moment.
//!
//! When the second is over, nobody writes the slot for [`PERIOD_S`] less that second: whoever has written it looks whether
//! what he wrote is there, or somebody has overwritten it who looked at the same moment. Then he knows, and leaves it
//! elsewhere.

/// A slot may be written in one second of so many.
pub const PERIOD_S: u64 = 4;
/// Slots that may be written in a second. Hosted stores take 50 writes a second of an application: what is between is for
/// those who look at one slot in the same moment, and for keys, limits and revocations.
pub const WRITES_PER_S_MAX: u64 = 36;
/// All slots.
pub const SLOTS: u64 = PERIOD_S * WRITES_PER_S_MAX;
/// Bytes that are in a slot at most: some 1,000 series. All slots together have 19 MB at most.
pub const SLOT_BYTES_MAX: usize = 128 * 1024;

/// How the names of the entries begin.
pub const PREFIX: &str = "doorward/metrics/";
/// The entry that says what was shown last.
pub const SHOWN: &str = "doorward/metrics/shown";
/// Bytes of that: it has the series of all slots.
pub const SHOWN_BYTES_MAX: usize = 4 * SLOT_BYTES_MAX;

/// One of the slots of this second, by a random number.
#[must_use]
pub fn name(second_s: u64, random: u64) -> String {
    of(second_s % PERIOD_S * WRITES_PER_S_MAX + random % WRITES_PER_S_MAX)
}

/// The names of all slots.
pub fn names() -> impl Iterator<Item = String> {
    (0..SLOTS).map(of)
}

fn of(number: u64) -> String {
    format!("{PREFIX}{number:03}")
}

#[cfg(test)]
mod tests {
    use super::{PERIOD_S, SHOWN, SLOTS, WRITES_PER_S_MAX, name, names};
    use std::collections::BTreeSet;

    #[test]
    fn the_slots_of_a_second_are_of_no_other_one_and_together_they_are_all() {
        let of_second = |second: u64| -> BTreeSet<String> {
            let randoms = (0..1000).map(|random| random * 7919);
            randoms.map(|random| name(second, random)).collect()
        };
        let mut all = BTreeSet::new();
        for second in 1_800_000_000..1_800_000_000 + PERIOD_S {
            let slots = of_second(second);
            assert_eq!(slots.len() as u64, WRITES_PER_S_MAX, "{slots:?}");
            assert!(all.is_disjoint(&slots), "{slots:?}");
            assert_eq!(slots, of_second(second + PERIOD_S));
            all.extend(slots);
        }
        assert_eq!(all, names().collect());
        assert_eq!(all.len() as u64, SLOTS);
        assert!(!all.contains(SHOWN));
    }
}
