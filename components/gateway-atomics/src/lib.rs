//! `wasi:http/service`: authenticates and authorises every request, and asks the upstream that the policy
//! names for its route.
//!
//! The component `gateway` for hosts that have `wasi:keyvalue/atomics`: limits that instances share are never exceeded.
//! Others do not start it.
//!
//! All it does is in `doorward-gate`; here it meets its export.

use doorward_edge::Atomic;
use wasip3::http::types::{ErrorCode, Request, Response};

struct Gateway;

wasip3::http::service::export!(Gateway);
doorward_edge::preparable!(Gateway);

impl wasip3::exports::http::handler::Guest for Gateway {
    async fn handle(request: Request) -> Result<Response, ErrorCode> {
        doorward_edge::handle_with_upstreams::<Atomic>(request).await
    }
}
