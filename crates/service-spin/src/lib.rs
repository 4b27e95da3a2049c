//! What the components of services have in common, by `spin-sdk`: the settings, the database, the time, random numbers, the
//! lines of the log, and requests to others.

mod ambient;
mod log;
mod named;
mod postgres;
mod rows;
mod send;
mod sqlite;
mod target;
mod variables;

pub use ambient::{now_ms, random};
pub use log::{say, say_failed, say_store_failed};
pub use named::NamedDatabase;
pub use send::{ANSWER_BODY_TIME_MAX, Unanswered, status_of};
pub use target::Target;
pub use variables::variable;
