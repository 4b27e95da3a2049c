//! What the cases of this suite share.

/// How soon what is written into the store is seen, in seconds.
pub const REFRESH_S: u64 = 5;
