//! Components that were compiled ahead, for a named processor baseline, and lie beside their application.
//!
//! [`crate::precompile`] composes and compiles, and writes down in one file what there is; [`Ahead`] reads that, and
//! hands out what the loader would have composed and compiled. docs/decisions/0078-image.md says why, and
//! docs/deployment/image.md what the folder looks like.

mod code;
pub mod cpu;
pub(crate) mod file;
mod folder;
pub(crate) mod record;
#[cfg(test)]
mod tests;
mod writable;

pub use folder::Ahead;
