//! What an upstream says of its own paths, as its client has them.
//!
//! Where a [`Rewrite`] has moved the path of a request, the upstream stands elsewhere than it thinks, and what it says
//! of where things are would lead its client astray. Of these fields of a response the path is moved back:
//!
//! 1. `Location` and `Content-Location` (RFC 9110 sections 10.2.2 and 8.7), and the URL of `Refresh`: an absolute path,
//!    or a URL of the upstream itself, which becomes a path, so that it is one of whoever was asked. A relative path
//!    leads to the same place from where the client is; another host is another host.
//! 2. `Path` of a cookie (RFC 6265 section 4.1.2.4). A `Domain` that is the upstream's own name is left out, since the
//!    client knows it by another. A cookie whose name begins with `__Host-` has no other path than `/`, and stays as
//!    it is.
//!
//! A path that already is one of the client's stays: an upstream that heeds `X-Forwarded-Prefix` has moved it itself.

use doorward_syntax::url::UrlParts;

use crate::rewrite::{Rewrite, without_slash};
use crate::upstream::Target;

/// The fields that may have to be changed, in lower case.
pub const MOVED_FIELDS: [&str; 4] = ["location", "content-location", "refresh", "set-cookie"];

/// The way back for the paths of one target.
#[derive(Clone, Debug)]
pub struct WayBack<'t> {
    target: &'t Target,
    /// What paths of the target begin with: empty or `/a/b`.
    inner: String,
    /// What they begin with for its client.
    outer: &'t str,
}

impl<'t> WayBack<'t> {
    /// The way back for what `rewrite` has moved.
    #[must_use]
    pub fn of(rewrite: &'t Rewrite, target: &'t Target) -> Self {
        let (prefix, with) = match rewrite {
            Rewrite::StripPrefix(prefix) => (prefix, ""),
            Rewrite::Replace { prefix, with } => (prefix, with.as_str()),
        };
        Self {
            target,
            inner: [without_slash(&target.base_path), without_slash(with)].concat(),
            outer: without_slash(prefix),
        }
    }

    /// What becomes of the value of a field; `None` where it stays as it is.
    #[must_use]
    pub fn field(&self, name: &str, value: &[u8]) -> Option<String> {
        let value = core::str::from_utf8(value).ok()?;
        let [location, content_location, refresh, set_cookie] = MOVED_FIELDS;
        let is = |known: &str| name.eq_ignore_ascii_case(known);
        if is(location) || is(content_location) {
            self.url(value)
        } else if is(refresh) {
            self.refresh(value)
        } else if is(set_cookie) {
            self.cookie(value)
        } else {
            None
        }
    }

    fn url(&self, url: &str) -> Option<String> {
        if url.starts_with('/') && !url.starts_with("//") {
            return self.path(url);
        }
        let parts = UrlParts::of_any(url).ok()?;
        let host = &self.target.authority;
        if !parts.authority.eq_ignore_ascii_case(host) {
            return None;
        }
        let before = parts.scheme.len() + "://".len() + parts.authority.len();
        let (_, path) = url.split_at_checked(before)?;
        let path = match path.starts_with('/') {
            true => path.to_owned(),
            false => ["/", path].concat(),
        };
        // Of the upstream itself it is in any case, moved or not.
        Some(self.path(&path).unwrap_or(path))
    }

    /// A path, with whatever follows it.
    fn path(&self, path: &str) -> Option<String> {
        if !path.starts_with('/') || after_segments(path, self.outer).is_some() {
            return None;
        }
        let rest = after_segments(path, &self.inner)?;
        Some([self.outer, rest].concat())
    }

    fn refresh(&self, value: &str) -> Option<String> {
        let (seconds, url) = value.split_once([';', ','])?;
        let url = url.trim_start();
        let (name, url) = url.split_at_checked("url=".len())?;
        if !name.eq_ignore_ascii_case("url=") {
            return None;
        }
        let url = url.trim_matches(['"', '\'']);
        Some([seconds, ";url=", &self.url(url)?].concat())
    }

    fn cookie(&self, value: &str) -> Option<String> {
        if value.trim_start().starts_with("__Host-") {
            return None;
        }
        let mut moved = false;
        let mut left = String::with_capacity(value.len() + self.outer.len());
        for (number, part) in value.split(';').enumerate() {
            let (name, of) = part.split_once('=').unwrap_or((part, ""));
            let (name, of) = (name.trim(), of.trim());
            let attribute = |known: &str| number > 0 && name.eq_ignore_ascii_case(known);
            if attribute("domain") && self.is_own_name(of) {
                moved = true;
                continue;
            }
            if number > 0 {
                left.push(';');
            }
            let path = self.cookie_path(of).filter(|_| attribute("path"));
            moved |= path.is_some();
            match path {
                Some(path) => left.extend([" Path=", &path]),
                None => left.push_str(part),
            }
        }
        moved.then_some(left)
    }

    /// The path of a cookie says for what is below it, so it has no slash at its end where the upstream's had none
    /// but that of its root.
    fn cookie_path(&self, path: &str) -> Option<String> {
        let moved = self.path(path)?;
        let is_root = without_slash(path) == self.inner;
        match is_root && moved.len() > 1 {
            true => Some(without_slash(&moved).to_owned()),
            false => Some(moved),
        }
    }

    /// Whether a `Domain` means the target, or what is above its name.
    fn is_own_name(&self, domain: &str) -> bool {
        let host = self.target.authority.as_str();
        let host = host.rsplit_once(':').map_or(host, |(host, _)| host);
        let domain = domain.strip_prefix('.').unwrap_or(domain);
        let Some(above) = host.len().checked_sub(domain.len()) else {
            return false;
        };
        let Some((below, end)) = host.split_at_checked(above) else {
            return false;
        };
        !domain.is_empty()
            && end.eq_ignore_ascii_case(domain)
            && (below.is_empty() || below.ends_with('.'))
    }
}

/// What follows these whole segments at the beginning of a path: nothing, or what begins with `/`, `?` or `#`.
fn after_segments<'p>(path: &'p str, segments: &str) -> Option<&'p str> {
    let rest = path.strip_prefix(segments)?;
    (rest.is_empty() || rest.starts_with(['/', '?', '#'])).then_some(rest)
}

#[cfg(test)]
mod tests;
