//! What the log says of keys.

use doorward_token::KeySet;
use doorward_token::freshness::Freshness;

use crate::event::{Event, KeysChange, KeysEvent};
use crate::platform::Platform;
use crate::recording::Recording as _;

/// The keys of an issuer, as far as the log tells of them.
pub(super) struct Told<'a> {
    pub(super) issuer: &'a str,
    /// Those that there are.
    pub(super) set: Option<&'a KeySet>,
    pub(super) freshness: &'a Freshness,
}

impl Told<'_> {
    /// Something has changed about them.
    pub(super) fn changed<P: Platform>(
        &self,
        platform: &P,
        change: KeysChange,
        source: &str,
        reason: Option<&str>,
    ) {
        let (keys, skipped) = self
            .set
            .map_or((0, 0), |set| (set.len(), set.skipped().len()));
        let now = platform.now();
        platform.record(&Event::Keys(KeysEvent {
            change,
            issuer: self.issuer,
            keys,
            skipped,
            state: self.freshness.state(now),
            age_s: self.freshness.age_s(now),
            next_refresh_s: self.freshness.next_refresh_s(now),
            source,
            reason,
        }));
    }
}
