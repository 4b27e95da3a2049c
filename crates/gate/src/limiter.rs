//! Rate limits: what this instance counted, and what instances share through the store.
//!
//! A limit that is not shared holds for each instance. A shared one is never exceeded where the host can add to a
//! number in one step ([`crate::leases`]). Elsewhere it is read from the store before the request goes on and
//! written after that, so the sum of all instances keeps to it as far as the store shows one instance what
//! another one wrote; at worst, where all are asked at the same moment, each of them admits the limit once. Where
//! the store fails, each instance goes by what it counted itself: a limit never vanishes, and a store that fails
//! refuses nobody.

use doorward_policy::{RateLimitId, Refusal};
use doorward_traffic::Millis;
use doorward_traffic::rate::{
    KeyDigest, RateLimit, RateTable, RateVerdict, SlotRecord, Tat, retry_after_s, slot_name,
    slot_of,
};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::pin::Pin;
use std::rc::Rc;

use crate::counted::Counted;
use crate::leases::Leases;
use crate::platform::Platform;
use crate::store::SharedStore;

/// How often one writer writes in a row what has come meanwhile. What is left then is not written.
const WRITES_MAX: usize = 8;

/// What is counted, limit by limit.
pub(crate) struct Limiter<P: Platform> {
    tables: RefCell<Vec<RateTable>>,
    shared: Rc<Shared<P>>,
    leases: Leases<P>,
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

impl<P: Platform> Limiter<P> {
    pub(crate) fn new(platform: P, limits: &[RateLimit], store: Rc<SharedStore<P>>) -> Self {
        let tables = limits.iter().map(|_| RateTable::default()).collect();
        Self {
            leases: Leases::new(platform.clone(), Rc::clone(&store)),
            tables: RefCell::new(tables),
            shared: Rc::new(Shared {
                platform,
                limits: limits.to_vec(),
                unwritten: RefCell::default(),
                store,
            }),
        }
    }

    /// Whether there is something left of the limits. Where the request `takes` of them, it is counted, and `verdicts`
    /// has what is left.
    ///
    /// # Errors
    /// Status 429, with the verdicts, where one of them is used up: come back when all of them admit it. Nothing is
    /// counted against any then.
    pub(crate) async fn ask<'p>(
        &self,
        counted: &[Counted<'p>],
        takes: bool,
        verdicts: &mut Vec<(&'p RateLimit, RateVerdict)>,
    ) -> Result<(), Refusal> {
        let looks = !takes || counted.len() > 1;
        for takes in [looks.then_some(false), takes.then_some(true)]
            .into_iter()
            .flatten()
        {
            let mut seen = Vec::with_capacity(counted.len());
            for counted in counted {
                let verdict = self.count(counted, takes).await;
                seen.push((counted.limit, verdict));
                if takes && !verdict.admitted {
                    break;
                }
            }
            let refused = refused(&seen);
            if takes || refused.is_err() {
                verdicts.append(&mut seen);
            }
            refused?;
        }
        Ok(())
    }

    /// Whether there is something left of the limits by what is known here: nobody waits for the store.
    ///
    /// # Errors
    /// The same.
    pub(crate) fn recall<'p>(
        &self,
        counted: &[Counted<'p>],
        verdicts: &mut Vec<(&'p RateLimit, RateVerdict)>,
    ) -> Result<(), Refusal> {
        let recalled = counted
            .iter()
            .map(|counted| (counted.limit, self.known(counted).0));
        let mut seen: Vec<_> = recalled.collect();
        let refused = refused(&seen);
        if refused.is_err() {
            verdicts.append(&mut seen);
        }
        refused
    }

    /// What is known here of a limit. Whether it was more than there can be: a clock was set back, and what is in the
    /// store as well may have to be cut back. Then nobody is refused for what is known here.
    fn known(&self, counted: &Counted<'_>) -> (RateVerdict, bool) {
        self.with_table(counted, &|limit, table, now| {
            let is_ahead = table.cut_back(limit, &counted.digest, now);
            let mut verdict = table.peek(limit, &counted.digest, now);
            verdict.admitted |= is_ahead;
            (verdict, is_ahead)
        })
    }

    fn with_table<T>(
        &self,
        counted: &Counted<'_>,
        what: &dyn Fn(&RateLimit, &mut RateTable, Millis) -> T,
    ) -> T {
        let now = self.shared.platform.now_millis();
        let mut tables = self.tables.borrow_mut();
        match tables.get_mut(usize::from(counted.id)) {
            Some(table) => what(counted.limit, table, now),
            // There is a table for each limit of the policy.
            None => what(counted.limit, &mut RateTable::default(), now),
        }
    }

    async fn count(&self, counted: &Counted<'_>, takes: bool) -> RateVerdict {
        let Counted { id, limit, digest } = counted;
        // Each in a place of its own: what a component never does is not in it.
        type Apart<'a, T> = Pin<Box<dyn Future<Output = T> + 'a>>;
        let increments = self.shared.platform.increments();
        if limit.shared && increments {
            let together: Apart<'_, RateVerdict> = Box::pin(self.count_together(counted, takes));
            return together.await;
        }
        let shared = if limit.shared && !increments {
            let shared: Apart<'_, Option<Tat>> = Box::pin(self.shared.read(limit, digest));
            shared.await
        } else {
            None
        };
        let (verdict, is_ahead) = self.with_table(counted, &|limit, table, now| {
            let mut is_ahead = false;
            if let Some(shared) = shared {
                // Both know of requests that the other one does not.
                table.learn(limit, digest, shared, now);
                is_ahead = limit.believed(shared, now) < shared;
            }
            match takes {
                true => (table.decide(limit, digest, now), is_ahead),
                false => (table.peek(limit, digest, now), is_ahead),
            }
        });
        let count = u32::from(takes && verdict.admitted);
        // After a clock was set back, what is in the store would be believed again and again, as far as it
        // can be, and lock out for as long as the clock was ahead.
        if !self.shared.platform.increments() && limit.shared && (count > 0 || is_ahead) {
            self.shared.unwritten(*id, *digest, count);
        }
        verdict
    }

    /// The same, of a limit whose number in the store is added to in one step. The table has what is known of it.
    async fn count_together(&self, counted: &Counted<'_>, takes: bool) -> RateVerdict {
        let now = self.shared.platform.now_millis();
        let at_hand = self.leases.at_hand(counted, takes, now);
        let (mut verdict, is_ahead) = self.known(counted);
        if at_hand > 0 {
            let left = at_hand - u32::from(takes);
            verdict.admitted = true;
            verdict.remaining = verdict.remaining.saturating_add(left);
        }
        // Who knows that nothing is left does not ask again before something has come due.
        if at_hand > 0 || !(verdict.admitted || is_ahead) {
            return verdict;
        }
        let answer = self.leases.ask(counted, takes).await;
        self.with_table(counted, &|limit, table, now| {
            let digest = &counted.digest;
            if let Some((_, Some(tat))) = answer {
                table.learn(limit, digest, tat, now);
            }
            match answer {
                None if takes => table.decide(limit, digest, now),
                None => table.peek(limit, digest, now),
                // What is left is without this request.
                Some((admitted, _)) => RateVerdict {
                    admitted,
                    ..table.peek(limit, digest, now)
                },
            }
        })
    }
}

/// Whether one of these limits is used up.
fn refused(seen: &[(&RateLimit, RateVerdict)]) -> Result<(), Refusal> {
    let Some((limit, _)) = seen.iter().find(|(_, verdict)| !verdict.admitted) else {
        return Ok(());
    };
    let retry_after_s = retry_after_s(seen.iter().map(|(_, verdict)| verdict));
    Err(Refusal::rate_limited(&limit.name, retry_after_s))
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
