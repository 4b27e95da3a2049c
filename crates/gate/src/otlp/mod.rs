//! Numbers and spans for a collector, by OTLP 1.x over HTTP: pushed after responses, as many at once as there are.
//!
//! Numbers are deltas, of each instance for itself (`service.instance.id`): a collector adds them up. What could not be
//! sent is sent with what comes next, after a pause that grows; what a collector refuses for good is counted as lost.

mod encode;
mod message;
mod push;
