//! The gateway and an origin that works: what is sent there, and what comes back.

use crate::act::Act;
use crate::book::Book;
use crate::front::answering;
use crate::scene::Scene;
use doorward_runtime_tests::app::AppSpec;
use doorward_runtime_tests::cases;
use doorward_runtime_tests::client::Ask;
use doorward_runtime_tests::credential::ApiKey;
use doorward_runtime_tests::host::Host;
use doorward_runtime_tests::origin::{Origin, Reply};
use doorward_runtime_tests::run::Case;
use std::sync::Arc;

pub const CASES: &[Case] =
    cases![; both_manners: what_goes_through_the_gateway_is_as_it_is_written];

const ROUTES: &str = r#"
[identity]
x-auth-subject = "sub"

[defaults]
upstream = "origin"

[[route]]
path = "/public/**"
public = true

[[route]]
path = "/read/**"
issuer = ["test"]
scope = ["read"]

[[route]]
path = "/strip/orders/**"
public = true
strip_prefix = "/strip/orders"

[[route]]
path = "/replace/a/**"
public = true
replace = { prefix = "/replace/a", with = "/v2/x" }

[[route]]
path = "/nowhere/**"
public = true
upstream = false
"#;

const KEEP: &str = r#"
[[route]]
path = "/keep/**"
issuer = ["test"]
credential = "forward"
"#;

async fn what_goes_through_the_gateway_is_as_it_is_written(host: &dyn Host) {
    let mut book = Book::open("gateway", host);
    let mut scene = Scene::set(host).await;
    let origin = scene.origin("origin", answering()).await;
    paths(&mut book, &scene, &origin).await;
    credentials(&mut book, &scene, &origin).await;
    edits(&mut book, &scene, &origin).await;
    ways(&mut book, &scene, &origin).await;
    splits(&mut book, &mut scene, &origin).await;
    answers(&mut book, &scene, &origin).await;
    book.close();
}

fn policy(scene: &Scene<'_>, origin: &Origin, base: &str, lines: &str) -> String {
    let url = origin.url();
    let upstream = format!("[upstream.origin]\nurl = \"{url}{base}\"\n{lines}\n");
    format!("{}{upstream}{ROUTES}", scene.trust(""))
}

async fn begin<'b, 'h>(
    book: &'b mut Book<'h>,
    scene: &Scene<'_>,
    origin: &Arc<Origin>,
    title: &str,
    spec: &AppSpec,
) -> Act<'b, 'h> {
    let mut act = Act::begin(book, title, spec, scene).await;
    act.tells_of("the origin", origin);
    act
}

async fn paths(book: &mut Book<'_>, scene: &Scene<'_>, origin: &Arc<Origin>) {
    for base in ["", "/base/of"] {
        let spec = AppSpec::gateway(policy(scene, origin, base, ""));
        let title = format!("paths, below {base:?}");
        let mut act = begin(book, scene, origin, &title, &spec).await;
        for target in [
            "/public/a%20b/?c=/..",
            "/strip/orders",
            "/strip/orders/",
            "/strip/orders/7?a=%2F/strip/orders",
            "/strip/orders?q",
            "/replace/a",
            "/replace/a/7/?b",
            "/nowhere/a",
        ] {
            act.ask(target, &Ask::get(target)).await;
        }
        act.end().await;
    }
}

async fn credentials(book: &mut Book<'_>, scene: &Scene<'_>, origin: &Arc<Origin>) {
    let key = ApiKey::new("ci", &[], None);
    let token = scene.alice();
    let ask = |target: &str| {
        Ask::get(target)
            .header("X-Origin-Key", "mallory")
            .header("X_Origin_Key", "mallory")
    };
    let table = "[upstream.origin.credential]\nsecret = \"origin_token\"\n";
    let keys = format!(
        "[api_keys]\nheader = \"x-api-key\"\nstore = false\n{}\n",
        key.table()
    );
    let route = "[[route]]\npath = \"/key\"\naccept = [\"api-key\", \"basic\"]\n";
    let ours = |lines: &str| policy(scene, origin, "", &format!("{table}{lines}"));
    let none = format!("{keys}{}{KEEP}{route}", policy(scene, origin, "", ""));
    for (title, policy) in [
        ("the client's credential", none),
        ("our credential", ours("")),
        ("our credential as Basic", ours("scheme = \"Basic\"")),
        (
            "our credential in a field",
            ours("header = \"x-origin-key\""),
        ),
    ] {
        let mut spec = AppSpec::gateway(policy);
        spec.variables = vec![("origin_token".to_owned(), "s3cret value".to_owned())];
        let mut act = begin(book, scene, origin, title, &spec).await;
        act.names.add(&token, "token");
        act.ask("a public route", &ask("/public/a")).await;
        act.ask("a token", &ask("/read/a").bearer(&token)).await;
        if title == "the client's credential" {
            act.ask("a token that is kept", &ask("/keep/a").bearer(&token))
                .await;
            act.ask("an API key", &ask("/key").header("X-API-Key", &key.text))
                .await;
            let basic = ask("/key").header("Authorization", &key.basic("ci"));
            act.ask("Basic", &basic).await;
        }
        act.ask("no token", &ask("/read/a")).await;
        act.end().await;
    }
}

async fn edits(book: &mut Book<'_>, scene: &Scene<'_>, origin: &Arc<Origin>) {
    let lines = r#"
host = "hidden"
[upstream.origin.request]
set = { x-env = "production", x-both = "ours" }
remove = ["x-debug", "user-agent"]
[upstream.origin.response]
set = { x-served-by = "gateway", x-both = "ours" }
remove = ["server", "x-debug", "x-sum"]
"#;
    let spec = AppSpec::gateway(policy(scene, origin, "", lines));
    let title = "fields that the policy sets and removes";
    let mut act = begin(book, scene, origin, title, &spec).await;
    let fields = [
        ("X-Env", "mallory"),
        ("x_env", "mallory"),
        ("X-Debug", "1"),
        ("User-Agent", "a test/1.0"),
        ("X-Both", "theirs"),
        ("X-Answer-Server", "origin"),
        ("X-Answer-X_Debug", "1"),
        ("X-Answer-X-Both", "theirs"),
        ("X-Answer-X-Other", "kept"),
    ];
    let ask = |ask: Ask| {
        fields
            .iter()
            .fold(ask, |ask, (name, value)| ask.header(name, value))
    };
    act.ask("a GET", &ask(Ask::get("/public/a"))).await;
    act.ask("a HEAD", &ask(Ask::new("HEAD", "/public/a"))).await;
    act.ask("a PUT", &ask(Ask::new("PUT", "/public/a").body(b"body")))
        .await;
    let trailers = Reply::chunked()
        .body("hello")
        .trailer("X-Sum", "1")
        .trailer("X-Other", "2");
    origin.set(trailers.field("Trailer", "x-sum, x-other"));
    act.ask("trailers", &Ask::get("/public/a").header("TE", "trailers"))
        .await;
    origin.set(answering());
    act.end().await;
}

async fn ways(book: &mut Book<'_>, scene: &Scene<'_>, origin: &Arc<Origin>) {
    let trusting =
        "[proxy]\nname = \"edge-7\"\ntrusted_hops = 1\ntrusted_networks = [\"127.0.0.0/8\"]\n";
    for (title, lines) in [
        ("the way of a request", ""),
        ("the way of a request that is believed", trusting),
    ] {
        let spec = AppSpec::gateway(format!("{}{lines}", policy(scene, origin, "", "")));
        let mut act = begin(book, scene, origin, title, &spec).await;
        let told = Ask::get("/public/a")
            .header("X-Forwarded-For", "192.0.2.1, 192.0.2.2")
            .header("X-Forwarded-Proto", "https")
            .header("X-Forwarded-Host", "outer.example")
            .header("Forwarded", "for=192.0.2.3")
            .header("Via", "1.0 outer")
            .header("CDN-Loop", "another; v=1")
            .header("Expect", "100-continue");
        let looped = |value: &str| Ask::get("/public/a").header("CDN-Loop", value);
        act.ask("nothing is told", &Ask::get("/public/a")).await;
        act.ask("much is told", &told).await;
        act.ask("it was here before", &looped("doorward")).await;
        act.ask("it was at another one before", &looped("a, edge-7; x=1, b"))
            .await;
        act.end().await;
    }
}

async fn splits(book: &mut Book<'_>, scene: &mut Scene<'_>, origin: &Arc<Origin>) {
    let new = scene.origin("new", Reply::ok("new")).await;
    let lines = format!(
        "[upstream.new]\nurl = \"{}\"\n[upstream.new.request]\nset = {{ x-new = \"1\" }}\n",
        new.url()
    );
    let route = |name: &str, split: &str| {
        format!(
            "[[route]]\npath = \"/{name}\"\npublic = true\n[route.split]\nto = \"new\"\n{split}\n\n"
        )
    };
    let routes = [
        route("all", "percent = 100"),
        route(
            "none",
            "percent = 0\nheader = { name = \"x-use-new\", value = \"1\" }",
        ),
        route(
            "cookie",
            "percent = 0\ncookie = { name = \"use_new\", value = \"1\" }",
        ),
        route("half", "percent = 50\nby = \"client\""),
    ];
    let policy = format!(
        "{}{}{}",
        policy(scene, origin, "", ""),
        lines,
        routes.concat()
    );
    let spec = AppSpec::gateway(policy);
    let mut act = begin(book, scene, origin, "a route that moves", &spec).await;
    act.tells_of("the new one", &new);
    for (title, ask) in [
        ("all of it", Ask::get("/all")),
        ("nothing of it", Ask::get("/none")),
        (
            "who says so in a field",
            Ask::get("/none").header("X-Use-New", "1"),
        ),
        (
            "who says so in a cookie",
            Ask::get("/cookie").header("Cookie", "a=b; use_new=1"),
        ),
        (
            "who says something else",
            Ask::get("/cookie").header("Cookie", "use_new=2"),
        ),
        ("half of it, by address", Ask::get("/half")),
    ] {
        act.ask(title, &ask).await;
    }
    act.end().await;
}

async fn answers(book: &mut Book<'_>, scene: &Scene<'_>, origin: &Arc<Origin>) {
    let spec = AppSpec::gateway(policy(scene, origin, "", ""));
    let mut act = begin(book, scene, origin, "answers of the origin", &spec).await;
    let body = || Reply::ok("hello").field("X-One", "1").field("x-one", "2");
    for (title, reply) in [
        ("200", body()),
        ("201", body().with_status(201)),
        ("204", Reply::status(204).field("ETag", "\"a\"")),
        (
            "301",
            body().with_status(301).field("Location", "/elsewhere"),
        ),
        ("304", Reply::status(304).field("ETag", "\"a\"")),
        (
            "401",
            body().with_status(401).field("WWW-Authenticate", "Bearer"),
        ),
        ("404", body().with_status(404)),
        ("500", body().with_status(500)),
        ("in chunks", Reply::chunked().body("hel").body("lo")),
        (
            "with trailers",
            Reply::chunked()
                .body("hello")
                .trailer("X-Sum", "1")
                .field("Trailer", "x-sum"),
        ),
        (
            "until the connection is closed",
            Reply::until_closed().body("hello"),
        ),
        (
            "after an interim one",
            body().interim(103, &[("Link", "</a>")]),
        ),
        (
            "with cookies",
            body().field("Set-Cookie", "a=1").field("Set-Cookie", "b=2"),
        ),
        ("that closes the connection", body().closing()),
    ] {
        origin.set(reply);
        act.ask(title, &Ask::get("/public/a")).await;
    }
    origin.set(body());
    act.ask("to a HEAD", &Ask::new("HEAD", "/public/a")).await;
    origin.set(answering());
    act.end().await;
}
