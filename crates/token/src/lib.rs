//! Is this credential genuine?
//!
//! Bytes, keys and the time go in, values come out. There is no clock, environment, randomness, I/O
//! or async in this crate, and no lock: whoever calls it brings the bytes and says what time it is.
//!
//! ```text
//! bytes ── UnverifiedToken::parse ── verify(keys, expectations, now) ── VerifiedToken
//!                                      │
//! bytes ── KeySet::parse ──────────────┘
//! ```
//!
//! - [`UnverifiedToken`]: a compact JWS (RFC 7515), read strictly. Nothing in it is to be believed.
//! - [`KeySet`]: a JWK set (RFC 7517) or a shared secret, checked and prepared once.
//! - [`VerifiedToken`]: what the issuer says, after signature and claims (RFC 7519, 8725, 9068) were
//!   checked, or after it was asked ([`introspection`], with [`client`] to say who asks). Nothing else
//!   makes one. [`Claims`]: what a credential of any kind says of its principal.
//! - [`cache`]: remembers verified tokens. [`freshness`]: what to do with keys of which age.
//!   [`metadata`]: where an issuer's keys are. [`signature`]: the primitives.
//! - `bundle`: a policy that its operator signed (a feature).
//! - [`api_key`]: the keys of machines. [`revocation`]: what was taken back. [`logout`]: an issuer says
//!   that somebody has left.
//!
//! Every bound is a named constant: [`TOKEN_BYTES_MAX`], [`KEY_ID_BYTES_MAX`], [`KEY_SET_BYTES_MAX`],
//! [`KEYS_MAX`], [`KEYS_TRIED_MAX`], [`SECRET_BYTES_MAX`], [`LEEWAY_S_MAX`], [`DATE_MAX_S`],
//! [`AUDIENCES_MAX`], [`SCOPES_MAX`] and those of the modules.

mod algorithm;
pub mod api_key;
mod bounds;
#[cfg(feature = "bundle")]
pub mod bundle;
pub mod cache;
mod claim_path;
mod claims;
pub mod client;
mod error;
mod expect;
pub mod freshness;
pub mod introspection;
mod json;
mod keyed;
mod keys;
pub mod logout;
mod media_type;
pub mod metadata;
mod principal;
pub mod revocation;
mod sha256;
pub mod signature;
#[cfg(test)]
mod testing;
mod time;
mod token;

pub use algorithm::{Algorithm, AlgorithmSet, UnknownAlgorithm};
pub use bounds::{
    AUDIENCES_MAX, DATE_MAX_S, KEY_ID_BYTES_MAX, LEEWAY_S_DEFAULT, LEEWAY_S_MAX, SCOPES_MAX,
    TOKEN_BYTES_DEFAULT, TOKEN_BYTES_MAX,
};
pub use claim_path::{
    CLAIM_PATH_BYTES_MAX, CLAIM_PATH_DEPTH_MAX, ClaimPath, ClaimPathError, Nothing,
};
#[cfg(feature = "recorded")]
pub use claims::RecordedToken;
pub use claims::{Proof, TokenKinds, VerifiedToken};
pub use error::{Part, TokenError};
pub use expect::{Expectations, TENANT_BYTES_MAX, TENANT_PLACE, is_tenant, tenant_of};
pub use json::{JsonError, JsonProblem};
pub use keyed::keyed_hash;
pub use keys::{
    CERTIFICATE_CHARS_MAX, EXPOSED_KEYS_MAX, ExposedKeys, KEY_SET_BYTES_MAX, KEYS_MAX,
    KEYS_TRIED_MAX, KeyPart, KeySet, KeySetError, SECRET_BYTES_MAX, SkipReason, SkippedKey,
};
pub use principal::Claims;
pub use sha256::digest;
pub use time::UnixTime;
pub use token::UnverifiedToken;
