//! `[store]` and `[revocation]`: what instances share, and how long it has to be kept.

/// `[store]`: the key-value store that instances share.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreRule {
    /// Its label.
    pub name: String,
    /// After how many seconds what was written to it is seen by all instances.
    pub refresh_s: u64,
    /// For how many seconds what was read of it is used while it fails.
    pub stale_if_error_s: u64,
}

/// The label of the store where the policy gives none.
pub const STORE_NAME_DEFAULT: &str = "default";
/// `refresh_s` where the policy does not say.
pub const STORE_REFRESH_S_DEFAULT: u64 = 5;
/// `stale_if_error_s` of the store where the policy does not say.
pub const STORE_STALE_IF_ERROR_S_DEFAULT: u64 = 60;

impl Default for StoreRule {
    fn default() -> Self {
        Self {
            name: STORE_NAME_DEFAULT.to_owned(),
            refresh_s: STORE_REFRESH_S_DEFAULT,
            stale_if_error_s: STORE_STALE_IF_ERROR_S_DEFAULT,
        }
    }
}

/// `[revocation]`: what has to be so that a token can be revoked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RevocationRule {
    /// For how many seconds a signed token is valid at most, from `iat` to `exp`. For so long is it
    /// remembered that it was revoked.
    pub token_lifetime_max_s: u64,
}

/// `token_lifetime_max_s` where the policy does not say: a week.
pub const TOKEN_LIFETIME_MAX_S_DEFAULT: u64 = 7 * 24 * 60 * 60;
