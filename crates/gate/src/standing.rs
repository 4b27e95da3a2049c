//! How the bundle is that the policy of a gate came in, for who asks.

use doorward_token::UnixTime;
use std::cell::Cell;

/// The bundle of a policy, and what came of asking for a newer one.
pub(crate) struct Standing {
    /// Its sequence number.
    #[cfg(feature = "health")]
    pub(crate) sequence: u64,
    /// When it was signed.
    #[cfg(feature = "health")]
    pub(crate) issued_at: UnixTime,
    /// When it is not used any more.
    pub(crate) expires_at: UnixTime,
    /// Why what was fetched last was refused, or `unreachable`; `None`: there is nothing newer.
    pub(crate) trouble: Cell<Option<&'static str>>,
}

impl Standing {
    /// Whether it may not be used any more.
    pub(crate) fn has_expired(&self, now: UnixTime) -> bool {
        now >= self.expires_at
    }
}
