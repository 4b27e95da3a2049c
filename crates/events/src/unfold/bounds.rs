//! How much a body may become, and how much of it there is at once.

/// The most bytes that come out at once where a body is compressed.
pub const PIECE_BYTES_MAX: usize = 32 * 1024;
/// The most bytes that a body may become, where nobody says otherwise: 1 GiB.
pub const UNFOLDED_BYTES_MAX: u64 = 1024 * 1024 * 1024;
/// How many times as many bytes as were sent a body may become.
pub const RATIO_MAX: u64 = 400;
/// A body that becomes no more bytes than this may have been any number of times smaller.
pub const RATIO_FROM_BYTES: u64 = 4 * 1024 * 1024;
/// The largest window of zstd, in bytes: what every decoder should take (RFC 8878 section 3.1.1.1.2).
pub const WINDOW_BYTES_MAX: u64 = 8 * 1024 * 1024;
