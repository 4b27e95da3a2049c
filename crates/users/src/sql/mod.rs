//! Users in SQL: a store over each of two databases.

pub mod either;
mod lists;
pub mod migrations;
pub mod postgres;
mod rows;
pub mod sqlite;
