//! The path that an upstream is asked for.

/// What of a path is changed for the upstream.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rewrite {
    /// These first segments go: `/a/b`.
    StripPrefix(String),
    /// These first segments become others.
    Replace {
        /// What the path begins with: `/a`.
        prefix: String,
        /// What it begins with then: `/b`, or `/` for nothing.
        with: String,
    },
}

impl Rewrite {
    /// What goes at the beginning of a path, with nothing in its place. `X-Forwarded-Prefix` says it: an upstream that
    /// heeds that puts it before its own paths.
    #[must_use]
    pub fn taken_off(&self) -> Option<&str> {
        let (prefix, with) = match self {
            Self::StripPrefix(prefix) => (prefix, ""),
            Self::Replace { prefix, with } => (prefix, without_slash(with)),
        };
        with.is_empty().then(|| without_slash(prefix))
    }

    /// The path and query to ask a target for: `base_path`, then what the rewrite leaves of the path of
    /// `target` (all of it when there is no rewrite), then its query.
    ///
    /// 1. Only whole segments count: `/orders` is the first one of `/orders`, `/orders/` and `/orders/7`,
    ///    and not of `/ordersX`.
    /// 2. The segments that are left, the slash at the end and the query are those of `target`, byte for
    ///    byte.
    /// 3. What comes out begins with `/` and not with `//`: to a server that takes the two for the start of an
    ///    authority (RFC 3986 section 4.2), the segment behind would be a host.
    ///
    /// `None` where the path does not begin with the segments, or where it could not be kept to rule 3
    /// (which a canonical target never comes to): the caller refuses the request.
    #[must_use]
    pub fn apply(rewrite: Option<&Self>, target: &str, base_path: &str) -> Option<String> {
        let (path, query) = target.split_at(target.find('?').unwrap_or(target.len()));
        let (prefix, with) = match rewrite {
            None => ("", ""),
            Some(Self::StripPrefix(prefix)) => (prefix.as_str(), ""),
            Some(Self::Replace { prefix, with }) => (prefix.as_str(), with.as_str()),
        };
        let rest = path.strip_prefix(without_slash(prefix))?;
        if !path.starts_with('/') || !(rest.is_empty() || rest.starts_with('/')) {
            return None;
        }
        let (base_path, with) = (without_slash(base_path), without_slash(with));
        let mut rewritten =
            String::with_capacity(base_path.len() + with.len() + rest.len().max(1) + query.len());
        for part in [base_path, with, rest] {
            rewritten.push_str(part);
        }
        if rewritten.is_empty() {
            rewritten.push('/');
        }
        if !rewritten.starts_with('/') || rewritten.starts_with("//") {
            return None;
        }
        rewritten.push_str(query);
        Some(rewritten)
    }
}

/// `/` stands for no segments, and what is put before others has no slash at its end.
pub(crate) fn without_slash(path: &str) -> &str {
    path.strip_suffix('/').unwrap_or(path)
}

#[cfg(test)]
mod tests;
