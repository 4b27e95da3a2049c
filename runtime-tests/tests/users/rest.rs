//! What the service does with right requests, and what it says to wrong ones.

use crate::scene::{
    Scene, USERS, admin, by, change, create, etag, location, named, new_user, pointers, who_logs_in,
};
use doorward_runtime_tests::cases;
use doorward_runtime_tests::client::Ask;
use doorward_runtime_tests::host::Host;
use doorward_runtime_tests::run::Case;
use serde_json::{Value, json};

/// The cases, on whichever store.
pub const CASES: &[Case] = cases![
    a_user_is_created_read_listed_changed_and_deleted,
    every_field_that_is_wrong_is_told_at_once,
    a_change_says_which_version_it_changes,
    a_request_with_a_key_is_done_once,
    what_another_user_has_is_a_conflict_in_every_field,
    what_is_not_as_http_has_it_is_refused,
    pages_have_each_user_once,
];

async fn a_user_is_created_read_listed_changed_and_deleted(host: &dyn Host) {
    let scene = Scene::of(host).await;
    let created = scene
        .created(json!({
            "name": "Ada Lovelace",
            "email": "Ada@Bücher.example",
            "identity": { "issuer": "https://login.example", "subject": "ada" },
        }))
        .await;
    let user = created.json();
    assert_eq!(user["name"], "Ada Lovelace");
    assert_eq!(user["email"], "ada@xn--bcher-kva.example");
    assert_eq!(user["identity"]["subject"], "ada");
    assert_eq!(user["created_at"], user["updated_at"]);
    let id = user["id"].as_str().unwrap();
    assert_eq!(&id[14..15], "7", "a UUID of version 7: {id}");
    let path = location(&created);
    assert_eq!(path, format!("{USERS}/{id}"));

    let got = scene.send(admin(Ask::get(&path))).await;
    assert_eq!((got.status, got.json()), (200, user.clone()));
    assert_eq!(etag(&got), etag(&created));
    assert_eq!(got.header("content-type"), Some("application/json"));
    assert_eq!(got.header("cache-control"), Some("private, no-cache"));
    let head = scene.send(admin(Ask::new("HEAD", &path))).await;
    assert_eq!((head.status, head.text()), (200, String::new()));
    assert_eq!(etag(&head), etag(&created));

    let list = scene.send(admin(Ask::get(USERS))).await;
    let expected = json!({ "users": [user], "page": 1, "limit": 20, "total": 1 });
    assert_eq!((list.status, list.json()), (200, expected));

    let patch = json!({ "name": "Augusta Ada King", "identity": null });
    let changed = scene.send(admin(change(&path, &etag(&got), &patch))).await;
    assert_eq!(changed.status, 200, "{}", changed.text());
    assert_ne!(etag(&changed), etag(&got));
    let got = scene.send(admin(Ask::get(&path))).await;
    assert_eq!(got.json(), changed.json());
    assert_eq!(got.json()["name"], "Augusta Ada King");
    assert_eq!(got.json()["identity"], Value::Null);
    assert_eq!(got.json()["created_at"], user["created_at"]);
    // What changes nothing is no change.
    let same = scene.send(admin(change(&path, "*", &json!({})))).await;
    assert_eq!((same.status, etag(&same)), (200, etag(&changed)));

    let delete = Ask::new("DELETE", &path).header("If-Match", &etag(&got));
    let deleted = scene.send(admin(delete)).await;
    assert_eq!((deleted.status, deleted.text()), (204, String::new()));
    let gone = scene.send(admin(Ask::get(&path))).await;
    assert_eq!(gone.status, 404);
    assert_eq!(
        gone.header("content-type"),
        Some("application/problem+json")
    );
    assert_eq!(scene.total().await, 0);
}

async fn every_field_that_is_wrong_is_told_at_once(host: &dyn Host) {
    let scene = Scene::of(host).await;
    let user = json!({
        "name": "",
        "email": "nobody",
        "identity": { "issuer": 1 },
        "id": "x",
        "is_admin": true,
    });
    let ask = create(&user).header("x-request-id", "a-name-of-the-gate");
    let refused = scene.send(ask).await;
    let expected = [
        "#/email",
        "#/id",
        "#/identity/issuer",
        "#/identity/subject",
        "#/is_admin",
        "#/name",
    ];
    assert_eq!(
        (refused.status, &pointers(&refused)[..]),
        (422, &expected.map(String::from)[..])
    );
    assert_eq!(
        refused.header("content-type"),
        Some("application/problem+json")
    );
    assert_eq!(refused.json()["request_id"], "a-name-of-the-gate");
    let path = location(&scene.created(named("ada")).await);
    let patch = json!({ "name": null, "identity": { "subject": "s" }, "x": null });
    let refused = scene.send(admin(change(&path, "*", &patch))).await;
    let expected = ["#/identity/issuer", "#/name", "#/x"].map(String::from);
    assert_eq!(
        (refused.status, &pointers(&refused)[..]),
        (422, &expected[..])
    );
    let refused = scene
        .send(admin(Ask::get(&format!("{USERS}?page=0&limit=x&sort=a"))))
        .await;
    assert_eq!(refused.status, 400);
    assert_eq!(refused.json()["errors"].as_array().unwrap().len(), 3);
    assert_eq!(scene.total().await, 1);
}

async fn a_change_says_which_version_it_changes(host: &dyn Host) {
    let scene = Scene::of(host).await;
    let created = scene.created(named("ada")).await;
    let (path, first) = (location(&created), etag(&created));
    let patch = json!({ "name": "Augusta" });
    let without = Ask::new("PATCH", &path)
        .header("Content-Type", "application/merge-patch+json")
        .body(patch.to_string().as_bytes());
    assert_eq!(scene.send(admin(without)).await.status, 428);
    let delete = Ask::new("DELETE", &path);
    assert_eq!(scene.send(admin(delete)).await.status, 428);
    let changed = scene.send(admin(change(&path, &first, &patch))).await;
    assert_eq!(changed.status, 200);
    // Somebody who has seen the first version only.
    let other = change(&path, &first, &json!({ "name": "Byron" }));
    assert_eq!(scene.send(admin(other)).await.status, 412);
    let delete = Ask::new("DELETE", &path).header("If-Match", &first);
    assert_eq!(scene.send(admin(delete)).await.status, 412);
    let known = Ask::get(&path).header("If-None-Match", &etag(&changed));
    let known = scene.send(admin(known)).await;
    assert_eq!((known.status, known.text()), (304, String::new()));
    assert_eq!(etag(&known), etag(&changed));
    let unknown = Ask::get(&path).header("If-None-Match", &first);
    let unknown = scene.send(admin(unknown)).await;
    assert_eq!((unknown.status, unknown.json()), (200, changed.json()));
    assert_eq!(unknown.json()["name"], "Augusta");
}

async fn a_request_with_a_key_is_done_once(host: &dyn Host) {
    let scene = Scene::of(host).await;
    let with_key = |user: &Value, key: &str| create(user).header("Idempotency-Key", key);
    let first = scene.send(with_key(&named("ada"), "\"k\"")).await;
    assert_eq!(first.status, 201, "{}", first.text());
    let again = scene.send(with_key(&named("ada"), "\"k\"")).await;
    assert_eq!((again.status, again.json()), (201, first.json()));
    assert_eq!(location(&again), location(&first));
    assert_eq!(etag(&again), etag(&first));
    let other_body = scene.send(with_key(&named("bob"), "\"k\"")).await;
    assert_eq!(other_body.status, 422, "{}", other_body.text());
    assert_eq!(scene.total().await, 1);
    // A key is that of who sent it.
    let other = by("eve", "write:users", new_user(&named("bob")));
    let other = scene.send(other.header("Idempotency-Key", "\"k\"")).await;
    assert_eq!(other.status, 201, "{}", other.text());
    // What was refused is not remembered.
    let taken = scene.send(with_key(&named("ada"), "l")).await;
    assert_eq!(taken.status, 409);
    let fine = scene.send(with_key(&named("eva"), "l")).await;
    assert_eq!(fine.status, 201, "{}", fine.text());
    let no_key = scene.send(with_key(&named("x"), "")).await;
    assert_eq!(no_key.status, 400);
    // Of who is deleted nothing is kept, but that the key was used.
    let delete = Ask::new("DELETE", &location(&first)).header("If-Match", "*");
    assert_eq!(scene.send(admin(delete)).await.status, 204);
    let again = scene.send(with_key(&named("ada"), "\"k\"")).await;
    assert_eq!(again.status, 410, "{}", again.text());
    assert_eq!(scene.total().await, 2);
}

async fn what_another_user_has_is_a_conflict_in_every_field(host: &dyn Host) {
    let scene = Scene::of(host).await;
    scene.created(who_logs_in("ada")).await;
    let path = location(&scene.created(who_logs_in("bob")).await);
    let mut user = named("eve");
    for (member, value, expected) in [
        ("email", json!("ADA@EXAMPLE.com"), vec!["#/email"]),
        (
            "identity",
            who_logs_in("ada")["identity"].clone(),
            vec!["#/email", "#/identity"],
        ),
        ("email", json!("eve@example.com"), vec!["#/identity"]),
    ] {
        user[member] = value;
        let refused = scene.send(create(&user)).await;
        assert_eq!(
            (refused.status, pointers(&refused)),
            (409, expected.iter().map(|p| (*p).to_owned()).collect())
        );
    }
    let patch = json!({ "email": "ada@example.com", "identity": { "subject": "ada" } });
    let refused = scene.send(admin(change(&path, "*", &patch))).await;
    assert_eq!((refused.status, pointers(&refused).len()), (409, 2));
    let got = scene.send(admin(Ask::get(&path))).await;
    assert_eq!(got.json()["email"], "bob@example.com");
    assert_eq!(scene.total().await, 2);
}

async fn what_is_not_as_http_has_it_is_refused(host: &dyn Host) {
    let scene = Scene::of(host).await;
    let path = location(&scene.created(named("ada")).await);
    let user = named("bob").to_string();
    let post = |media_type: &str, body: &[u8]| {
        let ask = Ask::new("POST", USERS).header("Content-Type", media_type);
        admin(ask.body(body))
    };
    let long = format!("{{\"name\": \"{}\"}}", "a".repeat(64 * 1024));
    let plain = Ask::new("PATCH", &path).header("Content-Type", "application/json");
    for (what, ask, status) in [
        ("no JSON", post("application/json", b"{"), 400),
        ("no UTF-8", post("application/json", b"\"\xff\""), 400),
        ("an empty body", post("application/json", b""), 400),
        (
            "a form",
            post("application/x-www-form-urlencoded", b"name=a"),
            415,
        ),
        (
            "no type",
            admin(Ask::new("POST", USERS).body(user.as_bytes())),
            415,
        ),
        ("a change as JSON", admin(plain.body(b"{}")), 415),
        (
            "a long body",
            post("application/json", long.as_bytes()),
            413,
        ),
        (
            "no JSON accepted",
            admin(Ask::get(USERS)).header("Accept", "text/html"),
            406,
        ),
        (
            "PUT",
            admin(Ask::new("PUT", &path).body(user.as_bytes())),
            405,
        ),
        ("DELETE of all", admin(Ask::new("DELETE", USERS)), 405),
        ("no such path", admin(Ask::get("/api/v1/groups")), 404),
        ("no UUID", admin(Ask::get("/api/v1/users/1")), 404),
        ("nobody", Ask::get(USERS), 401),
    ] {
        let answer = scene.send(ask).await;
        assert_eq!(answer.status, status, "{what}: {}", answer.text());
        assert_eq!(
            answer.header("content-type"),
            Some("application/problem+json"),
            "{what}"
        );
        assert_eq!(answer.json()["status"], status, "{what}");
    }
    let put = scene.send(admin(Ask::new("PUT", &path).body(b"{}"))).await;
    assert_eq!(put.header("allow"), Some("GET, HEAD, PATCH, DELETE"));
    let patch = Ask::new("PATCH", &path).header("Content-Type", "text/plain");
    let patch = scene.send(admin(patch.body(b"{}"))).await;
    assert_eq!(
        patch.header("accept-patch"),
        Some("application/merge-patch+json")
    );
    assert_eq!(scene.total().await, 1);
}

async fn pages_have_each_user_once(host: &dyn Host) {
    let scene = Scene::of(host).await;
    let mut created = Vec::new();
    for index in 0..25 {
        let answer = scene.created(named(&format!("user{index}"))).await;
        created.push(answer.json()["id"].clone());
    }
    let mut seen = Vec::new();
    for page in 1..=4 {
        let target = format!("{USERS}?page={page}&limit=10");
        let answer = scene.send(admin(Ask::get(&target))).await.json();
        assert_eq!(
            (&answer["total"], &answer["page"]),
            (&json!(25), &json!(page))
        );
        let users = answer["users"].as_array().unwrap().clone();
        seen.extend(users.iter().map(|user| user["id"].clone()));
    }
    seen.sort_by_key(Value::to_string);
    created.sort_by_key(Value::to_string);
    assert_eq!(seen, created);
    let by_default = scene.send(admin(Ask::get(USERS))).await.json();
    assert_eq!(by_default["users"].as_array().unwrap().len(), 20);
}
