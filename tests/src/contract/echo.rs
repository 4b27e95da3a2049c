//! The component that says what it sees, as the built ones do: behind the gate (`runtime-tests/components/echo`), and with
//! the gate linked in (`runtime-tests/components/echo-linked`).

use crate::sim::body::Body;
use crate::sim::client::read;
use crate::sim::gate::Service;
use crate::sim::message::{Failure, Fields, Request, Response, is_forbidden};
use crate::sim::platform::Sim;
use crate::sim::world::{Answer, Peer, World};
use doorward_gate::linked::{Admitted, Answer as Answered, Reply};
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
    let told = told(
        &request.method,
        &target,
        request.authority.as_deref(),
        &entries,
    );
    let body = Body::whole(executor, told.to_string().into());
    let answered = answered(&entries);
    respond(
        answered
            .map(|(name, value)| (name.to_owned(), value.to_vec()))
            .collect(),
        body,
    )
}

/// One that the gate is linked into.
pub(super) fn linked() -> Service {
    Rc::new(|admitted| Box::pin(answer_linked(admitted)))
}

async fn answer_linked(admitted: Admitted<'_, Sim>) -> Result<Answered<Sim>, Failure> {
    let json = |told: Value| Reply::new(200).with_body("application/json", told.to_string());
    let last = admitted.path().rsplit('/').next().unwrap_or_default();
    let reply = match last {
        "body" => match admitted
            .into_body()
            .into_stream()
            .map_err(|_| Failure::Incomplete)?
        {
            Some(body) => {
                let (status, fields) = (200, Fields::of(FieldList::new()));
                return Ok(Answered::Response(Response {
                    status,
                    fields,
                    body,
                }));
            }
            None => Reply::new(200),
        },
        "trailers" => {
            let (mut body, mut bytes) = (admitted.into_body(), 0);
            while let Some(piece) = body.read().await.map_err(|_| Failure::Incomplete)? {
                bytes += piece.len();
            }
            let names: Vec<&str> = body.trailers().names().collect();
            json(json!({ "bytes": bytes, "trailers": names }))
        }
        _ if admitted.method() == "HEAD" => Reply::new(200),
        _ => {
            let fields = admitted.forwarded_fields();
            let authority = admitted.authority();
            let told = told(
                admitted.method(),
                admitted.target(),
                authority.as_deref(),
                &fields,
            );
            answered(&fields).fold(json(told), |reply, (name, value)| {
                reply.with_field(name, value)
            })
        }
    };
    Ok(Answered::Reply(reply))
}

/// The fields that the answer is to have.
fn answered(fields: &FieldList) -> impl Iterator<Item = (&str, &[u8])> {
    fields.iter().filter_map(|(name, value)| {
        let name = name.strip_prefix("x-answer-")?;
        (!is_forbidden(name)).then_some((name, value))
    })
}

/// What is seen of a request.
fn told(method_name: &str, target: &str, authority: Option<&str>, fields: &FieldList) -> Value {
    let headers: Vec<Value> = fields
        .iter()
        .map(|(name, value)| json!([name, String::from_utf8_lossy(value)]))
        .collect();
    json!({
        "method": method(method_name),
        "target": target,
        "authority": authority,
        "headers": headers,
    })
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
