//! What a reader of a path may take a character for: by case folding, by compatibility normalisation
//! (NFKC, Unicode standard annex 15), by leaving out what has no shape of its own, or by a "best fit"
//! to ASCII.
//!
//! Only what becomes ASCII matters: that is what literals of patterns are mostly made of. Letters of
//! scripts that merely look like Latin stay different characters everywhere.
//!
//! The table is small and made by hand, and may say more than is so. It says exactly what becomes of letters that
//! living languages are written with. The test `policy_folding` holds
//! them against all of the data.

/// It stays what it is.
pub(crate) const SAME: u8 = 0;
/// It is left out: it has no shape of its own.
pub(crate) const DROPPED: u8 = 1;
/// Some ASCII characters, of which no table says which: symbols, not letters of a language.
pub(crate) const ANY: u8 = 2;
/// Two letters `s`.
pub(crate) const SS: u8 = 3;
/// A delimiter, a dot or a control character.
pub(crate) const NEVER: u8 = b'/';
const SPACE: u8 = b' ';

/// Where ranges up to U+FFFF begin, and what becomes of what is in them; each goes on to where the next one does.
const RANGES: &[(u16, u8)] = &[
    (0x80, NEVER),
    (0xA0, SPACE),
    (0xA1, SAME),
    (0xAA, b'a'),
    (0xAB, SAME),
    (0xAD, DROPPED),
    (0xAE, SAME),
    (0xB2, ANY),
    (0xB4, SAME),
    (0xB9, b'1'),
    (0xBA, b'o'),
    (0xBB, SAME),
    (0xDF, SS),
    (0xE0, SAME),
    // I with a dot, and without one.
    (0x130, b'i'),
    (0x132, ANY),
    (0x134, SAME),
    (0x17F, b's'),
    (0x180, SAME),
    (0x1C7, ANY),
    (0x1CD, SAME),
    (0x1F1, ANY),
    (0x1F4, SAME),
    // Small letters above the line.
    (0x2B0, ANY),
    (0x2B9, SAME),
    (0x2E1, ANY),
    (0x2E4, SAME),
    // Combining grapheme joiner.
    (0x34F, DROPPED),
    (0x350, SAME),
    // Greek question mark: canonically a semicolon.
    (0x37E, NEVER),
    (0x37F, SAME),
    (0x61C, DROPPED),
    (0x61D, SAME),
    (0x115F, DROPPED),
    (0x1161, SAME),
    (0x1680, SPACE),
    (0x1681, SAME),
    (0x17B4, DROPPED),
    (0x17B6, SAME),
    (0x180B, DROPPED),
    (0x1810, SAME),
    // Letters of phonetic alphabets.
    (0x1D2C, ANY),
    (0x1DC0, SAME),
    (0x1E9E, SS),
    (0x1E9F, SAME),
    (0x1FEF, ANY),
    (0x1FF0, SAME),
    (0x2000, SPACE),
    // Zero-width space, joiner and non-joiner, direction marks.
    (0x200B, DROPPED),
    (0x2010, SAME),
    // Dot leaders and ellipsis.
    (0x2024, NEVER),
    (0x2027, SAME),
    // Line and paragraph separators, overrides of direction.
    (0x2028, NEVER),
    (0x202F, SPACE),
    (0x2030, SAME),
    (0x203C, ANY),
    (0x203D, SAME),
    (0x2044, NEVER),
    (0x2045, SAME),
    (0x2047, NEVER),
    (0x204A, SAME),
    (0x205F, SPACE),
    (0x2060, DROPPED),
    (0x2066, NEVER),
    (0x206A, DROPPED),
    // Superscripts and subscripts.
    (0x2070, ANY),
    (0x20A0, SAME),
    (0x20A8, ANY),
    (0x20A9, SAME),
    // Account of, care of and their kind; letter-like symbols, numbers.
    (0x2100, NEVER),
    (0x2102, ANY),
    (0x2105, NEVER),
    (0x2107, ANY),
    // Kelvin.
    (0x212A, b'k'),
    (0x212B, ANY),
    (0x2190, SAME),
    // Division, set minus.
    (0x2215, NEVER),
    (0x2217, SAME),
    // Digits and letters in circles and brackets, or with full stops.
    (0x2460, ANY),
    (0x2488, NEVER),
    (0x249C, ANY),
    (0x24EB, SAME),
    (0x29F5, NEVER),
    (0x29F6, SAME),
    (0x29F8, NEVER),
    (0x29FA, SAME),
    (0x2A74, ANY),
    (0x2A77, SAME),
    (0x2C7C, ANY),
    (0x2C7E, SAME),
    (0x3000, SPACE),
    (0x3001, SAME),
    (0x3164, DROPPED),
    (0x3165, SAME),
    // Squares.
    (0x3200, ANY),
    (0x33C2, NEVER),
    (0x33C3, ANY),
    (0x33C7, NEVER),
    (0x33C8, ANY),
    (0x33D8, NEVER),
    (0x33D9, ANY),
    (0x3400, SAME),
    (0xA7F1, ANY),
    (0xA7F5, SAME),
    (0xFB00, ANY),
    (0xFB07, SAME),
    (0xFB29, ANY),
    (0xFB2A, SAME),
    (0xFE00, DROPPED),
    // Vertical and small forms.
    (0xFE10, NEVER),
    (0xFE20, SAME),
    (0xFE30, NEVER),
    (0xFE31, ANY),
    (0xFE50, NEVER),
    (0xFE70, SAME),
    (0xFEFF, DROPPED),
    (0xFF00, SAME),
    (0xFFA0, DROPPED),
    (0xFFA1, SAME),
    (0xFFF0, DROPPED),
    (0xFFF9, NEVER),
];

/// What some reader takes a character for: one of the above, or else that ASCII character.
pub(crate) fn fold(character: char) -> u8 {
    let code = character as u32;
    match code {
        // A space in a form, and with servers that read a path like one.
        0x20 | 0x2B | 0xFF0B => return SPACE,
        0x00..=0x7F => return SAME,
        0xFF01..=0xFF5E => {
            return match (code - 0xFEE0) as u8 {
                b'.' | b'\\' | b'%' | b';' | b'?' | b'#' => NEVER,
                byte => byte,
            };
        }
        _ => {}
    }
    match u16::try_from(code) {
        Ok(code) => {
            let mut ranges = RANGES.iter();
            let range = ranges.rfind(|(start, _)| *start <= code);
            range.map_or(SAME, |(_, fold)| *fold)
        }
        Err(_) => match code {
            0x1F100 => NEVER,
            0x1DF95 => SS,
            // Letters of mathematics, and digits and letters in frames.
            0x107A5
            | 0x1CCD6..=0x1CCF9
            | 0x1D400..=0x1D7FF
            | 0x1F101..=0x1F190
            | 0x1FBF0..=0x1FBF9 => ANY,
            // Formats of shorthand and music; tags and variants.
            0x1BCA0..=0x1BCA3 | 0x1D173..=0x1D17A | 0xE0000..=0xE0FFF => DROPPED,
            _ => SAME,
        },
    }
}
