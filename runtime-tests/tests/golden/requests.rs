//! Requests at the gate and at the gateway: targets that are refused, what a client says of who it is, and what
//! is taken out on the way.

use crate::book::Book;
use crate::front::{Front, begin, both};
use crate::scene::Scene;
use doorward_runtime_tests::cases;
use doorward_runtime_tests::client::Ask;
use doorward_runtime_tests::host::Host;
use doorward_runtime_tests::run::Case;

pub const CASES: &[Case] =
    cases![; both_manners: requests_are_answered_and_logged_as_it_is_written];

const ROUTES: &str = r#"
[identity]
x-auth-subject = "sub"
x-auth-issuer = "iss"

[proxy]
trusted_hops = 1
trusted_networks = ["192.0.2.0/24"]
identity_headers = ["x-forwarded-user"]

[[route]]
path = "/public/**"
public = true

[[route]]
path = "/read/**"
issuer = ["test"]
token_from = ["authorization", "cookie:session", "query:access_token"]

[[route]]
path = "/keep/**"
issuer = ["test"]
credential = "forward"

[[route]]
path = "/override/**"
public = true
override_headers = ["x-http-method-override"]
"#;

/// The same, where whoever asks is the trusted proxy.
const TRUSTING: &str = "trusted_networks = [\"127.0.0.0/8\"]";

const FIELDS: [(&str, &str); 31] = [
    ("X-Auth-Subject", "mallory"),
    ("X_Auth.Issuer", "mallory"),
    ("X-HTTP-Method-Override", "DELETE"),
    ("x.http.method", "DELETE"),
    ("X-Original-URL", "/mallory"),
    ("X_Rewrite_URL", "/mallory"),
    ("X-Script-Name", "/mallory"),
    ("X-Forwarded-Prefix", "/mallory"),
    ("Remote-User", "mallory"),
    ("Remote_User", "mallory"),
    ("X-Forwarded-User", "mallory"),
    ("X-Forwarded-Email", "mallory"),
    ("X-Auth-Request-User", "mallory"),
    ("X-WebAuth-User", "mallory"),
    ("X-SSL-Client-Verify", "mallory"),
    ("Client-Cert", "mallory"),
    ("Tailscale-User-Login", "mallory"),
    ("X-MS-Client-Principal-Name", "mallory"),
    ("X-Forwarded-For", "192.0.2.66"),
    ("X-Forwarded-Proto", "https"),
    ("X-Forwarded-Host", "mallory.example"),
    ("Forwarded", "for=192.0.2.66"),
    ("Via", "1.0 mallory"),
    ("X-Real-IP", "192.0.2.66"),
    ("True-Client-IP", "192.0.2.66"),
    ("Spin-Client-Addr", "192.0.2.66:66"),
    ("Spin-Full-Url", "http://mallory.example/"),
    ("CDN-Loop", "another; v=1"),
    ("X-Hasura-Role", "ordinary"),
    ("User-Agent", "a test/1.0"),
    ("Accept", "*/*"),
];

async fn requests_are_answered_and_logged_as_it_is_written(host: &dyn Host) {
    let mut book = Book::open("requests", host);
    let mut scene = Scene::set(host).await;
    let policy = format!("{}{ROUTES}", scene.trust(""));
    for front in both(&mut scene, &policy, "").await {
        targets(&mut book, &scene, &front).await;
        fields(&mut book, &scene, &front, "nobody trusts").await;
        parts(&mut book, &scene, &front).await;
        bodies(&mut book, &scene, &front).await;
    }
    let trusting = policy.replace("trusted_networks = [\"192.0.2.0/24\"]", TRUSTING);
    for front in both(&mut scene, &trusting, "").await {
        fields(&mut book, &scene, &front, "that is trusted").await;
    }
    book.close();
}

async fn targets(book: &mut Book<'_>, scene: &Scene<'_>, front: &Front) {
    let mut act = begin(book, scene, front, "targets").await;
    for target in [
        "/public/A~b-c_d.e/f@g:h,i=j?q=%2F..%2f&x=//;y&%41=+",
        "/public/a%20b",
        "/public/",
        "/public",
        "/public/../read/a",
        "/public/./a",
        "/public//a",
        "/public/%2e%2e/read/a",
        "/public/a%2Fb",
        "/public/%41",
        "/public/a%2",
        "/public/%c3%a9",
        "/public/%FF",
        "/public/%00",
        "/public/a.",
        "/public/%20a",
        "/public/a;b",
        "/public/a\\b",
        "/public/%EF%BC%8F",
        "/public/a?b=%zz",
        "/public/a?<b>",
        "*",
        "http://api.example/public/a",
    ] {
        act.ask(target, &Ask::get(target)).await;
    }
    let long = format!("/public/{}", "x".repeat(9_000));
    act.names.add(&long, "long");
    act.ask("a path that is too long", &Ask::get(&long)).await;
    let long = format!("/public/a?{}", "y".repeat(70_000));
    act.names.add(&long, "long");
    act.ask("a target that is too long", &Ask::get(&long)).await;
    let many = format!("/public{}", "/x".repeat(300));
    act.names.add(&many, "many");
    act.ask("too many segments", &Ask::get(&many)).await;
    for method in ["DELETE", "QUERY", "X-OWN!", "CONNECT", "TRACE", "options"] {
        act.ask(method, &Ask::new(method, "/public/a")).await;
    }
    act.end().await;
}

async fn fields(book: &mut Book<'_>, scene: &Scene<'_>, front: &Front, whom: &str) {
    let title = format!("what a client says {whom}");
    let mut act = begin(book, scene, front, &title).await;
    let all = |ask: Ask| {
        FIELDS
            .iter()
            .fold(ask, |ask, (name, value)| ask.header(name, value))
    };
    let plain = all(Ask::get("/public/a"));
    act.ask("on a public route", &plain).await;
    act.ask("once more", &plain).await;
    let ask = all(Ask::get("/read/a").bearer(&scene.alice()));
    act.ask("with a token", &ask).await;
    act.ask(
        "where another method may be asked for",
        &all(Ask::get("/override/a")),
    )
    .await;
    act.end().await;
}

async fn parts(book: &mut Book<'_>, scene: &Scene<'_>, front: &Front) {
    let mut act = begin(book, scene, front, "what is taken out of fields").await;
    let token = scene.alice();
    act.names.add(&token, "token");
    let referer = format!("http://api.example/read/a?access_token={token}&b");
    let with = |ask: Ask| {
        ask.header("Referer", &referer)
            .header("Cookie", &format!("a=1; session={token}; b=\"2 3\""))
            .header("Cookie", "session=x")
    };
    let query = format!("?b=1&access_token={token}&c=%20");
    let websocket = Ask::get("/public/a")
        .header("Upgrade", "websocket")
        .header("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==");
    for (title, ask) in [
        ("a WebSocket", websocket),
        (
            "on a public route",
            with(Ask::get(&format!("/public/a{query}"))),
        ),
        (
            "in the query",
            Ask::get(&format!("/read/a{query}")).header("Referer", &referer),
        ),
        (
            "in a cookie",
            Ask::get("/read/a").header("Cookie", &format!("session={token}; c=d")),
        ),
        (
            "kept",
            with(Ask::get(&format!("/keep/a{query}")).bearer(&token)),
        ),
        (
            "of another origin",
            Ask::get("/public/a").header("Referer", "https://other.example/?access_token=x"),
        ),
        (
            "beside a token",
            Ask::get("/read/a")
                .bearer(&token)
                .header("Cookie", "session=x; a=1"),
        ),
    ] {
        act.ask(title, &ask).await;
    }
    act.end().await;
}

async fn bodies(book: &mut Book<'_>, scene: &Scene<'_>, front: &Front) {
    let mut act = begin(book, scene, front, "bodies and trailers").await;
    let token = scene.alice();
    let chunked = |target: &str, fields: &str, trailers: &str| {
        format!(
            "POST {target} HTTP/1.1\r\nHost: api.example\r\nConnection: close\r\n{fields}\
             Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n{trailers}\r\n"
        )
    };
    let bearer = format!("Authorization: Bearer {token}\r\n");
    let trailer = "Trailer: x-sum, x-auth-subject, remote-user, authorization\r\n";
    let forged =
        "X-Sum: 1\r\nX_Auth_Subject: mallory\r\nRemote-User: mallory\r\nAuthorization: x\r\n";
    for (title, bytes) in [
        ("trailers", chunked("/public/trailers", trailer, forged)),
        (
            "trailers with a token",
            chunked("/read/trailers", &format!("{trailer}{bearer}"), forged),
        ),
        ("chunks", chunked("/public/body", "", "")),
        (
            "chunks of which a trailer was not announced",
            chunked("/public/trailers", "", "X-Sum: 1\r\n"),
        ),
    ] {
        act.send(title, bytes).await;
    }
    for (title, ask) in [
        ("a body", Ask::new("POST", "/public/body").body(b"hello")),
        ("a body of a GET", Ask::get("/public/body").body(b"hello")),
        (
            "a body of a DELETE",
            Ask::new("DELETE", "/public/body").body(b"hello"),
        ),
        ("no body", Ask::new("POST", "/public/body")),
        (
            "a length of 0",
            Ask::new("PUT", "/public/body").header("Content-Length", "0"),
        ),
        ("a body of a type", Ask::new("PUT", "/public/a").form("a=b")),
        ("a HEAD", Ask::new("HEAD", "/public/a")),
    ] {
        act.ask(title, &ask).await;
    }
    act.end().await;
}
