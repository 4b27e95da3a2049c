//! The development issuer's HTTP side.

use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use doorward_syntax::media_type::{FORM, MediaType};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::header::{
    ALLOW, AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, HOST, HeaderValue, WWW_AUTHENTICATE,
};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

use super::form;
use super::grant::{self, GrantError};
use super::settings::Settings;
use crate::keys::Algorithm;

/// The largest body of a request, in bytes.
const BODY_BYTES_MAX: usize = 16 << 10;
/// The largest head of a request, in bytes.
const HEAD_BYTES_MAX: usize = 16 << 10;
/// Connections that are open at the same time.
const CONNECTIONS_MAX: usize = 256;
/// Time that a request's head and its body each have to arrive.
const ARRIVAL_TIMEOUT: Duration = Duration::from_secs(10);
/// How long to wait when accepting fails, most often because too many files are open.
const ACCEPT_RETRY: Duration = Duration::from_millis(50);

type Answer = Response<Full<Bytes>>;

pub(super) async fn serve(
    listener: TcpListener,
    settings: Arc<Settings>,
    shutdown: impl Future<Output = ()>,
) {
    let slots = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let mut shutdown = std::pin::pin!(shutdown);
    loop {
        let accepted = tokio::select! {
            biased;
            () = &mut shutdown => return,
            accepted = async {
                let slot = Arc::clone(&slots).acquire_owned().await;
                (slot, listener.accept().await)
            } => accepted,
        };
        let (slot, Ok((stream, _))) = accepted else {
            tokio::time::sleep(ACCEPT_RETRY).await;
            continue;
        };
        let settings = Arc::clone(&settings);
        tokio::spawn(async move {
            connection(stream, settings).await;
            drop(slot);
        });
    }
}

async fn connection(stream: TcpStream, settings: Arc<Settings>) {
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request| {
        let settings = Arc::clone(&settings);
        async move { Ok::<_, Infallible>(answer(request, &settings).await) }
    });
    // A client that breaks off or sends nonsense is no concern of anybody else.
    let _ = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(ARRIVAL_TIMEOUT)
        .max_buf_size(HEAD_BYTES_MAX)
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

async fn answer(request: Request<Incoming>, settings: &Settings) -> Answer {
    if !is_addressed_to_loopback(&request) {
        return json_answer(
            StatusCode::MISDIRECTED_REQUEST,
            &json!({ "error": "invalid_request", "error_description": "not addressed to a loopback address" }),
        );
    }
    match request.uri().path() {
        "/.well-known/openid-configuration" | "/.well-known/oauth-authorization-server" => {
            get_only(request.method(), || metadata(&settings.url))
        }
        "/jwks" => get_only(request.method(), || settings.keys.jwk_set()),
        "/token" if request.method() == Method::POST => token(request, settings).await,
        "/token" => not_allowed("POST"),
        _ => json_answer(
            StatusCode::NOT_FOUND,
            &json!({ "error": "not_found", "see": "/.well-known/openid-configuration" }),
        ),
    }
}

/// Whether the client meant a loopback address: otherwise some name was made to resolve to one.
fn is_addressed_to_loopback(request: &Request<Incoming>) -> bool {
    let mut hosts = request.headers().get_all(HOST).iter();
    let (Some(host), None) = (hosts.next(), hosts.next()) else {
        return false;
    };
    let Some(authority) = host
        .to_str()
        .ok()
        .and_then(|host| host.parse::<hyper::http::uri::Authority>().ok())
    else {
        return false;
    };
    let name = authority.host();
    let bare = name.trim_start_matches('[').trim_end_matches(']');
    name.eq_ignore_ascii_case("localhost") || bare.parse().is_ok_and(|ip: IpAddr| ip.is_loopback())
}

/// OpenID Connect Discovery 1.0 §3 and RFC 8414 §2 in one document.
fn metadata(url: &str) -> Value {
    json!({
        "issuer": url,
        "token_endpoint": format!("{url}/token"),
        "jwks_uri": format!("{url}/jwks"),
        "grant_types_supported": ["client_credentials"],
        "response_types_supported": [],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": Algorithm::ALL.map(Algorithm::name),
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post", "none"],
    })
}

async fn token(request: Request<Incoming>, settings: &Settings) -> Answer {
    match read_form(request).await {
        Ok((parameters, basic)) => match grant::token(settings, &parameters, basic) {
            Ok(granted) => json_answer(StatusCode::OK, &granted),
            Err(error) => refusal(&error),
        },
        Err(error) => refusal(&error),
    }
}

type Parameters = Vec<(String, String)>;

/// The parameters in the body and the client id of HTTP Basic authentication.
async fn read_form(request: Request<Incoming>) -> Result<(Parameters, Option<String>), GrantError> {
    let form_type = request.headers().get(CONTENT_TYPE).is_some_and(|value| {
        MediaType::whatever_follows(value.as_bytes()).is_some_and(|of_body| of_body.is(FORM))
    });
    if !form_type {
        return Err(GrantError::request(
            "the body has to be application/x-www-form-urlencoded",
        ));
    }
    let basic = match request.headers().get(AUTHORIZATION) {
        None => None,
        Some(value) => Some(
            form::basic_client(value.as_bytes())
                .ok_or_else(|| GrantError::client("the Authorization header is not Basic"))?,
        ),
    };
    let body = Limited::new(request.into_body(), BODY_BYTES_MAX).collect();
    let body = tokio::time::timeout(ARRIVAL_TIMEOUT, body)
        .await
        .map_err(|_| GrantError::request("the body did not arrive in time"))?
        .map_err(|_| GrantError::request("the body is too large or broke off"))?
        .to_bytes();
    let parameters = form::parse(&body)
        .ok_or_else(|| GrantError::request("the body is not a well-formed form"))?;
    Ok((parameters, basic))
}

/// RFC 6749 §5.2.
fn refusal(error: &GrantError) -> Answer {
    let mut answer = json_answer(
        error.status(),
        &json!({ "error": error.code(), "error_description": error.description() }),
    );
    if error.status() == StatusCode::UNAUTHORIZED {
        answer.headers_mut().insert(
            WWW_AUTHENTICATE,
            HeaderValue::from_static("Basic realm=\"doorward development issuer\""),
        );
    }
    answer
}

fn get_only(method: &Method, document: impl FnOnce() -> Value) -> Answer {
    if method == Method::GET || method == Method::HEAD {
        json_answer(StatusCode::OK, &document())
    } else {
        not_allowed("GET, HEAD")
    }
}

fn not_allowed(allow: &'static str) -> Answer {
    let mut answer = json_answer(
        StatusCode::METHOD_NOT_ALLOWED,
        &json!({ "error": "invalid_request", "error_description": format!("use {allow}") }),
    );
    answer
        .headers_mut()
        .insert(ALLOW, HeaderValue::from_static(allow));
    answer
}

/// RFC 6749 §5.1: what holds a token is stored by nobody. The rest changes from one run to the next.
fn json_answer(status: StatusCode, document: &Value) -> Answer {
    let mut answer = Response::new(Full::new(Bytes::from(document.to_string())));
    *answer.status_mut() = status;
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
}
