//! What stands behind the gate in tests.

use crate::sim::body::Body;
use crate::sim::client::read;
use crate::sim::message::{Fields, Request, Response};
use crate::sim::world::{Answer, Peer, World};
use doorward_gate::platform::FieldList;
use serde_json::{Map, Value, json};
use std::cell::RefCell;
use std::rc::Rc;

/// The service of this name, and its log.
pub(super) fn of(name: &str, world: &Rc<World>, log: &Rc<RefCell<Vec<String>>>) -> Peer {
    let (world, log) = (Rc::clone(world), Rc::clone(log));
    let answer: fn(&Request) -> Value = match name {
        "echo" => echo,
        "whoami" => whoami,
        other => panic!("there is no service {other} in virtual time"),
    };
    Rc::new(move |request| {
        let (world, log) = (Rc::clone(&world), Rc::clone(&log));
        Box::pin(async move {
            let target = request.target.clone().unwrap_or_default();
            let tells = !request.fields.values("x-tell").is_empty();
            let tell = |line: Value| {
                if tells {
                    log.borrow_mut().push(line.to_string());
                }
            };
            tell(json!({ "event": "reached", "target": target }));
            let mut fields = FieldList::of([("content-type", "application/json")]);
            for (name, value) in request.fields.entries() {
                if let Some(name) = name.strip_prefix("x-answer-") {
                    fields.push(name, value);
                }
            }
            let answer = match target.as_str() {
                _ if target.ends_with("/body") => read(request.body).await.0,
                _ if target.ends_with("/trailers") => {
                    let (bytes, trailers) = read(request.body).await;
                    let whole = trailers.is_ok();
                    tell(json!({ "event": "body", "bytes": bytes.len(), "whole": whole }));
                    let trailers = trailers?.into_iter().map(|(name, _)| name);
                    let names: Vec<String> = trailers.collect();
                    let seen = json!({ "bytes": bytes.len(), "trailers": names });
                    seen.to_string().into_bytes()
                }
                _ => answer(&request).to_string().into_bytes(),
            };
            Ok(Response {
                status: 200,
                fields: Fields::of(fields),
                body: Body::whole(&world.executor, answer),
            })
        }) as Answer
    })
}

/// What reached it.
fn echo(request: &Request) -> Value {
    let fields = request.fields.entries();
    let headers: Vec<Value> = fields
        .iter()
        .map(|(name, value)| json!([name, String::from_utf8_lossy(value)]))
        .collect();
    json!({
        "method": request.method,
        "target": request.target,
        "authority": request.authority,
        "headers": headers,
    })
}

/// The identity that reached it.
fn whoami(request: &Request) -> Value {
    let mut identity = Map::new();
    for (name, value) in request.fields.entries() {
        if let Some(name) = name.to_ascii_lowercase().strip_prefix("x-auth-") {
            let value = String::from_utf8_lossy(&value).into_owned();
            identity.insert(name.to_owned(), Value::from(value));
        }
    }
    json!({
        "method": request.method,
        "target": request.target,
        "identity": identity,
    })
}
