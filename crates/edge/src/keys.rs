//! The keys of every issuer: in this instance's memory, then in the key-value store that instances
//! share, then from the issuer.
//!
//! When to use, refresh or give up a key set is decided by [`doorward_token::freshness`]; here it is
//! done. Requests that need the same keys at the same time share one load, and a load that was started
//! because keys grow old never keeps a request waiting for the issuer, but for the store: another instance
//! may know that one of them was withdrawn. Nor does one that was started because there were none, once the
//! store has some that can be used.

mod records;
mod source;

use crate::clock;
use crate::fetch;
use crate::flight::{Flight, Landing};
use crate::log::{self, Level};
use crate::store::{OpenStore, SharedStore};
use doorward_policy::{Issuer, IssuerId, KeySource, Refusal};
use doorward_token::freshness::{
    Adopted, Cause, Decision, FRESH_S_MAX, Freshness, NoNewerKeys, Record, UnknownKeyDecision,
};
use doorward_token::{AlgorithmSet, ExposedKeys, KeySet, UnixTime};
use source::Origin;
use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;
use wasip3::wit_bindgen;

/// How often one request waits for a load before it gives up: for the one it found under way, for one
/// of its own, and once more in case the first was cancelled; each of them says twice that it knows more,
/// after a look at the store as well.
const WAITS_MAX: usize = 6;

/// How long an instance waits before it looks again for what another one is about to find, at first.
const PAUSE_MIN: Duration = Duration::from_millis(25);
/// The same, at last; each pause is twice the one before. All of them are longer than a fetch may take.
const PAUSE_MAX: Duration = Duration::from_millis(3200);

/// The keys of one issuer, as they were at one time.
#[derive(Debug)]
pub struct Keys {
    /// The keys.
    pub set: KeySet,
    /// Goes up when the keys change, so that what was verified with older ones can be told apart.
    pub generation: u64,
    /// Where the keys came from and as what, to store them and to see whether they have changed.
    origin: Option<Origin>,
}

/// The keys of all issuers of a policy.
pub struct KeyRing {
    entries: Vec<Entry>,
    store: &'static SharedStore,
}

struct Entry {
    name: String,
    url: String,
    /// What a record of its keys is about.
    subject: String,
    source: KeySource,
    algorithms: AlgorithmSet,
    flight: Flight,
    state: RefCell<State>,
}

struct State {
    keys: Option<Rc<Keys>>,
    /// The keys whose private half was seen, here or by others.
    exposed: ExposedKeys,
    freshness: Freshness,
    /// Why the last attempt failed or nothing of the keys can be used, for the log and for
    /// `doorward issuers`.
    last_error: Option<String>,
}

/// What came of looking for a key that is unknown.
pub enum Newer {
    /// Other keys than before.
    Keys(Rc<Keys>),
    /// There are no others.
    None(NoneNewer),
}

/// What is known where there are no newer keys.
#[derive(Debug, Clone, Copy)]
pub struct NoneNewer {
    /// Whether the issuer was asked because of this key, or could not be.
    pub asked: bool,
    /// How old those are that there are, and when to come back.
    pub keys: NoNewerKeys,
}

enum Step {
    Use(Rc<Keys>),
    Wait,
    GiveUp { retry_after_s: u64 },
}

impl KeyRing {
    /// A ring that has loaded nothing yet.
    pub fn new(issuers: &[Issuer], store: &'static SharedStore) -> Self {
        let entries = issuers
            .iter()
            .map(|issuer| Entry {
                name: issuer.name.clone(),
                url: issuer.url.clone(),
                subject: issuer.keys_subject(),
                source: issuer.keys.clone(),
                algorithms: issuer.algorithms,
                flight: Flight::default(),
                state: RefCell::new(State {
                    keys: None,
                    exposed: ExposedKeys::default(),
                    freshness: Freshness::new(issuer.freshness),
                    last_error: None,
                }),
            })
            .collect();
        Self { entries, store }
    }

    /// The keys that may be used without waiting, if there are any. Where they grow old, a refresh is
    /// started that goes on after the response.
    pub fn at_hand(&'static self, issuer: IssuerId, now: UnixTime) -> Option<Rc<Keys>> {
        let entry = self.entries.get(issuer)?;
        let mut state = entry.state.borrow_mut();
        let keys = state.keys.clone()?;
        let decision = state.freshness.decide(now);
        drop(state);
        match decision {
            Decision::Use => Some(keys),
            Decision::UseAndRefresh => {
                self.start(entry, Cause::Age);
                Some(keys)
            }
            Decision::FetchFirst => {
                self.start(entry, Cause::Age);
                None
            }
            Decision::AwaitFetch | Decision::Unavailable { .. } => None,
        }
    }

    /// The keys of `issuer`, waited for where they have to be.
    ///
    /// # Errors
    /// A refusal with status 503 when no usable keys can be had.
    pub async fn get(&'static self, issuer: IssuerId) -> Result<Rc<Keys>, Refusal> {
        let entry = self
            .entries
            .get(issuer)
            .ok_or_else(|| Refusal::misconfigured("an issuer without keys"))?;
        for _ in 0..WAITS_MAX {
            match self.step(entry) {
                Step::Use(keys) => return Ok(keys),
                Step::GiveUp { retry_after_s } => {
                    return Err(Refusal::keys_unavailable(retry_after_s));
                }
                Step::Wait => entry.flight.ended().await,
            }
        }
        Err(Refusal::keys_unavailable(fetch::FETCH_TIME_MAX.as_secs()))
    }

    /// Keys of `issuer` that are newer than those of `generation`, in which a key was missing. Looks for
    /// them as often as unknown keys are a reason to, and once for each who asks. They may lack the key,
    /// too: then they are to be asked about in their turn.
    pub async fn newer(&'static self, issuer: IssuerId, generation: u64) -> Newer {
        let Some(entry) = self.entries.get(issuer) else {
            let keys = NoNewerKeys {
                old: false,
                retry_after_s: 1,
            };
            return Newer::None(NoneNewer { asked: true, keys });
        };
        let mut asked = false;
        for _ in 0..WAITS_MAX {
            // Somebody else may have fetched them while this request waited.
            let keys = entry.state.borrow().keys.clone();
            if let Some(keys) = keys.filter(|keys| keys.generation != generation) {
                return Newer::Keys(keys);
            }
            // A load that is under way may bring them.
            if !entry.flight.is_under_way() {
                if asked {
                    break;
                }
                let mut state = entry.state.borrow_mut();
                let decision = state.freshness.decide_unknown_key(clock::now());
                drop(state);
                match decision {
                    UnknownKeyDecision::Refuse => break,
                    UnknownKeyDecision::Refetch => self.start(entry, Cause::UnknownKey),
                    UnknownKeyDecision::AwaitFetch => {}
                }
                asked = true;
            }
            entry.flight.ended().await;
        }
        let keys = entry.state.borrow().freshness.no_newer_keys(clock::now());
        Newer::None(NoneNewer { asked, keys })
    }

    fn step(&'static self, entry: &'static Entry) -> Step {
        let mut state = entry.state.borrow_mut();
        let decision = state.freshness.decide(clock::now());
        let keys = state.keys.clone();
        drop(state);
        match (decision, keys) {
            (Decision::Use, Some(keys)) => Step::Use(keys),
            (Decision::UseAndRefresh, Some(keys)) => {
                self.start(entry, Cause::Age);
                Step::Use(keys)
            }
            (Decision::Unavailable { retry_after_s }, _) => Step::GiveUp { retry_after_s },
            (Decision::AwaitFetch, _) => Step::Wait,
            (Decision::FetchFirst | Decision::Use | Decision::UseAndRefresh, _) => {
                self.start(entry, Cause::Age);
                Step::Wait
            }
        }
    }

    /// Starts a load, unless one is under way.
    fn start(&'static self, entry: &'static Entry, cause: Cause) {
        if let Some(landing) = entry.flight.begin() {
            // Made outside of the task, so that it also ends the wait when the task is never run.
            let load = Load {
                entry,
                _landing: landing,
            };
            wit_bindgen::spawn(async move {
                self.load(entry, cause).await;
                drop(load);
            });
        }
    }

    async fn load(&self, entry: &Entry, cause: Cause) {
        match &entry.source {
            KeySource::Discovery => self.shared(entry, None, cause).await,
            KeySource::JwksUrl(url) => self.shared(entry, Some(url), cause).await,
            KeySource::Secret { variable } => {
                let set = source::secret(variable, entry.algorithms);
                entry.own("variable", set).await;
            }
            KeySource::JwksFile(path) => entry.own("file", async { source::file(path) }).await,
        }
    }

    /// Keys that other instances use too: theirs, if they are newer than ours and fresh, or else the
    /// issuer's.
    async fn shared(&self, entry: &Entry, url: Option<&str>, cause: Cause) {
        let store = self.store.open().await;
        if let Some(store) = &store
            && self.spared(store, entry, cause).await
        {
            return;
        }
        entry.looked();
        if entry.is_left_alone() {
            return;
        }

        let (known, exposed) = {
            let state = entry.state.borrow();
            (state.keys.clone(), state.exposed.clone())
        };
        let known = known.as_ref().and_then(|keys| keys.origin.as_ref());
        let asked_at = clock::now();
        match source::fetched(&entry.url, url, known, &exposed).await {
            Ok((set, origin, fresh_s)) => {
                entry.keep(set, Some(origin), "issuer", asked_at, fresh_s);
            }
            Err(reason) => entry.failed(reason),
        }
        if let Some(store) = &store {
            // Another instance may have learnt something meanwhile, which is not overwritten.
            if let Some(record) = records::read(self.store, store, entry).await {
                entry.adopt(record, Cause::Age);
            }
            records::write(self.store, store, entry).await;
        }
    }

    /// Whether another instance has fetched already, or is about to. What it found is taken over.
    async fn spared(&self, store: &OpenStore, entry: &Entry, cause: Cause) -> bool {
        let mut pause = PAUSE_MIN;
        let (mut first, mut said) = (true, false);
        while let Some(record) = records::read(self.store, store, entry).await {
            if cause == Cause::UnknownKey && record.refetching == self.store.instance() {
                // What was said below was heard, so it is this one's to do.
                return false;
            }
            let (adopted, changed) = entry.adopt(record, cause);
            if changed || first {
                // They may be used while they are refreshed.
                entry.looked();
            }
            first = false;
            if adopted.spared {
                return true;
            }
            if adopted.under_way && pause <= PAUSE_MAX {
                clock::pause(pause).await;
                pause *= 2;
                continue;
            }
            if cause == Cause::Age || adopted.under_way || said {
                return false;
            }
            // Said before it is done, so that the others do not do it too. Two may say so at once: the
            // last one is heard.
            said = true;
            records::write(self.store, store, entry).await;
            clock::pause(PAUSE_MIN).await;
        }
        // There is no record yet, or none that can be read.
        if cause == Cause::UnknownKey && !said {
            records::write(self.store, store, entry).await;
        }
        false
    }
}

impl Entry {
    /// Keys that are this instance's alone: there is no record to look at. They do not change while it
    /// lives.
    async fn own(&self, source: &str, set: impl Future<Output = Result<KeySet, String>>) {
        self.looked();
        if self.is_left_alone() {
            return;
        }
        let asked_at = clock::now();
        match set.await {
            Ok(set) => self.keep(set, None, source, asked_at, FRESH_S_MAX),
            Err(reason) => self.failed(reason),
        }
    }

    /// What others know is known here by now, so those who wait for that may go on.
    fn looked(&self) {
        self.state.borrow_mut().freshness.looked(clock::now());
        self.flight.wake();
    }

    fn is_left_alone(&self) -> bool {
        self.state
            .borrow_mut()
            .freshness
            .is_left_alone(clock::now())
    }

    /// Takes over what other instances have found out. Returns as well whether the keys are others now.
    fn adopt(&self, mut record: Record, cause: Cause) -> (Adopted, bool) {
        let mut state = self.state.borrow_mut();
        let mut exposed = state.exposed.clone();
        let more = exposed.extend(&record.exposed);
        record.exposed.clone_from(&exposed);
        // What is no key set tells nothing of the issuer.
        let Ok(set) = record.key_set().transpose() else {
            return (Adopted::default(), false);
        };
        state.exposed = exposed;
        let usable = set.as_ref().is_some_and(|set| !set.is_empty());
        let adopted = state.freshness.adopt(&record, usable, clock::now(), cause);
        if record.failures > 0 {
            state.last_error = record.last_error;
        }
        let own = state.keys.clone();
        drop(state);
        let mut changed = false;
        if adopted.newer
            && let (Some(set), Some(keys)) = (set, record.keys)
        {
            let origin = Origin {
                url: keys.url,
                etag: keys.etag,
                body: keys.body,
            };
            changed = self.replace(set, Some(origin), "store", more);
        } else if more && let Some(origin) = own.and_then(|keys| keys.origin.clone()) {
            // One of those in use may be among them.
            let state = self.state.borrow();
            let set = KeySet::parse_without(origin.body.as_bytes(), &state.exposed);
            drop(state);
            if let Ok(set) = set {
                let usable = !set.is_empty();
                self.state.borrow_mut().freshness.withdrawn(usable);
                changed = self.replace(set, Some(origin), "store", true);
            }
        }
        (adopted, changed)
    }

    /// Keeps keys that were loaded just now.
    fn keep(
        &self,
        set: KeySet,
        origin: Option<Origin>,
        source: &str,
        asked_at: UnixTime,
        fresh_s: u64,
    ) {
        let mut state = self.state.borrow_mut();
        let usable = !set.is_empty();
        state
            .freshness
            .fetched(asked_at, clock::now(), fresh_s, usable);
        let recovered = state.last_error.take().is_some();
        drop(state);
        let changed = self.replace(set, origin, source, false);
        match (changed, recovered) {
            _ if !usable => {}
            (true, _) => {}
            (false, true) => self.tell(Level::Info, "keys-recovered", source, ""),
            (false, false) => self.tell(Level::Info, "keys-refreshed", source, ""),
        }
    }

    /// Puts these keys in the place of the former ones, and tells of it. Returns whether they differ, which
    /// they also do where they are the same and more of them are exposed.
    fn replace(&self, set: KeySet, origin: Option<Origin>, source: &str, more: bool) -> bool {
        let mut state = self.state.borrow_mut();
        let more = state.exposed.extend(set.exposed()) || more;
        let before = state.keys.as_ref();
        let changed = more
            || before.is_none_or(|keys| match (&keys.origin, &origin) {
                (Some(before), Some(now)) => before.body != now.body || before.url != now.url,
                _ => true,
            });
        let generation = match before {
            Some(keys) if !changed => keys.generation,
            Some(keys) => keys.generation + 1,
            None => 0,
        };
        let url = origin.as_ref().map_or(source, |origin| &origin.url);
        let unusable = set.unusable().map(|reason| format!("{url}: {reason}"));
        if unusable.is_some() {
            state.last_error.clone_from(&unusable);
        }
        let keys = Rc::new(Keys {
            set,
            generation,
            origin,
        });
        state.keys = Some(Rc::clone(&keys));
        drop(state);
        if changed {
            self.tell_exposed(&keys.set);
        }
        match unusable {
            Some(reason) => self.tell(Level::Error, "keys-unavailable", source, &reason),
            None if changed => self.tell(Level::Info, "keys-loaded", source, ""),
            None => {}
        }
        changed
    }

    /// Somebody has to take these keys out of use, at the issuer.
    fn tell_exposed(&self, set: &KeySet) {
        for key in set.skipped().iter().filter(|key| key.reason.is_exposed()) {
            log::event(
                Level::Error,
                "key-exposed",
                &[
                    ("issuer", &self.name),
                    ("reason", key),
                    (
                        "effect",
                        &"the key is not used any more, in whichever set it is listed",
                    ),
                ],
            );
        }
    }

    fn failed(&self, reason: String) {
        self.state.borrow_mut().freshness.failed(clock::now());
        self.tell(Level::Warn, "keys-unavailable", "", &reason);
        self.state.borrow_mut().last_error = Some(reason);
    }

    /// The state of the keys, at every change of it.
    fn tell(&self, level: Level, event: &str, source: &str, reason: &str) {
        let state = self.state.borrow();
        let keys = state.keys.as_ref();
        let (keys, skipped) =
            keys.map_or((0, 0), |keys| (keys.set.len(), keys.set.skipped().len()));
        let now = clock::now();
        let age_s = state.freshness.age_s(now);
        let next_refresh_s = state.freshness.next_refresh_s(now);
        let usable = state.freshness.state(now);
        drop(state);
        let (age_s, next_refresh_s) = (
            age_s.map_or(String::new(), |s| s.to_string()),
            next_refresh_s,
        );
        let mut fields: Vec<(&str, &dyn std::fmt::Display)> = vec![
            ("issuer", &self.name),
            ("keys", &keys),
            ("keys_skipped", &skipped),
            ("state", &usable),
            ("age_s", &age_s),
            ("next_refresh_s", &next_refresh_s),
        ];
        if !source.is_empty() {
            fields.push(("source", &source));
        }
        if !reason.is_empty() {
            fields.push(("reason", &reason));
        }
        log::event(level, event, &fields);
    }
}

/// A load under way. However it ends, also by cancellation, those who wait are woken.
struct Load {
    entry: &'static Entry,
    _landing: Landing,
}

impl Drop for Load {
    fn drop(&mut self) {
        self.entry.state.borrow_mut().freshness.abandoned();
    }
}
