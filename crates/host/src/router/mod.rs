//! Which trigger a path belongs to: Spin's patterns with Spin's precedence.
//!
//! A pattern is exact (`/a/b`), may hold parameters (`/users/:id`, one path segment each) and may
//! end in `/...`, which takes whatever follows, nothing included. Slashes at either end of a
//! pattern and of a path do not matter. Where several patterns match a path they are compared from
//! the left: literal text wins over a parameter, a parameter over the trailing wildcard.
//!
//! The path is matched as it was received: nothing is decoded and no `..` is resolved, as in Spin.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt;

use crate::manifest::{Application, Route};

/// A parsed route, with the application's base in front.
#[derive(Clone, PartialEq, Eq)]
pub struct RoutePattern {
    raw: String,
    based: String,
    tokens: Vec<Token>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    Slash,
    Dot,
    Literal(String),
    Parameter(String),
    Wildcard,
}

impl Token {
    /// How much the token says about a path: a higher rank is tried first.
    const fn rank(&self) -> u8 {
        match self {
            Self::Slash | Self::Dot => 0,
            Self::Wildcard => 1,
            Self::Parameter(_) => 2,
            Self::Literal(_) => 3,
        }
    }
}

/// Why a route is not one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouteError(String);

impl fmt::Display for RouteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for RouteError {}

impl RoutePattern {
    /// Parses the route `raw` of an application whose routes all start with `base` (`/` or empty
    /// for none).
    ///
    /// # Errors
    /// A parameter without a name, two parameters of one name, and a wildcard that is not the
    /// whole last segment.
    pub fn parse(base: &str, raw: &str) -> Result<Self, RouteError> {
        let absolute = if raw.starts_with('/') {
            Cow::Borrowed(raw)
        } else {
            Cow::Owned(format!("/{raw}"))
        };
        let based = format!(
            "{}{}",
            without_last_slash(base),
            without_last_slash(&absolute)
        );
        let (body, wildcard) = match based
            .strip_suffix("/...")
            .or_else(|| based.strip_suffix("/*"))
        {
            Some(body) => (body, true),
            None => (based.as_str(), false),
        };
        let mut tokens = Vec::new();
        let mut names: Vec<&str> = Vec::new();
        for segment in body.split('/').filter(|segment| !segment.is_empty()) {
            if !tokens.is_empty() {
                tokens.push(Token::Slash);
            }
            push_segment(&mut tokens, segment)?;
            for name in segment.split('.').filter_map(|part| part.strip_prefix(':')) {
                if names.contains(&name) {
                    return Err(RouteError(format!(
                        "the parameter `:{name}` is there twice"
                    )));
                }
                names.push(name);
            }
        }
        if wildcard {
            if !tokens.is_empty() {
                tokens.push(Token::Slash);
            }
            tokens.push(Token::Wildcard);
        }
        Ok(Self {
            raw: raw.to_owned(),
            based,
            tokens,
        })
    }

    /// The route as it is written in the manifest (`spin-raw-component-route`).
    #[must_use]
    pub fn raw(&self) -> &str {
        &self.raw
    }

    /// The route as written, without a trailing `/...` (`spin-component-route`).
    #[must_use]
    pub fn raw_prefix(&self) -> &str {
        self.raw.strip_suffix("/...").unwrap_or(&self.raw)
    }

    /// The route with the application's base in front (`spin-matched-route`). As in Spin, it is
    /// empty for the route `/`.
    #[must_use]
    pub fn based(&self) -> &str {
        &self.based
    }

    /// Whether the route ends in `/...`.
    #[must_use]
    pub fn is_wildcard(&self) -> bool {
        self.tokens.last() == Some(&Token::Wildcard)
    }

    /// Whether requests under `/.well-known/spin/` could reach it: those the host itself answers.
    #[must_use]
    pub fn is_reserved(&self) -> bool {
        self.based.starts_with("/.well-known/spin/")
    }

    /// Whether two routes match the same paths, whatever their parameters are called.
    #[must_use]
    pub fn same_paths(&self, other: &Self) -> bool {
        self.tokens.len() == other.tokens.len()
            && self
                .tokens
                .iter()
                .zip(&other.tokens)
                .all(|pair| match pair {
                    (Token::Parameter(_), Token::Parameter(_)) => true,
                    (one, two) => one == two,
                })
    }

    fn dots(&self) -> usize {
        self.tokens
            .iter()
            .filter(|token| **token == Token::Dot)
            .count()
    }

    /// Which of two patterns that match the same path says more about it: `Greater` where this one
    /// does.
    fn precedence(&self, other: &Self) -> Ordering {
        self.tokens
            .iter()
            .zip(&other.tokens)
            .map(|(mine, theirs)| mine.rank().cmp(&theirs.rank()))
            .find(|order| order.is_ne())
            .unwrap_or_else(|| {
                self.dots()
                    .cmp(&other.dots())
                    .then(other.tokens.len().cmp(&self.tokens.len()))
            })
    }

    /// Matches `path`, whose outer slashes are trimmed already.
    fn captures<'r, 'p>(&'r self, mut path: &'p str) -> Option<Captures<'r, 'p>> {
        let mut captures = Captures::default();
        let mut tokens = self.tokens.iter().peekable();
        while let Some(token) = tokens.next() {
            match token {
                Token::Literal(text) => path = path.strip_prefix(text.as_str())?,
                Token::Dot => path = path.strip_prefix('.')?,
                // `/a/...` takes `/a` as well, which has no slash after its trimming.
                Token::Slash if path.is_empty() && tokens.peek() == Some(&&Token::Wildcard) => {}
                Token::Slash => path = path.strip_prefix('/')?,
                Token::Wildcard => {
                    captures.rest = Some(path);
                    path = "";
                }
                Token::Parameter(name) => {
                    if path.is_empty() {
                        return None;
                    }
                    let before_dot = tokens.peek() == Some(&&Token::Dot);
                    let end = path.find(|c| c == '/' || (before_dot && c == '.'));
                    let (value, rest) = path.split_at(end.unwrap_or(path.len()));
                    captures.parameters.push((name, value));
                    path = rest;
                }
            }
        }
        path.is_empty().then_some(captures)
    }
}

impl fmt::Debug for RoutePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.based, f)
    }
}

impl fmt::Display for RoutePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.based.is_empty() {
            "/"
        } else {
            &self.based
        })
    }
}

#[derive(Default)]
struct Captures<'r, 'p> {
    parameters: Vec<(&'r str, &'p str)>,
    rest: Option<&'p str>,
}

fn without_last_slash(path: &str) -> &str {
    path.strip_suffix('/').unwrap_or(path)
}

/// One segment: text, a parameter, or both with dots between (`:name.json`).
fn push_segment(tokens: &mut Vec<Token>, segment: &str) -> Result<(), RouteError> {
    if segment == "..." {
        return Err(RouteError(
            "`...` stands only at the end of a route".to_owned(),
        ));
    }
    let has_parameter = segment.split('.').any(|part| part.starts_with(':'));
    if segment.split('.').any(|part| part.starts_with('*')) {
        return Err(RouteError(format!(
            "`{segment}`: a wildcard is the whole last segment, written `/...`, and has no name"
        )));
    }
    if !has_parameter {
        tokens.push(Token::Literal(segment.to_owned()));
        return Ok(());
    }
    for (index, part) in segment.split('.').enumerate() {
        if index > 0 {
            // A dot belongs to the literal before it; after a parameter it ends that parameter.
            match tokens.last_mut() {
                Some(Token::Literal(text)) => text.push('.'),
                _ => tokens.push(Token::Dot),
            }
        }
        match part.strip_prefix(':') {
            Some("") => return Err(RouteError("a parameter needs a name: `:name`".to_owned())),
            Some(name) => tokens.push(Token::Parameter(name.to_owned())),
            None if part.is_empty() => {}
            None => tokens.push(Token::Literal(part.to_owned())),
        }
    }
    Ok(())
}

/// The routes of an application, ready to be asked.
#[derive(Clone, Debug)]
pub struct Router {
    entries: Vec<Entry>,
}

#[derive(Clone, Debug)]
struct Entry {
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
        let mut entries: Vec<Entry> = Vec::new();
        for (trigger, http) in application.triggers.iter().enumerate() {
            let Route::Pattern(pattern) = &http.route else {
                continue;
            };
            let entry = Entry {
                pattern: pattern.clone(),
                trigger,
                component: http.component.clone(),
            };
            let twin = entries
                .iter_mut()
                .find(|earlier| earlier.pattern.raw == pattern.raw);
            match twin {
                Some(earlier) => *earlier = entry,
                None => entries.push(entry),
            }
        }
        Self { entries }
    }

    /// The routes and the components that answer them, in the order of the manifest.
    pub fn routes(&self) -> impl Iterator<Item = (&RoutePattern, &str)> {
        self.entries
            .iter()
            .map(|entry| (&entry.pattern, entry.component.as_str()))
    }

    /// The trigger that answers `path` (without query), or `None` where no route matches.
    #[must_use]
    pub fn route<'r, 'p>(&'r self, path: &'p str) -> Option<RouteMatch<'r, 'p>> {
        let trimmed = path.trim_matches('/');
        let mut best: Option<(&Entry, Captures<'r, 'p>)> = None;
        for entry in &self.entries {
            let Some(captures) = entry.pattern.captures(trimmed) else {
                continue;
            };
            let wins = best.as_ref().is_none_or(|(winner, _)| {
                entry.pattern.precedence(&winner.pattern) == Ordering::Greater
            });
            if wins {
                best = Some((entry, captures));
            }
        }
        let (entry, captures) = best?;
        Some(RouteMatch {
            trigger: entry.trigger,
            component: &entry.component,
            pattern: &entry.pattern,
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
