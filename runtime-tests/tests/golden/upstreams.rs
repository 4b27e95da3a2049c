//! The gateway and upstreams that fail: retries, fallback, breakers and mirrors.

use crate::act::Act;
use crate::book::Book;
use crate::scene::Scene;
use doorward_runtime_tests::app::AppSpec;
use doorward_runtime_tests::cases;
use doorward_runtime_tests::client::Ask;
use doorward_runtime_tests::clocked::until_event;
use doorward_runtime_tests::host::Host;
use doorward_runtime_tests::origin::{Origin, Reply, Script};
use doorward_runtime_tests::raw::Raw;
use doorward_runtime_tests::run::Case;
use std::net::SocketAddr;
use tokio::net::TcpSocket;

pub const CASES: &[Case] =
    cases![; both_manners: upstreams_that_fail_are_answered_and_logged_as_it_is_written];

/// Requests after which a breaker may open (`crates/traffic/src/breaker.rs`).
const REQUESTS_MIN: usize = 20;
/// Mirrored requests that an instance has under way at a time (`crates/edge/src/proxy/mirror.rs`).
const MIRRORED_MAX: usize = 64;

async fn upstreams_that_fail_are_answered_and_logged_as_it_is_written(host: &dyn Host) {
    let mut book = Book::open("upstreams", host);
    let mut scene = Scene::set(host).await;
    failures(&mut book, &mut scene).await;
    places(&mut book, &mut scene).await;
    retries(&mut book, &mut scene).await;
    fallback(&mut book, &mut scene).await;
    breaker(&mut book, &mut scene).await;
    mirror(&mut book, &mut scene).await;
    mirror_failing(&mut book, &mut scene).await;
    slow_clients(&mut book, &mut scene).await;
    book.close();
}

/// The table of an upstream.
fn upstream(name: &str, urls: &[String], lines: &str) -> String {
    format!("[upstream.{name}]\nurl = {urls:?}\n{lines}\n\n")
}

/// The gateway with one upstream.
fn one(urls: &[String], lines: &str) -> AppSpec {
    let route = "[[route]]\npath = \"/**\"\npublic = true\nupstream = \"u\"\n";
    AppSpec::gateway(format!("{}{route}", upstream("u", urls, lines)))
}

async fn failures(book: &mut Book<'_>, scene: &mut Scene<'_>) {
    let origin = scene.origin("origin", Reply::ok("")).await;
    let lines = "attempts_max = 1\nbreaker = false";
    let title = "answers that are none";
    let mut act = Act::begin(book, title, &one(&[origin.url()], lines), scene).await;
    act.tells_of("the origin", &origin);
    let raw = |text: &str| Reply::raw(text).then_close();
    for (title, reply) in [
        ("a reset", Reply::reset()),
        ("a close", Reply::close()),
        ("half a head", raw("HTTP/1.1 200 OK\r\nX-One: 1\r\n")),
        ("something else", Reply::garbage()),
        ("two lengths", Reply::two_lengths()),
        ("a folded field", Reply::folded()),
        ("too many fields", Reply::ok("").many_fields(10_000)),
        (
            "another protocol",
            raw("HTTP/1.1 101 No\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n"),
        ),
        ("503", Reply::status(503).body("of the origin")),
    ] {
        origin.set(reply);
        act.ask(title, &Ask::get("/a")).await;
    }
    origin.set(Reply::reset());
    act.ask("a reset of a POST", &Ask::new("POST", "/a").body(b"x"))
        .await;
    origin.set(Reply::ok("hello").announcing(10).then_close());
    act.ask("an answer that breaks off", &Ask::get("/a")).await;
    act.end().await;

    origin.set(Reply::stall());
    let spec = one(
        &[origin.url()],
        "attempts_max = 1\nfirst_byte_timeout_ms = 200",
    );
    let mut act = Act::begin(book, "no answer at all", &spec, scene).await;
    act.tells_of("the origin", &origin);
    act.ask("a GET", &Ask::get("/a")).await;
    act.end().await;
}

async fn places(book: &mut Book<'_>, scene: &mut Scene<'_>) {
    let origin = scene.origin("origin", Reply::ok("")).await;
    let tls = format!("https://{}", origin.address());
    let once = "attempts_max = 1";
    // The order of two targets is left to chance, so they have one name.
    let (gone, too) = (
        scene.origin("gone", Reply::ok("")).await,
        scene.origin("gone", Reply::ok("")).await,
    );
    gone.stop().await;
    too.stop().await;
    let _held = [
        kept_from_others(gone.address()),
        kept_from_others(too.address()),
    ];
    for (title, urls, lines) in [
        ("an upstream where nobody listens", vec![gone.url()], once),
        ("an upstream without TLS", vec![tls], once),
        (
            "an upstream of no such name",
            vec!["http://no-such-host.invalid".to_owned()],
            once,
        ),
        (
            "two targets where nobody listens",
            vec![gone.url(), too.url()],
            "attempts_max = 2",
        ),
    ] {
        let mut spec = one(&urls, lines);
        spec.outbound
            .extend(["https://127.0.0.1:*", "http://no-such-host.invalid"].map(str::to_owned));
        let mut act = Act::begin(book, title, &spec, scene).await;
        act.ask("a GET", &Ask::get("/a")).await;
        act.end().await;
    }
}

/// A port on which nobody listens, and nobody else can as long as this exists.
fn kept_from_others(address: SocketAddr) -> TcpSocket {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.set_reuseaddr(true).expect("a socket option");
    socket.bind(address).expect("a port that was given back");
    socket
}

async fn retries(book: &mut Book<'_>, scene: &mut Scene<'_>) {
    let origin = scene.origin("origin", Reply::ok("")).await;
    let lines = "backoff_ms = 1\nbackoff_ms_max = 1\nbreaker = false";
    let title = "requests that are sent again";
    let mut act = Act::begin(book, title, &one(&[origin.url()], lines), scene).await;
    act.tells_of("the origin", &origin);
    let in_the_end =
        |reply: Reply, times: usize| Script::at_first(times, reply, Reply::ok("in the end"));
    let busy = Reply::status(429).field("Retry-After", "0");
    for (title, script, ask) in [
        (
            "a reset, once",
            in_the_end(Reply::reset(), 1),
            Ask::get("/a"),
        ),
        ("a reset, always", Reply::reset().into(), Ask::get("/a")),
        (
            "503 that says when, twice",
            in_the_end(Reply::unavailable(0), 2),
            Ask::new("PUT", "/a").body(b"body"),
        ),
        (
            "503 of a PUT",
            in_the_end(Reply::status(503), 1),
            Ask::new("PUT", "/a").body(b"body"),
        ),
        (
            "503, always",
            Reply::status(503).body("no").into(),
            Ask::get("/a"),
        ),
        (
            "503 that says when",
            in_the_end(Reply::unavailable(0), 1),
            Ask::get("/a"),
        ),
        (
            "503 that says too late",
            in_the_end(Reply::unavailable(100), 1),
            Ask::get("/a"),
        ),
        ("429 that says when", in_the_end(busy, 1), Ask::get("/a")),
        ("500", in_the_end(Reply::status(500), 1), Ask::get("/a")),
        (
            "a POST",
            in_the_end(Reply::status(503), 1),
            Ask::new("POST", "/a").body(b"body"),
        ),
        (
            "a body that is not kept",
            in_the_end(Reply::unavailable(0), 1),
            Ask::new("PUT", "/a").body(&[b'x'; 70_000]),
        ),
    ] {
        origin.set(script);
        act.ask(title, &ask).await;
    }
    act.end().await;
}

async fn fallback(book: &mut Book<'_>, scene: &mut Scene<'_>) {
    let old = scene.origin("old", Reply::ok("old")).await;
    let new = scene.origin("new", Reply::ok("new")).await;
    let once = "attempts_max = 1\nbreaker = false";
    let policy = [
        upstream("old", &[old.url()], once),
        upstream("new", &[new.url()], once),
        "[[route]]\npath = \"/**\"\npublic = true\nupstream = \"old\"\n\
         [route.split]\nto = \"new\"\npercent = 100\nfallback = true\n"
            .to_owned(),
    ];
    let spec = AppSpec::gateway(policy.concat());
    let mut act = Act::begin(book, "fallback", &spec, scene).await;
    act.tells_of("the new one", &new);
    act.tells_of("the old one", &old);
    let put = || Ask::new("PUT", "/a").body(b"body");
    for (title, reply, ask) in [
        ("nothing fails", Reply::ok("new"), put()),
        ("503", Reply::status(503), Ask::get("/a")),
        ("503 that says when", Reply::unavailable(0), put()),
        ("a reset", Reply::reset(), Ask::get("/a")),
        ("a reset of a PUT", Reply::reset(), put()),
        (
            "a reset of a POST",
            Reply::reset(),
            Ask::new("POST", "/a").body(b"body"),
        ),
    ] {
        new.set(reply);
        act.ask(title, &ask).await;
    }
    old.set(Reply::status(503).body("old"));
    act.ask("both fail", &Ask::get("/a")).await;
    act.end().await;
}

async fn breaker(book: &mut Book<'_>, scene: &mut Scene<'_>) {
    let origin = scene
        .origin("origin", Reply::status(503).body("of the origin"))
        .await;
    let trusted = "[proxy]\ntrusted_hops = 1\ntrusted_networks = [\"127.0.0.0/8\"]\n";
    let upstream = upstream("u", &[origin.url()], "attempts_max = 1");
    let route = "[[route]]\npath = \"/**\"\npublic = true\nupstream = \"u\"\n";
    let spec = AppSpec::gateway([trusted, &upstream, route].concat());
    let mut act = Act::begin(book, "a breaker", &spec, scene).await;
    for number in 0..REQUESTS_MIN {
        let client = format!("192.0.2.{}", number + 1);
        let ask = Ask::get("/a").header("X-Forwarded-For", &client);
        let outcome = act.outcome(&ask.bytes(crate::act::HOST)).await;
        assert_eq!(outcome.unwrap().text(), "of the origin");
    }
    act.tells_of("the origin", &origin);
    act.ask("when it has opened", &Ask::get("/a")).await;
    act.end().await;
}

fn mirrored(origin: &Origin, shadow: &Origin, lines: &str) -> AppSpec {
    let policy = [
        upstream("u", &[origin.url()], ""),
        upstream("shadow", &[shadow.url()], lines),
        "[[route]]\npath = \"/**\"\npublic = true\nupstream = \"u\"\nmirror = \"shadow\"\n"
            .to_owned(),
    ];
    AppSpec::gateway(policy.concat())
}

async fn mirror(book: &mut Book<'_>, scene: &mut Scene<'_>) {
    let origin = scene.origin("origin", Reply::ok("hello")).await;
    let shadow = scene.origin("shadow", Reply::ok("shadow")).await;
    let lines = "[upstream.shadow.request]\nset = { x-shadow = \"1\" }";
    let spec = mirrored(&origin, &shadow, lines);
    let mut act = Act::begin(book, "a mirror", &spec, scene).await;
    act.tells_of("the origin", &origin);
    act.tells_of("the mirror", &shadow);
    for (title, ask) in [
        ("a GET", Ask::get("/a?b")),
        ("a body", Ask::new("PUT", "/a").body(b"body")),
        ("a POST without one", Ask::new("POST", "/a")),
    ] {
        act.ask_until_reached(title, &ask, &shadow).await;
    }
    act.end().await;
}

async fn mirror_failing(book: &mut Book<'_>, scene: &mut Scene<'_>) {
    let origin = scene.origin("origin", Reply::ok("hello")).await;
    let shadow = scene.origin("shadow", Reply::reset()).await;
    let spec = mirrored(&origin, &shadow, "breaker = false\nattempts_max = 1");
    let mut act = Act::begin(book, "a mirror that fails", &spec, scene).await;
    act.ask_and_wait("a reset", &Ask::get("/a"), "mirror-failed", 1)
        .await;
    shadow.set(Reply::garbage());
    act.ask_and_wait("something else", &Ask::get("/a"), "mirror-failed", 1)
        .await;
    shadow.stop().await;
    act.ask_and_wait("nobody listens", &Ask::get("/a"), "mirror-failed", 1)
        .await;
    act.end().await;

    let shadow = scene.origin("shadow", Reply::stall()).await;
    shadow.only_counts();
    let spec = mirrored(&origin, &shadow, "breaker = false");
    let mut act = Act::begin(book, "a mirror that stalls", &spec, scene).await;
    for _ in 0..MIRRORED_MAX {
        let outcome = act.outcome(&Ask::get("/a").bytes(crate::act::HOST)).await;
        assert_eq!(outcome.unwrap().text(), "hello");
    }
    act.ask("one too many", &Ask::get("/a")).await;
    until_event(&act.running, "not-mirrored", 1).await;
    act.end().await;
}

async fn slow_clients(book: &mut Book<'_>, scene: &mut Scene<'_>) {
    let origin = scene.origin("origin", Reply::ok("hello")).await;
    let spec = one(&[origin.url()], "first_byte_timeout_ms = 600");
    let title = "clients that do not go on";
    let mut act = Act::begin(book, title, &spec, scene).await;
    act.tells_of("the origin", &origin);
    for (title, head, body) in [
        ("a length", "Content-Length: 10", "hello"),
        ("chunks", "Transfer-Encoding: chunked", "5\r\nhello\r\n"),
        ("no body at all", "Content-Length: 10", ""),
    ] {
        let head =
            format!("POST /a HTTP/1.1\r\nHost: api.example\r\nConnection: close\r\n{head}\r\n\r\n");
        let mut client = Raw::connect(act.running.address).await;
        client.send(&head).await;
        client.send(body).await;
        let outcome = client.response_to("POST").await;
        act.tell(title, head.as_bytes(), &outcome).await;
    }
    act.end().await;
}
