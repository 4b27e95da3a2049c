//! Runs a `spin.toml` in-process on wasmtime.
//!
//! ```text
//! manifest → router, variables       what the application is
//! download                            the components that are fetched
//! toolchain → build                  the components, built where they are stale
//! compose → engine, link, instance   its components, composed, compiled and linked
//! server                             HTTP in front of them
//! ```

mod absent;
mod allow_list;
mod answer;
mod application;
mod asking;
pub mod build;
mod callee;
mod chaining;
pub mod clock;
mod compose;
pub mod download;
mod engine;
mod exports;
mod fixed;
mod instance;
mod interfaces;
pub mod kv;
mod kv_link;
mod link;
pub mod manifest;
mod manner;
mod mounts;
pub mod names;
mod nearest;
pub mod options;
mod outbound;
mod request;
pub mod router;
mod scratch;
pub mod server;
mod slots;
mod state;
mod stdio;
pub mod toolchain;
pub mod variables;
mod variables_link;
mod wasi_keyvalue;

pub use chaining::not_callable;
pub use clock::WallClock;
pub use manner::Manner;
pub use options::{HostOptions, LogLine, LogSink, LogStream};
pub use server::Server;
