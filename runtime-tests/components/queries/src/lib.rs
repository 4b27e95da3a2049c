//! A service for tests: does with SQLite databases what a request says, through every function that there is.
//!
//! `POST` with a list of steps; the answer is the list of what they gave. What cannot be done is
//! `{"error": "access-denied"}` or `{"error": {"io": "why"}}`.
//!
//! - `["open", NAME, LABEL]`, `["close", NAME]`: a connection under a name
//! - `["execute", NAME, SQL, PARAMETERS…]`: all rows, `{"columns", "rows"}`
//! - `["begin", STREAM, NAME, SQL]`, `["next", STREAM, COUNT]`, `["end", STREAM]`, `["leave", STREAM]`: rows as
//!   they are asked for
//! - `["last", NAME]`: changes and row id of the last statement
//! - `["give-up", NAME, SQL, MILLISECONDS]`: a statement that is waited for so long
//! - `["together", STEPS, STEPS, …]`: lists of steps at the same time, each with connections of its own
//!
//! `open`, `execute` and `last` are also there as `…-waiting`, by the functions that are not `async`, and the first
//! two as `…-2`, of `fermyon:spin/sqlite@2.0.0`.
//!
//! A value is a JSON value; a blob is a list of bytes.

use std::collections::HashMap;
use std::pin::pin;
use std::time::Duration;

use bindings::fermyon::spin::sqlite as v2;
use futures::future::{Either, join_all, select};
use serde_json::{Value as Json, json};
use spin_sdk::http::body::IncomingBodyExt as _;
use spin_sdk::http::{IntoResponse, Request};
use spin_sdk::sqlite::wit::sqlite::Connection as Waiting;
use spin_sdk::sqlite::{Connection, Error, QueryResult, RowResult, Value};
use spin_sdk::{http_service, time};

mod bindings {
    spin_sdk::wit_bindgen::generate!({
        path: "../../../wit",
        world: "test:queries/queries",
        runtime_path: "spin_sdk::wit_bindgen::rt",
        generate_all,
        inline: "
            package test:queries;

            world queries {
                import fermyon:spin/sqlite@2.0.0;
            }
        ",
    });
}

#[http_service]
async fn handle(request: Request) -> impl IntoResponse {
    let body = request.into_body().bytes().await.unwrap_or_default();
    let steps: Json = serde_json::from_slice(&body).unwrap_or_default();
    run(&steps).await.to_string()
}

/// What the steps of one list have made so far.
#[derive(Default)]
struct State {
    connections: HashMap<String, Connection>,
    waiting: HashMap<String, Waiting>,
    v2: HashMap<String, v2::Connection>,
    streams: HashMap<String, QueryResult>,
}

async fn run(steps: &Json) -> Json {
    let mut state = State::default();
    let mut given = Vec::new();
    for step in steps.as_array().into_iter().flatten() {
        let step: Vec<&Json> = step.as_array().into_iter().flatten().collect();
        given.push(match state.step(&step).await {
            Ok(given) => given,
            Err(error) => json!({ "error": named(error) }),
        });
    }
    Json::from(given)
}

impl State {
    async fn step(&mut self, step: &[&Json]) -> Result<Json, Error> {
        let text = |index: usize| {
            let text = step.get(index).and_then(|value| value.as_str());
            text.unwrap_or_default().to_owned()
        };
        let number = |index: usize| step.get(index).and_then(|value| value.as_u64());
        let parameters = || step.iter().skip(3).map(|value| value_of(value));
        let (verb, name, third) = (text(0), text(1), text(2));
        Ok(match verb.as_str() {
            "open" => {
                let opened = Connection::open(&third).await?;
                self.connections.insert(name, opened);
                Json::Null
            }
            "open-waiting" => {
                self.waiting.insert(name, Waiting::open(&third)?);
                Json::Null
            }
            "open-2" => {
                let opened = v2::Connection::open(&third).map_err(of_v2)?;
                self.v2.insert(name, opened);
                Json::Null
            }
            "close" => {
                self.connections.remove(&name);
                self.waiting.remove(&name);
                self.v2.remove(&name);
                Json::Null
            }
            "execute" => {
                let connection = found(&self.connections, &name)?;
                all(connection, &third, parameters().collect()).await?
            }
            "execute-waiting" => {
                let connection = found(&self.waiting, &name)?;
                let parameters: Vec<Value> = parameters().collect();
                let given = connection.execute(&third, &parameters)?;
                json!({ "columns": given.columns, "rows": rows(&given.rows) })
            }
            "execute-2" => {
                let connection = found(&self.v2, &name)?;
                let parameters: Vec<v2::Value> = parameters().map(to_v2).collect();
                let given = connection.execute(&third, &parameters).map_err(of_v2)?;
                let row = |row: v2::RowResult| RowResult {
                    values: row.values.into_iter().map(value_of_v2).collect(),
                };
                let given_rows: Vec<RowResult> = given.rows.into_iter().map(row).collect();
                json!({ "columns": given.columns, "rows": rows(&given_rows) })
            }
            "begin" => {
                let connection = found(&self.connections, &third)?;
                let stream = connection.execute(text(3), []).await?;
                let columns = json!(stream.columns());
                self.streams.insert(name, stream);
                columns
            }
            "next" => {
                let stream = self.streams.get_mut(&name).ok_or_else(|| unknown(&name))?;
                let mut taken = Vec::new();
                for _ in 0..number(2).unwrap_or(1) {
                    let Some(row) = stream.next().await else {
                        break;
                    };
                    taken.push(row);
                }
                rows(&taken)
            }
            "end" => {
                let stream = self.streams.remove(&name).ok_or_else(|| unknown(&name))?;
                stream.result().await?;
                Json::Null
            }
            "leave" => {
                self.streams.remove(&name);
                Json::Null
            }
            "last" => {
                let connection = found(&self.connections, &name)?;
                json!([
                    connection.changes().await,
                    connection.last_insert_rowid().await
                ])
            }
            "last-waiting" => {
                let connection = found(&self.waiting, &name)?;
                json!([connection.changes(), connection.last_insert_rowid()])
            }
            "give-up" => {
                let connection = found(&self.connections, &name)?;
                let time = Duration::from_millis(number(3).unwrap_or(0));
                let executed = pin!(all(connection, &third, Vec::new()));
                match select(executed, pin!(time::sleep(time))).await {
                    Either::Left((given, _)) => given?,
                    Either::Right(_) => json!("given up"),
                }
            }
            "together" => {
                let lists = step.iter().skip(1).map(|steps| Box::pin(run(steps)));
                Json::from(join_all(lists).await)
            }
            _ => return Err(unknown(&verb)),
        })
    }
}

async fn all(connection: &Connection, sql: &str, parameters: Vec<Value>) -> Result<Json, Error> {
    let stream = connection.execute(sql, parameters).await?;
    let columns = stream.columns().to_vec();
    let given = stream.collect().await?;
    Ok(json!({ "columns": columns, "rows": rows(&given) }))
}

fn found<'s, T>(all: &'s HashMap<String, T>, name: &str) -> Result<&'s T, Error> {
    all.get(name).ok_or_else(|| unknown(name))
}

fn unknown(name: &str) -> Error {
    Error::Io(format!("the test does not know {name}"))
}

fn named(error: Error) -> Json {
    match error {
        Error::NoSuchDatabase => json!("no-such-database"),
        Error::AccessDenied => json!("access-denied"),
        Error::InvalidConnection => json!("invalid-connection"),
        Error::DatabaseFull => json!("database-full"),
        Error::Io(reason) => json!({ "io": reason }),
    }
}

fn of_v2(error: v2::Error) -> Error {
    match error {
        v2::Error::NoSuchDatabase => Error::NoSuchDatabase,
        v2::Error::AccessDenied => Error::AccessDenied,
        v2::Error::InvalidConnection => Error::InvalidConnection,
        v2::Error::DatabaseFull => Error::DatabaseFull,
        v2::Error::Io(reason) => Error::Io(reason),
    }
}

fn value_of(value: &Json) -> Value {
    match value {
        Json::Null | Json::Object(_) => Value::Null,
        Json::Bool(truth) => Value::Integer((*truth).into()),
        Json::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(number), _) => Value::Integer(number),
            (None, Some(number)) => Value::Real(number),
            (None, None) => Value::Null,
        },
        Json::String(text) => Value::Text(text.clone()),
        Json::Array(bytes) => {
            let byte = |value: &Json| u8::try_from(value.as_u64()?).ok();
            Value::Blob(bytes.iter().filter_map(byte).collect())
        }
    }
}

fn to_v2(value: Value) -> v2::Value {
    match value {
        Value::Null => v2::Value::Null,
        Value::Integer(number) => v2::Value::Integer(number),
        Value::Real(number) => v2::Value::Real(number),
        Value::Text(text) => v2::Value::Text(text),
        Value::Blob(bytes) => v2::Value::Blob(bytes),
    }
}

fn value_of_v2(value: v2::Value) -> Value {
    match value {
        v2::Value::Null => Value::Null,
        v2::Value::Integer(number) => Value::Integer(number),
        v2::Value::Real(number) => Value::Real(number),
        v2::Value::Text(text) => Value::Text(text),
        v2::Value::Blob(bytes) => Value::Blob(bytes),
    }
}

fn rows(rows: &[RowResult]) -> Json {
    let value = |value: &Value| match value {
        Value::Null => Json::Null,
        Value::Integer(number) => json!(number),
        Value::Real(number) => json!(number),
        Value::Text(text) => json!(text),
        Value::Blob(bytes) => json!(bytes),
    };
    let row = |row: &RowResult| row.values.iter().map(value).collect::<Json>();
    rows.iter().map(row).collect()
}
