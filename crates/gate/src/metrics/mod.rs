//! Numbers of what the gate does, for who watches it: views of the record of each request, and of events.
//!
//! An instance keeps what it has measured for a second at most, or until there are many series, and then
//! [exports](crate::platform::Platform::export) what has been added since the last time. The task that waits for that
//! keeps the instance alive, so what it measured is not lost with it unless it is killed.
//!
//! What a label can say is bounded: routes, limits, upstreams and issuers are those of the policy, methods the known
//! ones, statuses numbers below 600. What a client sends is in none of them.

pub(crate) mod event;
pub(crate) mod request;
mod series;

#[cfg(feature = "ops")]
pub(crate) use self::series::Leaving;
pub use self::series::{Deltas, Metrics, SERIES_MAX};
pub use doorward_metrics::{
    BUCKETS, DURATION_BOUNDS_S, Distribution, Instrument, Kind, Point, Value,
};
