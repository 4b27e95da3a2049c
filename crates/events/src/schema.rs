//! JSON Schema (draft 2020-12), compiled ahead and checked without allocating.
//!
//! `doorward schemas` compiles schemas to a program (`compile`, behind the feature of this name), which refuses every
//! keyword that it does not know. A component reads the program once ([`Schemas::read`]), and checks the values of events
//! against it ([`Schema::check`]).
//!
//! - Numbers are the decimals that they are written as: 0.07 is a multiple of 0.01, `1.0` is an integer, and `1e2` is
//!   `100`. Lengths count characters (code points).
//! - `format` and what is in `content…` are annotations, as draft 2020-12 has them: they check nothing.
//! - `pattern` is ECMA-262 without look-around and back-references, and an automaton is what is run: time grows with the
//!   text alone.
//! - References are within the document. What applies to a value because it applies to it is refused when it is compiled.
//!   What comes back to itself for what is *within* a value ends with the value, whose depth is bounded.
//! - What hostile values can cost is bounded ([`check::STEPS_PER_VALUE`]); `uniqueItems` sorts.

pub mod check;
#[cfg(feature = "compile")]
pub mod compile;
mod equal;
pub mod format;
mod literal;
pub mod program;
pub mod read;
mod single;
pub mod violation;

pub use check::Scratch;
pub use program::{Schema, Schemas};
pub use read::ProgramError;
pub use violation::Violation;
