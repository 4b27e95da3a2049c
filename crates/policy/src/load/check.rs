//! What only shows when rules are seen together.

use core::fmt::Display;

use super::api_keys::ReadKeys;
use super::bounds::METHODS_PER_PATTERN_MAX;
use super::issuer::ReadIssuer;
use super::named::TableKind;
use super::route::ReadRoute;
use super::traffic::ReadTraffic;
use crate::credential::kind::CredentialKind;
use crate::finding::Code;
use crate::matcher::{MATCH_STEPS_MAX, Matcher};
use crate::policy::{Access, Demands, LogoutPath};
use crate::source::{Related, Source, shown};
use crate::trie::{Builder, Conflict};

/// Reports rules that contradict each other or can never decide, and gives the matcher of the rest
/// with the order in which it counts them.
pub(super) fn rules(source: &mut Source<'_>, routes: &[ReadRoute]) -> (Matcher, Vec<u32>) {
    let patterns = || routes.iter().filter_map(|route| route.pattern.as_ref());
    let mut builder = Builder::new(patterns().map(|pattern| pattern.segments().len()).sum());
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
        if matches!(route.access, Some(Access::Public)) && route.path == "/**" {
            let message = "whatever no other rule lists is public";
            let help = "list what is public, unless everything is meant";
            source.find_with(Code::PublicRest, route.offset, &message, Some(&help), &[]);
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
    let groups = || demands(routes).flat_map(|demands| &demands.issuers);
    for issuer in issuers {
        if !groups().any(|group| group.overlaps(issuer.group)) {
            let message = format_args!("no route accepts the issuer `{}`", shown(&issuer.name));
            source.find(Code::UnusedIssuer, issuer.offset, &message);
        }
    }
}

/// So are keys that nobody accepts.
pub(super) fn use_of_keys(source: &mut Source<'_>, keys: &ReadKeys, routes: &[ReadRoute]) {
    let takes_keys = |kind: CredentialKind| !kind.is_bearer();
    if !demands(routes).any(|demands| demands.accept.iter().any(takes_keys)) {
        let message = "no route accepts API keys";
        let help = "routes accept them with `accept = [\"api-key\"]` or `accept = [\"basic\"]`";
        source.find_with(Code::UnusedApiKeys, keys.offset, &message, Some(&help), &[]);
    }
}

/// What is named and used by no route was probably forgotten somewhere.
pub(super) fn use_of_names(
    source: &mut Source<'_>,
    read: &ReadTraffic<'_, '_>,
    routes: &[ReadRoute],
) {
    for (kind, entries) in TableKind::ALL.into_iter().zip(&read.names) {
        let mut used = vec![false; entries.len()];
        for route in routes {
            let rule = &route.traffic;
            let several = match kind {
                TableKind::RateLimit => rule.rate_limits.as_slice(),
                _ => &[],
            };
            let ones = match kind {
                TableKind::Upstream => [
                    rule.upstream,
                    rule.split.as_ref().map(|split| split.to),
                    rule.mirror,
                ],
                TableKind::Cors => [rule.cors, None, None],
                TableKind::Limits => [rule.limits, None, None],
                TableKind::SecurityHeaders => [rule.security_headers, None, None],
                TableKind::RateLimit => [None; 3],
            };
            for id in several.iter().copied().chain(ones.into_iter().flatten()) {
                if let Some(used) = used.get_mut(usize::from(id)) {
                    *used = true;
                }
            }
        }
        for (entry, _) in entries.iter().zip(used).filter(|(_, used)| !used) {
            let key = kind.key();
            let message = format_args!("no route uses `{key}.{}`", shown(entry.name));
            let help = format_args!("routes use it with `{key}`, and so do `[defaults]` for all");
            source.find_with(Code::Unused, entry.offset, &message, Some(&help), &[]);
        }
    }
}

fn demands(routes: &[ReadRoute]) -> impl Iterator<Item = &Demands> {
    routes.iter().filter_map(|route| match &route.access {
        Some(Access::Protected(demands)) => Some(demands),
        _ => None,
    })
}

/// A path for logout tokens is the gate's own: no rule is for it, and one issuer sends them there.
pub(super) fn logout_paths(
    source: &mut Source<'_>,
    issuers: &[ReadIssuer],
    routes: &[ReadRoute],
) -> Vec<LogoutPath> {
    let mut paths: Vec<LogoutPath> = Vec::new();
    for read in issuers {
        let Some(logout) = read.any().and_then(|issuer| issuer.logout.as_ref()) else {
            continue;
        };
        let (path, offset) = (logout.path.as_str(), read.logout_offset);
        let same = |other: &&LogoutPath| other.path.eq_ignore_ascii_case(path);
        if let Some(other) = paths.iter().find(same) {
            let message = "two issuers cannot send their logout tokens to the same `path`";
            let first = other.issuers.start;
            let other = issuers.iter().find(|read| read.group.ids().start == first);
            let other = other.map_or(0, |read| read.logout_offset);
            let related: Related<'_> = &[(other, &"the other one")];
            source.find_with(Code::Conflict, offset, &message, None, related);
        }
        let mut routes = routes.iter();
        if let Some(route) = routes.find(|route| route.path.eq_ignore_ascii_case(path)) {
            let message = format_args!("`{path}` is where logout tokens are sent, and a rule, too");
            let help = "the gate answers there itself: give one of them another path";
            let rule = format_args!("`{}`, the rule", route.path);
            let related: Related<'_> = &[(route.offset, &rule)];
            let code = Code::Contradiction;
            source.find_with(code, offset, &message, Some(&help), related);
        }
        paths.push(LogoutPath {
            path: path.to_owned(),
            issuers: read.group.ids(),
        });
    }
    paths
}

/// Rules of one pattern must list different methods, and one that lists none means all of them.
fn contradictions(source: &mut Source<'_>, routes: &[ReadRoute], rules: &[u32]) {
    let mut by_method: Vec<(&str, &ReadRoute)> = Vec::new();
    let mut for_all: Option<&ReadRoute> = None;
    for route in rules.iter().filter_map(|&rule| routes.get(rule as usize)) {
        let Some(methods) = &route.methods else {
            if let Some(earlier) = for_all {
                contradiction(source, route, earlier, "every method of");
            } else if let Some((method, earlier)) = by_method.first() {
                contradiction(source, route, earlier, method);
            }
            for_all = for_all.or(Some(route));
            continue;
        };
        let listed = by_method.len();
        let mut clash = None;
        for method in methods {
            let before = by_method.get(..listed).unwrap_or_default();
            let same = before.iter().find(|(name, _)| name == method);
            let earlier = for_all.or_else(|| same.map(|(_, earlier)| *earlier));
            clash = clash.or_else(|| Some((earlier?, method)));
            if same.is_none() {
                by_method.push((method, route));
            }
        }
        if let Some((earlier, method)) = clash {
            contradiction(source, route, earlier, method);
        }
        if by_method.len() > METHODS_PER_PATTERN_MAX {
            let path = &route.path;
            let message = format_args!("`{path}` has more than {METHODS_PER_PATTERN_MAX} methods");
            source.find(Code::TooLarge, route.offset, &message);
            return;
        }
    }
}

fn contradiction(source: &mut Source<'_>, route: &ReadRoute, earlier: &ReadRoute, method: &str) {
    let names = if earlier.path == route.path {
        ""
    } else {
        "; the names of parameters make no difference"
    };
    let all = if route.methods.is_none() == earlier.methods.is_none() {
        ""
    } else {
        "; a rule without `methods` is for all of them"
    };
    let options = if method == "OPTIONS" {
        "; a route with `public_options = true` lets OPTIONS through without a credential"
    } else {
        ""
    };
    let line = source.position(earlier.offset).line;
    let message = format_args!("a second rule for {method} `{}`", route.path);
    let help = format_args!(
        "keep this one or the one on line {line}, or give them other `methods`; one of several demands is \
         `[[route.allow]]`{names}{all}{options}"
    );
    let other = format_args!("`{}`, the other rule", earlier.path);
    let related: Related<'_> = &[(earlier.offset, &other)];
    let code = Code::Contradiction;
    source.find_with(code, route.offset, &message, Some(&help), related);
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
            let message = format_args!(
                "`{literal}` is `{earlier_literal}` in another case: many upstreams take them for \
                 the same path"
            );
            let help = "spell it the same way in all rules; letters in another case are refused in \
                 requests";
            let path = format_args!("`{}`, the other rule", other.path);
            let related: Related<'_> = &[(other.offset, &path)];
            let code = Code::Contradiction;
            source.find_with(code, route.offset, &message, Some(&help), related);
        }
        Conflict::Unreachable { rule, by } => {
            let Some(route) = route_of(rule) else { return };
            let message =
                format_args!("`{}` never decides: other rules take all of it", route.path);
            let help = "leave it out, or one of the others";
            let others: Vec<(usize, String)> = by
                .into_iter()
                .filter_map(route_of)
                .map(|other| (other.offset, format!("`{}` is more specific", other.path)))
                .collect();
            let related: Vec<(usize, &dyn Display)> = others
                .iter()
                .map(|(offset, message)| (*offset, message as &dyn Display))
                .collect();
            let related = related.as_slice();
            let code = Code::Unreachable;
            source.find_with(code, route.offset, &message, Some(&help), related);
        }
        Conflict::TooManySteps { steps } => {
            let message = format_args!(
                "literals and parameters overlap so often that a request could take {steps} steps \
                 to match, more than {MATCH_STEPS_MAX}"
            );
            let offset = routes.first().map_or(0, |route| route.offset);
            source.find(Code::Overlap, offset, &message);
        }
    }
}
