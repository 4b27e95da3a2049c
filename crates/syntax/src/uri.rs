//! URIs and references to them (RFC 3986): whether a text is one. Nothing is fetched from what is read here, so it may have
//! any scheme; what something is fetched from is in [`url`](crate::url).

/// Whether this is a `URI-reference` (section 4.1): a URI, or one that is relative to another.
#[must_use]
pub fn is_uri_reference(text: &str) -> bool {
    if !has_good_bytes(text.as_bytes()) {
        return false;
    }
    let rest = text.split_once('#').map_or(text, |(rest, _)| rest);
    let is_after = |ends: &str| ends.bytes().all(|byte| !matches!(byte, b'[' | b']' | b'#'));
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    let fragment = text.split_once('#').map_or("", |(_, fragment)| fragment);
    if !is_after(query) || !is_after(fragment) {
        return false;
    }
    let hierarchy = match scheme(rest) {
        Some((_, after)) => after,
        // Section 4.2: a colon would make a scheme of the first segment.
        None if rest
            .split('/')
            .next()
            .is_some_and(|first| first.contains(':')) =>
        {
            return false;
        }
        None => rest,
    };
    match hierarchy.strip_prefix("//") {
        Some(after) => {
            let (authority, path) = after
                .split_at_checked(after.find('/').unwrap_or(after.len()))
                .unwrap_or((after, ""));
            is_authority(authority) && is_after(path)
        }
        None => is_after(hierarchy),
    }
}

/// Whether this is a `URI` (section 3): one with a scheme.
#[must_use]
pub fn is_uri(text: &str) -> bool {
    scheme(text).is_some() && is_uri_reference(text)
}

/// The scheme (section 3.1), and what is behind its colon.
fn scheme(text: &str) -> Option<(&str, &str)> {
    let (scheme, after) = text.split_once(':')?;
    let is_good = scheme.starts_with(|first: char| first.is_ascii_alphabetic())
        && scheme
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
    is_good.then_some((scheme, after))
}

/// Whether all bytes are ones that a URI has (section 2), and every `%` has two hexadecimal digits behind it.
fn has_good_bytes(text: &[u8]) -> bool {
    let mut left = text;
    while let [byte, rest @ ..] = left {
        left = rest;
        match byte {
            b'%' => {
                let [a, b, rest @ ..] = rest else {
                    return false;
                };
                if !a.is_ascii_hexdigit() || !b.is_ascii_hexdigit() {
                    return false;
                }
                left = rest;
            }
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' => {}
            b'-' | b'.' | b'_' | b'~' | b':' | b'/' | b'?' | b'#' | b'[' | b']' | b'@' => {}
            b'!' | b'$' | b'&' | b'\'' | b'(' | b')' | b'*' | b'+' | b',' | b';' | b'=' => {}
            _ => return false,
        }
    }
    true
}

/// Whether this is an `authority` (section 3.2). Brackets are for an address alone.
fn is_authority(text: &str) -> bool {
    let host = match text.split_once('@') {
        Some((user, host)) if !user.contains(['[', ']']) => host,
        Some(_) => return false,
        None => text,
    };
    if host.contains('@') {
        return false;
    }
    let port = match host.strip_prefix('[') {
        Some(address) => match address.split_once(']') {
            Some(("", _)) | None => return false,
            Some((inside, _)) if inside.contains('[') => return false,
            Some((_, port)) => port,
        },
        None if host.contains(['[', ']']) => return false,
        None => {
            let at = host.find(':').unwrap_or(host.len());
            host.get(at..).unwrap_or_default()
        }
    };
    port.is_empty()
        || port
            .strip_prefix(':')
            .is_some_and(|port| port.bytes().all(|byte| byte.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::{is_uri, is_uri_reference};

    #[test]
    fn a_reference_is_what_rfc_3986_says_and_a_uri_has_a_scheme() {
        for (text, is_reference, has_scheme) in [
            // Section 1.1.2.
            ("ftp://ftp.is.co.za/rfc/rfc1808.txt", true, true),
            ("ldap://[2001:db8::7]/c=GB?objectClass?one", true, true),
            ("mailto:John.Doe@example.com", true, true),
            ("news:comp.infosystems.www.servers.unix", true, true),
            ("tel:+1-816-555-1212", true, true),
            ("telnet://192.0.2.16:80/", true, true),
            (
                "urn:oasis:names:specification:docbook:dtd:xml:4.1.2",
                true,
                true,
            ),
            // Of CloudEvents.
            ("https://github.com/cloudevents", true, true),
            ("urn:uuid:6e8bc430-9c3a-11d9-9669-0800200c9a66", true, true),
            ("cloudevents/spec/pull/123", true, false),
            ("/sensors/tn-1234567/alerts", true, false),
            ("1-555-123-4567", true, false),
            // Section 5.4.
            ("//g", true, false),
            ("?y", true, false),
            ("#s", true, false),
            ("g;x=1/../y", true, false),
            ("./a:b", true, false),
            ("", true, false),
            ("a:", true, true),
            ("http://user:pw@host:8080/p%20q?a=/?b#/?", true, true),
            ("http://host:/", true, true),
            ("file:///etc/hosts", true, true),
            // What is none.
            ("1a:b", false, false),
            (":a", false, false),
            ("a b", false, false),
            ("a\tb", false, false),
            ("http://h/ \u{e9}", false, true),
            ("\u{e9}", false, false),
            ("a%2", false, false),
            ("a%zz", false, false),
            ("a\\b", false, false),
            ("<a>", false, false),
            ("a#b#c", false, false),
            ("a[0]", false, false),
            ("http://[::1", false, true),
            ("http://[]/", false, true),
            ("http://a[b]/", false, true),
            ("http://[::1]x/", false, true),
            ("http://h:8a/", false, true),
            ("http://a@b@c/", false, true),
            ("http://[a@h/", false, true),
        ] {
            assert_eq!(is_uri_reference(text), is_reference, "{text}");
            assert_eq!(is_uri(text), is_reference && has_scheme, "{text}");
        }
    }
}
