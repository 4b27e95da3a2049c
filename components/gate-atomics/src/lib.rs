//! `wasi:http/middleware`: authenticates and authorises every request, and passes on those that the
//! policy admits.
//!
//! The component `gate` for hosts that have `wasi:keyvalue/atomics`: limits that instances share are never exceeded.
//! Others do not start it.
//!
//! All it does is in `doorward-gate`; here it meets its exports and imports.

use doorward_edge::Atomic;
use wasip3::http::types::{ErrorCode, Request, Response};

mod bindings {
    wasip3::wit_bindgen::generate!({
        path: "../../wit",
        world: "doorward:components/next",
        runtime_path: "wasip3::wit_bindgen::rt",
        with: { "wasi:http/types@0.3.0": wasip3::http::types },
        generate_all,
    });
}

struct Gate;

wasip3::http::service::export!(Gate);
doorward_edge::preparable!(Gate);

impl wasip3::exports::http::handler::Guest for Gate {
    async fn handle(request: Request) -> Result<Response, ErrorCode> {
        doorward_edge::handle::<Atomic, _>(request, |permitted| {
            bindings::wasi::http::handler::handle(permitted.into_request())
        })
        .await
    }
}
