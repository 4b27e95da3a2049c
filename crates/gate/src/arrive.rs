//! Phase 1: what is known of a request when it arrives.

use doorward_traffic::forwarded::{self, Hop, asked_origin};

use crate::ground::Ground;
use crate::platform::Platform;
use crate::received::Received;

/// The origin under which a request arrived, what a browser calls the host that it asked: what the host says, or
/// the outermost proxy that the policy trusts. Empty where the policy has no use for it.
pub(crate) fn origin<P: Platform>(
    ground: &Ground<P>,
    request: &P::Request,
    received: &Received,
) -> String {
    if !ground
        .policy
        .reads_origin(&received.method, &|| received.has("referer"))
    {
        return String::new();
    }
    let client = ground.client(received);
    let authority = P::authority(request);
    let way = Hop {
        pseudonym: "",
        client: &client,
        trusted_hops: ground.policy.proxy().trusted.hops,
        host: authority.as_deref(),
        scheme: scheme::<P>(request),
        tells_host: true,
    };
    let told = forwarded::PriorHops {
        forwarded_proto: &received.values("x-forwarded-proto"),
        forwarded_host: &received.values("x-forwarded-host"),
        ..forwarded::PriorHops::default()
    };
    asked_origin(&way, &told).unwrap_or_default()
}

/// The scheme by which a request was sent.
pub(crate) fn scheme<P: Platform>(request: &P::Request) -> &'static str {
    match P::is_https(request) {
        true => "https",
        false => "http",
    }
}
