//! The fields that an upstream gets to see, and those that the client gets of its answer.

use crate::additions::{Additions, rebuilt};
use crate::origin::scheme;
use crate::received::{Received, is_field};
use crate::removed;
use doorward_policy::{Permit, Refusal};
use doorward_traffic::address::Client;
use doorward_traffic::fields::{HOP_BY_HOP_IN_RESPONSES, is_hop_by_hop, named_by_connection};
use doorward_traffic::forwarded::{self, is_forwarding_field, request_fields};
use doorward_traffic::spoofing::{says_identity, spoofing};
use doorward_traffic::upstream::{FieldEdits, Upstream, UpstreamFailure};
use std::borrow::Cow;
use wasip3::http::types::{Request, Response};

/// Fields that say something else to an upstream than they say here: WASI sends the host that it connects
/// to, and the host has answered `Expect` (RFC 9110 §10.1.1) itself.
const OURS: [&str; 2] = ["host", "expect"];

/// How a request has come here.
pub(super) struct Way {
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

impl Way {
    pub(super) fn of(
        request: &Request,
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
            host: request.get_authority(),
            scheme: scheme(request),
            forwarded_for: trusted("x-forwarded-for"),
            forwarded_proto: trusted("x-forwarded-proto"),
            forwarded_host: trusted("x-forwarded-host"),
            via: trusted("via"),
            cdn_loop: received.values("cdn-loop"),
        }
    }

    /// Adds what an upstream is told of it.
    pub(super) fn add_to(
        &self,
        fields: &mut Vec<(String, Vec<u8>)>,
        pseudonym: &str,
        tells_host: bool,
    ) {
        let way = forwarded::Way {
            pseudonym,
            client: &self.client,
            trusted_hops: self.trusted_hops,
            host: self.host.as_deref(),
            scheme: self.scheme,
            tells_host,
        };
        let received = forwarded::Received {
            forwarded_for: &self.forwarded_for,
            forwarded_proto: &self.forwarded_proto,
            forwarded_host: &self.forwarded_host,
            via: &self.via,
            cdn_loop: &self.cdn_loop,
        };
        let told = request_fields(&way, &received);
        fields.extend(
            told.into_iter()
                .map(|(name, value)| (name.to_owned(), value)),
        );
    }
}

/// What of the client's fields goes on, and the identity. `origin` is the one under which the request arrived.
pub(super) fn fields(
    mut fields: Vec<(String, Vec<u8>)>,
    permit: &Permit<'_>,
    client: &Client,
    origin: &str,
) -> Vec<(String, Vec<u8>)> {
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
            // Who is trusted may have passed on what a client said of its way.
            let stays = client.peer_is_trusted && permit.stays_from_trusted(name);
            if stays && says_identity(name) {
                return true;
            }
            removed::tell(name);
            return false;
        }
        // What a rule lets through says no more of the way than that the method is another one.
        !is_forwarding_field(name) || spoofing(name).is_some()
    };
    fields.retain(|(name, _)| stays(name));
    if rewrites {
        fields.retain_mut(|(name, value)| match permit.left_of(name, value, origin) {
            None => false,
            Some(Cow::Borrowed(_)) => true,
            Some(Cow::Owned(left)) => {
                *value = left;
                true
            }
        });
    }
    let identity = permit.identity_headers();
    fields.extend(identity.map(|(name, value)| (name.to_owned(), value.to_vec())));
    fields
}

/// The fields that `Connection` names.
fn named_in(fields: &[(String, Vec<u8>)]) -> Vec<String> {
    let connection: Vec<_> = fields
        .iter()
        .filter(|(name, _)| is_field(name, "connection"))
        .map(|(_, value)| value.clone())
        .collect();
    named_by_connection(&connection)
}

/// Changes fields as the policy says.
pub(super) fn edit(fields: &mut Vec<(String, Vec<u8>)>, edits: &FieldEdits) {
    if edits.is_empty() {
        return;
    }
    fields.retain(|(name, _)| !edits.touch(name));
    let set = edits.set.iter();
    fields.extend(set.map(|(name, value)| (name.clone(), value.as_bytes().to_vec())));
}

/// Whether there is a field of one hop in a response. Some hosts take them out of what arrives, some do not,
/// and both forbid a component to set one, so a response has to be asked.
fn has_hop(response: &Response) -> bool {
    let fields = response.get_headers();
    HOP_BY_HOP_IN_RESPONSES.iter().any(|name| fields.has(name))
}

/// The response as the client gets it. Where there is nothing to change it is handed on as it is, which
/// costs a tenth of the whole exchange less than to rebuild it. For that reason it gets no `Via` either:
/// a gateway may add one to responses and need not (RFC 9110 §7.6.3).
///
/// # Errors
/// Where the host does not accept what the upstream sent.
pub(super) fn response(
    response: Response,
    upstream: &'static Upstream,
    additions: &Additions,
) -> Result<Response, Refusal> {
    let edits = &upstream.response_fields;
    let nothing_is_set = additions.is_empty() && edits.is_empty();
    if nothing_is_set && !has_hop(&response) {
        return Ok(response);
    }
    let fields = response.get_headers().copy_all();
    let named = named_in(&fields);
    let ends_here = |name: &str| is_hop_by_hop(name) || named.iter().any(|named| named == name);
    let for_trailers = (!edits.is_empty()).then_some(edits);
    let edited = rebuilt(response, fields, for_trailers, |fields| {
        fields.retain(|(name, _)| !ends_here(name));
        edit(fields, edits);
        additions.add_to(fields);
    });
    edited.map_err(|_| Refusal::upstream(&upstream.name, UpstreamFailure::Malformed))
}
