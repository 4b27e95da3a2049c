//! Runs a `spin.toml` in-process on wasmtime.
//!
//! ```text
//! manifest → router, variables       what the application is
//! toolchain → build                  the components, built where they are stale
//! compose → engine, link, instance   its components, composed, compiled and linked
//! server                             HTTP in front of them
//! ```

pub mod build;
pub mod manifest;
mod nearest;
pub mod options;
pub mod router;
pub mod server;
pub mod toolchain;
pub mod variables;

pub use options::{HostOptions, LogLine, LogSink, LogStream};
pub use server::Server;
