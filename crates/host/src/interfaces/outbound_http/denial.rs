//! Requests go the way of any request, through a client that refuses every one of them.

use http::{HeaderName, Request};
use wasmtime::Result;
use wasmtime::component::Linker;
use wasmtime_wasi_http::p2::bindings::http::outgoing_handler as p2;
use wasmtime_wasi_http::p3::bindings::http::client as p3;
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody, WasiHttp, WasiHttpHooks};

use super::service::{IoResult, SendResult, is_forbidden};
use crate::interfaces::import_name::denied_name;
use crate::interfaces::interface::HostView;

/// Refuses every request: what a middleware has that does not inherit `allowed_outbound_hosts`.
#[derive(Clone, Copy, Debug)]
pub struct Denied;

impl WasiHttpHooks for Denied {
    fn is_forbidden_header(&mut self, name: &HeaderName) -> bool {
        is_forbidden(name)
    }

    fn send_request(
        &mut self,
        _request: Request<WasiBody>,
        _options: Option<RequestOptions>,
        _component_is_done: IoResult,
    ) -> SendResult {
        Box::new(async {
            Err(Error::InternalError(Some(
                "outbound requests are not permitted: `allowed_outbound_hosts` is not inherited"
                    .to_owned(),
            )))
        })
    }
}

/// Defines the refusing twins.
pub fn define<T: HostView>(linker: &mut Linker<T>) -> Result<()> {
    let mut twin = linker.instance(&denied_name("wasi:http/outgoing-handler@0.2.0"))?;
    p2::add_to_linker_instance::<T, WasiHttp>(&mut twin, T::http_denied)?;
    let mut twin = linker.instance(&denied_name("wasi:http/client@0.3.0"))?;
    p3::add_to_linker_instance::<T, WasiHttp>(&mut twin, T::http_denied)
}
