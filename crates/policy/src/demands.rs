//! What a rule demands of a credential: all of it, or one of its alternatives as a whole.
//!
//! An alternative is complete: it says which kinds of credential it is for, whose, and what they must have.
//! Nothing is combined from two of them. So a token is judged only by those that accept its kind from its
//! issuer, and where none of them holds, the first of them says what is lacking.

use doorward_token::{ClaimPath, Claims};

use crate::claim::ClaimProblem;
use crate::credential::kind::CredentialKind;
use crate::policy::{Demands, IssuerId};
use crate::target::CanonicalTarget;

/// What a credential lacks.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Lacking<'p> {
    Scope {
        missing: &'p str,
        required: &'p [String],
    },
    Claim {
        path: &'p ClaimPath,
        problem: ClaimProblem,
    },
    /// No alternative is for this kind of credential from this issuer.
    Everything,
}

impl Demands {
    /// Whether a credential of this kind, which is genuine and of this issuer, is looked at any further;
    /// API keys have no issuer.
    pub(crate) fn accepts(&self, kind: CredentialKind, issuer: Option<IssuerId>) -> bool {
        let names = |issuer| {
            self.issuers
                .iter()
                .any(|group| group.ids().contains(&issuer))
        };
        issuer.is_none_or(names)
            && (self.allow.is_empty() || self.allow.iter().any(|one| one.fits(kind, issuer)))
    }

    /// Whether an alternative is for such a credential.
    fn fits(&self, kind: CredentialKind, issuer: Option<IssuerId>) -> bool {
        let from_whom = match (kind, issuer) {
            // An issuer that is accepted may be one that is not asked.
            (CredentialKind::Opaque, issuer) => issuer.is_some() && self.introspects == issuer,
            (CredentialKind::Jwt, None) => false,
            (_, issuer) => self.accepts(kind, issuer),
        };
        from_whom && self.accept.contains(kind)
    }

    /// What a credential of this kind and issuer lacks for a request to `target`; nothing where it has
    /// all that is demanded.
    pub(crate) fn lacking(
        &self,
        kind: CredentialKind,
        issuer: Option<IssuerId>,
        claims: &Claims,
        target: &CanonicalTarget<'_>,
    ) -> Option<Lacking<'_>> {
        if self.allow.is_empty() {
            return self.lacking_here(claims, target);
        }
        let mut first = None;
        for one in self.allow.iter().filter(|one| one.fits(kind, issuer)) {
            let lacking = one.lacking_here(claims, target)?;
            first = first.or(Some(lacking));
        }
        first.or(Some(Lacking::Everything))
    }

    fn lacking_here(&self, claims: &Claims, target: &CanonicalTarget<'_>) -> Option<Lacking<'_>> {
        let mut wanted = self.scope.iter();
        if let Some(missing) = wanted.find(|wanted| !claims.scopes().contains(wanted)) {
            return Some(Lacking::Scope {
                missing,
                required: &self.scope,
            });
        }
        self.claims.iter().find_map(|claim| {
            let problem = claim.check(claims, target).err()?;
            let path = &claim.path;
            Some(Lacking::Claim { path, problem })
        })
    }
}
