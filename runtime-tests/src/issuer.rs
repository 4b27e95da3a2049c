//! An OpenID issuer that behaves as told: well, slowly, wrongly, or not at all.

mod serve;

pub use crate::clock::now;
pub use doorward_tests::issuer::{
    AUDIENCE, Behaviour, Client, INTROSPECTION, KEYS, Key, LOGOUT_EVENT, METADATA,
};

use crate::clock::Clock;
use doorward_host::WallClock;
use doorward_tests::issuer::{self, State};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::watch;

/// How long [`Issuer::until`] waits before something hangs.
const WAIT_TIME_MAX: Duration = Duration::from_secs(60);

/// How many bytes of a huge answer may have left the issuer that nobody has taken: the buffers of two sockets.
pub const UNDER_WAY_BYTES_MAX: u64 = 32 * 1024 * 1024;

/// An issuer on a port of its own, until it is dropped.
#[derive(Debug)]
pub struct Issuer {
    address: SocketAddr,
    clock: Option<WallClock>,
    state: Arc<Shared>,
    task: tokio::task::JoinHandle<()>,
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    /// Goes up with every change that somebody may wait for.
    changes: watch::Sender<u64>,
    /// Goes up when stalled answers are let go.
    releases: watch::Sender<u64>,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    fn changed(&self) {
        self.changes.send_modify(|count| *count += 1);
    }
}

impl Issuer {
    /// Starts an issuer that behaves well, with one Ed25519 and one P-256 key.
    pub async fn start() -> Self {
        Self::start_by(None).await
    }

    /// Like [`Issuer::start`], where its tokens tell the time of `clock`.
    pub async fn start_with_clock(clock: &Clock<'_>) -> Self {
        Self::start_by(clock.own().cloned()).await
    }

    async fn start_by(clock: Option<WallClock>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(Shared {
            state: Mutex::new(State::new(&format!("http://{address}"))),
            changes: watch::Sender::new(0),
            releases: watch::Sender::new(0),
        });
        let shared = Arc::clone(&state);
        let time = clock.clone();
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let now = time.clone();
                let now = move || time_of(now.as_ref());
                tokio::spawn(serve::connection(stream, Arc::clone(&shared), now));
            }
        });
        Self {
            address,
            clock,
            state,
            task,
        }
    }

    /// Its issuer identifier.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Sets how the metadata document is answered.
    pub fn metadata_behaves(&self, behaviour: Behaviour) {
        self.behaves(METADATA, behaviour);
    }

    /// Sets how the key set is answered.
    pub fn keys_behave(&self, behaviour: Behaviour) {
        self.behaves(KEYS, behaviour);
    }

    /// Sets how requests for this path are answered.
    pub fn behaves(&self, path: &str, behaviour: Behaviour) {
        let mut state = self.state.state();
        state.behaviours.insert(path.to_owned(), behaviour);
    }

    /// Sets how all documents are answered.
    pub fn all_behave(&self, behaviour: &Behaviour) {
        self.state.state().all_behave(behaviour);
    }

    /// Answers well from now on, and lets the answers go on that are held back.
    pub fn recover(&self) {
        self.state.state().behaviours.clear();
        self.state.releases.send_modify(|count| *count += 1);
    }

    /// How many answers are being held back.
    pub fn stalled(&self) -> usize {
        self.state.state().stalled
    }

    /// Waits until what is asked of the issuer holds.
    pub async fn until(&self, what: &str, holds: impl Fn(&Self) -> bool) {
        let mut changes = self.state.changes.subscribe();
        let held = async {
            while !holds(self) {
                changes.changed().await.expect("the issuer goes on");
            }
        };
        tokio::time::timeout(WAIT_TIME_MAX, held)
            .await
            .unwrap_or_else(|_| panic!("waiting in vain until {what}"));
    }

    /// Replaces the published keys.
    pub fn publish(&self, keys: Vec<Key>) {
        self.state.state().keys.insert(String::new(), keys);
    }

    /// Publishes the keys of a tenant, which is an issuer of its own below this one.
    pub fn publish_tenant(&self, tenant: &str, keys: Vec<Key>) {
        self.state.state().keys.insert(format!("/{tenant}"), keys);
    }

    /// Sends these fields with the key set from now on, instead of those before.
    pub fn keys_come_with(&self, headers: &[(&'static str, &str)]) {
        let headers = headers.iter();
        self.state.state().key_headers = headers
            .map(|(name, value)| (*name, (*value).to_owned()))
            .collect();
    }

    /// Sends an `ETag` with the key set, and 304 to who has that already.
    pub fn keys_have_an_etag(&self) {
        self.state.state().with_etag = true;
    }

    /// Names another issuer in the metadata.
    pub fn claim_to_be(&self, url: &str) {
        self.state.state().url = url.to_owned();
    }

    /// How often the key set was asked for.
    pub fn key_requests(&self) -> usize {
        self.requests(KEYS)
    }

    /// What the key set was last asked for as (`Accept`).
    pub fn keys_asked_for_as(&self) -> String {
        let state = self.state.state();
        state.accepts.get(KEYS).cloned().unwrap_or_default()
    }

    /// How often this path was asked for.
    pub fn requests(&self, path: &str) -> usize {
        let state = self.state.state();
        state.requests.get(path).copied().unwrap_or(0)
    }

    /// How often 304 was the answer.
    pub fn not_modified(&self) -> usize {
        self.state.state().not_modified
    }

    /// How many bytes of huge answers have left it.
    pub fn huge_bytes_taken(&self) -> u64 {
        self.state.state().huge_bytes_taken
    }

    /// Lets this client, and no other, ask about opaque tokens.
    pub fn introspected_by(&self, client: Client) {
        self.state.state().introspected_by(client);
    }

    /// Sets what is answered about an opaque token.
    pub fn says_of(&self, token: &str, answer: Value) {
        self.state.state().says_of(token, answer);
    }

    /// Knows an opaque token no longer.
    pub fn withdraw(&self, token: &str) {
        self.state.state().withdraw(token);
    }

    /// The opaque tokens that a client with proof has asked about.
    pub fn asked_about(&self) -> Vec<String> {
        self.state.state().asked_about()
    }

    /// Why clients were turned away.
    pub fn turned_away(&self) -> Vec<String> {
        self.state.state().turned_away()
    }

    /// The published key set.
    pub fn key_set(&self) -> Vec<u8> {
        self.state.state().key_set("")
    }

    /// The first published key.
    pub fn key(&self) -> Key {
        self.key_at("")
    }

    /// The first published key at this path: empty, or a slash and the tenant's name.
    pub fn key_at(&self, path: &str) -> Key {
        self.state.state().keys[path][0].clone()
    }

    /// The time that its tokens tell.
    pub fn now(&self) -> u64 {
        time_of(self.clock.as_ref())
    }

    /// The claims of a token that is valid for an hour.
    pub fn claims(&self, subject: &str, scope: &str) -> Value {
        issuer::claims(&self.url(), self.now(), subject, scope)
    }

    /// A token for `subject` with `scope`, signed with the first published key.
    pub fn token(&self, subject: &str, scope: &str) -> String {
        self.key().sign(&self.claims(subject, scope))
    }

    /// What is to be answered about an opaque token that is active for an hour.
    pub fn active(&self, subject: &str, scope: &str) -> Value {
        issuer::active(&self.url(), self.now(), subject, scope)
    }

    /// The claims of a logout token for `client` that is good for two minutes (OpenID Connect
    /// Back-Channel Logout 1.0 §2.4). It says neither who nor which session yet.
    pub fn logout_claims(&self, client: &str, id: &str) -> Value {
        issuer::logout_claims(&self.url(), self.now(), client, id)
    }

    /// Signs a logout token with the first published key.
    pub fn sign_logout(&self, claims: &Value) -> String {
        let header = json!({ "typ": "logout+jwt" });
        self.key().sign_with_header(&header, claims)
    }
}

impl Drop for Issuer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn time_of(clock: Option<&WallClock>) -> u64 {
    clock.map_or_else(now, WallClock::now)
}
