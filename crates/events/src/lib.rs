//! The intake of events: a body comes in piece by piece, its events are checked, and records go to a sink.
//!
//! | module | what it has |
//! |---|---|
//! | [`intake`] | the way of a request: a body in, records into a sink, an answer out |
//! | [`head`] | what the head of a request says of its events |
//! | [`unfold`] | a body as it was before it was compressed |
//! | [`split`] | the events of a body, one after the other |
//! | [`json`] | one JSON value, read strictly and without copying anything |
//! | [`event`], [`binary`] | a CloudEvent: what is wrong with it, and the record that is made of it; one that is a request |
//! | [`schema`] | JSON Schema: compiled ahead, checked here |
//! | [`fault`], [`report`] | what is wrong with an event, and what became of all of them |
//! | [`record`] | what is written for an event, and how many of them are written at once |
//! | [`sink`], [`sinks`], [`sql`] | where records are written to, what each kind of sink is told, and the one in a database |
//! | [`read`] | `GET /events`: what such a sink gives back, as a list or a stream |
//! | [`service`] | which request is for what, and who may send it |
//! | [`compact`] | JSON without the white space between its parts |
//!
//! It has no clock, randomness or I/O: time and random numbers are arguments, a body is what implements a trait, and so is
//! a sink.

pub mod binary;
pub mod compact;
pub mod event;
pub mod fault;
pub mod head;
pub mod intake;
pub mod json;
pub mod read;
pub mod record;
pub mod report;
pub mod schema;
pub mod service;
pub mod sink;
pub mod sinks;
mod sort;
pub mod split;
pub mod sql;
mod sum;
pub mod unfold;
