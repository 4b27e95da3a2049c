//! A route as the manifest writes it, and what it takes of a path: Spin's patterns.
//!
//! A pattern is exact (`/a/b`), may hold parameters (`/users/:id`, one path segment each) and may
//! end in `/...`, which takes whatever follows, nothing included. Slashes at either end of a
//! pattern and of a path do not matter.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt;

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
    #[must_use]
    pub fn precedence(&self, other: &Self) -> Ordering {
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
    #[must_use]
    pub fn captures<'r, 'p>(&'r self, mut path: &'p str) -> Option<Captures<'r, 'p>> {
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

/// What a route takes of a path.
#[derive(Default)]
pub struct Captures<'r, 'p> {
    /// The parameters, in the order of the pattern.
    pub parameters: Vec<(&'r str, &'p str)>,
    /// What the trailing wildcard took; none for a route without one.
    pub rest: Option<&'p str>,
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
