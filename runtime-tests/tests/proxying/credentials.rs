//! What becomes of the gateway's own credential.

use crate::{Stage, policy};
use doorward_runtime_tests::app::AppSpec;
use doorward_runtime_tests::cases;
use doorward_runtime_tests::client::Ask;
use doorward_runtime_tests::gated::status;
use doorward_runtime_tests::host::Host;
use doorward_runtime_tests::issuer::Issuer;
use doorward_runtime_tests::origin::{Origin, Reply};
use doorward_runtime_tests::run::Case;

pub const CASES: &[Case] = cases![the_credential_is_replaced_by_the_upstreams_own,];

async fn the_credential_is_replaced_by_the_upstreams_own(host: &dyn Host) {
    for (lines, name, expected) in [
        ("", "authorization", "Bearer s3cret value"),
        ("scheme = \"Basic\"", "authorization", "Basic s3cret value"),
        ("header = \"x-origin-key\"", "x-origin-key", "s3cret value"),
    ] {
        let issuer = Issuer::start().await;
        let origin = Origin::start(Reply::ok("hello")).await;
        let lines = format!("[upstream.orders.credential]\nsecret = \"orders_token\"\n{lines}");
        // A route that forwards the client's contradicts it.
        let policy = policy(&issuer, &origin.url(), &lines).replace("credential = \"forward\"", "");
        let mut spec = AppSpec::gateway(policy);
        spec.variables = vec![("orders_token".to_owned(), "s3cret value".to_owned())];
        let stage = Stage::of(host, issuer, origin, spec).await;
        for target in ["/read/a", "/public/a"] {
            stage.origin.forget();
            let ask = Ask::get(target).header("X-Origin-Key", "mallory");
            let ask = match target {
                "/read/a" => ask.bearer(&stage.token()),
                _ => ask,
            };
            let answer = stage.send(ask).await;
            status(&answer, 200, target);
            let seen = stage.origin.request();
            assert_eq!(seen.values(name), [expected], "{lines}: {target}");
            let all = format!("{answer:?}");
            assert!(
                !all.contains("s3cret"),
                "{target}: the client gets it: {all}"
            );
        }
        let log = stage.running.whole_log().await.join("\n");
        assert!(!log.contains("s3cret"), "the secret is in the log: {log}");
    }
}
