//! `wasi:http/service`: answers every request with the identity that reached it, as JSON.
//!
//! It sees a request as any service behind the gate does, and trusts the identity header fields because
//! the gate removes what a client sends under their names.

mod answer;

use doorward_edge::{FieldList, method_name, respond};
use wasip3::http::types::{ErrorCode, Request, Response};

struct Whoami;

wasip3::http::service::export!(Whoami);

impl wasip3::exports::http::handler::Guest for Whoami {
    async fn handle(request: Request) -> Result<Response, ErrorCode> {
        let fields = FieldList::from(request.get_headers().copy_all());
        let body = answer::answer(
            &method_name(request.get_method()),
            request.get_path_with_query().as_deref(),
            fields.iter(),
        );
        let body = body.map_err(|error| ErrorCode::InternalError(Some(error.to_string())))?;
        let fields = FieldList::of([
            ("content-type", answer::JSON),
            ("content-length", &body.len().to_string()),
        ]);
        respond(200, &fields, body)
    }
}
