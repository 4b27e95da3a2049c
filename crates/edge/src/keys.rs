//! The keys of every issuer: in this instance's memory, then in the key-value store that instances
//! share, then from the issuer.
//!
//! When to use, refresh or give up a key set is decided by [`doorward_token::freshness`]; here it is
//! done. Requests that need the same keys at the same time share one load, and a load that was started
//! because keys grow old never keeps a request waiting.

use crate::clock;
use crate::fetch::{self, Outcome};
use crate::log::{self, Level};
use doorward_policy::{Issuer, IssuerId, KeySource, Refusal};
use doorward_token::freshness::{
    self, CacheHeaders, Cause, Decision, Freshness, FreshnessPolicy, Record, StoredKeys,
    UnknownKeyDecision,
};
use doorward_token::{AlgorithmSet, KeySet, UnixTime, metadata};
use spin_sdk::key_value::Store;
use spin_sdk::variables;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use wasip3::wit_bindgen::{self, StreamReader, StreamWriter};
use wasip3::wit_stream;

/// The label of the key-value store that instances share keys through.
const STORE: &str = "default";
/// What the names of our entries in that store begin with.
const RECORD_PREFIX: &str = "doorward/keys/";
/// How often one request waits for a load before it gives up: for the one it found under way, for one
/// of its own, and once more in case the first was cancelled.
const WAITS_MAX: usize = 3;

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

/// A key set that was fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Origin {
    url: String,
    etag: Option<String>,
    body: String,
}

/// The keys of all issuers of a policy.
pub struct KeyRing {
    entries: Vec<Entry>,
    /// Whether the key-value store turned out not to be granted.
    without_store: Cell<bool>,
}

struct Entry {
    name: String,
    url: String,
    source: KeySource,
    algorithms: AlgorithmSet,
    state: RefCell<State>,
}

struct State {
    keys: Option<Rc<Keys>>,
    freshness: Freshness,
    /// The streams that those who wait for the load under way read from. They end with the load.
    waiting: Option<Vec<StreamWriter<u8>>>,
}

enum Step {
    Use(Rc<Keys>),
    Wait(StreamReader<u8>),
    GiveUp { retry_after_s: u64 },
}

impl KeyRing {
    /// A ring that has loaded nothing yet.
    pub fn new(issuers: &[Issuer]) -> Self {
        let entries = issuers
            .iter()
            .map(|issuer| Entry {
                name: issuer.name.clone(),
                url: issuer.url.clone(),
                source: issuer.keys.clone(),
                algorithms: issuer.algorithms,
                state: RefCell::new(State {
                    keys: None,
                    freshness: Freshness::new(FreshnessPolicy::default()),
                    waiting: None,
                }),
            })
            .collect();
        Self {
            entries,
            without_store: Cell::new(false),
        }
    }

    /// The keys that may be used without waiting, if there are any. Where they grow old, a refresh is
    /// started that goes on after the response.
    pub fn at_hand(&'static self, issuer: IssuerId, now: UnixTime) -> Option<Rc<Keys>> {
        let entry = self.entries.get(issuer)?;
        let mut state = entry.state.borrow_mut();
        // An issuer that was never asked for is not asked now: the token may be another one's.
        let keys = state.keys.clone()?;
        match state.freshness.decide(now) {
            Decision::Use => Some(keys),
            Decision::UseAndRefresh => {
                self.start(entry, &mut state);
                Some(keys)
            }
            Decision::FetchFirst => {
                self.start(entry, &mut state);
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
                // Ends without an item, when the load does.
                Step::Wait(mut load) => drop(load.next().await),
            }
        }
        Err(Refusal::keys_unavailable(fetch::FETCH_TIME_MAX.as_secs()))
    }

    /// Keys of `issuer` that are newer than those of `generation`, in which a key was missing. Looks
    /// for them at most once per cooldown, whoever asks; `None` where there are none.
    pub async fn newer(&'static self, issuer: IssuerId, generation: u64) -> Option<Rc<Keys>> {
        let entry = self.entries.get(issuer)?;
        if let Some(mut load) = self.refetch(entry, generation) {
            load.next().await;
        }
        let keys = entry.state.borrow().keys.clone()?;
        (keys.generation != generation).then_some(keys)
    }

    fn step(&'static self, entry: &'static Entry) -> Step {
        let mut state = entry.state.borrow_mut();
        let decision = state.freshness.decide(clock::now());
        match (decision, state.keys.clone()) {
            (Decision::Use, Some(keys)) => Step::Use(keys),
            (Decision::UseAndRefresh, Some(keys)) => {
                self.start(entry, &mut state);
                Step::Use(keys)
            }
            (Decision::Unavailable { retry_after_s }, _) => Step::GiveUp { retry_after_s },
            (Decision::AwaitFetch, _) => state.wait(),
            (Decision::FetchFirst | Decision::Use | Decision::UseAndRefresh, _) => {
                self.start(entry, &mut state);
                state.wait()
            }
        }
    }

    fn refetch(&'static self, entry: &'static Entry, generation: u64) -> Option<StreamReader<u8>> {
        let mut state = entry.state.borrow_mut();
        if state
            .keys
            .as_ref()
            .is_some_and(|keys| keys.generation != generation)
        {
            return None;
        }
        match state.freshness.decide_unknown_key(clock::now()) {
            UnknownKeyDecision::Refuse => return None,
            UnknownKeyDecision::Refetch => self.start(entry, &mut state),
            UnknownKeyDecision::AwaitFetch => {}
        }
        match state.wait() {
            Step::Wait(load) => Some(load),
            Step::Use(_) | Step::GiveUp { .. } => None,
        }
    }

    /// Starts a load, unless one is under way.
    fn start(&'static self, entry: &'static Entry, state: &mut State) {
        if state.waiting.is_some() {
            return;
        }
        state.waiting = Some(Vec::new());
        // Made outside of the task, so that it also ends the wait when the task is never run.
        let load = Load(entry);
        wit_bindgen::spawn(async move {
            self.load(entry).await;
            drop(load);
        });
    }

    async fn load(&self, entry: &Entry) {
        let loaded = match &entry.source {
            KeySource::Secret { variable } => secret(entry, variable).await,
            KeySource::JwksFile(path) => file(entry, path),
            KeySource::Discovery => self.shared(entry, None).await,
            KeySource::JwksUrl(url) => self.shared(entry, Some(url)).await,
        };
        if let Err(reason) = loaded {
            let mut state = entry.state.borrow_mut();
            state.freshness.failed(clock::now());
            let older_keys = state.keys.is_some();
            drop(state);
            log::event(
                Level::Warn,
                "keys-unavailable",
                &[
                    ("issuer", &entry.name),
                    ("reason", &reason),
                    ("older_keys", &older_keys),
                ],
            );
        }
    }

    /// A key set that other instances use too: theirs, if it is newer than ours and fresh, or else the
    /// issuer's.
    async fn shared(&self, entry: &Entry, url: Option<&str>) -> Result<(), String> {
        let store = self.store().await;
        if let Some(store) = &store
            && let Some(record) = read_record(store, entry).await
            && entry.adopt(record)
        {
            return Ok(());
        }

        let fetched = self.fetched(entry, url).await;
        let fetched = match fetched {
            Ok((set, origin, fresh_s)) => {
                entry
                    .state
                    .borrow_mut()
                    .freshness
                    .fetched(clock::now(), fresh_s);
                entry.keep(set, Some(origin), "issuer");
                Ok(())
            }
            Err(reason) => Err(reason),
        };
        if let (Ok(()), Some(store)) = (&fetched, &store) {
            write_record(store, entry).await;
        }
        fetched
    }

    async fn fetched(
        &self,
        entry: &Entry,
        url: Option<&str>,
    ) -> Result<(KeySet, Origin, u64), String> {
        let url = match url {
            Some(url) => url.to_owned(),
            None => discover(&entry.url).await?,
        };
        let known = entry.state.borrow().keys.clone();
        let known = known
            .as_ref()
            .and_then(|keys| keys.origin.as_ref())
            .filter(|origin| origin.url == url);
        let etag = known.and_then(|origin| origin.etag.as_deref());
        let (origin, cache_control) = match fetch::json(&url, etag)
            .await
            .map_err(|error| error.to_string())?
        {
            Outcome::Fetched(document) => {
                let body = String::from_utf8(document.body)
                    .map_err(|_| format!("{url}: the key set is not UTF-8"))?;
                (
                    Origin {
                        url,
                        etag: document.etag,
                        body,
                    },
                    document.cache_control,
                )
            }
            Outcome::NotModified { cache_control } => {
                let known = known.ok_or_else(|| format!("{url}: not modified since never"))?;
                (known.clone(), cache_control)
            }
        };
        let set = KeySet::parse(origin.body.as_bytes())
            .map_err(|error| format!("{}: {error}", origin.url))?;
        if set.is_empty() {
            return Err(format!(
                "{}: the key set holds no key that can be used",
                origin.url
            ));
        }
        let headers = CacheHeaders {
            cache_control: cache_control.as_deref(),
            ..CacheHeaders::default()
        };
        let fresh_s = freshness::fresh_s(&headers, clock::now());
        Ok((set, origin, fresh_s))
    }

    async fn store(&self) -> Option<Store> {
        if self.without_store.get() {
            return None;
        }
        match Store::open(STORE).await {
            Ok(store) => Some(store),
            Err(error) => {
                self.without_store.set(true);
                log::event(
                    Level::Info,
                    "store-not-granted",
                    &[
                        ("store", &STORE),
                        ("reason", &format_args!("{error:?}")),
                        ("effect", &"each instance fetches keys for itself"),
                    ],
                );
                None
            }
        }
    }
}

impl Entry {
    /// Takes over the keys that another instance stored. Returns whether that spares the fetch.
    fn adopt(&self, record: Record) -> bool {
        let now = clock::now();
        let Some(keys) = &record.keys else {
            return false;
        };
        let Ok(set) = KeySet::parse(keys.body.as_bytes()) else {
            return false;
        };
        if set.is_empty() {
            return false;
        }
        let mut state = self.state.borrow_mut();
        let adopted = state.freshness.adopt(&record, now, Cause::Age);
        drop(state);
        let Some(keys) = record.keys.filter(|_| adopted.newer) else {
            return false;
        };
        let origin = Origin {
            url: keys.url,
            etag: keys.etag,
            body: keys.body,
        };
        self.keep(set, Some(origin), "store");
        adopted.spared
    }

    fn keep(&self, set: KeySet, origin: Option<Origin>, source: &str) {
        let mut state = self.state.borrow_mut();
        let before = state.keys.as_ref();
        let changed = before.is_none_or(|keys| match (&keys.origin, &origin) {
            (Some(before), Some(now)) => before.body != now.body || before.url != now.url,
            _ => true,
        });
        let generation = match before {
            Some(keys) if !changed => keys.generation,
            Some(keys) => keys.generation + 1,
            None => 0,
        };
        let (count, skipped) = (set.len(), set.skipped().len());
        state.keys = Some(Rc::new(Keys {
            set,
            generation,
            origin,
        }));
        drop(state);
        if changed {
            log::event(
                Level::Info,
                "keys-loaded",
                &[
                    ("issuer", &self.name),
                    ("source", &source),
                    ("keys", &count),
                    ("keys_skipped", &skipped),
                ],
            );
        }
    }

    /// Keeps keys that cannot change while the instance lives.
    fn keep_local(&self, set: KeySet, source: &str) {
        self.state
            .borrow_mut()
            .freshness
            .fetched(clock::now(), freshness::FRESH_S_MAX);
        self.keep(set, None, source);
    }

    fn record_name(&self) -> String {
        format!("{RECORD_PREFIX}{}", self.name)
    }
}

impl State {
    fn wait(&mut self) -> Step {
        let (writer, reader) = wit_stream::new();
        // Where no load is under way, the writer ends here and with it the wait.
        if let Some(waiting) = &mut self.waiting {
            waiting.push(writer);
        }
        Step::Wait(reader)
    }
}

/// A load under way. However it ends, also by cancellation, those who wait are woken.
struct Load(&'static Entry);

impl Drop for Load {
    fn drop(&mut self) {
        let mut state = self.0.state.borrow_mut();
        state.freshness.abandoned();
        let waiting = state.waiting.take();
        // Closing the streams is a call to the host: not while the state is borrowed.
        drop(state);
        drop(waiting);
    }
}

/// A secret shared with the issuer, from a Spin variable.
async fn secret(entry: &Entry, variable: &str) -> Result<(), String> {
    let secret = variables::get(variable)
        .await
        .map_err(|error| format!("variable {variable}: {}", variable_error(&error)))?;
    let set = KeySet::from_secret(secret.as_bytes(), entry.algorithms)
        .map_err(|error| format!("variable {variable}: {error}"))?;
    entry.keep_local(set, "variable");
    Ok(())
}

/// A key set that is mounted into the component.
fn file(entry: &Entry, path: &str) -> Result<(), String> {
    let body = std::fs::read(path).map_err(|error| format!("{path}: {error}"))?;
    let set = KeySet::parse(&body).map_err(|error| format!("{path}: {error}"))?;
    if set.is_empty() {
        return Err(format!("{path}: the key set holds no key that can be used"));
    }
    entry.keep_local(set, "file");
    Ok(())
}

/// Where the issuer publishes its keys: OpenID Connect Discovery 1.0 §4, RFC 8414 §3.
async fn discover(issuer: &str) -> Result<String, String> {
    let mut reasons = Vec::new();
    for url in metadata::candidate_urls(issuer) {
        let document = match fetch::json(&url, None).await {
            Ok(Outcome::Fetched(document)) => document,
            Ok(Outcome::NotModified { .. }) => continue,
            Err(error) => {
                let next_may_help = matches!(error.cause, fetch::FetchFailure::Status(_));
                reasons.push(error.to_string());
                // An issuer that does not answer will not answer under another path.
                if next_may_help {
                    continue;
                }
                break;
            }
        };
        return metadata::parse(&document.body, issuer)
            .map(|metadata| metadata.jwks_uri)
            .map_err(|error| format!("{url}: {error}"));
    }
    Err(reasons.join("; "))
}

async fn read_record(store: &Store, entry: &Entry) -> Option<Record> {
    let name = entry.record_name();
    let bytes = match store.get(&name).await {
        Ok(bytes) => bytes?,
        Err(error) => {
            tell_store_unavailable(&error);
            return None;
        }
    };
    match Record::parse(&bytes, &entry.url, clock::now()) {
        Ok(record) => Some(record),
        Err(error) => {
            log::event(
                Level::Warn,
                "record-ignored",
                &[("store", &STORE), ("name", &name), ("reason", &error)],
            );
            None
        }
    }
}

async fn write_record(store: &Store, entry: &Entry) {
    let record = {
        let state = entry.state.borrow();
        let keys = state.keys.as_ref();
        let Some(origin) = keys.and_then(|keys| keys.origin.clone()) else {
            return;
        };
        let keys = StoredKeys {
            url: origin.url,
            etag: origin.etag,
            body: origin.body,
        };
        let Some(record) = state.freshness.record(&entry.url, Some(keys), None) else {
            return;
        };
        record
    };
    if let Err(error) = store.set(entry.record_name(), record.to_bytes()).await {
        tell_store_unavailable(&error);
    }
}

fn tell_store_unavailable(error: &spin_sdk::key_value::Error) {
    log::event(
        Level::Warn,
        "store-unavailable",
        &[("store", &STORE), ("reason", &format_args!("{error:?}"))],
    );
}

fn variable_error(error: &variables::Error) -> &'static str {
    match error {
        variables::Error::InvalidName(_) => "the name is not valid",
        variables::Error::Undefined(_) => {
            "not defined for this component; declare it under [component.….variables] and name \
             \"variables\" in inherit_configuration"
        }
        variables::Error::Provider(_) => "the provider of variables failed",
        variables::Error::Other(_) => "the host failed",
    }
}
