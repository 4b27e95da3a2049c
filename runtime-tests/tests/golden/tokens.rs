//! Signed tokens at the gate: each algorithm, what can be wrong with one, and what a rule may ask of it.

use crate::act::Act;
use crate::book::Book;
use crate::scene::Scene;
use doorward_runtime_tests::app::AppSpec;
use doorward_runtime_tests::cases;
use doorward_runtime_tests::client::Ask;
use doorward_runtime_tests::host::Host;
use doorward_runtime_tests::issuer::Key;
use doorward_runtime_tests::run::Case;
use doorward_tests::mint::SigningKey;
use serde_json::{Map, Value, json};

pub const CASES: &[Case] = cases![; both_manners: tokens_are_answered_and_logged_as_it_is_written];

const SECRET: &str = "a secret of at least 32 bytes that two have";

const ROUTES: &str = r#"
[issuer.shared]
url = "https://shared.example"
audience = "https://api.example"
algorithms = ["HS256"]
secret = "shared_secret"

[issuer.filed]
url = "https://filed.example"
audience = "https://api.example"
jwks_file = "/keys.json"

[identity]
x-auth-subject = "sub"
x-auth-issuer = "iss"
x-auth-scope = "scope"
x-auth-roles = { claim = "roles", format = "list" }

[[route]]
path = "/public/**"
public = true

[[route]]
path = "/read/**"
issuer = ["test"]
scope = ["read"]

[[route]]
path = "/write"
methods = ["POST", "PUT"]
issuer = ["test"]
scope = ["read", "write"]

[[route]]
path = "/any/**"
issuer = ["test", "shared", "filed"]

[[route]]
path = "/keep/**"
issuer = ["test"]
token_from = ["authorization", "query:access_token"]
credential = "forward"

[[route]]
path = "/of/{tenant}"
issuer = ["test"]
[route.claims]
tenant = { equals = "{tenant}" }
plan = ["pro", "team"]

[[route]]
path = "/either/{owner}"
[[route.allow]]
issuer = "test"
claims = { sub = { equals = "{owner}" } }
[[route.allow]]
issuer = "shared"
scope = ["all"]

[[route]]
path = "/open"
issuer = ["test"]
auth = "optional"

[[route]]
path = "/places/**"
issuer = ["test"]
token_from = ["header:x-token", "cookie:session", "query:access_token", "authorization"]
"#;

async fn tokens_are_answered_and_logged_as_it_is_written(host: &dyn Host) {
    let mut book = Book::open("tokens", host);
    let scene = Scene::set(host).await;
    let filed = Key::p256("filed-1");
    let mut spec = AppSpec::gated("echo", format!("{}{ROUTES}", scene.trust("")));
    spec.variables = vec![("shared_secret".to_owned(), SECRET.to_owned())];
    spec.files = vec![("keys.json".to_owned(), filed.key_set().into_bytes())];
    algorithms(&mut book, &scene, &spec, &filed).await;
    wrong(&mut book, &scene, &spec).await;
    rules(&mut book, &scene, &spec).await;
    places(&mut book, &scene, &spec).await;
    book.close();
}

/// A token of the issuer that shares a secret with us.
fn shared(claims: &Value) -> String {
    let key = SigningKey::hs256("shared-1", SECRET);
    key.sign(&Map::new(), claims.as_object().unwrap())
}

async fn algorithms(book: &mut Book<'_>, scene: &Scene<'_>, spec: &AppSpec, filed: &Key) {
    let (ed25519, p256, rsa) = (scene.issuer.key(), Key::p256("ec-1"), Key::rsa("rsa-1"));
    let keys = [ed25519.clone(), p256.clone(), rsa.clone()];
    scene.issuer.publish(keys.to_vec());
    let claims = scene.claims(json!({}));
    let of = |url: &str| scene.claims(json!({ "iss": url }));
    let mut act = Act::begin(book, "tokens of each algorithm", spec, scene).await;
    for (title, token) in [
        ("EdDSA", ed25519.sign(&claims)),
        ("EdDSA, remembered", ed25519.sign(&claims)),
        ("ES256", p256.sign(&claims)),
        ("RS256", rsa.sign(&claims)),
        ("HS256", shared(&of("https://shared.example"))),
        (
            "ES256, keys in a file",
            filed.sign(&of("https://filed.example")),
        ),
        ("nobody's", ed25519.sign(&of("https://nobody.example"))),
        (
            "of another issuer's key",
            p256.sign(&of("https://filed.example")),
        ),
        ("HS256 in the name of who has public keys", shared(&claims)),
    ] {
        act.ask(title, &Ask::get("/any/a?b=c").bearer(&token)).await;
    }
    act.end().await;
}

async fn wrong(book: &mut Book<'_>, scene: &Scene<'_>, spec: &AppSpec) {
    let mut act = Act::begin(book, "tokens that are wrong", spec, scene).await;
    let now = scene.clock.now();
    let key = scene.issuer.key();
    let good = scene.alice();
    let parts: Vec<&str> = good.split('.').collect();
    let with_header = |header: Value| key.sign_with_header(&header, &scene.claims(json!({})));
    let long = scene.token(json!({ "long": "x".repeat(13_000) }));
    let tokens = [
        ("expired", scene.token(json!({ "exp": now }))),
        ("not yet valid", scene.token(json!({ "nbf": now + 1 }))),
        ("of the future", scene.token(json!({ "iat": now + 1 }))),
        (
            "for another audience",
            scene.token(json!({ "aud": "https://other.example" })),
        ),
        (
            "of another issuer by name",
            scene.token(json!({ "iss": "https://evil.example" })),
        ),
        ("without an end", scene.token(json!({ "exp": null }))),
        (
            "with an end as text",
            scene.token(json!({ "exp": "9999999999" })),
        ),
        ("without an audience", scene.token(json!({ "aud": null }))),
        ("an ID token", scene.token(json!({ "nonce": "n" }))),
        (
            "a refresh token",
            scene.token(json!({ "token_use": "refresh" })),
        ),
        (
            "bound to a key",
            scene.token(json!({ "cnf": { "jkt": "x" } })),
        ),
        (
            "signed by a stranger",
            Key::ed25519("ed-1").sign(&scene.claims(json!({}))),
        ),
        (
            "of an unknown key",
            key.named("new-1").sign(&scene.claims(json!({}))),
        ),
        ("that names no key", with_header(json!({ "kid": null }))),
        (
            "of another type",
            with_header(json!({ "typ": "logout+jwt" })),
        ),
        ("with `crit`", with_header(json!({ "crit": ["exp"] }))),
        ("with `b64`", with_header(json!({ "b64": false }))),
        ("with another `alg`", with_header(json!({ "alg": "ES256" }))),
        ("with an odd `alg`", with_header(json!({ "alg": "HS999" }))),
        ("unsecured", format!("eyJhbGciOiJub25lIn0.{}.", parts[1])),
        ("without a signature", format!("{}.{}.", parts[0], parts[1])),
        ("of two parts", format!("{}.{}", parts[0], parts[1])),
        ("of one letter", "x".to_owned()),
        ("that is no base64url", "e30=.e30.x".to_owned()),
        ("whose header is no JSON", "eA.e30.eA".to_owned()),
        ("too long", long.clone()),
    ];
    for (title, token) in tokens {
        act.ask(title, &Ask::get("/read/a").bearer(&token)).await;
    }
    let ask = Ask::new("HEAD", "/read/a").bearer("x");
    act.ask("a HEAD with a token of one letter", &ask).await;
    act.names.add(&long, "long");
    let ask = Ask::get(&format!("/places/a?access_token={long}"));
    act.ask("a token too long in the query", &ask).await;
    act.end().await;
}

async fn rules(book: &mut Book<'_>, scene: &Scene<'_>, spec: &AppSpec) {
    let title = "what rules ask of tokens";
    let mut act = Act::begin(book, title, spec, scene).await;
    let good = scene.alice();
    let get = |target: &str| Ask::get(target).bearer(&good);
    act.names.add(&good, "token");
    for (title, ask) in [
        ("a good token", get("/read/a")),
        (
            "a good token, remembered",
            get("/read/b/?c=%20#d".trim_end_matches("#d")),
        ),
        ("no credential", Ask::get("/read/a")),
        ("no credential, HEAD", Ask::new("HEAD", "/read/a")),
        ("no scope", Ask::new("POST", "/write").bearer(&good)),
        ("no scope that any of these has", get("/either/bob")),
        ("a method that is not listed", get("/write")),
        ("another case", get("/READ/a")),
        ("a path without a rule", get("/elsewhere")),
        ("a path without a rule or a token", Ask::get("/elsewhere")),
        ("a public route", Ask::get("/public/a")),
        ("a public route with a token", get("/public/a")),
        ("kept for the service", get("/keep/a")),
        ("an open route", Ask::get("/open")),
        ("an open route with a token", get("/open")),
        (
            "an open route with a wrong one",
            Ask::get("/open").bearer("x"),
        ),
        ("the first of two", get("/either/alice")),
        ("two Authorization fields", get("/read/a").bearer("x")),
        ("two of them, public", get("/public/a").bearer("x")),
        (
            "no scheme",
            Ask::get("/read/a").header("Authorization", &good),
        ),
        (
            "an empty field",
            Ask::get("/read/a").header("Authorization", ""),
        ),
        ("two tokens in one", Ask::get("/read/a").bearer("a b")),
        (
            "another scheme",
            Ask::get("/read/a").header("Authorization", "Basic eDp5"),
        ),
        (
            "a scheme in another case",
            Ask::get("/read/a").header("Authorization", &format!("bEARER {good}")),
        ),
    ] {
        act.ask(title, &ask).await;
    }
    for (title, target, claims) in [
        (
            "the tenant of the path",
            "/of/blue",
            json!({ "tenant": "blue", "plan": "pro" }),
        ),
        (
            "another tenant",
            "/of/blue",
            json!({ "tenant": "red", "plan": "pro" }),
        ),
        ("no tenant", "/of/blue", json!({ "plan": "pro" })),
        (
            "another plan",
            "/of/blue",
            json!({ "tenant": "blue", "plan": "free" }),
        ),
        (
            "a plan that is no text",
            "/of/blue",
            json!({ "tenant": "blue", "plan": { "a": 1 } }),
        ),
        ("roles", "/read/a", json!({ "roles": ["a", "b"] })),
        (
            "roles that are no list",
            "/read/a",
            json!({ "roles": { "a": 1 } }),
        ),
        (
            "a subject that is no text of a field",
            "/read/a",
            json!({ "sub": "al\nice" }),
        ),
    ] {
        let ask = Ask::get(target).bearer(&scene.token(claims));
        act.ask(title, &ask).await;
    }
    let all = json!({ "iss": "https://shared.example", "scope": "all" });
    let ask = Ask::get("/either/bob").bearer(&shared(&scene.claims(all)));
    act.ask("the second of two", &ask).await;
    act.end().await;
}

async fn places(book: &mut Book<'_>, scene: &Scene<'_>, spec: &AppSpec) {
    let title = "where tokens are looked for";
    let mut act = Act::begin(book, title, spec, scene).await;
    let good = scene.alice();
    act.names.add(&good, "token");
    let cookie = |value: &str| Ask::get("/places/a").header("Cookie", value);
    let post = |field: &str, value: &str| {
        let ask = Ask::new("POST", "/places/a").header("Cookie", &format!("session={good}"));
        ask.header(field, value)
    };
    let referer = format!("http://api.example/places/a?access_token={good}&b");
    for (title, ask) in [
        ("a header", Ask::get("/places/a").header("X-Token", &good)),
        (
            "a header that has something else",
            Ask::get("/places/a").header("X-Token", "Bearer x"),
        ),
        (
            "two headers",
            Ask::get("/places/a")
                .header("X-Token", &good)
                .header("x-token", "x"),
        ),
        (
            "a cookie",
            cookie(&format!("a=1; session={good}; b=\"2 3\"")),
        ),
        ("a cookie alone", cookie(&format!("session={good}"))),
        ("two cookies", cookie(&format!("session={good}; session=x"))),
        (
            "a cookie in another spelling",
            cookie(&format!("a=1; Session={good}")),
        ),
        (
            "the query",
            Ask::get(&format!("/places/a?b=1&access_token={good}&c=%20")),
        ),
        (
            "the query, and a referer of ours",
            Ask::get(&format!("/places/a?access_token={good}")).header("Referer", &referer),
        ),
        (
            "the query twice",
            Ask::get(&format!("/places/a?access_token={good}&access_token=x")),
        ),
        (
            "the query in another spelling",
            Ask::get(&format!("/places/a?access%5Ftoken={good}")),
        ),
        (
            "the query, kept",
            Ask::get(&format!("/keep/a?access_token={good}")),
        ),
        ("Authorization", Ask::get("/places/a").bearer(&good)),
        (
            "all of them, public",
            Ask::get(&format!("/public/a?access_token={good}&b"))
                .header("Cookie", &format!("a=1; session={good}"))
                .header("X-Token", &good)
                .header("Referer", &referer),
        ),
        (
            "a cookie, and a POST of nobody says who",
            post("X-Other", "1"),
        ),
        (
            "a cookie, and a POST of another site",
            post("Sec-Fetch-Site", "cross-site"),
        ),
        (
            "a cookie, and a POST of our own page",
            post("Sec-Fetch-Site", "same-origin"),
        ),
        (
            "a cookie, and a POST of our own origin",
            post("Origin", "http://api.example"),
        ),
        (
            "a cookie, and a POST of another origin",
            post("Origin", "https://evil.example"),
        ),
        ("none of them", Ask::get("/places/a")),
    ] {
        act.ask(title, &ask).await;
    }
    act.end().await;
}
