//! The target, and the rule for it.

use crate::explain::step::{Outcome, Step};
use crate::explain::telling::Telling;
use crate::explain::words;
use crate::explain::words::shown;
use crate::matcher::{Found, Matcher};
use crate::pattern::{Pattern, Segment};
use crate::refusal::{Reason, Refusal};
use crate::route::Route;
use crate::target::{CanonicalTarget, TargetError, path_of};
use crate::trie::Builder;

/// Most other patterns that are told of.
const OTHERS_MAX: usize = 5;

/// The rule of the request.
pub(super) fn route<'e>(telling: &mut Telling<'e>) -> Result<Route<'e, 'e>, Refusal> {
    let head = &telling.asked.head;
    let route = telling.policy.route(head.method, head.target());
    let reason = route.as_ref().err().map(Refusal::reason);
    match reason {
        Some(Reason::Target(TargetError::Method)) => {
            let step = Step::failed("method").expected("a token (RFC 9110 section 5.6.2)");
            let found = shown(head.method);
            telling.steps.push(step.found(found));
            telling.steps.push(Step::new("route", Outcome::NotReached));
        }
        Some(Reason::Target(error)) => {
            let step = Step::failed("target").expected("a path with one reading");
            let step = step.found(format!("{}: {error}", shown(path_of(head.target))));
            let note = "What readers could take for another path is refused, unless a route says how its origin reads \
                        it (`escapes`).";
            telling.steps.push(step.note(note));
            telling.steps.push(Step::new("route", Outcome::NotReached));
        }
        _ => {
            let path = match &route {
                Ok(route) => route.target().path(),
                Err(_) => path_of(head.target().canonical),
            };
            target(telling, path);
            let step = match (&route, reason) {
                (Ok(route), _) => found(telling, route, path),
                (Err(_), reason) => none(telling, reason, path),
            };
            telling.steps.push(step);
        }
    }
    route
}

fn target(telling: &mut Telling<'_>, path: &str) {
    let received = telling.asked.head.target;
    let mut step = Step::passed("target").found(shown(path));
    if path_of(received) != path {
        step = step.note(format!(
            "It came as {}, and is matched and goes on in the canonical form.",
            shown(path_of(received))
        ));
    }
    if received.contains('?') {
        step = step.note("The query takes no part in the choice of the route.");
    }
    telling.steps.push(step);
}

/// The rule that was found, and why no other one.
fn found(telling: &Telling<'_>, route: &Route<'_, '_>, path: &str) -> Step {
    let method = telling.asked.head.method;
    let pattern = route.pattern();
    let place = telling.lines.route(pattern, method);
    let mut step = Step::passed("route")
        .found(format!("{} {}", method, shown(pattern)))
        .line(place.and_then(|place| place.line()));
    if route.is_public() {
        step = step.note("It is public: no credential is looked at.");
    }
    let chosen = Pattern::parse(pattern).ok();
    let others = Others::of(telling, path);
    let less = others.matching.iter().filter(|other| **other != pattern);
    step = step.notes(less.take(OTHERS_MAX).map(|other| {
        let why = chosen.as_ref().zip(Pattern::parse(other).ok());
        let why = why.and_then(|(chosen, other)| before(chosen, &other));
        format!(
            "{} matches, too, and is less specific{}.",
            shown(other),
            why.map(|why| format!(": {why}")).unwrap_or_default()
        )
    }));
    step.notes(others.near(path, pattern))
}

/// There is none, and which are nearest.
fn none(telling: &Telling<'_>, reason: Option<&Reason>, path: &str) -> Step {
    let method = telling.asked.head.method;
    let others = Others::of(telling, path);
    let step = Step::failed("route").expected("a route for this path and method");
    match reason {
        Some(Reason::Method { route }) => {
            let methods = methods(telling, route);
            let place = telling.lines.route(route, method);
            let step = step
                .found(format!(
                    "{} is the most specific pattern, for {methods}",
                    shown(route)
                ))
                .line(place.and_then(|place| place.line()))
                .note("The pattern decides before the method: no other pattern is asked.");
            let upper = method.to_ascii_uppercase();
            let is_meant = upper != method
                && telling
                    .policy
                    .route(&upper, telling.asked.head.target())
                    .is_ok();
            let step = match is_meant {
                true => step.note(format!(
                    "Methods are case-sensitive, and {} is listed.",
                    shown(&upper)
                )),
                false => step,
            };
            let matching = others.matching.iter().filter(|other| ***other != **route);
            step.notes(
                matching
                    .take(OTHERS_MAX)
                    .map(|other| format!("{} matches, too, and is less specific.", shown(other))),
            )
        }
        Some(Reason::OtherCase) => {
            let first = others.other_case.first();
            let place = first.and_then(|path| telling.lines.route(path, method));
            step.found("a path that is a route's only if case or folding makes no difference")
                .line(place.and_then(|place| place.line()))
                .notes(
                    others
                        .other_case
                        .iter()
                        .take(OTHERS_MAX)
                        .map(|other| format!("{} would match.", shown(other))),
                )
                .note("Some upstreams take both spellings for one path, so it is neither.")
        }
        _ => step
            .found("no route lists this path")
            .note("What no route lists is refused.")
            .notes(others.near(path, "")),
    }
}

/// The methods of the rules of a pattern.
fn methods(telling: &Telling<'_>, pattern: &str) -> String {
    let rules = &telling.policy.rules;
    let mut methods: Vec<&str> = Vec::new();
    for rule in (0..rules.len()).filter_map(|index| rules.get(index)) {
        if rule.path.as_str() == pattern {
            let listed = rule.kind.methods.as_deref().unwrap_or_default();
            methods.extend(listed.iter().map(String::as_str));
        }
    }
    match methods.as_slice() {
        [] => "every method but CONNECT and TRACE".to_owned(),
        methods => words::list(methods).replace('"', ""),
    }
}

/// The patterns of the policy, by what the matcher says of each alone.
struct Others<'p> {
    matching: Vec<&'p str>,
    other_case: Vec<&'p str>,
    not: Vec<&'p str>,
}

impl<'p> Others<'p> {
    fn of(telling: &Telling<'p>, path: &str) -> Self {
        let rules = &telling.policy.rules;
        let mut patterns: Vec<&str> = (0..rules.len())
            .filter_map(|index| Some(rules.get(index)?.path.as_str()))
            .collect();
        patterns.sort_unstable();
        patterns.dedup();
        let folds = CanonicalTarget::with_folding(path).is_ok_and(|(_, folding)| folding.is_some());
        let mut others = Self {
            matching: Vec::new(),
            other_case: Vec::new(),
            not: Vec::new(),
        };
        for pattern in patterns {
            let found = matcher(pattern).map(|matcher| matcher.find(path, folds));
            match found {
                Some(Found::Rules(_)) => others.matching.push(pattern),
                Some(Found::OtherCase) => others.other_case.push(pattern),
                Some(Found::Nothing) | None => others.not.push(pattern),
            }
        }
        others
    }

    /// Those that do not match and have most of their beginning in common with the path, and where they end.
    fn near(&self, path: &str, but: &str) -> Vec<String> {
        let segments: Vec<&str> = segments(path);
        let mut near: Vec<(usize, &str, String)> = self
            .not
            .iter()
            .filter(|pattern| **pattern != but)
            .filter_map(|pattern| {
                let (common, why) = parts_at(&Pattern::parse(pattern).ok()?, &segments)?;
                (common > 0).then_some((common, *pattern, why))
            })
            .collect();
        near.sort_by_key(|(common, _, _)| core::cmp::Reverse(*common));
        let most = near.first().map_or(0, |(common, _, _)| *common);
        near.into_iter()
            .filter(|(common, _, _)| *common == most)
            .take(OTHERS_MAX)
            .map(|(_, pattern, why)| format!("{} does not match: it {why}.", shown(pattern)))
            .collect()
    }
}

/// A matcher of one pattern.
fn matcher(pattern: &str) -> Option<Matcher> {
    let pattern = Pattern::parse(pattern).ok()?;
    let mut builder = Builder::new(pattern.segments().len());
    builder.insert(&pattern, 0);
    Some(builder.build().0)
}

fn segments(path: &str) -> Vec<&str> {
    let path = path.strip_prefix('/').unwrap_or(path);
    let path = path.strip_suffix('/').unwrap_or(path);
    match path {
        "" => Vec::new(),
        path => path.split('/').collect(),
    }
}

/// How many segments a pattern and a path have in common, and how they go on.
fn parts_at(pattern: &Pattern, path: &[&str]) -> Option<(usize, String)> {
    let mut path = path.iter();
    for (common, segment) in pattern.segments().iter().enumerate() {
        let there = path.next();
        let why = match (segment, there) {
            (Segment::Literal(text), Some(there)) if text != there => {
                format!(
                    "has `{}` where the path has `{}`",
                    shown(text),
                    shown(there)
                )
            }
            (Segment::Literal(text), None) => format!("goes on with `{}`", shown(text)),
            (Segment::Parameter(name), None) => format!("goes on with `{{{}}}`", shown(name)),
            _ => continue,
        };
        return Some((common, why));
    }
    let there = path.next().filter(|_| !pattern.takes_rest())?;
    let why = format!("ends before `{}`", shown(there));
    Some((pattern.segments().len(), why))
}

/// Why one pattern goes before another that matches the same path.
fn before(chosen: &Pattern, other: &Pattern) -> Option<String> {
    let mut others = other.segments().iter();
    for segment in chosen.segments() {
        let why = match (segment, others.next()) {
            (Segment::Literal(text), Some(Segment::Parameter(name))) => {
                format!("`{}` goes before `{{{}}}`", shown(text), shown(name))
            }
            (Segment::Literal(text), None) => format!("`{}` goes before `**`", shown(text)),
            (Segment::Parameter(name), None) => {
                format!("`{{{}}}` goes before `**`", shown(name))
            }
            _ => continue,
        };
        return Some(why);
    }
    (other.takes_rest() && !chosen.takes_rest())
        .then(|| "a pattern that ends with the path goes before `**`".to_owned())
}
