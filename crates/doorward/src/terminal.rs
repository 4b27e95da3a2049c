//! What others have written, fit for a terminal.

use std::fmt::Write as _;

/// A text without what a terminal obeys: control characters, C1 included, and those that turn or hide what is written
/// after them are written as `\u{…}`. What came from a client is in many a line.
pub(crate) fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        if is_obeyed(character) {
            // Writing to a string does not fail.
            let _ = write!(escaped, "\\u{{{:x}}}", u32::from(character));
        } else {
            escaped.push(character);
        }
    }
    escaped
}

/// Whether a terminal does something else with it than to show it.
pub(crate) fn is_obeyed(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            // Marks of direction, embeddings, overrides and isolates (UAX #9), separators, and what has no width.
            '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
        )
}
