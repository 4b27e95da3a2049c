//! What rules say of traffic: where requests go, how often and how large, and which pages may send them.
//!
//! The policy only names it here. The crate `doorward-traffic` knows what comes of it.

use core::fmt;

use std::sync::Arc;

use doorward_token::api_key::VerifiedKey;
use doorward_token::{ClaimPath, Claims};
use doorward_traffic::address::TrustedProxies;
use doorward_traffic::cors::CorsRule;
use doorward_traffic::limits::RequestLimits;
use doorward_traffic::rate::{RateKey, RateLimit};
use doorward_traffic::retry::RetryOn;
use doorward_traffic::rewrite::Rewrite;
use doorward_traffic::security::SecurityHeaders;
use doorward_traffic::shared_cache::SharedCache;
use doorward_traffic::split::{Split, SplitKey};
use doorward_traffic::upstream::{Upstream, UpstreamId};

use crate::principal::Principal;
#[cfg(feature = "report")]
use crate::report::ReportUntil;

/// The position of a rate limit in [`Policy::rate_limits`](crate::Policy::rate_limits).
pub type RateLimitId = u16;

/// The position of something else that has a name, among its kind.
pub(crate) type Id = u16;

/// `[proxy]`: between clients, the gate and upstreams.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProxyRule {
    /// What the gate calls itself in `Via` (RFC 9110 section 7.6.3) and `CDN-Loop` (RFC 8586): a token.
    pub name: String,
    /// Whose word is believed on whose request it is.
    pub trusted: TrustedProxies,
    /// The fields, in lower case, in which proxies in the trusted networks may say who the caller is. From
    /// anybody else they are removed.
    pub identity_headers: Vec<String>,
}

/// The name of the gate where the policy gives none.
pub const PROXY_NAME_DEFAULT: &str = "doorward";

impl Default for ProxyRule {
    fn default() -> Self {
        Self {
            name: PROXY_NAME_DEFAULT.to_owned(),
            trusted: TrustedProxies::default(),
            identity_headers: Vec::new(),
        }
    }
}

/// What has a name in the policy, each kind in the order of the names.
#[derive(Debug, Default)]
pub(crate) struct Named {
    pub(crate) upstreams: Vec<Arc<Upstream>>,
    pub(crate) cors: Vec<CorsRule>,
    pub(crate) rate_limits: Vec<RateLimit>,
    /// For each of them, where the claim is that it counts by, if it counts by one.
    pub(crate) rate_claims: Vec<Option<ClaimPath>>,
    /// Until when each of them is only reported, if it is.
    #[cfg(feature = "report")]
    pub(crate) rate_reports: Vec<Option<ReportUntil>>,
    pub(crate) limits: Vec<RequestLimits>,
    pub(crate) security_headers: Vec<SecurityHeaders>,
    /// The CORS of what has no rule: that of `[defaults]`.
    pub(crate) default_cors: Option<Id>,
}

impl Named {
    /// The CORS of what has no rule.
    pub(crate) fn default_cors(&self) -> Option<&CorsRule> {
        at(&self.cors, self.default_cors)
    }
}

/// What a rule says of traffic, by position in [`Named`].
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct TrafficRule {
    pub(crate) cors: Option<Id>,
    pub(crate) rate_limits: Vec<RateLimitId>,
    pub(crate) limits: Option<Id>,
    pub(crate) security_headers: Option<Id>,
    pub(crate) upstream: Option<UpstreamId>,
    pub(crate) rewrite: Option<Rewrite>,
    pub(crate) rewrite_response: bool,
    pub(crate) retry_on: RetryOn,
    pub(crate) split: Option<Split>,
    pub(crate) mirror: Option<UpstreamId>,
    pub(crate) shared_cache: SharedCache,
}

/// What the rule of a request says of traffic.
#[derive(Clone, Copy)]
pub struct Traffic<'p> {
    named: &'p Named,
    rule: &'p TrafficRule,
}

impl<'p> Traffic<'p> {
    pub(crate) fn new(named: &'p Named, rule: &'p TrafficRule) -> Self {
        Self { named, rule }
    }

    /// Which pages of other origins may send such requests; `None`: CORS is the upstream's business.
    #[must_use]
    pub fn cors(&self) -> Option<&'p CorsRule> {
        at(&self.named.cors, self.rule.cors)
    }

    /// The rate limits, in the order in which the rule names them.
    pub fn rate_limits(&self) -> impl Iterator<Item = (RateLimitId, &'p RateLimit)> + 'p {
        let limits = &self.named.rate_limits;
        let ids = self.rule.rate_limits.iter();
        ids.filter_map(|&id| Some((id, limits.get(usize::from(id))?)))
    }

    /// How large the request may be; `None`: as large as the host accepts.
    #[must_use]
    pub fn limits(&self) -> Option<&'p RequestLimits> {
        at(&self.named.limits, self.rule.limits)
    }

    /// Fields for the response, where it has none of the same name.
    #[must_use]
    pub fn security_headers(&self) -> Option<&'p SecurityHeaders> {
        at(&self.named.security_headers, self.rule.security_headers)
    }

    /// Where the request goes, one of [`Policy::upstreams`](crate::Policy::upstreams); `None`: to the handler behind
    /// the gate.
    #[must_use]
    pub fn upstream(&self) -> Option<&'p Arc<Upstream>> {
        at(&self.named.upstreams, self.rule.upstream)
    }

    /// What of the path is changed for the upstream.
    #[must_use]
    pub fn rewrite(&self) -> Option<&'p Rewrite> {
        self.rule.rewrite.as_ref()
    }

    /// What of the path was changed, where paths in the response are to be moved back.
    #[must_use]
    pub fn rewrite_of_response(&self) -> Option<&'p Rewrite> {
        self.rule
            .rewrite
            .as_ref()
            .filter(|_| self.rule.rewrite_response)
    }

    /// After what the request is sent again whatever its method.
    #[must_use]
    pub fn retry_on(&self) -> RetryOn {
        self.rule.retry_on
    }

    /// Who goes to a second upstream instead, and to which.
    #[must_use]
    pub fn split(&self) -> Option<(&'p Split, &'p Arc<Upstream>)> {
        let split = self.rule.split.as_ref()?;
        Some((split, at(&self.named.upstreams, Some(split.to))?))
    }

    /// Where a copy of the request goes.
    #[must_use]
    pub fn mirror(&self) -> Option<&'p Arc<Upstream>> {
        at(&self.named.upstreams, self.rule.mirror)
    }
}

impl fmt::Debug for Traffic<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.rule.fmt(f)
    }
}

fn at<T>(list: &[T], id: Option<Id>) -> Option<&T> {
    list.get(usize::from(id?))
}

/// What tells a caller apart from others, for the counters and the split of its rule.
///
/// A subject or a claim is one of its issuer: two issuers can call different people the same.
#[derive(Default)]
pub(crate) struct CallerKeys {
    pub(crate) rates: Vec<(RateLimitId, Vec<u8>)>,
    pub(crate) split: Option<Vec<u8>>,
}

impl CallerKeys {
    /// `api_key`: the one that the caller has, if it is one.
    pub(crate) fn of(
        traffic: Traffic<'_>,
        who: &Principal<'_>,
        claims: &Claims,
        api_key: Option<&VerifiedKey>,
    ) -> Self {
        let subject = || Some(key(who.issuer(), who.subject()?));
        let rates = traffic.rate_limits().filter_map(|(id, limit)| {
            let key = match &limit.key {
                RateKey::Client | RateKey::Header(_) => return None,
                RateKey::Subject => subject()?,
                RateKey::ApiKey => api_key?.id().as_bytes().to_vec(),
                RateKey::Claim(_) => {
                    let path = traffic.named.rate_claims.get(usize::from(id))?;
                    let value = claims.at(path.as_ref()?).ok()?;
                    // As JSON, so that no two values of different types are the same.
                    key(who.issuer(), &value.to_string())
                }
            };
            Some((id, key))
        });
        let splits = traffic
            .split()
            .is_some_and(|(split, _)| split.by == SplitKey::Subject);
        Self {
            rates: rates.collect(),
            split: if splits { subject() } else { None },
        }
    }
}

/// The name of an issuer has no NUL in it.
fn key(issuer: &str, name: &str) -> Vec<u8> {
    let mut key = Vec::with_capacity(issuer.len() + 1 + name.len());
    key.extend_from_slice(issuer.as_bytes());
    key.push(0);
    key.extend_from_slice(name.as_bytes());
    key
}
