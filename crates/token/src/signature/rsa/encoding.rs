//! EMSA-PKCS1-v1_5 and EMSA-PSS (RFC 8017 §9).

use sha2::{Digest as _, Sha256, Sha384, Sha512};

#[derive(Clone, Copy)]
pub(super) enum Hash {
    Sha256,
    Sha384,
    Sha512,
}

impl Hash {
    /// The hash of the parts, one after the other.
    fn of(self, parts: &[&[u8]]) -> Vec<u8> {
        fn digest<D: sha2::Digest>(parts: &[&[u8]]) -> Vec<u8> {
            let mut state = D::new();
            for part in parts {
                state.update(part);
            }
            state.finalize().to_vec()
        }
        match self {
            Self::Sha256 => digest::<Sha256>(parts),
            Self::Sha384 => digest::<Sha384>(parts),
            Self::Sha512 => digest::<Sha512>(parts),
        }
    }

    fn output_bytes(self) -> usize {
        match self {
            Self::Sha256 => Sha256::output_size(),
            Self::Sha384 => Sha384::output_size(),
            Self::Sha512 => Sha512::output_size(),
        }
    }

    /// RFC 8017 §9.2, note 1: the DER of a `DigestInfo` up to the hash.
    const fn digest_info(self) -> &'static [u8; 19] {
        match self {
            Self::Sha256 => {
                b"\x30\x31\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\x05\x00\x04\x20"
            }
            Self::Sha384 => {
                b"\x30\x41\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x02\x05\x00\x04\x30"
            }
            Self::Sha512 => {
                b"\x30\x51\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x03\x05\x00\x04\x40"
            }
        }
    }
}

/// Whether this is the encoding of the message by EMSA-PKCS1-v1_5 (RFC 8017 §9.2).
///
/// RFC 8017 §8.1.2 step 3, 4: there is one right encoding, and every byte is compared with it. Nothing is
/// parsed, so there is nothing to be lenient about (CVE-2006-4339 and its many successors).
pub(super) fn is_pkcs1(encoded: &[u8], hash: Hash, message: &[u8]) -> bool {
    let digest = hash.of(&[message]);
    let info = hash.digest_info();
    let suffix_bytes = info.len() + digest.len();
    let Some((start, suffix)) = encoded
        .len()
        .checked_sub(suffix_bytes)
        .and_then(|at| encoded.split_at_checked(at))
    else {
        return false;
    };
    let [0, 1, padding @ .., 0] = start else {
        return false;
    };
    padding.iter().all(|&byte| byte == 0xff) && suffix.strip_prefix(info) == Some(&digest)
}

/// Whether this is an encoding of the message by EMSA-PSS (RFC 8017 §9.1.2), with MGF1 and the same
/// hash and with a salt as long as the hash (RFC 7518 §3.5).
///
/// `encoded` is as long as the modulus, which is one byte more than the encoding when the length of
/// the modulus is a multiple of eight bits plus one.
pub(super) fn is_pss(encoded: &[u8], modulus_bits: usize, hash: Hash, message: &[u8]) -> bool {
    let Some(encoded_bits) = modulus_bits.checked_sub(1) else {
        return false;
    };
    let encoded_bytes = encoded_bits.div_ceil(8);
    let hash_bytes = hash.output_bytes();

    // RFC 8017 §8.2.2 step 2c: the integer must fit into the encoding.
    let Some((excess, encoded)) = encoded
        .len()
        .checked_sub(encoded_bytes)
        .and_then(|at| encoded.split_at_checked(at))
    else {
        return false;
    };
    if excess.iter().any(|&byte| byte != 0) {
        return false;
    }
    // Steps 3 to 5.
    let Some((&0xbc, encoded)) = encoded.split_last() else {
        return false;
    };
    let Some((masked, stored)) = encoded
        .len()
        .checked_sub(hash_bytes)
        .and_then(|at| encoded.split_at_checked(at))
    else {
        return false;
    };
    // Step 6.
    let unused_bits = 8 * encoded_bytes - encoded_bits;
    let used_mask = 0xff_u8 >> unused_bits;
    if masked.first().is_none_or(|first| first & !used_mask != 0) {
        return false;
    }
    // Steps 7 to 9.
    let mut block = mask(hash, stored, masked.len());
    for (byte, masked) in block.iter_mut().zip(masked) {
        *byte ^= masked;
    }
    if let Some(first) = block.first_mut() {
        *first &= used_mask;
    }
    // Steps 10 and 11: zeros, a one, the salt.
    let Some((padding, salt)) = block
        .len()
        .checked_sub(hash_bytes)
        .and_then(|at| block.split_at_checked(at))
    else {
        return false;
    };
    let Some((&1, zeros)) = padding.split_last() else {
        return false;
    };
    if zeros.iter().any(|&byte| byte != 0) {
        return false;
    }
    // Steps 12 to 14.
    let digest = hash.of(&[message]);
    hash.of(&[&[0; 8], &digest, salt]) == stored
}

/// MGF1 (RFC 8017 §B.2.1).
fn mask(hash: Hash, seed: &[u8], bytes: usize) -> Vec<u8> {
    let mut mask = Vec::with_capacity(bytes + hash.output_bytes());
    let mut counter: u32 = 0;
    while mask.len() < bytes {
        mask.extend(hash.of(&[seed, &counter.to_be_bytes()]));
        counter += 1;
    }
    mask.truncate(bytes);
    mask
}

#[cfg(test)]
mod tests {
    #![expect(
        clippy::unwrap_used,
        reason = "a test that cannot go on says so by panicking"
    )]

    use super::*;

    const MESSAGE: &[u8] = b"message";

    /// RFC 8017 §9.1.1, for a modulus of so many bits and as long as it.
    fn encode_pss(modulus_bits: usize, hash: Hash) -> Vec<u8> {
        let bits = modulus_bits - 1;
        let salt = vec![0x5a; hash.output_bytes()];
        let stored = hash.of(&[&[0; 8], &hash.of(&[MESSAGE]), &salt]);
        let mut block = vec![0; bits.div_ceil(8) - 2 * hash.output_bytes() - 2];
        block.push(1);
        block.extend(&salt);
        for (byte, mask) in block.iter_mut().zip(mask(hash, &stored, 1024)) {
            *byte ^= mask;
        }
        *block.first_mut().unwrap() &= 0xff >> (8 * bits.div_ceil(8) - bits);
        let encoded = [block, stored, vec![0xbc]].concat();
        [vec![0; modulus_bits.div_ceil(8) - encoded.len()], encoded].concat()
    }

    #[test]
    fn pss_is_recognised_for_every_length_of_modulus() {
        for hash in [Hash::Sha256, Hash::Sha384, Hash::Sha512] {
            for bits in 2048..=2057 {
                let encoded = encode_pss(bits, hash);
                assert!(is_pss(&encoded, bits, hash, MESSAGE), "{bits} bits");
                assert!(!is_pss(&encoded, bits, hash, b"another"), "{bits} bits");
                assert!(!is_pss(&encoded, bits + 8, hash, MESSAGE), "{bits} bits");
                assert!(!is_pss(&encoded, bits - 8, hash, MESSAGE), "{bits} bits");
            }
        }
    }

    /// Also the bits that the encoding does not have: those above it in its first byte and, where the
    /// modulus has a multiple of eight bits and one, the byte before it.
    #[test]
    fn any_changed_bit_of_a_pss_encoding_makes_it_refused() {
        for bits in [2048, 2049, 2055] {
            let encoded = encode_pss(bits, Hash::Sha256);
            for bit in 0..8 * encoded.len() {
                let mut changed = encoded.clone();
                *changed.get_mut(bit / 8).unwrap() ^= 1 << (bit % 8);
                let accepted = is_pss(&changed, bits, Hash::Sha256, MESSAGE);
                assert!(!accepted, "modulus of {bits} bits, bit {bit} changed");
            }
        }
    }

    #[test]
    fn encodings_of_any_length_are_judged() {
        for bytes in 0..300 {
            for byte in [0, 0xbc, 0xff] {
                let encoded = vec![byte; bytes];
                for bits in [0, 1, 8 * bytes, 8 * bytes + 1, 2048] {
                    assert!(
                        !is_pss(&encoded, bits, Hash::Sha512, MESSAGE),
                        "{bytes} bytes"
                    );
                }
                assert!(!is_pkcs1(&encoded, Hash::Sha512, MESSAGE), "{bytes} bytes");
            }
        }
    }
}
