//! Whether an audience that another claim names could be that of an ID token.

use doorward_token::ClaimPath;

use super::issuer::ReadIssuer;
use super::route::ReadRoute;
use crate::claim::Condition;
use crate::finding::Code;
use crate::policy::{Access, Demands};
use crate::source::{Related, Source, list, shown};

/// Claims that tell access tokens from ID tokens, with one provider or another: a rule about one of them is
/// taken to be there for that. Scopes are none that a rule could ask for in this way.
const TELLING: [&str; 6] = ["appid", "azp", "cid", "client_id", "token_use", "typ"];

/// Reports an `audience_claim` whose issuer could send an ID token just as well. The name of a client is the
/// audience of its ID tokens; so what the claim names as audience of access tokens is in `aud` of those. The
/// issuer needs `access_token_profile`, or each route that takes its tokens a rule about one of [`TELLING`],
/// but for the claim that names the audience: with some providers ID tokens have that one, too (`azp`).
/// Where ID tokens are what it is to send, there is nothing to tell.
pub(super) fn check(source: &mut Source<'_>, issuers: &[ReadIssuer], routes: &[ReadRoute]) {
    for read in issuers {
        let (Some(offset), Some(issuer)) = (read.audience_claim_offset, read.any()) else {
            continue;
        };
        let expect = issuer.expectations();
        let Some(named) = &expect.audience_claim else {
            continue;
        };
        if expect.access_token_profile || expect.tokens == doorward_token::TokenKinds::Id {
            continue;
        }
        let accepts_untold = |demands: &Demands| {
            let mut bearer = demands.accept.iter().filter(|kind| kind.is_bearer());
            let mut groups = demands.issuers.iter();
            bearer.next().is_some()
                && groups.any(|group| group.overlaps(read.group))
                && !tells(demands, named)
        };
        let route = routes.iter().find(|route| match &route.access {
            Some(Access::Protected(demands)) if demands.allow.is_empty() => accepts_untold(demands),
            // Each alternative has to tell by itself.
            Some(Access::Protected(demands)) => demands.allow.iter().any(accepts_untold),
            _ => false,
        });
        let Some(route) = route else { continue };
        let message = format_args!(
            "`{}` accepts ID tokens of the issuer `{}` that have no mark: their `aud` is a client, too",
            route.path,
            shown(&read.name)
        );
        let help = format_args!(
            "set `access_token_profile = true`, or ask on the route for a claim that only access tokens have: one \
             of {}",
            list(&TELLING)
        );
        let related: Related<'_> = &[(route.offset, &"the route")];
        source.find_with(Code::AudienceClaim, offset, &message, Some(&help), related);
    }
}

fn tells(demands: &Demands, audience: &ClaimPath) -> bool {
    demands.claims.iter().any(|claim| {
        // Also an ID token without the claim has none of some values.
        let there =
            |condition: &Condition| !matches!(condition, Condition::Absent | Condition::None(_));
        claim.path.is_claim()
            && claim.path != *audience
            && TELLING.contains(&claim.path.claim())
            && claim.conditions.iter().any(there)
    })
}
