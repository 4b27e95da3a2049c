//! Signed tokens: remembered by this instance, or verified now with the keys of their issuer.

use doorward_policy::{Pending, Refusal};
use doorward_token::cache::{Hit, REALM_SIGNED};
use doorward_token::{TokenError, UnverifiedToken};
use std::sync::Arc;

use crate::gate::Gate;
use crate::genuine::Genuine;
use crate::keys::Keys;
use crate::platform::{Platform, UnixTime};
use crate::record::{Proof, Record};
use crate::verify::{Verdict, with_keys};

/// Verifies a token.
///
/// # Errors
/// It is not genuine, or there are no keys to tell.
pub(super) async fn genuine<P: Platform>(
    gate: &Gate<P>,
    pending: &Pending<'_, '_>,
    text: &str,
    record: &mut Record<'_>,
) -> Result<Genuine, Refusal> {
    let bearer = text.as_bytes();
    let now = gate.platform().now_millis();
    let at = UnixTime(now.0 / 1000);
    let hit = gate.verified.borrow_mut().get(bearer, REALM_SIGNED, at);
    if let Some(Hit::Verified {
        issuer,
        generation,
        token,
    }) = hit
        // A remembered token does not outlive the keys that it was verified with.
        && pending.accepts(&issuer)
        && let Some(keys) = gate.issuer(&issuer).keys.at_hand(at)
        && keys.generation == generation
    {
        record.proof = Some(Proof::Remembered);
        record.found_at = Some(now);
        return Ok(Genuine::Token { issuer, token, at });
    }

    #[cfg(feature = "metrics")]
    record.is_being_proved(gate.platform().monotonic_ns());
    let refused = |error: TokenError| Refusal::invalid_token(pending, error);
    let token = UnverifiedToken::parse(bearer).map_err(refused)?;
    let issuer = pending.issuer_of(&token);
    let issuer = issuer.ok_or_else(|| Refusal::unknown_issuer(pending))?;
    let known = gate.issuer(issuer);
    let issuer = Arc::clone(&known.issuer);
    let expectations = issuer.expectations();
    let verify = |keys: &Keys| token.verify(&keys.set, expectations, gate.platform().now());
    let verdict = with_keys(&known.keys, verify).await?;
    let (keys, token) = match verdict {
        Verdict::Genuine(keys, token) => (keys, token),
        // The issuer fails or was not asked, so it may have the key by now.
        Verdict::False {
            error,
            newer: Some(none),
        } if none.keys.old && error.is_unknown_key() => {
            return Err(Refusal::key_may_be_newer(none.keys.retry_after_s));
        }
        Verdict::False { error, .. } => return Err(refused(error)),
    };
    let token = Arc::new(token);
    // Keys may have been waited for.
    let at = gate.platform().now();
    if P::MAY_OBSERVE && record.times.is_some() {
        let keys_age_s = known.keys.age_s(at);
        record.proof = Some(Proof::Signature { keys_age_s });
    }
    let until = token.expires_at();
    let remember = Arc::clone(&token);
    gate.verified.borrow_mut().insert(
        bearer,
        REALM_SIGNED,
        Arc::clone(&issuer),
        keys.generation,
        remember,
        until,
        at,
    );
    Ok(Genuine::Token { issuer, token, at })
}
