//! A service for tests: says what reached it, and sends bodies back.
//!
//! - `…/body` answers with the request's body, as a stream.
//! - `…/trailers` reads the body and answers with the names of the trailer fields, as JSON.
//! - `…/held` begins its answer, reads the body to its end, and then answers as usual.
//! - `…/bytes/N` answers with N bytes.
//! - `…/trap`, `…/loop` and `…/grow` trap, never end, and take memory without end.
//! - everything else answers with method, target and header fields, as JSON.
//!
//! Each field `x-answer-NAME` of a request is a field `NAME` of the answer. Where there is a field `x-tell`,
//! the log has a line of JSON when the request comes, and with `…/trailers` another one when its body ends.

use serde_json::{Value, json};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use wasip3::http::types::{ErrorCode, Fields, Request, Response};
use wasip3::wit_bindgen::{self, StreamReader};
use wasip3::{wit_future, wit_stream};

/// Bytes written at a time where many are asked for.
const CHUNK_BYTES: usize = 64 * 1024;

/// Requests that this instance was asked to hold.
static HELD: AtomicUsize = AtomicUsize::new(0);

struct Echo;

wasip3::http::service::export!(Echo);

impl wasip3::exports::http::handler::Guest for Echo {
    async fn handle(request: Request) -> Result<Response, ErrorCode> {
        let target = request.get_path_with_query().unwrap_or_default();
        let fields = request.get_headers();
        let tells = fields.has("x-tell");
        if tells {
            eprintln!("{}", json!({ "event": "reached", "target": target }));
        }
        let answer_fields = answer_fields(&fields);
        if target.ends_with("/body") {
            let (_done, done_reader) = wit_future::new(|| Ok(()));
            let (body, trailers) = Request::consume_body(request, done_reader);
            let (response, _sent) = Response::new(Fields::new(), Some(body), trailers);
            return Ok(response);
        }
        if target.ends_with("/trailers") {
            let (_done, done_reader) = wit_future::new(|| Ok(()));
            let (mut body, trailers) = Request::consume_body(request, done_reader);
            let bytes = count(&mut body).await;
            let trailers = trailers.await;
            if tells {
                let whole = trailers.is_ok();
                eprintln!(
                    "{}",
                    json!({ "event": "body", "bytes": bytes, "whole": whole })
                );
            }
            let names: Vec<String> = match trailers? {
                Some(fields) => fields
                    .copy_all()
                    .into_iter()
                    .map(|(name, _)| name)
                    .collect(),
                None => Vec::new(),
            };
            return answer(&json!({ "bytes": bytes, "trailers": names }));
        }
        if let Some(count) = target
            .rsplit_once("/bytes/")
            .and_then(|(_, n)| n.parse().ok())
        {
            return respond(many(count));
        }
        misbehave(&target);
        let method = format!("{:?}", request.get_method());
        let authority = request.get_authority();
        let headers: Vec<Value> = request
            .get_headers()
            .copy_all()
            .into_iter()
            .map(|(name, value)| json!([name, String::from_utf8_lossy(&value)]))
            .collect();
        let mut seen = json!({
            "method": method,
            "target": target,
            "authority": authority,
            "headers": headers,
        });
        if target.ends_with("/held") {
            HELD.fetch_add(1, Relaxed);
            let (_done, done_reader) = wit_future::new(|| Ok(()));
            let (mut body, _trailers) = Request::consume_body(request, done_reader);
            let (mut writer, reader) = wit_stream::new();
            wit_bindgen::spawn(async move {
                // JSON allows a space before it. It tells the client that its request is being held.
                writer.write_all(b" ".to_vec()).await;
                let bytes = count(&mut body).await;
                if let Value::Object(seen) = &mut seen {
                    seen.insert("body_bytes".to_owned(), Value::from(bytes));
                    seen.insert(
                        "held_by_this_instance".to_owned(),
                        HELD.load(Relaxed).into(),
                    );
                }
                writer.write_all(seen.to_string().into_bytes()).await;
            });
            return respond(reader);
        }
        answer_with(answer_fields, &seen)
    }
}

/// The fields that the answer is to have.
fn answer_fields(fields: &Fields) -> Fields {
    let answer = Fields::new();
    for (name, value) in fields.copy_all() {
        if let Some(name) = name.strip_prefix("x-answer-") {
            let _ = answer.append(name, &value);
        }
    }
    answer
}

/// Does what a component must not do, if asked to.
fn misbehave(target: &str) {
    match target.rsplit('/').next() {
        Some("trap") => std::process::abort(),
        Some("loop") => loop {
            std::hint::spin_loop();
        },
        Some("grow") => {
            let mut taken = Vec::new();
            loop {
                taken.push(std::hint::black_box(vec![1_u8; 1 << 20]));
            }
        }
        _ => {}
    }
}

/// Reads a stream to its end; how many bytes it had.
async fn count(stream: &mut StreamReader<u8>) -> usize {
    let mut bytes = 0;
    let mut buffer = Vec::with_capacity(CHUNK_BYTES);
    loop {
        let (result, mut read) = stream.read(buffer).await;
        bytes += read.len();
        if !matches!(result, wit_bindgen::StreamResult::Complete(_)) {
            return bytes;
        }
        read.clear();
        buffer = read;
    }
}

fn answer(value: &Value) -> Result<Response, ErrorCode> {
    answer_with(Fields::new(), value)
}

fn answer_with(fields: Fields, value: &Value) -> Result<Response, ErrorCode> {
    let body = value.to_string().into_bytes();
    let (mut writer, reader) = wit_stream::new();
    wit_bindgen::spawn(async move {
        writer.write_all(body).await;
    });
    respond_with(fields, reader)
}

fn many(mut count: usize) -> StreamReader<u8> {
    let (mut writer, reader) = wit_stream::new();
    wit_bindgen::spawn(async move {
        while count > 0 {
            let size = count.min(CHUNK_BYTES);
            if !writer.write_all(vec![b'x'; size]).await.is_empty() {
                return;
            }
            count -= size;
        }
    });
    reader
}

fn respond(body: StreamReader<u8>) -> Result<Response, ErrorCode> {
    respond_with(Fields::new(), body)
}

fn respond_with(fields: Fields, body: StreamReader<u8>) -> Result<Response, ErrorCode> {
    let (trailers, trailers_reader) = wit_future::new(|| Ok(None));
    drop(trailers);
    let (response, _sent) = Response::new(fields, Some(body), trailers_reader);
    Ok(response)
}
