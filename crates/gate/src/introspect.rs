//! Opaque tokens: the issuer is asked what they say (RFC 7662).
//!
//! An answer is kept for as long as the policy allows, in a cache whose keys are the token and the issuer
//! together. Requests with the same token share one question. An endpoint that failed several times in a
//! row is left alone for a while, longer each time until it answers, and the requests that need it are refused at
//! once: one slow issuer holds up nobody but its own callers.
//!
//! Anybody can make up tokens, so what a token brings about is for the client alone that sent it: each
//! address has a share of the questions ([`Shares`]), which those about good tokens do not use up, and where
//! an endpoint says that it was asked too much, that share is paused. Only what no token can bring about,
//! or nobody can tell, speaks against the endpoint as a whole: no answer, a status of 5xx, and 401, by which
//! it does not know the gate. Tokens that are remembered are never held up.

use doorward_policy::{AskedIssuer, ClientAuthentication, Introspection, Issuer, Pending, Refusal};
use doorward_retry::{Backoff, Random};
use doorward_syntax::url::Wire;
use doorward_token::cache::{Hit, TokenCache, realm_of};
use doorward_token::client::{self, ClientKey, ClientKeyError};
use doorward_token::introspection::{self, IntrospectionError, IntrospectionResponse};
use doorward_token::{UnixTime, VerifiedToken};
use doorward_traffic::Millis;
use doorward_traffic::rate::KeyDigest;
use doorward_traffic::retry::retry_after_ms;
use doorward_traffic::shares::{Shares, share_of};
use std::cell::RefCell;
use std::fmt::{self, Display};
use std::rc::Rc;
use std::sync::Arc;

use crate::discovery::{self, NoMetadata};
use crate::event::Event;
use crate::fetch::{self, FetchError, FetchFailure, Posted};
use crate::flight::Flight;
use crate::platform::{Platform, Unreadable};
use crate::recording::Recording as _;
use crate::span::Span;
use crate::span::kind::Kind;

/// For how long the endpoint that the metadata names is asked before they are read again, in seconds.
const ENDPOINT_S_MAX: u64 = 3600;
/// Failures in a row after which an endpoint is left alone. One could be the fault of one token.
const FAILURES_MAX: u32 = 3;
/// For how long it is then left alone, in milliseconds: longer each time until it answers.
const PAUSE_MS: Backoff = Backoff {
    least: 1000,
    first: 5000,
    most: 30_000,
};
/// When to come back where others asked for too long, in seconds.
const WAITED_S: u64 = 5;
/// What the log calls the shares of the clients.
const SHARES_NAME: &str = "of opaque tokens that are not known yet";
/// How often one request waits for another one's question before it gives up.
const WAITS_MAX: usize = 3;

/// Who is asked about opaque tokens, and what they answered.
pub(crate) struct Introspector<P: Platform> {
    platform: P,
    cache: RefCell<TokenCache<P::HashState, Arc<Issuer>>>,
    shares: RefCell<Shares>,
    /// The questions under way. An instance has few requests at a time.
    asking: RefCell<Vec<Question<P>>>,
}

/// A token that an issuer is asked about, and in whose share that is.
struct Asking<'a> {
    asked: AskedIssuer<'a>,
    endpoint: &'a RefCell<Endpoint>,
    token: &'a [u8],
    share: KeyDigest,
}

/// What one request asks, and others wait for.
struct Question<P: Platform> {
    token: Box<[u8]>,
    issuer: Arc<Issuer>,
    flight: Flight<P>,
}

/// What is known of where an issuer is asked.
#[derive(Default)]
pub(crate) struct Endpoint {
    found: Option<(UnixTime, Rc<str>)>,
    secret: Option<Rc<Secret>>,
    /// How many questions in a row it did not answer, since it was last paused.
    failures: u32,
    /// How often in a row it was paused.
    pauses: u32,
    /// Since when it is paused, and for how many milliseconds.
    paused: Option<(Millis, u64)>,
}

/// How the gate says who it is.
enum Secret {
    Text(String),
    Key(ClientKey),
}

impl<P: Platform> Introspector<P> {
    /// Nothing was asked yet.
    pub(crate) fn new(platform: P) -> Self {
        Self {
            cache: RefCell::new(TokenCache::new(platform.hash_state())),
            shares: RefCell::new(Shares::new(SHARES_NAME)),
            asking: RefCell::default(),
            platform,
        }
    }

    /// What an issuer says of an opaque token that a client with this address sent; `address` is what the
    /// address is counted under.
    ///
    /// # Errors
    /// A refusal: the token is not active, or not what the policy expects (401), the client has sent too many
    /// that are not (429), or the issuer cannot be asked (503).
    pub(crate) async fn verify(
        &self,
        pending: &Pending<'_, '_>,
        asked: AskedIssuer<'_>,
        endpoint: &RefCell<Endpoint>,
        text: &str,
        address: impl Fn() -> Vec<u8>,
    ) -> Result<Arc<VerifiedToken>, Refusal> {
        let token = text.as_bytes();
        let number = asked.issuer.number();
        for round in 0..WAITS_MAX {
            match self
                .cache
                .borrow_mut()
                .get(token, realm_of(number), self.platform.now())
            {
                Some(Hit::Verified { token, .. }) => return Ok(token),
                Some(Hit::Refused) => return Err(Refusal::inactive(pending)),
                None => {}
            }
            if let Some(seconds) = endpoint.borrow().paused_s(self.platform.now_millis()) {
                return Err(Refusal::issuer_unavailable(seconds));
            }
            let asking = Asking {
                asked,
                endpoint,
                token,
                share: share_of(&address(), number),
            };
            let paused = self
                .shares
                .borrow()
                .paused_s(&asking.share, self.platform.now_millis());
            if let Some(seconds) = paused {
                return Err(Refusal::issuer_unavailable(seconds));
            }
            let flight = self.flight(token, asked.issuer);
            let landing = flight.begin();
            // Where answers may not be kept there is nothing to wait for.
            if landing.is_none() && round + 1 < WAITS_MAX {
                flight.ended().await;
                continue;
            }
            self.take(&asking.share)?;
            let mut span = Span::begin(&self.platform, Kind::Internal, "introspection");
            span.tell("doorward.issuer", || asked.issuer.name.clone());
            let answer = span
                .within(ask(&self.platform, asked, endpoint, text))
                .await;
            if answer.is_err() {
                span.fails(|| "no_answer".to_owned());
            }
            span.ends();
            let verdict = self.judge(pending, &asking, answer);
            drop(landing);
            return verdict;
        }
        Err(Refusal::issuer_unavailable(WAITED_S))
    }

    /// Takes a question from a client's share.
    fn take(&self, share: &KeyDigest) -> Result<(), Refusal> {
        let mut shares = self.shares.borrow_mut();
        shares
            .take(share, self.platform.now_millis())
            .map_err(|seconds| Refusal::rate_limited(shares.name(), seconds))
    }

    fn flight(&self, token: &[u8], issuer: &Arc<Issuer>) -> Flight<P> {
        let mut asking = self.asking.borrow_mut();
        let same =
            |asked: &&Question<P>| Arc::ptr_eq(&asked.issuer, issuer) && *asked.token == *token;
        if let Some(question) = asking.iter().find(same) {
            return question.flight.clone();
        }
        asking.retain(|question| question.flight.is_under_way());
        let flight = Flight::new(self.platform.clone());
        asking.push(Question {
            token: token.into(),
            issuer: Arc::clone(issuer),
            flight: flight.clone(),
        });
        flight
    }

    fn judge(
        &self,
        pending: &Pending<'_, '_>,
        asking: &Asking<'_>,
        answer: Result<Vec<u8>, Failure>,
    ) -> Result<Arc<VerifiedToken>, Refusal> {
        let Asking {
            asked: AskedIssuer { issuer, how },
            endpoint,
            token,
            share,
        } = *asking;
        let realm = realm_of(issuer.number());
        let now = self.platform.now();
        let expectations = issuer.expectations();
        let missing = how.missing_audience;
        let answer = answer.and_then(|body| {
            introspection::parse(&body, token, expectations, missing, now, how.cache_s)
                .map_err(Failure::Answer)
        });
        let refuse = |refusal| {
            let until = now.saturating_add(how.negative_cache_s);
            let mut cache = self.cache.borrow_mut();
            cache.insert_refused(token, realm, until, now);
            Err(refusal)
        };
        let verdict = match answer {
            Ok(IntrospectionResponse::Active(verified)) => {
                let mut shares = self.shares.borrow_mut();
                shares.give_back(&share, self.platform.now_millis());
                let verified = Arc::new(verified);
                let until = now.saturating_add(how.cache_s);
                let remember = Arc::clone(&verified);
                let mut cache = self.cache.borrow_mut();
                cache.insert(token, realm, Arc::clone(issuer), 0, remember, until, now);
                Ok(verified)
            }
            Ok(IntrospectionResponse::Inactive) => refuse(Refusal::inactive(pending)),
            Err(Failure::Answer(IntrospectionError::Token(error))) => {
                refuse(Refusal::invalid_token(pending, error))
            }
            Err(Failure::Answer(error)) if error.is_verdict() => {
                self.log_failure(issuer, &error);
                refuse(Refusal::inactive(pending))
            }
            Err(failure) => {
                self.log_failure(issuer, &failure);
                return match failure {
                    Failure::Declined(_) => refuse(Refusal::inactive(pending)),
                    // It could be the fault of this token alone.
                    Failure::Answer(_) | Failure::Odd(_) => Err(Refusal::issuer_unavailable(1)),
                    Failure::TooMany { retry_after_s } => {
                        let mut shares = self.shares.borrow_mut();
                        let pause_s =
                            shares.pause(share, retry_after_s, self.platform.now_millis());
                        Err(Refusal::issuer_unavailable(pause_s))
                    }
                    Failure::Client(_) => {
                        endpoint.borrow_mut().forget_how_to_ask();
                        Err(Refusal::issuer_unavailable(1))
                    }
                    Failure::Asking(_) => {
                        let random = &mut Random::seeded(self.platform.random());
                        let now = self.platform.now_millis();
                        let pause_s = endpoint.borrow_mut().failed(random, now);
                        Err(Refusal::issuer_unavailable(pause_s))
                    }
                };
            }
        };
        endpoint.borrow_mut().answered();
        verdict
    }

    fn log_failure(&self, issuer: &Issuer, reason: &dyn Display) {
        self.platform.record(&Event::IntrospectionFailed {
            issuer: &issuer.name,
            reason,
        });
    }
}

impl Endpoint {
    /// The endpoint may have moved, and the secret may have been wrong.
    fn forget_how_to_ask(&mut self) {
        self.found = None;
        self.secret = None;
    }

    /// It did not answer as it should. Gives the time after which to come back, in seconds.
    fn failed(&mut self, random: &mut Random, now: Millis) -> u64 {
        self.forget_how_to_ask();
        // It was asked before the pause, and says no more than what brought that about.
        if let Some(seconds) = self.paused_s(now) {
            return seconds;
        }
        self.failures = self.failures.saturating_add(1);
        if self.failures < FAILURES_MAX {
            return 1;
        }
        self.failures = 0;
        self.pauses = self.pauses.saturating_add(1);
        let pause_ms = PAUSE_MS.pause(self.pauses, random);
        self.paused = Some((now, pause_ms));
        pause_ms.div_ceil(1000)
    }

    /// It answered as it should.
    fn answered(&mut self) {
        self.failures = 0;
        self.pauses = 0;
    }

    /// For how many seconds the endpoint is still left alone.
    fn paused_s(&self, now: Millis) -> Option<u64> {
        // Before it began: a clock was set back.
        let (since, pause_ms) = self.paused.filter(|(since, _)| *since <= now)?;
        let left_ms = since.plus(pause_ms).since(now);
        (left_ms > 0).then(|| left_ms.div_ceil(1000))
    }
}

/// Asks the issuer. Gives the body of its answer.
async fn ask<P: Platform>(
    platform: &P,
    AskedIssuer { issuer, how: rule }: AskedIssuer<'_>,
    endpoint: &RefCell<Endpoint>,
    token: &str,
) -> Result<Vec<u8>, Failure> {
    let url = endpoint_url(platform, endpoint, issuer, rule).await?;
    let secret = secret(platform, endpoint, rule).await?;
    let form = introspection::request_body(token);
    let (id, now) = (&rule.client_id, platform.now());
    let (authorization, form) = match (&*secret, &rule.authentication) {
        (Secret::Key(key), _) => {
            let assertion = key.assertion(id, &issuer.url, &nonce(platform), now);
            (None, client::assertion_body(form, id, &assertion))
        }
        (Secret::Text(secret), ClientAuthentication::SecretPost { .. }) => {
            (None, client::post_body(form, id, secret))
        }
        (Secret::Text(secret), _) => (Some(client::basic(id, secret)), form),
    };
    let failed = |error: FetchError| match error.cause {
        // What a firewall before the endpoint says of an odd token, or the endpoint of a long one.
        FetchFailure::Status(403 | 413 | 414 | 422 | 431) => Failure::Declined(error),
        FetchFailure::Status(401 | 500..=599)
        | FetchFailure::Transport(_)
        | FetchFailure::Truncated
        | FetchFailure::TimedOut
        // That is nobody's fault but the policy's.
        | FetchFailure::Url(_) => Failure::Asking(NotAsked::Fetch(error)),
        _ => Failure::Odd(error),
    };
    match fetch::post(platform, &url, authorization, form)
        .await
        .map_err(failed)?
    {
        Posted::Ok(body) => Ok(body),
        Posted::BadRequest(body) => {
            let error = FetchError {
                url: url.to_string(),
                cause: FetchFailure::Status(400),
            };
            Err(if introspection::is_client_error(&body) {
                Failure::Client(error)
            } else {
                Failure::Declined(error)
            })
        }
        Posted::TooMany(retry_after) => {
            let now_s = platform.now().0;
            let wait_ms = retry_after.and_then(|value| retry_after_ms(&value, now_s));
            let retry_after_s = wait_ms.map(|ms| ms.div_ceil(1000));
            Err(Failure::TooMany { retry_after_s })
        }
    }
}

/// Where to ask: as the policy says, or as the issuer's metadata do.
async fn endpoint_url<P: Platform>(
    platform: &P,
    endpoint: &RefCell<Endpoint>,
    issuer: &Issuer,
    rule: &Introspection,
) -> Result<Rc<str>, Failure> {
    if let Some(url) = &rule.endpoint {
        return Ok(url.as_str().into());
    }
    let now = platform.now();
    if let Some((at, url)) = &endpoint.borrow().found
        && *at <= now
        && now.seconds_since(*at) < ENDPOINT_S_MAX
    {
        return Ok(Rc::clone(url));
    }
    // What is asked gets the gate's secret: an open wire does not say who that is.
    let metadata = discovery::metadata(platform, &issuer.url, Wire::Safe)
        .await
        .map_err(|none| Failure::Asking(NotAsked::Metadata(none)))?;
    let url = metadata.introspection_endpoint;
    let url = url.ok_or(Failure::Asking(NotAsked::NoEndpoint))?;
    let url: Rc<str> = url.into();
    endpoint.borrow_mut().found = Some((now, Rc::clone(&url)));
    Ok(url)
}

/// What the gate authenticates itself with. Variables do not change while an instance lives.
async fn secret<P: Platform>(
    platform: &P,
    endpoint: &RefCell<Endpoint>,
    rule: &Introspection,
) -> Result<Rc<Secret>, Failure> {
    if let Some(secret) = &endpoint.borrow().secret {
        return Ok(Rc::clone(secret));
    }
    let secret = match &rule.authentication {
        ClientAuthentication::PrivateKeyJwt { variable } => {
            let text = platform
                .secret(variable)
                .await
                .map_err(Failure::of_variable)?;
            ClientKey::parse(text.as_bytes())
                .map(Secret::Key)
                .map_err(|error| Failure::Asking(NotAsked::Key(variable.clone(), error)))?
        }
        ClientAuthentication::SecretBasic { variable }
        | ClientAuthentication::SecretPost { variable } => platform
            .secret(variable)
            .await
            .map(Secret::Text)
            .map_err(Failure::of_variable)?,
    };
    let secret = Rc::new(secret);
    endpoint.borrow_mut().secret = Some(Rc::clone(&secret));
    Ok(secret)
}

/// A number that is used once. It need not be secret (RFC 7523 §3: `jti` only tells assertions apart).
fn nonce<P: Platform>(platform: &P) -> [u8; 16] {
    let random = || platform.random().to_be_bytes();
    let mut nonce = [0; 16];
    for (byte, random) in nonce.iter_mut().zip(random().into_iter().chain(random())) {
        *byte = random;
    }
    nonce
}

/// Why the issuer could not be asked, or its answer not read.
enum Failure {
    Asking(NotAsked),
    /// The endpoint does not deal with such a token. Everybody could bring one along, so it does not
    /// speak against the endpoint.
    Declined(FetchError),
    /// Another status, 404 say, or too long an answer: nothing is known of the token, nor that asking
    /// takes long.
    Odd(FetchError),
    /// The endpoint says with status 400 that it does not know the gate. One that says so of odd tokens as
    /// well must not be paused by them.
    Client(FetchError),
    /// The endpoint was asked too much, by whoever asked last.
    TooMany {
        retry_after_s: Option<u64>,
    },
    Answer(IntrospectionError),
}

/// Why there is no answer of the endpoint, through no fault of the token.
enum NotAsked {
    /// What the gate proves itself with cannot be read.
    Variable(Unreadable),
    /// What this variable holds is no key.
    Key(String, ClientKeyError),
    Metadata(NoMetadata),
    /// The metadata do not say where it is.
    NoEndpoint,
    Fetch(FetchError),
}

impl Display for NotAsked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Variable(why) => why.fmt(f),
            Self::Key(variable, error) => write!(f, "variable {variable}: {error}"),
            Self::Metadata(none) => none.fmt(f),
            Self::NoEndpoint => {
                f.write_str("the metadata have no introspection_endpoint; write it as `endpoint` into the policy")
            }
            Self::Fetch(error) => error.fmt(f),
        }
    }
}

impl Failure {
    fn of_variable(why: Unreadable) -> Self {
        Self::Asking(NotAsked::Variable(why))
    }
}

impl Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Asking(why) => why.fmt(f),
            Self::Declined(error) | Self::Odd(error) | Self::Client(error) => error.fmt(f),
            Self::TooMany { .. } => f.write_str("answered with status 429"),
            Self::Answer(error) => error.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests;
