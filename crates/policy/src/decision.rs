//! Decisions: from the head of a request to a [`Permit`] or a [`Refusal`].
//!
//! ```text
//! route(…) ── Route ── screen(head) ── public rule ─────────────────────────────── Permit
//!     │                  │   └───── protected rule ── Pending ── authorise(…) ──── Permit
//!     └── Refusal        └── Refusal                      └── Refusal
//! ```
//!
//! Nothing here can be skipped: forwarding asks for a `Permit`, and there is no other way to one.

use std::borrow::Cow;
use std::sync::Arc;

use core::fmt;

use doorward_token::api_key::{API_KEY_ISSUER, ApiKeyError, VerifiedKey};
use doorward_token::revocation::RevocationSet;
use doorward_token::{Claims, Proof, TokenError, UnixTime, UnverifiedToken, VerifiedToken};

use crate::claim::ClaimProblem;
use crate::credential::kind::Kinds;
use crate::credential::place::CredentialPlace;
use crate::credential::{Credential, Held};
use crate::demands::Lacking;
use crate::identity::IDENTITY_TOTAL_BYTES_MAX;
use crate::permit::{Identity, Permit};
use crate::policy::{Demands, Issuer, IssuerId, Policy, Rule};
use crate::principal::Principal;
use crate::refusal::{Reason, Refusal};
use crate::store::RevocationRule;
use crate::target::CanonicalTarget;
use crate::token_from::SourceId;
use crate::traffic::{CallerKeys, Traffic};

/// What is known of a request before its credential is judged.
#[derive(Debug)]
pub enum Screened<'p, 'r> {
    /// The rule is public, and the credential is not looked at; or it is optional, and there is none.
    Public(Permit<'p>),
    /// The rule asks for a token, and there is something that could be one.
    Protected(Pending<'p, 'r>),
}

/// A request that needs a verified credential to be let through.
#[derive(Clone)]
pub struct Pending<'p, 'r> {
    pub(crate) policy: &'p Policy,
    pub(crate) rule: Rule<'p>,
    pub(crate) demands: &'p Demands,
    pub(crate) target: CanonicalTarget<'r>,
    /// The target without the API key, where it is in the target and not to be handed on.
    pub(crate) forwarded: Option<String>,
    pub(crate) held: Held<'p, 'r>,
    /// Where the credential was.
    pub(crate) place: CredentialPlace,
    pub(crate) source: SourceId,
}

/// Who the caller is, by a credential that is genuine.
#[derive(Clone, Copy, Debug)]
pub enum Authenticated<'t> {
    /// By a token.
    Token {
        /// The issuer by whose keys or word it was verified, now or earlier.
        issuer: &'t Arc<Issuer>,
        /// The token.
        token: &'t VerifiedToken,
    },
    /// By an API key.
    Key(&'t VerifiedKey),
}

impl<'p> Pending<'p, '_> {
    /// The credential, of which nothing is known yet.
    #[must_use]
    pub fn credential(&self) -> Credential<'_> {
        self.held.credential()
    }

    /// Where the credential was.
    #[must_use]
    pub fn place(&self) -> CredentialPlace {
        self.place
    }

    /// The issuers of which the rule accepts credentials of this kind, in the order in which it names
    /// them, without those that are not believed from where the token was.
    pub fn issuers(&self) -> impl Iterator<Item = &'p Arc<Issuer>> + use<'p> {
        let (demands, kind, source) = (self.demands, self.credential().kind(), self.source);
        let named = self.policy.issuers_of(&demands.issuers);
        named.filter(move |issuer| {
            issuer.believed.contains(source)
                && (demands.allow.is_empty() || demands.accepts(kind, Some(issuer.id)))
        })
    }

    /// Whether the rule accepts credentials of this kind from this issuer, which is one of the same policy, and it is
    /// believed from where the token was.
    #[must_use]
    pub fn accepts(&self, issuer: &Arc<Issuer>) -> bool {
        self.accepted(issuer).is_some()
    }

    /// The policy's own of these, if it is accepted.
    pub(crate) fn accepted(&self, issuer: &Arc<Issuer>) -> Option<&'p Arc<Issuer>> {
        let kind = self.credential().kind();
        let ours = self.policy.issuers.get(issuer.id);
        ours.filter(|ours| {
            Arc::ptr_eq(ours, issuer)
                && self.demands.accepts(kind, Some(ours.id))
                && ours.believed.contains(self.source)
        })
    }

    /// Why no issuer is the token's.
    pub(crate) fn other_issuer(&self) -> Reason {
        let mut issuers = self.policy.issuers_of(&self.demands.issuers);
        if issuers.all(|issuer| issuer.believed.contains(self.source)) {
            return Reason::OtherIssuer;
        }
        Reason::OtherSource(self.place)
    }

    /// The accepted issuer that is meant by this `iss`. No two have the same name, so there is one at most.
    #[must_use]
    pub fn issuer_by_url(&self, url: &str) -> Option<&'p Arc<Issuer>> {
        let issuer = self.policy.issuer_by_url(url);
        issuer.filter(|issuer| self.accepts(issuer))
    }

    /// Which issuer's keys are to be tried for a signed token. The name in the token only chooses among those that
    /// the rule accepts; whether the token is that issuer's, its signature says.
    #[must_use]
    pub fn issuer_of(&self, token: &UnverifiedToken<'_>) -> Option<&'p Arc<Issuer>> {
        self.issuer_hinted(|| token.issuer_hint())
    }

    /// The same, for a token that says this of its issuer.
    pub(crate) fn issuer_hinted(
        &self,
        hint: impl FnOnce() -> Option<String>,
    ) -> Option<&'p Arc<Issuer>> {
        let mut allowed = self.issuers();
        if let (Some(only), None) = (allowed.next(), allowed.next()) {
            return Some(only);
        }
        self.issuer_by_url(&hint()?)
    }

    /// Whether the credential came in the query of the target.
    #[must_use]
    pub fn credential_in_query(&self) -> bool {
        self.place == CredentialPlace::Query
    }

    /// Whether the token, of which nothing is known yet, is longer than any that the rule accepts.
    pub(crate) fn check_token_bytes(&self) -> Result<(), Refusal> {
        let (bytes, bytes_max) = match self.credential() {
            Credential::Jwt(token) => (token.len(), self.demands.token_bytes_max),
            Credential::Opaque { token, asked } => {
                (token.len(), asked.issuer.expectations.token_bytes_max)
            }
            Credential::ApiKey { .. } | Credential::Basic { .. } => return Ok(()),
        };
        if bytes > bytes_max {
            let error = TokenError::TooLong { bytes, bytes_max };
            return Err(Refusal::invalid_token(self, error));
        }
        Ok(())
    }

    /// The rule's path pattern, for the log.
    #[must_use]
    pub fn route(&self) -> &'p str {
        self.rule.path.as_str()
    }

    /// The kinds of credential that the rule accepts.
    pub(crate) fn accept(&self) -> Kinds {
        self.demands.accept
    }

    /// Decides. Time, issuer, audience and algorithm of a token are checked again, so that one from a
    /// cache is judged by this policy and at this moment; so is whether it was revoked.
    ///
    /// `revocations` is what is known to be revoked, `None` where that cannot be found out. It makes
    /// no difference to API keys, nor where the policy has no `[revocation]`.
    ///
    /// # Errors
    ///
    /// The credential is not valid now, was revoked, is not of an issuer that the rule accepts or not
    /// what was found in the request (401); it lacks a scope (403) or a claim (403), or an identity
    /// header cannot express what it says (403). Revocations are asked for and not known (503).
    pub fn authorise(
        self,
        who: Authenticated<'_>,
        revocations: Option<&RevocationSet>,
        now: UnixTime,
    ) -> Result<Permit<'p>, Refusal> {
        let refused = |reason| Refusal::of(self.demands.accept, reason);
        let (id, issuer, claims, api_key) = match who {
            Authenticated::Token { issuer, token } => {
                let issuer = self.check_token(issuer, token, now).map_err(refused)?;
                if let Some(rule) = self.policy.revocation() {
                    rule.check(token, revocations, now).map_err(refused)?;
                }
                let name = match token.tenant() {
                    None => Cow::Borrowed(issuer.name.as_str()),
                    Some(tenant) => Cow::Owned([&issuer.name, "/", tenant].concat()),
                };
                (Some(issuer.id), name, token.claims(), None)
            }
            Authenticated::Key(key) => {
                self.check_key(key, now).map_err(refused)?;
                (None, Cow::Borrowed(API_KEY_ISSUER), key.claims(), Some(key))
            }
        };
        self.check_demands(id, claims).map_err(refused)?;
        let identity = self.identity(claims).map_err(refused)?;
        let principal = Principal::new(issuer, claims.subject().map(str::to_owned));
        let traffic = Traffic::new(&self.policy.named, &self.rule.kind.traffic);
        let keys = CallerKeys::of(traffic, &principal, claims, api_key);
        let target = match self.forwarded {
            Some(target) => target,
            None => self.target.as_str().to_owned(),
        };
        Ok(Permit::new(
            self.policy,
            self.rule,
            target,
            identity,
            Some(principal),
            keys,
            Some(self.place),
        ))
    }

    /// Whether this is the token of the request, in the hands of an issuer that the rule accepts.
    fn check_token(
        &self,
        issuer: &Arc<Issuer>,
        token: &VerifiedToken,
        now: UnixTime,
    ) -> Result<&'p Issuer, Reason> {
        let fits = match self.credential() {
            Credential::Jwt(_) => token.proof() == Proof::Signature,
            Credential::Opaque { asked, .. } => {
                token.proof() == Proof::Introspection && Arc::ptr_eq(asked.issuer, issuer)
            }
            Credential::ApiKey { .. } | Credential::Basic { .. } => return Err(Reason::OtherKey),
        };
        let accepted = self.accepted(issuer).filter(|_| fits);
        let issuer = accepted.ok_or_else(|| self.other_issuer())?;
        token
            .recheck(issuer.expectations(), now)
            .map_err(Reason::Token)?;
        Ok(issuer)
    }

    /// Whether this is the key of the request.
    fn check_key(&self, key: &VerifiedKey, now: UnixTime) -> Result<(), Reason> {
        let fits = match self.credential() {
            Credential::ApiKey { .. } => true,
            // RFC 7617: the password is good for its user and nobody else.
            Credential::Basic { name, .. } => key.claims().subject() == Some(name),
            Credential::Jwt(_) | Credential::Opaque { .. } => return Err(Reason::OtherIssuer),
        };
        if !fits {
            return Err(Reason::OtherKey);
        }
        key.recheck(now).map_err(Reason::Key)
    }

    pub(crate) fn check_demands(
        &self,
        issuer: Option<IssuerId>,
        claims: &Claims,
    ) -> Result<(), Reason> {
        let kind = self.credential().kind();
        let lacking = self.demands.lacking(kind, issuer, claims, &self.target);
        let Some(lacking) = lacking else {
            return Ok(());
        };
        Err(match lacking {
            Lacking::Scope { missing, required } => Reason::Scope {
                missing: missing.to_owned(),
                required: required.join(" "),
                bearer: kind.is_bearer(),
            },
            Lacking::Claim { path, problem } => Reason::Claim {
                name: path.as_str().to_owned(),
                problem,
            },
            Lacking::Everything => Reason::OtherIssuer,
        })
    }

    pub(crate) fn identity(&self, claims: &Claims) -> Result<Identity<'p>, Reason> {
        let mut headers = Vec::with_capacity(self.policy.identity.len());
        let mut bytes = 0;
        for header in &self.policy.identity {
            let refused = |problem| {
                let name = header.name.clone();
                Reason::IdentityHeader { name, problem }
            };
            let value = header.value(claims).map_err(refused)?;
            if let Ok(value) = &value {
                bytes += value.len();
                if bytes > IDENTITY_TOTAL_BYTES_MAX {
                    return Err(refused(ClaimProblem::TooLong {
                        bytes,
                        bytes_max: IDENTITY_TOTAL_BYTES_MAX,
                    }));
                }
            }
            headers.push((header.name.as_str(), value));
        }
        Ok(headers)
    }
}

impl Refusal {
    /// The token was not accepted. One that is too long is no invalid one: a client that was told so would
    /// fetch another, as long as this one, and come back at once.
    #[must_use]
    pub fn invalid_token(pending: &Pending<'_, '_>, error: TokenError) -> Self {
        let reason = match error {
            TokenError::TooLong { bytes, bytes_max } => Reason::TokenTooLong {
                bytes,
                bytes_max,
                in_query: pending.credential_in_query(),
            },
            error => Reason::Token(error),
        };
        Self::of(pending.accept(), reason)
    }

    /// The token names no issuer that the route accepts, or one that is not believed from where the token was.
    #[must_use]
    pub fn unknown_issuer(pending: &Pending<'_, '_>) -> Self {
        Self::of(pending.accept(), pending.other_issuer())
    }

    /// The issuer says that the opaque token is not active (RFC 7662 section 2.2).
    #[must_use]
    pub fn inactive(pending: &Pending<'_, '_>) -> Self {
        Self::of(pending.accept(), Reason::Inactive)
    }

    /// The API key was not accepted, or not with the name that came with it.
    #[must_use]
    pub fn invalid_key(pending: &Pending<'_, '_>, error: ApiKeyError) -> Self {
        Self::of(pending.accept(), Reason::Key(error))
    }
}

impl RevocationRule {
    /// Whether the token can be revoked at all, and was not.
    fn check(
        &self,
        token: &VerifiedToken,
        revocations: Option<&RevocationSet>,
        now: UnixTime,
    ) -> Result<(), Reason> {
        self.check_lifetime(token.proof(), token.issued_at(), token.expires_at(), now)?;
        let Some(revocations) = revocations else {
            return Err(Reason::StoreUnavailable { retry_after_s: 1 });
        };
        match revocations.revokes(token) {
            Some(by) => Err(Reason::Revoked(by)),
            None => Ok(()),
        }
    }
}

impl RevocationRule {
    /// Whether a token can be revoked at all.
    pub(crate) fn check_lifetime(
        &self,
        proof: Proof,
        issued_at: Option<UnixTime>,
        expires_at: UnixTime,
        now: UnixTime,
    ) -> Result<(), Reason> {
        // What revokes a token is kept for so long, and must not be outlived by it. An answer of
        // introspection need not say when the token expires: its age so far has to do.
        let issued_at = issued_at.ok_or(Reason::NotIssued)?;
        let until = match proof {
            Proof::Signature => expires_at,
            Proof::Introspection => now,
        };
        let lifetime_s = until.seconds_since(issued_at);
        if lifetime_s > self.token_lifetime_max_s {
            return Err(Reason::LivesTooLong { lifetime_s });
        }
        Ok(())
    }
}

impl fmt::Debug for Pending<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pending")
            .field("route", &self.rule.path.as_str())
            .field("path", &self.target.path())
            .field("credential", &self.credential())
            .finish_non_exhaustive()
    }
}
