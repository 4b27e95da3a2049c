//! What would have been refused, and passes.
//!
//! ```text
//! route(…) ── Route ─────────── Refusal ── reported(…) ── Permit, of nobody
//!     │                                        └──────── Refusal
//!     └── Refusal ── unlisted(…) ── Route, which admits nothing
//! ```
//!
//! A request passes here as it would on a public route: its one credential is taken out of it, and nobody is told who
//! sent it. What is refused on a public route is refused here, too: a target that can be read in two ways, two
//! credentials, what is too large.

use core::ops::Not as _;

use doorward_token::{UnixTime, UnverifiedToken};

use crate::credential::Credential;
use crate::decision::Screened;
use crate::head::RequestHead;
use crate::open::Open;
use crate::permit::Permit;
use crate::policy::{Access, Demands, Kind, Policy, RoutePath, Rule, Unlisted};
use crate::refusal::{Reason, Refusal};
use crate::report::{ReportScope, ReportUntil, RouteMode};
use crate::route::Route;
use crate::target::{CanonicalTarget, Target};
use crate::token_from::TokenFrom;
use crate::traffic::{RateLimitId, TrafficRule};

impl Policy {
    /// The file of a second policy that decides beside this one, and changes nothing.
    #[must_use]
    pub fn candidate(&self) -> Option<&str> {
        self.candidate.as_deref()
    }

    /// Whether anything of it can be in report mode. Where nothing can, nobody has to know the time.
    #[must_use]
    pub fn reports(&self) -> bool {
        self.report_modes().next().is_some()
    }

    /// What of it is in report mode, and until when, in effect or not.
    pub fn report_modes(&self) -> impl Iterator<Item = (ReportScope<'_>, ReportUntil)> {
        let whole = self.report.map(|until| (ReportScope::Policy, until));
        let rules = (0..self.rules.len()).filter_map(|index| self.rules.get(index));
        let routes = rules.filter_map(|rule| match rule.kind.mode {
            RouteMode::Report(until) => Some((ReportScope::Route(rule.path.as_str()), until)),
            RouteMode::AsOthers | RouteMode::Enforce => None,
        });
        let issuers = self.issuers.iter();
        let issuers =
            issuers.filter_map(|issuer| Some((ReportScope::Issuer(&issuer.name), issuer.report?)));
        let limits = self.named.rate_limits.iter().zip(&self.named.rate_reports);
        let limits = limits
            .filter_map(|(limit, until)| Some((ReportScope::RateLimit(&limit.name), (*until)?)));
        let whole = whole.into_iter();
        whole.chain(routes).chain(issuers).chain(limits)
    }

    /// Where the whole policy is in report mode, and a request is refused because no rule lists its path or method:
    /// a rule that has what `[defaults]` says of traffic, and admits nothing. It is there for its limits, and for
    /// [`Route::reported`].
    #[must_use]
    pub fn unlisted<'p, 'r>(
        &'p self,
        target: impl Into<Target<'r>>,
        refusal: &Refusal,
        now: UnixTime,
    ) -> Option<Route<'p, 'r>> {
        let is_unlisted = matches!(
            refusal.reason(),
            Reason::NoRule | Reason::OtherCase | Reason::Method { .. }
        );
        if !is_unlisted || !self.report?.is_on(now) {
            return None;
        }
        let unlisted = self.unlisted.as_ref()?;
        let rule = Rule {
            number: u16::try_from(self.rules.len()).unwrap_or(u16::MAX),
            public: false,
            kind: &unlisted.kind,
            path: &unlisted.path,
        };
        let target = CanonicalTarget::parse(target.into().canonical).ok()?;
        Some(Route::standing_in(self, rule, target))
    }
}

impl Unlisted {
    /// It demands a credential and accepts none.
    pub(crate) fn with(traffic: TrafficRule) -> Self {
        Self {
            kind: Kind {
                methods: None,
                access: Access::Protected(Demands::default()),
                open: Open::Nothing,
                token_from: TokenFrom::AUTHORIZATION,
                forwards_credential: false,
                forwards_escapes: false,
                override_headers: Box::default(),
                traffic,
                mode: RouteMode::AsOthers,
            },
            path: RoutePath("(no route)".into()),
        }
    }
}

impl<'p, 'r> Route<'p, 'r> {
    /// The permit for a request of this route that was refused, where that is only reported: nobody's, and with what
    /// would have been said. `head` is the request's.
    ///
    /// # Errors
    ///
    /// The refusal, where it is none that may only be reported (what is malformed, ambiguous or too large), or nothing
    /// that it comes from is in report mode; what a public route would refuse.
    pub fn reported(
        self,
        head: &RequestHead<'r>,
        refusal: Refusal,
        now: UnixTime,
    ) -> Result<Permit<'p>, Refusal> {
        match self.mode_of(head, &refusal, now) {
            None => Err(refusal),
            Some(_) => Ok(self.as_nobody(head)?.instead_of(refusal)),
        }
    }

    /// Whether what this rate limit says is only reported on this route.
    #[must_use]
    pub fn reports_limit(&self, limit: RateLimitId, now: UnixTime) -> bool {
        let reports = &self.policy().named.rate_reports;
        let own = reports.get(usize::from(limit)).copied().flatten();
        let own = own.filter(|until| until.is_on(now));
        self.enforces().not() && (self.whole_mode(now).is_some() || own.is_some())
    }

    fn enforces(&self) -> bool {
        self.kind().mode == RouteMode::Enforce
    }

    /// The mode in which all of this route is: its own, or that of the policy.
    fn whole_mode(&self, now: UnixTime) -> Option<ReportUntil> {
        let own = match self.kind().mode {
            RouteMode::Enforce => return None,
            RouteMode::AsOthers => None,
            RouteMode::Report(until) => Some(until),
        };
        let both = [own, self.policy().report].into_iter().flatten();
        both.filter(|until| until.is_on(now)).max()
    }

    /// The mode by which a refusal is only reported.
    pub(crate) fn mode_of(
        &self,
        head: &RequestHead<'r>,
        refusal: &Refusal,
        now: UnixTime,
    ) -> Option<ReportUntil> {
        let what = judges(refusal.reason());
        if what == Judged::Request || self.enforces() {
            return None;
        }
        let of_issuer = || {
            let until = self.named_issuer_mode(head)?;
            (what == Judged::Token && until.is_on(now)).then_some(until)
        };
        self.whole_mode(now).or_else(of_issuer)
    }

    /// The mode of the issuer that the request's token names, if the route accepts tokens of that one. Whether the
    /// token is that issuer's, nobody knows: it was refused. So whoever writes that name into a token passes as nobody,
    /// and no other request does.
    fn named_issuer_mode(&self, head: &RequestHead<'r>) -> Option<ReportUntil> {
        let any = self.policy().issuers.iter();
        any.into_iter().find_map(|issuer| issuer.report)?;
        let Ok(Screened::Protected(pending)) = self.screen(head) else {
            return None;
        };
        // An opaque token names nobody.
        let Credential::Jwt(token) = pending.credential() else {
            return None;
        };
        let token = UnverifiedToken::parse(token.as_bytes()).ok()?;
        let named = token.issuer_hint()?;
        pending.issuer_by_url(&named)?.report
    }
}

/// What a refusal says something of.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Judged {
    /// The request itself, or what became of it: always enforced.
    Request,
    /// Who asks for what, and how often.
    Caller,
    /// A token that could be read.
    Token,
}

/// The match is exhaustive, so that who adds a reason decides whether it may ever be only reported.
fn judges(reason: &Reason) -> Judged {
    match reason {
        // What is canonical, whole and within its bounds is so in any mode.
        Reason::Target(_)
        | Reason::Host(_)
        | Reason::Misconfigured(_)
        | Reason::Limit(_)
        | Reason::Looped
        | Reason::WebSocket
        | Reason::IncompleteBody
        | Reason::SlowBody
        | Reason::Upstream { .. } => Judged::Request,
        #[cfg(feature = "bundle")]
        Reason::PolicyUnavailable { .. } => Judged::Request,
        // Of two credentials, `Route::as_nobody` refuses both.
        Reason::NoRule
        | Reason::OtherCase
        | Reason::Method { .. }
        | Reason::Credential(_)
        | Reason::TokenTooLong { .. }
        | Reason::OtherIssuer
        | Reason::OtherSource(_)
        | Reason::Inactive
        // The page's own cookies go on, and nothing says who it is.
        | Reason::CrossSite
        | Reason::Key(_)
        | Reason::OtherKey
        | Reason::IssuerUnavailable { .. }
        | Reason::RateLimited { .. } => Judged::Caller,
        Reason::Token(_)
        | Reason::Revoked(_)
        | Reason::NotIssued
        | Reason::LivesTooLong { .. }
        | Reason::Scope { .. }
        | Reason::Claim { .. }
        | Reason::IdentityHeader { .. }
        | Reason::KeysUnavailable { .. }
        | Reason::KeyMayBeNewer { .. }
        // Of a token: it cannot be found out whether it was revoked.
        | Reason::StoreUnavailable { .. } => Judged::Token,
    }
}
