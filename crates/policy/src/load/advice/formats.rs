//! Paths that many frameworks answer as another one, in a format that the last segment names: `/admin.json`.

use super::tables::{tables, texts};
use crate::finding::Code;
use crate::open::Open;
use crate::pattern::{Pattern, Segment};
use crate::policy::{Access, Kind, Policy};
use crate::source::{At, Fields, Related, Source};

/// What Rails, Django, Phoenix, Laravel and older ones of Spring take for the wish for a format.
const SUFFIX: &str = ".json";
/// What stands for a parameter: a segment that is hardly a literal of a pattern.
const ANY: &str = "-";

/// Names what is taken by a more general rule that asks for less than the one beside which it is.
pub(super) fn advise(source: &mut Source<'_>, text: &str, root: Fields<'_, '_>) {
    let Ok(policy) = Policy::parse(text) else {
        return;
    };
    let routes = tables(root, root.get("route"));
    for route in &routes {
        let Some(path) = path_of(route) else { continue };
        let Ok(pattern) = Pattern::parse(path.value) else {
            continue;
        };
        match pattern.segments().last() {
            Some(Segment::Literal(last)) if !last.contains('.') => {}
            _ => continue,
        }
        let (mut asked, mut named) = (String::new(), String::new());
        for segment in pattern.segments() {
            let (one, shown) = match segment {
                Segment::Literal(text) => (text.as_str(), text.clone()),
                Segment::Parameter(name) => (ANY, format!("{{{name}}}")),
            };
            asked.extend(["/", one]);
            named.extend(["/", &shown]);
        }
        let methods = texts(route.get("methods"));
        let mut methods: Vec<&str> = methods.iter().map(|method| method.value).collect();
        if methods.is_empty() {
            methods.push("GET");
        }
        let formatted = format!("{asked}{SUFFIX}");
        let by = methods.iter().find_map(|method| {
            let this = policy.route(method, asked.as_str()).ok()?;
            let other = policy.route(method, formatted.as_str()).ok()?;
            let is_this = this.pattern() == path.value;
            (is_this && asks_less(other.kind(), this.kind())).then(|| other.pattern())
        });
        let Some(by) = by else { continue };
        let message = format_args!("`{named}{SUFFIX}` is taken by `{by}`, which asks for less");
        let help = format_args!(
            "many frameworks answer it as `{named}`: give it a rule of its own, if the origin is one"
        );
        let general = routes
            .iter()
            .filter_map(path_of)
            .find(|path| path.value == by);
        let general = general.map_or(0, |path| path.offset);
        let related: Related<'_> = &[(general, &"the more general rule")];
        source.find_with(
            Code::OtherFormat,
            path.offset,
            &message,
            Some(&help),
            related,
        );
    }
}

fn path_of<'t>(route: &Fields<'t, '_>) -> Option<At<&'t str>> {
    texts(route.get("path")).into_iter().next()
}

/// Whether somebody could be let through by `other` who is not by `this`.
fn asks_less(other: &Kind, this: &Kind) -> bool {
    let Access::Protected(wanted) = &this.access else {
        return false;
    };
    let Access::Protected(asked) = &other.access else {
        return true;
    };
    if this.open == Open::Anonymous {
        return false;
    }
    if other.open == Open::Anonymous || !(asked.allow.is_empty() && wanted.allow.is_empty()) {
        return other.open == Open::Anonymous || asked != wanted;
    }
    // What other claims are asked for is of other callers.
    let of_others = asked.claims.iter().any(|one| {
        let mut names = wanted.claims.iter();
        names.all(|name| name.path != one.path)
    });
    let mut issuers = asked.issuers.iter();
    let covered = wanted.scope.iter().all(|one| asked.scope.contains(one))
        && wanted.claims.iter().all(|one| asked.claims.contains(one))
        && asked.accept.iter().all(|kind| wanted.accept.contains(kind))
        && issuers.all(|one| wanted.issuers.iter().any(|group| group.covers(*one)));
    !covered && !of_others
}
