//! A policy that is fetched: in this instance's memory, then in the key-value store that instances share, then from
//! where `[bundle]` says.
//!
//! Whatever a bundle comes from, it is checked: [`doorward_token::bundle`] says of what, and the last one says what the
//! next one's number has to be. So the store is not trusted: who writes to it can bring back an older bundle that has not
//! expired, for as long as no instance has a newer one in memory or fetches it, and nothing else. A bundle that is
//! refused changes nothing. One that has expired decides nothing, whatever the reason why there is no newer one.
//!
//! Requests wait only where there is no policy to decide by. Otherwise they go on with the one that they began with,
//! and every few seconds one of them has the store looked at, after its response; whoever finds there that nobody has
//! asked for a newer one for a while does.

mod asked;

use doorward_policy::{Bootstrap, Policy, Refusal, StoreRule};
use doorward_retry::Backoff;
use doorward_syntax::url::Wire;
use doorward_token::UnixTime;
use doorward_token::bundle::{BUNDLE_BYTES_MAX, Bundle, Identity, Succession};
use std::cell::{Cell, RefCell};
use std::fmt::Display;
use std::rc::Rc;
use std::time::Duration;

use self::asked::{Asked, print};
use crate::event::{BundleEvent, Event};
use crate::fetch::{self, DOCUMENT_BYTES_MAX, Outcome};
use crate::flight::{Flight, Landing};
use crate::gate::{self, Gate};
#[cfg(feature = "metrics")]
use crate::metrics::Instrument;
use crate::platform::Platform;
use crate::recording::Recording as _;
use crate::span;
use crate::standing::Standing;
use crate::store::{OpenStore, SharedStore};

/// How often an instance looks into the store, in seconds. So soon all of them have what one has fetched; and for so long
/// it is remembered that there is nothing to decide by.
const LOOK_S: u64 = 5;
/// How often a request waits for a look, or for what is fetched: for the one it found under way, and for one of its own.
/// Each says once before its end that there is something.
const WAITS_MAX: usize = 4;
/// How long an instance without a policy waits before it looks again for what another one is about to fetch, in
/// milliseconds.
const AWAIT_MS: Backoff = Backoff {
    least: 0,
    first: 25,
    most: 800,
};
/// How often it does so. All pauses together are longer than a fetch may take.
const AWAITS_MAX: u32 = 12;
/// What is asked for. Most servers know no media type for it.
const ACCEPT: &str = "application/jose, text/plain;q=0.9, */*;q=0.1";
/// Why there is nothing newer where it could not be had.
const UNREACHABLE: &str = "unreachable";

const _: () = assert!(
    BUNDLE_BYTES_MAX == DOCUMENT_BYTES_MAX,
    "whatever can be signed can be fetched"
);

/// A policy that is fetched.
pub(crate) struct Fetched<P: Platform> {
    platform: P,
    bootstrap: Bootstrap,
    store: Rc<SharedStore<P>>,
    flight: Flight<P>,
    /// When the instance began.
    #[cfg(feature = "metrics")]
    began_ns: u64,
    state: RefCell<State<P>>,
    /// The sequence number of the one of which it was told that it has expired.
    expired: Cell<Option<u64>>,
}

struct State<P: Platform> {
    /// The one that was found good last. It may have expired.
    current: Option<Current<P>>,
    /// The one with the highest number that was used, here or by others.
    last: Option<Identity>,
    /// When the store was looked at.
    looked_at: Option<UnixTime>,
    /// When this instance asked for a newer one.
    asked_at: Option<UnixTime>,
    /// Whether nothing came of that, and it was told.
    is_failing: bool,
    /// What was refused last of each source, and told.
    refused: [Option<String>; 2],
}

/// A bundle that was found good, and the gate with its policy.
struct Current<P: Platform> {
    gate: Rc<Gate<P>>,
    standing: Rc<Standing>,
    identity: Identity,
    /// As it came, for the store.
    text: Rc<[u8]>,
}

/// From where a bundle came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum From {
    Store,
    Server,
}

impl From {
    fn name(self) -> &'static str {
        match self {
            Self::Store => "store",
            Self::Server => "server",
        }
    }
}

/// What became of a bundle.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Considered {
    /// It is in force now.
    Adopted,
    /// It was in force already.
    Same,
    /// Others have used it, and a newer one came since.
    Older,
    /// It is refused; why, and by what it is recognised.
    Refused(&'static str, String),
}

/// What a request that needs a policy does.
enum Step<P: Platform> {
    Use(Rc<Gate<P>>),
    Wait,
    /// Nothing can be decided. What asks how the gate is can be answered where there was a policy.
    GiveUp(Option<Rc<Gate<P>>>, Refusal),
}

impl<P: Platform> Fetched<P> {
    /// Nothing was looked for yet.
    pub(crate) fn new(platform: &P, bootstrap: Bootstrap) -> Rc<Self> {
        let rule = StoreRule {
            name: bootstrap.store.clone(),
            ..StoreRule::default()
        };
        Rc::new(Self {
            store: SharedStore::new(platform.clone(), &rule),
            flight: Flight::new(platform.clone()),
            #[cfg(feature = "metrics")]
            began_ns: platform.monotonic_ns(),
            state: RefCell::new(State {
                current: None,
                last: None,
                looked_at: None,
                asked_at: None,
                is_failing: false,
                refused: [None, None],
            }),
            expired: Cell::new(None),
            platform: platform.clone(),
            bootstrap,
        })
    }

    /// The gate that is in force; or what there was of one, and why nothing can be decided.
    pub(crate) async fn in_force(self: &Rc<Self>) -> (Option<Rc<Gate<P>>>, Option<Refusal>) {
        for _ in 0..WAITS_MAX {
            match self.step() {
                Step::Use(gate) => return (Some(gate), None),
                Step::GiveUp(gate, refusal) => return (gate, Some(refusal)),
                Step::Wait => self.flight.ended().await,
            }
        }
        let gate = self.state.borrow().current.as_ref().map(Current::gate);
        let refusal = Refusal::policy_unavailable(gate.is_some(), LOOK_S);
        (gate, Some(refusal))
    }

    fn step(self: &Rc<Self>) -> Step<P> {
        let now = self.platform.now();
        let state = self.state.borrow();
        let current = state.current.as_ref();
        let has_expired = current.is_some_and(|current| current.standing.has_expired(now));
        let gate = current.map(Current::gate);
        let sequence = current.map(|current| current.identity.sequence);
        let left_s = state.looked_at.map_or(0, |at| match now < at {
            // A clock that was set back.
            true => 0,
            false => LOOK_S.saturating_sub(now.seconds_since(at)),
        });
        drop(state);
        if has_expired && self.expired.replace(sequence) != sequence {
            self.tell(BundleEvent::Expired {
                sequence: sequence.unwrap_or_default(),
            });
        }
        match gate {
            Some(gate) if !has_expired => {
                if left_s == 0 {
                    self.start();
                }
                Step::Use(gate)
            }
            _ if self.flight.is_under_way() => Step::Wait,
            gate if left_s > 0 => {
                let refusal = Refusal::policy_unavailable(gate.is_some(), left_s);
                Step::GiveUp(gate, refusal)
            }
            _ => {
                self.start();
                Step::Wait
            }
        }
    }

    /// Looks whether there is a newer one, unless somebody does.
    fn start(self: &Rc<Self>) {
        if let Some(landing) = self.flight.begin() {
            // Made outside of the task, so that it also ends the wait when the task is never run.
            let look = Look {
                fetched: Rc::clone(self),
                _landing: landing,
            };
            let work = async move {
                look.fetched.has_looked();
                look.fetched.renew().await;
                look.fetched.has_looked();
                drop(look);
            };
            self.platform.spawn(span::inherited(&self.platform, work));
        }
    }

    fn has_looked(&self) {
        let now = self.platform.now();
        self.state.borrow_mut().looked_at = Some(now);
    }

    /// Takes what others have, and asks for a newer one where nobody has for a while.
    async fn renew(&self) {
        let store = self.store.open().await;
        for look in 1..=AWAITS_MAX {
            let mut asked = Asked::default();
            if let Some(store) = &store {
                self.look(store, false).await;
                if self.is_usable(self.platform.now()) {
                    // Nobody has to wait for the rest.
                    self.flight.wake();
                }
                asked = self.read_asked(store).await;
            }
            let now = self.platform.now();
            let age_s = asked.age_s(now);
            if self.is_usable(now) {
                let own_age_s = self.state.borrow().asked_at;
                let own_age_s = own_age_s.map(|at| now.seconds_since(at));
                let is_recent = |age_s: u64| age_s < self.bootstrap.refresh_s;
                if !age_s.into_iter().chain(own_age_s).any(is_recent) {
                    self.ask(store.as_ref(), asked).await;
                }
                return;
            }
            match age_s {
                Some(age_s) if asked.has_failed && age_s < LOOK_S => return,
                // Somebody is at it.
                Some(age_s)
                    if !asked.has_failed
                        && age_s <= fetch::FETCH_TIME_MAX.as_secs()
                        && look < AWAITS_MAX =>
                {
                    let pause = Duration::from_millis(AWAIT_MS.bound(look));
                    self.platform.pause(pause).await;
                }
                _ => return self.ask(store.as_ref(), asked).await,
            }
        }
    }

    fn is_usable(&self, now: UnixTime) -> bool {
        let state = self.state.borrow();
        let current = state.current.as_ref();
        current.is_some_and(|current| !current.standing.has_expired(now))
    }

    /// Fetches it.
    async fn ask(&self, store: Option<&OpenStore<P>>, mut asked: Asked) {
        let now = self.platform.now();
        let in_force = {
            let mut state = self.state.borrow_mut();
            state.asked_at = Some(now);
            let current = state.current.as_ref();
            current.map(|current| current.identity.sequence)
        };
        let is_usable = self.is_usable(now);
        // Said before it is done, so that the others do not do it too.
        asked.at = now;
        asked.has_failed = false;
        self.write_asked(store, &asked).await;

        // That nothing has changed is of use only to who has what there was.
        let known = asked.etag.take();
        let known = known.filter(|(_, sequence)| is_usable && in_force == Some(*sequence));
        let etag = known.as_ref().map(|(etag, _)| etag.as_str());
        let url = (self.bootstrap.url.as_str(), Wire::Safe);
        let outcome = match fetch::get(&self.platform, url, ACCEPT, etag).await {
            Ok(Outcome::Fetched(document)) => {
                let told = asked.refused.take();
                match self.consider(&document.body, From::Server, told.as_deref()) {
                    Considered::Refused(why, print) => {
                        asked.refused = Some(print);
                        self.has_trouble(Some(why));
                        why
                    }
                    considered => {
                        let state = self.state.borrow();
                        let current = state.current.as_ref();
                        let sequence = current.map(|current| current.identity.sequence);
                        asked.keep_etag(document.etag, sequence.unwrap_or_default());
                        drop(state);
                        self.has_trouble(None);
                        match considered {
                            Considered::Adopted => "adopted",
                            _ => "unchanged",
                        }
                    }
                }
            }
            Ok(Outcome::NotModified { .. }) => {
                asked.etag = known;
                self.has_trouble(None);
                "unchanged"
            }
            Err(error) => {
                asked.etag = known;
                self.cannot_be_had(&error);
                UNREACHABLE
            }
        };
        self.count(outcome);
        // The store, which may take long, is not waited for.
        self.flight.wake();
        let now = self.platform.now();
        asked.has_failed = !self.is_usable(now);
        if let Some(store) = store {
            self.look(store, true).await;
        }
        self.write_asked(store, &asked).await;
    }

    /// Takes a bundle that another instance has fetched. Where this one has a newer one than the store, it is written
    /// there: after it was fetched also in the place of what is none that could be used.
    async fn look(&self, store: &OpenStore<P>, is_fetched: bool) {
        let name = entry_name(&self.bootstrap.application);
        let there = match store.get(&name).await {
            Ok(there) => there,
            Err(error) => return self.store.log_failure(&error),
        };
        let considered = there.map(|text| self.consider(&text, From::Store, None));
        let is_written = match considered {
            Some(Considered::Adopted | Considered::Same) => false,
            Some(Considered::Older) => true,
            // Others may know better: their keys may be newer.
            Some(Considered::Refused(..)) => is_fetched,
            None => true,
        };
        let now = self.platform.now();
        if !is_written || !self.is_usable(now) {
            return;
        }
        let text = {
            let state = self.state.borrow();
            state
                .current
                .as_ref()
                .map(|current| Rc::clone(&current.text))
        };
        if let Some(text) = text
            && let Err(error) = store.set(&name, &text).await
        {
            self.store.log_failure(&error);
        }
    }

    /// Checks a bundle, and puts it into force where it is newer than the last one. `told` is what was refused before,
    /// and is told.
    fn consider(&self, text: &[u8], from: From, told: Option<&str>) -> Considered {
        let refuse = |why: &'static str, sequence: Option<u64>, reason: &dyn Display| {
            let print = print(why, text);
            let mut state = self.state.borrow_mut();
            let [store, server] = &mut state.refused;
            let refused = match from {
                From::Store => store,
                From::Server => server,
            };
            let is_known = refused.as_deref() == Some(&*print) || told == Some(&*print);
            *refused = Some(print.clone());
            drop(state);
            if !is_known {
                self.tell(BundleEvent::Refused {
                    why,
                    reason,
                    sequence,
                    in_force: self.sequence(),
                    from: from.name(),
                });
            }
            Considered::Refused(why, print)
        };
        let bundle = match Bundle::genuine(text, &self.bootstrap.expectations()) {
            Ok(bundle) => bundle,
            Err(error) => return refuse(error.name(), None, &error),
        };
        let identity = bundle.identity();
        let sequence = Some(identity.sequence);
        let last = self.state.borrow().last;
        if let Some(last) = last {
            match identity.after(&last) {
                Succession::Newer => {}
                Succession::Same if self.sequence() == sequence => return Considered::Same,
                // It was used by others, and is not expired: below.
                Succession::Same => {}
                Succession::Lower if from == From::Store => return Considered::Older,
                Succession::Lower => {
                    let reason = format_args!("the last one has the number {}", last.sequence);
                    return refuse("lower-sequence", sequence, &reason);
                }
                Succession::OtherText => {
                    let reason = "the last one has the same number, and is another one";
                    return refuse("same-sequence", sequence, &reason);
                }
            }
        }
        // Only what was used is in the store, also where that is over.
        if from == From::Store {
            self.state.borrow_mut().last = Some(identity);
        }
        if let Err(error) = bundle.is_for(self.platform.now()) {
            return refuse(error.name(), sequence, &error);
        }
        match Policy::parse(bundle.policy()) {
            Ok(policy) => {
                self.adopt(&bundle, policy, text, from);
                Considered::Adopted
            }
            Err(findings) => refuse("policy", sequence, &findings),
        }
    }

    /// Puts a policy into force: for the requests that come from now on.
    fn adopt(&self, bundle: &Bundle, policy: Policy, text: &[u8], from: From) {
        let platform = &self.platform;
        let identity = bundle.identity();
        let standing = Rc::new(Standing {
            #[cfg(feature = "health")]
            sequence: identity.sequence,
            #[cfg(feature = "health")]
            issued_at: bundle.issued_at(),
            expires_at: bundle.expires_at(),
            trouble: Cell::new(None),
        });
        gate::telling(platform, &policy);
        let mut gate = Gate::new(platform.clone(), policy);
        gate.standing = Some(Rc::clone(&standing));
        let mut state = self.state.borrow_mut();
        state.last = Some(identity);
        let before = state.current.replace(Current {
            gate: Rc::new(gate),
            standing,
            identity,
            text: text.into(),
        });
        drop(state);
        #[cfg(feature = "metrics")]
        if before.is_none() {
            gate::has_started(platform, self.began_ns);
        }
        self.tell(BundleEvent::Adopted {
            sequence: identity.sequence,
            before: before.map(|before| before.identity.sequence),
            issued_at: bundle.issued_at(),
            expires_at: bundle.expires_at(),
            from: from.name(),
        });
    }

    /// The sequence number of the one that this instance has.
    fn sequence(&self) -> Option<u64> {
        let state = self.state.borrow();
        let current = state.current.as_ref();
        current.map(|current| current.identity.sequence)
    }

    /// It could not be had. That is told where it could be before.
    fn cannot_be_had(&self, reason: &dyn Display) {
        let is_known = std::mem::replace(&mut self.state.borrow_mut().is_failing, true);
        if !is_known {
            self.tell(BundleEvent::Unavailable {
                reason,
                in_force: self.sequence(),
            });
        }
        let state = self.state.borrow();
        if let Some(current) = &state.current {
            current.standing.trouble.set(Some(UNREACHABLE));
        }
    }

    /// Something came, and this is why it is refused, where it is.
    fn has_trouble(&self, trouble: Option<&'static str>) {
        let mut state = self.state.borrow_mut();
        state.is_failing = false;
        if trouble.is_none() {
            let [_, server] = &mut state.refused;
            *server = None;
        }
        if let Some(current) = &state.current {
            current.standing.trouble.set(trouble);
        }
    }

    fn count(&self, outcome: &'static str) {
        #[cfg(feature = "metrics")]
        self.platform.measured(|metrics| {
            let labels = [self.bootstrap.application.as_str(), outcome];
            metrics.add(Instrument::BundleFetches, &labels, 1);
        });
        let _ = (self, outcome);
    }

    fn tell(&self, event: BundleEvent<'_>) {
        self.platform.record(&Event::Bundle {
            application: &self.bootstrap.application,
            event,
        });
    }

    async fn read_asked(&self, store: &OpenStore<P>) -> Asked {
        let name = Asked::entry_name(&self.bootstrap.application);
        let bytes = match store.get(&name).await {
            Ok(Some(bytes)) => bytes,
            Ok(None) => return Asked::default(),
            Err(error) => {
                self.store.log_failure(&error);
                return Asked::default();
            }
        };
        Asked::parse(&bytes).unwrap_or_else(|error| {
            self.platform.record(&Event::RecordIgnored {
                store: Some(&self.bootstrap.store),
                name: &name,
                reason: &error,
            });
            Asked::default()
        })
    }

    async fn write_asked(&self, store: Option<&OpenStore<P>>, asked: &Asked) {
        let name = Asked::entry_name(&self.bootstrap.application);
        if let Some(store) = store
            && let Err(error) = store.set(&name, &asked.to_bytes()).await
        {
            self.store.log_failure(&error);
        }
    }
}

impl<P: Platform> Current<P> {
    fn gate(&self) -> Rc<Gate<P>> {
        Rc::clone(&self.gate)
    }
}

/// Where the last bundle of an application is in the store.
fn entry_name(application: &str) -> String {
    format!("doorward/bundle/{application}")
}

/// A look under way.
struct Look<P: Platform> {
    fetched: Rc<Fetched<P>>,
    _landing: Landing<P>,
}
