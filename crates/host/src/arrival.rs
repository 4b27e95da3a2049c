//! A request that comes to an instance, and the requests that an instance has.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use crate::asking::Asked;
use crate::flow::Flow;
use crate::presence::Presence;
use crate::shares::{Shares, Tenancy, Tenants, Ticket};

/// Requests that are over, of which an instance remembers that until it looks.
const OVER_MAX: usize = 16;

/// What comes with a request.
pub struct Arrival {
    /// The exchange that it begins.
    pub flow: Arc<Flow>,
    /// Whether who sent it still waits.
    pub client: Arc<Presence>,
    /// That its client may have an instance; none where that has no limit.
    pub ticket: Option<Ticket>,
    /// The component that sent it, where one did.
    pub asked: Option<Asked>,
}

/// The requests that one instance has.
pub struct Aboard {
    /// None where clients do not share it.
    tenants: Option<Arc<Tenants>>,
    requests: Arc<Mutex<Requests>>,
}

struct Requests {
    /// Some that are over may be among them.
    flows: Vec<Weak<Flow>>,
    /// When the last one ended that did.
    ended: Instant,
}

/// A request that an instance has.
pub struct Boarded {
    /// The exchange that it began.
    pub flow: Weak<Flow>,
    /// To be held for as long as the instance works on it.
    pub stay: Arc<Stay>,
    /// The component that sent it, where one did.
    pub asked: Option<Asked>,
}

/// That an instance has a request.
pub struct Stay {
    requests: Arc<Mutex<Requests>>,
    _tenancy: Option<Tenancy>,
}

impl Drop for Stay {
    fn drop(&mut self) {
        lock(&self.requests).ended = Instant::now();
    }
}

fn lock(requests: &Mutex<Requests>) -> MutexGuard<'_, Requests> {
    // Nothing in here panics half-way.
    requests.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Aboard {
    /// None yet; with `shares` it counts for the clients whose requests they are.
    #[must_use]
    pub fn new(shares: Option<Arc<Shares>>) -> Self {
        let requests = Requests {
            flows: Vec::new(),
            ended: Instant::now(),
        };
        Self {
            tenants: shares.map(|shares| Arc::new(Tenants::new(shares))),
            requests: Arc::new(Mutex::new(requests)),
        }
    }

    /// The instance has one more.
    #[must_use]
    pub fn board(&self, arrival: Arrival) -> Boarded {
        let Arrival {
            flow,
            ticket,
            asked,
            client: _,
        } = arrival;
        let stay = Arc::new(Stay {
            requests: Arc::clone(&self.requests),
            _tenancy: self
                .tenants
                .as_ref()
                .map(|tenants| tenants.add(ticket.as_ref())),
        });
        flow.keep(Box::new(Arc::clone(&stay)));
        let flow = Arc::downgrade(&flow);
        let mut requests = lock(&self.requests);
        if requests.flows.len() >= OVER_MAX && requests.flows.len() == requests.flows.capacity() {
            requests.flows.retain(|flow| flow.strong_count() > 0);
        }
        requests.flows.push(Weak::clone(&flow));
        Boarded { flow, stay, asked }
    }

    /// When the instance is too late, if it may take so long while nothing moves. Never while a client is waited
    /// for: look again then.
    #[must_use]
    pub fn deadline(&self, timeout: Duration) -> Option<Instant> {
        let requests = lock(&self.requests);
        let flows = requests.flows.iter().filter_map(Weak::upgrade);
        // Not dropped with the lock held, which their end wants.
        let flows: Vec<Arc<Flow>> = flows.collect();
        let ended = requests.ended.checked_add(timeout);
        drop(requests);
        let deadlines = flows.iter().map(|flow| match flow.deadline(timeout) {
            Some(deadline) => Some(deadline.into_std()),
            None => Instant::now().checked_add(timeout),
        });
        deadlines.chain([ended]).flatten().max()
    }
}
