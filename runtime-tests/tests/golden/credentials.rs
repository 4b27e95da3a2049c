//! API keys, HTTP Basic and opaque tokens at the gate.

use crate::act::Act;
use crate::book::Book;
use crate::scene::{Scene, changed};
use doorward_runtime_tests::app::AppSpec;
use doorward_runtime_tests::cases;
use doorward_runtime_tests::client::Ask;
use doorward_runtime_tests::clock::date_time;
use doorward_runtime_tests::credential::{ApiKey, basic};
use doorward_runtime_tests::host::Host;
use doorward_runtime_tests::issuer::{Behaviour, Client, INTROSPECTION, Key, METADATA};
use doorward_runtime_tests::run::Case;
use serde_json::{Value, json};

pub const CASES: &[Case] =
    cases![; both_manners: credentials_are_answered_and_logged_as_it_is_written];

const SECRET: &str = "s3cr3t &=+:%/\u{e9}";

const ROUTES: &str = r#"
[identity]
x-auth-subject = "sub"
x-auth-issuer = "iss"
x-auth-scope = "scope"

[[route]]
path = "/public/**"
public = true

[[route]]
path = "/keys/**"
accept = ["api-key"]
scope = ["read"]

[[route]]
path = "/basic/**"
accept = ["basic"]
scope = ["read"]

[[route]]
path = "/all/**"
issuer = ["test"]
accept = ["jwt", "opaque", "api-key", "basic"]
scope = ["read"]

[[route]]
path = "/opaque/**"
issuer = ["test"]
accept = ["opaque"]

[[route]]
path = "/write"
issuer = ["test"]
accept = ["jwt", "opaque", "api-key", "basic"]
scope = ["write"]

[[route]]
path = "/keep"
accept = ["api-key", "basic"]
credential = "forward"
"#;

async fn credentials_are_answered_and_logged_as_it_is_written(host: &dyn Host) {
    let mut book = Book::open("credentials", host);
    let mut scene = Scene::set(host).await;
    keys(&mut book, &scene).await;
    keys_in_the_query(&mut book, &scene).await;
    opaque(&mut book, &scene).await;
    for (way, lines, value, client) in ways() {
        scene = Scene::set(host).await;
        proof(&mut book, &scene, way, lines, &value, client).await;
    }
    scene = Scene::set(host).await;
    unavailable(&mut book, &scene).await;
    book.close();
}

/// An issuer that is asked about opaque tokens, and API keys with these tables.
fn policy(scene: &Scene<'_>, introspection: &str, place: &str, tables: &str) -> String {
    format!(
        "{}[issuer.test.introspection]\nclient_id = \"gate\"\n{introspection}\n\n\
         [api_keys]\n{place}\n\n{tables}\n{ROUTES}",
        scene.trust("")
    )
}

fn spec(scene: &Scene<'_>, place: &str, tables: &str) -> AppSpec {
    scene.issuer.introspected_by(Client::Basic("gate", SECRET));
    let secret = "secret = \"client_secret\"";
    let mut spec = AppSpec::gated("echo", policy(scene, secret, place, tables));
    spec.variables = vec![("client_secret".to_owned(), SECRET.to_owned())];
    spec
}

async fn keys(book: &mut Book<'_>, scene: &Scene<'_>) {
    let listed = ApiKey::new("listed", &["read"], None);
    let stored = ApiKey::new("stored", &["read"], None);
    let stranger = ApiKey::new("stranger", &["read"], None);
    let nothing = ApiKey::new("nothing", &[], None);
    let expired = ApiKey::new("expired", &["read"], Some(scene.clock.now()));
    let broken = ApiKey::new("broken", &["read"], None);
    let over = ApiKey::new("over", &["read"], None);
    let end = date_time(scene.clock.now());
    let tables = format!(
        "{}{}{}expires = \"{end}\"\n",
        listed.table(),
        nothing.table(),
        over.table()
    );
    let mut spec = spec(scene, "header = \"x-api-key\"", &tables);
    spec.key_values = vec![
        stored.entry(),
        expired.entry(),
        (broken.entry_name(), "{}".to_owned()),
    ];
    let mut act = Act::begin(book, "API keys in a header", &spec, scene).await;
    let key = |text: &str| Ask::get("/keys/a").header("X-API-Key", text);
    let as_basic = |value: &str| Ask::get("/basic/a").header("Authorization", value);
    let text = &listed.text;
    for (title, ask) in [
        ("of the policy", key(text)),
        ("of the store", key(&stored.text)),
        ("of the store, remembered", key(&stored.text)),
        ("unknown", key(&stranger.text)),
        ("expired, of the policy", key(&over.text)),
        ("expired, of the store", key(&expired.text)),
        ("whose record cannot be read", key(&broken.text)),
        ("with another secret", key(&listed.with_another_secret())),
        ("with a wrong checksum", key(&format!("{}!", &text[..65]))),
        ("cut", key(&text[..65])),
        ("of another kind", key("ghp_x")),
        ("empty", key("")),
        ("without the scope", key(&nothing.text)),
        ("twice", key(text).header("x-api-key", text)),
        ("and a bearer token", key(text).bearer("x")),
        (
            "and Basic, public",
            Ask::get("/public/a")
                .header("x-api-key", text)
                .header("Authorization", "Basic eDp5"),
        ),
        (
            "on a public route",
            Ask::get("/public/a").header("X_Api.Key", text),
        ),
        ("none", Ask::get("/keys/a")),
        (
            "at a route of all kinds",
            Ask::get("/all/a").header("x-api-key", text),
        ),
        (
            "without the scope, of all kinds",
            Ask::get("/write").header("x-api-key", text),
        ),
        ("none, of all kinds", Ask::get("/all/a")),
        (
            "wrong, of all kinds",
            Ask::get("/all/a").header("x-api-key", "x"),
        ),
        (
            "kept for the service",
            Ask::get("/keep").header("x-api-key", text),
        ),
    ] {
        act.ask(title, &ask).await;
    }
    for (title, value) in [
        ("Basic", listed.basic("listed")),
        ("Basic, of the store", stored.basic("stored")),
        ("Basic, another name", listed.basic("other")),
        ("Basic, no name", listed.basic("")),
        ("Basic, another password", basic("listed", "password")),
        ("Basic, no password", basic("listed", "")),
        ("Basic, no colon", "Basic Y2k=".to_owned()),
        ("Basic, no base64", "Basic !".to_owned()),
        ("a key as a bearer token", format!("Bearer {text}")),
    ] {
        act.ask(title, &as_basic(&value)).await;
    }
    let ask = Ask::get("/keep").header("Authorization", &listed.basic("listed"));
    act.ask("Basic, kept for the service", &ask).await;
    act.end().await;
}

async fn keys_in_the_query(book: &mut Book<'_>, scene: &Scene<'_>) {
    let key = ApiKey::new("listed", &["read"], None);
    let spec = spec(scene, "query = \"api_key\"\nstore = false", &key.table());
    let mut act = Act::begin(book, "API keys in the query", &spec, scene).await;
    let text = &key.text;
    for (title, target) in [
        ("alone", format!("/keys/a?api_key={text}")),
        ("among others", format!("/keys/a?x=1&api_key={text}&y=%20")),
        ("on a public route", format!("/public/a?z=1&api_key={text}")),
        ("twice", format!("/keys/a?api_key={text}&api_key={text}")),
        ("in another spelling", format!("/keys/a?api%5Fkey={text}")),
        ("in another case", format!("/keys/a?API_KEY={text}")),
        ("kept for the service", format!("/keep?api_key={text}")),
    ] {
        let referer = format!("http://api.example/a?api_key={text}&b");
        let ask = Ask::get(&target).header("Referer", &referer);
        act.ask(title, &ask).await;
    }
    act.end().await;
}

async fn opaque(book: &mut Book<'_>, scene: &Scene<'_>) {
    let spec = spec(scene, "header = \"x-api-key\"", "");
    let issuer = &scene.issuer;
    let active = |changes: Value| changed(&issuer.active("alice", "read"), changes);
    let mut act = Act::begin(book, "opaque tokens", &spec, scene).await;
    let answers = [
        ("active", active(json!({}))),
        ("inactive", json!({ "active": false })),
        ("expired", active(json!({ "exp": scene.clock.now() }))),
        ("for another audience", active(json!({ "aud": "x" }))),
        ("of another issuer", active(json!({ "iss": "x" }))),
        ("without an audience", active(json!({ "aud": null }))),
        (
            "without audience and type",
            active(json!({ "aud": null, "token_type": null })),
        ),
        ("without its one member", json!({ "sub": "alice" })),
        (
            "of another type",
            active(json!({ "token_type": "refresh_token" })),
        ),
        ("bound to a key", active(json!({ "cnf": { "jkt": "x" } }))),
        ("no object", json!([])),
        ("without a scope", active(json!({ "scope": null }))),
    ];
    for (title, answer) in answers {
        let token = title.replace(' ', "-");
        issuer.says_of(&token, answer);
        act.ask(title, &Ask::get("/all/a").bearer(&token)).await;
    }
    for (title, ask) in [
        ("active, remembered", Ask::get("/all/b").bearer("active")),
        (
            "inactive, remembered",
            Ask::get("/all/b").bearer("inactive"),
        ),
        (
            "active, without the scope",
            Ask::get("/write").bearer("active"),
        ),
        ("a signed one", Ask::get("/all/a").bearer(&scene.alice())),
        (
            "a signed one where only opaque ones are accepted",
            Ask::get("/opaque/a").bearer("x.y.z"),
        ),
        (
            "an API key where only opaque ones are accepted",
            Ask::get("/opaque/a").header("x-api-key", "x"),
        ),
    ] {
        act.ask(title, &ask).await;
    }
    act.end().await;
}

/// Each way to prove who asks.
fn ways() -> [(&'static str, &'static str, String, Client); 3] {
    let (key, other) = (Key::ed25519("client-1"), Key::ed25519("client-1"));
    let (post, jwt) = (
        "authentication = \"client_secret_post\"\nsecret = \"proof\"",
        "authentication = \"private_key_jwt\"\nkey = \"proof\"",
    );
    let secret = || Client::Post("gate", SECRET);
    let name = "private_key_jwt, another key";
    [
        ("client_secret_post", post, SECRET.to_owned(), secret()),
        (
            "private_key_jwt",
            jwt,
            key.private_jwk(),
            Client::KeyJwt("gate", key),
        ),
        (
            name,
            jwt,
            Key::ed25519("client-1").private_jwk(),
            Client::KeyJwt("gate", other),
        ),
    ]
}

async fn proof(
    book: &mut Book<'_>,
    scene: &Scene<'_>,
    way: &str,
    lines: &str,
    value: &str,
    client: Client,
) {
    scene.issuer.introspected_by(client);
    let policy = policy(scene, lines, "header = \"x-api-key\"", "");
    let mut spec = AppSpec::gated("echo", policy);
    spec.variables = vec![("proof".to_owned(), value.to_owned())];
    scene
        .issuer
        .says_of("opaque", scene.issuer.active("alice", "read"));
    let title = format!("opaque tokens, asked about by {way}");
    let mut act = Act::begin(book, &title, &spec, scene).await;
    act.ask("active", &Ask::get("/all/a").bearer("opaque"))
        .await;
    act.end().await;
}

async fn unavailable(book: &mut Book<'_>, scene: &Scene<'_>) {
    let spec = spec(scene, "header = \"x-api-key\"", "");
    let issuer = &scene.issuer;
    let title = "opaque tokens that the issuer cannot be asked about";
    let mut act = Act::begin(book, title, &spec, scene).await;
    let content = |text: &str| Behaviour::Content("application/json", text.as_bytes().to_vec());
    let behaviours = [
        ("malformed", content("{")),
        ("too long", Behaviour::Huge(1 << 20)),
        ("404", Behaviour::Status(404)),
        ("413", Behaviour::Status(413)),
        (
            "400, of the client",
            Behaviour::Error(400, "invalid_client"),
        ),
        (
            "400, of the token",
            Behaviour::Error(400, "invalid_request"),
        ),
        ("429", Behaviour::TooMany("7".to_owned())),
    ];
    for (title, behaviour) in behaviours {
        issuer.behaves(INTROSPECTION, behaviour);
        let token = title.replace([' ', ','], "-");
        act.ask(title, &Ask::get("/all/a").bearer(&token)).await;
    }
    act.ask("another one after 429", &Ask::get("/all/a").bearer("other"))
        .await;
    scene.clock.advance(7).await;
    for (title, behaviour) in [
        ("401", Behaviour::Status(401)),
        (
            "a redirect",
            Behaviour::Redirect("http://127.0.0.1:1/".to_owned()),
        ),
        ("500", Behaviour::Status(500)),
        ("the connection is closed", Behaviour::Close),
    ] {
        if title == "the connection is closed" {
            // It is the third failure.
            act.names.pauses(1..=5);
        }
        issuer.behaves(INTROSPECTION, behaviour);
        let token = title.replace(' ', "-");
        act.ask(title, &Ask::get("/all/a").bearer(&token)).await;
    }
    act.ask(
        "while it is left alone",
        &Ask::get("/all/a").bearer("other"),
    )
    .await;
    act.names.pauses(2..=4);
    scene.clock.advance(5).await;
    issuer.behaves(METADATA, Behaviour::Status(500));
    act.ask("no metadata", &Ask::get("/all/a").bearer("other"))
        .await;
    issuer.recover();
    issuer.says_of("other", issuer.active("alice", "read"));
    act.ask("well again", &Ask::get("/all/a").bearer("other"))
        .await;
    act.end().await;

    let mut spec = spec;
    spec.variables = vec![];
    let title = "opaque tokens without the variable";
    let mut act = Act::begin(book, title, &spec, scene).await;
    act.ask("active", &Ask::get("/all/a").bearer("other")).await;
    act.end().await;
}
