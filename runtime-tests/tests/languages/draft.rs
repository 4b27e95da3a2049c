//! What the SDKs of the last draft of WASI 0.3 make, as that for Go does: the handler of the draft, which
//! Spin serves, and before which no middleware can stand.

use doorward_host::names::rename;
use doorward_runtime_tests::app::{AppSpec, Other, built};
use doorward_runtime_tests::cases;
use doorward_runtime_tests::client::Ask;
use doorward_runtime_tests::gated::{seen, status};
use doorward_runtime_tests::host::Host;
use doorward_runtime_tests::issuer::{AUDIENCE, Issuer};
use doorward_runtime_tests::run::Group;
use std::path::Path;

pub const GROUP: Group<'_> = Group {
    prepare: || Ok(()),
    cases: cases![
        a_component_of_the_draft_is_served,
        behind_the_gateway_a_component_of_the_draft_is_asked_with_a_token_only,
    ],
};

/// The service `echo` as it would be if it were made for the draft, whose types are the same.
fn write_draft(file: &Path) {
    let draft = |name: &str| {
        let is_released = name.starts_with("wasi:") && name.ends_with("@0.3.0");
        is_released.then(|| format!("{name}-rc-2026-03-15"))
    };
    let echo = std::fs::read(built("echo")).unwrap();
    std::fs::write(file, rename(&echo, draft, draft).unwrap()).unwrap();
}

async fn a_component_of_the_draft_is_served(host: &dyn Host) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("draft.wasm");
    write_draft(&file);
    let mut spec = AppSpec::gated("draft", "");
    spec.policy = None;
    spec.middleware = vec![];
    spec.sources = vec![("draft", file)];
    let app = spec.write();
    let running = host.start(&app).await;
    let answer = Ask::get("/a?b=c").send(running.address).await;
    status(&answer, 200, "without a middleware");
    assert_eq!(answer.json()["target"], "/a?b=c");
    let much = vec![b'x'; 1 << 20];
    let ask = Ask::new("POST", "/a/body").body(&much);
    let answer = ask.send(running.address).await;
    assert!(answer.body == much, "{} bytes", answer.body.len());
}

async fn behind_the_gateway_a_component_of_the_draft_is_asked_with_a_token_only(host: &dyn Host) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("draft.wasm");
    write_draft(&file);
    let issuer = Issuer::start().await;
    let mut spec = AppSpec::gateway(format!(
        r#"
        [issuer.test]
        url = "{}"
        audience = "{AUDIENCE}"

        [identity]
        "x-auth-subject" = "sub"

        [upstream.draft]
        url = "http://draft.spin.internal"

        [defaults]
        upstream = "draft"

        [[route]]
        path = "/**"
        issuer = ["test"]
        "#,
        issuer.url()
    ));
    spec.outbound.push("http://draft.spin.internal".to_owned());
    spec.others = vec![Other {
        source: file,
        ..Other::private("draft", "")
    }];
    let app = spec.write();
    let running = host.start(&app).await;
    let answer = Ask::get("/a").send(running.address).await;
    status(&answer, 401, "no token");
    let token = issuer.token("alice", "read");
    let ask = Ask::get("/a").header("X-Auth-Subject", "mallory");
    let answer = ask.bearer(&token).send(running.address).await;
    status(&answer, 200, "a token");
    assert_eq!(seen(&answer, "x-auth-subject"), ["alice"]);
}
