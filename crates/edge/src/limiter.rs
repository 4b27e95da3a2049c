//! Rate limits: what this instance counted, and what instances share through the store.
//!
//! A limit that is not shared holds for each instance. A shared one is read from the store before the
//! request goes on and written after that, so the sum of all instances keeps to it as far as the store
//! shows one instance what another one wrote. Where the store fails, each instance goes by what it counted
//! itself: a limit never vanishes, and a store that fails refuses nobody.

use crate::clock;
use crate::received::Received;
use crate::store::SharedStore;
use doorward_policy::{Permit, RateLimitId, Refusal, Traffic};
use doorward_token::digest;
use doorward_traffic::rate::{
    Counts, KeyDigest, RateKey, RateLimit, RateTable, SlotRecord, Tat, Verdict, retry_after_s,
    slot_name, slot_of,
};
use std::cell::RefCell;
use std::collections::BTreeMap;
use wasip3::wit_bindgen;

/// How often one writer writes in a row what has come meanwhile. What is left then is not written.
const WRITES_MAX: usize = 8;

/// What is counted, limit by limit.
pub(crate) struct Limiter {
    tables: RefCell<Vec<RateTable>>,
    /// How many requests of a caller are not in the store yet. There is one writer for each entry: two
    /// that write at once would each take what the other one wrote for what it was before.
    unwritten: RefCell<BTreeMap<(RateLimitId, KeyDigest), u32>>,
    store: &'static SharedStore,
}

/// A limit, and whose requests are counted.
pub(crate) struct Counted {
    pub(crate) id: RateLimitId,
    pub(crate) limit: &'static RateLimit,
    pub(crate) digest: KeyDigest,
}

impl Counted {
    /// `key` is what tells this caller from others; it may be a secret, and only its digest is kept.
    pub(crate) fn new(id: RateLimitId, limit: &'static RateLimit, key: &[u8]) -> Self {
        let whole = digest(key);
        let mut digest = KeyDigest::default();
        for (byte, whole) in digest.iter_mut().zip(whole) {
            *byte = whole;
        }
        Self { id, limit, digest }
    }
}

impl Limiter {
    pub(crate) fn new(limits: &[RateLimit], store: &'static SharedStore) -> Self {
        let tables = limits.iter().map(|_| RateTable::default()).collect();
        Self {
            tables: RefCell::new(tables),
            unwritten: RefCell::default(),
            store,
        }
    }

    /// Counts a request against its limits and says what is left of them.
    ///
    /// # Errors
    /// Status 429, with the verdict, where one of them is used up. Then nothing is counted against any.
    pub(crate) async fn take(
        &'static self,
        counted: &[Counted],
        verdicts: &mut Vec<(&'static RateLimit, Verdict)>,
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
    pub(crate) async fn look(
        &'static self,
        counted: &[Counted],
        verdicts: &mut Vec<(&'static RateLimit, Verdict)>,
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

    async fn count(&'static self, counted: &Counted, take: bool) -> Verdict {
        let Counted { id, limit, digest } = counted;
        let shared = if limit.shared {
            self.read(limit, digest).await
        } else {
            None
        };
        let now = clock::now_millis();
        let mut tables = self.tables.borrow_mut();
        let Some(table) = tables.get_mut(usize::from(*id)) else {
            // There is a table for each limit of the policy.
            return limit.decide(None, now).0;
        };
        if let Some(shared) = shared {
            // Both know of requests that the other one does not.
            table.learn(limit, digest, shared, now);
        }
        if !take {
            return table.peek(limit, digest, now);
        }
        let verdict = table.decide(limit, digest, now);
        drop(tables);
        if limit.shared && verdict.admitted {
            let mut unwritten = self.unwritten.borrow_mut();
            if let Some(count) = unwritten.get_mut(&(*id, *digest)) {
                *count = count.saturating_add(1);
            } else {
                unwritten.insert((*id, *digest), 1);
                wit_bindgen::spawn(self.write(Unwritten(self, *id, *digest), limit));
            }
        }
        verdict
    }

    /// What the store says of a caller.
    async fn read(&self, limit: &RateLimit, digest: &KeyDigest) -> Option<Tat> {
        let store = self.store.open().await?;
        match store.get(&slot_name(&limit.name, slot_of(digest))).await {
            Ok(bytes) => SlotRecord::parse(&bytes?)?.get(digest),
            Err(error) => {
                self.store.tell(&error);
                None
            }
        }
    }

    /// Adds the requests of a caller to what the store says by now.
    async fn write(&'static self, unwritten: Unwritten, limit: &'static RateLimit) {
        let Unwritten(_, _, digest) = unwritten;
        let name = slot_name(&limit.name, slot_of(&digest));
        for _ in 0..WRITES_MAX {
            let count = unwritten.take();
            if count == 0 {
                return;
            }
            let Some(store) = self.store.open().await else {
                return;
            };
            let written = async {
                let there = store.get(&name).await?;
                let mut record = there
                    .and_then(|bytes| SlotRecord::parse(&bytes))
                    .unwrap_or_default();
                let now = clock::now_millis();
                let mut tat = record.get(&digest);
                for _ in 0..count {
                    tat = Some(limit.decide(tat, now).1);
                }
                if let Some(tat) = tat {
                    record.put(limit, digest, tat, now);
                }
                store.set(&name, &record.to_bytes()).await
            };
            if let Err(error) = written.await {
                self.store.tell(&error);
            }
        }
    }
}

/// An entry of [`Limiter::unwritten`], until its writer is done.
struct Unwritten(&'static Limiter, RateLimitId, KeyDigest);

impl Unwritten {
    /// How many requests have come since this was asked last.
    fn take(&self) -> u32 {
        let mut entries = self.0.unwritten.borrow_mut();
        entries.get_mut(&(self.1, self.2)).map_or(0, std::mem::take)
    }
}

impl Drop for Unwritten {
    fn drop(&mut self) {
        self.0.unwritten.borrow_mut().remove(&(self.1, self.2));
    }
}

/// The limits that count by the head of a request alone, before anything is known of its credential.
/// `address` is what the client's address is counted under.
pub(crate) fn counted_by_head(
    traffic: Traffic<'static>,
    received: &Received,
    counts: Counts,
    address: &dyn Fn() -> Vec<u8>,
) -> Vec<Counted> {
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
pub(crate) fn counts_by_credential(traffic: Traffic<'static>) -> bool {
    traffic
        .rate_limits()
        .any(|(_, limit)| is_of_credential(limit))
}

/// The limits that count by what the credential says. Who has no such claim is counted by address.
pub(crate) fn counted_by_credential(
    permit: &Permit<'static>,
    address: &dyn Fn() -> Vec<u8>,
) -> Vec<Counted> {
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
