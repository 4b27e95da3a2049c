use core::cmp::Ordering;

use super::compared;

#[expect(unsafe_code, reason = "what is tested is")]
fn of(left: &[u8], right: &[u8]) -> Ordering {
    assert_eq!(left.len(), right.len());
    // SAFETY: they have so many bytes.
    unsafe { compared(left.as_ptr(), right.as_ptr(), left.len()) }
}

#[test]
fn the_first_byte_that_differs_decides() {
    const BYTES_MAX: usize = 3 * 16 + 9;
    for bytes in 0..=BYTES_MAX {
        let left: Vec<u8> = (0x70..).take(bytes).collect();
        assert_eq!(of(&left, &left.clone()), Ordering::Equal, "{bytes} bytes");
        for at in 0..bytes {
            for other in [0, 0x6f, 0x7f, 0x80, 0xff] {
                let mut right = left.clone();
                right[at] = other;
                // What comes after it does not matter.
                right[at + 1..].reverse();
                let told = format!("{bytes} bytes, {other} at {at}");
                assert_eq!(of(&left, &right), left.cmp(&right), "{told}");
                assert_eq!(of(&right, &left), right.cmp(&left), "{told}");
            }
        }
    }
}
