//! The question of a browser whether a page of another origin may send a request (the Fetch standard,
//! "CORS-preflight request").

use crate::cors::{ORIGIN, policy};
use crate::front::{BOTH, prepared};
use doorward_runtime_tests::cases;
use doorward_runtime_tests::client::Ask;
use doorward_runtime_tests::gated::status;
use doorward_runtime_tests::host::Host;
use doorward_runtime_tests::issuer::{Behaviour, Issuer, KEYS, METADATA};
use doorward_runtime_tests::run::Case;

pub const CASES: &[Case] =
    cases![a_preflight_is_answered_without_a_credential_an_issuer_or_the_service,];

fn preflight(target: &str, origin: &str, method: &str) -> Ask {
    Ask::new("OPTIONS", target)
        .header("Origin", origin)
        .header("Access-Control-Request-Method", method)
}

async fn a_preflight_is_answered_without_a_credential_an_issuer_or_the_service(host: &dyn Host) {
    let issuer = Issuer::start().await;
    issuer.all_behave(&Behaviour::Close);
    for kind in BOTH {
        let front = prepared(kind, &policy(&issuer)).await.on(host).await;
        let what = format!("{kind:?}");
        let answer = front.send(preflight("/web/a", ORIGIN, "PUT")).await;
        status(&answer, 204, &what);
        assert_eq!(answer.text(), "", "{what}: a preflight has no body");
        let with_token = preflight("/web/a", ORIGIN, "PUT").bearer("a.b.c");
        status(&front.send(with_token).await, 204, &what);
        assert_eq!(front.reached().await, 0, "{what}: what reached the service");
        let refused = front.send(Ask::new("PUT", "/web/a").bearer("a.b.c")).await;
        assert!(
            refused.status >= 400,
            "{what}: the request itself has to prove itself"
        );
    }
    assert_eq!(
        issuer.requests(METADATA) + issuer.requests(KEYS),
        0,
        "requests to the issuer"
    );
}
