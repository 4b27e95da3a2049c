//! A service for tests with the gate linked in: says what reaches it, as `echo` does behind the gate, and by the same words.
//!
//! - `…/body` answers with the request's body, as a stream.
//! - `…/trailers` reads the body and answers with the names of the trailer fields, as JSON.
//! - `…/collected` reads the body, up to `COLLECTED_BYTES_MAX` bytes, and answers with it.
//! - `…/unread` leaves the body where it is.
//! - `…/identity` answers with who the caller is, as JSON.
//! - `…/request` has the request made anew, as a component behind the gate gets it, and says what is in it.
//! - everything else answers with method, target and header fields, as JSON.
//!
//! Each field `x-answer-NAME` of a request is a field `NAME` of the answer.

use doorward_edge::{
    Admitted, Answer, FieldList, Identity, IncomingBody, Reply, guard, method_name,
};
use serde_json::{Value, json};
use wasip3::http::types::{ErrorCode, Fields, Request, Response};

/// Bytes of a body that are read into memory at most.
const COLLECTED_BYTES_MAX: usize = 64 * 1024;

struct Echo;

wasip3::http::service::export!(Echo);
doorward_edge::preparable!(Echo);

impl wasip3::exports::http::handler::Guest for Echo {
    async fn handle(request: Request) -> Result<Response, ErrorCode> {
        guard(request, echo).await
    }
}

async fn echo(admitted: Admitted<'_>) -> Result<Answer, ErrorCode> {
    let last = admitted.path().rsplit('/').next().unwrap_or_default();
    let reply = match last {
        "body" => return streamed(admitted),
        "trailers" => trailers(admitted.into_body()).await?,
        "collected" => match admitted.into_body().collect(COLLECTED_BYTES_MAX).await {
            Ok(bytes) => Reply::new(200).with_body("application/octet-stream", bytes),
            Err(fault) => Reply::new(400).with_body("text/plain", fault.to_string()),
        },
        "unread" => Reply::new(204),
        // How long an answer would be depends on addresses that are in it.
        _ if admitted.method() == "HEAD" => Reply::new(200),
        "identity" => json(&admitted.identity().map_or(Value::Null, identity)),
        "request" => {
            let request = admitted.into_request()?;
            let fields = FieldList::from(request.get_headers().copy_all());
            let target = request.get_path_with_query().unwrap_or_default();
            let authority = request.get_authority();
            json(&seen(
                &method_name(request.get_method()),
                &target,
                authority,
                &fields,
            ))
        }
        _ => {
            let fields = admitted.forwarded_fields();
            let authority = admitted.authority();
            let reply = json(&seen(
                admitted.method(),
                admitted.target(),
                authority,
                &fields,
            ));
            answer_fields(&fields, reply)
        }
    };
    Ok(Answer::Reply(reply))
}

/// The body as the answer.
fn streamed(admitted: Admitted<'_>) -> Result<Answer, ErrorCode> {
    let incomplete = |_| ErrorCode::HttpRequestBodySize(None);
    match admitted.into_body().into_stream().map_err(incomplete)? {
        Some(body) => {
            let (response, _sent) = Response::new(Fields::new(), body.contents, body.trailers);
            Ok(Answer::Response(response))
        }
        None => Ok(Answer::Reply(Reply::new(200))),
    }
}

/// How long a body is, and the names of its trailers.
async fn trailers(mut body: IncomingBody) -> Result<Reply, ErrorCode> {
    let mut bytes = 0;
    let incomplete = |_| ErrorCode::HttpRequestBodySize(None);
    while let Some(piece) = body.read().await.map_err(incomplete)? {
        bytes += piece.len();
    }
    let names: Vec<&str> = body.trailers().names().collect();
    Ok(json(&json!({ "bytes": bytes, "trailers": names })))
}

/// Who the caller is.
fn identity(identity: Identity<'_>) -> Value {
    json!({
        "kind": identity.kind().name(),
        "principal": identity.principal().to_string(),
        "issuer": identity.issuer(),
        "subject": identity.subject(),
        "audience": identity.audience(),
        "scopes": identity.scopes(),
        "expires_at": identity.expires_at().map(|at| at.0),
    })
}

/// What reached this component, as `echo` says it.
fn seen(method: &str, target: &str, authority: Option<String>, fields: &FieldList) -> Value {
    let headers: Vec<Value> = fields
        .iter()
        .map(|(name, value)| json!([name, String::from_utf8_lossy(value)]))
        .collect();
    json!({
        "method": in_words_of_wasi(method),
        "target": target,
        "authority": authority,
        "headers": headers,
    })
}

/// A method as `echo` says it.
fn in_words_of_wasi(method: &str) -> String {
    match method {
        "GET" | "HEAD" | "POST" | "PUT" | "DELETE" | "CONNECT" | "OPTIONS" | "TRACE" | "PATCH" => {
            let (first, rest) = method.split_at(1);
            format!("Method::{first}{}", rest.to_ascii_lowercase())
        }
        other => format!("Method::Other({other:?})"),
    }
}

fn json(value: &Value) -> Reply {
    Reply::new(200).with_body("application/json", value.to_string())
}

/// With the fields that the answer is to have.
fn answer_fields(fields: &FieldList, reply: Reply) -> Reply {
    let answered = fields
        .iter()
        .filter_map(|(name, value)| Some((name.strip_prefix("x-answer-")?, value)))
        // No host accepts it.
        .filter(|(name, _)| *name != "connection");
    answered.fold(reply, |reply, (name, value)| reply.with_field(name, value))
}
