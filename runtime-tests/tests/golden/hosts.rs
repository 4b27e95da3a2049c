//! Whom a request is for, and fields that belong to one connection. What a component sees of them is what the
//! manners of hosts differ in, so what is written down of each may be, too.

use crate::act::Act;
use crate::book::Book;
use crate::front::{answering, both};
use crate::scene::Scene;
use doorward_runtime_tests::app::AppSpec;
use doorward_runtime_tests::cases;
use doorward_runtime_tests::host::Host;
use doorward_runtime_tests::origin::Reply;
use doorward_runtime_tests::run::Case;

pub const CASES: &[Case] =
    cases![; both_manners: hosts_and_hops_are_answered_and_logged_as_it_is_written];

const POLICY: &str = "[[route]]\npath = \"/**\"\npublic = true\n";

async fn hosts_and_hops_are_answered_and_logged_as_it_is_written(host: &dyn Host) {
    let mut book = Book::open("hosts", host);
    let mut scene = Scene::set(host).await;
    for front in both(&mut scene, POLICY, "").await {
        let title = format!("{}: hosts", front.name);
        let mut act = Act::begin(&mut book, &title, &front.spec, &scene).await;
        if let Some(origin) = &front.origin {
            act.tells_of("the origin", origin);
        }
        for (title, line, hosts) in [
            ("one", "/a", &["api.example"][..]),
            ("with a port", "/a", &["api.example:80"]),
            ("in another case", "/a", &["API.example"]),
            ("none", "/a", &[]),
            ("an empty one", "/a", &[""]),
            ("two", "/a", &["api.example", "other.example"]),
            ("the same twice", "/a", &["api.example", "api.example"]),
            ("user information", "/a", &["user@api.example"]),
            (
                "a target that names it",
                "http://api.example/a",
                &["api.example"],
            ),
            (
                "a target that names another one",
                "http://other.example/a",
                &["api.example"],
            ),
            (
                "a target with another port",
                "http://api.example:81/a",
                &["api.example"],
            ),
        ] {
            let hosts: String = hosts
                .iter()
                .map(|host| format!("Host: {host}\r\n"))
                .collect();
            let bytes = format!("GET {line} HTTP/1.1\r\n{hosts}Connection: close\r\n\r\n");
            act.send(title, bytes).await;
        }
        let fields = [
            "Connection: close, X-Named",
            "X-Named: named",
            "Keep-Alive: timeout=5",
            "Proxy-Connection: close",
            "TE: trailers",
            "Upgrade: h2c",
            "HTTP2-Settings: x",
            "Proxy-Authorization: Basic x",
            "Proxy_Authorization: Basic x",
            "Transfer_Encoding: x",
            "X-End: to-end",
        ];
        let fields = fields.join("\r\n");
        let head = |line: &str| format!("{line} HTTP/1.1\r\nHost: api.example\r\n{fields}\r\n");
        act.send("fields of one connection", head("GET /a") + "\r\n")
            .await;
        let chunked = "Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n";
        act.send("a GET in chunks", head("GET /a") + chunked).await;
        act.send("a POST in chunks", head("POST /a") + chunked)
            .await;
        act.end().await;
    }
    answers(&mut book, &mut scene).await;
    book.close();
}

async fn answers(book: &mut Book<'_>, scene: &mut Scene<'_>) {
    let origin = scene.origin("origin", answering()).await;
    let route = "[[route]]\npath = \"/**\"\npublic = true\nupstream = \"origin\"\n";
    for (title, lines) in [
        ("answers with fields of one connection", ""),
        (
            "the same, with others set",
            "response.set = { x-set = \"a\" }",
        ),
    ] {
        let policy = format!(
            "[upstream.origin]\nurl = \"{}\"\n{lines}\n{route}",
            origin.url()
        );
        let mut act = Act::begin(book, title, &AppSpec::gateway(policy), scene).await;
        act.tells_of("the origin", &origin);
        let plain = || Reply::ok("hello").field("X-End", "to-end");
        for (title, reply) in [
            ("none", plain()),
            (
                "named",
                plain()
                    .field("Connection", "X-Named")
                    .field("X-Named", "hop"),
            ),
            ("Keep-Alive", plain().field("Keep-Alive", "timeout=5")),
            (
                "Proxy-Connection",
                plain().field("Proxy-Connection", "close"),
            ),
            ("Upgrade", plain().field("Upgrade", "h2c")),
            (
                "Proxy-Authenticate",
                plain().field("Proxy-Authenticate", "Basic"),
            ),
            (
                "odd ones",
                plain().field("TE", "x").field("Proxy_Authenticate", "x"),
            ),
            ("close", plain().closing()),
        ] {
            origin.set(reply);
            let bytes = "GET /a HTTP/1.1\r\nHost: api.example\r\nConnection: close\r\n\r\n";
            act.send(title, bytes).await;
        }
        act.end().await;
    }
}
