//! HTTP as `wasmtime-wasi-http` links it, types included; the requests go to what the instance's view names, and end
//! with their client where they say that they are for it.

use doorward_syntax::own_host::CLIENT_BOUND_FIELD;
use std::sync::Arc;
use wasmtime::component::{Accessor, HasData, Linker, Resource};
use wasmtime::{AsContextMut as _, Result};
use wasmtime_wasi::TrappableError;
use wasmtime_wasi_http::p3::bindings::http::client::{self, HostWithStore};
use wasmtime_wasi_http::p3::bindings::http::types::{self, ErrorCode};
use wasmtime_wasi_http::p3::{Request, Response};
use wasmtime_wasi_http::{WasiHttp, WasiHttpCtxView, p2};

use crate::interfaces::interface::HostView;
use crate::presence::Presence;

/// Defines the interfaces.
pub fn define<T: HostView>(linker: &mut Linker<T>) -> Result<()> {
    p2::add_only_http_to_linker_async(linker)?;
    types::add_to_linker::<_, WasiHttp>(linker, T::http)?;
    client::add_to_linker::<_, Client>(linker, T::http)
}

/// `wasi:http/client`.
struct Client;

impl HasData for Client {
    type Data<'a> = WasiHttpCtxView<'a>;
}

type Sent = std::result::Result<Resource<Response>, TrappableError<ErrorCode>>;

impl<T: HostView> HostWithStore<T> for Client {
    async fn send(store: &Accessor<T, Self>, request: Resource<Request>) -> Sent {
        let http = store.with_getter::<WasiHttp>(store.getter());
        let Some(client) = client_of(store, &request)? else {
            return WasiHttp::send(&http, request).await;
        };
        if client.has_gone() {
            let delete = |view: WasiHttpCtxView<'_>| view.table.delete(request).map(drop);
            store.with(|mut store| delete(store.get())).map_err(trap)?;
            return Err(ErrorCode::HttpRequestDenied.into());
        }
        tokio::select! {
            biased;
            sent = WasiHttp::send(&http, request) => sent,
            () = client.gone() => Err(ErrorCode::HttpRequestDenied.into()),
        }
    }
}

fn trap(error: impl Into<wasmtime::Error>) -> TrappableError<ErrorCode> {
    TrappableError::trap(error)
}

/// The client with which a request ends; none where it says of none.
fn client_of<T: HostView>(
    store: &Accessor<T, Client>,
    request: &Resource<Request>,
) -> std::result::Result<Option<Arc<Presence>>, TrappableError<ErrorCode>> {
    store.with(|mut store| {
        let sent = store.get().table.get(request).map_err(trap)?;
        if !sent.headers.contains_key(CLIENT_BOUND_FIELD) {
            return Ok(None);
        }
        let mut store = store.as_context_mut();
        // A component may have been asked by another one that it was composed with; the last one in the row, by a
        // client.
        let asked = store.async_call_stack().map_err(trap)?.last();
        Ok(asked.and_then(|task| store.data_mut().client_of(task)))
    })
}
