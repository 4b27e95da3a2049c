//! What the policy changes on the way.

use crate::Stage;
use doorward_runtime_tests::cases;
use doorward_runtime_tests::client::Ask;
use doorward_runtime_tests::gated::status;
use doorward_runtime_tests::host::Host;
use doorward_runtime_tests::origin::Reply;
use doorward_runtime_tests::run::Case;

pub const CASES: &[Case] = cases![static_fields_are_set_and_removed_in_both_directions,];

async fn static_fields_are_set_and_removed_in_both_directions(host: &dyn Host) {
    let lines = r#"
        [upstream.orders.request]
        set = { x-env = "prod", x-team = "a, b" }
        remove = ["x-debug", "user-agent"]

        [upstream.orders.response]
        set = { x-served-by = "edge", cache-control = "no-store" }
        remove = ["server", "x-internal"]
    "#;
    let reply = Reply::ok("hello")
        .field("Server", "origin/1.0")
        .field("X-Internal", "1")
        .field("X-INTERNAL", "2")
        .field("Cache-Control", "public")
        .field("X-Stays", "yes");
    let stage = Stage::with(host, reply, lines).await;
    let ask = Ask::get("/public/a")
        .header("X-Env", "forged")
        .header("X-ENV", "again")
        .header("X-Debug", "1")
        .header("User-Agent", "u")
        .header("X-Stays", "yes");
    let answer = stage.send(ask).await;
    status(&answer, 200, "the origin's answer");
    let seen = stage.origin.request();
    for (name, expected) in [
        ("x-env", &["prod"][..]),
        ("x-team", &["a, b"]),
        ("x-debug", &[]),
        ("user-agent", &[]),
        ("x-stays", &["yes"]),
    ] {
        assert_eq!(seen.values(name), expected, "{name}, for the upstream");
    }
    for (name, expected) in [
        ("x-served-by", Some("edge")),
        ("cache-control", Some("no-store")),
        ("server", None),
        ("x-internal", None),
        ("x-stays", Some("yes")),
    ] {
        assert_eq!(answer.header(name), expected, "{name}, for the client");
    }
    let values = answer
        .headers
        .iter()
        .filter(|(name, _)| name == "cache-control");
    assert_eq!(values.count(), 1, "what is set takes the place of what was");
}
