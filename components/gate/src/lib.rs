//! `wasi:http/middleware`: authenticates and authorises every request, and passes on those that the
//! policy admits.
//!
//! All it does is in `doorward-gate`; here it meets its exports and imports.

use doorward_edge::Plain;
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
        doorward_edge::handle::<Plain, _>(request, |permitted| {
            bindings::wasi::http::handler::handle(permitted.into_request())
        })
        .await
    }
}
