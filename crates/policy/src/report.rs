//! Report mode: what is decided and told, and refuses nobody yet.
//!
//! A policy, a route, an issuer or a rate limit is in it up to a time that stands beside it. What of a request would
//! be refused then passes, as nobody's: [`Permit::reported`](crate::Permit::reported). Nothing has to be changed for
//! the mode to end.

use doorward_token::UnixTime;

/// How far ahead the end of a report mode may be, in seconds: 400 days. One that is further ahead is not in effect, so
/// that a slip of the pen in the year is no switch that turns the gate off; neither is any where the clock cannot be
/// read, since 1970 is further away.
pub const REPORT_S_MAX: u64 = 400 * 24 * 60 * 60;

/// When a report mode ends, or what else is only for a while (`decision_inputs` of `[log]`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ReportUntil(pub(crate) UnixTime);

impl ReportUntil {
    /// The first moment at which all is enforced.
    #[must_use]
    pub fn end(self) -> UnixTime {
        self.0
    }

    /// Whether the mode is in effect at a time.
    #[must_use]
    pub fn is_on(self, now: UnixTime) -> bool {
        (1..=REPORT_S_MAX).contains(&self.0.seconds_since(now))
    }
}

/// The mode of a route.
#[cfg(feature = "report")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum RouteMode {
    /// As the policy says, its issuers and its limits.
    #[default]
    AsOthers,
    /// Everything is enforced, whatever those say.
    Enforce,
    /// Nothing is, up to then.
    Report(ReportUntil),
}

/// What is in report mode.
#[cfg(feature = "report")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReportScope<'p> {
    /// Everything but routes that say `mode = "enforce"`.
    Policy,
    /// The route with this path pattern.
    Route(&'p str),
    /// Tokens that name the issuer of this name.
    Issuer(&'p str),
    /// The rate limit of this name.
    RateLimit(&'p str),
}
