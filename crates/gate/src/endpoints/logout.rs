//! OpenID Connect Back-Channel Logout 1.0: an issuer says that a session has ended, and the gate writes
//! it where every instance reads what is revoked.
//!
//! The answer is 200 once that is written, 400 for a logout token that is not valid or was used before
//! (§2.8), and 503 where the store or the issuer's keys are not to be had, so that the issuer tries again.

use doorward_policy::{Issuer, LogoutAt, Policy, Refusal, RevocationRule};
use doorward_syntax::media_type::{FORM, MediaType};
use doorward_token::logout::{
    FORM_BYTES_MAX, FormError, LOGOUT_PARAMETER, LogoutExpectations, LogoutToken, form_value,
};
use doorward_token::{TokenError, UnverifiedToken};
use doorward_traffic::rate::KeyDigest;
use doorward_traffic::shares::share_of;
use doorward_traffic::trace::Trace;
use std::fmt::Display;
use std::sync::Arc;
use std::time::Duration;

use crate::additions::Additions;
use crate::clock::{self, TimedOut};
use crate::event::Event;
use crate::exchange;
use crate::gate::Gate;
use crate::keys::Keys;
use crate::platform::{FieldList, Platform};
use crate::received::Received;
use crate::recording::Recording as _;
use crate::respond;
use crate::store;
use crate::verify::{Verdict, with_keys};

/// A logout request that is longer is refused.
const BODY_BYTES_MAX: usize = FORM_BYTES_MAX;
/// How long a body may take to come. Anybody can begin one.
const BODY_TIME_MAX: Duration = Duration::from_secs(5);

/// A request to a logout path of the policy.
pub(crate) struct Logout<'i> {
    /// Whose logout tokens are sent there.
    at: LogoutAt<'i>,
}

impl<'i> Logout<'i> {
    /// The logout that a request is, if it is one.
    pub(super) fn of(policy: &'i Policy, received: &Received) -> Option<Self> {
        if received.method != "POST" {
            return None;
        }
        let at = policy.logout_at(&received.target)?;
        Some(Self { at })
    }

    /// The answer.
    ///
    /// # Errors
    /// Where the host does not accept it.
    pub(super) async fn answer<P: Platform>(
        self,
        gate: &Gate<P>,
        request: P::Request,
        received: &Received,
        trace: &Trace,
    ) -> Result<P::Response, P::Error> {
        let platform = gate.platform();
        let body = clock::within(platform, BODY_TIME_MAX, body(platform, request)).await;
        let answer = match body {
            _ if !is_form(received) => Err(Rejection::MediaType),
            Ok(Some(body)) => accept(gate, self.at, received, &body, trace).await,
            Ok(None) => Err(Rejection::Form(FormError::TooLong)),
            Err(TimedOut) => Err(Rejection::Slow),
        };
        // §2.8: no answer is to be kept.
        let mut fields = FieldList::of([("cache-control", "no-store")]);
        let reason: &dyn Display = match &answer {
            Ok(()) => return respond::response(platform, 200, &fields, Vec::new()),
            Err(Rejection::MediaType) => &"the body is said to be no form",
            Err(Rejection::Slow) => &"the body did not come in time",
            Err(Rejection::Form(error)) => error,
            Err(Rejection::Token(error)) => error,
            Err(Rejection::Used) => &"the logout token was used before",
            Err(Rejection::Unavailable(refusal)) => {
                platform.record(&Event::LogoutFailed { trace, refusal });
                return respond::refusal(platform, refusal, &Additions::default(), trace);
            }
        };
        platform.record(&Event::LogoutRefused {
            trace,
            path: received.path(),
            reason,
        });
        // RFC 6749 §5.2, as §2.8 asks for.
        fields.push("content-type", "application/json");
        let body = br#"{"error":"invalid_request"}"#;
        respond::response(platform, 400, &fields, body.to_vec())
    }
}

/// Why a request is not done.
enum Rejection {
    MediaType,
    Slow,
    Form(FormError),
    Token(TokenError),
    Used,
    Unavailable(Refusal),
}

/// §2.5: a form with the token in `logout_token`.
async fn accept<P: Platform>(
    gate: &Gate<P>,
    at: LogoutAt<'_>,
    received: &Received,
    body: &[u8],
    trace: &Trace,
) -> Result<(), Rejection> {
    let text = form_value(body, LOGOUT_PARAMETER).map_err(Rejection::Form)?;
    let token = UnverifiedToken::parse(&text).map_err(Rejection::Token)?;
    let whose = at.issuer(|| token.issuer_hint());
    let (issuer, rule) = whose.ok_or(Rejection::Token(TokenError::Issuer))?;
    let share = share_of(&gate.ground.address_key(received), issuer.number());
    take(gate, &share)?;
    let logout = verified(gate, issuer, rule, &token).await?;
    let now = gate.platform().now_millis();
    gate.logouts.borrow_mut().give_back(&share, now);
    write(gate, at.revocation, &logout, trace).await
}

/// Takes one from a client's share of logout tokens that prove false. Anybody can send them, and to verify one takes
/// up to 10 ms.
fn take<P: Platform>(gate: &Gate<P>, share: &KeyDigest) -> Result<(), Rejection> {
    let mut shares = gate.logouts.borrow_mut();
    shares
        .take(share, gate.platform().now_millis())
        .map_err(|seconds| Rejection::Unavailable(Refusal::rate_limited(shares.name(), seconds)))
}

async fn verified<P: Platform>(
    gate: &Gate<P>,
    issuer: &Arc<Issuer>,
    rule: &doorward_policy::Logout,
    token: &UnverifiedToken<'_>,
) -> Result<LogoutToken, Rejection> {
    let known = gate.issuer(issuer);
    let expect = LogoutExpectations {
        issuer: issuer.url.clone(),
        issuer_spellings: issuer.expectations().issuer_spellings.clone(),
        client_ids: rule.client_ids.clone(),
        algorithms: issuer.algorithms,
        leeway_s: issuer.leeway_s,
    };
    let verify = |keys: &Keys| {
        let now = gate.platform().now();
        token.verify_logout(&keys.set, &expect, now)
    };
    let verdict = with_keys(&known.keys, verify).await;
    let verdict = verdict.map_err(Rejection::Unavailable)?;
    match verdict {
        Verdict::Genuine(_, logout) => Ok(logout),
        // Many issuers say it once and never again, so what is not known yet is not refused for good.
        Verdict::False {
            newer: Some(none), ..
        } if none.keys.old || !none.asked => {
            let retry_after_s = none.keys.retry_after_s;
            let refusal = Refusal::keys_unavailable(retry_after_s);
            Err(Rejection::Unavailable(refusal))
        }
        Verdict::False { error, .. } => Err(Rejection::Token(error)),
    }
}

/// Writes what is revoked.
async fn write<P: Platform>(
    gate: &Gate<P>,
    rule: &RevocationRule,
    logout: &LogoutToken,
    trace: &Trace,
) -> Result<(), Rejection> {
    let unavailable = || Rejection::Unavailable(store::unavailable());
    let now = gate.platform().now();
    let (directory, now) = gate
        .store
        .directory(now)
        .await
        .map_err(Rejection::Unavailable)?;
    let store = gate.store.open().await.ok_or_else(unavailable)?;
    let failed = |error| {
        gate.store.log_failure(&error);
        unavailable()
    };
    let revocations = logout.revocations(rule.token_lifetime_max_s, now);
    // Another instance may have seen it since the names were read.
    if let Some((used, _)) = revocations.last()
        && (directory
            .revocations
            .has_logout(logout.issuer(), logout.token_id())
            || store.exists(&used.name()).await.map_err(failed)?)
    {
        return Err(Rejection::Used);
    }
    if directory.revocations.is_full() {
        let entries = directory.revocations.names();
        gate.platform().record(&Event::RevocationsFull { entries });
        return Err(unavailable());
    }
    for (entry, note) in &revocations {
        let written = store.set(&entry.name(), &note.to_bytes()).await;
        written.map_err(failed)?;
    }
    gate.store.forget();
    gate.platform().record(&Event::LoggedOut {
        trace,
        issuer: logout.issuer(),
        entries: revocations.len(),
    });
    Ok(())
}

/// §2.5: the body is a form.
fn is_form(received: &Received) -> bool {
    let content_type = received.fields.text("content-type").unwrap_or_default();
    MediaType::whatever_follows(content_type.as_bytes()).is_some_and(|of_body| of_body.is(FORM))
}

async fn body<P: Platform>(platform: &P, request: P::Request) -> Option<Vec<u8>> {
    let mut source = platform.source(request);
    exchange::collect::<P>(&mut source, BODY_BYTES_MAX).await
}
