//! What is told of users is what the schemas of its types say.

use doorward_runtime_tests::app::{AppSpec, outbox, workspace};
use doorward_runtime_tests::cases;
use doorward_runtime_tests::client::Ask;
use doorward_runtime_tests::gated::status;
use doorward_runtime_tests::host::start_in_process;
use doorward_runtime_tests::origin::{Origin, Reply};
use doorward_runtime_tests::run::Group;
use doorward_runtime_tests::schemathesis::{prepare, wrong_by_schema};
use serde_json::{Value, json};

pub const GROUP: Group<'_> = Group {
    prepare,
    cases: cases![;
        in_process: each_event_is_what_the_schema_of_its_type_says,
    ],
};

async fn each_event_is_what_the_schema_of_its_type_says() {
    let receiver = Origin::start(Reply::status(204)).await;
    let mut spec = AppSpec::gated("users", "");
    spec.policy = None;
    spec.middleware = vec![];
    spec.databases = vec!["default".to_owned()];
    spec.outbound = vec!["http://users-outbox.spin.internal".to_owned()];
    spec.variables = vec![
        ("users_database".to_owned(), String::new()),
        ("users_events_url".to_owned(), receiver.url()),
        ("users_events_authorization".to_owned(), String::new()),
    ];
    let app = spec.write();
    app.add_to_manifest(&outbox());
    let running = start_in_process(&app, |_| {}).await;
    let by_admin = |ask: Ask| {
        ask.header("x-auth-issuer", "https://login.example")
            .header("x-auth-subject", "admin")
            .header("x-auth-scope", "read:users write:users")
    };
    let users = "/api/v1/users";
    let long = "\u{1F600}".repeat(200);
    for (name, email, identity) in [
        (
            &*long,
            "ada@xn--bcher-kva.example",
            Some(("https://a.example", "ada")),
        ),
        ("b", "b@b.example", None),
    ] {
        let mut user = json!({ "name": name, "email": email });
        if let Some((issuer, subject)) = identity {
            user["identity"] = json!({ "issuer": issuer, "subject": subject });
        }
        let create = by_admin(Ask::new("POST", users))
            .header("Content-Type", "application/json")
            .body(user.to_string().as_bytes());
        let created = create.send(running.address).await;
        status(&created, 201, name);
        let path = created.header("location").unwrap().to_owned();
        let change = by_admin(Ask::new("PATCH", &path))
            .header("If-Match", "*")
            .header("Content-Type", "application/merge-patch+json")
            .body(br#"{"name":"other"}"#);
        status(&change.send(running.address).await, 200, name);
        let delete = by_admin(Ask::new("DELETE", &path)).header("If-Match", "*");
        status(&delete.send(running.address).await, 204, name);
    }
    let told = |receiver: &Origin| {
        let whole = receiver
            .requests()
            .into_iter()
            .filter(|seen| seen.is_whole());
        let events = whole.map(|seen| serde_json::from_slice(&seen.body).unwrap());
        events.collect::<Vec<Value>>()
    };
    receiver
        .until("all events", |receiver| told(receiver).len() == 6)
        .await;
    let mut events = told(&receiver);
    let folder = workspace().join("crates/users/schemas");
    assert_eq!(wrong_by_schema(&folder, &events), [""; 0], "{events:#?}");
    // What is no such event is found.
    events[0]["data"]["secret"] = json!("x");
    let wrong = wrong_by_schema(&folder, &events);
    assert_eq!(wrong.len(), 1, "{wrong:?}");
}
