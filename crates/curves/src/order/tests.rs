#![expect(clippy::unwrap_used, reason = "tests")]

use num_bigint::BigUint;

use crate::testing::{Numbers, Reference, big, limbs};
use crate::{ed25519, p256};

#[test]
fn arithmetic_modulo_an_order_is_that_of_numbers() {
    let orders = [
        (&p256::ORDER, Reference::p256().order),
        (&ed25519::ORDER, Reference::ed25519().order),
    ];
    let r: BigUint = BigUint::from(1_u8) << 261;
    let mut numbers = Numbers(4);
    for (order, modulus) in orders {
        assert_eq!(big(&order.limbs), modulus);
        let inverse = r.modinv(&modulus).unwrap();
        let most = (&r - 1_u8, &modulus - 1_u8, &modulus - 2_u8);
        let some = (0..300).map(|_| {
            (
                numbers.number() << 5_u8,
                numbers.number() % &modulus,
                numbers.number() % &modulus,
            )
        });
        let some: Vec<_> = some.chain([most]).collect();
        for (any, a, b) in some {
            let [any_limbs, a_limbs, b_limbs] = [&any, &a, &b].map(limbs);
            assert_eq!(
                big(&order.multiply(&any_limbs, &a_limbs)),
                &any * &a * &inverse % &modulus
            );
            assert_eq!(big(&order.remainder(&any_limbs)), &any % &modulus);
            assert_eq!(
                big(&order.wide_remainder(&any_limbs, &any_limbs)),
                (&any + &any * &r) % &modulus
            );
            let Some(of_b) = b.modinv(&modulus) else {
                continue;
            };
            let [one, other] = order.quotients(&b_limbs, &any_limbs, &a_limbs);
            assert_eq!(big(&one), &any * &of_b % &modulus);
            assert_eq!(big(&other), &a * &of_b % &modulus);
        }
    }
}
