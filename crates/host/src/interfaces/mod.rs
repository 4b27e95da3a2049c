//! What components import of the host: a folder for each interface, with its service, its grant, its link and
//! its denial, and one place that lists them, [`registry`] (why: `docs/decisions/0020-host-interfaces-from-wit.md`).

pub mod absent;
mod environment;
mod files;
pub mod import_name;
pub mod imports;
mod interface;
pub mod key_value;
mod mqtt;
mod otel;
pub mod outbound_http;
mod postgres;
mod redis;
mod registry;
mod rows;
mod sqlite;
mod variables;

pub use interface::{HostView, NewInstance, Start};
#[cfg(test)]
pub use registry::GUARDED;
pub use registry::{Grants, HasInstances, Instances, Services, link};
