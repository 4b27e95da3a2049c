//! Moving a route from one upstream to another, bit by bit.

use crate::upstream::UpstreamId;
use doorward_retry::random::mix;

/// Into how many equal parts callers are split: hundredths of a percent.
pub const BUCKETS: u16 = 10_000;
/// Most pairs of a request's cookies that are looked at.
pub const COOKIE_PAIRS_MAX: usize = 256;

/// Who of the callers of a route goes to a second upstream (`[route.split]`).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Split {
    /// The second upstream.
    pub to: UpstreamId,
    /// How many of a hundred callers.
    pub percent: u8,
    /// What makes a caller the same as before.
    pub by: SplitKey,
    /// Who has this field with this value goes there, whatever the percentage. The name is in lower case.
    pub header: Option<(String, String)>,
    /// Who has this cookie with this value does.
    pub cookie: Option<(String, String)>,
    /// Whether the first upstream is asked where the second one fails.
    pub fallback: bool,
}

/// By what callers are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SplitKey {
    /// Issuer and subject of the credential; the client's address where there is none.
    Subject,
    /// The client's address.
    Client,
}

impl Split {
    /// Whether this request goes to the second upstream. The first rule that applies decides:
    ///
    /// 1. it has the field, in one of its values byte for byte as the policy says;
    /// 2. it has the cookie, in the first pair of that name (RFC 6265 section 4.2.1), byte for byte;
    /// 3. the caller is one of the percentage: see [`bucket`]. Who is stays there when it is raised, and
    ///    who is not stays away when it is lowered. Without a `key`, nobody tells this caller from another
    ///    one, and they go there only when all do.
    ///
    /// `to_name` is the name of the second upstream: callers are split alike on all routes that move to
    /// it. `values` gives the values of a request field by its name in lower case; it is asked only for
    /// what this split looks at.
    #[must_use]
    pub fn goes_there(
        &self,
        to_name: &str,
        key: Option<&[u8]>,
        values: &dyn Fn(&str) -> Vec<Vec<u8>>,
    ) -> bool {
        if let Some((name, due)) = &self.header
            && values(name).iter().any(|value| value == due.as_bytes())
        {
            return true;
        }
        if let Some((name, due)) = &self.cookie
            && cookie(&values("cookie"), name.as_bytes()) == Some(due.as_bytes())
        {
            return true;
        }
        let threshold = u16::from(self.percent).saturating_mul(BUCKETS / 100);
        match key {
            Some(key) => bucket(to_name, key) < threshold,
            None => threshold >= BUCKETS,
        }
    }
}

/// In which of [`BUCKETS`] buckets a caller is: `0..BUCKETS`.
///
/// It stays the same for ever, across versions and instances, for a migration takes weeks: FNV-1a with 64
/// bits over the bytes of `salt`, a byte 0xFF (which no text has, so that no other salt and key look the
/// same) and those of `key`; then the last steps of SplitMix64, because FNV's upper bits differ little
/// for keys that differ at their end; then those upper bits, as a fraction of 2^64, times [`BUCKETS`].
#[must_use]
pub fn bucket(salt: &str, key: &[u8]) -> u16 {
    let mut hash = 0xCBF2_9CE4_8422_2325_u64;
    for &byte in salt.as_bytes().iter().chain(&[0xFF]).chain(key) {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01B3);
    }
    ((u128::from(mix(hash)) * u128::from(BUCKETS)) >> 64) as u16
}

/// The value of the first cookie of this name, over all `Cookie` fields in their order: HTTP/2 may send
/// several (RFC 9113 section 8.2.3).
fn cookie<'v>(fields: &'v [Vec<u8>], name: &[u8]) -> Option<&'v [u8]> {
    fields
        .iter()
        .flat_map(|field| field.split(|&byte| byte == b';'))
        .take(COOKIE_PAIRS_MAX)
        .find_map(|pair| {
            // RFC 6265 section 4.2.1: `; ` between two; user agents that write it otherwise are understood.
            let value = pair.trim_ascii().strip_prefix(name)?;
            value.strip_prefix(b"=")
        })
}

#[cfg(test)]
mod tests;
