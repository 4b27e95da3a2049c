//! What only shows when rules are seen together.

use std::collections::BTreeMap;

use super::METHODS_PER_PATTERN_MAX;
use super::issuer::ReadIssuer;
use super::route::ReadRoute;
use crate::finding::Code;
use crate::matcher::{MATCH_STEPS_MAX, Matcher};
use crate::policy::Access;
use crate::source::{Source, shown};
use crate::trie::{Builder, Conflict};

/// Reports rules that contradict each other or can never decide, and gives the matcher of the rest
/// with the order in which it counts them.
pub(super) fn rules(source: &mut Source<'_>, routes: &[ReadRoute]) -> (Matcher, Vec<u32>) {
    let mut builder = Builder::new();
    for (index, route) in routes.iter().enumerate() {
        if let Some(pattern) = &route.pattern {
            builder.insert(pattern, index as u32);
        }
    }
    for rules in builder.rules_by_pattern() {
        contradictions(source, routes, rules);
    }
    let (matcher, order, conflicts) = builder.build();
    for conflict in conflicts {
        report(source, routes, conflict);
    }
    for route in routes {
        let is_public = matches!(&route.kind, Some(kind) if kind.access == Access::Public);
        if is_public && path_of(route) == "/**" {
            let message = "whatever no other rule lists is public";
            let help = "list what is public, unless everything is meant".to_owned();
            source.find_with(Code::PublicRest, route.offset, message, Some(help), &[]);
        }
    }
    (matcher, order)
}

/// An issuer that nobody accepts is probably a route that lacks something.
pub(super) fn use_of_issuers(
    source: &mut Source<'_>,
    issuers: &[ReadIssuer],
    routes: &[ReadRoute],
) {
    for (id, issuer) in issuers.iter().enumerate() {
        if !routes.iter().any(|route| route.issuers.contains(&id)) {
            let message = format!("no route accepts the issuer `{}`", shown(&issuer.name));
            source.find(Code::UnusedIssuer, issuer.offset, message);
        }
    }
}

/// Rules of one pattern must list different methods, and one that lists none means all of them.
fn contradictions(source: &mut Source<'_>, routes: &[ReadRoute], rules: &[u32]) {
    let mut by_method: BTreeMap<&str, &ReadRoute> = BTreeMap::new();
    let mut for_all: Option<&ReadRoute> = None;
    for &rule in rules {
        let Some(route) = routes.get(rule as usize) else {
            continue;
        };
        let clash = match &route.methods {
            None => for_all
                .map(|earlier| (earlier, "every method".to_owned()))
                .or_else(|| {
                    let (method, earlier) = by_method.iter().next()?;
                    Some((*earlier, (*method).to_owned()))
                }),
            Some(methods) => methods.iter().find_map(|method| {
                let earlier = for_all.or_else(|| by_method.get(method.as_str()).copied())?;
                Some((earlier, method.clone()))
            }),
        };
        if let Some((earlier, method)) = clash {
            contradiction(source, route, earlier, &method);
        }
        match &route.methods {
            None => for_all = for_all.or(Some(route)),
            Some(methods) => {
                for method in methods {
                    by_method.entry(method).or_insert(route);
                }
            }
        }
    }
    if by_method.len() > METHODS_PER_PATTERN_MAX
        && let Some(route) = rules.first().and_then(|&rule| routes.get(rule as usize))
    {
        let path = path_of(route);
        let message = format!("`{path}` has more than {METHODS_PER_PATTERN_MAX} methods");
        source.find(Code::TooLarge, route.offset, message);
    }
}

fn contradiction(source: &mut Source<'_>, route: &ReadRoute, earlier: &ReadRoute, method: &str) {
    let message = format!("a second rule for {method} `{}`", path_of(route));
    let other = source.position(earlier.offset);
    let mut help = format!("keep this one or the one on line {}", other.line);
    if path_of(earlier) != path_of(route) {
        help.push_str("; the names of parameters make no difference");
    }
    if route.methods.is_none() != earlier.methods.is_none() {
        help.push_str("; a rule without `methods` is for all of them");
    }
    let related = [(
        earlier.offset,
        format!("`{}`, the other rule", path_of(earlier)),
    )];
    source.find_with(
        Code::Contradiction,
        route.offset,
        message,
        Some(help),
        &related,
    );
}

fn report(source: &mut Source<'_>, routes: &[ReadRoute], conflict: Conflict) {
    let route_of = |rule: u32| routes.get(rule as usize);
    match conflict {
        Conflict::OtherCase {
            rule,
            literal,
            earlier,
            earlier_literal,
        } => {
            let (Some(route), Some(other)) = (route_of(rule), route_of(earlier)) else {
                return;
            };
            let message = format!(
                "`{literal}` is `{earlier_literal}` in another case: many upstreams take them for \
                 the same path"
            );
            let help = "spell it the same way in all rules; letters in another case are refused \
                        in requests"
                .to_owned();
            let related = [(
                other.offset,
                format!("`{}`, the other rule", path_of(other)),
            )];
            let code = Code::Contradiction;
            source.find_with(code, route.offset, message, Some(help), &related);
        }
        Conflict::Unreachable { rule, by } => {
            let Some(route) = route_of(rule) else { return };
            let message = format!(
                "`{}` never decides: other rules take all of it",
                path_of(route)
            );
            let help = "leave it out, or one of the others".to_owned();
            let related: Vec<_> = by
                .into_iter()
                .filter_map(route_of)
                .map(|other| {
                    (
                        other.offset,
                        format!("`{}` is more specific", path_of(other)),
                    )
                })
                .collect();
            let code = Code::Unreachable;
            source.find_with(code, route.offset, message, Some(help), &related);
        }
        Conflict::TooManySteps { steps } => {
            let message = format!(
                "literals and parameters overlap so often that a request could take {steps} steps \
                 to match, more than {MATCH_STEPS_MAX}"
            );
            let offset = routes.first().map_or(0, |route| route.offset);
            source.find(Code::Overlap, offset, message);
        }
    }
}

fn path_of(route: &ReadRoute) -> String {
    route
        .pattern
        .as_ref()
        .map(ToString::to_string)
        .unwrap_or_default()
}
