//! Report mode on the way of a request: what would have been refused is told, and passes.
//!
//! The phases judge a request as ever, and what they say goes through here. What may only be reported, and what becomes
//! of it, the policy says ([`Route::reported`]).

use doorward_policy::{Permit, Policy, Refusal, RequestHead, Route};
use doorward_token::UnixTime;

use crate::additions::Additions;
use crate::event::Event;
use crate::platform::Platform;
use crate::received::Received;
use crate::record::Record;
use crate::recording::Recording as _;

/// A request in a policy of which something is in report mode.
#[derive(Default)]
pub(crate) struct Trial {
    /// When it is judged, by one look at the clock; `None` where nothing is in report mode.
    pub(crate) now: Option<UnixTime>,
    /// Why it would be refused before anything else is looked at: no rule lists it.
    unlisted: Option<Refusal>,
}

impl Trial {
    /// The route of a request, or what stands in for one, and how it is judged: at this time, where anything is in report
    /// mode.
    ///
    /// # Errors
    /// No rule says anything of it, and that is not only reported.
    pub(crate) fn of<'i, 'r>(
        policy: &'i Policy,
        now: Option<UnixTime>,
        head: &RequestHead<'r>,
        received: &Received,
        route: Result<Route<'i, 'r>, Refusal>,
        additions: &mut Additions<'i>,
    ) -> Result<(Route<'i, 'r>, Self), Refusal> {
        let refusal = match route {
            Ok(route) => {
                let unlisted = None;
                return Ok((route, Self { now, unlisted }));
            }
            Err(refusal) => refusal,
        };
        let unlisted = now.and_then(|now| policy.unlisted(head.target(), &refusal, now));
        let Some(route) = unlisted else {
            return Err(refusal);
        };
        *additions = Additions::of(&route, received);
        let unlisted = Some(refusal);
        Ok((route, Self { now, unlisted }))
    }

    /// Whether a rule lists the request.
    pub(crate) fn is_listed(&self) -> bool {
        self.unlisted.is_none()
    }

    /// What becomes of a request by what was said of it: `over` is why a limit would have refused it that is in report
    /// mode.
    ///
    /// # Errors
    /// Why it is refused: that is not only reported.
    pub(crate) fn judge<'i, 'r>(
        self,
        verdict: Result<Permit<'i>, Refusal>,
        route: Route<'i, 'r>,
        head: &RequestHead<'r>,
        over: Option<Refusal>,
    ) -> Result<Permit<'i>, Refusal> {
        let Some(now) = self.now else {
            return verdict;
        };
        let verdict = match (verdict, self.unlisted) {
            // It has no rule that could let it through.
            (Err(_) | Ok(_), Some(unlisted)) => Err(unlisted),
            (verdict, None) => verdict,
        };
        let permit = match verdict {
            Ok(permit) => permit,
            Err(refusal) => route.reported(head, refusal, now)?,
        };
        // A limit comes before a credential: that is what its client would have been told.
        Ok(match over {
            Some(over) => permit.over_reported_limit(over),
            None => permit,
        })
    }
}

/// Tells what a request that goes on would have been refused as.
pub(crate) fn tell<'i, P: Platform>(
    platform: &P,
    permit: &Permit<'i>,
    received: &Received,
    record: &mut Record<'i>,
) {
    let Some(refusal) = permit.would_refuse() else {
        return;
    };
    record.would_refuse = Some(refusal.clone());
    // Where each request has a line, that one says so.
    if !P::MAY_OBSERVE || record.log.is_none() {
        platform.record(&Event::WouldRefuse {
            record,
            target: &received.target,
            refusal,
        });
    }
}

/// Says what is in report mode, once for an instance of a policy that has such modes: what is not enforced shows where everything else shows.
pub(crate) fn begins<P: Platform>(platform: &P, policy: &Policy) {
    let now = platform.now();
    if policy.report_modes().any(|(_, until)| until.is_on(now)) {
        platform.record(&Event::ReportMode { policy, now });
    }
}
