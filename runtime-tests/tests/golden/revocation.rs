//! What is taken back: revoked tokens, logout requests, and the store that all of it is in.

use crate::act::Act;
use crate::book::Book;
use crate::scene::{Scene, changed};
use doorward_runtime_tests::app::AppSpec;
use doorward_runtime_tests::cases;
use doorward_runtime_tests::client::Ask;
use doorward_runtime_tests::clocked::{set_all, store_fails};
use doorward_runtime_tests::credential::{ApiKey, Revoked, revocation};
use doorward_runtime_tests::host::Host;
use doorward_runtime_tests::issuer::{Behaviour, Key};
use doorward_runtime_tests::run::Case;
use serde_json::{Value, json};

pub const CASES: &[Case] =
    cases![; both_manners: revocations_are_answered_and_logged_as_it_is_written];

/// How soon what is written into the store is seen, in seconds.
const REFRESH_S: u64 = 5;
/// So many things can be revoked (`crates/token/src/revocation/set.rs`).
const REVOCATIONS_MAX: usize = 50_000;

const ROUTES: &str = r#"
[issuer.test.logout]
path = "/logout/test"
client_id = ["shop", "app"]

[revocation]

[store]
refresh_s = 5
stale_if_error_s = 5

[api_keys]
header = "x-api-key"

[[route]]
path = "/public/**"
public = true

[[route]]
path = "/read"
issuer = ["test"]
scope = ["read"]

[[route]]
path = "/key"
accept = ["api-key"]
"#;

async fn revocations_are_answered_and_logged_as_it_is_written(host: &dyn Host) {
    let mut book = Book::open("revocation", host);
    revoked(&mut book, &Scene::set(host).await).await;
    logout(&mut book, &Scene::set(host).await).await;
    wrong_logout(&mut book, &Scene::set(host).await).await;
    logout_unavailable(&mut book, &Scene::set(host).await).await;
    full(&mut book, &Scene::set(host).await).await;
    without_store(&mut book, &Scene::set(host).await).await;
    store_failing(&mut book, &Scene::set(host).await).await;
    book.close();
}

fn spec(scene: &Scene<'_>) -> AppSpec {
    AppSpec::gated("echo", format!("{}{ROUTES}", scene.trust("")))
}

fn read(token: &str) -> Ask {
    Ask::get("/read").bearer(token)
}

async fn revoked(book: &mut Book<'_>, scene: &Scene<'_>) {
    let now = scene.clock.now();
    let mut spec = spec(scene);
    let mut names: Vec<String> = [
        Revoked::Token("t1"),
        Revoked::Subject("mallory", now),
        Revoked::Session("s1"),
        Revoked::Everything(now - 10),
    ]
    .into_iter()
    .map(|what| revocation(&scene.issuer.url(), what, now + 3600))
    .collect();
    names.extend(["doorward/revoked/", "doorward/revoked/x/y/z/-"].map(str::to_owned));
    let entries = names.into_iter().map(|name| (name, String::new()));
    spec.key_values = entries.collect();
    let title = "what is revoked";
    let mut act = Act::begin(book, title, &spec, scene).await;
    for (title, claims) in [
        ("nothing", json!({})),
        ("a token", json!({ "jti": "t1" })),
        ("another token", json!({ "jti": "t2" })),
        ("a subject", json!({ "sub": "mallory" })),
        ("a session", json!({ "sid": "s1" })),
        ("all of before", json!({ "iat": now - 10 })),
        (
            "a token that does not say since when",
            json!({ "iat": null }),
        ),
        (
            "a token that lives too long",
            json!({ "exp": now + 8 * 86_400 }),
        ),
    ] {
        act.ask(title, &read(&scene.token(claims))).await;
    }
    act.end().await;
}

/// Claims of a logout token with this id, changed so.
fn claims(scene: &Scene<'_>, id: &str, changes: Value) -> Value {
    changed(&scene.issuer.logout_claims("shop", id), changes)
}

fn post(token: &str) -> Ask {
    Ask::new("POST", "/logout/test").form(&format!("logout_token={token}"))
}

async fn logout(book: &mut Book<'_>, scene: &Scene<'_>) {
    let title = "logout";
    let mut act = Act::begin(book, title, &spec(scene), scene).await;
    let with = |id: &str, changes: Value| {
        let claims = claims(scene, id, changes);
        post(&scene.issuer.sign_logout(&claims))
    };
    let session = scene.token(json!({ "sid": "s1" }));
    let bob = scene.token(json!({ "sub": "bob" }));
    act.ask("a session", &read(&session)).await;
    act.ask("its logout", &with("1", json!({ "sid": "s1" })))
        .await;
    act.ask("the session afterwards", &read(&session)).await;
    act.ask("somebody else", &read(&bob)).await;
    act.ask("the logout again", &with("1", json!({ "sid": "s1" })))
        .await;
    act.ask("a subject's", &with("2", json!({ "sub": "bob" })))
        .await;
    act.ask("the subject afterwards", &read(&bob)).await;
    let both = json!({ "sub": "carol", "sid": "s2", "aud": "app" });
    act.ask("a subject's and a session's", &with("3", both))
        .await;
    let ask = Ask::get("/logout/test");
    act.ask("a GET to the path", &ask).await;
    let cors = Ask::new("OPTIONS", "/logout/test").header("Origin", "https://app.example");
    let cors = cors.header("Access-Control-Request-Method", "POST");
    act.ask("a preflight to the path", &cors).await;
    act.end().await;
}

async fn wrong_logout(book: &mut Book<'_>, scene: &Scene<'_>) {
    let title = "logout requests that are none";
    let mut act = Act::begin(book, title, &spec(scene), scene).await;
    let now = scene.clock.now();
    for (title, changes) in [
        ("of nobody", json!({})),
        ("for another client", json!({ "sub": "a", "aud": "other" })),
        ("of another issuer", json!({ "sub": "a", "iss": "x" })),
        ("without an id", json!({ "sub": "a", "jti": null })),
        ("without events", json!({ "sub": "a", "events": null })),
        ("with a nonce", json!({ "sub": "a", "nonce": "n" })),
        ("good for a day", json!({ "sub": "a", "exp": now + 86_400 })),
        (
            "expired",
            json!({ "sub": "a", "iat": now - 1000, "exp": now - 900 }),
        ),
    ] {
        let claims = claims(scene, "1", changes);
        act.ask(title, &post(&scene.issuer.sign_logout(&claims)))
            .await;
    }
    let good = claims(scene, "1", json!({ "sub": "a" }));
    let header = json!({ "typ": "logout+jwt" });
    let stranger = Key::ed25519("ed-1").sign_with_header(&header, &good);
    let target = || Ask::new("POST", "/logout/test?a=b");
    let json = || target().header("Content-Type", "application/json");
    for (title, ask) in [
        ("an access token", post(&scene.alice())),
        ("by a stranger", post(&stranger)),
        ("no token", post("")),
        ("no JWS", post("x")),
        ("another parameter", target().form("token=x")),
        ("two tokens", target().form("logout_token=x&logout_token=y")),
        ("a form that is none", target().form("logout_token=%zz")),
        ("too long", target().form(&"x".repeat(100_000))),
        ("no form", json().body(b"logout_token=x")),
        ("nothing", target()),
    ] {
        act.ask(title, &ask).await;
    }
    act.end().await;
}

async fn logout_unavailable(book: &mut Book<'_>, scene: &Scene<'_>) {
    let logout = |id: &str| {
        let claims = claims(scene, id, json!({ "sub": "alice" }));
        post(&scene.issuer.sign_logout(&claims))
    };
    scene.issuer.keys_behave(Behaviour::Status(500));
    let title = "logout requests that cannot be judged or written";
    let mut act = Act::begin(book, title, &spec(scene), scene).await;
    act.ask("the issuer fails", &logout("1")).await;
    scene.issuer.keys_behave(Behaviour::Good);
    scene.clock.advance(4).await;
    act.ask("it is well again", &logout("1")).await;
    let made_up = Key::p256("made-up-1");
    let by = |key: &Key, id: &str| {
        let header = json!({ "typ": "logout+jwt" });
        let claims = claims(scene, id, json!({ "sub": "alice" }));
        post(&key.sign_with_header(&header, &claims))
    };
    for round in 1..=4 {
        let title = format!("an unknown key, {round}");
        act.ask(&title, &by(&made_up, "2")).await;
    }
    store_fails(&act.app, true);
    act.ask("the store fails", &logout("3")).await;
    store_fails(&act.app, false);
    act.end().await;

    let mut spec = spec(scene);
    spec.stores = vec![];
    let title = "logout requests without the store";
    let mut act = Act::begin(book, title, &spec, scene).await;
    act.ask("a good one", &logout("4")).await;
    act.end().await;
}

async fn full(book: &mut Book<'_>, scene: &Scene<'_>) {
    let app = spec(scene).write();
    let until = scene.clock.now() + 3600;
    let name = |number: usize| {
        let id = number.to_string();
        revocation(&scene.issuer.url(), Revoked::Token(&id), until)
    };
    set_all(&app, (0..REVOCATIONS_MAX).map(name));
    let title = "as much is revoked as can be";
    let mut act = Act::with(book, title, app, scene).await;
    act.ask("a good token", &read(&scene.alice())).await;
    let ask = read(&scene.token(json!({ "jti": "7" })));
    act.ask("one that is revoked", &ask).await;
    let claims = claims(scene, "1", json!({ "sub": "alice" }));
    let ask = post(&scene.issuer.sign_logout(&claims));
    act.ask("a logout", &ask).await;
    act.end().await;
}

async fn without_store(book: &mut Book<'_>, scene: &Scene<'_>) {
    let mut spec = spec(scene);
    let key = ApiKey::new("stored", &[], None);
    let title = "a store that is not granted";
    spec.stores = vec![];
    let mut act = Act::begin(book, title, &spec, scene).await;
    act.ask("a good token", &read(&scene.alice())).await;
    let ask = Ask::get("/key").header("X-API-Key", &key.text);
    act.ask("an API key", &ask).await;
    act.ask("a public route", &Ask::get("/public/a")).await;
    act.end().await;

    spec.stores = vec!["default".to_owned()];
    spec.inherit.retain(|set| *set != "key_value_stores");
    let title = "a store that is not inherited";
    let mut act = Act::begin(book, title, &spec, scene).await;
    act.ask("a good token", &read(&scene.alice())).await;
    act.end().await;
}

async fn store_failing(book: &mut Book<'_>, scene: &Scene<'_>) {
    let key = ApiKey::new("stored", &[], None);
    let mut spec = spec(scene);
    spec.key_values = vec![key.entry()];
    let title = "a store that fails";
    let mut act = Act::begin(book, title, &spec, scene).await;
    let ask_key = Ask::get("/key").header("X-API-Key", &key.text);
    act.ask("before", &read(&scene.alice())).await;
    act.ask("an API key, before", &ask_key).await;
    store_fails(&act.app, true);
    scene.clock.advance(REFRESH_S + 1).await;
    act.ask("what was read last", &read(&scene.alice())).await;
    act.ask("an API key", &ask_key).await;
    scene.clock.advance(REFRESH_S).await;
    act.ask("afterwards", &read(&scene.alice())).await;
    act.ask("an API key, afterwards", &ask_key).await;
    store_fails(&act.app, false);
    act.ask("well again", &read(&scene.alice())).await;
    act.end().await;
}
