#![expect(clippy::unwrap_used, reason = "tests")]

use num_bigint::BigUint;

use super::*;
use crate::multiples::VERIFIED_BEFORE_COMB;
use crate::multiples::tests::Shown as _;
use crate::testing::{Affine, Numbers, Reference, bytes, hex};

/// What is signed, and how: hash, r and s.
struct Signed {
    hash: BigUint,
    r: BigUint,
    s: BigUint,
}

impl Signed {
    fn signature(&self) -> [u8; 64] {
        *[bytes(&self.r), bytes(&self.s)]
            .as_flattened()
            .as_array()
            .unwrap()
    }

    fn is_verified_by(&self, key: &Key) -> bool {
        key.verify(&bytes(&self.hash), &self.signature())
    }
}

fn key(point: &Affine) -> Key {
    let [x, y] = point.as_ref().unwrap();
    Key::new(&bytes(x), &bytes(y)).unwrap()
}

/// The signature by the private key `q` for which the verifier multiplies the generator with `u` and the key with `v`,
/// and finds the point of `u + v q`.
fn signed(reference: &Reference, q: &BigUint, u: &BigUint, v: &BigUint) -> Signed {
    let order = &reference.order;
    let sum = (u + v * q) % order;
    let [x, _] = reference.multiple(&sum, &Point::generator()).unwrap();
    let r = x % order;
    let s = &r * v.modinv(order).unwrap() % order;
    Signed {
        hash: u * &s % order,
        r,
        s,
    }
}

/// Private keys whose points meet the generator in the sums.
fn private_keys(reference: &Reference) -> Vec<BigUint> {
    let power = |bits: u32| BigUint::from(1_u8) << bits;
    let mut numbers = Numbers(7);
    let near = [1_u8, 2, 3, 16, 32].map(BigUint::from);
    let negative: Vec<_> = near
        .iter()
        .map(|number| &reference.order - number)
        .collect();
    let some = (0..4).map(|_| numbers.number() % &reference.order);
    near.into_iter()
        .chain(negative)
        .chain([power(32), power(224), power(255)])
        .chain(some)
        .collect()
}

#[test]
fn signatures_verify_however_the_two_points_meet() {
    let reference = Reference::p256();
    let order = &reference.order;
    let mut numbers = Numbers(8);
    for q in private_keys(&reference) {
        let point = reference.multiple(&q, &Point::generator());
        let key = key(&point);
        let v = numbers.number() % order;
        let u = &v * &q % order;
        let factors = [
            // One point is the other one: their sum is a doubling.
            (u.clone(), v.clone()),
            // Nothing is added to the key's.
            (BigUint::ZERO, v.clone()),
            (BigUint::ZERO, 1_u8.into()),
            (1_u8.into(), 1_u8.into()),
            (order - 1_u8, 1_u8.into()),
            (1_u8.into(), order - 1_u8),
            (numbers.number() % order, numbers.number() % order),
        ];
        let genuine: Vec<_> = factors
            .iter()
            .filter(|(u, v)| (u + v * &q) % order != BigUint::ZERO)
            .map(|(u, v)| signed(&reference, &q, u, v))
            .collect();
        // The first time without tables, and then with them.
        for time in 0..2 {
            for signed in &genuine {
                assert!(
                    signed.is_verified_by(&key),
                    "{q:x}, {:x}, {time}",
                    signed.hash
                );
                let other = Signed {
                    hash: &signed.hash + 1_u8,
                    r: signed.r.clone(),
                    s: signed.s.clone(),
                };
                assert!(!other.is_verified_by(&key), "another hash: {q:x}, {time}");
            }
            assert!(genuine.len() > VERIFIED_BEFORE_COMB as usize);
        }
    }
}

/// What is found is the neutral point, whose coordinates are none: whoever takes them for zero accepts some r.
#[test]
fn a_sum_that_is_the_neutral_point_verifies_nothing() {
    let reference = Reference::p256();
    let order = &reference.order;
    let mut numbers = Numbers(9);
    for q in private_keys(&reference) {
        let key = key(&reference.multiple(&q, &Point::generator()));
        for time in 0..=VERIFIED_BEFORE_COMB {
            for r in [BigUint::from(1_u8), order - 1_u8, numbers.number() % order] {
                let v = numbers.number() % order;
                let s = &r * v.modinv(order).unwrap() % order;
                let u = order - &v * &q % order;
                let neutral = Signed {
                    hash: u * &s % order,
                    r,
                    s,
                };
                assert!(!neutral.is_verified_by(&key), "{q:x}, {time}");
            }
            assert!(signed(&reference, &q, &5_u8.into(), &7_u8.into()).is_verified_by(&key));
        }
    }
}

/// A point whose x is not below the order: r is what is left of it.
#[test]
fn an_x_above_the_order_is_taken_modulo_it() {
    let reference = Reference::p256();
    let (prime, order) = (&reference.prime, &reference.order);
    let b = hex("5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604b");
    let mut found = 0;
    for r in 1..40_u8 {
        let x = order + r;
        let square = (&x * &x % prime * &x + prime * 3_u8 - &x * 3_u8 + &b) % prime;
        let y = square.modpow(&((prime + 1_u8) >> 2), prime);
        if &y * &y % prime != square {
            continue;
        }
        found += 1;
        let (hash, s): (BigUint, BigUint) = (1_234_567_u32.into(), 7_654_321_u32.into());
        let r = BigUint::from(r);
        let key = key_for(&reference, &Some([x.clone(), y]), &hash, [&r, &s]);
        for _ in 0..=VERIFIED_BEFORE_COMB {
            let by_rest = Signed {
                hash: hash.clone(),
                r: r.clone(),
                s: s.clone(),
            };
            assert!(by_rest.is_verified_by(&key), "{r}");
            let by_whole = Signed {
                hash: hash.clone(),
                r: x.clone(),
                s: s.clone(),
            };
            assert!(!by_whole.is_verified_by(&key), "an r above the order: {r}");
        }
    }
    assert!(found > 5, "only {found} points");
}

/// The key for which this is the point that belongs to any hash and s, with any r.
fn key_for(reference: &Reference, point: &Affine, hash: &BigUint, [r, s]: [&BigUint; 2]) -> Key {
    let order = &reference.order;
    let over_r = r.modinv(order).unwrap();
    let of_hash = reference.multiple(&(hash * &over_r % order), &Point::generator());
    let of_point = reference.multiple(&(s * &over_r % order), point);
    key(&reference.sum(&of_point, &reference.negative(&of_hash)))
}

/// r and the order are more than the prime: what is left of that is the x of a point, and of none that is meant.
#[test]
fn an_x_is_not_taken_modulo_the_prime() {
    let reference = Reference::p256();
    let (prime, order) = (&reference.prime, &reference.order);
    let generator = Point::generator();
    let (hash, s): (BigUint, BigUint) = (1_234_567_u32.into(), 7_654_321_u32.into());
    for number in 1..8_u8 {
        let point = reference.multiple(&number.into(), &generator);
        let [x, _] = point.as_ref().unwrap();
        let r = x + prime - order;
        if r >= *order {
            continue;
        }
        let other = key_for(&reference, &point, &hash, [&r, &s]);
        let good = key_for(&reference, &point, &hash, [x, &s]);
        for _ in 0..=VERIFIED_BEFORE_COMB {
            let by_more = Signed {
                hash: hash.clone(),
                r: r.clone(),
                s: s.clone(),
            };
            assert!(!by_more.is_verified_by(&other), "{number}");
            let by_x = Signed {
                hash: hash.clone(),
                r: x.clone(),
                s: s.clone(),
            };
            assert!(by_x.is_verified_by(&good), "{number}");
        }
    }
}

#[test]
fn numbers_out_of_their_range_verify_nothing() {
    let reference = Reference::p256();
    let q = BigUint::from(5_u8);
    let key = key(&reference.multiple(&q, &Point::generator()));
    let good = signed(&reference, &q, &11_u8.into(), &13_u8.into());
    let most: BigUint = (BigUint::from(1_u8) << 256) - 1_u8;
    for _ in 0..=VERIFIED_BEFORE_COMB {
        for number in [
            BigUint::ZERO,
            reference.order.clone(),
            &reference.order + &good.r % 1000_u32,
            reference.prime.clone(),
            most.clone(),
        ] {
            for (r, s) in [
                (number.clone(), good.s.clone()),
                (good.r.clone(), number.clone()),
            ] {
                let bad = Signed {
                    hash: good.hash.clone(),
                    r,
                    s,
                };
                assert!(!bad.is_verified_by(&key), "{number:x}");
            }
        }
        assert!(good.is_verified_by(&key));
        // The negative of s is as good, here as anywhere.
        let negative = Signed {
            hash: good.hash.clone(),
            r: good.r.clone(),
            s: &reference.order - &good.s,
        };
        assert!(negative.is_verified_by(&key));
    }
}

#[test]
fn coordinates_that_are_of_no_point_are_no_key() {
    let [x, y] = Point::generator().unwrap();
    let reference = Reference::p256();
    assert!(Key::new(&bytes(&x), &bytes(&y)).is_some());
    assert!(Key::new(&bytes(&x), &bytes(&(&reference.prime - &y))).is_some());
    for (x, y) in [
        (x.clone(), &y + 1_u8),
        (&x + 1_u8, y.clone()),
        (y.clone(), x.clone()),
        (BigUint::ZERO, BigUint::ZERO),
        (BigUint::ZERO, 1_u8.into()),
        (reference.prime.clone(), y.clone()),
    ] {
        assert!(Key::new(&bytes(&x), &bytes(&y)).is_none(), "{x:x}, {y:x}");
    }
}

/// A point with an x so small that the prime more is below 2^256 too.
#[test]
fn coordinates_above_the_prime_are_no_key_although_they_mean_a_point() {
    let reference = Reference::p256();
    let prime = &reference.prime;
    let b = hex("5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604b");
    let mut found = 0;
    for x in 0..20_u8 {
        let square = (BigUint::from(x).pow(3) + &b + prime - u32::from(x) * 3) % prime;
        let y = square.modpow(&((prime + 1_u8) >> 2), prime);
        if &y * &y % prime == square {
            found += 1;
            assert!(Key::new(&bytes(&x.into()), &bytes(&y)).is_some(), "{x}");
            assert!(Key::new(&bytes(&(prime + x)), &bytes(&y)).is_none(), "{x}");
        }
    }
    assert!(found > 3, "only {found} points");
}
