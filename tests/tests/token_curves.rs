//! ES256, ES384 and ES512, whose curves are done here, against an implementation that shares nothing with it
//! (aws-lc-rs): its signatures with many keys verify, and none does after one bit of it was changed.

#![expect(clippy::expect_used, reason = "the failure of a test")]

use aws_lc_rs::agreement::{self, PrivateKey};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING,
    ECDSA_P521_SHA512_FIXED_SIGNING, EcdsaKeyPair, EcdsaSigningAlgorithm,
};
use doorward_tests::numbers::Numbers;
use doorward_token::Algorithm;
use doorward_token::signature::{Curve, PublicKey};

struct Case {
    curve: Curve,
    algorithm: Algorithm,
    signing: &'static EcdsaSigningAlgorithm,
    agreement: &'static agreement::Algorithm,
    scalar_bytes: usize,
    /// The order of the curve less one: the private key whose public key is the generator's negative.
    highest: &'static [u8],
}

static CASES: [Case; 3] = [
    Case {
        curve: Curve::P256,
        algorithm: Algorithm::Es256,
        signing: &ECDSA_P256_SHA256_FIXED_SIGNING,
        agreement: &agreement::ECDH_P256,
        scalar_bytes: 32,
        highest: b"\
            \xff\xff\xff\xff\x00\x00\x00\x00\xff\xff\xff\xff\xff\xff\xff\xff\xbc\xe6\xfa\xad\xa7\x17\
            \x9e\x84\xf3\xb9\xca\xc2\xfc\x63\x25\x50",
    },
    Case {
        curve: Curve::P384,
        algorithm: Algorithm::Es384,
        signing: &ECDSA_P384_SHA384_FIXED_SIGNING,
        agreement: &agreement::ECDH_P384,
        scalar_bytes: 48,
        highest: b"\
            \xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\
            \xff\xff\xc7\x63\x4d\x81\xf4\x37\x2d\xdf\x58\x1a\x0d\xb2\x48\xb0\xa7\x7a\xec\xec\x19\x6a\
            \xcc\xc5\x29\x72",
    },
    Case {
        curve: Curve::P521,
        algorithm: Algorithm::Es512,
        signing: &ECDSA_P521_SHA512_FIXED_SIGNING,
        agreement: &agreement::ECDH_P521,
        scalar_bytes: 66,
        highest: b"\
            \x01\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\
            \xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xfa\x51\x86\x87\x83\xbf\x2f\x96\x6b\x7f\xcc\
            \x01\x48\xf7\x09\xa5\xd0\x3b\xb5\xc9\xb8\x89\x9c\x47\xae\xbb\x6f\xb7\x1e\x91\x38\x64\x08",
    },
];

/// The key pair of a private key: uncompressed public point and signer.
fn key_pair(case: &Case, private: &[u8]) -> (Vec<u8>, EcdsaKeyPair) {
    let point = PrivateKey::from_private_key(case.agreement, private)
        .expect("the scalar is in range")
        .compute_public_key()
        .expect("a private key has a public one");
    let pair = EcdsaKeyPair::from_private_key_and_public_key(case.signing, private, point.as_ref())
        .expect("the keys belong together");
    (point.as_ref().to_vec(), pair)
}

fn coordinates(point: &[u8]) -> (&[u8], &[u8]) {
    let (_, coordinates) = point.split_first().expect("the point has a prefix");
    coordinates.split_at(coordinates.len() / 2)
}

fn flipped(bytes: &[u8], bit: usize) -> Vec<u8> {
    let mut changed = bytes.to_vec();
    if let Some(byte) = changed.get_mut(bit / 8) {
        *byte ^= 1 << (bit % 8);
    }
    changed
}

/// 1, 2 and the highest, whose public keys meet the generator in the sums, and random ones.
fn private_keys(case: &Case, numbers: &mut Numbers) -> Vec<Vec<u8>> {
    let small = |value| {
        let mut key = vec![0; case.scalar_bytes];
        *key.last_mut().expect("a key is not empty") = value;
        key
    };
    let mut keys = vec![small(1), small(2), case.highest.to_vec()];
    for _ in 0..12 {
        let mut key = numbers.bytes(case.scalar_bytes);
        // Below the order, whichever curve it is.
        *key.first_mut().expect("a key is not empty") = 0;
        keys.push(key);
    }
    keys
}

#[test]
fn signatures_of_another_implementation_verify_until_a_bit_is_changed() {
    for case in &CASES {
        let mut numbers = Numbers::new(0x0e5_384_521);
        for (index, private) in private_keys(case, &mut numbers).iter().enumerate() {
            let (point, pair) = key_pair(case, private);
            let (x, y) = coordinates(&point);
            let key = PublicKey::elliptic(case.curve, x, y).expect("the key is good");
            let message = numbers.bytes(index * 7);
            let signature = pair
                .sign(&SystemRandom::new(), &message)
                .expect("signing works");
            let signature = signature.as_ref();
            let name = format!("{}, key {index}", case.algorithm);
            assert!(
                key.verify(case.algorithm, &message, signature),
                "{name}: a good signature has to verify"
            );
            for _ in 0..6 {
                let bit = numbers.next_number() as usize % (signature.len() * 8);
                assert!(
                    !key.verify(case.algorithm, &message, &flipped(signature, bit)),
                    "{name}: bit {bit} of the signature was changed"
                );
            }
            let longer = [&message[..], &[0]].concat();
            assert!(
                !key.verify(case.algorithm, &longer, signature),
                "{name}: another message"
            );
        }
    }
}

/// A key of P-256 has a table after some of them: before and after, the same is good and bad.
#[test]
fn many_signatures_of_one_key_verify_until_a_bit_is_changed() {
    let [case, ..] = &CASES;
    let mut numbers = Numbers::new(0x0e5_256);
    for private in private_keys(case, &mut numbers) {
        let (point, pair) = key_pair(case, &private);
        let (x, y) = coordinates(&point);
        let key = PublicKey::elliptic(case.curve, x, y).expect("the key is good");
        for round in 0..8 {
            let message = numbers.bytes(round * 11);
            let signature = pair.sign(&SystemRandom::new(), &message);
            let signature = signature.expect("signing works");
            let bit = numbers.next_number() as usize % 512;
            let changed = flipped(signature.as_ref(), bit);
            assert!(
                !key.verify(case.algorithm, &message, &changed),
                "round {round}: bit {bit} of the signature was changed"
            );
            assert!(
                key.verify(case.algorithm, &message, signature.as_ref()),
                "round {round}: a good signature has to verify"
            );
        }
    }
}

#[test]
fn a_public_key_with_a_changed_bit_is_no_point_of_the_curve() {
    for case in &CASES {
        let (point, _) = key_pair(case, case.highest);
        // The prefix is left as it is.
        for bit in (8..point.len() * 8).step_by(7) {
            let changed = flipped(&point, bit);
            let (x, y) = coordinates(&changed);
            assert!(
                PublicKey::elliptic(case.curve, x, y).is_err(),
                "{}: bit {bit} of the point was changed",
                case.algorithm
            );
        }
    }
}
