//! The component `whoami`, with the gate linked in: `docs/linked-in.md`.

#[path = "../../../../components/whoami/src/answer.rs"]
mod answer;

use doorward_edge::{Admitted, Reply, guard};
use wasip3::http::types::{ErrorCode, Request, Response};

struct Whoami;

wasip3::http::service::export!(Whoami);
doorward_edge::preparable!(Whoami);

impl wasip3::exports::http::handler::Guest for Whoami {
    async fn handle(request: Request) -> Result<Response, ErrorCode> {
        guard(request, whoami).await
    }
}

async fn whoami(admitted: Admitted<'_>) -> Result<Reply, ErrorCode> {
    let identity = admitted.permit().identity_headers();
    let identity = identity.map(|(name, value)| (name, value.as_slice()));
    let body = answer::answer(admitted.method(), Some(admitted.target()), identity)
        .map_err(|error| ErrorCode::InternalError(Some(error.to_string())))?;
    Ok(Reply::new(200).with_body(answer::JSON, body))
}
