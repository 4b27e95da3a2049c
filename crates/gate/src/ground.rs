//! What everything in an instance stands on: the host, the policy, and what was told already.

use doorward_policy::Policy;
use doorward_traffic::address::{Client, limit_key, peer_of};
use doorward_traffic::spoofing::spoofing;
use std::cell::RefCell;

use crate::event::Event;
use crate::platform::Platform;
use crate::read_on::ReadingOn;
use crate::received::Received;
use crate::recording::Recording as _;

/// The field in which hosts say who is connected.
const CLIENT_ADDR: &str = "spin-client-addr";

/// What everything in an instance stands on.
pub(crate) struct Ground<P> {
    /// The host.
    pub(crate) platform: P,
    /// The policy.
    pub(crate) policy: Policy,
    /// The entries of [`doorward_traffic::spoofing`] that were told: no more than there are, and nothing of a
    /// request.
    told: RefCell<Vec<&'static str>>,
    /// The bodies that nobody wants any more.
    pub(crate) reading_on: ReadingOn,
}

impl<P: Platform> Ground<P> {
    pub(crate) fn new(platform: P, policy: Policy) -> Self {
        Self {
            platform,
            policy,
            told: RefCell::default(),
            reading_on: ReadingOn::default(),
        }
    }

    /// Says in the log that a field of this name was removed because a client could pass for another request or somebody
    /// else with it, unless it is an ordinary one. Each is told once for the life of an instance, so that
    /// whoever misses one finds out why, and nobody can fill the log.
    pub(crate) fn log_spoofing(&self, name: &str) {
        let Some(found) = spoofing(name) else {
            return;
        };
        let mut told = self.told.borrow_mut();
        if told.contains(&found.entry) {
            return;
        }
        told.push(found.entry);
        drop(told);
        self.platform.record(&Event::FieldRemoved(&found));
    }

    /// Whose request it is.
    pub(crate) fn client(&self, received: &Received) -> Client {
        let trusted = &self.policy.proxy().trusted;
        let peer = match self.platform.tells_client() {
            true => peer_of(&received.values(CLIENT_ADDR)),
            false => None,
        };
        trusted.client(peer, &received.values("x-forwarded-for"))
    }

    /// The address that a request is counted under.
    pub(crate) fn address_key(&self, received: &Received) -> Vec<u8> {
        let client = self.client(received);
        // Where the host does not say who is connected, all are counted as one.
        client
            .address
            .map_or_else(Vec::new, |address| limit_key(address).to_vec())
    }
}
