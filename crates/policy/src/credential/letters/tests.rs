use super::{dots_of_token, table, vectors};

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
