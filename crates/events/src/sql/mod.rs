//! Events in SQL: a sink, and what is read of it, over SQLite or PostgreSQL.
//!
//! # What an acknowledgement promises
//! A batch is one statement: all of it is committed when it is acknowledged, or nothing of it is. An event whose source and
//! id are there already is left out, so whoever does not know whether a batch was written may send it again.
//!
//! # In which order they are read
//! Whoever reads goes on after the last position that it saw. So no event may come to be seen at a position *before* one
//! that was seen already: nobody would ever go back to it.
//!
//! SQLite has one writer at a time, so positions are seen in their order. PostgreSQL has many, and hands out the numbers of
//! an identity column when a row is inserted, not when it is committed: a batch that was given 6 may commit after one that
//! was given 7. Two ways out of this were weighed:
//!
//! - To read no further than the oldest transaction that is still under way (`pg_snapshot_xmin`). The order is then that of
//!   transactions *and* positions, for the one that begins first may insert last: two columns in each cursor. And a single
//!   transaction that writes anything, in any database of that server, holds up every reader until it ends.
//! - To let batches in one at a time, by a lock of the transaction that is taken before the first number is. It is given
//!   back after the transaction is seen by others, so the next batch has higher numbers than anything that is not seen yet.
//!   Readers need nothing.
//!
//! It is the second. It costs that the commits of two batches cannot share a write to the disk, and a batch has up to 1,000
//! events for that. It gains besides that two batches with the same events in another order cannot wait for each other in a
//! circle, which the unique index would make a deadlock.
//!
//! What else writes to the table without taking the lock has none of this.

mod events;
pub mod migrations;
mod read;
mod write;

pub use events::SqlEvents;
