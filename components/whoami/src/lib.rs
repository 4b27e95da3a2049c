//! `wasi:http/service`: answers every request with the identity that reached it, as JSON.
//!
//! It sees a request as any service behind the gate does, and trusts the identity header fields because
//! the gate removes what a client sends under their names.

use doorward_edge::{FieldList, method_name, respond};
use serde_json::{Map, Value};
use wasip3::http::types::{ErrorCode, Request, Response};

/// The prefix of the header fields that carry the identity.
const IDENTITY_PREFIX: &str = "x-auth-";

struct Whoami;

wasip3::http::service::export!(Whoami);

impl wasip3::exports::http::handler::Guest for Whoami {
    async fn handle(request: Request) -> Result<Response, ErrorCode> {
        let mut identity = Map::new();
        for (name, value) in request.get_headers().copy_all() {
            if let Some(name) = name.to_ascii_lowercase().strip_prefix(IDENTITY_PREFIX) {
                let value = String::from_utf8_lossy(&value).into_owned();
                identity.insert(name.to_owned(), Value::from(value));
            }
        }
        let answer = Value::Object(Map::from_iter([
            (
                "method".to_owned(),
                Value::from(method_name(request.get_method())),
            ),
            (
                "target".to_owned(),
                Value::from(request.get_path_with_query()),
            ),
            ("identity".to_owned(), Value::Object(identity)),
        ]));
        let mut body = answer.to_string().into_bytes();
        body.push(b'\n');
        let fields = FieldList::of([
            ("content-type", "application/json"),
            ("content-length", &body.len().to_string()),
        ]);
        respond(200, &fields, body)
    }
}
