//! The keys of every issuer: in this instance's memory, then in the key-value store that instances
//! share, then from the issuer.
//!
//! When to use, refresh or give up a key set is decided by [`doorward_token::freshness`]; here it is
//! done. Requests that need the same keys at the same time share one load, and a load that was started
//! because keys grow old never keeps a request waiting for the issuer, but for the store: another instance
//! may know that one of them was withdrawn. Nor does one that was started because there were none, once the
//! store has some that can be used.

#[cfg(any(feature = "health", feature = "report"))]
mod known;
mod records;
mod source;
mod told;

use doorward_policy::{Issuer, KeySource, Refusal};
use doorward_retry::Backoff;
use doorward_syntax::url::Wire;
use doorward_token::freshness::{
    Adopted, Cause, Decision, FRESH_S_MAX, Freshness, KeySetRecord, NoNewerKeys, StoredKeys,
    UnknownKeyDecision,
};
use doorward_token::{AlgorithmSet, ExposedKeys, KeySet, UnixTime};
use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

#[cfg(feature = "health")]
pub(crate) use self::known::KeysHealth;
use self::records::NoRecord;
use self::source::{NoKeys, Published};
use self::told::Told;
use crate::event::{Event, KeysChange};
use crate::fetch;
use crate::flight::{Flight, Landing};
use crate::platform::Platform;
use crate::recording::Recording as _;
use crate::span::kind::Kind;
use crate::span::{self, Span};
use crate::store::{OpenStore, SharedStore};

/// How often one request waits for a load before it gives up: for the one it found under way, for one
/// of its own, and once more in case the first was cancelled; each of them says twice that it knows more,
/// after a look at the store as well.
const WAITS_MAX: usize = 6;

/// How long an instance waits before it looks again for what another one is about to find, in milliseconds. There is
/// no jitter: every instance begins when a request of its own does.
const LOOK_MS: Backoff = Backoff {
    least: 0,
    first: 25,
    most: 3200,
};
/// How often it does so. All pauses together are longer than a fetch may take.
const LOOKS_MAX: u32 = 8;

/// The keys of one issuer, as they were at one time.
#[derive(Debug)]
pub(crate) struct Keys {
    /// The keys.
    pub(crate) set: KeySet,
    /// Goes up when the keys change, so that what was verified with older ones can be told apart.
    pub(crate) generation: u64,
    /// Where the keys came from and as what, to store them and to see whether they have changed.
    published: Option<Published>,
}

/// The keys of one issuer.
pub(crate) struct IssuerKeys<P: Platform> {
    platform: P,
    store: Rc<SharedStore<P>>,
    name: String,
    url: String,
    /// What a record of its keys is about.
    subject: String,
    source: KeySource,
    wire: Wire,
    algorithms: AlgorithmSet,
    flight: Flight<P>,
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
pub(crate) enum Newer {
    /// Other keys than before.
    Keys(Rc<Keys>),
    /// There are no others.
    None(NoneNewer),
}

/// What is known where there are no newer keys.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NoneNewer {
    /// Whether the issuer was asked because of this key, or could not be.
    pub(crate) asked: bool,
    /// How old those are that there are, and when to come back.
    pub(crate) keys: NoNewerKeys,
}

enum Step {
    Use(Rc<Keys>),
    Wait,
    GiveUp { retry_after_s: u64 },
}

impl<P: Platform> IssuerKeys<P> {
    /// Nothing was loaded yet.
    pub(crate) fn new(platform: &P, issuer: &Issuer, store: &Rc<SharedStore<P>>) -> Rc<Self> {
        Rc::new(Self {
            platform: platform.clone(),
            store: Rc::clone(store),
            name: issuer.name.clone(),
            url: issuer.url.clone(),
            subject: issuer.keys_subject(),
            source: issuer.keys.clone(),
            wire: issuer.wire,
            algorithms: issuer.algorithms,
            flight: Flight::new(platform.clone()),
            state: RefCell::new(State {
                keys: None,
                exposed: ExposedKeys::default(),
                freshness: Freshness::new(issuer.freshness, &issuer.keys_subject()),
                last_error: None,
            }),
        })
    }

    /// Those that may be used without waiting, if there are any. Where they grow old, a refresh is
    /// started that goes on after the response.
    pub(crate) fn at_hand(self: &Rc<Self>, now: UnixTime) -> Option<Rc<Keys>> {
        let mut state = self.state.borrow_mut();
        let keys = state.keys.clone()?;
        let decision = state.freshness.decide(now);
        drop(state);
        match decision {
            Decision::Use => Some(keys),
            Decision::UseAndRefresh => {
                self.start(Cause::Age);
                Some(keys)
            }
            Decision::FetchFirst => {
                self.start(Cause::Age);
                None
            }
            Decision::AwaitFetch | Decision::Unavailable { .. } => None,
        }
    }

    /// Those that may be used, if there are any. Nothing comes of asking.
    #[cfg(feature = "report")]
    pub(crate) fn known(&self, now: UnixTime) -> Option<Rc<Keys>> {
        let state = self.state.borrow();
        let may_be_used = known::may_be_used(state.freshness.state(now));
        state.keys.clone().filter(|_| may_be_used)
    }

    /// Those that can be used, waited for where they have to be.
    ///
    /// # Errors
    /// A refusal with status 503 when no usable keys can be had.
    pub(crate) async fn get(self: &Rc<Self>) -> Result<Rc<Keys>, Refusal> {
        for _ in 0..WAITS_MAX {
            match self.step() {
                Step::Use(keys) => return Ok(keys),
                Step::GiveUp { retry_after_s } => {
                    return Err(Refusal::keys_unavailable(retry_after_s));
                }
                Step::Wait => self.flight.ended().await,
            }
        }
        Err(Refusal::keys_unavailable(fetch::FETCH_TIME_MAX.as_secs()))
    }

    /// Has them fetched where there are none that can be used, or where they grow old. Nobody waits for it.
    #[cfg(feature = "health")]
    pub(crate) fn prepare(self: &Rc<Self>) {
        let _ = self.step();
    }

    /// How they are.
    #[cfg(feature = "health")]
    pub(crate) fn health(&self, now: UnixTime) -> KeysHealth {
        let state = self.state.borrow();
        KeysHealth {
            state: state.freshness.state(now),
            age_s: state.freshness.age_s(now),
            next_refresh_s: state.freshness.next_refresh_s(now),
            has_failed: state.last_error.is_some(),
        }
    }

    /// How old they are, in seconds; `None`: there are none that were fetched.
    pub(crate) fn age_s(&self, now: UnixTime) -> Option<u64> {
        self.state.borrow().freshness.age_s(now)
    }

    /// Keys that are newer than those of `generation`, in which a key was missing. Looks for
    /// them as often as unknown keys are a reason to, and once for each who asks. They may lack the key,
    /// too: then they are to be asked about in their turn.
    pub(crate) async fn newer(self: &Rc<Self>, generation: u64) -> Newer {
        let mut asked = false;
        for _ in 0..WAITS_MAX {
            // Somebody else may have fetched them while this request waited.
            let keys = self.state.borrow().keys.clone();
            if let Some(keys) = keys.filter(|keys| keys.generation != generation) {
                return Newer::Keys(keys);
            }
            // A load that is under way may bring them.
            if !self.flight.is_under_way() {
                if asked {
                    break;
                }
                let mut state = self.state.borrow_mut();
                let decision = state.freshness.decide_newer_key(self.platform.now());
                drop(state);
                match decision {
                    UnknownKeyDecision::Refuse => break,
                    UnknownKeyDecision::Refetch => self.start(Cause::UnknownKey),
                    UnknownKeyDecision::AwaitFetch => {}
                }
                asked = true;
            }
            self.flight.ended().await;
        }
        let now = self.platform.now();
        let keys = self.state.borrow().freshness.no_newer_keys(now);
        Newer::None(NoneNewer { asked, keys })
    }

    fn step(self: &Rc<Self>) -> Step {
        let mut state = self.state.borrow_mut();
        let decision = state.freshness.decide(self.platform.now());
        let keys = state.keys.clone();
        drop(state);
        match (decision, keys) {
            (Decision::Use, Some(keys)) => Step::Use(keys),
            (Decision::UseAndRefresh, Some(keys)) => {
                self.start(Cause::Age);
                Step::Use(keys)
            }
            (Decision::Unavailable { retry_after_s }, _) => Step::GiveUp { retry_after_s },
            (Decision::AwaitFetch, _) => Step::Wait,
            (Decision::FetchFirst | Decision::Use | Decision::UseAndRefresh, _) => {
                self.start(Cause::Age);
                Step::Wait
            }
        }
    }

    /// Starts a load, unless one is under way.
    fn start(self: &Rc<Self>, cause: Cause) {
        if let Some(landing) = self.flight.begin() {
            // Made outside of the task, so that it also ends the wait when the task is never run.
            let load = Load {
                entry: Rc::clone(self),
                _landing: landing,
            };
            let work = async move {
                load.entry.load(cause).await;
                drop(load);
            };
            self.platform.spawn(span::inherited(&self.platform, work));
        }
    }

    fn load(&self, cause: Cause) -> impl Future<Output = ()> {
        let begin = |platform: &P| Span::begin(platform, Kind::Internal, "load keys");
        let load = self.load_from_source(cause);
        span::doing(&self.platform, begin, load, |span, ()| {
            span.tell("doorward.issuer", || self.name.clone());
        })
    }

    async fn load_from_source(&self, cause: Cause) {
        match &self.source {
            KeySource::Discovery => self.shared(None, cause).await,
            KeySource::JwksUrl(url) => self.shared(Some(url), cause).await,
            KeySource::Secret { variable } => {
                let set = source::secret(&self.platform, variable, self.algorithms);
                self.own("variable", set).await;
            }
            KeySource::JwksFile(path) => {
                let set = async { source::file(&self.platform, path) };
                self.own("file", set).await;
            }
        }
    }

    /// Keys that other instances use too: theirs, if they are newer than ours and fresh, or else the
    /// issuer's.
    async fn shared(&self, url: Option<&str>, cause: Cause) {
        let store = self.store.open().await;
        if let Some(store) = &store
            && self.spared(store, cause).await
        {
            return;
        }
        self.looked();
        if self.is_left_alone() {
            return;
        }

        let (known, exposed) = {
            let state = self.state.borrow();
            (state.keys.clone(), state.exposed.clone())
        };
        let known = known.as_ref().and_then(|keys| keys.published.as_ref());
        let asked_at = self.platform.now();
        match source::fetched(&self.platform, &self.url, url, self.wire, known, &exposed).await {
            Ok((set, published, fresh_s)) => {
                self.keep(set, Some(published), "issuer", asked_at, fresh_s);
            }
            Err(why) => self.failed(&why),
        }
        // The store, which may take long, is not waited for.
        self.flight.wake();
        if let Some(store) = &store {
            // Another instance may have learnt something meanwhile, which is not overwritten.
            if let Some(record) = self.read_record(store).await {
                self.adopt(record, Cause::Age);
            }
            self.tell_others(store).await;
        }
    }

    /// Whether another instance has fetched already, or is about to. What it found is taken over.
    async fn spared(&self, store: &OpenStore<P>, cause: Cause) -> bool {
        let mut looks = 0;
        let (mut first, mut said) = (true, false);
        while let Some(record) = self.read_record(store).await {
            if cause == Cause::UnknownKey && record.refetching == self.store.instance() {
                // What was said below was heard, so it is this one's to do.
                return false;
            }
            let (adopted, changed) = self.adopt(record, cause);
            if changed || first {
                // They may be used while they are refreshed.
                self.looked();
            }
            first = false;
            if adopted.spared {
                return true;
            }
            if adopted.under_way && looks < LOOKS_MAX {
                looks += 1;
                self.pause_before(looks).await;
                continue;
            }
            if cause == Cause::Age || adopted.under_way || said {
                return false;
            }
            // Said before it is done, so that the others do not do it too. Two may say so at once: the
            // last one is heard.
            said = true;
            self.tell_others(store).await;
            self.pause_before(1).await;
        }
        // There is no record yet, or none that can be read.
        if cause == Cause::UnknownKey && !said {
            self.tell_others(store).await;
        }
        false
    }

    /// Waits before the record is looked at for the so-many-th time.
    async fn pause_before(&self, look: u32) {
        let pause = Duration::from_millis(LOOK_MS.bound(look));
        self.platform.pause(pause).await;
    }

    /// What other instances tell. What is no record, or about another issuer, is as nothing. Where nothing is
    /// there, this instance is the first.
    async fn read_record(&self, store: &OpenStore<P>) -> Option<KeySetRecord> {
        let (name, subject) = (&self.name, &self.subject);
        match records::read(&self.platform, &self.store, store, name, subject).await {
            Ok(record) => Some(record),
            Err(NoRecord::NoneYet) => {
                let now = self.platform.now();
                self.state.borrow_mut().freshness.first(now);
                None
            }
            Err(NoRecord::Unreadable) => None,
        }
    }

    /// Tells the other instances what this one knows.
    async fn tell_others(&self, store: &OpenStore<P>) {
        let record = {
            let state = self.state.borrow();
            let last_error = state.last_error.as_deref();
            let published = state.keys.as_ref().and_then(|keys| keys.published.as_ref());
            let keys = published.map(|published| StoredKeys {
                url: published.url.clone(),
                etag: published.etag.clone(),
                body: published.body.clone(),
            });
            let instance = self.store.instance();
            state
                .freshness
                .record(&self.subject, keys, &state.exposed, last_error, instance)
        };
        if let Some(record) = record {
            records::write(&self.store, store, &self.name, &record).await;
        }
    }

    /// Keys that are this instance's alone: there is no record to look at. They do not change while it
    /// lives.
    async fn own(&self, source: &str, set: impl Future<Output = Result<KeySet, NoKeys>>) {
        self.looked();
        if self.is_left_alone() {
            return;
        }
        let asked_at = self.platform.now();
        match set.await {
            Ok(set) => self.keep(set, None, source, asked_at, FRESH_S_MAX),
            Err(why) => self.failed(&why),
        }
    }

    /// What others know is known here by now, so those who wait for that may go on.
    fn looked(&self) {
        self.state
            .borrow_mut()
            .freshness
            .looked(self.platform.now());
        self.flight.wake();
    }

    fn is_left_alone(&self) -> bool {
        self.state
            .borrow_mut()
            .freshness
            .is_left_alone(self.platform.now())
    }

    /// Takes over what other instances have found out. Returns as well whether the keys are others now.
    fn adopt(&self, mut record: KeySetRecord, cause: Cause) -> (Adopted, bool) {
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
        let adopted = state
            .freshness
            .adopt(&record, usable, self.platform.now(), cause);
        if record.failures > 0 {
            state.last_error = record.last_error;
        }
        let own = state.keys.clone();
        drop(state);
        let mut changed = false;
        if adopted.newer
            && let (Some(set), Some(keys)) = (set, record.keys)
        {
            let published = Published {
                url: keys.url,
                etag: keys.etag,
                body: keys.body,
            };
            changed = self.replace(set, Some(published), "store", more);
        } else if more && let Some(published) = own.and_then(|keys| keys.published.clone()) {
            // One of those in use may be among them.
            let state = self.state.borrow();
            let set = KeySet::parse_without(published.body.as_bytes(), &state.exposed);
            drop(state);
            if let Ok(set) = set {
                let usable = !set.is_empty();
                self.state.borrow_mut().freshness.withdrawn(usable);
                changed = self.replace(set, Some(published), "store", true);
            }
        }
        (adopted, changed)
    }

    /// Keeps keys that were loaded just now.
    fn keep(
        &self,
        set: KeySet,
        published: Option<Published>,
        source: &str,
        asked_at: UnixTime,
        fresh_s: u64,
    ) {
        let mut state = self.state.borrow_mut();
        let usable = !set.is_empty();
        state
            .freshness
            .fetched(asked_at, self.platform.now(), fresh_s, usable);
        let recovered = state.last_error.take().is_some();
        drop(state);
        let changed = self.replace(set, published, source, false);
        match (changed, recovered) {
            _ if !usable => {}
            (true, _) => {}
            (false, true) => self.log_change(KeysChange::Recovered, source, None),
            (false, false) => self.log_change(KeysChange::Refreshed, source, None),
        }
    }

    /// Puts these keys in the place of the former ones, and tells of it. Returns whether they differ, which
    /// they also do where they are the same and more of them are exposed.
    fn replace(&self, set: KeySet, published: Option<Published>, source: &str, more: bool) -> bool {
        let mut state = self.state.borrow_mut();
        let more = state.exposed.extend(set.exposed()) || more;
        let before = state.keys.as_ref();
        let changed = more
            || before.is_none_or(|keys| match (&keys.published, &published) {
                (Some(before), Some(now)) => before.body != now.body || before.url != now.url,
                _ => true,
            });
        let generation = match before {
            Some(keys) if !changed => keys.generation,
            Some(keys) => keys.generation + 1,
            None => 0,
        };
        let url = published
            .as_ref()
            .map_or(source, |published| &published.url);
        let unusable = set.unusable().map(|reason| format!("{url}: {reason}"));
        if unusable.is_some() {
            state.last_error.clone_from(&unusable);
        }
        let keys = Rc::new(Keys {
            set,
            generation,
            published,
        });
        state.keys = Some(Rc::clone(&keys));
        drop(state);
        if changed {
            self.log_exposed(&keys.set);
        }
        match unusable {
            Some(reason) => self.log_change(KeysChange::Unusable, source, Some(&reason)),
            None if changed => self.log_change(KeysChange::Loaded, source, None),
            None => {}
        }
        changed
    }

    /// Says in the log that somebody has to take these keys out of use, at the issuer.
    fn log_exposed(&self, set: &KeySet) {
        for key in set.skipped().iter().filter(|key| key.reason.is_exposed()) {
            let issuer = &self.name;
            self.platform.record(&Event::KeyExposed { issuer, key });
        }
    }

    fn failed(&self, why: &NoKeys) {
        let reason = why.to_string();
        self.state
            .borrow_mut()
            .freshness
            .failed(self.platform.now());
        self.log_change(KeysChange::Failed, "", Some(&reason));
        self.state.borrow_mut().last_error = Some(reason);
    }

    /// Says in the log what the state of the keys is, at every change of it.
    fn log_change(&self, change: KeysChange, source: &str, reason: Option<&str>) {
        let state = self.state.borrow();
        let told = Told {
            issuer: &self.name,
            set: state.keys.as_ref().map(|keys| &keys.set),
            freshness: &state.freshness,
        };
        told.changed(&self.platform, change, source, reason);
    }
}

/// A load under way. However it ends, also by cancellation, those who wait are woken.
struct Load<P: Platform> {
    entry: Rc<IssuerKeys<P>>,
    _landing: Landing<P>,
}

impl<P: Platform> Drop for Load<P> {
    fn drop(&mut self) {
        self.entry.state.borrow_mut().freshness.abandoned();
    }
}
