//! What a sink gives of its events.

use doorward_service::store::StoreError;

/// As soon as a page has as many bytes no further event is in it. The last one of it may be longer: it has at most
/// [`EVENT_BYTES_MAX`](crate::record::EVENT_BYTES_MAX) and what the record adds.
pub const PAGE_BYTES: u64 = 1024 * 1024;
/// The last position that there can be: databases have numbers of 64 bits with a sign.
pub const POSITION_MAX: u64 = i64::MAX as u64;

/// A sink that gives what was written to it.
pub trait ReadableSink {
    /// The events after a position, in the order of their positions: those of a type where one is said, so many at most,
    /// and no more than a page has bytes ([`PAGE_BYTES`]). None: there are none yet.
    ///
    /// An event that comes to be there later has a higher position than all that were given.
    ///
    /// # Errors
    /// They cannot be had.
    fn after(
        &self,
        kind: Option<&str>,
        position: u64,
        limit: u64,
    ) -> impl Future<Output = Result<Vec<Stored>, StoreError>>;

    /// The position of the last event. 0: there is none.
    ///
    /// # Errors
    /// It cannot be had.
    fn last(&self) -> impl Future<Output = Result<u64, StoreError>>;
}

/// An event that was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// Where it is among the others.
    pub position: u64,
    /// The record, as it was written.
    pub json: String,
}
