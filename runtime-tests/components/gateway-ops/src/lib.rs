//! The component `gateway`, built with all features for operators that every host can serve. What it is for: `components/gateway`.

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
