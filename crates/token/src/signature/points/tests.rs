//! Both implementations say the same of whatever they are asked.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on says so by panicking"
)]

use ed25519_dalek::{Signer as _, SigningKey};
use sha2::{Digest as _, Sha256, Sha512};

use super::{library, own};

/// So many genuine signatures that a key has a table of its own by then.
const SIGNATURES: u8 = 5;

/// The signature with a bit changed, and as it is.
fn variants(signature: [u8; 64], seed: u8) -> impl Iterator<Item = [u8; 64]> {
    let changed = (0..64_usize).step_by(5).map(move |place| {
        let mut changed = signature;
        if let Some(byte) = changed.get_mut(place) {
            *byte ^= 1 << ((usize::from(seed) + place) % 8);
        }
        changed
    });
    [signature].into_iter().chain(changed)
}

#[test]
fn es256_is_the_same_by_both() {
    let mut genuine = 0;
    for seed in 0..12_u8 {
        let signing = crrl::p256::PrivateKey::decode(&Sha256::digest([seed])).unwrap();
        let point = signing.to_public_key().encode_uncompressed();
        let (x, y) = (
            point[1..33].as_array().unwrap(),
            point[33..].as_array().unwrap(),
        );
        let own = own::P256Point::new(x, y).unwrap();
        let library = library::P256Point::new(x, y).unwrap();
        for message in 0..SIGNATURES {
            let hash: [u8; 32] = Sha256::digest([message]).into();
            let signature = signing.sign_hash(&hash, &[]);
            for signature in variants(signature, seed + message) {
                let due = library.verify(&hash, &signature);
                assert_eq!(own.verify(&hash, &signature), due, "{seed}, {message}");
                genuine += u32::from(due);
            }
            for hash in [[0; 32], [0xff; 32]] {
                let signature = signing.sign_hash(&hash, &[]);
                assert!(own.verify(&hash, &signature) && library.verify(&hash, &signature));
            }
        }
    }
    assert_eq!(genuine, 12 * u32::from(SIGNATURES));
}

#[test]
fn ed25519_is_the_same_by_both() {
    let mut genuine = 0;
    for seed in 0..12_u8 {
        let signing = SigningKey::from_bytes(&Sha256::digest([seed]).into());
        let encoding = signing.verifying_key().to_bytes();
        let own = own::Ed25519Point::new(&encoding).unwrap();
        let library = library::Ed25519Point::new(&encoding).unwrap();
        for length in 0..SIGNATURES {
            let message = Sha512::digest([length]).repeat(usize::from(length));
            let signature = signing.sign(&message).to_bytes();
            for signature in variants(signature, seed + length) {
                let due = library.verify(&message, &signature);
                assert_eq!(own.verify(&message, &signature), due, "{seed}, {length}");
                genuine += u32::from(due);
            }
        }
    }
    assert_eq!(genuine, 12 * u32::from(SIGNATURES));
}

/// Whatever is or is not a point, and of small order or not.
#[test]
fn the_same_are_points_of_ed25519_by_both() {
    let (mut points, mut small) = (0, 0);
    let low = (0..32_u8).map(|y| [&[y][..], &[0; 31]].concat());
    let high = (0..32_u8).map(|y| [&[0xff - y][..], &[0xff; 30], &[0x7f]].concat());
    let torsion = [0x26, 0x05, 0xc7, 0xec].map(|first| Sha256::digest([first]).to_vec());
    let some = (0..64_u8).map(|seed| Sha256::digest([seed]).to_vec());
    for bytes in low.chain(high).chain(torsion).chain(some) {
        for sign in [0, 0x80] {
            let mut encoding: [u8; 32] = *bytes.as_array().unwrap();
            let [.., last] = &mut encoding;
            *last ^= sign;
            let own = own::Ed25519Point::new(&encoding);
            let library = library::Ed25519Point::new(&encoding);
            assert_eq!(own.is_some(), library.is_some(), "{encoding:x?}");
            let (Some(own), Some(library)) = (own, library) else {
                continue;
            };
            points += 1;
            assert_eq!(
                own.has_small_order(),
                library.has_small_order(),
                "{encoding:x?}"
            );
            small += u32::from(own.has_small_order());
            // A signature that is none: S is zero, and R is the neutral point or the key itself.
            for r in [[1; 32], encoding] {
                let signature = *[r, [0; 32]].as_flattened().as_array().unwrap();
                assert_eq!(own.verify(b"", &signature), library.verify(b"", &signature));
            }
        }
    }
    assert!(
        points > 60 && small > 4,
        "{points} points, {small} of small order"
    );
}

#[test]
fn the_same_are_points_of_p256_by_both() {
    let mut points = 0;
    for seed in 0..40_u8 {
        let signing = crrl::p256::PrivateKey::decode(&Sha256::digest([seed])).unwrap();
        let good = signing.to_public_key().encode_uncompressed();
        for place in (0..=64).step_by(8) {
            let mut point = good;
            if let Some(byte) = point.get_mut(place).filter(|_| place > 0) {
                *byte ^= 1;
            }
            let (x, y) = (
                point[1..33].as_array().unwrap(),
                point[33..].as_array().unwrap(),
            );
            let own = own::P256Point::new(x, y);
            assert_eq!(own.is_some(), library::P256Point::new(x, y).is_some());
            points += u32::from(own.is_some());
        }
    }
    assert_eq!(points, 40);
}
