//! Arithmetic modulo an odd number, for verifying signatures of RSA, and of the curves that have no arithmetic of their
//! own in `crates/curves`.
//!
//! Everything that is computed here is public, so nothing has to take the same time for every value.
//!
//! - `wide`: Montgomery multiplication with limbs of 64 bits, for native code.
//! - `narrow`: the same with digits of 13 bits in the vectors of `simd128`, for wasm.
//!
//! P. Montgomery, "Modular multiplication without trial division", Mathematics of Computation 44
//! (1985). Numbers are little-endian lists of as many limbs as the modulus has; R is 2 to the power of
//! all their bits. A number x is in Montgomery form when x · R stands for it.

mod arithmetic;
mod limbs;
pub mod narrow;
#[cfg(not(target_arch = "wasm32"))]
mod vector;
pub mod wide;

pub use arithmetic::{Arithmetic, bit, bits};
#[cfg(target_arch = "wasm32")]
pub use narrow::Modulus;
#[cfg(not(target_arch = "wasm32"))]
pub use wide::Modulus;

#[cfg(test)]
mod tests;
