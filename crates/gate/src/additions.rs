//! What the policy adds to a response, whoever made it: the fields of CORS, those that make browsers
//! careful, and what is left of the rate limits.

use doorward_policy::{Permit, Route};
use doorward_syntax::request_id::REQUEST_ID;
use doorward_traffic::cors::{CorsRule, merge_vary};
use doorward_traffic::rate::{RateLimit, RateVerdict, limit_field, policy_field};
use doorward_traffic::security::SecurityHeaders;
use doorward_traffic::shared_cache::{SharedCache, keep_private};

use crate::platform::{FieldList, Platform};
use crate::received::Received;
use crate::record::Record;

/// The field that says for which requests a response is good.
const VARY: &str = "vary";
/// How the fields begin that only CORS sets. Where the policy has a rule, those of an upstream go.
const CORS_PREFIX: &str = "access-control-";

/// What the host's log says of a response that the host does not accept.
pub(crate) const NOT_REBUILT: &str = "the rebuilt response was not accepted";

/// Fields for a response.
#[derive(Default)]
pub(crate) struct Additions<'p> {
    cors: Option<Vec<(&'static str, String)>>,
    /// Whether a refusal is one of gRPC.
    pub(crate) is_grpc: bool,
    security: Option<&'p SecurityHeaders>,
    rate: Vec<(&'static str, String)>,
    /// By which fields answers differ that are asked for alike.
    varies_by: Option<String>,
    /// Who says whether caches that several callers share may keep the answer, where the credential is not told by it.
    shared_cache: Option<SharedCache>,
}

impl<'p> Additions<'p> {
    /// What the rule of a request adds to whatever is answered.
    pub(crate) fn of(route: &Route<'p, '_>, received: &Received) -> Self {
        let traffic = route.traffic();
        Self {
            varies_by: route.varies_by(),
            security: traffic.security_headers(),
            ..Self::without_route(traffic.cors(), received)
        }
    }

    /// What is added where no rule is known: what `cors` says to pages of other origins.
    pub(crate) fn without_route(cors: Option<&CorsRule>, received: &Received) -> Self {
        Self {
            cors: cors.map(|rule| rule.actual(&received.values("origin"))),
            is_grpc: received.is_grpc(),
            ..Self::default()
        }
    }

    /// Adds what caches have to know of the credential that let the request through.
    pub(crate) fn for_permit(&mut self, permit: &Permit<'_>) {
        self.shared_cache = permit.shared_cache();
    }

    /// Adds what is left of these limits.
    pub(crate) fn limits(&mut self, verdicts: &[(&RateLimit, RateVerdict)]) {
        if verdicts.is_empty() {
            return;
        }
        let policy = policy_field(verdicts.iter().map(|(limit, _)| *limit));
        let left = limit_field(verdicts.iter().map(|(limit, verdict)| (*limit, verdict)));
        self.rate = vec![("ratelimit-policy", policy), ("ratelimit", left)];
    }

    /// Whether there is nothing to add.
    pub(crate) fn is_empty(&self) -> bool {
        self.cors.is_none()
            && self.security.is_none()
            && self.rate.is_empty()
            && self.varies_by.is_none()
            && self.shared_cache.is_none()
    }

    /// Adds the fields to those of a response.
    pub(crate) fn add_to(&self, fields: &mut FieldList) {
        if let Some(cors) = &self.cors {
            fields.retain(|name| !name.starts_with(CORS_PREFIX));
            for (name, value) in cors {
                if *name == VARY {
                    vary(fields, value);
                } else {
                    fields.push(name, value.as_bytes());
                }
            }
        }
        if let Some(names) = &self.varies_by {
            vary(fields, names);
        }
        if let Some(security) = self.security {
            let missing: Vec<_> = security.missing_in(|name| fields.has(name)).collect();
            for (name, value) in missing {
                fields.push(name, value.as_bytes());
            }
        }
        if let Some(who_says) = self.shared_cache {
            keep_private(fields, who_says);
        }
        for (name, value) in &self.rate {
            fields.replace(name, value.as_bytes());
        }
    }

    /// Adds the fields to a response that somebody else made, and what its request is called.
    ///
    /// # Errors
    /// Where the host does not accept the response.
    pub(crate) fn onto<P: Platform>(
        &self,
        platform: &P,
        response: P::Response,
        record: &mut Record<'_>,
    ) -> Result<P::Response, P::Error> {
        let mut fields = P::listed(&P::response_fields(&response));
        record.learns_length(|name| fields.values(name));
        self.add_to(&mut fields);
        fields.replace(REQUEST_ID, record.trace.request_id.as_bytes());
        platform
            .with_fields(response, &fields)
            .map_err(|_| P::error(NOT_REBUILT))
    }
}

/// Adds to `Vary` what is not in it.
fn vary(fields: &mut FieldList, add: &str) {
    if let Some(merged) = merge_vary(&fields.values(VARY), add) {
        fields.replace(VARY, merged);
    }
}
