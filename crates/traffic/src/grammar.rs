//! The parts of HTTP's grammar that several modules read.

/// `OWS` (RFC 9110 section 5.6.3). Other white space is not skipped: not every reader does.
pub(crate) fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

/// Without the white space around it.
pub(crate) fn trim(mut text: &[u8]) -> &[u8] {
    while let [first, rest @ ..] = text
        && is_space(*first)
    {
        text = rest;
    }
    while let [rest @ .., last] = text
        && is_space(*last)
    {
        text = rest;
    }
    text
}

/// The members of a list of tokens, of all its lines. Empty ones do not count (RFC 9110 section 5.6.1.2).
pub(crate) fn members(lines: &[Vec<u8>]) -> impl Iterator<Item = &[u8]> {
    lines
        .iter()
        .flat_map(|line| line.split(|byte| *byte == b','))
        .map(trim)
        .filter(|member| !member.is_empty())
}
