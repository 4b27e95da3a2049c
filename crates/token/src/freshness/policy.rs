//! How long keys may be used, and how long an issuer is left alone.

use doorward_retry::Backoff;

/// For how long keys are fresh when their issuer does not say, in seconds.
pub const FRESH_S_DEFAULT: u64 = 600;
/// For how long keys are fresh at least, whatever the issuer says, in seconds.
pub const FRESH_S_MIN: u64 = 60;
/// For how long keys are fresh at most, whatever the issuer says, in seconds.
pub const FRESH_S_MAX: u64 = 24 * 60 * 60;
/// For how long keys are used beyond their freshness while they are refreshed, in seconds.
pub const STALE_S_DEFAULT: u64 = 60 * 60;
/// For how long keys are used beyond their freshness while the issuer fails, in seconds.
pub const STALE_IF_ERROR_S_DEFAULT: u64 = 24 * 60 * 60;
/// How old keys may be for a token to be refused for good because its key is not among them, in seconds.
pub const UNKNOWN_KEY_COOLDOWN_S_DEFAULT: u64 = 30;
/// For how long at most a set in which nothing can be used is not fetched again, in seconds.
pub const UNUSABLE_S_MAX: u64 = 5;
/// For how long after a look at the record of others stale keys are used, in seconds.
pub const LOOK_S: u64 = 5;
/// How long an issuer that failed is left alone at least, in seconds. Times are in whole ones: 1 could be as short as
/// none.
pub const RETRY_S_MIN: u64 = 2;
/// How long an issuer is left alone after its first failure at most, in seconds.
pub const RETRY_S_FIRST: u64 = 4;
/// How long an issuer is left alone at most, in seconds.
pub const RETRY_S_MAX: u64 = 60;
/// How long it is left alone.
pub(super) const RETRY: Backoff = Backoff {
    least: RETRY_S_MIN,
    first: RETRY_S_FIRST,
    most: RETRY_S_MAX,
};
/// After how many seconds a fetch that says nothing counts as lost.
pub const FETCH_S_MAX: u64 = 15;
/// How far in the future keys may have been fetched, by another machine's clock, in seconds.
pub const CLOCK_SKEW_S_MAX: u64 = 60;

/// How long keys may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FreshnessPolicy {
    /// For how long keys are used beyond their freshness while they are refreshed, in seconds.
    pub stale_s: u64,
    /// For how long keys are used beyond their freshness while the issuer fails, in seconds; 0 is
    /// not at all.
    pub stale_if_error_s: u64,
    /// How old the newest keys may be for a token to be refused for good because its key is not among
    /// them, in seconds. Where they are older, because the issuer fails or was not asked, it may be asked
    /// again.
    pub unknown_key_cooldown_s: u64,
}

impl Default for FreshnessPolicy {
    fn default() -> Self {
        Self {
            stale_s: STALE_S_DEFAULT,
            stale_if_error_s: STALE_IF_ERROR_S_DEFAULT,
            unknown_key_cooldown_s: UNKNOWN_KEY_COOLDOWN_S_DEFAULT,
        }
    }
}
