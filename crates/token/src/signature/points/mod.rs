//! Keys of P-256 and Ed25519 that verify: those of `doorward-curves`, or with the feature `library-curves` those of the
//! libraries that sign (`docs/decisions/0081-curves.md`). Both refuse and accept the same.

#[cfg(any(feature = "library-curves", test))]
mod library;
#[cfg(any(not(feature = "library-curves"), test))]
mod own;

#[cfg(feature = "library-curves")]
pub(super) use library::{Ed25519Point, P256Point};
#[cfg(not(feature = "library-curves"))]
pub(super) use own::{Ed25519Point, P256Point};

#[cfg(test)]
mod tests;
