//! A service for tests: does with PostgreSQL what a request says, through every function that there is.
//!
//! `POST` with a list of steps; the answer is the list of what they gave. What cannot be done is
//! `{"error": {"connection-failed": "why"}}`, or another kind of the interface's.
//!
//! - `["open", NAME, ADDRESS]`, `["build", NAME, ADDRESS, PEM]`, `["close", NAME]`: a connection under a name
//! - `["execute", NAME, SQL, PARAMETERS…]`: how many rows
//! - `["query", NAME, SQL, PARAMETERS…]`: all rows, `{"columns", "rows"}`
//! - `["begin", STREAM, NAME, SQL]`, `["next", STREAM, COUNT]`, `["end", STREAM]`, `["leave", STREAM]`: rows as
//!   they are asked for
//! - `["give-up", NAME, SQL, MILLISECONDS]`: a statement that is waited for so long
//! - `["together", STEPS, STEPS, …]`: lists of steps at the same time, each with connections of its own
//! - `["builders", COUNT]`: so many builders that are dropped again
//!
//! `open`, `build`, `execute` and `query` are also there as `…-waiting`, by the functions that are not `async`.
//!
//! They are also there as `open-3`, `execute-3` and `query-3`, of `spin:postgres@3.0.0`, for values that both have.
//!
//! A value is `null` or `{KIND: VALUE}`, a column `[NAME, TYPE]`.

#![cfg_attr(
    not(target_family = "wasm"),
    expect(
        clippy::result_large_err,
        reason = "in a component, where pointers are half as long, it is not"
    )
)]

mod values;

use std::collections::HashMap;
use std::pin::pin;
use std::time::Duration;

use bindings::spin::postgres3_0_0::postgres as v3;
use bindings::spin::postgres4_2_0::postgres::{
    Column, Connection, ConnectionBuilder, DbValue, Error, ParameterValue, QueryError,
};
use futures::future::{Either, join_all, select};
use serde_json::{Value as Json, json};
use spin_sdk::http::body::IncomingBodyExt as _;
use spin_sdk::http::{IntoResponse, Request};
use spin_sdk::wit_bindgen::{FutureReader, StreamReader};
use spin_sdk::{http_service, time};

mod bindings {
    spin_sdk::wit_bindgen::generate!({
        path: "../../../wit",
        world: "test:postgres/uses-postgres",
        runtime_path: "spin_sdk::wit_bindgen::rt",
        generate_all,
        inline: "
            package test:postgres;

            world uses-postgres {
                import spin:postgres/postgres@3.0.0;
                import spin:postgres/postgres@4.2.0;
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

type Rows = (StreamReader<Vec<DbValue>>, FutureReader<Result<(), Error>>);

/// What the steps of one list have made so far.
#[derive(Default)]
struct State {
    connections: HashMap<String, Connection>,
    v3: HashMap<String, v3::Connection>,
    streams: HashMap<String, Rows>,
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
        let parameters = || -> Vec<ParameterValue> {
            let given = step.iter().skip(3);
            given.map(|value| values::parameter(value)).collect()
        };
        let (verb, name, third) = (text(0), text(1), text(2));
        Ok(match verb.as_str() {
            "open" => self.keep(name, Connection::open_async(third).await?),
            "open-waiting" => self.keep(name, Connection::open(&third)?),
            "open-3" => {
                let opened = v3::Connection::open(&third).map_err(values::error_of_v3)?;
                self.v3.insert(name, opened);
                Json::Null
            }
            "build" => {
                let builder = builder(&third, step.get(3))?;
                self.keep(name, builder.build_async().await?)
            }
            "build-waiting" => {
                let builder = builder(&third, step.get(3))?;
                self.keep(name, builder.build()?)
            }
            "builders" => {
                for _ in 0..number(1).unwrap_or(0) {
                    drop(ConnectionBuilder::new("postgres://nowhere"));
                }
                Json::Null
            }
            "close" => {
                self.connections.remove(&name);
                self.v3.remove(&name);
                Json::Null
            }
            "execute" => {
                let connection = found(&self.connections, &name)?;
                json!(connection.execute_async(third, parameters()).await?)
            }
            "execute-waiting" => {
                let connection = found(&self.connections, &name)?;
                let parameters = parameters();
                json!(connection.execute(&third, &parameters)?)
            }
            "query" => {
                let connection = found(&self.connections, &name)?;
                all(connection, third, parameters()).await?
            }
            "query-waiting" => {
                let connection = found(&self.connections, &name)?;
                let parameters = parameters();
                let given = connection.query(&third, &parameters)?;
                json!({ "columns": columns(&given.columns), "rows": rows(&given.rows) })
            }
            "execute-3" => {
                let connection = found(&self.v3, &name)?;
                let parameters: Vec<_> = parameters().into_iter().map(values::to_v3).collect();
                let count = connection.execute(&third, &parameters);
                json!(count.map_err(values::error_of_v3)?)
            }
            "query-3" => {
                let connection = found(&self.v3, &name)?;
                let parameters: Vec<_> = parameters().into_iter().map(values::to_v3).collect();
                let given = connection.query(&third, &parameters);
                values::set_of_v3(given.map_err(values::error_of_v3)?)
            }
            "begin" => {
                let connection = found(&self.connections, &third)?;
                let (names, rows, end) = connection.query_async(text(3), Vec::new()).await?;
                self.streams.insert(name, (rows, end));
                columns(&names)
            }
            "next" => {
                let stream = self.streams.get_mut(&name).ok_or_else(|| unknown(&name))?;
                let mut taken = Vec::new();
                for _ in 0..number(2).unwrap_or(1) {
                    let Some(row) = stream.0.next().await else {
                        break;
                    };
                    taken.push(row);
                }
                rows(&taken)
            }
            "end" => {
                let (_, end) = self.streams.remove(&name).ok_or_else(|| unknown(&name))?;
                end.await?;
                Json::Null
            }
            "leave" => {
                self.streams.remove(&name);
                Json::Null
            }
            "give-up" => {
                let connection = found(&self.connections, &name)?;
                let time = Duration::from_millis(number(3).unwrap_or(0));
                let executed = pin!(connection.execute_async(third, Vec::new()));
                match select(executed, pin!(time::sleep(time))).await {
                    Either::Left((count, _)) => json!(count?),
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

    fn keep(&mut self, name: String, connection: Connection) -> Json {
        self.connections.insert(name, connection);
        Json::Null
    }
}

fn builder(address: &str, pem: Option<&&Json>) -> Result<ConnectionBuilder, Error> {
    let builder = ConnectionBuilder::new(address);
    if let Some(pem) = pem.and_then(|pem| pem.as_str()) {
        builder.set_ca_root(pem)?;
    }
    Ok(builder)
}

async fn all(
    connection: &Connection,
    sql: String,
    parameters: Vec<ParameterValue>,
) -> Result<Json, Error> {
    let (names, mut stream, end) = connection.query_async(sql, parameters).await?;
    let mut given = Vec::new();
    while let Some(row) = stream.next().await {
        given.push(row);
    }
    end.await?;
    Ok(json!({ "columns": columns(&names), "rows": rows(&given) }))
}

fn found<'s, T>(all: &'s HashMap<String, T>, name: &str) -> Result<&'s T, Error> {
    all.get(name).ok_or_else(|| unknown(name))
}

fn unknown(name: &str) -> Error {
    Error::Other(format!("the test does not know {name}"))
}

fn named(error: Error) -> Json {
    match error {
        Error::ConnectionFailed(why) => json!({ "connection-failed": why }),
        Error::BadParameter(why) => json!({ "bad-parameter": why }),
        Error::QueryFailed(QueryError::Text(why)) => json!({ "query-failed": why }),
        Error::QueryFailed(QueryError::DbError(said)) => json!({ "database": {
            "text": said.as_text,
            "severity": said.severity,
            "code": said.code,
            "message": said.message,
            "detail": said.detail,
            "extras": said.extras,
        }}),
        Error::ValueConversionFailed(why) => json!({ "value-conversion-failed": why }),
        Error::Other(why) => json!({ "other": why }),
    }
}

fn columns(columns: &[Column]) -> Json {
    let column = |column: &Column| json!([column.name, values::type_name(&column.data_type)]);
    columns.iter().map(column).collect()
}

fn rows(rows: &[Vec<DbValue>]) -> Json {
    let row = |row: &Vec<DbValue>| row.iter().map(values::given).collect::<Json>();
    rows.iter().map(row).collect()
}
