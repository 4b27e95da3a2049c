//! What services behind the gate have in common.
//!
//! | module | what it has |
//! |---|---|
//! | [`caller`] | who calls, as the gate tells it |
//! | [`media`], [`parameters`] | what a body is, what a client accepts, and what it asks for in a query |
//! | [`problem`], [`json`] | what is said when something is wrong, and how it is written |
//! | [`database`], [`rows`] | what is needed of a database: to run one statement, and to read what it gives |
//! | [`migrations`] | how tables come to be what a release needs |
//! | [`store`] | why something that is kept cannot be had |
//!
//! It has no clock, randomness or I/O: a database is what implements [`database::Database`]. On Spin that is in
//! `crates/service-spin`.

pub mod caller;
pub mod database;
pub mod json;
pub mod media;
pub mod migrations;
pub mod parameters;
pub mod problem;
pub mod rows;
pub mod store;
