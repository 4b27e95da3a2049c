//! Lists (RFC 9110 section 5.6.1). All values of a field are one list (section 5.3).
//!
//! A comma ends an element even in a quoted string: for the fields that are read as lists no string makes sense
//! that has one, and a quote that is never closed hides nothing.

/// `OWS` (RFC 9110 section 5.6.3). Other white space is not skipped: not every reader does.
#[inline(always)]
#[must_use]
pub const fn is_ows(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

/// Without the white space around it.
#[must_use]
pub const fn trim(mut text: &[u8]) -> &[u8] {
    while let [first, rest @ ..] = text
        && is_ows(*first)
    {
        text = rest;
    }
    while let [rest @ .., last] = text
        && is_ows(*last)
    {
        text = rest;
    }
    text
}

/// What is between the commas, empty elements and the white space included.
pub fn elements<'v, V: AsRef<[u8]> + ?Sized + 'v>(
    values: impl IntoIterator<Item = &'v V, IntoIter: DoubleEndedIterator>,
) -> impl DoubleEndedIterator<Item = &'v [u8]> {
    values
        .into_iter()
        .flat_map(|value| value.as_ref().split(|&byte| byte == b','))
}

/// The elements without the white space around them. Empty ones do not count (RFC 9110 section 5.6.1.2).
pub fn members<'v, V: AsRef<[u8]> + ?Sized + 'v>(
    values: impl IntoIterator<Item = &'v V, IntoIter: DoubleEndedIterator>,
) -> impl DoubleEndedIterator<Item = &'v [u8]> {
    elements(values)
        .map(trim)
        .filter(|member| !member.is_empty())
}

/// The members that are ASCII. Nothing that is read as text has another one, so the other ones do not count.
pub fn ascii_members<'v, V: AsRef<[u8]> + ?Sized + 'v>(
    values: impl IntoIterator<Item = &'v V, IntoIter: DoubleEndedIterator>,
) -> impl DoubleEndedIterator<Item = &'v str> {
    members(values).filter_map(ascii)
}

/// An element as text, where it is ASCII, without the white space around it.
#[must_use]
pub fn ascii(element: &[u8]) -> Option<&str> {
    let text = core::str::from_utf8(trim(element)).ok()?;
    text.is_ascii().then_some(text)
}

#[cfg(test)]
mod tests {
    use super::{ascii, ascii_members, elements, members, trim};

    #[test]
    fn a_list_goes_over_all_values_and_leaves_out_what_is_empty() {
        let sent = ["a, b", "", " ,\u{e9},c\t", "\"d,e\""];
        let found: Vec<&[u8]> = members(sent).collect();
        let expected = ["a", "b", "\u{e9}", "c", "\"d", "e\""].map(str::as_bytes);
        assert_eq!(found, expected);
        let found: Vec<&[u8]> = elements(sent).rev().collect();
        let expected = ["e\"", "\"d", "c\t", "\u{e9}", " ", "", " b", "a"].map(str::as_bytes);
        assert_eq!(found, expected, "as they are, from the end");
    }

    #[test]
    fn as_text_it_leaves_out_what_is_not_ascii() {
        let sent = ["a, b", "", " ,\u{e9},c\t", "\"d,e\""];
        let found: Vec<&str> = ascii_members(sent).collect();
        assert_eq!(found, ["a", "b", "c", "\"d", "e\""]);
        let sent = [b" a ,\xff,b".to_vec(), b"c".to_vec()];
        let found: Vec<&str> = ascii_members(&sent).rev().collect();
        assert_eq!(found, ["c", "b", "a"]);
    }

    #[test]
    fn spaces_and_tabs_are_the_white_space_around_an_element() {
        for (text, expected) in [
            ("", Some("")),
            (" \t", Some("")),
            ("\t a b\t ", Some("a b")),
            ("\n a", Some("\n a")),
            ("a\u{c}", Some("a\u{c}")),
            ("\u{a0}a", None),
        ] {
            assert_eq!(ascii(text.as_bytes()), expected, "{text:?}");
        }
        assert_eq!(trim(b" \xff "), b"\xff");
    }
}
