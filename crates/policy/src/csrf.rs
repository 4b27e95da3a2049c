//! Requests that a browser sends with a cookie because a page of somebody else asked it to.
//!
//! Whoever sends a token in a field has it. A browser that sends a cookie only says who uses it, so with a
//! token in a cookie a method that changes something (all but the safe ones, RFC 9110 section 9.2.1) needs a
//! page that may ask for it:
//!
//! 1. There is one `Sec-Fetch-Site` (Fetch Metadata Request Headers, section 2.3), and it is `same-origin` or
//!    `none`. No page can set that field.
//! 2. There is none, as old browsers and those on plain HTTP have it, and one `Origin`, which is our own: the
//!    host that was asked, and its scheme or `https`. Where TLS ends before the host, it is asked by `http`.
//! 3. Whatever `Sec-Fetch-Site` says, there is one `Origin`, which the route's CORS allows with credentials.
//!    That is how a page of another site works that the policy trusts.
//!
//! What is safe by its method is not where the route lets a client ask for another one (`override_headers`),
//! and the client does.
//!
//! `Origin: null` is nobody's: any page can have it.

use doorward_syntax::split::split_once;
use doorward_syntax::url::host_and_port;
use doorward_traffic::cors::CorsRule;
use doorward_traffic::field_list::{FieldList, SeveralFields};

use crate::head::RequestHead;

/// Methods that change nothing. `TRACE` is one of them, and no rule lists it.
const SAFE_METHODS: [&str; 3] = ["GET", "HEAD", "OPTIONS"];

/// Whether a method changes nothing.
pub(crate) fn is_safe(method: &str) -> bool {
    SAFE_METHODS.contains(&method)
}

/// Whether a request with a cookie comes from a page that may ask for it. `overrides` are the fields in which
/// its rule lets a client ask for another method.
pub(crate) fn is_of_a_page_that_may(
    head: &RequestHead<'_>,
    cors: Option<&CorsRule>,
    overrides: &[String],
) -> bool {
    let asks_for_another = overrides.iter().any(|name| head.fields.has(name));
    if is_safe(head.method) && !asks_for_another {
        return true;
    }
    let origin = match one(head.fields, "origin") {
        Ok(origin) => origin,
        // Of two nobody knows which one is the page's.
        Err(SeveralFields) => return false,
    };
    let is_trusted = |origin: &str| cors.is_some_and(|cors| cors.allows_with_credentials(origin));
    if origin.is_some_and(is_trusted) {
        return true;
    }
    match one(head.fields, "sec-fetch-site") {
        Ok(Some(site)) => matches!(site, "same-origin" | "none"),
        Ok(None) => origin.is_some_and(|origin| is_own_origin(origin, head.origin)),
        Err(SeveralFields) => false,
    }
}

/// The value of the one field of this name; one that is not UTF-8 is as good as an empty one.
fn one<'r>(fields: &'r FieldList, name: &str) -> Result<Option<&'r str>, SeveralFields> {
    let value = fields.only(name)?;
    Ok(value.map(|value| core::str::from_utf8(value).unwrap_or_default()))
}

/// Whether an `Origin` is `own`, the one under which we were asked.
fn is_own_origin(origin: &str, own: &str) -> bool {
    let (Some((scheme, host)), Some((own_scheme, own_host))) = (split(origin), split(own)) else {
        return false;
    };
    let secure = scheme == "https" || scheme == own_scheme;
    secure && is_host(host) && is_same_host(host, own_host, scheme)
}

/// Whether a URL, as `Referer` has it, is of the `own` origin, or of none that could be told from it.
pub(crate) fn is_own_url(url: &str, own: &str) -> bool {
    let end = |text: &str| text.find(['/', '?', '#', '\\']).unwrap_or(text.len());
    let (scheme, rest) = match url.split_once(':') {
        Some((scheme, rest)) if end(scheme) == scheme.len() => (scheme, rest),
        // RFC 9110 section 10.1.3: it may be relative, to the URL that was asked.
        _ => ("", url),
    };
    let Some(rest) = rest.strip_prefix("//") else {
        return true;
    };
    let authority = rest.get(..end(rest)).unwrap_or_default();
    let host = authority.rsplit('@').next().unwrap_or_default();
    match split(own) {
        Some((own_scheme, own_host)) => {
            let scheme = if scheme.is_empty() {
                own_scheme
            } else {
                scheme
            };
            is_same_host(host, own_host, scheme)
        }
        // Where nobody said who was asked, it may have been this one.
        None => true,
    }
}

fn split(origin: &str) -> Option<(&str, &str)> {
    split_once(origin, "://")
}

/// Whether it is a host, and perhaps a port, and nothing else.
fn is_host(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-._:[]".contains(&byte))
}

/// Whether two hosts with ports are one, seen from a URL with this scheme. Where ours has no port, it is the
/// scheme's own: which scheme was meant, only the page knows.
fn is_same_host(host: &str, own: &str, scheme: &str) -> bool {
    let default = if scheme.eq_ignore_ascii_case("https") {
        "443"
    } else {
        "80"
    };
    let [(host, port), (own, own_port)] = [host, own].map(|authority| {
        let (host, port) = host_and_port(authority);
        let port = port.filter(|port| !port.is_empty());
        (host, port.unwrap_or(default))
    });
    !host.is_empty() && host.eq_ignore_ascii_case(own) && port == own_port
}

#[cfg(test)]
mod tests;
