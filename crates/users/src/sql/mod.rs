//! Users in SQL: a store over each of two databases.

pub mod any;
mod lists;
pub mod migrations;
pub mod outbox;
pub mod postgres;
mod rows;
pub mod sqlite;
