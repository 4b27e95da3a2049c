//! Routes without effect: Spin starts with them and says so, and so does this host.
//!
//! Which of two equal routes counts is Spin's: of two that are written alike the last one, of two that
//! differ in spelling and match the same paths (`/a` and `/a/`, `/:x` and `/:y`) the first one.

use super::model::{HttpTrigger, Route};
use super::read_parts::Located;
use super::reader::Document;
use crate::route_pattern::RoutePattern;

/// A line for each route that no request reaches.
pub(super) fn notices(document: &Document<'_>, triggers: &[Located<HttpTrigger>]) -> Vec<String> {
    let routes: Vec<Written<'_>> = triggers
        .iter()
        .filter_map(|trigger| match &trigger.value.route {
            Route::Private => None,
            Route::Pattern(pattern) => Some(Written {
                pattern,
                line: document.line(&trigger.route),
                answers: answers(&trigger.value),
            }),
        })
        .collect();
    let mut notices = Vec::new();
    for (index, route) in routes.iter().enumerate() {
        let Some((winner_index, winner)) = winner(&routes, route) else {
            continue;
        };
        let (raw, line) = (route.pattern.raw(), route.line);
        if winner_index != index {
            notices.push(format!(
                "the route {raw:?} of {} on line {line} is never reached: {:?} of {} on line {} counts, as in Spin",
                route.answers,
                winner.pattern.raw(),
                winner.answers,
                winner.line,
            ));
        } else if route.pattern.is_reserved() {
            notices.push(format!(
                "the route {raw:?} of {} on line {line} is never reached: the host itself answers under \
                 /.well-known/spin/",
                route.answers,
            ));
        }
    }
    notices
}

/// The route that counts of those that match the same paths as `route`: of their spellings the first,
/// of the triggers with that spelling the last.
fn winner<'r, 't>(
    routes: &'r [Written<'t>],
    route: &Written<'_>,
) -> Option<(usize, &'r Written<'t>)> {
    let spelling = routes
        .iter()
        .find(|other| other.pattern.same_paths(route.pattern))?;
    routes
        .iter()
        .enumerate()
        .rfind(|(_, other)| other.pattern.raw() == spelling.pattern.raw())
}

/// A route with what a line about it says.
struct Written<'t> {
    pattern: &'t RoutePattern,
    line: usize,
    answers: String,
}

fn answers(trigger: &HttpTrigger) -> String {
    if trigger.static_response.is_some() {
        format!("the trigger `{}`", trigger.id)
    } else {
        format!("`{}`", trigger.component)
    }
}
