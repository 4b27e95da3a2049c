#![expect(clippy::unwrap_used, reason = "tests")]

use num_bigint::BigUint;

use super::*;
use crate::testing::{Affine, Kind, Numbers, Reference, big, limbs};
use crate::{ed25519, p256};

/// Points of which a test can say where they are.
pub(crate) trait Shown: Group {
    fn reference() -> Reference;
    fn generator() -> Affine;
    fn of(point: &Affine) -> Self;
    fn shown(&self) -> Affine;
}

impl Shown for p256::Point {
    fn reference() -> Reference {
        Reference::p256()
    }

    fn generator() -> Affine {
        Some(p256::GENERATOR.map(|number| big(&number)))
    }

    fn of(point: &Affine) -> Self {
        match point {
            Some([x, y]) => Self::new(&[limbs(x), limbs(y)]),
            None => Self::neutral(),
        }
    }

    fn shown(&self) -> Affine {
        let prime = Self::reference().prime;
        let [xy, zz] = [&self.xy, &self.zz].map(|pair| pair.numbers().map(|number| big(&number)));
        let ([x, y], [z, same]) = (xy, zz);
        assert_eq!(z, same);
        let Some(inverse) = z.modinv(&prime) else {
            assert!(
                x == BigUint::ZERO && y != BigUint::ZERO,
                "the neutral point"
            );
            return None;
        };
        Some([x * &inverse % &prime, y * inverse % prime])
    }
}

impl Shown for ed25519::Point {
    fn reference() -> Reference {
        Reference::ed25519()
    }

    fn generator() -> Affine {
        Some(ed25519::GENERATOR.map(|number| big(&number)))
    }

    fn of(point: &Affine) -> Self {
        let [x, y] = point.as_ref().unwrap();
        Self::new(crate::pair::Pair::new(&limbs(x), &limbs(y)))
    }

    fn shown(&self) -> Affine {
        let prime = Self::reference().prime;
        let [xy, zt] = [&self.xy, &self.zt].map(|pair| pair.numbers().map(|number| big(&number)));
        let ([x, y], [z, t]) = (xy, zt);
        assert_eq!(&x * &y % &prime, t * &z % &prime, "T is what it should be");
        let inverse = z.modinv(&prime).unwrap();
        Some([x * &inverse % &prime, y * inverse % prime])
    }
}

/// A point of order eight of Ed25519, of which the others of small order are multiples.
pub(crate) fn of_order_eight() -> Affine {
    let reference = Reference::ed25519();
    let encoding: [u8; 32] = [
        0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98,
        0xf0, 0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53,
        0xfc, 0x05,
    ];
    let point = ed25519::Point::decode(&encoding).unwrap().shown();
    let multiples: Vec<_> = (1..=8_u8)
        .map(|number| reference.multiple(&number.into(), &point))
        .collect();
    let neutral = multiples
        .iter()
        .position(|multiple| *multiple == reference.neutral());
    assert_eq!(neutral, Some(7), "its order is eight");
    point
}

/// Points of all kinds: the neutral one, those of small order, neighbours of each other, and some.
fn points<G: Shown>() -> Vec<Affine> {
    let reference = G::reference();
    let generator = G::generator();
    let mut numbers = Numbers(5);
    let mut points = vec![reference.neutral()];
    for number in [1_u8.into(), 2_u8.into(), 3_u8.into(), numbers.number()] {
        let multiple = reference.multiple(&number, &generator);
        points.push(reference.negative(&multiple));
        points.push(multiple);
    }
    if let Kind::Ed25519 { .. } = reference.kind {
        for number in 1..8_u8 {
            let small = reference.multiple(&number.into(), &of_order_eight());
            points.push(reference.sum(&small, &generator));
            points.push(small);
        }
    }
    points
}

/// Each point with each other one, itself and its negative, and each in other coordinates of itself.
fn any_two_are_added<G: Shown>() {
    let reference = G::reference();
    let points = points::<G>();
    let other = G::of(points.last().unwrap());
    for a in &points {
        let plain = G::of(a);
        let moved = plain.add(&other.entry()).subtract(&other.entry());
        for one in [plain, moved] {
            assert_eq!(one.shown(), *a);
            assert_eq!(one.double().shown(), reference.sum(a, a), "twice {a:x?}");
            for b in &points {
                let plain = G::of(b);
                for two in [plain, plain.subtract(&other.entry()).add(&other.entry())] {
                    assert_eq!(
                        one.add(&two.entry()).shown(),
                        reference.sum(a, b),
                        "{a:x?} and {b:x?}"
                    );
                    let difference = reference.sum(a, &reference.negative(b));
                    assert_eq!(
                        one.subtract(&two.entry()).shown(),
                        difference,
                        "{a:x?} less {b:x?}"
                    );
                }
            }
        }
    }
}

#[test]
fn any_two_points_of_p256_are_added() {
    any_two_are_added::<p256::Point>();
}

#[test]
fn any_two_points_of_ed25519_are_added() {
    any_two_are_added::<ed25519::Point>();
}

/// Numbers at the ends of their range, and where a sum meets its own negative.
fn numbers(order: &BigUint, numbers: &mut Numbers) -> Vec<BigUint> {
    let power = |bits: u32| BigUint::from(1_u8) << bits;
    let few = [0_u8, 1, 2, 3, 31, 32].map(BigUint::from);
    let ends = [
        order - 2_u8,
        order - 1_u8,
        order.clone(),
        order + 1_u8,
        order >> 1,
        power(255),
        power(256) - 1_u8,
        power(256) - 2_u8,
    ];
    let some = [numbers.number(), numbers.number()];
    few.into_iter().chain(ends).chain(some).collect()
}

/// u times the generator and v times a point, for any of them, with either kind of table.
fn sums_are_those_of_multiples<G: Shown>() {
    let reference = G::reference();
    let generator = G::generator();
    let factors = numbers(&reference.order, &mut Numbers(6));
    let multiples: Vec<Affine> = factors
        .iter()
        .map(|u| reference.multiple(u, &generator))
        .collect();
    let tables = [&WINDOWS, &COMB].map(|layout| Table::new(layout, &G::of(&generator)));
    let mut points = points::<G>();
    // What the sum of the other one passes through.
    points.push(reference.negative(&reference.multiple(&(BigUint::from(1_u8) << 32), &generator)));
    for point in &points {
        let own = [&WINDOWS, &COMB].map(|layout| Table::new(layout, &G::of(point)));
        for (place, v) in factors.iter().enumerate() {
            let of_point = reference.multiple(v, point);
            // Each v with each third u, so that each u is seen.
            for (u, multiple) in factors.iter().zip(&multiples).skip(place % 3).step_by(3) {
                let due = reference.sum(multiple, &of_point);
                for ((layout, of_generator), own) in
                    [&WINDOWS, &COMB].into_iter().zip(&tables).zip(&own)
                {
                    let found = sum(layout, [(of_generator, &limbs(u)), (own, &limbs(v))]);
                    assert_eq!(
                        found.shown(),
                        due,
                        "{} teeth, {u:x}, {v:x}, {point:x?}",
                        layout.teeth
                    );
                }
            }
        }
    }
}

#[test]
fn sums_on_p256_are_those_of_multiples() {
    sums_are_those_of_multiples::<p256::Point>();
}

#[test]
fn sums_on_ed25519_are_those_of_multiples() {
    sums_are_those_of_multiples::<ed25519::Point>();
}

#[test]
fn a_table_is_made_when_so_many_signatures_were_genuine_and_no_sooner() {
    let generator = p256::Point::of(&p256::Point::generator());
    let (often, comb) = (Often::new(generator), OnceLock::new());
    let one = crate::limbs::ONE;
    for verified in 0..5 {
        for _ in 0..3 {
            let sum = often.sum(&generator, &comb, [&one, &one]);
            assert_eq!(sum.shown(), generator.double().shown());
        }
        let is_due = verified >= VERIFIED_BEFORE_COMB;
        assert_eq!(often.comb.get().is_some(), is_due, "after {verified}");
        assert_eq!(comb.get().is_some(), is_due, "after {verified}");
        often.has_verified();
    }
}
