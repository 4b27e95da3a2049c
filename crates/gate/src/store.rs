//! The key-value store that instances share, and what is in it beside key sets: revocations and API
//! keys.
//!
//! Revocations are entries whose *names* say everything, so that one listing of names shows all of
//! them, and nothing that two write at once is lost. The listing is read once for many requests: at
//! half of the policy's `refresh_s` it is read again after the response, and what is older than
//! `refresh_s` is not used before it was read again. Where the store fails, what was read last is used
//! for `stale_if_error_s`; after that, and where it was never read, requests are refused.

use doorward_policy::{Refusal, StoreRule};
use doorward_token::UnixTime;
use doorward_token::api_key::KeyRecord;
use doorward_token::revocation::{REVOCATIONS_MAX, Reading, RevocationSet};
use doorward_traffic::rate::is_over;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use crate::clock::{self, TimedOut};
use crate::event::Event;
use crate::flight::{Flight, Landing};
use crate::platform::{Platform, Store as _, StoreError};
use crate::recording::Recording as _;
use crate::span::kind::Kind;
use crate::span::{self, Span};

/// Names that a store may hold, ours and others'. A larger one takes too long to list every few
/// seconds; give the gate one of its own (`[store] name`).
const NAMES_MAX: usize = 200_000;
/// API keys of a store that the gate knows of.
const API_KEYS_MAX: usize = 65_536;
/// Numbers of shared limits that a store has before no new ones are made. What is counted by others then, each instance
/// counts alone.
const COUNTERS_MAX: usize = 16_384;
/// Records of API keys that are kept in memory.
const API_KEYS_KEPT_MAX: usize = 1024;
/// Numbers of shared limits that are deleted after one listing.
const PRUNED_MAX: usize = 256;
/// How long a store has for one call.
const CALL_TIME_MAX: Duration = Duration::from_secs(2);
/// How long a store has to list its names.
const LISTING_TIME_MAX: Duration = Duration::from_secs(5);
/// How often one request waits for a listing: for the one it found under way, and for one of its own where that
/// was too old or came to no end. After one that failed there is no other one.
const WAITS_MAX: usize = 2;
/// When to come back where the store fails, in seconds.
const RETRY_AFTER_S: u64 = 5;

/// The store, and what was read from it.
pub(crate) struct SharedStore<P: Platform> {
    platform: P,
    rule: StoreRule,
    /// Whether the store turned out not to be granted.
    denied: Cell<bool>,
    instance: u64,
    state: RefCell<State>,
    flight: Flight<P>,
}

/// API keys by id: when the record was read, and what it was, of those of which it was. Ids alone are kept in one of
/// these as well: a map of another type is 4 KB of code.
type ApiKeys = BTreeMap<String, Option<(UnixTime, Rc<KeyRecord>)>>;

#[derive(Default)]
struct State {
    directory: Option<Rc<Directory>>,
    read_at: Option<UnixTime>,
    /// By which listing it was read, and how many have begun.
    listing: u64,
    listings: u64,
    /// How many of them have failed.
    failures: u64,
    /// How many numbers of shared limits there were.
    counters: usize,
    api_keys: ApiKeys,
}

/// What the names in the store say.
#[derive(Default)]
pub(crate) struct Directory {
    /// What is revoked.
    pub(crate) revocations: RevocationSet,
    /// The ids of the API keys.
    api_key_ids: ApiKeys,
}

/// How the store is.
#[cfg(feature = "health")]
pub(crate) enum StoreHealth {
    /// It was read.
    Read,
    /// It cannot be read, and what was read before is in use.
    Old,
    /// It cannot be read.
    Unavailable,
}

enum Step {
    Use(Rc<Directory>),
    Wait,
}

impl<P: Platform> SharedStore<P> {
    /// A store of which nothing was read yet.
    pub(crate) fn new(platform: P, rule: &StoreRule) -> Rc<Self> {
        Rc::new(Self {
            rule: rule.clone(),
            denied: Cell::new(false),
            instance: platform.random() | 1,
            state: RefCell::default(),
            flight: Flight::new(platform.clone()),
            platform,
        })
    }

    /// The store, where it is granted.
    pub(crate) async fn open(&self) -> Option<OpenStore<P>> {
        if self.denied.get() {
            return None;
        }
        let opened = self.platform.open_store(&self.rule.name);
        match in_time(&self.platform, "open", CALL_TIME_MAX, opened).await {
            Ok(store) => Some(OpenStore {
                platform: self.platform.clone(),
                store,
            }),
            Err(error) => {
                self.denied.set(matches!(
                    error,
                    StoreError::AccessDenied | StoreError::NoSuchStore
                ));
                self.platform.record(&Event::StoreNotGranted {
                    store: &self.rule.name,
                    error: &error,
                });
                None
            }
        }
    }

    /// By which others can tell this instance from themselves: a random number, not zero.
    pub(crate) fn instance(&self) -> u64 {
        self.instance
    }

    /// Says in the log that a call failed.
    pub(crate) fn log_failure(&self, error: &StoreError) {
        self.platform.record(&Event::StoreUnavailable {
            store: &self.rule.name,
            error,
        });
    }

    /// What the names in the store say, no older than `refresh_s`, and the time: `now`, or later where
    /// the store had to be waited for. A listing that began after this was asked for is as new as can be,
    /// however long it took.
    ///
    /// # Errors
    /// A refusal with status 503 when the store cannot be read, and what was read last is older than
    /// `stale_if_error_s` allows.
    pub(crate) async fn directory(
        self: &Rc<Self>,
        mut now: UnixTime,
    ) -> Result<(Rc<Directory>, UnixTime), Refusal> {
        let (listings, failures) = {
            let state = self.state.borrow();
            (state.listings, state.failures)
        };
        for _ in 0..WAITS_MAX {
            if let Step::Use(directory) = self.step(now) {
                return Ok((directory, now));
            }
            self.flight.ended().await;
            now = self.platform.now();
            let state = self.state.borrow();
            if let (Some(directory), Some(at)) = (&state.directory, state.read_at)
                && (state.listing > listings || age_s(at, now) < self.usable_s())
            {
                return Ok((Rc::clone(directory), now));
            }
            // Who comes next has it read again. Where the store hangs, that takes long enough once.
            if state.failures != failures {
                break;
            }
        }
        Err(unavailable())
    }

    /// What was read is no longer what is there: it is read again before it is used.
    pub(crate) fn forget(&self) {
        self.state.borrow_mut().read_at = None;
    }

    /// How it is, by what was read of it last.
    #[cfg(feature = "health")]
    pub(crate) fn health(&self, now: UnixTime) -> StoreHealth {
        let state = self.state.borrow();
        let under_way = u64::from(self.flight.is_under_way());
        match state.read_at {
            Some(at) if age_s(at, now) >= self.usable_s() => StoreHealth::Unavailable,
            Some(_) if state.listing + under_way < state.listings => StoreHealth::Old,
            Some(_) => StoreHealth::Read,
            None => StoreHealth::Unavailable,
        }
    }

    /// Whether there are so many numbers of shared limits that no new ones are made.
    pub(crate) fn has_many_counters(&self) -> bool {
        self.state.borrow().counters >= COUNTERS_MAX
    }

    /// What the names in the store say, if that was read and may be used still. Nothing comes of asking.
    #[cfg(feature = "report")]
    pub(crate) fn directory_at_hand(&self, now: UnixTime) -> Option<Rc<Directory>> {
        let state = self.state.borrow();
        let is_usable = age_s(state.read_at?, now) < self.usable_s();
        state.directory.clone().filter(|_| is_usable)
    }

    /// For how long what was read may be used, in seconds.
    fn usable_s(&self) -> u64 {
        self.rule
            .refresh_s
            .saturating_add(self.rule.stale_if_error_s)
    }

    fn step(self: &Rc<Self>, now: UnixTime) -> Step {
        let state = self.state.borrow();
        if let (Some(directory), Some(at)) = (&state.directory, state.read_at) {
            let age_s = age_s(at, now);
            if age_s < self.rule.refresh_s {
                let directory = Rc::clone(directory);
                drop(state);
                if age_s >= self.rule.refresh_s.div_ceil(2) {
                    self.read_names();
                }
                return Step::Use(directory);
            }
        }
        drop(state);
        self.read_names();
        Step::Wait
    }

    /// Has the names read, unless somebody does: after the response, or while whoever needs them waits. What nobody
    /// needs any more is deleted then.
    pub(crate) fn read_names(self: &Rc<Self>) {
        if let Some(landing) = self.flight.begin() {
            let store = Rc::clone(self);
            self.state.borrow_mut().listings += 1;
            let refresh = async move { store.refresh(landing).await };
            self.platform
                .spawn(span::inherited(&self.platform, refresh));
        }
    }

    async fn refresh(&self, landing: Landing<P>) {
        let Some(store) = self.open().await else {
            self.failed();
            return;
        };
        // What is written while the names are read may be missed, so they are as old as the question.
        let asked_at = self.platform.now();
        let mut listing = Listing::default();
        let whole = in_time(
            &self.platform,
            "list",
            LISTING_TIME_MAX,
            listing.read(&store, asked_at),
        )
        .await;
        // Also where there are too many names: so that there will be fewer.
        let mut over = std::mem::take(&mut listing.revocations.over);
        over.append(&mut listing.counters_over);
        self.count(listing.counters);
        match whole {
            Ok(()) => self.keep(listing.directory(&self.platform), asked_at),
            Err(error) => {
                self.failed();
                self.log_failure(&error);
            }
        }
        drop(landing);
        for name in over {
            if let Err(error) = store.delete(&name).await {
                return self.log_failure(&error);
            }
        }
    }

    fn count(&self, counters: usize) {
        let mut state = self.state.borrow_mut();
        let (before, is_many) = (state.counters, counters >= COUNTERS_MAX);
        state.counters = counters;
        drop(state);
        if is_many && before < COUNTERS_MAX {
            self.platform.record(&Event::CountersMany { counters });
        }
    }

    fn failed(&self) {
        self.state.borrow_mut().failures += 1;
    }

    fn keep(&self, directory: Directory, read_at: UnixTime) {
        let mut state = self.state.borrow_mut();
        state.api_keys.retain(|id, _| directory.has_key(id));
        state.directory = Some(Rc::new(directory));
        // There is one at a time.
        state.listing = state.listings;
        state.read_at = Some(read_at);
    }

    /// The record of the API key with this id, as it was within the last `refresh_s`.
    ///
    /// # Errors
    /// A refusal with status 503 when it cannot be read.
    pub(crate) async fn api_key(
        self: &Rc<Self>,
        id: &str,
    ) -> Result<Option<Rc<KeyRecord>>, Refusal> {
        let (directory, now) = self.directory(self.platform.now()).await?;
        if directory.api_key_ids.len() > API_KEYS_MAX {
            return Err(unavailable());
        }
        // A made-up key costs no reading.
        if !directory.has_key(id) {
            return Ok(None);
        }
        let known = self.state.borrow().api_keys.get(id).cloned().flatten();
        if let Some((at, record)) = &known
            && age_s(*at, now) < self.rule.refresh_s
        {
            return Ok(Some(Rc::clone(record)));
        }
        let store = self.open().await.ok_or_else(unavailable)?;
        let bytes = match store.get(&KeyRecord::entry_name(id)).await {
            Ok(bytes) => bytes,
            Err(error) => {
                self.log_failure(&error);
                return match known {
                    Some((at, record)) if age_s(at, self.platform.now()) < self.usable_s() => {
                        Ok(Some(record))
                    }
                    _ => Err(unavailable()),
                };
            }
        };
        let record = match bytes.map(|bytes| KeyRecord::parse(&bytes, id)) {
            Some(Ok(record)) => Rc::new(record),
            Some(Err(error)) => {
                self.platform.record(&Event::RecordIgnored {
                    store: Some(&self.rule.name),
                    name: &KeyRecord::entry_name(id),
                    reason: &error,
                });
                return Ok(None);
            }
            None => return Ok(None),
        };
        let mut state = self.state.borrow_mut();
        if state.api_keys.len() >= API_KEYS_KEPT_MAX {
            state.api_keys.clear();
        }
        let kept = Some((now, Rc::clone(&record)));
        state.api_keys.insert(id.to_owned(), kept);
        Ok(Some(record))
    }
}

/// The refusal where the store cannot be read or written.
pub(crate) fn unavailable() -> Refusal {
    Refusal::store_unavailable(RETRY_AFTER_S)
}

/// A store whose every call ends within [`CALL_TIME_MAX`].
pub(crate) struct OpenStore<P: Platform> {
    platform: P,
    store: P::Store,
}

impl<P: Platform> OpenStore<P> {
    /// The store of this name.
    ///
    /// # Errors
    /// What the host says, or that it says nothing.
    #[cfg(feature = "ops")]
    pub(crate) async fn of(platform: &P, name: &str) -> Result<Self, StoreError> {
        let opened = platform.open_store(name);
        let store = in_time(platform, "open", CALL_TIME_MAX, opened).await?;
        let platform = platform.clone();
        Ok(Self { platform, store })
    }

    /// The value of this name.
    ///
    /// # Errors
    /// What the store says, or that it says nothing.
    pub(crate) async fn get(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        in_time(&self.platform, "get", CALL_TIME_MAX, self.store.get(name)).await
    }

    /// Gives this name a value.
    ///
    /// # Errors
    /// What the store says, or that it says nothing.
    pub(crate) async fn set(&self, name: &str, value: &[u8]) -> Result<(), StoreError> {
        in_time(
            &self.platform,
            "set",
            CALL_TIME_MAX,
            self.store.set(name, value),
        )
        .await
    }

    /// Whether this name has a value.
    ///
    /// # Errors
    /// What the store says, or that it says nothing.
    pub(crate) async fn exists(&self, name: &str) -> Result<bool, StoreError> {
        in_time(
            &self.platform,
            "exists",
            CALL_TIME_MAX,
            self.store.exists(name),
        )
        .await
    }

    /// Adds to the number of this name, and gives the sum.
    ///
    /// # Errors
    /// What the store says, or that it says nothing.
    pub(crate) fn increment(&self, name: &str, by: i64) -> Result<i64, StoreError> {
        self.store.increment(name, by)
    }

    async fn delete(&self, name: &str) -> Result<(), StoreError> {
        in_time(
            &self.platform,
            "delete",
            CALL_TIME_MAX,
            self.store.delete(name),
        )
        .await
    }
}

async fn in_time<P: Platform, T>(
    platform: &P,
    operation: &'static str,
    limit: Duration,
    call: impl Future<Output = Result<T, StoreError>>,
) -> Result<T, StoreError> {
    let mut span = Span::begin(platform, Kind::Client, operation);
    span.tell("db.system.name", || "key_value".to_owned());
    span.tell("db.operation.name", || operation.to_owned());
    let answer = clock::within(platform, limit, call).await;
    let answer =
        answer.unwrap_or_else(|TimedOut| Err(StoreError::Other("no answer in time".to_owned())));
    if answer.is_err() {
        span.fails(|| "store".to_owned());
    }
    span.ends();
    answer
}

/// A clock that was set back makes everything old: better one reading too many.
fn age_s(at: UnixTime, now: UnixTime) -> u64 {
    if now < at {
        u64::MAX
    } else {
        now.seconds_since(at)
    }
}

impl Directory {
    fn has_key(&self, id: &str) -> bool {
        self.api_key_ids.contains_key(id)
    }
}

/// What was read of the names so far.
#[derive(Default)]
struct Listing {
    revocations: Reading,
    /// How many numbers of shared limits there are, and which of them nobody needs any more.
    counters: usize,
    counters_over: Vec<String>,
    api_key_ids: ApiKeys,
}

impl Listing {
    async fn read<P: Platform>(
        &mut self,
        store: &OpenStore<P>,
        now: UnixTime,
    ) -> Result<(), StoreError> {
        let (increments, now_millis) = (store.platform.increments(), store.platform.now_millis());
        let mut count = 0;
        let mut refused = None;
        let mut take = |names: Vec<String>| {
            count += names.len();
            if count > NAMES_MAX {
                return Err(StoreError::Other(format!("more than {NAMES_MAX} names")));
            }
            for name in names {
                if increments && let Some(is_over) = is_over(&name, now_millis) {
                    self.counters += 1;
                    if is_over && self.counters_over.len() < PRUNED_MAX {
                        self.counters_over.push(name);
                    }
                } else if let Some(id) = KeyRecord::id_of_entry(&name) {
                    // One more than are looked at, to know that there are more.
                    if self.api_key_ids.len() <= API_KEYS_MAX {
                        self.api_key_ids.insert(id.to_owned(), None);
                    }
                } else if let Err(error) = self.revocations.add(&name, now) {
                    refused = Some(error);
                }
            }
            Ok(())
        };
        store.store.names(&mut take).await?;
        refused.map_or(Ok(()), |error| Err(StoreError::Other(error.to_string())))
    }

    fn directory<P: Platform>(self, platform: &P) -> Directory {
        let (unreadable, count) = (self.revocations.unreadable, self.revocations.set.names());
        if unreadable > 0 {
            let names = unreadable;
            platform.record(&Event::RevocationsIgnored { names });
        }
        if count > REVOCATIONS_MAX / 5 * 4 {
            let entries = count;
            platform.record(&Event::RevocationsMany { entries });
        }
        Directory {
            revocations: self.revocations.set,
            api_key_ids: self.api_key_ids,
        }
    }
}
