//! Phase 4: how large a request is, and how often its caller asks.

#[cfg(feature = "report")]
use doorward_policy::RateLimitId;
use doorward_policy::{Permit, Refusal, Route};
#[cfg(feature = "report")]
use doorward_token::UnixTime;
use doorward_traffic::rate::{Counts, RateLimit, RateVerdict};

use crate::additions::Additions;
use crate::counted::{Counted, counted_by_credential, counted_by_head, counts_by_credential};
use crate::gate::Gate;
#[cfg(feature = "report")]
use crate::limiter::Limiter;
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
    limits
        .check_head(&received.method, &received.target, &received.fields)
        .map_err(Refusal::limit)
}

/// The rate limits of a request's rule, on its way.
///
/// Nothing is counted against one limit where another one refuses. So where it takes the credential to say whose
/// request it is, all limits are looked at before, and counted after that.
pub(crate) struct Rates<'i, 'r, P: Platform> {
    gate: &'i Gate<P>,
    received: &'r Received,
    /// Those that count by the head of the request.
    by_head: Vec<Counted<'i>>,
    /// Those that count credentials that prove false.
    failures: Vec<Counted<'i>>,
    /// Whether there are limits that count by what the credential says.
    waits: bool,
    verdicts: Vec<(&'i RateLimit, RateVerdict)>,
    #[cfg(feature = "report")]
    trial: Trial<'i>,
}

/// The limits of a request that are in report mode.
#[cfg(feature = "report")]
#[derive(Default)]
struct Trial<'i> {
    /// Which of all that the rule names.
    ids: Vec<RateLimitId>,
    by_head: Vec<Counted<'i>>,
    failures: Vec<Counted<'i>>,
    /// What they said. It is for the record: who is not refused need not know of them.
    verdicts: Vec<(&'i RateLimit, RateVerdict)>,
    /// Why they would have refused.
    over: Option<Refusal>,
}

impl<'i, 'r, P: Platform> Rates<'i, 'r, P> {
    /// Those of this route.
    pub(crate) fn of(gate: &'i Gate<P>, route: &Route<'i, '_>, received: &'r Received) -> Self {
        let traffic = route.traffic();
        let address = || gate.ground.address_key(received);
        let by_head = |counts| counted_by_head(traffic, received, counts, &address);
        Self {
            gate,
            received,
            by_head: by_head(Counts::Requests),
            // On a public route no credential is looked at.
            failures: match route.is_public() {
                true => Vec::new(),
                false => by_head(Counts::FailedAuthentication),
            },
            waits: counts_by_credential(traffic),
            verdicts: Vec::new(),
            #[cfg(feature = "report")]
            trial: Trial::default(),
        }
    }

    /// Sets those aside that are in report mode: they count what the other ones let pass, and refuse nobody.
    #[cfg(feature = "report")]
    pub(crate) fn try_out(&mut self, route: &Route<'i, '_>, now: Option<UnixTime>) {
        let Some(now) = now else {
            return;
        };
        let ids = route.traffic().rate_limits().map(|(id, _)| id);
        let ids: Vec<_> = ids.filter(|id| route.reports_limit(*id, now)).collect();
        let is_tried = |counted: &mut Counted<'_>| ids.contains(&counted.id);
        let trial = &mut self.trial;
        trial.by_head = self.by_head.extract_if(.., is_tried).collect();
        trial.failures = self.failures.extract_if(.., is_tried).collect();
        trial.ids = ids;
    }

    /// Why a limit in report mode would have refused the request.
    #[cfg(feature = "report")]
    pub(crate) fn over(&mut self) -> Option<Refusal> {
        self.trial.over.take()
    }

    /// Asks them before the credential is looked at, and counts the request where that needs no credential.
    ///
    /// # Errors
    /// One of them is used up.
    pub(crate) async fn before(&mut self) -> Result<(), Refusal> {
        let (limiter, verdicts) = (&self.gate.limiter, &mut self.verdicts);
        limiter.recall(&self.failures, verdicts)?;
        limiter.ask(&self.by_head, !self.waits, verdicts).await?;
        #[cfg(feature = "report")]
        self.trial.before(limiter, !self.waits).await;
        Ok(())
    }

    /// Counts what was not counted yet, once it is known what the policy says.
    ///
    /// A credential that proved false is counted before its client learns that. One that did not is looked at once
    /// more: of many that are tried at the same time, none gets through, and none is told to be false, when as many
    /// have proved false as may.
    ///
    /// # Errors
    /// Why the request is refused, or one of the limits is used up.
    pub(crate) async fn after(
        &mut self,
        permit: Result<Permit<'i>, Refusal>,
    ) -> Result<Permit<'i>, Refusal> {
        let limiter = &self.gate.limiter;
        let is_false = matches!(&permit, Err(refusal) if refusal.is_false_credential());
        let mut verdicts = Vec::new();
        let failed = limiter.ask(&self.failures, is_false, &mut verdicts).await;
        if failed.is_err() {
            // How many guesses are left, who guesses is told when there are none.
            self.verdicts.append(&mut verdicts);
        }
        failed?;
        #[cfg(feature = "report")]
        self.trial.failed(limiter, is_false).await;
        if !self.waits {
            return permit;
        }
        if let Ok(permit) = &permit {
            let address = || self.gate.ground.address_key(self.received);
            let by_credential = counted_by_credential(permit, &address);
            self.by_head.extend(by_credential);
            #[cfg(feature = "report")]
            {
                let is_tried = |counted: &mut Counted<'_>| self.trial.ids.contains(&counted.id);
                let tried = self.by_head.extract_if(.., is_tried);
                self.trial.by_head.extend(tried);
            }
        }
        let counted = limiter.ask(&self.by_head, true, &mut self.verdicts).await;
        #[cfg(feature = "report")]
        if counted.is_ok() {
            self.trial.ask(limiter, true).await;
        }
        // Whether there is anything left does not change what a request is told that fails for itself.
        permit.and_then(|permit| counted.map(|()| permit))
    }

    /// Whether there are any that may have been waited for before the credential was looked at.
    pub(crate) fn may_have_waited(&self) -> bool {
        #[cfg(feature = "report")]
        let is_some_tried = !self.trial.by_head.is_empty();
        #[cfg(not(feature = "report"))]
        let is_some_tried = false;
        is_some_tried || !self.by_head.is_empty()
    }

    /// Tells what they said, in the answer and in the record.
    pub(crate) fn report(&self, additions: &mut Additions<'i>, record: &mut Record<'i>) {
        additions.limits(&self.verdicts);
        if P::MAY_OBSERVE && record.times.is_some() {
            let named = self.verdicts.iter();
            #[cfg(feature = "report")]
            let named = named.chain(&self.trial.verdicts);
            let named = named.map(|(limit, verdict)| (&*limit.name, *verdict));
            record.limits = named.collect();
        }
    }
}

#[cfg(feature = "report")]
impl<'i> Trial<'i> {
    async fn before<P: Platform>(&mut self, limiter: &Limiter<P>, takes: bool) {
        if let Err(over) = limiter.recall(&self.failures, &mut self.verdicts) {
            self.over = Some(over);
        }
        self.ask(limiter, takes).await;
    }

    /// A credential proved false, or not.
    async fn failed<P: Platform>(&mut self, limiter: &Limiter<P>, is_false: bool) {
        let mut verdicts = Vec::new();
        let failed = limiter.ask(&self.failures, is_false, &mut verdicts).await;
        if let Err(over) = failed {
            self.verdicts.append(&mut verdicts);
            self.over.get_or_insert(over);
        }
    }

    async fn ask<P: Platform>(&mut self, limiter: &Limiter<P>, takes: bool) {
        if let Err(over) = limiter.ask(&self.by_head, takes, &mut self.verdicts).await {
            self.over.get_or_insert(over);
        }
    }
}
