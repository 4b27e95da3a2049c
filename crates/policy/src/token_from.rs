//! Where tokens are looked for: `token_from`.
//!
//! A route lists its sources, and the first one that is there decides, whatever is in it. What any
//! route lists is removed from the requests of all, so that no service ever reads there what nobody
//! has looked at.

use std::borrow::Cow;

use crate::credential::{cookie, query};
use crate::csrf;

/// Most sources that one route can list.
pub const TOKEN_SOURCES_MAX: usize = 4;
/// Most sources of all routes together; `authorization` always is one of them.
pub const TOKEN_SOURCES_IN_ALL_MAX: usize = 32;

/// An entry of `token_from`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum TokenSource {
    /// `authorization`
    Authorization,
    /// `header:NAME`, in lower case
    Header(String),
    /// `cookie:NAME`
    Cookie(String),
    /// `query:NAME`
    Query(String),
}

/// The position of a source in [`TokenSources`]; `Authorization` is always the first.
pub(crate) type SourceId = u8;

/// The sources of a route, in its order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct TokenFrom {
    ids: [SourceId; TOKEN_SOURCES_MAX],
    count: u8,
}

impl TokenFrom {
    /// `Authorization` and nothing else.
    pub(crate) const AUTHORIZATION: Self = Self {
        ids: [0; TOKEN_SOURCES_MAX],
        count: 1,
    };

    pub(crate) fn iter(&self) -> impl Iterator<Item = SourceId> {
        self.ids.into_iter().take(usize::from(self.count))
    }
}

/// Sources from which the tokens of an issuer are believed: a bit for each [`SourceId`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SourceSet(u32);

impl SourceSet {
    pub(crate) const ALL: Self = Self(u32::MAX);

    pub(crate) fn contains(self, source: SourceId) -> bool {
        self.0
            .checked_shr(source.into())
            .is_some_and(|bits| bits & 1 == 1)
    }
}

/// Every source that a route lists, and what has to be removed from requests for that.
#[derive(Debug)]
pub(crate) struct TokenSources {
    all: Vec<TokenSource>,
    /// The names of cookies.
    cookies: Vec<String>,
    /// The names of parameters, the API key's as well.
    parameters: Vec<String>,
}

impl TokenSources {
    /// `api_key` is the name of the parameter that API keys are in.
    pub(crate) fn new(api_key: Option<&str>) -> Self {
        Self {
            all: vec![TokenSource::Authorization],
            cookies: Vec::new(),
            parameters: api_key.map(str::to_owned).into_iter().collect(),
        }
    }

    /// The sources of a route, of which all are removed from now on. `None` where there are too many.
    pub(crate) fn listed(&mut self, sources: &[TokenSource]) -> Option<TokenFrom> {
        let mut from = TokenFrom {
            ids: [0; TOKEN_SOURCES_MAX],
            count: 0,
        };
        for source in sources {
            let id = match self.all.iter().position(|known| known == source) {
                Some(id) => id,
                None if self.all.len() == TOKEN_SOURCES_IN_ALL_MAX => return None,
                None => {
                    match source {
                        TokenSource::Cookie(name) => self.cookies.push(name.clone()),
                        TokenSource::Query(name) => self.parameters.push(name.clone()),
                        TokenSource::Authorization | TokenSource::Header(_) => {}
                    }
                    self.all.push(source.clone());
                    self.all.len() - 1
                }
            };
            *from.ids.get_mut(usize::from(from.count))? = SourceId::try_from(id).ok()?;
            from.count += 1;
        }
        Some(from)
    }

    /// Those of an issuer; one that no route lists is none.
    pub(crate) fn set_of(&self, sources: &[TokenSource]) -> SourceSet {
        let bit = |(id, known)| u32::from(sources.contains(known)) << id;
        SourceSet((0_u32..).zip(&self.all).map(bit).sum())
    }

    pub(crate) fn get(&self, id: SourceId) -> &TokenSource {
        let source = self.all.get(usize::from(id));
        source.unwrap_or(&TokenSource::Authorization)
    }

    /// The names of headers, in lower case.
    pub(crate) fn headers(&self) -> impl Iterator<Item = &str> {
        self.all.iter().filter_map(|source| match source {
            TokenSource::Header(name) => Some(name.as_str()),
            _ => None,
        })
    }

    pub(crate) fn has_cookies(&self) -> bool {
        !self.cookies.is_empty()
    }

    pub(crate) fn has_parameters(&self) -> bool {
        !self.parameters.is_empty()
    }

    /// The target without credentials; `None` where it has none.
    pub(crate) fn without_credentials(&self, target: &str) -> Option<String> {
        if self.parameters.is_empty() {
            return None;
        }
        query::without(target, &self.parameters)
    }

    /// Whether something of the value of a field could be a credential.
    pub(crate) fn are_in(&self, name: &str) -> bool {
        match name.len() {
            6 => self.has_cookies() && name.eq_ignore_ascii_case("cookie"),
            7 => self.has_parameters() && name.eq_ignore_ascii_case("referer"),
            _ => false,
        }
    }

    /// What is left of a field without credentials: of `Cookie` the other cookies, and of a `Referer` of
    /// this `origin` all but the parameters. `None` where nothing is.
    pub(crate) fn left_of<'v>(
        &self,
        name: &str,
        value: &'v [u8],
        origin: &str,
    ) -> Option<Cow<'v, [u8]>> {
        if !self.are_in(name) {
            return Some(Cow::Borrowed(value));
        }
        if name.eq_ignore_ascii_case("cookie") {
            return cookie::without(value, &self.cookies);
        }
        let Ok(referer) = core::str::from_utf8(value) else {
            // No URL, and so no page of ours: but who knows what is read in it.
            return None;
        };
        if !csrf::is_own_url(referer, origin) {
            return Some(Cow::Borrowed(value));
        }
        Some(match query::without(referer, &self.parameters) {
            Some(left) => Cow::Owned(left.into_bytes()),
            None => Cow::Borrowed(value),
        })
    }
}
