//! An OpenID issuer in virtual time that behaves as told: well, slowly, wrongly, or not at all.

use super::clock::Clock;
use super::clocked;
use super::run::world;
use crate::issuer::{self, Asked, Document, MISSING_BYTES, State, document};
pub use crate::issuer::{
    AUDIENCE, Behaviour, Client, INTROSPECTION, KEYS, Key, LOGOUT_EVENT, METADATA,
};
use crate::sim::body::Body;
use crate::sim::client::read;
use crate::sim::executor::WORLD;
use crate::sim::message::{Failure, Fields, Request, Response};
use crate::sim::world::{Answer, World};
use doorward_gate::platform::{FieldList, Stop};
use serde_json::{Value, json};
use std::cell::{Cell, RefCell};
use std::rc::Rc;

/// How many bytes of a huge answer may have left the issuer that nobody has taken: those that a host has under way.
pub const UNDER_WAY_BYTES_MAX: u64 = 128 * 1024;
/// Bytes of a huge answer that are sent at a time.
const PIECE_BYTES: u64 = 16 * 1024;

/// An issuer, until it is dropped.
pub struct Issuer {
    authority: String,
    shared: Rc<Shared>,
}

struct Shared {
    state: RefCell<State>,
    /// Goes up when stalled answers are let go.
    releases: Cell<u64>,
}

impl Issuer {
    /// Starts an issuer that behaves well, with one Ed25519 and one P-256 key.
    pub async fn start() -> Self {
        Self::start_at(&format!("127.0.0.1:{}", 40_000 + world().owner())).await
    }

    /// The same at this address.
    pub async fn start_at(authority: &str) -> Self {
        let (world, authority) = (world(), authority.to_owned());
        let shared = Rc::new(Shared {
            state: RefCell::new(State::new(&format!("http://{authority}"))),
            releases: Cell::new(0),
        });
        let (answering, there) = (Rc::clone(&shared), Rc::clone(&world));
        world.serve(
            &authority,
            Rc::new(move |request| {
                let (shared, world) = (Rc::clone(&answering), Rc::clone(&there));
                Box::pin(async move { answer(&world, &shared, request).await }) as Answer
            }),
        );
        Self { authority, shared }
    }

    /// The same: there is one clock.
    pub async fn start_with_clock(_clock: &Clock<'_>) -> Self {
        Self::start().await
    }

    fn state<T>(&self, look: impl FnOnce(&mut State) -> T) -> T {
        look(&mut self.shared.state.borrow_mut())
    }

    /// Its issuer identifier.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.authority)
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
        self.state(|state| state.behaviours.insert(path.to_owned(), behaviour));
    }

    /// Sets how all documents are answered.
    pub fn all_behave(&self, behaviour: &Behaviour) {
        self.state(|state| state.all_behave(behaviour));
    }

    /// Answers well from now on, and lets the answers go on that are held back.
    pub fn recover(&self) {
        self.state(|state| state.behaviours.clear());
        self.shared.releases.set(self.shared.releases.get() + 1);
    }

    /// How many answers are being held back.
    #[must_use]
    pub fn stalled(&self) -> usize {
        self.state(|state| state.stalled)
    }

    /// Waits until what is asked of the issuer holds.
    pub async fn until(&self, what: &str, holds: impl Fn(&Self) -> bool) {
        clocked::until(what, || holds(self)).await;
    }

    /// Replaces the published keys.
    pub fn publish(&self, keys: Vec<Key>) {
        self.state(|state| state.keys.insert(String::new(), keys));
    }

    /// Publishes the keys of a tenant, which is an issuer of its own below this one.
    pub fn publish_tenant(&self, tenant: &str, keys: Vec<Key>) {
        self.state(|state| state.keys.insert(format!("/{tenant}"), keys));
    }

    /// Sends these fields with the key set from now on, instead of those before.
    pub fn keys_come_with(&self, headers: &[(&'static str, &str)]) {
        let headers = headers.iter();
        let headers = headers.map(|(name, value)| (*name, (*value).to_owned()));
        self.state(|state| state.key_headers = headers.collect());
    }

    /// Sends an `ETag` with the key set, and 304 to who has that already.
    pub fn keys_have_an_etag(&self) {
        self.state(|state| state.with_etag = true);
    }

    /// Names another issuer in the metadata.
    pub fn claim_to_be(&self, url: &str) {
        self.state(|state| url.clone_into(&mut state.url));
    }

    /// How often the key set was asked for.
    #[must_use]
    pub fn key_requests(&self) -> usize {
        self.requests(KEYS)
    }

    /// What the key set was last asked for as (`Accept`).
    #[must_use]
    pub fn keys_asked_for_as(&self) -> String {
        self.state(|state| state.accepts.get(KEYS).cloned().unwrap_or_default())
    }

    /// How often this path was asked for.
    #[must_use]
    pub fn requests(&self, path: &str) -> usize {
        self.state(|state| state.requests.get(path).copied().unwrap_or(0))
    }

    /// How often 304 was the answer.
    #[must_use]
    pub fn not_modified(&self) -> usize {
        self.state(|state| state.not_modified)
    }

    /// How many bytes of huge answers were taken from it.
    #[must_use]
    pub fn huge_bytes_taken(&self) -> u64 {
        self.state(|state| state.huge_bytes_taken)
    }

    /// Lets this client, and no other, ask about opaque tokens.
    pub fn introspected_by(&self, client: Client) {
        self.state(|state| state.introspected_by(client));
    }

    /// Sets what is answered about an opaque token.
    pub fn says_of(&self, token: &str, answer: Value) {
        self.state(|state| state.says_of(token, answer));
    }

    /// Knows an opaque token no longer.
    pub fn withdraw(&self, token: &str) {
        self.state(|state| state.withdraw(token));
    }

    /// The opaque tokens that a client with proof has asked about.
    #[must_use]
    pub fn asked_about(&self) -> Vec<String> {
        self.state(|state| state.asked_about())
    }

    /// Why clients were turned away.
    #[must_use]
    pub fn turned_away(&self) -> Vec<String> {
        self.state(|state| state.turned_away())
    }

    /// The published key set.
    #[must_use]
    pub fn key_set(&self) -> Vec<u8> {
        self.state(|state| state.key_set(""))
    }

    /// The first published key.
    #[must_use]
    pub fn key(&self) -> Key {
        self.key_at("")
    }

    /// The first published key at this path: empty, or a slash and the tenant's name.
    #[must_use]
    pub fn key_at(&self, path: &str) -> Key {
        self.state(|state| state.keys[path][0].clone())
    }

    /// The time that its tokens tell.
    #[must_use]
    pub fn now(&self) -> u64 {
        world().wall_s()
    }

    /// The claims of a token that is valid for an hour.
    #[must_use]
    pub fn claims(&self, subject: &str, scope: &str) -> Value {
        issuer::claims(&self.url(), self.now(), subject, scope)
    }

    /// A token for `subject` with `scope`, signed with the first published key.
    #[must_use]
    pub fn token(&self, subject: &str, scope: &str) -> String {
        self.key().sign(&self.claims(subject, scope))
    }

    /// What is to be answered about an opaque token that is active for an hour.
    #[must_use]
    pub fn active(&self, subject: &str, scope: &str) -> Value {
        issuer::active(&self.url(), self.now(), subject, scope)
    }

    /// The claims of a logout token for `client` that is good for two minutes. It says neither who nor which
    /// session yet.
    #[must_use]
    pub fn logout_claims(&self, client: &str, id: &str) -> Value {
        issuer::logout_claims(&self.url(), self.now(), client, id)
    }

    /// Signs a logout token with the first published key.
    #[must_use]
    pub fn sign_logout(&self, claims: &Value) -> String {
        let header = json!({ "typ": "logout+jwt" });
        self.key().sign_with_header(&header, claims)
    }
}

impl Drop for Issuer {
    fn drop(&mut self) {
        world().vanish(&self.authority);
    }
}

async fn answer(
    world: &Rc<World>,
    shared: &Rc<Shared>,
    request: Request,
) -> Result<Response, Failure> {
    let base = format!("http://{}", request.authority.clone().unwrap_or_default());
    let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
    let fields = request.fields.entries();
    let asked = Asked {
        method: request.method,
        path: request.target.unwrap_or_default(),
        headers: fields
            .iter()
            .map(|(name, value)| (name.to_ascii_lowercase(), text(value)))
            .collect(),
        body: read(request.body).await.0,
    };
    let mut behaviour = shared.state.borrow_mut().asked(&asked);
    if matches!(behaviour, Behaviour::Stall) {
        let before = shared.releases.get();
        let stalled = Stalled::begin(shared);
        clocked::until_released(|| shared.releases.get() > before).await;
        drop(stalled);
        behaviour = Behaviour::Good;
    }
    let document = document(
        &mut shared.state.borrow_mut(),
        &base,
        world.wall_s(),
        &asked,
    );
    let said = |status: u16, fields: &[(&str, String)], body: &[u8]| {
        let fields = fields
            .iter()
            .map(|(name, value)| ((*name).to_owned(), value.clone().into_bytes()))
            .collect();
        Ok(Response {
            status,
            fields: Fields::of(fields),
            body: Body::whole(&world.executor, body.to_vec()),
        })
    };
    let kind = |kind: &str| [("content-type", kind.to_owned())];
    let Document {
        status,
        headers,
        body,
    } = document;
    match behaviour {
        Behaviour::Good => said(status, &headers, &body),
        Behaviour::Status(status) => said(status, &kind("text/plain"), b""),
        Behaviour::TooMany(after) => said(429, &[("retry-after", after)], b""),
        Behaviour::Error(status, name) => {
            let body = json!({ "error": name }).to_string();
            said(status, &kind("application/json"), body.as_bytes())
        }
        Behaviour::Close | Behaviour::Stall => Err(Failure::ConnectionTerminated),
        Behaviour::Content(content_type, body) => said(200, &kind(content_type), &body),
        Behaviour::Redirect(location) => said(302, &[("location", location)], b""),
        Behaviour::Huge(length) => {
            let fields = [
                ("content-type", "application/json".to_owned()),
                ("content-length", length.to_string()),
            ];
            let mut response = said(200, &fields, b"")?;
            let (mut sink, huge) = Body::pipe(&world.executor, Failure::Incomplete);
            response.body = huge;
            let shared = Rc::clone(shared);
            world.executor.spawn(WORLD, async move {
                let mut left = length;
                while left > 0 {
                    let piece = left.min(PIECE_BYTES);
                    let spaces = vec![b' '; usize::try_from(piece).expect("a length")];
                    if sink.write(spaces, &Stop::never()).await.is_none() {
                        return;
                    }
                    shared.state.borrow_mut().huge_bytes_taken += piece;
                    left -= piece;
                }
                sink.finish(Ok(FieldList::new()));
            });
            Ok(response)
        }
        Behaviour::Truncated | Behaviour::EndsEarly => {
            let (there, missing) = match behaviour {
                Behaviour::EndsEarly => (body.len(), MISSING_BYTES),
                _ => (body.len() - body.len() / 2, 0),
            };
            let announced = (body.len() + missing).to_string();
            let length = [("content-length", announced)];
            let mut response = said(200, &[&headers[..], &length].concat(), b"")?;
            let (mut sink, some) = Body::pipe(&world.executor, Failure::Incomplete);
            response.body = some;
            let piece = body[..there].to_vec();
            world.executor.spawn(WORLD, async move {
                sink.write(piece, &Stop::never()).await;
            });
            Ok(response)
        }
    }
}

/// An answer that is being held back.
struct Stalled(Rc<Shared>);

impl Stalled {
    fn begin(shared: &Rc<Shared>) -> Self {
        shared.state.borrow_mut().stalled += 1;
        Self(Rc::clone(shared))
    }
}

impl Drop for Stalled {
    fn drop(&mut self) {
        self.0.state.borrow_mut().stalled -= 1;
    }
}
