#![expect(clippy::unwrap_used, reason = "tests")]

use num_bigint::BigUint;

use super::*;
use crate::primes::{P256, P25519};
use crate::testing::{Numbers, big, limbs};

/// The limbs of both lanes as they are, carries and all.
fn raw<P>(pair: &Pair<P>) -> [Limbs; 2] {
    let [a0, a1, a2, a3, a4] = pair.0;
    let first = [a0, a1, a2, a3].map(|lanes| {
        (
            u32x4_extract_lane::<0>(lanes),
            u32x4_extract_lane::<2>(lanes),
        )
    });
    let second = [a0, a1, a2, a3].map(|lanes| {
        (
            u32x4_extract_lane::<1>(lanes),
            u32x4_extract_lane::<3>(lanes),
        )
    });
    let [(x0, x1), (x2, x3), (x4, x5), (x6, x7)] = first;
    let [(y0, y1), (y2, y3), (y4, y5), (y6, y7)] = second;
    assert_eq!(u32x4_extract_lane::<2>(a4), 0, "there is no tenth limb");
    assert_eq!(u32x4_extract_lane::<3>(a4), 0, "there is no tenth limb");
    [
        [x0, x1, x2, x3, x4, x5, x6, x7, u32x4_extract_lane::<0>(a4)],
        [y0, y1, y2, y3, y4, y5, y6, y7, u32x4_extract_lane::<1>(a4)],
    ]
}

/// What every pair keeps to.
fn assert_kept<P: Prime>(pair: &Pair<P>) {
    for limbs in raw(pair) {
        let [lower @ .., _] = limbs;
        assert!(
            lower.iter().all(|&limb| limb < (1 << 29) + 16),
            "{limbs:x?}"
        );
        assert!(big(&limbs) * 25_u8 < big(&P::PRIME) * 26_u8, "{limbs:x?}");
    }
}

/// Numbers, and what they are modulo the prime.
struct Known<P> {
    pair: Pair<P>,
    due: [BigUint; 2],
}

fn check<P: Prime>(pair: Pair<P>, due: [BigUint; 2]) -> Known<P> {
    assert_kept(&pair);
    let due = due.map(|number| number % big(&P::PRIME));
    assert_eq!(pair.numbers().map(|number| big(&number)), due);
    assert_eq!(
        pair.are_zero(),
        [&due[0], &due[1]].map(|number| *number == BigUint::ZERO)
    );
    Known { pair, due }
}

/// Every operation on numbers that came out of others, the largest that may go in first.
fn operations_agree<P: Prime>(seed: u64) {
    let prime = big(&P::PRIME);
    let mut numbers = Numbers(seed);
    let most = (BigUint::from(1_u8) << 256) - 1_u8;
    let mut ends = [
        BigUint::ZERO,
        1_u8.into(),
        &prime - 1_u8,
        prime.clone(),
        &prime + 1_u8,
        most,
    ]
    .into_iter();
    let known = |first: BigUint, second: BigUint| {
        check(
            Pair::<P>::new(&limbs(&first), &limbs(&second)),
            [first, second],
        )
    };
    let (mut a, mut b) = (
        known(ends.next().unwrap(), numbers.number()),
        known(numbers.number(), numbers.number()),
    );
    let c = known(&prime - 1_u8, numbers.number());
    for round in 0..400 {
        let ([a0, a1], [b0, b1], [c0, c1]) = (&a.due, &b.due, &c.due);
        let minus = |x: &BigUint, y: &BigUint| x + &prime - y;
        let results = [
            check(a.pair.multiply(&b.pair), [a0 * b0, a1 * b1]),
            check(a.pair.square(), [a0 * a0, a1 * a1]),
            check(a.pair.add(&b.pair), [a0 + b0, a1 + b1]),
            check(a.pair.subtract(&b.pair), [minus(a0, b0), minus(a1, b1)]),
            check(a.pair.triple(), [a0 * 3_u8, a1 * 3_u8]),
            check(
                a.pair.subtract_two(&b.pair, &c.pair),
                [minus(&minus(a0, b0), c0), minus(&minus(a1, b1), c1)],
            ),
            check(
                a.pair.subtract_first_add_second(&b.pair),
                [minus(a0, b0), a1 + b1],
            ),
            check(a.pair.swapped(), [a1.clone(), a0.clone()]),
            check(a.pair.firsts(&b.pair), [a0.clone(), b0.clone()]),
            check(a.pair.seconds(&b.pair), [a1.clone(), b1.clone()]),
            check(a.pair.first_and_second(&b.pair), [a0.clone(), b1.clone()]),
        ];
        let next = (numbers.next() % 11) as usize;
        let result = results.into_iter().nth(next).unwrap();
        a = b;
        b = if round % 5 == 0 {
            known(
                ends.next().unwrap_or_else(|| numbers.number()),
                numbers.number(),
            )
        } else {
            result
        };
    }
}

#[test]
fn operations_modulo_the_prime_of_p256_are_those_of_numbers() {
    operations_agree::<P256>(1);
}

#[test]
fn operations_modulo_the_prime_of_ed25519_are_those_of_numbers() {
    operations_agree::<P25519>(2);
}

/// The highest limbs that a pair may have, in all places: no column, and no limb, overflows.
fn the_largest_fit<P: Prime>() {
    let largest = (1 << 29) + 15;
    let mut limbs = [largest; 9];
    // So that the whole is below the prime and a 25th.
    let [.., highest] = &mut limbs;
    let [.., of_prime] = P::PRIME;
    *highest = of_prime + of_prime / 26;
    let pair = Pair::<P>::plain(&limbs, &limbs);
    assert_kept(&pair);
    let number = big(&limbs) % big(&P::PRIME);
    // `big` knows no form: what is multiplied with the entry is.
    let known = check(
        pair.multiply(&Pair::of_lanes(both(P::ENTRY))),
        [number.clone(), number.clone()],
    );
    let zero = Pair::<P>::plain(&[0; 9], &[0; 9]);
    for pair in [
        pair.multiply(&pair),
        pair.square(),
        pair.add(&pair),
        pair.triple(),
        pair.subtract(&pair),
        zero.subtract(&pair),
        zero.subtract_two(&pair, &pair),
        pair.subtract_first_add_second(&pair),
        zero.subtract_first_add_second(&pair),
    ] {
        assert_kept(&pair);
    }
    check(known.pair.square(), [&number * &number, &number * &number]);
}

#[test]
fn the_largest_limbs_fit_modulo_the_prime_of_p256() {
    the_largest_fit::<P256>();
}

#[test]
fn the_largest_limbs_fit_modulo_the_prime_of_ed25519() {
    the_largest_fit::<P25519>();
}

fn the_room_is_a_multiple_with_room<P: Prime>() {
    let [room, _] = raw(&Pair::<P>::of_lanes(P::ROOM));
    assert_eq!(big(&room), big(&P::PRIME) * 16_u8);
    let [lower @ .., highest] = room;
    assert!(
        lower
            .iter()
            .all(|limb| (3 << 29) - 3 <= *limb && *limb < 4 << 29)
    );
    let [.., of_prime] = P::PRIME;
    assert!(highest > 3 * of_prime);
}

#[test]
fn what_is_added_before_a_subtraction_is_a_multiple_of_the_prime_and_large_enough() {
    the_room_is_a_multiple_with_room::<P256>();
    the_room_is_a_multiple_with_room::<P25519>();
}
