//! A service for tests: verifies signatures with the code that the gate verifies with, in wasm.
//!
//! `POST` with `{"key": JWK, "cases": [{"alg", "message", "signature"}, …], "repeat": N}`, bytes in
//! base64url. The answer is `{"verdicts": [bool, …], "nanoseconds": T}`: the verdicts, and how long all
//! repetitions took. A key that is not accepted is answered with `{"key": "why"}`.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use doorward_token::signature::{Curve, PublicKey};
use serde_json::{Value, json};
use wasip3::clocks::monotonic_clock;
use wasip3::http::types::{ErrorCode, Fields, Request, Response};
use wasip3::{wit_bindgen, wit_future, wit_stream};

struct Verify;

wasip3::http::service::export!(Verify);

impl wasip3::exports::http::handler::Guest for Verify {
    async fn handle(request: Request) -> Result<Response, ErrorCode> {
        let (_done, done_reader) = wit_future::new(|| Ok(()));
        let (body, _trailers) = Request::consume_body(request, done_reader);
        let answer = match serde_json::from_slice(&body.collect().await) {
            Ok(question) => verify(&question).unwrap_or_else(|why| json!({ "key": why })),
            Err(error) => json!({ "key": error.to_string() }),
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

fn verify(question: &Value) -> Result<Value, String> {
    let key = key(question.get("key").unwrap_or(&Value::Null))?;
    let mut cases = Vec::new();
    for case in question
        .get("cases")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
    {
        let algorithm = case
            .get("alg")
            .and_then(Value::as_str)
            .and_then(|name| name.parse().ok())
            .ok_or("a case has no alg that is known")?;
        cases.push((
            algorithm,
            bytes(case, "message")?,
            bytes(case, "signature")?,
        ));
    }
    let repeat = question.get("repeat").and_then(Value::as_u64).unwrap_or(1);
    let mut verdicts = Vec::new();
    let start = monotonic_clock::now();
    for _ in 0..repeat {
        verdicts = cases
            .iter()
            .map(|(algorithm, message, signature)| key.verify(*algorithm, message, signature))
            .collect();
    }
    let nanoseconds = monotonic_clock::now().saturating_sub(start);
    Ok(json!({ "verdicts": verdicts, "nanoseconds": nanoseconds }))
}

fn key(jwk: &Value) -> Result<PublicKey, String> {
    let text = |name: &str| jwk.get(name).and_then(Value::as_str).unwrap_or_default();
    let key = match (text("kty"), text("crv")) {
        ("RSA", _) => PublicKey::rsa(&bytes(jwk, "n")?, &bytes(jwk, "e")?),
        ("OKP", _) => PublicKey::ed25519(&bytes(jwk, "x")?),
        (_, curve) => {
            let curve = match curve {
                "P-256" => Curve::P256,
                "P-384" => Curve::P384,
                _ => Curve::P521,
            };
            PublicKey::elliptic(curve, &bytes(jwk, "x")?, &bytes(jwk, "y")?)
        }
    };
    key.map_err(|reason| reason.to_string())
}

fn bytes(value: &Value, name: &str) -> Result<Vec<u8>, String> {
    let text = value.get(name).and_then(Value::as_str).unwrap_or_default();
    URL_SAFE_NO_PAD
        .decode(text)
        .map_err(|error| format!("{name}: {error}"))
}
