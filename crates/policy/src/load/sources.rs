//! Which sources of tokens there are: `token_from` of all routes and issuers together

use doorward_syntax::field_name::same_when_folded;

use super::issuer::ReadIssuer;
use super::route::ReadRoute;
use super::token_from::ReadSources;
use super::traffic::ReadTraffic;
use crate::api_keys::{ApiKeys, KeyPlace};
use crate::credential::kind::{CredentialKind, Kinds};
use crate::finding::Code;
use crate::identity::ReservedNames;
use crate::policy::{Access, Demands};
use crate::source::{Related, Source, shown};
use crate::token_from::{TOKEN_SOURCES_IN_ALL_MAX, TokenFrom, TokenSource, TokenSources};

/// What the rest of the file says that concerns sources.
pub(super) struct Taken<'f> {
    pub(super) api_keys: Option<&'f ApiKeys>,
    /// The names of the identity headers.
    pub(super) identity: &'f ReservedNames,
    pub(super) traffic: &'f ReadTraffic<'f, 'f>,
}

/// Gives every route and every issuer its sources, and says what does not go together.
pub(super) fn resolve(
    source: &mut Source<'_>,
    defaults: Option<&ReadSources>,
    routes: &mut [ReadRoute],
    issuers: &mut [ReadIssuer],
    taken: &Taken<'_>,
) -> TokenSources {
    let place = taken.api_keys.and_then(|keys| keys.place.as_ref());
    let mut all = TokenSources::new(match place {
        Some(KeyPlace::Query(name)) => Some(name),
        _ => None,
    });
    let mut too_many = None;
    let mut list = |all: &mut TokenSources, read: &ReadSources| {
        let from = all.listed(&read.sources);
        if from.is_none() {
            too_many = too_many.or(Some(read.offset));
        }
        from.unwrap_or(TokenFrom::AUTHORIZATION)
    };
    let of_defaults = defaults.map(|read| list(&mut all, read));
    for route in &mut *routes {
        if let Some(read) = &route.token_from {
            route.from = list(&mut all, read);
        } else if let (Some(from), Some(access)) = (of_defaults, &route.access)
            && access.accept().iter().any(CredentialKind::is_bearer)
        {
            route.from = from;
        }
    }
    if let Some(offset) = too_many {
        let message = format_args!(
            "there are more than {TOKEN_SOURCES_IN_ALL_MAX} different sources of tokens"
        );
        source.find(Code::TooLarge, offset, &message);
    }
    for route in &*routes {
        check_route(source, route, defaults, issuers);
    }
    for issuer in &mut *issuers {
        if let Some(read) = &issuer.token_from {
            let believed = all.set_of(&read.sources);
            for issuer in &mut issuer.issuers {
                issuer.believed = believed;
            }
        }
    }
    let lists = routes
        .iter()
        .filter_map(|route| route.token_from.as_ref())
        .chain(defaults);
    check_names(source, lists, taken);
    check_rate_limits(source, &all, taken.identity, taken.traffic);
    all
}

fn check_route(
    source: &mut Source<'_>,
    route: &ReadRoute,
    defaults: Option<&ReadSources>,
    issuers: &[ReadIssuer],
) {
    let Some(Access::Protected(demands)) = &route.access else {
        return;
    };
    let own = route.token_from.as_ref();
    if !demands.accept.iter().any(CredentialKind::is_bearer) {
        if let Some(own) = own.filter(|_| demands.accept != Kinds::default()) {
            let message = "`token_from` says where tokens are, and `accept` lists no tokens";
            let help = "leave it out, or add `jwt` or `opaque` to `accept`";
            source.find_with(Code::Conflict, own.offset, &message, Some(&help), &[]);
        }
        return;
    }
    let read = own.or(defaults);
    let offset = own.map_or(route.offset, |own| own.offset);
    let has = |wanted: &TokenSource| match read {
        Some(read) => read.has(wanted),
        None => *wanted == TokenSource::Authorization,
    };
    if demands.accept.contains(CredentialKind::Basic) && !has(&TokenSource::Authorization) {
        let message = "the route accepts `basic`, which is in `Authorization` and nowhere else";
        let help = "add `authorization` to `token_from`";
        source.find_with(Code::Conflict, offset, &message, Some(&help), &[]);
    }
    for issuer in accepted(demands, issuers) {
        let Some(believed) = &issuer.token_from else {
            continue;
        };
        if !believed.sources.iter().any(has) {
            let name = shown(&issuer.name);
            let message = format_args!(
                "no token of `{name}` is accepted: it is not believed from where the route looks \
                 for tokens"
            );
            let help = "add one of the issuer's sources to the route's `token_from`, or the other \
                        way round";
            let here: Related<'_> = &[(believed.offset, &"the issuer's sources are here")];
            source.find_with(Code::Conflict, offset, &message, Some(&help), here);
        }
    }
}

fn accepted<'i>(
    demands: &Demands,
    issuers: &'i [ReadIssuer],
) -> impl Iterator<Item = &'i ReadIssuer> {
    issuers.iter().filter(|issuer| {
        let mut groups = demands.issuers.iter();
        groups.any(|group| group.overlaps(issuer.group))
    })
}

/// A name has one use. Each is told of where it stands first.
fn check_names<'r>(
    source: &mut Source<'_>,
    lists: impl Iterator<Item = &'r ReadSources>,
    taken: &Taken<'_>,
) {
    let place = taken.api_keys.and_then(|keys| keys.place.as_ref());
    let mut told: Vec<&TokenSource> = Vec::new();
    for list in lists {
        for (one, &offset) in list.sources.iter().zip(&list.offsets) {
            let (name, what) = match (one, place) {
                (TokenSource::Header(name), _) if taken.identity.contains(name) => {
                    (name, "an identity header")
                }
                (TokenSource::Header(name), Some(KeyPlace::Header(key)))
                    if same_when_folded(name, key) =>
                {
                    (name, "the header of API keys")
                }
                (TokenSource::Query(name), Some(KeyPlace::Query(key))) if name == key => {
                    (name, "the parameter of API keys")
                }
                _ => continue,
            };
            if !told.contains(&one) {
                told.push(one);
                let message = format_args!("`{name}` is {what}, and a token cannot be there");
                source.find(Code::Conflict, offset, &message);
            }
        }
    }
}

/// What is counted by is kept, and may be shared.
fn check_rate_limits(
    source: &mut Source<'_>,
    all: &TokenSources,
    identity: &ReservedNames,
    traffic: &ReadTraffic<'_, '_>,
) {
    for (name, offset) in traffic.rate_limit_headers() {
        let (what, help) = if all.headers().any(|header| same_when_folded(header, name)) {
            ("holds a credential", "count by `subject`")
        } else if identity.contains(name) {
            (
                "is set by the gate after that is counted",
                "what a client sends in it is removed: count by `subject`, or by the claim that the header is made of",
            )
        } else {
            continue;
        };
        let message = format_args!("`{name}` {what}");
        source.find_with(Code::Conflict, offset, &message, Some(&help), &[]);
    }
}
