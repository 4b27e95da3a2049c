//! A key-value store that instances share: each call takes a time, may fail, and may read what was there a
//! while ago. There is no compare-and-swap; to add to a
//! number is one step.

use super::executor::{Executor, WORLD};
use doorward_gate::platform::{Store, StoreError};
use doorward_traffic::rate::number;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

/// Names that are handed over at a time.
const NAMES_AT_A_TIME: usize = 1024;

/// How often who has to wait looks again.
const LOOK_EVERY: Duration = Duration::from_millis(2);

/// What a store does with calls.
#[derive(Debug, Clone, Default)]
pub enum Calls {
    /// They succeed.
    #[default]
    Work,
    /// They fail.
    Fail,
    /// They never end.
    Hang,
}

/// A store, whoever has it open.
pub struct Shared {
    executor: Rc<Executor>,
    /// Every value that a name had, and since when.
    values: RefCell<BTreeMap<String, Vec<Version>>>,
    /// How long a call takes.
    pub latency: Cell<Duration>,
    /// How late a reader sees what was written.
    pub lag: Cell<Duration>,
    /// Whether a write that nobody waits for any more happens all the same.
    pub outlives: Cell<bool>,
    calls: RefCell<Calls>,
    writes: Cell<usize>,
    listings: Cell<usize>,
    /// Whether all who write have to wait.
    holds_writes: Cell<bool>,
}

struct Version {
    since: Duration,
    /// `None`: deleted.
    value: Option<Vec<u8>>,
}

impl Shared {
    /// An empty store.
    #[must_use]
    pub fn new(executor: &Rc<Executor>) -> Rc<Self> {
        Rc::new(Self {
            executor: Rc::clone(executor),
            values: RefCell::default(),
            latency: Cell::new(Duration::ZERO),
            lag: Cell::new(Duration::ZERO),
            outlives: Cell::new(false),
            calls: RefCell::default(),
            writes: Cell::new(0),
            listings: Cell::new(0),
            holds_writes: Cell::new(false),
        })
    }

    /// What calls do from now on.
    pub fn calls(&self, calls: Calls) {
        *self.calls.borrow_mut() = calls;
    }

    /// Makes all who write wait, or lets them go on.
    pub fn hold_writes(&self, holds: bool) {
        self.holds_writes.set(holds);
    }

    /// Writes, as an operator does: at once.
    pub fn put(&self, name: &str, value: impl Into<Vec<u8>>) {
        self.write(name, Some(value.into()));
    }

    /// Takes a name out, as an operator does.
    pub fn take(&self, name: &str) {
        self.write(name, None);
    }

    /// The newest value.
    #[must_use]
    pub fn newest(&self, name: &str) -> Option<Vec<u8>> {
        let values = self.values.borrow();
        values.get(name)?.last()?.value.clone()
    }

    /// What a reader saw then, and what came into sight from then on, each until the next.
    #[must_use]
    pub fn seen_since(&self, name: &str, then: Duration) -> Vec<Option<Vec<u8>>> {
        let (lag, now) = (self.lag.get(), self.executor.now());
        let values = self.values.borrow();
        let versions = values.get(name).map_or(&[][..], Vec::as_slice);
        let in_sight = versions.iter().filter(|version| version.since + lag <= now);
        let before = in_sight
            .clone()
            .rfind(|version| version.since + lag <= then);
        let after = in_sight.filter(|version| version.since + lag > then);
        let mut seen = vec![before.and_then(|version| version.value.clone())];
        seen.extend(after.map(|version| version.value.clone()));
        seen
    }

    /// All names that have a value.
    #[must_use]
    pub fn all_names(&self) -> Vec<String> {
        self.seen_names(Duration::ZERO)
    }

    /// How often something was written.
    #[must_use]
    pub fn writes(&self) -> usize {
        self.writes.get()
    }

    /// When something was written, in order of names.
    #[must_use]
    pub fn write_times(&self) -> Vec<Duration> {
        let values = self.values.borrow();
        let versions = values.values().flatten();
        versions.map(|version| version.since).collect()
    }

    /// How often all names were asked for.
    #[must_use]
    pub fn listings(&self) -> usize {
        self.listings.get()
    }

    fn write(&self, name: &str, value: Option<Vec<u8>>) {
        self.writes.set(self.writes.get() + 1);
        let since = self.executor.now();
        let mut values = self.values.borrow_mut();
        let versions = values.entry(name.to_owned()).or_default();
        versions.push(Version { since, value });
    }

    /// A call that writes. Whoever waits for it may leave before it is done.
    async fn written(
        self: &Rc<Self>,
        name: &str,
        value: Option<Vec<u8>>,
    ) -> Result<(), StoreError> {
        while self.holds_writes.get() {
            self.executor.sleep(LOOK_EVERY).await;
        }
        let works = matches!(*self.calls.borrow(), Calls::Work);
        if works && self.outlives.get() {
            let (store, name) = (Rc::clone(self), name.to_owned());
            self.executor.spawn(WORLD, async move {
                if store.call().await.is_ok() {
                    store.write(&name, value);
                }
            });
            return self.call().await;
        }
        self.call().await?;
        self.write(name, value);
        Ok(())
    }

    fn seen(&self, name: &str, lag: Duration) -> Option<Vec<u8>> {
        let now = self.executor.now();
        let values = self.values.borrow();
        let mut versions = values.get(name)?.iter().rev();
        versions
            .find(|version| version.since + lag <= now)?
            .value
            .clone()
    }

    fn seen_names(&self, lag: Duration) -> Vec<String> {
        let names: Vec<_> = self.values.borrow().keys().cloned().collect();
        names
            .into_iter()
            .filter(|name| self.seen(name, lag).is_some())
            .collect()
    }

    async fn call(&self) -> Result<(), StoreError> {
        let latency = self.latency.get();
        if !latency.is_zero() {
            self.executor.sleep(latency).await;
        }
        let calls = self.calls.borrow().clone();
        match calls {
            Calls::Work => Ok(()),
            Calls::Fail => Err(StoreError::Other("the store fails".to_owned())),
            Calls::Hang => std::future::pending().await,
        }
    }
}

/// A store that is open.
pub struct Open(Rc<Shared>);

impl Open {
    /// Opens it, which says nothing of whether it works.
    #[must_use]
    pub fn new(shared: Rc<Shared>) -> Self {
        Self(shared)
    }
}

impl Store for Open {
    async fn get(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.0.call().await?;
        Ok(self.0.seen(name, self.0.lag.get()))
    }

    async fn set(&self, name: &str, value: &[u8]) -> Result<(), StoreError> {
        self.0.written(name, Some(value.to_vec())).await
    }

    async fn delete(&self, name: &str) -> Result<(), StoreError> {
        self.0.written(name, None).await
    }

    async fn exists(&self, name: &str) -> Result<bool, StoreError> {
        Ok(self.get(name).await?.is_some())
    }

    fn increment(&self, name: &str, by: i64) -> Result<i64, StoreError> {
        if !matches!(*self.0.calls.borrow(), Calls::Work) {
            return Err(StoreError::Other("the store fails".to_owned()));
        }
        // What was written last, whoever has not seen it yet.
        let before = self.0.newest(name).and_then(|bytes| number(&bytes));
        let sum = before.unwrap_or_default() + by;
        self.0.write(name, Some(sum.to_le_bytes().to_vec()));
        Ok(sum)
    }

    async fn names(
        &self,
        take: &mut dyn FnMut(Vec<String>) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        self.0.listings.set(self.0.listings.get() + 1);
        self.0.call().await?;
        let names = self.0.seen_names(self.0.lag.get());
        for some in names.chunks(NAMES_AT_A_TIME) {
            take(some.to_vec())?;
            self.0.executor.turn().await;
        }
        Ok(())
    }
}
