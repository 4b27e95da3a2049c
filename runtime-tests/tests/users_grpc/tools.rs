//! What tools and balancers ask: health, and what there is to be called.

use crate::scene::{Scene, reason, spec, told_of};
use doorward_runtime_tests::cases;
use doorward_runtime_tests::grpc::calls;
use doorward_runtime_tests::host::{Host, How};
use doorward_runtime_tests::run::Case;
use serde_json::json;

pub const CASES: &[Case] = cases![
    anybody_may_ask_for_the_health,
    with_a_token_a_client_finds_out_what_to_call;
    both_manners:
    a_database_that_cannot_be_opened_is_said_until_it_can,
];

async fn anybody_may_ask_for_the_health(host: &dyn Host) {
    let scene = Scene::of(host).await;
    let told = scene
        .calls(json!([
            { "health": "" },
            { "health": "doorward.users.v1.UsersService" },
            { "health": "another.Service" },
            { "watch": "" },
        ]))
        .await;
    for at in 0..2 {
        assert_eq!(told[at]["answers"], json!([{ "status": "SERVING" }]));
    }
    assert_eq!(told[2]["code"], "NOT_FOUND", "{}", told[2]);
    assert_eq!(told[3]["code"], "UNIMPLEMENTED", "{}", told[3]);
}

async fn with_a_token_a_client_finds_out_what_to_call(host: &dyn Host) {
    let scene = Scene::of(host).await;
    let metadata = scene.by("bob", "profile");
    let told = scene
        .calls(json!([{ "reflection": true }, { "reflection": true, "metadata": metadata }]))
        .await;
    assert_eq!(told[0]["code"], "UNAUTHENTICATED", "{}", told[0]);
    let mut services: Vec<_> = told[1]["services"].as_array().unwrap().clone();
    services.sort_by_key(|name| name.to_string());
    assert_eq!(
        services,
        [
            "doorward.users.v1.UsersService",
            "grpc.health.v1.Health",
            "grpc.reflection.v1.ServerReflection",
        ]
    );
    let got = &told[1]["got"];
    assert_eq!(got["code"], "NOT_FOUND", "{got}");
    assert_eq!(reason(got), "USER_NOT_FOUND");
}

/// Without the gate, which needs the folder for its keys; as Spin does.
async fn a_database_that_cannot_be_opened_is_said_until_it_can(host: &dyn Host) {
    let app = spec("").write();
    let running = host.serve(&app, How::forgetful()).await;
    let at = running.address;
    let admin = told_of("admin", "read:users write:users");
    let steps = json!([
        { "health": "" },
        { "list": {}, "metadata": admin },
        { "create": { "name": "Ada", "email": "ada@example.com" }, "metadata": admin },
    ]);
    assert_eq!(calls(at, json!([{ "health": "" }])).await[0]["code"], "OK");
    let (state, aside) = (app.folder().join("state"), app.folder().join("aside"));
    std::fs::rename(&state, &aside).unwrap();
    std::fs::write(&state, "no folder").unwrap();
    let told = calls(at, steps.clone()).await;
    assert_eq!(told[0]["answers"], json!([{ "status": "NOT_SERVING" }]));
    for at in 1..3 {
        assert_eq!(told[at]["code"], "UNAVAILABLE", "{}", told[at]);
        assert_eq!(reason(&told[at]), "USERS_UNAVAILABLE");
        assert_eq!(told[at]["RetryInfo"]["retryDelay"], "1s");
        assert!(!told[at].to_string().contains("SQLite"), "{}", told[at]);
    }
    running
        .wait_for_log(|line| line.contains("users-store-failed") && line.contains("SQLite"))
        .await;
    std::fs::remove_file(&state).unwrap();
    std::fs::rename(&aside, &state).unwrap();
    let told = calls(at, steps).await;
    assert_eq!(told[0]["answers"], json!([{ "status": "SERVING" }]));
    assert_eq!(
        (&told[1]["code"], &told[2]["code"]),
        (&json!("OK"), &json!("OK"))
    );
}
