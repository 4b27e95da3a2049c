//! JSON without the white space between its parts.

use memchr::{memchr2, memchr3};

/// Writes a JSON text that is known to be good without white space outside of its strings. Nothing else of it changes:
/// numbers and escapes stay as they were sent.
pub fn push(into: &mut String, text: &str) {
    let bytes = text.as_bytes();
    // Most of what programs write has none, or only in strings. A CR without a LF is white space, too.
    let may_have_space = memchr3(b' ', b'\n', b'\t', bytes).is_some();
    if !may_have_space && memchr::memchr(b'\r', bytes).is_none() {
        into.push_str(text);
        return;
    }
    // What is written next begins here, and was looked at up to there.
    let (mut from, mut at) = (0, 0);
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => at = behind_string(bytes, at + 1),
            b' ' | b'\n' | b'\t' | b'\r' => {
                into.push_str(text.get(from..at).unwrap_or_default());
                at += 1;
                from = at;
            }
            _ => at += 1,
        }
    }
    into.push_str(text.get(from..).unwrap_or_default());
}

/// Where a string ends that goes on here.
fn behind_string(bytes: &[u8], mut at: usize) -> usize {
    while let Some(length) = bytes.get(at..).and_then(|rest| memchr2(b'"', b'\\', rest)) {
        match bytes.get(at + length) {
            Some(b'\\') => at += length + 2,
            _ => return at + length + 1,
        }
    }
    bytes.len()
}

#[cfg(test)]
mod tests {
    use super::push;

    #[test]
    fn white_space_goes_outside_of_strings_alone() {
        for (text, expected) in [
            ("{}", "{}"),
            ("1.50e+2", "1.50e+2"),
            (
                " { \"a b\" :\r\n\t[ 1 , \"c \\\" , \\\\\" , 2 ] } ",
                "{\"a b\":[1,\"c \\\" , \\\\\",2]}",
            ),
            ("[1,\r2]", "[1,2]"),
            ("\" \"", "\" \""),
            (
                "[\"\\\\\", \"\u{e9} \u{1f980}\", null ]",
                "[\"\\\\\",\"\u{e9} \u{1f980}\",null]",
            ),
        ] {
            let mut found = "x".to_owned();
            push(&mut found, text);
            assert_eq!(found, format!("x{expected}"), "{text}");
        }
    }
}
