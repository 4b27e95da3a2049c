//! What is known of a request, and of what became of it. Each phase fills in what it finds out, and what an operator
//! wants to know is a view of it.

#[cfg(feature = "access-log")]
use doorward_policy::Inputs;
#[cfg(feature = "report")]
use doorward_policy::Issuer;
use doorward_policy::field_names::BYTES_OUT;
use doorward_policy::{CredentialKind, LogRule, Principal, Refusal};
#[cfg(feature = "report")]
use doorward_token::VerifiedToken;
use doorward_traffic::Millis;
use doorward_traffic::rate::RateVerdict;
use doorward_traffic::retry::{End, WhyNot};
use doorward_traffic::trace::Trace;
use doorward_traffic::upstream::Upstream;
use std::borrow::Cow;
#[cfg(feature = "linked")]
use std::rc::Rc;
use std::sync::Arc;

#[cfg(feature = "linked")]
use crate::genuine::Genuine;
#[cfg(feature = "otlp")]
use crate::spans::Root;

/// A request, and what became of it.
#[derive(Debug, Clone)]
pub struct Record<'p> {
    /// Which request.
    pub id: RequestId,
    /// What others call it, and to which trace it belongs.
    pub trace: Trace,
    /// Its method.
    pub method: Cow<'static, str>,
    /// Its path and query, as received.
    target: String,
    /// The path pattern of the rule that it has.
    pub route: Option<&'p str>,
    /// Which `[[route]]` of the policy that is, counted from 1; `None`: it was refused before its caller was known.
    pub rule: Option<u64>,
    /// What answers by itself, if it was for that.
    pub endpoint: Option<&'static str>,
    /// What its credential is.
    pub credential: Option<CredentialKind>,
    /// How its credential turned out to be genuine.
    pub proof: Option<Proof>,
    /// Who the caller is.
    pub principal: Option<Principal<'p>>,
    /// A hash of that, where the log has it in its place.
    pub principal_hash: Option<String>,
    /// What its rate limits said, in the order in which they were asked.
    pub limits: Vec<(&'p str, RateVerdict)>,
    /// The upstreams that were asked, in order.
    pub upstreams: Vec<AskedUpstream>,
    /// What it would have been refused as, had that not been in report mode.
    #[cfg(feature = "report")]
    pub(crate) would_refuse: Option<Refusal>,
    /// What a second policy says of it, where that is something else than what was decided.
    #[cfg(feature = "report")]
    pub candidate: Option<&'static str>,
    /// Its token, for that policy, once that is genuine.
    #[cfg(feature = "report")]
    pub(crate) genuine: Option<(Arc<Issuer>, Arc<VerifiedToken>)>,
    /// Its credential, for a service in this component, once that is genuine.
    #[cfg(feature = "linked")]
    pub(crate) genuine_caller: Option<Rc<Genuine>>,
    /// What became of it.
    pub outcome: Outcome,
    /// Bytes of its body that were read by then.
    pub body_bytes: u64,
    /// How long the body of its answer is said to be, where the log tells that.
    pub(crate) answer_bytes: Option<u64>,
    /// When what happened; `None`: nobody wants to know.
    pub times: Option<Times>,
    /// When an upstream gave the answer that goes to the client, in nanoseconds of the clock that nobody sets. Nothing is
    /// waited for after that.
    answer_came_ns: Option<u64>,
    /// The time of day when its token was found among those that are remembered, where nothing was waited for between
    /// its arrival and that.
    pub(crate) found_at: Option<Millis>,
    /// What its decision depended on, where the log tells that.
    #[cfg(feature = "access-log")]
    pub(crate) inputs: Option<Box<Inputs>>,
    /// What of it the log tells.
    pub(crate) log: Option<&'p LogRule>,
    /// When it arrived, in nanoseconds of the clock that nobody sets.
    #[cfg(feature = "metrics")]
    pub(crate) arrived_ns: u64,
    /// Since when it is looked whether its credential is genuine, by the same clock. Nobody looks for a token that is
    /// remembered.
    #[cfg(feature = "metrics")]
    proved_since_ns: Option<u64>,
    /// How long that took. Of a token that is remembered: nothing, for to look at the clock would take longer.
    #[cfg(feature = "metrics")]
    pub(crate) authentication_ns: Option<u64>,
    /// Its span, where it is sampled.
    #[cfg(feature = "otlp")]
    pub(crate) root: Option<Root>,
}

/// When what happened to a request, by the clock that nobody sets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Times {
    /// The instance began to serve.
    pub instance: Millis,
    /// It arrived.
    pub arrived: Millis,
    /// It was let through; `None`: it was not, or nobody [observes](crate::platform::Platform::OBSERVES) that.
    pub admitted: Option<Millis>,
    /// It was answered.
    pub answered: Option<Millis>,
}

impl Times {
    /// It has just arrived.
    pub(crate) fn arrived(instance: Millis, arrived: Millis) -> Self {
        Self {
            instance,
            arrived,
            admitted: None,
            answered: None,
        }
    }
}

/// Which request it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId {
    /// A random number of the instance.
    pub instance: u64,
    /// How many it had had before, and this one.
    pub number: u64,
}

/// How a credential turned out to be genuine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proof {
    /// The instance remembered it.
    Remembered,
    /// By a signature, with keys that are so old.
    Signature {
        /// The age of the key set in seconds, where it was ever fetched.
        keys_age_s: Option<u64>,
    },
    /// By the word of its issuer, asked now or remembered.
    Introspection,
    /// It is an API key of the policy.
    Listed,
    /// It is an API key of the store.
    Stored,
}

impl Proof {
    /// Its name.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Remembered => "remembered",
            Self::Signature { .. } => "signature",
            Self::Introspection => "introspection",
            Self::Listed => "listed",
            Self::Stored => "stored",
        }
    }
}

/// An upstream that was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AskedUpstream {
    /// Which one.
    pub upstream: Arc<Upstream>,
    /// Each attempt: the position of the target, and how it ended.
    pub attempts: Vec<(usize, End)>,
    /// Why there were no more; `None`: the last one was good, or the request ended under way.
    pub no_more: Option<WhyNot>,
    /// Whether it was left alone because its breaker was open.
    #[cfg(feature = "metrics")]
    pub breaker_was_open: bool,
}

impl AskedUpstream {
    /// Nothing came of it yet.
    pub(crate) fn nobody_yet(upstream: &Arc<Upstream>) -> Self {
        Self {
            upstream: Arc::clone(upstream),
            attempts: Vec::new(),
            no_more: None,
            #[cfg(feature = "metrics")]
            breaker_was_open: false,
        }
    }
}

/// What became of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Nothing yet: where that is all, its client went away.
    UnderWay,
    /// What answers by itself did, with this status.
    Answered(u16),
    /// It was refused.
    Refused(Refusal),
    /// It went on, and this is the status of the answer.
    Forwarded(u16),
    /// It went on, and the next one gave no answer.
    Failed,
}

impl Outcome {
    /// The status of the answer, where there is one.
    pub(crate) fn status(&self) -> Option<u16> {
        match self {
            Self::Answered(status) | Self::Forwarded(status) => Some(*status),
            Self::Refused(refusal) => Some(refusal.status()),
            Self::UnderWay | Self::Failed => None,
        }
    }
}

impl<'p> Record<'p> {
    /// Of a request that arrives.
    #[must_use]
    pub(crate) fn new(id: RequestId, trace: Trace, method: Cow<'static, str>) -> Self {
        Self {
            id,
            trace,
            method,
            target: String::new(),
            route: None,
            rule: None,
            endpoint: None,
            credential: None,
            proof: None,
            principal: None,
            principal_hash: None,
            limits: Vec::new(),
            upstreams: Vec::new(),
            #[cfg(feature = "report")]
            would_refuse: None,
            #[cfg(feature = "report")]
            candidate: None,
            #[cfg(feature = "report")]
            genuine: None,
            #[cfg(feature = "linked")]
            genuine_caller: None,
            outcome: Outcome::UnderWay,
            body_bytes: 0,
            answer_bytes: None,
            times: None,
            answer_came_ns: None,
            found_at: None,
            #[cfg(feature = "access-log")]
            inputs: None,
            log: None,
            #[cfg(feature = "metrics")]
            arrived_ns: 0,
            #[cfg(feature = "metrics")]
            proved_since_ns: None,
            #[cfg(feature = "metrics")]
            authentication_ns: None,
            #[cfg(feature = "otlp")]
            root: None,
        }
    }

    /// With its path and query, which the phases have until then.
    pub(crate) fn closes(&mut self, target: String) {
        self.target = target;
    }

    /// It is looked whether its credential is genuine, from now on.
    #[cfg(feature = "metrics")]
    pub(crate) fn is_being_proved(&mut self, now_ns: u64) {
        self.proved_since_ns = Some(now_ns);
    }

    /// That is known now.
    #[cfg(feature = "metrics")]
    pub(crate) fn is_proved(&mut self, now_ns: impl FnOnce() -> u64) {
        let since = self.proved_since_ns;
        let took_ns = since.map(|since| now_ns().saturating_sub(since));
        self.authentication_ns = Some(took_ns.unwrap_or(0));
    }

    /// An upstream has given the answer that goes to the client.
    pub(crate) fn answers_now(&mut self, now_ns: u64) {
        self.answer_came_ns = Some(now_ns);
    }

    /// When it is answered, in nanoseconds of the clock that nobody sets. An upstream's answer goes on at once, and to
    /// look at a clock is a call of the host.
    pub(crate) fn answered_ns(&self, now_ns: impl FnOnce() -> u64) -> u64 {
        self.answer_came_ns.unwrap_or_else(now_ns)
    }

    /// The time of day when it was answered: what was looked at before, and the time since, where that is known.
    pub(crate) fn answered_at(&self, now: impl FnOnce() -> Millis) -> Millis {
        let known = self.found_at.zip(self.times).and_then(|(found_at, times)| {
            let took_ms = times.answered?.since(times.arrived);
            Some(found_at.plus(took_ms))
        });
        known.unwrap_or_else(now)
    }

    /// The status of the answer that an upstream gave, where one was asked.
    pub(crate) fn status_of_upstream(&self) -> Option<u16> {
        match self.upstreams.last()?.attempts.last()? {
            (_, End::Status { status, .. }) => Some(*status),
            (_, End::Failure(_)) => None,
        }
    }

    /// How long its answer says to be. For its fields, of which that needs one, nobody is asked where the log does not
    /// tell it: to ask the host is a call.
    pub(crate) fn learns_length(&mut self, values: impl FnOnce(&str) -> Vec<Vec<u8>>) {
        if cfg!(feature = "access-log") && self.log.is_some_and(|log| log.tells(BYTES_OUT.names[0]))
        {
            let values = values("content-length");
            let length = values.first().and_then(|value| str::from_utf8(value).ok());
            self.answer_bytes = length.and_then(|length| length.parse().ok());
        }
    }

    /// The upstream that is asked was asked once more.
    pub(crate) fn attempted(&mut self, target: usize, end: End) {
        if let Some(asked) = self.upstreams.last_mut() {
            asked.attempts.push((target, end));
        }
    }

    /// The upstream that is asked is not asked again.
    pub(crate) fn no_more(&mut self, why: WhyNot) {
        if let Some(asked) = self.upstreams.last_mut() {
            asked.no_more = Some(why);
        }
    }

    /// What it would have been refused as, had that not been in report mode.
    #[must_use]
    pub fn would_refuse(&self) -> Option<&Refusal> {
        #[cfg(feature = "report")]
        let refusal = self.would_refuse.as_ref();
        #[cfg(not(feature = "report"))]
        let refusal = None;
        refusal
    }

    /// Its path. The query is left out: it may hold what is nobody's business.
    #[must_use]
    pub fn path(&self) -> &str {
        path_of(&self.target)
    }
}

/// The path of a target.
pub(crate) fn path_of(target: &str) -> &str {
    target.split('?').next().unwrap_or_default()
}
