//! A real nginx: as the origin, and as the CDN in front.

use crate::{Stage, head, policy};
use doorward_runtime_tests::app::{App, AppSpec};
use doorward_runtime_tests::cases;
use doorward_runtime_tests::client::{Answer, Ask};
use doorward_runtime_tests::gated::status;
use doorward_runtime_tests::host::{Host, Running};
use doorward_runtime_tests::issuer::Issuer;
use doorward_runtime_tests::nginx::Nginx;
use doorward_runtime_tests::origin::{Gate, Origin, Reply};
use doorward_runtime_tests::raw::Raw;
use doorward_runtime_tests::run::Case;

pub const CASES: &[Case] = cases![
    nginx_as_the_origin_answers_as_it_does_directly,
    nginx_as_the_origin_is_told_what_the_gateway_knows,
    nginx_as_the_origin_takes_uploads,
    nginx_as_the_origin_sends_a_file_at_its_own_pace,
    nginx_as_the_cdn_is_believed_about_the_client,
    nginx_as_the_cdn_passes_bodies_on_while_they_come,
    nginx_on_both_sides_hands_bodies_through_byte_for_byte,
];

/// The gateway in front of an nginx.
struct Before {
    nginx: Nginx,
    running: Running,
    _issuer: Issuer,
    _app: App,
}

impl Before {
    async fn start(host: &dyn Host) -> Self {
        let nginx = Nginx::origin().await;
        let issuer = Issuer::start().await;
        let lines = "first_byte_timeout_ms = 5000\nbreaker = false";
        // All of it is public: what is asked for is nginx's own.
        let policy = policy(&issuer, &nginx.url(), lines).replace(
            "path = \"/public/**\"",
            "path = \"/public/**\"\nstrip_prefix = \"/public\"",
        );
        let app = AppSpec::gateway(policy).write();
        Self {
            running: host.start(&app).await,
            nginx,
            _issuer: issuer,
            _app: app,
        }
    }

    async fn get(&self, target: &str) -> Answer {
        Ask::get(&format!("/public{target}"))
            .send(self.running.address)
            .await
    }
}

async fn nginx_as_the_origin_answers_as_it_does_directly(host: &dyn Host) {
    let before = Before::start(host).await;
    let mut asks = Vec::new();
    for target in [
        "/hello",
        "/file",
        "/none",
        "/status/204",
        "/status/302",
        "/status/404",
    ] {
        asks.extend([Ask::get(target), Ask::new("HEAD", target)]);
    }
    for code in [429, 500, 502, 503, 504] {
        asks.push(Ask::new("POST", &format!("/status/{code}")));
    }
    let tag = before.get("/file").await.header("etag").unwrap().to_owned();
    asks.push(Ask::get("/file").header("Range", "bytes=1-3"));
    asks.push(Ask::get("/file").header("Range", "bytes=999999-"));
    asks.push(Ask::get("/file").header("If-None-Match", &tag));
    for ask in asks {
        let direct = ask.send(before.nginx.address()).await;
        // The same request under the gateway's path.
        let bytes = String::from_utf8(ask.bytes("gateway.example")).unwrap();
        let bytes = bytes.replacen(" /", " /public/", 1);
        let through =
            doorward_runtime_tests::client::send_bytes(before.running.address, bytes.as_bytes())
                .await;
        let what = format!("{ask:?}");
        status(&through, direct.status, &what);
        assert!(through.body == direct.body, "{what}: the body");
        let of_the_gateway = ["via", "date", "connection", "x-request-id"];
        let fields = |answer: &Answer| {
            let mut fields = answer.headers.clone();
            fields.retain(|(name, _)| !of_the_gateway.contains(&name.as_str()));
            // nginx says it with the host that it is asked for.
            fields.retain(|(name, _)| name != "location");
            fields.sort();
            fields
        };
        assert_eq!(fields(&through), fields(&direct), "{what}: the fields");
    }
    assert_eq!(
        before.nginx.errors().matches("[error]").count(),
        4,
        "/none twice each"
    );
}

async fn nginx_as_the_origin_is_told_what_the_gateway_knows(host: &dyn Host) {
    let before = Before::start(host).await;
    let fields = [
        "Connection: close, X-Two",
        "Keep-Alive: 5",
        "TE: trailers",
        "Upgrade: h2c",
        "X-One: 1",
        "X-Two: 2",
        "Via: 1.1 forged",
        "X-Forwarded-For: 192.0.2.66",
        "X-Forwarded-Proto: https",
    ];
    let bytes = head("GET", "/public/echo-headers?q=1", &fields);
    let answer =
        doorward_runtime_tests::client::send_bytes(before.running.address, bytes.as_bytes()).await;
    // Who does not see `Connection` cannot know what it names.
    let named = if host.shows_hops() { "x-two: 2\n" } else { "" };
    let expected = format!(
        "GET /echo-headers?q=1 HTTP/1.1\nhost: {}\nvia: 1.1 doorward\n\
         forwarded: for=127.0.0.1;host=gateway.example;proto=http\nx-forwarded-for: 127.0.0.1\n\
         x-forwarded-host: gateway.example\nx-forwarded-proto: http\ncdn-loop: doorward\nx-one: 1\n{named}",
        before.nginx.address()
    );
    assert_eq!(answer.text(), expected, "these fields and no others");
}

async fn nginx_as_the_origin_takes_uploads(host: &dyn Host) {
    let before = Before::start(host).await;
    let body = vec![b'b'; 5 << 20];
    let ask = Ask::new("POST", "/public/upload").body(&body);
    assert_eq!(ask.send(before.running.address).await.text(), "5242880\n");
    let mut client = Raw::connect(before.running.address).await;
    for _ in 0..3 {
        let fields = ["Transfer-Encoding: chunked"];
        client.send(head("PUT", "/public/upload", &fields)).await;
        client.send("5\r\nhello\r\n2\r\nhi\r\n0\r\n\r\n").await;
        let response = client.response().await.unwrap();
        assert_eq!(
            response.text(),
            "7\n",
            "a chunked one, on a connection that is kept"
        );
    }
    let errors = before.nginx.errors();
    assert!(!errors.contains("[error]"), "nginx complains: {errors}");
}

async fn nginx_as_the_origin_sends_a_file_at_its_own_pace(host: &dyn Host) {
    let before = Before::start(host).await;
    for target in ["/file", "/slow"] {
        let answer = before.get(target).await;
        assert!(answer.body == vec![b'f'; Nginx::FILE_BYTES], "{target}");
        let length = Nginx::FILE_BYTES.to_string();
        assert_eq!(answer.header("content-length"), Some(&*length), "{target}");
    }
    let gone = before.get("/gone").await;
    crate::problem(&gone, 502, &["nginx"], "a connection that nginx closes");
}

/// A gateway that believes one proxy, with a CDN in front.
async fn behind_a_cdn(host: &dyn Host, script: Reply) -> (Stage, Nginx) {
    let issuer = Issuer::start().await;
    let origin = Origin::start(script).await;
    let policy = format!(
        "[proxy]\ntrusted_hops = 1\n{}",
        policy(&issuer, &origin.url(), "")
    );
    let stage = Stage::of(host, issuer, origin, AppSpec::gateway(policy)).await;
    let cdn = Nginx::in_front_of(stage.running.address).await;
    (stage, cdn)
}

async fn nginx_as_the_cdn_is_believed_about_the_client(host: &dyn Host) {
    let (stage, cdn) = behind_a_cdn(host, Reply::ok("hello")).await;
    for number in 0..20 {
        let ask = Ask::get("/read/a?b")
            .bearer(&stage.token())
            .header("X-Forwarded-For", "192.0.2.66");
        let answer = ask.send(cdn.address()).await;
        assert_eq!(answer.text(), "hello", "request {number}");
    }
    let seen = stage.origin.requests().remove(0);
    let asked = cdn.address().to_string();
    for (name, expected) in [
        ("x-forwarded-for", "192.0.2.66, 127.0.0.1, 127.0.0.1"),
        ("x-forwarded-proto", "https"),
        ("x-forwarded-host", &*asked),
        ("x-auth-subject", "alice"),
    ] {
        assert_eq!(seen.values(name), [expected], "{name}");
    }
    let answer = Ask::get("/read/a").send(cdn.address()).await;
    status(
        &answer,
        401,
        "who has no token is refused through a CDN as well",
    );
    let connections = stage.origin.connections();
    assert!(
        connections < 10,
        "{connections} connections for 20 requests"
    );
    assert_eq!(cdn.errors(), "", "nginx has nothing to complain of");
}

async fn nginx_as_the_cdn_passes_bodies_on_while_they_come(host: &dyn Host) {
    let gate = Gate::closed();
    let reply = Reply::ok("").trickle(&gate, &["one", "two"]);
    let (stage, cdn) = behind_a_cdn(host, reply).await;
    let mut client = Raw::connect(cdn.address()).await;
    client
        .send(head("POST", "/public/a", &["Content-Length: 4"]))
        .await;
    client.send("hi").await;
    stage
        .origin
        .until("half of the body is there", |origin| {
            origin.count() == 1 && origin.request().body == b"hi"
        })
        .await;
    client.send("hi").await;
    client.read_until("\r\n\r\n").await;
    for piece in ["one", "two"] {
        gate.let_through(1);
        assert_eq!(client.read(3).await, piece.as_bytes());
    }
}

async fn nginx_on_both_sides_hands_bodies_through_byte_for_byte(host: &dyn Host) {
    let before = Before::start(host).await;
    let cdn = Nginx::in_front_of(before.running.address).await;
    let body: Vec<u8> = (0..=255).cycle().take(6 << 20).collect();
    let ask = Ask::new("POST", "/public/upload").body(&body);
    assert_eq!(ask.send(cdn.address()).await.text(), "6291456\n");
    let answer = Ask::get("/public/file").send(cdn.address()).await;
    assert!(answer.body == vec![b'f'; Nginx::FILE_BYTES], "the file");

    let origin = Origin::start(Reply::ok(&body)).await;
    let issuer = Issuer::start().await;
    let policy = policy(&issuer, &origin.url(), "");
    let stage = Stage::of(host, issuer, origin, AppSpec::gateway(policy)).await;
    let cdn = Nginx::in_front_of(stage.running.address).await;
    let ask = Ask::new("POST", "/public/a").body(&body);
    let answer = ask.send(cdn.address()).await;
    assert!(answer.body == body, "{} bytes came back", answer.body.len());
    let mut seen = stage.origin.requests();
    Ask::new("POST", "/direct")
        .body(&body)
        .send(stage.origin.address())
        .await;
    seen.extend(stage.origin.requests().pop());
    assert_eq!(
        seen[0].body_digest, seen[1].body_digest,
        "as if it was sent directly"
    );
}
