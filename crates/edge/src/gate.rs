//! The gate: the way of a request from arrival to permit or refusal.
//!
//! 1. A preflight is answered: it has no credential, and reaches no service.
//! 2. The target is canonical, a rule matches (`policy`).
//! 3. The request is within the rule's limits: its size, and how often its caller asks ([`crate::limiter`]).
//! 4. The credential is extracted (`policy`) and genuine (`token`). A signed token: remembered by this
//!    instance, or verified now with the keys of its issuer ([`crate::keys`]). An opaque one: its issuer is
//!    asked ([`crate::introspect`]). An API key: looked up in the policy, then in the store.
//! 5. What is revoked is known ([`crate::store`]).
//! 6. The rule admits the caller (`policy`), which yields the permit that forwarding asks for.
//!
//! Whatever fails on the way is a [`Refusal`]; there is no other way past this module but the logout path
//! of an issuer ([`crate::logout`]) and preflights, which reach no service.

use crate::additions::Additions;
use crate::forward::{self, NotForwarded, Permitted};
use crate::introspect::Introspector;
use crate::keys::{KeyRing, Keys, Newer, NoneNewer};
use crate::limiter::{Limiter, counted_by_credential, counted_by_head, counts_by_credential};
use crate::log::{self, Level};
use crate::received::{Received, method_name, path_of};
use crate::store::SharedStore;
use crate::{clock, cors, logout, origin, proxy, respond};
use doorward_policy::{
    Authenticated, Credential, Issuer, IssuerId, Pending, Permit, Policy, Refusal, RequestHead,
    Route, Screened,
};
use doorward_token::api_key::{ApiKey, KeyRecord, VerifiedKey};
use doorward_token::cache::{Hit, REALM_SIGNED, TokenCache};
use doorward_token::{TokenError, UnixTime, UnverifiedToken, VerifiedToken};
use doorward_traffic::address::{Client, limit_key, peer_of};
use doorward_traffic::limits::{BodyCount, HeadSize, LimitExceeded, RequestLimits};
use doorward_traffic::rate::{Counts, RateLimit, Verdict};
use std::cell::{OnceCell, RefCell};
use std::hash::RandomState;
use std::ops::Range;
use std::rc::Rc;
use std::sync::Arc;
use wasip3::http::types::{ErrorCode, Method, Request, Response};

/// Where the policy is mounted (`files` in `spin.toml`).
pub const POLICY_PATH: &str = "/doorward.toml";
/// The field in which hosts say who is connected.
const CLIENT_ADDR: &str = "spin-client-addr";
/// Key sets that are tried for one token: ours, another instance's, the issuer's, and one more.
const KEY_SETS_TRIED_MAX: usize = 4;

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
    let mut admitted = match enter(request, |_, _| Ok(())).await? {
        Entered::Admitted(admitted) => admitted,
        Entered::Answered(response) => return Ok(response),
    };
    let additions = std::mem::take(&mut admitted.additions);
    let (exceeded, told) = match forward::permitted(*admitted).await {
        Ok((permitted, pending)) => match pending.finish(next(permitted)).await {
            (answer, None) => return additions.onto(answer?),
            (_, Some(told)) => (LimitExceeded::BodyBytes, told),
        },
        Err(NotForwarded::Limit(exceeded, told)) => (exceeded, told),
        Err(NotForwarded::Host) => {
            let reason = "the rebuilt request was not accepted";
            return Err(ErrorCode::InternalError(Some(reason.into())));
        }
    };
    let refusal = Refusal::limit(exceeded);
    told.tell(&refusal);
    respond::refusal(&refusal, &additions)
}

/// Decides on `request`; where it is let through, asks the upstream that the policy names for its route.
///
/// # Errors
/// What the host says where it does not accept the response. Refusals and failures of upstreams are
/// responses, not errors.
pub async fn handle_with_upstreams(request: Request) -> Result<Response, ErrorCode> {
    match enter(request, proxy::refuse_loop).await? {
        Entered::Admitted(admitted) => proxy::answer(*admitted).await,
        Entered::Answered(response) => Ok(response),
    }
}

/// What became of a request at the gate.
enum Entered {
    /// It was let through.
    Admitted(Box<Admitted>),
    /// It goes nowhere: this is the answer.
    Answered(Response),
}

/// A request that was let through, and what it was let through with. Only the gate makes one.
pub(crate) struct Admitted {
    pub(crate) request: Request,
    pub(crate) received: Received,
    pub(crate) permit: Permit<'static>,
    pub(crate) policy: &'static Policy,
    pub(crate) gate: &'static Gate,
    /// How much of the body may come.
    pub(crate) body_count: BodyCount,
    /// Whether a body would have to say what it is, and does not.
    pub(crate) needs_type: bool,
    /// What the response gets.
    pub(crate) additions: Additions,
}

/// What the log says of a request.
pub(crate) struct Told {
    /// Its method.
    pub(crate) method: Method,
    /// Its path and query, as received.
    pub(crate) target: String,
}

impl Told {
    /// The reason of a refusal goes to the log, and nowhere else.
    pub(crate) fn tell(&self, refusal: &Refusal) {
        log::event(
            Level::Warn,
            "refused",
            &[
                ("class", &refusal.class()),
                ("status", &refusal.status()),
                ("method", &method_name(&self.method)),
                ("path", &path_of(&self.target)),
                ("reason", &refusal.reason()),
            ],
        );
    }
}

async fn enter(
    request: Request,
    first: fn(&Policy, &Received) -> Result<(), Refusal>,
) -> Result<Entered, ErrorCode> {
    let gate = Gate::of_instance();
    let api_key_header = gate.and_then(|gate| gate.policy.api_key_header());
    let mut received = Received::of(&request, api_key_header);
    let mut additions = Additions::default();
    let refusal = match gate {
        Some(_) if let Err(error) = received.check_host(&request) => Refusal::host(error),
        Some(gate) => {
            received.origin = origin::of(gate, &request, &received);
            let issuers = gate.logout_issuers(&received);
            if !issuers.is_empty() {
                let answer = logout::handle(gate, issuers, request, &received).await?;
                return Ok(Entered::Answered(answer));
            }
            if let Some(answer) = cors::preflight(&gate.policy, &received) {
                return answer.map(Entered::Answered);
            }
            let verdict = match first(&gate.policy, &received) {
                Ok(()) => gate.admit(&received, &mut additions).await,
                Err(refusal) => Err(refusal),
            };
            match verdict {
                Ok(permit) => {
                    let limits = permit.traffic().limits();
                    return Ok(Entered::Admitted(Box::new(Admitted {
                        request,
                        permit,
                        policy: &gate.policy,
                        gate,
                        body_count: BodyCount::new(limits.and_then(|limits| limits.body_bytes_max)),
                        // Where a length is declared, that was looked at already.
                        needs_type: limits.is_some_and(|limits| !limits.content_types.is_empty())
                            && !received.has("content-type")
                            && !received.declares_body(),
                        additions,
                        received,
                    })));
                }
                Err(refusal) => refusal,
            }
        }
        None => Refusal::misconfigured("the policy could not be read"),
    };
    received.told().tell(&refusal);
    respond::refusal(&refusal, &additions).map(Entered::Answered)
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
    limiter: Limiter,
    /// What is known of upstreams; made by the first request to one.
    upstreams: OnceCell<proxy::Upstreams>,
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
                    limiter: Limiter::new(policy.rate_limits(), store),
                    upstreams: OnceCell::new(),
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

    /// What is known of upstreams.
    pub(crate) fn upstreams(&self) -> &proxy::Upstreams {
        let upstreams = || proxy::Upstreams::new(self.policy.upstreams());
        self.upstreams.get_or_init(upstreams)
    }

    async fn admit(
        &'static self,
        received: &Received,
        additions: &mut Additions,
    ) -> Result<Permit<'static>, Refusal> {
        let head = RequestHead {
            method: method_name(&received.method),
            target: &received.target,
            authorization: &received.authorization,
            api_key: &received.api_key,
            fields: &received.entries,
            origin: &received.origin,
        };
        let route = self
            .policy
            .route(head.method, head.target)
            .inspect_err(|_| {
                // No rule says anything, but a page should be able to read that, too.
                additions.allow(self.policy.cors_of(&received.target), received);
            })?;
        let traffic = route.traffic();
        *additions = Additions::of(&route, received);
        if let Some(limits) = traffic.limits() {
            check_size(limits, received).map_err(Refusal::limit)?;
        }
        if traffic.rate_limits().next().is_none() {
            return self.screened(route, &head, received).await;
        }
        let mut verdicts = Vec::new();
        let permit = self.limited(route, &head, received, &mut verdicts).await;
        additions.limits(&verdicts);
        permit
    }

    /// Screens a request whose rule has rate limits.
    ///
    /// Nothing is counted against one limit where another one refuses. So where it takes the credential to
    /// say whose request it is, all limits are looked at before, and counted after that.
    async fn limited(
        &'static self,
        route: Route<'static, '_>,
        head: &RequestHead<'_>,
        received: &Received,
        verdicts: &mut Vec<(&'static RateLimit, Verdict)>,
    ) -> Result<Permit<'static>, Refusal> {
        let traffic = route.traffic();
        let address = || self.address_key(received);
        let by_head = |counts| counted_by_head(traffic, received, counts, &address);
        // On a public route no credential is looked at.
        let failures = match route.is_public() {
            true => Vec::new(),
            false => by_head(Counts::FailedAuthentication),
        };
        let mut counted = by_head(Counts::Requests);
        let waits = counts_by_credential(traffic);
        self.limiter.look(&failures, verdicts).await?;
        if waits {
            self.limiter.look(&counted, verdicts).await?;
        } else {
            self.limiter.take(&counted, verdicts).await?;
        }
        // Whether there is anything left does not change what a request is told that fails for itself.
        match self.screened(route, head, received).await {
            Ok(permit) if waits => {
                counted.extend(counted_by_credential(&permit, &address));
                self.limiter.take(&counted, verdicts).await?;
                Ok(permit)
            }
            Ok(permit) => Ok(permit),
            Err(refusal) => {
                if waits {
                    let _ = self.limiter.take(&counted, verdicts).await;
                }
                if refusal.is_false_credential() {
                    let _ = self.limiter.take(&failures, &mut Vec::new()).await;
                }
                Err(refusal)
            }
        }
    }

    /// The permit for a request, by its credential.
    async fn screened(
        &'static self,
        route: Route<'static, '_>,
        head: &RequestHead<'_>,
        received: &Received,
    ) -> Result<Permit<'static>, Refusal> {
        match route.screen(head)? {
            Screened::Public(permit) => Ok(permit),
            Screened::Protected(pending) => self.authenticate(pending, received).await,
        }
    }

    async fn authenticate(
        &'static self,
        pending: Pending<'static, '_>,
        received: &Received,
    ) -> Result<Permit<'static>, Refusal> {
        let genuine = match pending.credential() {
            Credential::Jwt(token) => self.signed(&pending, token).await?,
            Credential::Opaque { token, issuer } => {
                self.introspected(&pending, issuer, token, received).await?
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
        received: &Received,
    ) -> Result<Genuine, Refusal> {
        let Some(issuer) = self.policy.issuers().get(id) else {
            return Err(Refusal::misconfigured("an issuer that is none"));
        };
        let address = || self.address_key(received);
        let token = self
            .introspector
            .verify(pending, id, issuer, token, address)
            .await?;
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
            .map_err(|(error, newer)| match newer {
                // The issuer fails or was not asked, so it may have the key by now.
                Some(none) if none.keys.old && error.is_unknown_key() => {
                    Refusal::key_may_be_newer(none.keys.retry_after_s)
                }
                _ => refused(error),
            })?;
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

    /// Verifies with the keys of `issuer`, and where newer ones may help, with those as long as there are
    /// any. With an error comes what is known of newer keys then.
    ///
    /// # Errors
    /// A refusal with status 503 when there are no usable keys at all.
    pub(crate) async fn with_keys<T>(
        &'static self,
        issuer: IssuerId,
        verify: impl Fn(&Keys) -> Result<T, TokenError>,
    ) -> Result<Result<(Rc<Keys>, T), (TokenError, Option<NoneNewer>)>, Refusal> {
        let mut keys = self.keys.get(issuer).await?;
        for _ in 0..KEY_SETS_TRIED_MAX {
            let error = match verify(&keys) {
                Ok(verified) => return Ok(Ok((keys, verified))),
                Err(error) if error.may_have_newer_key() => error,
                Err(error) => return Ok(Err((error, None))),
            };
            keys = match self.keys.newer(issuer, keys.generation).await {
                // The issuer has withdrawn all of them.
                Newer::Keys(newer) if newer.set.is_empty() => self.keys.get(issuer).await?,
                Newer::Keys(newer) => newer,
                Newer::None(none) => return Ok(Err((error, Some(none)))),
            };
        }
        // They change faster than they can be tried.
        Err(Refusal::keys_unavailable(1))
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

/// Whose request it is.
impl Gate {
    /// The address that a request is counted under.
    fn address_key(&self, received: &Received) -> Vec<u8> {
        let client = self.client(received);
        // Where the host does not say who is connected, all are counted as one.
        client
            .address
            .map_or_else(Vec::new, |address| limit_key(address).to_vec())
    }

    /// Whose request it is.
    pub(crate) fn client(&self, received: &Received) -> Client {
        let trusted = &self.policy.proxy().trusted;
        let peer = peer_of(&received.values(CLIENT_ADDR));
        trusted.client(peer, &received.values("x-forwarded-for"))
    }
}

/// Whether the head of a request is within its limits. Whether there is a body that declares no length,
/// is not known yet.
fn check_size(limits: &RequestLimits, received: &Received) -> Result<(), LimitExceeded> {
    let bytes = |(name, value): &(String, Vec<u8>)| name.len() + value.len();
    let declared = received.values("content-length").pop();
    let content_type = received.values("content-type");
    limits.check(&HeadSize {
        count: received.entries.len(),
        bytes: received.entries.iter().map(bytes).sum(),
        target_bytes: received.target.len(),
        content_length: declared.and_then(|value| String::from_utf8(value).ok()?.parse().ok()),
        has_body: !content_type.is_empty(),
        content_type: &content_type,
    })
}
