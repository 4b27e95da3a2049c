//! OpenID Connect Back-Channel Logout 1.0: an issuer says that a session has ended, and the gate writes
//! it where every instance reads what is revoked.
//!
//! The answer is 200 once that is written, 400 for a logout token that is not valid or was used before
//! (§2.8), and 503 where the store or the issuer's keys are not to be had, so that the issuer tries again.

use crate::additions::Additions;
use crate::fetch::{self, field};
use crate::gate::Gate;
use crate::log::{self, Level};
use crate::received::Received;
use crate::{clock, respond, store};
use doorward_policy::{IssuerId, Refusal};
use doorward_token::logout::{
    FORM_BYTES_MAX, FormError, LOGOUT_PARAMETER, LogoutExpectations, LogoutToken, form_value,
};
use doorward_token::{TokenError, UnverifiedToken};
use std::fmt::Display;
use std::ops::Range;
use std::time::Duration;
use wasip3::http::types::{ErrorCode, Fields, Request, Response};
use wasip3::wit_future;

/// A logout request that is longer is refused.
const BODY_BYTES_MAX: usize = FORM_BYTES_MAX;
/// How long a body may take to come. Anybody can begin one.
const BODY_TIME_MAX: Duration = Duration::from_secs(5);

/// Answers a request to a logout path of the policy.
///
/// # Errors
/// Where the host does not accept the answer.
pub(crate) async fn handle(
    gate: &'static Gate,
    issuers: Range<IssuerId>,
    request: Request,
    received: &Received,
) -> Result<Response, ErrorCode> {
    let is_form = is_form(&received.fields);
    let answer = match clock::within(BODY_TIME_MAX, body(request)).await {
        _ if !is_form => Err(Rejection::MediaType),
        Ok(Some(body)) => accept(gate, issuers, &body).await,
        Ok(None) => Err(Rejection::Form(FormError::TooLong)),
        Err(clock::TimedOut) => Err(Rejection::Slow),
    };
    // §2.8: no answer is to be kept.
    let no_store = field("cache-control", "no-store");
    let reason: &dyn Display = match &answer {
        Ok(()) => return respond::bytes(200, &[no_store], Vec::new()),
        Err(Rejection::MediaType) => &"the body is said to be no form",
        Err(Rejection::Slow) => &"the body did not come in time",
        Err(Rejection::Form(error)) => error,
        Err(Rejection::Token(error)) => error,
        Err(Rejection::Used) => &"the logout token was used before",
        Err(Rejection::Unavailable(refusal)) => {
            log::event(
                Level::Warn,
                "logout-failed",
                &[("reason", &refusal.reason())],
            );
            return respond::refusal(refusal, &Additions::default());
        }
    };
    log::event(
        Level::Warn,
        "logout-refused",
        &[("path", &received.path()), ("reason", reason)],
    );
    // RFC 6749 §5.2, as §2.8 asks for.
    let fields = [no_store, field("content-type", "application/json")];
    let body = br#"{"error":"invalid_request"}"#;
    respond::bytes(400, &fields, body.to_vec())
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
async fn accept(
    gate: &'static Gate,
    issuers: Range<IssuerId>,
    body: &[u8],
) -> Result<(), Rejection> {
    let text = form_value(body, LOGOUT_PARAMETER).map_err(Rejection::Form)?;
    let token = UnverifiedToken::parse(&text).map_err(Rejection::Token)?;
    let issuer = whose(gate, issuers, &token).ok_or(Rejection::Token(TokenError::Issuer))?;
    let logout = verified(gate, issuer, &token).await?;
    write(gate, &logout).await
}

fn whose(gate: &Gate, issuers: Range<IssuerId>, token: &UnverifiedToken<'_>) -> Option<IssuerId> {
    if issuers.len() == 1 {
        return Some(issuers.start);
    }
    let issuer = gate.policy.issuer_by_url(&token.issuer_hint()?)?;
    issuers.contains(&issuer).then_some(issuer)
}

async fn verified(
    gate: &'static Gate,
    id: IssuerId,
    token: &UnverifiedToken<'_>,
) -> Result<LogoutToken, Rejection> {
    let issuer = gate.policy.issuers().get(id);
    let Some((issuer, rule)) = issuer.and_then(|issuer| Some((issuer, issuer.logout.as_ref()?)))
    else {
        return Err(misconfigured("an issuer without logout"));
    };
    let expect = LogoutExpectations {
        issuer: issuer.url.clone(),
        issuer_spellings: issuer.expectations().issuer_spellings.clone(),
        client_ids: rule.client_ids.clone(),
        algorithms: issuer.algorithms,
        leeway_s: issuer.leeway_s,
    };
    let verdict = gate
        .with_keys(id, |keys| {
            token.verify_logout(&keys.set, &expect, clock::now())
        })
        .await
        .map_err(Rejection::Unavailable)?;
    match verdict {
        Ok((_, logout)) => Ok(logout),
        // Many issuers say it once and never again, so what is not known yet is not refused for good.
        Err((_, Some(none))) if none.keys.old || !none.asked => {
            let retry_after_s = none.keys.retry_after_s;
            Err(Rejection::Unavailable(Refusal::keys_unavailable(
                retry_after_s,
            )))
        }
        Err((error, _)) => Err(Rejection::Token(error)),
    }
}

/// Writes what is revoked.
async fn write(gate: &'static Gate, logout: &LogoutToken) -> Result<(), Rejection> {
    let Some(rule) = gate.policy.revocation() else {
        return Err(misconfigured("logout without [revocation]"));
    };
    let unavailable = || Rejection::Unavailable(store::unavailable());
    let now = clock::now();
    let (directory, now) = gate
        .store
        .directory(now)
        .await
        .map_err(Rejection::Unavailable)?;
    let store = gate.store.open().await.ok_or_else(unavailable)?;
    let failed = |error| {
        gate.store.tell(&error);
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
        log::event(
            Level::Error,
            "revocations-full",
            &[
                ("entries", &directory.revocations.names()),
                (
                    "help",
                    &"doorward revoke issuer, which revokes all that was issued until now",
                ),
            ],
        );
        return Err(unavailable());
    }
    for (entry, note) in &revocations {
        let written = store.set(&entry.name(), &note.to_bytes()).await;
        written.map_err(failed)?;
    }
    gate.store.forget();
    log::event(
        Level::Info,
        "logged-out",
        &[
            ("issuer", &logout.issuer()),
            ("entries", &revocations.len()),
        ],
    );
    Ok(())
}

/// §2.5: the body is a form.
fn is_form(fields: &Fields) -> bool {
    fetch::single(fields, "content-type").is_some_and(|value| {
        fetch::essence(&value).eq_ignore_ascii_case("application/x-www-form-urlencoded")
    })
}

async fn body(request: Request) -> Option<Vec<u8>> {
    let (outcome, outcome_reader) = wit_future::new(|| Ok(()));
    let (stream, trailers) = Request::consume_body(request, outcome_reader);
    let body = fetch::collect(stream, BODY_BYTES_MAX).await;
    drop(outcome);
    drop(trailers);
    body
}

fn misconfigured(reason: &'static str) -> Rejection {
    Rejection::Unavailable(Refusal::misconfigured(reason))
}
