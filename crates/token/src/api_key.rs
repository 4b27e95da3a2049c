//! API keys: long secrets of machines, known by their hash alone.
//!
//! ```text
//! dwk_ 4YbV0cQm8XzK _ 3fZ…(43) 1kD9xQ
//!      id             secret   checksum
//! ```
//!
//! 1. The prefix and the checksum are for people, for scanners of repositories and for whoever has
//!    mistyped one. They protect nothing; but what they refuse needs no look into a store.
//! 2. The id says which record to look at, and is no secret.
//! 3. The secret has 256 bits, so a plain SHA-256 of the whole key is as good as a slow hash: nobody
//!    guesses it.
//! 4. The work is the same whether no record exists, the digest is another one or the name is, and the
//!    digests are compared in constant time.

mod key;
mod record;

pub use key::{
    ApiKey, ApiKeyDigest, ApiKeyError, GeneratedKey, KEY_BYTES, KEY_PREFIX, KEY_RANDOM_BYTES,
    generate,
};
pub use record::{
    API_KEY_ISSUER, KEY_NAME_BYTES_MAX, KEY_RECORD_BYTES_MAX, KEY_RECORD_PREFIX, KEY_SCOPES_MAX,
    KeyRecord, KeyRecordError, SCOPE_BYTES_MAX, VerifiedKey,
};

#[cfg(test)]
mod tests;
