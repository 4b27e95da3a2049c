//! Bounds of tokens and their claims.

/// The longest token that is looked at, whatever [`Expectations`](crate::Expectations) say, in bytes.
pub const TOKEN_BYTES_MAX: usize = 64 * 1024;

/// The longest token of an issuer that does not say, in bytes.
pub const TOKEN_BYTES_DEFAULT: usize = 16 * 1024;

/// The longest `kid`, of a token and of a key.
pub const KEY_ID_BYTES_MAX: usize = 256;

/// The leeway of an issuer that does not set one, in seconds.
pub const LEEWAY_S_DEFAULT: u64 = 60;

/// The most leeway that is given, whatever [`Expectations`](crate::Expectations) say, in seconds.
pub const LEEWAY_S_MAX: u64 = 300;

/// The last second of the year 9999: the last date that a token may hold.
pub const DATE_MAX_S: u64 = 253_402_300_799;

/// The most audiences that a token may name. Some issuers list every API of a customer.
pub const AUDIENCES_MAX: usize = 1000;

/// The most scopes that a token may hold.
pub const SCOPES_MAX: usize = 1000;
