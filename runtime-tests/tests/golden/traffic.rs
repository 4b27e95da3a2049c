//! Rules of traffic at the gate and at the gateway: CORS, rate limits, limits of requests, and the fields that
//! make browsers careful.

use crate::act::Act;
use crate::book::Book;
use crate::front::{Front, begin, both};
use crate::pages::{self, PAGE};
use crate::scene::Scene;
use doorward_runtime_tests::cases;
use doorward_runtime_tests::client::Ask;
use doorward_runtime_tests::clocked::{store_fails, stored_names, until};
use doorward_runtime_tests::credential::ApiKey;
use doorward_runtime_tests::host::Host;
use doorward_runtime_tests::run::Case;
use serde_json::json;

pub const CASES: &[Case] =
    cases![; both_manners: rules_of_traffic_are_answered_and_logged_as_it_is_written];

/// The tables of rules.
const RULES: &str = r#"
[cors.web]
origins = ["https://app.example", "https://*.app.example"]
credentials = true
request_headers = ["content-type", "x-b"]
exposed_headers = ["etag", "x-total"]
max_age_s = 77

[cors.any]
origins = "*"

[rate_limit.by_client]
requests = 2
per_s = 60

[rate_limit.by_subject]
requests = 60
per_s = 60
burst = 1
key = "subject"

[rate_limit.by_header]
requests = 1
per_s = 10
key = "header:x-tenant"

[rate_limit.by_key]
requests = 1
per_s = 10
key = "api-key"

[rate_limit.by_claim]
requests = 1
per_s = 10
key = "claim:tenant"

[rate_limit.guessing]
requests = 2
per_s = 3600
counts = "failed-authentication"

[rate_limit.together]
requests = 2
per_s = 60
shared = true

[limits.small]
header_count_max = 12
header_bytes_max = 700
target_bytes_max = 60
body_bytes_max = 10
content_types = ["application/json", "image/*"]

[security_headers.api]
preset = "api"

[security_headers.pages]
preset = "web"

[security_headers.changed]
preset = "web"
set = { x-frame-options = "SAMEORIGIN", x-robots-tag = "noindex" }
remove = ["strict-transport-security"]
"#;

/// The routes, but for those that only name a rule ([`named`]).
const ROUTES: &str = r#"
[[route]]
path = "/web/**"
methods = ["GET", "PUT"]
issuer = ["test"]
scope = ["read"]
cors = "web"
security_headers = "api"

[[route]]
path = "/web/**"
methods = ["POST"]
issuer = ["test"]

[[route]]
path = "/public/**"
public = true
cors = "web"

[[route]]
path = "/any/**"
public = true
cors = "any"

[[route]]
path = "/open"
issuer = ["test"]
auth = "optional"
cors = "web"

[[route]]
path = "/several/**"
issuer = ["test"]
rate_limit = ["by_client", "by_subject"]
cors = "web"

[[route]]
path = "/guessing/**"
issuer = ["test"]
rate_limit = "guessing"

[[route]]
path = "/small/**"
public = true
limits = "small"
security_headers = "api"
cors = "any"
"#;

async fn rules_of_traffic_are_answered_and_logged_as_it_is_written(host: &dyn Host) {
    let mut book = Book::open("traffic", host);
    let mut scene = Scene::set(host).await;
    let policy = policy(&scene);
    for front in both(&mut scene, &policy, "").await {
        pages::preflights(&mut book, &scene, &front).await;
        pages::cors(&mut book, &scene, &front).await;
        rates(&mut book, &scene, &front).await;
        limits(&mut book, &scene, &front).await;
        security(&mut book, &scene, &front).await;
    }
    book.close();
}

fn key() -> ApiKey {
    ApiKey::new("ci", &[], None)
}

/// A route for each of these rules, below its name.
fn named() -> String {
    let of = |key: &str, names: &[&str], who: &str| {
        let route = |name: &&str| {
            format!("[[route]]\npath = \"/{name}/**\"\n{who}\n{key} = \"{name}\"\n\n")
        };
        names.iter().map(route).collect::<String>()
    };
    let keys = "accept = [\"api-key\"]";
    let tokens = "issuer = [\"test\"]";
    [
        of(
            "security_headers",
            &["api", "pages", "changed"],
            "public = true",
        ),
        of(
            "rate_limit",
            &["by_client", "by_header", "together"],
            "public = true",
        ),
        of("rate_limit", &["by_subject", "by_claim"], tokens),
        of("rate_limit", &["by_key"], keys),
    ]
    .concat()
}

fn policy(scene: &Scene<'_>) -> String {
    format!(
        "{}[api_keys]\nheader = \"x-api-key\"\nstore = false\n{}\n{RULES}\n{ROUTES}\n{}",
        scene.trust(""),
        key().table(),
        named()
    )
}

async fn rates(book: &mut Book<'_>, scene: &Scene<'_>, front: &Front) {
    let mut act = begin(book, scene, front, "rate limits").await;
    let bob = scene.token(json!({ "sub": "bob" }));
    let alice = scene.alice();
    let tenant = |name: &str| Ask::get("/by_header/a").header("X-Tenant", name);
    let claim =
        |name: &str| Ask::get("/by_claim/a").bearer(&scene.token(json!({ "tenant": name })));
    let several = |token: &str| Ask::get("/several/a").header("Origin", PAGE).bearer(token);
    let service = |ask: Ask| ask.header("X-Answer-RateLimit", "\"x\";r=1");
    for (title, ask) in [
        ("the first request", service(Ask::get("/by_client/a"))),
        ("the second one", Ask::get("/by_client/a")),
        ("the third one", Ask::get("/by_client/a")),
        ("a subject", Ask::get("/by_subject/a").bearer(&alice)),
        ("another subject", Ask::get("/by_subject/a").bearer(&bob)),
        (
            "the subject again",
            Ask::get("/by_subject/a").bearer(&alice),
        ),
        ("nobody", Ask::get("/by_subject/a")),
        ("nobody again", Ask::get("/by_subject/a")),
        ("a value of a field", tenant("a")),
        ("another value", tenant("b")),
        ("the value again", tenant("a")),
        ("a claim", claim("a")),
        ("the claim again", claim("a")),
        (
            "an API key",
            Ask::get("/by_key/a").header("X-API-Key", &key().text),
        ),
        (
            "the API key again",
            Ask::get("/by_key/a").header("X-API-Key", &key().text),
        ),
        ("several limits, one of them used up", several(&alice)),
        (
            "several limits",
            several(&scene.token(json!({ "sub": "carol" }))),
        ),
        ("guessing", Ask::get("/guessing/a").bearer("x")),
        ("guessing right", Ask::get("/guessing/a").bearer(&alice)),
        ("guessing again", Ask::get("/guessing/a").bearer("y")),
        ("guessing too often", Ask::get("/guessing/a").bearer(&alice)),
        ("together", Ask::get("/together/a")),
    ] {
        act.ask(title, &ask).await;
    }
    scene.clock.advance(30).await;
    act.ask("half a minute later", &Ask::get("/by_client/a"))
        .await;
    act.ask("and once more", &Ask::get("/by_client/a")).await;
    act.end().await;

    let mut act = begin(book, scene, front, "rate limits while the store fails").await;
    let ask = Ask::get("/together/a");
    act.ask("while it works", &ask).await;
    let app = &act.app;
    until("it is written", || {
        !stored_names(app, "doorward/").is_empty()
    })
    .await;
    store_fails(&act.app, true);
    // It is read before the answer, and written after it.
    let event = "store-unavailable";
    act.ask_and_wait("while it fails", &ask, event, 2).await;
    act.end().await;
}

async fn limits(book: &mut Book<'_>, scene: &Scene<'_>, front: &Front) {
    let mut act = begin(book, scene, front, "limits of requests").await;
    let many = |count: usize, value: &str| {
        let ask = Ask::get("/small/a");
        (0..count).fold(ask, |ask, number| ask.header(&format!("X-{number}"), value))
    };
    let put = |kind: &str, body: &[u8]| {
        Ask::new("PUT", "/small/a")
            .header("Content-Type", kind)
            .body(body)
    };
    let json = "application/json; charset=utf-8";
    for (title, ask) in [
        ("within", Ask::get("/small/a")),
        ("many fields", many(20, "v").header("Origin", PAGE)),
        ("large fields", many(1, &"v".repeat(800))),
        (
            "a long target",
            Ask::get(&format!("/small/{}", "x".repeat(60))),
        ),
        ("a body within", put(json, b"0123456789")),
        ("a large body", put(json, b"0123456789a")),
        ("a media type of a kind", put("image/png", b"x")),
        ("another media type", put("text/plain", b"x")),
        ("no media type", Ask::new("PUT", "/small/a").body(b"x")),
        ("a media type that is none", put("json", b"x")),
    ] {
        act.ask(title, &ask).await;
    }
    let chunked = |fields: &str, body: &str| {
        format!(
            "PUT /small/trailers HTTP/1.1\r\nHost: api.example\r\nConnection: close\r\n{fields}\
             Transfer-Encoding: chunked\r\n\r\n{body}0\r\n\r\n"
        )
    };
    let typed = "Content-Type: application/json\r\n";
    let large = "5\r\nhello\r\n6\r\n, worl\r\n";
    act.send("chunks within", chunked(typed, "5\r\nhello\r\n"))
        .await;
    act.send("chunks without a media type", chunked("", "5\r\nhello\r\n"))
        .await;
    act.end().await;
    // How much of it the origin gets is left to chance.
    let title = format!("{}: a body that turns out too large", front.name);
    let mut act = Act::begin(book, &title, &front.spec, scene).await;
    act.send("large chunks", chunked(typed, large)).await;
    act.end().await;
}

async fn security(book: &mut Book<'_>, scene: &Scene<'_>, front: &Front) {
    let title = "fields that make browsers careful";
    let mut act = begin(book, scene, front, title).await;
    let own = |target: &str| {
        Ask::get(target)
            .header("X-Answer-X-Frame-Options", "own")
            .header("X-Answer-Cache-Control", "own")
            .header("X-Answer-Set-Cookie", "a=1")
            .header("X-Answer-Set-Cookie", "b=2")
    };
    for (title, ask) in [
        ("api", Ask::get("/api/a")),
        ("web", Ask::get("/pages/a")),
        (
            "api, with a token",
            Ask::get("/web/a").bearer(&scene.alice()),
        ),
        ("changed", Ask::get("/changed/a")),
        ("what the service says itself", own("/api/a")),
        ("what the service says itself, changed", own("/changed/a")),
        ("on a refusal", Ask::get("/web/a")),
        ("none", own("/public/a")),
    ] {
        act.ask(title, &ask).await;
    }
    act.end().await;
}
