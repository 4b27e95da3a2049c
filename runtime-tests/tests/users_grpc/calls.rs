//! One user at a time.

use crate::scene::{Scene, fields, reason, spec, told_of};
use doorward_runtime_tests::app::outbox;
use doorward_runtime_tests::cases;
use doorward_runtime_tests::grpc::calls;
use doorward_runtime_tests::host::Host;
use doorward_runtime_tests::origin::{Origin, Reply, Seen};
use doorward_runtime_tests::run::Case;
use serde_json::{Value, json};

pub const CASES: &[Case] = cases![
    a_user_is_created_and_got,
    everything_that_is_wrong_in_a_message_is_told,
    what_another_user_has_is_not_given_twice,
    a_key_is_good_for_one_message,
    who_is_created_is_told_to_others,
];

async fn a_user_is_created_and_got(host: &dyn Host) {
    let scene = Scene::of(host).await;
    let admin = scene.admin();
    let identity = json!({ "issuer": scene.issuer.url(), "subject": "ada" });
    let ada = json!({ "name": "Ada Lovelace", "email": "Ada@EXAMPLE.com", "identity": identity });
    let told = scene
        .calls(json!([{ "create": ada, "metadata": admin }]))
        .await;
    assert_eq!(told[0]["code"], "OK", "{told}");
    let user = told[0]["answers"][0].clone();
    assert_eq!(user["name"], "Ada Lovelace");
    assert_eq!(user["email"], "ada@example.com");
    assert_eq!(user["identity"], identity);
    assert_eq!(user["created_at"], user["updated_at"]);
    let id = user["id"].as_str().unwrap();
    assert_eq!(user["etag"], format!("\"{id}.1\""));
    let told = scene
        .calls(json!([
            { "get": id, "metadata": admin },
            { "get": "me", "metadata": scene.by("ada", "profile") },
            { "get": id, "metadata": scene.by("ada", "profile") },
            { "get": id, "metadata": scene.by("bob", "profile") },
            { "get": "me", "metadata": scene.by("bob", "profile") },
            { "get": "0197f6a0-0000-7000-8000-000000000001", "metadata": admin },
            { "get": "0197f6a0-0000-7000-8000-000000000001", "metadata": scene.by("bob", "") },
            { "get": "' OR 1=1 --", "metadata": admin },
        ]))
        .await;
    for at in 0..3 {
        assert_eq!(told[at]["answers"], json!([user]), "{}", told[at]);
    }
    for (at, code, why) in [
        (3, "PERMISSION_DENIED", "FORBIDDEN"),
        (4, "NOT_FOUND", "USER_NOT_FOUND"),
        (5, "NOT_FOUND", "USER_NOT_FOUND"),
        (6, "PERMISSION_DENIED", "FORBIDDEN"),
        (7, "INVALID_ARGUMENT", "INVALID_FIELDS"),
    ] {
        assert_eq!(told[at]["code"], code, "{}", told[at]);
        assert_eq!(reason(&told[at]), why);
        let request_id = &told[at]["fields"]["x-request-id"];
        assert_eq!(&told[at]["ErrorInfo"]["metadata"]["request_id"], request_id);
    }
    assert_eq!(fields(&told[7]), ["id"]);
}

async fn everything_that_is_wrong_in_a_message_is_told(host: &dyn Host) {
    let scene = Scene::of(host).await;
    let admin = scene.admin();
    let wrong = json!({ "name": "a\u{0}b", "email": "nobody", "identity": { "subject": "s" } });
    let told = scene
        .calls(json!([
            { "create": wrong, "metadata": admin },
            { "create": {}, "metadata": admin },
            { "list": { "email": "nobody", "name": "\u{0}", "order": 9 }, "metadata": admin },
            { "list": {}, "metadata": admin },
        ]))
        .await;
    for (at, due) in [
        (0, &["name", "email", "identity.issuer"][..]),
        (1, &["name", "email"]),
        (2, &["order", "email", "name"]),
    ] {
        assert_eq!(told[at]["code"], "INVALID_ARGUMENT", "{}", told[at]);
        assert_eq!(reason(&told[at]), "INVALID_FIELDS");
        let mut named = fields(&told[at]);
        let mut due = due.to_vec();
        named.sort_unstable();
        due.sort_unstable();
        assert_eq!(named, due);
    }
    assert_eq!(told[3]["answers"], json!([]), "nothing was created");
}

async fn what_another_user_has_is_not_given_twice(host: &dyn Host) {
    let scene = Scene::of(host).await;
    let admin = scene.admin();
    let user = |email: &str| {
        json!({
            "name": "Ada", "email": email, "identity": { "issuer": "https://a.example", "subject": "1" },
        })
    };
    let told = scene
        .calls(json!([
            { "create": user("ada@example.com"), "metadata": admin },
            { "create": user("ADA@example.com"), "metadata": admin },
            { "create": user("bob@example.com"), "metadata": admin },
        ]))
        .await;
    assert_eq!(told[0]["code"], "OK", "{told}");
    for (at, due) in [(1, &["email", "identity"][..]), (2, &["identity"])] {
        assert_eq!(told[at]["code"], "ALREADY_EXISTS", "{}", told[at]);
        assert_eq!(reason(&told[at]), "ALREADY_TAKEN");
        assert_eq!(fields(&told[at]), due);
    }
}

async fn a_key_is_good_for_one_message(host: &dyn Host) {
    let scene = Scene::of(host).await;
    let with_key = |subject: &str, key: &str| {
        let mut metadata = scene.by(subject, "read:users write:users");
        metadata.push(json!(["idempotency-key", key]));
        metadata
    };
    let ada = json!({ "name": "Ada", "email": "ada@example.com" });
    let bob = json!({ "name": "Bob", "email": "bob@example.com" });
    let eve = json!({ "name": "Eve", "email": "eve@example.com" });
    let told = scene
        .calls(json!([
            { "create": ada, "metadata": with_key("admin", "k") },
            { "create": ada, "metadata": with_key("admin", "k") },
            { "create": bob, "metadata": with_key("admin", "k") },
            { "create": bob, "metadata": with_key("another", "k") },
            { "create": eve, "metadata": with_key("admin", &"k".repeat(256)) },
            { "list": {}, "metadata": scene.admin() },
        ]))
        .await;
    assert_eq!(told[0]["code"], "OK", "{told}");
    assert_eq!(told[1]["answers"], told[0]["answers"], "the same again");
    for (at, why) in [
        (2, "IDEMPOTENCY_KEY_REUSED"),
        (4, "INVALID_IDEMPOTENCY_KEY"),
    ] {
        assert_eq!(told[at]["code"], "INVALID_ARGUMENT", "{}", told[at]);
        assert_eq!(reason(&told[at]), why);
    }
    assert_eq!(told[3]["code"], "OK", "the key of somebody else");
    assert_eq!(told[5]["answers"].as_array().unwrap().len(), 2);
}

async fn who_is_created_is_told_to_others(host: &dyn Host) {
    let receiver = Origin::start(Reply::status(204)).await;
    let mut spec = spec("");
    spec.outbound = vec!["http://users-outbox.spin.internal".to_owned()];
    let variables = [
        ("users_events_url", receiver.url()),
        ("users_events_authorization", String::new()),
    ];
    let variables = variables.map(|(name, value)| (name.to_owned(), value));
    spec.variables.extend(variables);
    let app = spec.write();
    app.add_to_manifest(&outbox());
    let running = host.start(&app).await;
    let ada = json!({ "name": "Ada", "email": "ada@example.com" });
    let steps = json!([{ "create": ada, "metadata": told_of("admin", "write:users") }]);
    let told = calls(running.address, steps).await;
    assert_eq!(told[0]["code"], "OK", "{told}");
    receiver
        .until("the event", |receiver| {
            receiver.requests().iter().any(Seen::is_whole)
        })
        .await;
    let event: Value = serde_json::from_slice(&receiver.request().body).unwrap();
    assert_eq!(event["type"], "dev.doorward.user.created.v1");
    assert_eq!(event["subject"], told[0]["answers"][0]["id"]);
}
