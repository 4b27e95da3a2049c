//! A service for tests: does with a Redis what it is told.
//!
//! `POST` with `{"address": "redis://…", "steps": [[FUNCTION, ARGUMENT, …], …]}`. The answer is
//! `{"open": said, "steps": [said, …]}`: of each what it gave, or `error: ` and what it is. All steps go by one
//! connection, one after the other; `["open"]` opens another one, which the steps after it go by.
//!
//! Of the arguments of `execute` a number is an `int64`, a text is `binary`. Of its results `null` is `nil`, a number
//! an `int64`, `{"status": text}` a `status`, and a text `binary`.

use serde_json::{Value, json};
use spin_sdk::redis::{Connection, Error, RedisParameter, RedisResult};
use wasip3::http::types::{ErrorCode, Fields, Request, Response};
use wasip3::{wit_bindgen, wit_future, wit_stream};

struct UsesRedis;

wasip3::http::service::export!(UsesRedis);

impl wasip3::exports::http::handler::Guest for UsesRedis {
    async fn handle(request: Request) -> Result<Response, ErrorCode> {
        let (_done, done_reader) = wit_future::new(|| Ok(()));
        let (body, _trailers) = Request::consume_body(request, done_reader);
        let answer = match serde_json::from_slice(&body.collect().await) {
            Ok(task) => work(&task).await,
            Err(error) => json!({ "open": error.to_string() }),
        };
        let (mut writer, reader) = wit_stream::new();
        wit_bindgen::spawn(async move {
            writer.write_all(answer.to_string().into_bytes()).await;
        });
        let (trailers, trailers_reader) = wit_future::new(|| Ok(None));
        drop(trailers);
        let (response, _sent) = Response::new(Fields::new(), Some(reader), trailers_reader);
        Ok(response)
    }
}

async fn work(task: &Value) -> Value {
    let address = task
        .get("address")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let mut connection = match Connection::open(address).await {
        Ok(connection) => connection,
        Err(error) => return json!({ "open": said(Err(error)) }),
    };
    let mut steps = Vec::new();
    let wanted = task.get("steps").and_then(Value::as_array);
    for step in wanted.into_iter().flatten() {
        let step = step.as_array().map(Vec::as_slice).unwrap_or_default();
        let done = match step {
            [Value::String(name)] if name == "open" => match Connection::open(address).await {
                Ok(another) => {
                    connection = another;
                    Ok(Value::Null)
                }
                Err(error) => Err(error),
            },
            _ => do_step(&connection, step).await,
        };
        steps.push(said(done));
    }
    json!({ "open": "done", "steps": steps })
}

async fn do_step(connection: &Connection, step: &[Value]) -> Result<Value, Error> {
    let text = |index: usize| {
        let argument = step.get(index).and_then(Value::as_str);
        argument.unwrap_or_default()
    };
    let rest = |from: usize| {
        let arguments = step.get(from..).unwrap_or_default();
        arguments.iter().filter_map(Value::as_str)
    };
    let none = |()| Value::Null;
    match text(0) {
        "publish" => connection.publish(text(1), text(2)).await.map(none),
        "get" => {
            let value = connection.get(text(1)).await?;
            Ok(value.map_or(Value::Null, as_text))
        }
        "set" => connection.set(text(1), text(2)).await.map(none),
        "incr" => connection.incr(text(1)).await.map(Value::from),
        "del" => connection.del(rest(1)).await.map(Value::from),
        "sadd" => connection.sadd(text(1), rest(2)).await.map(Value::from),
        "smembers" => {
            let mut members = connection.smembers(text(1)).await?;
            members.sort();
            Ok(Value::from(members))
        }
        "srem" => connection.srem(text(1), rest(2)).await.map(Value::from),
        "execute" => {
            let arguments = step.get(2..).unwrap_or_default();
            let parameters = arguments.iter().map(|argument| match argument.as_i64() {
                Some(number) => RedisParameter::Int64(number),
                None => {
                    let text = argument.as_str().unwrap_or_default();
                    RedisParameter::Binary(text.as_bytes().to_vec())
                }
            });
            let results = connection.execute(text(1), parameters).await?;
            Ok(results.into_iter().map(result).collect())
        }
        other => Err(Error::Other(format!("there is no function {other}"))),
    }
}

fn result(result: RedisResult) -> Value {
    match result {
        RedisResult::Nil => Value::Null,
        RedisResult::Status(text) => json!({ "status": text }),
        RedisResult::Int64(number) => Value::from(number),
        RedisResult::Binary(bytes) => as_text(bytes),
    }
}

/// Of a long text how long it is.
fn as_text(bytes: Vec<u8>) -> Value {
    match bytes.len() {
        0..=1000 => Value::from(bytes.escape_ascii().to_string()),
        length => json!({ "bytes": length }),
    }
}

fn said(done: Result<Value, Error>) -> Value {
    match done {
        Ok(value) => value,
        Err(Error::InvalidAddress) => Value::from("error: invalid-address"),
        Err(Error::TooManyConnections) => Value::from("error: too-many-connections"),
        Err(Error::TypeError) => Value::from("error: type-error"),
        Err(Error::Other(reason)) => Value::from(format!("error: other: {reason}")),
    }
}
