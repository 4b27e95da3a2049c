//! What sinks are told, and what their answers mean.
//!
//! | module | the sink | what it keeps |
//! |---|---|---|
//! | [`place`] | which one there is, as the operator names it | |
//! | [`http`] | a collector that takes CloudEvents | what its 2xx promises, at least once |
//! | [`mqtt`] | a topic of MQTT 3.1.1, with QoS 1 | at least once, for who has a persistent session |
//! | [`redis`] | a Redis stream | as its `appendonly` says, each event once |

pub mod http;
pub mod mqtt;
mod pack;
pub mod place;
pub mod redis;
