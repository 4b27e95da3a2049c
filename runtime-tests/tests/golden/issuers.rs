//! Keys of issuers at the gate: what is told of them while they are fetched, fail, recover, change and end.

use crate::act::Act;
use crate::book::Book;
use crate::scene::Scene;
use doorward_runtime_tests::app::AppSpec;
use doorward_runtime_tests::cases;
use doorward_runtime_tests::client::Ask;
use doorward_runtime_tests::host::Host;
use doorward_runtime_tests::issuer::{Behaviour, Key};
use doorward_runtime_tests::run::Case;
use serde_json::{Value, json};

pub const CASES: &[Case] = cases![; both_manners: keys_are_answered_and_logged_as_it_is_written];

/// For how long keys are fresh whose issuer does not say, in seconds.
const FRESH_S: u64 = 600;
/// Where the record of the issuer's keys is.
const NAME: &str = "doorward/keys/test";

async fn keys_are_answered_and_logged_as_it_is_written(host: &dyn Host) {
    let mut book = Book::open("issuers", host);
    going_on(&mut book, &mut Scene::set(host).await).await;
    failing(&mut book, host).await;
    ending(&mut book, &mut Scene::set(host).await).await;
    old(&mut book, &mut Scene::set(host).await).await;
    records(&mut book, host).await;
    elsewhere(&mut book, &mut Scene::set(host).await).await;
    book.close();
}

fn policy(scene: &Scene<'_>, lines: &str) -> String {
    let route = "[[route]]\npath = \"/**\"\nissuer = [\"test\"]\nscope = [\"read\"]\n";
    format!("{}{route}", scene.trust(lines))
}

fn alice(scene: &Scene<'_>) -> Ask {
    Ask::get("/a").bearer(&scene.alice())
}

/// A key as it is published, with these members added.
fn listed(key: &Key, more: Value) -> Value {
    let set: Value = serde_json::from_str(&key.key_set()).unwrap();
    crate::scene::changed(&set["keys"][0], more)
}

fn set(keys: &[Value]) -> Behaviour {
    let text = json!({ "keys": keys }).to_string();
    Behaviour::Content("application/json", text.into_bytes())
}

async fn going_on(book: &mut Book<'_>, scene: &mut Scene<'_>) {
    let spec = AppSpec::gated("echo", policy(scene, ""));
    let title = "keys that are refreshed";
    let mut act = Act::begin(book, title, &spec, scene).await;
    act.ask("the first request", &alice(scene)).await;
    scene.clock.advance(FRESH_S + 1).await;
    act.ask_until("later", &alice(scene), "keys-refreshed")
        .await;
    scene.issuer.keys_behave(Behaviour::Status(500));
    scene.clock.advance(FRESH_S + 10).await;
    act.ask_until("the issuer fails", &alice(scene), "keys-unavailable")
        .await;
    scene.clock.advance(4).await;
    act.names.pauses(2..=8);
    act.ask_until("again", &alice(scene), "keys-unavailable")
        .await;
    scene.issuer.keys_behave(Behaviour::Good);
    scene.clock.advance(10).await;
    act.ask_until("it recovers", &alice(scene), "keys-recovered")
        .await;
    let new = Key::p256("new-1");
    scene.issuer.publish(vec![new.clone(), scene.issuer.key()]);
    let ask = Ask::get("/a").bearer(&new.sign(&scene.claims(json!({}))));
    act.ask("a key that is new", &ask).await;
    scene.issuer.publish(vec![new]);
    scene.clock.advance(FRESH_S + 1).await;
    act.ask_until("a key fewer", &alice(scene), "keys-loaded")
        .await;
    let app = act.end().await;

    let title = "keys that another host has fetched";
    let mut act = Act::with(book, title, app, scene).await;
    act.ask("the first request", &alice(scene)).await;
    act.end().await;
}

async fn failing(book: &mut Book<'_>, host: &dyn Host) {
    let content = |text: &str| Behaviour::Content("text/plain", text.as_bytes().to_vec());
    let keys = [
        ("404", Behaviour::Status(404)),
        ("500", Behaviour::Status(500)),
        ("429", Behaviour::TooMany("7".to_owned())),
        ("no answer", Behaviour::Close),
        ("half of it", Behaviour::Truncated),
        ("too much", Behaviour::Huge(1 << 20)),
        ("no JSON", content("hello")),
        ("no key set", content("{}")),
        ("no UTF-8", Behaviour::Content("text/plain", vec![0xff])),
        (
            "a redirect elsewhere",
            Behaviour::Redirect("http://127.0.0.1:1/".to_owned()),
        ),
        ("no keys", content("{\"keys\":[]}")),
        (
            "none that can be used",
            content("{\"keys\":[7,{\"kty\":\"oct\",\"k\":\"AQAB\"}]}"),
        ),
    ];
    for (what, behaviour) in keys {
        let scene = Scene::set(host).await;
        scene.issuer.keys_behave(behaviour);
        let title = format!("no keys: {what}");
        no_keys(book, &scene, &title, "").await;
    }
    let metadata = [
        ("404", Behaviour::Status(404)),
        ("no answer", Behaviour::Close),
        ("no JSON", content("hello")),
        (
            "of nobody",
            content("{\"issuer\":\"x\",\"jwks_uri\":\"https://x.example\"}"),
        ),
    ];
    for (what, behaviour) in metadata {
        let scene = Scene::set(host).await;
        scene.issuer.metadata_behaves(behaviour);
        let title = format!("no metadata: {what}");
        no_keys(book, &scene, &title, "").await;
    }
    let scene = Scene::set(host).await;
    scene.issuer.claim_to_be("https://evil.example");
    no_keys(book, &scene, "metadata of another issuer", "").await;
    let url = "jwks_url = \"https://not-granted.example/keys\"";
    no_keys(book, &scene, "keys of a host that is not granted", url).await;
}

async fn no_keys(book: &mut Book<'_>, scene: &Scene<'_>, title: &str, lines: &str) {
    let spec = AppSpec::gated("echo", policy(scene, lines));
    let mut act = Act::begin(book, title, &spec, scene).await;
    act.ask("the first request", &alice(scene)).await;
    act.ask("the next one", &alice(scene)).await;
    act.end().await;
}

async fn ending(book: &mut Book<'_>, scene: &mut Scene<'_>) {
    let (lost, stays) = (Key::ed25519("lost-1"), Key::p256("stays-1"));
    scene.issuer.publish(vec![lost.clone(), stays.clone()]);
    let spec = AppSpec::gated("echo", policy(scene, ""));
    let title = "keys that end";
    let mut act = Act::begin(book, title, &spec, scene).await;
    let by =
        |key: &Key, scene: &Scene<'_>| Ask::get("/a").bearer(&key.sign(&scene.claims(json!({}))));
    act.ask("a key", &by(&lost, scene)).await;
    let private = listed(&lost, json!({ "d": "AQ" }));
    scene
        .issuer
        .keys_behave(set(&[private, listed(&stays, json!({}))]));
    scene.clock.advance(FRESH_S + 1).await;
    act.ask_until(
        "another key, while this one is published with its private half",
        &by(&stays, scene),
        "key-exposed",
    )
    .await;
    act.ask("the key", &by(&lost, scene)).await;
    let renamed = listed(&lost, json!({ "kid": "renamed-1" }));
    scene
        .issuer
        .keys_behave(set(&[renamed, listed(&stays, json!({}))]));
    scene.clock.advance(FRESH_S + 1).await;
    act.ask_until(
        "another key, while this one has another name",
        &by(&stays, scene),
        "keys-loaded",
    )
    .await;
    act.ask(
        "the key under another name",
        &by(&lost.named("renamed-1"), scene),
    )
    .await;
    scene.issuer.keys_behave(set(&[]));
    scene.clock.advance(10).await;
    let unknown = Key::p256("unknown-1");
    let title = "an unknown key, and none is published any more";
    act.ask(title, &by(&unknown, scene)).await;
    act.ask("afterwards", &by(&stays, scene)).await;
    act.end().await;
}

async fn old(book: &mut Book<'_>, scene: &mut Scene<'_>) {
    let spec = AppSpec::gated("echo", policy(scene, "unknown_key_cooldown_s = 5"));
    let title = "a key that may be newer than those that there are";
    let mut act = Act::begin(book, title, &spec, scene).await;
    act.ask("the first request", &alice(scene)).await;
    scene.issuer.keys_behave(Behaviour::Status(500));
    scene.clock.advance(10).await;
    let new = Key::ed25519("new-1").sign(&scene.claims(json!({})));
    let ask = Ask::get("/a").bearer(&new);
    act.ask("an unknown key while the issuer fails", &ask).await;
    act.ask("and again", &ask).await;
    act.end().await;
}

async fn records(book: &mut Book<'_>, host: &dyn Host) {
    let other = json!({
        "version": 1, "issuer": "https://other.example", "fetched_at": 1, "attempted_at": 1,
    });
    for (what, value) in [
        ("no JSON", "hello".to_owned()),
        ("no object", "[]".to_owned()),
        ("nothing in it", "{}".to_owned()),
        ("of another version", other.to_string()),
    ] {
        let scene = Scene::set(host).await;
        let mut spec = AppSpec::gated("echo", policy(&scene, ""));
        spec.key_values = vec![(NAME.to_owned(), value)];
        let title = format!("a record of keys that is none: {what}");
        let mut act = Act::begin(book, &title, &spec, &scene).await;
        act.ask("the first request", &alice(&scene)).await;
        act.end().await;
    }
}

async fn elsewhere(book: &mut Book<'_>, scene: &mut Scene<'_>) {
    let acts = [
        (
            "a secret without its variable",
            "algorithms = [\"HS256\"]\nsecret = \"shared_secret\"",
            None,
        ),
        (
            "a secret that is short",
            "algorithms = [\"HS256\"]\nsecret = \"shared_secret\"",
            Some("short"),
        ),
        (
            "a file that is not there",
            "jwks_file = \"/keys.json\"",
            None,
        ),
        (
            "a file that has no keys",
            "jwks_file = \"/none.json\"",
            None,
        ),
    ];
    for (what, lines, value) in acts {
        let mut spec = AppSpec::gated("echo", policy(scene, lines));
        spec.files = vec![("none.json".to_owned(), b"{\"keys\":[]}".to_vec())];
        let variable = |value: &str| ("shared_secret".to_owned(), value.to_owned());
        spec.variables = value.into_iter().map(variable).collect();
        let title = format!("keys elsewhere: {what}");
        let mut act = Act::begin(book, &title, &spec, scene).await;
        act.ask("the first request", &alice(scene)).await;
        act.end().await;
    }
}
