//! What a proxy says of a request's way: `Via` (RFC 9110 section 7.6.3), `Forwarded` (RFC 7239),
//! `X-Forwarded-*` and `CDN-Loop` (RFC 8586).
//!
//! 1. Every field that says where a request comes from or what it was is removed
//!    ([`is_forwarding_field`]), and those named above are set anew ([`request_fields`]).
//! 2. Of an untrusted peer only `CDN-Loop` is kept: RFC 8586 section 2 forbids to remove it.
//! 3. Of a trusted peer `Via` and `X-Forwarded-For` are kept and ours is appended, within
//!    [`ELEMENTS_MAX`]: the oldest goes. Scheme and host are those that the outermost trusted proxy saw.
//! 4. A received `Forwarded` is never kept: the policy believes `X-Forwarded-For`, and a proxy that writes
//!    that may pass `Forwarded` on as the client sent it. Ours says the same as `X-Forwarded-For`, as RFC
//!    7239 section 7.4 asks.
//! 5. No byte crosses that could end a value or an element: addresses are read and written again, and what
//!    else is kept consists of the bytes of tokens and hosts.
//!
//! Who is trusted has to set `X-Forwarded-Proto` and `X-Forwarded-Host` or remove them; what it passes on is
//! believed.

use doorward_syntax::field_name::{Names, begins_with};
use doorward_syntax::list::{ascii, ascii_members, elements, trim};
use doorward_syntax::tokens::is_tchar;

use crate::address::{Client, elements_from_end, parse_address};
use std::net::{IpAddr, Ipv4Addr};

/// Most elements that are kept of a field, ours not included: more than proxies can be trusted. The oldest are
/// left out.
pub const ELEMENTS_MAX: usize = 20;
/// Longest element that is kept of `Via` or `CDN-Loop`, in bytes: any host can be in one.
pub const ELEMENT_BYTES_MAX: usize = 270;
/// Longest host that is told, with its port, in bytes: a name has 253 at most (RFC 1035 section 2.3.4).
pub const HOST_BYTES_MAX: usize = 260;
/// Room for most values, in bytes, so that they need not be moved while they grow.
const VALUE_BYTES: usize = 64;

/// How the names of fields begin that a host like Spin sets itself.
const HOST_PREFIX: &str = "spin-";

/// What says for whom a proxy asks, by how a name begins.
const FORWARDING_PREFIXES: Names = Names::new(&[
    // Set by whom they are named after, and read by what stands behind.
    HOST_PREFIX,
    "x-envoy-",
    // RFC 7239 section 1 names their kind; proxies have made up some thirty of them, among them users and
    // certificates that a proxy has checked.
    "x-forwarded",
    "x-forward-",
    // Frameworks read address, host, method and path from these, in place of the request's own.
    "x-original-",
    "x-real-",
    "x-rewrite-",
]);

/// What says for whom a proxy asks, or that a request is another one than it is.
const FORWARDING: Names = Names::new(&[
    "forwarded",
    "via",
    "cdn-loop",
    // The client's address, by those who have a name of their own for it, and by those who read every name.
    "ali-cdn-real-ip",
    "cdn-src-ip",
    "cf-connecting-ip",
    "cf-connecting-ipv6",
    "cf-pseudo-ipv4",
    "client-ip",
    "cloudfront-viewer-address",
    "do-connecting-ip",
    "fastly-client-ip",
    "fly-client-ip",
    "forwarded-for",
    "incap-client-ip",
    "proxy-client-ip",
    "remote-addr",
    "true-client-ip",
    "wl-proxy-client-ip",
    "x-appengine-user-ip",
    "x-azure-clientip",
    "x-azure-socketip",
    "x-client-ip",
    "x-cluster-client-ip",
    "x-nf-client-connection-ip",
    "x-originating-ip",
    "x-proxyuser-ip",
    "x-remote-addr",
    "x-remote-ip",
    "x-vercel-forwarded-for",
    // The scheme.
    "cf-visitor",
    "cloudfront-forwarded-proto",
    "front-end-https",
    "x-scheme",
    "x-url-scheme",
    // The host: links to wherever the client likes, in a password mail or in a cache.
    "x-host",
    "x-http-host-override",
    // CGI makes a variable of it, and that one names a proxy for requests of the upstream (CVE-2016-5385).
    "proxy",
    // The method: another one than was allowed.
    "x-http-method-override",
    "x-method-override",
]);

/// Whether a field tells the upstream where a request comes from, or that it is another one than it is, in
/// any spelling that an upstream could fold. All of them are removed before ours are set, and those of a single
/// vendor even where the peer is trusted: it may be of another vendor and pass on what a client sends, and
/// `X-Forwarded-For` says the same.
#[must_use]
pub fn is_forwarding_field(name: &str) -> bool {
    FORWARDING_PREFIXES.begin(name) || FORWARDING.has(name)
}

/// Whether a field is one that a host like Spin sets itself, in any spelling that whoever is behind could fold.
#[must_use]
pub fn is_host_field(name: &str) -> bool {
    begins_with(name, HOST_PREFIX)
}

/// The hop by which a request has come here, and what we call ourselves.
#[derive(Clone, Copy, Debug)]
pub struct Hop<'a> {
    /// Who we are: a token (RFC 9110 section 5.6.2).
    pub pseudonym: &'a str,
    /// Who is connected, and whether it is trusted.
    pub client: &'a Client,
    /// How many proxies in a row are trusted ([`crate::address::TrustedProxies::hops`]).
    pub trusted_hops: u8,
    /// The host that was asked here.
    pub host: Option<&'a str>,
    /// The scheme by which it was, as the host reports it: `http` or `https`.
    pub scheme: &'a str,
    /// Whether the upstream is told which host was asked.
    pub tells_host: bool,
}

/// What the hops before say of the request: all values of each field, as received.
#[derive(Clone, Copy, Debug, Default)]
pub struct PriorHops<'a> {
    /// `X-Forwarded-For`.
    pub forwarded_for: &'a [Vec<u8>],
    /// `X-Forwarded-Proto`.
    pub forwarded_proto: &'a [Vec<u8>],
    /// `X-Forwarded-Host`.
    pub forwarded_host: &'a [Vec<u8>],
    /// `Via`.
    pub via: &'a [Vec<u8>],
    /// `CDN-Loop`.
    pub cdn_loop: &'a [Vec<u8>],
}

/// The fields with which a request goes on, one value each. Every field for which [`is_forwarding_field`]
/// holds is removed before.
#[must_use]
pub fn request_fields(hop: &Hop<'_>, prior: &PriorHops<'_>) -> Vec<(&'static str, Vec<u8>)> {
    let trusted = hop.client.peer_is_trusted;
    let mut nodes = Vec::new();
    if trusted {
        nodes.extend(
            elements_from_end(prior.forwarded_for)
                .take(ELEMENTS_MAX)
                .map(parse_address),
        );
        nodes.reverse();
    }
    nodes.push(hop.client.peer);

    let ours = Seen {
        proto: scheme(hop.scheme),
        host: hop.host.filter(|host| hop.tells_host && is_host(host)),
    };
    let theirs = Seen {
        proto: told(trusted, hop.trusted_hops, prior.forwarded_proto).and_then(scheme),
        host: told(trusted, hop.trusted_hops, prior.forwarded_host)
            .filter(|host| hop.tells_host && is_host(host)),
    };
    let outermost = nodes.len().checked_sub(1 + usize::from(hop.trusted_hops));
    let proto = theirs.proto.or(ours.proto);
    let host = theirs.host.or(ours.host);

    let via = if trusted { prior.via } else { &[] };
    let mut fields = vec![
        ("via", appended(via, via_element, "1.1 ", hop.pseudonym)),
        ("forwarded", forwarded(&nodes, outermost, &theirs, &ours)),
        ("x-forwarded-for", forwarded_for(&nodes)),
        (
            "cdn-loop",
            appended(prior.cdn_loop, cdn_loop_element, "", hop.pseudonym),
        ),
    ];
    if let Some(proto) = proto {
        fields.push(("x-forwarded-proto", proto.into()));
    }
    if let Some(host) = host {
        fields.push(("x-forwarded-host", host.into()));
    }
    fields
}

/// The origin under which a client asked: scheme, `://` and host, each as the outermost trusted proxy saw it, or
/// else as it was seen here. `None` where nobody knows the host.
#[must_use]
pub fn asked_origin(hop: &Hop<'_>, prior: &PriorHops<'_>) -> Option<String> {
    let trusted = hop.client.peer_is_trusted;
    let proto = told(trusted, hop.trusted_hops, prior.forwarded_proto).and_then(scheme);
    let host = told(trusted, hop.trusted_hops, prior.forwarded_host)
        .filter(|host| is_host(host))
        .or(hop.host)?;
    let mut origin = String::with_capacity(VALUE_BYTES);
    for part in [proto.unwrap_or(hop.scheme), "://", host] {
        origin.push_str(part);
    }
    Some(origin)
}

/// Whether a request has been here before: whether `CDN-Loop` has our name (RFC 8586 section 2), whatever its
/// case and its parameters, and whatever is between the other commas.
#[must_use]
pub fn loops(pseudonym: &str, cdn_loop: &[Vec<u8>]) -> bool {
    elements(cdn_loop).any(|element| cdn_id(element).eq_ignore_ascii_case(pseudonym.as_bytes()))
}

/// What the outermost trusted proxy said: each of them appends an element or replaces them all.
fn told(trusted: bool, hops: u8, values: &[Vec<u8>]) -> Option<&str> {
    if !trusted {
        return None;
    }
    ascii_members(values).rev().take(usize::from(hops)).last()
}

fn scheme(text: &str) -> Option<&'static str> {
    ["https", "http"]
        .into_iter()
        .find(|scheme| scheme.eq_ignore_ascii_case(text))
}

/// Whether this is a host, and perhaps a port. Of the characters that RFC 3986 section 3.2.2 allows, those that
/// no real host has are refused.
fn is_host(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= HOST_BYTES_MAX
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-._~:[]".contains(&byte))
}

/// What a proxy has seen of a request.
#[derive(Default)]
struct Seen<'a> {
    proto: Option<&'static str>,
    host: Option<&'a str>,
}

/// `Forwarded` (RFC 7239 section 4): who asked, the oldest first. The last element has the host and scheme that
/// we saw; the one that the outermost trusted proxy wrote, those that it saw.
fn forwarded(
    nodes: &[Option<IpAddr>],
    outermost: Option<usize>,
    theirs: &Seen<'_>,
    ours: &Seen<'_>,
) -> Vec<u8> {
    let last = nodes.len().saturating_sub(1);
    let mut value = String::with_capacity(VALUE_BYTES);
    for (index, node) in nodes.iter().enumerate() {
        if index > 0 {
            value.push_str(", ");
        }
        value.push_str("for=");
        if let Some(IpAddr::V6(address)) = node {
            // RFC 7239 section 6: in brackets, and so in quotes.
            for part in ["\"[", &address.to_string(), "]\""] {
                value.push_str(part);
            }
        } else {
            push_node(&mut value, *node);
        }
        if index == last {
            push_seen(&mut value, ours);
        } else if Some(index) == outermost {
            push_seen(&mut value, theirs);
        }
    }
    value.into_bytes()
}

fn push_seen(value: &mut String, seen: &Seen<'_>) {
    if let Some(host) = seen.host {
        // `:` and brackets are in no token; what `is_host` lets through needs no escape.
        let is_token = host.bytes().all(is_tchar);
        let quote = if is_token { "" } else { "\"" };
        for part in [";host=", quote, host, quote] {
            value.push_str(part);
        }
    }
    if let Some(proto) = seen.proto {
        value.push_str(";proto=");
        value.push_str(proto);
    }
}

fn forwarded_for(nodes: &[Option<IpAddr>]) -> Vec<u8> {
    let mut value = String::with_capacity(VALUE_BYTES);
    for node in nodes {
        if !value.is_empty() {
            value.push_str(", ");
        }
        push_node(&mut value, *node);
    }
    value.into_bytes()
}

/// A node without an address is written as `unknown` (RFC 7239 section 6.2): left out, who counts from the right
/// would arrive at another one.
fn push_node(value: &mut String, node: Option<IpAddr>) {
    match node {
        Some(IpAddr::V4(address)) => push_v4(value, address),
        Some(IpAddr::V6(address)) => value.push_str(&address.to_string()),
        None => value.push_str("unknown"),
    }
}

/// Every request has one, mostly, and what the standard library takes to write it shows.
fn push_v4(value: &mut String, address: Ipv4Addr) {
    const BYTES_MAX: usize = "255.255.255.255".len();
    let mut text = [0; BYTES_MAX];
    let mut length = 0;
    let mut push = |byte| {
        if let Some(next) = text.get_mut(length) {
            *next = byte;
            length += 1;
        }
    };
    for (position, octet) in address.octets().into_iter().enumerate() {
        if position > 0 {
            push(b'.');
        }
        if octet >= 100 {
            push(b'0' + octet / 100);
        }
        if octet >= 10 {
            push(b'0' + octet / 10 % 10);
        }
        push(b'0' + octet % 10);
    }
    let text = text
        .get(..length)
        .and_then(|text| core::str::from_utf8(text).ok());
    value.push_str(text.unwrap_or_default());
}

/// What is kept of a list, the newest elements of it, and ours after it.
fn appended(
    values: &[Vec<u8>],
    kept: fn(&[u8]) -> Option<&str>,
    prefix: &str,
    pseudonym: &str,
) -> Vec<u8> {
    let mut elements: Vec<&str> = elements(values)
        .rev()
        .filter_map(kept)
        .take(ELEMENTS_MAX)
        .collect();
    elements.reverse();
    let mut value = String::with_capacity(VALUE_BYTES);
    for element in elements {
        value.push_str(element);
        value.push_str(", ");
    }
    value.push_str(prefix);
    value.push_str(pseudonym);
    value.into_bytes()
}

/// Protocol and name (RFC 9110 section 7.6.3), without the comment.
fn via_element(element: &[u8]) -> Option<&str> {
    let element = ascii(element)?;
    let (protocol, rest) = element.split_once(' ')?;
    let name = rest.split(' ').next()?;
    let is_protocol =
        !protocol.is_empty() && protocol.bytes().all(|byte| is_tchar(byte) || byte == b'/');
    let bytes = protocol.len() + 1 + name.len();
    element
        .get(..bytes)
        .filter(|_| is_protocol && is_id(name) && bytes <= ELEMENT_BYTES_MAX)
}

/// A CDN's name with its parameters (RFC 8586 section 2), or without them where they are odd: the name is
/// what nobody may remove, and a quote that is never closed would hide the names that follow.
fn cdn_loop_element(element: &[u8]) -> Option<&str> {
    let id = ascii(cdn_id(element)).filter(|id| is_id(id) && id.len() <= ELEMENT_BYTES_MAX)?;
    let is_plain = |whole: &&str| {
        whole.len() <= ELEMENT_BYTES_MAX
            && whole
                .bytes()
                .all(|byte| is_id_byte(byte) || b" ;=".contains(&byte))
    };
    Some(ascii(element).filter(is_plain).unwrap_or(id))
}

/// The name of an element of `CDN-Loop`.
fn cdn_id(element: &[u8]) -> &[u8] {
    let id = element.split(|&byte| byte == b';').next();
    trim(id.unwrap_or_default())
}

/// A pseudonym, or a host and perhaps a port.
fn is_id(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(is_id_byte)
}

fn is_id_byte(byte: u8) -> bool {
    is_tchar(byte) || b":[]".contains(&byte)
}

#[cfg(test)]
mod tests;
