//! The rule of a request, found by its target and method alone.

use core::fmt;
use core::ops::Range;

use doorward_traffic::cors::CorsRule;
use doorward_traffic::rewrite::Rewrite;

use crate::credential::place::CredentialPlace;
use crate::credential::{self, Credential, Presented};
use crate::csrf;
use crate::decision::{Pending, Screened};
use crate::head::RequestHead;
use crate::matcher::Found;
use crate::open::Open;
use crate::permit::Permit;
use crate::policy::{Access, Kind, Policy, Rule};
use crate::readings::all_lead;
use crate::refusal::{Reason, Refusal};
use crate::target::{self, CanonicalTarget, TARGET_BYTES_MAX, Target, TargetError, path_of};
use crate::token_from::TokenSource;
use crate::traffic::{CallerKeys, Traffic};

impl Policy {
    /// Checks method and target, and finds the rule. Whether the caller may do what it asks for is not
    /// known yet: [`Route::screen`] goes on from here.
    ///
    /// # Errors
    ///
    /// In this order: the method or target is malformed (400), no rule lists them (403).
    pub fn route<'p, 'r>(
        &'p self,
        method: &str,
        target: impl Into<Target<'r>>,
    ) -> Result<Route<'p, 'r>, Refusal> {
        self.route_of(method, target.into())
    }

    /// The same, compiled once, whatever a target is made from.
    fn route_of<'p, 'r>(
        &'p self,
        method: &str,
        asked: Target<'r>,
    ) -> Result<Route<'p, 'r>, Refusal> {
        let malformed = |error| Refusal::because(Reason::Target(error));
        target::check_method(method).map_err(malformed)?;
        let (mut target, range) = self.find(asked).map_err(Refusal::because)?;
        // All of them have the same pattern, and no two list the same method.
        let mut rules = self.rules_in(&range);
        let rule = rules.find(|rule| rule.kind.lists_method(method));
        let Some(mut rule) = rule else {
            let first = self.rules.get(range.start);
            let route = first.map(|rule| rule.path.as_str().into());
            return Err(Refusal::because(Reason::Method {
                route: route.unwrap_or_default(),
            }));
        };
        rule.public |= rule.kind.open == Open::Options && method == "OPTIONS";
        if target.goes_on() {
            let rewrite = rule.kind.traffic.rewrite.as_ref();
            let taken_off = rewrite.and_then(Rewrite::taken_off).unwrap_or_default();
            let left = asked.received.get(taken_off.len()..);
            if !rule.kind.forwards_escapes {
                // It is another rule of the pattern that takes paths as they come.
                target = CanonicalTarget::parse(asked.canonical).map_err(malformed)?;
            } else if left.is_some_and(|left| left.starts_with("//")) {
                // To some servers that is a host.
                return Err(malformed(TargetError::EmptySegment));
            }
        }
        Ok(Route {
            policy: self,
            rule,
            target,
        })
    }

    /// Checks target and method, finds the rule, and takes the credential from the request:
    /// [`Policy::route`] and [`Route::screen`] in one.
    ///
    /// # Errors
    ///
    /// Those of the first, then those of the second.
    pub fn screen<'p, 'r>(&'p self, head: &RequestHead<'r>) -> Result<Screened<'p, 'r>, Refusal> {
        self.route(head.method, head.target())?.screen(head)
    }

    /// What a preflight to this target has to be judged by, where the request that it asks for has this
    /// method (the Fetch standard, section "CORS-preflight request"). `None` where the target is
    /// malformed, or none of the rules of the most specific pattern has CORS: then it is a request like
    /// any other.
    #[must_use]
    pub fn preflight<'p, 'r>(
        &'p self,
        target: impl Into<Target<'r>>,
        requested_method: &str,
    ) -> Option<Preflight<'p>> {
        self.preflight_of(target.into(), requested_method)
    }

    fn preflight_of<'p>(
        &'p self,
        asked: Target<'_>,
        requested_method: &str,
    ) -> Option<Preflight<'p>> {
        let range = self.range(asked)?;
        let cors = |rule: &Rule<'p>| rule.kind.traffic.cors;
        let good = target::check_method(requested_method).is_ok();
        let lists = |rule: &Rule<'p>| good && rule.kind.lists_method(requested_method);
        let asked = self.rules_in(&range).find(lists);
        let asked = asked.filter(|rule| cors(rule).is_some());
        let chosen = asked.or_else(|| self.rules_in(&range).find(|rule| cors(rule).is_some()))?;
        let mut methods = Vec::new();
        for rule in self.rules_in(&range) {
            if cors(&rule) == cors(&chosen) {
                let listed = rule.kind.methods.as_deref().unwrap_or_default();
                methods.extend(listed.iter().map(String::as_str));
            }
        }
        Some(Preflight {
            rule: Traffic::new(&self.named, &chosen.kind.traffic).cors()?,
            methods,
            listed: asked.is_some(),
        })
    }

    /// The CORS of a request that is refused before it has a rule, so that a page can read that: of the first rule
    /// of the most specific pattern that has any, and that of `[defaults]` where no rule lists the path. Of a malformed
    /// path the segments that are well-formed say which pattern was meant: nothing but what a page may read of the
    /// refusal depends on it.
    #[must_use]
    pub fn cors_of<'r>(&self, target: impl Into<Target<'r>>) -> Option<&CorsRule> {
        let target = target.into();
        let meant = || self.range(with_placeholders(target.received).as_str().into());
        let Some(range) = self.range(target).or_else(meant) else {
            return self.named.default_cors();
        };
        self.rules_in(&range)
            .find_map(|rule| Traffic::new(&self.named, &rule.kind.traffic).cors())
    }

    /// The rules of the most specific pattern.
    fn range(&self, asked: Target<'_>) -> Option<Range<usize>> {
        Some(self.find(asked).ok()?.1)
    }

    /// The target as it goes on, and the rules of the most specific pattern.
    #[inline(never)]
    fn find<'r>(&self, asked: Target<'r>) -> Result<(CanonicalTarget<'r>, Range<usize>), Reason> {
        let (target, folding) = match CanonicalTarget::with_folding(asked.canonical) {
            Ok(both) => both,
            Err(error) => {
                return match CanonicalTarget::raw(asked.received) {
                    Ok(raw)
                        if let Some(range) = self.find_received(raw.path())
                            && all_lead(raw.path(), &self.matcher, &range) =>
                    {
                        Ok((raw, range))
                    }
                    _ => Err(Reason::Target(error)),
                };
            }
        };
        match self.matcher.find(target.path(), folding.is_some()) {
            Found::Rules(range) => {
                let other = asked.canonical != asked.received;
                let target = match other.then(|| self.find_received(path_of(asked.received))) {
                    Some(Some(same)) if same == range => target.forwarding(asked.received),
                    _ => target,
                };
                Ok((target, range))
            }
            Found::OtherCase => Err(match folding {
                Some(character) if !character.is_ascii() => {
                    Reason::Target(TargetError::ConfusableCharacter { character })
                }
                _ => Reason::OtherCase,
            }),
            Found::Nothing => Err(Reason::NoRule),
        }
    }

    /// The rules of the most specific pattern for a path as it was received, if one of them takes it so.
    fn find_received(&self, path: &str) -> Option<Range<usize>> {
        if !self.rules.forwards_escapes {
            return None;
        }
        let Found::Rules(range) = self.matcher.find(path, false) else {
            return None;
        };
        let takes = self.rules_in(&range).any(|rule| rule.kind.forwards_escapes);
        takes.then_some(range)
    }

    fn rules_in(&self, range: &Range<usize>) -> impl Iterator<Item = Rule<'_>> {
        let range = range.clone();
        range.filter_map(|index| self.rules.get(index))
    }
}

/// The path of a malformed target without empty segments, and with another one in the place of each malformed segment:
/// what is left says which pattern was meant, as far as anything does.
fn with_placeholders(target: &str) -> String {
    let mut path = String::new();
    if target.len() > TARGET_BYTES_MAX {
        return path;
    }
    let segments = target::path_of(target).split('/').skip(1);
    for segment in segments.filter(|segment| !segment.is_empty()) {
        let start = path.len();
        path.push('/');
        path.push_str(segment);
        let segment = path.get(start..).unwrap_or_default();
        if CanonicalTarget::parse(segment).is_err() {
            path.truncate(start);
            path.push_str("/-");
        }
    }
    path
}

/// What a preflight is judged by.
#[derive(Clone, Debug)]
pub struct Preflight<'p> {
    /// The CORS of the rule that lists the method; where that has none, or there is no such rule, of the
    /// first one that has.
    pub rule: &'p CorsRule,
    /// The methods of all rules of the pattern with the same CORS, but for a rule that lists none and
    /// is for every method.
    pub methods: Vec<&'p str>,
    /// Whether the method is listed by a rule that has this CORS.
    pub listed: bool,
}

/// A request of which only the rule is known.
#[derive(Clone, Copy)]
pub struct Route<'p, 'r> {
    policy: &'p Policy,
    rule: Rule<'p>,
    target: CanonicalTarget<'r>,
}

impl<'p, 'r> Route<'p, 'r> {
    /// Takes the credential from the request. Method and target are those by which the rule was found,
    /// whatever `head` says of them.
    ///
    /// # Errors
    ///
    /// In this order: there is more than one credential (400, also where the rule is public), there is
    /// none that the rule accepts (400 or 401), it is a token that is too long (431; 414 in the query), it is
    /// in a cookie and the page may not ask for this (403), it is of an issuer that is not believed from where
    /// it was (401).
    pub fn screen(self, head: &RequestHead<'r>) -> Result<Screened<'p, 'r>, Refusal> {
        let Self {
            policy,
            rule,
            target,
        } = self;
        let accept = rule.kind.access.accept();
        let bad_credential = |error| Refusal::of(accept, Reason::Credential(error));
        let found = credential::find(head, target.as_str(), policy, rule.kind.token_from)
            .map_err(bad_credential)?;
        let forwarded = match rule.kind.forwards_credential {
            true => None,
            false => policy.sources.without_credentials(target.as_str()),
        };
        let demands = match &rule.kind.access {
            Access::Protected(demands)
                if !(rule.public
                    || rule.kind.open == Open::Anonymous
                        && matches!(found.presented, Presented::Nothing)) =>
            {
                demands
            }
            Access::Public | Access::Protected(_) => {
                return Ok(Screened::Public(self.permit_of_nobody(forwarded)));
            }
        };
        let held = credential::read(&found, demands, policy).map_err(bad_credential)?;
        let pending = Pending {
            policy,
            rule,
            demands,
            target,
            forwarded,
            held,
            place: found.place,
            source: found.source,
        };
        pending.check_token_bytes()?;
        let cors = || Traffic::new(&policy.named, &rule.kind.traffic).cors();
        if pending.place == CredentialPlace::Cookie
            && !csrf::is_of_a_page_that_may(head, cors(), &rule.kind.override_headers)
        {
            return Err(Refusal::of(accept, Reason::CrossSite));
        }
        // Nobody is asked about a token that would not be believed.
        if let Credential::Opaque { asked, .. } = pending.credential()
            && !pending.accepts(asked.issuer)
        {
            return Err(Refusal::unknown_issuer(&pending));
        }
        Ok(Screened::Protected(pending))
    }

    /// The permit of a request that nobody is known of.
    fn permit_of_nobody(self, forwarded: Option<String>) -> Permit<'p> {
        Permit::new(
            self.policy,
            self.rule,
            forwarded.unwrap_or_else(|| self.target.as_str().to_owned()),
            Vec::new(),
            None,
            CallerKeys::default(),
            None,
        )
    }

    /// The permit that the request would have if the rule were public and handed on no credential.
    ///
    /// # Errors
    ///
    /// There is more than one credential (400).
    #[cfg(feature = "report")]
    pub(crate) fn as_nobody(self, head: &RequestHead<'r>) -> Result<Permit<'p>, Refusal> {
        let Self {
            policy,
            rule,
            target,
        } = self;
        let accept = rule.kind.access.accept();
        credential::find(head, target.as_str(), policy, rule.kind.token_from)
            .map_err(|error| Refusal::of(accept, Reason::Credential(error)))?;
        let forwarded = policy.sources.without_credentials(target.as_str());
        Ok(self.permit_of_nobody(forwarded))
    }

    /// A rule that was not found, but stands in for one.
    #[cfg(feature = "report")]
    pub(crate) fn standing_in(
        policy: &'p Policy,
        rule: Rule<'p>,
        target: CanonicalTarget<'r>,
    ) -> Self {
        Self {
            policy,
            rule,
            target,
        }
    }

    #[cfg(feature = "report")]
    pub(crate) fn policy(&self) -> &'p Policy {
        self.policy
    }

    /// The request fields by which responses differ although they are asked for in the same way, for `Vary`
    /// (RFC 9110 section 12.5.5). `None` where nothing is answered without a credential, or all is.
    #[must_use]
    pub fn varies_by(&self) -> Option<String> {
        if self.rule.kind.open != Open::Anonymous {
            return None;
        }
        let mut fields: Vec<&str> = Vec::new();
        let sources = self.rule.kind.token_from.iter();
        let sources = sources.filter_map(|id| match self.policy.sources.get(id) {
            TokenSource::Authorization => Some("Authorization"),
            TokenSource::Header(name) => Some(name.as_str()),
            TokenSource::Cookie(_) => Some("Cookie"),
            TokenSource::Query(_) => None,
        });
        for field in sources.chain(self.policy.api_key_header()) {
            if !fields.contains(&field) {
                fields.push(field);
            }
        }
        (!fields.is_empty()).then(|| fields.join(", "))
    }

    /// What the rule says of traffic.
    #[must_use]
    pub fn traffic(&self) -> Traffic<'p> {
        Traffic::new(&self.policy.named, &self.rule.kind.traffic)
    }

    /// All of the rule but its path.
    pub(crate) fn kind(&self) -> &'p Kind {
        self.rule.kind
    }

    /// The target as it goes on.
    #[cfg(feature = "explain")]
    pub(crate) fn target(&self) -> CanonicalTarget<'r> {
        self.target
    }

    /// The rule's path pattern, for the log.
    #[must_use]
    pub fn pattern(&self) -> &'p str {
        self.rule.path.as_str()
    }

    /// Whether no credential is looked at, whatever there is.
    #[must_use]
    pub fn is_public(&self) -> bool {
        self.rule.public
    }
}

impl fmt::Debug for Route<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Route")
            .field("route", &self.pattern())
            .field("path", &self.target.path())
            .finish_non_exhaustive()
    }
}
