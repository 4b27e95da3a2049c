//! The origin under which a request arrived: what a browser calls the host that it asked.

use crate::gate::Gate;
use crate::received::{Received, method_name};
use doorward_traffic::forwarded::{self, Way, asked_origin};
use wasip3::http::types::{Request, Scheme};

/// Where the policy has a use for it: what the host says, or the outermost proxy that the policy trusts.
pub(crate) fn of(gate: &Gate, request: &Request, received: &Received) -> String {
    let method = method_name(&received.method);
    if !gate
        .policy
        .reads_origin(method, &|| received.has("referer"))
    {
        return String::new();
    }
    let client = gate.client(received);
    let authority = request.get_authority();
    let way = Way {
        pseudonym: "",
        client: &client,
        trusted_hops: gate.policy.proxy().trusted.hops,
        host: authority.as_deref(),
        scheme: scheme(request),
        tells_host: true,
    };
    let told = forwarded::Received {
        forwarded_proto: &received.values("x-forwarded-proto"),
        forwarded_host: &received.values("x-forwarded-host"),
        ..forwarded::Received::default()
    };
    asked_origin(&way, &told).unwrap_or_default()
}

/// The scheme by which a request was sent.
pub(crate) fn scheme(request: &Request) -> &'static str {
    match request.get_scheme() {
        Some(Scheme::Https) => "https",
        _ => "http",
    }
}
