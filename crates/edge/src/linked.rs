//! The gate linked into a service: no component to cross, no field to parse.

use doorward_gate::linked;
pub use doorward_gate::linked::{
    BodyFault, ClaimFault, CredentialKind, Identity, IntoAnswer, Permit, Principal, Reply,
};
use wasip3::http::types::{ErrorCode, Request, Response};

use crate::host::{Host, Plain};
pub use crate::platform::BodyStream;
use crate::platform::{Wasi, spawning};

/// A request that was let through, and what is known of it.
pub type Admitted<'a> = linked::Admitted<'a, Plain>;

/// Its body.
pub type IncomingBody = linked::IncomingBody<Plain>;

/// What a service answers with that answers in both ways.
pub type Answer = linked::Answer<Plain>;

impl<const INCREMENTS: bool> IntoAnswer<Wasi<INCREMENTS>> for Response {
    fn into_answer(self) -> linked::Answer<Wasi<INCREMENTS>> {
        linked::Answer::Response(self)
    }
}

/// Decides on `request` with the policy of this instance; where it is let through, gives it to `service`. What that
/// answers gets what the policy adds to answers. A refusal is answered here, and `service` never sees the request.
///
/// # Errors
/// What `service` fails with, and what the host says where it does not accept an answer. A refusal is a response, not
/// an error.
pub async fn guard<A: IntoAnswer<Plain>>(
    request: Request,
    service: impl AsyncFnOnce(Admitted<'_>) -> Result<A, ErrorCode>,
) -> Result<Response, ErrorCode> {
    guard_on::<Plain, A>(request, service).await
}

/// The same on a host of either kind: with [`Atomic`](crate::host::Atomic), limits that instances share are never exceeded, and
/// the component does not start where there is no `wasi:keyvalue/atomics`.
///
/// # Errors
/// As [`guard`] has them.
pub async fn guard_on<H, A>(
    request: Request,
    service: impl AsyncFnOnce(linked::Admitted<'_, H>) -> Result<A, ErrorCode>,
) -> Result<Response, ErrorCode>
where
    H: Host<Request = Request, Response = Response, Error = ErrorCode>,
    A: IntoAnswer<H>,
{
    spawning(async { doorward_gate::guard(&H::instance(), request, service).await }).await
}
