//! What happens to users, told to whoever is to know of it.
//!
//! Each create, change and delete leaves an [`Event`] in the statement that makes it, so there is none without the other.
//! [`drain()`] delivers them afterwards: at least once, and those of one user in their order. Whoever delivers takes a
//! [`Lease`] of the users, so that two instances never deliver for the same one at the same time; a lease whose holder has
//! died ends by itself.

mod drain;
mod event;
mod respond;
mod turn;
mod waiting;

pub use drain::{Drained, Receiver, Telling, Undelivered, drain};
pub use event::{Event, Happened, MEDIA_TYPE};
pub use respond::{DRAIN_PATH, respond};
pub use turn::Turn;
pub use waiting::{DELIVERY_MS, EVENTS_MAX, LEASE_MS, Lease, Outbox, UNWANTED_MS, Waiting};
