//! Header fields that belong to one hop (RFC 9110 section 7.6.1).
//!
//! Which fields end here is decided by name, and names are compared as an upstream could fold them
//! ([`doorward_syntax::field_name`]).
//!
//! What the fields of a request are made of, in this order: what belongs to the hop goes, what
//! `Connection` names goes, what the policy removes goes, and only then is anything set. So nothing that a
//! client names in `Connection` takes away what is set here.

use doorward_syntax::field_name::Names;
use doorward_syntax::list::ascii_members;
use doorward_syntax::tokens::is_token;

use crate::field_list::FieldList;

/// Most fields that one message can name in `Connection`. Who names more is up to something; fields that are
/// named beyond go on to the upstream like every other one.
pub const CONNECTION_NAMES_MAX: usize = 32;
/// Longest name that is looked at in `Connection`, in bytes.
pub const CONNECTION_NAME_BYTES_MAX: usize = 64;

/// The fields that end at the next hop, whether `Connection` names them or not.
///
/// - `connection`, `keep-alive`, `proxy-connection`, `te`, `transfer-encoding`, `upgrade`: those of RFC 9110
///   section 7.6.1. Framing is made anew on the way out; no protocol is switched through a gateway.
/// - `proxy-authenticate`, `proxy-authentication-info`, `proxy-authorization`: between a client and its
///   next proxy (RFC 9110 section 11.7). Whoever is meant, it is not the upstream.
/// - `http2-settings`: half of an upgrade to HTTP/2 in clear text (RFC 7540 section 3.2.1, withdrawn by RFC
///   9113 section 3.1), with which requests were smuggled past proxies.
///
/// `trailer` is not among them: RFC 9110 section 6.6.2 made it an announcement to everybody, and trailers
/// pass through.
const HOP_BY_HOP: Names = Names::new(&[
    "connection",
    "http2-settings",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authentication-info",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "transfer-encoding",
    "upgrade",
]);

/// What `Connection` cannot take away. A field that was read here has to reach the upstream, or something else
/// is answered than was judged: the body's type and length, the origin for which CORS answered, the
/// credential, the cookies. The others are what a proxy on the way may have added for everybody behind it; RFC
/// 9110 section 7.6.1 names `Cache-Control` as an example. The fields of [`crate::forwarded`] and
/// [`crate::spoofing`] come on top.
const NEVER_NAMED: Names = Names::new(&[
    "authorization",
    "cache-control",
    "content-encoding",
    "content-length",
    "content-range",
    "content-type",
    "cookie",
    "dpop",
    "expect",
    "host",
    "max-forwards",
    "origin",
    "trailer",
]);

/// What a request says of a body that comes with it (RFC 9110 sections 6.6.2, 8 and 10.1.1; RFC 9112 section
/// 6.1), but for the fields that begin with [`CONTENT`].
const OF_A_BODY: Names = Names::new(&["expect", "trailer", "transfer-encoding"]);
const CONTENT: Names = Names::new(&["content-"]);

/// The hop-by-hop fields that a response can have. The others belong into a request or, as
/// `proxy-authentication-info`, answer a credential that a proxy asked for, and nobody asked for one here.
pub const HOP_BY_HOP_IN_RESPONSES: [&str; 6] = [
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-connection",
    "transfer-encoding",
    "upgrade",
];

/// Whether a field ends at the next hop (RFC 9110 section 7.6.1), in any spelling that an upstream could fold.
#[must_use]
pub fn is_hop_by_hop(name: &str) -> bool {
    HOP_BY_HOP.has(name)
}

/// Whether a trailer field ends at the next hop. `Host` does, too: it means nothing there, and like those of one hop
/// no host lets a component set it. One of them would take all other trailers with it.
#[must_use]
pub fn ends_in_trailers(name: &str) -> bool {
    is_hop_by_hop(name) || name.eq_ignore_ascii_case("host")
}

/// Whether a field of a request says that a body comes with it.
#[must_use]
pub fn tells_of_a_body(name: &str) -> bool {
    CONTENT.begin(name) || OF_A_BODY.has(name)
}

/// Whether a request with these fields asks for a WebSocket (RFC 6455 section 4.1). Where the host takes `Upgrade` out,
/// the field stays that no other request has.
#[must_use]
pub fn asks_for_websocket(fields: &FieldList) -> bool {
    fields.has("sec-websocket-key") || lists_websocket(&fields.values("upgrade"))
}

/// Whether these values of `Upgrade` list it, whatever its version (RFC 9110 section 7.8).
fn lists_websocket(upgrade: &[Vec<u8>]) -> bool {
    ascii_members(upgrade).any(|protocol| {
        let name = protocol.split('/').next().unwrap_or_default();
        name.eq_ignore_ascii_case("websocket")
    })
}

/// The fields that the values of `Connection` name, in lower case: they end here, too (RFC 9110 section
/// 7.6.1). Left out is what [`is_hop_by_hop`] knows anyway, what is no token, and what `Connection` cannot
/// take away.
#[must_use]
pub fn named_by_connection(values: &[Vec<u8>]) -> Vec<String> {
    let mut names = Vec::new();
    for name in ascii_members(values) {
        if names.len() == CONNECTION_NAMES_MAX {
            break;
        }
        let good = name.len() <= CONNECTION_NAME_BYTES_MAX
            && is_token(name.as_bytes())
            && !is_hop_by_hop(name)
            && !NEVER_NAMED.has(name)
            && !crate::forwarded::is_forwarding_field(name)
            && crate::spoofing::spoofing(name).is_none()
            // An option of the connection rather than a field.
            && !name.eq_ignore_ascii_case("close");
        if good {
            names.push(name.to_ascii_lowercase());
        }
    }
    names
}

#[cfg(test)]
mod tests;
