//! What an operator gives the gate: the policy, secrets, stores, and a host with its manners.

use super::message::Manner;
use doorward_gate::POLICY_PATH;
use std::collections::{BTreeMap, BTreeSet};

/// A component as a manifest describes it.
#[derive(Clone, Debug)]
pub struct Component {
    /// The files that are mounted into it, by path.
    pub files: BTreeMap<String, Vec<u8>>,
    /// Its variables.
    pub secrets: BTreeMap<String, String>,
    /// The stores that it is granted.
    pub stores: BTreeSet<String>,
    /// Whether the policy is meant to be wrong.
    pub may_be_invalid: bool,
    /// What it sees of fields that belong to connections.
    pub manner: Manner,
    /// Whether the host keeps the times of requests that are sent.
    pub keeps_time: bool,
    /// Requests that an instance serves at most.
    pub requests_max: usize,
    /// Requests that an instance serves at the same time.
    pub at_once_max: usize,
}

impl Component {
    /// One with this policy, the default store, and what Spin does otherwise.
    #[must_use]
    pub fn new(policy: &str) -> Self {
        Self {
            files: BTreeMap::from([(POLICY_PATH.to_owned(), policy.as_bytes().to_vec())]),
            secrets: BTreeMap::new(),
            stores: BTreeSet::from(["default".to_owned()]),
            may_be_invalid: false,
            manner: Manner::default(),
            keeps_time: true,
            requests_max: 128,
            at_once_max: 16,
        }
    }

    /// With this variable.
    #[must_use]
    pub fn secret(mut self, name: &str, value: &str) -> Self {
        self.secrets.insert(name.to_owned(), value.to_owned());
        self
    }

    /// With this file.
    #[must_use]
    pub fn file(mut self, path: &str, contents: impl Into<Vec<u8>>) -> Self {
        self.files.insert(path.to_owned(), contents.into());
        self
    }

    /// With a policy that is wrong on purpose.
    #[must_use]
    pub fn invalid(mut self) -> Self {
        self.may_be_invalid = true;
        self
    }

    /// On a host of this manner.
    #[must_use]
    pub fn on(mut self, manner: Manner) -> Self {
        self.manner = manner;
        self
    }
}
