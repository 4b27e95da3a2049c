//! A service for tests: asks other components of its application by service chaining.
//!
//! - `/never…` never answers, and writes `beat` to the log for as long as it tries.
//! - `/trap…` traps.
//! - `/log/TEXT` writes TEXT to the log, and answers with nothing.
//! - everything else is `/NAME…`: asks the component NAME for what follows, with the request's method, fields,
//!   body and trailers, and answers with what it says. Where it says nothing: status 599, and why.
//!
//! `x-first-byte-ms` and `x-between-bytes-ms` of a request are the times that it gives the other component,
//! `x-host` is another host than `NAME.spin.internal`, and `x-scheme: https` another scheme.

use std::time::Duration;

use wasip3::clocks::monotonic_clock;
use wasip3::http::client;
use wasip3::http::types::{ErrorCode, Fields, Request, RequestOptions, Response, Scheme};
use wasip3::wit_bindgen::{self, StreamReader};
use wasip3::{wit_future, wit_stream};

/// How often work that never ends shows that it still goes on.
const BEAT: Duration = Duration::from_millis(20);
/// The status where the other component gave no answer: none that anybody else sends.
const NO_ANSWER: u16 = 599;

struct Relay;

wasip3::http::service::export!(Relay);

impl wasip3::exports::http::handler::Guest for Relay {
    async fn handle(request: Request) -> Result<Response, ErrorCode> {
        let target = request.get_path_with_query().unwrap_or_default();
        let rest = target.strip_prefix('/').unwrap_or(&target);
        let (name, rest) = match rest.find(['/', '?']) {
            Some(end) => rest.split_at_checked(end).unwrap_or((rest, "")),
            None => (rest, ""),
        };
        match name {
            "never" => loop {
                eprintln!("beat");
                monotonic_clock::wait_for(nanoseconds(BEAT)).await;
            },
            "trap" => std::process::abort(),
            "log" => {
                eprintln!("{}", rest.trim_start_matches('/'));
                respond(200, String::new())
            }
            _ => match ask(request, name, rest).await {
                Ok(response) => Ok(response),
                Err(code) => respond(NO_ANSWER, format!("{code:?}")),
            },
        }
    }
}

async fn ask(request: Request, name: &str, path: &str) -> Result<Response, ErrorCode> {
    let fields = request.get_headers().clone();
    let text = |name: &str| {
        let value = fields.get(name).into_iter().next()?;
        String::from_utf8(value).ok()
    };
    let milliseconds = |name: &str| {
        let limit = Duration::from_millis(text(name)?.parse().ok()?);
        Some(nanoseconds(limit))
    };
    let options = RequestOptions::new();
    let first_byte = milliseconds("x-first-byte-ms");
    if first_byte.is_some() {
        let _ = options.set_connect_timeout(first_byte);
        let _ = options.set_first_byte_timeout(first_byte);
    }
    let _ = options.set_between_bytes_timeout(milliseconds("x-between-bytes-ms"));
    let host = text("x-host").unwrap_or_else(|| format!("{name}.spin.internal"));
    let scheme = match text("x-scheme").as_deref() {
        Some("https") => Scheme::Https,
        _ => Scheme::Http,
    };
    let _ = fields.delete("host");
    // How long it waits is its own: two that wait equally long would give up in either order.
    let _ = fields.delete("x-first-byte-ms");
    let path = match path {
        "" => "/".to_owned(),
        query if query.starts_with('?') => format!("/{query}"),
        path => path.to_owned(),
    };
    let method = request.get_method();
    let (_done, done_reader) = wit_future::new(|| Ok(()));
    let (body, trailers) = Request::consume_body(request, done_reader);
    let (sent, _result) = Request::new(fields, Some(body), trailers, Some(options));
    sent.set_method(&method)
        .and_then(|()| sent.set_scheme(Some(&scheme)))
        .and_then(|()| sent.set_authority(Some(&host)))
        .and_then(|()| sent.set_path_with_query(Some(&path)))
        .map_err(|()| ErrorCode::HttpRequestUriInvalid)?;
    client::send(sent).await
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

fn respond(status: u16, body: String) -> Result<Response, ErrorCode> {
    let (mut writer, reader): (_, StreamReader<u8>) = wit_stream::new();
    wit_bindgen::spawn(async move {
        writer.write_all(body.into_bytes()).await;
    });
    let (trailers, trailers_reader) = wit_future::new(|| Ok(None));
    drop(trailers);
    let (response, _sent) = Response::new(Fields::new(), Some(reader), trailers_reader);
    let _ = response.set_status_code(status);
    Ok(response)
}
