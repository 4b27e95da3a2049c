//! Runs a `spin.toml` in-process on wasmtime.
//!
//! ```text
//! manifest → router, variables       what the application is
//! download                            the components that are fetched
//! document                            what an issuer publishes, for the command itself
//! build                               the components, built where they are stale (`doorward-toolchain`)
//! interfaces                          what components import: services, grants, links, denials
//! redis_client                        connections to Redis, for interfaces
//! chain, embed                       components made into one, and files put into one
//! preinitialise                       a component whose instances begin with what was worked out before
//! compose → engine, link, instance   its components, composed, compiled and linked
//! precompile → ahead                 … or compiled before, in an image
//! server → connections, flow, shares HTTP in front of them, and what one client can have of it
//! replacing → term                   the application that is served, and another one in its place
//! management → metrics                whether the host is alive, and its numbers, at addresses of their own
//! timers → schedule                  what is asked of them again and again
//! ```

mod account;
pub mod ahead;
mod allocator;
mod answer;
mod application;
mod arrival;
mod asking;
mod bell;
pub mod build;
mod busy;
mod callee;
pub mod chain;
mod chaining;
mod client;
pub mod client_tls;
pub mod clock;
mod code_settings;
mod compose;
mod connections;
mod connector;
mod course;
pub mod document;
pub mod download;
pub mod embed;
mod engine;
mod exports;
mod fixed;
mod flow;
mod fuel;
mod instance;
mod interfaces;
pub mod kv;
mod lines;
mod link;
mod management;
pub mod manifest;
mod manner;
mod metrics;
pub mod names;
mod nearest;
pub mod options;
pub mod outbound_options;
mod patience;
pub mod precompile;
pub mod preinitialise;
mod presence;
mod reach;
mod redis_client;
mod replacing;
mod request;
mod route_pattern;
pub mod router;
mod schedule;
mod scratch;
mod sections;
pub mod server;
pub mod sha256;
mod shares;
mod slots;
mod state;
mod stdio;
mod streams;
mod telemetry;
mod template;
mod term;
mod timers;
pub mod trust;
pub mod variables;

pub use chaining::not_callable;
pub use clock::WallClock;
pub use fuel::FuelSink;
pub use ipnet::IpNet;
pub use manner::Manner;
pub use options::{HostOptions, LogLine, LogSink, LogStream};
pub use reach::{Bypass, past_middlewares};
pub use replacing::{NotReplaced, Renewed, Replacer};
pub use server::{Ending, Server};
