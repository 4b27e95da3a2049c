//! Phase 4: how large a request is, and how often its caller asks.

use doorward_policy::{Permit, Refusal, RequestHead, Route};
use doorward_traffic::limits::HeadSize;
use doorward_traffic::rate::{Counts, RateLimit, RateVerdict};

use crate::additions::Additions;
use crate::admit;
use crate::instance::Gate;
use crate::limiter::{counted_by_credential, counted_by_head, counts_by_credential};
use crate::platform::Platform;
use crate::received::Received;
use crate::record::Record;

/// Whether the head of a request is within its limits. Whether there is a body that declares no length,
/// is not known yet.
///
/// # Errors
/// The limit that is exceeded.
pub(crate) fn check_size(route: &Route<'_, '_>, received: &Received) -> Result<(), Refusal> {
    let Some(limits) = route.traffic().limits() else {
        return Ok(());
    };
    let declared = received.values("content-length").pop();
    let content_type = received.values("content-type");
    let size = HeadSize {
        count: received.fields.len(),
        bytes: received.fields.bytes(),
        target_bytes: received.target.len(),
        content_length: declared.and_then(|value| String::from_utf8(value).ok()?.parse().ok()),
        has_body: !content_type.is_empty(),
        content_type: &content_type,
    };
    limits.check(&size).map_err(Refusal::limit)
}

/// Admits a request, where its rate limits do.
///
/// # Errors
/// Why it is refused.
pub(crate) async fn in_rates<'i, P: Platform>(
    gate: &'i Gate<P>,
    route: Route<'i, '_>,
    head: &RequestHead<'_>,
    received: &Received,
    record: &mut Record<'i>,
    additions: &mut Additions<'i>,
) -> Result<Permit<'i>, Refusal> {
    if route.traffic().rate_limits().next().is_none() {
        return admit::screened(gate, route, head, received, record).await;
    }
    let mut verdicts = Vec::new();
    let permit = counted(gate, route, head, received, record, &mut verdicts).await;
    additions.limits(&verdicts);
    if P::OBSERVES {
        let named = verdicts
            .iter()
            .map(|(limit, verdict)| (&*limit.name, *verdict));
        record.limits = named.collect();
    }
    permit
}

/// Admits a request whose rule has rate limits.
///
/// Nothing is counted against one limit where another one refuses. So where it takes the credential to
/// say whose request it is, all limits are looked at before, and counted after that.
async fn counted<'i, P: Platform>(
    gate: &'i Gate<P>,
    route: Route<'i, '_>,
    head: &RequestHead<'_>,
    received: &Received,
    record: &mut Record<'i>,
    verdicts: &mut Vec<(&'i RateLimit, RateVerdict)>,
) -> Result<Permit<'i>, Refusal> {
    let traffic = route.traffic();
    let address = || gate.ground.address_key(received);
    let by_head = |counts| counted_by_head(traffic, received, counts, &address);
    // On a public route no credential is looked at.
    let failures = match route.is_public() {
        true => Vec::new(),
        false => by_head(Counts::FailedAuthentication),
    };
    let mut counted = by_head(Counts::Requests);
    let waits = counts_by_credential(traffic);
    gate.limiter.look(&failures, verdicts).await?;
    if waits {
        gate.limiter.look(&counted, verdicts).await?;
    } else {
        gate.limiter.take(&counted, verdicts).await?;
    }
    // Whether there is anything left does not change what a request is told that fails for itself.
    match admit::screened(gate, route, head, received, record).await {
        Ok(permit) if waits => {
            counted.extend(counted_by_credential(&permit, &address));
            gate.limiter.take(&counted, verdicts).await?;
            Ok(permit)
        }
        Ok(permit) => Ok(permit),
        Err(refusal) => {
            if waits {
                let _ = gate.limiter.take(&counted, verdicts).await;
            }
            if refusal.is_false_credential() {
                let _ = gate.limiter.take(&failures, &mut Vec::new()).await;
            }
            Err(refusal)
        }
    }
}
