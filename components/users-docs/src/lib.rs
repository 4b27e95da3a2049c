//! `wasi:http/service`: the OpenAPI document of the users, and a page that shows it and sends requests.
//!
//! The document is part of the component. What draws the page is the npm package `swagger-ui-dist`, mounted as files:
//! `renderer/` fixes it. Only what is listed in `RESOURCES` is served, whatever else is mounted, and the page may load
//! from here alone.

use std::collections::hash_map::DefaultHasher;
use std::hash::Hasher as _;

use bytes::Bytes;
use doorward_users::conditions::is_known;
use http::header::{
    ALLOW, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, HeaderName,
    HeaderValue, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderMap, Method, Response, StatusCode};
use http_body_util::Full;
use spin_sdk::http::{IntoResponse, Request};
use spin_sdk::http_service;
use spin_sdk::wasip3::http::types::ErrorCode;

/// Where the files of the npm package are mounted.
const PACKAGE: &str = "/renderer/node_modules/swagger-ui-dist";
/// What is said where they are not.
const NO_PACKAGE: &str = "What draws this page is not here yet: npm ci --prefix components/users-docs/renderer, and \
                          start the application anew. The document itself is at /api/openapi.json.\n";
/// What a page may load: what is here, and nothing from elsewhere. Swagger UI has its icons as `data:`.
const FROM_HERE_ALONE: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
                               connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
const TEXT: &str = "text/plain; charset=utf-8";

/// What is served.
struct Resource {
    path: &'static str,
    media_type: &'static str,
    content: Content,
}

/// Where it is.
enum Content {
    /// In the component.
    Here(&'static str),
    /// In the npm package, under this name.
    InPackage(&'static str),
}

/// All there is.
const RESOURCES: [Resource; 5] = [
    Resource {
        path: "/api/openapi.json",
        media_type: "application/json",
        content: Content::Here(include_str!("../openapi.json")),
    },
    Resource {
        path: "/api/docs",
        media_type: "text/html; charset=utf-8",
        content: Content::Here(include_str!("../page/index.html")),
    },
    Resource {
        path: "/api/docs/page.js",
        media_type: "text/javascript; charset=utf-8",
        content: Content::Here(include_str!("../page/page.js")),
    },
    Resource {
        path: "/api/docs/swagger-ui-bundle.js",
        media_type: "text/javascript; charset=utf-8",
        content: Content::InPackage("swagger-ui-bundle.js"),
    },
    Resource {
        path: "/api/docs/swagger-ui.css",
        media_type: "text/css; charset=utf-8",
        content: Content::InPackage("swagger-ui.css"),
    },
];

#[http_service]
async fn handle(request: Request) -> Result<impl IntoResponse, ErrorCode> {
    let mut response = answer(request.uri().path(), request.method(), request.headers());
    for (name, value) in [
        (CONTENT_SECURITY_POLICY, FROM_HERE_ALONE),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (REFERRER_POLICY, "no-referrer"),
    ] {
        set(&mut response, name, value);
    }
    let length = HeaderValue::from(response.body().len());
    if !response.body().is_empty() {
        response.headers_mut().insert(CONTENT_LENGTH, length);
    }
    // What a GET would have said, without its content (RFC 9110 §9.3.2).
    if request.method() == Method::HEAD {
        response.body_mut().clear();
    }
    Ok(response.map(|bytes| Full::new(Bytes::from(bytes))))
}

fn answer(path: &str, method: &Method, request: &HeaderMap) -> Response<Vec<u8>> {
    let found = RESOURCES.iter().find(|resource| resource.path == path);
    let Some(resource) = found else {
        return said(StatusCode::NOT_FOUND, "There is nothing here.\n");
    };
    if !matches!(*method, Method::GET | Method::HEAD) {
        let text = "This is read with GET.\n";
        let mut response = said(StatusCode::METHOD_NOT_ALLOWED, text);
        set(&mut response, ALLOW, "GET, HEAD");
        return response;
    }
    let needs_package = resource.media_type.starts_with("text/html");
    if needs_package && !std::fs::exists(format!("{PACKAGE}/swagger-ui.css")).unwrap_or(false) {
        return said(StatusCode::SERVICE_UNAVAILABLE, NO_PACKAGE);
    }
    let bytes = match resource.content {
        Content::Here(text) => text.as_bytes().to_vec(),
        Content::InPackage(name) => match std::fs::read(format!("{PACKAGE}/{name}")) {
            Ok(bytes) => bytes,
            Err(_) => return said(StatusCode::NOT_FOUND, NO_PACKAGE),
        },
    };
    let tag = tag(&bytes);
    let mut response = match is_known(request, &tag) {
        true => with_status(StatusCode::NOT_MODIFIED, Vec::new()),
        false => {
            let mut response = with_status(StatusCode::OK, bytes);
            set(&mut response, CONTENT_TYPE, resource.media_type);
            response
        }
    };
    set(&mut response, ETAG, &tag);
    // It may be kept, and is asked for again by its tag.
    set(&mut response, CACHE_CONTROL, "no-cache");
    response
}

/// A tag of these bytes: to tell versions of one file apart takes no cryptography.
fn tag(bytes: &[u8]) -> String {
    let mut hash = DefaultHasher::new();
    hash.write(bytes);
    format!("\"{:016x}\"", hash.finish())
}

/// A line for a person.
fn said(status: StatusCode, text: &str) -> Response<Vec<u8>> {
    let mut response = with_status(status, text.as_bytes().to_vec());
    set(&mut response, CONTENT_TYPE, TEXT);
    set(&mut response, CACHE_CONTROL, "no-store");
    response
}

fn with_status(status: StatusCode, body: Vec<u8>) -> Response<Vec<u8>> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response
}

fn set(response: &mut Response<Vec<u8>>, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
}
