//! The letters of a token by a table of all bytes.

use super::letter::is_letter;

/// In [`LETTERS`]: the dot.
const DOT: u64 = 1;
/// In [`LETTERS`]: no letter.
const FOREIGN: u64 = 1 << 32;

/// What each byte is; 0 is a letter like any other. The sum over a text says how many dots it has, and whether
/// anything is in it that must not be.
const LETTERS: [u64; 256] = {
    let mut letters = [FOREIGN; 256];
    let mut byte = 0;
    while byte < letters.len() {
        #[expect(
            clippy::indexing_slicing,
            clippy::cast_possible_truncation,
            reason = "below 256, and found out when it is compiled"
        )]
        {
            letters[byte] = match byte as u8 {
                b'.' => DOT,
                byte if is_letter(byte) => 0,
                _ => FOREIGN,
            };
        }
        byte += 1;
    }
    letters
};

/// How many dots there are, if all are letters.
pub(super) fn dots(text: &[u8]) -> Option<u64> {
    let letter = |byte: u8| LETTERS.get(usize::from(byte)).copied().unwrap_or(FOREIGN);
    let (eights, rest) = text.as_chunks::<8>();
    let mut sum: u64 = rest.iter().map(|&byte| letter(byte)).sum();
    for &[a, b, c, d, e, f, g, h] in eights {
        sum += letter(a) + letter(b) + letter(c) + letter(d);
        sum += letter(e) + letter(f) + letter(g) + letter(h);
    }
    (sum < FOREIGN).then_some(sum)
}
