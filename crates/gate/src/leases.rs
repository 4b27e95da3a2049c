//! What instances share where the host can add to a number in one step: a shared limit is then never exceeded.
//!
//! Permits are taken in leases: one addition for several requests, where there are many. An instance that has seen the
//! limit reached asks nobody until something has come due.

use doorward_policy::RateLimitId;
use doorward_retry::{Backoff, Random};
use doorward_traffic::Millis;
use doorward_traffic::rate::{Counts, KeyDigest, Meter, Tat, number};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use crate::counted::Counted;
use crate::platform::{Platform, StoreError};
use crate::store::{OpenStore, SharedStore};

/// Most keys of which an instance has permits at hand.
const KEYS_MAX: usize = 1024;
/// How often one request tries where other instances come in between.
const TRIES_MAX: u32 = 10;
/// How long it waits before it tries again, in milliseconds.
const PAUSE_MS: Backoff = Backoff {
    least: 1,
    first: 4,
    most: 256,
};
/// How often a number has to be read unchanged that is larger than its limit admits, to be cut back: longer than anybody
/// takes who has added too much.
const UNCHANGED_MIN: usize = 8;
/// Of how many numbers that are new to the store one has its names read, those that are not needed deleted.
const NAMES_READ_ONCE_IN: u64 = 64;

/// The permits that are at hand.
pub(crate) struct Leases<P: Platform> {
    platform: P,
    store: Rc<SharedStore<P>>,
    at_hand: RefCell<BTreeMap<(RateLimitId, KeyDigest), Lease>>,
}

/// What is at hand of a key.
#[derive(Clone, Copy)]
struct Lease {
    /// How many permits are left.
    permits: u32,
    /// Where the last of them has its place.
    tat: Tat,
    /// How many there were.
    size: u32,
}

impl<P: Platform> Leases<P> {
    pub(crate) fn new(platform: P, store: Rc<SharedStore<P>>) -> Self {
        Self {
            platform,
            store,
            at_hand: RefCell::default(),
        }
    }

    /// How many permits of this key are at hand. Where one is to be used, it is none of them any more.
    pub(crate) fn at_hand(&self, counted: &Counted<'_>, uses: bool, now: Millis) -> u32 {
        let mut at_hand = self.at_hand.borrow_mut();
        let Some(lease) = at_hand.get_mut(&(counted.id, counted.digest)) else {
            return 0;
        };
        let permits = counted.limit.unexpired(lease.permits, lease.tat, now);
        lease.permits = permits.saturating_sub(u32::from(uses));
        permits
    }

    /// When this key is due by what all instances know, and whether there is a permit left. Where one is to be taken, it
    /// is, and others to have at hand. `None`: nobody knows, and the instance is alone with the limit.
    pub(crate) async fn ask(
        &self,
        counted: &Counted<'_>,
        takes: bool,
    ) -> Option<(bool, Option<Tat>)> {
        let store = self.store.open().await?;
        match self.asked(&store, counted, takes).await {
            Ok(answer) => answer,
            Err(error) => {
                self.store.log_failure(&error);
                None
            }
        }
    }

    async fn asked(
        &self,
        store: &OpenStore<P>,
        counted: &Counted<'_>,
        takes: bool,
    ) -> Result<Option<(bool, Option<Tat>)>, StoreError> {
        let limit = counted.limit;
        // What was read last, and how often it was that already.
        let (mut last, mut unchanged) = (None, 0);
        for repetition in 0..TRIES_MAX {
            if repetition > 0 {
                let random = &mut Random::seeded(self.platform.random());
                let pause = Duration::from_millis(PAUSE_MS.pause(repetition, random));
                self.platform.pause(pause).await;
            }
            let now = self.platform.now_millis();
            let meter = Meter::of(limit, now);
            let (mut tat, mut name, mut there) = (None, String::new(), None);
            for meter in [meter.before(now), Some(meter)].into_iter().flatten() {
                name = meter.name(&limit.name, &counted.digest);
                there = store.get(&name).await?.and_then(|bytes| number(&bytes));
                tat = tat.max(there.and_then(|number| meter.tat(limit, number)));
            }
            unchanged = match last == Some(there) {
                true => unchanged + 1,
                false => 0,
            };
            last = Some(there);
            let now = self.platform.now_millis();
            let verdict = limit.peek(tat, now);
            let number = there.unwrap_or_default();
            let excess = meter.excess(limit, number, now);
            if excess > 0 || !verdict.admitted {
                // Others may have added too much, and take it back in a moment. What does not change is what is so.
                if excess == 0 && unchanged > 0 {
                    return Ok(Some((false, tat)));
                }
                // A clock was set back.
                if excess > 0 && unchanged + 1 >= UNCHANGED_MIN {
                    Self::cut_back(store, &name, number, excess)?;
                    return Ok(Some((false, tat)));
                }
                continue;
            }
            if !takes {
                return Ok(Some((true, tat)));
            }
            // Another request has taken some meanwhile.
            if self.at_hand(counted, true, now) > 0 {
                return Ok(Some((true, tat)));
            }
            if there.is_none() && self.store.has_many_counters() {
                return Ok(None);
            }
            let size = self.next_size(counted, verdict.remaining);
            let charge = meter.charge(limit, number, tat, size, now);
            let settled = charge.settle(store.increment(&name, charge.add())?);
            if settled.correction != 0 {
                store.increment(&name, settled.correction)?;
            }
            if there.is_none() {
                self.made_a_number();
            }
            if let Some(permits) = settled.permits {
                let tat = meter.tat(limit, settled.number);
                self.keep(counted, permits, tat);
                return Ok(Some((permits > 0, tat)));
            }
        }
        // Others come in between again and again: there is no saying what is left.
        Ok(Some((false, None)))
    }

    /// Cuts back a number that is larger than the limit admits, unless somebody else does at the same moment.
    fn cut_back(
        store: &OpenStore<P>,
        name: &str,
        there: i64,
        excess: i64,
    ) -> Result<(), StoreError> {
        let sum = store.increment(name, excess.saturating_neg())?;
        if sum != there.saturating_sub(excess) {
            store.increment(name, excess)?;
        }
        Ok(())
    }

    /// How many permits are taken now.
    fn next_size(&self, counted: &Counted<'_>, left: u32) -> u32 {
        // Each of those that prove false is written: what others have at hand would count against who has the right
        // one.
        if counted.limit.counts == Counts::FailedAuthentication {
            return 1;
        }
        let at_hand = self.at_hand.borrow();
        let lease = at_hand.get(&(counted.id, counted.digest));
        counted
            .limit
            .lease(lease.map_or(0, |lease| lease.size), left)
    }

    /// Uses the first of these permits, and has the others at hand.
    fn keep(&self, counted: &Counted<'_>, permits: u32, tat: Option<Tat>) {
        let Some(tat) = tat.filter(|_| counted.limit.has_leases()) else {
            return;
        };
        let mut at_hand = self.at_hand.borrow_mut();
        if at_hand.len() >= KEYS_MAX {
            // Whoever is in need of them takes new ones.
            at_hand.clear();
        }
        let lease = Lease {
            permits: permits.saturating_sub(1),
            tat,
            size: permits,
        };
        at_hand.insert((counted.id, counted.digest), lease);
    }

    /// One more name is in the store.
    fn made_a_number(&self) {
        if self.platform.random().is_multiple_of(NAMES_READ_ONCE_IN) {
            self.store.read_names();
        }
    }
}
