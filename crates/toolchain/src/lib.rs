//! Builds components: the room of everything that runs other programs to make a `.wasm` file.
//!
//! ```text
//! target      the `wasm32-wasip2` target: found, installed, or its standard library built from source
//!   rustup, debian, sources, standard_library
//! commands    the build commands of an application's components
//! process     other programs, with a time limit and their last words
//! ```
//!
//! It knows nothing of manifests and of how a component is run, and depends on nothing but the standard library.

mod attempt;
mod commands;
mod compiler;
mod debian;
mod process;
mod rustup;
mod sources;
mod standard_library;
mod target;

pub use commands::{COMMAND_TIMEOUT, CommandError, ComponentBuild, run_builds};
pub use compiler::TARGET;
pub use process::Progress;
pub use sources::SOURCES_VARIABLE;
pub use target::{Readiness, ToolchainError, ensure_wasm_target};
