//! Bounds of keys and sets of them.

/// The longest key set that is read.
pub const KEY_SET_BYTES_MAX: usize = 512 * 1024;

/// The most keys of a set that are read, those that are skipped included.
pub const KEYS_MAX: usize = 256;

/// The most keys that one token is tried with.
pub const KEYS_TRIED_MAX: usize = 8;

/// The longest shared secret.
pub const SECRET_BYTES_MAX: usize = 4096;
