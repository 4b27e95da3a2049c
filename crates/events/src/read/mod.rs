//! Events as they are read again, from sinks that can give them: `GET /events`.
//!
//! | module | what it has |
//! |---|---|
//! | [`log`] | what a sink gives: events after a position |
//! | [`query`] | which of them a request asks for |
//! | [`list`] | a part of them as one document |
//! | [`stream`] | all of them as they come, as server-sent events |
//! | [`answer()`](fn@answer) | a request in, one of the two out |
//!
//! A position is a number that goes up. Clients have it as a text that they give back, and nothing else is promised of it.

mod answer;
pub mod list;
pub mod log;
pub mod query;
pub mod stream;

pub use answer::{Answer, READ_SCOPE, answer};
