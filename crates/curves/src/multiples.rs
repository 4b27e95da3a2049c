//! Multiples of points, by tables of sums of them.
//!
//! A number of L bits, if it is odd, is a sum of all powers of two below 2^L, each added or subtracted. So is an even
//! one and 1. The powers are taken in groups, of which a table has all sums, but for those that are another one's
//! negative. How they are grouped is a [`Layout`]:
//!
//! - [`WINDOWS`]: neighbours. The table is soon made, and the sum doubled for each bit.
//! - [`COMB`]: every 32nd (C. Lim, P. Lee, "More flexible exponentiation with precomputation", CRYPTO '94). The sum is
//!   doubled 31 times, but the table is work, which pays when a point is multiplied again and again.
//!
//! Formulas are complete: no two points are added in any other way than the rest, whatever the numbers and whatever the
//! points.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::limbs::{LIMB_BITS, Limbs, bit, half};

/// How many signatures of a key are verified before it has a table of its own. A table costs about as much
/// time as a signature without one, and the first key needs two, for the generator has one as well; a signature with
/// them takes a quarter. So a key that goes on being used pays for them soon, and an instance that is made for one
/// request pays for none.
pub(crate) const VERIFIED_BEFORE_COMB: u32 = 2;

/// Points that can be added. Formulas hold for all of them.
pub(crate) trait Group: Copy {
    /// A point as it is added.
    type Entry: Copy;

    fn neutral() -> Self;
    fn double(&self) -> Self;
    fn add(&self, entry: &Self::Entry) -> Self;
    fn subtract(&self, entry: &Self::Entry) -> Self;
    fn entry(&self) -> Self::Entry;
}

/// Which powers of two are in a group: as many as `teeth`, from one to the next 2^`spacing`. From one group to the next
/// there are `step` doublings.
pub(crate) struct Layout {
    teeth: u32,
    spacing: u32,
    step: u32,
    groups: u32,
}

pub(crate) const WINDOWS: Layout = Layout {
    teeth: 5,
    spacing: 1,
    step: 5,
    groups: 52,
};

pub(crate) const COMB: Layout = Layout {
    teeth: 8,
    spacing: 32,
    step: 1,
    groups: 32,
};

const _: () = assert!(
    WINDOWS.bits() >= 256 && WINDOWS.bits() <= 9 * LIMB_BITS && COMB.bits() == 256,
    "a number of 256 bits has a place for each"
);

impl Layout {
    const fn bits(&self) -> u32 {
        self.teeth * self.groups
    }
}

/// The sums of a group, in the order of what is added in them, the highest power always.
pub(crate) struct Table<G: Group> {
    sums: Vec<G::Entry>,
    one: G::Entry,
}

impl<G: Group> Table<G> {
    pub(crate) fn new(layout: &Layout, point: &G) -> Self {
        let mut power = *point;
        let mut lowest = G::neutral();
        let mut doubles = Vec::with_capacity(layout.teeth as usize);
        for _ in 1..layout.teeth {
            lowest = lowest.subtract(&power.entry());
            power = power.double();
            doubles.push(power.entry());
            for _ in 1..layout.spacing {
                power = power.double();
            }
        }
        let mut points = Vec::with_capacity(1 << doubles.len());
        points.push(lowest.add(&power.entry()));
        for double in &doubles {
            for place in 0..points.len() {
                points.extend(points.get(place).map(|sum| sum.add(double)));
            }
        }
        Self {
            sums: points.iter().map(G::entry).collect(),
            one: point.entry(),
        }
    }
}

/// A number as it is multiplied with: which powers are added, and not subtracted.
struct Signs {
    added: Limbs,
    is_even: bool,
}

impl Signs {
    /// Of a number below 2^256. With 2^(L - 1) + k/2 powers added, or bits set, the sum is k, or k + 1 for an even k.
    fn new(layout: &Layout, number: &Limbs) -> Self {
        let mut added = half(number);
        let highest = layout.bits() - 1;
        if let Some(limb) = added.get_mut((highest / LIMB_BITS) as usize) {
            *limb |= 1 << (highest % LIMB_BITS);
        }
        Self {
            added,
            is_even: !bit(number, 0),
        }
    }

    /// Whether a group is added, and which place its sum has in the table.
    fn group(&self, layout: &Layout, group: u32) -> (bool, usize) {
        let first = group * layout.step;
        let signs = (0..layout.teeth).rev().fold(0, |signs, tooth| {
            signs << 1 | u32::from(bit(&self.added, first + tooth * layout.spacing))
        });
        let all = (1 << (layout.teeth - 1)) - 1;
        let is_added = signs > all;
        let place = if is_added { signs } else { !signs } & all;
        (is_added, place as usize)
    }
}

/// The sum of multiples of two points, by numbers below 2^256.
pub(crate) fn sum<G: Group>(layout: &Layout, multiples: [(&Table<G>, &Limbs); 2]) -> G {
    let multiples = multiples.map(|(table, number)| (table, Signs::new(layout, number)));
    let mut sum = G::neutral();
    for group in (0..layout.groups).rev() {
        if group + 1 != layout.groups {
            for _ in 0..layout.step {
                sum = sum.double();
            }
        }
        for (table, signs) in &multiples {
            let (is_added, place) = signs.group(layout, group);
            if let Some(entry) = table.sums.get(place) {
                sum = if is_added {
                    sum.add(entry)
                } else {
                    sum.subtract(entry)
                };
            }
        }
    }
    for (table, signs) in &multiples {
        if signs.is_even {
            sum = sum.subtract(&table.one);
        }
    }
    sum
}

/// A point that may be multiplied often: it has a table when that has turned out.
///
/// What is remembered changes how long an answer takes, and never the answer.
pub(crate) struct Often<G: Group> {
    point: G,
    verified: AtomicU32,
    comb: OnceLock<Table<G>>,
}

impl<G: Group> Often<G> {
    pub(crate) fn new(point: G) -> Self {
        Self {
            point,
            verified: AtomicU32::new(0),
            comb: OnceLock::new(),
        }
    }

    pub(crate) fn point(&self) -> &G {
        &self.point
    }

    /// A multiple of the generator, whose table all keys share, and one of this point.
    pub(crate) fn sum(
        &self,
        generator: &G,
        comb: &OnceLock<Table<G>>,
        [of_generator, of_point]: [&Limbs; 2],
    ) -> G {
        if self.verified.load(Ordering::Relaxed) < VERIFIED_BEFORE_COMB {
            let tables = [generator, &self.point].map(|point| Table::new(&WINDOWS, point));
            let [generator, point] = &tables;
            return sum(&WINDOWS, [(generator, of_generator), (point, of_point)]);
        }
        let generator = comb.get_or_init(|| Table::new(&COMB, generator));
        let point = self.comb.get_or_init(|| Table::new(&COMB, &self.point));
        sum(&COMB, [(generator, of_generator), (point, of_point)])
    }

    /// Counts a genuine signature. One that is not does not count, so nobody but who has the private key makes a table
    /// be made.
    pub(crate) fn has_verified(&self) {
        let verified = self.verified.load(Ordering::Relaxed);
        self.verified
            .store(verified.saturating_add(1), Ordering::Relaxed);
    }
}

#[cfg(test)]
pub(crate) mod tests;
