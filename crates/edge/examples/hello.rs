//! A service with the gate linked in, as docs/linked-in.md has it.

use doorward_edge::{Admitted, Reply, guard};
use wasip3::http::types::{ErrorCode, Request, Response};

struct Hello;

wasip3::http::service::export!(Hello);
doorward_edge::preparable!(Hello);

impl wasip3::exports::http::handler::Guest for Hello {
    async fn handle(request: Request) -> Result<Response, ErrorCode> {
        guard(request, hello).await
    }
}

async fn hello(admitted: Admitted<'_>) -> Result<Reply, ErrorCode> {
    let caller = match admitted.identity() {
        Some(identity) => identity.subject().unwrap_or(identity.issuer()),
        None => "nobody",
    };
    let greeting = format!("Hello, {caller}!\n");
    Ok(Reply::new(200).with_body("text/plain", greeting))
}
