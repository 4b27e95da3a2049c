//! Signatures of P-256 and Ed25519, verified: the arithmetic of points for wasm, with tables for keys that are used
//! again and again. Why it is here: `docs/decisions/0081-curves.md`.
//!
//! Everything that is computed is public, so nothing takes the same time for every value. Whoever signs needs another
//! library.
//!
//! ```text
//! p256, ed25519 ── multiples           sums of multiples of points, by windows or by combs
//!       │ └─────── order ── inverse    numbers modulo the order of the points
//!     primes
//!       │
//!      pair ────── vector, limbs       two numbers modulo a prime at once
//! ```

pub mod ed25519;
mod inverse;
mod limbs;
mod multiples;
mod order;
pub mod p256;
mod pair;
mod primes;
#[cfg(test)]
#[expect(clippy::indexing_slicing, clippy::unwrap_used, reason = "tests")]
mod testing;
mod vector;
