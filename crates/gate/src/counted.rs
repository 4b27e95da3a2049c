//! Whose requests a rate limit counts.

use doorward_policy::{Permit, RateLimitId, Traffic};
use doorward_token::digest;
use doorward_traffic::rate::{Counts, KeyDigest, RateKey, RateLimit};

use crate::received::Received;

/// A limit, and whose requests are counted.
pub(crate) struct Counted<'p> {
    pub(crate) id: RateLimitId,
    pub(crate) limit: &'p RateLimit,
    pub(crate) digest: KeyDigest,
}

impl<'p> Counted<'p> {
    /// `key` is what tells this caller from others; it may be a secret, and only its digest is kept.
    pub(crate) fn new(id: RateLimitId, limit: &'p RateLimit, key: &[u8]) -> Self {
        let whole = digest(key);
        let mut digest = KeyDigest::default();
        for (byte, whole) in digest.iter_mut().zip(whole) {
            *byte = whole;
        }
        Self { id, limit, digest }
    }
}

/// The limits that count by the head of a request alone, before anything is known of its credential.
/// `address` is what the client's address is counted under.
pub(crate) fn counted_by_head<'p>(
    traffic: Traffic<'p>,
    received: &Received,
    counts: Counts,
    address: &dyn Fn() -> Vec<u8>,
) -> Vec<Counted<'p>> {
    let limits = traffic
        .rate_limits()
        .filter(|(_, limit)| limit.counts == counts);
    limits
        .filter_map(|(id, limit)| {
            let key = match &limit.key {
                RateKey::Client => address(),
                RateKey::Header(name) => received.values(name).join(&b","[..]),
                RateKey::Subject | RateKey::ApiKey | RateKey::Claim(_) => return None,
            };
            Some(Counted::new(id, limit, &key))
        })
        .collect()
}

/// Whether there are limits that count by what the credential says.
pub(crate) fn counts_by_credential(traffic: Traffic<'_>) -> bool {
    traffic
        .rate_limits()
        .any(|(_, limit)| is_of_credential(limit))
}

/// The limits that count by what the credential says. Who has no such claim is counted by address.
pub(crate) fn counted_by_credential<'p>(
    permit: &Permit<'p>,
    address: &dyn Fn() -> Vec<u8>,
) -> Vec<Counted<'p>> {
    let limits = permit.traffic().rate_limits();
    limits
        .filter(|(_, limit)| is_of_credential(limit))
        .map(|(id, limit)| {
            let mut keys = permit.rate_keys();
            match keys.find(|(known, _)| *known == id) {
                Some((_, key)) => Counted::new(id, limit, key),
                None => Counted::new(id, limit, &address()),
            }
        })
        .collect()
}

fn is_of_credential(limit: &RateLimit) -> bool {
    limit.counts == Counts::Requests && !matches!(limit.key, RateKey::Client | RateKey::Header(_))
}
