//! `wasi:http/service`: authenticates and authorises every request, and asks the upstream that the policy
//! names for its route.
//!
//! All it does is in `doorward-gate`; here it meets its export.

use doorward_edge::Plain;
use wasip3::http::types::{ErrorCode, Request, Response};

struct Gateway;

wasip3::http::service::export!(Gateway);
doorward_edge::preparable!(Gateway);

impl wasip3::exports::http::handler::Guest for Gateway {
    async fn handle(request: Request) -> Result<Response, ErrorCode> {
        doorward_edge::handle_with_upstreams::<Plain>(request).await
    }
}
