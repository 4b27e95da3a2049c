//! A service for tests with the handler of WASI 0.2, as SDKs of other languages still have it.
//!
//! - `/never…` never answers, and writes `beat` to the log for as long as it tries.
//! - `/trap…` traps, `/silent` returns without an answer, and `/body` sends the request's body back.
//! - `/ask/NAME…` asks the component NAME for what follows, and answers with what it says. Where it says
//!   nothing: status 599, and why. `x-older-first-byte-ms` is the time that it gives it.
//! - everything else answers with method, target, authority, header fields and which request of its instance it is,
//!   as JSON.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use serde_json::{Value, json};
use wasip2::clocks::monotonic_clock;
use wasip2::http::outgoing_handler;
use wasip2::http::types::{
    ErrorCode, Fields, IncomingBody, IncomingRequest, IncomingResponse, Method, OutgoingBody,
    OutgoingRequest, OutgoingResponse, RequestOptions, ResponseOutparam, Scheme,
};
use wasip2::io::streams::StreamError;

/// How often work that never ends shows that it still goes on.
const BEAT: Duration = Duration::from_millis(20);
/// The status where the other component gave no answer: none that anybody else sends.
const NO_ANSWER: u16 = 599;
/// Bytes of a body copied at a time.
const CHUNK_BYTES: u64 = 64 * 1024;

/// Requests that this instance had.
static REQUESTS: AtomicUsize = AtomicUsize::new(0);

struct Older;

wasip2::http::proxy::export!(Older);

impl wasip2::exports::http::incoming_handler::Guest for Older {
    fn handle(request: IncomingRequest, out: ResponseOutparam) {
        let number = REQUESTS.fetch_add(1, Relaxed) + 1;
        let target = request.path_with_query().unwrap_or_default();
        let path = target.split('?').next().unwrap_or_default();
        match path.split('/').nth(1).unwrap_or_default() {
            "never" => loop {
                eprintln!("beat");
                monotonic_clock::subscribe_duration(nanoseconds(BEAT)).block();
            },
            "trap" => std::process::abort(),
            "silent" => {}
            "body" => {
                if let Ok(body) = request.consume() {
                    let _ = answer(out, 200, Some(&body), b"");
                }
            }
            "ask" => match ask(&request, &target) {
                Ok(response) => {
                    let status = response.status();
                    if let Ok(body) = response.consume() {
                        let _ = answer(out, status, Some(&body), b"");
                    }
                }
                Err(code) => {
                    let _ = answer(out, NO_ANSWER, None, format!("{code:?}").as_bytes());
                }
            },
            _ => {
                let headers: Vec<Value> = request
                    .headers()
                    .entries()
                    .into_iter()
                    .map(|(name, value)| json!([name, String::from_utf8_lossy(&value)]))
                    .collect();
                let seen = json!({
                    "method": method_name(&request.method()),
                    "target": target,
                    "authority": request.authority(),
                    "headers": headers,
                    "request_of_this_instance": number,
                });
                let _ = answer(out, 200, None, seen.to_string().as_bytes());
            }
        }
    }
}

fn ask(request: &IncomingRequest, target: &str) -> Result<IncomingResponse, ErrorCode> {
    let rest = target.strip_prefix("/ask/").unwrap_or_default();
    let (name, path) = rest.split_once('/').unwrap_or((rest, ""));
    let fields = request.headers();
    let sent = OutgoingRequest::new(Fields::new());
    let invalid = |()| ErrorCode::HttpRequestUriInvalid;
    sent.set_method(&request.method()).map_err(invalid)?;
    sent.set_scheme(Some(&Scheme::Http)).map_err(invalid)?;
    sent.set_authority(Some(&format!("{name}.spin.internal")))
        .map_err(invalid)?;
    sent.set_path_with_query(Some(&format!("/{path}")))
        .map_err(invalid)?;
    let options = RequestOptions::new();
    let first_byte = fields.get("x-older-first-byte-ms").into_iter().next();
    let first_byte = first_byte.and_then(|value| String::from_utf8(value).ok()?.parse().ok());
    if let Some(limit) = first_byte {
        let limit = Some(nanoseconds(Duration::from_millis(limit)));
        let _ = options.set_connect_timeout(limit);
        let _ = options.set_first_byte_timeout(limit);
    }
    let body = sent.body().map_err(invalid)?;
    let answering = outgoing_handler::handle(sent, Some(options))?;
    if let Ok(from) = request.consume() {
        let _ = copy(&from, &body);
    }
    OutgoingBody::finish(body, None)?;
    answering.subscribe().block();
    answering
        .get()
        .and_then(Result::ok)
        .unwrap_or(Err(ErrorCode::InternalError(None)))
}

fn answer(
    out: ResponseOutparam,
    status: u16,
    body: Option<&IncomingBody>,
    text: &[u8],
) -> Result<(), StreamError> {
    let response = OutgoingResponse::new(Fields::new());
    let _ = response.set_status_code(status);
    let written = response.body();
    ResponseOutparam::set(out, Ok(response));
    let Ok(written) = written else {
        return Ok(());
    };
    match body {
        Some(body) => copy(body, &written)?,
        None => {
            if let Ok(stream) = written.write() {
                for chunk in text.chunks(4096) {
                    stream.blocking_write_and_flush(chunk)?;
                }
            }
        }
    }
    let _ = OutgoingBody::finish(written, None);
    Ok(())
}

/// Copies a body as it comes.
fn copy(from: &IncomingBody, to: &OutgoingBody) -> Result<(), StreamError> {
    let (Ok(from), Ok(to)) = (from.stream(), to.write()) else {
        return Ok(());
    };
    loop {
        match to.blocking_splice(&from, CHUNK_BYTES) {
            Ok(_) => to.blocking_flush()?,
            Err(StreamError::Closed) => return Ok(()),
            Err(error) => return Err(error),
        }
    }
}

fn method_name(method: &Method) -> String {
    match method {
        Method::Other(name) => name.clone(),
        method => format!("{method:?}").replace("Method::", ""),
    }
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
