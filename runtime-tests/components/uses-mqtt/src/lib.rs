//! A service for tests: publishes what it is told.
//!
//! `POST` with `{"address": "mqtt://…", "user": "…", "password": "…", "keep_alive": SECONDS, "version": 2 or 3,
//! "steps": [STEP, …]}`, of which only the address is needed. A step is `[TOPIC, PAYLOAD, QUALITY]`, where the payload
//! is a text or a number of bytes, and the quality 0, 1 or 2; `["open"]` opens another connection, by which the steps
//! after it go; and `[[STEP, …]]` does several steps at the same time. The answer is
//! `{"open": said, "steps": [said, …]}`: of each `done`, or `error: ` and what it is.

use serde_json::{Value, json};
use spin_sdk::mqtt as version_3;
use wasip3::http::types::{ErrorCode, Fields, Request, Response};
use wasip3::{wit_bindgen, wit_future, wit_stream};

use bindings::fermyon::spin::mqtt as version_2;

mod bindings {
    wasip3::wit_bindgen::generate!({
        path: "../../../wit",
        world: "test:uses-mqtt/older",
        runtime_path: "wasip3::wit_bindgen::rt",
        generate_all,
        inline: r#"
            package test:uses-mqtt;

            world older {
                import fermyon:spin/mqtt@2.0.0;
            }
        "#,
    });
}

struct UsesMqtt;

wasip3::http::service::export!(UsesMqtt);

impl wasip3::exports::http::handler::Guest for UsesMqtt {
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

/// A connection by either version of the interface.
enum Connection {
    Version2(version_2::Connection),
    Version3(version_3::Connection),
}

/// What is said against something.
enum Refusal {
    Version2(version_2::Error),
    Version3(version_3::Error),
}

async fn open(task: &Value) -> Result<Connection, Refusal> {
    let text = |name: &str| task.get(name).and_then(Value::as_str).unwrap_or_default();
    let number = |name: &str| task.get(name).and_then(Value::as_u64).unwrap_or_default();
    let (address, user, password) = (text("address"), text("user"), text("password"));
    let keep_alive = number("keep_alive");
    if number("version") == 2 {
        let opened = version_2::Connection::open(address, user, password, keep_alive);
        return opened.map(Connection::Version2).map_err(Refusal::Version2);
    }
    let opened = version_3::Connection::open(address, user, password, keep_alive).await;
    opened.map(Connection::Version3).map_err(Refusal::Version3)
}

async fn work(task: &Value) -> Value {
    let mut connection = match open(task).await {
        Ok(connection) => connection,
        Err(refusal) => return json!({ "open": said(Err(refusal)) }),
    };
    let mut steps = Vec::new();
    let wanted = task.get("steps").and_then(Value::as_array);
    for step in wanted.into_iter().flatten() {
        let step = step.as_array().map(Vec::as_slice).unwrap_or_default();
        steps.push(match step {
            [Value::String(name)] if name == "open" => match open(task).await {
                Ok(another) => {
                    connection = another;
                    said(Ok(()))
                }
                Err(refusal) => said(Err(refusal)),
            },
            [Value::Array(together)] => together_done(&connection, together).await,
            _ => said(publish(&connection, step).await),
        });
    }
    json!({ "open": "done", "steps": steps })
}

async fn together_done(connection: &Connection, steps: &[Value]) -> Value {
    let mut tasks: Vec<_> = steps
        .iter()
        .map(|step| {
            let step = step.as_array().map(Vec::as_slice).unwrap_or_default();
            Box::pin(publish(connection, step))
        })
        .collect();
    let mut done: Vec<Option<Value>> = steps.iter().map(|_| None).collect();
    std::future::poll_fn(move |context| {
        let mut all = true;
        for (task, done) in tasks.iter_mut().zip(&mut done) {
            if done.is_none() {
                match task.as_mut().poll(context) {
                    std::task::Poll::Ready(result) => *done = Some(said(result)),
                    std::task::Poll::Pending => all = false,
                }
            }
        }
        match all {
            true => std::task::Poll::Ready(done.iter_mut().filter_map(Option::take).collect()),
            false => std::task::Poll::Pending,
        }
    })
    .await
}

async fn publish(connection: &Connection, step: &[Value]) -> Result<(), Refusal> {
    let topic = step.first().and_then(Value::as_str).unwrap_or_default();
    let payload = match step.get(1) {
        Some(Value::String(text)) => text.as_bytes().to_vec(),
        Some(length) => vec![b'a'; usize::try_from(length.as_u64().unwrap_or(0)).unwrap_or(0)],
        None => Vec::new(),
    };
    let quality = step.get(2).and_then(Value::as_u64);
    match connection {
        Connection::Version2(connection) => {
            let qos = match quality {
                Some(0) => version_2::Qos::AtMostOnce,
                Some(1) => version_2::Qos::AtLeastOnce,
                _ => version_2::Qos::ExactlyOnce,
            };
            let published = connection.publish(topic, &payload, qos);
            published.map_err(Refusal::Version2)
        }
        Connection::Version3(connection) => {
            let qos = match quality {
                Some(0) => version_3::Qos::AtMostOnce,
                Some(1) => version_3::Qos::AtLeastOnce,
                _ => version_3::Qos::ExactlyOnce,
            };
            let published = connection.publish(topic, payload, qos).await;
            published.map_err(Refusal::Version3)
        }
    }
}

fn said(done: Result<(), Refusal>) -> Value {
    let refusal = match done {
        Ok(()) => return Value::from("done"),
        Err(refusal) => refusal,
    };
    let (kind, reason) = match refusal {
        Refusal::Version2(version_2::Error::InvalidAddress)
        | Refusal::Version3(version_3::Error::InvalidAddress) => ("invalid-address", None),
        Refusal::Version2(version_2::Error::TooManyConnections)
        | Refusal::Version3(version_3::Error::TooManyConnections) => ("too-many-connections", None),
        Refusal::Version2(version_2::Error::ConnectionFailed(reason))
        | Refusal::Version3(version_3::Error::ConnectionFailed(reason)) => {
            ("connection-failed", Some(reason))
        }
        Refusal::Version2(version_2::Error::Other(reason))
        | Refusal::Version3(version_3::Error::Other(reason)) => ("other", Some(reason)),
    };
    Value::from(match reason {
        Some(reason) => format!("error: {kind}: {reason}"),
        None => format!("error: {kind}"),
    })
}
