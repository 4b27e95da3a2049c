//! Phase 3: the rule of a request, and what it adds to every answer.

use doorward_policy::{Policy, Refusal, RequestHead, Route};

use crate::additions::Additions;
use crate::received::Received;

/// What the policy looks at.
pub(crate) fn head(received: &Received) -> RequestHead<'_> {
    RequestHead {
        method: &received.method,
        target: &received.target,
        canonical: received.canonical.as_deref(),
        authorization: &received.authorization,
        api_key: &received.api_key,
        fields: &received.fields,
        origin: &received.origin,
    }
}

/// The route of a request, by its canonical target.
///
/// # Errors
/// The target can be read in two ways, or no rule says anything of it.
pub(crate) fn of<'p, 'r>(
    policy: &'p Policy,
    head: &RequestHead<'r>,
    received: &Received,
    additions: &mut Additions<'p>,
) -> Result<Route<'p, 'r>, Refusal> {
    let route = policy.route(head.method, head.target())?;
    *additions = Additions::of(&route, received);
    Ok(route)
}
