//! An instance of the component: where its policy is, and what it had of requests.

#[cfg(feature = "bundle")]
use doorward_policy::{Mounted, Refusal};
use std::cell::Cell;
#[cfg(feature = "bundle")]
use std::rc::Rc;

#[cfg(feature = "bundle")]
use crate::bundle::Fetched;
use crate::gate::{self, Gate};
use crate::mounted;
use crate::platform::{Millis, Platform, millis};
use crate::record::{RequestId, Times};

/// The gate of one instance of the component. It is dropped whole; work that outlives it holds what it needs.
pub struct Instance<P: Platform> {
    pub(crate) platform: P,
    /// By which its requests can be told from those of others.
    id: u64,
    /// When it began to serve, where anybody wants to know.
    pub(crate) born: Cell<Option<Millis>>,
    /// How many requests it had.
    requests: Cell<u64>,
    /// `None`: there is no policy that could be read, and every request is refused.
    #[cfg(not(feature = "bundle"))]
    pub(crate) gate: Option<Gate<P>>,
    /// Where its policy is.
    #[cfg(feature = "bundle")]
    source: Source<P>,
}

/// Where a policy is.
#[cfg(feature = "bundle")]
enum Source<P: Platform> {
    /// In the file that is mounted; `None`: it could not be read, and every request is refused.
    File(Option<Rc<Gate<P>>>),
    /// Where that file says. It is fetched.
    Fetched(Rc<Fetched<P>>),
}

/// By which gate a request is decided, and holds on to.
#[cfg(feature = "bundle")]
pub(crate) struct Held<P: Platform> {
    /// `None`: there is no policy.
    pub(crate) gate: Option<Rc<Gate<P>>>,
    /// Why nothing but what answers by itself is decided: what is there has expired, or nothing came yet.
    pub(crate) lacking: Option<Refusal>,
}

impl<P: Platform> Instance<P> {
    /// Reads the policy. Where it cannot be used, the log says why, and every request is refused.
    pub fn load(platform: P) -> Self {
        #[cfg(feature = "metrics")]
        let began_ns = platform.monotonic_ns();
        #[cfg(not(feature = "bundle"))]
        let policy = mounted::of_instance(&platform);
        #[cfg(feature = "bundle")]
        let policy = match mounted::of_instance(&platform) {
            Some(Mounted::Policy(policy)) => Some(*policy),
            Some(Mounted::Fetched(bootstrap)) => {
                let fetched = Fetched::new(&platform, *bootstrap);
                return Self::made(platform, Source::Fetched(fetched));
            }
            None => None,
        };
        if let Some(policy) = &policy {
            gate::telling(&platform, policy);
        }
        #[cfg(feature = "metrics")]
        gate::has_started(&platform, began_ns);
        let gate = policy.map(|policy| Gate::new(platform.clone(), policy));
        #[cfg(feature = "bundle")]
        let gate = Source::File(gate.map(Rc::new));
        Self::made(platform, gate)
    }

    #[cfg(not(feature = "bundle"))]
    fn made(platform: P, gate: Option<Gate<P>>) -> Self {
        Self {
            gate,
            id: platform.random(),
            born: Cell::new(None),
            requests: Cell::new(0),
            platform,
        }
    }

    #[cfg(feature = "bundle")]
    fn made(platform: P, source: Source<P>) -> Self {
        Self {
            source,
            id: platform.random(),
            born: Cell::new(None),
            requests: Cell::new(0),
            platform,
        }
    }

    /// By which gate a request that comes now is decided. It goes on with that one, whichever takes its place.
    #[cfg(feature = "bundle")]
    pub(crate) async fn held(&self) -> Held<P> {
        match &self.source {
            Source::File(gate) => Held {
                gate: gate.clone(),
                lacking: None,
            },
            Source::Fetched(fetched) => {
                let (gate, lacking) = fetched.in_force().await;
                Held { gate, lacking }
            }
        }
    }

    /// A name for the next request.
    pub(crate) fn next_request(&self) -> RequestId {
        let number = self.requests.get().wrapping_add(1);
        self.requests.set(number);
        let instance = self.id;
        RequestId { instance, number }
    }

    /// The times of a request that arrives at this time, in nanoseconds of the clock that nobody sets.
    pub(crate) fn times(&self, now_ns: u64) -> Times {
        let now = millis(now_ns);
        let born = self.born.get().unwrap_or(now);
        self.born.set(Some(born));
        Times::arrived(born, now)
    }
}
