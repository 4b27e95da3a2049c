//! What is known of an issuer's keys, without asking for any.

use doorward_token::UnixTime;
use doorward_token::freshness::KeySetState;
#[cfg(feature = "report")]
use std::rc::Rc;

use super::IssuerKeys;
#[cfg(feature = "report")]
use super::Keys;
use crate::platform::Platform;

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

impl<P: Platform> IssuerKeys<P> {
    /// Those that may be used, if there are any. Nothing comes of asking.
    #[cfg(feature = "report")]
    pub(crate) fn known(&self, now: UnixTime) -> Option<Rc<Keys>> {
        let state = self.state.borrow();
        let is_usable = matches!(
            state.freshness.state(now),
            KeySetState::Fresh | KeySetState::Stale | KeySetState::Failing
        );
        state.keys.clone().filter(|_| is_usable)
    }

    /// How they are.
    #[cfg(feature = "health")]
    pub(crate) fn health(&self, now: UnixTime) -> KeysHealth {
        let state = self.state.borrow();
        KeysHealth {
            state: state.freshness.state(now),
            age_s: state.freshness.age_s(now),
            next_refresh_s: state.freshness.next_refresh_s(now),
            has_failed: state.last_error.is_some(),
        }
    }
}
