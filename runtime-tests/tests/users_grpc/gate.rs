//! What the gate in front says to clients of gRPC.

use crate::scene::{Scene, reason};
use doorward_runtime_tests::cases;
use doorward_runtime_tests::host::Host;
use doorward_runtime_tests::run::Case;
use serde_json::json;

pub const CASES: &[Case] = cases![the_gate_refuses_in_words_that_clients_of_grpc_read];

async fn the_gate_refuses_in_words_that_clients_of_grpc_read(host: &dyn Host) {
    let scene = Scene::of(host).await;
    let forged = json!([
        ["x-auth-issuer", scene.issuer.url()],
        ["x-auth-subject", "admin"],
        ["x-auth-scope", "read:users write:users"],
    ]);
    let mut forged_besides = forged.as_array().unwrap().clone();
    forged_besides.extend(scene.by("bob", "profile"));
    let wrong = json!([["authorization", "Bearer a.b.c"]]);
    let ada = json!({ "name": "Ada", "email": "ada@example.com" });
    let unknown = "/doorward.users.v1.UsersService/DropUsers";
    let told = scene
        .calls(json!([
            { "list": {} },
            { "create": ada },
            { "list": {}, "metadata": wrong },
            { "list": {}, "metadata": scene.by("bob", "profile") },
            { "create": ada, "metadata": scene.by("bob", "read:users") },
            { "list": {}, "metadata": forged },
            { "list": {}, "metadata": forged_besides },
            { "get": "0197f6a0-0000-7000-8000-000000000001", "metadata": forged_besides },
            { "path": unknown, "bytes": "", "metadata": scene.admin() },
            { "list": {}, "metadata": scene.admin() },
        ]))
        .await;
    for (at, code, why) in [
        (0, "UNAUTHENTICATED", "NO_CREDENTIAL"),
        (1, "UNAUTHENTICATED", "NO_CREDENTIAL"),
        (2, "UNAUTHENTICATED", "INVALID_TOKEN"),
        (3, "PERMISSION_DENIED", "INSUFFICIENT_SCOPE"),
        (4, "PERMISSION_DENIED", "INSUFFICIENT_SCOPE"),
        (5, "UNAUTHENTICATED", "NO_CREDENTIAL"),
        (6, "PERMISSION_DENIED", "INSUFFICIENT_SCOPE"),
        (7, "PERMISSION_DENIED", "FORBIDDEN"),
        (8, "PERMISSION_DENIED", "FORBIDDEN"),
    ] {
        assert_eq!(told[at]["code"], code, "{}", told[at]);
        assert_eq!(reason(&told[at]), why, "{}", told[at]);
        let request_id = &told[at]["fields"]["x-request-id"];
        assert!(request_id.is_string(), "{}", told[at]);
        assert_eq!(&told[at]["ErrorInfo"]["metadata"]["request_id"], request_id);
    }
    assert_eq!(
        told[0]["fields"]["www-authenticate"],
        "Bearer realm=\"doorward\""
    );
    assert_eq!(told[9]["code"], "OK");
    assert_eq!(told[9]["answers"], json!([]), "nothing was created");
}
