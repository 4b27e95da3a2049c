use super::{dots_of_token, table, vectors};

/// The vector instructions that [`super::vectors`] uses, in ordinary arithmetic and under the names of
/// `core::arch::wasm32`.
pub(super) mod vector {
    #[expect(non_camel_case_types, reason = "the name that the real one has")]
    #[derive(Clone, Copy)]
    pub(crate) struct v128([u8; 16]);

    pub(crate) fn u64x2(low: u64, high: u64) -> v128 {
        v128((u128::from(high) << 64 | u128::from(low)).to_le_bytes())
    }

    pub(crate) fn u64x2_splat(lane: u64) -> v128 {
        u64x2(lane, lane)
    }

    pub(crate) fn u8x16_splat(lane: u8) -> v128 {
        v128([lane; 16])
    }

    fn each(v128(a): v128, v128(b): v128, of: impl Fn(u8, u8) -> u8) -> v128 {
        v128(std::array::from_fn(|lane| of(a[lane], b[lane])))
    }

    pub(crate) fn v128_and(a: v128, b: v128) -> v128 {
        each(a, b, |a, b| a & b)
    }

    pub(crate) fn v128_or(a: v128, b: v128) -> v128 {
        each(a, b, |a, b| a | b)
    }

    pub(crate) fn u8x16_eq(a: v128, b: v128) -> v128 {
        each(a, b, |a, b| if a == b { u8::MAX } else { 0 })
    }

    pub(crate) fn u8x16_shr(a: v128, bits: u32) -> v128 {
        each(a, a, |a, _| a >> bits)
    }

    pub(crate) fn u8x16_bitmask(v128(a): v128) -> u16 {
        let bit = |(lane, byte): (usize, &u8)| u16::from(byte >> 7) << lane;
        a.iter().enumerate().map(bit).sum()
    }

    /// Lanes of the first vector, chosen by the second one; 0 where there is no such lane.
    pub(crate) fn i8x16_swizzle(v128(a): v128, chosen: v128) -> v128 {
        each(chosen, chosen, |lane, _| {
            a.get(usize::from(lane)).copied().unwrap_or_default()
        })
    }

    pub(crate) fn v128_any_true(v128(a): v128) -> bool {
        a != [0; 16]
    }
}

/// By RFC 6750 section 2.1, letter by letter.
fn expected(text: &[u8]) -> Option<u64> {
    let letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~+/";
    let all = text.iter().all(|byte| letters.as_bytes().contains(byte));
    let dots = text.iter().filter(|&&byte| byte == b'.').map(|_| 1);
    all.then(|| dots.sum())
}

#[test]
fn every_byte_is_judged_alike_by_both_and_wherever_it_is() {
    for byte in 0..=u8::MAX {
        for length in 1..=49 {
            for at in [0, length / 2, length - 1] {
                let mut text: Vec<u8> =
                    b"aZ09-_~+/.".iter().copied().cycle().take(length).collect();
                text[at] = byte;
                let told = format!("{} at {at} of {length}", byte.escape_ascii());
                assert_eq!(table::dots(&text), expected(&text), "table: {told}");
                assert_eq!(vectors::dots(&text), expected(&text), "vectors: {told}");
            }
        }
    }
}

#[test]
fn a_token_has_a_letter_and_is_padded_only_at_its_end() {
    for (token, dots) in [
        ("a", Some(0)),
        (".", Some(1)),
        ("a.b.c", Some(2)),
        ("a.b.c==", Some(2)),
        ("..........................", Some(26)),
        ("", None),
        ("=", None),
        ("a=b", None),
        ("a b", None),
        ("é", None),
    ] {
        assert_eq!(dots_of_token(token.as_bytes()), dots, "{token:?}");
    }
}
