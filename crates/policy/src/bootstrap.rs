//! `[bundle]`: where a policy is fetched that somebody has signed, in a file that has nothing else.

use doorward_token::bundle::{BundleExpectations, BundleKeys};

use crate::policy::Policy;

/// `refresh_s` of `[bundle]` where it does not say.
pub const BUNDLE_REFRESH_S_DEFAULT: u64 = 60;
/// `minimum` of `[bundle]` where it does not say: every bundle is accepted.
pub const BUNDLE_MINIMUM_DEFAULT: u64 = 1;

/// Where the policy is fetched, and whose signature it has to have.
#[derive(Debug)]
pub struct Bootstrap {
    /// Where: https, or http on a loopback address.
    pub url: String,
    /// The application that it has to be for.
    pub application: String,
    /// The keys that it is signed with.
    pub keys: BundleKeys,
    /// How many there are.
    pub keys_count: usize,
    /// How often it is asked for, in seconds: by all instances together, where they have a store.
    pub refresh_s: u64,
    /// The lowest sequence number that is accepted.
    pub minimum: u64,
    /// The label of the key-value store that has the last one.
    pub store: String,
}

impl Bootstrap {
    /// What a bundle has to be.
    #[must_use]
    pub fn expectations(&self) -> BundleExpectations<'_> {
        BundleExpectations {
            keys: &self.keys,
            application: &self.application,
            minimum: self.minimum,
        }
    }
}

/// What a file says that is mounted as a policy.
#[derive(Debug)]
pub enum Mounted {
    /// It is one.
    Policy(Box<Policy>),
    /// It says where one is fetched.
    Fetched(Box<Bootstrap>),
}
