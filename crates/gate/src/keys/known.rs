//! What is known of an issuer's keys, without asking for any.

use doorward_token::freshness::KeySetState;

/// How the keys of an issuer are.
#[cfg(feature = "health")]
pub(crate) struct KeysHealth {
    /// How usable they are.
    pub(crate) state: KeySetState,
    /// How old they are, in seconds.
    pub(crate) age_s: Option<u64>,
    /// When they are to be asked for again, in seconds from now.
    pub(crate) next_refresh_s: u64,
    /// Whether they could not be had the last time.
    pub(crate) has_failed: bool,
}

/// Whether keys in this state may be used.
#[cfg(feature = "report")]
pub(super) fn may_be_used(state: KeySetState) -> bool {
    use KeySetState::{Failing, Fresh, Stale};
    matches!(state, Fresh | Stale | Failing)
}
