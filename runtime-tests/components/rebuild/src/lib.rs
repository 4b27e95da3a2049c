//! The baseline of the benchmark: a middleware that does nothing but rebuild the request with one
//! header replaced.
//!
//! It is written the way the gate is (WASI resources, the body stream handed on untouched), so that the
//! difference between the two is what checking a request costs.

use wasip3::http::types::{ErrorCode, Request, Response};
use wasip3::wit_future;

mod bindings {
    wasip3::wit_bindgen::generate!({
        path: "../../../wit",
        world: "doorward:components/next",
        runtime_path: "wasip3::wit_bindgen::rt",
        with: { "wasi:http/types@0.3.0": wasip3::http::types },
        generate_all,
    });
}

struct Rebuild;

wasip3::http::service::export!(Rebuild);

impl wasip3::exports::http::handler::Guest for Rebuild {
    async fn handle(request: Request) -> Result<Response, ErrorCode> {
        let method = request.get_method();
        let scheme = request.get_scheme();
        let authority = request.get_authority();
        let target = request.get_path_with_query();
        let options = request.get_options();

        let headers = request.get_headers().clone();
        headers
            .set("x-auth-subject", &[b"nobody".to_vec()])
            .map_err(|_| ErrorCode::InternalError(None))?;

        let (outcome, outcome_reader) = wit_future::new(|| Ok(()));
        let (body, trailers) = Request::consume_body(request, outcome_reader);
        drop(outcome);
        let (rebuilt, _sent) = Request::new(headers, Some(body), trailers, options);
        let invalid = |()| ErrorCode::InternalError(None);
        rebuilt.set_method(&method).map_err(invalid)?;
        rebuilt.set_scheme(scheme.as_ref()).map_err(invalid)?;
        rebuilt
            .set_authority(authority.as_deref())
            .map_err(invalid)?;
        rebuilt
            .set_path_with_query(target.as_deref())
            .map_err(invalid)?;
        bindings::wasi::http::handler::handle(rebuilt).await
    }
}
