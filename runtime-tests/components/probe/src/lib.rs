//! A middleware for tests: says what it may use, through every interface that there is for it, and passes on
//! requests that do not ask for that.
//!
//! The fields `x-authority`, `x-variable` and `x-store` say what to look for. An answer has for each
//! interface what it gives, or what it says instead.

use bindings::fermyon::spin::{
    key_value as key_value_2, mqtt as mqtt_2, sqlite as sqlite_2, variables as variables_2,
};
use bindings::spin::key_value::key_value as key_value_3;
use bindings::spin::mqtt::mqtt as mqtt_3;
use bindings::spin::postgres3_0_0::postgres as postgres_3;
use bindings::spin::postgres4_2_0::postgres as postgres_4;
use bindings::spin::redis::redis;
use bindings::spin::sqlite::sqlite as sqlite_3;
use bindings::spin::variables::variables as variables_3;
use bindings::wasi::cli::environment;
use bindings::wasi::config::store as config;
use bindings::wasi::filesystem::preopens;
use bindings::wasi::http::{client, handler};
use bindings::wasi::keyvalue::{atomics, batch, store as keyvalue};
use serde_json::{Value, json};
use std::fmt::Debug;
use wasip3::http::types::{ErrorCode, Fields, Request, Response, Scheme};
use wasip3::wit_bindgen::{self, StreamReader};
use wasip3::{wit_future, wit_stream};

mod bindings {
    wasip3::wit_bindgen::generate!({
        path: "../../../wit",
        world: "test:probe/probe",
        runtime_path: "wasip3::wit_bindgen::rt",
        with: { "wasi:http/types@0.3.0": wasip3::http::types },
        generate_all,
        inline: r#"
            package test:probe;

            world probe {
                import fermyon:spin/key-value@2.0.0;
                import fermyon:spin/mqtt@2.0.0;
                import fermyon:spin/sqlite@2.0.0;
                import fermyon:spin/variables@2.0.0;
                import spin:key-value/key-value@3.0.0;
                import spin:postgres/postgres@3.0.0;
                import spin:postgres/postgres@4.2.0;
                import spin:mqtt/mqtt@3.0.0;
                import spin:redis/redis@3.0.0;
                import spin:sqlite/sqlite@3.1.0;
                import spin:variables/variables@3.0.0;
                import wasi:cli/environment@0.3.0;
                import wasi:config/store@0.2.0-draft-2024-09-27;
                import wasi:filesystem/preopens@0.3.0;
                import wasi:http/client@0.3.0;
                import wasi:http/handler@0.3.0;
                import wasi:keyvalue/atomics@0.2.0-draft2;
                import wasi:keyvalue/batch@0.2.0-draft2;
                import wasi:keyvalue/store@0.2.0-draft2;
            }
        "#,
    });
}

/// Where no Redis is, and no PostgreSQL.
const NOWHERE: &str = "redis://127.0.0.1:1";
const NO_POSTGRES: &str = "postgres://127.0.0.1:1";

/// Where no broker is.
const NO_BROKER: &str = "mqtt://127.0.0.1:1?client_id=probe";

struct Probe;

wasip3::http::service::export!(Probe);

impl wasip3::exports::http::handler::Guest for Probe {
    async fn handle(request: Request) -> Result<Response, ErrorCode> {
        if request.get_path_with_query().as_deref() != Some("/probe") {
            return handler::handle(request).await;
        }
        let fields = request.get_headers();
        let field = |name: &str| {
            let values = fields.get(name);
            let value = values.first().map(Vec::as_slice).unwrap_or_default();
            String::from_utf8_lossy(value).into_owned()
        };
        let (variable, store) = (field("x-variable"), field("x-store"));
        Ok(answer(&json!({
            "environment": {
                "std": std::env::vars().collect::<Vec<_>>(),
                "0.3": environment::get_environment(),
            },
            "files": {
                "std": said(std::fs::read_to_string("/granted.txt").map_err(|error| error.kind())),
                "0.3": preopens::get_directories().len(),
            },
            "variables": {
                "3": said(variables_3::get(variable.clone()).await),
                "2": said(variables_2::get(&variable)),
                "config": said(config::get(&variable)),
                "all": said(config::get_all().map(|all| json!(all))),
            },
            "stores": {
                "3": said(stored_3(store.clone()).await.map(text)),
                "2": said(key_value_2::Store::open(&store).and_then(|store| store.get("given")).map(text)),
                "keyvalue": said(stored_keyvalue(&store)),
            },
            "databases": {
                "3": said(opened_3(&store).await),
                "3-waiting": said(sqlite_3::Connection::open(&store).map(|_| "open")),
                "2": said(sqlite_2::Connection::open(&store).map(|_| "open")),
            },
            "outbound": said(fetch(&field("x-authority")).await),
            "postgres": {
                "4": said(postgres_4::Connection::open_async(NO_POSTGRES.to_owned()).await.map(|_| "open")),
                "4-built": said(postgres_4::ConnectionBuilder::new(NO_POSTGRES).build().map(|_| "open")),
                "3": said(postgres_3::Connection::open(NO_POSTGRES).map(|_| "open")),
            },
            "mqtt": {
                "3": said(opened_mqtt_3().await),
                "2": said(
                    mqtt_2::Connection::open(NO_BROKER, "", "", 5).map(|_| "open"),
                ),
            },
            "redis": said(redis::Connection::open(NOWHERE.to_owned()).await.map(|_| "open")),
        })))
    }
}

async fn stored_3(label: String) -> Result<Option<Vec<u8>>, key_value_3::Error> {
    let store = key_value_3::Store::open(label).await?;
    store.get("given".to_owned()).await
}

async fn opened_mqtt_3() -> Result<&'static str, mqtt_3::Error> {
    let nobody = String::new();
    mqtt_3::Connection::open(NO_BROKER.to_owned(), nobody.clone(), nobody, 5).await?;
    Ok("open")
}

async fn opened_3(label: &str) -> Result<&'static str, sqlite_3::Error> {
    sqlite_3::Connection::open_async(label.to_owned()).await?;
    Ok("open")
}

/// How often the store was counted in, what was seen and swapped there in the end, and what is in it.
fn stored_keyvalue(label: &str) -> Result<Value, keyvalue::Error> {
    let bucket = keyvalue::open(label)?;
    let sum = atomics::increment(&bucket, "hits", 1)?;
    let cas = atomics::Cas::new(&bucket, "swapped")?;
    let mut seen = vec![text(cas.current()?)];
    // Somebody else is faster, so the value is another one than was seen.
    bucket.set("swapped", b"by somebody else")?;
    let swapped = match atomics::swap(cas, b"first") {
        Ok(()) => "first",
        Err(atomics::CasError::CasFailed(again)) => {
            seen.push(text(again.current()?));
            match atomics::swap(again, b"second") {
                Ok(()) => "second",
                Err(_) => "nothing",
            }
        }
        Err(atomics::CasError::StoreError(error)) => return Err(error),
    };
    let many = batch::get_many(&bucket, &["given".to_owned()])?
        .into_iter()
        .map(|(key, value)| (key, text(value)))
        .collect::<Vec<_>>();
    Ok(json!({ "sum": sum, "seen": seen, "swapped": swapped, "many": many }))
}

async fn fetch(authority: &str) -> Result<u16, ErrorCode> {
    let (trailers, trailers_reader) = wit_future::new(|| Ok(None));
    drop(trailers);
    let (request, _sent) = Request::new(Fields::new(), None, trailers_reader, None);
    let invalid = |()| ErrorCode::HttpRequestUriInvalid;
    request
        .set_scheme(Some(&Scheme::Http))
        .and_then(|()| request.set_authority(Some(authority)))
        .and_then(|()| request.set_path_with_query(Some("/")))
        .map_err(invalid)?;
    Ok(client::send(request).await?.get_status_code())
}

/// What a call gave, or its error.
fn said<T, E: Debug>(result: Result<T, E>) -> Value
where
    Value: From<T>,
{
    match result {
        Ok(value) => Value::from(value),
        Err(error) => json!(format!("error: {error:?}")),
    }
}

fn text(bytes: Option<Vec<u8>>) -> Option<String> {
    bytes.map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
}

fn answer(value: &Value) -> Response {
    let body = value.to_string().into_bytes();
    let (mut writer, reader) = wit_stream::new();
    wit_bindgen::spawn(async move {
        writer.write_all(body).await;
    });
    respond(reader)
}

fn respond(body: StreamReader<u8>) -> Response {
    let (trailers, trailers_reader) = wit_future::new(|| Ok(None));
    drop(trailers);
    let (response, _sent) = Response::new(Fields::new(), Some(body), trailers_reader);
    response
}
