//! A service for tests: does with key-value stores what it is told, through every interface that there is for them.
//!
//! `POST` with `[[FUNCTION, ARGUMENT, …], …]`. The answer has for each step what it gave, or `error: ` and what it is.
//! `open-3`, `open-2` and `open-wasi` give what they open the name that is their first argument; all other steps name
//! it first. A value is a text, or a list of bytes where it is none; of a long one only the length is told. `cas` makes
//! something to be swapped, with a name of its own; a swap that is lost gives `lost`, and the name is that of the next
//! try.

use bindings::fermyon::spin::key_value as key_value_2;
use bindings::spin::key_value::key_value as key_value_3;
use bindings::wasi::keyvalue::atomics::{self, Cas, CasError};
use bindings::wasi::keyvalue::{batch, store as keyvalue};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use wasip3::http::types::{ErrorCode, Fields, Request, Response};
use wasip3::wit_bindgen::StreamResult;
use wasip3::{wit_bindgen, wit_future, wit_stream};

mod bindings {
    wasip3::wit_bindgen::generate!({
        path: "../../../wit",
        world: "test:stores/stores",
        runtime_path: "wasip3::wit_bindgen::rt",
        generate_all,
        inline: r#"
            package test:stores;

            world stores {
                import fermyon:spin/key-value@2.0.0;
                import spin:key-value/key-value@3.0.0;
                import wasi:keyvalue/atomics@0.2.0-draft2;
                import wasi:keyvalue/batch@0.2.0-draft2;
                import wasi:keyvalue/store@0.2.0-draft2;
            }
        "#,
    });
}

/// Bytes of a value that is told as it is.
const TOLD_BYTES_MAX: usize = 1000;

struct UsesStores;

wasip3::http::service::export!(UsesStores);

impl wasip3::exports::http::handler::Guest for UsesStores {
    async fn handle(request: Request) -> Result<Response, ErrorCode> {
        let (_done, done_reader) = wit_future::new(|| Ok(()));
        let (body, _trailers) = Request::consume_body(request, done_reader);
        let steps: Vec<Vec<Value>> =
            serde_json::from_slice(&body.collect().await).unwrap_or_default();
        let mut named = Named::default();
        let mut answer = Vec::new();
        for step in &steps {
            let done = named.step(&Step(step)).await;
            answer.push(done.unwrap_or_else(|error| Value::from(format!("error: {error}"))));
        }
        let (mut writer, reader) = wit_stream::new();
        wit_bindgen::spawn(async move {
            writer
                .write_all(Value::from(answer).to_string().into_bytes())
                .await;
        });
        let (trailers, trailers_reader) = wit_future::new(|| Ok(None));
        drop(trailers);
        let (response, _sent) = Response::new(Fields::new(), Some(reader), trailers_reader);
        Ok(response)
    }
}

struct Step<'s>(&'s [Value]);

impl Step<'_> {
    fn text(&self, index: usize) -> &str {
        let argument = self.0.get(index).and_then(Value::as_str);
        argument.unwrap_or_default()
    }

    fn number(&self, index: usize) -> i64 {
        let argument = self.0.get(index).and_then(Value::as_i64);
        argument.unwrap_or_default()
    }

    fn length(&self, index: usize) -> usize {
        usize::try_from(self.number(index)).unwrap_or_default()
    }

    fn value(&self, index: usize) -> Vec<u8> {
        self.0.get(index).map(bytes).unwrap_or_default()
    }

    fn texts(&self, from: usize) -> Vec<String> {
        let texts = self.0.get(from..).unwrap_or_default().iter();
        texts.filter_map(Value::as_str).map(str::to_owned).collect()
    }
}

enum Opened {
    Three(key_value_3::Store),
    Two(key_value_2::Store),
    Bucket(keyvalue::Bucket),
}

#[derive(Default)]
struct Named {
    stores: BTreeMap<String, Opened>,
    to_be_swapped: BTreeMap<String, Cas>,
}

type Told = Result<Value, String>;

impl Named {
    async fn step(&mut self, step: &Step<'_>) -> Told {
        let (name, of) = (step.text(1), step.text(2));
        let opened = match step.text(0) {
            "open-3" => key_value_3::Store::open(of.to_owned())
                .await
                .map(Opened::Three)
                .map_err(said_3)?,
            "open-2" => key_value_2::Store::open(of)
                .map(Opened::Two)
                .map_err(said_2)?,
            "open-wasi" => keyvalue::open(of).map(Opened::Bucket).map_err(said)?,
            _ => return self.use_it(step).await,
        };
        self.stores.insert(name.to_owned(), opened);
        Ok(Value::Null)
    }

    async fn use_it(&mut self, step: &Step<'_>) -> Told {
        let name = step.text(1);
        match step.text(0) {
            "current" => {
                let cas = self.to_be_swapped.get(name).ok_or("no such cas")?;
                return cas.current().map(optional).map_err(said);
            }
            "swap" => {
                let cas = self.to_be_swapped.remove(name).ok_or("no such cas")?;
                return match atomics::swap(cas, &step.value(2)) {
                    Ok(()) => Ok(Value::from("swapped")),
                    Err(CasError::CasFailed(again)) => {
                        self.to_be_swapped.insert(name.to_owned(), again);
                        Ok(Value::from("lost"))
                    }
                    Err(CasError::StoreError(error)) => Err(said(error)),
                };
            }
            _ => {}
        }
        match self.stores.get(name).ok_or("no such store")? {
            Opened::Three(store) => three(store, step).await,
            Opened::Two(store) => two(store, step),
            Opened::Bucket(bucket) if step.text(0) == "cas" => {
                let cas = Cas::new(bucket, step.text(3)).map_err(said)?;
                self.to_be_swapped.insert(step.text(2).to_owned(), cas);
                Ok(Value::Null)
            }
            Opened::Bucket(bucket) => wasi(bucket, step),
        }
    }
}

async fn three(store: &key_value_3::Store, step: &Step<'_>) -> Told {
    let key = step.text(2).to_owned();
    match step.text(0) {
        "get" => store.get(key).await.map(optional),
        "set" => store.set(key, step.value(3)).await.map(none),
        "set-long" => store.set(key, vec![b'a'; step.length(3)]).await.map(none),
        "delete" => store.delete(key).await.map(none),
        "exists" => store.exists(key).await.map(Value::from),
        "keys" => {
            let (mut keys, end) = store.get_keys().await;
            let mut all = Vec::new();
            loop {
                let (status, some) = keys.read(Vec::with_capacity(TOLD_BYTES_MAX)).await;
                all.extend(some);
                if !matches!(status, StreamResult::Complete(_)) {
                    break;
                }
            }
            end.await.map(|()| listed(all))
        }
        other => return Err(format!("there is no {other} in 3")),
    }
    .map_err(said_3)
}

fn two(store: &key_value_2::Store, step: &Step<'_>) -> Told {
    let key = step.text(2);
    match step.text(0) {
        "get" => store.get(key).map(optional),
        "set" => store.set(key, &step.value(3)).map(none),
        "set-long" => store.set(key, &vec![b'a'; step.length(3)]).map(none),
        "delete" => store.delete(key).map(none),
        "exists" => store.exists(key).map(Value::from),
        "keys" => store.get_keys().map(listed),
        other => return Err(format!("there is no {other} in 2")),
    }
    .map_err(said_2)
}

fn wasi(bucket: &keyvalue::Bucket, step: &Step<'_>) -> Told {
    let key = step.text(2);
    match step.text(0) {
        "get" => bucket.get(key).map(optional),
        "set" => bucket.set(key, &step.value(3)).map(none),
        "set-long" => bucket.set(key, &vec![b'a'; step.length(3)]).map(none),
        "delete" => bucket.delete(key).map(none),
        "exists" => bucket.exists(key).map(Value::from),
        "keys" => bucket.list_keys(None).map(|listing| {
            assert!(listing.cursor.is_none(), "there is no next page");
            listed(listing.keys)
        }),
        "keys-from" => bucket
            .list_keys(Some(key))
            .map(|listing| listed(listing.keys)),
        "increment" => atomics::increment(bucket, key, step.number(3)).map(Value::from),
        "get-many" => batch::get_many(bucket, &step.texts(2)).map(|values| {
            let entry = |(key, value)| json!([key, optional(value)]);
            values.into_iter().map(entry).collect()
        }),
        "set-many" => {
            let entries: Vec<(String, Vec<u8>)> = step
                .0
                .get(2..)
                .unwrap_or_default()
                .iter()
                .map(|entry| {
                    let key = entry.get(0).and_then(Value::as_str).unwrap_or_default();
                    let value = entry.get(1).map(bytes).unwrap_or_default();
                    (key.to_owned(), value)
                })
                .collect();
            batch::set_many(bucket, &entries).map(none)
        }
        // Keys with a number after this prefix, each with so long a value.
        "fill" => {
            let (count, length) = (step.number(3), step.length(4));
            let entry = |number| (format!("{key}{number}"), vec![b'a'; length]);
            let entries: Vec<_> = (0..count).map(entry).collect();
            batch::set_many(bucket, &entries).map(none)
        }
        "get-filled" => {
            let names: Vec<_> = (0..step.number(3))
                .map(|number| format!("{key}{number}"))
                .collect();
            batch::get_many(bucket, &names).map(|values| {
                let bytes = values.iter().flat_map(|(_, value)| value).map(Vec::len);
                Value::from(bytes.sum::<usize>())
            })
        }
        "delete-many" => batch::delete_many(bucket, &step.texts(2)).map(none),
        other => return Err(format!("there is no {other} in wasi")),
    }
    .map_err(said)
}

fn bytes(value: &Value) -> Vec<u8> {
    match value {
        Value::String(text) => text.clone().into_bytes(),
        Value::Array(bytes) => bytes
            .iter()
            .map(|byte| byte.as_u64().unwrap_or_default().to_le_bytes()[0])
            .collect(),
        other => other.to_string().into_bytes(),
    }
}

fn none((): ()) -> Value {
    Value::Null
}

fn optional(value: Option<Vec<u8>>) -> Value {
    match value {
        None => Value::Null,
        Some(bytes) if bytes.len() > TOLD_BYTES_MAX => json!({ "bytes": bytes.len() }),
        Some(bytes) => match String::from_utf8(bytes) {
            Ok(text) => Value::from(text),
            Err(error) => Value::from(error.into_bytes()),
        },
    }
}

/// In order, which the interface does not promise; of many how many.
fn listed(mut keys: Vec<String>) -> Value {
    keys.sort();
    match keys.len() {
        0..=TOLD_BYTES_MAX => Value::from(keys),
        count => json!({ "keys": count }),
    }
}

fn said(error: keyvalue::Error) -> String {
    match error {
        keyvalue::Error::NoSuchStore => "no-such-store".to_owned(),
        keyvalue::Error::AccessDenied => "access-denied".to_owned(),
        keyvalue::Error::Other(reason) => format!("other: {reason}"),
    }
}

fn said_2(error: key_value_2::Error) -> String {
    match error {
        key_value_2::Error::StoreTableFull => "store-table-full".to_owned(),
        key_value_2::Error::NoSuchStore => "no-such-store".to_owned(),
        key_value_2::Error::AccessDenied => "access-denied".to_owned(),
        key_value_2::Error::Other(reason) => format!("other: {reason}"),
    }
}

fn said_3(error: key_value_3::Error) -> String {
    match error {
        key_value_3::Error::StoreTableFull => "store-table-full".to_owned(),
        key_value_3::Error::NoSuchStore => "no-such-store".to_owned(),
        key_value_3::Error::AccessDenied => "access-denied".to_owned(),
        key_value_3::Error::Other(reason) => format!("other: {reason}"),
    }
}
