//! The fields that an upstream gets to see, and those that the client gets of its answer. Here what a client must
//! not say is stripped from a request to an upstream ([`stripped_fields`]).

use doorward_policy::{Permit, Refusal};
use doorward_syntax::request_id::REQUEST_ID;
use doorward_traffic::address::Client;
use doorward_traffic::field_list::is_field;
use doorward_traffic::fields::{HOP_BY_HOP_IN_RESPONSES, is_hop_by_hop, named_by_connection};
use doorward_traffic::forwarded::{self, is_forwarding_field, request_fields};
use doorward_traffic::spoofing::{says_identity, spoofing};
use doorward_traffic::trace::Trace;
use doorward_traffic::upstream::{FieldEdits, Upstream, UpstreamFailure};
use doorward_traffic::way_back::{MOVED_FIELDS, WayBack};
use std::borrow::Cow;
use std::sync::Arc;

use super::response_trailers::edited;
use crate::additions::Additions;
use crate::arrive::scheme;
use crate::ground::Ground;
use crate::platform::{FieldList, NotAccepted, Platform};
use crate::received::Received;
use crate::record::Record;
use crate::respond;

/// Fields that say something else to an upstream than they say here: WASI sends the host that it connects
/// to, and the host has answered `Expect` (RFC 9110 §10.1.1) itself.
const OURS: [&str; 2] = ["host", "expect"];

/// Where a request came from: what its upstream is told of the hops before.
pub(super) struct Provenance {
    client: Client,
    trusted_hops: u8,
    host: Option<String>,
    scheme: &'static str,
    forwarded_for: Vec<Vec<u8>>,
    forwarded_proto: Vec<Vec<u8>>,
    forwarded_host: Vec<Vec<u8>>,
    via: Vec<Vec<u8>>,
    cdn_loop: Vec<Vec<u8>>,
}

impl Provenance {
    pub(super) fn of<P: Platform>(
        request: &P::Request,
        received: &Received,
        client: Client,
        trusted_hops: u8,
    ) -> Self {
        // What nobody believes need not be read.
        let trusted = |name| match client.peer_is_trusted {
            true => received.values(name),
            false => Vec::new(),
        };
        Self {
            client,
            trusted_hops,
            host: P::authority(request),
            scheme: scheme::<P>(request),
            forwarded_for: trusted("x-forwarded-for"),
            forwarded_proto: trusted("x-forwarded-proto"),
            forwarded_host: trusted("x-forwarded-host"),
            via: trusted("via"),
            cdn_loop: received.values("cdn-loop"),
        }
    }

    /// Adds what an upstream is told of it.
    pub(super) fn add_to(&self, fields: &mut FieldList, pseudonym: &str, tells_host: bool) {
        let way = forwarded::Hop {
            pseudonym,
            client: &self.client,
            trusted_hops: self.trusted_hops,
            host: self.host.as_deref(),
            scheme: self.scheme,
            tells_host,
        };
        let received = forwarded::PriorHops {
            forwarded_for: &self.forwarded_for,
            forwarded_proto: &self.forwarded_proto,
            forwarded_host: &self.forwarded_host,
            via: &self.via,
            cdn_loop: &self.cdn_loop,
        };
        for (name, value) in request_fields(&way, &received) {
            fields.push(name, value);
        }
    }
}

/// The client's header fields without those that end here, the reserved ones and those of spoofing among them, and
/// with the identity. Which ones are not the client's to say, [`Permit::removes_header`] says, as it does where the
/// next is a component ([`stripped_request`](crate::forward::stripped_request)). `origin` is the web origin under
/// which the request arrived; a call of gRPC says again that it takes trailers.
pub(super) fn stripped_fields<P: Platform>(
    ground: &Ground<P>,
    mut fields: FieldList,
    permit: &Permit<'_>,
    trace: &Trace,
    client: &Client,
    origin: &str,
    is_grpc: bool,
) -> FieldList {
    // Without it servers of gRPC take a proxy that loses trailers for the client. What else it may say ends here.
    let takes_trailers = is_grpc && fields.text("te") == Some("trailers");
    let named = named_in(&fields);
    let rewrites = ["cookie", "referer"]
        .into_iter()
        .any(|name| permit.rewrites_header(name));
    let stays = |name: &str| {
        if is_hop_by_hop(name)
            || OURS.iter().any(|ours| is_field(name, ours))
            || named.iter().any(|named| named == name)
        {
            return false;
        }
        if permit.removes_header(name) {
            // Of a trusted proxy, what it says of the caller stays where the policy keeps it. What it says of the
            // path's prefix goes, unlike in the gate: here is a proxy itself, which says anew what an upstream is
            // told of the hops before, and the trusted one may have passed on what a client said of them.
            let stays = client.peer_is_trusted && permit.stays_from_trusted(name);
            if stays && says_identity(name) {
                return true;
            }
            ground.log_spoofing(name);
            return false;
        }
        // What a rule lets through says no more of the way than that the method is another one.
        trace.keeps(name) && (!is_forwarding_field(name) || spoofing(name).is_some())
    };
    fields.retain(stays);
    if rewrites {
        fields.retain_mut(|name, value| match permit.left_of(name, value, origin) {
            None => false,
            Some(Cow::Borrowed(_)) => true,
            Some(Cow::Owned(left)) => {
                *value = left;
                true
            }
        });
    }
    for (name, value) in permit.identity_headers() {
        fields.push(name, value.as_slice());
    }
    for (name, value) in trace.fields() {
        fields.push(name, value);
    }
    if takes_trailers {
        fields.push("te", "trailers");
    }
    fields
}

/// The fields that `Connection` names.
fn named_in(fields: &FieldList) -> Vec<String> {
    named_by_connection(&fields.values("connection"))
}

/// Changes fields as the policy says.
pub(super) fn edit(fields: &mut FieldList, edits: &FieldEdits) {
    if edits.is_empty() {
        return;
    }
    fields.retain(|name| !edits.touch(name));
    for (name, value) in &edits.set {
        fields.push(name, value.as_bytes());
    }
}

/// The response as the client gets it, with what its request is called. Where nothing else is to be changed the host
/// copies its fields, which costs less than to list them here. For that reason it gets no `Via` either: a gateway may
/// add one to responses and need not (RFC 9110 §7.6.3).
///
/// Some hosts take fields of one hop out of what arrives, some do not, and both forbid a component to set one, so
/// a response has to be asked for them. Where the host says that it takes them out it is not: that costs a twentieth of
/// the exchange.
///
/// # Errors
/// Where the host does not accept what the upstream sent.
pub(super) fn response<P: Platform>(
    platform: &P,
    response: P::Response,
    upstream: &Arc<Upstream>,
    back: Option<WayBack<'_>>,
    additions: &Additions<'_>,
    record: &mut Record<'_>,
) -> Result<P::Response, Refusal> {
    let edits = &upstream.response_fields;
    let nothing_is_set = additions.is_empty() && edits.is_empty();
    let hides = platform.hides_hop_by_hop();
    let headers = P::response_fields(&response);
    let back = back.filter(|_| P::has_any(&headers, &MOVED_FIELDS));
    let has_hop = || !hides && P::has_any(&headers, &HOP_BY_HOP_IN_RESPONSES);
    if nothing_is_set && back.is_none() && !has_hop() {
        let named = respond::named_with(platform, response, headers, record);
        return named.map_err(|_| Refusal::upstream(&upstream.name, UpstreamFailure::Malformed));
    }
    let mut fields = P::listed(&headers);
    drop(headers);
    let named = named_in(&fields);
    let ends_here = |name: &str| is_hop_by_hop(name) || named.iter().any(|named| named == name);
    fields.retain(|name| !ends_here(name));
    if let Some(back) = back {
        fields.retain_mut(|name, value| {
            if let Some(moved) = back.field(name, value) {
                *value = moved.into();
            }
            true
        });
    }
    edit(&mut fields, edits);
    additions.add_to(&mut fields);
    fields.replace(REQUEST_ID, record.trace.request_id.as_bytes());
    record.learns_length(|name| fields.values(name));
    // An answer of gRPC may end with its head, and its client waits for trailers where the stream does not: only a
    // body that is handed on as it is says that at once. It has no trailers to be looked at.
    let ends_with_head = fields.has("grpc-status") && !fields.has("trailer");
    let rebuilt = if edits.is_empty() || ends_with_head {
        platform.with_fields(response, &fields)
    } else {
        let status = P::status(&response);
        let body = edited(platform, response, upstream);
        platform.response(status, &fields, body)
    };
    rebuilt.map_err(|NotAccepted| Refusal::upstream(&upstream.name, UpstreamFailure::Malformed))
}
