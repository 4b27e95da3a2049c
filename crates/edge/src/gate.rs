//! The gate: the way of a request from arrival to permit or refusal.
//!
//! 1. The target is canonical, a rule matches, the credential is extracted (`policy`).
//! 2. The keys of the token's issuer are at hand ([`crate::keys`]).
//! 3. The token is genuine: remembered by this instance, or verified now (`token`).
//! 4. The rule admits the caller (`policy`), which yields the permit that forwarding asks for.
//!
//! Whatever fails on the way is a [`Refusal`]; there is no other way past this module.

use crate::forward::{self, Permitted};
use crate::keys::{KeyRing, Keys};
use crate::log::{self, Level};
use crate::received::{Received, method_name};
use crate::{clock, respond};
use doorward_policy::{
    Authenticated, Credential, Issuer, IssuerId, Pending, Permit, Policy, Refusal, RequestHead,
    Screened,
};
use doorward_token::cache::{Hit, REALM_SIGNED, TokenCache};
use doorward_token::{TokenError, UnixTime, UnverifiedToken, VerifiedToken};
use std::cell::{OnceCell, RefCell};
use std::hash::RandomState;
use std::sync::Arc;
use wasip3::http::types::{ErrorCode, Request, Response};

/// Where the policy is mounted (`files` in `spin.toml`).
pub const POLICY_PATH: &str = "/doorward.toml";
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
    let received = Received::of(&request, gate.and_then(|gate| gate.policy.api_key_header()));
    let admitted = match gate {
        Some(gate) => match gate.admit(&received).await {
            Ok(permit) => {
                let (permitted, no_trailers) =
                    forward::permitted(request, received, &permit, &gate.policy)?;
                return no_trailers.after_first_turn_of(next(permitted)).await;
            }
            Err(refusal) => refusal,
        },
        None => Refusal::misconfigured("the policy could not be read"),
    };
    tell(&received, &admitted);
    respond::refusal(&admitted)
}

/// What an instance remembers from one request to the next: the policy, keys and verified tokens.
/// Nothing of a request is in it but tokens, and those only to recognise the very same token again.
struct Gate {
    policy: Policy,
    keys: KeyRing,
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
                let keys = KeyRing::new(policy.issuers());
                let verified = RefCell::new(TokenCache::new(RandomState::new()));
                Some(Self {
                    policy,
                    keys,
                    verified,
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
        let Credential::Jwt(bearer) = pending.credential() else {
            return Err(Refusal::misconfigured(
                "this kind of credential is not implemented",
            ));
        };
        let Genuine { issuer, token, at } = self.authenticate(&pending, bearer.as_bytes()).await?;
        let token = Authenticated::Token {
            issuer,
            token: &token,
        };
        pending.authorise(token, None, at)
    }

    /// Whose token it is, and the token verified: a remembered verification, or a new one.
    async fn authenticate(
        &'static self,
        pending: &Pending<'_, '_>,
        bearer: &[u8],
    ) -> Result<Genuine, Refusal> {
        let at = clock::now();
        let remembered = self.verified.borrow_mut().get(bearer, REALM_SIGNED, at);
        if let Some(Hit::Verified {
            issuer,
            generation,
            token,
        }) = remembered
            && pending.accepts(issuer)
            // A remembered token does not outlive the keys it was verified with.
            && self
                .keys
                .at_hand(issuer, at)
                .is_some_and(|keys| keys.generation == generation)
        {
            return Ok(Genuine { issuer, token, at });
        }

        let refused = |error: TokenError| Refusal::invalid_token(pending, error);
        let token = UnverifiedToken::parse(bearer).map_err(refused)?;
        let issuer = Self::whose(pending, &token)?;
        let keys = self.keys.get(issuer).await?;
        let verdict = match self.verify(issuer, &token, &keys) {
            Err(error) if error.is_unknown_key() => {
                match self.keys.newer(issuer, keys.generation).await {
                    Some(newer) => self
                        .verify(issuer, &token, &newer)
                        .map(|token| (newer, token)),
                    None => Err(error),
                }
            }
            verdict => verdict.map(|token| (keys, token)),
        };
        let (keys, token) = verdict.map_err(refused)?;
        let token = Arc::new(token);
        // Keys may have been waited for.
        let at = clock::now();
        let remember = Arc::clone(&token);
        let until = remember.expires_at();
        self.verified.borrow_mut().insert(
            bearer,
            REALM_SIGNED,
            issuer,
            keys.generation,
            remember,
            until,
            at,
        );
        Ok(Genuine { issuer, token, at })
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

/// Who the caller is, by a token that is genuine.
struct Genuine {
    issuer: IssuerId,
    token: Arc<VerifiedToken>,
    /// When that was found out.
    at: UnixTime,
}

/// The reason of a refusal goes to the log, and nowhere else. The query is left out: it may hold what
/// is nobody's business.
fn tell(received: &Received, refusal: &Refusal) {
    let path = received.target.split('?').next().unwrap_or_default();
    log::event(
        Level::Warn,
        "refused",
        &[
            ("class", &refusal.class()),
            ("status", &refusal.status()),
            ("method", &method_name(&received.method)),
            ("path", &path),
            ("reason", &refusal.reason()),
        ],
    );
}
