//! Decisions: from the head of a request to a [`Permit`] or a [`Refusal`].
//!
//! ```text
//! screen(head) ── public rule ─────────────────────────────── Permit
//!      │   └───── protected rule ── Pending ── authorise(…) ──── Permit
//!      └── Refusal                      └── Refusal
//! ```
//!
//! Nothing here can be skipped: forwarding asks for a `Permit`, and there is no other way to one.

use core::fmt;

use doorward_token::{UnixTime, VerifiedToken};

use crate::claim::ClaimProblem;
use crate::credential;
use crate::identity::IDENTITY_TOTAL_BYTES_MAX;
use crate::matcher::Found;
use crate::policy::{Access, Demands, IssuerId, Policy, Rule};
use crate::refusal::{Reason, Refusal};
use crate::target::{self, CanonicalTarget};

/// What of a request a decision looks at.
#[derive(Clone, Copy)]
pub struct RequestHead<'r> {
    /// The method, as it was received.
    pub method: &'r str,
    /// Path and query, as they were received.
    pub target: &'r str,
    /// The value of every `Authorization` field, in order.
    pub authorization: &'r [Vec<u8>],
}

impl fmt::Debug for RequestHead<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestHead")
            .field("method", &self.method)
            .field("target", &self.target)
            .field("authorization", &self.authorization.len())
            .finish()
    }
}

/// What is known of a request before its credential is judged.
#[derive(Debug)]
pub enum Screened<'p, 'r> {
    /// The rule is public: the credential is not looked at.
    Public(Permit<'p>),
    /// The rule asks for a token, and there is something that could be one.
    Protected(Pending<'p, 'r>),
}

impl Policy {
    /// Checks target and method, finds the rule, and takes the credential from the request.
    ///
    /// # Errors
    ///
    /// In this order: the method or target is malformed (400), no rule lists them (403), there is
    /// more than one `Authorization` field (400, also where the rule is public), there is no usable
    /// credential (400 or 401).
    pub fn screen<'p, 'r>(&'p self, head: &RequestHead<'r>) -> Result<Screened<'p, 'r>, Refusal> {
        let malformed = |error| Refusal::because(Reason::Target(error));
        target::check_method(head.method).map_err(malformed)?;
        let target = CanonicalTarget::parse(head.target).map_err(malformed)?;
        let rule = self.rule_for(target.path(), head.method)?;
        let bad_credential = |error| Refusal::because(Reason::Credential(error));
        match &rule.kind.access {
            Access::Public => {
                credential::check_single(head.authorization).map_err(bad_credential)?;
                Ok(Screened::Public(Permit::new(
                    rule,
                    target,
                    Vec::new(),
                    None,
                )))
            }
            Access::Protected(demands) => {
                let bearer = credential::bearer(head.authorization).map_err(bad_credential)?;
                Ok(Screened::Protected(Pending {
                    policy: self,
                    rule,
                    demands,
                    target,
                    bearer,
                }))
            }
        }
    }

    fn rule_for(&self, path: &str, method: &str) -> Result<Rule<'_>, Refusal> {
        let range = match self.matcher.find(path) {
            Found::Rules(range) => range,
            Found::OtherCase => return Err(Refusal::because(Reason::OtherCase)),
            Found::Nothing => return Err(Refusal::because(Reason::NoRule)),
        };
        // All of them have the same pattern, and no two list the same method.
        let mut rules = range.clone().filter_map(|index| self.rules.get(index));
        rules
            .find(|rule| rule.kind.lists_method(method))
            .ok_or_else(|| {
                let first = self.rules.get(range.start);
                let route = first.map(|rule| rule.path.as_str().into());
                Refusal::because(Reason::Method {
                    route: route.unwrap_or_default(),
                })
            })
    }
}

/// A request that needs a verified token to be let through.
#[derive(Clone, Copy)]
pub struct Pending<'p, 'r> {
    policy: &'p Policy,
    rule: Rule<'p>,
    demands: &'p Demands,
    target: CanonicalTarget<'r>,
    bearer: &'r str,
}

impl<'p, 'r> Pending<'p, 'r> {
    /// The bearer token, of which nothing is known yet.
    #[must_use]
    pub fn bearer(&self) -> &'r str {
        self.bearer
    }

    /// The issuers that the rule accepts, in the order in which it names them.
    pub fn issuer_ids(&self) -> impl Iterator<Item = IssuerId> + 'p {
        self.demands.issuers.iter().copied()
    }

    /// Whether the rule accepts this issuer.
    #[must_use]
    pub fn accepts(&self, issuer: IssuerId) -> bool {
        self.demands.issuers.contains(&issuer)
    }

    /// The accepted issuer with this `iss`. Issuers have different URLs, so there is one at most.
    #[must_use]
    pub fn issuer_by_url(&self, url: &str) -> Option<IssuerId> {
        self.issuer_ids().find(|&id| {
            let issuer = self.policy.issuers.get(id);
            issuer.is_some_and(|issuer| issuer.url == url)
        })
    }

    /// The rule's path pattern, for the log.
    #[must_use]
    pub fn route(&self) -> &'p str {
        self.rule.path.as_str()
    }

    /// Decides. `issuer` is the one with whose keys the token was verified, now or earlier; time,
    /// issuer, audience and algorithm are checked again, so that a token from a cache is judged by
    /// this policy and at this moment.
    ///
    /// # Errors
    ///
    /// The token is not valid now, or not of an issuer that the rule accepts (401); it lacks a scope
    /// (403) or a claim (403), or an identity header cannot express what it says (403).
    pub fn authorise(
        self,
        issuer: IssuerId,
        token: &VerifiedToken,
        now: UnixTime,
    ) -> Result<Permit<'p>, Refusal> {
        let accepted = self
            .policy
            .issuers
            .get(issuer)
            .filter(|_| self.accepts(issuer));
        let Some(issuer) = accepted else {
            return Err(Refusal::because(Reason::OtherIssuer));
        };
        token
            .recheck(issuer.expectations(), now)
            .map_err(|error| Refusal::because(Reason::Token(error)))?;
        self.check_scope(token)?;
        for claim in &self.demands.claims {
            claim.check(token).map_err(|problem| {
                let name = claim.name.clone();
                Refusal::because(Reason::Claim { name, problem })
            })?;
        }
        let identity = self.identity(token)?;
        let principal = Principal {
            issuer: &issuer.name,
            subject: token.subject().map(str::to_owned),
        };
        Ok(Permit::new(
            self.rule,
            self.target,
            identity,
            Some(principal),
        ))
    }

    fn check_scope(&self, token: &VerifiedToken) -> Result<(), Refusal> {
        let missing = self
            .demands
            .scope
            .iter()
            .find(|wanted| !token.scopes().contains(wanted));
        match missing {
            Some(missing) => Err(Refusal::because(Reason::Scope {
                missing: missing.clone(),
                required: self.demands.scope.join(" "),
            })),
            None => Ok(()),
        }
    }

    fn identity(&self, token: &VerifiedToken) -> Result<Vec<(&'p str, Vec<u8>)>, Refusal> {
        let mut headers = Vec::with_capacity(self.policy.identity.len());
        let mut bytes = 0;
        for header in &self.policy.identity {
            let refused = |problem| {
                let name = header.name.clone();
                Refusal::because(Reason::IdentityHeader { name, problem })
            };
            if let Some(value) = header.value(token).map_err(refused)? {
                bytes += value.len();
                if bytes > IDENTITY_TOTAL_BYTES_MAX {
                    return Err(refused(ClaimProblem::TooLong {
                        bytes,
                        bytes_max: IDENTITY_TOTAL_BYTES_MAX,
                    }));
                }
                headers.push((header.name.as_str(), value));
            }
        }
        Ok(headers)
    }
}

impl fmt::Debug for Pending<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pending")
            .field("route", &self.rule.path.as_str())
            .field("target", &self.target.as_str())
            .finish_non_exhaustive()
    }
}

/// The decision to let a request through.
///
/// Only [`Policy::screen`] and [`Pending::authorise`] make one, and whoever forwards a request asks
/// for one. It cannot be made anywhere else:
///
/// ```compile_fail,E0451
/// # use doorward_policy::{Permit, Policy, RequestHead, Screened};
/// # let policy = Policy::parse("[[route]]\npath = \"/\"\npublic = true").unwrap();
/// # let head = RequestHead { method: "GET", target: "/", authorization: &[] };
/// # let Screened::Public(permit) = policy.screen(&head).unwrap() else { return };
/// let forged = Permit { target: "/admin".to_owned(), ..permit };
/// ```
///
/// ```compile_fail,E0624
/// # use doorward_policy::Permit;
/// let forged = Permit::new();
/// ```
///
/// ```compile_fail,E0277
/// # use doorward_policy::Permit;
/// let forged: Permit<'static> = Default::default();
/// ```
///
/// It cannot be used for a second request either, for it is no `Clone`:
///
/// ```compile_fail,E0277
/// # use doorward_policy::Permit;
/// fn twice<T: Clone>() {}
/// twice::<Permit<'static>>();
/// ```
pub struct Permit<'p> {
    rule: Rule<'p>,
    target: String,
    identity: Vec<(&'p str, Vec<u8>)>,
    principal: Option<Principal<'p>>,
}

impl<'p> Permit<'p> {
    fn new(
        rule: Rule<'p>,
        target: CanonicalTarget<'_>,
        identity: Vec<(&'p str, Vec<u8>)>,
        principal: Option<Principal<'p>>,
    ) -> Self {
        Self {
            rule,
            target: target.as_str().to_owned(),
            identity,
            principal,
        }
    }

    /// The target to forward: byte for byte the one that was received and decided on.
    #[must_use]
    pub fn target(&self) -> &str {
        &self.target
    }

    /// The headers to set, after every reserved header has been removed from the request. Names are
    /// in lower case; values are printable ASCII.
    pub fn identity_headers(&self) -> impl Iterator<Item = (&'p str, &[u8])> {
        self.identity
            .iter()
            .map(|(name, value)| (*name, value.as_slice()))
    }

    /// Whether `Authorization` is to be removed.
    #[must_use]
    pub fn strips_credential(&self) -> bool {
        !self.rule.kind.forwards_credential
    }

    /// The rule's path pattern, for the log.
    #[must_use]
    pub fn route(&self) -> &'p str {
        self.rule.path.as_str()
    }

    /// Whose request it is, for the log; `None` on a public route.
    #[must_use]
    pub fn principal(&self) -> Option<&Principal<'p>> {
        self.principal.as_ref()
    }
}

/// Names the principal only as far as the log does, and no identity header's value.
impl fmt::Debug for Permit<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Permit")
            .field("route", &self.rule.path.as_str())
            .field("target", &self.target)
            .field("principal", &self.principal)
            .finish_non_exhaustive()
    }
}

/// Who was authenticated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal<'p> {
    issuer: &'p str,
    subject: Option<String>,
}

impl<'p> Principal<'p> {
    /// The name that the policy gives to the issuer.
    #[must_use]
    pub fn issuer(&self) -> &'p str {
        self.issuer
    }

    /// `sub`, when the token has one.
    #[must_use]
    pub fn subject(&self) -> Option<&str> {
        self.subject.as_deref()
    }
}

/// On one line whatever is in the subject: `acme "4711"`.
impl fmt::Display for Principal<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.subject {
            Some(subject) => write!(f, "{} \"{}\"", self.issuer, subject.escape_default()),
            None => f.write_str(self.issuer),
        }
    }
}
