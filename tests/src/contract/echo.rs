//! The component that says what it sees, as the built one does (`runtime-tests/components/echo`).

use crate::sim::body::Body;
use crate::sim::client::read;
use crate::sim::message::{Failure, Fields, Request, Response, is_forbidden};
use crate::sim::world::{Answer, Peer, World};
use doorward_gate::platform::FieldList;
use serde_json::{Value, json};
use std::rc::Rc;

/// One that answers in this world.
pub(super) fn peer(world: &Rc<World>) -> Peer {
    let world = Rc::clone(world);
    Rc::new(move |request| {
        let world = Rc::clone(&world);
        Box::pin(async move { answer(&world, request).await }) as Answer
    })
}

async fn answer(world: &Rc<World>, request: Request) -> Result<Response, Failure> {
    let target = request.target.clone().unwrap_or_default();
    let respond = |fields, body| {
        Ok(Response {
            status: 200,
            fields: Fields::of(fields),
            body,
        })
    };
    if target.ends_with("/body") {
        return respond(FieldList::new(), request.body);
    }
    let executor = &world.executor;
    if target.ends_with("/trailers") {
        let (bytes, trailers) = read(request.body).await;
        let names: Vec<String> = trailers?.into_iter().map(|(name, _)| name).collect();
        let told = json!({ "bytes": bytes.len(), "trailers": names });
        return respond(
            FieldList::new(),
            Body::whole(executor, told.to_string().into()),
        );
    }
    let entries = request.fields.entries();
    let answered = entries.iter().filter_map(|(name, value)| {
        let name = name.strip_prefix("x-answer-")?;
        (!is_forbidden(name)).then(|| (name.to_owned(), value.to_vec()))
    });
    let headers: Vec<Value> = entries
        .iter()
        .map(|(name, value)| json!([name, String::from_utf8_lossy(value)]))
        .collect();
    let told = json!({
        "method": method(&request.method),
        "target": target,
        "authority": request.authority,
        "headers": headers,
    });
    let body = Body::whole(executor, told.to_string().into());
    respond(answered.collect(), body)
}

/// A method in the words of WASI.
fn method(name: &str) -> String {
    match name {
        "GET" | "HEAD" | "POST" | "PUT" | "DELETE" | "CONNECT" | "OPTIONS" | "TRACE" | "PATCH" => {
            let (first, rest) = name.split_at(1);
            format!("Method::{first}{}", rest.to_ascii_lowercase())
        }
        other => format!("Method::Other({other:?})"),
    }
}
