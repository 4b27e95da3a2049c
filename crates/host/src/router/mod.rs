//! Which trigger a path belongs to: Spin's patterns with Spin's precedence.
//!
//! Where several patterns match a path they are compared from the left: literal text wins over a
//! parameter, a parameter over the trailing wildcard.
//!
//! The path is matched as it was received: nothing is decoded and no `..` is resolved, as in Spin.

use std::borrow::Cow;
use std::cmp::Ordering;

use crate::manifest::{Application, Route};
pub use crate::route_pattern::{Captures, RouteError, RoutePattern};

/// The routes of an application, ready to be asked.
#[derive(Clone, Debug)]
pub struct Router {
    routes: Vec<Routed>,
}

/// A route and what answers it.
#[derive(Clone, Debug)]
struct Routed {
    pattern: RoutePattern,
    trigger: usize,
    component: String,
}

/// The trigger that a path belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouteMatch<'r, 'p> {
    /// The index in [`Application::triggers`].
    pub trigger: usize,
    /// The id of the component that answers.
    pub component: &'r str,
    /// The route that matched.
    pub pattern: &'r RoutePattern,
    /// The parameters, in the order of the pattern (`spin-path-match-NAME`).
    pub parameters: Vec<(&'r str, &'p str)>,
    /// What the trailing wildcard took, with its slashes; empty for a route without one
    /// (`spin-path-info`).
    pub path_info: Cow<'p, str>,
}

impl Router {
    /// The routes of `application`; private triggers have none.
    ///
    /// Of two routes that are written alike the last one counts, as in Spin; of two that match the same
    /// paths and differ in spelling the first, as of any two that say as much about a path.
    #[must_use]
    pub fn new(application: &Application) -> Self {
        let mut routes: Vec<Routed> = Vec::new();
        for (trigger, http) in application.triggers.iter().enumerate() {
            let Route::Pattern(pattern) = &http.route else {
                continue;
            };
            let routed = Routed {
                pattern: pattern.clone(),
                trigger,
                component: http.component.clone(),
            };
            let twin = routes
                .iter_mut()
                .find(|earlier| earlier.pattern.raw() == pattern.raw());
            match twin {
                Some(earlier) => *earlier = routed,
                None => routes.push(routed),
            }
        }
        Self { routes }
    }

    /// The routes and the components that answer them, in the order of the manifest.
    pub fn routes(&self) -> impl Iterator<Item = (&RoutePattern, &str)> {
        self.routes
            .iter()
            .map(|routed| (&routed.pattern, routed.component.as_str()))
    }

    /// The trigger that answers `path` (without query), or `None` where no route matches.
    #[must_use]
    pub fn route<'r, 'p>(&'r self, path: &'p str) -> Option<RouteMatch<'r, 'p>> {
        let trimmed = path.trim_matches('/');
        let mut best: Option<(&Routed, Captures<'r, 'p>)> = None;
        for routed in &self.routes {
            let Some(captures) = routed.pattern.captures(trimmed) else {
                continue;
            };
            let wins = best.as_ref().is_none_or(|(winner, _)| {
                routed.pattern.precedence(&winner.pattern) == Ordering::Greater
            });
            if wins {
                best = Some((routed, captures));
            }
        }
        let (routed, captures) = best?;
        Some(RouteMatch {
            trigger: routed.trigger,
            component: &routed.component,
            pattern: &routed.pattern,
            parameters: captures.parameters,
            path_info: captures.rest.map_or(Cow::Borrowed(""), |rest| {
                path_info(rest, path.ends_with('/'))
            }),
        })
    }
}

/// What the wildcard took, as Spin hands it on: with the slash in front and, where the path had
/// one, the slash at the end.
fn path_info(rest: &str, slash_at_end: bool) -> Cow<'_, str> {
    match (rest.is_empty(), slash_at_end) {
        (true, false) => Cow::Borrowed(""),
        (true, true) => Cow::Borrowed("/"),
        (false, false) => Cow::Owned(format!("/{rest}")),
        (false, true) => Cow::Owned(format!("/{rest}/")),
    }
}

#[cfg(test)]
mod tests;
