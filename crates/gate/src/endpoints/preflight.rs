//! Preflights: the question of a browser whether a page of another origin may send a request.
//!
//! They have no credential, so they are answered before anything is authenticated, and they reach no
//! service. They say nothing but what the policy says to every page.

use doorward_policy::Policy;
use doorward_traffic::cors::{PreflightAnswer, is_preflight};
use doorward_traffic::trace::Trace;

use crate::event::{Event, PreflightWhy};
use crate::platform::{FieldList, Platform};
use crate::received::Received;
use crate::recording::Recording as _;
use crate::respond;

/// The fields that allow a request to be sent.
const LEAVE: [&str; 3] = [
    "access-control-allow-methods",
    "access-control-allow-headers",
    "access-control-max-age",
];

/// A preflight for whose path the policy has CORS.
pub(crate) struct Preflight<'p> {
    policy: doorward_policy::Preflight<'p>,
    origin: Vec<Vec<u8>>,
    /// The one method that is asked for; empty where that is not clear.
    method: String,
}

impl<'p> Preflight<'p> {
    /// The preflight that a request is, if it is one.
    pub(super) fn of(policy: &'p Policy, received: &Received) -> Option<Self> {
        let requested = received.values("access-control-request-method");
        let origin = received.values("origin");
        if !is_preflight(&received.method, origin.len(), !requested.is_empty()) {
            return None;
        }
        // Two of them are none that could be allowed.
        let method = match requested.as_slice() {
            [one] => std::str::from_utf8(one).unwrap_or_default(),
            _ => "",
        };
        Some(Self {
            policy: policy.preflight(received.asked(), method)?,
            origin,
            method: method.to_owned(),
        })
    }

    /// The answer.
    ///
    /// One that is refused lacks the fields that would allow anything: by the Fetch standard the browser then
    /// keeps the request back. The log says why, at the level of what is as it should be.
    ///
    /// # Errors
    /// Where the host does not accept it.
    pub(super) fn answer<P: Platform>(
        self,
        platform: &P,
        received: &Received,
        trace: &Trace,
    ) -> Result<P::Response, P::Error> {
        let refused = |why| {
            let path = received.path();
            platform.record(&Event::PreflightRefused { trace, path, why });
        };
        let answer = self.policy.rule.preflight(
            &self.origin,
            &self.method,
            &received.values("access-control-request-headers"),
            &self.policy.methods,
        );
        let (status, fields) = match answer {
            PreflightAnswer::Allowed(fields) if self.policy.listed => (204, fields),
            PreflightAnswer::Allowed(mut fields) => {
                fields.retain(|(name, _)| !LEAVE.contains(name));
                refused(PreflightWhy::NotListed);
                (403, fields)
            }
            PreflightAnswer::Refused { reason, fields } => {
                refused(PreflightWhy::Rule(&reason));
                (403, fields)
            }
        };
        let fields: FieldList = fields
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value.into_bytes()))
            .collect();
        respond::response(platform, status, &fields, Vec::new())
    }
}
