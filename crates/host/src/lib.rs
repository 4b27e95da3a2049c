//! Runs a `spin.toml` in-process on wasmtime.
//!
//! ```text
//! manifest → router, variables       what the application is
//! compose → engine, link, instance   its components, composed, compiled and linked
//! server                             HTTP in front of them
//! ```

pub mod manifest;
pub mod options;
pub mod router;
pub mod server;

pub use options::{HostOptions, LogLine, LogSink, LogStream};
pub use server::Server;
