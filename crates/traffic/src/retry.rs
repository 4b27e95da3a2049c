//! Asking again: which requests, how often, after what pause.
//!
//! A request is sent again when all of these hold ([`again`] says which does not):
//!
//! 1. It may help: the connection failed, the response did not come or was none, or it is a 502, 503 or
//!    504, or a 429 that says when to come back.
//! 2. [`RetryRule::attempts_max`] is not reached.
//! 3. Nothing is done twice by it that was meant to be done once ([`Repeatable`]): nothing of it can have reached the
//!    upstream; or its method only reads; or the upstream says that it has not done it, and when to come back; or the
//!    policy says so.
//! 4. Its body can be sent again.
//! 5. The pause ends before the request's deadline. It is drawn at random between nothing and a bound
//!    that doubles each time ([`Backoff`]), and is never shorter than what `Retry-After` says.
//! 6. The [`RetryBudget`] of the upstream has something left. An upstream that is down is so not asked
//!    `attempts_max` times as often as one that works.
//!
//! A fail-over costs neither time nor budget: nothing was sent, and there is a target that works and was
//! not tried.

use doorward_retry::{Backoff, NoRetry, Random, RetryBudget};

use crate::status::StatusMeaning;
use crate::upstream::failure::UpstreamFailure;

mod after;

pub use after::{RETRY_AFTER_BYTES_MAX, RETRY_AFTER_S_MAX, retry_after_ms};

/// The other registered methods that are idempotent: the IANA HTTP Method Registry, initially RFC 7237.
/// `PRI` is left out, which is no method of a request (RFC 9113 section 11.6).
const IDEMPOTENT: &str = "PROPFIND PROPPATCH QUERY REPORT SEARCH MKCOL COPY MOVE UNLOCK ACL BIND UNBIND \
    REBIND LINK UNLINK LABEL MERGE UPDATE CHECKIN CHECKOUT UNCHECKOUT MKACTIVITY MKCALENDAR MKWORKSPACE \
    MKREDIRECTREF UPDATEREDIRECTREF ORDERPATCH VERSION-CONTROL BASELINE-CONTROL";

/// How often an upstream is asked again, and after what pause.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryRule {
    /// Attempts for one request, the first one included; 1: it is never asked again.
    pub attempts_max: u8,
    /// Most milliseconds before the first repetition. It doubles with each further one.
    pub backoff_ms: u64,
    /// Most milliseconds before any repetition.
    pub backoff_ms_max: u64,
}

impl RetryRule {
    /// For how long to pause before a repetition, in milliseconds. `repetition` is 1 for the first one.
    #[must_use]
    pub fn backoff_ms(&self, repetition: u8, random: &mut Random) -> u64 {
        self.backoff().pause(u32::from(repetition), random)
    }

    const fn backoff(&self) -> Backoff {
        Backoff {
            least: 0,
            first: self.backoff_ms,
            most: self.backoff_ms_max,
        }
    }
}

/// After what a request that was sent is sent again whatever its method, because the policy says that its route allows
/// it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct RetryOn {
    /// The response did not begin in time.
    pub timeout: bool,
    /// The connection ended before there was a response, or what came was none.
    pub reset: bool,
    /// It is a 502, 503 or 504.
    pub gateway_error: bool,
}

/// What may be done twice: which ends of an attempt allow another one, as far as that depends on the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Repeatable {
    /// Its method only reads: GET, HEAD or OPTIONS.
    reads: bool,
    /// [`is_idempotent`].
    idempotent: bool,
    on: RetryOn,
}

impl Repeatable {
    /// What may be done twice by a request of this method on a route for which the policy says `on`.
    #[must_use]
    pub fn of(method: &str, on: RetryOn) -> Self {
        Self {
            reads: matches!(method, "GET" | "HEAD" | "OPTIONS"),
            idempotent: is_idempotent(method),
            on,
        }
    }

    /// Nothing, but for what the policy allows.
    #[must_use]
    pub const fn only(on: RetryOn) -> Self {
        Self {
            reads: false,
            idempotent: false,
            on,
        }
    }

    /// Whether the request may be lost and sent again whatever comes of it, so that it can be used to find out
    /// something.
    #[must_use]
    pub const fn after_anything(self) -> bool {
        self.reads || (self.on.timeout && self.on.reset && self.on.gateway_error)
    }

    /// Whether it may be sent again after an attempt that ended so. RFC 9110 section 9.2.2 would allow it after any
    /// end where the method is idempotent; but that it means the same the second time is not so where somebody else
    /// has changed the resource in between.
    #[must_use]
    pub const fn after(self, end: &End) -> bool {
        let allowed = match end {
            End::Failure(failure) => match failure {
                failure if failure.sent_nothing() => true,
                UpstreamFailure::Timeout => self.on.timeout,
                UpstreamFailure::Reset | UpstreamFailure::Malformed => self.on.reset,
                _ => false,
            },
            End::Status {
                status,
                retry_after_ms,
            } => {
                let not_done = match StatusMeaning::of(*status) {
                    StatusMeaning::Failing => *status == 503,
                    StatusMeaning::Busy => true,
                    StatusMeaning::Works => false,
                };
                (self.on.gateway_error && matches!(status, 502..=504))
                    || (self.idempotent && not_done && retry_after_ms.is_some())
            }
        };
        self.reads || allowed
    }
}

/// Whether sending a request of this method twice is meant to have the effect of sending it once
/// (RFC 9110 section 9.2.2): the safe methods, `PUT`, `DELETE`, and what the registry says of others.
/// An unknown method is not. Methods are case-sensitive.
#[must_use]
pub fn is_idempotent(method: &str) -> bool {
    matches!(
        method,
        "GET" | "HEAD" | "OPTIONS" | "TRACE" | "PUT" | "DELETE"
    ) || IDEMPOTENT.split(' ').any(|known| known == method)
}

/// An attempt that did not end well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// How many there were for this request, this one included.
    pub attempts: u8,
    /// How it ended.
    pub end: End,
    /// What may be done twice.
    pub repeatable: Repeatable,
    /// Whether the body can be sent again: there is none, or nothing of it was read.
    pub body_is_whole: bool,
    /// Whether a target works that was not tried: [`Targets::can_fail_over`](crate::balance::Targets).
    pub can_fail_over: bool,
    /// How many milliseconds are left of the time for all attempts.
    pub left_ms: u64,
}

/// How an attempt ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Without a response.
    Failure(UpstreamFailure),
    /// With a response.
    Status {
        /// Its status.
        status: u16,
        /// Its `Retry-After`: [`retry_after_ms`].
        retry_after_ms: Option<u64>,
    },
}

/// Whether a request is sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Again {
    /// It is, after a pause.
    After {
        /// For how many milliseconds, 0 for none.
        ms: u64,
    },
    /// It is not: the client gets what there is.
    No(WhyNot),
}

/// Why a request is not sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhyNot {
    /// It would not help.
    Final,
    /// [`RetryRule::attempts_max`] is reached.
    Attempts,
    /// The upstream may have acted upon it, and it is not to do so twice.
    NotRepeatable,
    /// Its body was consumed.
    Body,
    /// The pause would take longer than there is time.
    Deadline,
    /// Too many were sent again of late.
    Budget,
}

/// Whether a request is sent again, by the rules of the [module documentation](self). Takes from the
/// budget when it says so.
#[must_use]
pub fn again(
    rule: &RetryRule,
    attempt: &Attempt,
    budget: &mut RetryBudget,
    random: &mut Random,
) -> Again {
    let (helps, sent_nothing, retry_after_ms) = match attempt.end {
        End::Failure(failure) => {
            let helps = match failure {
                UpstreamFailure::Unreachable
                | UpstreamFailure::ConnectTimeout
                | UpstreamFailure::Reset
                | UpstreamFailure::Timeout
                | UpstreamFailure::Malformed => true,
                // A certificate and a grant are the same a moment later, but not those of another target.
                UpstreamFailure::Tls | UpstreamFailure::Denied => attempt.can_fail_over,
                UpstreamFailure::TooLarge
                | UpstreamFailure::BreakerOpen { .. }
                | UpstreamFailure::Deadline => false,
            };
            (helps, failure.sent_nothing(), 0)
        }
        End::Status {
            status,
            retry_after_ms,
        } => {
            let helps = match StatusMeaning::of(status) {
                StatusMeaning::Failing => true,
                // Without a Retry-After, nobody knows when it would help.
                StatusMeaning::Busy => retry_after_ms.is_some(),
                StatusMeaning::Works => false,
            };
            (helps, false, retry_after_ms.unwrap_or(0))
        }
    };
    if !helps {
        return Again::No(WhyNot::Final);
    }
    if attempt.attempts >= rule.attempts_max {
        return Again::No(WhyNot::Attempts);
    }
    if !attempt.repeatable.after(&attempt.end) {
        return Again::No(WhyNot::NotRepeatable);
    }
    if !attempt.body_is_whole {
        return Again::No(WhyNot::Body);
    }
    let fails_over = sent_nothing && attempt.can_fail_over;
    let (backoff, budget) = if fails_over {
        (Backoff::NONE, None)
    } else {
        (rule.backoff(), Some(budget))
    };
    let failures = u32::from(attempt.attempts);
    // RFC 9110 section 10.2.3: the client ought to wait for at least so long as `Retry-After` says.
    match backoff.again(failures, retry_after_ms, attempt.left_ms, budget, random) {
        Ok(ms) => Again::After { ms },
        Err(NoRetry::Deadline) => Again::No(WhyNot::Deadline),
        Err(NoRetry::Budget) => Again::No(WhyNot::Budget),
    }
}

#[cfg(test)]
mod tests;
