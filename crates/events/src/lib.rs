//! The intake of events: a body comes in piece by piece, its events are checked, and records go to a sink.
//!
//! | module | what it has |
//! |---|---|
//! | [`json`] | one JSON value, read strictly and without copying anything |
//! | [`read`] | `GET /events`: what such a sink gives back, as a list or a stream |
//! | [`record`] | what is written for an event, and how many of them are written at once |
//! | [`schema`] | JSON Schema: compiled ahead, checked here |
//! | [`sink`], [`sinks`] | where records are written to, and what each kind of sink is told |
//! | [`split`] | the events of a body, one after the other |
//! | [`sql`] | a sink in SQLite or PostgreSQL |
//! | [`unfold`] | a body as it was before it was compressed |
//!
//! It has no clock, randomness or I/O: time and random numbers are arguments, a body is what implements a trait, and so is
//! a sink.

pub mod json;
pub mod read;
pub mod record;
pub mod schema;
pub mod sink;
pub mod sinks;
pub mod split;
pub mod unfold;
pub mod sql;
