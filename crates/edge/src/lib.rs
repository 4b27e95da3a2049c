//! The only crate in the components that touches WASI and Spin: the engine's platform there, and nothing else.

mod platform;

pub use doorward_gate::platform::FieldList;
use doorward_gate::{Instance, Permitted};
use std::borrow::Cow;
use std::cell::OnceCell;
use std::rc::Rc;
use wasip3::http::types::{ErrorCode, Method, Request, Response};

pub use self::platform::Wasi;

thread_local! {
    /// The gate of this instance, made by the first request. An instance has one thread.
    static INSTANCE: OnceCell<Rc<Instance<Wasi>>> = const { OnceCell::new() };
}

fn instance() -> Rc<Instance<Wasi>> {
    INSTANCE.with(|instance| Rc::clone(instance.get_or_init(|| Rc::new(Instance::load(Wasi)))))
}

/// Decides on `request`; where it is let through, hands it to `next`.
///
/// # Errors
/// What `next` answers with, and what the host says where it does not accept what the gate makes of the
/// request. A refusal is a response, not an error.
pub async fn handle<F>(
    request: Request,
    next: impl FnOnce(Permitted<Wasi>) -> F,
) -> Result<Response, ErrorCode>
where
    F: Future<Output = Result<Response, ErrorCode>>,
{
    doorward_gate::handle(&instance(), request, next).await
}

/// Decides on `request`; where it is let through, asks the upstream that the policy names for its route.
///
/// # Errors
/// What the host says where it does not accept the response. Refusals and failures of upstreams are
/// responses, not errors.
pub async fn handle_with_upstreams(request: Request) -> Result<Response, ErrorCode> {
    doorward_gate::handle_with_upstreams(&instance(), request).await
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
