//! The gate: the way of a request from arrival to permit or refusal.
//!
//! 1. The target is canonical, a rule matches, the credential is extracted (`policy`).
//! 2. The credential is genuine (`token`). A signed token: remembered by this instance, or verified now
//!    with the keys of its issuer ([`crate::keys`]). An opaque one: its issuer is asked
//!    ([`crate::introspect`]). An API key: looked up in the policy, then in the store.
//! 3. What is revoked is known ([`crate::store`]).
//! 4. The rule admits the caller (`policy`), which yields the permit that forwarding asks for.
//!
//! Whatever fails on the way is a [`Refusal`]; there is no other way past this module but the logout path
//! of an issuer ([`crate::logout`]), which reaches no service.

use crate::forward::{self, Permitted};
use crate::introspect::Introspector;
use crate::keys::{KeyRing, Keys, Newer};
use crate::log::{self, Level};
use crate::received::{Received, method_name};
use crate::store::SharedStore;
use crate::{clock, logout, respond};
use doorward_policy::{
    Authenticated, Credential, Issuer, IssuerId, Pending, Permit, Policy, Refusal, RequestHead,
    Screened,
};
use doorward_token::api_key::{ApiKey, KeyRecord, VerifiedKey};
use doorward_token::cache::{Hit, REALM_SIGNED, TokenCache};
use doorward_token::{TokenError, UnixTime, UnverifiedToken, VerifiedToken};
use std::cell::{OnceCell, RefCell};
use std::hash::RandomState;
use std::ops::Range;
use std::rc::Rc;
use std::sync::Arc;
use wasip3::http::types::{ErrorCode, Method, Request, Response};

/// Where the policy is mounted (`files` in `spin.toml`).
pub const POLICY_PATH: &str = "/doorward.toml";
/// Key sets that are tried for one token: ours, another instance's, the issuer's, and one more.
const KEY_SETS_TRIED_MAX: usize = 4;

/// Whether a key that is unknown could be known if the issuer was asked again.
pub(crate) type MayBeNewer = bool;

thread_local! {
    /// The gate of this instance. An instance has one thread.
    static GATE: OnceCell<Option<&'static Gate>> = const { OnceCell::new() };
}

/// Decides on `request`; where it is let through, hands it to `next`.
///
/// # Errors
/// What `next` answers with, and what the host says where it does not accept what the gate makes of the
/// request. A refusal is a response, not an error.
pub async fn handle<F>(
    request: Request,
    next: impl FnOnce(Permitted) -> F,
) -> Result<Response, ErrorCode>
where
    F: Future<Output = Result<Response, ErrorCode>>,
{
    let gate = Gate::of_instance();
    let api_key_header = gate.and_then(|gate| gate.policy.api_key_header());
    let received = Received::of(&request, api_key_header);
    let refusal = match gate {
        Some(gate) => {
            let issuers = gate.logout_issuers(&received);
            if !issuers.is_empty() {
                return logout::handle(gate, issuers, request, &received).await;
            }
            match gate.admit(&received).await {
                Ok(permit) => {
                    let (permitted, no_trailers) =
                        forward::permitted(request, received, &permit, &gate.policy)?;
                    return no_trailers.after_first_turn_of(next(permitted)).await;
                }
                Err(refusal) => refusal,
            }
        }
        None => Refusal::misconfigured("the policy could not be read"),
    };
    tell(&received, &refusal);
    respond::refusal(&refusal)
}

/// What an instance remembers from one request to the next: the policy, keys, what is revoked and
/// verified tokens. Nothing of a request is in it but tokens, and those only to recognise the very same
/// token again.
pub(crate) struct Gate {
    pub(crate) policy: Policy,
    pub(crate) keys: KeyRing,
    pub(crate) store: &'static SharedStore,
    introspector: Introspector,
    verified: RefCell<TokenCache<RandomState>>,
}

impl Gate {
    /// The gate of this instance, made by the first request. It lives as long as the instance does, so
    /// it is leaked: tasks that outlive their request may hold on to it.
    fn of_instance() -> Option<&'static Self> {
        GATE.with(|gate| *gate.get_or_init(|| Self::load().map(|gate| &*Box::leak(Box::new(gate)))))
    }

    fn load() -> Option<Self> {
        let text = match std::fs::read_to_string(POLICY_PATH) {
            Ok(text) => text,
            Err(error) => {
                let help = "mount it: files = [{ source = \"doorward.toml\", destination = \
                            \"/doorward.toml\" }] on the component behind the gate, and \"files\" in \
                            inherit_configuration";
                log::event(
                    Level::Error,
                    "policy-unreadable",
                    &[("path", &POLICY_PATH), ("reason", &error), ("help", &help)],
                );
                return None;
            }
        };
        match Policy::parse(&text) {
            Ok(policy) => {
                let store: &SharedStore = Box::leak(Box::new(SharedStore::new(policy.store())));
                Some(Self {
                    keys: KeyRing::new(policy.issuers(), store),
                    store,
                    introspector: Introspector::new(policy.issuers()),
                    verified: RefCell::new(TokenCache::new(RandomState::new())),
                    policy,
                })
            }
            Err(findings) => {
                log::event(
                    Level::Error,
                    "policy-invalid",
                    &[("path", &POLICY_PATH), ("reason", &findings)],
                );
                None
            }
        }
    }

    /// Whose logout tokens are sent to this address.
    fn logout_issuers(&self, received: &Received) -> Range<IssuerId> {
        match received.method {
            Method::Post => self.policy.logout_issuers(&received.target),
            _ => 0..0,
        }
    }

    async fn admit(&'static self, received: &Received) -> Result<Permit<'static>, Refusal> {
        let head = RequestHead {
            method: method_name(&received.method),
            target: &received.target,
            authorization: &received.authorization,
            api_key: &received.api_key,
        };
        let pending = match self.policy.screen(&head)? {
            Screened::Public(permit) => return Ok(permit),
            Screened::Protected(pending) => pending,
        };
        let genuine = match pending.credential() {
            Credential::Jwt(token) => self.signed(&pending, token).await?,
            Credential::Opaque { token, issuer } => {
                self.introspected(&pending, issuer, token).await?
            }
            Credential::ApiKey(key) => self.key(&pending, None, key).await?,
            Credential::Basic { name, key } => self.key(&pending, Some(name), key).await?,
        };
        match genuine {
            Genuine::Token { issuer, token, at } => {
                let (directory, at) = match self.policy.revocation() {
                    Some(_) => {
                        let (directory, at) = self.store.directory(at).await?;
                        (Some(directory), at)
                    }
                    None => (None, at),
                };
                let revocations = directory.as_ref().map(|directory| &directory.revocations);
                let token = &token;
                pending.authorise(Authenticated::Token { issuer, token }, revocations, at)
            }
            Genuine::Key { key, at } => pending.authorise(Authenticated::Key(&key), None, at),
        }
    }

    /// An API key, alone or under the name that HTTP Basic gives with it.
    async fn key(
        &'static self,
        pending: &Pending<'_, '_>,
        name: Option<&str>,
        text: &str,
    ) -> Result<Genuine, Refusal> {
        let refused = |error| Refusal::invalid_key(pending, error);
        let key = ApiKey::parse(text.as_bytes()).map_err(refused)?;
        let Some(rule) = self.policy.api_keys() else {
            return Err(Refusal::misconfigured("a key where the policy has none"));
        };
        let listed = rule.find(key.id());
        let stored = match listed {
            None if rule.store => self.store.api_key(key.id()).await?,
            _ => None,
        };
        let record = listed.or(stored.as_deref());
        let at = clock::now();
        let key = KeyRecord::verify(record, &key, name, at).map_err(refused)?;
        Ok(Genuine::Key { key, at })
    }

    async fn introspected(
        &'static self,
        pending: &Pending<'_, '_>,
        id: IssuerId,
        token: &str,
    ) -> Result<Genuine, Refusal> {
        let Some(issuer) = self.policy.issuers().get(id) else {
            return Err(Refusal::misconfigured("an issuer that is none"));
        };
        let token = self.introspector.verify(pending, id, issuer, token).await?;
        Ok(Genuine::Token {
            issuer: id,
            token,
            at: clock::now(),
        })
    }

    /// A signed token: remembered, or verified now.
    async fn signed(
        &'static self,
        pending: &Pending<'_, '_>,
        text: &str,
    ) -> Result<Genuine, Refusal> {
        let bearer = text.as_bytes();
        let at = clock::now();
        let hit = self.verified.borrow_mut().get(bearer, REALM_SIGNED, at);
        if let Some(Hit::Verified {
            issuer,
            generation,
            token,
        }) = hit
            // A remembered token does not outlive the keys that it was verified with.
            && pending.accepts(issuer)
            && let Some(keys) = self.keys.at_hand(issuer, at)
            && keys.generation == generation
        {
            return Ok(Genuine::Token { issuer, token, at });
        }

        let refused = |error: TokenError| Refusal::invalid_token(pending, error);
        let token = UnverifiedToken::parse(bearer).map_err(refused)?;
        let issuer = Self::whose(pending, &token)?;
        let (keys, token) = self
            .with_keys(issuer, |keys| self.verify(issuer, &token, keys))
            .await?
            .map_err(|(error, _)| refused(error))?;
        let token = Arc::new(token);
        // Keys may have been waited for.
        let at = clock::now();
        let until = token.expires_at();
        let remember = Arc::clone(&token);
        self.verified.borrow_mut().insert(
            bearer,
            REALM_SIGNED,
            issuer,
            keys.generation,
            remember,
            until,
            at,
        );
        Ok(Genuine::Token { issuer, token, at })
    }

    /// Verifies with the keys of `issuer`, and where a key is unknown, with newer ones as long as there
    /// are any. With an error comes whether there could be newer ones by now.
    ///
    /// # Errors
    /// A refusal with status 503 when there are no keys at all.
    pub(crate) async fn with_keys<T>(
        &'static self,
        issuer: IssuerId,
        verify: impl Fn(&Keys) -> Result<T, TokenError>,
    ) -> Result<Result<(Rc<Keys>, T), (TokenError, MayBeNewer)>, Refusal> {
        let mut keys = self.keys.get(issuer).await?;
        for _ in 0..KEY_SETS_TRIED_MAX {
            let error = match verify(&keys) {
                Ok(verified) => return Ok(Ok((keys, verified))),
                Err(error) if error.is_unknown_key() => error,
                Err(error) => return Ok(Err((error, false))),
            };
            keys = match self.keys.newer(issuer, keys.generation).await {
                Newer::Keys(newer) => newer,
                Newer::None => return Ok(Err((error, false))),
                Newer::NotNow => return Ok(Err((error, true))),
            };
        }
        Ok(verify(&keys)
            .map(|verified| (keys, verified))
            .map_err(|error| (error, true)))
    }

    /// Which issuer's keys are to be tried. The name in the token only chooses among those that the
    /// rule allows; whether the token is that issuer's, its signature says.
    fn whose(pending: &Pending<'_, '_>, token: &UnverifiedToken<'_>) -> Result<IssuerId, Refusal> {
        let mut allowed = pending.issuer_ids();
        if let (Some(only), None) = (allowed.next(), allowed.next()) {
            return Ok(only);
        }
        token
            .issuer_hint()
            .and_then(|url| pending.issuer_by_url(&url))
            .ok_or_else(|| Refusal::unknown_issuer(pending))
    }

    fn verify(
        &self,
        issuer: IssuerId,
        token: &UnverifiedToken<'_>,
        keys: &Keys,
    ) -> Result<VerifiedToken, TokenError> {
        let expectations = self.policy.issuers().get(issuer).map(Issuer::expectations);
        let expectations = expectations.ok_or(TokenError::UnknownKey { named: false })?;
        token.verify(&keys.set, expectations, clock::now())
    }
}

/// A credential that is genuine. What it may do is not said yet.
enum Genuine {
    Token {
        issuer: IssuerId,
        token: Arc<VerifiedToken>,
        /// When that was found out.
        at: UnixTime,
    },
    Key {
        key: VerifiedKey,
        /// When that was found out.
        at: UnixTime,
    },
}

/// The reason of a refusal goes to the log, and nowhere else.
fn tell(received: &Received, refusal: &Refusal) {
    log::event(
        Level::Warn,
        "refused",
        &[
            ("class", &refusal.class()),
            ("status", &refusal.status()),
            ("method", &method_name(&received.method)),
            ("path", &received.path()),
            ("reason", &refusal.reason()),
        ],
    );
}
