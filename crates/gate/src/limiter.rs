//! Rate limits: what this instance counted, and what instances share through the store.
//!
//! A limit that is not shared holds for each instance. A shared one is read from the store before the
//! request goes on and written after that, so the sum of all instances keeps to it as far as the store
//! shows one instance what another one wrote. Where the store fails, each instance goes by what it counted
//! itself: a limit never vanishes, and a store that fails refuses nobody.

use doorward_policy::{Permit, RateLimitId, Refusal, Traffic};
use doorward_token::digest;
use doorward_traffic::rate::{
    Counts, KeyDigest, RateKey, RateLimit, RateTable, RateVerdict, SlotRecord, Tat, retry_after_s,
    slot_name, slot_of,
};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use crate::platform::Platform;
use crate::received::Received;
use crate::store::SharedStore;

/// How often one writer writes in a row what has come meanwhile. What is left then is not written.
const WRITES_MAX: usize = 8;

/// What is counted, limit by limit.
pub(crate) struct Limiter<P: Platform> {
    tables: RefCell<Vec<RateTable>>,
    shared: Rc<Shared<P>>,
}

/// What goes to the store.
struct Shared<P: Platform> {
    platform: P,
    /// Those of the policy, for writers, which go on after the request.
    limits: Vec<RateLimit>,
    /// How many requests of a caller are not in the store yet. There is one writer for each entry: two
    /// that write at once would each take what the other one wrote for what it was before.
    unwritten: RefCell<BTreeMap<(RateLimitId, KeyDigest), u32>>,
    store: Rc<SharedStore<P>>,
}

/// A limit, and whose requests are counted.
pub(crate) struct Counted<'p> {
    pub(crate) id: RateLimitId,
    pub(crate) limit: &'p RateLimit,
    pub(crate) digest: KeyDigest,
}

impl<'p> Counted<'p> {
    /// `key` is what tells this caller from others; it may be a secret, and only its digest is kept.
    pub(crate) fn new(id: RateLimitId, limit: &'p RateLimit, key: &[u8]) -> Self {
        let whole = digest(key);
        let mut digest = KeyDigest::default();
        for (byte, whole) in digest.iter_mut().zip(whole) {
            *byte = whole;
        }
        Self { id, limit, digest }
    }
}

impl<P: Platform> Limiter<P> {
    pub(crate) fn new(platform: P, limits: &[RateLimit], store: Rc<SharedStore<P>>) -> Self {
        let tables = limits.iter().map(|_| RateTable::default()).collect();
        Self {
            tables: RefCell::new(tables),
            shared: Rc::new(Shared {
                platform,
                limits: limits.to_vec(),
                unwritten: RefCell::default(),
                store,
            }),
        }
    }

    /// Counts a request against its limits and says what is left of them.
    ///
    /// # Errors
    /// Status 429, with the verdict, where one of them is used up. Then nothing is counted against any.
    pub(crate) async fn take<'p>(
        &self,
        counted: &[Counted<'p>],
        verdicts: &mut Vec<(&'p RateLimit, RateVerdict)>,
    ) -> Result<(), Refusal> {
        if counted.len() > 1 {
            self.look(counted, verdicts).await?;
        }
        for counted in counted {
            let verdict = self.count(counted, true).await;
            let admitted = verdict.admitted;
            verdicts.push((counted.limit, verdict));
            if !admitted {
                let retry_after_s = retry_after_s([&verdict].into_iter());
                return Err(Refusal::rate_limited(&counted.limit.name, retry_after_s));
            }
        }
        Ok(())
    }

    /// Whether there is something left of the limits, without counting anything.
    ///
    /// # Errors
    /// Status 429, with all verdicts, where one of them is used up: come back when all of them admit it.
    pub(crate) async fn look<'p>(
        &self,
        counted: &[Counted<'p>],
        verdicts: &mut Vec<(&'p RateLimit, RateVerdict)>,
    ) -> Result<(), Refusal> {
        let mut seen = Vec::with_capacity(counted.len());
        for counted in counted {
            seen.push((counted.limit, self.count(counted, false).await));
        }
        let Some((limit, _)) = seen.iter().find(|(_, verdict)| !verdict.admitted) else {
            return Ok(());
        };
        let retry_after_s = retry_after_s(seen.iter().map(|(_, verdict)| verdict));
        let refusal = Refusal::rate_limited(&limit.name, retry_after_s);
        verdicts.extend(seen);
        Err(refusal)
    }

    async fn count(&self, counted: &Counted<'_>, take: bool) -> RateVerdict {
        let Counted { id, limit, digest } = counted;
        let shared = if limit.shared {
            self.shared.read(limit, digest).await
        } else {
            None
        };
        let now = self.shared.platform.now_millis();
        let mut tables = self.tables.borrow_mut();
        let Some(table) = tables.get_mut(usize::from(*id)) else {
            // There is a table for each limit of the policy.
            return limit.decide(None, now).0;
        };
        let mut is_ahead = false;
        if let Some(shared) = shared {
            // Both know of requests that the other one does not.
            table.learn(limit, digest, shared, now);
            is_ahead = limit.believed(shared, now) < shared;
        }
        let (verdict, count) = match take {
            true => {
                let verdict = table.decide(limit, digest, now);
                (verdict, u32::from(verdict.admitted))
            }
            false => (table.peek(limit, digest, now), 0),
        };
        drop(tables);
        // After a clock was set back, what is in the store would be believed again and again, as far as it
        // can be, and lock out for as long as the clock was ahead.
        if limit.shared && (count > 0 || is_ahead) {
            self.shared.unwritten(*id, *digest, count);
        }
        verdict
    }
}

impl<P: Platform> Shared<P> {
    /// So many more requests of a caller are not in the store yet. Where that is none, what is there is cut back
    /// to what can be believed of it.
    fn unwritten(self: &Rc<Self>, id: RateLimitId, digest: KeyDigest, more: u32) {
        let mut unwritten = self.unwritten.borrow_mut();
        if let Some(count) = unwritten.get_mut(&(id, digest)) {
            *count = count.saturating_add(more);
            return;
        }
        unwritten.insert((id, digest), more);
        drop(unwritten);
        let unwritten = Unwritten {
            shared: Rc::clone(self),
            id,
            digest,
        };
        self.platform.spawn(unwritten.write());
    }

    /// What the store says of a caller.
    async fn read(&self, limit: &RateLimit, digest: &KeyDigest) -> Option<Tat> {
        let store = self.store.open().await?;
        match store.get(&slot_name(&limit.name, slot_of(digest))).await {
            Ok(bytes) => SlotRecord::parse(&bytes?)?.get(digest),
            Err(error) => {
                self.store.log_failure(&error);
                None
            }
        }
    }
}

/// An entry of [`Shared::unwritten`], until its writer is done.
struct Unwritten<P: Platform> {
    shared: Rc<Shared<P>>,
    id: RateLimitId,
    digest: KeyDigest,
}

impl<P: Platform> Unwritten<P> {
    /// How many requests have come since this was asked last.
    fn take(&self) -> u32 {
        let mut entries = self.shared.unwritten.borrow_mut();
        let entry = entries.get_mut(&(self.id, self.digest));
        entry.map_or(0, std::mem::take)
    }

    /// Adds the requests of a caller to what the store says by now.
    async fn write(self) {
        let Shared {
            platform,
            limits,
            store,
            ..
        } = &*self.shared;
        let Some(limit) = limits.get(usize::from(self.id)) else {
            return;
        };
        let digest = &self.digest;
        let name = slot_name(&limit.name, slot_of(digest));
        for round in 0..WRITES_MAX {
            let count = self.take();
            if count == 0 && round > 0 {
                return;
            }
            let Some(open) = store.open().await else {
                return;
            };
            let written = async {
                let there = open.get(&name).await?;
                let mut record = there
                    .and_then(|bytes| SlotRecord::parse(&bytes))
                    .unwrap_or_default();
                let now = platform.now_millis();
                let mut tat = record.get(digest).map(|tat| limit.believed(tat, now));
                for _ in 0..count {
                    tat = Some(limit.decide(tat, now).1);
                }
                if let Some(tat) = tat {
                    record.put(limit, *digest, tat, now);
                }
                open.set(&name, &record.to_bytes()).await
            };
            if let Err(error) = written.await {
                store.log_failure(&error);
            }
        }
    }
}

impl<P: Platform> Drop for Unwritten<P> {
    fn drop(&mut self) {
        let mut entries = self.shared.unwritten.borrow_mut();
        entries.remove(&(self.id, self.digest));
    }
}

/// The limits that count by the head of a request alone, before anything is known of its credential.
/// `address` is what the client's address is counted under.
pub(crate) fn counted_by_head<'p>(
    traffic: Traffic<'p>,
    received: &Received,
    counts: Counts,
    address: &dyn Fn() -> Vec<u8>,
) -> Vec<Counted<'p>> {
    let limits = traffic
        .rate_limits()
        .filter(|(_, limit)| limit.counts == counts);
    limits
        .filter_map(|(id, limit)| {
            let key = match &limit.key {
                RateKey::Client => address(),
                RateKey::Header(name) => received.values(name).join(&b","[..]),
                RateKey::Subject | RateKey::ApiKey | RateKey::Claim(_) => return None,
            };
            Some(Counted::new(id, limit, &key))
        })
        .collect()
}

/// Whether there are limits that count by what the credential says.
pub(crate) fn counts_by_credential(traffic: Traffic<'_>) -> bool {
    traffic
        .rate_limits()
        .any(|(_, limit)| is_of_credential(limit))
}

/// The limits that count by what the credential says. Who has no such claim is counted by address.
pub(crate) fn counted_by_credential<'p>(
    permit: &Permit<'p>,
    address: &dyn Fn() -> Vec<u8>,
) -> Vec<Counted<'p>> {
    let limits = permit.traffic().rate_limits();
    limits
        .filter(|(_, limit)| is_of_credential(limit))
        .map(|(id, limit)| {
            let mut keys = permit.rate_keys();
            match keys.find(|(known, _)| *known == id) {
                Some((_, key)) => Counted::new(id, limit, key),
                None => Counted::new(id, limit, &address()),
            }
        })
        .collect()
}

fn is_of_credential(limit: &RateLimit) -> bool {
    limit.counts == Counts::Requests && !matches!(limit.key, RateKey::Client | RateKey::Header(_))
}
