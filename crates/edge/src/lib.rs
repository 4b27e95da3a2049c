//! The only crate in the components that touches WASI and Spin: the engine's platform there, and nothing else.

mod platform;

pub use doorward_gate::platform::FieldList;
use doorward_gate::platform::Platform;
use doorward_gate::{Instance, Permitted};
// The memory of a component.
use doorward_heap as _;
use std::borrow::Cow;
use std::cell::OnceCell;
use std::rc::Rc;
use std::thread::LocalKey;
use wasip3::http::types::{ErrorCode, Method, Request, Response};

use self::platform::{Wasi, spawning};

/// The host, by what a component asks of it.
pub trait Host: Platform {
    /// The gate of this instance, made by the first request.
    fn instance() -> Rc<Instance<Self>>;
}

/// Spin's interfaces and WASI's, as every host has them that serves Spin's components.
pub type Plain = Wasi<false>;

/// With `wasi:keyvalue/atomics` besides: limits that instances share are never exceeded.
pub type Atomic = Wasi<true>;

/// An instance has one thread.
type Kept<P> = LocalKey<OnceCell<Rc<Instance<P>>>>;

fn kept<P: Platform>(kept: &'static Kept<P>, platform: P) -> Rc<Instance<P>> {
    kept.with(|kept| Rc::clone(kept.get_or_init(|| Rc::new(Instance::load(platform)))))
}

impl Host for Plain {
    fn instance() -> Rc<Instance<Self>> {
        thread_local! {
            static KEPT: OnceCell<Rc<Instance<Plain>>> = const { OnceCell::new() };
        }
        kept(&KEPT, Wasi)
    }
}

impl Host for Atomic {
    fn instance() -> Rc<Instance<Self>> {
        thread_local! {
            static KEPT: OnceCell<Rc<Instance<Atomic>>> = const { OnceCell::new() };
        }
        kept(&KEPT, Wasi)
    }
}

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
