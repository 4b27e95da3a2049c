//! The engine: the way of a request from arrival to permit or refusal, and on.
//!
//! It runs wherever there is a [`Platform`](platform::Platform). `token` says whether a credential is genuine
//! and `policy` whether its bearer may; both are told the time and handed the bytes. Here is the order in which
//! a request meets them: `way.rs`, and for people `docs/architecture.md`.

mod access_log;
mod additions;
mod admit;
mod admitted;
mod arrive;
mod authorise;
mod body;
#[cfg(feature = "bundle")]
mod bundle;
#[cfg(feature = "report")]
mod candidate;
mod clock;
#[cfg(feature = "otlp")]
mod collector;
mod counted;
#[cfg(feature = "report")]
mod differs;
mod discovery;
mod endpoints;
pub mod event;
mod exchange;
mod fault;
mod fetch;
mod flight;
mod forward;
mod gate;
mod genuine;
mod ground;
mod instance;
mod introspect;
mod issuers;
mod keys;
mod leases;
#[cfg(feature = "ops")]
mod left;
pub mod levels;
mod limit;
mod limiter;
#[cfg(feature = "linked")]
pub mod linked;
#[cfg(feature = "metrics")]
mod method;
#[cfg(feature = "metrics")]
pub mod metrics;
mod mounted;
mod observe;
#[cfg(feature = "otlp")]
mod otlp;
pub mod platform;
pub mod prepared;
mod proxy;
mod read_on;
mod received;
pub mod record;
mod recording;
#[cfg(feature = "report")]
mod report;
mod respond;
mod route;
mod span;
#[cfg(feature = "otlp")]
mod spanned;
#[cfg(feature = "otlp")]
mod spans;
#[cfg(feature = "bundle")]
mod standing;
mod store;
#[cfg(feature = "report")]
mod thinned;
mod told;
mod verify;
mod way;

pub use self::forward::Permitted;
pub use self::instance::Instance;
pub use self::prepared::POLICY_PATH;
#[cfg(feature = "linked")]
pub use self::way::guard;
pub use self::way::{handle, handle_with_upstreams};
