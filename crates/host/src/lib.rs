//! Runs a `spin.toml` in-process on wasmtime.
//!
//! ```text
//! manifest → router, variables       what the application is
//! download                            the components that are fetched
//! build                               the components, built where they are stale (`doorward-toolchain`)
//! interfaces                          what components import: services, grants, links, denials
//! compose → engine, link, instance   its components, composed, compiled and linked
//! server                             HTTP in front of them
//! ```

mod answer;
mod application;
mod asking;
pub mod build;
mod callee;
mod chaining;
pub mod clock;
mod compose;
mod connector;
pub mod download;
mod engine;
mod exports;
mod fixed;
mod instance;
mod interfaces;
mod link;
pub mod manifest;
mod manner;
pub mod names;
mod nearest;
pub mod options;
mod request;
mod route_pattern;
pub mod router;
mod scratch;
pub mod server;
mod slots;
mod state;
mod stdio;
mod template;
pub mod variables;

pub use chaining::not_callable;
pub use clock::WallClock;
pub use interfaces::key_value::file as kv;
pub use manner::Manner;
pub use options::{HostOptions, LogLine, LogSink, LogStream};
pub use server::Server;
