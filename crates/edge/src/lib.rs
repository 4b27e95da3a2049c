//! The only crate in the components that touches WASI and Spin: the engine's platform there, and nothing else.
//!
//! With the feature `linked` it is a library for services in Rust that have the gate inside of them, in place of a
//! middleware in front of them: [`guard`] decides on a request by the policy that is mounted into the component, and gives
//! it to the service as values ([`Admitted`]). A whole service is in `examples/hello.rs`; what to grant it, and when to
//! choose which way, in `docs/linked-in.md`.
//!
//! ```ignore
//! async fn handle(request: Request) -> Result<Response, ErrorCode> {
//!     guard(request, async |admitted| {
//!         let subject = admitted.identity().and_then(|identity| identity.subject());
//!         let greeting = format!("Hello, {}!", subject.unwrap_or("nobody"));
//!         Ok(Reply::new(200).with_body("text/plain", greeting))
//!     })
//!     .await
//! }
//! ```

mod host;
#[cfg(feature = "linked")]
mod linked;
mod platform;
pub mod prepared;

pub use self::host::{Atomic, Host, Plain};
#[cfg(feature = "linked")]
pub use self::linked::{
    Admitted, Answer, BodyFault, BodyStream, ClaimFault, CredentialKind, Identity, IncomingBody,
    IntoAnswer, Permit, Principal, Reply, guard, guard_on,
};
use doorward_gate::Permitted;
pub use doorward_gate::platform::FieldList;
// The memory of a component.
use doorward_heap as _;
use std::borrow::Cow;
use wasip3::http::types::{ErrorCode, Method, Request, Response};

use self::platform::spawning;

/// Decides on `request`; where it is let through, hands it to `next`.
///
/// # Errors
/// What `next` answers with, and what the host says where it does not accept what the gate makes of the
/// request. A refusal is a response, not an error.
pub async fn handle<H, F>(
    request: Request,
    next: impl FnOnce(Permitted<H>) -> F,
) -> Result<Response, ErrorCode>
where
    H: Host<Request = Request, Response = Response, Error = ErrorCode>,
    F: Future<Output = Result<Response, ErrorCode>>,
{
    spawning(async { doorward_gate::handle(&H::instance(), request, next).await }).await
}

/// Decides on `request`; where it is let through, asks the upstream that the policy names for its route.
///
/// # Errors
/// What the host says where it does not accept the response. Refusals and failures of upstreams are
/// responses, not errors.
pub async fn handle_with_upstreams<H>(request: Request) -> Result<Response, ErrorCode>
where
    H: Host<Request = Request, Response = Response, Error = ErrorCode>,
{
    spawning(async { doorward_gate::handle_with_upstreams(&H::instance(), request).await }).await
}

/// The name of a method.
#[must_use]
pub fn method_name(method: Method) -> Cow<'static, str> {
    platform::method_name(method)
}

/// A response with a small body.
///
/// # Errors
/// Where the host accepts a field or the status not.
pub fn respond(status: u16, fields: &FieldList, body: Vec<u8>) -> Result<Response, ErrorCode> {
    platform::respond(status, fields, body)
}
