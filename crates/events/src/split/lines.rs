//! Lines: they end with LF, or CR LF.

use memchr::memchr;

use core::ops::Range;

/// Where the line is that goes on at `at`, without its LF, behind which `at` moves. `None` where it does not end in this
/// piece.
pub fn next(piece: &[u8], at: &mut usize) -> Option<Range<usize>> {
    let begins = *at;
    let length = memchr(b'\n', piece.get(begins..)?)?;
    let ends = begins + length;
    *at = ends + 1;
    Some(begins..ends)
}

/// A line without the CR at its end.
pub fn without_cr(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\r").unwrap_or(line)
}
