//! Events that wait, and the right to deliver them.

use uuid::Uuid;

use super::event::Event;
use crate::store::StoreError;

/// How long a lease is held at most, in milliseconds. So long do the events of a user wait whose holder has died.
pub const LEASE_MS: u64 = 30_000;
/// How long a receiver may take for one event, in milliseconds.
pub const DELIVERY_MS: u64 = 5_000;
/// Most events that are leased at once.
pub const EVENTS_MAX: u64 = 100;
/// How long an event is kept that nobody wants to have, in milliseconds: 7 days.
pub const UNWANTED_MS: u64 = 7 * 24 * 60 * 60 * 1000;

/// Where events wait. `sql` has it for both databases.
pub trait Outbox {
    /// Whether there is any.
    fn has_events(&self) -> impl Future<Output = Result<bool, StoreError>>;

    /// Takes users whose events nobody else delivers or has put off, those first who wait longest.
    fn take(&self, lease: &Lease) -> impl Future<Output = Result<(), StoreError>>;

    /// The first events of the users that were taken, in their order.
    fn taken(&self, lease: &Lease) -> impl Future<Output = Result<Vec<Waiting>, StoreError>>;

    /// Removes what was delivered: events by their positions.
    fn delivered(&self, positions: &[u64]) -> impl Future<Output = Result<(), StoreError>>;

    /// Puts the events of a user off for some time, who is not in the lease any more.
    fn put_off(
        &self,
        lease: &Lease,
        user: Uuid,
        pause_ms: u64,
        failures: u32,
    ) -> impl Future<Output = Result<(), StoreError>>;

    /// Gives back the users that are left in the lease.
    fn give_back(&self, lease: &Lease) -> impl Future<Output = Result<(), StoreError>>;

    /// Removes some of the events from before this time.
    fn forget(&self, before_ms: u64) -> impl Future<Output = Result<(), StoreError>>;
}

/// The right to deliver the events of some users.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// Who has it: a random name.
    pub holder: String,
    /// When it was asked for, in milliseconds since 1970, by the clock of the holder.
    pub from_ms: u64,
    /// When it ends by itself at the earliest, by the same clock. Others go by the clock of the store.
    pub until_ms: u64,
}

/// An event that waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// Where it stands: those of one user ascend.
    pub position: u64,
    /// How often the first one of this user could not be delivered.
    pub failures: u32,
    /// What happened.
    pub event: Event,
}
