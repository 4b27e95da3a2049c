//! What an operator gives the gate: the policy, secrets, stores, and a host with its manners.

use super::message::Manner;
use doorward_gate::POLICY_PATH;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// A component as a manifest describes it.
#[derive(Clone, Debug)]
pub struct Component {
    /// The files that are mounted into it, by path.
    pub files: BTreeMap<String, Vec<u8>>,
    /// Its variables.
    pub secrets: BTreeMap<String, String>,
    /// How the names of its stores begin in the world.
    pub store_prefix: String,
    /// `allowed_outbound_hosts`: `scheme://host:port`, where the port may be `*`, or host and port alone; `None`: all.
    pub outbound: Option<Vec<String>>,
    /// The stores that it is granted.
    pub stores: BTreeSet<String>,
    /// Whether the policy is meant to be wrong.
    pub may_be_invalid: bool,
    /// What it sees of fields that belong to connections.
    pub manner: Manner,
    /// Whether its stores can add to a number in one step, and the component is the one that makes use of it.
    pub increments: bool,
    /// Whether the host says who is connected; otherwise what says so is the client's.
    pub tells_client: bool,
    /// Whether the host keeps the times of requests that are sent.
    pub keeps_time: bool,
    /// Whether the host takes what instances measure.
    pub measures: bool,
    /// How long an instance is kept that has nothing to do; `None`: as long as it can serve.
    pub idle_max: Option<Duration>,
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
            store_prefix: String::new(),
            outbound: None,
            stores: BTreeSet::from(["default".to_owned()]),
            may_be_invalid: false,
            manner: Manner::default(),
            increments: false,
            tells_client: true,
            keeps_time: true,
            measures: false,
            idle_max: None,
            requests_max: 128,
            at_once_max: 16,
        }
    }

    /// One that has no policy.
    #[must_use]
    pub fn without_policy() -> Self {
        let mut component = Self::new("");
        component.files.clear();
        component
    }

    /// Whether it may send requests there.
    #[must_use]
    pub fn may_reach(&self, https: bool, authority: &str) -> bool {
        let Some(outbound) = &self.outbound else {
            return true;
        };
        let scheme = if https { "https" } else { "http" };
        let host = authority
            .rsplit_once(':')
            .map_or(authority, |(host, _)| host);
        let exact = format!("{scheme}://{authority}");
        let any_port = format!("{scheme}://{host}:*");
        let mut outbound = outbound.iter();
        outbound.any(|allowed| *allowed == exact || *allowed == any_port || *allowed == authority)
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

    /// As the component that adds to numbers of the store.
    #[must_use]
    pub fn atomic(mut self) -> Self {
        self.increments = true;
        self
    }

    /// On a host that does not say who is connected.
    #[must_use]
    pub fn untold(mut self) -> Self {
        self.tells_client = false;
        self
    }

    /// On a host of this manner.
    #[must_use]
    pub fn on(mut self, manner: Manner) -> Self {
        self.manner = manner;
        self
    }
}
