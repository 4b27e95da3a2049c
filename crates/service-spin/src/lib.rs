//! What the components of services have in common, by `spin-sdk`: the settings, the database, the time, random numbers, and
//! the lines of the log.

mod ambient;
mod log;
mod named;
mod postgres;
mod rows;
mod sqlite;
mod variables;

pub use ambient::{now_ms, random};
pub use log::{say, say_store_failed};
pub use named::NamedDatabase;
pub use variables::variable;
